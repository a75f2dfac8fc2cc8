import type { CustomerToken } from "./customer-tokens-model";
import { iso } from "./ids";
import type { Account, Delivery, PaymentRequest, Transaction } from "./model";
import { journeyUrl } from "./requests";
import { nowFor, type Simulator } from "./simulator";
import { remainingOf } from "./transactions";

/* What the control API tells. */

export type AccountView = ReturnType<typeof accountView>;

export function accountView(sim: Simulator, account: Account) {
  return {
    ...account,
    created_at: iso(account.created_at),
    now: iso(nowFor(sim, account)),
  };
}

export type RequestView = ReturnType<typeof controlRequestView>;

export function controlRequestView(sim: Simulator, request: PaymentRequest) {
  return {
    payment_request_id: request.payment_request_id,
    payment_request_reference: request.payment_request_reference,
    account_id: request.account_id,
    amount: request.amount,
    currency: request.currency,
    state: request.state,
    previous_state: request.previous_state,
    state_reason: request.state_reason,
    purchase_reference: request.purchase_reference,
    payment_transaction_reference: request.payment_transaction_reference,
    store: request.store,
    terminal_reference: request.terminal_reference,
    journey_url: journeyUrl(sim, request),
    klarna_network_session_token: request.session_token,
    payment_token: request.payment_token,
    customer_token: request.customer_token,
    customer_token_request: request.customer_token_request,
    final:
      request.final === null
        ? null
        : { result: request.final.result, payment_transaction_id: request.final.payment_transaction_id },
    created_at: iso(request.created_at),
    updated_at: iso(request.updated_at),
    expires_at: iso(request.expires_at),
    completed_at: request.completed_at === null ? null : iso(request.completed_at),
  };
}

export type CustomerTokenView = ReturnType<typeof customerTokenControlView>;

export function customerTokenControlView(token: CustomerToken) {
  return {
    ...token,
    issued_at: iso(token.issued_at),
    revoked_at: token.revoked_at === null ? null : iso(token.revoked_at),
  };
}

export type TransactionView = ReturnType<typeof controlTransactionView>;

export function controlTransactionView(transaction: Transaction) {
  return {
    ...transaction,
    remaining_amount: remainingOf(transaction),
    created_at: iso(transaction.created_at),
    updated_at: iso(transaction.updated_at),
    expires_at: iso(transaction.expires_at),
  };
}

export type DeliveryView = ReturnType<typeof deliveryView>;

export function deliveryView(delivery: Delivery) {
  return {
    ...delivery,
    next_attempt_at: delivery.next_attempt_at === null ? null : iso(delivery.next_attempt_at),
    created_at: iso(delivery.created_at),
    attempts: delivery.attempts.map((attempt) => ({ ...attempt, at: iso(attempt.at) })),
  };
}

/** Per account and currency: what was authorized, captured, refunded and released. */
export function booksOf(sim: Simulator, accountId: string | undefined) {
  const rows = new Map<
    string,
    {
      account_id: string;
      currency: string;
      transactions: number;
      authorized: number;
      captured: number;
      refunded: number;
      voided: number;
      remaining: number;
    }
  >();
  for (const transaction of sim.state.transactions.values()) {
    if (accountId !== undefined && transaction.account_id !== accountId) continue;
    const id = `${transaction.account_id} ${transaction.currency}`;
    const row = rows.get(id) ?? {
      account_id: transaction.account_id,
      currency: transaction.currency,
      transactions: 0,
      authorized: 0,
      captured: 0,
      refunded: 0,
      voided: 0,
      remaining: 0,
    };
    row.transactions += 1;
    row.authorized += transaction.amount;
    row.captured += transaction.captured_amount;
    row.refunded += transaction.refunded_amount;
    row.voided += transaction.voided_amount;
    row.remaining += remainingOf(transaction);
    rows.set(id, row);
  }
  return [...rows.values()];
}
