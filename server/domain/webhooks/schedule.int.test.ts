import { describe, expect, it } from "vitest";
import { newId } from "@/server/core/ids";
import { DAY_MS, MINUTE_MS, SECOND_MS } from "@/server/core/time";
import { withWebhooks } from "@/server/testing/webhooks";
import type { Deliverer } from "./deliver";
import { BREAKER_FAILURES } from "./queue";
import { DISABLE_AFTER_MS, RETRY_DELAYS_MS } from "./schedule";
import * as webhooks from "./service";
import { appendEvent } from "./testing";

/* R24 whole: every way to fail, through the whole schedule, with a clock that moves only when told. */

const hooks = withWebhooks();
const { receiver, untrustedReceiver, deliverer, partner, endpoint, endpointRow, deliveriesOf, attemptsOf } = hooks;

type Failing = { url: string; outcome: string; status: number | null; timeoutMs?: number; hits: () => number };
const WAYS: Record<string, () => Promise<Failing>> = {
  "500": async () => {
    const shop = await receiver();
    shop.answer((response) => response.writeHead(500).end("broken"));
    return { url: shop.url, outcome: "http_error", status: 500, hits: () => shop.received.length };
  },
  "a redirect": async () => {
    const shop = await receiver();
    shop.answer((response) => response.writeHead(301, { location: "http://169.254.169.254/latest/" }).end());
    return { url: shop.url, outcome: "redirect_refused", status: 301, hits: () => shop.received.length };
  },
  "a connection that is reset": async () => {
    const shop = await receiver();
    shop.answer((response) => response.socket?.resetAndDestroy());
    return { url: shop.url, outcome: "connection_failed", status: null, hits: () => shop.received.length };
  },
  "no answer in time": async () => {
    const shop = await receiver();
    shop.answer(() => undefined);
    return { url: shop.url, outcome: "timeout", status: null, timeoutMs: 400, hits: () => shop.received.length };
  },
  "a certificate that nobody vouches for": async () => {
    const shop = await untrustedReceiver();
    // The request is never told to somebody whose name is not proved.
    return { url: shop.url, outcome: "tls_failed", status: null, hits: () => 10 + shop.hits() };
  },
};

/** One event owed to one endpoint. */
async function owe(url: string): Promise<{ endpointId: string; eventId: string }> {
  const mine = await partner();
  const { id } = await endpoint(mine.ctx, url);
  const eventId = await appendEvent(hooks.services, { partnerId: mine.id, subjectId: newId("refund"), sequence: 1 });
  await webhooks.relayAll(hooks.services);
  return { endpointId: id, eventId };
}

/** Drives the schedule from try to try. Returns the wait after each, in milliseconds. */
async function waitsOf(sending: Deliverer): Promise<number[]> {
  const waits: number[] = [];
  for (;;) {
    const { failed, nextDueAt } = await sending.drain();
    expect(failed).toBe(1);
    if (!nextDueAt) return waits;
    const waitMs = nextDueAt.getTime() - hooks.services.clock.now().getTime();
    waits.push(waitMs);
    hooks.test.clock.advance(waitMs - 1);
    expect(await sending.drain()).toMatchObject({ sent: 0, failed: 0 });
    hooks.test.clock.advance(1);
  }
}

describe("R24: the whole schedule", () => {
  it.each(Object.keys(WAYS))(
    "R24: %s is tried ten times by the schedule, then the delivery has failed",
    async (way) => {
      const failing = await WAYS[way]?.();
      if (!failing) throw new Error(way);
      const { endpointId } = await owe(failing.url);
      expect(await waitsOf(deliverer({ timeoutMs: failing.timeoutMs ?? 2_000 }))).toEqual(RETRY_DELAYS_MS);
      const [delivery] = await deliveriesOf(endpointId);
      expect(delivery).toMatchObject({ state: "FAILED", attempts: 10, next_attempt_at: null, claimed_until: null });
      expect(await attemptsOf(delivery?.id ?? "")).toEqual(
        Array.from({ length: 10 }, (_, index) => ({
          number: index + 1,
          status: failing.status,
          outcome: failing.outcome,
        })),
      );
      expect(failing.hits()).toBe(10);
      // Three days of failures are not five.
      expect(await endpointRow(endpointId)).toMatchObject({
        state: "ENABLED",
        consecutive_failures: 10,
        notice_due_at: null,
      });
    },
  );

  it("R24: 429 with Retry-After 120 waits at least two minutes each time, and as long as the schedule says where that is longer", async () => {
    const shop = await receiver();
    shop.answer((response) => response.writeHead(429, { "retry-after": "120" }).end());
    await owe(shop.url);
    const two = 2 * MINUTE_MS;
    expect(await waitsOf(deliverer())).toEqual([two, two, ...RETRY_DELAYS_MS.slice(2)]);
    expect(shop.received).toHaveLength(10);
  });

  it("R24: one success within the schedule ends it and forgets the failures", async () => {
    const shop = await receiver();
    shop.answer((response) => response.writeHead(shop.received.length < 4 ? 503 : 200).end());
    const { endpointId, eventId } = await owe(shop.url);
    const sending = deliverer();
    for (const waitMs of RETRY_DELAYS_MS.slice(0, 3)) {
      await sending.drain();
      hooks.test.clock.advance(waitMs);
    }
    expect(await sending.drain()).toMatchObject({ sent: 1, nextDueAt: null });
    expect(await deliveriesOf(endpointId)).toMatchObject([{ state: "DELIVERED", attempts: 4 }]);
    expect(await endpointRow(endpointId)).toMatchObject({ consecutive_failures: 0, failing_since: null });
    expect(shop.received.map((got) => got.headers["webhook-id"])).toEqual(Array(4).fill(eventId));
  });
});

describe("R24: when an endpoint is switched off", () => {
  /** One event, one try, with this status. */
  async function attempt(mine: { id: string }, sending: Deliverer): Promise<void> {
    await appendEvent(hooks.services, { partnerId: mine.id, subjectId: newId("refund"), sequence: 1 });
    await webhooks.relayAll(hooks.services);
    await sending.drain();
  }

  it("R24: five days after its first failure and not a millisecond before", async () => {
    const mine = await partner();
    const shop = await receiver();
    shop.answer((response) => response.writeHead(500).end());
    const { id } = await endpoint(mine.ctx, shop.url);
    const sending = deliverer();
    await attempt(mine, sending);
    hooks.test.clock.advance(DISABLE_AFTER_MS - 1);
    await attempt(mine, sending);
    expect(await endpointRow(id)).toMatchObject({ state: "ENABLED" });
    hooks.test.clock.advance(1);
    await attempt(mine, sending);
    expect(await endpointRow(id)).toMatchObject({ state: "DISABLED", disabled_reason: "failing" });
    // Nothing more is sent, what was owed is given up, and new events make no deliveries for it.
    const before = shop.received.length;
    await attempt(mine, sending);
    hooks.test.clock.advance(DAY_MS);
    await sending.drain();
    expect(shop.received).toHaveLength(before);
    const states = (await deliveriesOf(id)).map((delivery) => delivery.state);
    expect(states.length).toBe(3);
    expect(new Set(states)).toEqual(new Set(["FAILED"]));
    const detail = await webhooks.getDelivery(mine.ctx, (await deliveriesOf(id))[0]?.id ?? "");
    expect(detail.failed_because).toBe("endpoint_off");
  });

  it("R24: what we could not make is tried again, and is no failure of the endpoint", async () => {
    const mine = await partner();
    const shop = await receiver();
    const { id } = await endpoint(mine.ctx, shop.url);
    const subjectId = newId("payment");
    await appendEvent(hooks.services, {
      partnerId: mine.id,
      type: "payment.completed",
      subjectKind: "payment",
      subjectId,
      sequence: 1,
      payload: { object: { id: subjectId, object: "payment", amount: "not a payment" } },
    });
    await webhooks.relayAll(hooks.services);
    const sending = deliverer();
    hooks.test.clock.advance(MINUTE_MS);
    expect(await sending.drain()).toMatchObject({ sent: 0, failed: 1 });
    expect(shop.received).toHaveLength(0);
    const [delivery] = await deliveriesOf(id);
    expect(delivery).toMatchObject({ state: "PENDING", attempts: 1 });
    expect(await attemptsOf(delivery?.id ?? "")).toMatchObject([{ outcome: "render_failed", status: null }]);
    expect(await endpointRow(id)).toMatchObject({ consecutive_failures: 0, failing_since: null });
    expect((await webhooks.getDelivery(mine.ctx, delivery?.id ?? "")).request).toBeNull();
  });

  it("R24: after ten failures in a row it gets one request at a time, until one succeeds", async () => {
    const mine = await partner();
    const shop = await receiver();
    const { id } = await endpoint(mine.ctx, shop.url);
    await hooks.query("update webhook_endpoints set consecutive_failures = $2, failing_since = $3 where id = $1", [
      id,
      BREAKER_FAILURES,
      hooks.services.clock.now(),
    ]);
    shop.answer(() => undefined);
    for (let n = 0; n < 20; n += 1)
      await appendEvent(hooks.services, { partnerId: mine.id, subjectId: newId("refund"), sequence: 1 });
    await webhooks.relayAll(hooks.services);
    const sending = deliverer({ timeoutMs: 300 });
    await sending.drain(150);
    expect(shop.received).toHaveLength(1);
    shop.answer((response) => response.writeHead(200).end());
    await expect
      .poll(async () => {
        hooks.test.clock.advance(10 * SECOND_MS);
        await sending.drain();
        return (await deliveriesOf(id)).filter((delivery) => delivery.state === "DELIVERED").length;
      })
      .toBe(20);
    expect(await endpointRow(id)).toMatchObject({ consecutive_failures: 0 });
  });
});
