"use client";

import { Check, CircleHelp, Clock, Minus, Smartphone, X } from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { cn } from "@/components/cn";
import { useOneRun } from "@/components/hooks";
import { Notice } from "@/components/notice";
import { QrCode } from "@/components/qr-code";
import { AlertDialog, AlertDialogCancel, AlertDialogContent, AlertDialogTrigger } from "@/components/ui/alert-dialog";
import { Button, ButtonLink } from "@/components/ui/button";
import type { Language } from "@/server/core/languages";
import { type CounterPayment, HOPELESS_FAILURES, isHeld } from "@/server/domain/counter/schema";
import { TimeLeft } from "../../_components/counter-parts";
import { type TillWords, tillError, tillState } from "../../_components/till-words";
import { isOpenPayment } from "../../_components/use-live-payment";

const LOOK: Readonly<Record<CounterPayment["status"], { ground: string; icon: ReactNode }>> = {
  processing: { ground: "bg-warn-soft text-warn", icon: <CircleHelp aria-hidden /> },
  pending: { ground: "bg-info-soft text-info", icon: <Smartphone aria-hidden /> },
  in_progress: { ground: "bg-info-soft text-info", icon: <Smartphone aria-hidden /> },
  finalizing: { ground: "bg-warn-soft text-warn", icon: <CircleHelp aria-hidden /> },
  authorized: { ground: "bg-good-soft text-good", icon: <Check aria-hidden /> },
  completed: { ground: "bg-good-soft text-good", icon: <Check aria-hidden /> },
  declined: { ground: "bg-bad-soft text-bad", icon: <X aria-hidden /> },
  failed: { ground: "bg-bad-soft text-bad", icon: <X aria-hidden /> },
  canceled: { ground: "bg-neutral-soft text-ink-2", icon: <Minus aria-hidden /> },
  expired: { ground: "bg-neutral-soft text-ink-2", icon: <Clock aria-hidden /> },
  voided: { ground: "bg-neutral-soft text-ink-2", icon: <Minus aria-hidden /> },
  authorization_expired: { ground: "bg-neutral-soft text-ink-2", icon: <Clock aria-hidden /> },
};

/** One payment at the till: how it stands, what to do, and nothing that could take it twice. */
export function Taken({
  payment,
  isStopping,
  failure,
  words,
  language,
  money,
  terminalId,
  onCancel,
  onNext,
  onPrint,
}: {
  payment: CounterPayment;
  isStopping: boolean;
  failure: string | null;
  words: TillWords;
  language: Language;
  money: (amount: number, currency: string) => string;
  terminalId: string;
  onCancel: () => Promise<void>;
  /** `same`: the same goods once more; `code`: with another short code. */
  onNext: (next: "new" | "same" | "code") => void;
  onPrint: (paymentId: string, refundId: string | null) => Promise<void>;
}) {
  const isPending = isHeld(payment);
  const state = tillState(words, payment);
  const look = isPending ? LOOK.finalizing : LOOK[payment.status];
  const isOpen = isOpenPayment(payment);
  const isPaid = payment.status === "completed" || payment.status === "authorized";
  const isDone = isPaid || payment.status === "canceled" || payment.status === "voided";
  const failed = payment.status === "failed" ? payment.failure?.code : undefined;
  const isCodeRefused = failed === "short_code_refused";
  // What Klarna would refuse again is not offered again.
  const isHopeless = failed !== undefined && HOPELESS_FAILURES.has(failed);
  const isUnsure = payment.status === "processing" || payment.status === "finalizing";
  const code = payment.status === "pending" && !isStopping ? (payment.klarna.qr_code?.target_url ?? null) : null;
  const next = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!isOpen) next.current?.focus();
  }, [isOpen]);
  return (
    <section className="mx-auto grid w-full max-w-3xl flex-1 content-start gap-4">
      <p className="text-center font-semibold text-[clamp(28px,7vw,44px)] leading-tight tabular-nums">
        {money(payment.amount, payment.currency)}
      </p>
      <div
        role="status"
        className={cn("flex items-center gap-3 rounded-md px-4 py-3 [&_svg]:size-7 [&_svg]:shrink-0", look.ground)}
      >
        {look.icon}
        <div className="min-w-0 flex-1">
          <h2 className="font-semibold text-xl">{state.title}</h2>
          <p className="text-base text-ink">{isStopping && isOpen ? words.stopping : state.sentence}</p>
        </div>
        {payment.status === "pending" || payment.status === "in_progress" ? (
          <span className="text-xl">
            <TimeLeft until={payment.expires_at} word="" />
          </span>
        ) : null}
      </div>
      {code === null ? null : (
        <div className="mx-auto w-full max-w-[min(340px,52dvh)] overflow-hidden rounded-md border border-line">
          <QrCode value={code} label={words.qr} />
        </div>
      )}
      {failure === null ? null : <Notice tone="bad" title={tillError(words, failure)} />}
      <p className="break-words text-center text-base text-ink-2">{payment.reference}</p>
      <div className="grid gap-2 sm:grid-cols-2">
        {isOpen && !isUnsure ? (
          <Question
            trigger={words.cancel.button}
            isDisabled={isStopping}
            title={words.cancel.title}
            sentence={`${words.cancel.sentence} ${money(payment.amount, payment.currency)}`}
            back={words.cancel.back}
            verb={words.cancel.button}
            onYes={onCancel}
          />
        ) : null}
        {isOpen && (isUnsure || isStopping || failure !== null) ? (
          <Question
            trigger={words.leave.button}
            isDisabled={false}
            title={words.leave.title}
            sentence={words.leave.sentence}
            back={words.leave.back}
            verb={words.leave.button}
            onYes={async () => onNext("new")}
          />
        ) : null}
        {isPaid ? (
          <>
            <Button className="h-14 text-base" onClick={() => void onPrint(payment.id, null)}>
              {words.receipt}
            </Button>
            <ButtonLink
              external
              className="h-14 text-base"
              href={`/till/${encodeURIComponent(terminalId)}/receipt/${encodeURIComponent(payment.id)}?language=${language}`}
            >
              {words.pdf}
            </ButtonLink>
          </>
        ) : null}
        {isCodeRefused ? (
          <Button className="h-14 text-base sm:col-span-2" onClick={() => onNext("same")}>
            {words.again}
          </Button>
        ) : null}
        {isOpen ? null : (
          <Button
            ref={next}
            variant="primary"
            className="h-16 text-xl sm:col-span-2"
            onClick={() => onNext(isDone || isHopeless ? "new" : isCodeRefused ? "code" : "same")}
          >
            {isDone || isHopeless ? words.newSale : isCodeRefused ? words.shortCode.another : words.again}
          </Button>
        )}
      </div>
      <p className="text-center font-mono text-ink-3 text-xs">{payment.id}</p>
    </section>
  );
}

/** Asks once more, in the till's language. */
export function Question({
  trigger,
  isDisabled,
  title,
  sentence,
  back,
  verb,
  variant = "danger-quiet",
  onYes,
}: {
  trigger: string;
  isDisabled: boolean;
  title: string;
  sentence: ReactNode;
  back: string;
  verb: string;
  variant?: "danger-quiet" | "primary";
  onYes: () => Promise<void>;
}) {
  const [isOpen, setOpen] = useState(false);
  const { isRunning, hasStarted, run } = useOneRun();
  async function yes(): Promise<void> {
    try {
      await onYes();
    } finally {
      setOpen(false);
    }
  }
  return (
    <AlertDialog open={isOpen} onOpenChange={(open) => (hasStarted() ? undefined : setOpen(open))}>
      <AlertDialogTrigger asChild>
        <Button variant={variant} className="h-14 text-base sm:only:col-span-2" disabled={isDisabled}>
          {trigger}
        </Button>
      </AlertDialogTrigger>
      <AlertDialogContent
        title={title}
        description={sentence}
        footer={
          <>
            <AlertDialogCancel asChild>
              <Button className="h-12 text-base" disabled={isRunning}>
                {back}
              </Button>
            </AlertDialogCancel>
            <Button
              variant={variant === "primary" ? "primary" : "danger"}
              className="h-12 text-base"
              isBusy={isRunning}
              onClick={() => void run(yes)}
            >
              {verb}
            </Button>
          </>
        }
      />
    </AlertDialog>
  );
}
