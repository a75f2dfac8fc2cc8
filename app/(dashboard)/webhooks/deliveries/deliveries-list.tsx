"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Send } from "lucide-react";
import { useState } from "react";
import { DataTable } from "@/components/data-table/data-table";
import { tableQuery, totalWords } from "@/components/data-table/list-query";
import type { TableColumn } from "@/components/data-table/types";
import { useTableState } from "@/components/data-table/use-table-state";
import { DateTime } from "@/components/display/date-time";
import { DefinitionList } from "@/components/display/definition-list";
import { Id } from "@/components/display/id";
import { StatusBadge } from "@/components/display/status-badge";
import { EmptyState } from "@/components/empty-state";
import { useNow } from "@/components/hooks";
import { LiveSwitch } from "@/components/live-switch";
import { TextLink } from "@/components/text-link";
import { useTRPC } from "@/components/trpc-provider";
import type { DeliveryRecord } from "@/server/domain/webhooks/schema";
import { deliveriesInput, deliveriesTable } from "./table";

const LIVE_MS = 3_000;
const WAITING_MS = 10_000;

function Subject({ row, isFull = false }: { row: DeliveryRecord; isFull?: boolean }) {
  if (!row.subject.startsWith("pay_")) return <Id value={row.subject} isFull={isFull} hasCopy={false} />;
  return (
    <TextLink href={`/payments/${row.subject}`}>
      <Id value={row.subject} isFull={isFull} hasCopy={false} />
    </TextLink>
  );
}

/** A try that has failed is told from one that was not made yet. */
function statusOf(row: DeliveryRecord): string {
  return row.status === "pending" && row.attempts > 0 ? "retrying" : row.status;
}

/** The moment of the next try; one that is over waits behind an earlier event of the same thing. */
function NextTry({ at }: { at: string | null }) {
  const now = useNow(1000);
  if (at !== null && now !== 0 && new Date(at).getTime() < now - WAITING_MS) {
    return <span className="text-ink-3">In its turn</span>;
  }
  return <DateTime value={at} format="relative" />;
}

const columns: readonly TableColumn<DeliveryRecord>[] = [
  {
    id: "created_at",
    header: "Created",
    cell: (row) => <DateTime value={row.created_at} precision="second" />,
    isFixed: true,
    skeleton: 130,
  },
  { id: "type", header: "Event", cell: (row) => <span className="font-mono text-xs">{row.event.type}</span> },
  { id: "status", header: "State", cell: (row) => <StatusBadge kind="delivery" status={statusOf(row)} /> },
  { id: "subject", header: "About", cell: (row) => <Subject row={row} />, skeleton: 110 },
  { id: "url", header: "Endpoint", cell: (row) => row.endpoint_url, isWide: true },
  { id: "partner", header: "Partner", cell: (row) => row.partner_name, isHiddenAtFirst: true },
  { id: "attempts", header: "Tries", cell: (row) => row.attempts, isNumeric: true, skeleton: 16 },
  {
    id: "next",
    header: "Next try",
    cell: (row) => <NextTry at={row.next_attempt_at} />,
    skeleton: 56,
  },
];

export function DeliveriesList() {
  const control = useTableState(deliveriesTable);
  const [isLive, setLive] = useState(false);
  const trpc = useTRPC();
  const query = useQuery(
    trpc.webhooks.deliveries.list.queryOptions(deliveriesInput(control.state), {
      placeholderData: keepPreviousData,
      refetchInterval: isLive ? LIVE_MS : false,
    }),
  );
  return (
    <DataTable
      label="Webhook deliveries"
      control={control}
      columns={columns}
      query={tableQuery(query)}
      getRowId={(row) => row.id}
      getRowHref={(row) => `/webhooks/deliveries/${row.id}`}
      hasSearch={false}
      toolbarExtra={<LiveSwitch isLive={isLive} onChange={setLive} />}
      totals={totalWords(query.data?.total, "delivery", "deliveries")}
      phoneRow={(row) => ({
        primary: <span className="font-mono text-xs">{row.event.type}</span>,
        aside: <StatusBadge kind="delivery" status={statusOf(row)} />,
        secondary: row.endpoint_url,
        asideSecondary: <DateTime value={row.created_at} format="relative" />,
      })}
      peek={{
        title: (row) => row.event.type,
        body: (row) => (
          <DefinitionList
            items={[
              { term: "State", value: <StatusBadge kind="delivery" status={statusOf(row)} /> },
              { term: "Delivery", value: <Id value={row.id} isFull /> },
              { term: "Event", value: <Id value={row.event.id} isFull /> },
              { term: "About", value: <Subject row={row} isFull /> },
              { term: "Number", value: row.sequence, hint: "Counts the events of one thing from 1" },
              { term: "Endpoint", value: <span className="break-all">{row.endpoint_url}</span> },
              { term: "Partner", value: row.partner_name },
              { term: "Tries", value: row.attempts },
              { term: "Created", value: <DateTime value={row.created_at} precision="second" /> },
              { term: "Delivered", value: <DateTime value={row.delivered_at} precision="second" /> },
              { term: "Next try", value: <DateTime value={row.next_attempt_at} precision="second" /> },
            ]}
          />
        ),
      }}
      empty={
        <EmptyState
          icon={Send}
          title="Nothing was sent yet"
          description="A delivery is one event owed to one endpoint. They show here as soon as an endpoint exists and something happens."
        />
      }
    />
  );
}
