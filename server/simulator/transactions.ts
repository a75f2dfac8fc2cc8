import { z } from "zod";
import { onCapturedForDispute, onRefundedForDispute } from "./disputes/triggers";
import { invalid, SimulatedError } from "./errors";
import { iso, newTransactionId } from "./ids";
import { type Account, LineItemSchema, type Transaction, type TransactionState } from "./model";
import { CustomerSchema, type ShippingData, ShippingSchema } from "./purchase-data";
import { checkLineItems, parseBody } from "./requests";
import { type Facts, nowFor, type Simulator, switchOf } from "./simulator";

/** Payment transactions: what is authorized, captured, refunded and released, and in which state that leaves them. */

const KIND_MAX = 200;
const OPERATIONS_MAX = 500;

export function factsOfTransaction(transaction: Transaction): Facts {
  return {
    payment_request_id: transaction.payment_request_id ?? undefined,
    payment_request_reference: transaction.payment_request_reference ?? undefined,
    payment_transaction_reference: transaction.payment_transaction_reference ?? undefined,
    purchase_reference: transaction.purchase_reference ?? undefined,
    amount: transaction.amount,
  };
}

function emitTransactionEvent(
  sim: Simulator,
  account: Account,
  transaction: Transaction,
  type: string,
  extra: Record<string, unknown> = {},
): void {
  if (transaction.is_classic === true) return;
  sim.emit({
    account,
    type: `payment.transaction.${type}`,
    subjectId: transaction.payment_transaction_id,
    facts: factsOfTransaction(transaction),
    payload: {
      payment_transaction_id: transaction.payment_transaction_id,
      ...(transaction.payment_transaction_reference === null
        ? {}
        : { payment_transaction_reference: transaction.payment_transaction_reference }),
      ...(transaction.payment_request_id === null ? {} : { payment_request_id: transaction.payment_request_id }),
      ...(transaction.purchase_reference === null ? {} : { purchase_reference: transaction.purchase_reference }),
      amount: transaction.amount,
      currency: transaction.currency,
      state: transaction.state,
      ...extra,
    },
  });
}

const EVENT_OF_STATE: Record<TransactionState, string> = {
  AUTHORIZED: "state-change.authorized",
  EXPIRED: "state-change.expired",
  COMPLETED: "state-change.completed",
  CLOSED: "state-change.closed",
};

function setState(sim: Simulator, account: Account, transaction: Transaction, state: TransactionState): void {
  if (transaction.state === state) return;
  const previous = transaction.state;
  transaction.state = state;
  emitTransactionEvent(sim, account, transaction, EVENT_OF_STATE[state], { previous_state: previous });
}

export function remainingOf(transaction: Transaction): number {
  return transaction.amount - transaction.captured_amount - transaction.voided_amount;
}

export type NewTransaction = Pick<
  Transaction,
  | "payment_transaction_reference"
  | "payment_request_id"
  | "payment_request_reference"
  | "purchase_reference"
  | "amount"
  | "currency"
  | "store_id"
  | "terminal_reference"
  | "line_items"
  | "customer"
  | "shipping"
> &
  Partial<Pick<Transaction, "is_classic">> & { capture: "NOW" | "LATER" };

export function createTransaction(sim: Simulator, account: Account, input: NewTransaction): Transaction {
  const now = nowFor(sim, account);
  const { capture, ...rest } = input;
  const transaction: Transaction = {
    ...rest,
    payment_transaction_id: newTransactionId(),
    account_id: account.account_id,
    state: "AUTHORIZED",
    captured_amount: 0,
    refunded_amount: 0,
    voided_amount: 0,
    captures: [],
    refunds: [],
    voids: [],
    operations: 0,
    ...(switchOf(sim, account, "payment_funding") === "GUARANTEED" ? {} : { funding: "PENDING" as const }),
    created_at: now,
    updated_at: now,
    expires_at: now + switchOf(sim, account, "authorization_period_ms"),
  };
  sim.state.transactions.put(transaction);
  emitTransactionEvent(sim, account, transaction, EVENT_OF_STATE.AUTHORIZED);
  if (capture === "NOW") addCapture(sim, account, transaction, transaction.amount, null);
  return transaction;
}

/** Lets time do its work: AUTHORIZED ends after its period, EXPIRED settles after the grace. */
export function touchTransaction(sim: Simulator, account: Account, transaction: Transaction): Transaction {
  const now = nowFor(sim, account);
  if (transaction.state === "AUTHORIZED" && now >= transaction.expires_at) {
    setState(sim, account, transaction, "EXPIRED");
    sim.state.transactions.put(transaction);
  }
  const grace = switchOf(sim, account, "reauthorize_grace_ms");
  if (transaction.state === "EXPIRED" && now >= transaction.expires_at + grace) {
    setState(sim, account, transaction, transaction.captured_amount > 0 ? "COMPLETED" : "CLOSED");
    sim.state.transactions.put(transaction);
  }
  return transaction;
}

export function getTransaction(sim: Simulator, account: Account, transactionId: string): Transaction {
  const transaction = sim.state.transactions.get(transactionId);
  if (transaction === undefined || transaction.account_id !== account.account_id) {
    throw new SimulatedError("RESOURCE_NOT_FOUND", "The payment transaction does not exist.");
  }
  return touchTransaction(sim, account, transaction);
}

export function transactionView(transaction: Transaction): Record<string, unknown> {
  return {
    payment_transaction_id: transaction.payment_transaction_id,
    ...(transaction.payment_transaction_reference === null
      ? {}
      : { payment_transaction_reference: transaction.payment_transaction_reference }),
    ...(transaction.purchase_reference === null ? {} : { purchase_reference: transaction.purchase_reference }),
    amount: transaction.amount,
    currency: transaction.currency,
    state: transaction.state,
    captured_amount: transaction.captured_amount,
    refunded_amount: transaction.refunded_amount,
    remaining_amount: remainingOf(transaction),
    payment_funding:
      transaction.funding === undefined
        ? { type: "GUARANTEED", state: "FUNDED" }
        : { type: "NON_GUARANTEED", state: transaction.funding },
    payment_pricing: { rate: { fixed: 0, variable_basis_points: 0 } },
    payment_captures: transaction.captures.map((capture) => ({
      payment_capture_id: capture.payment_capture_id,
      ...(capture.payment_capture_reference === null
        ? {}
        : { payment_capture_reference: capture.payment_capture_reference }),
      amount: capture.amount,
      refunded_amount: capture.refunded_amount,
      ...(capture.shipping === undefined ? {} : { shipping: capture.shipping }),
      created_at: iso(capture.created_at),
    })),
    payment_refunds: transaction.refunds.map((refund) => ({
      payment_refund_id: refund.payment_refund_id,
      ...(refund.payment_refund_reference === null
        ? {}
        : { payment_refund_reference: refund.payment_refund_reference }),
      ...(refund.payment_capture_id === null ? {} : { payment_capture_id: refund.payment_capture_id }),
      amount: refund.amount,
      created_at: iso(refund.created_at),
    })),
    ...purchaseDataOf(transaction),
    created_at: iso(transaction.created_at),
    updated_at: iso(transaction.updated_at),
    expires_at: iso(transaction.expires_at),
  };
}

function purchaseDataOf({ line_items, customer, shipping }: Transaction): Record<string, unknown> {
  if (line_items.length === 0 && customer === undefined && shipping === undefined) return {};
  return {
    supplementary_purchase_data: {
      ...(line_items.length === 0 ? {} : { line_items }),
      ...(customer === undefined ? {} : { customer }),
      ...(shipping === undefined ? {} : { shipping }),
    },
  };
}

/** The money of a payment without guarantee comes, or does not. */
export function setFunding(
  sim: Simulator,
  account: Account,
  transaction: Transaction,
  state: "FUNDED" | "EXPIRED",
): void {
  if (transaction.funding !== "PENDING") {
    throw new SimulatedError("OPERATION_FORBIDDEN", "The payment transaction is not waiting for its money.");
  }
  transaction.funding = state;
  transaction.updated_at = nowFor(sim, account);
  sim.state.transactions.put(transaction);
  emitTransactionEvent(sim, account, transaction, `funding-state-change.${state.toLowerCase()}`, {
    payment_funding: { type: "NON_GUARANTEED", state },
  });
}

function requireState(transaction: Transaction, allowed: readonly TransactionState[], what: string): void {
  if (!allowed.includes(transaction.state)) {
    throw new SimulatedError(
      "OPERATION_FORBIDDEN",
      `The payment transaction is ${transaction.state}; ${what} is not allowed.`,
    );
  }
}

function requireRoom(transaction: Transaction, count: number, what: string): void {
  if (count >= KIND_MAX || transaction.operations >= OPERATIONS_MAX) {
    throw new SimulatedError("OPERATION_FORBIDDEN", `The number of ${what} on this payment transaction is exceeded.`);
  }
}

function finish(sim: Simulator, account: Account, transaction: Transaction): void {
  transaction.operations += 1;
  transaction.updated_at = nowFor(sim, account);
  sim.state.transactions.put(transaction);
}

function addCapture(
  sim: Simulator,
  account: Account,
  transaction: Transaction,
  amount: number,
  reference: string | null,
  shipping?: ShippingData | undefined,
) {
  const capture: Transaction["captures"][number] = {
    payment_capture_id: `${transaction.payment_transaction_id}:capture:${transaction.captures.length + 1}`,
    payment_capture_reference: reference,
    amount,
    refunded_amount: 0,
    ...(shipping === undefined ? {} : { shipping }),
    created_at: nowFor(sim, account),
  };
  transaction.captures.push(capture);
  transaction.captured_amount += amount;
  emitTransactionEvent(sim, account, transaction, "captured", {
    payment_capture_id: capture.payment_capture_id,
    ...(reference === null ? {} : { payment_capture_reference: reference }),
    captured_amount: amount,
  });
  if (remainingOf(transaction) === 0) setState(sim, account, transaction, "COMPLETED");
  finish(sim, account, transaction);
  onCapturedForDispute(sim, transaction);
  return capture;
}

const ReferenceSchema = z.string().min(1).max(255);
const AmountSchema = z.int().min(1).max(2_147_483_647);

const CaptureBodySchema = z.looseObject({
  amount: AmountSchema.optional(),
  capture_amount: AmountSchema.optional(),
  payment_capture_reference: ReferenceSchema.optional(),
  supplementary_purchase_data: z
    .looseObject({ line_items: z.array(LineItemSchema).max(1000).optional(), shipping: ShippingSchema.optional() })
    .optional(),
});

export function captureTransaction(sim: Simulator, account: Account, transaction: Transaction, body: unknown) {
  const input = parseBody(CaptureBodySchema, body);
  requireState(transaction, ["AUTHORIZED"], "a capture");
  requireRoom(transaction, transaction.captures.length, "captures");
  const remaining = remainingOf(transaction);
  const amount = input.amount ?? input.capture_amount ?? remaining;
  if (amount > remaining) throw invalid("amount", `exceeds the remaining authorized amount of ${remaining}`);
  const data = input.supplementary_purchase_data;
  checkLineItems(data?.line_items, amount, "amount");
  const reference = input.payment_capture_reference ?? null;
  const capture = addCapture(sim, account, transaction, amount, reference, data?.shipping);
  return {
    payment_capture_id: capture.payment_capture_id,
    ...(capture.payment_capture_reference === null
      ? {}
      : { payment_capture_reference: capture.payment_capture_reference }),
    amount,
    created_at: iso(capture.created_at),
    payment_transaction: transactionView(transaction),
  };
}

const RefundBodySchema = z.looseObject({
  amount: AmountSchema.optional(),
  refund_amount: AmountSchema.optional(),
  payment_refund_reference: ReferenceSchema.optional(),
});

/** Refunds of one capture, or of the transaction: then the oldest captures give first. */
export function refundTransaction(
  sim: Simulator,
  account: Account,
  transaction: Transaction,
  captureId: string | null,
  body: unknown,
) {
  const input = parseBody(RefundBodySchema, body);
  const captures =
    captureId === null
      ? transaction.captures
      : transaction.captures.filter((capture) => capture.payment_capture_id === captureId);
  if (captureId !== null && captures.length === 0) {
    throw new SimulatedError("RESOURCE_NOT_FOUND", "The capture does not exist.");
  }
  requireState(transaction, ["AUTHORIZED", "EXPIRED", "COMPLETED"], "a refund");
  requireRoom(transaction, transaction.refunds.length, "refunds");
  const refundable = captures.reduce((sum, capture) => sum + capture.amount - capture.refunded_amount, 0);
  if (refundable === 0) throw new SimulatedError("OPERATION_FORBIDDEN", "Nothing is left to refund.");
  const amount = input.amount ?? input.refund_amount ?? refundable;
  if (amount > refundable) throw invalid("amount", `exceeds the refundable amount of ${refundable}`);
  let left = amount;
  for (const capture of captures) {
    const part = Math.min(left, capture.amount - capture.refunded_amount);
    capture.refunded_amount += part;
    left -= part;
  }
  const refund = {
    payment_refund_id: `${transaction.payment_transaction_id}:refund:${transaction.refunds.length + 1}`,
    payment_refund_reference: input.payment_refund_reference ?? null,
    payment_capture_id: captureId,
    amount,
    created_at: nowFor(sim, account),
  };
  transaction.refunds.push(refund);
  transaction.refunded_amount += amount;
  emitTransactionEvent(sim, account, transaction, "refunded", {
    payment_refund_id: refund.payment_refund_id,
    ...(refund.payment_refund_reference === null ? {} : { payment_refund_reference: refund.payment_refund_reference }),
    refunded_amount: amount,
  });
  finish(sim, account, transaction);
  onRefundedForDispute(sim, account, transaction);
  return {
    payment_refund_id: refund.payment_refund_id,
    ...(refund.payment_refund_reference === null ? {} : { payment_refund_reference: refund.payment_refund_reference }),
    amount,
    created_at: iso(refund.created_at),
    payment_transaction: transactionView(transaction),
  };
}

const VoidBodySchema = z.looseObject({ payment_void_reference: ReferenceSchema.optional() });

/** Releases what is not captured. */
export function voidTransaction(sim: Simulator, account: Account, transaction: Transaction, body: unknown) {
  const input = parseBody(VoidBodySchema, body);
  requireState(transaction, ["AUTHORIZED", "EXPIRED"], "a void");
  requireRoom(transaction, transaction.voids.length, "voids");
  const amount = remainingOf(transaction);
  const entry = {
    payment_void_reference: input.payment_void_reference ?? null,
    amount,
    created_at: nowFor(sim, account),
  };
  transaction.voids.push(entry);
  transaction.voided_amount += amount;
  emitTransactionEvent(sim, account, transaction, "voided", { voided_amount: amount });
  setState(sim, account, transaction, transaction.captured_amount > 0 ? "COMPLETED" : "CLOSED");
  finish(sim, account, transaction);
  return {
    ...(entry.payment_void_reference === null ? {} : { payment_void_reference: entry.payment_void_reference }),
    amount,
    created_at: iso(entry.created_at),
    payment_transaction: transactionView(transaction),
  };
}

const UpdateBodySchema = z.looseObject({
  amount: AmountSchema.optional(),
  payment_transaction_reference: ReferenceSchema.optional(),
  supplementary_purchase_data: z
    .looseObject({
      purchase_reference: ReferenceSchema.optional(),
      line_items: z.array(LineItemSchema).max(1000).optional(),
      customer: CustomerSchema.optional(),
      shipping: ShippingSchema.optional(),
    })
    .optional(),
});

/** Lowers the amount or changes references. Raising would need a new risk decision and is refused. */
export function updateTransaction(sim: Simulator, account: Account, transaction: Transaction, body: unknown): void {
  const input = parseBody(UpdateBodySchema, body);
  requireState(transaction, ["AUTHORIZED"], "an update");
  requireRoom(transaction, 0, "operations");
  if (input.amount !== undefined) {
    if (input.amount > transaction.amount)
      throw new SimulatedError("OPERATION_FORBIDDEN", "The amount cannot be raised.");
    const least = transaction.captured_amount + transaction.voided_amount;
    if (input.amount < least) throw invalid("amount", `is below the captured amount of ${least}`);
  }
  const items = input.supplementary_purchase_data?.line_items;
  checkLineItems(items, input.amount ?? transaction.amount, "amount");
  transaction.amount = input.amount ?? transaction.amount;
  transaction.line_items = items ?? transaction.line_items;
  transaction.customer = input.supplementary_purchase_data?.customer ?? transaction.customer;
  transaction.shipping = input.supplementary_purchase_data?.shipping ?? transaction.shipping;
  transaction.payment_transaction_reference =
    input.payment_transaction_reference ?? transaction.payment_transaction_reference;
  transaction.purchase_reference =
    input.supplementary_purchase_data?.purchase_reference ?? transaction.purchase_reference;
  emitTransactionEvent(sim, account, transaction, "updated");
  if (remainingOf(transaction) === 0) setState(sim, account, transaction, "COMPLETED");
  finish(sim, account, transaction);
}

/** A new authorization after expiry, within the grace. */
export function reauthorizeTransaction(sim: Simulator, account: Account, transaction: Transaction): void {
  requireState(transaction, ["EXPIRED"], "a reauthorization");
  requireRoom(transaction, 0, "operations");
  transaction.expires_at = nowFor(sim, account) + switchOf(sim, account, "authorization_period_ms");
  setState(sim, account, transaction, "AUTHORIZED");
  finish(sim, account, transaction);
}
