"use client";

import { ChevronRight, MonitorSmartphone, ReceiptText } from "lucide-react";
import { useState } from "react";
import { newIntent } from "@/app/(dashboard)/payments/_components/intent";
import type { PaymentRecordView } from "@/app/(dashboard)/payments/_components/rows";
import { ConfirmAction } from "@/components/confirm-action";
import { moneyText } from "@/components/display/money";
import { MoneyInput } from "@/components/forms/money-input";
import { Button, ButtonLink } from "@/components/ui/button";
import {
  DropdownMenu,
  DropdownMenuContent,
  DropdownMenuItem,
  DropdownMenuTrigger,
} from "@/components/ui/dropdown-menu";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Select } from "@/components/ui/select";
import {
  cancelPaymentAction,
  capturePaymentAction,
  reauthorizePaymentAction,
  refundPaymentAction,
  updatePaymentAction,
  voidPaymentAction,
} from "../actions";
import { isPossible, LineChoices, PartFields, partInput, usePart } from "./part-fields";

export type MayDo = { cancel: boolean; capture: boolean; void: boolean; refund: boolean };

type Props = { view: PaymentRecordView; may: MayDo; onDone: () => void };

/** One intent until a definite answer came: a second press, or a repeat after no answer, is the same call. */
const useIntent = (): ReturnType<typeof newIntent> => useState(newIntent)[0];

/** What the state allows, first the one that is most likely wanted. Why the rest is not possible stands in the facts. */
export function PaymentActions({ view, may, onDone }: Props) {
  const { payment, actions } = view;
  const isWaiting = ["processing", "pending", "in_progress"].includes(payment.status);
  const hasReceipt = payment.amountAuthorized > 0;
  return (
    <>
      {isWaiting ? (
        <ButtonLink href={`/payments/${payment.id}/display`} external>
          <MonitorSmartphone aria-hidden />
          Customer display
        </ButtonLink>
      ) : null}
      {hasReceipt ? <Receipts paymentId={payment.id} /> : null}
      {may.cancel && actions.cancel === null ? <CancelPayment view={view} onDone={onDone} /> : null}
      {may.capture && actions.update === null ? <UpdatePayment view={view} onDone={onDone} /> : null}
      {may.capture && actions.reauthorize === null ? <ReauthorizePayment view={view} onDone={onDone} /> : null}
      {may.void && actions.void === null ? <VoidPayment view={view} onDone={onDone} /> : null}
      {may.refund && actions.refund === null ? <RefundPayment view={view} onDone={onDone} /> : null}
      {may.capture && actions.capture === null ? <CapturePayment view={view} onDone={onDone} /> : null}
    </>
  );
}

const WORDS = {
  cancel: "Cancel",
  capture: "Capture",
  update: "Change",
  reauthorize: "Renew the authorization",
  void: "Void",
  refund: "Refund",
} as const;

/** What the person might do and cannot do now, each with its reason. */
export function RefusedActions({ view: { actions }, may }: { view: PaymentRecordView; may: MayDo }) {
  const allowed = { ...may, update: may.capture, reauthorize: may.capture };
  const names = ["capture", "refund", "void", "update", "reauthorize", "cancel"] as const;
  const refused = names.filter((name) => allowed[name] && actions[name] !== null);
  if (refused.length === 0) return null;
  return (
    <details className="group rounded-md border border-line bg-surface">
      <summary className="flex min-h-10 cursor-pointer items-center gap-2 px-4 text-ink-2 text-sm hover:bg-hover focus-visible:-outline-offset-2">
        <ChevronRight aria-hidden className="size-3.5 text-ink-3 transition-transform group-open:rotate-90" />
        Not possible now, and why
      </summary>
      <dl className="grid gap-2 px-4 pt-1 pb-3 text-sm">
        {refused.map((name) => (
          <div key={name} className="grid gap-0.5">
            <dt className="font-medium">{WORDS[name]}</dt>
            <dd className="text-ink-2">{actions[name]}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

function Receipts({ paymentId }: { paymentId: string }) {
  const href = (format: string): string => `/payments/${paymentId}/receipt?format=${format}`;
  return (
    <DropdownMenu>
      <DropdownMenuTrigger asChild>
        <Button variant="ghost">
          <ReceiptText aria-hidden />
          Receipt
        </Button>
      </DropdownMenuTrigger>
      <DropdownMenuContent>
        <DropdownMenuItem asChild>
          <a href={href("html")} target="_blank" rel="noreferrer">
            Open
          </a>
        </DropdownMenuItem>
        <DropdownMenuItem asChild>
          <a href={href("pdf")} target="_blank" rel="noreferrer">
            PDF
          </a>
        </DropdownMenuItem>
        <DropdownMenuItem asChild>
          <a href={href("text")} download>
            Text, 42 columns
          </a>
        </DropdownMenuItem>
      </DropdownMenuContent>
    </DropdownMenu>
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

function CapturePayment({ view: { payment }, onDone }: Omit<Props, "may">) {
  const intent = useIntent();
  const all = payment.amountCapturable;
  const part = usePart(all, payment.lineItems);
  const [trackingNumber, setTrackingNumber] = useState("");
  const [trackingUrl, setTrackingUrl] = useState("");
  const isAll = part.amount === all;
  return (
    <ConfirmAction
      label="Capture"
      variant="primary"
      tone="primary"
      title={isAll ? "Capture all that is left?" : "Capture a part?"}
      verb="Capture"
      amount={{ amount: part.amount ?? 0, currency: payment.currency }}
      partner={payment.partner.name}
      mode={payment.mode}
      facts={[{ term: "Reference", value: payment.reference }]}
      consequence={
        isAll
          ? "The customer is charged. Nothing is left to capture afterwards."
          : "The customer is charged this much. The rest can be captured or voided later."
      }
      isReady={isPossible(part, all)}
      onOpen={() => {
        part.reset();
        setTrackingNumber("");
        setTrackingUrl("");
      }}
      onConfirm={() =>
        intent((nonce) =>
          capturePaymentAction({ paymentId: payment.id, nonce, ...partInput(part, all), trackingNumber, trackingUrl }),
        )
      }
      onDone={onDone}
    >
      <PartFields part={part} max={all} currency={payment.currency} items={payment.lineItems} verb="captured" />
      <div className="grid gap-3 sm:grid-cols-2">
        <Field label="Tracking number">
          {(control) => (
            <Input
              {...control}
              value={trackingNumber}
              maxLength={255}
              onChange={(event) => setTrackingNumber(event.target.value.trim())}
            />
          )}
        </Field>
        <Field label="Tracking address">
          {(control) => (
            <Input
              {...control}
              type="url"
              placeholder="https://"
              value={trackingUrl}
              onChange={(event) => setTrackingUrl(event.target.value.trim())}
            />
          )}
        </Field>
      </div>
    </ConfirmAction>
  );
}

function UpdatePayment({ view: { payment }, onDone }: Omit<Props, "may">) {
  const intent = useIntent();
  const [amount, setAmount] = useState<number | null>(payment.amount);
  const [reference, setReference] = useState(payment.reference);
  const items = payment.lineItems;
  // The amount of a payment with lines is what they add up to: it is lowered by taking lines out.
  const [kept, setKept] = useState<readonly number[]>(() => items.map((_, place) => place));
  const hasLines = items.length > 0;
  const least = Math.max(1, payment.amountCaptured);
  const isOver = amount !== null && amount > payment.amount;
  const change = {
    ...(amount === null || amount === payment.amount ? {} : { amount }),
    ...(kept.length === items.length ? {} : { lines: [...kept] }),
    ...(reference.trim() === payment.reference ? {} : { reference: reference.trim() }),
  };
  return (
    <ConfirmAction
      label="Change"
      variant="secondary"
      tone="primary"
      title="Change this payment?"
      verb="Change"
      partner={payment.partner.name}
      mode={payment.mode}
      facts={[
        { term: "Amount now", value: moneyText(payment.amount, payment.currency) },
        { term: "Reference now", value: payment.reference },
      ]}
      consequence="Klarna is told first. The amount can only be lowered, and what was lowered cannot be raised again."
      isReady={
        amount !== null && !isOver && amount >= least && Object.keys(change).length > 0 && reference.trim() !== ""
      }
      onOpen={() => {
        setAmount(payment.amount);
        setKept(items.map((_, place) => place));
        setReference(payment.reference);
      }}
      onConfirm={() => intent((nonce) => updatePaymentAction({ paymentId: payment.id, nonce, ...change }))}
      onDone={onDone}
    >
      <Field
        label="Amount"
        isRequired
        error={
          isOver ? `The amount can only be lowered, from ${moneyText(payment.amount, payment.currency)}.` : undefined
        }
      >
        {(control) =>
          hasLines ? (
            <Input {...control} readOnly className="text-right" value={moneyText(amount ?? 0, payment.currency)} />
          ) : (
            <MoneyInput {...control} value={amount} currency={payment.currency} onChange={setAmount} />
          )
        }
      </Field>
      {hasLines ? (
        <LineChoices
          legend="Lines that stay"
          items={items}
          chosen={kept}
          currency={payment.currency}
          onToggle={(place) => {
            const next = kept.includes(place)
              ? kept.filter((other) => other !== place)
              : [...kept, place].sort((a, b) => a - b);
            setKept(next);
            setAmount(
              next.length === items.length
                ? payment.amount
                : next.reduce((sum, at) => sum + (items[at]?.total_amount ?? 0), 0),
            );
          }}
        />
      ) : null}
      <Field label="Reference" isRequired>
        {(control) => (
          <Input
            {...control}
            value={reference}
            maxLength={255}
            onChange={(event) => setReference(event.target.value)}
          />
        )}
      </Field>
    </ConfirmAction>
  );
}

function ReauthorizePayment({ view: { payment }, onDone }: Omit<Props, "may">) {
  const intent = useIntent();
  return (
    <ConfirmAction
      label="Renew authorization"
      variant="primary"
      tone="primary"
      title="Renew the authorization?"
      verb="Renew"
      amount={{
        amount: payment.amountAuthorized - payment.amountCaptured - payment.amountVoided,
        currency: payment.currency,
      }}
      partner={payment.partner.name}
      mode={payment.mode}
      facts={[{ term: "Reference", value: payment.reference }]}
      consequence="Klarna decides anew. The customer need not do anything; what is left can then be captured within a new period."
      onConfirm={() => intent((nonce) => reauthorizePaymentAction({ paymentId: payment.id, nonce }))}
      onDone={onDone}
    />
  );
}

function RefundPayment({ view, onDone }: Omit<Props, "may">) {
  const { payment } = view;
  const intent = useIntent();
  const pots = refundable(view);
  const [chosen, setChosen] = useState("");
  const pot = pots.find((one) => one.id === chosen) ?? pots[0];
  const all = pots.length > 1 ? (pot?.left ?? 0) : payment.amountRefundable;
  const part = usePart(all, payment.lineItems);
  const isWhole = payment.amountRefunded === 0 && part.amount === payment.amountCaptured;
  return (
    <ConfirmAction
      label="Refund"
      variant="secondary"
      title={
        isWhole ? "Refund the whole payment?" : part.amount === all ? "Refund all that is left?" : "Refund a part?"
      }
      verb="Refund"
      amount={{ amount: part.amount ?? 0, currency: payment.currency }}
      partner={payment.partner.name}
      mode={payment.mode}
      facts={[
        { term: "Reference", value: payment.reference },
        ...(payment.amountRefunded === 0
          ? []
          : [{ term: "Refunded before", value: moneyText(payment.amountRefunded, payment.currency) }]),
      ]}
      consequence="Klarna pays the customer back and takes the amount from this Partner’s next settlement. This cannot be undone."
      reason={{ label: "Reason" }}
      isReady={isPossible(part, all)}
      onOpen={() => {
        setChosen("");
        part.setReference("");
        part.setAmount(pots.length > 1 ? (pots[0]?.left ?? 0) : payment.amountRefundable);
      }}
      onConfirm={({ reason }) =>
        intent((nonce) =>
          refundPaymentAction({
            paymentId: payment.id,
            nonce,
            reason,
            ...partInput(part, all),
            ...(pots.length > 1 && pot !== undefined ? { capture: pot.id } : {}),
          }),
        )
      }
      onDone={onDone}
    >
      {pots.length < 2 ? null : (
        <Field label="Of which capture" isRequired>
          {(control) => (
            <Select
              {...control}
              value={pot?.id ?? ""}
              options={pots.map((one) => ({
                value: one.id,
                label: `${one.words}, ${moneyText(one.left, payment.currency)} left`,
              }))}
              onValueChange={(id) => {
                setChosen(id);
                part.setAmount(pots.find((one) => one.id === id)?.left ?? 0);
              }}
            />
          )}
        </Field>
      )}
      <PartFields part={part} max={all} currency={payment.currency} items={payment.lineItems} verb="refunded" />
    </ConfirmAction>
  );
}

/** Captures of which something can still be given back. */
function refundable({ captures, refunds }: PaymentRecordView): { id: string; words: string; left: number }[] {
  return captures
    .filter((capture) => capture.state === "SUCCEEDED")
    .map((capture) => {
      const given = refunds
        .filter((refund) => refund.captureId === capture.id && refund.state !== "FAILED")
        .reduce((sum, refund) => sum + refund.amount, 0);
      const day = capture.createdAt.toISOString().slice(0, 10);
      return { id: capture.id, words: capture.reference ?? `Capture of ${day}`, left: capture.amount - given };
    })
    .filter((pot) => pot.left > 0);
}
