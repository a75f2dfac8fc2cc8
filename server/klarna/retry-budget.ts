/*
 * How many repeats all calls of a mode may make together. A repeat helps against a single lost answer; when Klarna fails
 * for everybody, repeats only multiply its load. Calls that may not be repeated end as they are (`unknown`, `not_sent`),
 * and the background asks again with the same key in its own time.
 */

/** Repeats are at most this share of the calls in the window. */
const SHARE = 0.1;
/**
 * Repeats that a window grants whatever its calls: a till that sells once a minute must not lose its only repeats. It is
 * part of the share, not added to it: from 200 calls in a window on, the share alone decides.
 */
const FLOOR = 20;
const WINDOW_MS = 10_000;
const SLICES = 10;

export type RetryBudget = {
  /** Counts a call that somebody asked for. */
  noteCall(): void;
  /** Takes one repeat if the budget has one left. */
  takeRetry(): boolean;
};

export function createRetryBudget(nowMs: () => number = () => performance.now()): RetryBudget {
  const sliceMs = WINDOW_MS / SLICES;
  const slices = Array.from({ length: SLICES }, () => ({ at: -1, calls: 0, retries: 0 }));
  const current = () => {
    const at = Math.floor(nowMs() / sliceMs);
    const slice = slices[at % SLICES] ?? { at, calls: 0, retries: 0 };
    if (slice.at !== at) Object.assign(slice, { at, calls: 0, retries: 0 });
    return slice;
  };
  return {
    noteCall: () => {
      current().calls += 1;
    },
    takeRetry: () => {
      const now = current();
      let calls = 0;
      let retries = 0;
      for (const slice of slices) {
        if (slice.at <= now.at - SLICES || slice.at > now.at) continue;
        calls += slice.calls;
        retries += slice.retries;
      }
      if (retries + 1 > Math.max(FLOOR, SHARE * calls)) return false;
      now.retries += 1;
      return true;
    },
  };
}
