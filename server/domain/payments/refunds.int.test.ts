import { describe, expect, it } from "vitest";
import { SECOND_MS } from "@/server/core/time";
import { createStore } from "@/server/domain/stores/service";
import { addressIn, asSystem, makePartner, unique } from "@/server/testing/builders";
import { asApiKey } from "@/server/testing/context";
import { paymentHarness } from "@/server/testing/payments";
import { capturePayment, listPayments, lookUpPayments, refundPayment, updatePayment, voidPayment } from "./service";

const h = paymentHarness();

describe("refunds", () => {
  it("refunds the whole, and nothing more", async () => {
    const sale = await h.create();
    const refund = await refundPayment(h.ctx, sale.id, { reason: "Returned" });
    expect(refund).toMatchObject({ status: "succeeded", amount: 10_002, payment: sale.id });
    expect(await h.read(sale.id)).toMatchObject({ amount_refunded: 10_002, amount_refundable: 0 });
    await expect(refundPayment(h.ctx, sale.id, {})).rejects.toMatchObject({ code: "payment_not_refundable" });
    expect((await h.transactionOf(sale.id)).refunded_amount).toBe(10_002);
  });

  it("refunds lines at another store of the Partner, and refuses lines that do not add up and unknown places", async () => {
    const other = await createStore(asSystem(h.services), {
      partnerId: h.partner.partner.id,
      reference: unique("store"),
      name: "Return desk",
      type: "PHYSICAL",
      address: addressIn("SE"),
      country: "SE",
    });
    const lines = [
      { name: "Chair", quantity: 1, total_amount: 9_000 },
      { name: "Cushion", quantity: 1, total_amount: 1_002 },
    ];
    const sale = await h.create({ line_items: lines });
    const cushion = lines.slice(1);
    await expect(refundPayment(h.ctx, sale.id, { amount: 5, line_items: cushion })).rejects.toMatchObject({
      code: "amount_mismatch",
    });
    await expect(refundPayment(h.ctx, sale.id, { store: { reference: "nowhere" } })).rejects.toMatchObject({
      code: "store_not_found",
    });
    await expect(refundPayment(h.ctx, sale.id, { terminal: { reference: "none" } })).rejects.toMatchObject({
      code: "terminal_not_found",
    });
    const foreign = await makePartner(h.services);
    await expect(refundPayment(h.ctx, sale.id, { store: { id: foreign.store.id } })).rejects.toMatchObject({
      code: "store_not_found",
    });
    const refund = await refundPayment(h.ctx, sale.id, { line_items: cushion, store: { id: other.id } });
    expect(refund).toMatchObject({
      status: "succeeded",
      amount: 1_002,
      store: { id: other.id, reference: other.reference },
      terminal: null,
    });
    const calls = await h.control.calls({ account: h.partner.account.id });
    const bodies = calls.filter(({ operation }) => operation === "refund").map((call) => call.request_body);
    expect(bodies.filter((text) => text?.includes("Cushion"))).toHaveLength(1);
    const whole = await refundPayment(h.ctx, sale.id, {});
    expect(whole).toMatchObject({
      amount: 9_000,
      store: { id: h.partner.store.id },
      terminal: { id: h.partner.terminal.id },
    });
  });

  it("R37: 50 parallel partial refunds never exceed what was captured; the rest are refused", async () => {
    const sale = await h.create();
    const results = await Promise.allSettled(
      Array.from({ length: 50 }, () => refundPayment(h.ctx, sale.id, { amount: 1_000 })),
    );
    const accepted = results.filter((result) => result.status === "fulfilled");
    const refused = results.filter((result) => result.status === "rejected");
    expect(accepted).toHaveLength(10);
    for (const result of refused)
      expect(["refund_exceeds_captured", "payment_not_refundable"]).toContain(result.reason.code);
    expect((await h.transactionOf(sale.id)).refunded_amount).toBe(10_000);
  });

  it("an unknown refund counts as refunded, keeps its one key, and settles later", async () => {
    const sale = await h.create();
    await h.control.fault({
      operation: "refund",
      kind: "cut_after",
      account: h.partner.account.id,
      times: null,
    });
    const refund = await refundPayment(h.ctx, sale.id, {});
    expect(refund.status).toBe("processing");
    expect((await h.read(sale.id)).amount_refundable).toBe(0);
    await expect(refundPayment(h.ctx, sale.id, { amount: 1 })).rejects.toMatchObject({
      code: "payment_not_refundable",
    });
    await h.control.clearFaults();
    await h.sweepFor(60 * SECOND_MS);
    expect(await h.read(sale.id)).toMatchObject({ amount_refunded: 10_002 });
    expect((await h.transactionOf(sale.id)).refunded_amount).toBe(10_002);
  });

  it("an unknown refund is offered again by no answer: read, list, lookup, change and release count it alike", async () => {
    const id = await h.authorized();
    await capturePayment(h.ctx, id, { amount: 6_000 });
    await refundPayment(h.ctx, id, { amount: 500 });
    await h.control.fault({ operation: "refund", kind: "cut_after", account: h.partner.account.id, times: null });
    expect(await refundPayment(h.ctx, id, { amount: 2_000 })).toMatchObject({ status: "processing" });
    const { data } = await listPayments(h.ctx, {}, { limit: 100 });
    const [found] = await lookUpPayments(h.ctx, { reference: id });
    const answers = [
      await h.read(id),
      data.find((payment) => payment.id === id),
      found,
      await updatePayment(h.ctx, id, { metadata: { note: "asked" } }),
      await updatePayment(h.ctx, id, { amount: 9_000 }),
      await voidPayment(h.ctx, id),
    ];
    for (const answer of answers) expect(answer).toMatchObject({ amount_refunded: 500, amount_refundable: 3_500 });
    await h.control.clearFaults();
    await h.letThrough();
    await h.sweepFor(60 * SECOND_MS);
    expect(await h.read(id)).toMatchObject({ amount_refunded: 2_500, amount_refundable: 3_500 });
  });
});

describe("a sale looked up for a return", () => {
  it("is found by its reference, our id, or Klarna's ids; another Partner's never is", async () => {
    const sale = await h.create({ amount: 11_850 });
    await h.control.play(sale.klarna.payment_request_id ?? "", "complete");
    await h.settleWebhooks();
    const done = await h.read(sale.id);
    await refundPayment(h.ctx, sale.id, { amount: 850 });
    const ways = [
      sale.reference,
      ` ${sale.reference} `,
      sale.id,
      done.klarna.payment_transaction_id,
      done.klarna.payment_request_id,
    ];
    for (const reference of ways) {
      const found = await lookUpPayments(h.ctx, { reference: reference ?? "" });
      expect(found).toMatchObject([{ id: sale.id, status: "completed", amount_refundable: 11_000 }]);
    }
    const foreign = await makePartner(h.services);
    const asForeign = asApiKey(h.services, { partnerId: foreign.partner.id });
    for (const reference of ways) expect(await lookUpPayments(asForeign, { reference: reference ?? "" })).toEqual([]);
    expect(await lookUpPayments(h.ctx, { reference: "nobody-has-this" })).toEqual([]);
  });

  it("is told newest first where a reference was used again", async () => {
    const reference = unique("order");
    const declined = await h.create({ amount: 10_001, reference });
    expect(declined.status).toBe("declined");
    h.test.clock.advance(SECOND_MS);
    const sale = await h.create({ reference });
    expect((await lookUpPayments(h.ctx, { reference })).map((payment) => payment.id)).toEqual([sale.id, declined.id]);
  });

  it("keeps the store of the return, and gives back what several captures took together", async () => {
    const id = await h.authorized();
    await capturePayment(h.ctx, id, { amount: 4_000 });
    await capturePayment(h.ctx, id, { amount: 6_002 });
    const desk = await createStore(asSystem(h.services), {
      partnerId: h.partner.partner.id,
      reference: unique("desk"),
      name: "Return desk",
      type: "PHYSICAL",
      address: addressIn("SE"),
      country: "SE",
    });
    const [found] = await lookUpPayments(h.ctx, { reference: id });
    const lines = [{ name: "Everything", quantity: 1, total_amount: found?.amount_refundable ?? 0 }];
    expect(await refundPayment(h.ctx, id, { line_items: lines, store: { id: desk.id } })).toMatchObject({
      status: "succeeded",
      amount: 10_002,
      capture: null,
      store: { id: desk.id },
    });
    expect((await h.transactionOf(id)).refunded_amount).toBe(10_002);
  });
});
