"use client";

import { unstable_isUnrecognizedActionError } from "next/navigation";
import { useEffect, useRef, useState } from "react";
import type { ActionResult } from "@/components/action-result";
import { type CounterPayment, CounterPaymentSchema, isHeld } from "@/server/domain/counter/schema";

const ASK_MS = 2_000;
/** How long a stream that looks open may be silent before it is asked. */
const SURE_MS = 10_000;
/** How much longer nothing may be heard before the till says so. */
const LOST_MS = 6_000;
const OPEN_STATUSES: readonly CounterPayment["status"][] = ["processing", "pending", "in_progress", "finalizing"];
/** What says that this browser or person may no longer be here. */
const GONE = new Set(["session_required", "terminal_not_found", "permission_denied"]);

export const isOpenPayment = (payment: Pick<CounterPayment, "status">): boolean =>
  OPEN_STATUSES.includes(payment.status);
export const isGone = (result: { ok: boolean; code?: string }): boolean =>
  !result.ok && result.code !== undefined && GONE.has(result.code);

/**
 * What an action said; null where no answer came. A page that is older than the product behind it, after an update, is
 * loaded anew: its actions are not known any more, and what was begun is kept.
 */
export async function answerOf<Answer>(work: Promise<Answer>): Promise<Answer | null> {
  try {
    return await work;
  } catch (error) {
    if (unstable_isUnrecognizedActionError(error)) window.location.reload();
    return null;
  }
}

/** Of two looks at the same payment the later one. */
export function laterOf(before: CounterPayment | null, next: CounterPayment): CounterPayment {
  return before !== null && before.id === next.id && before.updated_at > next.updated_at ? before : next;
}

/**
 * Follows a payment until it is over and its money is certain: by its event stream, and by asking where the stream is away,
 * or has said nothing for a while: a line that died without a word looks open for long. A browser that was let go learns it
 * there. Answers whether nothing was heard for too long.
 */
export function useLivePayment(
  payment: CounterPayment | null,
  options: {
    read: (paymentId: string) => Promise<ActionResult<CounterPayment>>;
    show: (payment: CounterPayment) => void;
    onGone: () => void;
  },
): boolean {
  const latest = useRef(options);
  latest.current = options;
  const [isLost, setLost] = useState(false);
  const isOpen = payment !== null && isOpenPayment(payment);
  const id = payment !== null && (isOpen || isHeld(payment)) ? payment.id : null;
  useEffect(() => {
    if (id === null) return;
    let isOver = false;
    let isAsking = false;
    let heardMs = performance.now();
    let source: EventSource | null = null;
    const heard = () => {
      heardMs = performance.now();
      if (!isOver) setLost(false);
    };
    const connect = () => {
      source = new EventSource(`/api/v1/payments/${encodeURIComponent(id)}/events`);
      source.onopen = heard;
      source.onmessage = (message: MessageEvent<string>) => {
        heard();
        const parsed = CounterPaymentSchema.safeParse(readJson(message.data));
        if (!isOver && parsed.success) latest.current.show(parsed.data);
      };
    };
    // The stream of a payment that is over ends: what is left of it is asked for.
    if (isOpen) connect();
    const ask = async (): Promise<void> => {
      const result = await answerOf(latest.current.read(id));
      isAsking = false;
      if (isOver || result === null) return;
      if (isOpen && source?.readyState === EventSource.CLOSED) connect();
      if (!result.ok) {
        if (isGone(result)) latest.current.onGone();
        return;
      }
      heard();
      latest.current.show(result.data);
    };
    const timer = setInterval(() => {
      const silentMs = performance.now() - heardMs;
      const patienceMs = source?.readyState === EventSource.OPEN || !isOpen ? SURE_MS : 0;
      setLost(silentMs > patienceMs + LOST_MS);
      // One question at a time: actions wait for one another, and a cancel must not wait behind a hundred of these.
      if (isAsking || silentMs < patienceMs) return;
      isAsking = true;
      void ask();
    }, ASK_MS);
    return () => {
      isOver = true;
      clearInterval(timer);
      source?.close();
      setLost(false);
    };
  }, [id, isOpen]);
  return isLost;
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
