import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { at, type Client, createClient, type Json } from "./fixtures";

const DAY_MS = 24 * 3_600_000;

let client: Client;
beforeAll(async () => {
  client = await createClient();
  await client.control.account({ account_id: client.accountId, switches: { amount_triggers: false } });
});
afterAll(async () => {
  await client.close();
});

type Step =
  | { kind: "capture" | "refund" | "lower"; amount: number; key: boolean }
  | { kind: "refund_capture"; amount: number; index: number }
  | { kind: "void" | "reauthorize" | "repeat" | "read" }
  | { kind: "advance"; days: number };

const amount = fc.integer({ min: 1, max: 900 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("capture" as const), amount, key: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("refund" as const), amount, key: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("refund_capture" as const),
      amount,
      index: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("lower" as const), amount, key: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom("void" as const, "reauthorize" as const, "read" as const) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("repeat" as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("advance" as const), days: fc.constantFrom(1, 8, 29) }) },
);

/** What may follow a state, by whichever operation or by time. */
const NEXT: Record<string, string[]> = {
  AUTHORIZED: ["AUTHORIZED", "EXPIRED", "COMPLETED", "CLOSED"],
  EXPIRED: ["EXPIRED", "AUTHORIZED", "COMPLETED", "CLOSED"],
  COMPLETED: ["COMPLETED"],
  CLOSED: ["CLOSED"],
};

/** What an operation may be asked for in a state; everything else must be refused. */
const ALLOWED: Record<string, string[]> = {
  capture: ["AUTHORIZED"],
  refund: ["AUTHORIZED", "EXPIRED", "COMPLETED"],
  refund_capture: ["AUTHORIZED", "EXPIRED", "COMPLETED"],
  void: ["AUTHORIZED", "EXPIRED"],
  reauthorize: ["EXPIRED"],
  lower: ["AUTHORIZED"],
};

type Call = { method: string; path: string; body: Json; key: string | undefined };

function callOf(made: Step, path: string, id: string, number: number): Call | null {
  const key = "key" in made && made.key ? `${id}-${number}` : undefined;
  switch (made.kind) {
    case "capture":
      return { method: "POST", path: `${path}/captures`, body: { amount: made.amount }, key };
    case "refund":
      return { method: "POST", path: `${path}/refunds`, body: { amount: made.amount }, key };
    case "refund_capture":
      return {
        method: "POST",
        path: `${path}/captures/${id}:capture:${made.index}/refunds`,
        body: { amount: made.amount },
        key,
      };
    case "void":
    case "reauthorize":
      return { method: "POST", path: `${path}/${made.kind}`, body: {}, key };
    case "lower":
      return { method: "PATCH", path, body: { amount: made.amount }, key };
    default:
      return null;
  }
}

function rowsOf(transaction: Json, name: string): unknown[] {
  const rows = transaction[name];
  return Array.isArray(rows) ? rows : [];
}

function sumOf(rows: unknown[], field: string): number {
  return rows.reduce<number>((sum, row) => sum + Number(at(row, field)), 0);
}

function checkSums(transaction: Json): void {
  const total = Number(transaction.amount);
  const captured = Number(transaction.captured_amount);
  const refunded = Number(transaction.refunded_amount);
  const remaining = Number(transaction.remaining_amount);
  const captures = rowsOf(transaction, "payment_captures");
  const refunds = rowsOf(transaction, "payment_refunds");
  expect(captured).toBeLessThanOrEqual(total);
  expect(refunded).toBeLessThanOrEqual(captured);
  expect(remaining).toBeGreaterThanOrEqual(0);
  expect(captured + remaining).toBeLessThanOrEqual(total);
  expect(sumOf(captures, "amount")).toBe(captured);
  expect(sumOf(captures, "refunded_amount")).toBe(refunded);
  expect(sumOf(refunds, "amount")).toBe(refunded);
  for (const capture of captures) {
    expect(Number(at(capture, "refunded_amount"))).toBeLessThanOrEqual(Number(at(capture, "amount")));
  }
  switch (transaction.state) {
    case "AUTHORIZED":
    case "EXPIRED":
      expect(remaining).toBeGreaterThan(0);
      break;
    case "COMPLETED":
      expect(captured).toBeGreaterThan(0);
      break;
    case "CLOSED":
      expect(captured).toBe(0);
      break;
    default:
      throw new Error(`unknown state ${String(transaction.state)}`);
  }
}

describe("a transaction under any order of operations", () => {
  it("keeps its sums and walks its state table; a refused call changes nothing, a repeated one does nothing twice", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const id = await client.authorized(1000);
        const path = `${client.base}/transactions/${id}`;
        const read = async (): Promise<Json> => (await client.call("GET", path)).body;
        const done: { call: Call; text: string }[] = [];
        for (const [number, made] of steps.entries()) {
          const before = await read();
          if (made.kind === "advance") await client.control.advance(made.days * DAY_MS, client.accountId);
          const last = done.at(-1);
          const isRepeat = made.kind === "repeat" && last !== undefined;
          const call = isRepeat ? last.call : callOf(made, path, id, number);
          if (call !== null) {
            const answer = await client.call(call.method, call.path, call.body, { key: call.key });
            expect([200, 201, 400, 403, 404]).toContain(answer.status);
            const after = await read();
            if (answer.status >= 400) expect(after).toEqual(before);
            // A key is remembered for a day of the account's clock, which these steps may have moved further.
            const isRemembered = isRepeat && call.key !== undefined && answer.text === last?.text;
            if (isRemembered) expect(after).toEqual(before);
            const allowed = isRepeat ? undefined : ALLOWED[made.kind];
            if (allowed !== undefined && answer.status < 300) expect(allowed).toContain(before.state);
            done.push({ call, text: answer.text });
          }
          const after = await read();
          expect(NEXT[String(before.state)]).toContain(after.state);
          checkSums(after);
        }
        const [row] = await client.control.transactions({ payment_transaction_id: id });
        expect(row?.operations).toBeLessThanOrEqual(500);
        expect(Number(row?.captured_amount) + Number(row?.voided_amount) + Number(row?.remaining_amount)).toBe(
          row?.amount,
        );
      }),
      { numRuns: 120 },
    );
  });

  it("stops at 200 operations of a kind and at 500 of all kinds", async () => {
    const id = await client.authorized(5000);
    const path = `${client.base}/transactions/${id}`;
    const times = async (count: number, method: string, to: string, body: Json): Promise<number[]> => {
      const statuses: number[] = [];
      for (let turn = 0; turn < count; turn += 1) statuses.push((await client.call(method, to, body)).status);
      return statuses;
    };
    expect(new Set(await times(200, "POST", `${path}/captures`, { amount: 5 }))).toEqual(new Set([201]));
    expect(await times(1, "POST", `${path}/captures`, { amount: 5 })).toEqual([403]);
    expect(new Set(await times(200, "POST", `${path}/refunds`, { amount: 1 }))).toEqual(new Set([201]));
    expect(await times(1, "POST", `${path}/refunds`, { amount: 1 })).toEqual([403]);
    expect(new Set(await times(100, "PATCH", path, { payment_transaction_reference: "again" }))).toEqual(
      new Set([200]),
    );
    expect(await times(1, "PATCH", path, { payment_transaction_reference: "again" })).toEqual([403]);
    expect(await times(1, "POST", `${path}/void`, {})).toEqual([403]);
  });
});
