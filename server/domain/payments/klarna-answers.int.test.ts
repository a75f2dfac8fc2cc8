import { beforeEach, describe, expect, it, vi } from "vitest";
import { HOUR_MS, MINUTE_MS, SECOND_MS } from "@/server/core/time";
import { processInbox } from "@/server/domain/inbox/service";
import { makePartner } from "@/server/testing/builders";
import { asApiKey, testServices } from "@/server/testing/context";
import { paymentHarness, STEP_UP } from "@/server/testing/payments";
import { sendSigned } from "@/server/testing/signed-event";
import { CreatePaymentSchema } from "./schema";
import { advanceDuePayments, cancelPayment, createPayment } from "./service";

/* What becomes of a payment when Klarna answers late, wrongly or not at all. */

const h = paymentHarness();
beforeEach(() => h.letThrough());

const authorizeCalls = async (id: string) =>
  (await h.control.calls({ account: h.partner.account.id })).filter(
    (call) => call.operation.startsWith("authorize") && JSON.stringify(call).includes(id),
  );

describe("Klarna's answers", () => {
  it("R8: an answer after our time-out leaves the payment processing, then one request is found with the same key", async () => {
    await h.freshPartner();
    await h.control.fault({
      operation: "authorize",
      kind: "slow",
      delay_ms: 6_000,
      account: h.partner.account.id,
      times: 1,
    });
    const payment = await h.create(STEP_UP);
    expect(payment.status).toBe("processing");
    await h.control.clearFaults();
    // As long as the first call is held, the same key is refused as running; then it tells what became of it.
    const repeated = async () => {
      await h.sweepFor(40 * SECOND_MS);
      return (await h.read(payment.id)).status;
    };
    await expect.poll(repeated, { interval: 500 }).toBe("pending");
    const calls = await authorizeCalls(payment.id);
    expect(new Set(calls.map((call) => call.idempotency_key)).size).toBe(1);
    expect(await h.control.requests({ payment_request_reference: payment.id })).toHaveLength(1);
  });

  it.each(["cut_after", "cut_before", "cut_halfway"] as const)(
    "R9: a dropped connection (%s) is repeated with the same key and ends in one request",
    async (kind) => {
      await h.freshPartner();
      await h.control.fault({ operation: "authorize", kind, account: h.partner.account.id, times: 1 });
      const payment = await h.create(STEP_UP);
      expect(payment.status).toBe("pending");
      const calls = await authorizeCalls(payment.id);
      expect(calls.length).toBeGreaterThanOrEqual(2);
      expect(new Set(calls.map((call) => call.idempotency_key)).size).toBe(1);
      expect(await h.control.requests({ payment_request_reference: payment.id })).toHaveLength(1);
    },
  );

  it.each(["status_500", "html_502", "malformed", "wrong_schema", "status_500_after"] as const)(
    "R10: %s on every attempt is unknown, never failed and never succeeded, until the same key brings the truth",
    async (kind) => {
      await h.freshPartner();
      await h.control.fault({ operation: "authorize", kind, account: h.partner.account.id, times: null });
      const payment = await h.create(STEP_UP);
      expect(payment.status).toBe("processing");
      expect((await h.journalOf(payment.id))[0]).toMatchObject({ kind: "AUTHORIZE", state: "UNKNOWN" });
      await h.control.clearFaults();
      await h.letThrough();
      await h.sweepFor(60 * SECOND_MS);
      expect((await h.read(payment.id)).status).toBe("pending");
      expect(await h.control.requests({ payment_request_reference: payment.id })).toHaveLength(1);
    },
  );

  it("R11: an unknown call older than Klarna keeps its key is not sent again, and a person is told", async () => {
    await h.freshPartner();
    await h.control.fault({
      operation: "authorize",
      kind: "cut_after",
      account: h.partner.account.id,
      times: null,
    });
    const payment = await h.create(STEP_UP);
    await h.control.clearFaults();
    const before = (await authorizeCalls(payment.id)).length;
    h.test.clock.advance(25 * HOUR_MS);
    await advanceDuePayments(h.services);
    expect((await authorizeCalls(payment.id)).length).toBe(before);
    expect((await h.read(payment.id)).status).toBe("processing");
    expect(await h.openAlarmsOf(payment.id)).toContain("outcome_unknown");
    await h.control.advance(25 * HOUR_MS);
  });

  it.each(["AUTHORIZE", "FINAL_AUTHORIZE"] as const)(
    "R11: an approval (%s) that nobody heard of for a day is not asked for again, and is taken over from Klarna's event",
    async (kind) => {
      await h.freshPartner();
      await h.retire();
      const operation = kind === "AUTHORIZE" ? "authorize" : "authorize_final";
      const lose = () => h.control.fault({ operation, kind: "cut_after", account: h.partner.account.id, times: null });
      if (kind === "AUTHORIZE") await lose();
      const { id } = await h.create(kind === "AUTHORIZE" ? {} : STEP_UP);
      if (kind === "FINAL_AUTHORIZE") {
        await lose();
        await h.control.play(await h.requestOf(id), "complete");
        await h.settleWebhooks();
      }
      const status = kind === "AUTHORIZE" ? "processing" : "finalizing";
      expect((await h.read(id)).status).toBe(status);
      const { length } = await authorizeCalls(id);
      await h.passTime(24 * HOUR_MS);
      await h.control.clearFaults();
      await h.letThrough();
      await advanceDuePayments(h.services);
      expect((await h.read(id)).status).toBe(status);
      expect(await authorizeCalls(id)).toHaveLength(length);
      expect(await h.openAlarmsOf(id)).toContain("outcome_unknown");
      const { payment_transaction_id: transaction } = await h.transactionOf(id);
      await sendSigned(h.webhooks, {
        type: "payment.transaction.state-change.completed",
        account: h.partner.account.id,
        payload: { payment_transaction_id: transaction, payment_transaction_reference: id, state: "COMPLETED" },
      });
      await processInbox(h.services);
      const amount = kind === "AUTHORIZE" ? 10_002 : 11_850;
      expect(await h.read(id)).toMatchObject({
        ...{ status: "completed", amount_captured: amount, amount_refundable: amount },
      });
      expect(await authorizeCalls(id)).toHaveLength(length);
      expect((await h.journalOf(id)).filter((row) => row.kind === kind)).toMatchObject([{ state: "SUCCEEDED" }]);
    },
  );

  it("repeats a final call that answered 500 with the same key: one transaction", async () => {
    await h.freshPartner();
    const id = await h.pending();
    await h.control.fault({
      operation: "authorize_final",
      kind: "status_500_after",
      account: h.partner.account.id,
      times: 1,
    });
    await h.control.play(await h.requestOf(id), "complete");
    await h.settleWebhooks();
    // The call repeats itself while the repeats of all calls leave one; else the background does, in its own time.
    await h.sweepFor(2 * MINUTE_MS);
    await h.settleWebhooks();
    expect((await h.read(id)).status).toBe("completed");
    expect(await h.transactionsOf(id)).toHaveLength(1);
  });

  it("follows Klarna when the final call is declined or steps up again", async () => {
    await h.freshPartner();
    const declined = await h.pending();
    await h.control.fault({
      operation: "authorize_final",
      kind: "decline",
      account: h.partner.account.id,
      times: 1,
    });
    await h.control.play(await h.requestOf(declined), "complete");
    await h.settleWebhooks();
    expect((await h.read(declined)).status).toBe("declined");

    const again = await h.pending();
    const firstRequest = await h.requestOf(again);
    await h.control.fault({
      operation: "authorize_final",
      kind: "step_up_again",
      account: h.partner.account.id,
      times: 1,
    });
    await h.control.play(firstRequest, "complete");
    await h.settleWebhooks();
    expect((await h.read(again)).status).toBe("pending");
    expect(await h.requestOf(again)).not.toBe(firstRequest);
    await h.control.play(await h.requestOf(again), "complete");
    await h.settleWebhooks();
    expect((await h.read(again)).status).toBe("completed");
    expect(await h.transactionsOf(again)).toHaveLength(1);
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

describe("Klarna silent for long", () => {
  it("stays finalizing while the final call has no definite answer, past the 60 minutes, and alarms", async () => {
    await h.freshPartner();
    const id = await h.pending();
    await h.control.fault({
      operation: "authorize_final",
      kind: "cut_after",
      account: h.partner.account.id,
      times: null,
    });
    await h.control.play(await h.requestOf(id), "complete");
    await h.settleWebhooks();
    expect((await h.read(id)).status).toBe("finalizing");
    await expect(cancelPayment(h.ctx, id)).rejects.toMatchObject({ code: "payment_not_cancelable" });
    await h.sweepFor(65 * MINUTE_MS, 5 * MINUTE_MS);
    expect((await h.read(id)).status).toBe("finalizing");
    expect(await h.openAlarmsOf(id)).toContain("final_authorize_at_risk");
    await h.control.clearFaults();
    // The breaker lets a probe through after two seconds of real time.
    await vi.waitFor(
      async () => {
        await h.sweepFor(6 * MINUTE_MS, 6 * MINUTE_MS);
        expect((await h.read(id)).status).toBe("completed");
      },
      { timeout: 30_000, interval: 250 },
    );
    expect(await h.transactionsOf(id)).toHaveLength(1);
    const finals = (await h.journalOf(id)).filter((operation) => operation.kind === "FINAL_AUTHORIZE");
    expect(finals).toHaveLength(1);
  });
});
