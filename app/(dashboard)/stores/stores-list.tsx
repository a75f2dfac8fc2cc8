"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { QrCode, Store } from "lucide-react";
import dynamic from "next/dynamic";
import { useChangeMany } from "@/app/(dashboard)/use-change-many";
import { DataTable } from "@/components/data-table/data-table";
import { tableQuery, totalWords } from "@/components/data-table/list-query";
import type { TableColumn } from "@/components/data-table/types";
import { useTableState } from "@/components/data-table/use-table-state";
import { Country } from "@/components/display/country";
import { DateTime } from "@/components/display/date-time";
import { DefinitionList } from "@/components/display/definition-list";
import { Id } from "@/components/display/id";
import { NONE } from "@/components/display/none";
import { StatusBadge } from "@/components/display/status-badge";
import { EmptyState } from "@/components/empty-state";
import { useTRPC } from "@/components/trpc-provider";
import { ButtonLink } from "@/components/ui/button";
import type { StoreItem } from "@/server/domain/stores/schema";
import { OPENING_WORDS, STORE_TYPE_WORDS } from "@/server/domain/stores/states";
import { storesInput, storesTable } from "./table";

/** Payments in person need something that shows the code. */
export function NoQr() {
  return (
    <span className="inline-flex shrink-0 items-center gap-1 text-warn text-xs">
      <QrCode aria-hidden className="size-3.5" />
      No QR device
    </span>
  );
}

const columns: readonly TableColumn<StoreItem>[] = [
  {
    id: "name",
    header: "Store",
    cell: (row) => (
      <span className="flex items-center gap-1.5">
        <span className="truncate">{row.name}</span>
        {row.lacksQr ? <NoQr /> : null}
      </span>
    ),
    sort: "name",
    isWide: true,
    isFixed: true,
  },
  { id: "reference", header: "Reference", cell: (row) => row.reference },
  { id: "partner", header: "Partner", cell: (row) => row.partnerName, skeleton: 120 },
  { id: "type", header: "Type", cell: (row) => STORE_TYPE_WORDS[row.type] },
  { id: "status", header: "Status", cell: (row) => <StatusBadge kind="store" status={row.status} /> },
  { id: "city", header: "City", cell: (row) => row.city ?? NONE },
  { id: "country", header: "Country", cell: (row) => <Country code={row.country} isShort />, skeleton: 24 },
  { id: "group", header: "Store group", cell: (row) => row.storeGroup?.name ?? NONE },
  {
    id: "opening",
    header: "Opening",
    cell: (row) => OPENING_WORDS[row.openingState],
    isHiddenAtFirst: true,
  },
  { id: "postal", header: "Postal code", cell: (row) => row.postalCode ?? NONE, isHiddenAtFirst: true },
  { id: "klarna", header: "Klarna's id", cell: (row) => <Id value={row.klarnaStoreId} />, isHiddenAtFirst: true },
  { id: "brand", header: "Brand", cell: (row) => row.brand?.name ?? NONE, isHiddenAtFirst: true },
  { id: "terminals", header: "Terminals", cell: (row) => row.terminalCount, isNumeric: true, skeleton: 24 },
  {
    id: "created_at",
    header: "Since",
    cell: (row) => <DateTime value={row.createdAt} precision="day" />,
    sort: "created_at",
    isHiddenAtFirst: true,
  },
  { id: "id", header: "Id", cell: (row) => <Id value={row.id} />, isHiddenAtFirst: true },
];

// Loaded when rows are first chosen.
const ChangeStores = dynamic(() => import("./change-many").then((module) => module.ChangeStores));

export function StoresList({ canAdd }: { canAdd: boolean }) {
  const control = useTableState(storesTable);
  const trpc = useTRPC();
  const query = useQuery(
    trpc.stores.list.queryOptions(storesInput(control.state), { placeholderData: keepPreviousData }),
  );
  const bulk = useChangeMany(["store", "stores"], ChangeStores, query.refetch);
  return (
    <DataTable
      {...(canAdd ? { bulk } : {})}
      label="Stores"
      control={control}
      exportPath="/export/stores"
      columns={columns}
      query={tableQuery(query)}
      getRowId={(row) => row.id}
      getRowHref={(row) => `/stores/${row.id}`}
      searchPlaceholder="Name, reference, city, postal code or id"
      totals={totalWords(query.data?.total, "store", "stores")}
      phoneRow={(row) => ({
        primary: row.name,
        aside: <StatusBadge kind="store" status={row.status} />,
        secondary: row.lacksQr ? <NoQr /> : `${row.partnerName} · ${row.reference}`,
        asideSecondary: row.city ?? STORE_TYPE_WORDS[row.type],
      })}
      peek={{
        title: (row) => row.name,
        body: (row) => (
          <DefinitionList
            items={[
              { term: "Status", value: <StatusBadge kind="store" status={row.status} /> },
              { term: "Id", value: <Id value={row.id} isFull /> },
              { term: "Reference", value: row.reference },
              { term: "Partner", value: row.partnerName },
              { term: "Type", value: STORE_TYPE_WORDS[row.type] },
              { term: "City", value: row.city ?? NONE },
              { term: "Country", value: <Country code={row.country} /> },
              { term: "Store group", value: row.storeGroup?.name ?? NONE },
              { term: "Klarna's id", value: <Id value={row.klarnaStoreId} isFull /> },
              { term: "Terminals", value: row.terminalCount },
            ]}
          />
        ),
      }}
      empty={
        <EmptyState
          icon={Store}
          title="No stores in this mode"
          description="A store is a place where payments are taken: a shop, a website or an app. Stores are registered with a Partner, or come with its first payment."
          {...(canAdd
            ? {
                action: (
                  <ButtonLink href="/stores/new" variant="primary">
                    Add store
                  </ButtonLink>
                ),
              }
            : {})}
        />
      }
    />
  );
}
