import { describe, expect, it } from "vitest";
import type { KlarnaOutcome } from "@/server/klarna/client";
import { asUser } from "@/server/testing/context";
import { paymentHarness, refusalOf } from "@/server/testing/payments";
import type { LineItem } from "./schema";
import {
  advanceDuePayments,
  capturePayment,
  getCapture,
  getPaymentRecord,
  listPaymentCaptures,
  refundPayment,
  updatePayment,
  voidPayment,
} from "./service";

const h = paymentHarness();
const line = (name: string, total: number): LineItem => ({ name, quantity: 1, total_amount: total });

describe("captures", () => {
  it("are made in parts until nothing is left: lines, delivery and reference reach Klarna, each is announced once", async () => {
    const id = await h.authorized();
    const shipping = {
      address: { street_address: "Kungsgatan 1", postal_code: "11143", city: "Stockholm", country: "SE" },
      tracking_number: "SE123456789",
      tracking_url: "https://track.example/SE123456789",
    };
    const first = await capturePayment(h.ctx, id, {
      line_items: [line("Chair", 4_000)],
      reference: "parcel-1",
      shipping,
    });
    expect(first).toMatchObject({
      object: "capture",
      payment: id,
      status: "succeeded",
      amount: 4_000,
      currency: "SEK",
      reference: "parcel-1",
      failure: null,
    });
    expect(await h.read(id)).toMatchObject({ status: "authorized", amount_captured: 4_000, amount_refundable: 4_000 });
    const second = await capturePayment(h.ctx, id, { amount: 1_000 });
    const rest = await capturePayment(h.ctx, id, {});
    expect(rest).toMatchObject({ status: "succeeded", amount: 5_002 });
    expect(await h.read(id)).toMatchObject({ status: "completed", amount_captured: 10_002, amount_voided: 0 });
    expect(await h.eventsOf(id)).toEqual([
      "payment.authorized",
      "payment.updated",
      "payment.updated",
      "payment.completed",
    ]);
    for (const capture of [first, second, rest]) expect(await h.eventsOf(capture.id)).toEqual(["capture.succeeded"]);
    expect((await listPaymentCaptures(h.ctx, id)).map((row) => row.id)).toEqual([first.id, second.id, rest.id]);
    expect(await getCapture(h.ctx, id, first.id)).toEqual(first);

    const transaction = await h.transactionOf(id);
    expect(transaction).toMatchObject({ state: "COMPLETED", captured_amount: 10_002 });
    expect(transaction.captures.map((row) => row.payment_capture_id)).toEqual(
      [first, second, rest].map((row) => row.klarna.payment_capture_id),
    );
    expect(transaction.captures[0]).toMatchObject({
      payment_capture_reference: first.id,
      shipping: [{ address: shipping.address, tracking_number: "SE123456789", tracking_url: shipping.tracking_url }],
    });
    const [stored] = await h.services.db.query<{ shipping: string }>({
      text: "select shipping_secret as shipping from captures where id = $1",
      values: [first.id],
    });
    expect(stored?.shipping).toMatch(/^v1\./);
  });

  it("never go beyond what is left, and lines must add up; what is refused is not sent", async () => {
    const id = await h.authorized();
    expect(await refusalOf(capturePayment(h.ctx, id, { amount: 10_003 }))).toBe("capture_exceeds_authorized");
    expect(await refusalOf(capturePayment(h.ctx, id, { amount: 5, line_items: [line("Chair", 6)] }))).toBe(
      "amount_mismatch",
    );
    await capturePayment(h.ctx, id, { amount: 10_000 });
    expect(await refusalOf(capturePayment(h.ctx, id, { amount: 3 }))).toBe("capture_exceeds_authorized");
    await voidPayment(h.ctx, id);
    expect(await h.read(id)).toMatchObject({ status: "completed", amount_captured: 10_000, amount_voided: 2 });
    expect(await refusalOf(capturePayment(h.ctx, id, {}))).toBe("payment_not_capturable");
    expect(await refusalOf(capturePayment(h.ctx, await h.completed(), {}))).toBe("payment_not_capturable");
    expect((await h.callsOf(id, "capture")).count).toBe(1);
  });

  it("that have no answer count as captured: the rest can be captured, and neither released nor changed meanwhile", async () => {
    const id = await h.authorized();
    await h.control.fault({ operation: "capture", kind: "cut_after", account: h.partner.account.id, times: null });
    const open = await capturePayment(h.ctx, id, { amount: 6_000 });
    expect(open.status).toBe("processing");
    expect(await refusalOf(capturePayment(h.ctx, id, { amount: 4_003 }))).toBe("capture_exceeds_authorized");
    expect(await refusalOf(voidPayment(h.ctx, id))).toBe("payment_not_voidable");
    expect(await refusalOf(updatePayment(h.ctx, id, { amount: 9_000 }))).toBe("payment_not_updatable");
    expect(await refusalOf(refundPayment(h.ctx, id, {}))).toBe("payment_not_refundable");
    const view = await getPaymentRecord(asUser(h.services, "ACQUIRER_ADMIN"), id);
    expect(view).toMatchObject({ amountCapturable: 4_002 });
    expect(view.actions).toMatchObject({ capture: null, void: expect.stringMatching(/no answer/) });
    await h.control.clearFaults();
    expect((await capturePayment(h.ctx, id, { amount: 4_002 })).status).toBe("succeeded");
    await h.sweepFor(30_000);
    expect(await getCapture(h.ctx, id, open.id)).toMatchObject({ status: "succeeded" });
    expect(await h.read(id)).toMatchObject({ status: "completed", amount_captured: 10_002 });
    expect((await h.transactionOf(id)).captures).toHaveLength(2);
  });

  it("that Klarna refuses are failed and announced, and the payment follows what became of it at Klarna", async () => {
    const id = await h.authorized();
    h.webhooks.hold();
    expect((await h.atKlarna(id, "/void")).ok).toBe(true);
    const refused = await capturePayment(h.ctx, id, {});
    expect(refused).toMatchObject({ status: "failed", failure: { code: "klarna_refused" } });
    expect(await h.eventsOf(refused.id)).toEqual(["capture.failed"]);
    expect(await h.read(id)).toMatchObject({ status: "voided", amount_captured: 0, amount_voided: 10_002 });
  });

  it("made at Klarna past us are not guessed: a person is told that the books differ", async () => {
    const id = await h.authorized();
    h.webhooks.hold();
    expect((await h.atKlarna(id, "/captures", { amount: 10_002 })).ok).toBe(true);
    expect(await capturePayment(h.ctx, id, {})).toMatchObject({ status: "failed" });
    expect(await h.read(id)).toMatchObject({ status: "authorized", amount_captured: 0 });
    expect(await h.openAlarmsOf(id)).toEqual(["books_differ"]);
  });

  it("refused because the authorization was lowered at Klarna past us tell a person that the books differ", async () => {
    const id = await h.authorized();
    h.webhooks.hold();
    expect((await h.atKlarna(id, "", { amount: 8_000 }, "PATCH")).ok).toBe(true);
    expect(await capturePayment(h.ctx, id, {})).toMatchObject({ status: "failed" });
    expect(await h.openAlarmsOf(id)).toEqual(["books_differ"]);
    expect(await capturePayment(h.ctx, id, { amount: 8_000 })).toMatchObject({ status: "succeeded" });
  });

  it("and sales without an answer stay unknown while Klarna refuses our credentials, and end as the truth", async () => {
    const target = { account: h.partner.account.id, times: null };
    const id = await h.authorized();
    await h.control.fault({ operation: "authorize", kind: "cut_after", ...target });
    await h.control.fault({ operation: "capture", kind: "cut_after", ...target });
    const sale = await h.create({ capture: "manual" });
    const capture = await capturePayment(h.ctx, id, {});
    expect([sale.status, capture.status]).toEqual(["processing", "processing"]);
    await h.control.clearFaults();
    const error = { status: 401, code: "UNAUTHORIZED", errorId: null, message: null, fields: [] };
    const deny = async (): Promise<KlarnaOutcome> => ({ kind: "refused", error, calls: [] });
    await h.passTime(40_000);
    await advanceDuePayments({ ...h.services, klarna: { ...h.services.klarna, call: deny } });
    expect((await h.read(sale.id)).status).toBe("processing");
    expect((await getCapture(h.ctx, id, capture.id)).status).toBe("processing");
    await h.control.clearFaults();
    await h.letThrough();
    await h.sweepFor(120_000);
    expect((await h.read(sale.id)).status).toBe("authorized");
    expect((await getCapture(h.ctx, id, capture.id)).status).toBe("succeeded");
    expect((await h.transactionOf(id)).captures).toHaveLength(1);
  });

  it("under one key are made once, whatever broke, and again only where nothing was ever sent", async () => {
    const id = await h.authorized();
    const key = "bulk-1:row-7";
    await h.control.fault({ operation: "capture", kind: "cut_after", account: h.partner.account.id, times: null });
    const first = await capturePayment(h.ctx, id, { amount: 3_000 }, { key });
    expect(first.status).toBe("processing");
    await h.control.clearFaults();
    const again = await Promise.all(
      Array.from({ length: 10 }, () => capturePayment(h.ctx, id, { amount: 3_000 }, { key })),
    );
    expect(new Set(again.map((row) => row.id))).toEqual(new Set([first.id]));
    expect(await refusalOf(capturePayment(h.ctx, id, { amount: 3_001 }, { key }))).toBe("idempotency_key_reused");
    await h.sweepFor(30_000);
    expect(await capturePayment(h.ctx, id, { amount: 3_000 }, { key })).toMatchObject({
      id: first.id,
      status: "succeeded",
    });
    expect((await h.transactionOf(id)).captured_amount).toBe(3_000);

    const nobody = (): Promise<KlarnaOutcome> =>
      Promise.resolve({ kind: "not_sent", reason: "ECONNREFUSED", calls: [] });
    const unsent = { ...h.ctx, klarna: { ...h.ctx.klarna, call: nobody } };
    expect(await refusalOf(capturePayment(unsent, id, { amount: 500 }, { key: "row-8" }))).toBe("klarna_unavailable");
    expect(await capturePayment(h.ctx, id, { amount: 500 }, { key: "row-8" })).toMatchObject({ status: "succeeded" });
    expect(await refundPayment(h.ctx, id, { amount: 100, capture: first.id }, { key: "row-9" })).toEqual(
      await refundPayment(h.ctx, id, { amount: 100, capture: first.id }, { key: "row-9" }),
    );
    expect((await h.transactionOf(id)).refunded_amount).toBe(100);
  });

  it("beyond a number of operations that only Klarna knows are refused by it, told so, and change nothing", async () => {
    const id = await h.authorized();
    // Changes made in Klarna's portal count there, and are not known here.
    for (let round = 0; round < 25; round += 1)
      await Promise.all(
        Array.from({ length: 20 }, async () => {
          const answer = await h.atKlarna(id, "", { payment_transaction_reference: id }, "PATCH");
          expect(answer.ok).toBe(true);
        }),
      );
    expect(await capturePayment(h.ctx, id, {})).toMatchObject({
      status: "failed",
      failure: { code: "klarna_refused" },
    });
    expect(await refusalOf(voidPayment(h.ctx, id))).toBe("payment_not_voidable");
    expect(await refusalOf(updatePayment(h.ctx, id, { amount: 9_000 }))).toBe("payment_not_updatable");
    expect(await h.read(id)).toMatchObject({
      status: "authorized",
      amount: 10_002,
      amount_captured: 0,
      amount_voided: 0,
    });
  });
});
