import { moneyText } from "@/components/display/money";

export type ChartUnit = { kind: "count" } | { kind: "money"; currency: string };
export type ChartColor = 1 | 2 | 3 | 4 | 5;
export type ChartSeries = { id: string; label: string; color: ChartColor };
/** `at` is a day (`2026-11-21`) or an hour (an instant on the hour). */
export type ChartPoint = { at: string; values: Readonly<Record<string, number>> };

export function chartColor(color: ChartColor): string {
  return `var(--chart-${color})`;
}

export function exactWords(value: number, unit: ChartUnit): string {
  return unit.kind === "money" ? moneyText(value, unit.currency) : new Intl.NumberFormat("en").format(value);
}

const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** Short words for an axis; `minorPerMajor` brings amounts to whole units. */
export function axisWords(value: number, minorPerMajor: number): string {
  return COMPACT.format(value / minorPerMajor);
}

const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const HOUR = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

export function pointWords(at: string): string {
  return at.length === 10 ? DAY.format(new Date(`${at}T00:00:00Z`)) : HOUR.format(new Date(at));
}

export type ApprovalPoint = { at: string; approved: number; decided: number };

const PERCENT = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });

/** Null where nothing was decided: a gap in the line, not a zero. */
export function approvalRate(point: Pick<ApprovalPoint, "approved" | "decided">): number | null {
  return point.decided === 0 ? null : point.approved / point.decided;
}

export function percentWords(rate: number | null): string {
  return rate === null ? "–" : PERCENT.format(rate);
}
