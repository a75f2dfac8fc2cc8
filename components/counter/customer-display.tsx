"use client";

import { type CSSProperties, type ReactNode, useEffect, useState } from "react";
import { cn } from "@/components/cn";
import { moneyText } from "@/components/display/money";
import { useNow } from "@/components/hooks";
import styles from "./customer-display.module.css";
import { DisplayCode, type DisplayLook, PLAIN_LOOK } from "./display-code";
import { type DisplayPhase, type DisplayView, displayPhase } from "./display-view";
import { clockWords, type DisplayWords, displayWords, ENGLISH } from "./display-words";
import { ClockPicture, CrossPicture, DashPicture, DotsPicture, PhonePicture, TickPicture } from "./pictures";

const DONE_MS = 4000;
const SOON_MS = 60_000;

/** In which words and figures, and with what code, the customer is spoken to. */
export type DisplayManner = { words: DisplayWords; locale: string; look: DisplayLook };
export const PLAIN_MANNER: DisplayManner = { words: ENGLISH, locale: "en", look: PLAIN_LOOK };

/** What the customer sees of a payment. Fills whatever it stands in; there is nothing to click. */
export function CustomerDisplay({
  view,
  manner = PLAIN_MANNER,
  isOffline = false,
}: {
  view: DisplayView;
  manner?: DisplayManner;
  isOffline?: boolean;
}) {
  const { labels } = manner.words;
  const phase = displayPhase(view);
  const isCelebrating = useMoment(phase === "done", DONE_MS);
  const words = displayWords(view.status, phase, manner.words);
  const money = moneyText(view.amount, view.currency, manner.locale);
  const number = money.replace(view.currency, "").trim();
  const hasTimer = phase === "scan" || phase === "paying" || phase === "phone";

  return (
    <div
      className={cn(
        styles["root"],
        phase === "done" && styles[isCelebrating ? "done" : "thanks"],
        phase === "held" && styles["thanks"],
        phase === "refused" && styles["refused"],
        phase === "over" && styles["over"],
      )}
      style={{ "--chars": Math.max(6, number.length) } as CSSProperties}
      data-phase={phase}
    >
      <div
        key={phase}
        className={cn(
          styles["stage"],
          phase === "done" ? styles["whole"] : styles["split"],
          phase === "scan" && styles["coded"],
        )}
      >
        {phase === "done" ? <Picture phase={phase} view={view} /> : null}
        <p className={styles["amount"]}>
          <span className={styles["currency"]}>{view.currency}</span>
          <span className={styles["number"]} suppressHydrationWarning>
            {number}
          </span>
        </p>
        {phase === "scan" && view.qrTarget !== null ? (
          <DisplayCode value={view.qrTarget} label={labels.qr} look={manner.look} />
        ) : phase === "done" ? null : (
          <Picture phase={phase} view={view} />
        )}
        <div className={styles["words"]}>
          {phase === "scan" || phase === "done" ? null : <h1 className={styles["title"]}>{words.title}</h1>}
          <p className={styles["sentence"]}>{words.sentence}</p>
          {hasTimer ? <TimeLeft view={view} left={labels.left} /> : null}
        </div>
      </div>
      <p role="status" className="sr-only">{`${money}. ${words.title}. ${words.sentence}`}</p>
      {view.mode === "test" ? <span className={styles["test"]}>{labels.test}</span> : null}
      {isOffline && hasTimer ? <span className={styles["offline"]}>{labels.reconnecting}</span> : null}
      {hasTimer ? <Countdown view={view} /> : null}
      {phase === "refused" || phase === "over" ? (
        <p className={styles["foot"]}>
          {labels.session} {view.id}
        </p>
      ) : null}
    </div>
  );
}

/** True for a while after something became true, also when it was true from the start. */
function useMoment(isOn: boolean, ms: number): boolean {
  const [isPast, setPast] = useState(false);
  useEffect(() => {
    setPast(false);
    if (!isOn) return;
    const timer = setTimeout(() => setPast(true), ms);
    return () => clearTimeout(timer);
  }, [isOn, ms]);
  return isOn && !isPast;
}

function Picture({ phase, view }: { phase: DisplayPhase; view: DisplayView }): ReactNode {
  switch (phase) {
    case "paying":
    case "phone":
      return <PhonePicture />;
    case "held":
    case "done":
      return <TickPicture />;
    case "refused":
      return <CrossPicture />;
    case "over":
      return view.status === "expired" ? <ClockPicture /> : <DashPicture />;
    default:
      return <DotsPicture />;
  }
}

function useLeft(view: DisplayView): { leftMs: number; share: number } | null {
  const now = useNow(1000);
  if (now === 0) return null;
  const end = Date.parse(view.expiresAt);
  const whole = Math.max(1, end - Date.parse(view.createdAt));
  const leftMs = Math.max(0, end - now);
  return { leftMs, share: Math.min(1, leftMs / whole) };
}

function TimeLeft({ view, left: words }: { view: DisplayView; left: string }) {
  const left = useLeft(view);
  return (
    <p className={styles["left"]} aria-hidden>
      {left === null ? "\u00a0" : words.replace("{time}", clockWords(left.leftMs))}
    </p>
  );
}

function Countdown({ view }: { view: DisplayView }) {
  const left = useLeft(view);
  return (
    <div aria-hidden className={cn(styles["track"], left !== null && left.leftMs < SOON_MS && styles["soon"])}>
      <div className={styles["bar"]} style={{ transform: `scaleX(${left?.share ?? 1})` }} />
    </div>
  );
}
