import { createServer } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { at, isJson, type Json } from "./fixtures";
import { createReferenceClient, type ReferenceClient, type Sale } from "./reference-client";
import { type RunningSimulator, startSimulator } from "./testing";

const HOUR_MS = 3_600_000;

let simulator: RunningSimulator;
let client: ReferenceClient;
let accountId: string;
let lastReference = 0;

beforeEach(async () => {
  simulator = await startSimulator();
  const account = await simulator.control.account({
    name: "Blumen Berlin",
    country: "DE",
    stores: [{ store_reference: "STORE-17", name: "Blumen Berlin Mitte" }],
  });
  accountId = account.account_id;
  client = await createReferenceClient(simulator, accountId);
});
afterEach(async () => {
  await client.close();
  await simulator.close();
});

function till(amount = 5050, extra: Json = {}): Json {
  lastReference += 1;
  return {
    currency: "EUR",
    request_payment_transaction: { amount, payment_transaction_reference: `tx-${lastReference}` },
    step_up_config: {
      payment_request_reference: `sale-${lastReference}`,
      customer_interaction_config: { method: "QR_CODE" },
    },
    supplementary_purchase_data: { purchase_reference: `R-${lastReference}` },
    point_of_checkout: { store_reference: "STORE-17" },
    point_of_transaction: { type: "TERMINAL", terminal_reference: "T-1" },
    ...extra,
  };
}

function web(amount = 5050, extra: Json = {}): Json {
  const { point_of_checkout: _checkout, point_of_transaction: _terminal, ...body } = till(amount);
  return {
    ...body,
    step_up_config: {
      payment_request_reference: `sale-${lastReference}`,
      customer_interaction_config: { method: "HANDOVER", return_url: "https://shop.example/back" },
    },
    ...extra,
  };
}

const ONDEMAND = { ondemand_service: { average_amount: 5000, currency: "EUR" } };
const SUBSCRIPTION = {
  subscriptions: [{ subscription_reference: "sub-1", name: "Roses", billing_plans: [{ billing_amount: 2950 }] }],
};

async function tap(path: string, form?: Record<string, string>): Promise<string> {
  const response = await fetch(`${simulator.url}${path}`, {
    ...(form === undefined ? {} : { method: "POST", body: new URLSearchParams(form) }),
  });
  return await response.text();
}

/** The customer with a phone: scans the code on the display and goes through the pages. */
async function pay(sale: Sale, persona = "approved"): Promise<void> {
  const request = await simulator.control.request(sale.requestId ?? "");
  const start = new URL(request.journey_url).pathname;
  const step = (name: string) => start.replace(/start$/, name);
  await tap(start);
  await tap(step("phone"), { persona, phone: persona === "denied" ? "+49017610927312" : "+49017614284340" });
  await tap(step("code"), { code: "123456" });
  if (persona === "denied") return;
  await tap(step("plan"), { plan: "pay_in_3" });
  await tap(step("decision"), { decision: "approve" });
}

const complete = (sale: Sale) => simulator.control.play(sale.requestId ?? "", "complete");
const transactionsOf = (sale: Sale) => simulator.control.transactions({ payment_request_reference: sale.reference });

describe("the matrix that a client should pass, by a small client that is not the product's", () => {
  it("T1: at a till: step-up, completed on the phone, event, final authorize, receipt, one transaction", async () => {
    const sale = await client.sell(till());
    expect(sale.state).toBe("waiting");
    expect(
      at(sale.reply.body, "payment_request", "state_context", "customer_interaction", "qr_code", "target_url"),
    ).toBe((await simulator.control.request(sale.requestId ?? "")).journey_url);
    await pay(sale);
    await client.quiet();
    expect(sale).toMatchObject({ state: "paid", receipts: 1 });
    expect(await transactionsOf(sale)).toHaveLength(1);
  });

  it("T2: the completed event twice and out of order: one transaction", async () => {
    const twice = await client.sell(till(5006));
    const swapped = await client.sell(till(5007));
    await complete(twice);
    await complete(swapped);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await client.quiet();
    expect(client.verdicts).toContain("repeated");
    for (const sale of [twice, swapped]) {
      expect(sale).toMatchObject({ state: "paid", receipts: 1 });
      expect(await transactionsOf(sale)).toHaveLength(1);
    }
  });

  it("T3: the event is lost; a read finds COMPLETED with the token: one transaction before the 60 minutes", async () => {
    const sale = await client.sell(till());
    await simulator.control.fault({
      operation: "webhook",
      kind: "lost",
      match: { event_type: "payment.request.state-change.completed" },
    });
    await complete(sale);
    await client.quiet();
    expect(sale.state).toBe("waiting");
    await simulator.control.advance(HOUR_MS / 2);
    await client.reconcile(sale);
    expect(sale).toMatchObject({ state: "paid", receipts: 1 });
    expect(await transactionsOf(sale)).toHaveLength(1);
  });

  it("T4: the event comes after 60 minutes: the order has failed, an alarm is raised, nothing is captured", async () => {
    const sale = await client.sell(till());
    await simulator.control.fault({
      operation: "webhook",
      kind: "late",
      delay_ms: HOUR_MS + 60_000,
      match: { event_type: "payment.request.state-change.completed" },
    });
    await complete(sale);
    await simulator.control.advance(HOUR_MS + 61_000);
    await client.quiet();
    expect(sale.state).toBe("failed");
    expect(client.alarms).toHaveLength(1);
    expect(await transactionsOf(sale)).toHaveLength(0);
  });

  it("T5: the cashier cancels while the customer is inside: CANCELED, a late approval changes nothing", async () => {
    const sale = await client.sell(till());
    const request = await simulator.control.play(sale.requestId ?? "", "open");
    expect(request.state).toBe("IN_PROGRESS");
    expect(await client.cancel(sale)).toBe(200);
    await tap(new URL(request.journey_url).pathname.replace(/start$/, "decision"), { decision: "approve" });
    await client.quiet();
    expect((await simulator.control.request(sale.requestId ?? "")).state).toBe("CANCELED");
    expect(sale.state).toBe("cancelled");
    expect(await transactionsOf(sale)).toHaveLength(0);
  });

  it("T6: a cancel races with the completion: exactly one of the two happens, every time", async () => {
    for (let round = 0; round < 20; round += 1) {
      const sale = await client.sell(till());
      const completing = complete(sale).catch(() => undefined);
      if (round % 2 === 0) await new Promise((resolve) => setTimeout(resolve, round));
      const [status] = await Promise.all([client.cancel(sale), completing]);
      await client.quiet();
      const transactions = await transactionsOf(sale);
      const request = await simulator.control.request(sale.requestId ?? "");
      expect([200, 403]).toContain(status);
      expect(transactions).toHaveLength(status === 200 ? 0 : 1);
      expect(request.state).toBe(status === 200 ? "CANCELED" : "COMPLETED");
      expect(sale.state === "paid").toBe(status === 403);
    }
  });

  it("T7: the final authorize answers 500 after the work, is repeated under the same key: one transaction", async () => {
    for (const kind of ["status_500_after", "cut_after", "cut_halfway", "malformed", "timeout"] as const) {
      await simulator.control.fault({ operation: "authorize_final", kind });
      const sale = await client.sell(till());
      await complete(sale);
      await client.quiet();
      expect(sale).toMatchObject({ state: "paid", receipts: 1 });
      expect(await transactionsOf(sale)).toHaveLength(1);
    }
  });

  it("T8: declined at once, in the journey and at the final call: three places, one neutral text", async () => {
    const atOnce = await client.sell(till(5001));
    const inJourney = await client.sell(till());
    await pay(inJourney, "denied");
    const atTheEnd = await client.sell(till());
    await simulator.control.fault({ operation: "authorize_final", kind: "decline" });
    await complete(atTheEnd);
    await client.quiet();
    for (const sale of [atOnce, inJourney, atTheEnd]) {
      expect(sale.state).toBe("declined");
      expect(sale.message).toBe(atOnce.message);
      expect(await transactionsOf(sale)).toHaveLength(0);
    }
  });

  it("T9: an unknown store reference is refused in a way that an operator can read", async () => {
    const sale = await client.sell(till(5050, { point_of_checkout: { store_reference: "NOWHERE" } }));
    expect(sale.reply.status).toBe(400);
    expect(at(sale.reply.body, "validation_errors", 0)).toEqual({
      parameter: "point_of_checkout.store_reference",
      reason: "the store does not exist",
    });
    expect(sale.state).toBe("failed");
  });

  it("T10: an inline store shows up in the list of stores", async () => {
    const store = {
      type: "PHYSICAL_STORE",
      store_reference: "KIOSK-1",
      address: { street_address: "Kantstr. 1", postal_code: "10623", city: "Berlin", country: "DE" },
    };
    await client.sell(till(5050, { point_of_checkout: { store } }));
    const { body } = await client.send("GET", `/v2/accounts/${accountId}/stores`, null);
    const stores = Array.isArray(body.stores) ? body.stores : [];
    expect(stores.map((entry) => at(entry, "store_reference"))).toContain("KIOSK-1");
  });

  it("T11: token only, token with a purchase, charged with and without a step-up, declined unattended", async () => {
    const scope = (name: string) => ({ scopes: [`payment:${name}`], customer_token_reference: "c-1" });
    const { request_payment_transaction: _payment, ...tokenOnly } = web();
    const only = await client.sell({
      ...tokenOnly,
      request_customer_token: scope("customer_not_present"),
      supplementary_purchase_data: SUBSCRIPTION,
    });
    expect(at(only.reply.body, "payment_transaction_response")).toBeUndefined();
    await complete(only);
    const both = await client.sell(
      web(2950, { request_customer_token: scope("customer_present"), supplementary_purchase_data: ONDEMAND }),
    );
    await pay(both);
    await client.quiet();
    expect(only.customerToken).toMatch(/^krn:customer-token:/);
    expect(both).toMatchObject({ state: "paid", receipts: 1 });
    expect(both.customerToken).toMatch(/^krn:customer-token:/);
    const [unattended, attended] = [only.customerToken ?? "", both.customerToken ?? ""];

    const oneTap = await client.sell(web(2950), { "klarna-customer-token": attended });
    expect(oneTap.state).toBe("paid");
    const large = await client.sell(web(90_050), { "klarna-customer-token": attended });
    expect(large.state).toBe("waiting");
    await complete(large);
    await client.quiet();
    expect(large).toMatchObject({ state: "paid", receipts: 1 });

    const monthly = () => {
      const { step_up_config: _stepUp, ...body } = web(2950, { supplementary_purchase_data: SUBSCRIPTION });
      return body;
    };
    expect((await client.sell(monthly(), { "klarna-customer-token": unattended })).state).toBe("paid");
    expect((await client.sell(monthly(), { "klarna-customer-token": attended })).state).toBe("declined");
    await simulator.control.customerToken(unattended, { persona: "denied" });
    const refused = await client.sell(monthly(), { "klarna-customer-token": unattended });
    expect(refused.state).toBe("declined");
    expect(at(refused.reply.body, "payment_request")).toBeUndefined();
    await client.send("POST", `/v2/accounts/${accountId}/identity/customer-tokens/revoke`, {}, undefined, {
      "klarna-customer-token": attended,
    });
    expect((await client.sell(web(2950), { "klarna-customer-token": attended })).state).toBe("declined");
  });

  it("T12: an Express token on order creation is approved with no step-up", async () => {
    const created = await client.send("POST", `${client.base}/requests`, {
      currency: "EUR",
      amount: 5050,
      collect_customer_profile: ["profile:email"],
    });
    const finished = await simulator.control.play(String(created.body.payment_request_id), "complete");
    const token = String(finished.klarna_network_session_token);
    const shown = await client.send("GET", `${client.base}/presentation?currency=EUR&amount=5050`, null, null, {
      "klarna-network-session-token": token,
    });
    expect(shown.body.payment_status).toBe("PENDING_PARTNER_AUTHORIZATION");
    const sale = await client.sell(web(), { "klarna-network-session-token": token });
    expect(sale).toMatchObject({ state: "paid", receipts: 1 });
    expect(at(sale.reply.body, "payment_request")).toBeUndefined();
  });

  it("T13: partial capture, rest released, partial and full refund; the 201st capture is refused", async () => {
    const paid = async (): Promise<string> => {
      const sale = await client.sell(till());
      await complete(sale);
      await client.quiet();
      return `${client.base}/transactions/${sale.transactionId}`;
    };
    const path = await paid();
    const state = async (of: string) => (await client.send("GET", of, null)).body.state;
    const capture = await client.send("POST", `${path}/captures`, { amount: 3000 });
    expect(await state(path)).toBe("AUTHORIZED");
    await client.send("POST", `${path}/void`, {});
    expect(await state(path)).toBe("COMPLETED");
    const refunds = `${path}/captures/${String(capture.body.payment_capture_id)}/refunds`;
    expect((await client.send("POST", refunds, { amount: 1000 })).status).toBe(201);
    expect((await client.send("POST", refunds, { amount: 2000 })).status).toBe(201);
    expect((await client.send("POST", refunds, { amount: 1 })).status).toBe(403);
    expect(await simulator.control.books(accountId)).toMatchObject([{ captured: 3000, refunded: 3000, voided: 2050 }]);

    const other = await paid();
    for (let count = 0; count < 200; count += 1) await client.send("POST", `${other}/captures`, { amount: 1 });
    expect((await client.send("POST", `${other}/captures`, { amount: 1 })).status).toBe(403);
    expect(await state(other)).toBe("AUTHORIZED");
  });

  it("T14: a storm of 429: the client is paced and nothing happens twice", async () => {
    await simulator.control.settings({ rate_limits: "test" });
    const made = await Promise.all(Array.from({ length: 30 }, () => client.sell(till())));
    await simulator.control.settings({ rate_limits: "off" });
    expect(client.statuses).toContain(429);
    expect(await simulator.control.requests({ account: accountId })).toHaveLength(30);
    await simulator.control.fault({ operation: "authorize_final", kind: "status_429", times: 20 });
    await Promise.all(made.map(complete));
    await client.quiet();
    expect(made.map((sale) => sale.state)).toEqual(made.map(() => "paid"));
    expect(await simulator.control.transactions({ account: accountId })).toHaveLength(30);
  });

  it("T15: rejects a wrong signature and an unknown key id; accepts the old key during rotation", async () => {
    await simulator.control.fault({ operation: "webhook", kind: "bad_signature" });
    const forged = await client.sell(till());
    await client.quiet();
    expect(client.verdicts).toEqual(["rejected"]);
    const [failed] = await simulator.control.deliveries({ payment_request_reference: forged.reference });
    expect(failed?.attempts.map((attempt) => attempt.status)).toEqual([401]);

    const secret = client.keys.get(client.signingKeyId) ?? "";
    client.keys.delete(client.signingKeyId);
    await client.sell(till());
    await client.quiet();
    expect(client.verdicts).toEqual(["rejected", "rejected"]);

    client.keys.set(client.signingKeyId, secret);
    const newKeyId = await client.newKey();
    await client.sell(till());
    await client.quiet();
    expect(client.verdicts.at(-1)).toBe("accepted");
    await client.send("PATCH", `/v2/notification/webhooks/${client.webhookId}`, { signing_key_id: newKeyId });
    client.keys.delete(client.signingKeyId);
    await client.sell(till());
    await client.quiet();
    expect(client.verdicts.at(-1)).toBe("accepted");
  });

  it("T16: a classic in-store session, by polling, by its unsigned callback and by short code, needs no final call", async () => {
    const answers: Json[] = [];
    const receiver = createServer((incoming, outgoing) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("end", () => {
        const body: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
        if (incoming.url === "/status?secretToken=s3cret" && isJson(body)) answers.push(body);
        outgoing.writeHead(200).end();
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
    const bound = receiver.address();
    const port = typeof bound === "object" && bound !== null ? bound.port : 0;
    const control = async (method: string, path: string, body?: Json): Promise<Json> => {
      const response = await fetch(`${simulator.url}/_control/classic${path}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
      });
      const parsed: unknown = await response.json();
      return isJson(parsed) ? parsed : {};
    };
    const credential = await control("POST", "/credentials", { account: accountId });
    const pair = Buffer.from(`${String(credential.username)}:${String(credential.password)}`).toString("base64");
    const classic = async (method: string, url: string, body?: Json): Promise<Json> => {
      const response = await fetch(url.startsWith("http") ? url : `${simulator.url}${url}`, {
        method,
        headers: {
          authorization: `Basic ${pair}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      expect(response.status, text).toBeLessThan(300);
      const parsed: unknown = text === "" ? {} : JSON.parse(text);
      return isJson(parsed) ? parsed : {};
    };
    const visit = await control("POST", "/short-codes", {});
    const session = (distribution: Json): Json => ({
      acquiring_channel: "in_store",
      purchase_country: "SE",
      purchase_currency: "SEK",
      locale: "en-SE",
      order_amount: 10050,
      order_tax_amount: 0,
      order_lines: [{ type: "physical", name: "Roses", quantity: 1, unit_price: 10050, total_amount: 10050 }],
      distribution: { method: "one_qr", ...distribution },
      attachment: {
        content_type: "application/vnd.klarna.internal.emd-v2+json",
        body: JSON.stringify({
          in_store_payment: [{ store_info: { merchant_store_id: "STORE-17", store_terminal_id: "T-1" } }],
        }),
      },
    });
    for (const distribution of [
      {},
      { callback_urls: { status_update: `http://127.0.0.1:${port}/status?secretToken=s3cret` } },
      { short_code: String(visit.short_code) },
    ]) {
      const created = await classic("POST", "/payments/v1/sessions", session(distribution));
      const resultUrl = new URL(String(at(created, "distribution", "result_url")));
      const poll = () => classic("GET", `${resultUrl.pathname}${resultUrl.search}`);
      await expect.poll(async () => (await poll()).status).toBe("DISTRIBUTED");
      await control("POST", `/sessions/${String(created.session_id)}/play`, { action: "complete" });
      const done = await poll();
      expect(done.status).toBe("COMPLETED");
      const order = await classic("GET", `/ordermanagement/v1/orders/${String(done.order_id)}`);
      expect(order).toMatchObject({ status: "AUTHORIZED", order_amount: 10050 });
    }
    await expect.poll(() => answers.map((body) => body.status)).toContain("COMPLETED");
    const calls = await simulator.control.calls();
    expect(calls.filter((call) => call.operation.startsWith("authorize"))).toHaveLength(0);
    await new Promise<void>((resolve) => {
      receiver.close(() => resolve());
      receiver.closeAllConnections();
    });
  });

  it("T17: goods bought on the web come back in a store: the refund is on the original transaction", async () => {
    const order = await client.sell(web(7550));
    await complete(order);
    await client.quiet();
    const path = `${client.base}/transactions/${order.transactionId}`;
    await client.send("POST", `${path}/captures`, {});
    const purchase = String(at(order.body, "supplementary_purchase_data", "purchase_reference"));
    const found = [...client.sales.values()].find(
      (sale) => at(sale.body, "supplementary_purchase_data", "purchase_reference") === purchase,
    );
    const original = `${client.base}/transactions/${found?.transactionId}`;
    expect((await client.send("GET", original, null)).body).toMatchObject({ purchase_reference: purchase });
    const refund = await client.send("POST", `${original}/refunds`, {
      amount: 2500,
      line_items: [{ name: "Vase", quantity: 1, total_amount: 2500 }],
    });
    expect(refund.status).toBe(201);
    expect(await transactionsOf(order)).toMatchObject([{ captured_amount: 7550, refunded_amount: 2500 }]);
  });
});
