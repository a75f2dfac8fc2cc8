"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { UserCheck } from "lucide-react";
import { DataTable } from "@/components/data-table/data-table";
import { tableQuery, totalWords } from "@/components/data-table/list-query";
import type { TableColumn } from "@/components/data-table/types";
import { useTableState } from "@/components/data-table/use-table-state";
import { DateTime } from "@/components/display/date-time";
import { Id } from "@/components/display/id";
import { Money } from "@/components/display/money";
import { NONE } from "@/components/display/none";
import { StatusBadge } from "@/components/display/status-badge";
import { EmptyState } from "@/components/empty-state";
import { useTRPC } from "@/components/trpc-provider";
import type { ApprovalItem } from "@/server/domain/approvals/schema";
import { APPROVAL_KIND_WORDS } from "@/server/domain/approvals/states";
import { approvalsInput, approvalsTable } from "./table";

const REFRESH_MS = 15_000;

function columnsFor(personId: string): readonly TableColumn<ApprovalItem>[] {
  return [
    { id: "summary", header: "What", cell: (row) => row.summary, isWide: true, isFixed: true },
    { id: "kind", header: "Kind", cell: (row) => APPROVAL_KIND_WORDS[row.kind], isHiddenAtFirst: true },
    {
      id: "amount",
      header: "Amount",
      cell: (row) =>
        row.amount === null || row.currency === null ? NONE : <Money amount={row.amount} currency={row.currency} />,
      isNumeric: true,
      skeleton: 80,
    },
    { id: "partner", header: "Partner", cell: (row) => row.partnerName, skeleton: 120 },
    {
      id: "requested_by",
      header: "Asked by",
      cell: (row) => (row.requestedBy.id === personId ? "You" : row.requestedBy.name),
      skeleton: 90,
    },
    { id: "state", header: "State", cell: (row) => <StatusBadge kind="approval" status={row.state} /> },
    { id: "created_at", header: "Asked", cell: (row) => <DateTime value={row.createdAt} format="relative" /> },
    { id: "expires_at", header: "Ends", cell: (row) => <DateTime value={row.expiresAt} />, skeleton: 100 },
    { id: "id", header: "Id", cell: (row) => <Id value={row.id} />, isHiddenAtFirst: true },
  ];
}

export function ApprovalsList({ personId }: { personId: string }) {
  const control = useTableState(approvalsTable);
  const trpc = useTRPC();
  const query = useQuery(
    trpc.approvals.list.queryOptions(approvalsInput(control.state), {
      placeholderData: keepPreviousData,
      refetchInterval: REFRESH_MS,
    }),
  );
  return (
    <DataTable
      label="Approvals"
      control={control}
      exportPath="/export/approvals"
      columns={columnsFor(personId)}
      query={tableQuery(query)}
      getRowId={(row) => row.id}
      getRowHref={(row) => `/settings/approvals/${row.id}`}
      searchPlaceholder="Id of the request or of the payment"
      totals={totalWords(query.data?.total, "request", "requests")}
      phoneRow={(row) => ({
        primary: row.summary,
        aside: <StatusBadge kind="approval" status={row.state} />,
        secondary: row.partnerName,
        asideSecondary: row.requestedBy.id === personId ? "You" : row.requestedBy.name,
      })}
      empty={
        <EmptyState
          icon={UserCheck}
          title="Nothing needs a second person"
          description="Refunds above the limit, and API keys and payout data where the rules say so, wait here until somebody else agrees."
        />
      }
    />
  );
}
