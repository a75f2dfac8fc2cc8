import { Hono } from "hono";
import { z } from "zod";
import { SimulatedError } from "../errors";
import { iso } from "../ids";
import { getAccount } from "../simulator";
import type { Classic } from "./context";
import { authorizationOf, createCredential } from "./credentials";
import { CLASSIC_ACTIONS, playClassic } from "./customer";
import { touchHpp } from "./hpp";
import type { Callback, ClassicSession } from "./model";
import { getOrder, orderStatusOf, orderView } from "./orders";
import { touchSession } from "./session-states";
import { paymentLink } from "./session-views";
import { createShortCode } from "./short-codes";

/** The control API of the classic side, under /_control/classic. */

const LIST_MAX = 1_000;

const CredentialInputSchema = z.strictObject({ account: z.string() });
const CredentialPatchSchema = z.strictObject({ is_active: z.boolean() });
const PlaySchema = z.strictObject({ action: z.enum(CLASSIC_ACTIONS), force: z.boolean().default(false) });
const FraudSchema = z.strictObject({ fraud_status: z.enum(["ACCEPTED", "PENDING", "REJECTED"]) });

export function controlSessionView(classic: Classic, session: ClassicSession) {
  touchSession(classic, session);
  const { client_token: _token, created_at, updated_at, closes_at, expires_at, ...rest } = session;
  return {
    ...rest,
    payment_link: paymentLink(classic, session),
    created_at: iso(created_at),
    updated_at: iso(updated_at),
    closes_at: iso(closes_at),
    expires_at: iso(expires_at),
  };
}

function callbackView(callback: Callback) {
  return {
    ...callback,
    created_at: iso(callback.created_at),
    next_attempt_at: callback.next_attempt_at === null ? null : iso(callback.next_attempt_at),
    attempts: callback.attempts.map((attempt) => ({ ...attempt, at: iso(attempt.at) })),
  };
}

export function createClassicControl(classic: Classic) {
  const app = new Hono().basePath("/classic");
  const { sim } = classic;
  const { state } = sim;

  const newest = <T>(items: Iterable<T>): T[] => [...items].reverse().slice(0, LIST_MAX);
  const missing = (what: string): SimulatedError =>
    new SimulatedError("RESOURCE_NOT_FOUND", `There is no such ${what}.`);

  async function bodyOf(request: Request): Promise<unknown> {
    const text = await request.text();
    return text === "" ? {} : JSON.parse(text);
  }

  function findSession(id: string): ClassicSession {
    const session = state.classicSessions.get(id);
    if (session === undefined) throw missing("session");
    return session;
  }

  app.get("/credentials", (c) => c.json({ credentials: newest(state.classicCredentials.values()) }));
  app.post("/credentials", async (c) => {
    const input = CredentialInputSchema.parse(await bodyOf(c.req.raw));
    const credential = createCredential(classic, getAccount(sim, input.account));
    return c.json({ ...credential, authorization: authorizationOf(credential) }, 201);
  });
  app.patch("/credentials/:username", async (c) => {
    const credential = state.classicCredentials.get(c.req.param("username"));
    if (credential === undefined) throw missing("user");
    credential.is_active = CredentialPatchSchema.parse(await bodyOf(c.req.raw)).is_active;
    state.classicCredentials.put(credential);
    return c.json(credential);
  });

  app.get("/sessions", (c) => {
    const { account, merchant_reference1, status } = c.req.query();
    const found = newest(state.classicSessions.values())
      .map((session) => controlSessionView(classic, session))
      .filter(
        (session) =>
          (account === undefined || session.account_id === account) &&
          (merchant_reference1 === undefined || session.merchant_reference1 === merchant_reference1) &&
          (status === undefined || session.status === status),
      );
    return c.json({ sessions: found });
  });
  app.get("/sessions/:id", (c) => c.json(controlSessionView(classic, findSession(c.req.param("id")))));
  app.post("/sessions/:id/play", async (c) => {
    const input = PlaySchema.parse(await bodyOf(c.req.raw));
    const session = findSession(c.req.param("id"));
    playClassic(classic, session, input.action, input.force);
    await state.durable();
    return c.json(controlSessionView(classic, session));
  });

  app.get("/hpp-sessions", (c) =>
    c.json({
      sessions: newest(state.hppSessions.values()).map((hpp) => ({
        ...touchHpp(classic, hpp),
        created_at: iso(hpp.created_at),
        updated_at: iso(hpp.updated_at),
        expires_at: iso(hpp.expires_at),
      })),
    }),
  );

  app.get("/orders", (c) => {
    const { account, merchant_reference1 } = c.req.query();
    const found = newest(state.classicOrders.values()).filter(
      (order) =>
        (account === undefined || order.account_id === account) &&
        (merchant_reference1 === undefined || order.merchant_reference1 === merchant_reference1),
    );
    return c.json({
      orders: found.map((order) => ({
        ...orderView(getOrder(classic, getAccount(sim, order.account_id), order.order_id)),
        account_id: order.account_id,
        session_id: order.session_id,
        placed_by: order.placed_by,
        payment_transaction_id: order.payment_transaction_id,
      })),
    });
  });
  app.post("/orders/:id/fraud-status", async (c) => {
    const order = state.classicOrders.get(c.req.param("id"));
    if (order === undefined) throw missing("order");
    order.fraud_status = FraudSchema.parse(await bodyOf(c.req.raw)).fraud_status;
    state.classicOrders.put(order);
    const found = getOrder(classic, getAccount(sim, order.account_id), order.order_id);
    return c.json({ order_id: order.order_id, status: orderStatusOf(found), fraud_status: order.fraud_status });
  });

  app.get("/callbacks", (c) => {
    const { session_id, status, kind } = c.req.query();
    const found = newest(state.classicCallbacks.values()).filter(
      (callback) =>
        (session_id === undefined || callback.session_id === session_id) &&
        (status === undefined || callback.status === status) &&
        (kind === undefined || callback.kind === kind),
    );
    return c.json({ callbacks: found.map(callbackView) });
  });
  app.post("/callbacks/:id/redeliver", (c) => {
    const callback = state.classicCallbacks.get(c.req.param("id"));
    if (callback === undefined) throw missing("callback");
    classic.callbacks.redeliver(callback);
    return c.json(callbackView(callback));
  });

  app.get("/short-codes", (c) =>
    c.json({
      short_codes: newest(state.shortCodes.values()).map((visit) => ({
        ...visit,
        created_at: iso(visit.created_at),
        expires_at: iso(visit.expires_at),
      })),
    }),
  );
  app.post("/short-codes", (c) => c.json(createShortCode(classic), 201));

  return app;
}
