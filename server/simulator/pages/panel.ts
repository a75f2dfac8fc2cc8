import { html } from "hono/html";
import { booksOf } from "../control";
import { type Delivery, FaultKindSchema, type PaymentRequest, type Transaction } from "../model";
import { isOpen, journeyUrl } from "../requests";
import { nowFor, type Simulator } from "../simulator";
import { formatMoney, formatTime } from "./format";
import { MARK, type Markup } from "./layout";

/** The control panel: what the simulator holds, and a button for everything that a person may want to happen. */

const ROWS_MAX = 30;
const OPERATIONS = [
  "authorize",
  "authorize_final",
  "read_request",
  "cancel_request",
  "capture",
  "refund",
  "void",
  "webhook",
  "*",
];

const TONES: Record<string, string> = {
  SUBMITTED: "info",
  IN_PROGRESS: "info",
  PENDING: "info",
  AUTHORIZED: "good",
  COMPLETED: "good",
  DELIVERED: "good",
  ENABLED: "good",
  DECLINED: "bad",
  FAILED: "bad",
  LOST: "bad",
};

function badge(state: string): Markup {
  return html`<span class="badge ${TONES[state] ?? "rest"}">${state.replace("_", " ").toLowerCase()}</span>`;
}

function action(label: string, path: string, body: Record<string, unknown> = {}, method = "POST"): Markup {
  return html`<button type="button" data-method="${method}" data-path="${path}" data-body="${JSON.stringify(body)}">${label}</button>`;
}

function lastOf<T>(values: Iterable<T>): T[] {
  return [...values].slice(-ROWS_MAX).reverse();
}

function table(head: string[], rows: Markup[], empty: string): Markup {
  if (rows.length === 0) return html`<p class="empty">${empty}</p>`;
  return html`<div class="scroll"><table><thead><tr>${head.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead><tbody>${rows}</tbody></table></div>`;
}

function requestRow(sim: Simulator, request: PaymentRequest): Markup {
  const play = `/_control/requests/${encodeURIComponent(request.payment_request_id)}/play`;
  const account = sim.state.accounts.get(request.account_id);
  const buttons = isOpen(request)
    ? html`${action("Approve", play, { action: "complete", force: true })}${action("Refuse", play, { action: "decline" })}${
        request.state === "IN_PROGRESS"
          ? action("Leave", play, { action: "leave" })
          : action("Open", play, { action: "open" })
      }${action("Expire", play, { action: "expire" })}`
    : "";
  return html`<tr><td class="time">${formatTime(request.created_at)}</td><td>${account?.name ?? request.account_id}<small>${request.store?.name ?? ""} ${request.terminal_reference ?? ""}</small></td><td class="number">${formatMoney(request.amount, request.currency, request.country)}</td><td>${badge(request.state)}${request.final === null ? "" : html`<small>final: ${request.final.result.toLowerCase()}</small>`}</td><td class="mono">${request.payment_request_reference ?? "–"}</td><td class="buttons"><a href="${journeyUrl(sim, request)}">Phone</a>${buttons}</td></tr>`;
}

function transactionRow(sim: Simulator, transaction: Transaction): Markup {
  const account = sim.state.accounts.get(transaction.account_id);
  const money = (amount: number): string => formatMoney(amount, transaction.currency, account?.country ?? "DE");
  return html`<tr><td class="time">${formatTime(transaction.created_at)}</td><td>${account?.name ?? transaction.account_id}</td><td class="number">${money(transaction.amount)}</td><td class="number">${money(transaction.captured_amount)}</td><td class="number">${money(transaction.refunded_amount)}</td><td>${badge(transaction.state)}</td><td class="mono">${transaction.payment_transaction_reference ?? transaction.payment_transaction_id}</td></tr>`;
}

function deliveryRow(delivery: Delivery): Markup {
  const last = delivery.attempts.at(-1);
  const answer = last === undefined ? "–" : (last.error ?? `${last.status}, ${last.duration_ms} ms`);
  return html`<tr><td class="time">${formatTime(delivery.created_at)}</td><td class="mono">${delivery.event_type}</td><td>${badge(delivery.status)}</td><td class="number">${delivery.attempts.length}</td><td>${answer}</td><td class="mono">${delivery.payment_request_reference ?? "–"}</td><td class="buttons">${action("Send again", `/_control/webhook-deliveries/${delivery.delivery_id}/redeliver`)}</td></tr>`;
}

export function panelPage(sim: Simulator): Markup {
  const requests = lastOf(sim.state.requests.values());
  const transactions = lastOf(sim.state.transactions.values());
  const deliveries = lastOf(sim.state.deliveries.values());
  const accounts = lastOf(sim.state.accounts.values());
  const webhooks = lastOf(sim.state.webhooks.values());
  const faults = lastOf(sim.state.faults.values());
  const options = (values: readonly string[]): Markup[] => values.map((value) => html`<option>${value}</option>`);
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Control panel · Simulator</title>
<link rel="icon" href="/assets/square.svg">
<link rel="stylesheet" href="/assets/panel.css">
<script src="/assets/panel.js" defer></script>
</head>
<body>
<header><span class="brand">${MARK}<b>Simulator</b></span><span class="hint">Stands in for Klarna. No money moves.</span>
<span class="clock">Clock ${formatTime(nowFor(sim, undefined))} UTC ${action("+10 s", "/_control/clock", { advance_ms: 10_000 })}${action("+1 min", "/_control/clock", { advance_ms: 60_000 })}${action("+1 h", "/_control/clock", { advance_ms: 3_600_000 })}${action("+1 day", "/_control/clock", { advance_ms: 86_400_000 })}</span></header>
<p id="problem" role="alert" hidden></p>
<main>
<section><h2>Payment requests <i>${sim.state.requests.size}</i></h2>${table(
    ["Created", "Partner", "Amount", "State", "Reference", ""],
    requests.map((request) => requestRow(sim, request)),
    "No payment has asked for a customer yet. The first step-up shows up here, with the customer’s phone one tap away.",
  )}</section>
<section><h2>Payment transactions <i>${sim.state.transactions.size}</i></h2>${table(
    ["Created", "Partner", "Authorized", "Captured", "Refunded", "State", "Reference"],
    transactions.map((transaction) => transactionRow(sim, transaction)),
    "Nothing has been approved yet.",
  )}</section>
<section><h2>Webhook deliveries <i>${sim.state.deliveries.size}</i></h2>${table(
    ["Created", "Event", "State", "Tries", "Last answer", "Reference", ""],
    deliveries.map(deliveryRow),
    "No event has been sent. Deliveries start when a webhook is registered.",
  )}</section>
<div class="columns">
<section><h2>Books</h2>${table(
    ["Partner", "Currency", "Transactions", "Captured", "Refunded"],
    booksOf(sim, undefined).map((row) => {
      const account = sim.state.accounts.get(row.account_id);
      const money = (amount: number): string => formatMoney(amount, row.currency, account?.country ?? "DE");
      return html`<tr><td>${account?.name ?? row.account_id}</td><td>${row.currency}</td><td class="number">${row.transactions}</td><td class="number">${money(row.captured)}</td><td class="number">${money(row.refunded)}</td></tr>`;
    }),
    "Empty.",
  )}</section>
<section><h2>Faults</h2>
<form id="fault"><label>Operation<select name="operation">${options(OPERATIONS)}</select></label><label>Kind<select name="kind">${options(FaultKindSchema.options)}</select></label><label>Payment request reference<input name="reference" placeholder="any"></label><label>Times<input name="times" type="number" min="1" value="1"></label><button>Arm</button></form>
${table(
  ["Operation", "Kind", "For", "Used", ""],
  faults.map(
    (fault) =>
      html`<tr><td>${fault.operation}</td><td>${fault.kind}</td><td class="mono">${fault.match.payment_request_reference ?? "any"}</td><td class="number">${fault.hits} of ${fault.times ?? "∞"}</td><td class="buttons">${action("Remove", `/_control/faults/${fault.fault_id}`, {}, "DELETE")}</td></tr>`,
  ),
  "Everything behaves.",
)}</section>
</div>
<div class="columns">
<section><h2>Accounts <i>${sim.state.accounts.size}</i></h2>${table(
    ["Name", "Country", "Stores", "Account"],
    accounts.map(
      (account) =>
        html`<tr><td>${account.name}</td><td>${account.country}</td><td class="number">${account.stores.length}</td><td class="mono">${account.account_id}</td></tr>`,
    ),
    "No Partner account exists. Create one with POST /_control/accounts.",
  )}</section>
<section><h2>Webhooks <i>${sim.state.webhooks.size}</i></h2>${table(
    ["Address", "Events", "State"],
    webhooks.map(
      (webhook) =>
        html`<tr><td class="mono">${webhook.url}</td><td class="mono">${webhook.event_types.join(", ")}</td><td>${badge(webhook.status)}</td></tr>`,
    ),
    "No webhook is registered.",
  )}</section>
</div>
</main>
</body>
</html>`;
}
