"use client";

import { useQuery } from "@tanstack/react-query";
import { Banknote, MonitorSmartphone } from "lucide-react";
import type { Route } from "next";
import { useRouter } from "next/navigation";
import { useEffect } from "react";
import { FAILURE_WORDS } from "@/app/(dashboard)/payments/_components/payment-words";
import type { PaymentRecordView } from "@/app/(dashboard)/payments/_components/rows";
import { CancelPayment } from "@/app/(dashboard)/payments/[paymentId]/_components/payment-actions";
import { CustomerDisplay } from "@/components/counter/customer-display";
import { type DisplayView, toDisplayView } from "@/components/counter/display-view";
import { Deadline } from "@/components/display/deadline";
import { Id } from "@/components/display/id";
import { ModeBadge } from "@/components/display/mode-badge";
import { Money } from "@/components/display/money";
import { StatusBadge } from "@/components/display/status-badge";
import { describeError, ErrorState } from "@/components/error-state";
import { hasOpenLayer, isTyping } from "@/components/hooks";
import { Page, PageHeader } from "@/components/page-header";
import { CrumbLabel } from "@/components/shell/crumb-label";
import { useTRPC } from "@/components/trpc-provider";
import { ButtonLink } from "@/components/ui/button";
import { Kbd } from "@/components/ui/kbd";
import { HOPELESS_FAILURES, isHeld as isHeldAtCounter } from "@/server/domain/counter/schema";
import { PublicStatusSchema } from "@/server/domain/payments/schema";

const FOLLOW_MS = 1000;
const OPEN = new Set(["processing", "pending", "in_progress", "finalizing"]);

/** What the cashier has to do now, in a sentence. */
const HINTS: Readonly<Record<string, string>> = {
  processing: "Klarna has not answered yet. Wait; do not take the payment again.",
  pending: "Ask the customer to scan the code.",
  in_progress: "The customer is paying on their phone.",
  finalizing: "The customer has paid. Wait until it says completed before you hand over the goods.",
  completed: "Paid. Hand over the goods.",
  authorized: "Approved. Hand over the goods.",
  declined: "Klarna declined. Ask for another way to pay.",
  canceled: "Canceled. Nothing is charged.",
  expired: "Time ran out. Nothing is charged; take the payment again if the customer still wants to pay.",
  failed: "It did not work. Nothing is charged; take the payment again or another way.",
};

/** What to do about a failure, where trying the same again would not help. */
const FAILURE_HINTS: Readonly<Record<string, string>> = {
  short_code_refused: "Nothing is charged. Take it again with another code, or show a QR code.",
  data_refused: "Nothing is charged. Look at the details before you take it again.",
  klarna_not_permitted: "Nothing is charged. Do not try again with Klarna: take it another way and call support.",
  klarna_error: "Nothing is charged. Do not try this sale with Klarna again: take it another way and call support.",
};
/** Ended without money: the customer may still want to pay. */
const UNPAID: ReadonlySet<string> = new Set(["declined", "canceled", "expired", "failed"]);
const HELD_MS = 10_000;

function hintOf(payment: PaymentRecordView["payment"]): string {
  const { status, failureCode, launch } = payment;
  if (isHeld(payment))
    return fundingOf(payment)?.state === "pending"
      ? "Approved, but the money is not safe yet. Keep the goods until Klarna says that it is there."
      : "Klarna does not pay for this. Keep the goods and ask for another way to pay.";
  if (status === "failed" && failureCode !== null && FAILURE_HINTS[failureCode] !== undefined)
    return `${FAILURE_WORDS[failureCode] ?? HINTS["failed"]}. ${FAILURE_HINTS[failureCode]}`;
  if (status === "pending" && launch === "SHORT_CODE")
    return "The customer goes on in Klarna’s app. There is nothing to scan here.";
  if (status === "pending" && payment.klarnaQrTargetUrl === null) return "The code comes in a moment.";
  return HINTS[status] ?? "This payment is over.";
}

const fundingOf = ({ fundingType, fundingState }: PaymentRecordView["payment"]) =>
  fundingType === null ? null : { type: fundingType.toLowerCase(), state: (fundingState ?? "pending").toLowerCase() };
const isHeld = (payment: PaymentRecordView["payment"]): boolean =>
  isHeldAtCounter({ status: PublicStatusSchema.parse(payment.status), funding: fundingOf(payment) });

/** The cashier's view of one payment: how it stands, a way to stop it, and what the customer sees. */
export function CashierScreen({ id, canCancel }: { id: string; canCancel: boolean }) {
  const trpc = useTRPC();
  const router = useRouter();
  const record = useQuery(
    trpc.payments.get.queryOptions(
      { id },
      {
        refetchInterval: ({ state: { data } }) =>
          OPEN.has(data?.payment.status ?? "pending") ? FOLLOW_MS : data && isHeld(data.payment) ? HELD_MS : false,
        // The display may have the focus: the cashier's side follows all the same.
        refetchIntervalInBackground: true,
      },
    ),
  );
  const isOpen = OPEN.has(record.data?.payment.status ?? "pending");
  useEffect(() => {
    if (isOpen) return;
    const next = (event: KeyboardEvent) => {
      if (event.key !== "n" || event.ctrlKey || event.metaKey || event.altKey) return;
      if (isTyping(event) || hasOpenLayer()) return;
      router.push("/take-payment" as Route);
    };
    window.addEventListener("keydown", next);
    return () => window.removeEventListener("keydown", next);
  }, [isOpen, router]);

  if (record.data === undefined) {
    return <ErrorState {...describeError(record.error)} onRetry={() => void record.refetch()} className="py-24" />;
  }
  const { payment, actions } = record.data;
  return (
    <Page>
      <CrumbLabel label={payment.reference} />
      <PageHeader
        title={<Money amount={payment.amount} currency={payment.currency} />}
        aside={
          <span className="flex items-center gap-1.5" aria-live="polite">
            <StatusBadge kind="payment" status={payment.status} />
            <ModeBadge mode={payment.mode} />
          </span>
        }
        description={
          <span className="flex flex-wrap items-center gap-x-4 gap-y-0.5">
            <span className="min-w-0 break-words">
              {[payment.reference, payment.store?.name, payment.terminal?.label].filter(Boolean).join(" · ")}
            </span>
            <Id value={payment.id} />
          </span>
        }
        actions={
          isOpen ? (
            <>
              {canCancel && actions.cancel === null ? (
                <CancelPayment view={record.data} onDone={() => void record.refetch()} />
              ) : null}
              <ButtonLink href={`/payments/${payment.id}/display`} external>
                <MonitorSmartphone aria-hidden />
                Customer display
              </ButtonLink>
            </>
          ) : (
            <>
              <ButtonLink href={`/payments/${payment.id}`}>Open the record</ButtonLink>
              {UNPAID.has(payment.status) && !HOPELESS_FAILURES.has(payment.failureCode ?? "") ? (
                <ButtonLink href={`/take-payment?again=${payment.id}`}>Take it again</ButtonLink>
              ) : null}
              <ButtonLink href="/take-payment" variant="primary">
                <Banknote aria-hidden />
                New payment
                <Kbd className="max-md:hidden">n</Kbd>
              </ButtonLink>
            </>
          )
        }
      />
      <div
        role="status"
        className="flex flex-wrap items-center gap-x-4 gap-y-1 rounded-md border border-line bg-surface px-4 py-3"
      >
        <p className="min-w-0 flex-1 text-base">
          {payment.stopMark !== null && isOpen
            ? "Klarna was asked to cancel. Wait until it confirms."
            : hintOf(payment)}
        </p>
        {isOpen && payment.status !== "finalizing" ? (
          <Deadline at={payment.expiresAt} hasDate={false} warnBelowMs={60_000} />
        ) : null}
      </div>
      <section aria-label="What the customer sees" className="grid gap-1.5">
        <h2 className="text-ink-3 text-xs">What the customer sees</h2>
        <div className="h-[min(60dvh,520px)] min-h-64 overflow-hidden rounded-md border border-line">
          <CustomerDisplay view={customerView(payment)} />
        </div>
      </section>
    </Page>
  );
}

function customerView(payment: PaymentRecordView["payment"]): DisplayView {
  return toDisplayView({
    id: payment.id,
    mode: payment.mode,
    status: PublicStatusSchema.parse(payment.status),
    amount: payment.amount,
    currency: payment.currency,
    launch: payment.launch.toLowerCase(),
    funding: fundingOf(payment),
    klarna: { qr_code: payment.klarnaQrTargetUrl === null ? null : { target_url: payment.klarnaQrTargetUrl } },
    created_at: payment.createdAt.toISOString(),
    expires_at: payment.expiresAt.toISOString(),
    updated_at: payment.updatedAt.toISOString(),
  });
}
