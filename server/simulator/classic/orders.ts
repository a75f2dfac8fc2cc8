import { z } from "zod";
import { iso, newUuid, uuidOf } from "../ids";
import { type Account, LineItemSchema, type Transaction } from "../model";
import { nowFor, switchOf } from "../simulator";
import {
  captureTransaction,
  createTransaction,
  getTransaction,
  reauthorizeTransaction,
  refundTransaction,
  remainingOf,
  updateTransaction,
  voidTransaction,
} from "../transactions";
import { type Classic, newKlarnaReference } from "./context";
import { badValue, ClassicError, onLedger, parseClassic } from "./errors";
import type { ClassicOrder, ClassicSession, OrderCapture, OrderRefund } from "./model";
import { AddressSchema, checkAddress, checkSum, OrderLinesSchema } from "./parts";

/** Order management. An order's money stands in a payment transaction, so that all books add up over both generations. */

const DAY_MS = 86_400_000;
const DUE_AFTER_MS = 30 * DAY_MS;
const REFUND_MAX = 200_000_000;

export function placeOrder(
  classic: Classic,
  account: Account,
  session: ClassicSession,
  options: { placedBy: ClassicOrder["placed_by"]; isCaptured: boolean },
): ClassicOrder {
  const { sim } = classic;
  const transaction = createTransaction(sim, account, {
    payment_transaction_reference: session.merchant_reference1,
    payment_request_id: null,
    payment_request_reference: null,
    purchase_reference: session.merchant_reference1,
    amount: session.order_amount,
    currency: session.purchase_currency,
    store_id: session.store?.store_id ?? null,
    terminal_reference: session.terminal_reference,
    line_items: session.order_lines.flatMap((line) => {
      const item = LineItemSchema.safeParse(line);
      return item.success ? [item.data] : [];
    }),
    capture: "LATER",
    is_classic: true,
  });
  const order: ClassicOrder = {
    order_id: uuidOf(transaction.payment_transaction_id),
    payment_transaction_id: transaction.payment_transaction_id,
    account_id: account.account_id,
    session_id: session.session_id,
    klarna_reference: newKlarnaReference(),
    placed_by: options.placedBy,
    purchase_country: session.purchase_country,
    locale: session.locale,
    original_order_amount: session.order_amount,
    order_tax_amount: session.order_tax_amount,
    order_lines: session.order_lines,
    description: null,
    merchant_reference1: session.merchant_reference1,
    merchant_reference2: session.merchant_reference2,
    billing_address: session.billing_address,
    shipping_address: session.shipping_address,
    fraud_status: "ACCEPTED",
    is_cancelled: false,
    is_acknowledged: false,
    captures: [],
    refunds: [],
    created_at: nowFor(sim, account),
  };
  sim.state.classicOrders.put(order);
  if (options.isCaptured) addCapture(classic, account, order, { captured_amount: session.order_amount });
  return order;
}

export type OrderAndMoney = { order: ClassicOrder; transaction: Transaction };

export function getOrder(classic: Classic, account: Account, id: string): OrderAndMoney {
  const order = classic.sim.state.classicOrders.get(id);
  if (order === undefined || order.account_id !== account.account_id) {
    throw new ClassicError(404, "NO_SUCH_ORDER", "The order does not exist.");
  }
  return { order, transaction: getTransaction(classic.sim, account, order.payment_transaction_id) };
}

export function orderStatusOf({ order, transaction }: OrderAndMoney): string {
  if (order.is_cancelled) return "CANCELLED";
  const captured = transaction.captured_amount;
  if (transaction.state === "CLOSED") return "CLOSED";
  if (transaction.state === "EXPIRED" && captured === 0) return "EXPIRED";
  if (captured === 0) return "AUTHORIZED";
  return remainingOf(transaction) > 0 && transaction.state === "AUTHORIZED" ? "PART_CAPTURED" : "CAPTURED";
}

function present(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== null));
}

function captureView(capture: OrderCapture, transaction: Transaction): Record<string, unknown> {
  const money = transaction.captures.find((entry) => entry.payment_capture_id === capture.payment_capture_id);
  return present({
    capture_id: capture.capture_id,
    klarna_reference: capture.klarna_reference,
    captured_amount: capture.captured_amount,
    captured_at: iso(capture.captured_at),
    refunded_amount: money?.refunded_amount ?? 0,
    description: capture.description,
    reference: capture.reference,
    order_lines: capture.order_lines,
    shipping_info: capture.shipping_info,
    due_date: iso(capture.due_date).slice(0, 10),
  });
}

function refundView(refund: OrderRefund): Record<string, unknown> {
  return present({
    refund_id: refund.refund_id,
    refunded_amount: refund.refunded_amount,
    refunded_at: iso(refund.refunded_at),
    description: refund.description,
    reference: refund.reference,
    order_lines: refund.order_lines,
  });
}

export function orderView(found: OrderAndMoney): Record<string, unknown> {
  const { order, transaction } = found;
  return present({
    order_id: order.order_id,
    status: orderStatusOf(found),
    fraud_status: order.fraud_status,
    order_amount: transaction.amount,
    original_order_amount: order.original_order_amount,
    captured_amount: transaction.captured_amount,
    refunded_amount: transaction.refunded_amount,
    remaining_authorized_amount: transaction.state === "AUTHORIZED" ? remainingOf(transaction) : 0,
    purchase_currency: transaction.currency,
    purchase_country: order.purchase_country,
    locale: order.locale,
    description: order.description,
    order_lines: order.order_lines,
    merchant_reference1: order.merchant_reference1,
    merchant_reference2: order.merchant_reference2,
    klarna_reference: order.klarna_reference,
    billing_address: order.billing_address,
    shipping_address: order.shipping_address,
    created_at: iso(order.created_at),
    expires_at: iso(transaction.expires_at),
    captures: order.captures.map((capture) => captureView(capture, transaction)),
    refunds: order.refunds.map(refundView),
    initial_payment_method: { type: "INVOICE", description: "Pay later" },
  });
}

// --- changes ---

const MONEY_MAX = 2_147_483_647;
const DescriptionSchema = z.string().max(255).optional();
const ReferenceSchema = z.string().max(255).optional();

const AuthorizationBodySchema = z.looseObject({
  order_amount: z.int().min(1).max(MONEY_MAX),
  order_tax_amount: z.int().min(0).max(MONEY_MAX).optional(),
  order_lines: OrderLinesSchema.optional(),
  description: DescriptionSchema,
});

/** Lowers what is authorized; more would need a new decision and is refused. */
export function updateAuthorization(classic: Classic, account: Account, found: OrderAndMoney, body: unknown): void {
  const { order, transaction } = found;
  const input = parseClassic(AuthorizationBodySchema, body);
  if (input.order_lines !== undefined) checkSum(input.order_amount, input.order_lines);
  onLedger("NOT_ALLOWED", () => updateTransaction(classic.sim, account, transaction, { amount: input.order_amount }));
  order.order_lines = input.order_lines ?? order.order_lines;
  order.order_tax_amount = input.order_tax_amount ?? order.order_tax_amount;
  order.description = input.description ?? order.description;
  classic.sim.state.classicOrders.put(order);
}

const CustomerBodySchema = z.looseObject({
  billing_address: AddressSchema.optional(),
  shipping_address: AddressSchema.optional(),
});

export function updateCustomer(classic: Classic, found: OrderAndMoney, body: unknown): void {
  const { order } = found;
  const input = parseClassic(CustomerBodySchema, body);
  if (orderStatusOf(found) === "CANCELLED") throw new ClassicError(403, "NOT_ALLOWED", "The order is cancelled.");
  checkAddress("billing_address", input.billing_address);
  checkAddress("shipping_address", input.shipping_address);
  const country = input.billing_address?.country?.toUpperCase();
  if (country !== undefined && country !== order.purchase_country) {
    throw new ClassicError(422, "UNPROCESSABLE_ENTITY", "The billing address cannot leave the country of purchase.");
  }
  order.billing_address = input.billing_address ?? order.billing_address;
  order.shipping_address = input.shipping_address ?? order.shipping_address;
  classic.sim.state.classicOrders.put(order);
}

const ReferencesBodySchema = z.looseObject({
  merchant_reference1: ReferenceSchema,
  merchant_reference2: ReferenceSchema,
});

export function updateReferences(classic: Classic, found: OrderAndMoney, body: unknown): void {
  const { order } = found;
  const input = parseClassic(ReferencesBodySchema, body);
  order.merchant_reference1 = input.merchant_reference1 ?? order.merchant_reference1;
  order.merchant_reference2 = input.merchant_reference2 ?? order.merchant_reference2;
  classic.sim.state.classicOrders.put(order);
}

export function acknowledge(classic: Classic, found: OrderAndMoney): void {
  found.order.is_acknowledged = true;
  classic.sim.state.classicOrders.put(found.order);
}

export function extendAuthorization(classic: Classic, account: Account, { order, transaction }: OrderAndMoney): void {
  if (order.is_cancelled) throw new ClassicError(403, "NOT_ALLOWED", "The order is cancelled.");
  if (transaction.state === "EXPIRED") {
    onLedger("NOT_ALLOWED", () => reauthorizeTransaction(classic.sim, account, transaction));
    return;
  }
  if (transaction.state !== "AUTHORIZED") {
    throw new ClassicError(403, "NOT_ALLOWED", "Nothing of the order is waiting to be captured.");
  }
  transaction.expires_at += switchOf(classic.sim, account, "authorization_period_ms");
  classic.sim.state.transactions.put(transaction);
}

export function releaseRemaining(classic: Classic, account: Account, { order, transaction }: OrderAndMoney): void {
  onLedger("NOT_ALLOWED", () => voidTransaction(classic.sim, account, transaction, {}));
  if (transaction.captured_amount === 0) order.is_cancelled = true;
  classic.sim.state.classicOrders.put(order);
}

export function cancelOrder(classic: Classic, account: Account, { order, transaction }: OrderAndMoney): void {
  if (order.is_cancelled) throw new ClassicError(403, "CANCEL_NOT_ALLOWED", "The order is cancelled already.");
  if (transaction.captured_amount > 0) {
    throw new ClassicError(403, "CANCEL_NOT_ALLOWED", "A part of the order has been captured.");
  }
  onLedger("CANCEL_NOT_ALLOWED", () => voidTransaction(classic.sim, account, transaction, {}));
  order.is_cancelled = true;
  classic.sim.state.classicOrders.put(order);
}

const ShippingInfoSchema = z.array(z.looseObject({ tracking_number: z.string().max(100).optional() })).max(500);

const CaptureBodySchema = z.looseObject({
  captured_amount: z.int().min(1).max(MONEY_MAX),
  description: DescriptionSchema,
  reference: ReferenceSchema,
  order_lines: OrderLinesSchema.optional(),
  shipping_info: ShippingInfoSchema.optional(),
  shipping_delay: z.int().min(0).optional(),
});

export function addCapture(classic: Classic, account: Account, order: ClassicOrder, body: unknown): OrderCapture {
  const input = parseClassic(CaptureBodySchema, body);
  const transaction = getTransaction(classic.sim, account, order.payment_transaction_id);
  const money = onLedger("CAPTURE_NOT_ALLOWED", () =>
    captureTransaction(classic.sim, account, transaction, {
      amount: input.captured_amount,
      ...(input.reference === undefined || input.reference === ""
        ? {}
        : { payment_capture_reference: input.reference }),
    }),
  );
  const now = nowFor(classic.sim, account);
  const capture: OrderCapture = {
    capture_id: newUuid(),
    payment_capture_id: money.payment_capture_id,
    klarna_reference: `${order.klarna_reference}-${order.captures.length + 1}`,
    captured_amount: input.captured_amount,
    captured_at: now,
    description: input.description ?? null,
    reference: input.reference ?? null,
    order_lines: input.order_lines ?? [],
    shipping_info: input.shipping_info ?? [],
    due_date: now + (input.shipping_delay ?? 0) * DAY_MS + DUE_AFTER_MS,
  };
  order.captures.push(capture);
  classic.sim.state.classicOrders.put(order);
  return capture;
}

function captureOf(order: ClassicOrder, captureId: string): OrderCapture {
  const capture = order.captures.find((entry) => entry.capture_id === captureId);
  if (capture === undefined) throw new ClassicError(404, "NO_SUCH_CAPTURE", "The capture does not exist.");
  return capture;
}

export function readCapture({ order, transaction }: OrderAndMoney, captureId: string): Record<string, unknown> {
  return captureView(captureOf(order, captureId), transaction);
}

export function listCaptures({ order, transaction }: OrderAndMoney): Record<string, unknown>[] {
  return order.captures.map((capture) => captureView(capture, transaction));
}

const ShippingBodySchema = z.looseObject({ shipping_info: ShippingInfoSchema.min(1) });

export function addShippingInfo(classic: Classic, order: ClassicOrder, captureId: string, body: unknown): void {
  const capture = captureOf(order, captureId);
  capture.shipping_info.push(...parseClassic(ShippingBodySchema, body).shipping_info);
  classic.sim.state.classicOrders.put(order);
}

/** Klarna sends the customer's papers again; nothing changes here. */
export function triggerSendOut(order: ClassicOrder, captureId: string): void {
  captureOf(order, captureId);
}

const DueDateBodySchema = z.looseObject({ number_of_days: z.int().min(1).max(365) });

export function extendDueDate(classic: Classic, order: ClassicOrder, captureId: string, body: unknown): void {
  const capture = captureOf(order, captureId);
  const input = parseClassic(DueDateBodySchema, body);
  capture.due_date += input.number_of_days * DAY_MS;
  classic.sim.state.classicOrders.put(order);
}

const RefundBodySchema = z.looseObject({
  refunded_amount: z.int().min(0).max(REFUND_MAX),
  description: DescriptionSchema,
  reference: ReferenceSchema,
  order_lines: OrderLinesSchema.optional(),
});

export function addRefund(
  classic: Classic,
  account: Account,
  { order, transaction }: OrderAndMoney,
  body: unknown,
): OrderRefund {
  const input = parseClassic(RefundBodySchema, body);
  const lines = input.order_lines ?? [];
  const sum = lines.reduce((total, line) => total + line.total_amount, 0);
  if (lines.length > 0 && sum !== input.refunded_amount) {
    throw badValue("refunded_amount", `is ${input.refunded_amount}, the order lines add up to ${sum}`);
  }
  if (transaction.captured_amount === 0) {
    throw new ClassicError(403, "REFUND_NOT_ALLOWED", "Nothing of the order has been captured.");
  }
  if (input.refunded_amount > 0) {
    onLedger("REFUND_NOT_ALLOWED", () =>
      refundTransaction(classic.sim, account, transaction, null, {
        amount: input.refunded_amount,
        ...(input.reference === undefined || input.reference === ""
          ? {}
          : { payment_refund_reference: input.reference }),
      }),
    );
  }
  const refund: OrderRefund = {
    refund_id: newUuid(),
    refunded_amount: input.refunded_amount,
    refunded_at: nowFor(classic.sim, account),
    description: input.description ?? null,
    reference: input.reference ?? null,
    order_lines: lines,
  };
  order.refunds.push(refund);
  classic.sim.state.classicOrders.put(order);
  return refund;
}

export function readRefund({ order }: OrderAndMoney, refundId: string): Record<string, unknown> {
  const refund = order.refunds.find((entry) => entry.refund_id === refundId);
  if (refund === undefined) throw new ClassicError(404, "NOT_FOUND", "The refund does not exist.");
  return refundView(refund);
}
