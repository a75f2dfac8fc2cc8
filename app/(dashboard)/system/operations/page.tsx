import type { Metadata } from "next";
import { Prefetched } from "@/app/(dashboard)/prefetched";
import { parseTableState, type SearchParams } from "@/components/data-table/table-state";
import { Page, PageHeader } from "@/components/page-header";
import { SubNav } from "@/components/sub-nav";
import { requirePagePermission } from "@/server/auth/web";
import { systemNav } from "../nav";
import { OperationsList } from "./operations-list";
import { operationsInput, operationsTable } from "./table";

export const metadata: Metadata = { title: "Calls to Klarna" };

export default async function OperationsPage({ searchParams }: { searchParams: Promise<SearchParams> }) {
  const { user } = await requirePagePermission("system:read");
  const state = parseTableState(operationsTable, await searchParams);
  return (
    <Page>
      <PageHeader
        title="System"
        description="The journal of what was asked of Klarna: each intent is written down before the call, with its one key."
      />
      <SubNav label="System" items={systemNav(user)} />
      <Prefetched
        load={(trpc, client) => client.prefetchQuery(trpc.system.operations.queryOptions(operationsInput(state)))}
      >
        <OperationsList />
      </Prefetched>
    </Page>
  );
}
