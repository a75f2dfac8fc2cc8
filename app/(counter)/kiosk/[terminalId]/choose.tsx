"use client";

import { Check, Minus, X } from "lucide-react";
import { useCallback, useEffect, useState } from "react";
import { cn } from "@/components/cn";
import { QrCode } from "@/components/qr-code";
import { Button } from "@/components/ui/button";
import type { Language } from "@/server/core/languages";
import type { KioskMethod } from "@/server/domain/counter/schema";
import type { KioskWords } from "../../_components/kiosk-words";
import type { CounterSpot } from "../../_components/place";
import { answerOf, isGone } from "../../_components/use-live-payment";
import { kioskMethodAction } from "./actions";
import { BIG, Message, Turning } from "./kiosk-parts";

export type Purchase = { amount: number; currency: string; reference: string };

/** Klarna as Klarna wants to be offered: shown, chosen beforehand, alone, or not at all. */
export function Choose({
  spot,
  purchase,
  language,
  words,
  money,
  hasFailed,
  onGone,
  onCancel,
  onPay,
}: {
  spot: CounterSpot;
  purchase: Purchase;
  language: Language;
  words: KioskWords;
  money: (amount: number, currency: string) => string;
  hasFailed: boolean;
  onGone: () => void;
  onCancel: () => void;
  onPay: (paymentOptionId: string | null) => void;
}) {
  const [method, setMethod] = useState<KioskMethod | "error" | null>(null);
  const [isChosen, setChosen] = useState(false);
  const { terminalId } = spot;
  const { amount, currency } = purchase;
  const load = useCallback(async () => {
    setMethod(null);
    const result = await answerOf(kioskMethodAction({ terminalId, amount, currency, language }));
    if (result?.ok) {
      setMethod(result.data);
      setChosen(result.data.instruction === "preselect" || result.data.instruction === "show_only");
    } else if (result !== null && isGone(result)) onGone();
    else setMethod("error");
  }, [terminalId, amount, currency, language, onGone]);
  useEffect(() => void load(), [load]);

  if (method === null) return <Message words={words.starting} icon={<Turning />} />;
  if (method === "error" || method.isUnreachable)
    return (
      <Message words={method === "error" ? words.error : words.unreachable} icon={<X aria-hidden />}>
        <Button className={BIG} onClick={onCancel}>
          {words.cancel}
        </Button>
        <Button variant="primary" className={BIG} onClick={() => void load()}>
          {words.again}
        </Button>
      </Message>
    );
  if (!method.isAvailable || method.instruction === "hide")
    return (
      <Message words={words.hidden} icon={<Minus aria-hidden />}>
        <Button variant="primary" className={BIG} onClick={onCancel}>
          {words.cancel}
        </Button>
      </Message>
    );
  return (
    <section className="grid gap-5">
      <p className="text-center text-ink-2 text-xl">{words.toPay}</p>
      <p className="-mt-4 text-center font-semibold text-[clamp(32px,8vw,56px)] leading-tight tabular-nums">
        {money(amount, currency)}
      </p>
      <h1 className="text-center font-semibold text-3xl">{words.choose}</h1>
      {hasFailed ? (
        <p role="alert" className="rounded-md bg-bad-soft px-4 py-3 text-center text-bad text-xl">
          {words.error.title}. {words.error.sentence}
        </p>
      ) : null}
      <button
        type="button"
        aria-pressed={isChosen}
        className="flex min-h-24 items-center gap-5 max-sm:flex-wrap rounded-lg border-2 border-line-strong bg-raised p-5 text-left aria-pressed:border-accent"
        onClick={() => setChosen(true)}
      >
        {method.image === null ? null : (
          // biome-ignore lint/performance/noImgElement: a small picture inside the page itself
          <img src={method.image.source} alt={method.image.alt} className="h-10 w-auto max-w-28 shrink-0" />
        )}
        <span className="grid min-w-0 flex-1 gap-1 max-sm:order-last max-sm:basis-full">
          <span className="flex flex-wrap items-center gap-2">
            <strong className="font-semibold text-3xl">{method.header ?? "Klarna"}</strong>
            {method.badge === null ? null : (
              <span className="rounded-sm bg-good-soft px-2 py-0.5 text-base text-good">{method.badge}</span>
            )}
          </span>
          {method.subheader === null ? null : <span className="text-xl">{method.subheader}</span>}
          {method.message === null ? null : <span className="text-base text-ink-2">{method.message}</span>}
        </span>
        <span
          aria-hidden
          className={cn(
            "ml-auto grid size-9 shrink-0 place-items-center rounded-full border-2 border-line-strong",
            isChosen && "border-accent bg-accent text-accent-ink",
          )}
        >
          {isChosen ? <Check className="size-5" /> : null}
        </span>
      </button>
      <div className="grid gap-3 sm:grid-cols-[auto_1fr]">
        <Button className={BIG} onClick={onCancel}>
          {method.instruction === "show_only" ? words.cancel : words.other}
        </Button>
        <Button variant="primary" className={BIG} disabled={!isChosen} onClick={() => onPay(method.paymentOptionId)}>
          {method.button ?? words.go}
        </Button>
      </div>
      {method.termsUrl === null ? null : (
        <figure className="flex items-center justify-center gap-3 text-base text-ink-2">
          <QrCode value={method.termsUrl} label={words.terms} className="w-20 rounded-sm" />
          <figcaption>{words.terms}</figcaption>
        </figure>
      )}
    </section>
  );
}
