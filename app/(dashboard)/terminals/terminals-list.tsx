"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { MonitorSmartphone } from "lucide-react";
import dynamic from "next/dynamic";
import { useChangeMany } from "@/app/(dashboard)/use-change-many";
import { DataTable } from "@/components/data-table/data-table";
import { tableQuery, totalWords } from "@/components/data-table/list-query";
import type { TableColumn } from "@/components/data-table/types";
import { useTableState } from "@/components/data-table/use-table-state";
import { DateTime } from "@/components/display/date-time";
import { DefinitionList } from "@/components/display/definition-list";
import { Id } from "@/components/display/id";
import { StatusBadge } from "@/components/display/status-badge";
import { EmptyState } from "@/components/empty-state";
import { useTRPC } from "@/components/trpc-provider";
import { ButtonLink } from "@/components/ui/button";
import type { TerminalItem } from "@/server/domain/terminals/schema";
import { CONNECTION_WORDS, type Connection, TERMINAL_DEVICE_WORDS } from "@/server/domain/terminals/states";
import { terminalsInput, terminalsTable } from "./table";

const DOTS = { online: "bg-good", offline: "bg-warn", never: "bg-line-strong" } as const;

/** Whether it gave a sign of life lately. */
export function ConnectionWord({ connection }: { connection: Connection }) {
  return (
    <span className="inline-flex items-center gap-1.5 whitespace-nowrap">
      <span aria-hidden className={`size-2 rounded-full ${DOTS[connection]}`} />
      {CONNECTION_WORDS[connection]}
    </span>
  );
}

function LastSeen({ terminal }: { terminal: TerminalItem }) {
  if (terminal.lastSeenAt === null) return <span className="text-ink-3">Never</span>;
  return <DateTime value={terminal.lastSeenAt} format="relative" />;
}

const columns: readonly TableColumn<TerminalItem>[] = [
  { id: "label", header: "Terminal", cell: (row) => row.label, sort: "label", isFixed: true },
  { id: "reference", header: "Reference", cell: (row) => row.reference },
  { id: "store", header: "Store", cell: (row) => row.store.name, isWide: true },
  { id: "partner", header: "Partner", cell: (row) => row.partnerName, skeleton: 120 },
  { id: "device", header: "Device", cell: (row) => TERMINAL_DEVICE_WORDS[row.device] },
  { id: "status", header: "Status", cell: (row) => <StatusBadge kind="terminal" status={row.status} /> },
  {
    id: "qr",
    header: "Shows QR",
    cell: (row) => (row.canShowQr ? "Yes" : <span className="text-ink-3">No</span>),
    skeleton: 24,
  },
  { id: "connection", header: "Connection", cell: (row) => <ConnectionWord connection={row.connection} /> },
  { id: "seen", header: "Last seen", cell: (row) => <LastSeen terminal={row} /> },
  { id: "id", header: "Id", cell: (row) => <Id value={row.id} />, isHiddenAtFirst: true },
];

// Loaded when rows are first chosen.
const ChangeTerminals = dynamic(() => import("./change-many").then((module) => module.ChangeTerminals));

export function TerminalsList({ canAdd }: { canAdd: boolean }) {
  const control = useTableState(terminalsTable);
  const trpc = useTRPC();
  const query = useQuery(
    trpc.terminals.list.queryOptions(terminalsInput(control.state), { placeholderData: keepPreviousData }),
  );
  const bulk = useChangeMany(["terminal", "terminals"], ChangeTerminals, query.refetch);
  return (
    <DataTable
      {...(canAdd ? { bulk } : {})}
      label="Terminals"
      control={control}
      exportPath="/export/terminals"
      columns={columns}
      query={tableQuery(query)}
      getRowId={(row) => row.id}
      getRowHref={(row) => `/terminals/${row.id}`}
      searchPlaceholder="Label, reference or id"
      totals={totalWords(query.data?.total, "terminal", "terminals")}
      phoneRow={(row) => ({
        primary: `${row.label} · ${row.reference}`,
        aside: <StatusBadge kind="terminal" status={row.status} />,
        secondary: row.store.name,
        asideSecondary: <LastSeen terminal={row} />,
      })}
      peek={{
        title: (row) => row.label,
        body: (row) => (
          <DefinitionList
            items={[
              { term: "Status", value: <StatusBadge kind="terminal" status={row.status} /> },
              { term: "Id", value: <Id value={row.id} isFull /> },
              { term: "Reference", value: row.reference },
              { term: "Store", value: row.store.name },
              { term: "Partner", value: row.partnerName },
              { term: "Device", value: TERMINAL_DEVICE_WORDS[row.device] },
              { term: "Shows QR codes", value: row.canShowQr ? "Yes" : "No" },
              { term: "Connection", value: <ConnectionWord connection={row.connection} /> },
              { term: "Last seen", value: <LastSeen terminal={row} /> },
            ]}
          />
        ),
      }}
      empty={
        <EmptyState
          icon={MonitorSmartphone}
          title="No terminals in this mode"
          description="A terminal is a till, kiosk or tablet of a store. Each in-store payment names the one it was taken at."
          {...(canAdd
            ? {
                action: (
                  <ButtonLink href="/terminals/new" variant="primary">
                    Add terminal
                  </ButtonLink>
                ),
              }
            : {})}
        />
      }
    />
  );
}
