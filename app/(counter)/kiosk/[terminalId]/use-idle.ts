"use client";

import { useEffect, useRef, useState } from "react";

/**
 * Asks whether somebody is still there after `idleMs` without a touch or key, and ends after `questionMs` more. `watch` names
 * what is waited for; null watches nothing, and another name begins anew.
 */
export function useIdle(
  watch: string | null,
  options: { idleMs: number; questionMs: number; onEnd: () => void },
): { isAsking: boolean; stay: () => void } {
  const { idleMs, questionMs } = options;
  const [isAsking, setAsking] = useState(false);
  const onEnd = useRef(options.onEnd);
  onEnd.current = options.onEnd;
  const touched = useRef<() => void>(() => undefined);
  useEffect(() => {
    setAsking(false);
    if (watch === null) return;
    let timer: ReturnType<typeof setTimeout>;
    const wait = () => {
      clearTimeout(timer);
      setAsking(false);
      timer = setTimeout(() => {
        setAsking(true);
        timer = setTimeout(() => {
          setAsking(false);
          onEnd.current();
        }, questionMs);
      }, idleMs);
    };
    wait();
    touched.current = wait;
    window.addEventListener("pointerdown", wait);
    window.addEventListener("keydown", wait);
    return () => {
      clearTimeout(timer);
      window.removeEventListener("pointerdown", wait);
      window.removeEventListener("keydown", wait);
    };
  }, [watch, idleMs, questionMs]);
  return { isAsking, stay: () => touched.current() };
}
