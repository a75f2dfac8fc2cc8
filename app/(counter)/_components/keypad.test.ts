import { expect, it } from "vitest";
import { isScan, NO_BURST, typed, withDigit } from "./keypad";

const press = (keys: readonly string[]): number => keys.reduce(typed, 0);

it.each([
  [["1", "1", "8", "00"], 11_800],
  [["0", "00", "5"], 5],
  [["1", "2", "Backspace"], 1],
  [["7", "Backspace", "Backspace"], 0],
  [["9", "Escape"], 0],
  [Array.from("1234567890"), 1_234_567_890],
  // An eleventh digit is not taken, nor two at once that would make it twelve.
  [[...Array.from("123456789"), "00"], 123_456_789],
  [[...Array.from("1234567890"), "1"], 1_234_567_890],
] as const)("the keys %j make the amount %i", (keys, amount) => {
  expect(press(keys)).toBe(amount);
});

it.each([
  { of: "a code on goods", digits: 13, gapMs: 8, enterMs: 8, is: true },
  { of: "the shortest code", digits: 8, gapMs: 30, enterMs: 30, is: true },
  { of: "an amount", digits: 5, gapMs: 8, enterMs: 8, is: false },
  { of: "a large amount by hand", digits: 9, gapMs: 60, enterMs: 60, is: false },
  { of: "Enter by hand after a code", digits: 13, gapMs: 8, enterMs: 400, is: false },
])("digits as a scanner types them are no amount that Enter takes: $of", ({ digits, gapMs, enterMs, is }) => {
  let [burst, atMs] = [NO_BURST, 1_000];
  for (let digit = 0; digit < digits; digit += 1) {
    burst = withDigit(burst, atMs);
    atMs += gapMs;
  }
  expect(isScan(burst, atMs - gapMs + enterMs)).toBe(is);
});

it("a pause begins a new row of digits", () => {
  let burst = NO_BURST;
  for (const atMs of [0, 8, 16, 24, 500, 508, 516, 524]) burst = withDigit(burst, atMs);
  expect(isScan(burst, 530)).toBe(false);
});
