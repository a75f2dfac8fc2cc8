"use client";

import { Maximize } from "lucide-react";
import { useEffect, useState } from "react";
import styles from "./customer-display.module.css";

const SHOWN_MS = 4000;

/**
 * Offers the whole screen to whoever sets the display up. It shows after a touch, a move of the pointer or a key, and goes
 * again by itself: in between there is nothing that a customer could press.
 */
export function FullScreenButton({ label }: { label: string }) {
  const [isShown, setShown] = useState(false);
  useEffect(() => {
    if (!document.fullscreenEnabled) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const show = () => {
      clearTimeout(timer);
      setShown(document.fullscreenElement === null);
      timer = setTimeout(() => setShown(false), SHOWN_MS);
    };
    const events = ["pointermove", "pointerdown", "keydown"] as const;
    for (const event of events) window.addEventListener(event, show);
    const changed = () => setShown(false);
    document.addEventListener("fullscreenchange", changed);
    return () => {
      clearTimeout(timer);
      for (const event of events) window.removeEventListener(event, show);
      document.removeEventListener("fullscreenchange", changed);
    };
  }, []);
  if (!isShown) return null;
  return (
    <button
      type="button"
      className={styles["full"]}
      onClick={() => {
        // Refused where the browser's owner does not allow it: the display works all the same.
        document.documentElement.requestFullscreen({ navigationUI: "hide" }).catch(() => undefined);
      }}
    >
      <Maximize aria-hidden className="size-4" />
      {label}
    </button>
  );
}
