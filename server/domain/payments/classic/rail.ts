import type { ServiceContext } from "@/server/context";
import type { Rail } from "@/server/domain/payments/rail";
import type { PaymentRecord } from "@/server/domain/payments/rows";
import {
  type ClassicOrder,
  ClassicOrderSchema,
  type ClassicTarget,
  cancelOrder,
  captureOrder,
  createdId,
  extendAuthorization,
  readOrder,
  readOutcome,
  refundOrder,
  releaseRemaining,
  updateAuthorization,
  updateClassicSession,
  updateReferences,
  updateShippingAddress,
} from "@/server/klarna/classic";
import type { KlarnaOutcome } from "@/server/klarna/client";
import { toOrderLine, toShippingAddress, toShippingInfo } from "./body";
import { callClassic } from "./target";

/* Captures, refunds and the rest by order management. */

function callOrder(
  ctx: ServiceContext,
  payment: PaymentRecord,
  call: (target: ClassicTarget, orderId: string) => Promise<KlarnaOutcome>,
): Promise<KlarnaOutcome> {
  const orderId = payment.klarnaPaymentTransactionId;
  if (orderId === null) return Promise.resolve({ kind: "not_sent", reason: "transaction_id_unknown", calls: [] });
  return callClassic(ctx, payment, (target) => call(target, orderId));
}

/** The order's words in those of a transaction. */
function stateOf(order: ClassicOrder): string {
  const word = order.status.toUpperCase();
  switch (word) {
    case "PART_CAPTURED":
      return "AUTHORIZED";
    case "CAPTURED":
      return "COMPLETED";
    case "CANCELLED":
    case "CLOSED":
      return order.captured_amount > 0 ? "COMPLETED" : "CLOSED";
    default:
      return word;
  }
}

const FUNDING: Readonly<Record<string, string>> = { ACCEPTED: "FUNDED", PENDING: "PENDING", REJECTED: "REJECTED" };

/** One change of an order may be several calls; each has a key of its own, made from the intent's. */
const partKey = (idempotencyKey: string, part: string): string => `${idempotencyKey}-${part}`;

export const classicRail: Rail = {
  async capture(ctx, payment, call) {
    const outcome = await callOrder(ctx, payment, (target, orderId) =>
      captureOrder(target, orderId, {
        idempotencyKey: call.idempotencyKey,
        amount: call.amount,
        reference: call.reference,
        lines: call.lineItems.map(toOrderLine),
        shipping: call.shipping === null ? [] : [toShippingInfo(call.shipping)],
      }),
    );
    return { outcome, captureId: createdId(outcome) };
  },
  async refund(ctx, payment, call) {
    const outcome = await callOrder(ctx, payment, (target, orderId) =>
      refundOrder(target, orderId, {
        idempotencyKey: call.idempotencyKey,
        amount: call.amount,
        reference: call.reference,
        description: call.reason,
        lines: call.lineItems.map(toOrderLine),
      }),
    );
    return { outcome, refundId: createdId(outcome) };
  },
  async void(ctx, payment, call) {
    const release = payment.amountCaptured === 0 ? cancelOrder : releaseRemaining;
    return { outcome: await callOrder(ctx, payment, (target, orderId) => release(target, orderId, call)) };
  },
  async update(ctx, payment, call) {
    const { idempotencyKey, amount, lineItems, reference, shipping } = call;
    const sessionId = payment.klarnaPaymentRequestId;
    if (payment.klarnaPaymentTransactionId === null && sessionId !== null) {
      const lines = (lineItems ?? payment.lineItems).map(toOrderLine);
      const body = {
        ...(amount === undefined ? {} : { order_amount: amount }),
        ...(lineItems === undefined && (amount === undefined || lines.length === 0) ? {} : { order_lines: lines }),
        ...(reference === undefined ? {} : { merchant_reference1: reference }),
        ...(shipping === undefined ? {} : { shipping_address: toShippingAddress(shipping) }),
      };
      const outcome = await callClassic(ctx, payment, (target) =>
        updateClassicSession(target, sessionId, { idempotencyKey, body }),
      );
      return { outcome };
    }
    const parts: ((target: ClassicTarget, orderId: string) => Promise<KlarnaOutcome>)[] = [];
    if (amount !== undefined || lineItems !== undefined) {
      const body = { amount: amount ?? payment.amountAuthorized, lines: (lineItems ?? []).map(toOrderLine) };
      parts.push((target, id) =>
        updateAuthorization(target, id, { ...body, idempotencyKey: partKey(idempotencyKey, "a") }),
      );
    }
    if (reference !== undefined)
      parts.push((target, id) =>
        updateReferences(target, id, { reference, idempotencyKey: partKey(idempotencyKey, "r") }),
      );
    if (shipping !== undefined)
      parts.push((target, id) =>
        updateShippingAddress(target, id, {
          address: toShippingAddress(shipping),
          idempotencyKey: partKey(idempotencyKey, "s"),
        }),
      );
    // The amount comes first: it is the part that may be refused. What follows is repeated until it is taken.
    let outcome: KlarnaOutcome = { kind: "answered", status: 200, body: null, calls: [] };
    for (const part of parts) {
      const done = await callOrder(ctx, payment, part);
      outcome = { ...done, calls: [...outcome.calls, ...done.calls] };
      if (done.kind !== "answered") break;
    }
    return { outcome };
  },
  async reauthorize(ctx, payment, call) {
    const outcome = await callOrder(ctx, payment, (target, orderId) => extendAuthorization(target, orderId, call));
    if (outcome.kind !== "answered") return { outcome, expiresAt: null };
    // The answer has no body: the order says until when.
    const { transaction } = await classicRail.readTransaction(ctx, payment);
    return { outcome, expiresAt: transaction?.expiresAt ?? null };
  },
  async readTransaction(ctx, payment) {
    const outcome = await callOrder(ctx, payment, readOrder);
    const order = readOutcome(ClassicOrderSchema, outcome);
    if (!order) return { outcome, transaction: null };
    return {
      outcome,
      transaction: {
        state: stateOf(order),
        amount: order.order_amount,
        capturedAmount: order.captured_amount,
        refundedAmount: order.refunded_amount,
        fundingState: order.fraud_status === undefined ? null : (FUNDING[order.fraud_status.toUpperCase()] ?? null),
        expiresAt: order.expires_at ?? null,
        captures: order.captures.map((row) => ({
          id: row.capture_id,
          reference: row.reference ?? null,
          amount: row.captured_amount ?? null,
        })),
        refunds: order.refunds.flatMap((row) =>
          row.refund_id === undefined
            ? []
            : [{ id: row.refund_id, reference: row.reference ?? null, amount: row.refunded_amount ?? null }],
        ),
      },
    };
  },
};
