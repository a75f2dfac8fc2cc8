import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { Services } from "@/server/context";
import { HOUR_MS, MINUTE_MS, SECOND_MS } from "@/server/core/time";
import {
  advanceDuePayments,
  cancelPayment,
  capturePayment,
  getPayment,
  refundPayment,
  updatePayment,
  voidPayment,
} from "@/server/domain/payments/service";
import { unique } from "@/server/testing/builders";
import { classicHarness } from "@/server/testing/classic-harness";

/* The order that a classic session ends in: captured, refunded, released and changed by order management. */

const h = classicHarness();
const {
  alarmsOf,
  asMerchant,
  becomes,
  callsOf,
  distributed,
  eventsOf,
  expectEqualBooks,
  freshPartner,
  journalOf,
  lose,
  ordersOf,
  passTime,
  sessionOf,
  sweepFor,
} = h;

describe("the order", () => {
  it("R9: the answer of the capture is lost: asked again with the same key, captured once", async () => {
    const id = await distributed("qr");
    await lose("order_capture", "cut_after", 4);
    await lose("order_read", "status_503", 1);
    await h.classic.play(await sessionOf(id), "complete");
    await becomes(id, "completed");
    expect((await journalOf(id)).filter((row) => row.kind === "CAPTURE")).toHaveLength(1);
    await expectEqualBooks(id);
  });

  it("R11: a day later the order is captured and does not say by which call: that is no failure, and a person is told", async () => {
    await freshPartner();
    const id = await distributed("qr");
    const { klarna } = h.services;
    type Body = { captures?: { reference?: string }[] };
    const blind: Services = {
      ...h.services,
      klarna: {
        ...klarna,
        call: async (request, options) => {
          const outcome = await klarna.call(request, options);
          if (request.operation !== "order_read" || outcome.kind !== "answered") return outcome;
          const body = outcome.body as Body;
          return { ...outcome, body: { ...body, captures: body.captures?.map(({ reference: _, ...rest }) => rest) } };
        },
      },
    };
    await lose("order_capture", "cut_after", null);
    await h.classic.play(await sessionOf(id), "complete");
    for (let turn = 0; turn < 4; turn += 1) {
      await passTime(20 * SECOND_MS);
      await advanceDuePayments(blind);
    }
    expect((await ordersOf(id))[0]).toMatchObject({ captured_amount: 18_000 });
    await passTime(24 * HOUR_MS);
    await h.control.clearFaults();
    await h.letThrough();
    await advanceDuePayments(blind);
    expect((await getPayment(h.ctx, id)).status).toBe("finalizing");
    expect(await alarmsOf(id)).toContain("outcome_unknown");
    await passTime(HOUR_MS);
    await becomes(id, "completed");
    await expectEqualBooks(id);
  });

  it("R21: a sale that is being settled is not canceled any more", async () => {
    const id = await distributed("qr");
    await lose("order_capture", "cut_before", 4);
    await h.classic.play(await sessionOf(id), "complete");
    await becomes(id, "finalizing");
    await expect(cancelPayment(h.ctx, id)).rejects.toMatchObject({ code: "payment_not_cancelable" });
    await becomes(id, "completed");
    await expectEqualBooks(id);
  });

  async function paid(capture: "automatic" | "manual", fraud?: "PENDING" | "REJECTED"): Promise<string> {
    const id = await distributed("qr", { capture });
    await h.classic.play(await sessionOf(id), "complete");
    if (fraud) await h.classic.fraud((await ordersOf(id))[0]?.order_id ?? "", fraud);
    return id;
  }

  it("manual capture: authorized, captured in parts, the rest released, refunded in part and in full", async () => {
    const id = await paid("manual");
    await becomes(id, "authorized");
    expect(await getPayment(h.ctx, id)).toMatchObject({
      amount_authorized: 18_000,
      amount_captured: 0,
      funding: { type: "guaranteed", state: "funded" },
    });
    const capture = await capturePayment(h.ctx, id, { amount: 7_000 });
    expect(capture).toMatchObject({ status: "succeeded", amount: 7_000 });
    await expectEqualBooks(id);
    expect(await voidPayment(h.ctx, id)).toMatchObject({ status: "completed", amount_voided: 11_000 });
    expect(await refundPayment(h.ctx, id, { amount: 2_500, reason: "scratched" })).toMatchObject({
      status: "succeeded",
    });
    await expectEqualBooks(id);
    expect(await refundPayment(h.ctx, id, {})).toMatchObject({ status: "succeeded", amount: 4_500 });
    await expect(refundPayment(h.ctx, id, {})).rejects.toMatchObject({ code: "payment_not_refundable" });
    expect(await getPayment(h.ctx, id)).toMatchObject({ amount_refunded: 7_000, amount_refundable: 0 });
  });

  it("R17: a refund whose answer is lost is asked for again with the same key, and given once", async () => {
    const id = await paid("automatic");
    await becomes(id, "completed");
    await lose("order_refund", "cut_after", 4);
    const refund = await refundPayment(h.ctx, id, { amount: 3_000 });
    expect(refund.status).toBe("processing");
    await h.control.clearFaults();
    await sweepFor(10);
    expect(await getPayment(h.ctx, id)).toMatchObject({ amount_refunded: 3_000 });
    await expectEqualBooks(id);
  });

  it("nothing captured: the whole order is released", async () => {
    const id = await paid("manual");
    await becomes(id, "authorized");
    expect(await voidPayment(h.ctx, id)).toMatchObject({ status: "voided", amount_voided: 18_000 });
    const [order] = await ordersOf(id);
    expect(order).toMatchObject({ status: "CANCELLED", captured_amount: 0 });
  });

  it("a lower amount and another reference reach the order", async () => {
    const id = await paid("manual");
    await becomes(id, "authorized");
    const reference = unique("renamed");
    await updatePayment(h.ctx, id, { amount: 15_000, reference });
    expect(await getPayment(h.ctx, id)).toMatchObject({ amount_authorized: 15_000, reference });
    const [order] = await ordersOf(id);
    expect(order).toMatchObject({ order_amount: 15_000, merchant_reference1: reference });
    await capturePayment(h.ctx, id, {});
    await expectEqualBooks(id);
  });

  it("still checked by Klarna: no goods yet; captured once it is sure", async () => {
    const id = await paid("automatic", "PENDING");
    await becomes(id, "authorized");
    expect((await getPayment(h.ctx, id)).funding).toEqual({ type: "non_guaranteed", state: "pending" });
    expect(await ordersOf(id)).toMatchObject([{ captured_amount: 0 }]);
    await h.classic.fraud((await ordersOf(id))[0]?.order_id ?? "", "ACCEPTED");
    await passTime(31 * MINUTE_MS);
    await becomes(id, "completed");
    expect(await eventsOf(id)).toContain("payment.funded");
    await expectEqualBooks(id);
  });

  it("refused after the check: nothing is captured and the order is released, with an alarm", async () => {
    const id = await paid("automatic", "PENDING");
    await becomes(id, "authorized");
    await h.classic.fraud((await ordersOf(id))[0]?.order_id ?? "", "REJECTED");
    await passTime(31 * MINUTE_MS);
    await becomes(id, "voided");
    expect(await alarmsOf(id)).toContain("funding_lost");
    expect(await ordersOf(id)).toMatchObject([{ status: "CANCELLED", captured_amount: 0 }]);
  });

  it("sure while its release has no answer: nothing is captured beside it", async () => {
    await freshPartner();
    const id = await paid("automatic", "PENDING");
    await becomes(id, "authorized");
    await lose("order_cancel", "cut_before", null);
    await voidPayment(h.ctx, id);
    await h.classic.fraud((await ordersOf(id))[0]?.order_id ?? "", "ACCEPTED");
    await passTime(31 * MINUTE_MS);
    await advanceDuePayments(h.services);
    expect((await journalOf(id)).map(({ kind, state }) => [kind, state])).toEqual([
      ["AUTHORIZE", "SUCCEEDED"],
      ["VOID", "UNKNOWN"],
    ]);
    await h.control.clearFaults();
    await h.letThrough();
    await passTime(10 * MINUTE_MS);
    await becomes(id, "voided");
    expect(await ordersOf(id)).toMatchObject([{ status: "CANCELLED", captured_amount: 0 }]);
    await expectEqualBooks(id);
  });

  it("refused while a capture has no answer: the capture is settled first, and then the rest is released", async () => {
    await freshPartner();
    const id = await paid("manual", "PENDING");
    await becomes(id, "authorized");
    await lose("order_capture", "cut_after", null);
    expect(await capturePayment(h.ctx, id, { amount: 7_000 })).toMatchObject({ status: "processing" });
    await h.classic.fraud((await ordersOf(id))[0]?.order_id ?? "", "REJECTED");
    await passTime(31 * MINUTE_MS);
    await advanceDuePayments(h.services);
    expect((await getPayment(h.ctx, id)).funding).toMatchObject({ state: "rejected" });
    expect(await alarmsOf(id)).toContain("funding_lost");
    expect((await journalOf(id)).map(({ kind, state }) => [kind, state])).toEqual([
      ["AUTHORIZE", "SUCCEEDED"],
      ["CAPTURE", "UNKNOWN"],
    ]);
    await h.control.clearFaults();
    await passTime(10 * MINUTE_MS);
    await becomes(id, "completed");
    expect(await getPayment(h.ctx, id)).toMatchObject({ amount_captured: 7_000, amount_voided: 11_000 });
    await expectEqualBooks(id);
  });

  it("refused while Klarna cannot be reached: the release is asked for again, with one key", async () => {
    await freshPartner();
    const id = await paid("manual", "PENDING");
    await becomes(id, "authorized");
    await h.classic.fraud((await ordersOf(id))[0]?.order_id ?? "", "REJECTED");
    const { klarna } = h.services;
    let tried = 0;
    const away: Services = {
      ...h.services,
      klarna: {
        ...klarna,
        call: async (request, options) => {
          if (request.operation !== "order_write") return klarna.call(request, options);
          tried += 1;
          return { kind: "not_sent", reason: "breaker_open", calls: [] };
        },
      },
    };
    await passTime(31 * MINUTE_MS);
    await advanceDuePayments(away);
    expect(tried).toBeGreaterThan(0);
    expect((await getPayment(h.ctx, id)).funding).toMatchObject({ state: "rejected" });
    await passTime(10 * MINUTE_MS);
    await becomes(id, "voided");
    expect((await journalOf(id)).filter((row) => row.kind === "VOID")).toMatchObject([{ state: "SUCCEEDED" }]);
    await expectEqualBooks(id);
  });

  it.each([
    { capture: "automatic", than: "more", amount: 21_000 },
    { capture: "manual", than: "more", amount: 21_000 },
    { capture: "automatic", than: "less", amount: 17_999 },
    { capture: "manual", than: "less", amount: 17_999 },
  ] as const)(
    "$than than was asked ($capture capture): nothing is taken, the order is undone and a person is told",
    async ({ capture, amount }) => {
      const id = await distributed("qr", { capture });
      await asMerchant("POST", `/payments/v1/sessions/${await sessionOf(id)}`, {
        order_amount: amount,
        order_lines: [{ name: "Bouquet", quantity: 1, unit_price: amount, total_amount: amount }],
      });
      await h.classic.play(await sessionOf(id), "complete");
      await becomes(id, "failed");
      await sweepFor(10);
      expect(await getPayment(h.ctx, id)).toMatchObject({ amount_captured: 0, failure: { code: "klarna_error" } });
      expect((await alarmsOf(id)).toSorted()).toEqual(["amount_differs", "late_approval"]);
      expect(await ordersOf(id)).toMatchObject([{ order_amount: amount, status: "CANCELLED", captured_amount: 0 }]);
      await expectEqualBooks(id);
    },
  );

  it("lowered at Klarna's portal before its capture: no sale of the rest, and the order is undone", async () => {
    const id = await distributed("qr");
    h.callbacks.hold();
    await h.classic.play(await sessionOf(id), "complete");
    const { klarna } = h.services;
    const lowering: Services = {
      ...h.services,
      klarna: {
        ...klarna,
        call: async (request, options) => {
          if (request.operation === "order_write" && request.path.endsWith("/captures"))
            await asMerchant("PATCH", `/ordermanagement/v1/orders/${(await ordersOf(id))[0]?.order_id}/authorization`, {
              order_amount: 12_000,
            });
          return klarna.call(request, options);
        },
      },
    };
    for (let turn = 0; turn < 3; turn += 1) {
      await passTime(20 * SECOND_MS);
      await advanceDuePayments(lowering);
    }
    expect(await getPayment(h.ctx, id)).toMatchObject({
      ...{ status: "failed", amount_authorized: 0, amount_captured: 0, failure: { code: "klarna_error" } },
    });
    await sweepFor(10);
    expect((await alarmsOf(id)).toSorted()).toEqual(["amount_differs", "late_approval"]);
    expect(await ordersOf(id)).toMatchObject([{ status: "CANCELLED", captured_amount: 0 }]);
  });

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
    const rows = await h.services.db.query<{ klarnaReference: string | null }>({
      text: `select klarna_reference as "klarnaReference" from payments where id = $1`,
      values: [id],
    });
    expect(z.string().parse(rows[0]?.klarnaReference)).toBe((await ordersOf(id))[0]?.klarna_reference);
  });
});

describe("an order for a sale that is off", () => {
  async function paidThenCanceled(between: (orderId: string) => Promise<unknown>): Promise<string> {
    await freshPartner();
    const id = await distributed("qr");
    await h.classic.play(await sessionOf(id), "complete");
    await between((await ordersOf(id))[0]?.order_id ?? "");
    expect((await cancelPayment(h.ctx, id)).status).toBe("canceled");
    return id;
  }
  const undoOf = async (id: string) => (await journalOf(id)).filter((row) => row.kind.startsWith("LATE_"));

  it("R11: its undo is lost: a day later only the order is read, and one that a person canceled is over", async () => {
    const id = await paidThenCanceled(() => lose("order_cancel", "cut_before", null));
    await passTime(24 * HOUR_MS);
    const before = (await callsOf("order_cancel")).length;
    await advanceDuePayments(h.services);
    expect((await callsOf("order_cancel")).length).toBe(before);
    expect(await undoOf(id)).toMatchObject([{ kind: "LATE_VOID", state: "UNKNOWN" }]);
    expect(await alarmsOf(id)).toEqual(["late_approval", "outcome_unknown"]);
    await h.control.clearFaults();
    await asMerchant("POST", `/ordermanagement/v1/orders/${(await ordersOf(id))[0]?.order_id}/cancel`);
    await passTime(HOUR_MS + SECOND_MS);
    await advanceDuePayments(h.services);
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
