"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Megaphone } from "lucide-react";
import { useMemo, useState } from "react";
import { DataTable } from "@/components/data-table/data-table";
import { tableQuery, totalWords } from "@/components/data-table/list-query";
import type { TableColumn } from "@/components/data-table/types";
import { useTableState } from "@/components/data-table/use-table-state";
import { DateTime } from "@/components/display/date-time";
import { DefinitionList } from "@/components/display/definition-list";
import { Id } from "@/components/display/id";
import { EmptyState } from "@/components/empty-state";
import { LiveSwitch } from "@/components/live-switch";
import { useTRPC } from "@/components/trpc-provider";
import type { EventRecord } from "@/server/domain/webhooks/schema";
import type { WebhookChoices } from "../filters";
import { SubjectLink } from "../subject-link";
import { EventDeliveries } from "./delivery-counts";
import { eventsInput, eventsTable } from "./table";

const LIVE_MS = 3_000;

const COLUMNS: readonly TableColumn<EventRecord>[] = [
  {
    id: "created_at",
    header: "Happened",
    cell: (row) => <DateTime value={row.created_at} precision="second" />,
    isFixed: true,
    skeleton: 130,
  },
  { id: "type", header: "Event", cell: (row) => <span className="font-mono text-xs">{row.type}</span>, isWide: true },
  { id: "object", header: "About", cell: (row) => <SubjectLink id={row.subject} />, skeleton: 110 },
  { id: "sequence", header: "Number", cell: (row) => row.sequence, isNumeric: true, skeleton: 16 },
  { id: "partner", header: "Partner", cell: (row) => row.partner_name, skeleton: 120 },
  {
    id: "deliveries",
    header: "Deliveries",
    cell: (row) => <EventDeliveries event={row.id} counts={row.deliveries} />,
    skeleton: 120,
  },
  { id: "id", header: "Id", cell: (row) => <Id value={row.id} />, isHiddenAtFirst: true },
];
const OWN_COLUMNS = COLUMNS.filter((column) => column.id !== "partner");

export function EventsList({ choices }: { choices: WebhookChoices }) {
  const def = useMemo(() => eventsTable(choices), [choices]);
  const control = useTableState(def);
  const [isLive, setLive] = useState(false);
  const trpc = useTRPC();
  const query = useQuery(
    trpc.webhooks.events.list.queryOptions(eventsInput(control.state, choices), {
      placeholderData: keepPreviousData,
      refetchInterval: isLive ? LIVE_MS : false,
    }),
  );
  return (
    <DataTable
      label="Events"
      control={control}
      exportPath="/export/webhook-events"
      columns={choices.hasPartners ? COLUMNS : OWN_COLUMNS}
      query={tableQuery(query)}
      getRowId={(row) => row.id}
      getRowHref={(row) => `/webhooks/events/${row.id}`}
      searchPlaceholder="Event or payment by id"
      toolbarExtra={<LiveSwitch isLive={isLive} onChange={setLive} />}
      totals={totalWords(query.data?.total, "event", "events")}
      phoneRow={(row) => ({
        primary: <span className="font-mono text-xs">{row.type}</span>,
        aside: <DateTime value={row.created_at} format="relative" />,
        secondary: <Id value={row.subject} hasCopy={false} />,
        asideSecondary: phoneWords(row),
      })}
      peek={{
        title: (row) => row.type,
        body: (row) => (
          <DefinitionList
            items={[
              { term: "Event", value: <Id value={row.id} isFull /> },
              { term: "Happened", value: <DateTime value={row.created_at} precision="second" /> },
              { term: "About", value: <SubjectLink id={row.subject} isFull /> },
              { term: "Number", value: row.sequence, hint: "Counts the events of one thing from 1" },
              { term: "Partner", value: row.partner_name },
              { term: "Deliveries", value: <EventDeliveries event={row.id} counts={row.deliveries} /> },
            ]}
          />
        ),
      }}
      empty={
        <EmptyState
          icon={Megaphone}
          title="No events in 30 days"
          description="An event says what happened to a payment, a refund or another thing. They show here for 30 days, whether or not an endpoint asked for them."
        />
      }
    />
  );
}

function phoneWords({ deliveries }: EventRecord): string {
  if (deliveries.failed > 0) return `${deliveries.failed} failed`;
  if (deliveries.pending > 0) return `${deliveries.pending} sending`;
  return deliveries.delivered > 0 ? `${deliveries.delivered} delivered` : "None asked for";
}
