import { describe, expect, it } from "vitest";
import type { Loaded } from "./change";
import { countOperations, requireRoom } from "./limits";
import type { OperationKind } from "./rows";
import type { OperationState } from "./states";

const many = <T>(count: number, row: T): T[] => Array.from({ length: count }, () => row);
const operation = (kind: OperationKind, state: OperationState = "SUCCEEDED", result: string | null = null) => ({
  kind,
  state,
  result,
});
/** Only what is counted; the rest of a row says nothing here. */
const loaded = (rows: { operations?: unknown[]; captures?: unknown[]; refunds?: unknown[] }): Loaded =>
  ({ operations: [], captures: [], refunds: [], ...rows }) as unknown as Loaded;
const isRefused = (rows: Loaded, kind: Parameters<typeof requireRoom>[1]): boolean => {
  try {
    requireRoom(rows, kind);
    return false;
  } catch (error) {
    expect(error).toMatchObject({ code: "operation_limit_reached", status: 409 });
    return true;
  }
};

describe("Klarna's limits on operations", () => {
  it.each([
    ["CAPTURE", "captures"],
    ["REFUND", "refunds"],
  ] as const)("200 of kind %s are the most, open ones counted and failed ones not", (kind, rows) => {
    const state = (name: OperationState) => ({ state: name });
    const almost = [...many(150, state("SUCCEEDED")), ...many(49, state("UNKNOWN")), ...many(300, state("FAILED"))];
    expect(isRefused(loaded({ [rows]: almost }), kind)).toBe(false);
    expect(isRefused(loaded({ [rows]: [...almost, state("PENDING")] }), kind)).toBe(true);
  });

  it("200 releases are the most, and 500 operations in all, of whatever kind", () => {
    expect(isRefused(loaded({ operations: many(200, operation("VOID")) }), "VOID")).toBe(true);
    expect(isRefused(loaded({ operations: many(199, operation("VOID")) }), "VOID")).toBe(false);
    const full = loaded({
      captures: many(199, { state: "SUCCEEDED" }),
      refunds: many(199, { state: "SUCCEEDED" }),
      operations: [...many(100, operation("UPDATE")), ...many(2, operation("REAUTHORIZE", "UNKNOWN"))],
    });
    expect(countOperations(full).ALL).toBe(500);
    for (const kind of ["CAPTURE", "REFUND", "VOID", "UPDATE", "REAUTHORIZE"] as const)
      expect(isRefused(full, kind)).toBe(true);
  });

  it("calls before the transaction, and what Klarna refused, are not counted", () => {
    const rows = loaded({
      operations: [
        ...many(300, operation("UPDATE", "SUCCEEDED", "REQUEST_UPDATED")),
        ...many(300, operation("UPDATE", "FAILED", "REFUSED")),
        operation("AUTHORIZE"),
        operation("FINAL_AUTHORIZE"),
      ],
    });
    expect(countOperations(rows).ALL).toBe(0);
    expect(isRefused(rows, "UPDATE")).toBe(false);
  });
});
