"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Inbox } from "lucide-react";
import { DataTable } from "@/components/data-table/data-table";
import { tableQuery, totalWords } from "@/components/data-table/list-query";
import type { TableColumn } from "@/components/data-table/types";
import { useTableState } from "@/components/data-table/use-table-state";
import { DateTime } from "@/components/display/date-time";
import { DefinitionList } from "@/components/display/definition-list";
import { Id } from "@/components/display/id";
import { StatusBadge } from "@/components/display/status-badge";
import { EmptyState } from "@/components/empty-state";
import { TextLink } from "@/components/text-link";
import { useTRPC } from "@/components/trpc-provider";
import type { InboxItem } from "@/server/domain/inbox/schema";
import { inboxInput, inboxTable } from "./table";

const columns: readonly TableColumn<InboxItem>[] = [
  {
    id: "received_at",
    header: "Received",
    cell: (row) => <DateTime value={row.createdAt} precision="second" />,
    isFixed: true,
    skeleton: 130,
  },
  {
    id: "type",
    header: "Type",
    cell: (row) => <span className="font-mono text-xs">{row.eventType}</span>,
    isWide: true,
  },
  { id: "state", header: "State", cell: (row) => <StatusBadge kind="inbox" status={row.state} /> },
  {
    id: "payment",
    header: "Payment",
    cell: (row) =>
      row.paymentId === null ? (
        <span className="text-ink-3">–</span>
      ) : (
        <TextLink href={`/payments/${row.paymentId}`}>
          <Id value={row.paymentId} hasCopy={false} />
        </TextLink>
      ),
    skeleton: 110,
  },
  {
    id: "late",
    header: "On its way",
    cell: (row) => wayWords(row.createdAt.getTime() - row.occurredAt.getTime()),
    isNumeric: true,
    skeleton: 48,
  },
  { id: "attempts", header: "Tries", cell: (row) => row.attempts, isNumeric: true, skeleton: 16 },
  { id: "event", header: "Event id", cell: (row) => <Id value={row.eventId} />, isHiddenAtFirst: true },
];

function wayWords(ms: number): string {
  if (ms < 1000) return `${Math.max(0, ms)} ms`;
  return ms < 120_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 60_000)} min`;
}

export function InboxList() {
  const control = useTableState(inboxTable);
  const trpc = useTRPC();
  const query = useQuery(
    trpc.system.inbox.queryOptions(inboxInput(control.state), { placeholderData: keepPreviousData }),
  );
  return (
    <DataTable
      label="Events from Klarna"
      control={control}
      columns={columns}
      query={tableQuery(query)}
      getRowId={(row) => row.id}
      searchPlaceholder="Event, payment or request id"
      totals={totalWords(query.data?.total, "event", "events")}
      phoneRow={(row) => ({
        primary: <span className="font-mono text-xs">{row.eventType}</span>,
        aside: <StatusBadge kind="inbox" status={row.state} />,
        secondary: <Id value={row.paymentId ?? row.eventId} hasCopy={false} />,
        asideSecondary: <DateTime value={row.createdAt} format="relative" />,
      })}
      peek={{
        title: (row) => row.eventType,
        body: (row) => (
          <DefinitionList
            items={[
              { term: "State", value: <StatusBadge kind="inbox" status={row.state} />, hint: row.note ?? undefined },
              { term: "Event id", value: <Id value={row.eventId} isFull /> },
              { term: "Happened", value: <DateTime value={row.occurredAt} precision="second" /> },
              { term: "Received", value: <DateTime value={row.createdAt} precision="second" /> },
              { term: "Processed", value: <DateTime value={row.processedAt} precision="second" /> },
              {
                term: "Payment",
                value:
                  row.paymentId === null ? null : (
                    <TextLink href={`/payments/${row.paymentId}`} className="break-all font-mono text-xs">
                      {row.paymentId}
                    </TextLink>
                  ),
              },
              { term: "Payment request", value: <Id value={row.paymentRequestId} isFull /> },
              { term: "Transaction", value: <Id value={row.paymentTransactionId} isFull /> },
              { term: "Signed by key", value: <Id value={row.signingKeyId} isFull /> },
              { term: "Tries", value: row.attempts },
            ]}
          />
        ),
      }}
      empty={
        <EmptyState
          icon={Inbox}
          title="Nothing received yet"
          description="Klarna tells us here what customers do with a payment. Each event is stored once, by its id, before anything is done with it."
        />
      }
    />
  );
}
