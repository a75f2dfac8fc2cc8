const UNIT_MS: Readonly<Record<string, number>> = {
  w: 604_800_000,
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
  ms: 1,
};

/** Milliseconds of a text such as `1h30m`; null when it is not one. */
export function parseDuration(text: string): number | null {
  const parts = [...text.matchAll(/(\d+)(ms|w|d|h|m|s)/g)];
  if (parts.length === 0 || parts.map((part) => part[0]).join("") !== text) return null;
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNIT_MS[unit ?? ""] ?? 0), 0);
}

/** The last moment that is kept as a date by all who handle it. */
export const LATEST_MS = Date.UTC(9999, 11, 31);

const usable = (momentMs: number): number | null => (momentMs <= LATEST_MS ? momentMs : null);

/**
 * The moment that a duration or an ISO date names, as epoch milliseconds; null when it is neither, or later than the year
 * 9999. An empty text is now.
 */
export function parseMoment(text: string, nowMs: number): number | null {
  if (text === "") return nowMs;
  return usable(nowMs + (parseDuration(text) ?? Date.parse(text) - nowMs));
}

/** The moment in a `retry-after` header: seconds or a date; null without one that can be kept. */
export function parseRetryAfter(header: string | null, nowMs: number): number | null {
  if (!header) return null;
  return usable(/^\d+(\.\d+)?$/.test(header) ? nowMs + Number(header) * 1_000 : Date.parse(header));
}
