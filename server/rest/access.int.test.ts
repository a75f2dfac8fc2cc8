import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listApiKeys, revokeApiKey } from "@/server/auth/api-keys";
import { API_SCOPES, type ApiScope, isApiScope } from "@/server/auth/permissions";
import { newId } from "@/server/core/ids";
import { asSystem, type BuiltPartner, makePartner } from "@/server/testing/builders";
import { type TestServices, testServices } from "@/server/testing/context";
import { callRest, makeKey, type RestAnswer } from "@/server/testing/rest";
import type { Endpoint } from "./endpoint";
import { ENDPOINTS } from "./endpoints";
import { createRest, type Rest } from "./run";

/* The matrix of case S1, made from the list of endpoints: a new endpoint is in it by being declared. */

let test: TestServices;
let rest: Rest;
let own: BuiltPartner;
let other: BuiltPartner;
let ownKey: string;
let ids: {
  payment: string;
  refund: string;
  capture: string;
  webhookEndpoint: string;
  webhookDelivery: string;
  event: string;
  store: string;
  terminal: string;
};

/** What the acquirer's own keys open has a matrix of its own. */
const CLOSED = ENDPOINTS.filter((endpoint) => endpoint.access !== "public" && endpoint.access !== "acquirer_key");

beforeAll(async () => {
  test = await testServices();
  rest = createRest(test.services);
  own = await makePartner(test.services);
  other = await makePartner(test.services);
  ownKey = (await makeKey(test.services, own.partner.id)).key;
  const payment = await callRest(rest, "POST", "/api/v1/payments", { key: ownKey, body: paymentBody(own, 10_002) });
  expect(payment.status, payment.text).toBe(201);
  const paymentId = idOf(payment);
  const refund = await callRest(rest, "POST", `/api/v1/payments/${paymentId}/refunds`, {
    key: ownKey,
    body: { amount: 100, reason: "Return" },
  });
  expect(refund.status, refund.text).toBe(201);
  const captures = (await callRest(rest, "GET", `/api/v1/payments/${paymentId}/captures`, { key: ownKey })).json as {
    data: { id: string }[];
  };
  const receiver = await callRest(rest, "POST", "/api/v1/webhook-endpoints", {
    key: ownKey,
    body: { url: "http://127.0.0.1:9/hook", events: ["*"] },
  });
  expect(receiver.status, receiver.text).toBe(201);
  const sent = await callRest(rest, "POST", `/api/v1/webhook-endpoints/${idOf(receiver)}/test`, {
    key: ownKey,
    body: {},
  });
  expect(sent.status, sent.text).toBe(202);
  const { event } = sent.json as { event: { id: string } };
  ids = {
    payment: paymentId,
    refund: idOf(refund),
    capture: captures.data[0]?.id ?? "",
    webhookEndpoint: idOf(receiver),
    webhookDelivery: idOf(sent),
    event: event.id,
    store: own.store.id,
    terminal: own.terminal.id,
  };
});
afterAll(async () => {
  await rest.close();
  await test.close();
});

function paymentBody(partner: BuiltPartner, amount: number) {
  return {
    amount,
    currency: "SEK",
    reference: newId("request"),
    store: { id: partner.store.id },
    terminal: { id: partner.terminal.id },
  };
}
function idOf(answer: RestAnswer): string {
  const { id } = answer.json as { id: string };
  return id;
}
/** A request to this endpoint that is right in all but what the test is about. */
function targetOf(endpoint: Endpoint, from: typeof ids = ids): string {
  const id =
    {
      "webhook-endpoints": from.webhookEndpoint,
      "webhook-deliveries": from.webhookDelivery,
      events: from.event,
      stores: from.store,
      terminals: from.terminal,
    }[endpoint.path.split("/")[3] ?? ""] ?? from.payment;
  const query =
    { listPaymentMethods: "?amount=1000&currency=SEK&country=SE", lookUpPayments: "?reference=nowhere" }[
      endpoint.operation
    ] ?? "";
  const named = endpoint.path.replace("{refundId}", from.refund).replace("{captureId}", from.capture);
  return `${named.replace("{id}", id)}${query}`;
}
function bodyOf(endpoint: Endpoint): unknown {
  if (endpoint.operation === "createPayment") return paymentBody(own, 10_002);
  if (endpoint.operation === "createWebhookEndpoint") return { url: "http://127.0.0.1:9/hook", events: ["*"] };
  if (endpoint.operation === "createStore")
    return { reference: newId("request"), name: "New", type: "website", url: "https://new.example" };
  if (endpoint.operation === "createTerminal") return { reference: newId("request"), store: { id: own.store.id } };
  if (endpoint.operation === "createRefund") return { reason: "Return" };
  if (endpoint.operation === "updatePayment") return { metadata: { till: "8" } };
  if (endpoint.operation === "advanceTestClock") return { advance: 60 };
  if (endpoint.operation === "moveTerminal") return { store: { id: own.store.id } };
  return endpoint.method === "POST" || endpoint.method === "PATCH" ? {} : undefined;
}
const call = (endpoint: Endpoint, key: string | null, options: { target?: string; address?: string } = {}) =>
  callRest(rest, endpoint.method, options.target ?? targetOf(endpoint), {
    key,
    body: bodyOf(endpoint),
    ...(options.address ? { address: options.address } : {}),
  });
const codeOf = (answer: RestAnswer) => (answer.json as { code?: string } | null)?.code;

async function countRows(): Promise<unknown> {
  return test.services.db.query({
    text: "select (select count(*) from payments) p, (select count(*) from refunds) r, (select count(*) from webhook_endpoints where deleted_at is null) w, (select count(*) from klarna_operations) o, (select string_agg(state, ',') from payments) s, (select string_agg(status || version, ',' order by id) from stores) st, (select string_agg(status || store_id || version, ',' order by id) from terminals) t",
    values: [],
  });
}

describe.each(CLOSED.map((endpoint) => [`${endpoint.method} ${endpoint.path}`, endpoint] as const))(
  "S1, S16: %s",
  (_, endpoint) => {
    it("answers 401 without a key, with a wrong one, with a mistyped one, with another scheme", async () => {
      const before = await countRows();
      const missing = await call(endpoint, null);
      expect([missing.status, codeOf(missing)]).toEqual([401, "key_missing"]);
      expect(missing.headers["www-authenticate"]).toMatch(/^Bearer/);
      for (const key of [
        `${ownKey.slice(0, -1)}${ownKey.endsWith("a") ? "b" : "a"}`,
        ownKey.replace("_test_", "_live_"),
        "tg_test_sk_x",
        "x",
        `${ownKey} `.repeat(2),
      ]) {
        const answer = await call(endpoint, key);
        expect([answer.status, codeOf(answer)]).toEqual([401, "key_invalid"]);
      }
      const basic = await callRest(rest, endpoint.method, targetOf(endpoint), {
        headers: { authorization: `Basic ${ownKey}` },
      });
      expect(basic.status).toBe(401);
      expect(await countRows()).toEqual(before);
    });

    it("answers 403 to a key without the scope, and to a key of another address", async () => {
      const before = await countRows();
      const needed = endpoint.scope && isApiScope(endpoint.scope) ? API_SCOPES[endpoint.scope] : [];
      const scopes = (Object.keys(API_SCOPES) as ApiScope[]).filter(
        (scope) => !needed.every((permission) => API_SCOPES[scope].some((held) => held === permission)),
      );
      const poor = await makeKey(test.services, own.partner.id, { scopes: scopes.slice(0, 1) });
      const answer = await call(endpoint, poor.key);
      expect([answer.status, codeOf(answer)]).toEqual([403, "scope_missing"]);
      const bound = await makeKey(test.services, own.partner.id, { addresses: ["203.0.113.0/24"] });
      const elsewhere = await call(endpoint, bound.key, { address: "192.0.2.1" });
      expect([elsewhere.status, codeOf(elsewhere)]).toEqual([403, "address_not_allowed"]);
      expect(await countRows()).toEqual(before);
    });

    it("answers 401 to a revoked and to an expired key", async () => {
      const revoked = await makeKey(test.services, own.partner.id);
      await revokeApiKey(asSystem(test.services), revoked.id);
      expect(codeOf(await call(endpoint, revoked.key))).toBe("key_invalid");
      const expired = await makeKey(test.services, own.partner.id, { expiresAt: new Date(Date.now() - 1_000) });
      const answer = await call(endpoint, expired.key);
      expect([answer.status, codeOf(answer)]).toEqual([401, "key_invalid"]);
    });

    if (endpoint.path.includes("{"))
      it("answers another Partner, a live key, and an id that does not exist with one and the same 404", async () => {
        const before = await countRows();
        const otherKey = (await makeKey(test.services, other.partner.id)).key;
        const liveKey = (await makeKey(test.services, own.partner.id, { mode: "live" })).key;
        const unknown = {
          payment: newId("payment"),
          refund: newId("refund"),
          capture: newId("capture"),
          webhookEndpoint: newId("webhookEndpoint"),
          webhookDelivery: newId("webhookDelivery"),
          event: newId("event"),
          store: newId("store"),
          terminal: newId("terminal"),
        };
        const answers = [
          await call(endpoint, otherKey),
          await call(endpoint, liveKey),
          await call(endpoint, ownKey, { target: targetOf(endpoint, unknown) }),
          await call(endpoint, ownKey, {
            target: targetOf(endpoint, {
              payment: "pay_1",
              refund: "x",
              capture: "x",
              webhookEndpoint: "'; drop table payments",
              webhookDelivery: "whd_",
              event: "%00",
              store: "sto_",
              terminal: "ter_1",
            }),
          }),
        ];
        const bodies = answers.map((answer) => ({ ...(answer.json as object), request_id: "" }));
        if (endpoint.path.startsWith("/api/v1/test/")) {
          for (const answer of answers) expect(answer.status).toBe(404);
        } else {
          for (const body of bodies) expect(body).toEqual({ ...bodies[0], status: 404 });
        }
        expect(await countRows()).toEqual(before);
      });

    it("answers 405 with Allow to a method that it does not have", async () => {
      const answer = await callRest(rest, "PUT", targetOf(endpoint), { key: ownKey });
      expect(answer.status).toBe(405);
      expect(answer.headers.allow).toContain(endpoint.method);
    });
  },
);

it("S1: lists hold rows of the key's own Partner and mode only", async () => {
  const otherKey = (await makeKey(test.services, other.partner.id)).key;
  const liveKey = (await makeKey(test.services, own.partner.id, { mode: "live" })).key;
  for (const endpoint of CLOSED.filter(
    (each) => each.method === "GET" && ["listPayments", "listWebhookEndpoints", "listEvents"].includes(each.operation),
  )) {
    expect((await call(endpoint, ownKey)).json).toMatchObject({
      data: expect.arrayContaining([expect.objectContaining({ id: expect.any(String) })]),
    });
    for (const key of [otherKey, liveKey])
      expect((await call(endpoint, key)).json).toEqual({ data: [], has_more: false, next_cursor: null });
  }
});

it("S16: a key that has just worked is refused soon after its end", async () => {
  const { id, key } = await makeKey(test.services, own.partner.id);
  expect((await callRest(rest, "GET", "/api/v1/payments", { key })).status).toBe(200);
  await revokeApiKey(asSystem(test.services), id);
  await expect
    .poll(async () => (await callRest(rest, "GET", "/api/v1/payments", { key })).status, {
      interval: 50,
      timeout: 5_000,
    })
    .toBe(401);
});

it("S16: the key itself is in no row and no later answer; its last use is written", async () => {
  const { id, key } = await makeKey(test.services, own.partner.id);
  await callRest(rest, "GET", "/api/v1/payments", { key });
  await rest.close();
  const rows = await test.services.db.query<{ text: string }>({
    text: `select (select string_agg(k::text, '') from api_keys k) || (select string_agg(a::text, '') from audit_entries a) || coalesce((select string_agg(l::text, '') from request_log l), '') as text`,
    values: [],
  });
  expect(rows[0]?.text).toContain(id);
  expect(rows[0]?.text).not.toContain(key.slice(12, -4));
  const { data } = await listApiKeys(asSystem(test.services));
  const listed = data.find((each) => each.id === id);
  expect(listed?.lastUsedAt).not.toBeNull();
  expect(JSON.stringify(listed)).not.toContain(key.slice(12, -4));
});
