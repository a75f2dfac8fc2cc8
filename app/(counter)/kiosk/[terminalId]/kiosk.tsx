"use client";

import { Check, Clock, LoaderCircle, Minus, Smartphone, X } from "lucide-react";
import type { Route } from "next";
import { useRouter } from "next/navigation";
import { type ReactNode, useCallback, useEffect, useRef, useState } from "react";
import { newReference } from "@/app/(dashboard)/take-payment/_components/new-reference";
import { cn } from "@/components/cn";
import { QrCode } from "@/components/qr-code";
import { Button } from "@/components/ui/button";
import type { Language } from "@/server/core/languages";
import { type CounterPayment, isHeld, type KioskMethod } from "@/server/domain/counter/schema";
import {
  ConnectionBanner,
  LanguageSelect,
  SignOfLife,
  Slip,
  TimeLeft,
  useLanguage,
  useRefresh,
} from "../../_components/counter-parts";
import { Keypad } from "../../_components/keypad";
import { KIOSK_LANGUAGES, type KioskWords, kioskWords } from "../../_components/kiosk-words";
import { type CounterSpot, moneyIn } from "../../_components/place";
import { useAttempt } from "../../_components/use-attempt";
import { isGone, isOpenPayment } from "../../_components/use-live-payment";
import {
  cancelAtKioskAction,
  kioskMethodAction,
  readAtKioskAction,
  receiptAtKioskAction,
  takeAtKioskAction,
} from "./actions";
import { useIdle } from "./use-idle";

type Purchase = { amount: number; currency: string; reference: string };
/** How long a customer may think, how long a question to them waits, how long an outcome stays. */
const IDLE_MS = 90_000;
const QUESTION_MS = 20_000;
const OUTCOME_MS = 15_000;
const BIG = "h-16 min-w-48 px-6 text-xl";

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
  const refresh = useRefresh();
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
    const result = await receiptAtKioskAction({ terminalId, paymentId: id, language }).catch(() => null);
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
        <ConnectionBanner word={words.offline} />
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

const Turning = () => <LoaderCircle aria-hidden className="animate-spin" />;

function Message({
  words,
  icon,
  tone = "text-ink-2",
  children,
}: {
  words: { title: string; sentence: string };
  icon: ReactNode;
  tone?: string;
  children?: ReactNode;
}) {
  return (
    <section className="grid justify-items-center gap-5 text-center">
      <span className={cn("[&_svg]:size-20", tone)}>{icon}</span>
      <div role="status" className="grid gap-2">
        <h1 className="text-balance font-semibold text-[clamp(28px,6vw,48px)] leading-tight">{words.title}</h1>
        <p className="text-balance text-ink-2 text-xl">{words.sentence}</p>
      </div>
      {children === undefined ? null : <div className="mt-2 flex flex-wrap justify-center gap-3">{children}</div>}
    </section>
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

/** Klarna as Klarna wants to be offered: shown, chosen beforehand, alone, or not at all. */
function Choose({
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
    const result = await kioskMethodAction({ terminalId, amount, currency, language }).catch(() => null);
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

function Paying({
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
    const { key, icon, tone } = OUTCOMES[payment.status] ?? {
      key: "canceled" as const,
      icon: <Minus aria-hidden />,
      tone: "text-ink-2",
    };
    return (
      <Message
        words={{
          title: key === "done" ? `${words.done.title} · ${money(payment.amount, payment.currency)}` : words[key].title,
          sentence: words[key].sentence,
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
