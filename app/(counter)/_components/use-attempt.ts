"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import { z } from "zod";
import { isUnsure, newNonce } from "@/app/(dashboard)/payments/_components/nonce";
import type { ActionResult } from "@/components/action-result";
import { type CounterPayment, type TakeInput, TakeSchema } from "@/server/domain/counter/schema";
import { answerOf, isGone, isOpenPayment, laterOf, useLivePayment } from "./use-live-payment";

/*
 * One sale on its way to being paid. What was begun is kept in this browser before it is sent, so that neither a second
 * press, nor a lost answer, nor a page that is loaded again makes a second payment of it.
 */

export type Attempt =
  | { phase: "none" }
  | { phase: "asking"; input: TakeInput }
  /** No answer came: it may have been taken. */
  | { phase: "unsure"; input: TakeInput }
  | { phase: "taken"; payment: CounterPayment };

type Calls = {
  take: (input: TakeInput) => Promise<ActionResult<CounterPayment>>;
  read: (paymentId: string) => Promise<ActionResult<CounterPayment>>;
  cancel: (paymentId: string) => Promise<ActionResult<CounterPayment>>;
  onGone: () => void;
};

const KeptSchema = z.union([
  z.strictObject({ input: TakeSchema, at: z.number() }),
  z.strictObject({ paymentId: z.string() }),
]);
type Kept = z.infer<typeof KeptSchema>;
/** How long a press without an answer is asked about again when the page is loaded anew. */
const RESUMED_FOR_MS = 15 * 60_000;

export function useAttempt(key: string, calls: Calls) {
  const [attempt, setAttempt] = useState<Attempt>({ phase: "none" });
  const [failure, setFailure] = useState<string | null>(null);
  const [isStopping, setStopping] = useState(false);
  const latest = useRef({ attempt, calls });
  latest.current = { attempt, calls };

  const show = useCallback(
    (payment: CounterPayment) => {
      setAttempt((before) => {
        if (before.phase === "taken" && before.payment.id !== payment.id) return before;
        return { phase: "taken", payment: before.phase === "taken" ? laterOf(before.payment, payment) : payment };
      });
      keep(key, isOpenPayment(payment) ? { paymentId: payment.id } : null);
      if (!isOpenPayment(payment)) setStopping(false);
    },
    [key],
  );

  const send = useCallback(
    async (input: TakeInput, isRepeat: boolean) => {
      setFailure(null);
      setStopping(false);
      setAttempt({ phase: "asking", input });
      keep(key, { input: TakeSchema.parse(input), at: Date.now() });
      const result = await answerOf(latest.current.calls.take(input));
      if (result?.ok) return show(result.data);
      const isOut = result !== null && isGone(result);
      // Whoever is no longer let in learns nothing of an earlier press, and has taken nothing by a first one.
      if (result === null || isUnsure(result.code) || (isOut && isRepeat)) setAttempt({ phase: "unsure", input });
      else {
        keep(key, null);
        setFailure(result.code);
        setAttempt({ phase: "none" });
      }
      if (isOut) latest.current.calls.onGone();
    },
    [key, show],
  );

  const open = useCallback(
    async (paymentId: string): Promise<void> => {
      const result = await answerOf(latest.current.calls.read(paymentId));
      if (result?.ok) {
        setFailure(null);
        setStopping(false);
        setAttempt({ phase: "taken", payment: result.data });
        keep(key, isOpenPayment(result.data) ? { paymentId } : null);
      } else if (result !== null && isGone(result)) latest.current.calls.onGone();
      else if (result !== null) keep(key, null);
    },
    [key],
  );

  const cancel = useCallback(async (): Promise<void> => {
    const { attempt: now } = latest.current;
    if (now.phase !== "taken") return;
    setStopping(true);
    setFailure(null);
    const result = await answerOf(latest.current.calls.cancel(now.payment.id));
    if (result?.ok) return show(result.data);
    setStopping(false);
    setFailure(result?.code ?? "other");
    if (result !== null && isGone(result)) latest.current.calls.onGone();
  }, [show]);

  const isResumed = useRef(false);
  useEffect(() => {
    if (isResumed.current) return;
    isResumed.current = true;
    const kept = readKept(key);
    if (kept === null) return;
    if ("paymentId" in kept) void open(kept.paymentId);
    else if (Date.now() - kept.at < RESUMED_FOR_MS) void send(kept.input, true);
    // Nobody waits for it any more. Had it been taken, it stands in the list of today and ends by itself.
    else keep(key, null);
  }, [key, send, open]);

  const isLost = useLivePayment(attempt.phase === "taken" ? attempt.payment : null, {
    read: calls.read,
    show,
    onGone: calls.onGone,
  });

  return {
    attempt,
    /** The code of a definite refusal: nothing was taken. */
    failure,
    /** Klarna was asked to cancel and has not confirmed. */
    isStopping,
    /** Nothing was heard of the payment for too long: what is shown may be old. */
    isLost,
    open,
    /** Begins, with a nonce of its own; a press while one is under way does nothing. */
    begin: (sale: Omit<TakeInput, "nonce">) => {
      if (latest.current.attempt.phase !== "none") return;
      const input = { ...sale, nonce: newNonce() };
      latest.current.attempt = { phase: "asking", input };
      void send(input, false);
    },
    /** Asks again for the same payment. */
    repeat: () => {
      const { attempt: now } = latest.current;
      if (now.phase === "unsure") void send(now.input, true);
    },
    cancel,
    /** Leaves the payment to itself, for the next one. */
    clear: useCallback(() => {
      keep(key, null);
      setFailure(null);
      setStopping(false);
      setAttempt({ phase: "none" });
    }, [key]),
  };
}

function keep(key: string, value: Kept | null): void {
  try {
    if (value === null) window.localStorage.removeItem(key);
    else window.localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Without storage a page that is loaded again starts anew; the list of today has what was taken.
  }
}

function readKept(key: string): Kept | null {
  try {
    return KeptSchema.safeParse(JSON.parse(window.localStorage.getItem(key) ?? "null")).data ?? null;
  } catch {
    return null;
  }
}
