import { html } from "hono/html";
import type { Delivery } from "../model";
import type { LoggedCall, Simulator } from "../simulator";
import type { Markup } from "./layout";
import {
  type Ask,
  accountLink,
  accountName,
  action,
  badge,
  contains,
  crumb,
  facts,
  filterForm,
  heading,
  isOf,
  jsonBlock,
  mono,
  pageOf,
  section,
  table,
  time,
} from "./panel-parts";

/** Webhooks, their deliveries and the log of calls in the control panel. */

function deliveryButtons(delivery: Delivery): Markup {
  const path = `/_control/webhook-deliveries/${delivery.delivery_id}/redeliver`;
  return action(delivery.status === "PENDING" ? "Send now" : "Send again", path);
}

export function deliveryTable(deliveries: readonly Delivery[]): Markup {
  return table(
    ["Created", "Event", "State", "#Tries", "Last answer", "Next try", "Reference", ""],
    deliveries.map((delivery) => {
      const last = delivery.attempts.at(-1);
      const answer = last === undefined ? "–" : (last.error ?? `${last.status}, ${last.duration_ms} ms`);
      return html`<tr><td>${time(delivery.created_at)}</td><td><a class="mono" href="/panel/webhooks/${delivery.delivery_id}">${delivery.event_type}</a></td><td>${badge(delivery.status)}</td><td class="number">${delivery.attempts.length}</td><td>${answer}</td><td>${
        delivery.held_for === null ? time(delivery.next_attempt_at) : html`<small>after ${delivery.held_for}</small>`
      }</td><td>${mono(delivery.payment_request_reference)}</td><td class="buttons">${deliveryButtons(delivery)}</td></tr>`;
    }),
    "No event has been sent. Deliveries start when a webhook is registered.",
  );
}

export function webhooksPage(sim: Simulator, ask: Ask): Markup {
  const { rows, total, pager } = pageOf(
    sim.state.deliveries.values(),
    ask,
    (delivery) =>
      isOf(ask, delivery.account_id) &&
      contains(
        ask,
        delivery.event_type,
        delivery.payment_request_reference,
        delivery.subject_id,
        delivery.status,
        delivery.event_id,
      ),
  );
  const webhooks = [...sim.state.webhooks.values()].reverse();
  const isWaiting = [...sim.state.deliveries.values()].some((delivery) => delivery.status === "PENDING");
  return html`${heading(
    "Webhooks",
    "Signed events on their way to the Acquiring Partner. Any of them can be sent again.",
    isWaiting ? action("Send all waiting now", "/_control/webhook-deliveries/now") : "",
  )}
${section(
  "Registered",
  table(
    ["Created", "Address", "Events", "Version", "State"],
    webhooks.map(
      (webhook) =>
        html`<tr><td>${time(webhook.created_at)}</td><td class="mono">${webhook.url}</td><td class="mono">${webhook.event_types.join(", ")}</td><td>${webhook.event_version}</td><td>${badge(webhook.status)}</td></tr>`,
    ),
    "No webhook is registered. The Acquiring Partner registers one with POST /v2/notification/webhooks.",
  ),
  webhooks.length,
)}
${filterForm(sim, ask, "event, reference or state")}
${section("Deliveries", html`${deliveryTable(rows)}${pager}`, total)}`;
}

export function deliveryPage(sim: Simulator, delivery: Delivery): Markup {
  const webhook = sim.state.webhooks.get(delivery.webhook_id);
  return html`${crumb("/panel/webhooks", "Webhooks")}
${heading(delivery.event_type, badge(delivery.status), deliveryButtons(delivery))}
${section(
  "Facts",
  facts([
    ["Partner", accountLink(sim, delivery.account_id)],
    ["Address", mono(webhook?.url ?? "deleted")],
    ["Event id", mono(delivery.event_id)],
    ["Subject", mono(delivery.subject_id)],
    ["Created", time(delivery.created_at)],
    ["Next try", delivery.next_attempt_at === null ? null : time(delivery.next_attempt_at)],
    ["Signature", delivery.is_badly_signed ? "wrong, as asked" : "good"],
  ]),
)}
${section(
  "Tries",
  table(
    ["When", "Answer", "#Took"],
    delivery.attempts.map(
      (attempt) =>
        html`<tr><td>${time(attempt.at)}</td><td>${attempt.error ?? attempt.status}</td><td class="number">${attempt.duration_ms} ms</td></tr>`,
    ),
    "Not tried yet.",
  ),
  delivery.attempts.length,
)}
${jsonBlock("Body", delivery.body)}`;
}

export function callTable(sim: Simulator, calls: readonly LoggedCall[]): Markup {
  return table(
    ["When", "Operation", "Answer", "#Took", "Partner", "Path"],
    calls.map(
      (call) =>
        html`<tr><td><span class="time">${call.at.slice(0, 23).replace("T", " ")}</span></td><td><a href="/panel/calls/${call.correlation_id}">${call.operation}</a>${call.is_replay ? html`<small>repeated answer</small>` : ""}</td><td>${
          call.status === null ? html`<span class="badge bad">cut</span>` : statusBadge(call.status)
        }${call.fault === null ? "" : html`<small>${call.fault}</small>`}</td><td class="number">${call.duration_ms} ms</td><td>${call.account === null ? "–" : accountName(sim, call.account)}</td><td class="mono">${call.method} ${shortPath(call.path)}</td></tr>`,
    ),
    "Nobody has called yet.",
  );
}

/** Identifiers by their last part; the record has the whole path. */
function shortPath(path: string): string {
  return path.replace(/krn(?::|%3A)[\w:.%-]*(?::|%3A)([\w-]+)/g, "…$1");
}

function statusBadge(status: number): Markup {
  const tone = status < 300 ? "good" : status < 500 ? "wait" : "bad";
  return html`<span class="badge ${tone}">${status}</span>`;
}

export function callsPage(sim: Simulator, ask: Ask): Markup {
  const { rows, total, pager } = pageOf(
    sim.calls.list(),
    ask,
    (call) =>
      isOf(ask, call.account) &&
      contains(
        ask,
        call.operation,
        call.path,
        call.idempotency_key,
        call.correlation_id,
        call.fault,
        String(call.status),
        call.facts.payment_request_reference,
        call.facts.payment_transaction_reference,
        call.facts.purchase_reference,
      ),
  );
  return html`${heading("API calls", "The last 10,000 calls, as they came in. They are not kept over a restart.")}
${filterForm(sim, ask, "operation, path, key, status")}
${section("Calls", html`${callTable(sim, rows)}${pager}`, total)}`;
}

export function callPage(sim: Simulator, call: LoggedCall): Markup {
  return html`${crumb("/panel/calls", "API calls")}
${heading(call.operation, call.status === null ? html`<span class="badge bad">connection cut</span>` : statusBadge(call.status))}
${section(
  "Facts",
  facts([
    ["Call", mono(`${call.method} ${call.path}`)],
    ["When", call.at.replace("T", " ")],
    ["Partner", call.account === null ? null : accountLink(sim, call.account)],
    ["Idempotency key", call.idempotency_key === null ? null : mono(call.idempotency_key)],
    ["Repeated answer", call.is_replay ? "yes" : null],
    ["Session token", call.session_token === null ? null : mono(call.session_token)],
    ["Correlation id", mono(call.correlation_id)],
    ["Partner’s correlation id", call.partner_correlation_id === null ? null : mono(call.partner_correlation_id)],
    ["Fault", call.fault],
    ["Took", `${call.duration_ms} ms`],
  ]),
)}
${jsonBlock("Body of the call", call.request_body)}`;
}
