import type { Metadata } from "next";
import { parseTableState, type SearchParams } from "@/components/data-table/table-state";
import { Page, PageHeader } from "@/components/page-header";
import { ButtonLink } from "@/components/ui/button";
import { can } from "@/server/auth/permissions";
import { requirePagePermission } from "@/server/auth/web";
import { Prefetched } from "../prefetched";
import { StoresList } from "./stores-list";
import { storesInput, storesTable } from "./table";

export const metadata: Metadata = { title: "Stores" };

export default async function StoresPage({ searchParams }: { searchParams: Promise<SearchParams> }) {
  const { user } = await requirePagePermission("stores:read");
  const canAdd = can(user, "stores:write");
  const state = parseTableState(storesTable, await searchParams);
  return (
    <Page>
      <PageHeader
        title="Stores"
        {...(canAdd
          ? {
              actions: (
                <>
                  {can(user, "imports:write") ? <ButtonLink href="/imports/new?kind=STORES">Import</ButtonLink> : null}
                  <ButtonLink href="/stores/new" variant="primary">
                    Add store
                  </ButtonLink>
                </>
              ),
            }
          : {})}
      />
      <Prefetched load={(trpc, client) => client.prefetchQuery(trpc.stores.list.queryOptions(storesInput(state)))}>
        <StoresList canAdd={canAdd} />
      </Prefetched>
    </Page>
  );
}
