import { z } from "zod";
import type { ChangeKind } from "./states";

/* Keeping in step with Klarna: changes on their way, drift, changes of state, decisions. */

export const ChangeStateSchema = z.enum(["PENDING", "SENT", "UNKNOWN", "DONE", "FAILED", "CANCELED"]);
export type KlarnaChangeItem = {
  id: string;
  kind: ChangeKind;
  subjectKind: string;
  subjectId: string;
  fields: string[];
  state: z.infer<typeof ChangeStateSchema>;
  attempts: number;
  problems: { parameter: string; reason: string }[];
  klarnaErrorCode: string | null;
  klarnaErrorId: string | null;
  createdBy: string;
  createdAt: Date;
  settledAt: Date | null;
};

export const DRIFT_SUBJECTS = [
  "account",
  "business_entity",
  "brand",
  "store_group",
  "store",
  "payment_account",
] as const;
export type DriftSubject = (typeof DRIFT_SUBJECTS)[number];
export type DriftItem = {
  id: string;
  partnerId: string;
  partnerName: string;
  subjectKind: DriftSubject;
  subjectId: string;
  subjectName: string | null;
  field: string;
  /** Null where this side has nothing. Personal and bank data reads "differs". */
  ours: string | null;
  theirs: string | null;
  state: "OPEN" | "PUSHED" | "TAKEN" | "GONE";
  foundAt: Date;
  resolvedAt: Date | null;
  canPush: boolean;
  canTake: boolean;
};

export type StateChangeItem = {
  id: string;
  what: string;
  from: string | null;
  to: string;
  madeBy: "US" | "KLARNA";
  actorId: string;
  actorName: string | null;
  reason: string | null;
  occurredAt: Date;
};
export type DecisionItem = {
  id: string;
  partnerId: string;
  partnerName: string;
  klarnaDecisionId: string;
  reason: string;
  outcome: string;
  decidedAt: Date;
  state: "OPEN" | "HANDLED";
  action: string | null;
  handledAt: Date | null;
};
