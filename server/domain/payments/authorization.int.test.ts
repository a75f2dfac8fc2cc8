import { describe, expect, it } from "vitest";
import { DAY_MS, HOUR_MS, SECOND_MS } from "@/server/core/time";
import { unique } from "@/server/testing/builders";
import { paymentHarness, refusalOf } from "@/server/testing/payments";
import {
  advanceDuePayments,
  capturePayment,
  reauthorizePayment,
  refundPayment,
  updatePayment,
  voidPayment,
} from "./service";
import { REAUTHORIZE_WITHIN_MS } from "./states";

const h = paymentHarness();
const line = (name: string, total: number) => ({ name, quantity: 1, total_amount: total });

describe("releasing the rest", () => {
  it("leaves what was captured, completes the payment, and releasing again changes nothing", async () => {
    const id = await h.authorized();
    await capturePayment(h.ctx, id, { amount: 4_000 });
    expect(await voidPayment(h.ctx, id)).toMatchObject({
      status: "completed",
      amount_captured: 4_000,
      amount_voided: 6_002,
    });
    expect(await voidPayment(h.ctx, id)).toMatchObject({ status: "completed", amount_voided: 6_002 });
    expect(await h.transactionOf(id)).toMatchObject({
      state: "COMPLETED",
      captured_amount: 4_000,
      voided_amount: 6_002,
    });
    expect((await h.callsOf(id, "void")).count).toBe(1);
    expect(await refundPayment(h.ctx, id, {})).toMatchObject({ status: "succeeded", amount: 4_000 });
  });
});

describe("changing a payment", () => {
  it("lowers an authorized amount, never raises it, and completes the payment when only what was captured is left", async () => {
    const id = await h.authorized();
    expect(await updatePayment(h.ctx, id, { amount: 8_000 })).toMatchObject({
      status: "authorized",
      amount: 8_000,
      amount_authorized: 8_000,
    });
    expect(await refusalOf(updatePayment(h.ctx, id, { amount: 8_001 }))).toBe("rule_broken");
    await capturePayment(h.ctx, id, { amount: 5_000 });
    expect(await refusalOf(updatePayment(h.ctx, id, { amount: 4_999 }))).toBe("rule_broken");
    expect(await h.transactionOf(id)).toMatchObject({ amount: 8_000, captured_amount: 5_000 });
    expect(await updatePayment(h.ctx, id, { amount: 5_000 })).toMatchObject({
      status: "completed",
      amount_captured: 5_000,
    });
    expect(await h.transactionOf(id)).toMatchObject({ amount: 5_000, state: "COMPLETED" });
    expect(await refusalOf(updatePayment(h.ctx, id, { amount: 1_000 }))).toBe("payment_not_updatable");
    expect(await h.eventsOf(id)).toEqual([
      "payment.authorized",
      "payment.updated",
      "payment.updated",
      "payment.completed",
    ]);
  });

  it("changes reference, lines, delivery and metadata at once; lines must add up, a reference is used once", async () => {
    const taken = (await h.read(await h.completed())).reference;
    const id = await h.authorized({ line_items: [line("Chair", 9_000), line("Cushion", 1_002)] });
    expect(await refusalOf(updatePayment(h.ctx, id, { amount: 9_000 }))).toBe("amount_mismatch");
    expect(await refusalOf(updatePayment(h.ctx, id, { reference: taken }))).toBe("reference_taken");
    const reference = unique("order");
    const shipping = {
      reference: "parcel",
      address: { street_address: "Kungsgatan 1", postal_code: "11143", city: "Stockholm", country: "SE" },
    };
    const changed = await updatePayment(h.ctx, id, {
      amount: 9_000,
      line_items: [line("Chair", 9_000)],
      reference,
      shipping,
      metadata: { basket: "7" },
    });
    expect(changed).toMatchObject({ amount: 9_000, reference, metadata: { basket: "7" } });
    expect(await h.transactionOf(id)).toMatchObject({
      amount: 9_000,
      purchase_reference: reference,
      line_items: [{ name: "Chair", total_amount: 9_000 }],
      shipping: [{ shipping_reference: "parcel", address: shipping.address }],
    });
    expect((await h.callsOf(id, "update_transaction")).count).toBe(1);
    expect(await updatePayment(h.ctx, id, { amount: 9_000, reference, shipping })).toMatchObject({ amount: 9_000 });
    expect((await h.callsOf(id, "update_transaction")).count).toBe(1);
  });

  it("keeps its reference where another payment took the new one meanwhile, and tells a person; the rest holds", async () => {
    const id = await h.authorized();
    const before = await h.read(id);
    const reference = unique("order");
    const { klarna } = h.ctx;
    const call: typeof klarna.call = async (request, options) => {
      if (request.operation === "update_transaction") await h.completed({ reference });
      return klarna.call(request, options);
    };
    const meanwhile = { ...h.ctx, klarna: { ...klarna, call } };
    expect(await updatePayment(meanwhile, id, { reference, amount: 9_000 })).toMatchObject({
      amount: 9_000,
      reference: before.reference,
    });
    expect(await h.openAlarmsOf(id)).toEqual(["reference_differs"]);
  });

  it("changes metadata in any state, and Klarna hears nothing of it", async () => {
    const id = await h.completed();
    expect(await updatePayment(h.ctx, id, { metadata: { note: "later" } })).toMatchObject({
      metadata: { note: "later" },
    });
    expect((await h.callsOf(id, "update_transaction")).count).toBe(0);
    expect((await h.eventsOf(id)).at(-1)).toBe("payment.updated");
  });

  it("changes the open request until the customer begins; what is finalized then is the changed amount", async () => {
    const payment = await h.create({ amount: 11_850 });
    expect(payment.status).toBe("pending");
    const request = payment.klarna.payment_request_id ?? "";
    expect(await updatePayment(h.ctx, payment.id, { amount: 9_950 })).toMatchObject({
      status: "pending",
      amount: 9_950,
    });
    expect(await h.control.request(request)).toMatchObject({ amount: 9_950 });
    await h.control.play(request, "open");
    await h.settleWebhooks();
    expect(await refusalOf(updatePayment(h.ctx, payment.id, { amount: 9_000 }))).toBe("payment_not_updatable");
    await h.control.play(request, "complete");
    await h.settleWebhooks();
    expect(await h.read(payment.id)).toMatchObject({ status: "completed", amount: 9_950, amount_captured: 9_950 });
    expect(await h.transactionOf(payment.id)).toMatchObject({ amount: 9_950, captured_amount: 9_950 });
  });

  it("whose answer is lost is settled before the final call: both say the same amount", async () => {
    const payment = await h.create({ amount: 11_850 });
    const request = payment.klarna.payment_request_id ?? "";
    await h.control.fault({
      operation: "update_request",
      kind: "cut_after",
      account: h.partner.account.id,
      times: null,
    });
    expect(await updatePayment(h.ctx, payment.id, { amount: 9_950 })).toMatchObject({ amount: 11_850 });
    expect(await updatePayment(h.ctx, payment.id, { amount: 9_950 })).toMatchObject({ amount: 11_850 });
    expect(await refusalOf(updatePayment(h.ctx, payment.id, { amount: 9_000 }))).toBe("payment_not_updatable");
    await h.control.play(request, "complete");
    await h.settleWebhooks();
    expect((await h.read(payment.id)).status).toBe("finalizing");
    await h.control.clearFaults();
    await h.sweepFor(60 * SECOND_MS);
    expect(await h.read(payment.id)).toMatchObject({ status: "completed", amount: 9_950, amount_captured: 9_950 });
    expect((await h.transactionOf(payment.id)).amount).toBe(9_950);
    expect(await h.operationsOf(payment.id, "UPDATE")).toMatchObject([
      { state: "SUCCEEDED", result: "REQUEST_UPDATED" },
    ]);
  });
});

describe("the end of an authorization", () => {
  it("is warned of once, five days before, and the warning is answered by capturing the rest", async () => {
    const id = await h.authorized();
    await h.passTime(23 * DAY_MS - HOUR_MS);
    await advanceDuePayments(h.services);
    expect(await h.openAlarmsOf(id)).toEqual([]);
    await h.passTime(2 * HOUR_MS);
    await advanceDuePayments(h.services);
    await h.passTime(2 * DAY_MS);
    await advanceDuePayments(h.services);
    expect(await h.openAlarmsOf(id)).toEqual(["authorization_ending"]);
    expect(await h.eventsOf(id)).toEqual(["payment.authorized", "payment.updated"]);
    expect((await h.read(id)).authorization_expires_at).toMatch(/^2/);
    await capturePayment(h.ctx, id, {});
    expect(await h.openAlarmsOf(id)).toEqual([]);
  });

  it("can be renewed within 7 days: the payment is authorized again, with a new period and a new warning", async () => {
    const id = await h.authorized();
    await capturePayment(h.ctx, id, { amount: 4_000 });
    expect(await refusalOf(reauthorizePayment(h.ctx, id))).toBe("payment_not_reauthorizable");
    await h.passTime(28 * DAY_MS + HOUR_MS);
    await advanceDuePayments(h.services);
    expect(await h.read(id)).toMatchObject({ status: "authorization_expired", amount_refundable: 4_000 });
    expect(await refusalOf(capturePayment(h.ctx, id, {}))).toBe("payment_not_capturable");
    expect(await refundPayment(h.ctx, id, { amount: 1_000 })).toMatchObject({ status: "succeeded" });
    await h.passTime(6 * DAY_MS);
    const before = h.services.clock.now().getTime();
    const renewed = await reauthorizePayment(h.ctx, id);
    expect(renewed.status).toBe("authorized");
    expect(new Date(renewed.authorization_expires_at ?? 0).getTime()).toBeGreaterThan(before + 27 * DAY_MS);
    expect((await h.transactionOf(id)).state).toBe("AUTHORIZED");
    await h.passTime(24 * DAY_MS);
    await advanceDuePayments(h.services);
    expect(await h.openAlarmsOf(id)).toEqual(["authorization_ending"]);
    expect(await capturePayment(h.ctx, id, {})).toMatchObject({ amount: 6_002, status: "succeeded" });
    expect((await h.eventsOf(id)).filter((type) => type === "payment.authorized")).toHaveLength(2);
  });

  it.each([
    ["voided", 0],
    ["completed", 4_000],
  ] as const)("is final after 7 days without a renewal: %s where %i was captured", async (status, captured) => {
    const id = await h.authorized();
    if (captured > 0) await capturePayment(h.ctx, id, { amount: captured });
    await h.passTime(28 * DAY_MS + HOUR_MS);
    await advanceDuePayments(h.services);
    expect((await h.read(id)).status).toBe("authorization_expired");
    await h.passTime(REAUTHORIZE_WITHIN_MS - 2 * HOUR_MS);
    await advanceDuePayments(h.services);
    expect((await h.read(id)).status).toBe("authorization_expired");
    await h.passTime(3 * HOUR_MS);
    expect(await refusalOf(reauthorizePayment(h.ctx, id))).toBe("payment_not_reauthorizable");
    await advanceDuePayments(h.services);
    expect(await h.read(id)).toMatchObject({ status, amount_captured: captured, amount_voided: 10_002 - captured });
    expect((await h.transactionOf(id)).state).toBe(captured === 0 ? "CLOSED" : "COMPLETED");
    expect((await h.eventsOf(id)).at(-1)).toBe(`payment.${status}`);
  });

  it("is read and not taken from an event: one that is older than a renewal does not end it again", async () => {
    const id = await h.authorized();
    h.webhooks.hold();
    await h.passTime(28 * DAY_MS + HOUR_MS);
    await advanceDuePayments(h.services);
    await reauthorizePayment(h.ctx, id);
    h.webhooks.release();
    await h.control.idle();
    await h.passTime(10 * SECOND_MS);
    await h.settleWebhooks();
    expect((await h.read(id)).status).toBe("authorized");
  });
});
