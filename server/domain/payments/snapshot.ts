import { newId } from "@/server/core/ids";
import { lowerCase } from "@/server/core/text";
import type { EventType, NewEvent } from "@/server/events/catalog";
import type { CaptureRow, PaymentRecord, PaymentRow, RefundRow } from "./rows";
import type { CaptureSnapshot, PaymentSnapshot, RefundSnapshot } from "./schema";
import { operationMachine, type PaymentState } from "./states";

/** Neutral sentences for a failure code. Klarna's own words stay in the log. */
const FAILURE_MESSAGES: Readonly<Record<string, string>> = {
  approval_lapsed: "The approval was not finalized in time and is void.",
  klarna_refused: "Klarna refused the request.",
  klarna_unavailable: "Klarna could not be reached. Nothing was charged.",
  session_token_used: "The session token had paid for another payment already. Nothing was charged.",
  request_lost: "Klarna does not know the payment request any more.",
  short_code_refused:
    "Klarna does not know this short code. Ask the customer for a new one, or show a QR code instead.",
  data_refused: "Klarna cannot use the data of the sale. Correct it and start again.",
  klarna_not_permitted: "Klarna does not accept the credentials. Do not try again: call support.",
  klarna_error:
    "Klarna had an error. Do not try this sale again with Klarna: take another way to pay, and call support.",
  authorization_lost: "No approval was found at Klarna.",
};

/** Why something failed, as Partners read it; null without a code, a general sentence for a code without one. */
export function failureOf(code: string | null): { code: string; message: string } | null {
  return code === null ? null : { code, message: FAILURE_MESSAGES[code] ?? "The payment could not be made." };
}

/** What can still be refunded: captured less refunds that succeeded or may still. */
export function refundableAmount(payment: PaymentRow, openRefunds: number): number {
  return Math.max(0, payment.amountCaptured - payment.amountRefunded - openRefunds);
}

/** The payment as Partners see it, without the links that hold a token. */
export function snapshotPayment(payment: PaymentRecord, openRefunds = 0): PaymentSnapshot {
  return {
    id: payment.id,
    object: "payment",
    mode: payment.mode,
    status: lowerCase(payment.state),
    amount: payment.amount,
    currency: payment.currency,
    reference: payment.reference,
    channel: lowerCase(payment.channel),
    launch: lowerCase(payment.launch),
    capture: lowerCase(payment.capture),
    store:
      payment.storeId && payment.storeReference !== null
        ? { id: payment.storeId, reference: payment.storeReference }
        : null,
    terminal:
      payment.terminalId && payment.terminalReference !== null
        ? { id: payment.terminalId, reference: payment.terminalReference }
        : null,
    amount_authorized: payment.amountAuthorized,
    amount_captured: payment.amountCaptured,
    amount_refunded: payment.amountRefunded,
    amount_voided: payment.amountVoided,
    amount_refundable: refundableAmount(payment, openRefunds),
    klarna: {
      payment_request_id: payment.klarnaPaymentRequestId,
      payment_request_url: payment.klarnaPaymentRequestUrl,
      payment_transaction_id: payment.klarnaPaymentTransactionId,
      qr_code:
        payment.klarnaQrTargetUrl !== null && payment.klarnaQrImageUrl !== null
          ? { image_url: payment.klarnaQrImageUrl, target_url: payment.klarnaQrTargetUrl }
          : null,
    },
    funding:
      payment.fundingType === null
        ? null
        : { type: lowerCase(payment.fundingType), state: (payment.fundingState ?? "pending").toLowerCase() },
    customer_token: null,
    decline: payment.declineReason === null ? null : { reason: "declined" },
    failure: failureOf(payment.failureCode),
    expires_at: payment.expiresAt.toISOString(),
    authorization_expires_at: payment.authorizationExpiresAt?.toISOString() ?? null,
    created_at: payment.createdAt.toISOString(),
    updated_at: payment.updatedAt.toISOString(),
    metadata: payment.metadata,
  };
}

/** The capture as Partners see it; amounts in minor units. */
export function snapshotCapture(capture: CaptureRow): CaptureSnapshot {
  const isOpen = !operationMachine.isTerminal(capture.state);
  return {
    id: capture.id,
    object: "capture",
    payment: capture.paymentId,
    status: isOpen ? "processing" : capture.state === "SUCCEEDED" ? "succeeded" : "failed",
    amount: capture.amount,
    currency: capture.currency,
    reference: capture.reference,
    klarna: { payment_capture_id: capture.klarnaPaymentCaptureId },
    failure: failureOf(capture.failureCode),
    created_at: capture.createdAt.toISOString(),
  };
}

/** The refund as Partners see it; amounts in minor units. */
export function snapshotRefund(refund: RefundRow): RefundSnapshot {
  const isOpen = !operationMachine.isTerminal(refund.state);
  return {
    id: refund.id,
    object: "refund",
    payment: refund.paymentId,
    capture: refund.captureId,
    status: isOpen ? "processing" : refund.state === "SUCCEEDED" ? "succeeded" : "failed",
    amount: refund.amount,
    currency: refund.currency,
    reason: refund.reason,
    reference: refund.reference,
    store:
      refund.storeId && refund.storeReference !== null
        ? { id: refund.storeId, reference: refund.storeReference }
        : null,
    terminal:
      refund.terminalId && refund.terminalReference !== null
        ? { id: refund.terminalId, reference: refund.terminalReference }
        : null,
    klarna: { payment_refund_id: refund.klarnaPaymentRefundId },
    failure: failureOf(refund.failureCode),
    created_at: refund.createdAt.toISOString(),
  };
}

/** The event that a new state announces; none for states that Partners only read. */
const STATE_EVENTS: Readonly<Record<PaymentState, EventType | null>> = {
  PROCESSING: null,
  PENDING: "payment.pending",
  IN_PROGRESS: "payment.in_progress",
  FINALIZING: "payment.updated",
  AUTHORIZED: "payment.authorized",
  AUTHORIZATION_EXPIRED: "payment.authorization_expired",
  COMPLETED: "payment.completed",
  VOIDED: "payment.voided",
  DECLINED: "payment.declined",
  CANCELED: "payment.canceled",
  EXPIRED: "payment.expired",
  FAILED: "payment.failed",
};

/** The event that tells of the arrival in a state; null where nobody is told. */
export function stateEvent(state: PaymentState): EventType | null {
  return STATE_EVENTS[state];
}

/** The next event of a payment: numbers it, and moves the counter of `after` on. */
export function announcePayment(before: PaymentRow, after: PaymentRecord, type: EventType, openRefunds = 0): NewEvent {
  after.eventSequence += 1;
  const snapshot = snapshotPayment(after, openRefunds);
  return {
    id: newId("event"),
    partnerId: after.partnerId,
    mode: after.mode,
    type,
    subjectKind: "payment",
    subjectId: after.id,
    sequence: after.eventSequence,
    payload: {
      object: snapshot,
      ...(before.state === after.state ? {} : { previous: { status: before.state.toLowerCase() } }),
    },
  };
}

/** The event of a capture that has ended. `sequence` counts the events of this capture, from 1. */
export function announceCapture(capture: CaptureRow, sequence: number): NewEvent {
  return {
    id: newId("event"),
    partnerId: capture.partnerId,
    mode: capture.mode,
    type: capture.state === "SUCCEEDED" ? "capture.succeeded" : "capture.failed",
    subjectKind: "capture",
    subjectId: capture.id,
    sequence,
    payload: { object: snapshotCapture(capture) },
  };
}

/** The event of a refund that has ended. `sequence` counts the events of this refund, from 1. */
export function announceRefund(refund: RefundRow, sequence: number): NewEvent {
  return {
    id: newId("event"),
    partnerId: refund.partnerId,
    mode: refund.mode,
    type: refund.state === "SUCCEEDED" ? "refund.succeeded" : "refund.failed",
    subjectKind: "refund",
    subjectId: refund.id,
    sequence,
    payload: { object: snapshotRefund(refund) },
  };
}
