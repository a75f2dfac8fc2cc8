"use client";

import { Clock } from "lucide-react";
import { cn } from "@/components/cn";
import { useNow } from "@/components/hooks";
import { DateTime } from "./date-time";
import { timeLeftWords } from "./time-words";

export type DeadlineProps = {
  at: Date | string;
  /** Below this much time left it asks for attention. */
  warnBelowMs?: number;
  /** What it is called once it has passed. */
  passedWord?: string;
  hasDate?: boolean;
  className?: string;
};

/** The time left and the date it ends. */
export function Deadline({
  at,
  warnBelowMs = 24 * 3_600_000,
  passedWord = "Passed",
  hasDate = true,
  className,
}: DeadlineProps) {
  const now = useNow(1000);
  const end = new Date(at).getTime();
  const left = end - now;
  const isPassed = now !== 0 && left <= 0;
  const isNear = now !== 0 && left > 0 && left < warnBelowMs;
  return (
    <span className={cn("inline-flex flex-wrap items-center gap-x-1.5 tabular-nums", className)}>
      {now === 0 ? null : (
        <span
          className={cn(
            "inline-flex items-center gap-1 whitespace-nowrap font-medium",
            isPassed && "text-ink-3",
            isNear && "text-warn",
          )}
        >
          <Clock aria-hidden className="size-3.5" />
          {isPassed ? passedWord : `${timeLeftWords(left)} left`}
        </span>
      )}
      {hasDate || now === 0 ? <DateTime value={at} className="whitespace-nowrap text-ink-3" /> : null}
    </span>
  );
}
