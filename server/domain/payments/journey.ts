import type { ServiceContext } from "@/server/context";
import { addMs, MINUTE_MS } from "@/server/core/time";
import type { KlarnaOutcome } from "@/server/klarna/client";
import { type KlarnaPaymentRequest, readPaymentRequest, type TokenKind } from "@/server/klarna/payments";
import { unknownWords } from "@/server/observability/metrics";
import { applyApproval, applyStepUp, askKlarna, FINALIZE_WITHIN_MS } from "./authorize";
import {
  type Draft,
  journal,
  KEY_LIFE_MS,
  type Loaded,
  leavesOpen,
  move,
  openOperation,
  postpone,
  raiseAlarm,
  settle,
  startDraft,
  step,
} from "./change";
import { type AuthorizeResult, readAuthorizeOutcome, readRequestOutcome } from "./klarna";
import type { OperationRow, PaymentRecord, PaymentRow } from "./rows";
import { OPEN_STATES } from "./states";

/* The customer's journey as Klarna reports it, and the final authorize that ends it. */

/** How long before the end of the 60 minutes a person is told that an approval is not finalized yet. */
const FINAL_ALARM_BEFORE_MS = 15 * MINUTE_MS;

export type RequestFacts = {
  requestId: string;
  state: string;
  /** When Klarna says that it happened. */
  occurredAt: Date;
  token: { kind: TokenKind; value: string } | null;
  /** True for what a read said: a read is the truth of its moment and settles ties. */
  isRead: boolean;
};

const CANCELED = new Set(["CANCELED", "CANCELLED"]);
const REQUEST_ENDS = new Set(["COMPLETED", "EXPIRED", "DECLINED", ...CANCELED]);

export function tokenPlace(payment: Pick<PaymentRow, "id" | "partnerId">): string {
  return `payments|klarna_token_secret|${payment.id}|${payment.partnerId}`;
}

/** The token that proves the finished journey: the new name before the old one, at the top or in the context. */
export function proofToken(source: {
  klarna_network_session_token?: string;
  payment_token?: string;
  state_context?: { klarna_network_session_token?: string; payment_token?: string };
}): { kind: TokenKind; value: string } | null {
  const network = source.klarna_network_session_token ?? source.state_context?.klarna_network_session_token;
  if (network) return { kind: "NETWORK_SESSION_TOKEN", value: network };
  const older = source.payment_token ?? source.state_context?.payment_token;
  return older ? { kind: "PAYMENT_TOKEN", value: older } : null;
}

export type RequestVerdict = "applied" | "ignored" | "tie";

/**
 * What a request state means for a payment. Writes into the draft; tells whether anything was applied.
 *
 * Between states that are not final Klarna's `occurred_at` decides, a tie wants a read; an end of the request is taken
 * whenever it comes; a final payment is never moved. A finished journey starts the final authorize only where no stop
 * mark stands and the 60 minutes are not over. Source: final-authorization pages.
 */
export function applyRequestFacts(ctx: ServiceContext, draft: Draft, facts: RequestFacts, now: Date): RequestVerdict {
  const { after } = draft;
  if (!OPEN_STATES.includes(after.state) || after.klarnaPaymentRequestId !== facts.requestId) return "ignored";
  const state = facts.state.toUpperCase();
  const known = after.klarnaRequestState ?? "SUBMITTED";
  if (known === "COMPLETED" && state === "COMPLETED") return applyToken(ctx, draft, facts, now);
  // A finished request can still be canceled, by our own call whose answer was lost; every other end is the last word.
  const isCanceledAfter = known === "COMPLETED" && CANCELED.has(state) && after.finalStartedAt === null;
  if (REQUEST_ENDS.has(known) && !isCanceledAfter) return "ignored";
  if (!REQUEST_ENDS.has(state)) {
    if (!facts.isRead && after.klarnaRequestStateAt) {
      if (facts.occurredAt < after.klarnaRequestStateAt) return "ignored";
      if (facts.occurredAt.getTime() === after.klarnaRequestStateAt.getTime() && state !== known) return "tie";
    }
    if (after.state === "FINALIZING" || after.state === "PROCESSING") return "ignored";
    if (state === "IN_PROGRESS") {
      if (after.state === "PENDING") move(draft, "enter");
    } else if (state === "SUBMITTED") {
      if (after.state === "IN_PROGRESS") move(draft, "leave");
    } else {
      unknownWords.inc({ field: "payment_request.state" });
      return "ignored";
    }
    after.klarnaRequestState = state;
    after.klarnaRequestStateAt = facts.occurredAt;
    return "applied";
  }
  after.klarnaRequestState = CANCELED.has(state) ? "CANCELED" : state;
  after.klarnaRequestStateAt = facts.occurredAt;
  switch (after.klarnaRequestState) {
    case "COMPLETED":
      return applyCompleted(ctx, draft, facts, now);
    case "DECLINED":
      if (after.state === "FINALIZING") return "ignored";
      after.declineReason = "declined_in_journey";
      settleStop(draft, "REQUEST_DECLINED", now);
      move(draft, "decline");
      return "applied";
    case "CANCELED":
      // Once a final call was journalled only its own answer ends the payment.
      if (after.finalStartedAt !== null) return "ignored";
      endStopped(draft, after.stopMark === "EXPIRE" ? "expire" : "cancel", now);
      return "applied";
    default:
      if (after.state === "FINALIZING") return "ignored";
      endStopped(draft, "expire", now);
      return "applied";
  }
}

/** The request is over without an approval: canceled or expired, as Klarna confirmed. */
export function endStopped(draft: Draft, event: "cancel" | "expire", now: Date): void {
  settleStop(draft, event === "cancel" ? "CANCELED" : "EXPIRED", now);
  move(draft, draft.after.state === "FINALIZING" ? "cancel" : event);
}

/** The intent to cancel is answered by what became of the request. */
export function settleStop(draft: Draft, result: string, now: Date): void {
  const open = openOperation(draft.known, "CANCEL_REQUEST");
  if (open && !draft.operations.some((operation) => operation.id === open.id))
    settle(draft, open, "succeed", { result }, now);
}

function applyCompleted(ctx: ServiceContext, draft: Draft, facts: RequestFacts, now: Date): RequestVerdict {
  const { after } = draft;
  after.journeyCompletedAt = facts.occurredAt;
  after.finalizeBy = addMs(facts.occurredAt, FINALIZE_WITHIN_MS);
  if (after.stopMark !== null) {
    // The cashier (or the clock) was first: no final call; Klarna is asked to cancel the finished request.
    if (!openOperation(draft.known, "CANCEL_REQUEST")) journal(draft, "CANCEL_REQUEST", now).nextAttemptAt = now;
    return "applied";
  }
  if (now >= after.finalizeBy) {
    lapse(draft);
    return "applied";
  }
  if (after.state !== "FINALIZING") move(draft, "finish");
  applyToken(ctx, draft, facts, now);
  return "applied";
}

/** With the token in hand the final call is journalled, in the statement that stores the token. */
function applyToken(ctx: ServiceContext, draft: Draft, facts: RequestFacts, now: Date): RequestVerdict {
  const { after } = draft;
  if (facts.token === null || after.state !== "FINALIZING" || after.finalStartedAt !== null || after.stopMark !== null)
    return "ignored";
  // A token that comes after the 60 minutes, while nobody was looking, is one of an approval that is void.
  if (after.finalizeBy !== null && now >= after.finalizeBy) {
    lapse(draft);
    return "applied";
  }
  // What the final call says must be what Klarna has: a change without an answer is settled first, then this is read again.
  if (openOperation(draft.known, "UPDATE")) return "ignored";
  after.klarnaTokenSecret = ctx.secrets.seal(facts.token.value, tokenPlace(after));
  after.klarnaTokenKind = facts.token.kind;
  after.finalStartedAt = now;
  journal(draft, "FINAL_AUTHORIZE", now);
  return "applied";
}

/** An approval that nobody finalized in time is void, and a person is told. Only where no final call was ever sent. */
export function lapse(draft: Draft): void {
  draft.after.failureCode = "approval_lapsed";
  raiseAlarm(
    draft,
    "approval_lapsed",
    "The customer had approved, but the payment was not finalized within 60 minutes. Nothing was charged.",
  );
  move(draft, "fail");
}

/** Makes (or repeats, with the same key and body) the final call and writes what is known then. */
export async function runFinalAuthorize(
  ctx: ServiceContext,
  payment: PaymentRecord,
  operation: OperationRow,
): Promise<PaymentRecord> {
  if (payment.klarnaTokenSecret === null || payment.klarnaTokenKind === null) return payment;
  if (ctx.clock.now().getTime() - operation.openedAt.getTime() >= KEY_LIFE_MS)
    return askForPerson(ctx, payment.id, operation.id);
  const outcome = await askKlarna(ctx, payment, operation, {
    kind: payment.klarnaTokenKind,
    token: ctx.secrets.open(payment.klarnaTokenSecret, tokenPlace(payment)),
  });
  const result = readAuthorizeOutcome(ctx, outcome);
  return step(ctx, payment.id, (fresh, now) => {
    const open = fresh.operations.find((row) => row.id === operation.id);
    if (!open || open.settledAt !== null) return null;
    const draft = startDraft(fresh);
    applyFinal(draft, open, outcome, result, now);
    return draft;
  });
}

function applyFinal(
  draft: Draft,
  operation: OperationRow,
  outcome: KlarnaOutcome,
  result: AuthorizeResult,
  now: Date,
): void {
  const { calls } = outcome;
  const { after } = draft;
  switch (result.kind) {
    case "approved":
      settle(draft, operation, "succeed", { result: "APPROVED", calls }, now);
      applyApproval(draft, result.transaction, result.captureId, now);
      return;
    case "declined":
      settle(draft, operation, "succeed", { result: "DECLINED", calls }, now);
      after.declineReason = result.reason.slice(0, 255);
      after.klarnaTokenSecret = null;
      move(draft, "decline");
      return;
    case "step_up":
      settle(draft, operation, "succeed", { result: "STEP_UP_REQUIRED", calls }, now);
      applyStepUp(draft, result.request);
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
      after.klarnaTokenSecret = null;
      if (after.finalizeBy !== null && now >= after.finalizeBy) lapse(draft);
      else {
        after.failureCode = "klarna_refused";
        raiseAlarm(
          draft,
          "final_refused",
          "Klarna refused to finalize a payment that the customer had approved. Nothing was charged.",
        );
        move(draft, "fail");
      }
      return;
    default:
      postpone(draft, operation, calls, result.kind === "unknown", now);
      if (after.finalizeBy !== null && now.getTime() >= after.finalizeBy.getTime() - FINAL_ALARM_BEFORE_MS) {
        raiseAlarm(
          draft,
          "final_authorize_at_risk",
          "The final authorize has no definite answer and the 60 minutes are nearly over or past. It is repeated with the same key.",
        );
      }
  }
}

/** Past the life of the key nothing is sent again: a person decides with Klarna; events and reads may still settle it. */
export async function askForPerson(
  ctx: ServiceContext,
  paymentId: string,
  operationId: string,
): Promise<PaymentRecord> {
  return step(ctx, paymentId, (fresh, now) => {
    const open = fresh.operations.find((row) => row.id === operationId);
    if (!open || open.settledAt !== null) return null;
    const draft = startDraft(fresh);
    draft.operations.push({ ...open, nextAttemptAt: addMs(now, 60 * MINUTE_MS) });
    raiseAlarm(
      draft,
      "outcome_unknown",
      "Klarna's answer is unknown for more than 23 hours. The call is not repeated any more: ask Klarna with the idempotency key of the operation.",
    );
    return draft;
  });
}

/** Reads the payment request at Klarna and applies what it says, as a webhook would have. */
export async function readAndApplyRequest(ctx: ServiceContext, payment: PaymentRecord): Promise<PaymentRecord> {
  if (payment.klarnaPaymentRequestId === null) return payment;
  const outcome = await readPaymentRequest(
    ctx.klarna,
    { mode: payment.mode, accountId: payment.accountId, sessionReference: payment.id },
    payment.klarnaPaymentRequestId,
  );
  const request = readRequestOutcome(outcome);
  const isGone = outcome.kind === "refused" && outcome.error.status === 404;
  return step(ctx, payment.id, (fresh, now) => {
    const draft = startDraft(fresh);
    if (request) applyRequestFacts(ctx, draft, requestFacts(request, now), now);
    else if (isGone && OPEN_STATES.includes(draft.after.state) && draft.after.finalStartedAt === null) {
      draft.after.failureCode = "request_lost";
      settleStop(draft, "REQUEST_LOST", now);
      move(draft, "fail");
    }
    finalizeWithoutToken(draft, now);
    return draft;
  });
}

export function requestFacts(request: KlarnaPaymentRequest, now: Date): RequestFacts {
  return {
    requestId: request.payment_request_id,
    state: request.state,
    occurredAt: request.updated_at ?? now,
    token: proofToken(request),
    isRead: true,
  };
}

/** A finished journey whose token never came ends when the 60 minutes are over: no final call was ever sent. */
export function finalizeWithoutToken(draft: Draft, now: Date): void {
  const { after } = draft;
  const isWaiting = OPEN_STATES.includes(after.state) && after.finalStartedAt === null;
  if (!isWaiting || after.finalizeBy === null || now < after.finalizeBy) return;
  settleStop(draft, "LAPSED", now);
  lapse(draft);
}

/** The final call that waits, if one does. */
export function waitingFinal(loaded: Pick<Loaded, "operations">): OperationRow | undefined {
  return openOperation(loaded.operations, "FINAL_AUTHORIZE");
}
