import { addMs, HOUR_MS, MINUTE_MS, SECOND_MS } from "@/server/core/time";
import type { OperationRow, PaymentRow } from "@/server/domain/payments/rows";

/* How often a classic session is asked about: Klarna tells it by callback where it can reach us, else nobody does. */

/** By age: until this age, at this distance. */
type Steps = readonly { until: number; every: number }[];
/** A till waits for the code. */
const FOR_CODE: Steps = [
  { until: 30 * SECOND_MS, every: SECOND_MS },
  { until: 2 * MINUTE_MS, every: 2 * SECOND_MS },
];
const WITHOUT_CALLBACKS: Steps = [
  { until: MINUTE_MS, every: 2 * SECOND_MS },
  { until: 3 * MINUTE_MS, every: 3 * SECOND_MS },
  { until: 10 * MINUTE_MS, every: 5 * SECOND_MS },
];
const WITH_CALLBACKS: Steps = [
  { until: MINUTE_MS, every: 20 * SECOND_MS },
  { until: 2 * MINUTE_MS, every: MINUTE_MS },
];

/**
 * After a confirmed cancel, at this distance: an order that was placed in the same moment shows up in the session. Klarna's
 * callback would tell it, where there is one and it comes.
 */
const AFTER_CANCEL_WITHOUT = [5 * SECOND_MS, MINUTE_MS, 10 * MINUTE_MS];
const AFTER_CANCEL_WITH = [2 * MINUTE_MS];
/** Klarna forgets a session after 48 hours. */
const SESSION_MS = 48 * HOUR_MS;

/** Whether the customer has what it takes to go on: the code to scan, or the session in the app. */
export function isDistributed(payment: Pick<PaymentRow, "launch" | "classic" | "klarnaQrTargetUrl">): boolean {
  if (payment.launch === "QR") return payment.klarnaQrTargetUrl !== null;
  return payment.classic?.status !== null && payment.classic?.status !== "WAITING";
}

/** When the session of a pending payment is read next. */
export function nextPoll(
  payment: Pick<PaymentRow, "launch" | "classic" | "klarnaQrTargetUrl" | "createdAt">,
  now: Date,
): Date {
  const hasCallbacks = payment.classic?.callbackHash !== null;
  const [steps, last] = !isDistributed(payment)
    ? [FOR_CODE, 10 * SECOND_MS]
    : hasCallbacks
      ? [WITH_CALLBACKS, 2 * MINUTE_MS]
      : [WITHOUT_CALLBACKS, 15 * SECOND_MS];
  const age = now.getTime() - payment.createdAt.getTime();
  return addMs(now, steps.find(({ until }) => age < until)?.every ?? last);
}

/** When the session of a canceled payment is read again; null when it has been, or Klarna ended it by its own word. */
export function nextLookBack(
  payment: Pick<PaymentRow, "rail" | "classic">,
  operations: readonly Pick<OperationRow, "kind" | "state" | "result" | "settledAt">[],
  now: Date,
): Date | null {
  if (payment.rail !== "CLASSIC") return null;
  const confirmed = operations.findLast(
    (row) => row.kind === "CANCEL_REQUEST" && row.state === "SUCCEEDED" && row.result === "CANCELED",
  )?.settledAt;
  if (!confirmed || now.getTime() >= confirmed.getTime() + SESSION_MS) return null;
  const read = Date.parse(payment.classic?.readAt ?? "1970-01-01");
  const steps = payment.classic?.callbackHash ? AFTER_CANCEL_WITH : AFTER_CANCEL_WITHOUT;
  const next = steps.map((ms) => addMs(confirmed, ms)).find((look) => read < look.getTime());
  // One that is past was tried, and nothing could be read.
  return next === undefined || next > now ? (next ?? null) : addMs(now, MINUTE_MS);
}
