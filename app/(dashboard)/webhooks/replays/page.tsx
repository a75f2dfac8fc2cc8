import type { Metadata } from "next";
import { Prefetched } from "@/app/(dashboard)/prefetched";
import { parseTableState, type SearchParams } from "@/components/data-table/table-state";
import { Page, PageHeader } from "@/components/page-header";
import { SubNav } from "@/components/sub-nav";
import { webContext } from "@/server/auth/web";
import { WEBHOOKS_NAV } from "../nav";
import { ReplaysList } from "./replays-list";
import { replaysInput, replaysTable } from "./table";

export const metadata: Metadata = { title: "Replays" };

export default async function ReplaysPage({ searchParams }: { searchParams: Promise<SearchParams> }) {
  const ctx = await webContext("webhooks:read");
  const state = parseTableState(replaysTable, await searchParams);
  return (
    <Page>
      <PageHeader
        title="Webhooks"
        description="Deliveries that were sent once more, many at a time, and how far it is."
      />
      <SubNav label="Webhooks" items={WEBHOOKS_NAV} />
      <Prefetched
        load={(trpc, client) => client.prefetchQuery(trpc.webhooks.replays.list.queryOptions(replaysInput(state)))}
      >
        <ReplaysList hasPartners={ctx.scope.partners === "all" || ctx.scope.partners.length > 1} />
      </Prefetched>
    </Page>
  );
}
