import type { Metadata } from "next";
import { Prefetched } from "@/app/(dashboard)/prefetched";
import { parseTableState, type SearchParams } from "@/components/data-table/table-state";
import { Page, PageHeader } from "@/components/page-header";
import { SubNav } from "@/components/sub-nav";
import { can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import { webhookChoices } from "../choices";
import { WEBHOOKS_NAV } from "../nav";
import { DeliveriesList } from "./deliveries-list";
import { countsInput, deliveriesInput, deliveriesTable } from "./table";

export const metadata: Metadata = { title: "Deliveries" };

export default async function DeliveriesPage({ searchParams }: { searchParams: Promise<SearchParams> }) {
  const ctx = await webContext("webhooks:read");
  const { user } = await requireSession();
  const choices = await webhookChoices(ctx);
  const state = parseTableState(deliveriesTable(choices), await searchParams);
  return (
    <Page>
      <PageHeader title="Webhooks" description="Each event that was owed to an endpoint, and how sending it went." />
      <SubNav label="Webhooks" items={WEBHOOKS_NAV} />
      <Prefetched
        load={(trpc, client) =>
          Promise.all([
            client.prefetchQuery(trpc.webhooks.deliveries.list.queryOptions(deliveriesInput(state, choices))),
            client.prefetchQuery(trpc.webhooks.deliveries.counts.queryOptions(countsInput(state, choices))),
          ])
        }
      >
        <DeliveriesList canReplay={can(user, "webhooks:write")} mode={ctx.scope.mode} choices={choices} />
      </Prefetched>
    </Page>
  );
}
