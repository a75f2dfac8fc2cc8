"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Banknote, CreditCard } from "lucide-react";
import { useMemo } from "react";
import { DataTable } from "@/components/data-table/data-table";
import type { Bulk } from "@/components/data-table/types";
import { useTableState } from "@/components/data-table/use-table-state";
import { DateTime } from "@/components/display/date-time";
import { DefinitionList } from "@/components/display/definition-list";
import { Id } from "@/components/display/id";
import { Money } from "@/components/display/money";
import { StatusBadge } from "@/components/display/status-badge";
import { EmptyState } from "@/components/empty-state";
import { useNow } from "@/components/hooks";
import { MoneyBar } from "@/components/money-bar";
import { Page, PageHeader } from "@/components/page-header";
import { SubNav } from "@/components/sub-nav";
import { useTRPC } from "@/components/trpc-provider";
import { ButtonLink } from "@/components/ui/button";
import { PAYMENTS_NAV } from "../nav";
import { BulkButtons } from "./bulk-buttons";
import { BulkFound } from "./bulk-found";
import { leftToCapture, OWN_PAYMENT_COLUMNS, PAYMENT_COLUMNS, paymentPhoneRow, statusDetail } from "./columns";
import { type PaymentChoices, paymentFilter, paymentsTable } from "./payments-table";
import type { PaymentListRow, PaymentTotalsView } from "./rows";
import { TotalsTable } from "./totals-table";

/** An open list follows the shop without anybody touching it. */
const FOLLOW_MS = 5000;
/** Sums over everything are asked for less often than rows. */
const TOTALS_MS = 15_000;

export function PaymentsScreen({
  choices,
  hasPartners,
  canTake,
  may,
  renderedAtMs,
}: {
  choices: PaymentChoices;
  hasPartners: boolean;
  canTake: boolean;
  may: { capture: boolean; refund: boolean };
  renderedAtMs: number;
}) {
  const trpc = useTRPC();
  const def = useMemo(() => paymentsTable(choices), [choices]);
  const control = useTableState(def);
  const now = useNow(60_000) || renderedAtMs;
  const filter = paymentFilter(def, control.state, now);
  const query = useQuery(
    trpc.payments.list.queryOptions(
      { filter, limit: control.state.size, cursor: control.state.cursor },
      { refetchInterval: FOLLOW_MS, placeholderData: keepPreviousData },
    ),
  );
  const totals = useQuery(
    trpc.payments.totals.queryOptions({ filter }, { refetchInterval: TOTALS_MS, placeholderData: keepPreviousData }),
  );
  const { capture, refund } = may;
  const bulk = useMemo(
    (): Bulk<PaymentListRow> => ({
      noun: ["payment", "payments"],
      canChoose: (row) => (capture && leftToCapture(row) > 0) || (refund && row.amountCaptured > row.amountRefunded),
      actions: ({ rows }) => <BulkButtons rows={rows} may={{ capture, refund }} />,
    }),
    [capture, refund],
  );
  const take = (
    <ButtonLink href="/take-payment" variant="primary">
      <Banknote aria-hidden />
      Take a payment
    </ButtonLink>
  );
  return (
    <Page>
      <PageHeader
        title="Payments"
        {...(totals.data === undefined ? {} : { aside: <Count totals={totals.data} /> })}
        {...(canTake ? { actions: take } : {})}
      />
      <SubNav label="Payments" items={PAYMENTS_NAV} />
      <DataTable
        {...(capture || refund ? { bulk } : {})}
        label="Payments"
        control={control}
        columns={hasPartners ? PAYMENT_COLUMNS : OWN_PAYMENT_COLUMNS}
        query={{
          data: query.data,
          isPending: query.isPending,
          // Following the shop every few seconds is not a reason to say that something loads.
          isFetching: query.isPlaceholderData || query.isPending || (query.isFetching && query.isError),
          error: query.error,
          refetch: query.refetch,
        }}
        getRowId={(row) => row.id}
        getRowHref={(row) => `/payments/${row.id}`}
        phoneRow={paymentPhoneRow}
        peek={{ title: (row) => row.reference, body: (row) => <Peek row={row} /> }}
        searchPlaceholder="Reference, any id, amount"
        exportPath="/payments/export"
        {...((capture || refund) && control.isFiltered && (query.data?.data.length ?? 0) > 0
          ? { toolbarExtra: <BulkFound filter={filter} may={may} /> }
          : {})}
        summary={totals.data === undefined ? undefined : <TotalsTable totals={totals.data} />}
        empty={
          <EmptyState
            icon={CreditCard}
            title="No payments yet"
            description="Every payment that a till, the API or you take in this mode stands here, as it happens."
            {...(canTake ? { action: take } : {})}
          />
        }
      />
    </Page>
  );
}

function Count({ totals }: { totals: PaymentTotalsView }) {
  return (
    <span className="text-base text-ink-3">
      {totals.count.toLocaleString("en")}
      {totals.isPartial ? "+" : ""}
    </span>
  );
}

function Peek({ row }: { row: PaymentListRow }) {
  return (
    <div className="grid gap-4">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <Money amount={row.amount} currency={row.currency} className="font-semibold text-xl" />
        <StatusBadge kind="payment" status={row.status} {...statusDetail(row)} />
      </div>
      {row.amountAuthorized === 0 ? null : (
        <MoneyBar
          currency={row.currency}
          authorized={row.amountAuthorized}
          captured={row.amountCaptured}
          refunded={row.amountRefunded}
          voided={row.amountVoided}
        />
      )}
      <DefinitionList
        items={[
          { term: "Created", value: <DateTime value={row.createdAt} format="both" precision="second" /> },
          { term: "Reference", value: row.reference },
          { term: "Partner", value: row.partner.name },
          { term: "Store", value: row.store?.name },
          { term: "Terminal", value: row.terminal?.label },
          { term: "Payment id", value: <Id value={row.id} isFull /> },
        ]}
      />
    </div>
  );
}
