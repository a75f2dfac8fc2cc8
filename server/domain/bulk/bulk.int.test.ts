import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Role } from "@/server/auth/permissions";
import type { ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { DAY_MS, MINUTE_MS } from "@/server/core/time";
import { decideApproval, saveFourEyesRules } from "@/server/domain/approvals/service";
import { carryOut, sweepApprovals } from "@/server/domain/decisions/service";
import { checkInvariants } from "@/server/domain/invariants";
import { CreatePaymentSchema, type PublicPayment } from "@/server/domain/payments/schema";
import {
  advanceDuePayments,
  capturePayment,
  createPayment,
  getPayment,
  getPaymentRecord,
  refundPayment,
} from "@/server/domain/payments/service";
import type { KlarnaOutcome } from "@/server/klarna/client";
import { refundCapture } from "@/server/klarna/payments";
import { type BuiltPartner, makePartner, unique } from "@/server/testing/builders";
import { asApiKey, asUser, type TestServices, testServices } from "@/server/testing/context";
import { asPerson, makePerson } from "@/server/testing/people";
import {
  continueBulk,
  getBulkRun,
  listBulkRows,
  listBulkRuns,
  planFile,
  planSelection,
  startBulkRun,
  stopBulkRun,
} from "./service";
import type { BulkKind } from "./states";

/* Captures and refunds of many: what the preview says is what happens, once, whatever breaks in between. */

let test: TestServices;
let partner: BuiltPartner;
let staff: ServiceContext;

beforeAll(async () => {
  test = await testServices({ clock: "movable", environment: { KLARNA_TIMEOUT_MS: "1500" } });
});
afterAll(async () => {
  const broken = (await checkInvariants(test.services.db)).filter((result) => result.broken > 0);
  expect(broken, "INV").toEqual([]);
  await test.close();
});
beforeEach(async () => {
  await test.simulator.control.clearFaults();
  partner = await makePartner(test.services);
  staff = await person("ACQUIRER_OPERATIONS");
});

async function person(role: Role, partners: readonly string[] = []): Promise<ServiceContext> {
  return asPerson(test.services, await makePerson(test.services, { role, partners }));
}

/** Approved at once; `manual` leaves everything to capture. */
function take(amount: number, capture: "manual" | "automatic" = "manual", built = partner): Promise<PublicPayment> {
  const body = CreatePaymentSchema.parse({
    amount,
    currency: built.partner.currency,
    reference: unique("bulk"),
    store: { id: built.store.id },
    terminal: { id: built.terminal.id },
    capture,
  });
  return createPayment(asApiKey(test.services, { partnerId: built.partner.id }), body);
}

const csv = (...lines: string[]): Uint8Array => Buffer.from(lines.join("\r\n"), "utf8");
const file = (kind: BulkKind, bytes: Uint8Array, ctx = staff) =>
  planFile(ctx, kind, { partnerId: partner.partner.id, fileName: "many.csv", bytes });
async function work(id: string): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1)
    if (((await continueBulk(test.services, id))?.isDone ?? true) === true) return;
  throw new Error("the run does not end");
}
async function run(kind: BulkKind, id: string, ctx = staff) {
  await startBulkRun(ctx, id, kind);
  await work(id);
  return rowsOf(id);
}
async function rowsOf(id: string) {
  return (await listBulkRows(staff, id, {}, { limit: 100 })).items;
}
const statesOf = async (id: string) => (await rowsOf(id)).map((row) => row.state);
const capturedOf = async (payment: PublicPayment) => (await getPayment(staff, payment.id)).amount_captured;
/** What the simulator's books hold of a payment. */
async function bookedOf(payment: PublicPayment) {
  const found = await test.simulator.control.transactions({ payment_transaction_reference: payment.id });
  return { captures: found.flatMap((one) => one.captures).length, transactions: found.length };
}

describe("preview", () => {
  it("says of each row what would happen, names each refusal, and asks for nothing", async () => {
    const [open, sold, other] = [await take(10_002), await take(20_002, "automatic"), await take(30_002)];
    const plan = await file(
      "CAPTURE",
      csv(
        "payment;amount;currency;reference",
        `${open.reference};60,00;SEK;parcel-1`,
        `${open.id};40.02;;parcel-2`,
        `${open.id};0.01;;`,
        `${sold.id};;;`,
        "nobody;1.00;;",
        `${other.id};1.00;EUR;`,
        `${other.id};twelve;;`,
        `${other.klarna.payment_transaction_id};;;`,
        `;5.00;;`,
      ),
    );
    const rows = await rowsOf(plan.id);
    expect(rows.map((row) => [row.rowNumber, row.state, row.amount])).toEqual([
      [2, "READY", 6_000],
      [3, "READY", 4_002],
      [4, "INVALID", null],
      [5, "INVALID", null],
      [6, "INVALID", null],
      [7, "INVALID", null],
      [8, "INVALID", null],
      [9, "READY", 30_002],
      [10, "INVALID", null],
    ]);
    expect(rows.map((row) => row.problem)).toEqual([
      null,
      null,
      "Nothing is left to capture.",
      "Only an authorized payment with something left can be captured.",
      "There is no such payment.",
      "The payment is in SEK, not in EUR.",
      "“twelve” is no amount in SEK.",
      null,
      "The row names no payment.",
    ]);
    expect(rows[0]).toMatchObject({ paymentId: open.id, reference: "parcel-1", paymentReference: open.reference });
    expect(await capturedOf(open)).toBe(0);
    expect(plan).toMatchObject({ state: "CHECKED", rowCount: 9, kind: "CAPTURE", source: "FILE" });
  });

  it("a file that is none, or names no payment, is refused with a sentence", async () => {
    for (const [bytes, words] of [
      [csv("amount", "1.00"), "No column is called “payment”"],
      [csv("payment"), "no rows"],
      [Buffer.from([0x50, 0x4b, 3, 4]), "spreadsheet"],
    ] as const)
      await expect(file("CAPTURE", bytes)).rejects.toMatchObject({
        code: "validation_failed",
        detail: expect.stringContaining(words),
      });
    await expect(file("CAPTURE", Buffer.alloc(800 * 1024, "a"))).rejects.toMatchObject({ code: "body_too_large" });
  });
});

describe("captures", () => {
  it("does what the preview said, in the name of who started it, and again does nothing twice", async () => {
    const payments = [await take(10_002), await take(20_002), await take(30_002)];
    const bytes = csv("payment_id,amount", ...payments.map((one) => `${one.id},`), `${payments[0]?.id},`);
    const plan = await file("CAPTURE", bytes);
    const rows = await run("CAPTURE", plan.id);
    expect(rows.map((row) => row.state)).toEqual(["DONE", "DONE", "DONE", "INVALID"]);
    for (const payment of payments) {
      expect(await capturedOf(payment)).toBe(payment.amount);
      expect(await bookedOf(payment)).toEqual({ captures: 1, transactions: 1 });
    }
    expect(rows[0]?.resultId).toMatch(/^cap_/);
    const done = await getBulkRun(staff, plan.id);
    expect(done).toMatchObject({ state: "DONE", createdBy: staff.actor.id });
    const audit = await test.services.db.query<{ action: string; actor_id: string; way: string }>({
      text: "select action, actor_id, way from audit_entries where subject_id = $1 and action = 'capture.requested'",
      values: [payments[0]?.id],
    });
    expect(audit).toEqual([{ action: "capture.requested", actor_id: staff.actor.id, way: "JOB" }]);

    // The same file again, and the same once more under another name and with other line ends.
    for (const again of [
      bytes,
      csv(
        ...Buffer.from(bytes)
          .toString()
          .split("\r\n")
          .map((line) => line.replaceAll(",", ";")),
      ),
    ]) {
      const second = await file("CAPTURE", again);
      expect(await statesOf(second.id)).toEqual(["SKIPPED", "SKIPPED", "SKIPPED", "INVALID"]);
      await expect(startBulkRun(staff, second.id, "CAPTURE")).rejects.toMatchObject({ code: "rule_broken" });
    }
    expect(await bookedOf(payments[0] as PublicPayment)).toEqual({ captures: 1, transactions: 1 });
  });

  it("two previews of one selection that are both started capture once", async () => {
    const payments = [await take(10_002), await take(20_002)];
    const ids = payments.map((one) => one.id);
    const [first, second] = [
      await planSelection(staff, "CAPTURE", { payments: ids }),
      await planSelection(staff, "CAPTURE", { payments: ids }),
    ];
    await Promise.all([startBulkRun(staff, first.id, "CAPTURE"), startBulkRun(staff, second.id, "CAPTURE")]);
    await Promise.all([work(first.id), work(second.id)]);
    const states = [...(await statesOf(first.id)), ...(await statesOf(second.id))].sort();
    expect(states).toEqual(["DONE", "DONE", "SKIPPED", "SKIPPED"]);
    for (const payment of payments) expect(await bookedOf(payment)).toEqual({ captures: 1, transactions: 1 });
  });

  it("R5: started twenty times at once it runs once", async () => {
    const payment = await take(10_002);
    const plan = await planSelection(staff, "CAPTURE", { payments: [payment.id] });
    const answers = await Promise.all(Array.from({ length: 20 }, () => startBulkRun(staff, plan.id, "CAPTURE")));
    expect(new Set(answers.map((answer) => answer.state))).toEqual(new Set(["RUNNING"]));
    await Promise.all(Array.from({ length: 4 }, () => work(plan.id)));
    await work(plan.id);
    expect(await bookedOf(payment)).toEqual({ captures: 1, transactions: 1 });
    const started = await test.services.db.query({
      text: "select 1 from audit_entries where subject_id = $1 and action = 'bulk.started'",
      values: [plan.id],
    });
    expect(started).toHaveLength(1);
  });

  it("a partial capture of the same payment in another file is another wish", async () => {
    const payment = await take(10_002);
    for (const line of ["parcel-1", "parcel-2"]) {
      const plan = await file("CAPTURE", csv("payment,amount,reference", `${payment.id},30.00,${line}`));
      expect((await run("CAPTURE", plan.id)).map((row) => row.state)).toEqual(["DONE"]);
    }
    expect(await capturedOf(payment)).toBe(6_000);
  });

  it.each(["CAPTURE", "REFUND"] as const)(
    "two rows of one payment with the same amount are two wishes (%s)",
    async (kind) => {
      const payment = await take(10_002, kind === "CAPTURE" ? "manual" : "automatic");
      const plan = await file(
        kind,
        csv("payment;amount;reference", `${payment.id};50.01;parcel-1`, `${payment.id};50.01;parcel-2`),
      );
      const rows = await run(kind, plan.id);
      expect(rows).toMatchObject([{ state: "DONE" }, { state: "DONE" }]);
      expect(new Set(rows.map((row) => row.resultId)).size).toBe(2);
      const after = await getPayment(staff, payment.id);
      expect([after.amount_captured, after.amount_refunded]).toEqual([10_002, kind === "CAPTURE" ? 0 : 10_002]);
      const [books] = await test.simulator.control.transactions({ payment_transaction_reference: payment.id });
      expect([books?.captured_amount, books?.refunded_amount]).toEqual([10_002, kind === "CAPTURE" ? 0 : 10_002]);
    },
  );

  it("rows that fail stand alone, are named, and may be tried again; the others are done", async () => {
    const [good, second] = [await take(10_002), await take(20_002)];
    const bytes = csv("payment", good.id, second.id);
    const plan = await file("CAPTURE", bytes);
    // Meanwhile the shop's own system captures most of the second.
    await capturePayment(asApiKey(test.services, { partnerId: partner.partner.id }), second.id, { amount: 15_000 });
    const rows = await run("CAPTURE", plan.id);
    expect(rows.map((row) => row.state)).toEqual(["DONE", "FAILED"]);
    expect(rows[1]?.problem).not.toBeNull();
    const again = await file("CAPTURE", bytes);
    expect(await statesOf(again.id)).toEqual(["SKIPPED", "READY"]);
    expect((await run("CAPTURE", again.id)).map((row) => row.state)).toEqual(["SKIPPED", "DONE"]);
    expect(await capturedOf(second)).toBe(20_002);
  });
});

describe("what breaks in the middle", () => {
  it("R1: a process that dies after Klarna was asked leaves a row that is asked for again and finds its capture", async () => {
    const payments = [await take(10_002), await take(20_002), await take(30_002)];
    const plan = await planSelection(staff, "CAPTURE", { payments: payments.map((one) => one.id) });
    await startBulkRun(staff, plan.id, "CAPTURE");
    // Dies before it can write down what became of any row, and holds its lease until that ends.
    const dying = {
      ...test.services,
      db: {
        ...test.services.db,
        query: ((statement: { text: string }) => {
          if (/^update bulk_(rows set state|runs set lease_until = null)/.test(statement.text))
            throw new Error("process died");
          return test.services.db.query(statement as never);
        }) as typeof test.services.db.query,
      },
    };
    await expect(continueBulk(dying, plan.id)).rejects.toThrow("process died");
    expect(await statesOf(plan.id)).toContain("ASKING");
    expect(await continueBulk(test.services, plan.id)).toBeNull();
    test.clock.advance(5 * MINUTE_MS);
    await work(plan.id);
    expect(await statesOf(plan.id)).toEqual(["DONE", "DONE", "DONE"]);
    for (const payment of payments) expect(await bookedOf(payment)).toEqual({ captures: 1, transactions: 1 });
  });

  it("R2: an answer that is lost leaves the row waiting, and it becomes what Klarna did", async () => {
    const payment = await take(10_002);
    const plan = await planSelection(staff, "CAPTURE", { payments: [payment.id] });
    await test.simulator.control.fault({
      operation: "capture",
      kind: "cut_after",
      account: partner.account.id,
      times: null,
    });
    expect((await run("CAPTURE", plan.id)).map((row) => row.state)).toEqual(["WAITING"]);
    await test.simulator.control.clearFaults();
    for (let turn = 0; turn < 10 && (await capturedOf(payment)) === 0; turn += 1) {
      test.clock.advance(MINUTE_MS);
      await test.simulator.control.advance(MINUTE_MS);
      await advanceDuePayments(test.services);
    }
    await continueBulk(test.services);
    expect(await statesOf(plan.id)).toEqual(["DONE"]);
    expect(await bookedOf(payment)).toEqual({ captures: 1, transactions: 1 });
  });

  it("a refusal after the money moved is no failure: the row is what its own refund is, and is not asked for again", async () => {
    const payment = await take(10_002, "automatic");
    const bytes = csv("payment,amount,reason", `${payment.id},50.00,Return`);
    const plan = await file("REFUND", bytes);
    await startBulkRun(staff, plan.id, "REFUND");
    // An earlier turn of the row that Klarna was never sent stands under its key too, and was none.
    const call = (): Promise<KlarnaOutcome> => Promise.resolve({ kind: "not_sent", reason: "ECONNREFUSED", calls: [] });
    const unsent = { ...staff, klarna: { ...staff.klarna, call } };
    await expect(
      refundPayment(unsent, payment.id, { amount: 5_000 }, { key: `bulk:${plan.id}:2` }),
    ).rejects.toMatchObject({ code: "klarna_unavailable" });
    // What comes of a refund is told once it is written down; there the worker is refused.
    const nudge = (): never => {
      throw new AppError("state_conflict");
    };
    await continueBulk({ ...test.services, nudge }, plan.id);
    await work(plan.id);
    const [row] = await rowsOf(plan.id);
    expect(row).toMatchObject({ state: "DONE", problem: null });
    const again = await file("REFUND", bytes);
    expect(await statesOf(again.id)).toEqual(["SKIPPED"]);
    expect((await getPayment(staff, payment.id)).amount_refunded).toBe(5_000);
  });

  it("stopped in the middle it asks for nothing more, and says which rows were not done", async () => {
    const payments = [await take(10_002), await take(20_002)];
    const plan = await planSelection(staff, "CAPTURE", { payments: payments.map((one) => one.id) });
    await startBulkRun(staff, plan.id, "CAPTURE");
    await stopBulkRun(staff, plan.id, "CAPTURE");
    expect(await continueBulk(test.services, plan.id)).toBeNull();
    expect(await statesOf(plan.id)).toEqual(["READY", "READY"]);
    await expect(stopBulkRun(staff, plan.id, "CAPTURE")).rejects.toMatchObject({ code: "state_conflict" });
    await expect(startBulkRun(staff, plan.id, "CAPTURE")).rejects.toMatchObject({ code: "state_conflict" });
    expect(await capturedOf(payments[0] as PublicPayment)).toBe(0);
  });

  it("S6: who lost the right meanwhile moves no more money", async () => {
    const payment = await take(10_002);
    const plan = await planSelection(staff, "CAPTURE", { payments: [payment.id] });
    await startBulkRun(staff, plan.id, "CAPTURE");
    await test.services.db.query({
      text: "update users set role = 'READ_ONLY' where id = $1",
      values: [staff.actor.id],
    });
    await work(plan.id);
    expect(await getBulkRun(staff, plan.id)).toMatchObject({
      state: "CANCELED",
      note: "Who started it may no longer do so.",
    });
    expect(await capturedOf(payment)).toBe(0);
  });

  it("a preview that is older than a day is not started", async () => {
    const payment = await take(10_002);
    const plan = await planSelection(staff, "CAPTURE", { payments: [payment.id] });
    await test.services.db.query({
      text: "update bulk_runs set created_at = created_at - interval '25 hours' where id = $1",
      values: [plan.id],
    });
    await expect(startBulkRun(staff, plan.id, "CAPTURE")).rejects.toMatchObject({ code: "rule_broken" });
  });
});

describe("refunds", () => {
  it("gives back all that is left or what the row says, with its reason", async () => {
    const [whole, part] = [await take(10_002, "automatic"), await take(20_002, "automatic")];
    const capture = (await getPaymentRecord(staff, part.id)).captures[0]?.id;
    const plan = await file(
      "REFUND",
      csv(
        "payment,amount,capture,reason,reference",
        `${whole.id},,,Return,`,
        `${part.id},50.00,${capture},Damaged,r-1`,
      ),
    );
    expect((await run("REFUND", plan.id)).map((row) => row.state)).toEqual(["DONE", "DONE"]);
    expect((await getPayment(staff, whole.id)).amount_refunded).toBe(10_002);
    const { refunds } = await getPaymentRecord(staff, part.id);
    expect(refunds).toMatchObject([{ amount: 5_000, reason: "Damaged", reference: "r-1", state: "SUCCEEDED" }]);
  });

  it("S7: above the limit a row waits for a second person, is done when that one agrees, and never twice", async () => {
    await saveFourEyesRules(asUser(test.services, "ACQUIRER_ADMIN"), {
      partnerId: partner.partner.id,
      refundLimits: { SEK: 15_000 },
      apiKeys: null,
      payoutData: null,
    });
    const [small, large, refused] = [
      await take(10_002, "automatic"),
      await take(20_002, "automatic"),
      await take(30_002, "automatic"),
    ];
    const bytes = csv("payment", small.id, large.id, refused.id);
    const plan = await file("REFUND", bytes);
    expect((await rowsOf(plan.id)).map((row) => row.needsApproval)).toEqual([false, true, true]);
    const rows = await run("REFUND", plan.id);
    expect(rows.map((row) => row.state)).toEqual(["DONE", "APPROVAL", "APPROVAL"]);
    expect((await getPayment(staff, large.id)).amount_refunded).toBe(0);
    // While it waits, the same file asks for it no second time.
    expect(await statesOf((await file("REFUND", bytes)).id)).toEqual(["SKIPPED", "SKIPPED", "SKIPPED"]);

    const second = await person("ACQUIRER_ADMIN");
    await decideApproval(second, rows[1]?.resultId ?? "", { decision: "approve", reason: "" });
    await carryOut(second, rows[1]?.resultId ?? "");
    await decideApproval(second, rows[2]?.resultId ?? "", { decision: "reject", reason: "No" });
    await continueBulk(test.services);
    expect(await statesOf(plan.id)).toEqual(["DONE", "DONE", "FAILED"]);
    expect((await getPayment(staff, large.id)).amount_refunded).toBe(20_002);
    // What was refused may be asked for again; what was done may not.
    expect(await statesOf((await file("REFUND", bytes)).id)).toEqual(["SKIPPED", "SKIPPED", "READY"]);
    test.clock.advance(4 * DAY_MS);
    await sweepApprovals(test.services);
  });
});

describe("a refund that was approved ends as Klarna ends it", () => {
  /** One row that a second person agreed to; `before` is what happens at Klarna right before it is carried out. */
  async function approved(before: (payment: PublicPayment) => Promise<unknown>) {
    await saveFourEyesRules(asUser(test.services, "ACQUIRER_ADMIN"), {
      partnerId: partner.partner.id,
      refundLimits: { SEK: 15_000 },
      apiKeys: null,
      payoutData: null,
    });
    const payment = await take(20_002, "automatic");
    const plan = await file("REFUND", csv("payment", payment.id));
    const [row] = await run("REFUND", plan.id);
    expect(row?.state).toBe("APPROVAL");
    const second = await person("ACQUIRER_ADMIN");
    await decideApproval(second, row?.resultId ?? "", { decision: "approve", reason: "" });
    await before(payment);
    await carryOut(second, row?.resultId ?? "");
    await continueBulk(test.services);
    return { payment, plan };
  }
  /** Somebody gave it back in Klarna's portal: nothing is left there, and nobody here knows. */
  async function refundElsewhere(payment: PublicPayment): Promise<void> {
    const target = { mode: "test" as const, accountId: partner.account.id, sessionReference: payment.id };
    const capture = (await getPaymentRecord(staff, payment.id)).captures[0];
    const outcome = await refundCapture(test.services.klarna, target, {
      transactionId: payment.klarna.payment_transaction_id ?? "",
      captureId: capture?.klarnaPaymentCaptureId ?? "",
      idempotencyKey: crypto.randomUUID(),
      amount: payment.amount,
      reference: "portal",
      reason: null,
      lineItems: [],
    });
    expect(outcome.kind).toBe("answered");
  }
  const countsOf = async (id: string) =>
    (await getBulkRun(staff, id)).counts.map(({ state, count, amount }) => ({ state, count, amount }));

  it("refused: the row has failed, with the reason, in the counts too, and may be asked for again", async () => {
    const { payment, plan } = await approved(refundElsewhere);
    expect(await rowsOf(plan.id)).toMatchObject([{ state: "FAILED", problem: "Klarna refused it." }]);
    expect(await countsOf(plan.id)).toEqual([{ state: "FAILED", count: 1, amount: 20_002 }]);
    expect((await getPayment(staff, payment.id)).amount_refunded).toBe(0);
    expect(await statesOf((await file("REFUND", csv("payment", payment.id))).id)).toEqual(["READY"]);
  });

  it("not known yet: the row waits for Klarna, and is done once the same refund is", async () => {
    const { payment, plan } = await approved(() =>
      test.simulator.control.fault({
        operation: "refund",
        kind: "cut_after",
        times: null,
        account: partner.account.id,
      }),
    );
    expect(await rowsOf(plan.id)).toMatchObject([{ state: "WAITING", problem: null }]);
    expect(await countsOf(plan.id)).toEqual([{ state: "WAITING", count: 1, amount: 20_002 }]);
    await test.simulator.control.clearFaults();
    test.clock.advance(5 * MINUTE_MS);
    await advanceDuePayments(test.services);
    await continueBulk(test.services);
    expect(await statesOf(plan.id)).toEqual(["DONE"]);
    const { refunds } = await getPaymentRecord(staff, payment.id);
    expect(refunds).toMatchObject([{ amount: 20_002, state: "SUCCEEDED" }]);
  });
});

describe("S1: who sees and does what", () => {
  it("a Partner's people work on their own payments only", async () => {
    const theirs = await makePartner(test.services);
    const [own, foreign] = [await take(10_002), await take(20_002, "manual", theirs)];
    const admin = await person("PARTNER_ADMIN", [partner.partner.id]);
    await expect(planSelection(admin, "CAPTURE", { payments: [own.id, foreign.id] })).rejects.toMatchObject({
      code: "not_found",
    });
    await expect(planSelection(staff, "CAPTURE", { payments: [own.id, foreign.id] })).rejects.toMatchObject({
      code: "rule_broken",
    });
    // Another Partner's payment in a file is one that does not exist.
    const plan = await file("CAPTURE", csv("payment", own.id, foreign.id, foreign.reference), admin);
    expect(await statesOf(plan.id)).toEqual(["READY", "INVALID", "INVALID"]);
    expect((await run("CAPTURE", plan.id, admin)).map((row) => row.state)).toEqual(["DONE", "INVALID", "INVALID"]);
    expect(await capturedOf(foreign)).toBe(0);

    // Who of the acquirer did it is no Partner's business; their own people have names.
    const ofStaff = await file("CAPTURE", csv("payment", own.id));
    const nameOf = async (id: string, ctx = admin) => (await getBulkRun(ctx, id)).createdByName;
    expect(await nameOf(ofStaff.id)).toBe("Acquirer staff");
    expect(await nameOf(ofStaff.id, staff)).not.toBe("Acquirer staff");
    expect(await nameOf(plan.id)).toBe(await nameOf(plan.id, staff));

    const stranger = await person("PARTNER_ADMIN", [theirs.partner.id]);
    await expect(getBulkRun(stranger, plan.id)).rejects.toMatchObject({ code: "not_found" });
    await expect(listBulkRows(stranger, plan.id, {}, { limit: 5 })).rejects.toMatchObject({ code: "not_found" });
    await expect(startBulkRun(stranger, plan.id, "CAPTURE")).rejects.toMatchObject({ code: "not_found" });
    expect((await listBulkRuns(stranger, {}, { limit: 5 })).items).toEqual([]);
    await expect(
      planFile(stranger, "CAPTURE", {
        partnerId: partner.partner.id,
        fileName: "a.csv",
        bytes: csv("payment", own.id),
      }),
    ).rejects.toMatchObject({ code: "not_found" });
  });

  it("S63: card numbers that got into a file are masked before anything is kept", async () => {
    const payment = await take(10_002);
    const number = "4111111111111111";
    const made = await file(
      "REFUND",
      csv("payment,reference,reason", `${payment.id},R ${number},paid with 4111 1111 1111 1111`),
    );
    const rows = await test.services.db.query<{ text: string }>({
      text: "select r::text as text from bulk_rows r where r.run_id = $1",
      values: [made.id],
    });
    expect(rows).toHaveLength(1);
    expect(rows[0]?.text).toContain("•••");
    expect(rows[0]?.text.replaceAll(" ", "")).not.toContain(number);
  });

  it("S6: without the right there is no preview; with the right to refund only there is no capture", async () => {
    const payment = await take(10_002);
    for (const role of ["READ_ONLY", "PARTNER_STAFF", "ACQUIRER_FINANCE"] as const) {
      const ctx = await person(role, role === "PARTNER_STAFF" ? [partner.partner.id] : []);
      await expect(planSelection(ctx, "CAPTURE", { payments: [payment.id] })).rejects.toMatchObject({
        code: "permission_denied",
      });
    }
    const refunds = await planSelection(staff, "REFUND", { payments: [payment.id] });
    await expect(startBulkRun(staff, refunds.id, "CAPTURE")).rejects.toMatchObject({ code: "not_found" });
    const key = asApiKey(test.services, { partnerId: partner.partner.id });
    await expect(planSelection(key, "REFUND", { payments: [payment.id] })).rejects.toMatchObject({
      code: "permission_denied",
    });
  });
});
