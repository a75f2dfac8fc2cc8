import type { ServiceContext } from "@/server/context";
import { newId } from "@/server/core/ids";
import { addMs } from "@/server/core/time";
import {
  type Draft,
  isFirstTurn,
  journal,
  type Loaded,
  move,
  openOperation,
  postpone,
  raiseAlarm,
  settle,
  startDraft,
  step,
} from "@/server/domain/payments/change";
import { askForPerson } from "@/server/domain/payments/journey";
import { listOperations } from "@/server/domain/payments/repository";
import type { OperationRow, PaymentRecord } from "@/server/domain/payments/rows";
import { actionFacts, isKeyForgotten, wasSent } from "@/server/domain/payments/settling";
import { type PaymentState, paymentActions } from "@/server/domain/payments/states";
import { recordLateApproval, refuseOtherAmount } from "@/server/domain/payments/undoing";
import { runVoid } from "@/server/domain/payments/voids";
import { AUTHORIZATION_PERIOD_MS } from "@/server/domain/payments/wake";
import {
  type ClassicOrder,
  ClassicOrderSchema,
  captureOrder,
  createdId,
  readOrder,
  readOutcome,
} from "@/server/klarna/classic";
import type { KlarnaOutcome } from "@/server/klarna/client";
import { withFacts } from "./facts";
import { callClassic } from "./target";

/* Klarna has placed the order itself: what it is worth is read, and goods that are handed over at once are captured. */

/** Reads an order; null where no definite answer came. */
export async function findOrder(
  ctx: ServiceContext,
  payment: PaymentRecord,
  orderId: string,
): Promise<{ outcome: KlarnaOutcome; order: ClassicOrder | null }> {
  const outcome = await callClassic(ctx, payment, (target) => readOrder(target, orderId));
  return { outcome, order: readOutcome(ClassicOrderSchema, outcome) };
}

/** Goes on with a payment whose customer is done: reads the order, then captures it where that is wanted. */
export async function settleOrder(ctx: ServiceContext, payment: PaymentRecord): Promise<PaymentRecord> {
  const orderId = payment.classic?.orderId ?? null;
  if (payment.state !== "FINALIZING" || orderId === null) return payment;
  if (openOperation(await listOperations(ctx.db, payment), "CAPTURE")) return payment;
  const { outcome, order } = await findOrder(ctx, payment, orderId);
  let capture: OperationRow | undefined;
  const settled = await step(ctx, payment.id, (fresh, now) => {
    capture = undefined;
    if (fresh.payment.state !== "FINALIZING" || openOperation(fresh.operations, "CAPTURE")) return null;
    const draft = startDraft(fresh);
    if (order) capture = applyOrder(draft, order, now);
    else if (outcome.kind === "refused" && outcome.error.status === 404) {
      raiseAlarm(
        draft,
        "classic_order_missing",
        "Klarna said that the customer paid and does not know the order. It is asked again: compare with Klarna's portal.",
      );
    }
    return draft;
  });
  return capture ? runOrderCapture(ctx, settled, capture) : settled;
}

/** The order's first word: refused by Klarna's check of fraud, approved, or approved and to be captured. */
function applyOrder(draft: Draft, order: ClassicOrder, now: Date): OperationRow | undefined {
  const { after } = draft;
  const fraud = order.fraud_status?.toUpperCase() ?? "ACCEPTED";
  const status = order.status.toUpperCase();
  after.klarnaReference = order.klarna_reference ?? after.klarnaReference;
  after.classic = withFacts(after.classic, { orderId: order.order_id });
  if (order.order_amount !== after.amount) {
    refuseOtherAmount(draft, order.order_id, order.order_amount);
    return undefined;
  }
  if (fraud === "REJECTED" || status === "CANCELLED" || status === "EXPIRED") {
    after.declineReason = fraud === "REJECTED" ? "rejected_after_check" : "order_ended";
    move(draft, "decline");
    // An order that is still open is not left behind.
    if (status !== "CANCELLED" && status !== "EXPIRED") recordLateApproval(draft, order.order_id);
    return undefined;
  }
  if (after.capture === "AUTOMATIC" && fraud === "ACCEPTED" && order.captured_amount === 0)
    return journal(draft, "CAPTURE", now);
  approve(draft, order, now);
  if (order.captured_amount > 0) {
    raiseAlarm(draft, "books_differ", "The order was captured already when it was read. Compare with Klarna's portal.");
  }
  return undefined;
}

/** The order becomes the truth about the money: authorized, and what is sure of it. */
function approve(
  draft: Draft,
  order: Pick<ClassicOrder, "order_id" | "order_amount" | "fraud_status" | "expires_at">,
  now: Date,
): void {
  setApproved(draft, order, now);
  move(draft, "approve");
}

function setApproved(
  draft: Draft,
  order: Pick<ClassicOrder, "order_id" | "order_amount" | "fraud_status" | "expires_at">,
  now: Date,
): void {
  const { after } = draft;
  const isChecked = (order.fraud_status?.toUpperCase() ?? "ACCEPTED") === "ACCEPTED";
  after.klarnaPaymentTransactionId = order.order_id;
  // Whatever the order has come to be since: no more than was asked is ever taken.
  after.amountAuthorized = Math.min(order.order_amount, after.amount);
  after.authorizationExpiresAt = order.expires_at ?? addMs(now, AUTHORIZATION_PERIOD_MS);
  // An order that Klarna still checks is not one to hand the goods over for.
  after.fundingType = isChecked ? "GUARANTEED" : "NON_GUARANTEED";
  after.fundingState = isChecked ? "FUNDED" : "PENDING";
  if (order.order_amount !== after.amount)
    raiseAlarm(draft, "amount_differs", "Klarna approved another amount than was asked for.");
}

/** Whether this journal row is the capture that comes with the sale, and not one that somebody asked for. */
export function isSaleCapture(payment: PaymentRecord, operation: OperationRow): boolean {
  return payment.rail === "CLASSIC" && operation.kind === "CAPTURE" && operation.captureId === null;
}

/** The same on every repeat: nothing changes the amounts beside an open capture. */
const amountToCapture = ({ amount, amountAuthorized }: PaymentRecord): number =>
  amountAuthorized > 0 ? Math.min(amountAuthorized, amount) : amount;

/** Makes (or repeats, with the same key) the capture that comes with the sale, and writes what is known then. */
export async function runOrderCapture(
  ctx: ServiceContext,
  payment: PaymentRecord,
  operation: OperationRow,
): Promise<PaymentRecord> {
  const orderId = payment.klarnaPaymentTransactionId ?? payment.classic?.orderId ?? null;
  if (orderId === null) return payment;
  const amount = amountToCapture(payment);
  const isForgotten = isKeyForgotten(ctx, operation);
  const outcome: KlarnaOutcome = isForgotten
    ? { kind: "not_sent", reason: "key_forgotten", calls: [] }
    : await callClassic(ctx, payment, (target) =>
        captureOrder(target, orderId, {
          idempotencyKey: operation.idempotencyKey,
          amount,
          reference: operation.id,
          lines: [],
          shipping: [],
        }),
      );
  // The order lists its captures with our reference: what no answer told, and what a refusal left open, stands there.
  const captureId = createdId(outcome);
  const needsRead = captureId === null && (outcome.kind !== "not_sent" || isForgotten || operation.state === "UNKNOWN");
  const { order, outcome: read } = needsRead ? await findOrder(ctx, payment, orderId) : { order: null, outcome: null };
  const known = order?.captures.find((row) => row.reference === operation.id)?.capture_id ?? null;
  // Captured, and it does not say by whom: it may well have been this call.
  const isUnclear = known === null && order !== null && order.captured_amount > payment.amountCaptured;
  if (isForgotten && known === null && (order === null || isUnclear))
    return askForPerson(ctx, payment.id, operation.id);
  return step(ctx, payment.id, (fresh, now) => {
    const open = fresh.operations.find((row) => row.id === operation.id);
    if (!open || open.settledAt !== null) return null;
    const draft = startDraft(fresh);
    const calls = [...outcome.calls, ...(read?.calls ?? [])];
    const id = captureId ?? known;
    if (id !== null) {
      settle(draft, open, "succeed", { result: "CAPTURED", calls }, now);
      applyCaptured(draft, orderId, id, amount, order, now);
      return draft;
    }
    const wasTried = !isFirstTurn(open, now) || outcome.calls.some((call) => call.outcome === "NO_ANSWER");
    const isRefused = outcome.kind === "refused" && !(isUnclear && wasTried);
    if (isUnclear && outcome.kind === "refused")
      raiseAlarm(
        draft,
        "books_differ",
        "Klarna refused to capture the order, and it is captured already. Compare with Klarna's portal.",
      );
    // Past the life of the key only the order itself can say that nothing was captured.
    if ((isRefused || isForgotten) && order !== null) {
      const error = outcome.kind === "refused" ? outcome.error : null;
      const facts = { calls, errorCode: error?.code ?? null, errorId: error?.errorId ?? null };
      settle(draft, open, "fail", { result: isRefused ? "REFUSED" : "NOT_FOUND", ...facts }, now);
      // Changed between our read and the capture: no more the sale that was asked for.
      if (draft.after.state === "FINALIZING" && !isUnclear && order.order_amount !== draft.after.amount) {
        refuseOtherAmount(draft, order.order_id, order.order_amount);
        return draft;
      }
      if (draft.after.state === "FINALIZING") approve(draft, order, now);
      if (isUnclear) return draft;
      raiseAlarm(
        draft,
        "capture_missing",
        "Klarna placed the order but did not capture it, although that was asked for. Capture it, or release it.",
      );
      return draft;
    }
    postpone(draft, open, calls, wasSent(outcome), now);
    return draft;
  });
}

function applyCaptured(
  draft: Draft,
  orderId: string,
  captureId: string,
  amount: number,
  order: ClassicOrder | null,
  now: Date,
): void {
  const { after } = draft;
  if (after.state === "FINALIZING") {
    setApproved(draft, order ?? { order_id: orderId, order_amount: amount }, now);
    after.authorizationExpiresAt = null;
  }
  after.amountCaptured += amount;
  draft.newCaptures.push({
    id: newId("capture"),
    partnerId: after.partnerId,
    mode: after.mode,
    paymentId: after.id,
    state: "SUCCEEDED",
    amount,
    currency: after.currency,
    reference: null,
    klarnaPaymentCaptureId: captureId,
    automatic: true,
    failureCode: null,
    createdAt: now,
    updatedAt: now,
  });
  if (after.amountCaptured + after.amountVoided === after.amountAuthorized) move(draft, "complete");
}

/** Whether Klarna has finished checking an order: sure now, or taken back. */
export async function readOrderFunding(ctx: ServiceContext, payment: PaymentRecord): Promise<PaymentRecord> {
  const orderId = payment.klarnaPaymentTransactionId;
  if (orderId === null) return payment;
  const { order } = await findOrder(ctx, payment, orderId);
  const fraud = order?.fraud_status?.toUpperCase();
  if (order === null || fraud === undefined || fraud === "PENDING") return payment;
  let capture: OperationRow | undefined;
  const settled = await step(ctx, payment.id, (fresh, now) => {
    capture = undefined;
    if (fresh.payment.fundingState !== "PENDING") return null;
    const draft = startDraft(fresh);
    if (fraud !== "ACCEPTED") {
      applyRejected(draft, order, isFree(fresh, now));
      return draft;
    }
    const { after } = draft;
    const isToCapture =
      after.capture === "AUTOMATIC" &&
      after.state === "AUTHORIZED" &&
      after.amountCaptured === 0 &&
      !openOperation(fresh.operations, "CAPTURE");
    // Beside another change of the authorization nothing is captured: it is read again after that.
    if (isToCapture && !isFree(fresh, now)) return null;
    after.fundingState = "FUNDED";
    draft.extraEvents.push("payment.funded");
    if (isToCapture) capture = journal(draft, "CAPTURE", now);
    return draft;
  });
  return capture ? runOrderCapture(ctx, settled, capture) : releaseRejected(ctx, settled);
}

/** Whether nothing is under way that changes what is left of the authorization. */
const isFree = (loaded: Loaded, now: Date): boolean => paymentActions(actionFacts(loaded, now)).void === null;
const LIVE: readonly PaymentState[] = ["AUTHORIZED", "AUTHORIZATION_EXPIRED"];

function applyRejected(draft: Draft, order: ClassicOrder, isAlone: boolean): void {
  const { after } = draft;
  after.fundingState = "REJECTED";
  raiseAlarm(
    draft,
    "funding_lost",
    "Klarna refused the order after checking it. Do not hand over the goods; what is left is released.",
  );
  const isCancelled = order.status.toUpperCase() === "CANCELLED";
  if (isCancelled && isAlone && after.state === "AUTHORIZED" && after.amountCaptured === 0) {
    after.amountVoided = after.amountAuthorized;
    move(draft, "release");
    return;
  }
  draft.extraEvents.push("payment.updated");
  if (LIVE.includes(after.state)) after.classic = withFacts(after.classic, { isToRelease: true });
}

/**
 * Releases what is left of an order that Klarna refused after its check: not before every call under way has its answer,
 * for what is left is not known until then.
 */
export async function releaseRejected(ctx: ServiceContext, payment: PaymentRecord): Promise<PaymentRecord> {
  if (payment.classic?.isToRelease !== true) return payment;
  let release: OperationRow | undefined;
  const settled = await step(ctx, payment.id, (fresh, now) => {
    release = undefined;
    if (fresh.payment.classic?.isToRelease !== true) return null;
    const isLive = LIVE.includes(fresh.payment.state);
    if (isLive && !isFree(fresh, now)) return null;
    const draft = startDraft(fresh);
    draft.after.classic = withFacts(draft.after.classic, { isToRelease: false });
    if (isLive) {
      release = journal(draft, "VOID", now);
      // Nobody asks for it again: what could not be sent is not given up.
      release.nextAttemptAt = now;
    }
    return draft;
  });
  return release ? runVoid(ctx, settled, release) : settled;
}
