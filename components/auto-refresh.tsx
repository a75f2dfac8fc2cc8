"use client";

import { useEffect } from "react";
import { useSafeRefresh } from "./use-safe-refresh";

/** Reads the screen again from time to time, while somebody can see it. */
export function AutoRefresh({ everyMs }: { everyMs: number }) {
  const refresh = useSafeRefresh();
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") refresh();
    }, everyMs);
    return () => clearInterval(timer);
  }, [refresh, everyMs]);
  return null;
}
