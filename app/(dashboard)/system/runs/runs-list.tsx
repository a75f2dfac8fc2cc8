"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Cog } from "lucide-react";
import { useMemo, useState } from "react";
import { DataTable } from "@/components/data-table/data-table";
import { tableQuery } from "@/components/data-table/list-query";
import type { TableColumn } from "@/components/data-table/types";
import { useTableState } from "@/components/data-table/use-table-state";
import { DateTime } from "@/components/display/date-time";
import { Id } from "@/components/display/id";
import { StatusBadge } from "@/components/display/status-badge";
import { EmptyState } from "@/components/empty-state";
import { LiveSwitch } from "@/components/live-switch";
import { useTRPC } from "@/components/trpc-provider";
import type { RunItem } from "@/server/domain/engine/schema";
import { runsInput, runsTable } from "./table";
import { tookWords } from "./took-words";

const LIVE_MS = 3_000;

const columns: readonly TableColumn<RunItem>[] = [
  {
    id: "created_at",
    header: "Asked for",
    cell: (row) => <DateTime value={row.createdAt} precision="second" />,
    isFixed: true,
    skeleton: 130,
  },
  { id: "function", header: "Function", cell: (row) => row.functionId, isWide: true },
  { id: "status", header: "State", cell: (row) => <StatusBadge kind="run" status={row.status} /> },
  {
    id: "event",
    header: "By",
    cell: (row) => <span className="font-mono text-xs">{row.eventName ?? "–"}</span>,
  },
  { id: "took", header: "Took", cell: (row) => tookWords(row.startedAt, row.endedAt), isNumeric: true, skeleton: 40 },
  { id: "attempt", header: "Retries", cell: (row) => row.attempt, isNumeric: true, skeleton: 16 },
  { id: "id", header: "Run", cell: (row) => <Id value={row.id} />, isHiddenAtFirst: true },
];

export function RunsList({ functions }: { functions: readonly string[] }) {
  const table = useMemo(() => runsTable(functions), [functions]);
  const control = useTableState(table);
  const trpc = useTRPC();
  const [isLive, setLive] = useState(false);
  const query = useQuery(
    trpc.system.runs.queryOptions(runsInput(control.state), {
      placeholderData: keepPreviousData,
      refetchInterval: isLive ? LIVE_MS : false,
    }),
  );
  return (
    <DataTable
      label="Runs"
      control={control}
      columns={columns}
      query={tableQuery({ ...query, data: query.data === undefined ? undefined : { ...query.data, total: 0 } })}
      getRowId={(row) => row.id}
      getRowHref={(row) => `/system/runs/${encodeURIComponent(row.id)}`}
      hasSearch={false}
      toolbarExtra={<LiveSwitch isLive={isLive} onChange={setLive} />}
      phoneRow={(row) => ({
        primary: row.functionId,
        aside: <StatusBadge kind="run" status={row.status} />,
        secondary: <span className="font-mono text-xs">{row.eventName ?? row.id}</span>,
        asideSecondary: <DateTime value={row.createdAt} format="relative" />,
      })}
      empty={
        <EmptyState
          icon={Cog}
          title="Nothing has run yet"
          description="A function runs when its event comes or its time has come. Runs are forgotten seven days after their end."
        />
      }
    />
  );
}
