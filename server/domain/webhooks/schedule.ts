import { addMs, DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "@/server/core/time";

/** Waits after the first, second … failed try. Ten tries over three days in all. */
export const RETRY_DELAYS_MS: readonly number[] = [
  5 * SECOND_MS,
  MINUTE_MS,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  6 * HOUR_MS,
  12 * HOUR_MS,
  24 * HOUR_MS,
  27 * HOUR_MS,
];
export const ATTEMPTS_MAX = RETRY_DELAYS_MS.length + 1;
export const RETRY_AFTER_MAX_MS = DAY_MS;
/** An endpoint that answered nothing but failures for this long is switched off. */
export const DISABLE_AFTER_MS = 5 * DAY_MS;
const JITTER = 0.1;

/**
 * When to try again after `attemptsMade` tries, null when it was the last one. The wait is that of the table, 10 % more or
 * less; an endpoint that asks for longer by Retry-After gets it, one day at the most.
 */
export function nextAttemptAt(options: {
  now: Date;
  attemptsMade: number;
  retryAfterMs: number | null;
  random?: () => number;
}): Date | null {
  const delayMs = RETRY_DELAYS_MS[options.attemptsMade - 1];
  if (delayMs === undefined) return null;
  const jitteredMs = Math.round(delayMs * (1 - JITTER + 2 * JITTER * (options.random ?? Math.random)()));
  return addMs(options.now, Math.max(jitteredMs, Math.min(options.retryAfterMs ?? 0, RETRY_AFTER_MAX_MS)));
}

/** The wait that a Retry-After header asks for: seconds or a date (RFC 9110, 10.2.3); null when absent or nonsense. */
export function parseRetryAfter(header: string | undefined, now: Date): number | null {
  const text = header?.trim();
  if (!text) return null;
  if (/^\d{1,10}$/.test(text)) return Number(text) * SECOND_MS;
  const at = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
  return Number.isNaN(at) ? null : Math.max(0, at - now.getTime());
}
