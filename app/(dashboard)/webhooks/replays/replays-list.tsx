"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { RotateCcw } from "lucide-react";
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
import type { ReplayRecord } from "@/server/domain/webhooks/schema";
import { replaysInput, replaysTable } from "./table";

/** A running replay is followed. */
const FOLLOW_MS = 2_000;
const COUNT = new Intl.NumberFormat("en");

const state = (row: ReplayRecord) => (
  <StatusBadge kind="run" status={row.status === "done" ? "completed" : row.status} />
);
const where = (row: ReplayRecord) =>
  row.endpoint === null ? (
    "All endpoints"
  ) : (
    <TextLink href={`/webhooks/${row.endpoint}`}>{row.endpoint_url ?? row.endpoint}</TextLink>
  );
const what = (row: ReplayRecord) => (row.statuses.includes("delivered") ? "Failed and delivered" : "Failed");
const progress = (row: ReplayRecord) => `${COUNT.format(row.replayed)} of ${COUNT.format(row.expected)}`;

const COLUMNS: readonly TableColumn<ReplayRecord>[] = [
  {
    id: "created_at",
    header: "Started",
    cell: (row) => <DateTime value={row.created_at} precision="second" />,
    isFixed: true,
    skeleton: 130,
  },
  { id: "status", header: "State", cell: state },
  { id: "endpoint", header: "Endpoint", cell: where, isWide: true },
  { id: "partner", header: "Partner", cell: (row) => row.partner_name, skeleton: 120 },
  { id: "what", header: "What", cell: what, skeleton: 48 },
  { id: "from", header: "Created since", cell: (row) => <DateTime value={row.created_from} />, skeleton: 110 },
  {
    id: "to",
    header: "Until",
    cell: (row) => <DateTime value={row.created_to} />,
    skeleton: 110,
    isHiddenAtFirst: true,
  },
  { id: "sent", header: "Sent again", cell: progress, isNumeric: true, skeleton: 48 },
  { id: "skipped", header: "Left out", cell: (row) => COUNT.format(row.skipped), isNumeric: true, skeleton: 16 },
];
const OWN_COLUMNS = COLUMNS.filter((column) => column.id !== "partner");

export function ReplaysList({ hasPartners }: { hasPartners: boolean }) {
  const control = useTableState(replaysTable);
  const trpc = useTRPC();
  const query = useQuery(
    trpc.webhooks.replays.list.queryOptions(replaysInput(control.state), {
      placeholderData: keepPreviousData,
      refetchInterval: ({ state: { data } }) =>
        data?.items.some((replay) => replay.status === "running") ? FOLLOW_MS : false,
    }),
  );
  return (
    <DataTable
      label="Replays"
      control={control}
      exportPath="/export/webhook-replays"
      columns={hasPartners ? COLUMNS : OWN_COLUMNS}
      query={tableQuery(query)}
      getRowId={(row) => row.id}
      hasSearch={false}
      totals={totalWords(query.data?.total, "replay", "replays")}
      phoneRow={(row) => ({
        primary: row.endpoint_url ?? (hasPartners ? row.partner_name : "All endpoints"),
        aside: state(row),
        secondary: `${progress(row)} sent again`,
        asideSecondary: <DateTime value={row.created_at} format="relative" />,
      })}
      peek={{
        title: () => "Replay",
        body: (row) => (
          <DefinitionList
            items={[
              { term: "State", value: state(row) },
              { term: "Replay", value: <Id value={row.id} isFull /> },
              { term: "Endpoint", value: where(row) },
              { term: "Partner", value: row.partner_name },
              { term: "What", value: what(row) },
              { term: "Event types", value: row.types.length === 0 ? "All" : row.types.join(", ") },
              { term: "Created since", value: <DateTime value={row.created_from} /> },
              { term: "Until", value: <DateTime value={row.created_to} /> },
              { term: "Matched", value: COUNT.format(row.expected) },
              { term: "Sent again", value: COUNT.format(row.replayed) },
              {
                term: "Left out",
                value: COUNT.format(row.skipped),
                hint: "On the way already, or the endpoint is off",
              },
              { term: "Asked for by", value: <Id value={row.requested_by} isFull /> },
              { term: "Started", value: <DateTime value={row.created_at} precision="second" /> },
              { term: "Finished", value: <DateTime value={row.finished_at} precision="second" /> },
            ]}
          />
        ),
      }}
      empty={
        <EmptyState
          icon={RotateCcw}
          title="Nothing was replayed"
          description="A replay sends many deliveries once more, for example all that failed while a receiver was down. It starts among the deliveries."
          action={<TextLink href="/webhooks/deliveries?status=failed">Look at what failed</TextLink>}
        />
      }
    />
  );
}
