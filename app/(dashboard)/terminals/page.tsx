import type { Metadata } from "next";
import { parseTableState, type SearchParams } from "@/components/data-table/table-state";
import { Page, PageHeader } from "@/components/page-header";
import { requirePagePermission } from "@/server/auth/web";
import { Prefetched } from "../prefetched";
import { terminalsInput, terminalsTable } from "./table";
import { TerminalsList } from "./terminals-list";

export const metadata: Metadata = { title: "Terminals" };

export default async function TerminalsPage({ searchParams }: { searchParams: Promise<SearchParams> }) {
  await requirePagePermission("terminals:read");
  const state = parseTableState(terminalsTable, await searchParams);
  return (
    <Page>
      <PageHeader title="Terminals" />
      <Prefetched
        load={(trpc, client) => client.prefetchQuery(trpc.terminals.list.queryOptions(terminalsInput(state)))}
      >
        <TerminalsList />
      </Prefetched>
    </Page>
  );
}
