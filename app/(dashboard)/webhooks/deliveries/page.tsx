import type { Metadata } from "next";
import { Prefetched } from "@/app/(dashboard)/prefetched";
import { parseTableState, type SearchParams } from "@/components/data-table/table-state";
import { Page, PageHeader } from "@/components/page-header";
import { SubNav } from "@/components/sub-nav";
import { requirePagePermission } from "@/server/auth/web";
import { WEBHOOKS_NAV } from "../nav";
import { DeliveriesList } from "./deliveries-list";
import { deliveriesInput, deliveriesTable } from "./table";

export const metadata: Metadata = { title: "Deliveries" };

export default async function DeliveriesPage({ searchParams }: { searchParams: Promise<SearchParams> }) {
  await requirePagePermission("webhooks:read");
  const state = parseTableState(deliveriesTable, await searchParams);
  return (
    <Page>
      <PageHeader title="Webhooks" />
      <SubNav label="Webhooks" items={WEBHOOKS_NAV} />
      <Prefetched
        load={(trpc, client) =>
          client.prefetchQuery(trpc.webhooks.deliveries.list.queryOptions(deliveriesInput(state)))
        }
      >
        <DeliveriesList />
      </Prefetched>
    </Page>
  );
}
