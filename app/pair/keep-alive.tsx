"use client";

import { useEffect } from "react";
import { noteServerTime } from "@/components/hooks";
import { useSafeRefresh } from "@/components/use-safe-refresh";
import { beatAction } from "./actions";

const EVERY_MS = 60_000;

/** Tells once a minute that the device is there; a device that was let go sees so at its next sign of life. */
export function KeepAlive() {
  const refresh = useSafeRefresh();
  useEffect(() => {
    const timer = setInterval(() => {
      beatAction()
        .then((time) => {
          if (time === null) refresh();
          else noteServerTime(time);
        })
        // Without a connection the next one tells.
        .catch(() => undefined);
    }, EVERY_MS);
    return () => clearInterval(timer);
  }, [refresh]);
  return null;
}
