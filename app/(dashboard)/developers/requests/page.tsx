import type { Metadata } from "next";
import { Prefetched } from "@/app/(dashboard)/prefetched";
import { parseTableState, type SearchParams } from "@/components/data-table/table-state";
import { Page, PageHeader } from "@/components/page-header";
import { SubNav } from "@/components/sub-nav";
import { requirePagePermission } from "@/server/auth/web";
import { developersNav } from "../nav";
import { RequestsList } from "./requests-list";
import { requestsInput, requestsTable } from "./table";

export const metadata: Metadata = { title: "Requests" };

export default async function RequestsPage({ searchParams }: { searchParams: Promise<SearchParams> }) {
  const { user } = await requirePagePermission("request_log:read");
  const state = parseTableState(requestsTable, await searchParams);
  return (
    <Page>
      <PageHeader title="Developers" />
      <SubNav label="Developers" items={developersNav(user)} />
      <Prefetched
        load={(trpc, client) => client.prefetchQuery(trpc.developers.requests.queryOptions(requestsInput(state)))}
      >
        <RequestsList />
      </Prefetched>
    </Page>
  );
}
