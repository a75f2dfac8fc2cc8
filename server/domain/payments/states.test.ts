import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ENDED_UNPAID,
  isSettled,
  OPEN_STATES,
  operationMachine,
  PAYMENT_STATE_WORDS,
  PAYMENT_STATES,
  type PaymentState,
  PUBLIC_STATUSES,
  paymentActions,
  paymentMachine,
} from "./states";

const ALL_EVENTS = [...new Set(Object.values(paymentMachine.table).flatMap((row) => Object.keys(row)))] as Parameters<
  typeof paymentMachine.next
>[1][];

/** The graph as the trigger on the table has it, read out of the migrations. */
function databaseGraph(): Map<string, Set<string>> {
  const folder = path.resolve(import.meta.dirname, "../../../prisma/migrations");
  const sql = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => readFileSync(path.join(folder, entry.name, "migration.sql"), "utf8"))
    .join("\n");
  const body = /CREATE FUNCTION payments_guard\(\)[\s\S]*?\$\$;/.exec(sql)?.[0] ?? "";
  const rows = [...body.matchAll(/WHEN '([A-Z_]+)' THEN NEW\.state IN \(([^)]*)\)/g)];
  return new Map(
    rows.map(([, from, targets]) => [from ?? "", new Set((targets ?? "").replaceAll("'", "").split(","))]),
  );
}

describe("the life of a payment", () => {
  it("is the same graph in the code and in the trigger on the table", () => {
    const graph = databaseGraph();
    for (const from of PAYMENT_STATES) {
      const targets = new Set<string>(Object.values(paymentMachine.table[from]));
      expect([...(graph.get(from) ?? [])].sort(), from).toEqual([...targets].sort());
    }
  });

  it("ends: completed, voided, declined, canceled, expired and failed lead nowhere", () => {
    const ends = PAYMENT_STATES.filter((state) => paymentMachine.isTerminal(state));
    expect(ends.sort()).toEqual(["CANCELED", "COMPLETED", "DECLINED", "EXPIRED", "FAILED", "VOIDED"]);
    for (const state of ENDED_UNPAID) expect(paymentMachine.isTerminal(state)).toBe(true);
  });

  it("every state is reached from PROCESSING, and every open state can reach an end", () => {
    const reach = (from: PaymentState, seen = new Set<PaymentState>()): Set<PaymentState> => {
      if (seen.has(from)) return seen;
      seen.add(from);
      for (const target of Object.values(paymentMachine.table[from])) reach(target, seen);
      return seen;
    };
    expect(reach("PROCESSING").size).toBe(PAYMENT_STATES.length);
    for (const state of PAYMENT_STATES)
      expect([...reach(state)].some((end) => paymentMachine.isTerminal(end))).toBe(true);
  });

  it("any sequence of events stays in the table, and a final state is never left", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...ALL_EVENTS), { maxLength: 40 }), (events) => {
        let state: PaymentState = "PROCESSING";
        for (const event of events) {
          const before: PaymentState = state;
          if (paymentMachine.can(state, event)) state = paymentMachine.next(state, event);
          else expect(() => paymentMachine.next(before, event)).toThrow("state_conflict");
          if (paymentMachine.isTerminal(before)) expect(state).toBe(before);
        }
      }),
    );
  });

  it("is said to Partners in the same words, in lower case", () => {
    expect([...PUBLIC_STATUSES]).toEqual(PAYMENT_STATES.map((state) => state.toLowerCase()));
  });

  it("has a word for each state, and open and settled are opposites", () => {
    for (const state of PAYMENT_STATES) {
      expect(PAYMENT_STATE_WORDS[state].length).toBeGreaterThan(3);
      expect(isSettled(state)).toBe(!OPEN_STATES.includes(state));
    }
  });

  it("an unknown outcome becomes succeeded or failed and nothing else; what is settled stays", () => {
    expect(Object.values(operationMachine.table.UNKNOWN).sort()).toEqual(["FAILED", "SUCCEEDED"]);
    expect(operationMachine.isTerminal("SUCCEEDED")).toBe(true);
    expect(operationMachine.isTerminal("FAILED")).toBe(true);
  });

  it("offers cancel before the final call only, void only with something left, refund only with something captured", () => {
    const base = {
      finalStartedAt: null,
      stopMark: null,
      amountAuthorized: 0,
      amountCaptured: 0,
      amountVoided: 0,
      amountRefundable: 0,
    };
    expect(paymentActions({ ...base, state: "PENDING" })).toMatchObject({ cancel: null });
    expect(paymentActions({ ...base, state: "FINALIZING", finalStartedAt: new Date() }).cancel).toMatch(/finalized/);
    expect(paymentActions({ ...base, state: "PENDING", stopMark: "CANCEL" }).cancel).toMatch(/already/);
    expect(paymentActions({ ...base, state: "AUTHORIZED" })).toMatchObject({ void: null });
    expect(paymentActions({ ...base, state: "COMPLETED" }).void).not.toBeNull();
    expect(paymentActions({ ...base, state: "COMPLETED", amountRefundable: 1 }).refund).toBeNull();
  });
});
