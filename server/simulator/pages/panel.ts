import { type Context, Hono } from "hono";
import { html } from "hono/html";
import type { Classic } from "../classic/context";
import { DisputeReasonSchema } from "../disputes/model";
import { requestIdOf } from "../ids";
import type { Settlements } from "../settlements/settlements";
import type { SftpServer } from "../sftp";
import type { Simulator } from "../simulator";
import { type Markup, PAGE_HEADERS } from "./layout";
import { accessPage } from "./panel-access";
import { classicPage, classicSessionPage } from "./panel-classic";
import { accountPage, accountsPage, clockPage, faultsPage, overviewPage } from "./panel-control";
import { callPage, callsPage, deliveryPage, webhooksPage } from "./panel-events";
import { disputePage, disputesPage, settlementPage, settlementsPage } from "./panel-money";
import { type Ask, heading, panelPage } from "./panel-parts";
import { customersPage, requestPage, requestsPage, transactionPage, transactionsPage } from "./panel-payments";

/** The control panel: what the simulator holds, and a button for everything that a person may want to happen. */

export type PanelParts = { sim: Simulator; classic: Classic; settlements: Settlements; sftp: SftpServer };

export function createPanel({ sim, classic, settlements, sftp }: PanelParts): Hono {
  const app = new Hono();

  function show(c: Context, title: string, body: Markup, status: 200 | 404 = 200) {
    for (const [name, value] of Object.entries(PAGE_HEADERS)) c.header(name, value);
    return c.html(panelPage(sim, { path: c.req.path, title, body }), status);
  }

  function missing(c: Context, what: string) {
    const body = html`${heading("Not here", `There is no such ${what}. It may have been forgotten by a reset.`)}`;
    return show(c, "Not here", body, 404);
  }

  function askOf(c: Context): Ask {
    const { account, q, page } = c.req.query();
    return {
      account: account === undefined || account === "" ? undefined : account,
      q: (q ?? "").trim().slice(0, 200),
      page: Math.max(1, Math.floor(Number(page) || 1)),
      path: c.req.path,
    };
  }

  function list(path: string, title: string, body: (ask: Ask) => Markup): void {
    app.get(path, (c) => show(c, title, body(askOf(c))));
  }

  function record<T>(path: string, what: string, find: (id: string) => T | undefined, body: (item: T) => Markup): void {
    app.get(`${path}/:id`, (c) => {
      const item = find(c.req.param("id") ?? "");
      if (item === undefined) return missing(c, what);
      return show(c, what.charAt(0).toUpperCase() + what.slice(1), body(item));
    });
  }

  list("/", "Overview", () => overviewPage(sim));

  list("/panel/requests", "Payment requests", (ask) => requestsPage(sim, ask));
  record(
    "/panel/requests",
    "payment request",
    (id) => sim.state.requests.get(requestIdOf(id)),
    (request) => requestPage(sim, request),
  );
  list("/panel/transactions", "Transactions", (ask) => transactionsPage(sim, ask));
  record(
    "/panel/transactions",
    "transaction",
    (id) =>
      sim.state.transactions.get(id) ??
      [...sim.state.transactions.values()].find((each) => each.payment_transaction_id.endsWith(`:${id}`)),
    (transaction) => transactionPage(sim, transaction, DisputeReasonSchema.options),
  );
  list("/panel/customers", "Saved customers", (ask) => customersPage(sim, ask));
  list("/panel/classic", "Classic in-store", (ask) => classicPage(classic, ask));
  record(
    "/panel/classic",
    "session",
    (id) => sim.state.classicSessions.get(id),
    (session) => classicSessionPage(classic, session),
  );

  list("/panel/webhooks", "Webhooks", (ask) => webhooksPage(sim, ask));
  record(
    "/panel/webhooks",
    "delivery",
    (id) => sim.state.deliveries.get(id),
    (delivery) => deliveryPage(sim, delivery),
  );
  list("/panel/calls", "API calls", (ask) => callsPage(sim, ask));
  record(
    "/panel/calls",
    "call",
    (id) => sim.calls.list().find((call) => call.correlation_id === id),
    (call) => callPage(sim, call),
  );

  list("/panel/settlements", "Settlements", (ask) => settlementsPage(sim, ask, sftp.view()));
  record(
    "/panel/settlements",
    "settlement",
    (id) => sim.state.settlements.get(id),
    (settlement) => settlementPage(sim, settlements, settlement),
  );
  list("/panel/disputes", "Disputes", (ask) => disputesPage(sim, ask));
  record(
    "/panel/disputes",
    "dispute",
    (id) => sim.state.disputes.get(id),
    (dispute) => disputePage(sim, dispute),
  );

  list("/panel/accounts", "Accounts", (ask) => accountsPage(sim, ask));
  record(
    "/panel/accounts",
    "account",
    (id) => sim.state.accounts.get(id),
    (account) => accountPage(sim, account),
  );
  list("/panel/access", "Access", () => accessPage(sim));
  list("/panel/faults", "Faults", () => faultsPage(sim));
  list("/panel/clock", "Clock and settings", () => clockPage(sim));

  return app;
}
