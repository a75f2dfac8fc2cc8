const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const STEPS: ReadonlyArray<readonly [limitS: number, unit: Intl.RelativeTimeFormatUnit, seconds: number]> = [
  [60, "second", 1],
  [3600, "minute", 60],
  [86_400, "hour", 3600],
  [30 * 86_400, "day", 86_400],
  [365 * 86_400, "month", 30 * 86_400],
  [Number.POSITIVE_INFINITY, "year", 365 * 86_400],
];

/** "3 min. ago", "in 2 hr.". */
export function relativeWords(atMs: number, nowMs: number): string {
  const seconds = Math.round((atMs - nowMs) / 1000);
  if (Math.abs(seconds) < 5) return "just now";
  const [, unit, size] = STEPS.find(([limit]) => Math.abs(seconds) < limit) ?? ["", "second" as const, 1];
  return RELATIVE.format(Math.trunc(seconds / size), unit);
}

/** "2 d 4 h", "14 min", "45 s": the two largest parts of what is left. */
export function timeLeftWords(leftMs: number): string {
  const total = Math.max(0, Math.floor(leftMs / 1000));
  const days = Math.floor(total / 86_400);
  const hours = Math.floor((total % 86_400) / 3600);
  const minutes = Math.floor((total % 3600) / 60);
  const seconds = total % 60;
  if (days > 0) return hours > 0 ? `${days} d ${hours} h` : `${days} d`;
  if (hours > 0) return minutes > 0 ? `${hours} h ${minutes} min` : `${hours} h`;
  if (minutes >= 10) return `${minutes} min`;
  if (minutes > 0) return `${minutes} min ${String(seconds).padStart(2, "0")} s`;
  return `${seconds} s`;
}

export type TimePrecision = "day" | "minute" | "second";

/** "21 Nov 2026, 08:57" in the given zone; without a zone, the reader's. */
export function absoluteWords(at: Date, precision: TimePrecision, timeZone?: string): string {
  return new Intl.DateTimeFormat("en-GB", {
    day: "numeric",
    month: "short",
    year: "numeric",
    ...(precision === "day" ? {} : { hour: "2-digit", minute: "2-digit" }),
    ...(precision === "second" ? { second: "2-digit" } : {}),
    ...(timeZone === undefined ? {} : { timeZone }),
  }).format(at);
}
