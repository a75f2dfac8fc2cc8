import { z } from "zod";
import { idSchema } from "@/server/core/ids";
import { freeTextSchema, lineSchema } from "@/server/core/schema";
import {
  BULK_KINDS,
  BULK_ROW_STATES,
  BULK_RUN_STATES,
  BULK_SELECTION_MAX,
  type BulkKind,
  type BulkRowState,
  type BulkRunState,
  type BulkSource,
} from "./states";

export const SelectionSchema = z.strictObject({
  payments: z.array(idSchema("payment")).min(1).max(BULK_SELECTION_MAX),
  reason: freeTextSchema(1, 255).optional(),
});
export type Selection = z.infer<typeof SelectionSchema>;

export type BulkFile = { partnerId: string; fileName: string; bytes: Uint8Array };

export const BulkRunFilterSchema = z.strictObject({
  search: lineSchema(1, 255).optional(),
  kind: z.array(z.enum(BULK_KINDS)).optional(),
  state: z.array(z.enum(BULK_RUN_STATES)).optional(),
  createdFrom: z.iso.datetime({ offset: true }).optional(),
  createdTo: z.iso.datetime({ offset: true }).optional(),
});
export type BulkRunFilter = z.infer<typeof BulkRunFilterSchema>;

export const BulkRowFilterSchema = z.strictObject({ state: z.array(z.enum(BULK_ROW_STATES)).optional() });
export type BulkRowFilter = z.infer<typeof BulkRowFilterSchema>;

/** How many rows are in which state, and what they amount to. */
export type BulkCount = {
  state: BulkRowState;
  currency: string | null;
  count: number;
  amount: number;
  approvals: number;
};

export type BulkRunItem = {
  id: string;
  kind: BulkKind;
  source: BulkSource;
  state: BulkRunState;
  partnerId: string;
  partnerName: string;
  fileName: string | null;
  rowCount: number;
  note: string | null;
  createdBy: string;
  createdByName: string | null;
  createdAt: Date;
  startedAt: Date | null;
  finishedAt: Date | null;
};
export type BulkRunRecord = BulkRunItem & { mode: "test" | "live"; counts: BulkCount[] };

export type BulkRowItem = {
  rowNumber: number;
  given: string;
  paymentId: string | null;
  paymentReference: string | null;
  captureId: string | null;
  /** Minor units of `currency`, as decided at the preview. */
  amount: number | null;
  currency: string | null;
  reference: string | null;
  reason: string | null;
  needsApproval: boolean;
  state: BulkRowState;
  resultId: string | null;
  problem: string | null;
};
export type BulkRowPage = { items: BulkRowItem[]; nextCursor: string | null; total: number };
