"use client";

import { useEffect, useState } from "react";
import { Notice } from "@/components/notice";
import { Button } from "@/components/ui/button";
import { type Language, localeFor } from "@/server/core/languages";
import type { CounterPayment } from "@/server/domain/counter/schema";
import { type TillWords, tillError, tillState } from "../../_components/till-words";
import { answerOf, isGone } from "../../_components/use-live-payment";
import { latestAtTillAction } from "./actions";

const AGAIN_MS = 5_000;

/** The payments of this terminal since midnight here, newest first. Follows by itself. */
export function Today({
  terminalId,
  words,
  language,
  money,
  onGone,
  onOpen,
}: {
  terminalId: string;
  words: TillWords;
  language: Language;
  money: (amount: number, currency: string) => string;
  onGone: () => void;
  onOpen: (paymentId: string) => void;
}) {
  const [payments, setPayments] = useState<CounterPayment[] | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  useEffect(() => {
    let isOver = false;
    const load = async () => {
      const midnight = new Date();
      midnight.setHours(0, 0, 0, 0);
      const result = await answerOf(latestAtTillAction({ terminalId, from: midnight.toISOString() }));
      if (isOver || result === null) return;
      if (result.ok) {
        setPayments(result.data);
        setFailure(null);
      } else if (isGone(result)) onGone();
      else setFailure(result.code);
    };
    void load();
    const timer = setInterval(() => void load(), AGAIN_MS);
    return () => {
      isOver = true;
      clearInterval(timer);
    };
  }, [terminalId, onGone]);
  const clock = new Intl.DateTimeFormat(localeFor(language, null), { hour: "2-digit", minute: "2-digit" });
  return (
    <section className="grid gap-3">
      <h2 className="font-semibold text-xl">{words.today.title}</h2>
      {failure === null ? null : <Notice tone="bad" title={tillError(words, failure)} />}
      {payments === null ? <div className="skeleton h-14" aria-hidden /> : null}
      {payments?.length === 0 ? (
        <p className="rounded-md border border-line bg-surface p-6 text-base text-ink-2">{words.today.empty}</p>
      ) : null}
      <ul className="grid gap-2">
        {(payments ?? []).map((payment) => (
          <li
            key={payment.id}
            className="flex items-center gap-3 rounded-md border border-line bg-surface py-2 pr-2 pl-4 text-base"
          >
            <time dateTime={payment.created_at} className="text-ink-2 tabular-nums">
              {clock.format(new Date(payment.created_at))}
            </time>
            <div className="grid min-w-0 flex-1 sm:grid-cols-[1fr_auto] sm:items-center sm:gap-x-4">
              <span className="min-w-0 truncate">{payment.reference}</span>
              <span className="text-ink-2">
                {tillState(words, payment).title}
                {payment.amount_refunded > 0
                  ? ` · ${money(payment.amount_refunded, payment.currency)} ${words.today.refunded}`
                  : ""}
              </span>
            </div>
            <strong className="font-semibold tabular-nums">{money(payment.amount, payment.currency)}</strong>
            <Button
              className="h-11 text-base"
              aria-label={`${words.today.open}: ${payment.reference}`}
              onClick={() => onOpen(payment.id)}
            >
              {words.today.open}
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}
