import type { Metadata } from "next";
import { parseTableState, type SearchParams } from "@/components/data-table/table-state";
import { Page, PageHeader } from "@/components/page-header";
import { requirePagePermission } from "@/server/auth/web";
import { Prefetched } from "../prefetched";
import { StoresList } from "./stores-list";
import { storesInput, storesTable } from "./table";

export const metadata: Metadata = { title: "Stores" };

export default async function StoresPage({ searchParams }: { searchParams: Promise<SearchParams> }) {
  await requirePagePermission("stores:read");
  const state = parseTableState(storesTable, await searchParams);
  return (
    <Page>
      <PageHeader title="Stores" />
      <Prefetched load={(trpc, client) => client.prefetchQuery(trpc.stores.list.queryOptions(storesInput(state)))}>
        <StoresList />
      </Prefetched>
    </Page>
  );
}
