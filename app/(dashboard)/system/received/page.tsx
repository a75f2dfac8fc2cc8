import type { Metadata } from "next";
import { Prefetched } from "@/app/(dashboard)/prefetched";
import { parseTableState, type SearchParams } from "@/components/data-table/table-state";
import { Page, PageHeader } from "@/components/page-header";
import { SubNav } from "@/components/sub-nav";
import { requirePagePermission } from "@/server/auth/web";
import { systemNav } from "../nav";
import { InboxList } from "./inbox-list";
import { inboxInput, inboxTable } from "./table";

export const metadata: Metadata = { title: "Events from Klarna" };

export default async function ReceivedPage({ searchParams }: { searchParams: Promise<SearchParams> }) {
  const { user } = await requirePagePermission("system:read");
  const state = parseTableState(inboxTable, await searchParams);
  return (
    <Page>
      <PageHeader title="System" />
      <SubNav label="System" items={systemNav(user)} />
      <Prefetched load={(trpc, client) => client.prefetchQuery(trpc.system.inbox.queryOptions(inboxInput(state)))}>
        <InboxList />
      </Prefetched>
    </Page>
  );
}
