"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Webhook } from "lucide-react";
import { useMemo } from "react";
import { DataTable } from "@/components/data-table/data-table";
import { tableQuery, totalWords } from "@/components/data-table/list-query";
import type { TableColumn } from "@/components/data-table/types";
import { useTableState } from "@/components/data-table/use-table-state";
import { DateTime } from "@/components/display/date-time";
import { Id } from "@/components/display/id";
import { NONE } from "@/components/display/none";
import { StatusBadge } from "@/components/display/status-badge";
import { EmptyState } from "@/components/empty-state";
import { useTRPC } from "@/components/trpc-provider";
import type { EndpointRecord } from "@/server/domain/webhooks/schema";
import { endpointStatus } from "./endpoint-status";
import type { WebhookChoices } from "./filters";
import { CountLink, SuccessRate, successWords } from "./health";
import { endpointsInput, endpointsTable } from "./table";

export function eventsWords(events: readonly string[]): string {
  if (events.includes("*")) return "All events";
  return events.length <= 2 ? events.join(", ") : `${events.slice(0, 2).join(", ")} and ${events.length - 2} more`;
}

const columns: readonly TableColumn<EndpointRecord>[] = [
  { id: "url", header: "Address", cell: (row) => row.url, isWide: true, isFixed: true },
  { id: "status", header: "State", cell: (row) => <StatusBadge kind="endpoint" status={endpointStatus(row)} /> },
  { id: "partner", header: "Partner", cell: (row) => row.partner_name, skeleton: 120 },
  {
    id: "pending",
    header: "On their way",
    cell: (row) => <CountLink endpoint={row.id} status="pending" count={row.health.pending} />,
    isNumeric: true,
    skeleton: 32,
  },
  {
    id: "failed",
    header: "Failed",
    cell: (row) => <CountLink endpoint={row.id} status="failed" count={row.health.failed} />,
    isNumeric: true,
    skeleton: 32,
  },
  {
    id: "success",
    header: "Arrived, 24 h",
    cell: (row) => <SuccessRate health={row.health} />,
    isNumeric: true,
    skeleton: 40,
  },
  { id: "events", header: "Events", cell: (row) => eventsWords(row.events), skeleton: 120 },
  {
    id: "description",
    header: "Description",
    cell: (row) => row.description ?? NONE,
    isHiddenAtFirst: true,
  },
  {
    id: "created_at",
    header: "Since",
    cell: (row) => <DateTime value={row.created_at} precision="day" />,
    skeleton: 80,
    isHiddenAtFirst: true,
  },
  { id: "id", header: "Id", cell: (row) => <Id value={row.id} />, isHiddenAtFirst: true },
];

const ownColumns = columns.filter((column) => column.id !== "partner");

export function EndpointsList({ canWrite, choices }: { canWrite: boolean; choices: WebhookChoices }) {
  const def = useMemo(() => endpointsTable(choices), [choices]);
  const control = useTableState(def);
  const trpc = useTRPC();
  const query = useQuery(
    trpc.webhooks.endpoints.list.queryOptions(endpointsInput(control.state), { placeholderData: keepPreviousData }),
  );
  return (
    <DataTable
      label="Webhook endpoints"
      control={control}
      exportPath="/export/webhook-endpoints"
      columns={choices.hasPartners ? columns : ownColumns}
      query={tableQuery(query)}
      getRowId={(row) => row.id}
      getRowHref={(row) => `/webhooks/${row.id}`}
      searchPlaceholder="Address, description or id"
      totals={totalWords(query.data?.total, "endpoint", "endpoints")}
      phoneRow={(row) => ({
        primary: row.url,
        aside: <StatusBadge kind="endpoint" status={endpointStatus(row)} />,
        secondary: choices.hasPartners ? row.partner_name : (row.description ?? eventsWords(row.events)),
        asideSecondary:
          row.health.failed > 0 ? `${row.health.failed} failed` : `${successWords(row.health)} arrived in 24 h`,
      })}
      empty={
        <EmptyState
          icon={Webhook}
          title="No webhook endpoints in this mode"
          description={
            canWrite
              ? "An endpoint is an address of a Partner that hears of each change within a second, signed by the Standard Webhooks rules. Add the first one above."
              : "An endpoint is an address of a Partner that hears of each change within a second. A role with more rights can add one."
          }
        />
      }
    />
  );
}
