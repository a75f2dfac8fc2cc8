import { addMs, MINUTE_MS, SECOND_MS } from "@/server/core/time";
import type { PaymentRow } from "@/server/domain/payments/rows";

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
