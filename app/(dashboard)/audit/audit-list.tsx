"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { ScrollText } from "lucide-react";
import { DataTable } from "@/components/data-table/data-table";
import { tableQuery, totalWords } from "@/components/data-table/list-query";
import type { TableColumn } from "@/components/data-table/types";
import { useTableState } from "@/components/data-table/use-table-state";
import { DateTime } from "@/components/display/date-time";
import { Id } from "@/components/display/id";
import { NONE } from "@/components/display/none";
import { EmptyState } from "@/components/empty-state";
import { useTRPC } from "@/components/trpc-provider";
import type { AuditItem } from "@/server/domain/audit/schema";
import { Changes } from "./changes";
import { AuditSubject } from "./subject";
import { auditInput, auditTable } from "./table";
import { actionWords, WAY_WORDS } from "./words";

const columns: readonly TableColumn<AuditItem>[] = [
  {
    id: "when",
    header: "When",
    cell: (row) => <DateTime value={row.createdAt} precision="second" />,
    isFixed: true,
    skeleton: 130,
  },
  { id: "action", header: "Action", cell: (row) => actionWords(row.action), isWide: true },
  { id: "actor", header: "By", cell: (row) => row.actorName, skeleton: 110 },
  { id: "way", header: "Way", cell: (row) => WAY_WORDS[row.way] ?? row.way, skeleton: 60 },
  { id: "subject", header: "About", cell: (row) => <AuditSubject id={row.subjectId} />, skeleton: 130 },
  { id: "partner", header: "Partner", cell: (row) => row.partnerName ?? NONE },
  { id: "request", header: "Request", cell: (row) => <Id value={row.requestId} />, isHiddenAtFirst: true },
  { id: "actor_id", header: "Actor's id", cell: (row) => <Id value={row.actorId} />, isHiddenAtFirst: true },
  { id: "entry", header: "Entry", cell: (row) => <Id value={row.id} />, isHiddenAtFirst: true },
];

export function AuditList({ canExport }: { canExport: boolean }) {
  const control = useTableState(auditTable);
  const trpc = useTRPC();
  const query = useQuery(
    trpc.audit.list.queryOptions(auditInput(control.state), { placeholderData: keepPreviousData }),
  );
  return (
    <DataTable
      label="Audit"
      control={control}
      {...(canExport ? { exportPath: "/export/audit" } : {})}
      columns={columns}
      query={tableQuery(query)}
      getRowId={(row) => row.id}
      getRowHref={(row) => `/audit/${row.id}`}
      searchPlaceholder="Any id: thing, person, request"
      totals={totalWords(query.data?.total, "entry", "entries")}
      phoneRow={(row) => ({
        primary: actionWords(row.action),
        aside: WAY_WORDS[row.way] ?? row.way,
        secondary: row.actorName,
        asideSecondary: <DateTime value={row.createdAt} format="relative" />,
      })}
      peek={{
        title: (row) => actionWords(row.action),
        body: (row) => <Changes before={row.before} after={row.after} />,
      }}
      empty={
        <EmptyState
          icon={ScrollText}
          title="Nothing has been done yet"
          description="Every change is kept here with who made it, by which way, and what was before and after. Entries cannot be changed or deleted."
        />
      }
    />
  );
}
