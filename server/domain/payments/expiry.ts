import type { ServiceContext } from "@/server/context";
import { formatMoney } from "@/server/core/money";
import { addMs, DAY_MS } from "@/server/core/time";
import {
  AUTHORIZATION_ENDING,
  type Draft,
  move,
  openCaptureAmount,
  openKinds,
  raiseAlarm,
  startDraft,
  step,
} from "./change";
import { type RailTransaction, railOf } from "./rail";
import type { PaymentRecord } from "./rows";
import { paymentActions } from "./states";
import { LATE_END_INTERVAL_MS } from "./wake";

/* How an authorization ends by itself: warned before, and then as Klarna says, never as our clock guesses. */

/** Does what time asks of an authorization: tells somebody that it ends soon, or reads what became of it. */
export async function advanceAuthorization(ctx: ServiceContext, payment: PaymentRecord): Promise<PaymentRecord> {
  const now = ctx.clock.now();
  if (payment.state === "AUTHORIZATION_EXPIRED") {
    const isOver = paymentActions({ ...payment, amountRefundable: 0, now }).reauthorize !== null;
    return isOver ? readAndApplyTransaction(ctx, payment) : payment;
  }
  const end = payment.authorizationExpiresAt;
  if (payment.state !== "AUTHORIZED" || end === null) return payment;
  if (now >= end) return readAndApplyTransaction(ctx, payment);
  const warnMs = ctx.env.AUTHORIZATION_WARNING_DAYS * DAY_MS;
  const isNear = warnMs > 0 && payment.authorizationWarnedAt === null && now >= addMs(end, -warnMs);
  return isNear ? warn(ctx, payment) : payment;
}

/** Once for each period: an alarm for people, and `payment.updated` for the Partner, whose object names the end. */
function warn(ctx: ServiceContext, payment: PaymentRecord): Promise<PaymentRecord> {
  return step(ctx, payment.id, (fresh, now) => {
    const { state, authorizationWarnedAt, authorizationExpiresAt } = fresh.payment;
    if (state !== "AUTHORIZED" || authorizationWarnedAt !== null || authorizationExpiresAt === null) return null;
    const draft = startDraft(fresh);
    draft.after.authorizationWarnedAt = now;
    draft.extraEvents.push("payment.updated");
    raiseAlarm(
      draft,
      AUTHORIZATION_ENDING,
      `The authorization ends on ${authorizationExpiresAt.toISOString().slice(0, 10)} and is not fully captured. Capture the rest or release it.`,
    );
    draft.audit.push({
      action: "payment.authorization_ending",
      after: { authorization_expires_at: authorizationExpiresAt.toISOString() },
    });
    return draft;
  });
}

/** Reads the transaction and follows Klarna where the authorization ended or was renewed. Does nothing where it cannot be read. */
export async function readAndApplyTransaction(ctx: ServiceContext, payment: PaymentRecord): Promise<PaymentRecord> {
  const { transaction } = await railOf(payment).readTransaction(ctx, payment);
  return step(ctx, payment.id, (fresh, now) => {
    const { state } = fresh.payment;
    if (state !== "AUTHORIZED" && state !== "AUTHORIZATION_EXPIRED") return null;
    // A call of ours that has no answer yet may be what moved it: its own answer tells.
    const isBusy = openKinds(fresh.operations).some((kind) => MOVING.includes(kind));
    if (isBusy || openCaptureAmount(fresh.captures) > 0 || hasMoved(payment, fresh.payment)) return null;
    const draft = startDraft(fresh);
    if (transaction === null) askAgain(draft, now);
    else applyTransaction(draft, transaction, now);
    return draft;
  });
}

/** Whether the money moved here while Klarna was read: then the read says nothing about what is known now. */
function hasMoved(before: PaymentRecord, now: PaymentRecord): boolean {
  return (
    before.state !== now.state ||
    before.amountAuthorized !== now.amountAuthorized ||
    before.amountCaptured !== now.amountCaptured ||
    before.amountVoided !== now.amountVoided
  );
}

const MOVING: readonly string[] = ["CAPTURE", "VOID", "UPDATE", "REAUTHORIZE"];

/** An end that should have come and has not is asked for again in an hour. */
function askAgain(draft: Draft, now: Date): void {
  const { after } = draft;
  if (after.state === "AUTHORIZED" && after.authorizationExpiresAt !== null && after.authorizationExpiresAt <= now)
    after.authorizationExpiresAt = addMs(now, LATE_END_INTERVAL_MS);
}

function applyTransaction(draft: Draft, transaction: RailTransaction, now: Date): void {
  const { after } = draft;
  const { state, amount, expiresAt, capturedAmount } = transaction;
  const text = (value: number): string => formatMoney(value, after.currency);
  const isLive = state === "AUTHORIZED" || state === "EXPIRED";
  if (isLive && amount !== null && amount !== after.amountAuthorized)
    raiseAlarm(
      draft,
      "books_differ",
      `Klarna has authorized ${text(amount)} of this payment, and ${text(after.amountAuthorized)} is known here: compare with Klarna's portal.`,
    );
  if (capturedAmount !== null && capturedAmount !== after.amountCaptured) {
    raiseAlarm(
      draft,
      "books_differ",
      `Klarna has captured ${text(capturedAmount)} of this payment, and ${text(after.amountCaptured)} is known here. Somebody captured it elsewhere: compare with Klarna's portal.`,
    );
    askAgain(draft, now);
    return;
  }
  switch (state) {
    case "EXPIRED":
      if (after.state === "AUTHORIZED") {
        after.authorizationExpiresAt = expiresAt ?? after.authorizationExpiresAt;
        move(draft, "lapse");
      }
      return;
    case "AUTHORIZED":
      if (after.state === "AUTHORIZATION_EXPIRED") {
        after.authorizationWarnedAt = null;
        after.authorizationExpiresAt = expiresAt ?? addMs(now, LATE_END_INTERVAL_MS);
        move(draft, "renew");
      } else if (expiresAt !== null && expiresAt > now) after.authorizationExpiresAt = expiresAt;
      else askAgain(draft, now);
      return;
    case "CLOSED":
    case "COMPLETED":
      // Released at Klarna, by time or by somebody there: what is left can be captured no more.
      if ((state === "CLOSED") === (after.amountCaptured === 0)) {
        after.amountVoided = after.amountAuthorized - after.amountCaptured;
        move(draft, state === "CLOSED" ? "release" : "complete");
      } else askAgain(draft, now);
      return;
    default:
      askAgain(draft, now);
  }
}
