/**
 * Where "now" comes from. Decisions ask the clock of their context, never `new Date()`. `ahead` is there when the clock runs
 * ahead of the real one, as a Partner's test clock does.
 */
export type Clock = { now(): Date; readonly ahead?: { readonly ms: number; readonly of: Clock } };

export const systemClock: Clock = { now: () => new Date() };

/** A clock for tests: starts at an instant and moves only when told to. */
export function movableClock(start: Date = new Date()): Clock & { advance(ms: number): void; set(at: Date): void } {
  let at = start.getTime();
  return {
    now: () => new Date(at),
    advance: (ms) => {
      at += ms;
    },
    set: (moment) => {
      at = moment.getTime();
    },
  };
}

/** The clock, so much ahead of the real one; however far it was ahead before. */
export function clockAhead(clock: Clock, ms: number): Clock {
  const of = clock.ahead?.of ?? clock;
  return ms === 0 ? of : { now: () => addMs(of.now(), ms), ahead: { ms, of } };
}

/** When it is really `at` by this clock. */
export function realTime(clock: Clock, at: Date): Date {
  return clock.ahead ? addMs(at, -clock.ahead.ms) : at;
}

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

export function addMs(at: Date, ms: number): Date {
  return new Date(at.getTime() + ms);
}

/** Full jitter: a whole number of milliseconds between 0 and the exponential bound. */
export function backoffMs(attempt: number, baseMs: number, capMs: number, random: () => number = Math.random): number {
  return Math.floor(random() * Math.min(capMs, baseMs * 2 ** Math.max(0, attempt - 1)));
}
