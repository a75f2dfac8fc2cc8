import type { Metadata } from "next";
import { parseTableState, type SearchParams } from "@/components/data-table/table-state";
import { Page, PageHeader } from "@/components/page-header";
import { SubNav } from "@/components/sub-nav";
import { ButtonLink } from "@/components/ui/button";
import { can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import { Prefetched } from "../prefetched";
import { PARTNERS_NAV } from "./nav";
import { PartnersList } from "./partners-list";
import { partnersInput, partnersTable } from "./table";

export const metadata: Metadata = { title: "Partners" };

export default async function PartnersPage({ searchParams }: { searchParams: Promise<SearchParams> }) {
  const ctx = await webContext("partners:read");
  const { user } = await requireSession();
  const state = parseTableState(partnersTable, await searchParams);
  return (
    <Page>
      <PageHeader
        title="Partners"
        actions={
          ctx.scope.partners === "all" && can(user, "partners:write") ? (
            <ButtonLink href="/partners/new" variant="primary">
              Onboard a Partner
            </ButtonLink>
          ) : undefined
        }
      />
      {can(user, "partners:draft") ? <SubNav label="Partners" items={PARTNERS_NAV} /> : null}
      <Prefetched load={(trpc, client) => client.prefetchQuery(trpc.partners.list.queryOptions(partnersInput(state)))}>
        <PartnersList />
      </Prefetched>
    </Page>
  );
}
