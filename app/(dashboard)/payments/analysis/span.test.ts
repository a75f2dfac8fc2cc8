import { expect, it } from "vitest";
import { durationWords, minuteWords, readSpan } from "./span";

const NOW = new Date("2026-11-21T10:00:30Z");
const read = (params: Record<string, string>) => {
  const { from, to, choice } = readSpan(params, NOW);
  return [from.toISOString(), to.toISOString(), choice];
};

it("a span is read to the minute, and a week is looked at where none is named", () => {
  expect(read({})).toEqual(["2026-11-14T10:01:00.000Z", "2026-11-21T10:01:00.000Z", "7d"]);
  expect(read({ span: "1d" })).toEqual(["2026-11-20T10:01:00.000Z", "2026-11-21T10:01:00.000Z", "1d"]);
  expect(read({ from: "2026-11-01", to: "2026-11-08T12:30" })).toEqual([
    "2026-11-01T00:00:00.000Z",
    "2026-11-08T12:30:00.000Z",
    null,
  ]);
});

it("what an address cannot mean is left out: a word, a day that is none, backwards, longer than a year", () => {
  const addresses: Record<string, string>[] = [
    { span: "forever" },
    { from: "yesterday" },
    { from: "2026-13-45" },
    { from: "2026-11-09", to: "2026-11-08" },
    { from: "2020-01-01", to: "2026-01-01" },
  ];
  for (const params of addresses) expect(read(params)[2]).toBe("7d");
});

it("moments are written as the list reads them, times in plain words", () => {
  expect(minuteWords(NOW)).toBe("2026-11-21T10:00Z");
  expect([null, 340, 1_250, 61_000, 3_900_000].map(durationWords)).toEqual([
    "–",
    "340 ms",
    "1.3 s",
    "1 min 1 s",
    "1 h 5 min",
  ]);
});
