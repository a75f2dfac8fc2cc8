"use client";

import { Monitor } from "lucide-react";
import { useCallback, useEffect, useRef, useState } from "react";
import { ModeBadge } from "@/components/display/mode-badge";
import { Notice } from "@/components/notice";
import { Button } from "@/components/ui/button";
import type { Language } from "@/server/core/languages";
import type { CounterPayment, TakeInput } from "@/server/domain/counter/schema";
import {
  ConnectionBanner,
  LanguageSelect,
  SignOfLife,
  Slip,
  useLanguage,
  useRefresh,
} from "../../_components/counter-parts";
import { latestKeptReturn } from "../../_components/kept-return";
import { type CounterSpot, moneyIn } from "../../_components/place";
import { TILL_LANGUAGES, tillWords } from "../../_components/till-words";
import { useAttempt } from "../../_components/use-attempt";
import { answerOf } from "../../_components/use-live-payment";
import { cancelAtTillAction, readAtTillAction, receiptAtTillAction, takeAtTillAction } from "./actions";
import { type CustomerMessage, customerChannel } from "./customer/channel";
import { Returns } from "./returns";
import { Sale } from "./sale";
import { Taken } from "./taken";
import { Today } from "./today";

const TABS = ["sale", "today", "returns"] as const;
type Tab = (typeof TABS)[number];

/** The cashier's till: a sale, the list of today, a return. */
export function Till({
  spot,
  first,
  isDevice,
  mayRefund,
}: {
  spot: CounterSpot;
  first: Language;
  isDevice: boolean;
  mayRefund: boolean;
}) {
  const [language, setLanguage] = useLanguage(first, true);
  const [tab, setTab] = useState<Tab>("sale");
  const [slip, setSlip] = useState<string | null>(null);
  /** What was asked for last: a declined customer may try once more. */
  const [again, setAgain] = useState<Omit<TakeInput, "nonce"> | null>(null);
  const [asksForCode, setAsksForCode] = useState(false);
  const [hasPrintFailed, setPrintFailed] = useState(false);
  const forgetSlip = useCallback(() => setSlip(null), []);
  const refresh = useRefresh(spot.isUsable);
  const words = tillWords(language);
  const money = moneyIn(language, spot.country);
  const { terminalId } = spot;
  const sale = useAttempt(`tillgate-till:${terminalId}`, {
    take: takeAtTillAction,
    read: (paymentId) => readAtTillAction({ terminalId, paymentId }),
    cancel: (paymentId) => cancelAtTillAction({ terminalId, paymentId }),
    onGone: refresh,
  });
  const { attempt } = sale;
  useEffect(() => {
    if (mayRefund && latestKeptReturn(terminalId) !== null) setTab("returns");
  }, [mayRefund, terminalId]);
  useCustomerScreen(terminalId, attempt.phase === "taken" ? attempt.payment : null, language);

  async function print(paymentId: string, refundId: string | null): Promise<void> {
    setPrintFailed(false);
    const result = await answerOf(receiptAtTillAction({ terminalId, paymentId, refundId, language }));
    if (result?.ok) setSlip(result.data);
    else setPrintFailed(true);
  }
  const shown = tab === "returns" && !mayRefund ? "sale" : tab;

  return (
    <>
      <Slip text={slip} onPrinted={forgetSlip} />
      <main className="flex min-h-dvh flex-col bg-bg print:hidden">
        <SignOfLife isDevice={isDevice} />
        <header className="flex flex-wrap items-center gap-x-3 gap-y-1 border-line border-b bg-surface px-4 py-2">
          <h1 className="min-w-0 truncate font-semibold text-base">{spot.terminalLabel}</h1>
          <p className="min-w-0 truncate text-ink-2 max-sm:hidden">{spot.storeName}</p>
          <ModeBadge mode={spot.mode} />
          <span className="flex-1" />
          <Button
            variant="ghost"
            className="h-10 max-sm:w-10 max-sm:px-0"
            aria-label={words.customerScreen}
            onClick={() =>
              window.open(`/till/${encodeURIComponent(terminalId)}/customer`, "tillgate-customer", "popup")
            }
          >
            <Monitor aria-hidden />
            <span className="max-sm:hidden">{words.customerScreen}</span>
          </Button>
          <LanguageSelect
            value={language}
            languages={TILL_LANGUAGES}
            label={words.language}
            className="h-10 rounded-md border border-line-strong bg-raised px-2 text-base"
            onChange={setLanguage}
          />
        </header>
        <ConnectionBanner word={words.offline} isLost={sale.isLost} />
        <nav aria-label={spot.terminalLabel} className="flex gap-1 border-line border-b bg-surface px-2 pt-1">
          {TABS.filter((name) => name !== "returns" || mayRefund).map((name) => (
            <button
              key={name}
              type="button"
              aria-current={shown === name ? "page" : undefined}
              className="h-12 border-transparent border-b-2 px-4 font-medium text-base text-ink-2 aria-[current]:border-accent aria-[current]:text-ink"
              onClick={() => {
                setPrintFailed(false);
                setTab(name);
              }}
            >
              {words.tabs[name]}
            </button>
          ))}
        </nav>
        <div className="mx-auto flex w-full max-w-5xl flex-1 flex-col gap-3 p-4 max-sm:p-3">
          <div role="status" className="empty:hidden">
            {hasPrintFailed ? <Notice tone="bad" title={words.printFailed} /> : null}
          </div>
          {spot.isUsable ? null : <Notice tone="warn" title={words.notUsable} />}
          {attempt.phase !== "taken" ? (
            <Sale
              isShown={shown === "sale"}
              again={again}
              asksForCode={asksForCode}
              spot={spot}
              words={words}
              money={money}
              attempt={attempt}
              failure={sale.failure}
              onTake={(taking) => {
                setAgain(taking);
                sale.begin(taking);
              }}
              onRepeat={sale.repeat}
            />
          ) : null}
          {shown === "sale" && attempt.phase === "taken" ? (
            <Taken
              payment={attempt.payment}
              isStopping={sale.isStopping}
              failure={sale.failure}
              words={words}
              language={language}
              money={money}
              terminalId={terminalId}
              onCancel={sale.cancel}
              onNext={(next) => {
                const isSame = next !== "new" && again?.reference === attempt.payment.reference;
                setPrintFailed(false);
                setAgain(isSame ? again : null);
                setAsksForCode(isSame && next === "code");
                sale.clear();
              }}
              onPrint={print}
            />
          ) : null}
          {shown === "today" ? (
            <Today
              terminalId={terminalId}
              words={words}
              language={language}
              money={money}
              onGone={refresh}
              onOpen={(paymentId) => {
                void sale.open(paymentId).then(() => setTab("sale"));
              }}
            />
          ) : null}
          {shown === "returns" ? (
            <Returns
              terminalId={terminalId}
              words={words}
              language={language}
              money={money}
              onGone={refresh}
              onPrint={print}
            />
          ) : null}
        </div>
      </main>
    </>
  );
}

/** Tells the customer's screen, a second window of this browser, what to show; it may come or go at any time. */
function useCustomerScreen(terminalId: string, payment: CounterPayment | null, language: Language): void {
  const latest = useRef<CustomerMessage>({ kind: "show", payment, language });
  latest.current = { kind: "show", payment, language };
  const channel = useRef<BroadcastChannel | null>(null);
  useEffect(() => {
    const opened = new BroadcastChannel(customerChannel(terminalId));
    opened.onmessage = (message: MessageEvent<unknown>) => {
      if (message.data === "hello") opened.postMessage(latest.current);
    };
    opened.postMessage(latest.current);
    channel.current = opened;
    return () => opened.close();
  }, [terminalId]);
  useEffect(() => {
    channel.current?.postMessage({ kind: "show", payment, language } satisfies CustomerMessage);
  }, [payment, language]);
}
