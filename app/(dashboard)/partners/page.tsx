import type { Metadata } from "next";
import { parseTableState, type SearchParams } from "@/components/data-table/table-state";
import { Page, PageHeader } from "@/components/page-header";
import { requirePagePermission } from "@/server/auth/web";
import { Prefetched } from "../prefetched";
import { PartnersList } from "./partners-list";
import { partnersInput, partnersTable } from "./table";

export const metadata: Metadata = { title: "Partners" };

export default async function PartnersPage({ searchParams }: { searchParams: Promise<SearchParams> }) {
  await requirePagePermission("partners:read");
  const state = parseTableState(partnersTable, await searchParams);
  return (
    <Page>
      <PageHeader title="Partners" />
      <Prefetched load={(trpc, client) => client.prefetchQuery(trpc.partners.list.queryOptions(partnersInput(state)))}>
        <PartnersList />
      </Prefetched>
    </Page>
  );
}
