import type { ServiceContext } from "@/server/context";
import type { KlarnaOutcome } from "@/server/klarna/client";
import {
  CaptureAnswerSchema,
  captureTransaction,
  PaymentTransactionSchema,
  RefundAnswerSchema,
  readPaymentTransaction,
  reauthorizeTransaction,
  refundCapture,
  refundTransaction,
  TransactionEnvelopeSchema,
  updatePaymentRequest,
  updateTransaction,
  voidTransaction,
} from "@/server/klarna/payments";
import { classicRail } from "./classic/rail";
import { readTransactionOutcome, toKlarnaLineItem, toKlarnaShipping } from "./klarna";
import type { PaymentRecord } from "./rows";
import type { CaptureShipping, LineItem, Shipping } from "./schema";

/*
 * What can be asked of Klarna after the payment, whichever of its interfaces the payment goes through. The use cases
 * know this and nothing below it. Amounts in minor units of the payment's currency. Every call but the read carries the
 * key of its journal row, so that a repeat is the same call.
 */

/** The transaction as Klarna has it; null where it does not say. Ids and references in Klarna's own form. */
export type RailTransaction = {
  /** AUTHORIZED, EXPIRED, COMPLETED, CLOSED, or a word that is not known. */
  state: string | null;
  amount: number | null;
  capturedAmount: number | null;
  refundedAmount: number | null;
  fundingState: string | null;
  expiresAt: Date | null;
  captures: readonly RailPart[];
  refunds: readonly RailPart[];
};
/** `reference` is the one that we sent: our id of the capture or refund. */
export type RailPart = { id: string; reference: string | null; amount: number | null };

export type CaptureCall = {
  idempotencyKey: string;
  amount: number;
  /** Our id of the capture, by which Klarna's books name it. */
  reference: string;
  lineItems: readonly LineItem[];
  shipping: CaptureShipping | null;
};
export type RefundCall = {
  idempotencyKey: string;
  amount: number;
  /** Our id of the refund. */
  reference: string;
  /** Klarna's id of the capture; null for a refund of the transaction, which needs lines. */
  captureId: string | null;
  reason: string | null;
  lineItems: readonly LineItem[];
};
/** Only what is to change. Before there is a transaction it is the open payment request that changes. */
export type UpdateCall = {
  idempotencyKey: string;
  amount?: number;
  /** The order number that the customer knows. */
  reference?: string;
  lineItems?: readonly LineItem[];
  shipping?: Shipping;
};
export type VoidCall = { idempotencyKey: string; reference: string };
export type ReauthorizeCall = { idempotencyKey: string };

export type Rail = {
  /** `captureId` is Klarna's; null unless the outcome is `answered` and names one. */
  capture(
    ctx: ServiceContext,
    payment: PaymentRecord,
    call: CaptureCall,
  ): Promise<{ outcome: KlarnaOutcome; captureId: string | null }>;
  refund(
    ctx: ServiceContext,
    payment: PaymentRecord,
    call: RefundCall,
  ): Promise<{ outcome: KlarnaOutcome; refundId: string | null }>;
  void(ctx: ServiceContext, payment: PaymentRecord, call: VoidCall): Promise<{ outcome: KlarnaOutcome }>;
  update(ctx: ServiceContext, payment: PaymentRecord, call: UpdateCall): Promise<{ outcome: KlarnaOutcome }>;
  /** `expiresAt` is the end of the new period, where the answer says it. */
  reauthorize(
    ctx: ServiceContext,
    payment: PaymentRecord,
    call: ReauthorizeCall,
  ): Promise<{ outcome: KlarnaOutcome; expiresAt: Date | null }>;
  readTransaction(
    ctx: ServiceContext,
    payment: PaymentRecord,
  ): Promise<{ outcome: KlarnaOutcome; transaction: RailTransaction | null }>;
};

/** A call that cannot be made yet: Klarna's id for it is not known. Nothing was sent. */
const idUnknown = (what: string): KlarnaOutcome => ({ kind: "not_sent", reason: `${what}_id_unknown`, calls: [] });

function targetOf(payment: PaymentRecord) {
  return { mode: payment.mode, accountId: payment.accountId, sessionReference: payment.id };
}

export const networkRail: Rail = {
  async capture(ctx, payment, call) {
    const transactionId = payment.klarnaPaymentTransactionId;
    if (transactionId === null) return { outcome: idUnknown("transaction"), captureId: null };
    const outcome = await captureTransaction(ctx.klarna, targetOf(payment), {
      transactionId,
      idempotencyKey: call.idempotencyKey,
      amount: call.amount,
      reference: call.reference,
      lineItems: call.lineItems.map(toKlarnaLineItem),
      shipping: call.shipping === null ? null : toKlarnaShipping(call.shipping),
    });
    const answer = outcome.kind === "answered" ? CaptureAnswerSchema.safeParse(outcome.body) : null;
    return { outcome, captureId: answer?.success ? answer.data.payment_capture_id : null };
  },
  async refund(ctx, payment, call) {
    const transactionId = payment.klarnaPaymentTransactionId;
    if (transactionId === null) return { outcome: idUnknown("transaction"), refundId: null };
    const input = {
      transactionId,
      idempotencyKey: call.idempotencyKey,
      amount: call.amount,
      reference: call.reference,
      reason: call.reason,
      lineItems: call.lineItems.map(toKlarnaLineItem),
    };
    const outcome =
      call.captureId === null
        ? await refundTransaction(ctx.klarna, targetOf(payment), input)
        : await refundCapture(ctx.klarna, targetOf(payment), { ...input, captureId: call.captureId });
    const answer = outcome.kind === "answered" ? RefundAnswerSchema.safeParse(outcome.body) : null;
    return { outcome, refundId: answer?.success ? answer.data.payment_refund_id : null };
  },
  async void(ctx, payment, call) {
    const transactionId = payment.klarnaPaymentTransactionId;
    if (transactionId === null) return { outcome: idUnknown("transaction") };
    return { outcome: await voidTransaction(ctx.klarna, targetOf(payment), { transactionId, ...call }) };
  },
  async update(ctx, payment, call) {
    const change = {
      ...(call.amount === undefined ? {} : { amount: call.amount }),
      ...(call.reference === undefined ? {} : { purchaseReference: call.reference }),
      ...(call.lineItems === undefined ? {} : { lineItems: call.lineItems.map(toKlarnaLineItem) }),
      ...(call.shipping === undefined ? {} : { shipping: toKlarnaShipping(call.shipping) }),
      idempotencyKey: call.idempotencyKey,
    };
    if (payment.klarnaPaymentTransactionId !== null) {
      const transactionId = payment.klarnaPaymentTransactionId;
      return { outcome: await updateTransaction(ctx.klarna, targetOf(payment), { transactionId, ...change }) };
    }
    const requestId = payment.klarnaPaymentRequestId;
    if (requestId === null) return { outcome: idUnknown("request") };
    return { outcome: await updatePaymentRequest(ctx.klarna, targetOf(payment), { requestId, ...change }) };
  },
  async reauthorize(ctx, payment, call) {
    const transactionId = payment.klarnaPaymentTransactionId;
    if (transactionId === null) return { outcome: idUnknown("transaction"), expiresAt: null };
    const outcome = await reauthorizeTransaction(ctx.klarna, targetOf(payment), { transactionId, ...call });
    const answer = outcome.kind === "answered" ? TransactionEnvelopeSchema.safeParse(outcome.body) : null;
    const bare = outcome.kind === "answered" ? PaymentTransactionSchema.safeParse(outcome.body) : null;
    const transaction = answer?.success ? answer.data.payment_transaction : bare?.success ? bare.data : undefined;
    return { outcome, expiresAt: transaction?.expires_at ?? null };
  },
  async readTransaction(ctx, payment) {
    const transactionId = payment.klarnaPaymentTransactionId;
    if (transactionId === null) return { outcome: idUnknown("transaction"), transaction: null };
    const outcome = await readPaymentTransaction(ctx.klarna, targetOf(payment), transactionId);
    const read = readTransactionOutcome(outcome);
    if (!read) return { outcome, transaction: null };
    const captures = (read.payment_captures ?? []).map((capture) => ({
      id: capture.payment_capture_id,
      reference: capture.payment_capture_reference ?? null,
      amount: capture.amount ?? null,
    }));
    return {
      outcome,
      transaction: {
        state: read.state?.toUpperCase() ?? null,
        amount: read.amount ?? null,
        capturedAmount: read.captured_amount ?? null,
        refundedAmount: read.refunded_amount ?? null,
        fundingState: read.payment_funding?.state.toUpperCase() ?? null,
        expiresAt: read.expires_at ?? null,
        captures:
          captures.length === 0 && read.payment_capture_id !== undefined
            ? [{ id: read.payment_capture_id, reference: null, amount: null }]
            : captures,
        refunds: (read.payment_refunds ?? []).map((refund) => ({
          id: refund.payment_refund_id,
          reference: refund.payment_refund_reference ?? null,
          amount: refund.amount ?? null,
        })),
      },
    };
  },
};

/** The interface of Klarna's that this payment goes through. */
export function railOf(payment: Pick<PaymentRecord, "rail">): Rail {
  return payment.rail === "CLASSIC" ? classicRail : networkRail;
}
