"use client";

import { Check, Clock, Minus, Smartphone, X } from "lucide-react";
import { type ReactNode, useEffect, useRef } from "react";
import { QrCode } from "@/components/qr-code";
import { Button } from "@/components/ui/button";
import { type CounterPayment, HOPELESS_FAILURES, isHeld } from "@/server/domain/counter/schema";
import { TimeLeft } from "../../_components/counter-parts";
import type { KioskWords } from "../../_components/kiosk-words";
import { isOpenPayment } from "../../_components/use-live-payment";
import { BIG, Message, Turning } from "./kiosk-parts";

const OUTCOMES: Readonly<
  Partial<
    Record<
      CounterPayment["status"],
      { key: "done" | "declined" | "failed" | "canceled" | "expired"; icon: ReactNode; tone: string }
    >
  >
> = {
  completed: { key: "done", icon: <Check aria-hidden />, tone: "text-good" },
  authorized: { key: "done", icon: <Check aria-hidden />, tone: "text-good" },
  declined: { key: "declined", icon: <X aria-hidden />, tone: "text-bad" },
  failed: { key: "failed", icon: <X aria-hidden />, tone: "text-bad" },
  expired: { key: "expired", icon: <Clock aria-hidden />, tone: "text-ink-2" },
};

export function Paying({
  payment,
  isStopping,
  words,
  money,
  onCancel,
  onPrint,
  onStart,
  onAgain,
}: {
  payment: CounterPayment;
  isStopping: boolean;
  words: KioskWords;
  money: (amount: number, currency: string) => string;
  onCancel: () => void;
  onPrint: () => void;
  onStart: () => void;
  onAgain: () => void;
}) {
  const end = useRef<HTMLButtonElement>(null);
  const isOver = !isOpenPayment(payment);
  useEffect(() => {
    if (isOver) end.current?.focus();
  }, [isOver]);
  const code = payment.status === "pending" ? (payment.klarna.qr_code?.target_url ?? null) : null;
  if (isOver && isHeld(payment))
    return (
      <Message words={words.held} icon={<Clock aria-hidden />} tone="text-warn">
        <Button className={BIG} onClick={onPrint}>
          {words.receipt}
        </Button>
        <Button ref={end} variant="primary" className={BIG} onClick={onStart}>
          {words.noReceipt}
        </Button>
      </Message>
    );
  if (isOver) {
    const isHopeless = payment.status === "failed" && HOPELESS_FAILURES.has(payment.failure?.code ?? "");
    const { key, icon, tone } = OUTCOMES[payment.status] ?? {
      key: "canceled" as const,
      icon: <Minus aria-hidden />,
      tone: "text-ink-2",
    };
    return (
      <Message
        words={{
          title: key === "done" ? `${words.done.title} · ${money(payment.amount, payment.currency)}` : words[key].title,
          sentence: isHopeless ? words.hopeless : words[key].sentence,
        }}
        icon={icon}
        tone={tone}
      >
        {key === "done" ? (
          <>
            <Button className={BIG} onClick={onPrint}>
              {words.receipt}
            </Button>
            <Button ref={end} variant="primary" className={BIG} onClick={onStart}>
              {words.noReceipt}
            </Button>
          </>
        ) : isHopeless ? (
          <Button ref={end} variant="primary" className={BIG} onClick={onStart}>
            {words.other}
          </Button>
        ) : (
          <>
            <Button className={BIG} onClick={onStart}>
              {words.other}
            </Button>
            <Button ref={end} variant="primary" className={BIG} onClick={onAgain}>
              {words.again}
            </Button>
          </>
        )}
        <p className="w-full font-mono text-ink-3 text-xs">{payment.id}</p>
      </Message>
    );
  }
  if (isStopping) return <Message words={words.stopping} icon={<Turning />} />;
  if (payment.status === "processing") return <Message words={words.unsure} icon={<Turning />} />;
  if (payment.status === "finalizing") return <Message words={words.confirming} icon={<Turning />} />;
  if (code === null)
    return (
      <Message words={payment.status === "pending" ? words.starting : words.paying} icon={<Smartphone aria-hidden />}>
        <Button className={BIG} onClick={onCancel}>
          {words.cancel}
        </Button>
      </Message>
    );
  return (
    <section className="grid justify-items-center gap-4 text-center">
      <p className="font-semibold text-[clamp(32px,8vw,56px)] leading-tight tabular-nums">
        {money(payment.amount, payment.currency)}
      </p>
      <div className="w-full max-w-[min(420px,48dvh)] overflow-hidden rounded-lg border border-line">
        <QrCode value={code} label={words.qr} />
      </div>
      <div role="status">
        <h1 className="font-semibold text-3xl">{words.scan.title}</h1>
        <p className="text-balance text-ink-2 text-xl">{words.scan.sentence}</p>
      </div>
      <p className="text-ink-2 text-xl">
        <TimeLeft until={payment.expires_at} word={words.left} />
      </p>
      <Button className={BIG} onClick={onCancel}>
        {words.cancel}
      </Button>
    </section>
  );
}
