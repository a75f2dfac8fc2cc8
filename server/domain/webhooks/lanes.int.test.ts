import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Services } from "@/server/context";
import { newId } from "@/server/core/ids";
import { makePartner } from "@/server/testing/builders";
import { asApiKey, type TestServices, testServices } from "@/server/testing/context";
import { quickest } from "@/server/testing/equal-time";
import { createDeliverer, type Deliverer } from "./deliver";
import { CreateEndpointSchema } from "./schema";
import { createEndpoint, relayAll } from "./service";
import { appendEvent, type Receiver, refundObject, startReceiver } from "./testing";

/* Who is slow keeps nobody else waiting: relay, claims and lanes as in production, receivers that hang. */

const BACKLOG = 10_000;
const LANE_WIDTH = 8;
/** Longer than a test takes on any machine: who hangs does so to its end, and nobody is helped by its time limit. */
const HANGS_MS = 240_000;

let test: TestServices;
let services: Services;
let deliverer: Deliverer;
const receivers: Receiver[] = [];

beforeAll(async () => {
  test = await testServices({ simulator: false, connections: 8 });
  services = test.services;
});
afterEach(async () => {
  await deliverer.stop(0);
  await Promise.all(receivers.splice(0).map((receiver) => receiver.close()));
  await services.db.query({
    text: "update webhook_deliveries set state = 'FAILED', next_attempt_at = null where state = 'PENDING'",
    values: [],
  });
});
afterAll(() => test.close());

async function partner(urls: readonly string[]): Promise<string> {
  const { partner: built } = await makePartner(services);
  const ctx = asApiKey(services, { partnerId: built.id });
  for (const url of urls) await createEndpoint(ctx, CreateEndpointSchema.parse({ url, events: ["*"] }));
  return built.id;
}

async function receiver(): Promise<Receiver> {
  const started = await startReceiver();
  receivers.push(started);
  return started;
}

/** Never answers. */
async function hangingReceiver(): Promise<Receiver> {
  const hangs = await receiver();
  hangs.answer(() => undefined);
  return hangs;
}

async function appendMany(partnerId: string, count: number): Promise<void> {
  await services.db.query({
    text: `insert into outbox_events (id, partner_id, mode, type, subject_kind, subject_id, sequence, payload, created_at)
           select id, $2, 'test', 'refund.succeeded', 'refund', subject, 1, $4::jsonb, now()
           from unnest($1::text[], $3::text[]) as e(id, subject)`,
    values: [
      Array.from({ length: count }, () => newId("event")),
      partnerId,
      Array.from({ length: count }, () => newId("refund")),
      JSON.stringify({ object: refundObject(newId("refund")) }),
    ],
  });
}

/** Appends an event, relays and wakes as the function does. Returns the milliseconds until it has arrived. */
async function timeOne(partnerId: string, shop: Receiver): Promise<number> {
  const before = shop.received.length;
  const fromMs = performance.now();
  await appendEvent(services, { partnerId, subjectId: newId("refund"), sequence: 1 });
  await relayAll(services);
  deliverer.wake();
  await expect.poll(() => shop.received.length, { interval: 1 }).toBe(before + 1);
  return performance.now() - fromMs;
}

async function longestOf(count: number, partnerId: string, shop: Receiver): Promise<number> {
  const waits: number[] = [];
  for (let n = 0; n < count; n += 1) waits.push(await timeOne(partnerId, shop));
  return Math.max(...waits);
}

const pendingOf = async (partnerId: string): Promise<number> =>
  Number(
    (
      await services.db.query<{ n: number }>({
        text: "select count(*)::int as n from webhook_deliveries where partner_id = $1 and state = 'PENDING'",
        values: [partnerId],
      })
    )[0]?.n,
  );

describe("an endpoint that hangs", () => {
  it("R26: with 10,000 deliveries queued for it, another Partner's webhook arrives within a second of its event", async () => {
    deliverer = createDeliverer(services, { timeoutMs: HANGS_MS });
    const [hangs, shop] = [await hangingReceiver(), await receiver()];
    const [slow, other] = [await partner([hangs.url]), await partner([shop.url])];
    await appendMany(slow, BACKLOG);
    await relayAll(services);
    expect(await pendingOf(slow)).toBe(BACKLOG);
    deliverer.wake();
    await expect.poll(() => hangs.received.length).toBe(LANE_WIDTH);
    const longestMs = await quickest(() => longestOf(20, other, shop), 1_000);
    process.stdout.write(`beside 10,000 queued: longest ${longestMs.toFixed(0)} ms\n`);
    expect(longestMs).toBeLessThan(1_000);
    expect(hangs.received).toHaveLength(LANE_WIDTH);
    expect(await pendingOf(slow)).toBe(BACKLOG);
  });

  it("R26: seventy endpoints that hang at once, each with more than its lane holds, leave room for the others", async () => {
    deliverer = createDeliverer(services, { timeoutMs: HANGS_MS });
    const [hangs, shop] = [await hangingReceiver(), await receiver()];
    const many = await Promise.all([partner(Array(35).fill(hangs.url)), partner(Array(35).fill(hangs.url))]);
    const other = await partner([shop.url]);
    for (const id of many) await appendMany(id, 2 * LANE_WIDTH);
    await relayAll(services);
    deliverer.wake();
    await expect.poll(() => hangs.received.length).toBeGreaterThanOrEqual(512);
    const longestMs = await quickest(() => longestOf(10, other, shop), 1_000);
    process.stdout.write(`beside 70 that hang: longest ${longestMs.toFixed(0)} ms\n`);
    expect(longestMs).toBeLessThan(1_000);
    // No lane is wider than it may be.
    expect(hangs.received.length).toBeLessThanOrEqual(70 * LANE_WIDTH);
  });
});
