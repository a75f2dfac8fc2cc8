import type { Metadata } from "next";
import { Prefetched } from "@/app/(dashboard)/prefetched";
import { parseTableState, type SearchParams } from "@/components/data-table/table-state";
import { Page, PageHeader } from "@/components/page-header";
import { SubNav } from "@/components/sub-nav";
import { ButtonLink } from "@/components/ui/button";
import { can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import { PAYMENTS_NAV } from "../nav";
import { BulkList } from "./_components/bulk-list";
import { bulkInput, bulkTable } from "./table";

export const metadata: Metadata = { title: "Captures and refunds of many" };

export default async function BulkPage({ searchParams }: { searchParams: Promise<SearchParams> }) {
  const ctx = await webContext("payments:read");
  const { user } = await requireSession();
  const state = parseTableState(bulkTable, await searchParams);
  return (
    <Page>
      <PageHeader
        title="Captures and refunds of many"
        description="From a file, or from the list of payments: some that are chosen, or all of a filter. Each row is previewed, and done once."
        actions={
          <>
            {can(user, "payments:refund") ? <ButtonLink href="/payments/bulk/refund">Refund many</ButtonLink> : null}
            {can(user, "payments:capture") ? (
              <ButtonLink href="/payments/bulk/capture" variant="primary">
                Capture many
              </ButtonLink>
            ) : null}
          </>
        }
      />
      <SubNav label="Payments" items={PAYMENTS_NAV} />
      <Prefetched load={(trpc, client) => client.prefetchQuery(trpc.bulk.list.queryOptions(bulkInput(state)))}>
        <BulkList hasPartners={ctx.scope.partners === "all" || ctx.scope.partners.length > 1} />
      </Prefetched>
    </Page>
  );
}
