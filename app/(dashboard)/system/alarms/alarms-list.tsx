"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { BellOff } from "lucide-react";
import { DataTable } from "@/components/data-table/data-table";
import { tableQuery, totalWords } from "@/components/data-table/list-query";
import type { TableColumn } from "@/components/data-table/types";
import { useTableState } from "@/components/data-table/use-table-state";
import { DateTime } from "@/components/display/date-time";
import { DefinitionList } from "@/components/display/definition-list";
import { NONE } from "@/components/display/none";
import { StatusBadge } from "@/components/display/status-badge";
import { EmptyState } from "@/components/empty-state";
import { useTRPC } from "@/components/trpc-provider";
import type { AlarmRow } from "@/server/domain/overview/schema";
import { AlarmSubject } from "../alarm-subject";
import { ClearAlarm } from "../clear-alarm";
import { alarmsInput, alarmsTable } from "./table";

const stateOf = (row: AlarmRow): string => (row.clearedAt === null ? "open" : "cleared");

const columns: readonly TableColumn<AlarmRow>[] = [
  {
    id: "raised_at",
    header: "Raised",
    cell: (row) => <DateTime value={row.createdAt} precision="second" />,
    isFixed: true,
    skeleton: 130,
  },
  { id: "message", header: "What", cell: (row) => <span title={row.message}>{row.message}</span>, isWide: true },
  { id: "state", header: "State", cell: (row) => <StatusBadge kind="alarm" status={stateOf(row)} /> },
  { id: "kind", header: "Kind", cell: (row) => <span className="font-mono text-xs">{row.kind}</span> },
  { id: "partner", header: "Partner", cell: (row) => row.partnerName ?? NONE },
  { id: "subject", header: "About", cell: (row) => <AlarmSubject kind={row.subjectKind} id={row.subjectId} /> },
];

export function AlarmsList({ canClear }: { canClear: boolean }) {
  const control = useTableState(alarmsTable);
  const trpc = useTRPC();
  const query = useQuery(
    trpc.system.alarms.queryOptions(alarmsInput(control.state), { placeholderData: keepPreviousData }),
  );
  return (
    <DataTable
      label="Alarms"
      control={control}
      exportPath="/export/alarms"
      columns={columns}
      query={tableQuery(query)}
      getRowId={(row) => row.id}
      searchPlaceholder="Alarm or what it is about, by id"
      totals={totalWords(query.data?.total, "alarm", "alarms")}
      phoneRow={(row) => ({
        primary: row.message,
        aside: <StatusBadge kind="alarm" status={stateOf(row)} />,
        secondary: row.partnerName ?? <span className="font-mono text-xs">{row.kind}</span>,
        asideSecondary: <DateTime value={row.createdAt} format="relative" />,
      })}
      peek={{
        title: (row) => row.kind.replaceAll("_", " "),
        body: (row) => (
          <div className="grid gap-4">
            <DefinitionList
              items={[
                { term: "What", value: row.message },
                { term: "State", value: <StatusBadge kind="alarm" status={stateOf(row)} /> },
                { term: "Partner", value: row.partnerName },
                { term: "About", value: <AlarmSubject kind={row.subjectKind} id={row.subjectId} /> },
                { term: "Raised", value: <DateTime value={row.createdAt} precision="second" /> },
                { term: "Cleared", value: <DateTime value={row.clearedAt} precision="second" /> },
                { term: "Cleared by", value: row.clearedBy },
              ]}
            />
            {canClear && row.clearedAt === null ? (
              <div>
                <ClearAlarm
                  id={row.id}
                  message={row.message}
                  partner={row.partnerName}
                  onDone={() => void query.refetch()}
                />
              </div>
            ) : null}
          </div>
        ),
      }}
      empty={
        <EmptyState
          icon={BellOff}
          title="No alarm has been raised"
          description="An alarm is raised when something cannot be put right without a person: an approval that lapsed, a broken rule, an outcome that stays unknown."
        />
      }
    />
  );
}
