import { describe, expect, it } from "vitest";
import { addMs, MINUTE_MS, SECOND_MS } from "@/server/core/time";
import type { KlarnaCallRecord, KlarnaOutcome } from "@/server/klarna/client";
import { CALL_LEASE_MS, type Loaded, newOperation } from "./change";
import type { OperationRow } from "./rows";
import { actionFacts, verdictOf } from "./settling";
import { capturableAmount, paymentActions } from "./states";

const now = new Date("2026-11-21T12:00:00Z");
const owner = { id: "pay_1", partnerId: "par_1", mode: "test" } as const;
const journalled = (rest: Partial<OperationRow> = {}): OperationRow => ({
  ...newOperation(owner, "REFUND", now),
  ...rest,
});
const call = (outcome: KlarnaCallRecord["outcome"]): KlarnaCallRecord => ({ outcome }) as unknown as KlarnaCallRecord;
const refused = (status: number, ...before: KlarnaCallRecord["outcome"][]): KlarnaOutcome => ({
  kind: "refused",
  error: { status, code: `HTTP_${status}`, errorId: null, message: null, fields: [] },
  calls: [...before, "REFUSED" as const].map(call),
});
const notSent: KlarnaOutcome = { kind: "not_sent", reason: "ECONNREFUSED", calls: [] };

describe("what a call came to", () => {
  it("R3: a row that a dead process left is never taken for one that was not sent", () => {
    const soon = addMs(now, 5 * SECOND_MS);
    expect(verdictOf(notSent, journalled(), true, soon)).toBe("not_sent");
    expect(verdictOf(notSent, journalled(), true, addMs(now, CALL_LEASE_MS))).toBe("open");
    expect(verdictOf(notSent, journalled({ state: "UNKNOWN" }), true, soon)).toBe("open");
    expect(verdictOf(notSent, journalled({ attempts: 1 }), true, soon)).toBe("open");
  });

  it.each([401, 403, 404])("a refusal with %i says nothing about an earlier call without an answer", (status) => {
    expect(verdictOf(refused(status), journalled(), true, now)).toBe("refused");
    expect(verdictOf(refused(status, "NO_ANSWER"), journalled(), true, now)).toBe("open");
    expect(verdictOf(refused(status), journalled({ state: "UNKNOWN", attempts: 3 }), true, now)).toBe("open");
    expect(verdictOf(refused(status), journalled(), true, addMs(now, MINUTE_MS))).toBe("open");
  });

  it("Klarna's no to the key itself stays a no, also to a repeat", () => {
    expect(verdictOf(refused(400, "NO_ANSWER"), journalled(), true, now)).toBe("refused");
    expect(verdictOf(refused(422), journalled({ state: "UNKNOWN" }), true, now)).toBe("refused");
    for (const code of ["OPERATION_FORBIDDEN", "CAPTURE_NOT_ALLOWED", "NOT_ALLOWED"]) {
      const error = { status: 403, code, errorId: null, message: null, fields: [] };
      const forbidden: KlarnaOutcome = { kind: "refused", error, calls: [] };
      expect(verdictOf(forbidden, journalled({ state: "UNKNOWN" }), true, now)).toBe("refused");
    }
  });
});

it("while the capture of a classic sale has no answer nothing else of the order is captured", () => {
  const payment = { ...owner, state: "AUTHORIZED", amountAuthorized: 10_000, amountCaptured: 0, amountVoided: 0 };
  const facts = (operations: OperationRow[]) =>
    actionFacts({ payment, operations, captures: [], refunds: [] } as unknown as Loaded, now);
  const open = newOperation(owner, "CAPTURE", now);
  expect(paymentActions(facts([])).capture).toBeNull();
  expect(capturableAmount(facts([open]))).toBe(0);
  expect(paymentActions(facts([open])).capture).toContain("being captured already");
  expect(paymentActions(facts([{ ...open, state: "FAILED" }])).capture).toBeNull();
});
