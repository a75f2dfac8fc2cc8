import { requirePermission, type ServiceContext } from "@/server/context";
import { presentNow } from "./change";
import { lookUpPaymentRecords } from "./repository";
import type { PublicPayment } from "./schema";

/* A sale found by whatever the customer brings back: for a return in a store. */

/**
 * Any sale of the Partner, from whichever store or channel, by the reference on the receipt, our id, or Klarna's id of
 * the transaction or the request; newest first, at most 25. A paired till sees sales beyond its own terminal here: that is
 * what a return is. Errors: permission_denied.
 */
export async function lookUpPayments(ctx: ServiceContext, input: { reference: string }): Promise<PublicPayment[]> {
  requirePermission(ctx, "payments:read");
  const scope = { partners: ctx.scope.partners, mode: ctx.scope.mode };
  const found = await lookUpPaymentRecords(ctx.db, scope, input.reference.trim());
  return presentNow(ctx, found);
}
