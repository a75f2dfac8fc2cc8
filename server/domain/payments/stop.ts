import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { addMs } from "@/server/core/time";
import { storeAnswer } from "@/server/db/idempotency";
import { cancelPaymentRequest, readPaymentRequest } from "@/server/klarna/payments";
import { FINALIZE_WITHIN_MS } from "./authorize";
import { journal, lockedStep, move, openOperation, postpone, settle, startDraft, step, toPublic } from "./change";
import { runClassicCancel } from "./classic/stop";
import { applyRequestFacts, endStopped, finalizeWithoutToken, requestFacts } from "./journey";
import { readRequestOutcome } from "./klarna";
import { findPayment, listOperations } from "./repository";
import type { OperationRow, PaymentRecord } from "./rows";
import type { PublicPayment } from "./schema";
import { OPEN_STATES, paymentActions } from "./states";

/* Cancel and expiry ask first: a mark under the row's lock, then Klarna; the end is said only after Klarna confirmed it. */

/**
 * Cancels a payment that the customer has not paid yet.
 *
 * Sets the stop mark, then cancels the request at Klarna. Answers with the payment: `canceled` once Klarna confirmed it,
 * else as it is (the cancel goes on by itself). Canceling what is canceled changes nothing. Journal kind CANCEL_REQUEST.
 * Errors: permission_denied, payment_not_found, payment_not_cancelable (a final call was sent, or it is over).
 */
export async function cancelPayment(ctx: ServiceContext, id: string): Promise<PublicPayment> {
  requirePermission(ctx, "payments:cancel");
  const marked = await lockedStep(ctx, id, id, (loaded, now) => {
    const { payment } = loaded;
    if (payment.state === "CANCELED" || payment.stopMark === "CANCEL") return null;
    if (!OPEN_STATES.includes(payment.state) || payment.finalStartedAt !== null) {
      const reason = paymentActions({ ...payment, amountRefundable: 0 }).cancel;
      throw new AppError("payment_not_cancelable", {
        detail: reason ?? undefined,
        params: { status: payment.state.toLowerCase() },
      });
    }
    const draft = startDraft(loaded);
    draft.after.stopMark = "CANCEL";
    draft.after.stopMarkedAt = now;
    draft.audit.push({ action: "payment.cancel_requested" });
    if (payment.klarnaPaymentRequestId !== null && !openOperation(loaded.operations, "CANCEL_REQUEST"))
      journal(draft, "CANCEL_REQUEST", now);
    return draft;
  });
  const ended = OPEN_STATES.includes(marked.state) ? await continueStop(ctx, marked) : marked;
  const answer = toPublic(ctx, ended);
  if (ctx.idempotency) await storeAnswer(ctx.db, ctx.secrets, ctx.idempotency, answer);
  return answer;
}

/** Marks a payment whose time is over and asks Klarna to cancel the request. Does nothing once the customer has paid. */
export async function expirePayment(ctx: ServiceContext, id: string): Promise<PaymentRecord> {
  const marked = await step(ctx, id, (loaded, now) => {
    const { payment } = loaded;
    const mayExpire = (payment.state === "PENDING" || payment.state === "IN_PROGRESS") && payment.stopMark === null;
    if (!mayExpire || payment.klarnaRequestState === "COMPLETED" || now < payment.expiresAt) return null;
    const draft = startDraft(loaded);
    draft.after.stopMark = "EXPIRE";
    draft.after.stopMarkedAt = now;
    draft.audit.push({ action: "payment.expiry_requested" });
    if (!openOperation(loaded.operations, "CANCEL_REQUEST")) journal(draft, "CANCEL_REQUEST", now);
    return draft;
  });
  return marked.stopMark !== null && OPEN_STATES.includes(marked.state) ? continueStop(ctx, marked) : marked;
}

/** Goes on with a stop that was begun: makes the waiting call, or leaves it where the request is not known yet. */
export async function continueStop(ctx: ServiceContext, payment: PaymentRecord): Promise<PaymentRecord> {
  const operation = openOperation(await listOperations(ctx.db, payment), "CANCEL_REQUEST");
  return operation ? runCancel(ctx, payment, operation) : payment;
}

export async function runCancel(
  ctx: ServiceContext,
  payment: PaymentRecord,
  operation: OperationRow,
): Promise<PaymentRecord> {
  if (payment.klarnaPaymentRequestId === null) return payment;
  if (payment.rail === "CLASSIC") return runClassicCancel(ctx, payment, operation);
  const target = { mode: payment.mode, accountId: payment.accountId, sessionReference: payment.id };
  const outcome = await cancelPaymentRequest(ctx.klarna, target, payment.klarnaPaymentRequestId);
  // A refusal does not say what the request became (canceled before, expired, finished): a read does.
  const read =
    outcome.kind === "refused" ? await readPaymentRequest(ctx.klarna, target, payment.klarnaPaymentRequestId) : null;
  const request = read === null ? null : readRequestOutcome(read);
  const isGone = read?.kind === "refused" && read.error.status === 404;
  return step(ctx, payment.id, (fresh, now) => {
    const open = fresh.operations.find((row) => row.id === operation.id);
    if (!open || open.settledAt !== null) return null;
    const draft = startDraft(fresh);
    const calls = [...outcome.calls, ...(read?.calls ?? [])];
    if (outcome.kind === "answered") {
      settle(draft, open, "succeed", { result: "CANCELED", calls }, now);
      if (OPEN_STATES.includes(draft.after.state)) {
        draft.after.klarnaRequestState = "CANCELED";
        endStopped(draft, draft.after.stopMark === "EXPIRE" ? "expire" : "cancel", now);
      }
      return draft;
    }
    if (outcome.kind !== "refused") {
      postpone(draft, open, calls, outcome.kind === "unknown", now);
      return draft;
    }
    if (isGone) {
      settle(
        draft,
        open,
        "fail",
        { result: "REQUEST_LOST", calls, errorCode: outcome.error.code, errorId: outcome.error.errorId },
        now,
      );
      if (OPEN_STATES.includes(draft.after.state)) {
        draft.after.failureCode = "request_lost";
        move(draft, "fail");
      }
      return draft;
    }
    const state = request?.state.toUpperCase();
    if (!request || state === "SUBMITTED" || state === "IN_PROGRESS") {
      postpone(draft, open, calls, true, now);
      return draft;
    }
    settle(
      draft,
      open,
      state === "CANCELED" || state === "CANCELLED" ? "succeed" : "fail",
      {
        result: `REQUEST_${state ?? "UNKNOWN"}`,
        calls,
        errorCode: outcome.error.code,
        errorId: outcome.error.errorId,
      },
      now,
    );
    // A finished request that Klarna does not cancel: no final call is made, so its approval lapses.
    if (state === "COMPLETED") {
      draft.after.klarnaRequestState = "COMPLETED";
      draft.after.journeyCompletedAt ??= request.updated_at ?? now;
      draft.after.finalizeBy ??= addMs(draft.after.journeyCompletedAt, FINALIZE_WITHIN_MS);
      finalizeWithoutToken(draft, now);
    } else applyRequestFacts(ctx, draft, requestFacts(request, now), now);
    return draft;
  });
}

/** The newest row, for callers that hold an older one. */
export async function reload(ctx: ServiceContext, id: string): Promise<PaymentRecord> {
  const payment = await findPayment(ctx.db, ctx.scope, id);
  if (!payment) throw new AppError("payment_not_found");
  return payment;
}
