import type { Route } from "next";
import Link from "next/link";
import type { ReactNode } from "react";
import {
  CHANNEL_WORDS,
  FAILURE_WORDS,
  LAUNCH_WORDS,
  RAIL_WORDS,
} from "@/app/(dashboard)/payments/_components/payment-words";
import type { PaymentRecordView } from "@/app/(dashboard)/payments/_components/rows";
import { DateTime } from "@/components/display/date-time";
import { Deadline } from "@/components/display/deadline";
import { type Definition, DefinitionList } from "@/components/display/definition-list";
import { Id } from "@/components/display/id";
import { Panel } from "@/components/ui/panel";

export type LinksTo = { partners: boolean; stores: boolean; terminals: boolean };

const HOUR_MS = 3_600_000;

export function PaymentFacts({ view: { payment }, linksTo }: { view: PaymentRecordView; linksTo: LinksTo }) {
  const isWaiting = ["processing", "pending", "in_progress"].includes(payment.status);
  const metadata = Object.entries(payment.metadata);
  const facts: Definition[] = [
    { term: "Created", value: <DateTime value={payment.createdAt} format="both" precision="second" /> },
    { term: "Updated", value: <DateTime value={payment.updatedAt} precision="second" /> },
    { term: "Expires", value: <Deadline at={payment.expiresAt} warnBelowMs={60_000} />, isHidden: !isWaiting },
    {
      term: "Finalize by",
      value: payment.finalizeBy === null ? null : <Deadline at={payment.finalizeBy} warnBelowMs={HOUR_MS / 4} />,
      isHidden: payment.status !== "finalizing",
    },
    {
      term: "Authorized until",
      value:
        payment.authorizationExpiresAt === null ? null : (
          <Deadline at={payment.authorizationExpiresAt} warnBelowMs={72 * HOUR_MS} />
        ),
      isHidden: payment.status !== "authorized",
    },
    { term: "Declined", value: "Klarna declined the purchase", isHidden: payment.declineReason === null },
    {
      term: "Failed",
      value: payment.failureCode === null ? null : (FAILURE_WORDS[payment.failureCode] ?? payment.failureCode),
      isHidden: payment.failureCode === null,
    },
    { term: "Reference", value: <Id value={payment.reference} isFull className="font-sans text-sm" /> },
    {
      term: "Partner",
      value: (
        <To href={`/partners/${payment.partner.id}`} isAllowed={linksTo.partners}>
          {payment.partner.name}
        </To>
      ),
    },
    {
      term: "Store",
      value:
        payment.store === null ? null : (
          <To href={`/stores/${payment.store.id}`} isAllowed={linksTo.stores}>
            {payment.store.name}
          </To>
        ),
      hint: payment.store?.reference,
    },
    {
      term: "Terminal",
      value:
        payment.terminal === null ? null : (
          <To href={`/terminals/${payment.terminal.id}`} isAllowed={linksTo.terminals}>
            {payment.terminal.label}
          </To>
        ),
      hint: payment.terminal?.reference,
    },
    { term: "Channel", value: `${CHANNEL_WORDS[payment.channel]} · ${LAUNCH_WORDS[payment.launch]}` },
    { term: "Interface", value: RAIL_WORDS[payment.rail] },
    { term: "Capture", value: payment.capture === "AUTOMATIC" ? "Automatic, with the approval" : "Manual" },
    {
      term: "Funding",
      value: `${payment.fundingType === "NON_GUARANTEED" ? "Not guaranteed" : "Guaranteed"} · ${(payment.fundingState ?? "pending").toLowerCase()}`,
      isHidden: payment.fundingType === null,
    },
  ];
  return (
    <>
      <Panel title="Facts">
        <DefinitionList items={facts} />
      </Panel>
      <Panel title="Klarna">
        <DefinitionList
          items={[
            { term: "Payment request", value: <Id value={payment.klarnaPaymentRequestId} isFull /> },
            { term: "Request state", value: payment.klarnaRequestState, isHidden: payment.klarnaRequestState === null },
            { term: "Transaction", value: <Id value={payment.klarnaPaymentTransactionId} isFull /> },
            {
              term: "Klarna’s reference",
              value: <Id value={payment.klarnaReference} isFull />,
              isHidden: payment.klarnaReference === null,
            },
            {
              term: "Late approval",
              value: <Id value={payment.lateTransactionId} isFull />,
              hint: payment.lateApprovalState?.toLowerCase(),
              isHidden: payment.lateTransactionId === null,
            },
          ]}
        />
      </Panel>
      {metadata.length === 0 ? null : (
        <Panel title="Metadata" description="Kept for the Partner, not sent to Klarna">
          <DefinitionList items={metadata.map(([term, value]) => ({ term, value }))} />
        </Panel>
      )}
    </>
  );
}

function To({ href, isAllowed, children }: { href: string; isAllowed: boolean; children: ReactNode }) {
  if (!isAllowed) return <>{children}</>;
  return (
    <Link href={href as Route} className="text-accent underline-offset-2 hover:underline">
      {children}
    </Link>
  );
}
