import { Webhook as SvixWebhook } from "svix";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { ServiceContext, Services } from "@/server/context";
import { newId } from "@/server/core/ids";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "@/server/core/time";
import type { Database } from "@/server/db/client";
import { IdempotencyConflict } from "@/server/db/idempotency";
import { type PaymentSnapshot, PublicPaymentSchema } from "@/server/domain/payments/schema";
import { makePartner } from "@/server/testing/builders";
import { asApiKey, asUser, type TestServices, testServices } from "@/server/testing/context";
import { createDeliverer, type Deliverer, type DelivererOptions } from "./deliver";
import { RETRY_DELAYS_MS } from "./schedule";
import { CreateEndpointSchema } from "./schema";
import * as webhooks from "./service";
import { appendEvent, type Receiver, startReceiver } from "./testing";

let test: TestServices;
let services: Services;
const receivers: Receiver[] = [];
const deliverers: Deliverer[] = [];

beforeAll(async () => {
  test = await testServices({ simulator: false, clock: "movable", connections: 8 });
  services = test.services;
});
afterEach(async () => {
  await Promise.all(deliverers.splice(0).map((deliverer) => deliverer.stop(0)));
  await Promise.all(receivers.splice(0).map((receiver) => receiver.close()));
  // Whatever a test left owed is nobody's business in the next one.
  await services.db.query({
    text: "update webhook_deliveries set state = 'FAILED', next_attempt_at = null where state = 'PENDING'",
    values: [],
  });
  await services.db.query({ text: "update outbox_events set relayed_at = now() where relayed_at is null", values: [] });
});
afterAll(() => test.close());

async function receiver(): Promise<Receiver> {
  const started = await startReceiver();
  receivers.push(started);
  return started;
}
function deliverer(options: DelivererOptions = {}, with_: Services = services): Deliverer {
  const made = createDeliverer(with_, { random: () => 0.5, timeoutMs: 2_000, ...options });
  deliverers.push(made);
  return made;
}
async function partner(): Promise<{ id: string; ctx: ServiceContext }> {
  const { partner: built } = await makePartner(services);
  return { id: built.id, ctx: asApiKey(services, { partnerId: built.id }) };
}
async function endpoint(
  ctx: ServiceContext,
  url: string,
  more: Record<string, unknown> = {},
): Promise<{ id: string; secret: string }> {
  const made = await webhooks.createEndpoint(ctx, CreateEndpointSchema.parse({ url, events: ["*"], ...more }));
  return { id: made.endpoint.id, secret: made.secret };
}
const rowOf = async (table: "webhook_endpoints" | "webhook_deliveries", id: string): Promise<Record<string, unknown>> =>
  (await services.db.query({ text: `select * from ${table} where id = $1`, values: [id] }))[0] ?? {};
const deliveriesOf = (
  endpointId: string,
): Promise<Array<{ id: string; state: string; attempts: number; next_attempt_at: Date | null; event_id: string }>> =>
  services.db.query({
    text: "select * from webhook_deliveries where endpoint_id = $1 order by created_at, id",
    values: [endpointId],
  });
const attemptsOf = (deliveryId: string): Promise<Array<{ number: number; status: number | null; outcome: string }>> =>
  services.db.query({
    text: "select number, status, outcome from webhook_attempts where delivery_id = $1 order by id",
    values: [deliveryId],
  });

function paymentSnapshot(id: string): PaymentSnapshot {
  return {
    id,
    object: "payment",
    mode: "test",
    status: "completed",
    amount: 11800,
    currency: "SEK",
    reference: "ON4711",
    channel: "in_store",
    launch: "qr",
    capture: "automatic",
    store: null,
    terminal: null,
    amount_authorized: 11800,
    amount_captured: 11800,
    amount_refunded: 0,
    amount_voided: 0,
    amount_refundable: 11800,
    klarna: {
      payment_request_id: "krn:1",
      payment_request_url: "https://pay.klarna.com/x",
      payment_transaction_id: "krn:2",
      qr_code: null,
    },
    funding: null,
    customer_token: null,
    decline: null,
    failure: null,
    expires_at: "2026-11-21T12:15:00.000Z",
    created_at: "2026-11-21T12:00:00.000Z",
    updated_at: "2026-11-21T12:00:05.000Z",
    metadata: { till: "7" },
  };
}

describe("endpoints", () => {
  it("the secret is shown once, stored encrypted, and the endpoint is listed without it", async () => {
    const { ctx } = await partner();
    const made = await webhooks.createEndpoint(
      ctx,
      CreateEndpointSchema.parse({
        url: "http://127.0.0.1:9/h?key=1",
        events: ["payment.completed"],
        headers: { Authorization: "Bearer canary" },
      }),
    );
    expect(made.secret).toMatch(/^whsec_/);
    expect(await webhooks.listEndpoints(ctx, { limit: 25 })).toMatchObject({ data: [made.endpoint], hasMore: false });
    expect(await webhooks.getEndpoint(ctx, made.endpoint.id)).toEqual(made.endpoint);
    expect((await webhooks.getEndpointRecord(ctx, made.endpoint.id)).header_names).toEqual(["Authorization"]);
    const stored = JSON.stringify(await rowOf("webhook_endpoints", made.endpoint.id));
    expect(stored).not.toContain(made.secret);
    expect(stored).not.toContain("canary");
    expect(JSON.stringify(await webhooks.listEndpoints(ctx, { limit: 25 }))).not.toContain("whsec_");
  });

  it("another Partner's endpoint is answered like one that does not exist", async () => {
    const [mine, theirs] = [await partner(), await partner()];
    const { id } = await endpoint(mine.ctx, "http://127.0.0.1:9/");
    const missing = newId("webhookEndpoint");
    for (const act of [
      webhooks.getEndpoint,
      webhooks.getEndpointRecord,
      webhooks.deleteEndpoint,
      webhooks.sendTestEvent,
      webhooks.rotateEndpointSecret,
    ]) {
      await expect(act(theirs.ctx, id)).rejects.toMatchObject({ code: "not_found" });
      await expect(act(theirs.ctx, missing)).rejects.toMatchObject({ code: "not_found" });
    }
    await expect(webhooks.updateEndpoint(theirs.ctx, id, { ordered: false })).rejects.toMatchObject({
      code: "not_found",
    });
    await expect(
      webhooks.getEndpoint(asApiKey(services, { partnerId: mine.id, mode: "live" }), id),
    ).rejects.toMatchObject({ code: "not_found" });
    expect((await webhooks.listEndpoints(theirs.ctx, { limit: 25 })).data).toEqual([]);
    expect(await webhooks.getEndpoint(mine.ctx, id)).toMatchObject({ id, ordered: true });
  });

  it("needs the permission, and the Partner where there are many", async () => {
    const mine = await partner();
    const input = CreateEndpointSchema.parse({ url: "http://127.0.0.1:9/", events: ["*"] });
    await expect(
      webhooks.createEndpoint(asApiKey(services, { partnerId: mine.id, scopes: ["webhooks:read"] }), input),
    ).rejects.toMatchObject({ code: "permission_denied" });
    await expect(
      webhooks.listEndpoints(asUser(services, "PARTNER_STAFF", [mine.id]), { limit: 25 }),
    ).rejects.toMatchObject({ code: "permission_denied" });
    const staff = asUser(services, "ACQUIRER_ADMIN");
    await expect(webhooks.createEndpoint(staff, input)).rejects.toMatchObject({ code: "validation_failed" });
    await expect(webhooks.createEndpoint(staff, input, newId("partner"))).rejects.toMatchObject({ code: "not_found" });
    expect((await webhooks.createEndpoint(staff, input, mine.id)).endpoint.status).toBe("enabled");
    await expect(
      webhooks.createEndpoint(asUser(services, "PARTNER_ADMIN", [mine.id]), input, (await partner()).id),
    ).rejects.toMatchObject({ code: "not_found" });
  });

  it("S30: a private address is refused in live mode, the cloud's metadata in test mode too", async () => {
    const { id } = await partner();
    const live = asApiKey(services, { partnerId: id, mode: "live" });
    const input = (url: string) => CreateEndpointSchema.parse({ url, events: ["*"] });
    for (const url of ["https://127.0.0.1/", "http://hooks.example.com/", "https://0x7f000001/"]) {
      await expect(webhooks.createEndpoint(live, input(url))).rejects.toMatchObject({ code: "url_not_allowed" });
    }
    await expect(
      webhooks.createEndpoint(asApiKey(services, { partnerId: id }), input("http://169.254.169.254/latest/meta-data")),
    ).rejects.toMatchObject({ code: "url_not_allowed" });
  });

  it("one idempotency key makes one endpoint, and its stored answer is encrypted", async () => {
    const { id } = await partner();
    const intent = {
      partnerId: id,
      mode: "test" as const,
      key: "k1",
      requestHash: "h",
      answer: (object: unknown) => ({ status: 201, body: JSON.stringify(object) }),
    };
    const input = CreateEndpointSchema.parse({ url: "http://127.0.0.1:9/", events: ["*"] });
    const ctx = asApiKey(services, { partnerId: id, idempotency: intent });
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => webhooks.createEndpoint(ctx, input)));
    expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(1);
    for (const result of results)
      if (result.status === "rejected") expect(result.reason).toBeInstanceOf(IdempotencyConflict);
    expect((await webhooks.listEndpoints(asApiKey(services, { partnerId: id }), { limit: 25 })).data).toHaveLength(1);
    const [answer] = await services.db.query({
      text: "select encode(body, 'escape') as body, body_encrypted from idempotent_answers where partner_id = $1",
      values: [id],
    });
    expect(answer).toMatchObject({ body_encrypted: true });
    expect(JSON.stringify(answer)).not.toContain("whsec_");
  });

  it("a deleted endpoint hears nothing more, keeps its deliveries and loses its secret; each change is in the audit", async () => {
    const { id: partnerId, ctx } = await partner();
    const shop = await receiver();
    const { id } = await endpoint(ctx, shop.url);
    await appendEvent(services, { partnerId, subjectId: newId("refund"), sequence: 1 });
    await webhooks.relayAll(services);
    await webhooks.deleteEndpoint(ctx, id);
    await appendEvent(services, { partnerId, subjectId: newId("refund"), sequence: 1 });
    await webhooks.relayAll(services);
    await deliverer().drain();
    expect(shop.received).toHaveLength(0);
    expect(await deliveriesOf(id)).toMatchObject([{ state: "FAILED", next_attempt_at: null }]);
    expect(await rowOf("webhook_endpoints", id)).toMatchObject({ secret: "" });
    await expect(webhooks.getEndpoint(ctx, id)).rejects.toMatchObject({ code: "not_found" });
    const audit = await services.db.query({
      text: "select action from audit_entries where subject_id = $1 order by position",
      values: [id],
    });
    expect(audit.map((entry) => entry.action)).toEqual(["webhook_endpoint.created", "webhook_endpoint.deleted"]);
  });
});

describe("relay", () => {
  it("each endpoint is owed exactly what it subscribed to, of its Partner and mode", async () => {
    const [mine, theirs] = [await partner(), await partner()];
    const all = await endpoint(mine.ctx, "http://127.0.0.1:9/");
    const family = await endpoint(mine.ctx, "http://127.0.0.1:9/", { events: ["payment.*"] });
    const one = await endpoint(mine.ctx, "http://127.0.0.1:9/", { events: ["refund.failed", "payment.completed"] });
    const other = await endpoint(theirs.ctx, "http://127.0.0.1:9/");
    const subject = newId("payment");
    await appendEvent(services, { partnerId: mine.id, type: "payment.pending", subjectId: subject, sequence: 1 });
    await appendEvent(services, { partnerId: mine.id, type: "payment.completed", subjectId: subject, sequence: 2 });
    await appendEvent(services, {
      partnerId: mine.id,
      type: "refund.succeeded",
      subjectId: newId("refund"),
      sequence: 1,
    });
    expect(await webhooks.relayAll(services)).toBe(6);
    expect(await webhooks.relayAll(services)).toBe(0);
    expect(
      [
        await deliveriesOf(all.id),
        await deliveriesOf(family.id),
        await deliveriesOf(one.id),
        await deliveriesOf(other.id),
      ].map((rows) => rows.length),
    ).toEqual([3, 2, 1, 0]);
    for (const { id } of await deliveriesOf(all.id)) expect(id).toMatch(/^whd_[0-9A-HJKMNP-TV-Z]{26}$/);
  });

  it("R41: many relays at once make each delivery once and lose none", async () => {
    const mine = await partner();
    const { id } = await endpoint(mine.ctx, "http://127.0.0.1:9/");
    for (let subject = 0; subject < 30; subject += 1) {
      const subjectId = newId("payment");
      for (let sequence = 1; sequence <= 3; sequence += 1)
        await appendEvent(services, { partnerId: mine.id, subjectId, sequence });
    }
    const relayed = await Promise.all(Array.from({ length: 8 }, () => webhooks.relayOutbox(services, { limit: 20 })));
    expect(relayed.every(({ events }) => events <= 20)).toBe(true);
    await webhooks.relayAll(services);
    const made = await deliveriesOf(id);
    expect(made).toHaveLength(90);
    expect(new Set(made.map((delivery) => delivery.id)).size).toBe(90);
    expect(
      await services.db.query({ text: "select 1 from outbox_events where relayed_at is null", values: [] }),
    ).toEqual([]);
  });
});

describe("delivery", () => {
  it("an event arrives signed, as the object that a read gives, with its attempt written down", async () => {
    const mine = await partner();
    const shop = await receiver();
    const { id, secret } = await endpoint(mine.ctx, shop.url, { headers: { "X-Shop": "seven" } });
    const subjectId = newId("payment");
    const eventId = await appendEvent(services, {
      partnerId: mine.id,
      type: "payment.completed",
      subjectKind: "payment",
      subjectId,
      sequence: 1,
      payload: { object: paymentSnapshot(subjectId), previous: { status: "pending" } },
    });
    await webhooks.relayAll(services);
    expect(await deliverer().drain()).toMatchObject({ sent: 1, failed: 0, nextDueAt: null });
    const [got] = shop.received;
    if (!got) throw new Error("nothing arrived");
    expect(got.headers).toMatchObject({ "webhook-id": eventId, "x-shop": "seven", "content-type": "application/json" });
    const plain = {
      "webhook-id": eventId,
      "webhook-timestamp": String(got.headers["webhook-timestamp"]),
      "webhook-signature": String(got.headers["webhook-signature"]),
    };
    expect(() => new SvixWebhook(secret).verify(got.body, plain)).not.toThrow();
    const body: Record<string, unknown> = JSON.parse(got.body);
    expect(body).toMatchObject({
      id: eventId,
      type: "payment.completed",
      mode: "test",
      api_version: "2026-11-01",
      sequence: 1,
      data: { previous: { status: "pending" } },
    });
    const object = PublicPaymentSchema.parse((JSON.parse(got.body) as { data: { object: unknown } }).data.object);
    expect(object).toMatchObject({
      id: subjectId,
      status: "completed",
      metadata: { till: "7" },
      redirect_url: `http://localhost:3000/pay/${subjectId}`,
    });
    expect(object.display_url).toMatch(/\/display\/pay_.*\?t=[0-9a-f]{20,}$/);
    const [delivery] = await deliveriesOf(id);
    expect(delivery).toMatchObject({ state: "DELIVERED", attempts: 1, next_attempt_at: null });
    expect(await webhooks.getDelivery(mine.ctx, delivery?.id ?? "")).toMatchObject({
      status: "delivered",
      attempts_made: [{ number: 1, status: 200, outcome: "delivered", answer: "ok" }],
    });
    expect((await webhooks.listDeliveries(mine.ctx, { status: ["delivered"] }, { limit: 10 })).items).toHaveLength(1);
    await expect(webhooks.getDelivery((await partner()).ctx, delivery?.id ?? "")).rejects.toMatchObject({
      code: "not_found",
    });
  });

  it("a test event goes to its endpoint only, whatever it subscribes to", async () => {
    const mine = await partner();
    const [asked, other] = [await receiver(), await receiver()];
    const { id } = await endpoint(mine.ctx, asked.url, { events: ["refund.failed"] });
    await endpoint(mine.ctx, other.url);
    const delivery = await webhooks.sendTestEvent(mine.ctx, id);
    await webhooks.sendTestEvent(mine.ctx, id);
    expect(delivery).toMatchObject({ status: "pending", event: { type: "webhook_endpoint.test" } });
    expect(test.nudges.at(-1)).toBe("deliveries");
    await webhooks.relayAll(services);
    await deliverer().drain();
    expect([asked.received.length, other.received.length]).toEqual([2, 0]);
    expect(asked.received[0]?.json).toMatchObject({
      type: "webhook_endpoint.test",
      data: { object: { id, object: "webhook_endpoint" } },
    });
  });

  it("R25: a crash between the Partner's 200 and our mark sends again: same id, new valid timestamp", async () => {
    const mine = await partner();
    const shop = await receiver();
    const { id, secret } = await endpoint(mine.ctx, shop.url);
    const eventId = await appendEvent(services, { partnerId: mine.id, subjectId: newId("refund"), sequence: 1 });
    await webhooks.relayAll(services);
    const db: Database = {
      ...services.db,
      query: (statement) =>
        statement.name === "webhooks_record"
          ? Promise.reject(new Error("the process died"))
          : services.db.query(statement),
    };
    await deliverer({}, { ...services, db }).drain();
    expect(shop.received).toHaveLength(1);
    expect(await deliveriesOf(id)).toMatchObject([{ state: "PENDING", attempts: 0 }]);
    expect(await deliverer().drain()).toMatchObject({ sent: 0 });
    test.clock.advance(40 * SECOND_MS);
    expect(await deliverer().drain()).toMatchObject({ sent: 1 });
    const ids = shop.received.map((got) => got.headers["webhook-id"]);
    const times = shop.received.map((got) => Number(got.headers["webhook-timestamp"]));
    expect(ids).toEqual([eventId, eventId]);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(39);
    for (const got of shop.received) {
      const plain = {
        "webhook-id": eventId,
        "webhook-timestamp": String(got.headers["webhook-timestamp"]),
        "webhook-signature": String(got.headers["webhook-signature"]),
      };
      expect(() => new SvixWebhook(secret).verify(got.body, plain)).not.toThrow();
    }
    expect(await deliveriesOf(id)).toMatchObject([{ state: "DELIVERED", attempts: 1 }]);
  });

  it("R24: a receiver that answers 500 is tried ten times by the schedule, then the delivery has failed and can be replayed", async () => {
    const mine = await partner();
    const shop = await receiver();
    shop.answer((response) => response.writeHead(500).end("broken"));
    const { id } = await endpoint(mine.ctx, shop.url);
    const eventId = await appendEvent(services, { partnerId: mine.id, subjectId: newId("refund"), sequence: 1 });
    await webhooks.relayAll(services);
    const sending = deliverer();
    for (const [index, delayMs] of RETRY_DELAYS_MS.entries()) {
      const { failed, nextDueAt } = await sending.drain();
      expect(failed).toBe(1);
      expect(nextDueAt?.getTime()).toBe(services.clock.now().getTime() + delayMs);
      test.clock.advance(delayMs - 1);
      expect(await sending.drain()).toMatchObject({ failed: 0 });
      expect(shop.received).toHaveLength(index + 1);
      test.clock.advance(1);
    }
    expect(await sending.drain()).toMatchObject({ failed: 1, nextDueAt: null });
    const [delivery] = await deliveriesOf(id);
    expect(delivery).toMatchObject({ state: "FAILED", attempts: 10 });
    expect((await attemptsOf(delivery?.id ?? "")).map((attempt) => attempt.number)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
    ]);
    expect(new Set(shop.received.map((got) => got.headers["webhook-id"]))).toEqual(new Set([eventId]));
    expect(await rowOf("webhook_endpoints", id)).toMatchObject({ state: "ENABLED", consecutive_failures: 10 });

    shop.answer((response) => response.writeHead(204).end());
    expect(await webhooks.replayDelivery(mine.ctx, delivery?.id ?? "")).toMatchObject({ status: "pending" });
    await expect(webhooks.replayDelivery(mine.ctx, delivery?.id ?? "")).rejects.toMatchObject({
      code: "state_conflict",
    });
    expect(await sending.drain()).toMatchObject({ sent: 1 });
    expect(await rowOf("webhook_endpoints", id)).toMatchObject({ consecutive_failures: 0, failing_since: null });
    expect(await deliveriesOf(id)).toMatchObject([{ state: "DELIVERED", attempts: 11 }]);
    expect(shop.received.at(-1)?.headers["webhook-id"]).toBe(eventId);
    const audit = await services.db.query({
      text: "select action from audit_entries where subject_id = $1",
      values: [delivery?.id],
    });
    expect(audit).toEqual([{ action: "webhook_delivery.replayed" }]);
  });

  it("R24: Retry-After is honoured, a redirect is not followed, silence is a timeout", async () => {
    const mine = await partner();
    const [busy, moved, silent, inside] = [await receiver(), await receiver(), await receiver(), await receiver()];
    busy.answer((response) => response.writeHead(429, { "retry-after": "120" }).end());
    moved.answer((response) => response.writeHead(301, { location: inside.url }).end());
    silent.answer(() => undefined);
    const made = [
      await endpoint(mine.ctx, busy.url),
      await endpoint(mine.ctx, moved.url),
      await endpoint(mine.ctx, silent.url),
    ];
    await appendEvent(services, { partnerId: mine.id, subjectId: newId("refund"), sequence: 1 });
    await webhooks.relayAll(services);
    const now = services.clock.now().getTime();
    expect(await deliverer({ timeoutMs: 200 }).drain()).toMatchObject({ sent: 0, failed: 3 });
    const rows = await Promise.all(made.map(async ({ id }) => (await deliveriesOf(id))[0]));
    expect(rows.map((row) => (row?.next_attempt_at?.getTime() ?? 0) - now)).toEqual([120_000, 5_000, 5_000]);
    const outcomes = await Promise.all(rows.map(async (row) => (await attemptsOf(row?.id ?? ""))[0]?.outcome));
    expect(outcomes).toEqual(["http_error", "redirect_refused", "timeout"]);
    expect(inside.received).toHaveLength(0);
  });

  it("R24: 410 switches the endpoint off at once, gives up what it is owed and raises one alarm", async () => {
    const mine = await partner();
    const shop = await receiver();
    shop.answer((response) => response.writeHead(410).end());
    const { id } = await endpoint(mine.ctx, shop.url);
    const subjectId = newId("refund");
    for (const sequence of [1, 2, 3]) await appendEvent(services, { partnerId: mine.id, subjectId, sequence });
    await webhooks.relayAll(services);
    await deliverer().drain();
    expect(shop.received).toHaveLength(1);
    expect(await webhooks.getEndpointRecord(mine.ctx, id)).toMatchObject({
      status: "disabled",
      disabled_reason: "gone",
    });
    expect((await deliveriesOf(id)).map((delivery) => delivery.state)).toEqual(["FAILED", "FAILED", "FAILED"]);
    expect(
      await services.db.query({ text: "select kind, partner_id from alarms where subject_id = $1", values: [id] }),
    ).toEqual([{ kind: "webhook_endpoint_disabled", partner_id: mine.id }]);
    await expect(webhooks.sendTestEvent(mine.ctx, id)).rejects.toMatchObject({ code: "state_conflict" });
    expect(await webhooks.updateEndpoint(mine.ctx, id, { status: "enabled" })).toMatchObject({ status: "enabled" });
    expect(await webhooks.getEndpointRecord(mine.ctx, id)).toMatchObject({
      disabled_reason: null,
      consecutive_failures: 0,
    });
  });

  it("R24: an endpoint that has answered nothing but failures for five days is switched off; one success starts the count anew", async () => {
    const mine = await partner();
    const shop = await receiver();
    const { id } = await endpoint(mine.ctx, shop.url);
    const sending = deliverer();
    const send = async (status: number): Promise<void> => {
      shop.answer((response) => response.writeHead(status).end());
      await appendEvent(services, { partnerId: mine.id, subjectId: newId("refund"), sequence: 1 });
      await webhooks.relayAll(services);
      await sending.drain();
    };
    await send(500);
    test.clock.advance(4 * DAY_MS);
    await send(200);
    await send(500);
    test.clock.advance(5 * DAY_MS - HOUR_MS);
    await send(500);
    expect(await rowOf("webhook_endpoints", id)).toMatchObject({ state: "ENABLED" });
    test.clock.advance(2 * HOUR_MS);
    await send(500);
    expect(await rowOf("webhook_endpoints", id)).toMatchObject({ state: "DISABLED", disabled_reason: "failing" });
    expect(
      await services.db.query({ text: "select kind from alarms where subject_id = $1", values: [id] }),
    ).toHaveLength(1);
  });

  it("during a rotation both secrets verify, a day later only the new one", async () => {
    const mine = await partner();
    const shop = await receiver();
    const { id, secret: before } = await endpoint(mine.ctx, shop.url);
    const { secret: after } = await webhooks.rotateEndpointSecret(mine.ctx, id);
    const sending = deliverer();
    await webhooks.sendTestEvent(mine.ctx, id);
    await sending.drain();
    test.clock.advance(DAY_MS + MINUTE_MS);
    await webhooks.sendTestEvent(mine.ctx, id);
    await sending.drain();
    const signatures = shop.received.map((got) => String(got.headers["webhook-signature"]).split(" "));
    expect(signatures.map((list) => list.length)).toEqual([2, 1]);
    const expected = (secret: string, index: number): string => {
      const got = shop.received[index];
      if (!got) throw new Error("nothing arrived");
      return new SvixWebhook(secret).sign(
        String(got.headers["webhook-id"]),
        new Date(Number(got.headers["webhook-timestamp"]) * 1000),
        got.body,
      );
    };
    expect(signatures[0]).toEqual([expected(after, 0), expected(before, 0)]);
    expect(signatures[1]).toEqual([expected(after, 1)]);
  });

  it("R26: an endpoint that hangs does not delay another", async () => {
    const mine = await partner();
    const [hanging, quick] = [await receiver(), await receiver()];
    hanging.answer(() => undefined);
    await endpoint(mine.ctx, hanging.url);
    const { id } = await endpoint(mine.ctx, quick.url);
    for (let n = 0; n < 40; n += 1)
      await appendEvent(services, { partnerId: mine.id, subjectId: newId("refund"), sequence: 1 });
    await webhooks.relayAll(services);
    const startedMs = performance.now();
    const sending = deliverer({ timeoutMs: 5_000 });
    sending.wake();
    await expect.poll(() => quick.received.length, { timeout: 3_000, interval: 5 }).toBe(40);
    expect(performance.now() - startedMs).toBeLessThan(2_500);
    expect(hanging.received.length).toBeLessThanOrEqual(8);
    await expect
      .poll(async () => (await deliveriesOf(id)).every((delivery) => delivery.state === "DELIVERED"), {
        timeout: 2_000,
      })
      .toBe(true);
  });

  it("R28: with eight senders the events of one payment arrive one after the other, without gaps", async () => {
    const mine = await partner();
    const shop = await receiver();
    let failures = 3;
    shop.answer((response) => {
      setTimeout(() => response.writeHead(failures-- > 0 ? 500 : 200).end(), Math.random() * 5);
    });
    const { id } = await endpoint(mine.ctx, shop.url);
    const subjects = Array.from({ length: 12 }, () => newId("payment"));
    for (let sequence = 1; sequence <= 8; sequence += 1)
      for (const subjectId of subjects) await appendEvent(services, { partnerId: mine.id, subjectId, sequence });
    await webhooks.relayAll(services);
    const senders = Array.from({ length: 8 }, () => deliverer());
    for (let round = 0; round < 4; round += 1) {
      await Promise.all(senders.map((sending) => sending.drain()));
      test.clock.advance(10 * SECOND_MS);
    }
    expect((await deliveriesOf(id)).every((delivery) => delivery.state === "DELIVERED")).toBe(true);
    for (const subjectId of subjects) {
      const arrived = shop.received
        .filter((got) => got.json.data.object.id === subjectId)
        .map((got) => got.json.sequence);
      // A failed one comes again before the next; nothing comes early.
      expect([...new Set(arrived)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      expect(arrived).toEqual([...arrived].sort((a, b) => a - b));
    }
    expect(shop.received).toHaveLength(12 * 8 + 3);
  });

  it("an endpoint that opts out of order is not held up by one event that fails", async () => {
    const mine = await partner();
    const [ordered, unordered] = [await receiver(), await receiver()];
    for (const shop of [ordered, unordered])
      shop.answer((response, got) => response.writeHead(got.json.sequence === 1 ? 500 : 200).end());
    await endpoint(mine.ctx, ordered.url);
    await endpoint(mine.ctx, unordered.url, { ordered: false });
    const subjectId = newId("payment");
    for (const sequence of [1, 2, 3]) await appendEvent(services, { partnerId: mine.id, subjectId, sequence });
    await webhooks.relayAll(services);
    await deliverer().drain();
    expect(ordered.received.map((got) => got.json.sequence)).toEqual([1]);
    expect(unordered.received.map((got) => got.json.sequence).sort()).toEqual([1, 2, 3]);
  });

  it("a retry that is due soon is sent by itself", async () => {
    const real = await testServices({ simulator: false });
    try {
      const { partner: built } = await makePartner(real.services);
      const shop = await receiver();
      shop.answer((response) => response.writeHead(shop.received.length === 1 ? 503 : 200).end());
      await endpoint(asApiKey(real.services, { partnerId: built.id }), shop.url);
      await appendEvent(real.services, { partnerId: built.id, subjectId: newId("refund"), sequence: 1 });
      await webhooks.relayAll(real.services);
      const startedMs = performance.now();
      webhooks.wakeDeliveries(real.services);
      await expect.poll(() => shop.received.length, { timeout: 8_000 }).toBe(2);
      expect(performance.now() - startedMs).toBeGreaterThan(4_400);
      await webhooks.stopDeliveries(real.services, 1_000);
    } finally {
      await real.close();
    }
  });
});
