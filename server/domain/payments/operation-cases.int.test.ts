import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ServiceContext } from "@/server/context";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "@/server/core/time";
import { processInbox } from "@/server/domain/inbox/service";
import { createRest, type Rest } from "@/server/rest/run";
import { paymentHarness, refusalOf } from "@/server/testing/payments";
import { callRest, makeKey } from "@/server/testing/rest";
import { sendSigned } from "@/server/testing/signed-event";
import type { OperationKind } from "./rows";
import {
  advanceDuePayments,
  capturePayment,
  reauthorizePayment,
  refundPayment,
  updatePayment,
  voidPayment,
} from "./service";

/* The cases of reliability that every operation after the payment has to stand, one table for all five. */

const h = paymentHarness({ connections: 8 });
let rest: Rest;
let key: string;
beforeAll(async () => {
  rest = createRest(h.services);
  key = (await makeKey(h.services, h.partner.partner.id)).key;
});
afterAll(async () => {
  await rest.close();
});
beforeEach(async () => {
  await h.retire();
  await h.letThrough();
});

type Transaction = Awaited<ReturnType<typeof h.transactionOf>>;
type Operation = {
  kind: OperationKind;
  /** What the simulator calls it. */
  call: string;
  prepare: () => Promise<string>;
  run: (id: string) => Promise<unknown>;
  /** How often it has happened in Klarna's books. */
  effects: (transaction: Transaction) => number;
  /** What a second one by somebody who does not know of the first may be refused with. */
  refusals: readonly string[];
  rest: { method: "POST" | "PATCH"; path: string; body?: unknown; other?: unknown };
};

async function expired(): Promise<string> {
  const id = await h.authorized();
  await h.passTime(28 * DAY_MS + HOUR_MS);
  await advanceDuePayments(h.services);
  expect((await h.read(id)).status).toBe("authorization_expired");
  return id;
}

const OPERATIONS: readonly Operation[] = [
  {
    kind: "CAPTURE",
    call: "capture",
    prepare: () => h.authorized(),
    run: (id) => capturePayment(h.ctx, id, {}),
    effects: (transaction) => transaction.captures.length,
    refusals: ["payment_not_capturable"],
    rest: { method: "POST", path: "/captures", body: {}, other: { amount: 7 } },
  },
  {
    kind: "REFUND",
    call: "refund",
    prepare: () => h.completed(),
    run: (id) => refundPayment(h.ctx, id, {}),
    effects: (transaction) => transaction.refunds.length,
    refusals: ["payment_not_refundable"],
    rest: { method: "POST", path: "/refunds", body: { reason: "Return" }, other: { reason: "Return", amount: 7 } },
  },
  {
    kind: "VOID",
    call: "void",
    prepare: () => h.authorized(),
    run: (id) => voidPayment(h.ctx, id),
    effects: (transaction) => transaction.voids.length,
    refusals: [],
    rest: { method: "POST", path: "/void" },
  },
  {
    kind: "UPDATE",
    call: "update_transaction",
    prepare: () => h.authorized(),
    run: (id) => updatePayment(h.ctx, id, { amount: 8_000 }),
    effects: (transaction) => Number(transaction.amount === 8_000),
    refusals: [],
    rest: { method: "PATCH", path: "", body: { amount: 8_000 } },
  },
  {
    kind: "REAUTHORIZE",
    call: "reauthorize",
    prepare: expired,
    run: (id) => reauthorizePayment(h.ctx, id),
    effects: (transaction) => transaction.operations,
    refusals: ["payment_not_reauthorizable"],
    rest: { method: "POST", path: "/reauthorize" },
  },
];

/** Lets time pass until every call about the payment has its answer. */
async function settle(id: string): Promise<void> {
  for (let turn = 0; turn < 6; turn += 1) {
    await h.letThrough();
    await h.sweepFor(20 * SECOND_MS);
    const [row] = await h.services.db.query<{ open: number }>({
      text: "select count(*)::int as open from klarna_operations where payment_id = $1 and state in ('PENDING','UNKNOWN')",
      values: [id],
    });
    if (row?.open === 0) return;
  }
}

/** The operation is done, once, here and at Klarna, and every call carried the one key. */
async function requireOnce(operation: Operation, id: string): Promise<void> {
  expect(await h.operationsOf(id, operation.kind)).toMatchObject([{ state: "SUCCEEDED" }]);
  expect(operation.effects(await h.transactionOf(id))).toBe(1);
  expect((await h.callsOf(id, operation.call)).keys.size).toBe(1);
  const payment = await h.read(id);
  const transaction = await h.transactionOf(id);
  expect([payment.amount_authorized, payment.amount_captured, payment.amount_refunded]).toEqual([
    transaction.amount,
    transaction.captured_amount,
    transaction.refunded_amount,
  ]);
}

describe.each(OPERATIONS.map((operation) => [operation.kind, operation] as const))("%s", (_kind, operation) => {
  it("R8: an answer after our time-out is unknown until the same key brings it, once", async () => {
    const id = await operation.prepare();
    await h.control.fault({
      operation: operation.call,
      kind: "slow",
      delay_ms: 3_500,
      account: h.partner.account.id,
      times: 1,
    });
    await operation.run(id);
    await h.control.clearFaults();
    await expect.poll(async () => operation.effects(await h.transactionOf(id))).toBe(1);
    // As long as the first call is held, the same key is refused as running; then it tells what became of it.
    const ended = async () => {
      await settle(id);
      return (await h.operationsOf(id, operation.kind)).every((row) => row.state !== "UNKNOWN");
    };
    await expect.poll(ended, { interval: 200 }).toBe(true);
    await requireOnce(operation, id);
  });

  it.each(["cut_before", "cut_halfway", "cut_after"] as const)(
    "R9: a connection that is lost (%s) is repeated with the same key and takes effect once",
    async (kind) => {
      const id = await operation.prepare();
      await h.control.fault({ operation: operation.call, kind, account: h.partner.account.id, times: 1 });
      await operation.run(id);
      await settle(id);
      await requireOnce(operation, id);
    },
  );

  it("R10: a 500, an HTML page, half a JSON and another answer than asked are unknown, and end as the truth", async () => {
    // What makes something names it; where nothing is made, there is nothing to name.
    const isNamed = operation.kind === "CAPTURE" || operation.kind === "REFUND";
    for (const kind of [
      "status_500",
      "html_502",
      "malformed",
      ...(isNamed ? ["wrong_schema" as const] : []),
    ] as const) {
      const id = await operation.prepare();
      await h.control.fault({ operation: operation.call, kind, account: h.partner.account.id, times: null });
      await operation.run(id);
      expect(await h.operationsOf(id, operation.kind), kind).toMatchObject([{ state: "UNKNOWN" }]);
      await h.control.clearFaults();
      await settle(id);
      await requireOnce(operation, id);
    }
  });

  it("R11: older than Klarna keeps its key it is read, not sent again: what happened is found", async () => {
    const id = await operation.prepare();
    await h.control.fault({ operation: operation.call, kind: "cut_after", account: h.partner.account.id, times: null });
    await operation.run(id);
    await h.control.clearFaults();
    await h.letThrough();
    const { count } = await h.callsOf(id, operation.call);
    await h.passTime(24 * HOUR_MS);
    await advanceDuePayments(h.services);
    expect((await h.callsOf(id, operation.call)).count).toBe(count);
    await requireOnce(operation, id);
  });

  it("R11: what a read does not show is not taken for a failure, and a person is asked", async () => {
    const id = await operation.prepare();
    await h.control.fault({
      operation: operation.call,
      kind: "cut_before",
      account: h.partner.account.id,
      times: null,
    });
    await operation.run(id);
    await h.control.clearFaults();
    const { count } = await h.callsOf(id, operation.call);
    for (const pass of [24 * HOUR_MS, 2 * HOUR_MS]) {
      await h.passTime(pass);
      await advanceDuePayments(h.services);
    }
    expect((await h.callsOf(id, operation.call)).count).toBe(count);
    expect(await h.operationsOf(id, operation.kind)).toMatchObject([{ state: "UNKNOWN" }]);
    expect(await h.openAlarmsOf(id)).toContain("outcome_unknown");
    expect(operation.effects(await h.transactionOf(id))).toBe(0);
  });

  it("R5: pressed 20 times at once it happens once; who comes second sees it done or is refused", async () => {
    const id = await operation.prepare();
    const results = await Promise.all(
      Array.from({ length: 20 }, () =>
        operation.run(id).then(
          () => "done",
          (error: { code?: string }) => error.code ?? String(error),
        ),
      ),
    );
    expect(results).toContain("done");
    for (const result of results) expect(["done", ...operation.refusals]).toContain(result);
    await requireOnce(operation, id);
    // While the first is on its way, nobody else asks Klarna.
    expect((await h.callsOf(id, operation.call)).count).toBe(1);
  });

  it("R18: Klarna's event about it that comes before our own answer changes nothing, and one after it is known already", async () => {
    const id = await operation.prepare();
    h.webhooks.hold();
    await h.control.fault({ operation: operation.call, kind: "cut_after", account: h.partner.account.id, times: null });
    await operation.run(id);
    await h.control.clearFaults();
    h.webhooks.release();
    await h.passTime(30 * SECOND_MS);
    await h.control.idle();
    await h.settleWebhooks();
    await settle(id);
    await requireOnce(operation, id);
  });

  if (operation.rest.method === "POST") {
    it("R1: 200 parallel calls with one Idempotency-Key happen once and answer the same", async () => {
      const id = await operation.prepare();
      const call = () =>
        callRest(rest, "POST", `/api/v1/payments/${id}${operation.rest.path}`, {
          key,
          body: operation.rest.body,
          idempotencyKey: `once-${id}`,
        });
      const answers = await Promise.all(Array.from({ length: 200 }, call));
      for (const answer of answers) expect([200, 201, 409], answer.text).toContain(answer.status);
      const done = new Set(answers.filter((answer) => answer.status < 300).map((answer) => answer.text));
      expect(done.size).toBe(1);
      const late = await call();
      expect([...done]).toEqual([late.text]);
      expect(late.headers["idempotency-replayed"]).toBe("true");
      await requireOnce(operation, id);
    });
  }

  if (operation.rest.other !== undefined) {
    it("R2: the same key with another body is refused and nothing happens", async () => {
      const id = await operation.prepare();
      const call = (body: unknown) =>
        callRest(rest, "POST", `/api/v1/payments/${id}${operation.rest.path}`, {
          key,
          body,
          idempotencyKey: `two-${id}`,
        });
      expect((await call(operation.rest.body)).status).toBe(201);
      const other = await call(operation.rest.other);
      expect(other.status).toBe(422);
      expect(other.json).toMatchObject({ code: "idempotency_key_reused" });
      await requireOnce(operation, id);
    });
  }
});

describe("operations beside each other", () => {
  it("R37: 50 parallel captures, then 50 parallel refunds, above what there is: what is accepted never exceeds it", async () => {
    const id = await h.authorized();
    const captured = await Promise.allSettled(
      Array.from({ length: 50 }, () => capturePayment(h.ctx, id, { amount: 1_000 })),
    );
    expect(captured.filter((one) => one.status === "fulfilled")).toHaveLength(10);
    for (const one of captured)
      if (one.status === "rejected")
        expect(["capture_exceeds_authorized", "payment_not_capturable"]).toContain(one.reason.code);
    expect(await h.transactionOf(id)).toMatchObject({ captured_amount: 10_000 });
    const lines = [{ name: "Goods", quantity: 1, total_amount: 700 }];
    const refunded = await Promise.allSettled(
      Array.from({ length: 50 }, () => refundPayment(h.ctx, id, { line_items: lines })),
    );
    expect(refunded.filter((one) => one.status === "fulfilled")).toHaveLength(14);
    for (const one of refunded) if (one.status === "rejected") expect(one.reason.code).toBe("refund_exceeds_captured");
    expect(await h.transactionOf(id)).toMatchObject({ refunded_amount: 9_800 });
    expect(await h.read(id)).toMatchObject({ amount_refunded: 9_800, amount_refundable: 200 });
  });

  it("R38: a capture, a release and a change at the same moment leave equal books, whichever was first", async () => {
    for (let round = 0; round < 6; round += 1) {
      const id = await h.authorized();
      const ways = [
        () => capturePayment(h.ctx, id, { amount: 4_000 }),
        () => voidPayment(h.ctx, id),
        () => updatePayment(h.ctx, id, { amount: 5_000 }),
      ];
      const turned = [...ways.slice(round % 3), ...ways.slice(0, round % 3)];
      const results = await Promise.allSettled(turned.map((way) => way()));
      expect(results.filter((one) => one.status === "fulfilled").length).toBeGreaterThanOrEqual(1);
      const [payment, transaction] = [await h.read(id), await h.transactionOf(id)];
      expect([payment.amount_authorized, payment.amount_captured, payment.amount_voided]).toEqual([
        transaction.amount,
        transaction.captured_amount,
        transaction.voided_amount,
      ]);
    }
  });

  it("R16: fifteen orders of Klarna's five events about a transaction, each event twice, leave the payment as it is", async () => {
    const id = await h.authorized();
    await capturePayment(h.ctx, id, { amount: 4_000 });
    await refundPayment(h.ctx, id, { amount: 1_000 });
    const before = await h.read(id);
    const { payment_transaction_id: transaction } = await h.transactionOf(id);
    const kinds = ["state-change.authorized", "captured", "refunded", "state-change.expired", "updated"];
    const sent = kinds.map((kind, index) => ({
      type: `payment.transaction.${kind}`,
      account: h.partner.account.id,
      eventId: randomUUID(),
      occurredAt: new Date(h.services.clock.now().getTime() - index * MINUTE_MS),
      payload: { payment_transaction_id: transaction, payment_transaction_reference: id, state: "AUTHORIZED" },
    }));
    for (const order of permutations(sent.map((_event, index) => index)).filter((_order, index) => index % 8 === 0)) {
      for (const index of [...order, ...order]) {
        const event = sent[index];
        if (event)
          expect(
            (await sendSigned(h.webhooks, { ...event, eventId: `${event.eventId}-${order.join("")}` })).status,
          ).toBe(200);
      }
      await processInbox(h.services);
    }
    expect(await h.read(id)).toEqual(before);
    const { length } = await h.eventsOf(id);
    expect(length).toBe(3);
  });

  it("R17: one event about a refund, delivered 200 times in parallel, is one row and no second effect", async () => {
    const id = await h.completed();
    await refundPayment(h.ctx, id, { amount: 1_000 });
    const { payment_transaction_id: transaction } = await h.transactionOf(id);
    const eventId = randomUUID();
    const event = {
      type: "payment.transaction.refunded",
      account: h.partner.account.id,
      eventId,
      payload: { payment_transaction_id: transaction, payment_transaction_reference: id, refunded_amount: 1_000 },
    };
    const answers = await Promise.all(Array.from({ length: 200 }, () => sendSigned(h.webhooks, event)));
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([200]));
    await Promise.all([processInbox(h.services), processInbox(h.services)]);
    const rows = await h.services.db.query({
      text: "select id from inbox_events where event_id = $1",
      values: [eventId],
    });
    expect(rows).toHaveLength(1);
    expect(await h.read(id)).toMatchObject({ amount_refunded: 1_000 });
  });

  it.each([
    { call: "void", run: voidPayment, answer: { status: "voided", amount_voided: 10_002 } },
    {
      call: "update_transaction",
      run: (ctx: ServiceContext, id: string) => updatePayment(ctx, id, { amount: 8_000 }),
      answer: { amount: 8_000, amount_authorized: 8_000 },
    },
  ])("a second $call that sees the first one answered in that moment says what is so then", async (operation) => {
    const id = await h.authorized();
    const { klarna, db } = h.services;
    const begun = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    const slow: ServiceContext["klarna"] = {
      ...klarna,
      call: async (request, options) => {
        begun.resolve();
        await held.promise;
        return klarna.call(request, options);
      },
    };
    const first = operation.run({ ...h.ctx, klarna: slow }, id);
    await begun.promise;
    // Between its look under the lock and its look at the journal the first one gets its answer.
    const later: ServiceContext["db"] = {
      ...db,
      query: async (query) => {
        if (query.name === "operations_of_payment") {
          held.resolve();
          await first;
        }
        return db.query(query);
      },
    };
    expect(await operation.run({ ...h.ctx, db: later }, id)).toMatchObject(operation.answer);
    expect((await h.callsOf(id, operation.call)).count).toBe(1);
  });

  it("a refund of a capture that has no answer counts as taken of that capture, whatever is left of the others", async () => {
    const id = await h.authorized();
    const first = await capturePayment(h.ctx, id, { amount: 4_000 });
    const second = await capturePayment(h.ctx, id, { amount: 3_000 });
    await h.control.fault({ operation: "refund", kind: "cut_after", account: h.partner.account.id, times: null });
    const open = await refundPayment(h.ctx, id, { amount: 3_000, capture: first.id });
    expect(open.status).toBe("processing");
    await h.control.clearFaults();
    await h.letThrough();
    const { count } = await h.callsOf(id, "refund");
    expect(await refusalOf(refundPayment(h.ctx, id, { amount: 1_001, capture: first.id }))).toBe(
      "refund_exceeds_captured",
    );
    expect((await h.callsOf(id, "refund")).count).toBe(count);
    expect(await refundPayment(h.ctx, id, { capture: first.id })).toMatchObject({ status: "succeeded", amount: 1_000 });
    expect(await refundPayment(h.ctx, id, { capture: second.id })).toMatchObject({
      status: "succeeded",
      amount: 3_000,
    });
    await settle(id);
    expect(await h.transactionOf(id)).toMatchObject({ refunded_amount: 7_000 });
  });

  it("a refund without capture or lines is refused where there are several captures, and taken of the lines otherwise", async () => {
    const id = await h.authorized();
    const first = await capturePayment(h.ctx, id, { amount: 4_000 });
    await capturePayment(h.ctx, id, { amount: 3_000 });
    expect(await refusalOf(refundPayment(h.ctx, id, { amount: 100 }))).toBe("refund_needs_capture");
    expect(await refusalOf(refundPayment(h.ctx, id, { amount: 4_001, capture: first.id }))).toBe(
      "refund_exceeds_captured",
    );
    const lines = [{ name: "Chair", quantity: 1, total_amount: 6_500 }];
    const spread = await refundPayment(h.ctx, id, { line_items: lines, reason: "Returned" });
    expect(spread).toMatchObject({ status: "succeeded", amount: 6_500, capture: null, reason: "Returned" });
    expect(await refusalOf(refundPayment(h.ctx, id, { amount: 501, capture: first.id }))).toBe(
      "refund_exceeds_captured",
    );
    // Klarna took the older capture first: of that one nothing is left there, and its no is definite.
    expect(await refundPayment(h.ctx, id, { amount: 500, capture: first.id })).toMatchObject({ status: "failed" });
    const last = [{ name: "Cushion", quantity: 1, total_amount: 500 }];
    expect(await refundPayment(h.ctx, id, { line_items: last })).toMatchObject({ status: "succeeded" });
    expect(await h.transactionOf(id)).toMatchObject({ refunded_amount: 7_000 });
    expect(await h.read(id)).toMatchObject({ amount_refunded: 7_000, amount_refundable: 0 });
  });
});

function permutations(items: readonly number[]): number[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item) => permutations(items.filter((other) => other !== item)).map((rest) => [item, ...rest]));
}
