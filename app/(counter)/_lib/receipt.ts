import "server-only";
import { requirePermission } from "@/server/context";
import { type Language, localeFor } from "@/server/core/languages";
import { getReceipt } from "@/server/domain/payments/service";
import type { CounterEntry } from "./access";

/**
 * The receipt of a sale of this terminal, or of a return: that one may be of any sale of the Partner, for who may take
 * returns here. Errors: permission_denied, payment_not_found, not_found.
 */
export async function counterReceipt(
  { ctx, place }: CounterEntry,
  paymentId: string,
  options: { refundId: string | null; language: Language; format: "text" | "pdf" },
): Promise<{ contentType: string; body: Buffer | string }> {
  const locale = localeFor(options.language, place.country);
  if (options.refundId === null) return getReceipt(ctx, paymentId, { format: options.format, locale });
  requirePermission(ctx, "payments:refund");
  const wide = { ...ctx, scope: { mode: ctx.scope.mode, partners: [place.partnerId] } };
  return getReceipt(wide, paymentId, { refundId: options.refundId, format: options.format, locale });
}
