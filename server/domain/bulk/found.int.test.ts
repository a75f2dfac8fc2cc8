import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Role } from "@/server/auth/permissions";
import type { ServiceContext } from "@/server/context";
import { saveFourEyesRules } from "@/server/domain/approvals/service";
import { checkInvariants } from "@/server/domain/invariants";
import { CreatePaymentSchema, type PublicPayment } from "@/server/domain/payments/schema";
import { createPayment, getPayment, refundPayment } from "@/server/domain/payments/service";
import { type BuiltPartner, makePartner, unique } from "@/server/testing/builders";
import { asApiKey, asUser, type TestServices, testServices } from "@/server/testing/context";
import { asPerson, makePerson } from "@/server/testing/people";
import { continueBulk, getBulkRun, listBulkRows, planFound, startBulkRun } from "./service";
import { BULK_ROWS_MAX, type BulkKind } from "./states";

/* Captures and refunds of all that a filter of the list finds: of those, and of no others. */

let test: TestServices;
let partner: BuiltPartner;
let staff: ServiceContext;
let start: string;

beforeAll(async () => {
  test = await testServices();
});
afterAll(() => test.close());
beforeEach(async () => {
  partner = await makePartner(test.services);
  staff = await person("ACQUIRER_OPERATIONS");
  start = unique("found");
});

async function person(role: Role, partners: readonly string[] = []): Promise<ServiceContext> {
  return asPerson(test.services, await makePerson(test.services, { role, partners }));
}

/** Approved at once by 02 at the end; `manual` leaves everything to capture. */
function take(amount: number, capture: "manual" | "automatic" = "manual", built = partner): Promise<PublicPayment> {
  const body = CreatePaymentSchema.parse({
    amount,
    currency: built.partner.currency,
    reference: unique(start),
    store: { id: built.store.id },
    terminal: { id: built.terminal.id },
    capture,
  });
  return createPayment(asApiKey(test.services, { partnerId: built.partner.id }), body);
}
const rowsOf = async (id: string) => (await listBulkRows(staff, id, {}, { limit: 100 })).items;
async function run(kind: BulkKind, id: string) {
  await startBulkRun(staff, id, kind);
  for (let turn = 0; turn < 20; turn += 1)
    if (((await continueBulk(test.services, id))?.isDone ?? true) === true) return rowsOf(id);
  throw new Error("the run does not end");
}
const refused = (detail: string) => ({ code: "rule_broken", detail });

describe("captures", () => {
  it("previews what the filter finds now and has something left, with its number and sum, and captures that once", async () => {
    const open = [await take(10_002), await take(20_002)];
    await take(30_002, "automatic");
    await take(40_001);
    const filter = { search: start };
    const plan = await planFound(staff, "CAPTURE", filter);
    expect(plan).toMatchObject({ state: "CHECKED", partnerId: partner.partner.id, rowCount: 2 });
    expect(plan.counts).toEqual([{ state: "READY", currency: "SEK", count: 2, amount: 30_004, approvals: 0 }]);
    expect((await getPayment(staff, open[0]?.id ?? "")).amount_captured).toBe(0);
    // What is sold after the preview is no part of it, whatever the filter finds by now.
    const later = await take(50_002);
    const rows = await run("CAPTURE", plan.id);
    expect(rows.map((row) => [row.paymentId, row.state])).toEqual(open.map((one) => [one.id, "DONE"]).reverse());
    for (const payment of open) {
      expect((await getPayment(staff, payment.id)).amount_captured).toBe(payment.amount);
      const [booked] = await test.simulator.control.transactions({ payment_transaction_reference: payment.id });
      expect(booked?.captures).toHaveLength(1);
    }
    expect((await getPayment(staff, later.id)).amount_captured).toBe(0);
    const again = await planFound(staff, "CAPTURE", filter);
    expect((await rowsOf(again.id)).map((row) => row.paymentId)).toEqual([later.id]);
    await run("CAPTURE", again.id);
    await expect(planFound(staff, "CAPTURE", filter)).rejects.toMatchObject(
      refused("Nothing that the filter finds can be captured."),
    );
  });

  it("R5: previewed twice and started twice at once, each payment is captured once", async () => {
    const payments = [await take(10_002), await take(20_002)];
    const plans = await Promise.all([1, 2].map(() => planFound(staff, "CAPTURE", { search: start })));
    const rows = (await Promise.all(plans.map((plan) => run("CAPTURE", plan.id)))).flat();
    expect(rows.map((row) => row.state).sort()).toEqual(["DONE", "DONE", "SKIPPED", "SKIPPED"]);
    for (const payment of payments) {
      const [booked] = await test.simulator.control.transactions({ payment_transaction_reference: payment.id });
      expect(booked?.captures).toHaveLength(1);
    }
  });
});

describe("refunds", () => {
  it("what is left of each goes back; each above the Partner's limit waits for a second person", async () => {
    await saveFourEyesRules(asUser(test.services, "ACQUIRER_ADMIN"), {
      partnerId: partner.partner.id,
      refundLimits: { SEK: 15_000 },
      apiKeys: null,
      payoutData: null,
    });
    const [small, large, whole] = [
      await take(10_002, "automatic"),
      await take(20_002, "automatic"),
      await take(12_002, "automatic"),
    ];
    await take(30_002);
    const key = asApiKey(test.services, { partnerId: partner.partner.id });
    await refundPayment(key, small.id, { amount: 1_000 });
    await refundPayment(key, whole.id, {});
    const plan = await planFound(staff, "REFUND", { stores: [partner.store.id], status: ["completed", "authorized"] });
    expect(plan.counts).toEqual([{ state: "READY", currency: "SEK", count: 2, amount: 29_004, approvals: 1 }]);
    const rows = await run("REFUND", plan.id);
    expect(rows.map((row) => [row.paymentId, row.amount, row.state])).toEqual([
      [large.id, 20_002, "APPROVAL"],
      [small.id, 9_002, "DONE"],
    ]);
    expect((await getPayment(staff, large.id)).amount_refunded).toBe(0);
    expect((await getPayment(staff, small.id)).amount_refunded).toBe(10_002);
  });
});

describe("S1, S6: who does it to what", () => {
  it("of one Partner only, and of nobody's but one's own", async () => {
    const theirs = await makePartner(test.services);
    const [own, foreign] = [await take(10_002), await take(20_002, "manual", theirs)];
    await expect(planFound(staff, "CAPTURE", { search: start })).rejects.toMatchObject(
      refused("The filter finds payments of several Partners. Choose one of them in it."),
    );
    const chosen = await planFound(staff, "CAPTURE", { search: start, partners: [theirs.partner.id] });
    expect((await rowsOf(chosen.id)).map((row) => row.paymentId)).toEqual([foreign.id]);
    const admin = await person("PARTNER_ADMIN", [partner.partner.id]);
    const plan = await planFound(admin, "CAPTURE", { search: start });
    expect((await rowsOf(plan.id)).map((row) => row.paymentId)).toEqual([own.id]);
    for (const filter of [{ partners: [theirs.partner.id] }, { search: foreign.id }, { store: theirs.store.id }])
      await expect(planFound(admin, "CAPTURE", filter)).rejects.toMatchObject(refused("The filter finds no payment."));
    await expect(getBulkRun(admin, chosen.id)).rejects.toMatchObject({ code: "not_found" });
  });

  it("not without the right, and not by a key", async () => {
    await take(10_002);
    for (const role of ["READ_ONLY", "PARTNER_STAFF", "ACQUIRER_FINANCE"] as const) {
      const ctx = await person(role, role === "PARTNER_STAFF" ? [partner.partner.id] : []);
      await expect(planFound(ctx, "CAPTURE", { search: start })).rejects.toMatchObject({ code: "permission_denied" });
    }
    const key = asApiKey(test.services, { partnerId: partner.partner.id });
    await expect(planFound(key, "CAPTURE", { search: start })).rejects.toMatchObject({ code: "permission_denied" });
  });

  it("not without a filter", async () => {
    await take(10_002);
    for (const filter of [{}, { search: "" }, { stores: [], left_to_capture: false }])
      await expect(planFound(staff, "CAPTURE", filter)).rejects.toMatchObject(refused("Set a filter first."));
  });
});

it(`S41: up to ${BULK_ROWS_MAX} are taken, more are refused and not cut`, async () => {
  const broken = (await checkInvariants(test.services.db)).filter((result) => result.broken > 0);
  expect(broken, "INV").toEqual([]);
  const payment = await take(10_002);
  const copies = (from: number, to: number) =>
    test.services.db.query({
      text: `insert into payments select c.* from payments p, generate_series($2::int, $3::int) i,
          jsonb_populate_record(p, jsonb_build_object('id', left(p.id, 10) || lpad(i::text, 20, '0'),
          'reference', p.reference || '-' || i, 'created_at', p.created_at - i * interval '1 second',
          'klarna_payment_request_id', null, 'klarna_payment_transaction_id', 'krn:many:' || i, 'session_token_hash', null)) c
        where p.id = $1`,
      values: [payment.id, from, to],
    });
  await copies(1, BULK_ROWS_MAX - 1);
  const plan = await planFound(staff, "CAPTURE", { search: start });
  expect(plan.counts).toMatchObject([{ state: "READY", count: BULK_ROWS_MAX, amount: BULK_ROWS_MAX * 10_002 }]);
  await copies(BULK_ROWS_MAX, BULK_ROWS_MAX);
  await expect(planFound(staff, "CAPTURE", { search: start })).rejects.toMatchObject(
    refused("More than 5,000 payments of the filter can be captured. Choose a shorter time."),
  );
});
