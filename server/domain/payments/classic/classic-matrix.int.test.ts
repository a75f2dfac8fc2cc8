import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { ServiceContext, Services } from "@/server/context";
import { MINUTE_MS, SECOND_MS } from "@/server/core/time";
import { checkInvariants } from "@/server/domain/invariants";
import { type CreatePaymentInput, CreatePaymentSchema } from "@/server/domain/payments/schema";
import { advanceDuePayments, cancelPayment, createPayment, getPayment } from "@/server/domain/payments/service";
import { type BuiltPartner, unique } from "@/server/testing/builders";
import { type ClassicControl, classicControl, makeClassicPartner, receiveCallbacks } from "@/server/testing/classic";
import { asApiKey, type TestServices, testServices } from "@/server/testing/context";

/*
 * Classic sessions against the simulator: each launch with each outcome, the money compared with the simulator's books
 * afterwards. Callbacks come over HTTP through the product's own listener; background work runs when it is asked to.
 */

let test: TestServices;
let services: Services;
let control: ClassicControl;
let callbacks: Awaited<ReturnType<typeof receiveCallbacks>>;
let partner: BuiltPartner;
let ctx: ServiceContext;

beforeAll(async () => {
  callbacks = await receiveCallbacks();
  test = await testServices({
    clock: "movable",
    environment: { KLARNA_TIMEOUT_MS: "1500", PUBLIC_URL: callbacks.url },
  });
  services = test.services;
  callbacks.serve(services);
  control = classicControl(test.simulator);
  partner = await makeClassicPartner(services, test.simulator);
  ctx = asApiKey(services, { partnerId: partner.partner.id });
});
afterAll(async () => {
  await callbacks.close();
  await test.close();
});
afterEach(async () => {
  callbacks.release();
  await test.simulator.control.clearFaults();
  const broken = (await checkInvariants(services.db)).filter((result) => result.broken > 0);
  expect(broken, "INV").toEqual([]);
});

type Launch = "qr" | "short_code";

async function body(launch: Launch, overrides: Partial<CreatePaymentInput> = {}): Promise<CreatePaymentInput> {
  return CreatePaymentSchema.parse({
    amount: 18_000,
    currency: "SEK",
    reference: unique("order"),
    store: { id: partner.store.id },
    terminal: { id: partner.terminal.id },
    launch,
    ...(launch === "short_code" ? { short_code: await control.shortCode() } : {}),
    ...overrides,
  });
}

async function passTime(ms: number): Promise<void> {
  test.clock.advance(ms);
  await test.simulator.control.advance(ms);
}

/** Lets a second go by after another, as the sweeper sees it, until the payment is like this. */
async function sweepUntil(id: string, wanted: (status: string, hasCode: boolean) => boolean): Promise<void> {
  for (let turn = 0; turn < 60; turn += 1) {
    await advanceDuePayments(services);
    const { status, klarna } = await getPayment(ctx, id);
    if (wanted(status, klarna.qr_code !== null)) return;
    await passTime(SECOND_MS);
  }
  throw new Error(`payment ${id} is ${(await getPayment(ctx, id)).status}`);
}
const becomes = (id: string, status: string) => sweepUntil(id, (now) => now === status);

async function started(launch: Launch, overrides: Partial<CreatePaymentInput> = {}): Promise<string> {
  const payment = await createPayment(ctx, await body(launch, overrides));
  expect(payment).toMatchObject({ status: "pending", launch, qr: null, amount_authorized: 0 });
  return payment.id;
}
async function sessionOf(id: string): Promise<string> {
  const { klarna } = await getPayment(ctx, id);
  if (klarna.payment_request_id === null) throw new Error("no session");
  return klarna.payment_request_id;
}
async function distributed(launch: Launch, overrides: Partial<CreatePaymentInput> = {}): Promise<string> {
  const id = await started(launch, overrides);
  if (launch === "qr") await sweepUntil(id, (_status, hasCode) => hasCode);
  else await passTime(SECOND_MS).then(() => advanceDuePayments(services));
  return id;
}

type Journal = { kind: string; state: string; result: string | null; attempts: number };
async function journalOf(id: string): Promise<Journal[]> {
  return services.db.query({
    text: "select kind, state, result, attempts from klarna_operations where payment_id = $1 order by opened_at, id",
    values: [id],
  });
}
async function column<T extends string>(id: string, text: string): Promise<T[]> {
  const rows = await services.db.query<{ value: T }>({ text, values: [id] });
  return rows.map((row) => row.value);
}
const eventsOf = (id: string) =>
  column(id, "select type as value from outbox_events where subject_id = $1 order by sequence");
const alarmsOf = (id: string) =>
  column(id, "select kind as value from alarms where subject_id = $1 order by raised_at");

/** The orders that Klarna holds for a payment: at most one may ever hold money. */
async function ordersOf(id: string) {
  return (await control.orders(partner.account.id)).filter((order) => order.merchant_reference2 === id);
}
async function expectEqualBooks(id: string): Promise<void> {
  const payment = await getPayment(ctx, id);
  const orders = await ordersOf(id);
  const live = orders.filter((order) => order.status !== "CANCELLED");
  const open = (await journalOf(id)).filter((row) => row.state === "PENDING" || row.state === "UNKNOWN");
  expect(open, "nothing is left open").toEqual([]);
  if (payment.amount_authorized === 0) {
    expect(live, "no money at Klarna").toEqual([]);
    return;
  }
  const [order] = orders;
  expect(orders).toHaveLength(1);
  expect({
    authorized: order?.order_amount,
    captured: order?.captured_amount,
    refunded: order?.refunded_amount,
    left: order?.remaining_authorized_amount,
    id: order?.order_id,
  }).toEqual({
    authorized: payment.amount_authorized,
    captured: payment.amount_captured,
    refunded: payment.amount_refunded,
    left: payment.amount_authorized - payment.amount_captured - payment.amount_voided,
    id: payment.klarna.payment_transaction_id,
  });
}

type Case = {
  name: string;
  /** What happens once the code is there. */
  play: (id: string) => Promise<unknown>;
  ends: string;
  events: string[];
  failure?: string;
  alarms?: string[];
};
const played = (action: string) => async (id: string) => control.play(await sessionOf(id), action);

const CASES: Case[] = [
  {
    name: "R9: approved: Klarna places the order itself, automatic capture is a capture by order management",
    play: played("complete"),
    ends: "completed",
    events: ["payment.completed"],
  },
  {
    name: "declined in the journey",
    play: played("decline"),
    ends: "declined",
    events: ["payment.declined"],
  },
  {
    name: "R10: abandoned: canceled at Klarna when its time is over, and expired once Klarna said so",
    play: () => passTime(15 * MINUTE_MS),
    ends: "expired",
    events: ["payment.expired"],
  },
  {
    name: "R17: canceled by the cashier",
    play: (id) => cancelPayment(ctx, id),
    ends: "canceled",
    events: ["payment.canceled"],
  },
  {
    name: "ended at Klarna because nobody paid",
    play: played("expire"),
    ends: "expired",
    events: ["payment.expired"],
  },
];

describe.each(["qr", "short_code"] as const)("launch %s", (launch) => {
  it.each(CASES)("$name", async ({ play, ends, events, alarms }) => {
    const id = await distributed(launch);
    const shown = await getPayment(ctx, id);
    if (launch === "qr") {
      expect(shown.klarna.qr_code?.target_url).toBe(shown.klarna.payment_request_url);
      expect(shown.qr).not.toBeNull();
    } else expect(shown.klarna.qr_code).toBeNull();
    await play(id);
    await becomes(id, ends);
    await sweepUntil(id, () => true);
    expect((await eventsOf(id)).at(-1)).toBe(events.at(-1));
    expect(await alarmsOf(id)).toEqual(alarms ?? []);
    await expectEqualBooks(id);
  });

  it("the customer comes, leaves, comes back and pays", async () => {
    const id = await distributed(launch);
    await control.play(await sessionOf(id), "open");
    await becomes(id, "in_progress");
    await control.play(await sessionOf(id), "leave");
    await becomes(id, "pending");
    await control.play(await sessionOf(id), "complete");
    await becomes(id, "completed");
    expect(await getPayment(ctx, id)).toMatchObject({ amount_captured: 18_000, amount_refundable: 18_000 });
    await expectEqualBooks(id);
  });
});
