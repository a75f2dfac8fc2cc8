import fc from "fast-check";
import { expect, it } from "vitest";
import { addMs, HOUR_MS, MINUTE_MS, SECOND_MS } from "@/server/core/time";
import type { ClassicFacts } from "@/server/domain/payments/rows";
import type { LineItem } from "@/server/domain/payments/schema";
import { toOrderLine } from "./body";
import { failureCodeOf } from "./facts";
import { nextPoll } from "./polling";

it("whatever a Partner's line says, Klarna's line has the same total, a whole quantity and a price that fits it", () => {
  const line: fc.Arbitrary<LineItem> = fc.record(
    {
      name: fc.string({ minLength: 1, maxLength: 255 }),
      quantity: fc.oneof(fc.integer({ min: 1, max: 1_000 }), fc.double({ min: 0.001, max: 1_000, noNaN: true })),
      unit_price: fc.integer({ min: -100_000, max: 100_000 }),
      total_amount: fc.integer({ min: -1_000_000, max: 1_000_000 }),
    },
    { requiredKeys: ["name", "quantity", "total_amount"] },
  );
  fc.assert(
    fc.property(line, (item) => {
      const made = toOrderLine(item);
      const quantity = Number(made.quantity);
      const unit = Number(made.unit_price);
      const discount = Number(made.total_discount_amount ?? 0);
      expect(made.total_amount).toBe(item.total_amount);
      expect(Number.isInteger(quantity) && quantity > 0).toBe(true);
      expect(Number.isInteger(unit)).toBe(true);
      expect(String(made.name).length).toBeLessThanOrEqual(255);
      expect(quantity * unit - discount).toBe(item.total_amount);
    }),
    { numRuns: 500 },
  );
});

it.each([
  ["BAD_REQUEST", "QR", "data_refused"],
  ["BAD_REQUEST", "SHORT_CODE", "short_code_refused"],
  ["BAD_VALUE", "QR", "data_refused"],
  ["PERMISSION_DENIED", "QR", "klarna_not_permitted"],
  ["permission_denied", "SHORT_CODE", "klarna_not_permitted"],
  ["UNKNOWN", "QR", "klarna_error"],
  ["INTERNAL_ERROR", "SHORT_CODE", "klarna_error"],
  ["SOMETHING_NEW", "QR", "klarna_error"],
] as const)("Klarna's %s of launch %s means %s", (code, launch, failure) => {
  expect(failureCodeOf(code, launch)).toBe(failure);
});

it("a session is asked about each second until the code is there, then ever more rarely, and rarely with callbacks", () => {
  const createdAt = new Date("2026-11-21T12:00:00Z");
  const facts = (callbackHash: string | null): ClassicFacts => ({
    callbackHash,
    resultPath: "/iss/v1/distributions/x",
    status: "DISTRIBUTED",
    readAt: null,
    orderId: null,
    errorCode: null,
  });
  const wait = (age: number, hash: string | null, hasCode: boolean): number => {
    const now = addMs(createdAt, age);
    const payment = { launch: "QR" as const, classic: facts(hash), klarnaQrTargetUrl: hasCode ? "https://x" : null };
    return (nextPoll({ ...payment, createdAt }, now).getTime() - now.getTime()) / SECOND_MS;
  };
  expect([0, 20 * SECOND_MS].map((age) => wait(age, null, false))).toEqual([1, 1]);
  expect([0, 2 * MINUTE_MS, 5 * MINUTE_MS, HOUR_MS].map((age) => wait(age, null, true))).toEqual([2, 3, 5, 15]);
  expect([0, 90 * SECOND_MS, HOUR_MS].map((age) => wait(age, "hash", true))).toEqual([20, 60, 120]);
});
