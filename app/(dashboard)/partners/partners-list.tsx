"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Building2 } from "lucide-react";
import { DataTable } from "@/components/data-table/data-table";
import { tableQuery, totalWords } from "@/components/data-table/list-query";
import type { TableColumn } from "@/components/data-table/types";
import { useTableState } from "@/components/data-table/use-table-state";
import { Country } from "@/components/display/country";
import { DateTime } from "@/components/display/date-time";
import { DefinitionList } from "@/components/display/definition-list";
import { Id } from "@/components/display/id";
import { StatusBadge } from "@/components/display/status-badge";
import { EmptyState } from "@/components/empty-state";
import { useTRPC } from "@/components/trpc-provider";
import type { PartnerItem } from "@/server/domain/partners/schema";
import { ACCOUNT_STATE_WORDS } from "@/server/domain/partners/states";
import { partnersInput, partnersTable } from "./table";

function Account({ partner }: { partner: PartnerItem }) {
  const { account } = partner;
  if (account === null) return <span className="text-ink-3">None in this mode</span>;
  if (account.productState === "DISABLED" || account.state === "DISABLED") {
    return <StatusBadge kind="partner" status="disabled" />;
  }
  return account.state === "OPERATIONAL" ? (
    <StatusBadge kind="partner" status="operational" />
  ) : (
    <span>{ACCOUNT_STATE_WORDS[account.state]}</span>
  );
}

const columns: readonly TableColumn<PartnerItem>[] = [
  { id: "name", header: "Partner", cell: (row) => row.name, isWide: true, isFixed: true },
  { id: "reference", header: "Reference", cell: (row) => row.reference },
  { id: "state", header: "State", cell: (row) => <StatusBadge kind="partner" status={row.state} /> },
  { id: "account", header: "Klarna account", cell: (row) => <Account partner={row} />, skeleton: 100 },
  { id: "country", header: "Country", cell: (row) => <Country code={row.country} /> },
  { id: "currency", header: "Currency", cell: (row) => row.currency, isHiddenAtFirst: true, skeleton: 32 },
  { id: "stores", header: "Stores", cell: (row) => row.storeCount, isNumeric: true, skeleton: 24 },
  { id: "terminals", header: "Terminals", cell: (row) => row.terminalCount, isNumeric: true, skeleton: 24 },
  {
    id: "created_at",
    header: "Since",
    cell: (row) => <DateTime value={row.createdAt} precision="day" />,
    skeleton: 80,
  },
  { id: "id", header: "Id", cell: (row) => <Id value={row.id} />, isHiddenAtFirst: true },
];

export function PartnersList() {
  const control = useTableState(partnersTable);
  const trpc = useTRPC();
  const query = useQuery(
    trpc.partners.list.queryOptions(partnersInput(control.state), { placeholderData: keepPreviousData }),
  );
  return (
    <DataTable
      label="Partners"
      control={control}
      exportPath="/export/partners"
      columns={columns}
      query={tableQuery(query)}
      getRowId={(row) => row.id}
      getRowHref={(row) => `/partners/${row.id}`}
      searchPlaceholder="Name, reference or id"
      totals={totalWords(query.data?.total, "Partner", "Partners")}
      phoneRow={(row) => ({
        primary: row.name,
        aside: <StatusBadge kind="partner" status={row.state} />,
        secondary: row.reference,
        asideSecondary: <Country code={row.country} />,
      })}
      peek={{
        title: (row) => row.name,
        body: (row) => (
          <DefinitionList
            items={[
              { term: "State", value: <StatusBadge kind="partner" status={row.state} /> },
              { term: "Id", value: <Id value={row.id} isFull /> },
              { term: "Reference", value: row.reference },
              { term: "Klarna account", value: <Account partner={row} /> },
              { term: "Account id", value: <Id value={row.account?.klarnaPartnerAccountId} isFull /> },
              { term: "Country", value: <Country code={row.country} /> },
              { term: "Currency", value: row.currency },
              { term: "Stores", value: row.storeCount },
              { term: "Terminals", value: row.terminalCount },
              { term: "Since", value: <DateTime value={row.createdAt} /> },
            ]}
          />
        ),
      }}
      empty={
        <EmptyState
          icon={Building2}
          title="No Partners yet"
          description="A Partner is a merchant that is connected to Klarna through this Acquiring Partner. Each begins with an onboarding."
        />
      }
    />
  );
}
