import type { ServiceContext } from "@/server/context";
import type { AppError } from "@/server/core/errors";
import { storeAnswer } from "@/server/db/idempotency";
import { isFirstTurn, journal, lockedStep, openOperation, presentOne, startDraft } from "./change";
import { requireRoom } from "./limits";
import type { OperationRow, PaymentRecord } from "./rows";
import type { PublicPayment } from "./schema";
import { actionFacts, requireAccepted } from "./settling";
import { type PaymentActions, paymentActions } from "./states";
import { reload } from "./stop";

/* What can be under way only once on a payment, and names nothing but the payment: its release, its renewal. */

export type Request = {
  kind: "VOID" | "REAUTHORIZE";
  /** Name of the audit entry. */
  audit: string;
  /** Whether it is so already: then nothing is done. */
  isSo: (payment: PaymentRecord) => boolean;
  /** Why it is not possible now; null when it is. */
  refusalOf: (actions: PaymentActions) => string | null;
  refused: (detail: string, params?: { status: string }) => AppError;
  /** The detail of `refused` when Klarna said no. */
  refusedByKlarna: string;
  run: (ctx: ServiceContext, payment: PaymentRecord, operation: OperationRow) => Promise<PaymentRecord>;
};

/**
 * Journals the one intent under the payment's lock, makes its call and answers with the payment. Asking again while the
 * first call is on its way makes no second one; what was lost is repeated with its key.
 * Errors: payment_not_found, operation_limit_reached, klarna_unavailable, and `refused`.
 */
export async function requestOnce(ctx: ServiceContext, id: string, request: Request): Promise<PublicPayment> {
  let operation: OperationRow | undefined;
  let isOnItsWay = false;
  const begun = await lockedStep(ctx, id, id, (loaded, now) => {
    operation = openOperation(loaded.operations, request.kind);
    isOnItsWay = operation !== undefined && isFirstTurn(operation, now);
    if (operation || request.isSo(loaded.payment)) return null;
    const refusal = request.refusalOf(paymentActions(actionFacts(loaded, now)));
    if (refusal !== null) throw request.refused(refusal, { status: loaded.payment.state.toLowerCase() });
    requireRoom(loaded, request.kind);
    const draft = startDraft(loaded);
    operation = journal(draft, request.kind, now);
    draft.audit.push({ action: request.audit });
    return draft;
  });
  const payment = operation && !isOnItsWay ? await request.run(ctx, begun, operation) : begun;
  const settled = operation
    ? await requireAccepted(ctx, payment, operation.id, () => request.refused(request.refusedByKlarna))
    : null;
  // The first call may have had its answer in this moment.
  const isNewer = isOnItsWay && settled !== null && settled.settledAt !== null;
  const answer = await presentOne(ctx, isNewer ? await reload(ctx, id) : payment);
  if (ctx.idempotency) await storeAnswer(ctx.db, ctx.secrets, ctx.idempotency, answer);
  return answer;
}
