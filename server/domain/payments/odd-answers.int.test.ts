import { beforeEach, expect, it } from "vitest";
import { SECOND_MS } from "@/server/core/time";
import { paymentHarness } from "@/server/testing/payments";
import { capturePayment, refundPayment, voidPayment } from "./service";

/* Klarna may add fields, say null for what is absent and write its times in another way: none of that is an unknown outcome. */

const h = paymentHarness();
beforeEach(async () => {
  await h.freshPartner();
  await h.letThrough();
  const everything = { kind: "odd_form", account: h.partner.account.id, times: null } as const;
  await h.control.fault({ operation: "*", ...everything });
  await h.control.fault({ operation: "webhook", ...everything });
});

const noAlarms = async (id: string) => expect(await h.openAlarmsOf(id)).toEqual([]);
const states = async (id: string) => (await h.journalOf(id)).map(({ kind, state }) => `${kind} ${state}`);

it("a payment with step-up is shown, paid by the customer, approved and refunded in part, each call once", async () => {
  const id = await h.pending();
  const { klarna } = await h.read(id);
  expect(klarna).toMatchObject({ payment_request_id: expect.stringContaining("krn:") });
  await h.control.play(await h.requestOf(id), "complete");
  await h.settleWebhooks();
  const paid = await h.read(id);
  expect(paid).toMatchObject({ status: "completed", amount_captured: paid.amount });
  expect(await refundPayment(h.ctx, id, { amount: 50 })).toMatchObject({ status: "succeeded" });
  expect(await states(id)).toEqual(["AUTHORIZE SUCCEEDED", "FINAL_AUTHORIZE SUCCEEDED", "REFUND SUCCEEDED"]);
  await noAlarms(id);
});

it("an approval at once is captured in part, and the rest is released", async () => {
  const id = await h.authorized();
  expect(await capturePayment(h.ctx, id, { amount: 4_000 })).toMatchObject({ status: "succeeded" });
  await voidPayment(h.ctx, id);
  expect(await h.read(id)).toMatchObject({ status: "completed", amount_captured: 4_000, amount_voided: 6_002 });
  expect(await states(id)).toEqual(["AUTHORIZE SUCCEEDED", "CAPTURE SUCCEEDED", "VOID SUCCEEDED"]);
  await noAlarms(id);
});

it("a refusal is a refusal: the refund of what Klarna has given back already fails, and is not asked for again and again", async () => {
  const id = await h.completed();
  await h.atKlarna(id, "/refunds", {
    amount: 10_002,
    payment_refund_reference: "elsewhere",
    line_items: [{ name: "All", quantity: 1, total_amount: 10_002 }],
  });
  const refund = await refundPayment(h.ctx, id, { amount: 10_002 });
  expect(refund).toMatchObject({ status: "failed" });
  expect((await h.callsOf(id, "refund")).keys.size).toBeLessThanOrEqual(2);
});

it("where no event comes, the read tells the same", async () => {
  const id = await h.pending();
  await h.control.clearFaults();
  await h.control.fault({ operation: "*", kind: "odd_form", account: h.partner.account.id, times: null });
  await h.control.fault({ operation: "webhook", kind: "lost", account: h.partner.account.id, times: null });
  await h.control.play(await h.requestOf(id), "complete");
  await h.sweepFor(90 * SECOND_MS);
  expect((await h.read(id)).status).toBe("completed");
});

it("a Klarna that takes captures and refunds and never names them is read: each counts once, by our own reference", async () => {
  await h.control.clearFaults();
  const id = await h.authorized();
  for (const operation of ["capture", "refund"])
    await h.control.fault({ operation, kind: "wrong_schema", account: h.partner.account.id, times: null });
  expect(await capturePayment(h.ctx, id, { amount: 4_000 })).toMatchObject({ status: "processing" });
  await h.letThrough();
  await h.sweepFor(60 * SECOND_MS);
  expect(await h.read(id)).toMatchObject({ status: "authorized", amount_captured: 4_000 });
  expect(await refundPayment(h.ctx, id, { amount: 1_000 })).toMatchObject({ status: "processing" });
  await h.letThrough();
  await h.sweepFor(60 * SECOND_MS);
  expect(await h.read(id)).toMatchObject({ amount_refunded: 1_000 });
  expect(await states(id)).toEqual(["AUTHORIZE SUCCEEDED", "CAPTURE SUCCEEDED", "REFUND SUCCEEDED"]);
  expect(await h.transactionOf(id)).toMatchObject({ captured_amount: 4_000, refunded_amount: 1_000 });
  for (const operation of ["capture", "refund"]) expect((await h.callsOf(id, operation)).keys.size).toBe(1);
  await noAlarms(id);
});
