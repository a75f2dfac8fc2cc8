import { describe, expect, it } from "vitest";
import { listOf, lowerCase } from "./text";

describe("texts", () => {
  it.each([
    ["a, b\nc\t d,,e", ["a", "b", "c", "d", "e"]],
    ["  one  ", ["one"]],
    [" ,\n", []],
    ["", []],
  ])("reads the list %j whatever stands between its parts", (typed, parts) => {
    expect(listOf(typed)).toEqual(parts);
  });

  it("writes a word of ours as callers read it", () => {
    expect(lowerCase("CARD_TERMINAL")).toBe("card_terminal");
  });
});
