"use client";

import { Minus, X } from "lucide-react";
import type { Route } from "next";
import { useRouter } from "next/navigation";
import { type ReactNode, useCallback, useEffect, useRef, useState } from "react";
import { newReference } from "@/app/(dashboard)/take-payment/_components/new-reference";
import { Button } from "@/components/ui/button";
import type { Language } from "@/server/core/languages";
import {
  ConnectionBanner,
  LanguageSelect,
  SignOfLife,
  Slip,
  useLanguage,
  useRefresh,
} from "../../_components/counter-parts";
import { Keypad } from "../../_components/keypad";
import { KIOSK_LANGUAGES, type KioskWords, kioskWords } from "../../_components/kiosk-words";
import { type CounterSpot, moneyIn } from "../../_components/place";
import { useAttempt } from "../../_components/use-attempt";
import { answerOf, isOpenPayment } from "../../_components/use-live-payment";
import { cancelAtKioskAction, readAtKioskAction, receiptAtKioskAction, takeAtKioskAction } from "./actions";
import { Choose, type Purchase } from "./choose";
import { BIG, Message, Turning } from "./kiosk-parts";
import { Paying } from "./paying";
import { useIdle } from "./use-idle";

/** How long a customer may think, how long a question to them waits, how long an outcome stays. */
const IDLE_MS = 90_000;
const QUESTION_MS = 20_000;
const OUTCOME_MS = 15_000;
/** When what nobody knows the answer of is asked for again. */
const UNSURE_MS = 5_000;

/** One question a screen: the purchase, how to pay, the code, the outcome; then the start again, by itself. */
export function Kiosk({
  spot,
  first,
  isDevice,
  canType,
  handover,
  isHandoverWrong,
}: {
  spot: CounterSpot;
  first: Language;
  isDevice: boolean;
  /** The customer may type the amount. */
  canType: boolean;
  handover: Purchase | null;
  /** The address has an amount that is no purchase. */
  isHandoverWrong: boolean;
}) {
  const router = useRouter();
  const refresh = useRefresh(spot.isUsable);
  const [language, setLanguage] = useLanguage(first, false);
  const [purchase, setPurchase] = useState<Purchase | null>(handover);
  const [slip, setSlip] = useState<string | null>(null);
  const words = kioskWords(language);
  const money = moneyIn(language, spot.country);
  const { terminalId } = spot;
  const sale = useAttempt(`tillgate-kiosk:${terminalId}`, {
    take: takeAtKioskAction,
    read: (paymentId) => readAtKioskAction({ terminalId, paymentId }),
    cancel: (paymentId) => cancelAtKioskAction({ terminalId, paymentId }),
    onGone: refresh,
  });
  const { attempt, clear } = sale;
  const start = useCallback(() => {
    clear();
    setPurchase(null);
    setLanguage(first);
    router.replace(`/kiosk/${terminalId}` as Route);
  }, [clear, setLanguage, first, router, terminalId]);

  const payment = attempt.phase === "taken" ? attempt.payment : null;
  // While the customer pays on the phone nobody has to touch this screen.
  const mayIdle = attempt.phase === "none" ? purchase !== null : payment?.status === "pending" && !sale.isStopping;
  const idle = useIdle(mayIdle ? `${attempt.phase} ${payment?.id ?? ""} ${purchase?.reference ?? ""}` : null, {
    idleMs: IDLE_MS,
    questionMs: QUESTION_MS,
    // Klarna is told, so that the code on the way out of the shop is worth nothing.
    onEnd: () => (payment === null ? start() : void sale.cancel()),
  });
  // Nobody may be there to press: the same question again, until it is known whether there is a payment.
  const { repeat } = sale;
  const isUnsure = attempt.phase === "unsure";
  const repeatRef = useRef(repeat);
  repeatRef.current = repeat;
  useEffect(() => {
    if (!isUnsure) return;
    const timer = setTimeout(() => repeatRef.current(), UNSURE_MS);
    return () => clearTimeout(timer);
  }, [isUnsure]);
  const isOver = payment !== null && !isOpenPayment(payment);
  useEffect(() => {
    if (!isOver) return;
    const timer = setTimeout(start, OUTCOME_MS);
    return () => clearTimeout(timer);
  }, [isOver, start]);

  // A purchase that somebody left here before this one: its code must not stay open.
  const left = payment !== null && handover !== null && payment.reference !== handover.reference ? payment : null;
  const { cancel } = sale;
  const leftId = left?.id ?? null;
  const isLeftOpen = left !== null && isOpenPayment(left);
  useEffect(() => {
    if (leftId === null) return;
    if (isLeftOpen) void cancel().finally(clear);
    else clear();
  }, [leftId, isLeftOpen, cancel, clear]);

  async function print(id: string): Promise<void> {
    const result = await answerOf(receiptAtKioskAction({ terminalId, paymentId: id, language }));
    if (result?.ok) setSlip(result.data);
  }
  const forgetSlip = useCallback(() => setSlip(null), []);

  let screen: ReactNode;
  if (!spot.isUsable) screen = <Message words={words.closed} icon={<Minus aria-hidden />} />;
  else if (isHandoverWrong) screen = <Message words={words.error} icon={<X aria-hidden />} />;
  else if (attempt.phase === "asking" || left !== null) screen = <Message words={words.starting} icon={<Turning />} />;
  else if (attempt.phase === "unsure")
    screen = (
      <Message words={words.unsure} icon={<Turning />}>
        <Button variant="primary" className={BIG} onClick={sale.repeat}>
          {words.again}
        </Button>
      </Message>
    );
  else if (payment !== null)
    screen = (
      <Paying
        payment={payment}
        isStopping={sale.isStopping}
        words={words}
        money={money}
        onCancel={() => void sale.cancel()}
        onPrint={() => void print(payment.id)}
        onStart={start}
        onAgain={() => {
          setPurchase({ amount: payment.amount, currency: payment.currency, reference: payment.reference });
          clear();
        }}
      />
    );
  else if (purchase !== null)
    screen = (
      <Choose
        key={language}
        spot={spot}
        purchase={purchase}
        language={language}
        words={words}
        money={money}
        hasFailed={sale.failure !== null}
        onGone={refresh}
        onCancel={start}
        onPay={(paymentOptionId) => sale.begin({ ...purchase, terminalId, lines: [], paymentOptionId })}
      />
    );
  else
    screen = (
      <Start
        spot={spot}
        words={words}
        money={money}
        canType={canType}
        onAmount={(amount) => setPurchase({ amount, currency: spot.currency, reference: newReference(new Date()) })}
      />
    );

  return (
    <>
      <Slip text={slip} onPrinted={forgetSlip} />
      <main className="flex min-h-dvh flex-col bg-bg print:hidden">
        <SignOfLife isDevice={isDevice} />
        <ConnectionBanner word={words.offline} isLost={sale.isLost} />
        <header inert={idle.isAsking} className="flex items-center gap-3 px-6 pt-5">
          <p className="min-w-0 flex-1 truncate font-semibold text-xl">{spot.partnerName}</p>
          {spot.mode === "test" ? (
            <span className="rounded-sm bg-warn-soft px-2 py-1 font-medium text-base text-warn">Test</span>
          ) : null}
          <LanguageSelect
            value={language}
            languages={KIOSK_LANGUAGES}
            label={words.language}
            className="h-16 rounded-md border border-line-strong bg-raised px-4 text-xl"
            onChange={setLanguage}
          />
        </header>
        <div inert={idle.isAsking} className="mx-auto flex w-full max-w-3xl flex-1 flex-col justify-center p-6">
          {screen}
        </div>
        {idle.isAsking ? (
          <div
            role="alertdialog"
            aria-modal="true"
            aria-labelledby="kiosk-still"
            className="fixed inset-0 z-40 grid place-items-center bg-scrim p-6"
          >
            <div className="grid max-w-md justify-items-center gap-5 rounded-lg bg-raised p-8 text-center shadow-float">
              <h2 id="kiosk-still" className="font-semibold text-3xl">
                {words.still.title}
              </h2>
              <p className="text-ink-2 text-xl">{words.still.sentence}</p>
              <Button variant="primary" className={BIG} onClick={idle.stay} autoFocus>
                {words.still.stay}
              </Button>
            </div>
          </div>
        ) : null}
      </main>
    </>
  );
}

function Start({
  spot,
  words,
  money,
  canType,
  onAmount,
}: {
  spot: CounterSpot;
  words: KioskWords;
  money: (amount: number, currency: string) => string;
  canType: boolean;
  onAmount: (amount: number) => void;
}) {
  const [amount, setAmount] = useState(0);
  if (!canType)
    return (
      <section className="grid gap-3 text-center">
        <h1 className="font-semibold text-[clamp(36px,9vw,72px)] leading-tight">{words.welcome}</h1>
        <p className="font-medium text-3xl">{words.pay}</p>
        <p className="text-balance text-ink-2 text-xl">{words.waiting}</p>
      </section>
    );
  return (
    <section className="mx-auto grid w-full max-w-md gap-4">
      <h1 className="text-center font-semibold text-3xl">{words.type}</h1>
      <output
        aria-label={words.amount}
        className="truncate rounded-md border border-line bg-raised px-4 py-3 text-right font-semibold text-[clamp(32px,8vw,48px)] leading-tight tabular-nums"
      >
        {money(amount, spot.currency)}
      </output>
      <div className="grid h-[min(44dvh,380px)]">
        <Keypad value={amount} onChange={setAmount} onEnter={() => amount > 0 && onAmount(amount)} words={words} />
      </div>
      <Button variant="primary" className={BIG} disabled={amount === 0} onClick={() => onAmount(amount)}>
        {words.go}
      </Button>
    </section>
  );
}
