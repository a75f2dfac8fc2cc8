import { describe, expect, it } from "vitest";
import { throttleRoom } from "./flow";
import { isInTime } from "./matching";
import { jitterOf } from "./schedules";

describe("throttle", () => {
  const rule = { limit: 4, periodMs: 8_000, burst: 1 };

  it("lets one go after a pause, then one each period / limit", () => {
    expect(throttleRoom(rule, null, 1_000).room).toBe(1);
    expect(throttleRoom(rule, 500, 1_000).room).toBe(1);
    expect(throttleRoom(rule, 3_000, 1_000).room).toBe(0);
    expect(throttleRoom(rule, 3_000, 2_999).room).toBe(0);
    expect(throttleRoom(rule, 3_000, 3_000).room).toBe(1);
  });

  it("lets as many go at once as the burst, and less while they are not paid back", () => {
    const burst = { ...rule, burst: 3 };
    expect(throttleRoom(burst, null, 0).room).toBe(3);
    expect(throttleRoom(burst, 6_000, 0).room).toBe(0);
    expect(throttleRoom(burst, 6_000, 2_000).room).toBe(1);
    expect(throttleRoom(burst, 6_000, 5_000).room).toBe(2);
  });

  it("starts no more than limit and burst within a period, whatever the moments", () => {
    const burst = { ...rule, burst: 2 };
    const starts: number[] = [];
    let next: number | null = null;
    for (let nowMs = 0; nowMs < 60_000; nowMs += 137) {
      const room = throttleRoom(burst, next, nowMs);
      if (room.room === 0) continue;
      starts.push(nowMs);
      next = room.fromMs + room.spacingMs;
    }
    for (const from of starts)
      expect(starts.filter((at) => at >= from && at < from + 8_000).length).toBeLessThanOrEqual(4 + 1);
    expect(starts.length).toBeGreaterThan(28);
  });
});

describe("moments", () => {
  it("gives each tick a delay below the jitter, the same for every process", () => {
    const delays = Array.from({ length: 200 }, (_, n) => jitterOf(60_000, "fn", 0, n * 60_000));
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...delays)).toBeLessThan(60_000);
    expect(new Set(delays).size).toBeGreaterThan(150);
    expect(jitterOf(60_000, "fn", 0, 120_000)).toBe(delays[2]);
    expect(jitterOf(0, "fn", 0, 0)).toBe(0);
  });

  it("lets an event cancel a run only as long as cancelOn says", () => {
    expect(isInTime({ until: null }, 0, 1e12)).toBe(true);
    expect(isInTime({ until: { afterMs: 1_000 } }, 500, 1_500)).toBe(true);
    expect(isInTime({ until: { afterMs: 1_000 } }, 500, 1_501)).toBe(false);
    expect(isInTime({ until: { atMs: 900 } }, 500, 900)).toBe(true);
    expect(isInTime({ until: { atMs: 900 } }, 500, 901)).toBe(false);
  });
});
