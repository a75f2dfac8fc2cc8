"use client";

import { useRouter } from "next/navigation";
import { useCallback, useRef } from "react";

/**
 * Reads the page anew, once the server answers for it. A refresh that gets no answer makes the browser leave the page for
 * an error of its own, and a screen that nobody tends does not come back from there.
 */
export function useSafeRefresh(): () => void {
  const router = useRouter();
  const isAsking = useRef(false);
  return useCallback(() => {
    if (isAsking.current) return;
    isAsking.current = true;
    fetch(window.location.href, { method: "HEAD", cache: "no-store" })
      .then((answer) => {
        if (answer.ok) router.refresh();
      })
      // Without a connection the next one tells.
      .catch(() => undefined)
      .finally(() => {
        isAsking.current = false;
      });
  }, [router]);
}
