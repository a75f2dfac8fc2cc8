import { expect, it } from "vitest";
import { renderCases, unknownCases, writtenCases } from "./cases";

it("the table of cases in e2e/README.md is what the tests say; `npm run cases` writes it anew", () => {
  expect(writtenCases()).toBe(renderCases());
});

it("a test names only cases that the catalogue knows", () => {
  expect(unknownCases()).toEqual([]);
});
