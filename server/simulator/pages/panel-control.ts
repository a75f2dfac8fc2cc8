import { html } from "hono/html";
import { z } from "zod";
import { CLASSIC_OPERATIONS } from "../classic/operations";
import { isOpenSession } from "../classic/session-states";
import { DecisionReasonSchema, type Management, ManagementSchema } from "../management/model";
import { managementOf } from "../management/settings";
import { MARKETS } from "../markets";
import { type Account, FaultKindSchema, SettingsSchema, StoreSchema, SwitchesSchema } from "../model";
import { isOpen } from "../requests";
import { nowFor, type Simulator } from "../simulator";
import { formatTime } from "./format";
import type { Markup } from "./layout";
import { callTable } from "./panel-events";
import {
  type Ask,
  accountName,
  action,
  badge,
  checkbox,
  contains,
  crumb,
  facts,
  field,
  form,
  heading,
  hidden,
  jsonBlock,
  mono,
  pageOf,
  section,
  select,
  table,
  time,
  words,
} from "./panel-parts";
import { booksTable, requestTable, transactionTable } from "./panel-payments";

/** Overview, accounts, faults, clock and settings in the control panel. */

const RECENT = 8;

function lastOf<T>(values: Iterable<T>, count: number): T[] {
  return [...values].slice(-count).reverse();
}

export function overviewPage(sim: Simulator): Markup {
  const { state } = sim;
  const count = <T>(values: Iterable<T>, isWanted: (value: T) => boolean): number => {
    let found = 0;
    for (const value of values) if (isWanted(value)) found += 1;
    return found;
  };
  const tile = (path: string, value: number, name: string): Markup =>
    html`<a class="tile" href="${path}"><b>${value}</b><span>${name}</span></a>`;
  const waiting = count(state.requests.values(), isOpen) + count(state.classicSessions.values(), isOpenSession);
  const pending = count(state.deliveries.values(), ({ status }) => status === "PENDING");
  const disputes = count(state.disputes.values(), (dispute) => dispute.state !== "CLOSED");
  return html`${heading("Overview", "This program plays Klarna for a payment gateway: same addresses, same answers, same events, nobody’s money.")}
<div class="tiles">
${tile("/panel/requests", waiting, "customers on their way")}
${tile("/panel/transactions", state.transactions.size, "transactions")}
${tile("/panel/webhooks", pending, "events waiting")}
${tile("/panel/disputes", disputes, "open disputes")}
${tile("/panel/settlements", state.settlements.size, "settlements")}
${tile("/panel/accounts", state.accounts.size, "Partner accounts")}
${tile("/panel/faults", state.faults.size, "armed faults")}
</div>
${section("Payment requests", requestTable(sim, lastOf(state.requests.values(), RECENT)), state.requests.size)}
${section("Transactions", transactionTable(sim, lastOf(state.transactions.values(), RECENT)), state.transactions.size)}
${section("Books", booksTable(sim))}
${section("Last calls", callTable(sim, lastOf(sim.calls.list(), RECENT)))}`;
}

// --- accounts ---

const COUNTRIES = MARKETS.map((market) => market.country);

export function accountsPage(sim: Simulator, ask: Ask): Markup {
  const { rows, total, pager } = pageOf(sim.state.accounts.values(), ask, (account) =>
    contains(ask, account.name, account.account_id, account.country),
  );
  const steps = [...sim.state.steps.values()];
  return html`${heading("Accounts", "The Partners for whom the Acquiring Partner may act.")}
${section(
  "Accounts",
  html`${table(
    ["Created", "Name", "Country", "State", "Product", "#Stores", "Account"],
    rows.map(
      (account) =>
        html`<tr><td>${time(account.created_at)}</td><td><a href="/panel/accounts/${encodeURIComponent(account.account_id)}">${account.name}</a></td><td>${account.country}</td><td>${badge(account.state)}</td><td>${badge(account.product.state)}</td><td class="number">${account.stores.length}</td><td>${mono(account.account_id)}</td></tr>`,
    ),
    "No Partner account exists. Make one here, or onboard one with the Management API.",
  )}${pager}`,
  total,
)}
${section(
  "Waiting steps",
  html`${table(
    ["Due", "Step", "Partner", ""],
    steps.map(
      (step) =>
        html`<tr><td>${time(step.due_at)}</td><td>${words(step.kind)}</td><td>${step.account_id === null ? "–" : accountName(sim, step.account_id)}</td><td class="buttons">${action("Now", `/_control/steps/${step.step_id}/now`)}</td></tr>`,
    ),
    "Nothing is waiting: no onboarding, no product change, no new list of addresses.",
  )}${steps.length > 1 ? html`<div class="buttons">${action("All now", "/_control/steps/now")}</div>` : ""}`,
  steps.length,
)}
${section(
  "New account",
  form(
    "/_control/accounts",
    html`${field("name", "Name", { isRequired: true, hint: "Blumen Berlin" })}${select("country", "Country", COUNTRIES, { value: "DE" })}${field("account_id", "Account, if it has one", { hint: "krn:…" })}`,
    "Make it",
  ),
)}`;
}

/** The right kind of field for a setting, by its schema. */
function fieldOf(name: string, schema: z.ZodType, value: unknown, label = words(name)): Markup {
  if (schema instanceof z.ZodEnum) {
    return select(name, label, schema.options.map(String), typeof value === "string" ? { value } : {});
  }
  if (typeof value === "boolean") return checkbox(name, label, value);
  return field(name, label, { kind: "int", value: typeof value === "number" ? value : "", hint: "usual" });
}

function switchFields(current: Record<string, unknown>, prefix = ""): Markup[] {
  return Object.entries(SwitchesSchema.shape).map(([name, schema]) =>
    fieldOf(prefix + name, schema, current[name], words(name)),
  );
}

export function accountPage(sim: Simulator, account: Account): Markup {
  const id = account.account_id;
  const path = `/_control/accounts/${encodeURIComponent(id)}`;
  const isOwn = (item: { account_id: string }): boolean => item.account_id === id;
  const requests = lastOf([...sim.state.requests.values()].filter(isOwn), RECENT);
  const transactions = lastOf([...sim.state.transactions.values()].filter(isOwn), RECENT);
  const resources = [...sim.state.resources.values()].filter(isOwn);
  const settings = sim.settings();
  const effective = { ...settings, ...account.switches };
  return html`${crumb("/panel/accounts", "Accounts")}
${heading(
  account.name,
  html`${badge(account.state)}`,
  html`${
    account.state === "OPERATIONAL"
      ? action("Disable account", `${path}/state`, { state: "DISABLED" }, { kind: "bad" })
      : action("Operational now", `${path}/state`, { state: "OPERATIONAL" })
  }`,
)}
<div class="columns">
${section(
  "Facts",
  facts([
    ["Account", mono(id)],
    ["Country", account.country],
    ["Reference", account.partner_account_reference],
    ["Created", time(account.created_at)],
    ["Its clock", `${formatTime(nowFor(sim, account))} UTC`],
    ["Payment product", html`${badge(account.product.state)} ${mono(account.product_instance_id)}`],
    ["Going to be", account.product.pending_state],
  ]),
)}
${section(
  "What Klarna decides",
  html`<div class="buttons">${
    account.product.state === "ENABLED" ? "" : action("Enable product", `${path}/product`, { state: "ENABLED" })
  }</div>${form(
    `${path}/product`,
    html`${select("state", "Product becomes", ["DISABLED", "TERMINATED"])}${select(
      "decision",
      "Because",
      DecisionReasonSchema.options.map((reason) => [reason, words(reason)] as const),
    )}`,
    "Decide",
  )}
<h3>This account’s clock alone</h3><div class="buttons">${action("+1 h", "/_control/clock", { advance_ms: 3_600_000, account: id })}${action("+1 day", "/_control/clock", { advance_ms: 86_400_000, account: id })}${action("+28 days", "/_control/clock", { advance_ms: 28 * 86_400_000, account: id })}</div>`,
)}
</div>
${section(
  "Stores",
  html`${table(
    ["Reference", "Name", "Type", "From", "Store"],
    account.stores.map(
      (store) =>
        html`<tr><td>${mono(store.store_reference)}</td><td>${store.name ?? "–"}</td><td>${words(store.type)}</td><td>${words(store.onboarded_by)}</td><td>${mono(store.store_id)}</td></tr>`,
    ),
    "No store yet. A payment may bring its own.",
  )}${form(
    "/_control/stores",
    html`${hidden("account", id)}${field("store_reference", "Reference", { isRequired: true })}${field("name", "Name")}${select("type", "Type", StoreSchema.shape.type.options)}`,
    "Add store",
  )}`,
  account.stores.length,
)}
${section("Payment requests", requestTable(sim, requests))}
${section("Transactions", transactionTable(sim, transactions))}
${section("Books", booksTable(sim, id))}
${
  resources.length === 0
    ? ""
    : section(
        "Resources",
        table(
          ["Kind", "Reference", "Id", ""],
          resources.map(
            (resource) =>
              html`<tr><td>${words(resource.kind)}</td><td>${mono(resource.reference)}</td><td>${mono(resource.id)}</td><td class="buttons">${
                resource.kind === "brand"
                  ? action("Data incomplete", `/_control/brands/${encodeURIComponent(resource.id)}/incomplete`)
                  : resource.kind === "user"
                    ? action("Accepts invitation", `/_control/users/${encodeURIComponent(resource.id)}/accept`)
                    : ""
              }</td></tr>`,
          ),
          "None.",
        ),
        resources.length,
      )
}
${section(
  "Switches of this account",
  form("/_control/accounts", html`${hidden("account_id", id)}${switchFields(effective, "switches.")}`, "Save"),
)}`;
}

// --- faults ---

const OPERATIONS = [
  "authorize",
  "authorize_final",
  "create_request",
  "read_request",
  "update_request",
  "cancel_request",
  "read_transaction",
  "update_transaction",
  "capture",
  "refund",
  "void",
  "reauthorize",
  "presentation",
  "webhook",
  "classic_callback",
  ...CLASSIC_OPERATIONS,
  "*",
];

export function faultsPage(sim: Simulator): Markup {
  const faults = lastOf(sim.state.faults.values(), 500);
  const seen = new Set(sim.calls.list().map((call) => call.operation));
  const operations = [...new Set([...OPERATIONS, ...seen])].filter((name) => name !== "unknown");
  const accounts = [...sim.state.accounts.values()].map((account) => [account.account_id, account.name] as const);
  return html`${heading(
    "Faults",
    "What goes wrong, once or until removed. A call can also ask for a fault of its own with the header X-Simulator-Fault.",
    faults.length > 0 ? action("Remove all", "/_control/faults", {}, { method: "DELETE", kind: "bad" }) : "",
  )}
${section(
  "Arm a fault",
  form(
    "/_control/faults",
    html`${select("operation", "Operation", operations)}${select("kind", "Kind", FaultKindSchema.options)}${select("account", "Partner", [["", "any"], ...accounts])}${field("match.payment_request_reference", "Request reference", { hint: "any" })}${field("match.amount", "Amount", { kind: "int", hint: "any" })}${field("match.event_type", "Event", { hint: "any" })}${field("delay_ms", "Delay, ms", { kind: "int" })}${field("times", "Times", { kind: "int", value: 1 })}`,
    "Arm",
  ),
)}
${section(
  "Armed",
  table(
    ["Operation", "Kind", "Partner", "For", "#Used", ""],
    faults.map(
      (fault) =>
        html`<tr><td class="mono">${fault.operation}</td><td>${fault.kind}${fault.delay_ms === null ? "" : html`<small>${fault.delay_ms} ms</small>`}</td><td>${fault.account === null ? "any" : accountName(sim, fault.account)}</td><td class="mono">${
          Object.entries(fault.match)
            .map(([name, value]) => `${name} ${String(value)}`)
            .join(", ") || "any"
        }</td><td class="number">${fault.hits} of ${fault.times ?? "∞"}</td><td class="buttons">${action("Remove", `/_control/faults/${fault.fault_id}`, {}, { method: "DELETE" })}</td></tr>`,
    ),
    "Everything behaves.",
  ),
  faults.length,
)}
${section("Quick weather", html`<div class="tiles">${QUICK.map(([label, body]) => html`<div>${action(label, "/_control/faults", body)}</div>`)}</div>`)}`;
}

const QUICK: [label: string, body: Record<string, unknown>][] = [
  ["Next authorize is declined", { operation: "authorize", kind: "decline" }],
  ["Next authorize: line cut after the work", { operation: "authorize", kind: "cut_after" }],
  ["Next final call answers 500 after the work", { operation: "authorize_final", kind: "status_500_after" }],
  ["Next five calls answer 429", { operation: "*", kind: "status_429", times: 5 }],
  ["Everything answers 503", { operation: "*", kind: "status_503", times: null }],
  ["Next webhook is lost", { operation: "webhook", kind: "lost" }],
  ["Next webhook comes twice", { operation: "webhook", kind: "doubled" }],
  ["Next webhook is badly signed", { operation: "webhook", kind: "bad_signature" }],
];

// --- clock and settings ---

/** Plain settings of the management side; certificates and addresses have a page of their own. */
function managementFields(management: Management): Markup[] {
  const own = new Set(["id", "ca", "mtls_enforced_from", "ip_list", "pending_ip_list", "event_names"]);
  const current = new Map<string, unknown>(Object.entries(management));
  const plain = Object.entries(ManagementSchema.shape).filter(([name]) => !own.has(name));
  return [
    ...plain.map(([name, schema]) => fieldOf(name, schema, current.get(name))),
    ...Object.entries(management.event_names).map(([name, value]) =>
      field(`event_names.${name}`, `event: ${words(name)}`, { value }),
    ),
  ];
}

export function clockPage(sim: Simulator): Markup {
  const settings = sim.settings();
  const { api_key: _key, ...shown } = settings;
  const management = managementOf(sim);
  return html`${heading("Clock and settings", "One clock for everything: expiry, deadlines, retries, settlements and disputes move with it.")}
<div class="columns">
${section(
  "Clock",
  html`${facts([
    ["Now", html`<span data-live="now">${formatTime(nowFor(sim, undefined))} UTC</span>`],
    ["Ahead of the machine", `${Math.round((nowFor(sim, undefined) - Date.now()) / 1_000)} s`],
    ["Speed", `${settings.clock_speed}×`],
  ])}
${form("/_control/clock", field("advance_ms", "Move by, ms", { kind: "int", isRequired: true, hint: "86400000" }), "Move")}
${form("/_control/clock", field("speed", "Times faster", { kind: "int", isRequired: true, value: settings.clock_speed }), "Run")}`,
)}
${section(
  "Start over",
  html`<p class="empty">Forgets accounts, payments, events, settlements and disputes. The API key and the settings stay.</p><div class="buttons">${action("Reset everything", "/_control/reset", {}, { kind: "bad", confirm: "Forget everything that the simulator holds?" })}</div>`,
)}
${section(
  "Identity",
  facts([
    ["API key", mono(settings.api_key)],
    ["Acquiring Partner", mono(settings.acquirer_account_id)],
  ]),
)}
</div>
${section("Switches for everybody", form("/_control/settings", html`${switchFields(settings)}`, "Save"))}
${section(
  "Settings",
  form(
    "/_control/settings",
    html`${checkbox("auto_accounts", "make unknown accounts on first use", settings.auto_accounts)}${select("webhook_targets", "webhooks may go to", SettingsSchema.shape.webhook_targets.options, { value: settings.webhook_targets })}${field("webhook_timeout_ms", "webhook time-out, ms", { kind: "int", value: settings.webhook_timeout_ms })}${select("rate_limits", "rate limits", SettingsSchema.shape.rate_limits.options, { value: settings.rate_limits })}${field("classic_qr_delay_ms", "classic: QR code after, ms", { kind: "int", value: settings.classic_qr_delay_ms })}${field("classic_session_open_ms", "classic: open for, ms", { kind: "int", value: settings.classic_session_open_ms })}${select("classic_cancel_word", "classic: word for cancelled", SettingsSchema.shape.classic_cancel_word.options, { value: settings.classic_cancel_word })}`,
    "Save",
  ),
)}
${section("Management", form("/_control/management", html`${managementFields(management)}`, "Save"))}
${jsonBlock("All settings", JSON.stringify(shown))}`;
}
