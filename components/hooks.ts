"use client";

import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";

const noSubscription = () => () => undefined;

/** False while the server's markup is shown, true once the browser may use its own zone and storage. */
export function useHydrated(): boolean {
  return useSyncExternalStore(
    noSubscription,
    () => true,
    () => false,
  );
}

let tick = 0;
let now = 0;
let timer: ReturnType<typeof setInterval> | undefined;
const tickListeners = new Set<() => void>();

/** By how much the server's clock is ahead of this device's, where that is more than a message may take. */
let aheadMs = 0;
const SAME_TIME_MS = 30_000;

/** Notes what time it is at the server: what counts down on a tablet whose clock is wrong counts by that. */
export function noteServerTime(serverMs: number): void {
  const ahead = serverMs - Date.now();
  aheadMs = Math.abs(ahead) < SAME_TIME_MS ? 0 : ahead;
  now = Date.now() + aheadMs;
  for (const notify of tickListeners) notify();
}

function subscribeToTick(listener: () => void): () => void {
  tickListeners.add(listener);
  timer ??= setInterval(() => {
    tick += 1;
    now = Date.now() + aheadMs;
    for (const notify of tickListeners) notify();
  }, 1000);
  return () => {
    tickListeners.delete(listener);
    if (tickListeners.size === 0 && timer !== undefined) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

function quantizedNow(stepMs: number): number {
  if (tick === 0 || now === 0) now = Date.now() + aheadMs;
  return Math.floor(now / stepMs) * stepMs;
}

/** The time, shared by everything on the page that shows one; 0 while the server's markup is shown. */
export function useNow(stepMs = 1000): number {
  return useSyncExternalStore(
    subscribeToTick,
    () => quantizedNow(stepMs),
    () => 0,
  );
}

/** A value remembered in this browser. The first render uses the fallback, so that the server's markup agrees. */
export function useStored<T>(key: string, fallback: T, parse: (value: unknown) => T | null): [T, (value: T) => void] {
  const [value, setValue] = useState(fallback);
  const parseRef = useRef(parse);
  useEffect(() => {
    try {
      const text = window.localStorage.getItem(key);
      const parsed = text === null ? null : parseRef.current(JSON.parse(text));
      if (parsed !== null) setValue(parsed);
    } catch {
      // Storage may be switched off or hold an older shape: the fallback stays.
    }
  }, [key]);
  const store = useCallback(
    (next: T) => {
      setValue(next);
      try {
        window.localStorage.setItem(key, JSON.stringify(next));
      } catch {
        // Remembering is a comfort; without storage the choice holds until the page is left.
      }
    },
    [key],
  );
  return [value, store];
}

/** One piece of work at a time. `isRunning` comes a render late; `hasStarted` knows at once of the first of two quick clicks. */
export function useOneRun(): {
  isRunning: boolean;
  hasStarted: () => boolean;
  run: (work: () => Promise<void>) => Promise<void>;
} {
  const [isRunning, setRunning] = useState(false);
  const started = useRef(false);
  const hasStarted = useCallback(() => started.current, []);
  const run = useCallback(async (work: () => Promise<void>) => {
    if (started.current) return;
    started.current = true;
    setRunning(true);
    try {
      await work();
    } finally {
      started.current = false;
      setRunning(false);
    }
  }, []);
  return { isRunning, hasStarted, run };
}

const WRITABLE = "input, textarea, select, [contenteditable=true], [role=textbox], [role=combobox]";

/** True where a key press belongs to what the person is writing or to an open dialog, not to the page. */
export function isTyping(event: KeyboardEvent): boolean {
  const target = event.target instanceof Element ? event.target : null;
  return target?.closest(WRITABLE) != null;
}

export function hasOpenLayer(): boolean {
  return document.querySelector("[role=dialog],[role=alertdialog],[role=menu],[role=listbox]") !== null;
}

/** Copies text and says for a moment that it did. */
export function useCopy(): { isCopied: boolean; copy: (text: string) => Promise<void> } {
  const [isCopied, setCopied] = useState(false);
  const reset = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(reset.current), []);
  const copy = useCallback(async (text: string) => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    clearTimeout(reset.current);
    reset.current = setTimeout(() => setCopied(false), 1600);
  }, []);
  return { isCopied, copy };
}
