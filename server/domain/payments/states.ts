import { defineMachine } from "@/server/core/state-machine";

/**
 * The life of a payment. The same graph stands as a trigger on the table; a test holds the two against each other.
 * Events: `stepUp` Klarna wants the customer; `enter`/`leave` the journey; `finish` the journey is done;
 * `approve` something is left to capture; `complete` nothing is left; `release` the rest was voided and nothing captured.
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
    decline: "DECLINED",
    cancel: "CANCELED",
    expire: "EXPIRED",
    fail: "FAILED",
  },
  IN_PROGRESS: {
    leave: "PENDING",
    finish: "FINALIZING",
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

/** Why an action is not possible now, in plain words; null when it is. */
export type PaymentActions = { cancel: string | null; void: string | null; refund: string | null };

export function paymentActions(payment: {
  state: PaymentState;
  finalStartedAt: Date | null;
  stopMark: string | null;
  amountAuthorized: number;
  amountCaptured: number;
  amountVoided: number;
  amountRefundable: number;
}): PaymentActions {
  return {
    cancel: cancelRefusal(payment),
    void:
      payment.state === "AUTHORIZED" || payment.state === "AUTHORIZATION_EXPIRED"
        ? null
        : "Only an authorized payment with something left to capture can be voided.",
    refund: payment.amountRefundable > 0 ? null : "Nothing is captured that could be refunded.",
  };
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
