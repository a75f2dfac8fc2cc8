"use client";

import { MonitorSmartphone } from "lucide-react";
import { useRef } from "react";
import { newNonce } from "@/app/(dashboard)/payments/_components/nonce";
import type { PaymentRecordView } from "@/app/(dashboard)/payments/_components/rows";
import type { ActionResult } from "@/components/action-result";
import { ConfirmAction } from "@/components/confirm-action";
import { moneyText } from "@/components/display/money";
import { ButtonLink } from "@/components/ui/button";
import { Tooltip } from "@/components/ui/tooltip";
import { cancelPaymentAction, refundPaymentAction, voidPaymentAction } from "../actions";

export type MayDo = { cancel: boolean; void: boolean; refund: boolean };

type Props = { view: PaymentRecordView; may: MayDo; onDone: () => void };

/** One intent until a definite answer came: a second press, or a repeat after no answer, is the same call. */
export function useIntent(): (send: (nonce: string) => Promise<ActionResult>) => Promise<ActionResult> {
  const nonce = useRef<string | null>(null);
  return async (send) => {
    nonce.current ??= newNonce();
    const result = await send(nonce.current);
    nonce.current = null;
    return result;
  };
}

/** What the state allows, first the one that is most likely wanted. What it does not allow is not shown. */
export function PaymentActions({ view, may, onDone }: Props) {
  const { payment, actions } = view;
  const isWaiting = ["processing", "pending", "in_progress"].includes(payment.status);
  return (
    <>
      {isWaiting ? (
        <ButtonLink href={`/payments/${payment.id}/display`} external>
          <MonitorSmartphone aria-hidden />
          Customer display
        </ButtonLink>
      ) : null}
      {may.cancel && actions.cancel === null ? <CancelPayment view={view} onDone={onDone} /> : null}
      {may.void && actions.void === null ? <VoidPayment view={view} onDone={onDone} /> : null}
      {may.refund && actions.refund === null ? <RefundPayment view={view} onDone={onDone} /> : null}
      {may.refund && actions.refund !== null && payment.amountRefunded > 0 ? (
        <Tooltip content={actions.refund}>
          <span className="text-ink-3 text-sm">Nothing left to refund</span>
        </Tooltip>
      ) : null}
    </>
  );
}

export function CancelPayment({ view: { payment }, onDone }: Omit<Props, "may">) {
  const intent = useIntent();
  return (
    <ConfirmAction
      label="Cancel payment"
      variant="danger-quiet"
      title="Cancel this payment?"
      verb="Cancel"
      amount={payment}
      partner={payment.partner.name}
      mode={payment.mode}
      facts={[{ term: "Reference", value: payment.reference }]}
      consequence="Klarna is told at once. The customer can no longer pay with this code, and nothing is charged."
      cancelWord="Keep it"
      onConfirm={() => intent((nonce) => cancelPaymentAction({ paymentId: payment.id, nonce }))}
      onDone={onDone}
    />
  );
}

function VoidPayment({ view: { payment }, onDone }: Omit<Props, "may">) {
  const intent = useIntent();
  const left = payment.amountAuthorized - payment.amountCaptured - payment.amountVoided;
  return (
    <ConfirmAction
      label="Void"
      variant="danger-quiet"
      title="Release what is left of this payment?"
      verb="Void"
      amount={{ amount: left, currency: payment.currency }}
      partner={payment.partner.name}
      mode={payment.mode}
      facts={[{ term: "Reference", value: payment.reference }]}
      consequence={
        payment.amountCaptured === 0
          ? "The customer is not charged. This cannot be undone."
          : "What was captured stays charged; the rest can no longer be captured. This cannot be undone."
      }
      onConfirm={() => intent((nonce) => voidPaymentAction({ paymentId: payment.id, nonce }))}
      onDone={onDone}
    />
  );
}

function RefundPayment({ view: { payment }, onDone }: Omit<Props, "may">) {
  const intent = useIntent();
  const isWhole = payment.amountRefunded === 0;
  return (
    <ConfirmAction
      label="Refund"
      variant="secondary"
      title={isWhole ? "Refund the whole payment?" : "Refund the rest of this payment?"}
      verb="Refund"
      amount={{ amount: payment.amountRefundable, currency: payment.currency }}
      partner={payment.partner.name}
      mode={payment.mode}
      facts={[
        { term: "Reference", value: payment.reference },
        ...(isWhole ? [] : [{ term: "Refunded before", value: moneyText(payment.amountRefunded, payment.currency) }]),
      ]}
      consequence="Klarna pays the customer back and takes the amount from this Partner’s next settlement. This cannot be undone."
      reason={{ label: "Reason" }}
      onConfirm={({ reason }) => intent((nonce) => refundPaymentAction({ paymentId: payment.id, nonce, reason }))}
      onDone={onDone}
    />
  );
}
