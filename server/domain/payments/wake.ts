import { addMs, DAY_MS, MINUTE_MS, SECOND_MS } from "@/server/core/time";
import { nextLookBack, nextPoll } from "./classic/polling";
import type { OperationRow, PaymentRow } from "./rows";
import { ENDED_UNPAID, operationMachine, REAUTHORIZE_WITHIN_MS } from "./states";

/* When a payment has to be looked at again. */

/** When an open request is read because its webhook has not come. */
const READ_STEPS_MS = [20 * SECOND_MS, 60 * SECOND_MS];
const READ_INTERVAL_MS = 2 * MINUTE_MS;
/** A payment whose money is not sure yet is asked about, should the event that tells it be lost. */
const FUNDING_READ_INTERVAL_MS = 30 * MINUTE_MS;
/** Klarna's usual period, where it does not name the end. */
export const AUTHORIZATION_PERIOD_MS = 28 * DAY_MS;
/** How often an authorization is read again whose end should have come and has not. */
export const LATE_END_INTERVAL_MS = 60 * MINUTE_MS;

/** Something may be left to release. */
const REJECTABLE: readonly PaymentRow["state"][] = ["AUTHORIZED", "AUTHORIZATION_EXPIRED"];
/** So long after its payment a late approval is tried every few seconds, then at this distance. */
const LATE_SOON_MS = 60 * MINUTE_MS;
const LATE_READ_INTERVAL_MS = 5 * MINUTE_MS;
const LATE_KINDS: readonly OperationRow["kind"][] = ["LATE_VOID", "LATE_REFUND"];

/** Whether a late approval that cannot be read may still be readable in a moment. */
export function isLateSoon(payment: Pick<PaymentRow, "createdAt">, now: Date): boolean {
  return now.getTime() - payment.createdAt.getTime() < LATE_SOON_MS;
}

/**
 * In how long a late approval is looked at again. What Klarna refused to undo, or does not show as undone, a person undoes:
 * it is looked at now and then, and not all the time.
 */
function nextLateLook(payment: PaymentRow, operations: readonly OperationRow[], now: Date): number {
  const isStuck = operations
    .filter((row) => LATE_KINDS.includes(row.kind))
    .some(
      ({ kind, state, settledAt }) =>
        kind === "LATE_REFUND" ||
        state === "FAILED" ||
        (settledAt !== null && now.getTime() - settledAt.getTime() > MINUTE_MS),
    );
  if (isStuck) return LATE_END_INTERVAL_MS;
  return isLateSoon(payment, now) ? 5 * SECOND_MS : LATE_READ_INTERVAL_MS;
}

/**
 * When this payment has to be looked at again; null when nothing is open. `warnMs` is how long before the end of an
 * authorization somebody is told.
 */
export function nextWake(payment: PaymentRow, operations: readonly OperationRow[], now: Date, warnMs = 0): Date | null {
  const times: Date[] = [];
  for (const operation of operations)
    if (!operationMachine.isTerminal(operation.state) && operation.nextAttemptAt) times.push(operation.nextAttemptAt);
  const hasOpen = times.length > 0;
  switch (payment.state) {
    case "PROCESSING":
      if (!hasOpen) times.push(now);
      break;
    case "PENDING":
    case "IN_PROGRESS": {
      if (payment.stopMark !== null && !hasOpen) times.push(addMs(now, READ_STEPS_MS[0] ?? READ_INTERVAL_MS));
      if (payment.stopMark === null && payment.rail === "CLASSIC")
        times.push(nextPoll(payment, now), payment.expiresAt);
      else if (payment.stopMark === null) {
        const age = now.getTime() - payment.createdAt.getTime();
        const step = READ_STEPS_MS.find((ms) => age < ms);
        times.push(
          step === undefined ? addMs(now, READ_INTERVAL_MS) : addMs(payment.createdAt, step),
          payment.expiresAt,
        );
      }
      break;
    }
    case "FINALIZING":
      if (!hasOpen) times.push(addMs(now, 5 * SECOND_MS));
      break;
    case "AUTHORIZED": {
      const end = payment.authorizationExpiresAt ?? addMs(payment.createdAt, AUTHORIZATION_PERIOD_MS);
      times.push(end);
      if (warnMs > 0 && payment.authorizationWarnedAt === null) times.push(addMs(end, -warnMs));
      break;
    }
    case "AUTHORIZATION_EXPIRED": {
      const end = addMs(payment.authorizationExpiresAt ?? payment.createdAt, REAUTHORIZE_WITHIN_MS);
      // Past its end it stays due, whatever else happens to it, until the sweep has taken it and asked.
      const due = payment.nextActionAt;
      times.push(end > now ? end : due !== null && due <= now ? due : addMs(now, LATE_END_INTERVAL_MS));
      break;
    }
    default:
      if (payment.lateApprovalState === "FOUND" && !hasOpen) {
        times.push(addMs(now, nextLateLook(payment, operations, now)));
      } else if (payment.lateApprovalState === null && ENDED_UNPAID.includes(payment.state)) {
        const look = nextLookBack(payment, operations, now);
        if (look !== null) times.push(look);
      }
  }
  // Of what was released altogether nothing is left to become sure.
  if (payment.fundingState === "PENDING" && payment.state !== "VOIDED") {
    const isOld = now.getTime() - payment.createdAt.getTime() > AUTHORIZATION_PERIOD_MS;
    times.push(addMs(now, isOld ? DAY_MS : FUNDING_READ_INTERVAL_MS));
  }
  if (payment.classic?.isToRelease === true && REJECTABLE.includes(payment.state) && !hasOpen) times.push(now);
  const earliest = Math.min(...times.map((time) => time.getTime()));
  return Number.isFinite(earliest) ? new Date(earliest) : null;
}
