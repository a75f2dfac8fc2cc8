"use client";

import { useEffect, useState } from "react";
import { z } from "zod";
import { Button } from "@/components/ui/button";
import { useSafeRefresh } from "@/components/use-safe-refresh";
import type { Language } from "@/server/core/languages";
import { PUBLIC_STATUSES } from "@/server/domain/payments/states";
import { JourneyCard } from "./journey-card";
import { isOpenPhase, type JourneyStatus, journeyLabels, journeyWords, phaseOf } from "./journey-words";

const MessageSchema = z.object({ status: z.enum(PUBLIC_STATUSES) });
const REFRESH_MS = 3_000;
/** After this nobody has to go on waiting here: the shop will hear it too. */
const PATIENCE_MS = 10_000;

type Props = {
  id: string;
  status: JourneyStatus;
  mode: "test" | "live";
  shop: string;
  /** Klarna's journey is still open to the customer. */
  canGoOn: boolean;
  /** The browser that came back from Klarna: it may follow the payment and is sent on to the shop. */
  isCustomer: boolean;
  hasReturn: boolean;
  language: Language;
};

/** Follows the payment until it is over, then leads back to the shop. Decides nothing: it shows what the server says. */
export function JourneyScreen({ id, status, mode, shop, canGoOn, isCustomer, hasReturn, language }: Props) {
  const [first] = useState(status);
  const current = useFollowed(id, status, isCustomer);
  const isPatient = useTime(PATIENCE_MS);
  // Where Klarna takes nobody in any more and no end is known yet, there is nothing to do but wait.
  const phase = phaseOf(current) === "open" && !canGoOn ? "waiting" : phaseOf(current);
  const isOver = !isOpenPhase(phase);
  const back = `/pay/${id}/return`;
  // Somebody who sees how it ended may stay; somebody who has waited for it is taken along.
  const hasChanged = current !== first;
  useEffect(() => {
    if (isOver && hasReturn && hasChanged) window.location.replace(back);
  }, [isOver, hasReturn, hasChanged, back]);
  const labels = journeyLabels(language);
  const mayGoOn = canGoOn && (current === "pending" || current === "in_progress");
  const mayLeave = hasReturn && (phase !== "waiting" || !isPatient);
  return (
    <JourneyCard
      language={language}
      phase={phase}
      words={journeyWords(language, phase)}
      shop={shop}
      isTest={mode === "test"}
    >
      <div className="grid w-full gap-2 empty:hidden">
        {mayGoOn ? (
          <Button asChild variant={phase === "open" ? "primary" : "secondary"} size="lg">
            <a href={`/pay/${id}`}>{labels.goOn}</a>
          </Button>
        ) : null}
        {mayLeave ? (
          <Button asChild variant={isOver ? "primary" : "secondary"} size="lg">
            <a href={isOver ? back : `${back}?leave=1`}>{labels.back}</a>
          </Button>
        ) : null}
      </div>
    </JourneyCard>
  );
}

/** True until this much time has passed. */
function useTime(ms: number): boolean {
  const [isLeft, setLeft] = useState(true);
  useEffect(() => {
    const timer = setTimeout(() => setLeft(false), ms);
    return () => clearTimeout(timer);
  }, [ms]);
  return isLeft;
}

/** The newest status: by the event stream where this browser may have it, else by asking the page again. */
function useFollowed(id: string, initial: JourneyStatus, isCustomer: boolean): JourneyStatus {
  const askAgain = useSafeRefresh();
  const [streamed, setStreamed] = useState<JourneyStatus | null>(null);
  const status = isOpenPhase(phaseOf(initial)) ? (streamed ?? initial) : initial;
  const isOpen = isOpenPhase(phaseOf(status));
  useEffect(() => {
    if (!isOpen) return;
    if (!isCustomer) {
      const timer = setInterval(askAgain, REFRESH_MS);
      return () => clearInterval(timer);
    }
    const source = new EventSource(`/api/v1/payments/${encodeURIComponent(id)}/events`);
    source.onmessage = (message: MessageEvent<string>) => {
      const parsed = MessageSchema.safeParse(readJson(message.data));
      if (parsed.success) setStreamed(parsed.data.status);
    };
    // The browser connects again by itself; where it gave up, the page is asked.
    const timer = setInterval(() => {
      if (source.readyState === EventSource.CLOSED) askAgain();
    }, REFRESH_MS);
    return () => {
      source.close();
      clearInterval(timer);
    };
  }, [id, isOpen, isCustomer, askAgain]);
  return status;
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
