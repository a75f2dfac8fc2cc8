"use client";

import { useHydrated, useNow } from "@/components/hooks";
import { NONE } from "./none";
import { absoluteWords, relativeWords, type TimePrecision } from "./time-words";

export type DateTimeProps = {
  value: Date | string | null | undefined;
  /** `absolute` in the reader's zone, `relative` ("3 min. ago"), or both. */
  format?: "absolute" | "relative" | "both";
  precision?: TimePrecision;
  className?: string;
};

/** A moment in the reader's zone, with UTC under the pointer. The server writes UTC until the browser takes over. */
export function DateTime({ value, format = "absolute", precision = "minute", className }: DateTimeProps) {
  const isHydrated = useHydrated();
  const now = useNow(format === "absolute" ? 86_400_000 : 1000);
  if (value === null || value === undefined) return NONE;
  const at = typeof value === "string" ? new Date(value) : value;
  if (Number.isNaN(at.getTime())) return <span>{String(value)}</span>;

  const utc = `${absoluteWords(at, "second", "UTC")} UTC`;
  const absolute = isHydrated ? absoluteWords(at, precision) : absoluteWords(at, precision, "UTC");
  const relative = now === 0 ? absolute : relativeWords(at.getTime(), now);
  const title = format === "relative" && isHydrated ? `${absoluteWords(at, "second")} · ${utc}` : utc;
  return (
    <time
      dateTime={at.toISOString()}
      title={title}
      className={className ?? (format === "both" ? undefined : "whitespace-nowrap")}
    >
      {format === "relative" ? relative : <span className="whitespace-nowrap">{absolute}</span>}
      {format === "both" && now !== 0 ? <span className="whitespace-nowrap text-ink-3"> · {relative}</span> : null}
    </time>
  );
}
