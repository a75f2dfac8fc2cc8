import { z } from "zod";
import { AMOUNT_MAX } from "@/server/core/money";
import { currencySchema, freeTextSchema, lineSchema } from "@/server/core/schema";
import type { Json } from "./canonical";
import { APPROVAL_KINDS, APPROVAL_STATES, type ApprovalKind, type ApprovalState } from "./states";

export const ApprovalFilterSchema = z.strictObject({
  state: z.array(z.enum(APPROVAL_STATES)).max(10).optional(),
  kind: z.array(z.enum(APPROVAL_KINDS)).max(10).optional(),
  partner: lineSchema(1, 60).optional(),
  /** An approval's id or that of the thing it is about. */
  search: lineSchema(1, 255).optional(),
});
export type ApprovalFilter = z.infer<typeof ApprovalFilterSchema>;

export const DecisionSchema = z.strictObject({
  decision: z.enum(["approve", "reject"]),
  reason: freeTextSchema(0, 500).default(""),
});
export type Decision = z.infer<typeof DecisionSchema>;

export type ApprovalItem = {
  id: string;
  kind: ApprovalKind;
  state: ApprovalState;
  partnerId: string;
  partnerName: string;
  subjectKind: string;
  subjectId: string;
  summary: string;
  amount: number | null;
  currency: string | null;
  reason: string | null;
  requestedBy: { id: string; name: string };
  decidedBy: { id: string; name: string } | null;
  decidedAt: Date | null;
  decisionReason: string | null;
  executedAt: Date | null;
  resultId: string | null;
  expiresAt: Date;
  createdAt: Date;
};

/** `payload` is exactly what is done; `isIntact` whether it still is what was asked for. */
export type ApprovalRecord = ApprovalItem & { payload: Json; isIntact: boolean };

export type NewApproval = {
  kind: ApprovalKind;
  partnerId: string;
  subjectKind: string;
  subjectId: string;
  payload: Json;
  /** What it is, in a sentence: "Refund of SEK 25,000.00". */
  summary: string;
  money?: { amount: number; currency: string } | null;
  reason?: string | null;
};

/** Largest refund in minor units that one person may make alone, by currency. A currency that is not named has no limit. */
export const RefundLimitsSchema = z
  .record(currencySchema, z.int().min(0).max(AMOUNT_MAX))
  .refine((limits) => Object.keys(limits).length <= 40, "names too many currencies");
export type RefundLimits = z.infer<typeof RefundLimitsSchema>;

/** What a Partner's rules leave open (null, or a currency not named) the installation's rules decide. */
export const FourEyesRulesSchema = z.strictObject({
  /** null: the rules of the installation. */
  partnerId: lineSchema(1, 60).nullable(),
  refundLimits: RefundLimitsSchema,
  apiKeys: z.boolean().nullable(),
  payoutData: z.boolean().nullable(),
});
export type FourEyesRulesInput = z.infer<typeof FourEyesRulesSchema>;

/** The rules that count for one Partner. */
export type FourEyes = { refundLimits: RefundLimits; apiKeys: boolean; payoutData: boolean };

export type FourEyesRulesView = FourEyesRulesInput & {
  partnerName: string | null;
  updatedBy: string | null;
  updatedAt: Date | null;
};
