"use client";

import { DateTime } from "@/components/display/date-time";
import { useNow } from "@/components/hooks";

const WAITING_MS = 10_000;

/** The moment of the next try; one that is over waits behind an earlier event of the same thing. */
export function NextTry({ at, format = "relative" }: { at: string | null; format?: "relative" | "absolute" }) {
  const now = useNow(1000);
  if (at !== null && now !== 0 && new Date(at).getTime() < now - WAITING_MS) {
    return (
      <span className="text-ink-3" title="It waits for an earlier event of the same thing">
        In its turn
      </span>
    );
  }
  return <DateTime value={at} format={format} precision="second" />;
}
