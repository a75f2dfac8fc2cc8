import type { ServiceContext } from "@/server/context";
import { newId } from "@/server/core/ids";
import { addMs, HOUR_MS } from "@/server/core/time";
import type { KlarnaOutcome } from "@/server/klarna/client";
import {
  authorizePayment as callAuthorize,
  type KlarnaPaymentRequest,
  type KlarnaPaymentTransaction,
  type SessionHeaders,
  type TokenKind,
} from "@/server/klarna/payments";
import {
  type Draft,
  isFirstTurn,
  journal,
  type Loaded,
  leavesOpen,
  move,
  postpone,
  raiseAlarm,
  settle,
  startDraft,
  step,
  toPublic,
} from "./change";
import { type AuthorizeResult, buildAuthorizeBody, type Purchase, readAuthorizeOutcome } from "./klarna";
import { openPurchase } from "./purchase";
import type { OperationRow, PaymentRecord } from "./rows";
import { refuseOtherAmount } from "./undoing";
import { AUTHORIZATION_PERIOD_MS } from "./wake";

/* The authorize call, the first and the last one alike, and what its answer makes of a payment. */

/** The authorize call of a journal row: built from what is stored and nothing else, so that a repeat is the same call. */
export function askKlarna(
  ctx: ServiceContext,
  payment: PaymentRecord,
  operation: OperationRow,
  proof?: { kind: TokenKind; token: string },
): Promise<KlarnaOutcome> {
  const purchase = openPurchase(ctx, payment);
  return callAuthorize(
    ctx.klarna,
    { mode: payment.mode, accountId: payment.accountId, sessionReference: payment.id },
    {
      idempotencyKey: operation.idempotencyKey,
      body: buildAuthorizeBody(payment, purchase, ctx.env.KLARNA_IN_STORE_PLACEMENT),
      session: sessionOf(purchase, proof?.kind),
      ...(proof ? { proof } : {}),
    },
  );
}

/**
 * The Partner's own session token, on every call. On the final call it gives way to the proof that bears the same name, and
 * to any proof once it has done its work itself (Express).
 */
function sessionOf(purchase: Purchase, proof: TokenKind | undefined): SessionHeaders {
  if (proof === "NETWORK_SESSION_TOKEN" || (proof !== undefined && purchase.klarna?.journey_completed)) return {};
  return {
    networkSessionToken: purchase.klarna?.network_session_token,
    interoperabilityToken: purchase.klarna?.interoperability_token,
  };
}

/** Klarna tells again what a session token has already paid for: an approval of another payment is none of this one. */
function ownResult(payment: PaymentRecord, result: AuthorizeResult): AuthorizeResult {
  const reference = result.kind === "approved" ? result.transaction.payment_transaction_reference : undefined;
  return reference === undefined || reference === payment.id
    ? result
    : { kind: "refused", code: SESSION_TOKEN_USED, errorId: null, status: 200 };
}

/** Whether the caller is answered with the payment: what was not sent, or is another payment's, is told as an error. */
function isAnswer(result: AuthorizeResult): boolean {
  return result.kind !== "not_sent" && !(result.kind === "refused" && result.code === SESSION_TOKEN_USED);
}

/** Our own word for what Klarna has no word for, where its codes stand. */
export const SESSION_TOKEN_USED = "SESSION_TOKEN_USED";

/** Makes (or repeats, with the same key) the initial call and writes what is known then. */
export async function runAuthorize(
  ctx: ServiceContext,
  loaded: Loaded,
  operation: OperationRow,
  first?: Loaded,
): Promise<{ payment: PaymentRecord; result: AuthorizeResult }> {
  const { payment } = loaded;
  const outcome = await askKlarna(ctx, payment, operation);
  const result = ownResult(payment, readAuthorizeOutcome(ctx, outcome));
  const settled = await step(
    ctx,
    payment.id,
    (fresh, now) => {
      const open = fresh.operations.find((row) => row.id === operation.id);
      if (!open || open.settledAt !== null) return null;
      const draft = startDraft(fresh);
      applyInitial(draft, open, outcome, result, now);
      return draft;
    },
    { first, answer: ctx.idempotency && isAnswer(result) ? (after) => toPublic(ctx, after) : undefined },
  );
  return { payment: settled, result };
}

function applyInitial(
  draft: Draft,
  operation: OperationRow,
  outcome: KlarnaOutcome,
  result: AuthorizeResult,
  now: Date,
): void {
  const { calls } = outcome;
  switch (result.kind) {
    case "approved":
      settle(draft, operation, "succeed", { result: "APPROVED", calls }, now);
      applyApproval(draft, result.transaction, result.captureId, now);
      if (draft.before.stopMark !== null && draft.after.lateApprovalState === null) {
        raiseAlarm(
          draft,
          "approved_after_cancel",
          "Klarna approved the payment although it was to be canceled. Refund or void it if the sale is off.",
        );
      }
      return;
    case "step_up":
      settle(draft, operation, "succeed", { result: "STEP_UP_REQUIRED", calls }, now);
      applyStepUp(draft, result.request);
      if (draft.after.stopMark !== null) journal(draft, "CANCEL_REQUEST", now).nextAttemptAt = now;
      return;
    case "declined":
      settle(draft, operation, "succeed", { result: "DECLINED", calls }, now);
      draft.after.declineReason = result.reason.slice(0, 255);
      move(draft, "decline");
      return;
    case "refused":
      if (leavesOpen(outcome, operation, now)) {
        postpone(draft, operation, calls, true, now);
        return;
      }
      settle(
        draft,
        operation,
        "fail",
        { result: "REFUSED", calls, errorCode: result.code, errorId: result.errorId },
        now,
      );
      draft.after.failureCode = result.code === SESSION_TOKEN_USED ? "session_token_used" : "klarna_refused";
      move(draft, "fail");
      return;
    case "not_sent":
      // Only a first call that never left us fails the payment; a repeat of a lost call stays open.
      if (isFirstTurn(operation, now)) {
        settle(draft, operation, "fail", { result: "NOT_SENT", calls }, now);
        draft.after.failureCode = "klarna_unavailable";
        move(draft, "fail");
      } else postpone(draft, operation, calls, false, now);
      return;
    case "unknown":
      postpone(draft, operation, calls, true, now);
  }
}

/** An approval becomes the truth about the money: what is authorized, captured, funded. One of another amount is undone. */
export function applyApproval(
  draft: Draft,
  transaction: KlarnaPaymentTransaction,
  captureId: string | null,
  now: Date,
): void {
  const { after } = draft;
  after.klarnaTokenSecret = null;
  if (transaction.amount !== undefined && transaction.amount !== after.amount) {
    refuseOtherAmount(draft, transaction.payment_transaction_id, transaction.amount);
    return;
  }
  after.klarnaPaymentTransactionId = transaction.payment_transaction_id;
  after.amountAuthorized = after.amount;
  const funding = transaction.payment_funding;
  if (funding) {
    after.fundingType = funding.type.toUpperCase() === "NON_GUARANTEED" ? "NON_GUARANTEED" : "GUARANTEED";
    after.fundingState = funding.state.toUpperCase();
  }
  const isCaptured = captureId !== null || transaction.state?.toUpperCase() !== "AUTHORIZED";
  if (after.capture === "AUTOMATIC" && !isCaptured) {
    raiseAlarm(
      draft,
      "capture_missing",
      "Klarna approved the payment but did not capture it, although that was asked for.",
    );
  }
  const wasNotToBe =
    after.capture === "MANUAL" && (captureId !== null || transaction.state?.toUpperCase() === "COMPLETED");
  if (wasNotToBe) {
    raiseAlarm(
      draft,
      "books_differ",
      "Klarna captured the payment with its approval, although that was not asked for. Compare with Klarna's portal.",
    );
  }
  if (after.capture === "AUTOMATIC" && isCaptured) {
    after.amountCaptured = after.amountAuthorized;
    draft.newCaptures.push({
      id: newId("capture"),
      partnerId: after.partnerId,
      mode: after.mode,
      paymentId: after.id,
      state: "SUCCEEDED",
      amount: after.amountAuthorized,
      currency: after.currency,
      reference: null,
      klarnaPaymentCaptureId: captureId,
      automatic: true,
      failureCode: null,
      createdAt: now,
      updatedAt: now,
    });
    move(draft, "complete");
  } else {
    after.authorizationExpiresAt = transaction.expires_at ?? addMs(now, AUTHORIZATION_PERIOD_MS);
    move(draft, "approve");
  }
}

/** The customer is wanted: what to show, and how long Klarna keeps it open. */
export function applyStepUp(draft: Draft, request: KlarnaPaymentRequest): void {
  const { after } = draft;
  const interaction = request.state_context?.customer_interaction;
  after.klarnaPaymentRequestId = request.payment_request_id;
  after.klarnaPaymentRequestUrl = interaction?.payment_request_url ?? interaction?.qr_code?.target_url ?? null;
  after.klarnaQrImageUrl = interaction?.qr_code?.image_url ?? null;
  after.klarnaQrTargetUrl = interaction?.qr_code?.target_url ?? null;
  after.klarnaRequestState = request.state.toUpperCase();
  after.klarnaRequestStateAt = null;
  after.klarnaRequestExpiresAt = request.expires_at ?? null;
  after.klarnaTokenSecret = null;
  after.klarnaTokenKind = null;
  after.journeyCompletedAt = null;
  after.finalStartedAt = null;
  after.finalizeBy = null;
  move(draft, "stepUp");
}

/** How long an approval may wait for its final call. Source: final-authorization pages. */
export const FINALIZE_WITHIN_MS = HOUR_MS;
