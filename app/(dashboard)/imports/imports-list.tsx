"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { FileUp } from "lucide-react";
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
import { ButtonLink } from "@/components/ui/button";
import type { ImportItem } from "@/server/domain/imports/schema";
import { IMPORT_KIND_WORDS } from "@/server/domain/imports/states";
import { importsInput, importsTable } from "./table";

const RUNNING_MS = 2_000;
const COUNT = new Intl.NumberFormat("en");

const COLUMNS: readonly TableColumn<ImportItem>[] = [
  { id: "file", header: "File", cell: (row) => row.fileName, isWide: true, isFixed: true },
  { id: "kind", header: "What", cell: (row) => IMPORT_KIND_WORDS[row.kind] },
  { id: "state", header: "State", cell: (row) => <StatusBadge kind="import" status={row.state} /> },
  { id: "partner", header: "Partner", cell: (row) => row.partnerName ?? NONE, skeleton: 120 },
  { id: "rows", header: "Rows", cell: (row) => COUNT.format(row.rowCount), isNumeric: true, skeleton: 32 },
  { id: "done", header: "Done", cell: (row) => COUNT.format(row.doneCount), isNumeric: true, skeleton: 32 },
  {
    id: "errors",
    header: "Errors",
    cell: (row) => COUNT.format(row.invalidCount + row.failedCount),
    isNumeric: true,
    skeleton: 32,
  },
  { id: "by", header: "By", cell: (row) => row.createdByName ?? row.createdBy, isHiddenAtFirst: true },
  {
    id: "created_at",
    header: "Uploaded",
    cell: (row) => <DateTime value={row.createdAt} />,
    skeleton: 120,
  },
  { id: "id", header: "Id", cell: (row) => <Id value={row.id} />, isHiddenAtFirst: true },
];

export function ImportsList({ hasPartners }: { hasPartners: boolean }) {
  const control = useTableState(importsTable);
  const trpc = useTRPC();
  const query = useQuery(
    trpc.imports.list.queryOptions(importsInput(control.state), {
      placeholderData: keepPreviousData,
      refetchInterval: ({ state }) => (state.data?.items.some((item) => item.state === "RUNNING") ? RUNNING_MS : false),
    }),
  );
  return (
    <DataTable
      label="Imports"
      control={control}
      exportPath="/export/imports"
      columns={hasPartners ? COLUMNS : COLUMNS.filter((column) => column.id !== "partner")}
      query={tableQuery(query)}
      getRowId={(row) => row.id}
      getRowHref={(row) => `/imports/${row.id}`}
      searchPlaceholder="File, Partner or id"
      totals={totalWords(query.data?.total, "import", "imports")}
      phoneRow={(row) => ({
        primary: row.fileName,
        aside: <StatusBadge kind="import" status={row.state} />,
        secondary: [IMPORT_KIND_WORDS[row.kind], row.partnerName].filter(Boolean).join(" · "),
        asideSecondary: `${COUNT.format(row.rowCount)} rows`,
      })}
      empty={
        <EmptyState
          icon={FileUp}
          title="No file has been imported"
          description="A CSV file becomes Partners, stores or terminals, many at a time. Each row is checked before anything is made."
          action={<ButtonLink href="/imports/new">Import a file</ButtonLink>}
        />
      }
    />
  );
}
