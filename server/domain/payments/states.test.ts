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
  REAUTHORIZE_WITHIN_MS,
} from "./states";

const ALL_EVENTS = [...new Set(Object.values(paymentMachine.table).flatMap((row) => Object.keys(row)))] as Parameters<
  typeof paymentMachine.next
>[1][];

/** The graph as the trigger on the table has it, read out of the newest migration that writes it. */
function databaseGraph(rail: "NETWORK" | "CLASSIC"): Map<string, Set<string>> {
  const folder = path.resolve(import.meta.dirname, "../../../prisma/migrations");
  const sql = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
    .map((name) => readFileSync(path.join(folder, name, "migration.sql"), "utf8"))
    .join("\n");
  const body = sql.match(/CREATE (?:OR REPLACE )?FUNCTION payments_guard\(\)[\s\S]*?\$\$;/g)?.at(-1) ?? "";
  const list = (text: string | undefined): string[] => (text ?? "").replaceAll("'", "").split(",").filter(Boolean);
  const rows = body.matchAll(
    /WHEN '([A-Z_]+)' THEN NEW\.state IN \(([^)]*)\)(?: OR \(NEW\.rail = 'CLASSIC' AND NEW\.state IN \(([^)]*)\)\))?/g,
  );
  return new Map(
    [...rows].map(([, from, always, classic]) => [
      from ?? "",
      new Set([...list(always), ...(rail === "CLASSIC" ? list(classic) : [])]),
    ]),
  );
}

/** Klarna places a classic order itself, out of the customer's journey; on the Network only a final call approves. */
const CLASSIC_ONLY = new Set([
  "PENDING>AUTHORIZED",
  "PENDING>COMPLETED",
  "IN_PROGRESS>AUTHORIZED",
  "IN_PROGRESS>COMPLETED",
]);

describe("the life of a payment", () => {
  it.each(["NETWORK", "CLASSIC"] as const)(
    "is the same graph in the code and in the trigger on the table (%s)",
    (rail) => {
      const graph = databaseGraph(rail);
      for (const from of PAYMENT_STATES) {
        const targets = [...new Set<string>(Object.values(paymentMachine.table[from]))].filter(
          (to) => rail === "CLASSIC" || !CLASSIC_ONLY.has(`${from}>${to}`),
        );
        expect([...(graph.get(from) ?? [])].sort(), from).toEqual(targets.sort());
      }
    },
  );

  it("every event that the table does not name for a state is refused there", () => {
    for (const state of PAYMENT_STATES) {
      const row = paymentMachine.table[state];
      for (const event of ALL_EVENTS) {
        if (Object.hasOwn(row, event)) expect(PAYMENT_STATES).toContain(paymentMachine.next(state, event));
        else expect(() => paymentMachine.next(state, event), `${state} ${event}`).toThrow("state_conflict");
      }
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

  it("offers capture, change and renewal where they are possible, one on the authorization at a time", () => {
    const base = {
      finalStartedAt: null,
      stopMark: null,
      amountAuthorized: 100,
      amountCaptured: 40,
      amountVoided: 0,
      amountRefundable: 0,
    };
    expect(paymentActions({ ...base, state: "AUTHORIZED" })).toMatchObject({ capture: null, update: null });
    expect(paymentActions({ ...base, state: "AUTHORIZED", openCaptures: 59 }).capture).toBeNull();
    expect(paymentActions({ ...base, state: "AUTHORIZED", openCaptures: 60 }).capture).toMatch(/being captured/);
    expect(paymentActions({ ...base, state: "AUTHORIZED", open: ["CAPTURE"] }).capture).toBeNull();
    for (const open of [["VOID"], ["UPDATE"], ["REAUTHORIZE"]]) {
      expect(paymentActions({ ...base, state: "AUTHORIZED", open }).capture, open[0]).toMatch(/no answer/);
    }
    for (const action of ["void", "update"] as const)
      expect(paymentActions({ ...base, state: "AUTHORIZED", open: ["CAPTURE"] })[action]).toMatch(/no answer/);
    const waiting = { ...base, state: "PENDING", klarnaRequestState: "SUBMITTED" } as const;
    expect(paymentActions(waiting).update).toBeNull();
    expect(paymentActions({ ...waiting, rail: "CLASSIC" }).update).not.toBeNull();
    expect(paymentActions({ ...waiting, stopMark: "CANCEL" }).update).not.toBeNull();
    expect(paymentActions({ ...base, state: "IN_PROGRESS" }).update).toMatch(/begun/);
    const end = new Date("2026-11-21T00:00:00Z");
    const expired = { ...base, state: "AUTHORIZATION_EXPIRED", authorizationExpiresAt: end } as const;
    expect(paymentActions({ ...expired, now: end })).toMatchObject({ reauthorize: null, void: null });
    expect(paymentActions({ ...expired, now: end }).capture).toMatch(/Renew/);
    for (const kind of ["CAPTURE", "VOID", "UPDATE", "REAUTHORIZE"]) {
      const busy = paymentActions({ ...expired, now: end, open: [kind] });
      expect([busy.reauthorize, busy.void], kind).toEqual([
        expect.stringMatching(/no answer/),
        expect.stringMatching(/no answer/),
      ]);
    }
    for (const kind of ["CAPTURE", "VOID", "UPDATE", "REAUTHORIZE", "CANCEL_REQUEST"])
      expect(paymentActions({ ...waiting, open: [kind] }).update, kind).toMatch(/no answer/);
    const late = new Date(end.getTime() + REAUTHORIZE_WITHIN_MS);
    expect(paymentActions({ ...expired, now: late }).reauthorize).toMatch(/7 days/);
    expect(paymentActions({ ...base, state: "AUTHORIZED" }).reauthorize).not.toBeNull();
  });
});
