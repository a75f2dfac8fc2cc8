import { expect, it } from "vitest";
import { typed } from "./keypad";

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
