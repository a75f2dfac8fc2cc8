import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { ServiceContext, Services } from "@/server/context";
import { HOUR_MS, MINUTE_MS, SECOND_MS } from "@/server/core/time";
import { getClassicCredential, openClassicHost, saveClassicCredential } from "@/server/domain/classic/service";
import { checkInvariants } from "@/server/domain/invariants";
import { startDraft } from "@/server/domain/payments/change";
import { findPayment } from "@/server/domain/payments/repository";
import { type CreatePaymentInput, CreatePaymentSchema } from "@/server/domain/payments/schema";
import {
  advanceDuePayments,
  cancelPayment,
  capturePayment,
  createPayment,
  getPayment,
  playCustomer,
  refundPayment,
  updatePayment,
  voidPayment,
} from "@/server/domain/payments/service";
import { type BuiltPartner, unique } from "@/server/testing/builders";
import { type ClassicControl, classicControl, makeClassicPartner, receiveCallbacks } from "@/server/testing/classic";
import { asApiKey, asUser, type TestServices, testServices } from "@/server/testing/context";
import { applyDistribution } from "./distribution";

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
/** Lets seconds go by, as the sweeper sees it. */
async function sweepFor(seconds: number, atOnce = 1): Promise<void> {
  for (let second = 0; second < seconds; second += atOnce) {
    await passTime(atOnce * SECOND_MS);
    await advanceDuePayments(services);
  }
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
  /** The last thing that the Partner hears. */
  event: string;
  failure?: string;
  alarms?: string[];
};
const played = (action: string) => async (id: string) => control.play(await sessionOf(id), action);

const CASES: Case[] = [
  {
    name: "approved: Klarna places the order itself, automatic capture is a capture by order management",
    play: played("complete"),
    ends: "completed",
    event: "payment.completed",
  },
  { name: "declined in the journey", play: played("decline"), ends: "declined", event: "payment.declined" },
  {
    name: "abandoned: its time is over, Klarna is asked to cancel, and then it is expired",
    play: () => passTime(15 * MINUTE_MS),
    ends: "expired",
    event: "payment.expired",
  },
  {
    name: "canceled by the cashier",
    play: (id) => cancelPayment(ctx, id),
    ends: "canceled",
    event: "payment.canceled",
  },
  { name: "ended at Klarna because nobody paid", play: played("expire"), ends: "expired", event: "payment.expired" },
  {
    name: "canceled at Klarna, in the one spelling",
    play: (id) => cancelAtKlarna(id, "CANCELED"),
    ends: "canceled",
    event: "payment.canceled",
  },
  {
    name: "canceled at Klarna, in the other spelling",
    play: (id) => cancelAtKlarna(id, "CANCELLED"),
    ends: "canceled",
    event: "payment.canceled",
  },
  {
    name: "R17: canceled by the cashier while the answer of the cancel is lost: asked again, canceled once",
    play: async (id) => {
      await lose("classic_cancel_session", "cut_after", 3);
      expect((await cancelPayment(ctx, id)).status).toBe("pending");
    },
    ends: "canceled",
    event: "payment.canceled",
  },
  {
    name: "paid a moment before the cashier's cancel: the sale is off, the order is undone and an alarm tells it",
    play: async (id) => {
      await control.play(await sessionOf(id), "complete");
      expect((await cancelPayment(ctx, id)).status).toBe("canceled");
    },
    ends: "canceled",
    event: "payment.canceled",
    alarms: ["late_approval"],
  },
  {
    name: "paid a moment before its time was over: the sale is off, the order is undone and an alarm tells it",
    play: async (id) => {
      await control.play(await sessionOf(id), "complete");
      test.clock.advance(15 * MINUTE_MS);
    },
    ends: "expired",
    event: "payment.expired",
    alarms: ["late_approval"],
  },
];

async function cancelAtKlarna(id: string, word: "CANCELED" | "CANCELLED"): Promise<void> {
  await test.simulator.control.settings({ classic_cancel_word: word });
  await asMerchant("DELETE", `/payments/v1/sessions/${await sessionOf(id)}`);
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
type FaultInput = Parameters<TestServices["simulator"]["control"]["fault"]>[0];
async function lose(operation: string, kind: FaultInput["kind"], times: number | null): Promise<void> {
  await test.simulator.control.fault({ operation, kind, times, account: partner.account.id });
}
async function callsOf(operation: string) {
  return (await test.simulator.control.calls({ account: partner.account.id })).filter(
    (call) => call.operation === operation,
  );
}

describe.each(["qr", "short_code"] as const)("launch %s", (launch) => {
  it.each(CASES)("$name", async ({ play, ends, event, alarms }) => {
    const id = await distributed(launch);
    const shown = await getPayment(ctx, id);
    if (launch === "qr") {
      expect(shown.klarna.qr_code?.target_url).toBe(shown.klarna.payment_request_url);
      expect(shown.qr).not.toBeNull();
    } else expect(shown.klarna.qr_code).toBeNull();
    await play(id);
    await becomes(id, ends);
    await sweepFor(10, 5);
    expect((await getPayment(ctx, id)).status).toBe(ends);
    expect((await eventsOf(id)).at(-1)).toBe(event);
    expect(await eventsOf(id)).not.toContain("payment.authorized");
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
    expect(await eventsOf(id)).toEqual([
      "payment.pending",
      // The code is there: only where there is one to show.
      ...(launch === "qr" ? ["payment.updated"] : []),
      "payment.in_progress",
      "payment.pending",
      "payment.updated",
      "payment.completed",
    ]);
    await expectEqualBooks(id);
  });
});

it("the customer of a test payment is played as any other's", async () => {
  const id = await distributed("qr");
  await playCustomer(ctx, id, "complete");
  await becomes(id, "completed");
});

it("R21: a read that was begun earlier and answers later changes nothing", async () => {
  const id = await distributed("qr");
  await control.play(await sessionOf(id), "open");
  await becomes(id, "in_progress");
  const payment = await findPayment(services.db, ctx.scope, id);
  if (payment === null) throw new Error("no payment");
  const draft = startDraft({ payment, operations: [], captures: [], refunds: [] });
  const found = { status: "DISTRIBUTED", payment_link: payment.klarnaQrTargetUrl ?? "" };
  const now = test.clock.now();
  const earlier = new Date(Date.parse(payment.classic?.readAt ?? "") - 1);
  expect(applyDistribution(draft, found, earlier, now)).toBe(false);
  expect(draft.after.state).toBe("IN_PROGRESS");
  expect(applyDistribution(draft, found, now, now)).toBe(true);
  expect(draft.after.state).toBe("PENDING");
  expect(applyDistribution(draft, { status: "SOMETHING_NEW" }, now, now)).toBe(false);
  await cancelPayment(ctx, id);
});

describe("the session says what Klarna must know", () => {
  it("store, terminal, customer, references and where to call", async () => {
    const id = await started("short_code", {
      short_code: "123456",
      line_items: [
        {
          name: "Roses",
          quantity: 3,
          unit_price: 5_000,
          total_amount: 14_000,
          total_tax_amount: 2_800,
          tax_rate: 2500,
        },
        { name: "Ribbon", quantity: 0.75, total_amount: 4_000, type: "service" },
      ],
      customer: {
        given_name: "Alva",
        email: "alva@example.com",
        address: { street_address: "Storgatan 1", postal_code: "11122", city: "Stockholm", country: "SE" },
      },
    });
    const session = (await control.sessions(partner.account.id)).find((row) => row.merchant_reference2 === id);
    expect(session).toMatchObject({
      acquiring_channel: "IN_STORE",
      purchase_country: "SE",
      locale: "sv-SE",
      merchant_reference1: (await getPayment(ctx, id)).reference,
      order_tax_amount: 2_800,
      billing_address: { given_name: "Alva", email: "alva@example.com", street_address: "Storgatan 1", country: "SE" },
      distribution: { method: "one_qr", short_code: "123456" },
      attachment: { content_type: "application/vnd.klarna.internal.emd-v2+json" },
      order_lines: [
        { name: "Roses", quantity: 3, unit_price: 5_000, total_discount_amount: 1_000, total_amount: 14_000 },
        { name: "0.75 × Ribbon", quantity: 1, unit_price: 4_000, total_amount: 4_000, type: "digital" },
      ],
    });
    const emd = session?.attachment?.body ?? "";
    expect(emd).not.toContain("\n");
    expect(JSON.parse(emd)).toMatchObject({
      in_store_payment: [
        {
          store_info: {
            merchant_store_id: partner.store.reference,
            store_terminal_id: partner.terminal.reference,
            store_address: { street_address: "Drottninggatan 50", city: "Stockholm", country: "SE" },
          },
        },
      ],
    });
    expect(session?.distribution?.status_update).toMatch(
      new RegExp(`^${callbacks.url}/api/klarna/classic/${id}\\?secret=[0-9a-f]{43}$`),
    );
  });
});

describe("what Klarna refuses, as the till should take it", () => {
  const failed = async (overrides: Partial<CreatePaymentInput>, launch: Launch = "qr") => {
    const payment = await createPayment(ctx, await body(launch, overrides));
    if (payment.status !== "failed") await becomes(payment.id, "failed");
    await expectEqualBooks(payment.id);
    return { id: payment.id, failure: (await getPayment(ctx, payment.id)).failure?.code };
  };

  it("BAD_REQUEST: a short code that Klarna does not know wants another code", async () => {
    expect((await failed({ short_code: "9999999" }, "short_code")).failure).toBe("short_code_refused");
  });
  it("BAD_REQUEST: data that Klarna cannot use wants to be corrected", async () => {
    expect((await failed({ currency: "EUR" })).failure).toBe("data_refused");
  });
  it("UNKNOWN: an error of Klarna's own is not tried again, and a person is told", async () => {
    const { id, failure } = await failed({ amount: 18_001 });
    expect(failure).toBe("klarna_error");
    expect(await alarmsOf(id)).toEqual(["classic_session_failed"]);
  });
  it("PERMISSION_DENIED: wrong credentials stop the till, tell a person, and stand on the Partner's record", async () => {
    await freshPartner("NA");
    const staff = asUser(services, "ACQUIRER_ADMIN");
    const known = await getClassicCredential(staff, partner.partner.id);
    await saveClassicCredential(staff, partner.partner.id, {
      region: "NA",
      username: known?.username ?? "",
      password: "not-the-password",
    });
    const { id, failure } = await failed({});
    expect(failure).toBe("klarna_not_permitted");
    expect(await alarmsOf(id)).toEqual(["classic_credentials_refused"]);
    expect((await getClassicCredential(staff, partner.partner.id))?.refusedAt).not.toBeNull();
    await freshPartner();
  });
  it("R15: a host that cannot be reached takes nothing: the payment is refused, and nothing is unknown", async () => {
    const nowhere: ServiceContext = {
      ...ctx,
      env: { ...ctx.env, KLARNA_CLASSIC_TEST_BASE_URL: "http://127.0.0.1:9" },
    };
    const input = await body("qr");
    await expect(createPayment(nowhere, input)).rejects.toMatchObject({ code: "klarna_unavailable" });
    const [row] = await services.db.query<{ state: string; failureCode: string }>({
      text: `select state, failure_code as "failureCode" from payments where reference = $1`,
      values: [input.reference],
    });
    expect(row).toEqual({ state: "FAILED", failureCode: "klarna_unavailable" });
  });
  it("a Partner without credentials is told before anything is written", async () => {
    await services.db.query({
      text: "delete from classic_credentials where partner_id = $1",
      values: [partner.partner.id],
    });
    const input = await body("qr");
    await expect(createPayment(ctx, input)).rejects.toMatchObject({ code: "partner_not_operational" });
    await freshPartner();
  });
});

describe("the start has no definite answer", () => {
  const LOST = [
    ["R9", "cut_after", "EU"],
    ["R9", "cut_before", "EU"],
    ["R9", "cut_halfway", "NA"],
    ["R10", "status_500_after", "NA"],
    ["R10", "malformed", "OC"],
    ["R10", "html_502", "OC"],
  ] as const;
  it.each(LOST)(
    "%s: %s: unknown at first, then found with the same key: one session, one order",
    async (_, kind, region) => {
      await freshPartner(region);
      await lose("classic_create_session", kind, 4);
      const payment = await createPayment(ctx, await body("qr"));
      expect(payment).toMatchObject({ status: "processing", qr: null });
      await test.simulator.control.clearFaults();
      await becomes(payment.id, "pending");
      await sweepUntil(payment.id, (_status, hasCode) => hasCode);
      const calls = await callsOf("classic_create_session");
      expect(new Set(calls.map((call) => call.idempotency_key)).size).toBe(1);
      expect(await control.sessions(partner.account.id)).toHaveLength(1);
      await control.play(await sessionOf(payment.id), "complete");
      await becomes(payment.id, "completed");
      await expectEqualBooks(payment.id);
    },
  );

  it("a distribution that is not there at once is waited for; one that never comes ends the payment", async () => {
    await freshPartner("EU");
    const id = await started("qr");
    await services.db.query({
      text: `update payments set version = version + 1, classic = jsonb_set(classic, '{resultPath}', '"/iss/v1/distributions/none"') where id = $1`,
      values: [id],
    });
    await passTime(5 * SECOND_MS);
    await advanceDuePayments(services);
    expect((await getPayment(ctx, id)).status).toBe("pending");
    await passTime(60 * SECOND_MS);
    await advanceDuePayments(services);
    expect(await getPayment(ctx, id)).toMatchObject({ status: "failed", failure: { code: "request_lost" } });
    await expectEqualBooks(id);
  });

  it("R10: an answer that says nothing is unknown, never a failure", async () => {
    await freshPartner("NA");
    await lose("classic_create_session", "wrong_schema", 1);
    const payment = await createPayment(ctx, await body("qr"));
    expect(payment.status).toBe("processing");
    await becomes(payment.id, "pending");
    expect(await control.sessions(partner.account.id)).toHaveLength(1);
    await cancelPayment(ctx, payment.id);
    await expectEqualBooks(payment.id);
  });

  it("R8, R18: Klarna's callback overtakes the lost answer and wakes the payment, which asks with the same key", async () => {
    await freshPartner("OC");
    await lose("classic_create_session", "cut_after", 4);
    callbacks.hold();
    const { id } = await createPayment(ctx, await body("qr"));
    callbacks.release();
    await test.simulator.control.clearFaults();
    const url = (await control.sessions(partner.account.id))[0]?.distribution?.status_update ?? "";
    expect((await fetch(url, { method: "POST", body: "{}" })).status).toBe(200);
    await advanceDuePayments(services);
    expect((await getPayment(ctx, id)).status).toBe("pending");
    expect(await control.sessions(partner.account.id)).toHaveLength(1);
    await cancelPayment(ctx, id);
    await expectEqualBooks(id);
  });

  it("R11: never found: a day later no call with the old key is made any more, and a person is told", async () => {
    await freshPartner("EU");
    await lose("classic_create_session", "cut_before", null);
    const { id } = await createPayment(ctx, await body("qr"));
    await passTime(24 * HOUR_MS);
    const before = (await callsOf("classic_create_session")).length;
    await advanceDuePayments(services);
    expect((await callsOf("classic_create_session")).length).toBe(before);
    expect((await getPayment(ctx, id)).status).toBe("processing");
    expect(await alarmsOf(id)).toContain("outcome_unknown");
    expect(await ordersOf(id)).toEqual([]);
    await test.simulator.control.clearFaults();
    await freshPartner();
  });
});

describe("callbacks", () => {
  async function targetOf(id: string): Promise<URL> {
    const session = (await control.sessions(partner.account.id)).find((row) => row.merchant_reference2 === id);
    return new URL(session?.distribution?.status_update ?? "");
  }
  const versionOf = async (id: string) =>
    (
      await services.db.query<{ version: number }>({ text: "select version from payments where id = $1", values: [id] })
    )[0]?.version;
  const post = (url: URL, text = "{}") => fetch(url, { method: "POST", body: text });

  it("R20: all of them are lost: the poll finds what happened", async () => {
    await lose("classic_callback", "lost", null);
    const id = await distributed("qr");
    await control.play(await sessionOf(id), "complete");
    await sweepFor(120, 10);
    expect((await getPayment(ctx, id)).status).toBe("completed");
    await expectEqualBooks(id);
  });

  it("where Klarna cannot call, it is given no address and asked each two seconds", async () => {
    const deaf: ServiceContext = { ...ctx, env: { ...ctx.env, KLARNA_CLASSIC_CALLBACKS: false } };
    const { id } = await createPayment(deaf, await body("qr"));
    const session = (await control.sessions(partner.account.id)).find((row) => row.merchant_reference2 === id);
    expect(session?.distribution?.status_update).toBeNull();
    await sweepUntil(id, (_status, hasCode) => hasCode);
    await control.play(await sessionOf(id), "complete");
    await sweepFor(3);
    expect((await getPayment(ctx, id)).status).toBe("completed");
    await expectEqualBooks(id);
  });

  /** Klarna confirms the cancel, and has placed the customer's order in the same moment. */
  const confirmTooEarly = (by: ServiceContext, sessionId: string): ServiceContext => ({
    ...by,
    klarna: {
      ...by.klarna,
      call: async (request, options) => {
        if (request.operation !== "classic_cancel") return by.klarna.call(request, options);
        await control.play(sessionId, "complete");
        return { kind: "answered", status: 204, body: null, calls: [] };
      },
    },
  });

  it.each([
    ["where Klarna cannot call", false, 15],
    ["where its callback is lost", true, 3 * 60],
  ] as const)(
    "%s: an order of the moment of a confirmed cancel is found and undone",
    async (_, hasCallbacks, seconds) => {
      await freshPartner();
      if (hasCallbacks) await lose("classic_callback", "lost", null);
      const by: ServiceContext = { ...ctx, env: { ...ctx.env, KLARNA_CLASSIC_CALLBACKS: hasCallbacks } };
      const { id } = await createPayment(by, await body("qr"));
      await sweepUntil(id, (_status, hasCode) => hasCode);
      const canceled = await cancelPayment(confirmTooEarly(by, await sessionOf(id)), id);
      expect(canceled.status).toBe("canceled");
      expect(await ordersOf(id)).toMatchObject([{ status: "AUTHORIZED" }]);
      await sweepFor(seconds, 5);
      expect(await ordersOf(id)).toMatchObject([{ status: "CANCELLED", captured_amount: 0 }]);
      expect((await getPayment(ctx, id)).status).toBe("canceled");
      expect(await alarmsOf(id)).toEqual(["late_approval"]);
      await expectEqualBooks(id);
    },
  );

  it("a canceled session is read three times more, as long as that takes, and then never again", async () => {
    await freshPartner();
    const deaf: ServiceContext = { ...ctx, env: { ...ctx.env, KLARNA_CLASSIC_CALLBACKS: false } };
    const { id } = await createPayment(deaf, await body("qr"));
    await sweepUntil(id, (_status, hasCode) => hasCode);
    await cancelPayment(deaf, id);
    const reads = async () => (await callsOf("classic_read_distribution")).length;
    const before = await reads();
    await sweepFor(70, 5);
    expect((await reads()) - before).toBe(2);
    await lose("classic_read_distribution", "status_503", null);
    await sweepFor(11 * 60, 60);
    await test.simulator.control.clearFaults();
    const tried = await reads();
    await sweepFor(120, 60);
    expect((await reads()) - tried).toBe(1);
    await passTime(24 * HOUR_MS);
    await advanceDuePayments(services);
    expect((await reads()) - tried).toBe(1);
    expect(await alarmsOf(id)).toEqual([]);
    await expectEqualBooks(id);
  });

  it("R19: a wrong secret, none, two, or a payment that is not there: 401, and nothing is touched", async () => {
    const id = await distributed("qr");
    const right = await targetOf(id);
    const version = await versionOf(id);
    const variants = [
      (url: URL) => url.searchParams.set("secret", "0".repeat(43)),
      (url: URL) => url.searchParams.set("secret", ""),
      (url: URL) => url.searchParams.delete("secret"),
      (url: URL) => url.searchParams.append("secret", url.searchParams.get("secret") ?? ""),
      (url: URL) => {
        url.pathname = url.pathname.replace(/.$/, (last) => (last === "A" ? "B" : "A"));
      },
    ];
    for (const spoil of variants) {
      const url = new URL(right);
      spoil(url);
      expect((await post(url)).status).toBe(401);
    }
    expect(await versionOf(id)).toBe(version);
    await cancelPayment(ctx, id);
  });

  it("a forged body decides nothing: only what Klarna says when it is asked", async () => {
    const id = await distributed("qr");
    const forged = { session_id: await sessionOf(id), status: "COMPLETED", order_id: crypto.randomUUID() };
    expect((await post(await targetOf(id), JSON.stringify(forged))).status).toBe(200);
    await advanceDuePayments(services);
    expect((await getPayment(ctx, id)).status).toBe("pending");
    expect(await ordersOf(id)).toEqual([]);
    await cancelPayment(ctx, id);
    await expectEqualBooks(id);
  });

  it("R17: the callback of a paid sale a hundred times, in parallel and again later: one capture, one event", async () => {
    const id = await distributed("qr");
    await control.play(await sessionOf(id), "complete");
    const url = await targetOf(id);
    const answers = await Promise.all(Array.from({ length: 100 }, () => post(url)));
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([200]));
    await Promise.all([advanceDuePayments(services), advanceDuePayments(services), advanceDuePayments(services)]);
    await becomes(id, "completed");
    const version = await versionOf(id);
    expect((await post(url)).status).toBe(200);
    await advanceDuePayments(services);
    expect(await versionOf(id)).toBe(version);
    expect((await eventsOf(id)).filter((type) => type === "payment.completed")).toHaveLength(1);
    expect((await callsOf("order_capture")).filter((call) => JSON.stringify(call).includes(id))).toHaveLength(0);
    await expectEqualBooks(id);
  });

  it("R22: a receiver that is away hears it when Klarna tries again", async () => {
    const id = await distributed("qr");
    callbacks.hold();
    await control.play(await sessionOf(id), "complete");
    await new Promise((resolve) => setTimeout(resolve, 50));
    callbacks.release();
    const last = (await control.callbacks(await sessionOf(id)))[0];
    await control.redeliver(last?.callback_id ?? "");
    await becomes(id, "completed");
    await expectEqualBooks(id);
  });
});

describe("an order for a sale that is off", () => {
  async function paidThenCanceled(between: (orderId: string) => Promise<unknown>): Promise<string> {
    await freshPartner();
    const id = await distributed("qr");
    await control.play(await sessionOf(id), "complete");
    await between((await ordersOf(id))[0]?.order_id ?? "");
    expect((await cancelPayment(ctx, id)).status).toBe("canceled");
    return id;
  }
  const undoOf = async (id: string) => (await journalOf(id)).filter((row) => row.kind.startsWith("LATE_"));

  it("R11: its undo is lost: a day later only the order is read, and one that a person canceled is over", async () => {
    const id = await paidThenCanceled(() => lose("order_cancel", "cut_before", null));
    await passTime(24 * HOUR_MS);
    const before = (await callsOf("order_cancel")).length;
    await advanceDuePayments(services);
    expect((await callsOf("order_cancel")).length).toBe(before);
    expect(await undoOf(id)).toMatchObject([{ kind: "LATE_VOID", state: "UNKNOWN" }]);
    expect(await alarmsOf(id)).toEqual(["late_approval", "outcome_unknown"]);
    await test.simulator.control.clearFaults();
    await asMerchant("POST", `/ordermanagement/v1/orders/${(await ordersOf(id))[0]?.order_id}/cancel`);
    await passTime(HOUR_MS + SECOND_MS);
    await advanceDuePayments(services);
    expect(await undoOf(id)).toMatchObject([{ kind: "LATE_VOID", state: "SUCCEEDED" }]);
    await expectEqualBooks(id);
  });

  it("captured at Klarna's portal meanwhile, in part: the rest is released, and what was captured is given back", async () => {
    const id = await paidThenCanceled((orderId) =>
      asMerchant("POST", `/ordermanagement/v1/orders/${orderId}/captures`, { captured_amount: 5_000 }),
    );
    await sweepFor(10);
    expect(await undoOf(id)).toMatchObject([
      { kind: "LATE_VOID", state: "SUCCEEDED" },
      { kind: "LATE_REFUND", state: "SUCCEEDED" },
    ]);
    expect(await ordersOf(id)).toMatchObject([
      { captured_amount: 5_000, refunded_amount: 5_000, remaining_authorized_amount: 0 },
    ]);
    expect(await alarmsOf(id)).toEqual(["late_approval"]);
  });
});

describe("the order", () => {
  it("R9: the answer of the capture is lost: asked again with the same key, captured once", async () => {
    const id = await distributed("qr");
    await lose("order_capture", "cut_after", 4);
    await lose("order_read", "status_503", 1);
    await control.play(await sessionOf(id), "complete");
    await becomes(id, "completed");
    expect((await journalOf(id)).filter((row) => row.kind === "CAPTURE")).toHaveLength(1);
    await expectEqualBooks(id);
  });

  it("R21: a sale that is being settled is not canceled any more", async () => {
    const id = await distributed("qr");
    await lose("order_capture", "cut_before", 4);
    await control.play(await sessionOf(id), "complete");
    await becomes(id, "finalizing");
    await expect(cancelPayment(ctx, id)).rejects.toMatchObject({ code: "payment_not_cancelable" });
    await becomes(id, "completed");
    await expectEqualBooks(id);
  });

  async function paid(capture: "automatic" | "manual", fraud?: "PENDING" | "REJECTED"): Promise<string> {
    const id = await distributed("qr", { capture });
    await control.play(await sessionOf(id), "complete");
    if (fraud) await control.fraud((await ordersOf(id))[0]?.order_id ?? "", fraud);
    return id;
  }

  it("manual capture: authorized, captured in parts, the rest released, refunded in part and in full", async () => {
    const id = await paid("manual");
    await becomes(id, "authorized");
    expect(await getPayment(ctx, id)).toMatchObject({
      amount_authorized: 18_000,
      amount_captured: 0,
      funding: { type: "guaranteed", state: "funded" },
    });
    const capture = await capturePayment(ctx, id, { amount: 7_000 });
    expect(capture).toMatchObject({ status: "succeeded", amount: 7_000 });
    await expectEqualBooks(id);
    expect(await voidPayment(ctx, id)).toMatchObject({ status: "completed", amount_voided: 11_000 });
    expect(await refundPayment(ctx, id, { amount: 2_500, reason: "scratched" })).toMatchObject({ status: "succeeded" });
    await expectEqualBooks(id);
    expect(await refundPayment(ctx, id, {})).toMatchObject({ status: "succeeded", amount: 4_500 });
    await expect(refundPayment(ctx, id, {})).rejects.toMatchObject({ code: "payment_not_refundable" });
    expect(await getPayment(ctx, id)).toMatchObject({ amount_refunded: 7_000, amount_refundable: 0 });
  });

  it("R17: a refund whose answer is lost is asked for again with the same key, and given once", async () => {
    const id = await paid("automatic");
    await becomes(id, "completed");
    await lose("order_refund", "cut_after", 4);
    const refund = await refundPayment(ctx, id, { amount: 3_000 });
    expect(refund.status).toBe("processing");
    await test.simulator.control.clearFaults();
    await sweepFor(10);
    expect(await getPayment(ctx, id)).toMatchObject({ amount_refunded: 3_000 });
    await expectEqualBooks(id);
  });

  it("nothing captured: the whole order is released", async () => {
    const id = await paid("manual");
    await becomes(id, "authorized");
    expect(await voidPayment(ctx, id)).toMatchObject({ status: "voided", amount_voided: 18_000 });
    const [order] = await ordersOf(id);
    expect(order).toMatchObject({ status: "CANCELLED", captured_amount: 0 });
  });

  it("a lower amount and another reference reach the order", async () => {
    const id = await paid("manual");
    await becomes(id, "authorized");
    const reference = unique("renamed");
    await updatePayment(ctx, id, { amount: 15_000, reference });
    expect(await getPayment(ctx, id)).toMatchObject({ amount_authorized: 15_000, reference });
    const [order] = await ordersOf(id);
    expect(order).toMatchObject({ order_amount: 15_000, merchant_reference1: reference });
    await capturePayment(ctx, id, {});
    await expectEqualBooks(id);
  });

  it("still checked by Klarna: no goods yet; captured once it is sure", async () => {
    const id = await paid("automatic", "PENDING");
    await becomes(id, "authorized");
    expect((await getPayment(ctx, id)).funding).toEqual({ type: "non_guaranteed", state: "pending" });
    expect(await ordersOf(id)).toMatchObject([{ captured_amount: 0 }]);
    await control.fraud((await ordersOf(id))[0]?.order_id ?? "", "ACCEPTED");
    await passTime(31 * MINUTE_MS);
    await becomes(id, "completed");
    expect(await eventsOf(id)).toContain("payment.funded");
    await expectEqualBooks(id);
  });

  it("refused after the check: nothing is captured and the order is released, with an alarm", async () => {
    const id = await paid("automatic", "PENDING");
    await becomes(id, "authorized");
    await control.fraud((await ordersOf(id))[0]?.order_id ?? "", "REJECTED");
    await passTime(31 * MINUTE_MS);
    await becomes(id, "voided");
    expect(await alarmsOf(id)).toContain("funding_lost");
    expect(await ordersOf(id)).toMatchObject([{ status: "CANCELLED", captured_amount: 0 }]);
  });

  it("refused while a capture has no answer: the capture is settled first, and then the rest is released", async () => {
    await freshPartner();
    const id = await paid("manual", "PENDING");
    await becomes(id, "authorized");
    await lose("order_capture", "cut_after", null);
    expect(await capturePayment(ctx, id, { amount: 7_000 })).toMatchObject({ status: "processing" });
    await control.fraud((await ordersOf(id))[0]?.order_id ?? "", "REJECTED");
    await passTime(31 * MINUTE_MS);
    await advanceDuePayments(services);
    expect((await getPayment(ctx, id)).funding).toMatchObject({ state: "rejected" });
    expect(await alarmsOf(id)).toContain("funding_lost");
    expect((await journalOf(id)).map(({ kind, state }) => [kind, state])).toEqual([
      ["AUTHORIZE", "SUCCEEDED"],
      ["CAPTURE", "UNKNOWN"],
    ]);
    await test.simulator.control.clearFaults();
    await passTime(10 * MINUTE_MS);
    await becomes(id, "completed");
    expect(await getPayment(ctx, id)).toMatchObject({ amount_captured: 7_000, amount_voided: 11_000 });
    await expectEqualBooks(id);
  });

  it.each(["automatic", "manual"] as const)(
    "more than was asked (%s capture): nothing is taken, the order is undone and a person is told",
    async (capture) => {
      const id = await distributed("qr", { capture });
      await asMerchant("POST", `/payments/v1/sessions/${await sessionOf(id)}`, {
        order_amount: 21_000,
        order_lines: [{ name: "Bouquet", quantity: 1, unit_price: 21_000, total_amount: 21_000 }],
      });
      await control.play(await sessionOf(id), "complete");
      await becomes(id, "failed");
      await sweepFor(10);
      expect(await getPayment(ctx, id)).toMatchObject({ amount_captured: 0, failure: { code: "klarna_error" } });
      expect((await alarmsOf(id)).toSorted()).toEqual(["amount_differs", "late_approval"]);
      expect(await ordersOf(id)).toMatchObject([{ order_amount: 21_000, status: "CANCELLED", captured_amount: 0 }]);
      await expectEqualBooks(id);
    },
  );

  it("refused at once: declined, and the order is not left behind", async () => {
    const id = await paid("automatic", "REJECTED");
    await becomes(id, "declined");
    await sweepFor(10);
    expect(await ordersOf(id)).toMatchObject([{ status: "CANCELLED", captured_amount: 0 }]);
    await expectEqualBooks(id);
  });

  it("Klarna's reference stands on the payment, for the receipt and the search", async () => {
    const id = await paid("automatic");
    await becomes(id, "completed");
    const rows = await services.db.query<{ klarnaReference: string | null }>({
      text: `select klarna_reference as "klarnaReference" from payments where id = $1`,
      values: [id],
    });
    expect(z.string().parse(rows[0]?.klarnaReference)).toBe((await ordersOf(id))[0]?.klarna_reference);
  });
});
