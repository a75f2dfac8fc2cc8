import type { Metadata } from "next";
import { parseTableState, type SearchParams } from "@/components/data-table/table-state";
import { Page, PageHeader } from "@/components/page-header";
import { SubNav } from "@/components/sub-nav";
import { can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import { SUBSCRIBABLE_EVENT_TYPES } from "@/server/domain/webhooks/schema";
import { partnerOptions } from "../partner-options";
import { Prefetched } from "../prefetched";
import { AddEndpoint } from "./add-endpoint";
import { webhookChoices } from "./choices";
import { EndpointsList } from "./endpoints-list";
import { WEBHOOKS_NAV } from "./nav";
import { endpointsInput, endpointsTable } from "./table";

export const metadata: Metadata = { title: "Webhooks" };

export default async function WebhooksPage({ searchParams }: { searchParams: Promise<SearchParams> }) {
  const ctx = await webContext("webhooks:read");
  const { user } = await requireSession();
  const search = await searchParams;
  const choices = await webhookChoices(ctx);
  const state = parseTableState(endpointsTable(choices), search);
  const canWrite = can(user, "webhooks:write");
  return (
    <Page>
      <PageHeader
        title="Webhooks"
        description="Where Partners hear of what happens to their payments, and whether it arrives."
        actions={
          canWrite ? (
            <AddEndpoint
              mode={ctx.scope.mode}
              partners={await partnerOptions(ctx)}
              eventTypes={SUBSCRIBABLE_EVENT_TYPES}
              isOpenAtFirst={search["add"] === "1"}
            />
          ) : undefined
        }
      />
      <SubNav label="Webhooks" items={WEBHOOKS_NAV} />
      <Prefetched
        load={(trpc, client) => client.prefetchQuery(trpc.webhooks.endpoints.list.queryOptions(endpointsInput(state)))}
      >
        <EndpointsList canWrite={canWrite} choices={choices} />
      </Prefetched>
    </Page>
  );
}
