import { html } from "hono/html";
import type { Classic } from "../classic/context";
import type { Callback, ClassicSession } from "../classic/model";
import { getOrder, orderStatusOf } from "../classic/orders";
import { isOpenSession, touchSession } from "../classic/session-states";
import { paymentLink } from "../classic/session-views";
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
  form,
  heading,
  isOf,
  jsonBlock,
  moneyOf,
  mono,
  pageOf,
  section,
  select,
  table,
  time,
} from "./panel-parts";

/** Classic sessions, orders, callbacks, users and the printed QR code in the control panel. */

function sessionButtons(session: ClassicSession): Markup | string {
  if (!isOpenSession(session)) return "";
  const play = `/_control/classic/sessions/${session.session_id}/play`;
  return html`${session.status === "WAITING" ? action("QR ready now", play, { action: "ready" }) : ""}${action("Approve", play, { action: "complete", force: true })}${action("Refuse", play, { action: "decline" })}${
    session.status === "ACCESSED"
      ? action("Leave", play, { action: "leave" })
      : action("Open", play, { action: "open" })
  }${action("Expire now", play, { action: "expire" })}`;
}

function sessionTable(classic: Classic, sessions: readonly ClassicSession[]): Markup {
  const { sim } = classic;
  return table(
    ["Created", "Partner", "#Amount", "Status", "Kind", "Reference", ""],
    sessions.map((session) => {
      touchSession(classic, session);
      const account = sim.state.accounts.get(session.account_id);
      const kind =
        session.hpp_session_id !== null
          ? "hosted page"
          : session.distribution === null
            ? "online"
            : session.distribution.short_code === null
              ? "QR code"
              : `short code ${session.distribution.short_code}`;
      return html`<tr><td>${time(session.created_at)}</td><td>${accountName(sim, session.account_id)}<small>${session.terminal_reference ?? ""}</small></td><td class="number">${moneyOf(account, session.order_amount, session.purchase_currency)}</td><td>${badge(session.status)}${session.error_code === null ? "" : html`<small>${session.error_code}</small>`}</td><td>${kind}</td><td><a class="mono" href="/panel/classic/${session.session_id}">${session.merchant_reference1 ?? session.session_id}</a></td><td class="buttons"><a class="button" href="${paymentLink(classic, session)}">Phone</a>${sessionButtons(session)}</td></tr>`;
    }),
    "No classic session has been created. A till makes one with POST /payments/v1/sessions.",
  );
}

function callbackTable(callbacks: readonly Callback[]): Markup {
  return table(
    ["Created", "Kind", "Tells", "State", "#Tries", "Last answer", "Next try", ""],
    callbacks.map((callback) => {
      const last = callback.attempts.at(-1);
      const answer = last === undefined ? "–" : (last.error ?? `${last.status}, ${last.duration_ms} ms`);
      return html`<tr><td>${time(callback.created_at)}</td><td>${callback.kind}</td><td>${badge(callback.status_word)}</td><td>${badge(callback.status)}</td><td class="number">${callback.attempts.length}</td><td>${answer}</td><td>${time(callback.next_attempt_at)}</td><td class="buttons">${action(callback.status === "PENDING" ? "Send now" : "Send again", `/_control/classic/callbacks/${callback.callback_id}/redeliver`)}</td></tr>`;
    }),
    "Nobody has asked to be called back.",
  );
}

export function classicPage(classic: Classic, ask: Ask): Markup {
  const { sim } = classic;
  const sessions = pageOf(
    sim.state.classicSessions.values(),
    ask,
    (session) =>
      isOf(ask, session.account_id) &&
      contains(ask, session.session_id, session.merchant_reference1, session.merchant_reference2, session.status),
  );
  const orders = pageOf(
    sim.state.classicOrders.values(),
    ask,
    (order) =>
      isOf(ask, order.account_id) &&
      contains(ask, order.order_id, order.klarna_reference, order.merchant_reference1, order.merchant_reference2),
  );
  const credentials = [...sim.state.classicCredentials.values()].reverse();
  const codes = [...sim.state.shortCodes.values()].reverse().slice(0, 10);
  const callbacks = pageOf(
    sim.state.classicCallbacks.values(),
    ask,
    (callback) => isOf(ask, callback.account_id) && contains(ask, callback.session_id, callback.status_word),
  );
  const accounts = [...sim.state.accounts.values()].map((account) => [account.account_id, account.name] as const);
  return html`${heading("Classic in-store", "The older flow: the QR code comes a moment later, and Klarna places the order itself.")}
${filterForm(sim, ask, "reference, id or status")}
${section("Sessions", html`${sessionTable(classic, sessions.rows)}${sessions.pager}`, sessions.total)}
${section(
  "Orders",
  html`${table(
    ["Created", "Partner", "#Ordered", "#Captured", "#Refunded", "Status", "Klarna reference", "Fraud"],
    orders.rows.flatMap((order) => {
      const account = sim.state.accounts.get(order.account_id);
      if (account === undefined) return [];
      const found = getOrder(classic, account, order.order_id);
      const { transaction } = found;
      const money = (amount: number): string => moneyOf(account, amount, transaction.currency);
      const fraud = `/_control/classic/orders/${order.order_id}/fraud-status`;
      const isPending = order.fraud_status === "PENDING";
      return [
        html`<tr><td>${time(order.created_at)}</td><td>${account.name}</td><td class="number">${money(transaction.amount)}</td><td class="number">${money(transaction.captured_amount)}</td><td class="number">${money(transaction.refunded_amount)}</td><td>${badge(orderStatusOf(found))}</td><td><a class="mono" href="/panel/transactions/${order.order_id}">${order.klarna_reference}</a><small>${order.merchant_reference1 ?? ""}</small></td><td class="buttons">${badge(order.fraud_status)}${
          isPending
            ? html`${action("Accept", fraud, { fraud_status: "ACCEPTED" })}${action("Reject", fraud, { fraud_status: "REJECTED" })}`
            : action("Look into", fraud, { fraud_status: "PENDING" })
        }</td></tr>`,
      ];
    }),
    "No order has been placed.",
  )}${orders.pager}`,
  orders.total,
)}
${section("Callbacks", html`${callbackTable(callbacks.rows)}${callbacks.pager}`, callbacks.total)}
<div class="columns">
${section(
  "Users",
  html`${table(
    ["User", "Password", "Partner", ""],
    credentials.map(
      (credential) =>
        html`<tr><td class="mono">${credential.username}</td><td class="mono">${credential.password}</td><td>${accountName(sim, credential.account_id)}</td><td class="buttons">${action(
          credential.is_active ? "Deactivate" : "Activate",
          `/_control/classic/credentials/${credential.username}`,
          { is_active: !credential.is_active },
          { method: "PATCH" },
        )}</td></tr>`,
    ),
    "The classic APIs take a merchant’s user and password, or the Acquiring Partner’s key with the header Klarna-Partner-Account.",
  )}${accounts.length === 0 ? "" : form("/_control/classic/credentials", select("account", "Partner", accounts), "New user")}`,
  credentials.length,
)}
${section(
  "Printed QR code",
  html`<div class="qr"><img src="/static-qr/picture.svg" alt="QR code to print" width="160" height="160"><div class="buttons"><a class="button" href="/static-qr/print">To print</a><a class="button" href="/static-qr">Scan it</a>${action("New short code", "/_control/classic/short-codes")}</div></div>
<h3>Short codes</h3>${table(
    ["Code", "Given out", "Ends", "Session"],
    codes.map(
      (visit) =>
        html`<tr><td class="mono">${visit.short_code}</td><td>${time(visit.created_at)}</td><td>${time(visit.expires_at)}</td><td>${
          visit.session_id === null
            ? "–"
            : html`<a class="mono" href="/panel/classic/${visit.session_id}">${visit.session_id}</a>`
        }</td></tr>`,
    ),
    "Nobody has scanned it yet.",
  )}`,
)}
</div>`;
}

export function classicSessionPage(classic: Classic, session: ClassicSession): Markup {
  const { sim } = classic;
  touchSession(classic, session);
  const account = sim.state.accounts.get(session.account_id);
  const hpp = session.hpp_session_id === null ? undefined : sim.state.hppSessions.get(session.hpp_session_id);
  const callbacks = [...sim.state.classicCallbacks.values()]
    .filter((callback) => callback.session_id === session.session_id)
    .reverse();
  const check = `/_control/classic/sessions/${session.session_id}/play`;
  return html`${crumb("/panel/classic", "Classic in-store")}
${heading(
  session.merchant_reference1 ?? session.session_id,
  html`${badge(session.status)}${session.error_code === null ? "" : ` ${session.error_code}`}`,
  html`<a class="button" href="${paymentLink(classic, session)}">Phone</a>${sessionButtons(session)}${
    hpp !== undefined && isOpenSession(session) ? action("Check identity", check, { action: "manual_id_check" }) : ""
  }`,
)}
<div class="columns">
${section(
  "Facts",
  facts([
    ["Partner", accountLink(sim, session.account_id)],
    ["Amount", moneyOf(account, session.order_amount, session.purchase_currency)],
    ["Store", session.store?.name ?? session.store?.store_id ?? null],
    ["Till", session.terminal_reference],
    ["Session", mono(session.session_id)],
    ["Short code", session.distribution?.short_code ?? null],
    ["Callback", session.distribution?.status_update ? mono(session.distribution.status_update) : null],
    ["QR code from", session.distribution === null ? null : time(session.distribution.ready_at)],
    ["Created", time(session.created_at)],
    ["Open until", time(session.closes_at)],
    ["Hosted page", hpp === undefined ? null : html`${badge(hpp.status)} ${mono(hpp.hpp_session_id)}`],
    [
      "Order",
      session.order_id === null
        ? null
        : html`<a class="mono" href="/panel/transactions/${session.order_id}">${session.order_id}</a>`,
    ],
    ["Authorization token", session.authorization_token === null ? null : mono(session.authorization_token)],
  ]),
)}
${section(
  "What the customer scans",
  html`<div class="qr"><img src="/qr/in-store/${session.session_id}.svg" alt="QR code of the payment" width="160" height="160"><a class="mono" href="${paymentLink(classic, session)}">${paymentLink(classic, session)}</a></div>`,
)}
</div>
${section("Callbacks", callbackTable(callbacks), callbacks.length)}
${jsonBlock("Order lines", JSON.stringify(session.order_lines))}
${jsonBlock("Extra merchant data", session.attachment?.body ?? null)}`;
}
