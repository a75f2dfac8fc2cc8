import { afterAll, afterEach, beforeAll, expect } from "vitest";
import type { ServiceContext, Services } from "@/server/context";
import { SECOND_MS } from "@/server/core/time";
import { openClassicHost } from "@/server/domain/classic/service";
import { checkInvariants } from "@/server/domain/invariants";
import { type CreatePaymentInput, CreatePaymentSchema } from "@/server/domain/payments/schema";
import { advanceDuePayments, createPayment, getPayment } from "@/server/domain/payments/service";
import { type BuiltPartner, unique } from "./builders";
import { type ClassicControl, classicControl, makeClassicPartner, receiveCallbacks } from "./classic";
import { asApiKey, type TestServices, testServices } from "./context";
import { eventsOf, journalOf, letThrough } from "./payments";

export type ClassicLaunch = "qr" | "short_code";
type FaultInput = Parameters<TestServices["simulator"]["control"]["fault"]>[0];

/*
 * A test file's classic sessions against the simulator. Callbacks come over HTTP through the product's own listener;
 * background work runs when it is asked to. After each test every invariant holds.
 */
export function classicHarness() {
  let test: TestServices;
  let services: Services;
  let classic: ClassicControl;
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
    classic = classicControl(test.simulator);
    await freshPartner();
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

  /** A Partner of its own: its credentials and the health of its region are nobody else's. */
  async function freshPartner(region: "EU" | "NA" | "OC" = "EU"): Promise<void> {
    partner = await makeClassicPartner(services, test.simulator, { region });
    ctx = asApiKey(services, { partnerId: partner.partner.id });
  }
  async function body(launch: ClassicLaunch, overrides: Partial<CreatePaymentInput> = {}): Promise<CreatePaymentInput> {
    return CreatePaymentSchema.parse({
      amount: 18_000,
      currency: "SEK",
      reference: unique("order"),
      store: { id: partner.store.id },
      terminal: { id: partner.terminal.id },
      launch,
      ...(launch === "short_code" ? { short_code: await classic.shortCode() } : {}),
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
  /** Lets seconds go by, as the sweeper sees it. */
  async function sweepFor(seconds: number, atOnce = 1): Promise<void> {
    for (let second = 0; second < seconds; second += atOnce) {
      await passTime(atOnce * SECOND_MS);
      await advanceDuePayments(services);
    }
  }
  const becomes = (id: string, status: string) => sweepUntil(id, (now) => now === status);

  async function started(launch: ClassicLaunch, overrides: Partial<CreatePaymentInput> = {}): Promise<string> {
    const payment = await createPayment(ctx, await body(launch, overrides));
    expect(payment).toMatchObject({ status: "pending", launch, qr: null, amount_authorized: 0 });
    return payment.id;
  }
  async function sessionOf(id: string): Promise<string> {
    const { klarna } = await getPayment(ctx, id);
    if (klarna.payment_request_id === null) throw new Error("no session");
    return klarna.payment_request_id;
  }
  async function distributed(launch: ClassicLaunch, overrides: Partial<CreatePaymentInput> = {}): Promise<string> {
    const id = await started(launch, overrides);
    if (launch === "qr") await sweepUntil(id, (_status, hasCode) => hasCode);
    else await passTime(SECOND_MS).then(() => advanceDuePayments(services));
    return id;
  }

  const alarmsOf = async (id: string): Promise<string[]> =>
    (
      await services.db.query<{ kind: string }>({
        text: "select kind from alarms where subject_id = $1 order by raised_at",
        values: [id],
      })
    ).map((row) => row.kind);
  /** The orders that Klarna holds for a payment: at most one may ever hold money. */
  async function ordersOf(id: string) {
    return (await classic.orders(partner.account.id)).filter((order) => order.merchant_reference2 === id);
  }
  async function expectEqualBooks(id: string): Promise<void> {
    const payment = await getPayment(ctx, id);
    const orders = await ordersOf(id);
    const live = orders.filter((order) => order.status !== "CANCELLED");
    const open = (await journalOf(services, id)).filter((row) => row.state === "PENDING" || row.state === "UNKNOWN");
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
  /** The Partner's own hand at Klarna, beside the product. */
  async function asMerchant(method: string, path: string, body?: unknown): Promise<void> {
    const host = await openClassicHost(services, { partnerId: partner.partner.id, mode: "test" });
    const answer = await fetch(`${test.simulator.url}${path}`, {
      method,
      headers: { authorization: host?.authorization ?? "", "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    expect(answer.ok, await answer.text()).toBe(true);
  }
  async function lose(operation: string, kind: FaultInput["kind"], times: number | null): Promise<void> {
    await test.simulator.control.fault({ operation, kind, times, account: partner.account.id });
  }
  async function callsOf(operation: string) {
    return (await test.simulator.control.calls({ account: partner.account.id })).filter(
      (call) => call.operation === operation,
    );
  }

  return {
    get test() {
      return test;
    },
    get services() {
      return services;
    },
    /** The simulator's faults, clock and calls. */
    get control() {
      return test.simulator.control;
    },
    /** The customer and Klarna's own hand in classic sessions and orders. */
    get classic() {
      return classic;
    },
    get callbacks() {
      return callbacks;
    },
    get partner() {
      return partner;
    },
    get ctx() {
      return ctx;
    },
    freshPartner,
    letThrough: () => letThrough(services),
    body,
    passTime,
    sweepUntil,
    sweepFor,
    becomes,
    started,
    sessionOf,
    distributed,
    eventsOf: (id: string) => eventsOf(services, id),
    journalOf: (id: string) => journalOf(services, id),
    alarmsOf,
    ordersOf,
    expectEqualBooks,
    asMerchant,
    lose,
    callsOf,
  };
}
