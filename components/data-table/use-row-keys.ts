"use client";

import { type RefObject, useEffect, useRef } from "react";
import { hasOpenLayer, isTyping } from "@/components/hooks";

export type RowKeys = {
  rowCount: number;
  active: number;
  setActive: (index: number) => void;
  open: (index: number) => void;
  /** Undefined where rows have no preview. */
  peek: ((index: number | null) => void) | undefined;
  isPeeking: boolean;
  /** Undefined where rows cannot be chosen. */
  choose: ((index: number) => void) | undefined;
  searchRef: RefObject<HTMLInputElement | null>;
};

/** `/` searches, `j` and `k` move, Enter opens, Space previews, `x` chooses. */
export function useRowKeys(keys: RowKeys): void {
  const latest = useRef(keys);
  useEffect(() => {
    latest.current = keys;
  });
  useEffect(() => {
    function onKeyDown(event: KeyboardEvent): void {
      const now = latest.current;
      if (event.metaKey || event.ctrlKey || event.altKey || event.defaultPrevented || isTyping(event)) return;
      if (!now.isPeeking && hasOpenLayer()) return;
      const step =
        event.key === "j" || event.key === "ArrowDown" ? 1 : event.key === "k" || event.key === "ArrowUp" ? -1 : 0;
      // Arrows scroll the page until a row is active; the letters always move.
      if (step !== 0 && (event.key.length === 1 || now.active >= 0)) {
        const next = Math.min(now.rowCount - 1, Math.max(0, now.active + step));
        if (next < 0) return;
        event.preventDefault();
        now.setActive(next);
        if (now.isPeeking) now.peek?.(next);
        return;
      }
      if (event.key === "/" && !now.isPeeking) {
        event.preventDefault();
        now.searchRef.current?.focus();
        now.searchRef.current?.select();
        return;
      }
      if (event.key === "x" && now.choose !== undefined && now.active >= 0 && !now.isPeeking) {
        event.preventDefault();
        now.choose(now.active);
        return;
      }
      const isOnControl =
        event.target instanceof Element && event.target.closest("button, a, summary") !== null && !now.isPeeking;
      if (isOnControl || now.active < 0 || now.active >= now.rowCount) return;
      if (event.key === " " && now.peek !== undefined) {
        event.preventDefault();
        now.peek(now.isPeeking ? null : now.active);
      } else if (event.key === "Enter" && !now.isPeeking) {
        event.preventDefault();
        now.open(now.active);
      }
    }
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, []);
}
