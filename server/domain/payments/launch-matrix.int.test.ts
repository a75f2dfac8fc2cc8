import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { ServiceContext, Services } from "@/server/context";
import { MINUTE_MS, SECOND_MS } from "@/server/core/time";
import { processInbox } from "@/server/domain/inbox/service";
import { checkInvariants } from "@/server/domain/invariants";
import { type BuiltPartner, makePartner, makeWebsite, unique } from "@/server/testing/builders";
import { asApiKey, type TestServices, testServices } from "@/server/testing/context";
import { receiveKlarnaWebhooks, type WebhookReceiver } from "@/server/testing/klarna-webhooks";
import type { PaymentRow } from "./rows";
import { CreatePaymentSchema, ExpressPaymentSchema, type PublicPayment } from "./schema";
import { advanceDuePayments, cancelPayment, createExpressPayment, createPayment, getPayment } from "./service";

/*
 * Every way to launch a payment over the Klarna Network, with every outcome. Whatever happens, the books agree in the end:
 * what our row says is authorized, captured, refunded and released is what the simulator holds, in as many transactions.
 */

let test: TestServices;
let services: Services;
let webhooks: WebhookReceiver;
let partner: BuiltPartner;
let shop: { id: string; klarnaStoreId: string | null };
let app: { id: string; klarnaStoreId: string | null };
let ctx: ServiceContext;

beforeAll(async () => {
  test = await testServices({ clock: "movable", environment: { KLARNA_TIMEOUT_MS: "1500" } });
  services = test.services;
  webhooks = await receiveKlarnaWebhooks(services, test.simulator);
  partner = await makePartner(services);
  shop = await makeWebsite(services, partner);
  app = await makeWebsite(services, partner, { type: "MOBILE_APP" });
  ctx = asApiKey(services, { partnerId: partner.partner.id });
});
afterAll(async () => {
  const broken = (await checkInvariants(services.db)).filter((result) => result.broken > 0);
  expect(broken, "INV").toEqual([]);
  await webhooks.close();
  await test.close();
});

type Way = {
  name: string;
  channel: "in_store" | "web" | "mobile_app";
  launch: "qr" | "redirect" | "sdk";
  isExpress?: true;
  capture: "automatic" | "manual";
};
const WAYS: readonly Way[] = [
  { name: "qr in store", channel: "in_store", launch: "qr", capture: "automatic" },
  { name: "redirect in store", channel: "in_store", launch: "redirect", capture: "automatic" },
  { name: "sdk in store", channel: "in_store", launch: "sdk", capture: "manual" },
  { name: "qr on the web", channel: "web", launch: "qr", capture: "automatic" },
  { name: "redirect on the web", channel: "web", launch: "redirect", capture: "manual" },
  { name: "sdk on the web", channel: "web", launch: "sdk", capture: "automatic" },
  { name: "redirect in an app", channel: "mobile_app", launch: "redirect", capture: "automatic" },
  { name: "sdk in an app", channel: "mobile_app", launch: "sdk", capture: "manual" },
  { name: "express in store", channel: "in_store", launch: "sdk", isExpress: true, capture: "automatic" },
  { name: "express on the web", channel: "web", launch: "sdk", isExpress: true, capture: "manual" },
  { name: "express in an app", channel: "mobile_app", launch: "redirect", isExpress: true, capture: "automatic" },
];

const account = () => partner.account.id;
const control = () => test.simulator.control;

/** A finished Express journey of the Partner's own page. */
async function expressToken(amount: number): Promise<string> {
  const answer = await fetch(`${test.simulator.url}/v2/accounts/${account()}/interoperability/test-tokens`, {
    method: "POST",
    headers: {
      authorization: `Basic ${test.simulator.apiKey}`,
      "content-type": "application/json",
      "klarna-idempotency-key": randomUUID(),
    },
    body: JSON.stringify({ customer_journey: "KLARNA_EXPRESS_CHECKOUT", amount, currency: "SEK" }),
  });
  expect(answer.status).toBe(201);
  return z.object({ klarna_network_session_token: z.string() }).parse(await answer.json()).klarna_network_session_token;
}

async function pay(way: Way, amount: number): Promise<PublicPayment> {
  const place =
    way.channel === "in_store"
      ? { store: { id: partner.store.id }, terminal: { id: partner.terminal.id } }
      : { store: { id: way.channel === "web" ? shop.id : app.id } };
  const base = {
    amount,
    currency: "SEK",
    reference: unique("order"),
    channel: way.channel,
    launch: way.launch,
    capture: way.capture,
    ...place,
    ...(way.launch === "qr" ? {} : { return_url: "https://shop.example/done?cart=7" }),
  };
  if (!way.isExpress) return createPayment(ctx, CreatePaymentSchema.parse(base));
  const klarna = { network_session_token: await expressToken(amount) };
  return createExpressPayment(ctx, ExpressPaymentSchema.parse({ ...base, klarna }));
}

async function settleWebhooks(): Promise<void> {
  for (let turn = 0; turn < 2; turn += 1) {
    await control().idle();
    await processInbox(services);
  }
}

async function sweepFor(ms: number, stepMs = 10 * SECOND_MS): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    test.clock.advance(stepMs);
    await control().advance(stepMs);
    await advanceDuePayments(services);
  }
}

/** The operation that an Express payment begins with is, at Klarna, already the final one. */
const firstCall = (way: Way): "authorize" | "authorize_final" => (way.isExpress ? "authorize_final" : "authorize");

type FaultKind = Parameters<TestServices["simulator"]["control"]["fault"]>[0]["kind"];
const arm = (operation: string, kind: FaultKind, times: number | null = 1) =>
  control().fault({ operation, kind, account: account(), times });

const requestOf = async (id: string): Promise<string> => {
  const { klarna } = await getPayment(ctx, id);
  if (klarna.payment_request_id === null) throw new Error("no payment request");
  return klarna.payment_request_id;
};
const play = async (id: string, action: "open" | "complete" | "decline" | "leave"): Promise<void> => {
  await control().play(await requestOf(id), action);
  await settleWebhooks();
};

/** Makes the payment, with the customer wanted: an Express one only where Klarna asks again. */
async function stepUp(way: Way, amount: number): Promise<string> {
  if (way.isExpress) await arm("authorize_final", "step_up_again");
  const payment = await pay(way, amount);
  expect(payment.status, way.name).toBe("pending");
  expect(payment.klarna.payment_request_url).toMatch(/^http/);
  expect(payment.redirect_url).toBe(`${services.env.PUBLIC_URL}/pay/${payment.id}`);
  expect(payment.qr === null, "a QR code where it is launched by one").toBe(way.launch !== "qr");
  expect(payment.klarna.qr_code === null).toBe(way.launch !== "qr");
  return payment.id;
}

type Outcome = { name: string; run: (way: Way) => Promise<string>; status: (way: Way) => string; transactions: 0 | 1 };
const approved = (way: Way): string => (way.capture === "automatic" ? "completed" : "authorized");
const OUTCOMES: readonly Outcome[] = [
  {
    name: "approved at once",
    status: approved,
    transactions: 1,
    run: async (way) => (await pay(way, way.isExpress ? 20_050 : 20_002)).id,
  },
  {
    name: "declined at once",
    status: () => "declined",
    transactions: 0,
    run: async (way) => {
      if (way.isExpress) await arm("authorize_final", "decline");
      return (await pay(way, way.isExpress ? 20_051 : 20_001)).id;
    },
  },
  {
    name: "step-up, then approved",
    status: approved,
    transactions: 1,
    run: async (way) => {
      const id = await stepUp(way, 30_050);
      await play(id, "open");
      expect((await getPayment(ctx, id)).status).toBe("in_progress");
      await play(id, "complete");
      return id;
    },
  },
  {
    name: "step-up again at the final call, then approved",
    status: approved,
    transactions: 1,
    run: async (way) => {
      const id = await stepUp(way, 31_050);
      const first = await requestOf(id);
      await arm("authorize_final", "step_up_again");
      await play(id, "complete");
      expect((await getPayment(ctx, id)).status).toBe("pending");
      expect(await requestOf(id)).not.toBe(first);
      await play(id, "complete");
      return id;
    },
  },
  {
    name: "step-up, then declined in the journey",
    status: () => "declined",
    transactions: 0,
    run: async (way) => {
      const id = await stepUp(way, 32_050);
      await play(id, "open");
      await play(id, "decline");
      return id;
    },
  },
  {
    name: "step-up, then declined at the final call",
    status: () => "declined",
    transactions: 0,
    run: async (way) => {
      const id = await stepUp(way, 33_050);
      await arm("authorize_final", "decline");
      await play(id, "complete");
      return id;
    },
  },
  {
    name: "step-up, abandoned until the time is over",
    status: () => "expired",
    transactions: 0,
    run: async (way) => {
      const id = await stepUp(way, 34_050);
      await play(id, "open");
      await play(id, "leave");
      expect((await getPayment(ctx, id)).status).toBe("pending");
      const left = Date.parse((await getPayment(ctx, id)).expires_at) - test.clock.now().getTime();
      await sweepFor(left + MINUTE_MS, Math.ceil((left + MINUTE_MS) / 3));
      await settleWebhooks();
      return id;
    },
  },
  {
    name: "step-up, then canceled by us",
    status: () => "canceled",
    transactions: 0,
    run: async (way) => {
      const id = await stepUp(way, 35_050);
      await cancelPayment(ctx, id);
      await settleWebhooks();
      return id;
    },
  },
  {
    name: "R10: first answer lost, then found with the same key",
    status: approved,
    transactions: 1,
    run: async (way) => {
      await arm(firstCall(way), "status_500_after", null);
      const payment = await pay(way, 36_050);
      expect(payment.status).toBe("processing");
      await control().clearFaults();
      await sweepFor(MINUTE_MS);
      await settleWebhooks();
      if (way.isExpress) return payment.id;
      expect((await getPayment(ctx, payment.id)).status).toBe("pending");
      await play(payment.id, "complete");
      return payment.id;
    },
  },
  {
    name: "R10: final answer lost, then found with the same key",
    status: approved,
    transactions: 1,
    run: async (way) => {
      const id = await stepUp(way, 37_050);
      await arm("authorize_final", "status_500_after", 4);
      await play(id, "complete");
      await sweepFor(2 * MINUTE_MS, 30 * SECOND_MS);
      await settleWebhooks();
      return id;
    },
  },
];

const sum = (rows: readonly { [key: string]: unknown }[], key: string): number =>
  rows.reduce((all, row) => all + Number(row[key]), 0);

/** Our row against the simulator's books, sum by sum. */
async function expectEqualBooks(id: string, transactionCount: number): Promise<void> {
  const [row] = await services.db.query<
    Pick<
      PaymentRow,
      "amountAuthorized" | "amountCaptured" | "amountRefunded" | "amountVoided" | "klarnaPaymentTransactionId"
    >
  >({
    text: `select amount_authorized as "amountAuthorized", amount_captured as "amountCaptured", amount_refunded as "amountRefunded",
      amount_voided as "amountVoided", klarna_payment_transaction_id as "klarnaPaymentTransactionId" from payments where id = $1`,
    values: [id],
  });
  const transactions = await control().transactions({ payment_transaction_reference: id });
  expect(transactions).toHaveLength(transactionCount);
  expect({
    authorized: row?.amountAuthorized,
    captured: row?.amountCaptured,
    refunded: row?.amountRefunded,
    voided: row?.amountVoided,
    transaction: row?.klarnaPaymentTransactionId,
  }).toEqual({
    authorized: sum(transactions, "amount"),
    captured: sum(transactions, "captured_amount"),
    refunded: sum(transactions, "refunded_amount"),
    voided: sum(transactions, "voided_amount"),
    transaction: transactions[0]?.payment_transaction_id ?? null,
  });
}

/** Each intent has one key, however often it was sent. */
async function expectOneKeyEach(id: string): Promise<void> {
  const rows = await services.db.query<{ kind: string; keys: number; calls: number }>({
    text: `select o.kind, count(distinct o.idempotency_key)::int as keys, count(distinct o.id)::int as calls
      from klarna_operations o where o.payment_id = $1 group by o.kind`,
    values: [id],
  });
  for (const row of rows) expect(row.keys, row.kind).toBe(row.calls);
  const open = await services.db.query({
    text: "select 1 from klarna_operations where payment_id = $1 and state in ('PENDING','UNKNOWN')",
    values: [id],
  });
  expect(open).toEqual([]);
}

describe.each(WAYS)("$name", (way) => {
  it.each(OUTCOMES)("$name: equal books here and at Klarna", async (outcome) => {
    const id = await outcome.run(way);
    await control().clearFaults();
    const payment = await getPayment(ctx, id);
    expect(payment).toMatchObject({ status: outcome.status(way), channel: way.channel, launch: way.launch });
    await expectEqualBooks(id, outcome.transactions);
    await expectOneKeyEach(id);
  });
});
