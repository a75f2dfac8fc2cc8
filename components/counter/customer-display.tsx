"use client";

import { type CSSProperties, type ReactNode, useEffect, useState } from "react";
import { cn } from "@/components/cn";
import { moneyText } from "@/components/display/money";
import { useNow } from "@/components/hooks";
import { QrCode } from "@/components/qr-code";
import styles from "./customer-display.module.css";
import { type DisplayPhase, type DisplayView, displayPhase } from "./display-view";
import { clockWords, DISPLAY_LABELS, displayWords } from "./display-words";
import { ClockPicture, CrossPicture, DashPicture, DotsPicture, PhonePicture, TickPicture } from "./pictures";

const DONE_MS = 4000;
const SOON_MS = 60_000;

/** What the customer sees of a payment. Fills whatever it stands in; there is nothing to click. */
export function CustomerDisplay({ view, isOffline = false }: { view: DisplayView; isOffline?: boolean }) {
  const phase = displayPhase(view);
  const isCelebrating = useMoment(phase === "done", DONE_MS);
  const words = displayWords(view.status, phase);
  const money = moneyText(view.amount, view.currency);
  const number = money.replace(view.currency, "").trim();
  const hasTimer = phase === "scan" || phase === "paying";

  return (
    <div
      className={cn(
        styles["root"],
        phase === "done" && styles[isCelebrating ? "done" : "thanks"],
        phase === "refused" && styles["refused"],
        phase === "over" && styles["over"],
      )}
      style={{ "--chars": Math.max(6, number.length) } as CSSProperties}
      data-phase={phase}
    >
      <div key={phase} className={cn(styles["stage"], phase === "done" ? styles["whole"] : styles["split"])}>
        {phase === "done" ? <Picture phase={phase} view={view} /> : null}
        <p className={styles["amount"]}>
          <span className={styles["currency"]}>{view.currency}</span>
          <span className={styles["number"]}>{number}</span>
        </p>
        {phase === "scan" && view.qrTarget !== null ? (
          <div className={styles["qr"]}>
            <QrCode value={view.qrTarget} label={DISPLAY_LABELS.qr} />
          </div>
        ) : phase === "done" ? null : (
          <Picture phase={phase} view={view} />
        )}
        <div className={styles["words"]}>
          {phase === "scan" || phase === "done" ? null : <h1 className={styles["title"]}>{words.title}</h1>}
          <p className={styles["sentence"]}>{words.sentence}</p>
          {hasTimer ? <TimeLeft view={view} /> : null}
        </div>
      </div>
      <p role="status" className="sr-only">{`${money}. ${words.title}. ${words.sentence}`}</p>
      {view.mode === "test" ? <span className={styles["test"]}>{DISPLAY_LABELS.test}</span> : null}
      {isOffline && hasTimer ? <span className={styles["offline"]}>{DISPLAY_LABELS.reconnecting}</span> : null}
      {hasTimer ? <Countdown view={view} /> : null}
      {phase === "refused" || phase === "over" ? (
        <p className={styles["foot"]}>
          {DISPLAY_LABELS.session} {view.id}
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
      return <PhonePicture />;
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

function TimeLeft({ view }: { view: DisplayView }) {
  const left = useLeft(view);
  return (
    <p className={styles["left"]} aria-hidden>
      {left === null ? "\u00a0" : `${clockWords(left.leftMs)} ${DISPLAY_LABELS.left}`}
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
