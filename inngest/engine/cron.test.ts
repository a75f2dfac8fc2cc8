import { describe, expect, it } from "vitest";
import { CronError, parseCron } from "./cron";
import { parseDuration, parseMoment, parseRetryAfter } from "./duration";

const next = (cron: string, after: string): string => new Date(parseCron(cron).next(Date.parse(after))).toISOString();

describe("cron", () => {
  it.each([
    ["* * * * *", "2026-03-01T10:00:30Z", "2026-03-01T10:01:00.000Z"],
    ["*/15 * * * *", "2026-03-01T10:45:00Z", "2026-03-01T11:00:00.000Z"],
    ["0 3 * * *", "2026-12-31T03:00:00Z", "2027-01-01T03:00:00.000Z"],
    ["30 8-9,17 * * mon-fri", "2026-11-20T17:31:00Z", "2026-11-23T08:30:00.000Z"],
    ["0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00.000Z"],
    ["0 0 13 * 5", "2026-11-01T00:00:00Z", "2026-11-06T00:00:00.000Z"],
    ["0 0 * * 7", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00.000Z"],
    ["@hourly", "2026-11-21T00:10:00Z", "2026-11-21T01:00:00.000Z"],
    ["TZ=Europe/Berlin 0 3 * * *", "2026-07-01T00:00:00Z", "2026-07-01T01:00:00.000Z"],
    ["TZ=Europe/Berlin 0 3 * * *", "2026-12-01T00:00:00Z", "2026-12-01T02:00:00.000Z"],
    ["TZ=America/New_York 59 23 * jan *", "2026-11-21T00:00:00Z", "2027-01-02T04:59:00.000Z"],
  ])("%s after %s is %s", (cron, after, expected) => {
    expect(next(cron, after)).toBe(expected);
  });

  it("never stands still or goes back when clocks change", () => {
    const cron = parseCron("TZ=Europe/Berlin 30 2 * * *");
    let at = Date.parse("2026-03-27T00:00:00Z");
    for (let day = 0; day < 400; day += 1) {
      const following = cron.next(at);
      expect(following).toBeGreaterThan(at);
      expect(following - at).toBeLessThanOrEqual(26 * 3_600_000);
      at = following;
    }
  });

  it.each([
    "",
    "* * * *",
    "60 * * * *",
    "* 24 * * *",
    "* * 0 * *",
    "* * * 13 *",
    "5-1 * * * *",
    "*/0 * * * *",
    "a * * * *",
    "0 0 31 2 *",
    "TZ=No/Where * * * * *",
  ])("refuses %j", (cron) => {
    expect(() => parseCron(cron)).toThrow(CronError);
  });
});

describe("durations", () => {
  it("reads what the SDK writes", () => {
    expect(parseDuration("1d2h3m4s")).toBe(93_784_000);
    expect(parseDuration("1w")).toBe(604_800_000);
    expect(parseDuration("soon")).toBeNull();
    expect(parseDuration("1h x")).toBeNull();
    expect(parseMoment("2026-01-01T00:00:00.000Z", 0)).toBe(Date.parse("2026-01-01"));
    expect(parseMoment("10s", 5)).toBe(10_005);
    expect(parseMoment("", 5)).toBe(5);
    expect(parseMoment("never", 5)).toBeNull();
    expect(parseRetryAfter("3", 1_000)).toBe(4_000);
    expect(parseRetryAfter(null, 1_000)).toBeNull();
  });
});
