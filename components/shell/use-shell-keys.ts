"use client";

import { useRouter } from "next/navigation";
import { useEffect, useRef } from "react";
import { hasOpenLayer, isTyping } from "@/components/hooks";
import type { NavItem } from "./nav";

const GO_WITHIN_MS = 1200;

/** Ctrl or Cmd K opens the palette, `?` the help, `g` and a letter goes. */
export function useShellKeys(keys: { nav: readonly NavItem[]; openPalette: () => void; openHelp: () => void }): void {
  const router = useRouter();
  const latest = useRef(keys);
  useEffect(() => {
    latest.current = keys;
  });
  useEffect(() => {
    let goAt = 0;
    function onKeyDown(event: KeyboardEvent): void {
      if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        latest.current.openPalette();
        return;
      }
      if (event.metaKey || event.ctrlKey || event.altKey || isTyping(event) || hasOpenLayer()) return;
      if (event.key === "?") {
        event.preventDefault();
        latest.current.openHelp();
        return;
      }
      if (event.timeStamp - goAt < GO_WITHIN_MS) {
        goAt = 0;
        const item = latest.current.nav.find((candidate) => candidate.letter === event.key);
        if (item === undefined) return;
        // Before the table's own keys see the letter.
        event.preventDefault();
        router.push(item.href as Parameters<typeof router.push>[0]);
        return;
      }
      goAt = event.key === "g" ? event.timeStamp : 0;
    }
    document.addEventListener("keydown", onKeyDown, { capture: true });
    return () => document.removeEventListener("keydown", onKeyDown, { capture: true });
  }, [router]);
}
