import type { Metadata } from "next";
import { Prefetched } from "@/app/(dashboard)/prefetched";
import { parseTableState, type SearchParams } from "@/components/data-table/table-state";
import { DateTime } from "@/components/display/date-time";
import { Page, PageHeader } from "@/components/page-header";
import { Stat, StatRow } from "@/components/stat";
import { SubNav } from "@/components/sub-nav";
import { TextLink } from "@/components/text-link";
import { can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import type { InboxSummary } from "@/server/domain/inbox/schema";
import { getInboxSummary } from "@/server/domain/inbox/service";
import { systemNav } from "../nav";
import { InboxList } from "./inbox-list";
import { inboxInput, inboxTable } from "./table";

export const metadata: Metadata = { title: "Events from Klarna" };

const COUNT = new Intl.NumberFormat("en");

export default async function ReceivedPage({ searchParams }: { searchParams: Promise<SearchParams> }) {
  const ctx = await webContext("klarna_events:read");
  const { user } = await requireSession();
  const [summary, params] = await Promise.all([getInboxSummary(ctx), searchParams]);
  const state = parseTableState(inboxTable, params);
  const unhandled = summary.unhandledTypes.reduce((sum, type) => sum + type.count, 0);
  const today = summary.types.reduce((sum, type) => sum + type.count, 0);
  return (
    <Page>
      <PageHeader
        title="System"
        description="What Klarna told us: each event is stored once, by its id, before anything is done with it."
      />
      <SubNav label="System" items={systemNav(user)} />
      <StatRow>
        <Stat
          label="Waiting"
          value={COUNT.format(summary.waiting)}
          hint={
            summary.oldestWaitingAt === null ? (
              "Nothing waits"
            ) : (
              <>
                oldest <DateTime value={summary.oldestWaitingAt} format="relative" />
              </>
            )
          }
          href="/system/received?state=RECEIVED"
        />
        <Stat
          label="Parked"
          value={COUNT.format(summary.parked)}
          hint="until their payment is known"
          href="/system/received?state=PARKED"
        />
        <Stat
          label="Failed"
          value={COUNT.format(summary.failed)}
          hint="set aside, can be replayed"
          href="/system/received?state=FAILED"
        />
        <Stat
          label="In 24 hours"
          value={COUNT.format(today)}
          hint={`${COUNT.format(summary.types.length)} types`}
          href="/system/received?received=24h"
        />
      </StatRow>
      <Unhandled types={summary.unhandledTypes} total={unhandled} />
      <Prefetched load={(trpc, client) => client.prefetchQuery(trpc.system.inbox.queryOptions(inboxInput(state)))}>
        <InboxList canReplay={can(user, "klarna_events:replay")} mode={ctx.scope.mode} />
      </Prefetched>
    </Page>
  );
}

/** Types that nothing here acts on, each with its count. */
function Unhandled({ types, total }: { types: InboxSummary["unhandledTypes"]; total: number }) {
  if (types.length === 0) return null;
  return (
    <section aria-label="Types that nothing acts on" className="text-ink-2 text-sm">
      <p>
        {COUNT.format(total)} {total === 1 ? "event is" : "events are"} of types that nothing here acts on. They are
        kept and can be replayed once something does:
      </p>
      <ul className="mt-1 flex flex-wrap gap-x-4 gap-y-1">
        {types.map((type) => (
          <li key={type.type}>
            <TextLink href={`/system/received?acted=unhandled&type=${encodeURIComponent(type.type)}`}>
              <span className="font-mono text-xs">{type.type}</span>
            </TextLink>{" "}
            <span className="tabular-nums">{COUNT.format(type.count)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
