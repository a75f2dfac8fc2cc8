import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { storeAnswer } from "@/server/db/idempotency";
import type { KlarnaOutcome } from "@/server/klarna/client";
import { journal, lockedStep, move, openOperation, postpone, settle, startDraft, step, toPublic } from "./change";
import { readAndApplyTransaction } from "./expiry";
import { requireRoom } from "./limits";
import { railOf } from "./rail";
import type { OperationRow, PaymentRecord } from "./rows";
import type { PublicPayment } from "./schema";
import {
  actionFacts,
  isKeyForgotten,
  provenBy,
  requireAccepted,
  settleByReading,
  settleNotSent,
  settleRefused,
  verdictOf,
  wasSent,
} from "./settling";
import { paymentActions } from "./states";

/* Releasing what is authorized and not captured. */

/**
 * Releases what is authorized and not captured. The payment becomes VOIDED, or COMPLETED where part was captured. Voiding
 * what was released before changes nothing. Refused while a capture has no definite answer: what the rest is, is not
 * known then. Journal kind VOID.
 * Errors: permission_denied, payment_not_found, payment_not_voidable, operation_limit_reached, klarna_unavailable.
 * Source: KNR-N1.
 */
export async function voidPayment(ctx: ServiceContext, id: string): Promise<PublicPayment> {
  requirePermission(ctx, "payments:void");
  let operation: OperationRow | undefined;
  const begun = await lockedStep(ctx, id, id, (loaded, now) => {
    const { payment } = loaded;
    operation = openOperation(loaded.operations, "VOID");
    if (operation || isReleased(payment)) return null;
    const refusal = paymentActions(actionFacts(loaded, now)).void;
    if (refusal !== null)
      throw new AppError("payment_not_voidable", { detail: refusal, params: { status: payment.state.toLowerCase() } });
    requireRoom(loaded, "VOID");
    const draft = startDraft(loaded);
    operation = journal(draft, "VOID", now);
    draft.audit.push({ action: "payment.void_requested" });
    return draft;
  });
  const payment = operation ? await runVoid(ctx, begun, operation) : begun;
  if (operation)
    await requireAccepted(
      ctx,
      payment,
      operation.id,
      () => new AppError("payment_not_voidable", { detail: "Klarna refused to release the payment." }),
    );
  const answer = toPublic(ctx, payment);
  if (ctx.idempotency) await storeAnswer(ctx.db, ctx.secrets, ctx.idempotency, answer);
  return answer;
}

const isReleased = (payment: PaymentRecord): boolean =>
  payment.state === "VOIDED" || (payment.state === "COMPLETED" && payment.amountVoided > 0);

/** Makes (or repeats, with the same key) a void call and writes what is known then. */
export async function runVoid(
  ctx: ServiceContext,
  payment: PaymentRecord,
  operation: OperationRow,
): Promise<PaymentRecord> {
  if (payment.klarnaPaymentTransactionId === null) return payment;
  const write = (outcome: KlarnaOutcome): Promise<PaymentRecord> =>
    step(ctx, payment.id, (fresh, now) => {
      const open = fresh.operations.find((row) => row.id === operation.id);
      if (!open || open.settledAt !== null) return null;
      const draft = startDraft(fresh);
      switch (verdictOf(outcome, open, true, now)) {
        case "done":
          settle(draft, open, "succeed", { result: "VOIDED", calls: outcome.calls }, now);
          draft.after.amountVoided = draft.after.amountAuthorized - draft.after.amountCaptured;
          move(draft, draft.after.amountCaptured === 0 ? "release" : "complete");
          break;
        case "refused":
          settleRefused(draft, open, outcome, now);
          draft.audit.push({
            action: "payment.void_refused",
            after: { code: outcome.kind === "refused" ? outcome.error.code : null },
          });
          break;
        case "not_sent":
          settleNotSent(draft, open, outcome, now);
          break;
        case "open":
          postpone(draft, open, outcome.calls, wasSent(outcome), now);
      }
      return draft;
    });
  if (isKeyForgotten(ctx, operation)) {
    return settleByReading(
      ctx,
      payment,
      operation,
      ({ state, capturedAmount }) =>
        // Nothing but a release ends an authorization of which this much was captured.
        (state === "CLOSED" && payment.amountCaptured === 0) ||
        (state === "COMPLETED" && payment.amountCaptured > 0 && capturedAmount === payment.amountCaptured)
          ? true
          : null,
      (_proof, calls) => write(provenBy(calls)),
    );
  }
  const { outcome } = await railOf(payment).void(ctx, payment, {
    idempotencyKey: operation.idempotencyKey,
    reference: operation.id,
  });
  const after = await write(outcome);
  return outcome.kind === "refused" ? readAndApplyTransaction(ctx, after) : after;
}
