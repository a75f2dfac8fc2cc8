import type { Metadata } from "next";
import { Prefetched } from "@/app/(dashboard)/prefetched";
import { parseTableState, type SearchParams } from "@/components/data-table/table-state";
import { Page, PageHeader } from "@/components/page-header";
import { SubNav } from "@/components/sub-nav";
import { webContext } from "@/server/auth/web";
import { webhookChoices } from "../choices";
import { WEBHOOKS_NAV } from "../nav";
import { EventsList } from "./events-list";
import { eventsInput, eventsTable } from "./table";

export const metadata: Metadata = { title: "Events" };

export default async function EventsPage({ searchParams }: { searchParams: Promise<SearchParams> }) {
  const ctx = await webContext("webhooks:read");
  const choices = await webhookChoices(ctx);
  const state = parseTableState(eventsTable(choices), await searchParams);
  return (
    <Page>
      <PageHeader
        title="Webhooks"
        description="What happened, as Partners are told of it. Kept readable for 30 days, whether or not an endpoint asked for it."
      />
      <SubNav label="Webhooks" items={WEBHOOKS_NAV} />
      <Prefetched
        load={(trpc, client) =>
          client.prefetchQuery(trpc.webhooks.events.list.queryOptions(eventsInput(state, choices)))
        }
      >
        <EventsList choices={choices} />
      </Prefetched>
    </Page>
  );
}
