import { expect, it } from "vitest";
import { csvLine } from "./csv";

it("S22: a reference that a spreadsheet would run as a formula is exported as text", () => {
  for (const text of ["=1+1", "+1", "-cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", "＝1+1"]) {
    expect(csvLine([text])).toBe(`"'${text}"\r\n`);
  }
});

it("amounts stay numbers, negative ones too", () => {
  expect(csvLine(["118.00", "-5.25", "0"])).toBe("118.00,-5.25,0\r\n");
});

it("quotes, commas and line breaks stay within their cell", () => {
  expect(csvLine(['a "b", c', "two\nlines", null])).toBe('"a ""b"", c","two\nlines",\r\n');
});
