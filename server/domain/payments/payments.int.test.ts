import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import type { ServiceContext, Services } from "@/server/context";
import { HOUR_MS, MINUTE_MS, SECOND_MS } from "@/server/core/time";
import { processInbox } from "@/server/domain/inbox/service";
import { checkInvariants } from "@/server/domain/invariants";
import { type BuiltPartner, makePartner, unique } from "@/server/testing/builders";
import { asApiKey, type TestServices, testServices } from "@/server/testing/context";
import { receiveKlarnaWebhooks, type WebhookReceiver } from "@/server/testing/klarna-webhooks";
import { sendSigned } from "@/server/testing/signed-event";
import type { CreatePaymentInput } from "./schema";
import { CreatePaymentSchema } from "./schema";
import {
  advanceDuePayments,
  cancelPayment,
  createPayment,
  getPayment,
  getPaymentTimeline,
  voidPayment,
} from "./service";

/*
 * The payment against the simulator: each way it can go, with transactions counted at the simulator. Klarna's webhooks
 * come over HTTP through the product's own listener; background work runs when it is asked to, so that each test decides
 * what has happened by when.
 */

let test: TestServices;
let services: Services;
let webhooks: WebhookReceiver;
let partner: BuiltPartner;
let ctx: ServiceContext;

beforeAll(async () => {
  test = await testServices({ clock: "movable", environment: { KLARNA_TIMEOUT_MS: "1500" } });
  services = test.services;
  webhooks = await receiveKlarnaWebhooks(services, test.simulator);
});
afterAll(async () => {
  await webhooks.close();
  await test.close();
});
afterEach(async () => {
  webhooks.release();
  await test.simulator.control.clearFaults();
  await test.simulator.control.idle();
  await processInbox(services);
  const broken = (await checkInvariants(services.db)).filter((result) => result.broken > 0);
  expect(broken, "INV").toEqual([]);
});

async function freshPartner(): Promise<void> {
  partner = await makePartner(services);
  ctx = asApiKey(services, { partnerId: partner.partner.id });
}

function body(overrides: Partial<CreatePaymentInput> = {}): CreatePaymentInput {
  return CreatePaymentSchema.parse({
    amount: 11_850,
    currency: "SEK",
    reference: unique("order"),
    store: { id: partner.store.id },
    terminal: { id: partner.terminal.id },
    ...overrides,
  });
}

/** Waits until Klarna's webhooks are in and worked off. */
async function settleWebhooks(): Promise<void> {
  await test.simulator.control.idle();
  await processInbox(services);
  await test.simulator.control.idle();
  await processInbox(services);
}

async function passTime(ms: number): Promise<void> {
  test.clock.advance(ms);
  await test.simulator.control.advance(ms);
}

/** Lets time go by in steps, as the sweeper sees it. */
async function sweepFor(ms: number, stepMs = 10 * SECOND_MS): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    await passTime(Math.min(stepMs, ms - passed));
    await advanceDuePayments(services);
  }
}

const transactionsOf = (id: string) => test.simulator.control.transactions({ payment_transaction_reference: id });
async function requestOf(id: string): Promise<string> {
  const payment = await getPayment(ctx, id);
  if (payment.klarna.payment_request_id === null) throw new Error("no payment request");
  return payment.klarna.payment_request_id;
}
async function pending(overrides: Partial<CreatePaymentInput> = {}): Promise<string> {
  const payment = await createPayment(ctx, body(overrides));
  expect(payment.status).toBe("pending");
  return payment.id;
}
async function eventsOf(id: string): Promise<string[]> {
  const rows = await services.db.query<{ type: string }>({
    text: "select type from outbox_events where subject_id = $1 order by sequence",
    values: [id],
  });
  return rows.map((row) => row.type);
}
async function alarmsOf(id: string): Promise<string[]> {
  const rows = await services.db.query<{ kind: string }>({
    text: "select kind from alarms where subject_id = $1 order by raised_at",
    values: [id],
  });
  return rows.map((row) => row.kind);
}
async function operationsOf(
  id: string,
): Promise<{ kind: string; state: string; result: string | null; attempts: number }[]> {
  return services.db.query({
    text: "select kind, state, result, attempts from klarna_operations where payment_id = $1 order by opened_at, id",
    values: [id],
  });
}
async function authorizeCalls(id: string) {
  const calls = await test.simulator.control.calls({ account: partner.account.id });
  return calls.filter((call) => call.operation.startsWith("authorize") && JSON.stringify(call).includes(id));
}

/** Puts a copy of a transaction into the simulator's books under another payment's reference. */
async function cloneTransaction(fromPayment: string, toPayment: string): Promise<string> {
  const answer = await fetch(
    `${test.simulator.url}/_control/transactions?payment_transaction_reference=${fromPayment}`,
  );
  const { transactions } = z
    .object({ transactions: z.array(z.record(z.string(), z.unknown())) })
    .parse(await answer.json());
  const id = `krn:payment:eu1:transaction:${randomUUID()}`;
  const { remaining_amount: _, ...rest } = transactions[0] ?? {};
  const at = (value: unknown): number => new Date(String(value)).getTime();
  const copy = {
    ...rest,
    payment_transaction_id: id,
    payment_transaction_reference: toPayment,
    created_at: at(rest.created_at),
    updated_at: at(rest.updated_at),
    expires_at: at(rest.expires_at),
  };
  const imported = await fetch(`${test.simulator.url}/_control/import`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ transactions: [copy] }),
  });
  expect(imported.status, await imported.clone().text()).toBe(201);
  return id;
}

describe("a payment in store", () => {
  it("is completed at once when Klarna approves at once", async () => {
    await freshPartner();
    const payment = await createPayment(ctx, body({ amount: 10_002 }));
    expect(payment).toMatchObject({
      status: "completed",
      amount_authorized: 10_002,
      amount_captured: 10_002,
      amount_refundable: 10_002,
    });
    expect(payment.klarna.payment_transaction_id).toMatch(/^krn:payment:/);
    expect(await transactionsOf(payment.id)).toHaveLength(1);
    expect(await eventsOf(payment.id)).toEqual(["payment.completed"]);
  });

  it("is declined at once with a neutral word, and Klarna's reason stays with staff", async () => {
    await freshPartner();
    const payment = await createPayment(ctx, body({ amount: 10_001 }));
    expect(payment).toMatchObject({ status: "declined", decline: { reason: "declined" }, amount_authorized: 0 });
    expect(await transactionsOf(payment.id)).toHaveLength(0);
    expect(await eventsOf(payment.id)).toEqual(["payment.declined"]);
  });

  it("shows Klarna's QR, then completes when the customer approves: one transaction", async () => {
    await freshPartner();
    const id = await pending();
    const before = await getPayment(ctx, id);
    expect(before.klarna.qr_code?.target_url).toBe(before.klarna.payment_request_url);
    await test.simulator.control.play(await requestOf(id), "open");
    await settleWebhooks();
    expect((await getPayment(ctx, id)).status).toBe("in_progress");
    await test.simulator.control.play(await requestOf(id), "complete");
    await settleWebhooks();
    expect(await getPayment(ctx, id)).toMatchObject({ status: "completed", amount_captured: 11_850, qr: null });
    expect(await transactionsOf(id)).toHaveLength(1);
    expect(await eventsOf(id)).toEqual([
      "payment.pending",
      "payment.in_progress",
      "payment.updated",
      "payment.completed",
    ]);
    const timeline = await getPaymentTimeline(ctx, id, { withMessages: true }).catch(() => null);
    expect(timeline).toBeNull();
  });

  it("is authorized only with manual capture, and can be voided", async () => {
    await freshPartner();
    const id = await pending({ capture: "manual" });
    await test.simulator.control.play(await requestOf(id), "complete");
    await settleWebhooks();
    expect(await getPayment(ctx, id)).toMatchObject({
      status: "authorized",
      amount_authorized: 11_850,
      amount_captured: 0,
    });
    expect(await voidPayment(ctx, id)).toMatchObject({ status: "voided", amount_voided: 11_850 });
    const [transaction] = await transactionsOf(id);
    expect(transaction?.state).toBe("CLOSED");
    await expect(voidPayment(ctx, id)).resolves.toMatchObject({ status: "voided" });
  });

  it("tells a void that Klarna refuses or cannot hear as what it is, and leaves one that is unknown open", async () => {
    await freshPartner();
    const authorized = async (): Promise<string> => {
      const sale = await createPayment(ctx, body({ amount: 10_002, capture: "manual" }));
      expect(sale.status).toBe("authorized");
      return sale.id;
    };
    const unknown = await authorized();
    const fault = { operation: "void", account: partner.account.id } as const;
    await test.simulator.control.fault({ ...fault, kind: "cut_after", times: null });
    expect((await voidPayment(ctx, unknown)).status).toBe("authorized");
    await test.simulator.control.clearFaults();
    await sweepFor(30 * SECOND_MS);
    expect((await getPayment(ctx, unknown)).status).toBe("voided");
    const refused = await authorized();
    const [transaction] = await transactionsOf(refused);
    const path = `/v2/accounts/${partner.account.id}/payment/transactions/${transaction?.payment_transaction_id}/void`;
    const behind = await fetch(`${test.simulator.url}${path}`, {
      method: "POST",
      headers: {
        authorization: `Basic ${test.simulator.apiKey}`,
        "content-type": "application/json",
        "klarna-idempotency-key": randomUUID(),
      },
      body: "{}",
    });
    expect(behind.ok).toBe(true);
    await expect(voidPayment(ctx, refused)).rejects.toMatchObject({ code: "payment_not_voidable" });
  });

  it("is declined in the journey", async () => {
    await freshPartner();
    const id = await pending();
    await test.simulator.control.play(await requestOf(id), "open");
    await test.simulator.control.play(await requestOf(id), "decline");
    await settleWebhooks();
    expect((await getPayment(ctx, id)).status).toBe("declined");
    expect(await transactionsOf(id)).toHaveLength(0);
  });

  it("goes back to pending when the customer leaves, and can still be completed", async () => {
    await freshPartner();
    const id = await pending();
    const request = await requestOf(id);
    await test.simulator.control.play(request, "open");
    await settleWebhooks();
    await test.simulator.control.play(request, "leave");
    await settleWebhooks();
    expect((await getPayment(ctx, id)).status).toBe("pending");
    await test.simulator.control.play(request, "open");
    await test.simulator.control.play(request, "complete");
    await settleWebhooks();
    expect((await getPayment(ctx, id)).status).toBe("completed");
    expect(await transactionsOf(id)).toHaveLength(1);
  });

  it("is canceled by the cashier only once Klarna confirmed it", async () => {
    await freshPartner();
    const id = await pending();
    expect((await cancelPayment(ctx, id)).status).toBe("canceled");
    expect((await test.simulator.control.request(await requestOf(id))).state).toBe("CANCELED");
    expect((await cancelPayment(ctx, id)).status).toBe("canceled");
    expect((await eventsOf(id)).filter((type) => type === "payment.canceled")).toHaveLength(1);
  });

  it("stays pending, marked, while Klarna does not answer the cancel, and ends canceled afterwards", async () => {
    await freshPartner();
    const id = await pending();
    await test.simulator.control.fault({
      operation: "cancel_request",
      kind: "status_500",
      account: partner.account.id,
      times: null,
    });
    expect((await cancelPayment(ctx, id)).status).toBe("pending");
    await test.simulator.control.clearFaults();
    await sweepFor(30 * SECOND_MS);
    expect((await getPayment(ctx, id)).status).toBe("canceled");
  });

  it("ends canceled when Klarna canceled a request that was just finished, and the answer was lost", async () => {
    await freshPartner();
    const id = await pending();
    const request = await requestOf(id);
    const match = { payment_request_id: request };
    // The cashier cancels and Klarna cannot hear it; meanwhile its event says that the customer has finished.
    await test.simulator.control.fault({ operation: "cancel_request", kind: "status_500", times: 4, match });
    expect((await cancelPayment(ctx, id)).status).toBe("pending");
    // The repeat is done at Klarna and its answer is lost: from then on Klarna refuses to cancel what is canceled.
    await test.simulator.control.fault({ operation: "cancel_request", kind: "status_500_after", times: 1, match });
    await sendSigned(webhooks, {
      type: "payment.request.state-change.completed",
      account: partner.account.id,
      occurredAt: test.clock.now(),
      payload: { ...match, payment_request_reference: id, state: "COMPLETED", payment_token: "krn:payment-token:x" },
    });
    await settleWebhooks();
    await sweepFor(MINUTE_MS);
    expect((await test.simulator.control.request(request)).state).toBe("CANCELED");
    expect((await getPayment(ctx, id)).status).toBe("canceled");
    expect((await eventsOf(id)).filter((type) => type === "payment.canceled")).toHaveLength(1);
    expect(await transactionsOf(id)).toHaveLength(0);
  });

  it("refuses a cancel once the payment is completed", async () => {
    await freshPartner();
    const id = await pending();
    await test.simulator.control.play(await requestOf(id), "complete");
    await settleWebhooks();
    await expect(cancelPayment(ctx, id)).rejects.toMatchObject({ code: "payment_not_cancelable" });
  });

  it("has exactly one outcome when a cancel races with completion", async () => {
    await freshPartner();
    for (let round = 0; round < 8; round += 1) {
      const id = await pending();
      const request = await requestOf(id);
      const canceling = (
        round % 2 === 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, round))
      ).then(() =>
        cancelPayment(ctx, id).then(
          (payment) => payment.status,
          () => "refused",
        ),
      );
      await Promise.all([canceling, test.simulator.control.play(request, "complete").catch(() => null)]);
      await settleWebhooks();
      await sweepFor(30 * SECOND_MS);
      const { status } = await getPayment(ctx, id);
      const transactions = await transactionsOf(id);
      expect(["canceled", "completed"]).toContain(status);
      expect(transactions).toHaveLength(status === "completed" ? 1 : 0);
      expect(
        (await eventsOf(id)).filter((type) => type === "payment.canceled" || type === "payment.completed"),
      ).toHaveLength(1);
    }
  });

  it("expires when the customer never finishes, after Klarna canceled the request", async () => {
    await freshPartner();
    const id = await pending({ expires_in: 300 });
    await sweepFor(6 * MINUTE_MS, 30 * SECOND_MS);
    expect((await getPayment(ctx, id)).status).toBe("expired");
    expect((await test.simulator.control.request(await requestOf(id))).state).toBe("CANCELED");
    expect(await transactionsOf(id)).toHaveLength(0);
    expect((await eventsOf(id)).at(-1)).toBe("payment.expired");
  });

  it("frees its reference when it ended unpaid, and holds it while it may be paid", async () => {
    await freshPartner();
    const reference = unique("order");
    const id = await pending({ reference });
    await expect(createPayment(ctx, body({ reference }))).rejects.toMatchObject({ code: "reference_taken" });
    await cancelPayment(ctx, id);
    expect((await createPayment(ctx, body({ reference }))).status).toBe("pending");
  });

  it("makes an inline store once, and refuses the same reference with another address", async () => {
    await freshPartner();
    const reference = unique("popup");
    const address = { street_address: "Kungsgatan 1", postal_code: "11143", city: "Stockholm", country: "SE" };
    const details = { reference, name: "Pop-up", address };
    const first = await createPayment(ctx, body({ store: { details }, terminal: { reference: "T-1" } }));
    expect(first).toMatchObject({ status: "pending", store: { reference }, terminal: { reference: "T-1" } });
    const second = await createPayment(ctx, body({ store: { details }, terminal: { reference: "T-1" } }));
    expect(second.store?.id).toBe(first.store?.id);
    await expect(
      createPayment(
        ctx,
        body({
          store: { details: { ...details, address: { ...address, city: "Malmö" } } },
          terminal: { reference: "T-1" },
        }),
      ),
    ).rejects.toMatchObject({ code: "store_details_differ" });
  });
});

describe("Klarna's answers", () => {
  it("R8: an answer after our time-out leaves the payment processing, then one request is found with the same key", async () => {
    await freshPartner();
    await test.simulator.control.fault({
      operation: "authorize",
      kind: "slow",
      delay_ms: 6_000,
      account: partner.account.id,
      times: 1,
    });
    const payment = await createPayment(ctx, body());
    expect(payment.status).toBe("processing");
    await test.simulator.control.clearFaults();
    await new Promise((resolve) => setTimeout(resolve, 3_500));
    await sweepFor(40 * SECOND_MS);
    expect((await getPayment(ctx, payment.id)).status).toBe("pending");
    const calls = await authorizeCalls(payment.id);
    expect(new Set(calls.map((call) => call.idempotency_key)).size).toBe(1);
    expect(await test.simulator.control.requests({ payment_request_reference: payment.id })).toHaveLength(1);
  });

  it.each(["cut_after", "cut_before", "cut_halfway"] as const)(
    "R9: a dropped connection (%s) is repeated with the same key and ends in one request",
    async (kind) => {
      await freshPartner();
      await test.simulator.control.fault({ operation: "authorize", kind, account: partner.account.id, times: 1 });
      const payment = await createPayment(ctx, body());
      expect(payment.status).toBe("pending");
      const calls = await authorizeCalls(payment.id);
      expect(calls.length).toBeGreaterThanOrEqual(2);
      expect(new Set(calls.map((call) => call.idempotency_key)).size).toBe(1);
      expect(await test.simulator.control.requests({ payment_request_reference: payment.id })).toHaveLength(1);
    },
  );

  it.each(["status_500", "html_502", "malformed", "wrong_schema", "status_500_after"] as const)(
    "R10: %s on every attempt is unknown, never failed and never succeeded, until the same key brings the truth",
    async (kind) => {
      await freshPartner();
      await test.simulator.control.fault({ operation: "authorize", kind, account: partner.account.id, times: null });
      const payment = await createPayment(ctx, body());
      expect(payment.status).toBe("processing");
      expect((await operationsOf(payment.id))[0]).toMatchObject({ kind: "AUTHORIZE", state: "UNKNOWN" });
      await test.simulator.control.clearFaults();
      await sweepFor(60 * SECOND_MS);
      expect((await getPayment(ctx, payment.id)).status).toBe("pending");
      expect(await test.simulator.control.requests({ payment_request_reference: payment.id })).toHaveLength(1);
    },
  );

  it("R11: an unknown call older than Klarna keeps its key is not sent again, and a person is told", async () => {
    await freshPartner();
    await test.simulator.control.fault({
      operation: "authorize",
      kind: "cut_after",
      account: partner.account.id,
      times: null,
    });
    const payment = await createPayment(ctx, body());
    await test.simulator.control.clearFaults();
    const before = (await authorizeCalls(payment.id)).length;
    test.clock.advance(25 * HOUR_MS);
    await advanceDuePayments(services);
    expect((await authorizeCalls(payment.id)).length).toBe(before);
    expect((await getPayment(ctx, payment.id)).status).toBe("processing");
    expect(await alarmsOf(payment.id)).toContain("outcome_unknown");
    await test.simulator.control.advance(25 * HOUR_MS);
  });

  it("repeats a final call that answered 500 with the same key: one transaction", async () => {
    await freshPartner();
    const id = await pending();
    await test.simulator.control.fault({
      operation: "authorize_final",
      kind: "status_500_after",
      account: partner.account.id,
      times: 1,
    });
    await test.simulator.control.play(await requestOf(id), "complete");
    await settleWebhooks();
    // The call repeats itself while the repeats of all calls leave one; else the background does, in its own time.
    await sweepFor(2 * MINUTE_MS);
    await settleWebhooks();
    expect((await getPayment(ctx, id)).status).toBe("completed");
    expect(await transactionsOf(id)).toHaveLength(1);
  });

  it("follows Klarna when the final call is declined or steps up again", async () => {
    await freshPartner();
    const declined = await pending();
    await test.simulator.control.fault({
      operation: "authorize_final",
      kind: "decline",
      account: partner.account.id,
      times: 1,
    });
    await test.simulator.control.play(await requestOf(declined), "complete");
    await settleWebhooks();
    expect((await getPayment(ctx, declined)).status).toBe("declined");

    const again = await pending();
    const firstRequest = await requestOf(again);
    await test.simulator.control.fault({
      operation: "authorize_final",
      kind: "step_up_again",
      account: partner.account.id,
      times: 1,
    });
    await test.simulator.control.play(firstRequest, "complete");
    await settleWebhooks();
    expect((await getPayment(ctx, again)).status).toBe("pending");
    expect(await requestOf(again)).not.toBe(firstRequest);
    await test.simulator.control.play(await requestOf(again), "complete");
    await settleWebhooks();
    expect((await getPayment(ctx, again)).status).toBe("completed");
    expect(await transactionsOf(again)).toHaveLength(1);
  });

  it("R15: a refused connection is retried, then answers 503 with nothing unknown, and the reference is free", async () => {
    const down = await testServices({ clock: "movable", environment: { KLARNA_TEST_BASE_URL: "http://127.0.0.1:9" } });
    const own = await makePartner(down.services);
    const as = asApiKey(down.services, { partnerId: own.partner.id });
    const input = CreatePaymentSchema.parse({
      amount: 5_000,
      currency: "SEK",
      reference: "R15",
      store: { id: own.store.id },
      terminal: { id: own.terminal.id },
    });
    await expect(createPayment(as, input)).rejects.toMatchObject({ code: "klarna_unavailable" });
    await expect(createPayment(as, input)).rejects.toMatchObject({ code: "klarna_unavailable" });
    const rows = await down.services.db.query<{ state: string; failure: string }>({
      text: "select state, failure_code as failure from payments",
      values: [],
    });
    expect(new Set(rows.map((row) => row.state))).toEqual(new Set(["FAILED"]));
    expect(
      await down.services.db.query({
        text: "select 1 from klarna_operations where state in ('PENDING','UNKNOWN')",
        values: [],
      }),
    ).toEqual([]);
    await down.close();
  });
});

describe("Klarna's webhooks", () => {
  it("T2: twice and out of order lead to the same end, with one transaction", async () => {
    await freshPartner();
    for (const kind of ["doubled", "out_of_order", "late"] as const) {
      const id = await pending();
      await test.simulator.control.fault({
        operation: "webhook",
        kind,
        match: { payment_request_reference: id },
        delay_ms: 200,
        times: null,
      });
      const request = await requestOf(id);
      await test.simulator.control.play(request, "open");
      await test.simulator.control.play(request, "complete");
      await settleWebhooks();
      await sweepFor(20 * SECOND_MS);
      await settleWebhooks();
      expect((await getPayment(ctx, id)).status, kind).toBe("completed");
      expect(await transactionsOf(id), kind).toHaveLength(1);
      await test.simulator.control.clearFaults();
    }
  });

  it("R20: with every webhook lost, reading finds a finished journey and finalizes it", async () => {
    await freshPartner();
    const id = await pending();
    await test.simulator.control.fault({
      operation: "webhook",
      kind: "lost",
      match: { payment_request_reference: id },
      times: null,
    });
    await test.simulator.control.play(await requestOf(id), "complete");
    await test.simulator.control.idle();
    expect((await getPayment(ctx, id)).status).toBe("pending");
    await sweepFor(30 * SECOND_MS);
    expect((await getPayment(ctx, id)).status).toBe("completed");
    expect(await transactionsOf(id)).toHaveLength(1);
  });

  it("R20: an approval whose webhook comes after the 60 minutes ends failed, approval_lapsed, with an alarm", async () => {
    await freshPartner();
    const id = await pending({ expires_in: 172_800 });
    await test.simulator.control.account({ account_id: partner.account.id, switches: { read_shows_token: false } });
    await test.simulator.control.fault({
      operation: "webhook",
      kind: "lost",
      match: { payment_request_reference: id },
      times: null,
    });
    await test.simulator.control.play(await requestOf(id), "complete");
    await sweepFor(65 * MINUTE_MS, 5 * MINUTE_MS);
    expect(await getPayment(ctx, id)).toMatchObject({ status: "failed", failure: { code: "approval_lapsed" } });
    expect(await alarmsOf(id)).toContain("approval_lapsed");
    expect(await transactionsOf(id)).toHaveLength(0);
    expect(await operationsOf(id)).toHaveLength(1);
  });

  it("T4: the completed webhook after the 60 minutes does not finalize", async () => {
    await freshPartner();
    const id = await pending({ expires_in: 172_800 });
    webhooks.hold();
    await test.simulator.control.play(await requestOf(id), "complete");
    await test.simulator.control.idle();
    webhooks.release();
    await passTime(61 * MINUTE_MS);
    await test.simulator.control.idle();
    const deliveries = await test.simulator.control.deliveries({ account: partner.account.id });
    for (const delivery of deliveries.filter((item) => JSON.stringify(item).includes("completed")))
      await test.simulator.control.redeliver(delivery.delivery_id);
    await settleWebhooks();
    expect(await getPayment(ctx, id)).toMatchObject({ status: "failed", failure: { code: "approval_lapsed" } });
    expect(await transactionsOf(id)).toHaveLength(0);
  });

  it.each(["AUTHORIZED", "COMPLETED"] as const)(
    "an approval that shows up for a canceled payment (%s) is recorded, undone and alarmed; the status stays",
    async (state) => {
      await freshPartner();
      const id = await pending({ capture: state === "COMPLETED" ? "automatic" : "manual" });
      await cancelPayment(ctx, id);
      const eventsBefore = await eventsOf(id);
      // Klarna approves by itself what was canceled: a transaction appears under the payment's reference.
      const model = await createPayment(
        ctx,
        body({ amount: 11_802, capture: state === "COMPLETED" ? "automatic" : "manual" }),
      );
      const transactionId = await cloneTransaction(model.id, id);
      await sendSigned(webhooks, {
        type: "payment.transaction.state-change.authorized",
        account: partner.account.id,
        payload: { payment_transaction_id: transactionId, payment_transaction_reference: id, state },
      });
      await processInbox(services);
      await sweepFor(30 * SECOND_MS);
      expect((await getPayment(ctx, id)).status).toBe("canceled");
      const [row] = await services.db.query<{ late: string | null; state: string | null }>({
        text: "select late_transaction_id as late, late_approval_state as state from payments where id = $1",
        values: [id],
      });
      expect(row).toEqual({ late: transactionId, state: state === "COMPLETED" ? "REFUNDED" : "VOIDED" });
      expect(await alarmsOf(id)).toContain("late_approval");
      const [transaction] = (await transactionsOf(id)).filter((item) => item.payment_transaction_id === transactionId);
      if (state === "COMPLETED") expect(transaction?.refunded_amount).toBe(11_802);
      else expect(transaction?.state).toBe("CLOSED");
      expect(await eventsOf(id)).toEqual(eventsBefore);
    },
  );
});

describe("money that is not guaranteed", () => {
  it("is told as pending, and as funded even when Klarna's event about it is lost", async () => {
    await freshPartner();
    await test.simulator.control.account({
      account_id: partner.account.id,
      switches: { payment_funding: "NON_GUARANTEED" },
    });
    const sale = await createPayment(ctx, body({ amount: 10_002 }));
    expect(sale).toMatchObject({ status: "completed", funding: { type: "non_guaranteed", state: "pending" } });
    await test.simulator.control.fault({
      operation: "webhook",
      kind: "lost",
      account: partner.account.id,
      times: null,
    });
    const url = `${test.simulator.url}/_control/transactions/${encodeURIComponent(sale.klarna.payment_transaction_id ?? "")}/funding`;
    const told = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ state: "FUNDED" }),
    });
    expect(told.ok, await told.text()).toBe(true);
    await sweepFor(40 * MINUTE_MS, 10 * MINUTE_MS);
    expect((await getPayment(ctx, sale.id)).funding).toEqual({ type: "non_guaranteed", state: "funded" });
    expect(await eventsOf(sale.id)).toEqual(["payment.completed", "payment.funded"]);
  });
});

describe("Klarna silent for long", () => {
  it("stays finalizing while the final call has no definite answer, past the 60 minutes, and alarms", async () => {
    await freshPartner();
    const id = await pending();
    await test.simulator.control.fault({
      operation: "authorize_final",
      kind: "cut_after",
      account: partner.account.id,
      times: null,
    });
    await test.simulator.control.play(await requestOf(id), "complete");
    await settleWebhooks();
    expect((await getPayment(ctx, id)).status).toBe("finalizing");
    await expect(cancelPayment(ctx, id)).rejects.toMatchObject({ code: "payment_not_cancelable" });
    await sweepFor(65 * MINUTE_MS, 5 * MINUTE_MS);
    expect((await getPayment(ctx, id)).status).toBe("finalizing");
    expect(await alarmsOf(id)).toContain("final_authorize_at_risk");
    await test.simulator.control.clearFaults();
    // The breaker lets a probe through after two seconds of real time.
    await vi.waitFor(
      async () => {
        await sweepFor(6 * MINUTE_MS, 6 * MINUTE_MS);
        expect((await getPayment(ctx, id)).status).toBe("completed");
      },
      { timeout: 15_000, interval: 250 },
    );
    expect(await transactionsOf(id)).toHaveLength(1);
    const finals = (await operationsOf(id)).filter((operation) => operation.kind === "FINAL_AUTHORIZE");
    expect(finals).toHaveLength(1);
  });
});
