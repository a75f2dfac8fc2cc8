import type { Metadata } from "next";
import { parseTableState, type SearchParams } from "@/components/data-table/table-state";
import { Page, PageHeader } from "@/components/page-header";
import { ButtonLink } from "@/components/ui/button";
import { webContext } from "@/server/auth/web";
import { Prefetched } from "../prefetched";
import { ImportsList } from "./imports-list";
import { importsInput, importsTable } from "./table";

export const metadata: Metadata = { title: "Imports" };

export default async function ImportsPage({ searchParams }: { searchParams: Promise<SearchParams> }) {
  const ctx = await webContext("imports:write");
  const state = parseTableState(importsTable, await searchParams);
  return (
    <Page>
      <PageHeader
        title="Imports"
        description="Files of Partners, stores and terminals, and what became of each row."
        actions={
          <ButtonLink href="/imports/new" variant="primary">
            Import a file
          </ButtonLink>
        }
      />
      <Prefetched load={(trpc, client) => client.prefetchQuery(trpc.imports.list.queryOptions(importsInput(state)))}>
        <ImportsList hasPartners={ctx.scope.partners === "all" || ctx.scope.partners.length > 1} />
      </Prefetched>
    </Page>
  );
}
