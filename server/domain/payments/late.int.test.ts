import { describe, expect, it } from "vitest";
import type { Services } from "@/server/context";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "@/server/core/time";
import type { KlarnaOutcome } from "@/server/klarna/client";
import { paymentHarness } from "@/server/testing/payments";
import { CreatePaymentSchema } from "./schema";
import { advanceDuePayments, cancelPayment, createPayment, sweepOpenPayments } from "./service";

/* Approvals that show up for a sale that is over: undone once, by one row and one key, whatever Klarna answers. */

const h = paymentHarness({ environment: { TEST_CURRENCIES: "JPY" } });

type Late = { id: string; model: string };

/** A canceled sale that Klarna approved after all; `model` is the sale in whose books the transaction stands. */
async function approvedLate(capture: "manual" | "automatic"): Promise<Late> {
  await h.freshPartner();
  await h.retire();
  const id = await h.pending({ capture });
  await cancelPayment(h.ctx, id);
  const model = await h.create({ capture });
  await h.services.db.query({
    text: `update payments set late_transaction_id = $2, late_approval_state = 'FOUND', next_action_at = $3, version = version + 1
      where id = $1`,
    values: [id, model.klarna.payment_transaction_id, h.test.clock.now()],
  });
  await h.services.db.query({
    text: "update payments set next_action_at = '2999-01-01', version = version + 1 where id = $1",
    values: [model.id],
  });
  return { id, model: model.id };
}
async function stateOf(id: string): Promise<string | null> {
  const [row] = await h.services.db.query<{ state: string | null }>({
    text: "select late_approval_state as state from payments where id = $1",
    values: [id],
  });
  return row?.state ?? null;
}
const undoOf = async (id: string) =>
  (await h.journalOf(id)).filter((row) => row.kind === "LATE_VOID" || row.kind === "LATE_REFUND");
const lose = (operation: string, kind: "cut_after" | "cut_before") =>
  h.control.fault({ operation, kind, account: h.partner.account.id, times: null });

const KINDS = [
  { kind: "LATE_VOID", capture: "manual", operation: "void", end: "VOIDED" },
  { kind: "LATE_REFUND", capture: "automatic", operation: "refund", end: "REFUNDED" },
] as const;

describe.each(KINDS)("$kind", ({ kind, capture, operation, end }) => {
  it("R11: lost, and done at Klarna: a day later the transaction is read, and no call with the old key is made", async () => {
    const { id, model } = await approvedLate(capture);
    await lose(operation, "cut_after");
    await advanceDuePayments(h.services);
    expect(await undoOf(id)).toMatchObject([{ kind, state: "UNKNOWN" }]);
    await h.passTime(DAY_MS);
    await h.letThrough();
    const before = await h.callsOf(model, operation);
    await advanceDuePayments(h.services);
    expect(await h.callsOf(model, operation)).toEqual(before);
    expect(await undoOf(id)).toMatchObject([{ kind, state: "SUCCEEDED", result: end }]);
    expect(await stateOf(id)).toBe(end);
    const books = await h.transactionOf(model);
    expect(kind === "LATE_VOID" ? books.state : books.refunded_amount).toBe(kind === "LATE_VOID" ? "CLOSED" : 10_002);
  });

  it("R11: lost, and not done: a day later nothing is sent and nothing is given up, and a person is asked", async () => {
    const { id, model } = await approvedLate(capture);
    await lose(operation, "cut_before");
    await advanceDuePayments(h.services);
    await h.passTime(DAY_MS);
    await h.letThrough();
    const before = await h.callsOf(model, operation);
    for (let turn = 0; turn < 3; turn += 1) {
      await advanceDuePayments(h.services);
      await sweepOpenPayments(h.services, "test", "late_approvals");
      await h.passTime(HOUR_MS);
    }
    expect(await h.callsOf(model, operation)).toEqual(before);
    expect(await undoOf(id)).toMatchObject([{ kind, state: "UNKNOWN" }]);
    expect(await stateOf(id)).toBe("FOUND");
    expect(await h.openAlarmsOf(id)).toContain("outcome_unknown");
  });

  it.each(["cut_after", "cut_before"] as const)(
    "lost (%s): asked again with the same key, undone once",
    async (lost) => {
      const { id, model } = await approvedLate(capture);
      await lose(operation, lost);
      await advanceDuePayments(h.services);
      await h.control.clearFaults();
      await h.passTime(10 * MINUTE_MS);
      await h.letThrough();
      await advanceDuePayments(h.services);
      expect(await undoOf(id)).toMatchObject([{ kind, state: "SUCCEEDED" }]);
      expect((await h.callsOf(model, operation)).keys.size).toBe(1);
      expect(await stateOf(id)).toBe(end);
    },
  );

  it("refused: one row however often it is looked at, and over once somebody has undone it by hand", async () => {
    const { id, model } = await approvedLate(capture);
    const error = { status: 409, code: "NOT_ALLOWED", errorId: null, message: null, fields: [] };
    let asked = 0;
    const refusing: Services = {
      ...h.services,
      klarna: {
        ...h.services.klarna,
        call: async (request, options): Promise<KlarnaOutcome> => {
          if (request.operation !== operation) return h.services.klarna.call(request, options);
          asked += 1;
          return { kind: "refused", error, calls: [] };
        },
      },
    };
    await advanceDuePayments(refusing);
    for (let look = 0; look < 4; look += 1) {
      await h.passTime(HOUR_MS + SECOND_MS);
      await sweepOpenPayments(refusing, "test", "late_approvals");
      await advanceDuePayments(refusing);
    }
    expect(asked).toBe(1);
    expect(await undoOf(id)).toMatchObject([{ kind, state: "FAILED", result: "REFUSED" }]);
    expect(await stateOf(id)).toBe("FOUND");
    expect(await h.openAlarmsOf(id)).toContain("late_approval_stuck");
    const { captures } = await h.transactionOf(model);
    const byHand =
      kind === "LATE_VOID"
        ? await h.atKlarna(model, "/void")
        : await h.atKlarna(model, `/captures/${captures[0]?.payment_capture_id}/refunds`, { amount: 10_002 });
    expect(byHand.ok, await byHand.text()).toBe(true);
    await h.passTime(HOUR_MS + SECOND_MS);
    await advanceDuePayments(h.services);
    expect(await stateOf(id)).toBe(end);
    expect(await h.openAlarmsOf(id)).not.toContain("late_approval_stuck");
  });
});

/** Klarna reads the transaction like that, and refuses to void it. */
function reading(change: Record<string, unknown> | null): { services: Services; asked: string[] } {
  const { klarna } = h.services;
  const asked: string[] = [];
  const error = { status: 409, code: "NOT_ALLOWED", errorId: null, message: null, fields: [] };
  const services: Services = {
    ...h.services,
    klarna: {
      ...klarna,
      call: async (request, options): Promise<KlarnaOutcome> => {
        asked.push(request.operation);
        if (request.operation === "void") return { kind: "refused", error, calls: [] };
        const outcome = await klarna.call(request, options);
        if (request.operation !== "read_transaction" || outcome.kind !== "answered") return outcome;
        return change === null
          ? { kind: "refused", error: { ...error, status: 404 }, calls: [] }
          : { ...outcome, body: { ...(outcome.body as object), ...change } };
      },
    },
  };
  return { services, asked };
}

it("ended with a part captured, and not to be released: what was captured is refunded all the same", async () => {
  const { id, model } = await approvedLate("automatic");
  const { services } = reading({ state: "EXPIRED", amount: 12_000 });
  await advanceDuePayments(services);
  for (let look = 0; look < 2; look += 1) {
    await h.passTime(HOUR_MS + SECOND_MS);
    await advanceDuePayments(services);
  }
  expect(await undoOf(id)).toMatchObject([
    { kind: "LATE_VOID", state: "FAILED" },
    { kind: "LATE_REFUND", state: "SUCCEEDED" },
  ]);
  expect(await h.transactionOf(model)).toMatchObject({ refunded_amount: 10_002 });
  expect(await stateOf(id)).toBe("REFUNDED");
});

it("not to be read: asked now and then, and a person is told", async () => {
  const { id } = await approvedLate("manual");
  const { services, asked } = reading(null);
  await h.passTime(HOUR_MS);
  await advanceDuePayments(services);
  expect(await h.openAlarmsOf(id)).toContain("late_approval_stuck");
  const before = asked.length;
  for (let turn = 0; turn < 6; turn += 1) {
    await h.passTime(10 * SECOND_MS);
    await advanceDuePayments(services);
  }
  expect(asked.length).toBe(before);
  await h.passTime(5 * MINUTE_MS);
  await advanceDuePayments(h.services);
  expect(await stateOf(id)).toBe("VOIDED");
  expect(await h.openAlarmsOf(id)).not.toContain("late_approval_stuck");
});

describe("another amount than was asked for", () => {
  type Bodies = { request_payment_transaction: { amount: number } };
  /** Klarna takes our first call for one of so much more, or less. */
  function takenFor(difference: number): Services {
    const { klarna } = h.services;
    return {
      ...h.services,
      klarna: {
        ...klarna,
        call: (request, options) => {
          if (request.operation !== "authorize") return klarna.call(request, options);
          const body = structuredClone(request.body) as Bodies;
          body.request_payment_transaction.amount += difference;
          return klarna.call({ ...request, body }, options);
        },
      },
    };
  }

  const UNDONE = {
    manual: { kind: "LATE_VOID", result: "VOIDED" },
    automatic: { kind: "LATE_REFUND", result: "REFUNDED" },
  } as const;
  const higher = { difference: 10_000, approved: 20_002 };
  const lower = { difference: -4_000, approved: 6_002 };

  it.each([
    { capture: "manual", currency: "SEK", ...higher, message: /^Klarna approved SEK.200\.02 where SEK.100\.02 was/ },
    { capture: "automatic", currency: "SEK", ...higher, message: /^Klarna approved SEK.200\.02 where SEK.100\.02 was/ },
    { capture: "automatic", currency: "JPY", ...higher, message: /^Klarna approved JPY.20,002 where JPY.10,002 was/ },
    { capture: "manual", currency: "SEK", ...lower, message: /^Klarna approved SEK.60\.02 where SEK.100\.02 was/ },
    { capture: "automatic", currency: "SEK", ...lower, message: /^Klarna approved SEK.60\.02 where SEK.100\.02 was/ },
    { capture: "automatic", currency: "JPY", ...lower, message: /^Klarna approved JPY.6,002 where JPY.10,002 was/ },
  ] as const)(
    "$approved $currency approved ($capture capture): no sale, nothing is kept, and a person is told",
    async (expected) => {
      await h.freshPartner();
      await h.retire();
      const { capture, currency, approved } = expected;
      const { kind, result } = UNDONE[capture];
      const ctx = { ...h.ctx, klarna: takenFor(expected.difference).klarna };
      const input = { amount: 10_002, currency, reference: "other", capture };
      const place = { store: { id: h.partner.store.id }, terminal: { id: h.partner.terminal.id } };
      const made = await createPayment(ctx, CreatePaymentSchema.parse({ ...input, ...place }));
      expect(made).toMatchObject({
        status: "failed",
        failure: { code: "klarna_error" },
        ...{ amount_authorized: 0, amount_captured: 0, amount_refundable: 0 },
      });
      expect((await h.openAlarmsOf(made.id)).toSorted()).toEqual(["amount_differs", "late_approval"]);
      const told = await h.services.db.query({
        text: "select message from alarms where subject_id = $1 and kind = 'amount_differs'",
        values: [made.id],
      });
      expect(told).toEqual([{ message: expect.stringMatching(expected.message) }]);
      await h.settleWebhooks();
      await h.sweepFor(20 * SECOND_MS);
      expect(await undoOf(made.id)).toMatchObject([{ kind, result }]);
      expect(await stateOf(made.id)).toBe(result);
      const books = capture === "manual" ? { state: "CLOSED" } : { refunded_amount: approved };
      expect(await h.transactionOf(made.id)).toMatchObject({ amount: approved, ...books });
      expect(await h.read(made.id)).toMatchObject({ status: "failed", amount_captured: 0 });
      expect(await h.eventsOf(made.id)).toEqual(["payment.failed"]);
    },
  );

  it.each([1, -1])("said by the answer to the final call (%i): no sale either", async (difference) => {
    await h.freshPartner();
    await h.retire();
    const id = await h.pending();
    await h.control.fault({
      operation: "authorize_final",
      kind: "cut_before",
      account: h.partner.account.id,
      times: null,
    });
    await h.control.play(await h.requestOf(id), "complete");
    await h.settleWebhooks();
    expect((await h.read(id)).status).toBe("finalizing");
    await h.control.clearFaults();
    await h.letThrough();
    const { klarna } = h.services;
    type Answer = { payment_transaction_response: { payment_transaction: { amount: number } } };
    const lying: Services = {
      ...h.services,
      klarna: {
        ...klarna,
        call: async (request, options) => {
          const outcome = await klarna.call(request, options);
          if (request.operation !== "authorize_final" || outcome.kind !== "answered") return outcome;
          const body = structuredClone(outcome.body) as Answer;
          body.payment_transaction_response.payment_transaction.amount += difference;
          return { ...outcome, body };
        },
      },
    };
    await h.passTime(MINUTE_MS);
    await advanceDuePayments(lying);
    expect(await h.read(id)).toMatchObject({ status: "failed", amount_captured: 0 });
    await h.settleWebhooks();
    await h.sweepFor(20 * SECOND_MS);
    expect(await stateOf(id)).toBe("REFUNDED");
    expect(await h.transactionOf(id)).toMatchObject({ refunded_amount: 11_850 });
  });
});
