/* The span that the analysis looks at, as its address says it. */

export const SPANS = [
  { value: "1d", label: "24 hours", days: 1 },
  { value: "7d", label: "7 days", days: 7 },
  { value: "30d", label: "30 days", days: 30 },
  { value: "90d", label: "90 days", days: 90 },
] as const;
export type SpanChoice = (typeof SPANS)[number]["value"];

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** Longer than this is read in parts. */
const SPAN_MAX_DAYS = 366;

export type Span = { from: Date; to: Date; choice: SpanChoice | null };
type Params = Readonly<Record<string, string | string[] | undefined>>;

const one = (value: string | string[] | undefined): string => (Array.isArray(value) ? (value[0] ?? "") : (value ?? ""));

/** A day or a minute of UTC; null when it is neither. */
function moment(text: string): Date | null {
  if (!/^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}Z?)?$/.test(text)) return null;
  const at = new Date(text.length === 10 ? `${text}T00:00:00Z` : text.endsWith("Z") ? text : `${text}Z`);
  return Number.isNaN(at.getTime()) ? null : at;
}

/** `?from=2026-11-01&to=2026-11-08T12:00` (UTC, `to` is outside), else `?span=7d`. What cannot be meant is left out. */
export function readSpan(params: Params, now: Date): Span {
  const from = moment(one(params["from"]));
  const to = moment(one(params["to"])) ?? ceilMinute(now);
  if (from !== null && from < to && to.getTime() - from.getTime() <= SPAN_MAX_DAYS * DAY_MS)
    return { from, to, choice: null };
  const choice = SPANS.find((span) => span.value === one(params["span"])) ?? SPANS[1];
  const end = ceilMinute(now);
  return { from: new Date(end.getTime() - choice.days * DAY_MS), to: end, choice: choice.value };
}

const ceilMinute = (at: Date): Date => new Date((Math.floor(at.getTime() / MINUTE_MS) + 1) * MINUTE_MS);

/** To the minute, as the list's filter writes it. */
export const minuteWords = (at: Date): string => `${at.toISOString().slice(0, 16)}Z`;

export function durationWords(ms: number | null): string {
  if (ms === null) return "–";
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min ${Math.round((ms % 60_000) / 1_000)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
