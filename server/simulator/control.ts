import { Hono } from "hono";
import { z } from "zod";
import type { createClock } from "./clock";
import {
  AccountInputSchema,
  ClockInputSchema,
  CustomerTokenInputSchema,
  FaultInputSchema,
  PlaySchema,
  PlayTransactionSchema,
  SettingsInputSchema,
  StoreInputSchema,
} from "./control-bodies";
import {
  accountView,
  booksOf,
  controlRequestView,
  controlTransactionView,
  customerTokenControlView,
  deliveryView,
} from "./control-views";
import { playCustomer } from "./customer";
import { revokeCustomerToken } from "./customer-tokens";
import { SimulatedError } from "./errors";
import { iso, requestIdOf } from "./ids";
import { createManagementControl, resetManagement } from "./management/control";
import { type Account, type PaymentRequest, TransactionSchema } from "./model";
import { touchRequest } from "./requests";
import { addFault } from "./scenarios";
import { createAccount, getAccount, nowFor, type Simulator, switchOf, upsertStore } from "./simulator";
import { setFunding, touchTransaction } from "./transactions";
import type { WebhookSender } from "./webhook-delivery";
import { webhookView } from "./webhooks";

/** The control API under /_control: all that scripts and the control panel do. Not part of Klarna. */

const LIST_DEFAULT = 1_000;

class ControlError extends Error {
  readonly status: 400 | 404 | 409;
  constructor(status: 400 | 404 | 409, message: string) {
    super(message);
    this.status = status;
  }
}

function newestFirst<T>(items: T[], limit: string | undefined): T[] {
  const count = limit === undefined ? LIST_DEFAULT : Math.max(1, Math.min(100_000, Number(limit) || LIST_DEFAULT));
  return items.reverse().slice(0, count);
}

export function createControl(
  sim: Simulator,
  sender: WebhookSender,
  clock: ReturnType<typeof createClock>,
  areas: readonly Hono[] = [],
  onReset: () => void = () => undefined,
) {
  const app = new Hono();

  app.onError((error, c) => {
    if (error instanceof ControlError) return c.json({ error: error.message }, error.status);
    if (error instanceof SimulatedError) {
      const status = error.code === "OPERATION_FORBIDDEN" ? 409 : error.code === "RESOURCE_NOT_FOUND" ? 404 : 400;
      return c.json({ error: error.message }, status);
    }
    if (error instanceof z.ZodError) {
      const reasons = error.issues.map((issue) => `${issue.path.map(String).join(".") || "body"}: ${issue.message}`);
      return c.json({ error: reasons.join("; ") }, 400);
    }
    return c.json({ error: error.message }, 500);
  });

  // A web page of another origin cannot send JSON here without asking first, and nobody answers that question.
  app.use("*", async (c, next) => {
    const isWrite = c.req.method !== "GET" && c.req.method !== "HEAD";
    const hasBody = Number(c.req.header("content-length") ?? 0) > 0;
    if (isWrite && hasBody && !(c.req.header("content-type") ?? "").startsWith("application/json")) {
      throw new ControlError(400, "The content type must be application/json.");
    }
    if (isWrite && c.req.header("sec-fetch-site") === "cross-site")
      throw new ControlError(400, "Cross-site calls are refused.");
    await next();
    if (isWrite) await sim.state.durable();
  });

  async function bodyOf(request: Request): Promise<unknown> {
    const text = await request.text();
    if (text === "") return {};
    try {
      return JSON.parse(text);
    } catch {
      throw new ControlError(400, "The body is not valid JSON.");
    }
  }

  function findRequest(id: string): { account: Account; request: PaymentRequest } {
    const request = sim.state.requests.get(requestIdOf(id));
    const account = request === undefined ? undefined : sim.state.accounts.get(request.account_id);
    if (request === undefined || account === undefined)
      throw new ControlError(404, "There is no such payment request.");
    touchRequest(sim, account, request);
    return { account, request };
  }

  const clockView = () => ({
    now: iso(nowFor(sim, undefined)),
    offset_ms: sim.settings().clock_offset_ms,
    speed: sim.settings().clock_speed,
  });

  app.get("/health", (c) =>
    c.json({
      status: "ok",
      now: iso(nowFor(sim, undefined)),
      accounts: sim.state.accounts.size,
      requests: sim.state.requests.size,
      transactions: sim.state.transactions.size,
      webhooks: sim.state.webhooks.size,
    }),
  );

  app.get("/settings", (c) => c.json(sim.settings()));
  app.post("/settings", async (c) => {
    const input = SettingsInputSchema.parse(await bodyOf(c.req.raw));
    const settings = sim.settings();
    Object.assign(settings, input);
    sim.state.settings.put(settings);
    return c.json(settings);
  });

  app.get("/accounts", (c) =>
    c.json({ accounts: [...sim.state.accounts.values()].map((account) => accountView(sim, account)) }),
  );
  app.get("/accounts/:id", (c) => c.json(accountView(sim, getAccount(sim, c.req.param("id")))));
  app.post("/accounts", async (c) => {
    const input = AccountInputSchema.parse(await bodyOf(c.req.raw));
    const known = input.account_id === undefined ? undefined : sim.state.accounts.get(input.account_id);
    const account = known ?? createAccount(sim, input);
    account.name = input.name ?? account.name;
    account.country = input.country ?? account.country;
    account.switches = { ...account.switches, ...input.switches };
    for (const store of input.stores ?? []) upsertStore(sim, account, store, "control");
    sim.state.accounts.put(account);
    return c.json(accountView(sim, account), known === undefined ? 201 : 200);
  });
  app.post("/stores", async (c) => {
    const input = StoreInputSchema.extend({ account: z.string() }).parse(await bodyOf(c.req.raw));
    const { account, ...store } = input;
    return c.json(upsertStore(sim, getAccount(sim, account), store, "control"), 201);
  });

  app.get("/requests", (c) => {
    const { account, payment_request_reference, payment_request_id, purchase_reference, state, limit } = c.req.query();
    const found = [...sim.state.requests.values()].filter((request) => {
      const owner = sim.state.accounts.get(request.account_id);
      if (owner !== undefined) touchRequest(sim, owner, request);
      return (
        (account === undefined || request.account_id === account) &&
        (payment_request_reference === undefined || request.payment_request_reference === payment_request_reference) &&
        (payment_request_id === undefined || request.payment_request_id === requestIdOf(payment_request_id)) &&
        (purchase_reference === undefined || request.purchase_reference === purchase_reference) &&
        (state === undefined || request.state === state)
      );
    });
    return c.json({ requests: newestFirst(found, limit).map((request) => controlRequestView(sim, request)) });
  });
  app.get("/requests/:id", (c) => c.json(controlRequestView(sim, findRequest(c.req.param("id")).request)));
  app.post("/requests/:id/play", async (c) => {
    const input = PlaySchema.parse(await bodyOf(c.req.raw));
    const { account, request } = findRequest(c.req.param("id"));
    playCustomer(sim, account, request, input.action, input.force);
    await sim.state.durable();
    return c.json(controlRequestView(sim, request));
  });

  app.get("/customer-tokens", (c) => {
    const { account, customer_token_reference, status, limit } = c.req.query();
    const found = [...sim.state.customerTokens.values()].filter(
      (token) =>
        (account === undefined || token.account_id === account) &&
        (customer_token_reference === undefined || token.customer_token_reference === customer_token_reference) &&
        (status === undefined || token.status === status),
    );
    return c.json({ customer_tokens: newestFirst(found, limit).map(customerTokenControlView) });
  });
  app.post("/customer-tokens/:token", async (c) => {
    const token = sim.state.customerTokens.get(c.req.param("token"));
    const account = token === undefined ? undefined : sim.state.accounts.get(token.account_id);
    if (token === undefined || account === undefined) throw new ControlError(404, "There is no such customer token.");
    const input = CustomerTokenInputSchema.parse(await bodyOf(c.req.raw));
    if (token.status === "REVOKED") throw new ControlError(409, "The customer token has been revoked.");
    token.persona = input.persona ?? token.persona;
    if (input.status === "REVOKED") revokeCustomerToken(sim, account, token, input.revoked_by ?? "CUSTOMER");
    else token.status = input.status ?? token.status;
    sim.state.customerTokens.put(token);
    return c.json(customerTokenControlView(token));
  });

  app.get("/transactions", (c) => {
    const query = c.req.query();
    const found = [...sim.state.transactions.values()].filter((transaction) => {
      const owner = sim.state.accounts.get(transaction.account_id);
      if (owner !== undefined) touchTransaction(sim, owner, transaction);
      return (
        (query.account === undefined || transaction.account_id === query.account) &&
        (query.payment_request_id === undefined ||
          transaction.payment_request_id === requestIdOf(query.payment_request_id)) &&
        (query.payment_request_reference === undefined ||
          transaction.payment_request_reference === query.payment_request_reference) &&
        (query.payment_transaction_reference === undefined ||
          transaction.payment_transaction_reference === query.payment_transaction_reference) &&
        (query.purchase_reference === undefined || transaction.purchase_reference === query.purchase_reference) &&
        (query.payment_transaction_id === undefined ||
          transaction.payment_transaction_id === query.payment_transaction_id)
      );
    });
    const count = found.length;
    return c.json({ count, transactions: newestFirst(found, query.limit).map(controlTransactionView) });
  });

  app.post("/transactions/:id/play", async (c) => {
    const input = PlayTransactionSchema.parse(await bodyOf(c.req.raw));
    const transaction = sim.state.transactions.get(c.req.param("id"));
    const account = transaction === undefined ? undefined : sim.state.accounts.get(transaction.account_id);
    if (transaction === undefined || account === undefined)
      throw new ControlError(404, "There is no such transaction.");
    touchTransaction(sim, account, transaction);
    if (transaction.state !== "AUTHORIZED" && !(input.action === "close" && transaction.state === "EXPIRED")) {
      throw new ControlError(409, `The transaction is ${transaction.state}.`);
    }
    const grace = input.action === "close" ? switchOf(sim, account, "reauthorize_grace_ms") : 0;
    transaction.expires_at = Math.min(transaction.expires_at, nowFor(sim, account) - grace);
    sim.state.transactions.put(touchTransaction(sim, account, transaction));
    return c.json(controlTransactionView(transaction));
  });

  app.post("/transactions/:id/funding", async (c) => {
    const transaction = sim.state.transactions.get(c.req.param("id"));
    const account = transaction === undefined ? undefined : sim.state.accounts.get(transaction.account_id);
    if (transaction === undefined || account === undefined)
      throw new ControlError(404, "There is no such transaction.");
    const { state } = z.strictObject({ state: z.enum(["FUNDED", "EXPIRED"]) }).parse(await bodyOf(c.req.raw));
    setFunding(sim, account, transaction, state);
    return c.json(controlTransactionView(transaction));
  });

  /** Transactions as if they had been made here before, without events: what a demo's history refers to. */
  app.post("/import", async (c) => {
    const input = z.object({ transactions: z.array(TransactionSchema).max(1_000) }).parse(await bodyOf(c.req.raw));
    for (const transaction of input.transactions) {
      getAccount(sim, transaction.account_id);
      sim.state.transactions.put(transaction);
    }
    return c.json({ count: input.transactions.length }, 201);
  });

  app.get("/books", (c) => c.json({ books: booksOf(sim, c.req.query("account")) }));

  app.get("/webhooks", (c) => c.json({ webhooks: [...sim.state.webhooks.values()].map(webhookView) }));
  app.get("/webhook-deliveries", (c) => {
    const query = c.req.query();
    const found = [...sim.state.deliveries.values()].filter(
      (delivery) =>
        (query.account === undefined || delivery.account_id === query.account) &&
        (query.payment_request_reference === undefined ||
          delivery.payment_request_reference === query.payment_request_reference) &&
        (query.subject_id === undefined || delivery.subject_id === query.subject_id) &&
        (query.event_type === undefined || delivery.event_type === query.event_type) &&
        (query.status === undefined || delivery.status === query.status),
    );
    return c.json({ deliveries: newestFirst(found, query.limit).map(deliveryView) });
  });
  app.post("/webhook-deliveries/now", (c) => {
    const waiting = [...sim.state.deliveries.values()].filter(({ status }) => status === "PENDING");
    for (const delivery of waiting) sender.redeliver(delivery);
    return c.json({ count: waiting.length });
  });
  app.post("/webhook-deliveries/:id/redeliver", (c) => {
    const delivery = sim.state.deliveries.get(c.req.param("id"));
    if (delivery === undefined) throw new ControlError(404, "There is no such delivery.");
    sender.redeliver(delivery);
    return c.json(deliveryView(delivery));
  });

  app.get("/faults", (c) => c.json({ faults: [...sim.state.faults.values()] }));
  app.post("/faults", async (c) => c.json(addFault(sim, FaultInputSchema.parse(await bodyOf(c.req.raw))), 201));
  app.delete("/faults", (c) => {
    for (const fault of sim.state.faults.values()) sim.state.faults.remove(fault.fault_id);
    return c.body(null, 204);
  });
  app.delete("/faults/:id", (c) => {
    sim.state.faults.remove(c.req.param("id"));
    return c.body(null, 204);
  });

  app.get("/clock", (c) => c.json(clockView()));
  app.post("/clock", async (c) => {
    const input = ClockInputSchema.parse(await bodyOf(c.req.raw));
    const account = input.account === undefined ? undefined : getAccount(sim, input.account);
    if (input.speed !== undefined) clock.setSpeed(input.speed);
    if (input.advance_ms !== undefined) clock.advance(input.advance_ms, account?.account_id);
    if (input.account_ahead_ms !== undefined && account !== undefined)
      clock.advance(input.account_ahead_ms - account.clock_offset_ms, account.account_id);
    return c.json({ ...clockView(), now: iso(nowFor(sim, account)) });
  });

  app.get("/calls", (c) => {
    const query = c.req.query();
    const found = sim.calls
      .list()
      .filter(
        (call) =>
          (query.account === undefined || call.account === query.account) &&
          (query.operation === undefined || call.operation === query.operation) &&
          (query.idempotency_key === undefined || call.idempotency_key === query.idempotency_key) &&
          (query.payment_request_reference === undefined ||
            call.facts.payment_request_reference === query.payment_request_reference) &&
          (query.payment_transaction_reference === undefined ||
            call.facts.payment_transaction_reference === query.payment_transaction_reference),
      );
    return c.json({ count: found.length, calls: newestFirst(found, query.limit).reverse() });
  });

  app.route("/", createManagementControl(sim));

  app.post("/reset", (c) => {
    const { state } = sim;
    resetManagement(sim);
    state.clear();
    sim.tokens.clear();
    sim.calls.clear();
    sender.clear();
    onReset();
    const settings = sim.settings();
    settings.clock_offset_ms = 0;
    settings.clock_speed = 1;
    state.settings.put(settings);
    return c.json({ status: "ok" });
  });

  for (const area of areas) app.route("/", area);
  app.notFound((c) => c.json({ error: "There is no such control operation." }, 404));
  return app;
}
