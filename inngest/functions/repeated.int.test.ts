import { randomBytes } from "node:crypto";
import { serve } from "inngest/edge";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { createSdkClient, type SdkClient, type StepMemo } from "@/inngest/engine/protocol";
import type { ServiceContext, Services } from "@/server/context";
import { DAY_MS, MINUTE_MS, SECOND_MS } from "@/server/core/time";
import { checkInvariants } from "@/server/domain/invariants";
import { CreatePaymentSchema } from "@/server/domain/payments/schema";
import { createPayment, getPayment, refundPayment } from "@/server/domain/payments/service";
import { CreateEndpointSchema } from "@/server/domain/webhooks/schema";
import { createEndpoint, stopDeliveries } from "@/server/domain/webhooks/service";
import { type Receiver, startReceiver } from "@/server/domain/webhooks/testing";
import { SIGNALS } from "@/server/events/catalog";
import { type BuiltPartner, makePartner, unique } from "@/server/testing/builders";
import { asApiKey, type TestServices, testServices } from "@/server/testing/context";
import { receiveKlarnaWebhooks, type WebhookReceiver } from "@/server/testing/klarna-webhooks";

/*
 * The background functions as an Inngest server calls them, by the SDK's protocol: every step twice at the same moment,
 * the same steps of the same run again a day later, and not at all for an hour. The clock is moved by hand.
 */

const held = vi.hoisted((): { services: Services | null } => ({ services: null }));
vi.mock("@/inngest/services", () => ({
  services: () => {
    if (!held.services) throw new Error("no services yet");
    return held.services;
  },
}));

const SIGNING_KEY = "signkey-test-0123456789abcdef0123456789abcdef";
const SECRETS = {
  TILLGATE_SESSION_SECRET: randomBytes(32).toString("base64url"),
  TILLGATE_KEY_PEPPER: randomBytes(32).toString("base64url"),
  TILLGATE_ENCRYPTION_KEYS: `test:${randomBytes(32).toString("base64")}`,
};

let test: TestServices;
let services: Services;
let klarna: WebhookReceiver;
let sdk: SdkClient;
/** Each function and the event that starts it. */
let functions: { id: string; event: string }[] = [];

beforeAll(async () => {
  test = await testServices({ clock: "movable", environment: SECRETS });
  services = test.services;
  held.services = services;
  klarna = await receiveKlarnaWebhooks(services, test.simulator);
  Object.assign(process.env, SECRETS, {
    DATABASE_URL: services.env.DATABASE_URL,
    INNGEST_SIGNING_KEY: SIGNING_KEY,
    INNGEST_BASE_URL: "http://127.0.0.1:9",
  });
  const [{ inngest }, { functions: served }] = await Promise.all([
    import("@/inngest/client"),
    import("@/inngest/index"),
  ]);
  sdk = createSdkClient(
    [{ url: "http://engine.internal/api/inngest", handler: serve({ client: inngest, functions: served }) }],
    SIGNING_KEY,
  );
  functions = (await sdk.sync()).functions.map(({ fn }) => ({
    id: fn.id,
    event: fn.crons.length > 0 ? "inngest/scheduled.timer" : (fn.events[0]?.event ?? ""),
  }));
});
afterAll(async () => {
  await stopDeliveries(services, 1_000);
  await klarna.close();
  await test.close();
});

async function passTime(ms: number): Promise<void> {
  test.clock.advance(ms);
  await test.simulator.control.advance(ms);
}

/** Runs a function to its end, each call `times` times at once. The clock moves on by each sleep. */
async function run(fnId: string, name: string, runId: string, times: number): Promise<void> {
  const steps: Record<string, StepMemo> = {};
  const stack: string[] = [];
  let faults = 0;
  const event = { id: runId, name, data: {}, ts: test.clock.now().getTime() };
  const call = () =>
    sdk.call({
      fnId,
      runId,
      stepId: null,
      attempt: 0,
      attemptsMax: 4,
      events: [event],
      steps,
      stack: [...stack],
      isPlanOnly: false,
    });
  for (let calls = 0; calls < 100; calls += 1) {
    const results = await Promise.all(Array.from({ length: faults > 0 ? 1 : times }, call));
    // Of two at once one may be refused; then the step is tried again, as an engine does.
    if (results.some((result) => result.kind === "ops" && result.ops.some((op) => op.op === "StepError"))) {
      faults += 1;
      if (faults > 3) throw new Error(`${fnId}: ${JSON.stringify(results)}`);
      continue;
    }
    for (const result of results)
      if (result.kind === "error") throw new Error(`${fnId}: ${JSON.stringify(result.error)}`);
    const [result] = results;
    if (result?.kind !== "ops") return;
    for (const op of result.ops) {
      if (op.op === "RunComplete") return;
      expect(["StepRun", "Step", "Sleep"], `${fnId}: ${JSON.stringify(op)}`).toContain(op.op);
      if (op.op === "Sleep")
        await passTime(Number.parseInt(op.name ?? "0", 10) * (op.name?.endsWith("s") ? SECOND_MS : MINUTE_MS));
      steps[op.id] = { type: "data", data: op.data ?? null };
      stack.push(op.id);
    }
  }
  throw new Error(`${fnId} does not end`);
}

const KEEP_SUBSCRIPTIONS = "tillgate-keep-subscriptions";

/** Every function of ours, with what Klarna sends meanwhile; but the one that would point Klarna away from this test. */
async function runAll(mark: string, times: number): Promise<void> {
  for (const { id, event } of functions) {
    if (id === KEEP_SUBSCRIPTIONS) continue;
    await run(id, event, `${mark}-${id}`, times);
    await test.simulator.control.idle();
  }
}

/** What has happened, without what may differ from one look to the next (reads, times). */
async function facts(partner: BuiltPartner): Promise<unknown> {
  const rows = (text: string) => services.db.query({ text, values: [partner.partner.id] });
  return {
    payments: await rows(
      `select id, state, amount_authorized, amount_captured, amount_refunded, amount_voided, event_sequence from payments where partner_id = $1 order by id`,
    ),
    operations: await rows("select kind, state, result from klarna_operations where partner_id = $1 order by id"),
    refunds: await rows("select id, state, amount from refunds where partner_id = $1 order by id"),
    events: await rows("select id, type, sequence from outbox_events where partner_id = $1 order by position"),
    deliveries: await rows("select id, state, attempts from webhook_deliveries where partner_id = $1 order by id"),
    mails: await rows("select id, state from mails where partner_id = $1 order by id"),
    books: await test.simulator.control.books(partner.account.id),
  };
}

const broken = async (): Promise<unknown[]> =>
  (await checkInvariants(services.db)).filter((result) => result.broken > 0);

type Shop = { partner: BuiltPartner; ctx: ServiceContext; receiver: Receiver };

async function openShop(): Promise<Shop> {
  const partner = await makePartner(services);
  const ctx = asApiKey(services, { partnerId: partner.partner.id });
  const receiver = await startReceiver();
  await createEndpoint(ctx, CreateEndpointSchema.parse({ url: receiver.url, events: ["*"] }));
  return { partner, ctx, receiver };
}

const sell = async ({ partner, ctx }: Shop, more: Record<string, unknown> = {}) =>
  createPayment(
    ctx,
    CreatePaymentSchema.parse({
      amount: 11_850,
      currency: "SEK",
      reference: unique("order"),
      store: { id: partner.store.id },
      terminal: { id: partner.terminal.id },
      ...more,
    }),
  );

describe("background functions", () => {
  it("R48: every step executed twice at once, and again after 24 hours, has its effect once; all invariants hold", async () => {
    const shop = await openShop();
    const paid = await sell(shop);
    const open = await sell(shop, { expires_in: 7_200 });
    const declined = await sell(shop);
    await test.simulator.control.play(paid.klarna.payment_request_id ?? "", "complete");
    await test.simulator.control.play(declined.klarna.payment_request_id ?? "", "decline");
    await test.simulator.control.idle();
    await runAll("first", 2);
    const refund = await refundPayment(shop.ctx, paid.id, { amount: 850, reason: "damaged" });
    await test.simulator.control.idle();
    await runAll("second", 2);
    expect((await getPayment(shop.ctx, paid.id)).status).toBe("completed");
    expect((await getPayment(shop.ctx, declined.id)).status).toBe("declined");
    expect(await test.simulator.control.transactions({ payment_transaction_reference: paid.id })).toHaveLength(1);
    expect(refund.amount).toBe(850);
    const before = await facts(shop.partner);

    // The same steps of the same runs: an answer was lost.
    await runAll("first", 2);
    await runAll("second", 1);
    expect(await facts(shop.partner)).toEqual(before);

    await passTime(DAY_MS);
    await runAll("first", 2);
    await runAll("second", 2);
    expect((await getPayment(shop.ctx, open.id)).status).toBe("expired");
    const dayLater = await facts(shop.partner);
    await runAll("first", 2);
    expect(await facts(shop.partner)).toEqual(dayLater);

    const ids = shop.receiver.received.map((got) => got.json.id);
    expect(new Set(ids).size).toBe(ids.length);
    const owed = await services.db.query<{ id: string }>({
      text: "select id from outbox_events where partner_id = $1",
      values: [shop.partner.partner.id],
    });
    expect(new Set(ids)).toEqual(new Set(owed.map((row) => row.id)));
    for (const id of [paid.id, open.id, declined.id]) {
      const numbers = shop.receiver.received
        .filter((got) => got.json.data.object.id === id)
        .map((got) => got.json.sequence);
      expect(numbers).toEqual(numbers.map((_, index) => index + 1));
    }
    expect(await test.simulator.control.transactions({ payment_transaction_reference: paid.id })).toHaveLength(1);
    expect(await broken()).toEqual([]);
    await shop.receiver.close();
  });

  it("R47: while no engine runs for an hour, payments and Klarna's webhooks are taken as ever; then everything due is done", async () => {
    const shop = await openShop();
    const before = klarna.received();
    const early = await sell(shop);
    expect(early.status).toBe("pending");
    await passTime(20 * MINUTE_MS);
    const approved = await sell(shop, { expires_in: 3_600 });
    await test.simulator.control.play(approved.klarna.payment_request_id ?? "", "complete");
    await passTime(20 * MINUTE_MS);
    const declined = await sell(shop, { expires_in: 3_600 });
    await test.simulator.control.play(declined.klarna.payment_request_id ?? "", "decline");
    await passTime(20 * MINUTE_MS);
    const late = await sell(shop);
    expect(late.status).toBe("pending");
    await test.simulator.control.idle();
    // All of it is kept: accepted payments, Klarna's webhooks, what the Partner is owed. Nothing was sent.
    expect(klarna.received()).toBeGreaterThan(before);
    const [waiting] = await services.db.query<{ inbox: number; outbox: number; held: number }>({
      text: `select (select count(*) from inbox_events where state = 'RECEIVED')::int as inbox,
        (select count(*) from outbox_events where partner_id = $1 and relayed_at is null)::int as outbox,
        (select count(*) from klarna_operations where partner_id = $1 and state = 'PENDING')::int as held`,
      values: [shop.partner.partner.id],
    });
    expect(waiting?.inbox).toBe(klarna.received() - before);
    expect(waiting?.outbox).toBeGreaterThanOrEqual(4);
    expect(shop.receiver.received).toHaveLength(0);

    // The engine is back, and asks for everything at its start.
    await runAll("back", 1);
    await runAll("back-again", 1);
    expect((await getPayment(shop.ctx, early.id)).status).toBe("expired");
    expect((await getPayment(shop.ctx, approved.id)).status).toBe("completed");
    expect((await getPayment(shop.ctx, declined.id)).status).toBe("declined");
    expect(await test.simulator.control.transactions({ payment_transaction_reference: approved.id })).toHaveLength(1);
    const owed = await services.db.query<{ id: string }>({
      text: "select id from outbox_events where partner_id = $1",
      values: [shop.partner.partner.id],
    });
    expect(new Set(shop.receiver.received.map((got) => got.json.id))).toEqual(new Set(owed.map((row) => row.id)));
    expect(await broken()).toEqual([]);
    await shop.receiver.close();
  });

  it("R48: the subscription at Klarna is kept twice at once and again a day later, and stays the same", async () => {
    const count = async (): Promise<number> => {
      const answer = await fetch(`${test.simulator.url}/v2/notification/webhooks`, {
        headers: { authorization: `Basic ${test.simulator.apiKey}` },
      });
      const list = z.looseObject({ webhooks: z.array(z.looseObject({ url: z.string() })) }).parse(await answer.json());
      return list.webhooks.filter((webhook) => webhook.url.startsWith(services.env.PUBLIC_URL)).length;
    };
    await run(KEEP_SUBSCRIPTIONS, "inngest/scheduled.timer", "keep-1", 2);
    await run(KEEP_SUBSCRIPTIONS, "inngest/scheduled.timer", "keep-1", 1);
    const kept = await count();
    expect(kept).toBeGreaterThan(0);
    await passTime(DAY_MS);
    await run(KEEP_SUBSCRIPTIONS, "inngest/scheduled.timer", "keep-1", 2);
    await run(KEEP_SUBSCRIPTIONS, "inngest/scheduled.timer", "keep-1", 1);
    expect(await count()).toBe(kept);
    expect(await broken()).toEqual([]);
  });

  it("R47: an engine that starts asks for each kind of work: signals of the time without it went nowhere", async () => {
    const { wakeSignals } = await import("@/inngest/index");
    expect(new Set(wakeSignals.map((signal) => signal.name))).toEqual(new Set(Object.values(SIGNALS)));
  });
});
