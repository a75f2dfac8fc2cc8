"use client";

import { useEffect, useRef } from "react";
import type { ActionResult } from "@/components/action-result";
import { type CounterPayment, CounterPaymentSchema } from "@/server/domain/counter/schema";

const ASK_MS = 2_000;
const OPEN_STATUSES: readonly CounterPayment["status"][] = ["processing", "pending", "in_progress", "finalizing"];
/** What says that this browser or person may no longer be here. */
const GONE = new Set(["session_required", "terminal_not_found", "permission_denied"]);

export const isOpenPayment = (payment: Pick<CounterPayment, "status">): boolean =>
  OPEN_STATUSES.includes(payment.status);
export const isGone = (result: { ok: boolean; code?: string }): boolean =>
  !result.ok && result.code !== undefined && GONE.has(result.code);

/** Of two looks at the same payment the later one. */
export function laterOf(before: CounterPayment | null, next: CounterPayment): CounterPayment {
  return before !== null && before.id === next.id && before.updated_at > next.updated_at ? before : next;
}

/**
 * Follows a payment until it is over: by its event stream, and by asking where the stream is away. A browser that was let
 * go learns it there.
 */
export function useLivePayment(
  payment: CounterPayment | null,
  options: {
    read: (paymentId: string) => Promise<ActionResult<CounterPayment>>;
    show: (payment: CounterPayment) => void;
    onGone: () => void;
  },
): void {
  const latest = useRef(options);
  latest.current = options;
  const id = payment !== null && isOpenPayment(payment) ? payment.id : null;
  useEffect(() => {
    if (id === null) return;
    let isOver = false;
    let source: EventSource | null = null;
    const connect = () => {
      source = new EventSource(`/api/v1/payments/${encodeURIComponent(id)}/events`);
      source.onmessage = (message: MessageEvent<string>) => {
        const parsed = CounterPaymentSchema.safeParse(readJson(message.data));
        if (!isOver && parsed.success) latest.current.show(parsed.data);
      };
    };
    connect();
    const timer = setInterval(() => {
      if (source?.readyState === EventSource.OPEN) return;
      latest.current
        .read(id)
        .then((result) => {
          if (isOver) return;
          if (result.ok) latest.current.show(result.data);
          else if (isGone(result)) latest.current.onGone();
          if (source?.readyState === EventSource.CLOSED) connect();
        })
        // Without a connection the next one tells.
        .catch(() => undefined);
    }, ASK_MS);
    return () => {
      isOver = true;
      clearInterval(timer);
      source?.close();
    };
  }, [id]);
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
