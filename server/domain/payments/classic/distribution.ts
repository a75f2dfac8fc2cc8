import type { ServiceContext } from "@/server/context";
import { MINUTE_MS } from "@/server/core/time";
import { type Draft, move, raiseAlarm, startDraft, step } from "@/server/domain/payments/change";
import { endStopped, settleStop } from "@/server/domain/payments/journey";
import type { PaymentRecord } from "@/server/domain/payments/rows";
import { ENDED_UNPAID, OPEN_STATES } from "@/server/domain/payments/states";
import { recordLateApproval } from "@/server/domain/payments/undoing";
import {
  type Distribution,
  DistributionSchema,
  distributionPath,
  readDistribution,
  readOutcome,
} from "@/server/klarna/classic";
import { unknownWords } from "@/server/observability/metrics";
import { distributionWord, EXPIRED_CODES, failureCodeOf, REJECTED_CODES, withFacts } from "./facts";
import { callClassic } from "./target";

/* The way of a classic session to its end, as Klarna says when it is asked. Nothing else ever decides. */

/**
 * What a distribution means for a payment. Writes into the draft; false where nothing is applied. `readAt` is when the
 * question was begun: what was asked earlier is not applied after what was asked later. An order for a payment that is to
 * be stopped, or that is over, is recorded and undone: the customer does not pay for a sale that is off.
 */
export function applyDistribution(draft: Draft, found: Distribution, readAt: Date, now: Date): boolean {
  const { after } = draft;
  const word = distributionWord(found.status);
  const orderId = found.order_id ?? null;
  if (ENDED_UNPAID.includes(after.state)) {
    if (after.lateApprovalState !== null) return false;
    if (word !== "COMPLETED") seen(draft, readAt);
    if (word !== "COMPLETED" || orderId === null) return false;
    note(draft, word, found, readAt);
    recordLateApproval(draft, orderId);
    return true;
  }
  if (!OPEN_STATES.includes(after.state) || after.state === "FINALIZING") return false;
  const last = after.classic?.readAt ?? null;
  if (last !== null && readAt.getTime() < Date.parse(last)) return false;
  switch (word) {
    case "WAITING":
      note(draft, word, found, readAt);
      return true;
    case "DISTRIBUTED":
    case "ACCESSED": {
      const isNew = showCode(draft, found);
      const isMoved = enterOrLeave(draft, word);
      note(draft, word, found, readAt);
      if (isNew && !isMoved) draft.extraEvents.push("payment.updated");
      return true;
    }
    case "COMPLETED":
      // Without the order there is nothing to go on with: it is read again.
      if (orderId === null) return false;
      note(draft, word, found, readAt);
      complete(draft, orderId, now);
      return true;
    case "CANCELLED":
      note(draft, word, found, readAt);
      after.klarnaRequestState = "CANCELED";
      endStopped(draft, after.stopMark === "EXPIRE" ? "expire" : "cancel", now);
      return true;
    case "FAILED":
      note(draft, word, found, readAt);
      fail(draft, (found.error?.code ?? "UNKNOWN").toUpperCase(), now);
      return true;
    default:
      unknownWords.inc({ field: "distribution.status" });
      return false;
  }
}

function note(draft: Draft, word: string, found: Distribution, readAt: Date): void {
  const { after } = draft;
  after.klarnaReference = found.klarna_reference ?? after.klarnaReference;
  after.classic = withFacts(after.classic, {
    status: word,
    readAt: readAt.toISOString(),
    ...(found.order_id === undefined ? {} : { orderId: found.order_id }),
    ...(found.error?.code === undefined ? {} : { errorCode: found.error.code.slice(0, 64) }),
  });
}

/** That it was read, of a payment that is over: what it says changes nothing. */
function seen(draft: Draft, readAt: Date): void {
  draft.after.classic = withFacts(draft.after.classic, { readAt: readAt.toISOString() });
}

const isWebAddress = (address: string | undefined): address is string =>
  address !== undefined && URL.canParse(address) && /^https?:$/.test(new URL(address).protocol);

/** The code is there: it encodes the link. With a short code the customer is in the app already. True when it is new. */
function showCode(draft: Draft, found: Distribution): boolean {
  const { after } = draft;
  if (after.launch !== "QR" || !isWebAddress(found.payment_link)) return false;
  const isNew = after.klarnaQrTargetUrl !== found.payment_link;
  after.klarnaPaymentRequestUrl = found.payment_link;
  after.klarnaQrTargetUrl = found.payment_link;
  after.klarnaQrImageUrl = isWebAddress(found.qr) ? found.qr : found.payment_link;
  return isNew;
}

function enterOrLeave(draft: Draft, word: "DISTRIBUTED" | "ACCESSED"): boolean {
  const { after } = draft;
  after.klarnaRequestState = word === "ACCESSED" ? "IN_PROGRESS" : "SUBMITTED";
  if (word === "ACCESSED" && after.state === "PENDING") {
    move(draft, "enter");
    return true;
  }
  if (word === "DISTRIBUTED" && after.state === "IN_PROGRESS") {
    move(draft, "leave");
    return true;
  }
  return false;
}

/** Klarna has placed the order. What it is worth is read next; nothing can be canceled from here on. */
function complete(draft: Draft, orderId: string, now: Date): void {
  const { after } = draft;
  after.klarnaRequestState = "COMPLETED";
  after.journeyCompletedAt = now;
  if (after.stopMark !== null) {
    // The cashier (or the clock) was first: the sale is off, and the order is undone.
    endStopped(draft, after.stopMark === "EXPIRE" ? "expire" : "cancel", now);
    recordLateApproval(draft, orderId);
    return;
  }
  after.finalStartedAt = now;
  move(draft, "finish");
}

function fail(draft: Draft, code: string, now: Date): void {
  const { after } = draft;
  if (EXPIRED_CODES.has(code)) {
    after.klarnaRequestState = "EXPIRED";
    endStopped(draft, "expire", now);
    return;
  }
  settleStop(draft, `SESSION_${REJECTED_CODES.has(code) ? "DECLINED" : "FAILED"}`, now);
  if (REJECTED_CODES.has(code)) {
    after.klarnaRequestState = "DECLINED";
    after.declineReason = "declined_in_journey";
    move(draft, "decline");
    return;
  }
  after.klarnaRequestState = "FAILED";
  after.failureCode = failureCodeOf(code, after.launch);
  if (after.failureCode === "klarna_error")
    raiseAlarm(draft, "classic_session_failed", `A classic session failed at Klarna: ${code.slice(0, 60)}.`);
  move(draft, "fail");
}

/** Reads the distribution and applies what it says, as a callback would have. */
export async function readAndApplyDistribution(ctx: ServiceContext, payment: PaymentRecord): Promise<PaymentRecord> {
  const sessionId = payment.klarnaPaymentRequestId;
  if (sessionId === null) return payment;
  const readAt = ctx.clock.now();
  const outcome = await callClassic(ctx, payment, (target) =>
    readDistribution(target, payment.classic?.resultPath ?? distributionPath(sessionId)),
  );
  const found = readOutcome(DistributionSchema, outcome);
  const isGone = outcome.kind === "refused" && outcome.error.status === 404;
  return step(ctx, payment.id, (fresh, now) => {
    const draft = startDraft(fresh);
    const isOpen = OPEN_STATES.includes(draft.after.state) && draft.after.finalStartedAt === null;
    if (found) applyDistribution(draft, found, readAt, now);
    else if (isGone && isOpen && !mayStillCome(draft.after, now)) loseSession(draft, now);
    else if (isGone && ENDED_UNPAID.includes(draft.after.state)) seen(draft, readAt);
    return draft;
  });
}

/** A distribution is made after its session: one that was never seen is not yet lost when it is not found at once. */
const COMES_WITHIN_MS = MINUTE_MS;
function mayStillCome(payment: Pick<PaymentRecord, "classic" | "createdAt">, now: Date): boolean {
  const isSeen = payment.classic !== null && payment.classic.readAt !== null;
  return !isSeen && now.getTime() - payment.createdAt.getTime() < COMES_WITHIN_MS;
}

/** Klarna does not know the session any more: it cannot be paid. */
export function loseSession(draft: Draft, now: Date): void {
  draft.after.failureCode = "request_lost";
  settleStop(draft, "REQUEST_LOST", now);
  move(draft, "fail");
}
