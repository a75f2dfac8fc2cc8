import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { ReturnInput } from "@/server/domain/counter/schema";
import { forgetReturn, keepReturn, keptReturn, latestKeptReturn } from "./kept-return";

const DAY_MS = 24 * 60 * 60_000;
const TERMINAL = "ter_01JD0000000000000000000000";
const input = (nonce: string): ReturnInput => ({
  terminalId: TERMINAL,
  nonce: nonce.repeat(32),
  paymentId: "pay_01JD0000000000000000000000",
  amount: 5_000,
  lines: [],
  capture: null,
  reason: "Returned",
});

beforeEach(() => {
  const stored = new Map<string, string>();
  const localStorage = {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => stored.set(key, value),
    removeItem: (key: string) => stored.delete(key),
  };
  vi.stubGlobal("window", { localStorage });
  vi.useFakeTimers({ now: new Date("2026-11-21T12:00:00Z") });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it("R5: a return without an answer is the same one after a reload, until it is known what became of it", () => {
  const asked = input("a");
  keepReturn(asked);
  expect(keptReturn(TERMINAL, asked.paymentId)).toEqual(asked);
  expect(latestKeptReturn(TERMINAL)).toBe(asked.paymentId);
  forgetReturn(asked);
  expect(keptReturn(TERMINAL, asked.paymentId)).toBeNull();
});

it("R5: asking again keeps it no longer than the server knows it: after that it would be a second return", () => {
  const asked = input("a");
  keepReturn(asked);
  vi.advanceTimersByTime(29 * DAY_MS);
  keepReturn(asked);
  expect(keptReturn(TERMINAL, asked.paymentId)).toEqual(asked);
  vi.advanceTimersByTime(2 * DAY_MS);
  expect(keptReturn(TERMINAL, asked.paymentId)).toBeNull();
  keepReturn(input("b"));
  vi.advanceTimersByTime(29 * DAY_MS);
  expect(keptReturn(TERMINAL, asked.paymentId)).toEqual(input("b"));
});
