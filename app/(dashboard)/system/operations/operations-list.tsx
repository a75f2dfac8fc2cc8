"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { ArrowLeftRight } from "lucide-react";
import { DataTable } from "@/components/data-table/data-table";
import { tableQuery, totalWords } from "@/components/data-table/list-query";
import type { TableColumn } from "@/components/data-table/types";
import { useTableState } from "@/components/data-table/use-table-state";
import { DateTime } from "@/components/display/date-time";
import { DefinitionList } from "@/components/display/definition-list";
import { Id } from "@/components/display/id";
import { NONE } from "@/components/display/none";
import { StatusBadge } from "@/components/display/status-badge";
import { EmptyState } from "@/components/empty-state";
import { useTRPC } from "@/components/trpc-provider";
import type { OperationItem } from "@/server/domain/overview/schema";
import { kindWord, operationsInput, operationsTable } from "./table";

const columns: readonly TableColumn<OperationItem>[] = [
  {
    id: "opened_at",
    header: "Opened",
    cell: (row) => <DateTime value={row.createdAt} precision="second" />,
    isFixed: true,
    skeleton: 130,
  },
  { id: "kind", header: "Kind", cell: (row) => kindWord(row.kind) },
  { id: "state", header: "State", cell: (row) => <StatusBadge kind="operation" status={row.state} /> },
  { id: "partner", header: "Partner", cell: (row) => row.partnerName, isWide: true },
  { id: "payment", header: "Payment", cell: (row) => <Id value={row.paymentId} hasCopy={false} />, skeleton: 110 },
  { id: "attempts", header: "Tries", cell: (row) => row.attempts, isNumeric: true, skeleton: 16 },
  {
    id: "code",
    header: "Klarna's code",
    cell: (row) =>
      row.klarnaErrorCode === null ? NONE : <span className="font-mono text-xs">{row.klarnaErrorCode}</span>,
  },
  { id: "next", header: "Next try", cell: (row) => <DateTime value={row.nextAttemptAt} format="relative" /> },
  { id: "key", header: "Key", cell: (row) => <Id value={row.idempotencyKey} />, isHiddenAtFirst: true },
];

export function OperationsList() {
  const control = useTableState(operationsTable);
  const trpc = useTRPC();
  const query = useQuery(
    trpc.system.operations.queryOptions(operationsInput(control.state), { placeholderData: keepPreviousData }),
  );
  return (
    <DataTable
      label="Calls to Klarna"
      control={control}
      exportPath="/export/klarna-operations"
      columns={columns}
      query={tableQuery(query)}
      getRowId={(row) => row.id}
      getRowHref={(row) => `/payments/${row.paymentId}`}
      searchPlaceholder="Operation, payment or key"
      totals={totalWords(query.data?.total, "call", "calls")}
      phoneRow={(row) => ({
        primary: kindWord(row.kind),
        aside: <StatusBadge kind="operation" status={row.state} />,
        secondary: row.partnerName,
        asideSecondary: <DateTime value={row.createdAt} format="relative" />,
      })}
      peek={{
        title: (row) => kindWord(row.kind),
        body: (row) => (
          <DefinitionList
            items={[
              { term: "State", value: <StatusBadge kind="operation" status={row.state} /> },
              { term: "Result", value: row.result },
              { term: "Partner", value: row.partnerName },
              { term: "Payment", value: <Id value={row.paymentId} isFull /> },
              { term: "Operation", value: <Id value={row.id} isFull /> },
              { term: "Idempotency key", value: <Id value={row.idempotencyKey} isFull /> },
              { term: "Tries", value: row.attempts },
              { term: "Klarna's code", value: row.klarnaErrorCode },
              { term: "Opened", value: <DateTime value={row.createdAt} precision="second" /> },
              { term: "Settled", value: <DateTime value={row.settledAt} precision="second" /> },
              { term: "Next try", value: <DateTime value={row.nextAttemptAt} precision="second" /> },
            ]}
          />
        ),
      }}
      empty={
        <EmptyState
          icon={ArrowLeftRight}
          title="Klarna has not been asked for anything yet"
          description="Each authorize, capture, refund and release stands here from before it is sent until there is a definite answer."
        />
      }
    />
  );
}
