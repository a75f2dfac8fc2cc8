import { z } from "zod";
import { idSchema } from "@/server/core/ids";
import { PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX, type Page } from "@/server/core/pagination";
import { CaptureSnapshotSchema, PublicPaymentSchema, RefundSnapshotSchema } from "@/server/domain/payments/schema";
import { queryIntegerOr } from "../validation";

/** What the resources of version 1 share: ids in paths, pages, and the objects as components of the document. */

export const paymentParams = z.strictObject({ id: idSchema("payment") });

export const pageQuery = {
  limit: queryIntegerOr(1, PAGE_LIMIT_MAX, PAGE_LIMIT_DEFAULT),
  cursor: z.string().min(1).max(200).optional(),
};

export function listSchema<T extends z.ZodType>(item: T) {
  return z.object({ data: z.array(item), has_more: z.boolean(), next_cursor: z.string().nullable() });
}

export function toList<T>(page: Page<T>): { data: T[]; has_more: boolean; next_cursor: string | null } {
  return { data: page.data, has_more: page.hasMore, next_cursor: page.nextCursor };
}

/** A page asked for, in the form that use cases take. */
export function toPageRequest(query: { limit: number; cursor?: string | undefined }): {
  limit: number;
  cursor?: string;
} {
  return { limit: query.limit, ...(query.cursor === undefined ? {} : { cursor: query.cursor }) };
}

export const PaymentSchema = PublicPaymentSchema.meta({ id: "Payment" });
export const CaptureSchema = CaptureSnapshotSchema.meta({ id: "Capture" });
export const RefundSchema = RefundSnapshotSchema.meta({ id: "Refund" });
export const CaptureListSchema = listSchema(CaptureSchema).meta({ id: "CaptureList" });
export const RefundListSchema = listSchema(RefundSchema).meta({ id: "RefundList" });

export const moment = z.iso.datetime({ offset: true });
