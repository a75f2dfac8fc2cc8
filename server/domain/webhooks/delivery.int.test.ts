import { Webhook as SvixWebhook } from "svix";
import { describe, expect, it } from "vitest";
import { newId } from "@/server/core/ids";
import { addMs, DAY_MS, MINUTE_MS, SECOND_MS } from "@/server/core/time";
import type { Database } from "@/server/db/client";
import { type PaymentSnapshot, PublicPaymentSchema } from "@/server/domain/payments/schema";
import { makePartner } from "@/server/testing/builders";
import { asApiKey, testServices } from "@/server/testing/context";
import { withWebhooks } from "@/server/testing/webhooks";
import { type AttemptResult, type Claim, claimDue, recordAttempts } from "./queue";
import * as webhooks from "./service";
import { appendEvent } from "./testing";

const hooks = withWebhooks();
const { receiver, deliverer, partner, endpoint, deliveriesOf, attemptsOf, endpointRow } = hooks;

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
    authorization_expires_at: null,
    created_at: "2026-11-21T12:00:00.000Z",
    updated_at: "2026-11-21T12:00:05.000Z",
    metadata: { till: "7" },
  };
}

const claim = (limit: number): Promise<Claim[]> =>
  claimDue(hooks.services.db, {
    now: hooks.services.clock.now(),
    leaseMs: 30 * SECOND_MS,
    limit,
    laneWidth: 8,
    busy: new Map(),
  });
const resultOf = (claimed: Claim, outcome: "delivered" | "http_error"): AttemptResult => ({
  claim: claimed,
  outcome,
  status: outcome === "delivered" ? 200 : 500,
  answer: null,
  durationMs: 5,
  startedAt: hooks.services.clock.now(),
  url: null,
  bodyHash: null,
  nextAttemptAt: outcome === "delivered" ? null : addMs(hooks.services.clock.now(), DAY_MS),
});

describe("delivery", () => {
  it("an event arrives signed, as the object that a read gives, with its attempt written down", async () => {
    const mine = await partner();
    const shop = await receiver();
    const { id, secret } = await endpoint(mine.ctx, shop.url, { headers: { "X-Shop": "seven" } });
    const subjectId = newId("payment");
    const eventId = await appendEvent(hooks.services, {
      partnerId: mine.id,
      type: "payment.completed",
      subjectKind: "payment",
      subjectId,
      sequence: 1,
      payload: { object: paymentSnapshot(subjectId), previous: { status: "pending" } },
    });
    await webhooks.relayAll(hooks.services);
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
    expect(hooks.test.nudges.at(-1)).toBe("deliveries");
    await webhooks.relayAll(hooks.services);
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
    const eventId = await appendEvent(hooks.services, { partnerId: mine.id, subjectId: newId("refund"), sequence: 1 });
    await webhooks.relayAll(hooks.services);
    const db: Database = {
      ...hooks.services.db,
      query: (statement) =>
        statement.name === "webhooks_record"
          ? Promise.reject(new Error("the process died"))
          : hooks.services.db.query(statement),
    };
    await deliverer({}, { ...hooks.services, db }).drain();
    expect(shop.received).toHaveLength(1);
    expect(await deliveriesOf(id)).toMatchObject([{ state: "PENDING", attempts: 0 }]);
    expect(await deliverer().drain()).toMatchObject({ sent: 0 });
    hooks.test.clock.advance(40 * SECOND_MS);
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

  it("R25: a failure told after its claim ran out changes nothing for the one that has it now; a success still counts", async () => {
    const mine = await partner();
    const { id } = await endpoint(mine.ctx, "http://127.0.0.1:9/");
    await appendEvent(hooks.services, { partnerId: mine.id, subjectId: newId("refund"), sequence: 1 });
    await webhooks.relayAll(hooks.services);
    const tell = (claimed: Claim, outcome: "delivered" | "http_error") =>
      recordAttempts(hooks.services.db, [resultOf(claimed, outcome)], hooks.services.clock.now());
    const [first] = await claim(1);
    hooks.test.clock.advance(31 * SECOND_MS);
    const [second] = await claim(1);
    if (!first || !second) throw new Error("nothing was due");
    const held = await deliveriesOf(id);
    expect(held).toMatchObject([{ state: "PENDING", attempts: 0, claimed_until: second.claimedUntil }]);
    await tell(first, "http_error");
    expect(await deliveriesOf(id)).toEqual(held);
    await tell(first, "delivered");
    expect(await deliveriesOf(id)).toMatchObject([{ state: "DELIVERED", attempts: 1 }]);
    await tell(second, "http_error");
    expect(await deliveriesOf(id)).toMatchObject([{ state: "DELIVERED", attempts: 1, next_attempt_at: null }]);
    // Each try is written down, whatever came of it.
    expect((await attemptsOf(held[0]?.id ?? "")).map((attempt) => attempt.outcome)).toEqual([
      "http_error",
      "delivered",
      "http_error",
    ]);
  });

  it("R24: one success among the failures that are written down with it keeps an endpoint on, and its count starts anew", async () => {
    const mine = await partner();
    const { id } = await endpoint(mine.ctx, "http://127.0.0.1:9/");
    for (let count = 0; count < 3; count += 1)
      await appendEvent(hooks.services, { partnerId: mine.id, subjectId: newId("refund"), sequence: 1 });
    await webhooks.relayAll(hooks.services);
    const now = hooks.services.clock.now();
    await hooks.query("update webhook_endpoints set consecutive_failures = 40, failing_since = $2 where id = $1", [
      id,
      addMs(now, -6 * DAY_MS),
    ]);
    const outcomes = ["http_error", "delivered", "http_error"] as const;
    // Failing for long, it gets one try at a time; here three were under way before that.
    const claims = [...(await claim(1)), ...(await claim(1)), ...(await claim(1))];
    expect(claims).toHaveLength(3);
    const results = claims.map((claimed, index) => resultOf(claimed, outcomes[index] ?? "http_error"));
    expect(await recordAttempts(hooks.services.db, results, now)).toEqual([]);
    expect(await endpointRow(id)).toMatchObject({ state: "ENABLED", consecutive_failures: 0, failing_since: null });
    expect((await deliveriesOf(id)).map(({ state }) => state).sort()).toEqual(["DELIVERED", "PENDING", "PENDING"]);
  });

  it("what a process hangs up on because it stops is nobody's failure, and another one may send it at once", async () => {
    const mine = await partner();
    const shop = await receiver();
    const asked = new Promise<void>((resolve) => shop.answer(() => resolve()));
    const { id } = await endpoint(mine.ctx, shop.url);
    await appendEvent(hooks.services, { partnerId: mine.id, subjectId: newId("refund"), sequence: 1 });
    await webhooks.relayAll(hooks.services);
    const stopping = deliverer({ timeoutMs: 60_000 });
    const draining = stopping.drain(60_000);
    await asked;
    await stopping.stop(0);
    expect(await draining).toMatchObject({ sent: 0, failed: 0 });
    const [owed] = await deliveriesOf(id);
    expect(owed).toMatchObject({ state: "PENDING", attempts: 0, claimed_until: null });
    expect(await attemptsOf(owed?.id ?? "")).toEqual([]);
    expect(await endpointRow(id)).toMatchObject({ consecutive_failures: 0, failing_since: null });
    shop.answer((response) => response.writeHead(200).end());
    expect(await deliverer().drain()).toMatchObject({ sent: 1 });
  });

  it("during a rotation both secrets verify, a day later only the new one", async () => {
    const mine = await partner();
    const shop = await receiver();
    const { id, secret: before } = await endpoint(mine.ctx, shop.url);
    const { secret: after } = await webhooks.rotateEndpointSecret(mine.ctx, id);
    const sending = deliverer();
    await webhooks.sendTestEvent(mine.ctx, id);
    await sending.drain();
    hooks.test.clock.advance(DAY_MS + MINUTE_MS);
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
      await appendEvent(hooks.services, { partnerId: mine.id, subjectId: newId("refund"), sequence: 1 });
    await webhooks.relayAll(hooks.services);
    const startedMs = performance.now();
    const timeoutMs = 60_000;
    const sending = deliverer({ timeoutMs });
    sending.wake();
    await expect.poll(() => quick.received.length, { interval: 5 }).toBe(40);
    // None of those that hang has ended meanwhile: nothing waited for them.
    expect(performance.now() - startedMs).toBeLessThan(timeoutMs);
    expect(hanging.received.length).toBeLessThanOrEqual(8);
    await expect
      .poll(async () => (await deliveriesOf(id)).every((delivery) => delivery.state === "DELIVERED"))
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
      for (const subjectId of subjects) await appendEvent(hooks.services, { partnerId: mine.id, subjectId, sequence });
    await webhooks.relayAll(hooks.services);
    const senders = Array.from({ length: 8 }, () => deliverer());
    for (let round = 0; round < 4; round += 1) {
      await Promise.all(senders.map((sending) => sending.drain()));
      hooks.test.clock.advance(10 * SECOND_MS);
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
    for (const sequence of [1, 2, 3]) await appendEvent(hooks.services, { partnerId: mine.id, subjectId, sequence });
    await webhooks.relayAll(hooks.services);
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
      await expect.poll(() => shop.received.length).toBe(2);
      expect(performance.now() - startedMs).toBeGreaterThan(4_400);
      await webhooks.stopDeliveries(real.services, 1_000);
    } finally {
      await real.close();
    }
  });
});
