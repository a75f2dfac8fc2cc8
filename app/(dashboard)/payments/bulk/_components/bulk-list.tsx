"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { ListChecks } from "lucide-react";
import { DataTable } from "@/components/data-table/data-table";
import { tableQuery, totalWords } from "@/components/data-table/list-query";
import type { TableColumn } from "@/components/data-table/types";
import { useTableState } from "@/components/data-table/use-table-state";
import { DateTime } from "@/components/display/date-time";
import { Id } from "@/components/display/id";
import { StatusBadge } from "@/components/display/status-badge";
import { EmptyState } from "@/components/empty-state";
import { useTRPC } from "@/components/trpc-provider";
import type { BulkRunItem } from "@/server/domain/bulk/schema";
import { BULK_KIND_WORDS } from "@/server/domain/bulk/states";
import { bulkInput, bulkTable } from "../table";

const FOLLOW_MS = 5_000;
const RUNNING_MS = 2_000;
const COUNT = new Intl.NumberFormat("en");

export const runName = (run: Pick<BulkRunItem, "kind" | "fileName">): string =>
  `${BULK_KIND_WORDS[run.kind]} from ${run.fileName ?? "the list"}`;

const COLUMNS: readonly TableColumn<BulkRunItem>[] = [
  {
    id: "what",
    header: "What",
    cell: (row) => <span className="font-medium">{runName(row)}</span>,
    isWide: true,
    isFixed: true,
  },
  { id: "state", header: "State", cell: (row) => <StatusBadge kind="bulk" status={row.state} />, isFixed: true },
  { id: "rows", header: "Rows", cell: (row) => COUNT.format(row.rowCount), isNumeric: true, skeleton: 32 },
  { id: "partner", header: "Partner", cell: (row) => row.partnerName, skeleton: 110 },
  { id: "by", header: "By", cell: (row) => row.createdByName ?? row.createdBy, skeleton: 100 },
  { id: "created_at", header: "Made", cell: (row) => <DateTime value={row.createdAt} />, skeleton: 112 },
  { id: "finished", header: "Ended", cell: (row) => <DateTime value={row.finishedAt} />, isHiddenAtFirst: true },
  { id: "id", header: "Id", cell: (row) => <Id value={row.id} />, isHiddenAtFirst: true },
];
const OWN_COLUMNS = COLUMNS.filter((column) => column.id !== "partner");

export function BulkList({ hasPartners }: { hasPartners: boolean }) {
  const control = useTableState(bulkTable);
  const trpc = useTRPC();
  const query = useQuery(
    trpc.bulk.list.queryOptions(bulkInput(control.state), {
      placeholderData: keepPreviousData,
      refetchInterval: ({ state }) =>
        state.data?.items.some((item) => item.state === "RUNNING") ? RUNNING_MS : FOLLOW_MS,
    }),
  );
  return (
    <DataTable
      label="Runs"
      control={control}
      exportPath="/export/bulk-runs"
      columns={hasPartners ? COLUMNS : OWN_COLUMNS}
      query={{ ...tableQuery(query), isFetching: query.isPending || query.isPlaceholderData }}
      getRowId={(row) => row.id}
      getRowHref={(row) => `/payments/bulk/${row.id}`}
      searchPlaceholder="Payment, file or id"
      totals={totalWords(query.data?.total, "run", "runs")}
      phoneRow={(row) => ({
        primary: runName(row),
        aside: <StatusBadge kind="bulk" status={row.state} />,
        secondary: <DateTime value={row.createdAt} />,
        asideSecondary: `${COUNT.format(row.rowCount)} rows`,
      })}
      empty={
        <EmptyState
          icon={ListChecks}
          title="Nothing has been done in one go"
          description="Choose payments in the list, filter it and take all it finds, or upload a file with a payment in each row. You see what each row would do before anything is asked for."
        />
      }
    />
  );
}
