"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Mail } from "lucide-react";
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
import type { MailItem } from "@/server/domain/mail/schema";
import { kindWords } from "./kind-words";
import { mailsInput, mailsTable } from "./table";

const columns: readonly TableColumn<MailItem>[] = [
  {
    id: "created_at",
    header: "Written",
    cell: (row) => <DateTime value={row.createdAt} />,
    isFixed: true,
    skeleton: 130,
  },
  { id: "subject", header: "Subject", cell: (row) => row.subject, isWide: true },
  { id: "to", header: "To", cell: (row) => row.to },
  { id: "state", header: "State", cell: (row) => <StatusBadge kind="mail" status={row.state} /> },
  { id: "kind", header: "About", cell: (row) => kindWords(row.kind) },
  { id: "partner", header: "Partner", cell: (row) => row.partnerName ?? NONE },
  {
    id: "attempts",
    header: "Tries",
    cell: (row) => row.attempts,
    isNumeric: true,
    skeleton: 16,
    isHiddenAtFirst: true,
  },
  { id: "id", header: "Mail id", cell: (row) => <Id value={row.id} />, isHiddenAtFirst: true },
];

export function MailsList() {
  const control = useTableState(mailsTable);
  const trpc = useTRPC();
  const query = useQuery(
    trpc.mails.list.queryOptions(mailsInput(control.state), { placeholderData: keepPreviousData }),
  );
  return (
    <DataTable
      label="Mails"
      control={control}
      exportPath="/export/mails"
      columns={columns}
      query={tableQuery(query)}
      getRowId={(row) => row.id}
      getRowHref={(row) => `/system/mails/${row.id}`}
      searchPlaceholder="Address, subject or mail id"
      totals={totalWords(query.data?.total, "mail", "mails")}
      phoneRow={(row) => ({
        primary: row.subject,
        aside: <StatusBadge kind="mail" status={row.state} />,
        secondary: row.to,
        asideSecondary: <DateTime value={row.createdAt} format="relative" />,
      })}
      empty={
        <EmptyState
          icon={Mail}
          title="No mail yet"
          description="Invitations, links for a new password and what people must hear about their accounts are listed here, sent or kept."
        />
      }
    />
  );
}
