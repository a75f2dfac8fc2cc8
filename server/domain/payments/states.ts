import { defineMachine } from "@/server/core/state-machine";
import { DAY_MS } from "@/server/core/time";

/**
 * The life of a payment. The same graph stands as a trigger on the table; a test holds the two against each other.
 * Events: `stepUp` Klarna wants the customer; `enter`/`leave` the journey; `finish` the journey is done;
 * `approve` something is left to capture; `complete` nothing is left; `release` the rest was voided and nothing captured;
 * `lapse` Klarna's period is over; `renew` Klarna authorized again. Out of the journey only a classic payment is approved:
 * Klarna places its order itself. The trigger holds the others to the final call.
 */
export const paymentMachine = defineMachine({
  PROCESSING: {
    stepUp: "PENDING",
    enter: "IN_PROGRESS",
    finish: "FINALIZING",
    approve: "AUTHORIZED",
    complete: "COMPLETED",
    decline: "DECLINED",
    cancel: "CANCELED",
    expire: "EXPIRED",
    fail: "FAILED",
  },
  PENDING: {
    enter: "IN_PROGRESS",
    finish: "FINALIZING",
    approve: "AUTHORIZED",
    complete: "COMPLETED",
    decline: "DECLINED",
    cancel: "CANCELED",
    expire: "EXPIRED",
    fail: "FAILED",
  },
  IN_PROGRESS: {
    leave: "PENDING",
    finish: "FINALIZING",
    approve: "AUTHORIZED",
    complete: "COMPLETED",
    decline: "DECLINED",
    cancel: "CANCELED",
    expire: "EXPIRED",
    fail: "FAILED",
  },
  FINALIZING: {
    stepUp: "PENDING",
    approve: "AUTHORIZED",
    complete: "COMPLETED",
    decline: "DECLINED",
    cancel: "CANCELED",
    fail: "FAILED",
  },
  AUTHORIZED: { complete: "COMPLETED", release: "VOIDED", lapse: "AUTHORIZATION_EXPIRED" },
  AUTHORIZATION_EXPIRED: { renew: "AUTHORIZED", complete: "COMPLETED", release: "VOIDED" },
  COMPLETED: {},
  VOIDED: {},
  DECLINED: {},
  CANCELED: {},
  EXPIRED: {},
  FAILED: {},
});
export type PaymentState = (typeof paymentMachine.states)[number];
export const PAYMENT_STATES = paymentMachine.states;

/** The states as the Partner API says them. A plain list, so that a table need not load a schema library to name them. */
export const PUBLIC_STATUSES = [
  "processing",
  "pending",
  "in_progress",
  "finalizing",
  "authorized",
  "authorization_expired",
  "completed",
  "voided",
  "declined",
  "canceled",
  "expired",
  "failed",
] as const satisfies readonly Lowercase<PaymentState>[];

/** One machine for captures, refunds and the journal: an answer that never came is a state of its own. */
export const operationMachine = defineMachine({
  PENDING: { succeed: "SUCCEEDED", fail: "FAILED", lose: "UNKNOWN" },
  UNKNOWN: { succeed: "SUCCEEDED", fail: "FAILED" },
  SUCCEEDED: {},
  FAILED: {},
});
export type OperationState = (typeof operationMachine.states)[number];

/** Ended without money: a payment that can be tried again under the same reference. */
export const ENDED_UNPAID: readonly PaymentState[] = ["DECLINED", "CANCELED", "EXPIRED", "FAILED"];
/** Still to be decided by the customer, Klarna or us. */
export const OPEN_STATES: readonly PaymentState[] = ["PROCESSING", "PENDING", "IN_PROGRESS", "FINALIZING"];
/** While these last, the QR code may be shown. */
export const QR_STATES: readonly PaymentState[] = ["PENDING", "IN_PROGRESS"];

/** Whether the customer's part is over: the event stream and the display end here. */
export function isSettled(state: PaymentState): boolean {
  return !OPEN_STATES.includes(state);
}

/** Plain words for people, by state. */
export const PAYMENT_STATE_WORDS: Readonly<Record<PaymentState, string>> = {
  PROCESSING: "Processing",
  PENDING: "Waiting for customer",
  IN_PROGRESS: "Customer is paying",
  FINALIZING: "Finalizing",
  AUTHORIZED: "Authorized",
  AUTHORIZATION_EXPIRED: "Authorization ended",
  COMPLETED: "Completed",
  VOIDED: "Voided",
  DECLINED: "Declined",
  CANCELED: "Canceled",
  EXPIRED: "Expired",
  FAILED: "Failed",
};

/** Klarna renews an authorization within this time of its end. */
export const REAUTHORIZE_WITHIN_MS = 7 * DAY_MS;

/** Why an action is not possible now, in plain words; null when it is. */
export type PaymentActions = {
  cancel: string | null;
  capture: string | null;
  void: string | null;
  update: string | null;
  reauthorize: string | null;
  refund: string | null;
};

export type ActionFacts = {
  state: PaymentState;
  finalStartedAt: Date | null;
  stopMark: string | null;
  amountAuthorized: number;
  amountCaptured: number;
  amountVoided: number;
  amountRefundable: number;
  klarnaRequestState?: string | null;
  rail?: "NETWORK" | "CLASSIC";
  authorizationExpiresAt?: Date | null;
  /** The amount of captures that may still succeed. */
  openCaptures?: number;
  /** Kinds of journalled calls that have no definite answer yet. */
  open?: readonly string[];
  now?: Date;
};

/** What changes the authorization itself: one at a time, and none beside a capture. */
const EXCLUSIVE = ["VOID", "UPDATE", "REAUTHORIZE"];
const BUSY = "Another operation on the authorization has no answer yet. Try again in a moment.";

/** What is left to capture when every capture that may still succeed does. */
export function capturableAmount(payment: {
  amountAuthorized: number;
  amountCaptured: number;
  amountVoided: number;
  openCaptures?: number;
}): number {
  const taken = payment.amountCaptured + payment.amountVoided + (payment.openCaptures ?? 0);
  return Math.max(0, payment.amountAuthorized - taken);
}

export function paymentActions(payment: ActionFacts): PaymentActions {
  return {
    cancel: cancelRefusal(payment),
    capture: captureRefusal(payment),
    void: voidRefusal(payment),
    update: updateRefusal(payment),
    reauthorize: reauthorizeRefusal(payment),
    refund: payment.amountRefundable > 0 ? null : "Nothing is captured that could be refunded.",
  };
}

function isBusy({ open = [] }: ActionFacts, kinds: readonly string[]): boolean {
  return open.some((kind) => kinds.includes(kind));
}

function captureRefusal(payment: ActionFacts): string | null {
  if (payment.state === "AUTHORIZATION_EXPIRED") return "The authorization has ended. Renew it first.";
  if (payment.state !== "AUTHORIZED") return "Only an authorized payment with something left can be captured.";
  if (isBusy(payment, EXCLUSIVE)) return BUSY;
  return capturableAmount(payment) > 0 ? null : "All that is left is being captured already.";
}

function voidRefusal(payment: ActionFacts): string | null {
  if (payment.state !== "AUTHORIZED" && payment.state !== "AUTHORIZATION_EXPIRED")
    return "Only an authorized payment with something left to capture can be voided.";
  return isBusy(payment, ["CAPTURE", ...EXCLUSIVE]) ? BUSY : null;
}

function updateRefusal(payment: ActionFacts): string | null {
  const isWaiting =
    payment.state === "PENDING" &&
    payment.klarnaRequestState === "SUBMITTED" &&
    payment.stopMark === null &&
    payment.rail !== "CLASSIC";
  if (!isWaiting && payment.state !== "AUTHORIZED")
    return payment.state === "IN_PROGRESS"
      ? "The customer has begun to pay."
      : "Only a payment that the customer has not begun, or one with something left to capture, can be changed.";
  return isBusy(payment, ["CAPTURE", "CANCEL_REQUEST", ...EXCLUSIVE]) ? BUSY : null;
}

function reauthorizeRefusal(payment: ActionFacts): string | null {
  if (payment.state !== "AUTHORIZATION_EXPIRED") return "Only an authorization that has ended can be renewed.";
  const { authorizationExpiresAt: end, now } = payment;
  if (end && now && now.getTime() >= end.getTime() + REAUTHORIZE_WITHIN_MS)
    return "An authorization can be renewed within 7 days of its end.";
  return isBusy(payment, ["CAPTURE", ...EXCLUSIVE]) ? BUSY : null;
}

function cancelRefusal(payment: {
  state: PaymentState;
  finalStartedAt: Date | null;
  stopMark: string | null;
}): string | null {
  if (!OPEN_STATES.includes(payment.state))
    return `The payment is ${PAYMENT_STATE_WORDS[payment.state].toLowerCase()}.`;
  if (payment.finalStartedAt) return "The customer has paid and the payment is being finalized.";
  if (payment.stopMark) return "The payment is already being canceled.";
  return null;
}
