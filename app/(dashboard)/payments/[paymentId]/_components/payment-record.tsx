"use client";

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { statusDetail } from "@/app/(dashboard)/payments/_components/columns";
import type { PaymentRecordView } from "@/app/(dashboard)/payments/_components/rows";
import { Id } from "@/components/display/id";
import { ModeBadge } from "@/components/display/mode-badge";
import { Money, moneyText } from "@/components/display/money";
import { StatusBadge } from "@/components/display/status-badge";
import { describeError, ErrorState } from "@/components/error-state";
import { MoneyBar } from "@/components/money-bar";
import { RecordLayout } from "@/components/record-layout";
import { Timeline } from "@/components/timeline";
import { useTRPC } from "@/components/trpc-provider";
import { Panel } from "@/components/ui/panel";
import { Skeleton } from "@/components/ui/skeleton";
import { type MayDo, PaymentActions, RefusedActions } from "./payment-actions";
import { type LinksTo, PaymentFacts } from "./payment-facts";
import { PaymentNotices } from "./payment-notices";
import { CapturesTable, JournalTable, LineItemsTable, RefundsTable } from "./payment-tables";
import { RawMessages } from "./raw-messages";
import { timelineItems } from "./timeline-items";
import { WaitingApprovals } from "./waiting-approvals";

const OPEN = new Set(["processing", "pending", "in_progress", "finalizing"]);
/** While somebody is paying the record follows closely, afterwards now and then. */
const followMs = (view: PaymentRecordView | undefined): number =>
  view === undefined || OPEN.has(view.payment.status) || view.operations.some((row) => row.settledAt === null)
    ? 1500
    : 10_000;

export function PaymentRecord({
  id,
  may,
  linksTo,
  canSeeApprovals,
}: {
  id: string;
  may: MayDo;
  linksTo: LinksTo;
  canSeeApprovals: boolean;
}) {
  const trpc = useTRPC();
  const client = useQueryClient();
  const record = useQuery(
    trpc.payments.get.queryOptions({ id }, { refetchInterval: (query) => followMs(query.state.data) }),
  );
  const timeline = useQuery(
    trpc.payments.timeline.queryOptions({ id }, { refetchInterval: () => followMs(record.data) }),
  );
  if (record.data === undefined) {
    return (
      <ErrorState
        {...describeError(record.error)}
        onRetry={() => void record.refetch()}
        isRetrying={record.isFetching}
        className="py-24"
      />
    );
  }
  const view = record.data;
  const { payment } = view;
  const refresh = (): void => {
    void client.invalidateQueries({ queryKey: trpc.payments.pathKey() });
    void client.invalidateQueries({ queryKey: trpc.approvals.pathKey() });
  };
  return (
    <RecordLayout
      title={<Money amount={payment.amount} currency={payment.currency} />}
      crumb={payment.reference}
      badge={
        <span className="flex items-center gap-1.5" aria-live="polite">
          <StatusBadge kind="payment" status={payment.status} {...statusDetail(payment)} />
          <ModeBadge mode={payment.mode} />
        </span>
      }
      ids={
        <>
          <span className="min-w-0 break-words">
            {payment.reference} · {payment.partner.name}
          </span>
          <Id value={payment.id} isFull />
        </>
      }
      actions={<PaymentActions view={view} may={may} onDone={refresh} />}
      notice={
        <>
          <PaymentNotices view={view} />
          {canSeeApprovals ? <WaitingApprovals paymentId={id} /> : null}
        </>
      }
      main={
        <>
          <Panel title="Timeline">
            {timeline.data === undefined ? (
              timeline.isError ? (
                <ErrorState {...describeError(timeline.error)} onRetry={() => void timeline.refetch()} />
              ) : (
                <Skeleton className="h-64 w-full" />
              )
            ) : (
              <Timeline items={timelineItems(timeline.data.items)} />
            )}
          </Panel>
          {view.captures.length > 0 ? <CapturesTable captures={view.captures} /> : null}
          {view.refunds.length > 0 ? <RefundsTable refunds={view.refunds} paymentId={payment.id} /> : null}
          {payment.lineItems.length > 0 ? (
            <LineItemsTable items={payment.lineItems} currency={payment.currency} />
          ) : null}
          <JournalTable operations={view.operations} />
          <RawMessages timeline={timeline.data} />
        </>
      }
      facts={
        <>
          <Panel title="Money">
            {payment.amountAuthorized > 0 ? (
              <MoneyBar
                currency={payment.currency}
                authorized={payment.amountAuthorized}
                captured={payment.amountCaptured}
                refunded={payment.amountRefunded}
                voided={payment.amountVoided}
              />
            ) : (
              <p className="text-ink-2 text-sm">
                Nothing is authorized{OPEN.has(payment.status) ? " yet" : ""}. Asked for{" "}
                {moneyText(payment.amount, payment.currency)}.
              </p>
            )}
          </Panel>
          <RefusedActions view={view} may={may} />
          <PaymentFacts view={view} linksTo={linksTo} />
        </>
      }
    />
  );
}
