import { expect, it } from "vitest";
import { addMs, DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "@/server/core/time";
import { newOperation } from "./change";
import type { OperationRow, PaymentRow } from "./rows";
import { nextWake } from "./wake";

const now = new Date("2026-11-21T12:00:00Z");
const owner = { id: "pay_1", partnerId: "par_1", mode: "test" } as const;
const found = {
  ...owner,
  ...{ state: "CANCELED", fundingState: null, lateApprovalState: "FOUND", createdAt: now },
} as unknown as PaymentRow;
const undo = (rest: Partial<OperationRow>): OperationRow => ({ ...newOperation(owner, "LATE_VOID", now), ...rest });

it("a late approval is undone at once, and one that Klarna refuses to undo is not asked about every few seconds", () => {
  const soon = addMs(now, 5 * SECOND_MS);
  expect(nextWake(found, [], now)).toEqual(soon);
  expect(nextWake(found, [undo({ nextAttemptAt: soon })], now)).toEqual(soon);
  expect(nextWake(found, [undo({ state: "FAILED", nextAttemptAt: null })], now)).toEqual(addMs(now, HOUR_MS));
});

it("money that is not sure is asked about for as long as there is any, less often in the end", () => {
  const unsure = (state: string, createdAt: Date) =>
    ({ ...owner, state, fundingState: "PENDING", lateApprovalState: null, createdAt }) as unknown as PaymentRow;
  expect(nextWake(unsure("COMPLETED", now), [], now)).toEqual(addMs(now, 30 * MINUTE_MS));
  expect(nextWake(unsure("COMPLETED", addMs(now, -90 * DAY_MS)), [], now)).toEqual(addMs(now, DAY_MS));
  expect(nextWake(unsure("VOIDED", now), [], now)).toBeNull();
});

it("a late approval that cannot be read, or whose undo Klarna's books do not show, is not asked about every few seconds", () => {
  const done = undo({ state: "SUCCEEDED", nextAttemptAt: null, settledAt: now });
  expect(nextWake(found, [done], now)).toEqual(addMs(now, 5 * SECOND_MS));
  const later = addMs(now, 2 * MINUTE_MS);
  expect(nextWake(found, [done], later)).toEqual(addMs(later, HOUR_MS));
  const unread = addMs(now, HOUR_MS);
  expect(nextWake(found, [], unread)).toEqual(addMs(unread, 5 * MINUTE_MS));
});
