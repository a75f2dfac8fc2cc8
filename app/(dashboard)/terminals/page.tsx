import type { Metadata } from "next";
import { parseTableState, type SearchParams } from "@/components/data-table/table-state";
import { Page, PageHeader } from "@/components/page-header";
import { ButtonLink } from "@/components/ui/button";
import { can } from "@/server/auth/permissions";
import { requirePagePermission } from "@/server/auth/web";
import { Prefetched } from "../prefetched";
import { terminalsInput, terminalsTable } from "./table";
import { TerminalsList } from "./terminals-list";

export const metadata: Metadata = { title: "Terminals" };

export default async function TerminalsPage({ searchParams }: { searchParams: Promise<SearchParams> }) {
  const { user } = await requirePagePermission("terminals:read");
  const canAdd = can(user, "terminals:write");
  const state = parseTableState(terminalsTable, await searchParams);
  return (
    <Page>
      <PageHeader
        title="Terminals"
        {...(canAdd
          ? {
              actions: (
                <>
                  {can(user, "imports:write") ? (
                    <ButtonLink href="/imports/new?kind=TERMINALS">Import</ButtonLink>
                  ) : null}
                  <ButtonLink href="/terminals/new" variant="primary">
                    Add terminal
                  </ButtonLink>
                </>
              ),
            }
          : {})}
      />
      <Prefetched
        load={(trpc, client) => client.prefetchQuery(trpc.terminals.list.queryOptions(terminalsInput(state)))}
      >
        <TerminalsList canAdd={canAdd} />
      </Prefetched>
    </Page>
  );
}
