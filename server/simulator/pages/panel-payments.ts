import { html } from "hono/html";
import { booksOf } from "../control-views";
import type { CustomerToken } from "../customer-tokens-model";
import { uuidOf } from "../ids";
import type { PaymentRequest, Transaction } from "../model";
import { isOpen, journeyUrl } from "../requests";
import type { Simulator } from "../simulator";
import { remainingOf } from "../transactions";
import type { Markup } from "./layout";
import { callTable, deliveryTable } from "./panel-events";
import {
  type Ask,
  accountLink,
  accountName,
  action,
  badge,
  contains,
  crumb,
  facts,
  field,
  filterForm,
  form,
  heading,
  hidden,
  isOf,
  moneyOf,
  mono,
  pageOf,
  section,
  select,
  table,
  time,
  words,
} from "./panel-parts";

/** Payment requests, transactions and saved customers in the control panel. */

function requestButtons(request: PaymentRequest): Markup | string {
  if (!isOpen(request)) return "";
  const play = `/_control/requests/${encodeURIComponent(request.payment_request_id)}/play`;
  return html`${action("Approve", play, { action: "complete", force: true })}${action("Refuse", play, { action: "decline" })}${
    request.state === "IN_PROGRESS"
      ? action("Leave", play, { action: "leave" })
      : action("Open", play, { action: "open" })
  }${action("Expire now", play, { action: "expire" })}`;
}

export function requestTable(sim: Simulator, requests: readonly PaymentRequest[]): Markup {
  return table(
    ["Created", "Partner", "#Amount", "State", "Reference", ""],
    requests.map((request) => {
      const account = sim.state.accounts.get(request.account_id);
      const where = [request.store?.name, request.terminal_reference].filter((part) => typeof part === "string");
      return html`<tr><td>${time(request.created_at)}</td><td>${accountName(sim, request.account_id)}<small>${where.join(", ")}</small></td><td class="number">${request.is_token_only ? "–" : moneyOf(account, request.amount, request.currency)}</td><td>${badge(request.state)}${
        request.final === null ? "" : html`<small>final call: ${words(request.final.result)}</small>`
      }</td><td><a class="mono" href="/panel/requests/${uuidOf(request.payment_request_id)}">${request.payment_request_reference ?? request.payment_request_id}</a></td><td class="buttons"><a class="button" href="${journeyUrl(sim, request)}">Phone</a>${requestButtons(request)}</td></tr>`;
    }),
    "No payment has asked for a customer yet. The first step-up shows up here, with the customer’s phone one tap away.",
  );
}

export function requestsPage(sim: Simulator, ask: Ask): Markup {
  const { rows, total, pager } = pageOf(
    sim.state.requests.values(),
    ask,
    (request) =>
      isOf(ask, request.account_id) &&
      contains(
        ask,
        request.payment_request_id,
        request.payment_request_reference,
        request.purchase_reference,
        request.terminal_reference,
        request.state,
      ),
  );
  return html`${heading("Payment requests", "Every step-up: what the customer is doing, and what the customer could do next.")}
${filterForm(sim, ask, "reference, id or state")}
${section("Requests", html`${requestTable(sim, rows)}${pager}`, total)}`;
}

export function requestPage(sim: Simulator, request: PaymentRequest): Markup {
  const account = sim.state.accounts.get(request.account_id);
  const id = request.payment_request_id;
  const deliveries = [...sim.state.deliveries.values()].filter((delivery) => delivery.subject_id === id).reverse();
  const calls = sim.calls
    .list()
    .filter(
      (call) =>
        call.facts.payment_request_id === id ||
        (request.payment_request_reference !== null &&
          call.facts.payment_request_reference === request.payment_request_reference),
    )
    .reverse()
    .slice(0, 50);
  const transactionId = request.final?.payment_transaction_id ?? null;
  return html`${crumb("/panel/requests", "Payment requests")}
${heading(
  request.payment_request_reference ?? id,
  html`${badge(request.state)}${request.state_reason === null ? "" : ` ${words(request.state_reason)}`}`,
  html`<a class="button" href="${journeyUrl(sim, request)}">Phone</a>${requestButtons(request)}`,
)}
<div class="columns">
${section(
  "Facts",
  facts([
    ["Partner", accountLink(sim, request.account_id)],
    ["Amount", moneyOf(account, request.amount, request.currency)],
    ["Store", request.store?.name ?? request.store?.store_id ?? null],
    ["Till", request.terminal_reference],
    ["Purchase reference", request.purchase_reference],
    ["Created", time(request.created_at)],
    ["Changed", time(request.updated_at)],
    ["Expires", time(request.expires_at)],
    ["Id", mono(id)],
    ["Session token", request.session_token === null ? null : mono(request.session_token)],
    [
      "Transaction",
      transactionId === null
        ? null
        : html`<a class="mono" href="/panel/transactions/${uuidOf(transactionId)}">${transactionId}</a>`,
    ],
  ]),
)}
${section(
  "What the customer scans",
  html`<div class="qr"><img src="/qr/${uuidOf(id)}.svg" alt="QR code of the payment" width="160" height="160"><a class="mono" href="${journeyUrl(sim, request)}">${journeyUrl(sim, request)}</a></div>`,
)}
</div>
${section("Events", deliveryTable(deliveries), deliveries.length)}
${section("Calls", callTable(sim, calls), calls.length)}`;
}

export function transactionTable(sim: Simulator, transactions: readonly Transaction[]): Markup {
  return table(
    ["Created", "Partner", "#Authorized", "#Captured", "#Refunded", "State", "Reference"],
    transactions.map((transaction) => {
      const account = sim.state.accounts.get(transaction.account_id);
      const money = (amount: number): string => moneyOf(account, amount, transaction.currency);
      return html`<tr><td>${time(transaction.created_at)}</td><td>${accountName(sim, transaction.account_id)}</td><td class="number">${money(transaction.amount)}</td><td class="number">${money(transaction.captured_amount)}</td><td class="number">${money(transaction.refunded_amount)}</td><td>${badge(transaction.state)}${transaction.is_classic === true ? html`<small>classic order</small>` : ""}</td><td><a class="mono" href="/panel/transactions/${uuidOf(transaction.payment_transaction_id)}">${transaction.payment_transaction_reference ?? transaction.payment_transaction_id}</a></td></tr>`;
    }),
    "Nothing has been approved yet.",
  );
}

export function booksTable(sim: Simulator, accountId?: string): Markup {
  return table(
    ["Partner", "#Transactions", "#Authorized", "#Captured", "#Refunded", "#Voided", "#Open"],
    booksOf(sim, accountId).map((row) => {
      const account = sim.state.accounts.get(row.account_id);
      const money = (amount: number): Markup => html`<td class="number">${moneyOf(account, amount, row.currency)}</td>`;
      return html`<tr><td>${accountName(sim, row.account_id)}<small>${row.currency}</small></td><td class="number">${row.transactions}</td>${money(row.authorized)}${money(row.captured)}${money(row.refunded)}${money(row.voided)}${money(row.remaining)}</tr>`;
    }),
    "The books are empty.",
  );
}

export function transactionsPage(sim: Simulator, ask: Ask): Markup {
  const { rows, total, pager } = pageOf(
    sim.state.transactions.values(),
    ask,
    (transaction) =>
      isOf(ask, transaction.account_id) &&
      contains(
        ask,
        transaction.payment_transaction_id,
        transaction.payment_transaction_reference,
        transaction.payment_request_reference,
        transaction.purchase_reference,
        transaction.state,
      ),
  );
  return html`${heading("Transactions", "What was approved, and what has become of the money since.")}
${filterForm(sim, ask, "reference, id or state")}
${section("Transactions", html`${transactionTable(sim, rows)}${pager}`, total)}
${section("Books", booksTable(sim, ask.account))}`;
}

export function transactionPage(sim: Simulator, transaction: Transaction, reasons: readonly string[]): Markup {
  const account = sim.state.accounts.get(transaction.account_id);
  const id = transaction.payment_transaction_id;
  const money = (amount: number): string => moneyOf(account, amount, transaction.currency);
  const play = `/_control/transactions/${encodeURIComponent(id)}/play`;
  const funding = `/_control/transactions/${encodeURIComponent(id)}/funding`;
  const disputes = [...sim.state.disputes.values()].filter((dispute) => dispute.payment_transaction_id === id);
  const deliveries = [...sim.state.deliveries.values()].filter((delivery) => delivery.subject_id === id).reverse();
  const calls = sim.calls
    .list()
    .filter(
      (call) =>
        call.path.includes(uuidOf(id)) ||
        (transaction.payment_transaction_reference !== null &&
          call.facts.payment_transaction_reference === transaction.payment_transaction_reference),
    )
    .reverse()
    .slice(0, 50);
  return html`${crumb("/panel/transactions", "Transactions")}
${heading(
  transaction.payment_transaction_reference ?? id,
  badge(transaction.state),
  html`${
    transaction.funding === "PENDING"
      ? html`${action("Money comes now", funding, { state: "FUNDED" })}${action("Money never comes", funding, { state: "EXPIRED" })}`
      : ""
  }${transaction.state === "AUTHORIZED" ? action("Expire now", play, { action: "expire" }) : ""}${
    transaction.state === "AUTHORIZED" || transaction.state === "EXPIRED"
      ? action("End of grace now", play, { action: "close" })
      : ""
  }`,
)}
${section(
  "Facts",
  facts([
    ["Partner", accountLink(sim, transaction.account_id)],
    ["Authorized", money(transaction.amount)],
    ["Captured", money(transaction.captured_amount)],
    ["Refunded", money(transaction.refunded_amount)],
    ["Voided", money(transaction.voided_amount)],
    ["Remaining", money(remainingOf(transaction))],
    ["Funding", transaction.funding === undefined ? null : words(transaction.funding)],
    ["Purchase reference", transaction.purchase_reference],
    [
      "Payment request",
      transaction.payment_request_id === null
        ? null
        : html`<a class="mono" href="/panel/requests/${uuidOf(transaction.payment_request_id)}">${transaction.payment_request_reference ?? transaction.payment_request_id}</a>`,
    ],
    ["Created", time(transaction.created_at)],
    ["Authorized until", time(transaction.expires_at)],
    ["Id", mono(id)],
  ]),
)}
<div class="columns">
${section(
  "Captures",
  table(
    ["When", "#Amount", "#Refunded", "Reference"],
    transaction.captures.map(
      (capture) =>
        html`<tr><td>${time(capture.created_at)}</td><td class="number">${money(capture.amount)}</td><td class="number">${money(capture.refunded_amount)}</td><td>${mono(capture.payment_capture_reference ?? capture.payment_capture_id)}</td></tr>`,
    ),
    "Nothing has been captured.",
  ),
  transaction.captures.length,
)}
${section(
  "Refunds",
  table(
    ["When", "#Amount", "Reference"],
    transaction.refunds.map(
      (refund) =>
        html`<tr><td>${time(refund.created_at)}</td><td class="number">${money(refund.amount)}</td><td>${mono(refund.payment_refund_reference ?? refund.payment_refund_id)}</td></tr>`,
    ),
    "Nothing has been refunded.",
  ),
  transaction.refunds.length,
)}
${section(
  "Disputes",
  html`${table(
    ["Opened", "#Amount", "State", ""],
    disputes.map(
      (dispute) =>
        html`<tr><td>${time(dispute.created_at)}</td><td class="number">${money(dispute.amount)}</td><td>${badge(dispute.state)}</td><td><a class="mono" href="/panel/disputes/${encodeURIComponent(dispute.payment_dispute_id)}">${words(dispute.dispute_reason)}</a></td></tr>`,
    ),
    "The customer has not complained.",
  )}${
    transaction.captured_amount > transaction.refunded_amount
      ? form(
          "/_control/disputes",
          html`${hidden("payment_transaction_id", id)}${select(
            "reason",
            "Reason",
            reasons.map((reason) => [reason, words(reason)] as const),
          )}${field("amount", "Amount, minor units", { kind: "int", hint: "all" })}`,
          "Complain",
        )
      : ""
  }`,
  disputes.length,
)}
</div>
${section("Events", deliveryTable(deliveries), deliveries.length)}
${section("Calls", callTable(sim, calls), calls.length)}`;
}

export function customersPage(sim: Simulator, ask: Ask): Markup {
  const { rows, total, pager } = pageOf(
    sim.state.customerTokens.values(),
    ask,
    (token: CustomerToken) =>
      isOf(ask, token.account_id) &&
      contains(ask, token.customer_token, token.customer_token_reference, token.status, token.phone),
  );
  return html`${heading("Saved customers", "Customer tokens: who agreed to be charged again, and whether that still holds.")}
${filterForm(sim, ask, "reference, token or phone")}
${section(
  "Customer tokens",
  html`${table(
    ["Issued", "Partner", "Customer", "Scopes", "State", "Reference", ""],
    rows.map((token) => {
      const path = `/_control/customer-tokens/${encodeURIComponent(token.customer_token)}`;
      const buttons =
        token.status === "REVOKED"
          ? ""
          : html`${
              token.status === "ACTIVE"
                ? action("Suspend", path, { status: "SUSPENDED" })
                : action("Activate", path, { status: "ACTIVE" })
            }${
              token.persona === "approved"
                ? action("Deny from now on", path, { persona: "denied" })
                : action("Approve from now on", path, { persona: "approved" })
            }${action("Revoke", path, { status: "REVOKED", revoked_by: "CUSTOMER" }, { kind: "bad" })}`;
      return html`<tr><td>${time(token.issued_at)}</td><td>${accountName(sim, token.account_id)}</td><td>${token.phone}<small>${token.persona}</small></td><td class="mono">${token.scopes.join(", ")}</td><td>${badge(token.status)}</td><td class="mono">${token.customer_token_reference ?? token.customer_token}</td><td class="buttons">${buttons}</td></tr>`;
    }),
    "No customer has been saved yet.",
  )}${pager}`,
  total,
)}`;
}
