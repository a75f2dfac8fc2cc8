import { html } from "hono/html";
import type { Account } from "../model";
import { nowFor, type Simulator } from "../simulator";
import { formatMoney, formatTime } from "./format";
import { MARK, type Markup } from "./layout";

/** What the pages of the control panel are made of. */

const ROWS_PER_PAGE = 40;

/** What the address of a list asks for. */
export type Ask = { account: string | undefined; q: string; page: number; path: string };

const GROUPS: { name: string; pages: [path: string, name: string][] }[] = [
  { name: "", pages: [["/", "Overview"]] },
  {
    name: "Payments",
    pages: [
      ["/panel/requests", "Payment requests"],
      ["/panel/transactions", "Transactions"],
      ["/panel/customers", "Saved customers"],
      ["/panel/classic", "Classic in-store"],
    ],
  },
  {
    name: "Events",
    pages: [
      ["/panel/webhooks", "Webhooks"],
      ["/panel/calls", "API calls"],
    ],
  },
  {
    name: "Money",
    pages: [
      ["/panel/settlements", "Settlements"],
      ["/panel/disputes", "Disputes"],
    ],
  },
  {
    name: "Partners",
    pages: [
      ["/panel/accounts", "Accounts"],
      ["/panel/access", "Access"],
    ],
  },
  {
    name: "Weather",
    pages: [
      ["/panel/faults", "Faults"],
      ["/panel/clock", "Clock and settings"],
    ],
  },
];

const SPEEDS = [1, 60, 3_600];

export function panelPage(sim: Simulator, input: { path: string; title: string; body: Markup }): Markup {
  const settings = sim.settings();
  const faults = sim.state.faults.size;
  const isHere = (path: string): boolean => path === input.path || (path !== "/" && input.path.startsWith(`${path}/`));
  const link = ([path, name]: [path: string, name: string]): Markup =>
    html`<a href="${path}" ${isHere(path) ? html`aria-current="page"` : ""}>${name}${
      path === "/panel/faults" && faults > 0 ? html`<i>${faults}</i>` : ""
    }</a>`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light">
<title>${input.title} · Simulator</title>
<link rel="icon" href="/assets/square.svg">
<link rel="stylesheet" href="/assets/panel.css">
<script src="/assets/panel.js" defer></script>
</head>
<body>
<aside>
<a class="brand" href="/">${MARK}<span><b>Simulator</b><small>Control panel</small></span></a>
<nav aria-label="Control panel">${GROUPS.map(
    (group) =>
      html`<div>${group.name === "" ? "" : html`<h2>${group.name}</h2>`}${group.pages.map((each) => link(each))}</div>`,
  )}</nav>
<p class="note">Stands in for Klarna. No money moves and nobody is asked for real data.</p>
</aside>
<div class="page">
<header>
<p class="stand">This is a simulator</p>
<div class="clock" data-live="clock"><span class="now" title="The simulator’s clock">${formatTime(nowFor(sim, undefined))} UTC${
    settings.clock_speed === 1 ? "" : html` <b>× ${settings.clock_speed}</b>`
  }</span>
<span class="set" role="group" aria-label="Move the clock">${action("+1 min", "/_control/clock", { advance_ms: 60_000 })}${action("+1 h", "/_control/clock", { advance_ms: 3_600_000 })}${action("+1 day", "/_control/clock", { advance_ms: 86_400_000 })}</span>
<span class="set" role="group" aria-label="Speed of the clock">${SPEEDS.map((speed) => action(`${speed}×`, "/_control/clock", { speed }, { isOn: settings.clock_speed === speed }))}</span>
</div>
</header>
<p id="problem" role="alert" hidden></p>
<main data-live="main">
${input.body}
</main>
</div>
</body>
</html>`;
}

export function heading(title: string, lead: Markup | string = "", buttons: Markup | string = ""): Markup {
  return html`<div class="heading"><div><h1>${title}</h1>${lead === "" ? "" : html`<p>${lead}</p>`}</div><div class="buttons">${buttons}</div></div>`;
}

export function crumb(path: string, name: string): Markup {
  return html`<p class="crumb"><a href="${path}">${name}</a></p>`;
}

export function section(title: string, body: Markup | string, count?: number): Markup {
  return html`<section><h2>${title}${count === undefined ? "" : html` <i>${count}</i>`}</h2>${body}</section>`;
}

const TONES: Record<string, string> = {
  SUBMITTED: "info",
  IN_PROGRESS: "info",
  PENDING: "info",
  WAITING: "info",
  DISTRIBUTED: "info",
  ACCESSED: "info",
  INITIATED: "wait",
  REPRESENTMENT: "wait",
  PRE_ARBITRATION: "wait",
  ARBITRATION: "wait",
  SUSPENDED: "wait",
  PARTIALLY_OPERATIONAL: "wait",
  PART_CAPTURED: "info",
  AUTHORIZED: "good",
  CAPTURED: "good",
  COMPLETED: "good",
  DELIVERED: "good",
  ENABLED: "good",
  ACTIVE: "good",
  OPERATIONAL: "good",
  ACCEPTED: "good",
  PAID: "good",
  WON: "good",
  DECLINED: "bad",
  FAILED: "bad",
  LOST: "bad",
  REVOKED: "bad",
  REJECTED: "bad",
};

export function badge(state: string): Markup {
  return html`<span class="badge ${TONES[state] ?? "rest"}">${words(state)}</span>`;
}

export function words(state: string): string {
  return state.replaceAll("_", " ").toLowerCase();
}

/** A button that calls the control API. */
export function action(
  label: string,
  path: string,
  body: Record<string, unknown> = {},
  options: { method?: string; isOn?: boolean; confirm?: string; kind?: "bad" | "main" } = {},
): Markup {
  return html`<button type="button" class="${options.kind ?? ""}" data-method="${options.method ?? "POST"}" data-path="${path}" data-body="${JSON.stringify(body)}" ${
    options.isOn === undefined ? "" : html`aria-pressed="${String(options.isOn)}"`
  } ${options.confirm === undefined ? "" : html`data-confirm="${options.confirm}"`}>${label}</button>`;
}

/** A form that calls the control API with its fields as JSON. */
export function form(path: string, fields: Markup, button: string, method = "POST"): Markup {
  return html`<form data-path="${path}" data-method="${method}">${fields}<button class="main">${button}</button></form>`;
}

export function field(
  name: string,
  label: string,
  options: { kind?: "text" | "int" | "list"; value?: string | number; hint?: string; isRequired?: boolean } = {},
): Markup {
  const kind = options.kind ?? "text";
  return html`<label>${label}<input name="${name}" data-as="${kind}" type="${kind === "int" ? "number" : "text"}" value="${String(options.value ?? "")}" placeholder="${options.hint ?? ""}" ${options.isRequired === true ? "required" : ""} autocomplete="off"></label>`;
}

export function hidden(name: string, value: string): Markup {
  return html`<input type="hidden" name="${name}" data-as="text" value="${value}">`;
}

export function select(
  name: string,
  label: string,
  values: readonly (string | readonly [value: string, label: string])[],
  options: { value?: string } = {},
): Markup {
  return html`<label>${label}<select name="${name}" data-as="text" aria-label="${label}">${values.map((entry) => {
    const [value, text] = typeof entry === "string" ? [entry, entry] : entry;
    return html`<option value="${value}" ${value === options.value ? "selected" : ""}>${text}</option>`;
  })}</select></label>`;
}

export function checkbox(name: string, label: string, isOn: boolean): Markup {
  return html`<label class="check"><input type="checkbox" name="${name}" data-as="bool" ${isOn ? "checked" : ""}>${label}</label>`;
}

/** A head that begins with `#` stands over numbers. */
export function table(head: string[], rows: Markup[], empty: string): Markup {
  if (rows.length === 0) return html`<p class="empty">${empty}</p>`;
  return html`<div class="scroll" tabindex="0"><table><thead><tr>${head.map((name) =>
    name.startsWith("#")
      ? html`<th scope="col" class="number">${name.slice(1)}</th>`
      : html`<th scope="col">${name}</th>`,
  )}</tr></thead><tbody>${rows}</tbody></table></div>`;
}

export function facts(pairs: readonly (readonly [name: string, value: Markup | string | null])[]): Markup {
  return html`<dl>${pairs
    .filter(([, value]) => value !== null && value !== "")
    .map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

export function time(ms: number | null): Markup | string {
  return ms === null ? "–" : html`<span class="time">${formatTime(ms)}</span>`;
}

export function mono(text: string | null): Markup {
  return html`<span class="mono">${text ?? "–"}</span>`;
}

export function accountName(sim: Simulator, accountId: string): string {
  return sim.state.accounts.get(accountId)?.name ?? accountId;
}

export function accountLink(sim: Simulator, accountId: string): Markup {
  return html`<a href="/panel/accounts/${encodeURIComponent(accountId)}">${accountName(sim, accountId)}</a>`;
}

export function moneyOf(account: Account | undefined, amount: number, currency: string): string {
  return formatMoney(amount, currency, account?.country ?? "DE");
}

export function jsonBlock(title: string, text: string | null): Markup | string {
  if (text === null || text === "") return "";
  let shown = text;
  try {
    shown = JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // What is not JSON, such as a spoiled body, is shown as it is.
  }
  return html`<section><h2>${title}</h2><pre tabindex="0">${shown}</pre></section>`;
}

/** The filter above a list; an empty field means all. */
export function filterForm(sim: Simulator, ask: Ask, hint: string): Markup {
  const accounts = [...sim.state.accounts.values()];
  return html`<form method="get" action="${ask.path}" class="filter" role="search">
<label>Partner<select name="account"><option value="">All Partners</option>${accounts.map(
    (account) =>
      html`<option value="${account.account_id}" ${account.account_id === ask.account ? "selected" : ""}>${account.name}</option>`,
  )}</select></label>
<label>Contains<input name="q" value="${ask.q}" placeholder="${hint}" autocomplete="off"></label><button>Show</button></form>`;
}

/** The newest first, one page of them, and the way to the others. */
export function pageOf<T>(
  all: Iterable<T>,
  ask: Ask,
  isWanted: (item: T) => boolean,
): { rows: T[]; total: number; pager: Markup | string } {
  const found = [...all].filter(isWanted).reverse();
  const start = (ask.page - 1) * ROWS_PER_PAGE;
  const rows = found.slice(start, start + ROWS_PER_PAGE);
  const link = (page: number, name: string): Markup => {
    const query = new URLSearchParams({ page: String(page), q: ask.q, account: ask.account ?? "" });
    return html`<a href="${ask.path}?${query.toString()}">${name}</a>`;
  };
  const isMore = found.length > start + ROWS_PER_PAGE;
  const pager =
    ask.page === 1 && !isMore
      ? ""
      : html`<p class="pager">${ask.page > 1 ? link(ask.page - 1, "Newer") : ""}<span>${rows.length === 0 ? 0 : start + 1}–${start + rows.length} of ${found.length}</span>${isMore ? link(ask.page + 1, "Older") : ""}</p>`;
  return { rows, total: found.length, pager };
}

/** Whether one of the texts contains what was asked for. */
export function contains(ask: Ask, ...texts: (string | null | undefined)[]): boolean {
  if (ask.q === "") return true;
  const wanted = ask.q.toLowerCase();
  return texts.some((text) => text?.toLowerCase().includes(wanted) === true);
}

export function isOf(ask: Ask, accountId: string | null): boolean {
  return ask.account === undefined || ask.account === accountId;
}
