import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { Services } from "@/server/context";
import { MINUTE_MS, SECOND_MS } from "@/server/core/time";
import { unique } from "@/server/testing/builders";
import { paymentHarness, STEP_UP } from "@/server/testing/payments";
import { sendSigned } from "@/server/testing/signed-event";
import { CreatePaymentSchema } from "./schema";
import { cancelPayment, capturePayment, createPayment, getPaymentTimeline, voidPayment } from "./service";

/*
 * The payment in store against the simulator: each way it can go, with transactions counted at the simulator. What Klarna's
 * answers and webhooks do to it is in klarna-answers and klarna-webhooks.
 */

const h = paymentHarness();

describe("a payment in store", () => {
  it("is completed at once when Klarna approves at once", async () => {
    await h.freshPartner();
    const payment = await h.create({ amount: 10_002 });
    expect(payment).toMatchObject({
      status: "completed",
      amount_authorized: 10_002,
      amount_captured: 10_002,
      amount_refundable: 10_002,
    });
    expect(payment.klarna.payment_transaction_id).toMatch(/^krn:payment:/);
    expect(await h.transactionsOf(payment.id)).toHaveLength(1);
    expect(await h.eventsOf(payment.id)).toEqual(["payment.completed"]);
  });

  it("is declined at once with a neutral word, and Klarna's reason stays with staff", async () => {
    await h.freshPartner();
    const payment = await h.create({ amount: 10_001 });
    expect(payment).toMatchObject({ status: "declined", decline: { reason: "declined" }, amount_authorized: 0 });
    expect(await h.transactionsOf(payment.id)).toHaveLength(0);
    expect(await h.eventsOf(payment.id)).toEqual(["payment.declined"]);
  });

  it("shows Klarna's QR, then completes when the customer approves: one transaction", async () => {
    await h.freshPartner();
    const id = await h.pending();
    const before = await h.read(id);
    expect(before.klarna.qr_code?.target_url).toBe(before.klarna.payment_request_url);
    await h.control.play(await h.requestOf(id), "open");
    await h.settleWebhooks();
    expect((await h.read(id)).status).toBe("in_progress");
    await h.control.play(await h.requestOf(id), "complete");
    await h.settleWebhooks();
    expect(await h.read(id)).toMatchObject({ status: "completed", amount_captured: 11_850, qr: null });
    expect(await h.transactionsOf(id)).toHaveLength(1);
    expect(await h.eventsOf(id)).toEqual([
      "payment.pending",
      "payment.in_progress",
      "payment.updated",
      "payment.completed",
    ]);
    const timeline = await getPaymentTimeline(h.ctx, id, { withMessages: true }).catch(() => null);
    expect(timeline).toBeNull();
  });

  it("is authorized only with manual capture, and can be voided", async () => {
    await h.freshPartner();
    const id = await h.pending({ capture: "manual" });
    await h.control.play(await h.requestOf(id), "complete");
    await h.settleWebhooks();
    expect(await h.read(id)).toMatchObject({
      status: "authorized",
      amount_authorized: 11_850,
      amount_captured: 0,
    });
    expect(await voidPayment(h.ctx, id)).toMatchObject({ status: "voided", amount_voided: 11_850 });
    const [transaction] = await h.transactionsOf(id);
    expect(transaction?.state).toBe("CLOSED");
    await expect(voidPayment(h.ctx, id)).resolves.toMatchObject({ status: "voided" });
  });

  it("tells a void that Klarna refuses or cannot hear as what it is, and leaves one that is unknown open", async () => {
    await h.freshPartner();
    const authorized = async (): Promise<string> => {
      const sale = await h.create({ amount: 10_002, capture: "manual" });
      expect(sale.status).toBe("authorized");
      return sale.id;
    };
    const unknown = await authorized();
    const fault = { operation: "void", account: h.partner.account.id } as const;
    await h.control.fault({ ...fault, kind: "cut_after", times: null });
    expect((await voidPayment(h.ctx, unknown)).status).toBe("authorized");
    await h.control.clearFaults();
    await h.sweepFor(30 * SECOND_MS);
    expect((await h.read(unknown)).status).toBe("voided");
    const refused = await authorized();
    const [transaction] = await h.transactionsOf(refused);
    const path = `/v2/accounts/${h.partner.account.id}/payment/transactions/${transaction?.payment_transaction_id}/void`;
    const behind = await fetch(`${h.test.simulator.url}${path}`, {
      method: "POST",
      headers: {
        authorization: `Basic ${h.test.simulator.apiKey}`,
        "content-type": "application/json",
        "klarna-idempotency-key": randomUUID(),
      },
      body: "{}",
    });
    expect(behind.ok).toBe(true);
    await expect(voidPayment(h.ctx, refused)).rejects.toMatchObject({ code: "payment_not_voidable" });
  });

  it("is declined in the journey", async () => {
    await h.freshPartner();
    const id = await h.pending();
    await h.control.play(await h.requestOf(id), "open");
    await h.control.play(await h.requestOf(id), "decline");
    await h.settleWebhooks();
    expect((await h.read(id)).status).toBe("declined");
    expect(await h.transactionsOf(id)).toHaveLength(0);
  });

  it("goes back to pending when the customer leaves, and can still be completed", async () => {
    await h.freshPartner();
    const id = await h.pending();
    const request = await h.requestOf(id);
    await h.control.play(request, "open");
    await h.settleWebhooks();
    await h.control.play(request, "leave");
    await h.settleWebhooks();
    expect((await h.read(id)).status).toBe("pending");
    await h.control.play(request, "open");
    await h.control.play(request, "complete");
    await h.settleWebhooks();
    expect((await h.read(id)).status).toBe("completed");
    expect(await h.transactionsOf(id)).toHaveLength(1);
  });

  it("is canceled by the cashier only once Klarna confirmed it", async () => {
    await h.freshPartner();
    const id = await h.pending();
    expect((await cancelPayment(h.ctx, id)).status).toBe("canceled");
    expect((await h.control.request(await h.requestOf(id))).state).toBe("CANCELED");
    expect((await cancelPayment(h.ctx, id)).status).toBe("canceled");
    expect((await h.eventsOf(id)).filter((type) => type === "payment.canceled")).toHaveLength(1);
  });

  it("stays pending, marked, while Klarna does not answer the cancel, and ends canceled afterwards", async () => {
    await h.freshPartner();
    const id = await h.pending();
    await h.control.fault({
      operation: "cancel_request",
      kind: "status_500",
      account: h.partner.account.id,
      times: null,
    });
    expect((await cancelPayment(h.ctx, id)).status).toBe("pending");
    await h.control.clearFaults();
    await h.sweepFor(30 * SECOND_MS);
    expect((await h.read(id)).status).toBe("canceled");
  });

  it("ends canceled when Klarna canceled a request that was just finished, and the answer was lost", async () => {
    await h.freshPartner();
    const id = await h.pending();
    const request = await h.requestOf(id);
    const match = { payment_request_id: request };
    // The cashier cancels and Klarna cannot hear it; meanwhile its event says that the customer has finished.
    await h.control.fault({ operation: "cancel_request", kind: "status_500", times: 4, match });
    expect((await cancelPayment(h.ctx, id)).status).toBe("pending");
    // The repeat is done at Klarna and its answer is lost: from then on Klarna refuses to cancel what is canceled.
    await h.control.fault({ operation: "cancel_request", kind: "status_500_after", times: 1, match });
    await sendSigned(h.webhooks, {
      type: "payment.request.state-change.completed",
      account: h.partner.account.id,
      occurredAt: h.test.clock.now(),
      payload: { ...match, payment_request_reference: id, state: "COMPLETED", payment_token: "krn:payment-token:x" },
    });
    await h.settleWebhooks();
    await h.sweepFor(MINUTE_MS);
    expect((await h.control.request(request)).state).toBe("CANCELED");
    expect((await h.read(id)).status).toBe("canceled");
    expect((await h.eventsOf(id)).filter((type) => type === "payment.canceled")).toHaveLength(1);
    expect(await h.transactionsOf(id)).toHaveLength(0);
  });

  it("refuses a cancel once the payment is completed", async () => {
    await h.freshPartner();
    const id = await h.pending();
    await h.control.play(await h.requestOf(id), "complete");
    await h.settleWebhooks();
    await expect(cancelPayment(h.ctx, id)).rejects.toMatchObject({ code: "payment_not_cancelable" });
  });

  it("has exactly one outcome when a cancel races with completion", async () => {
    await h.freshPartner();
    for (let round = 0; round < 8; round += 1) {
      const id = await h.pending();
      const request = await h.requestOf(id);
      const canceling = (
        round % 2 === 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, round))
      ).then(() =>
        cancelPayment(h.ctx, id).then(
          (payment) => payment.status,
          () => "refused",
        ),
      );
      await Promise.all([canceling, h.control.play(request, "complete").catch(() => null)]);
      await h.settleWebhooks();
      await h.sweepFor(30 * SECOND_MS);
      const { status } = await h.read(id);
      const transactions = await h.transactionsOf(id);
      expect(["canceled", "completed"]).toContain(status);
      expect(transactions).toHaveLength(status === "completed" ? 1 : 0);
      expect(
        (await h.eventsOf(id)).filter((type) => type === "payment.canceled" || type === "payment.completed"),
      ).toHaveLength(1);
    }
  });

  it("expires when the customer never finishes, after Klarna canceled the request", async () => {
    await h.freshPartner();
    const id = await h.pending({ expires_in: 300 });
    await h.sweepFor(6 * MINUTE_MS, 30 * SECOND_MS);
    expect((await h.read(id)).status).toBe("expired");
    expect((await h.control.request(await h.requestOf(id))).state).toBe("CANCELED");
    expect(await h.transactionsOf(id)).toHaveLength(0);
    expect((await h.eventsOf(id)).at(-1)).toBe("payment.expired");
  });

  it("frees its reference when it ended unpaid, and holds it while it may be paid", async () => {
    await h.freshPartner();
    const reference = unique("order");
    const id = await h.pending({ reference });
    await expect(h.create({ ...STEP_UP, reference })).rejects.toMatchObject({ code: "reference_taken" });
    await cancelPayment(h.ctx, id);
    expect((await h.create({ ...STEP_UP, reference })).status).toBe("pending");
  });

  it("takes a reference again where the Partner says so, and only there", async () => {
    await h.freshPartner();
    const reference = unique("order");
    const first = await h.pending({ reference });
    const again = await h.pending({ reference, allow_repeat_reference: true });
    expect(again).not.toBe(first);
    await expect(h.create({ ...STEP_UP, reference })).rejects.toMatchObject({ code: "reference_taken" });
    expect((await h.create({ ...STEP_UP, reference, allow_repeat_reference: true })).status).toBe("pending");
  });

  it.each([
    { asked: "automatic", told: "NOW", done: "LATER", alarm: "capture_missing" },
    { asked: "manual", told: "LATER", done: "NOW", alarm: "books_differ" },
  ] as const)(
    "$asked capture was asked for, and Klarna did the other: authorized, and a person is told",
    async (turn) => {
      await h.freshPartner();
      const { klarna } = h.services;
      type Body = { request_payment_transaction: { capture: string } };
      const other: Services["klarna"] = {
        ...klarna,
        call: (request, options) => {
          if (request.operation !== "authorize") return klarna.call(request, options);
          const body = structuredClone(request.body) as Body;
          expect(body.request_payment_transaction.capture).toBe(turn.told);
          body.request_payment_transaction.capture = turn.done;
          return klarna.call({ ...request, body }, options);
        },
      };
      const input = CreatePaymentSchema.parse({
        ...{ amount: 10_002, currency: "SEK", reference: unique("order"), capture: turn.asked },
        ...{ store: { id: h.partner.store.id }, terminal: { id: h.partner.terminal.id } },
      });
      const sale = await createPayment({ ...h.ctx, klarna: other }, input);
      expect(sale).toMatchObject({
        ...{ status: "authorized", capture: turn.asked, amount_authorized: 10_002 },
        ...{ amount_captured: 0, amount_refundable: 0 },
      });
      expect(await h.openAlarmsOf(sale.id)).toEqual([turn.alarm]);
      expect(await h.eventsOf(sale.id)).toEqual(["payment.authorized"]);
      if (turn.asked === "manual") return;
      expect(await capturePayment(h.ctx, sale.id, {})).toMatchObject({ status: "succeeded", amount: 10_002 });
      expect(await h.transactionOf(sale.id)).toMatchObject({ captured_amount: 10_002 });
    },
  );

  it("makes an inline store once, and refuses the same reference with another address", async () => {
    await h.freshPartner();
    const reference = unique("popup");
    const address = { street_address: "Kungsgatan 1", postal_code: "11143", city: "Stockholm", country: "SE" };
    const details = { reference, name: "Pop-up", address };
    const first = await h.create({ ...STEP_UP, store: { details }, terminal: { reference: "T-1" } });
    expect(first).toMatchObject({ status: "pending", store: { reference }, terminal: { reference: "T-1" } });
    const second = await h.create({ ...STEP_UP, store: { details }, terminal: { reference: "T-1" } });
    expect(second.store?.id).toBe(first.store?.id);
    await expect(
      h.create({
        ...STEP_UP,
        store: { details: { ...details, address: { ...address, city: "Malmö" } } },
        terminal: { reference: "T-1" },
      }),
    ).rejects.toMatchObject({ code: "store_details_differ" });
  });
});
