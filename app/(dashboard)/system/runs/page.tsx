import type { Metadata } from "next";
import { Prefetched } from "@/app/(dashboard)/prefetched";
import { parseTableState, type SearchParams } from "@/components/data-table/table-state";
import { DateTime } from "@/components/display/date-time";
import { Notice } from "@/components/notice";
import { Page, PageHeader } from "@/components/page-header";
import { Stat, StatRow } from "@/components/stat";
import { SubNav } from "@/components/sub-nav";
import { TextLink } from "@/components/text-link";
import { ButtonLink } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import { requireSession, webContext } from "@/server/auth/web";
import type { EngineFunction, EngineStatus } from "@/server/domain/engine/schema";
import { getEngineStatus } from "@/server/domain/engine/service";
import { systemNav } from "../nav";
import { RunsList } from "./runs-list";
import { runsInput, runsTable } from "./table";

export const metadata: Metadata = { title: "Background" };

const COUNT = new Intl.NumberFormat("en");

export default async function RunsPage({ searchParams }: { searchParams: Promise<SearchParams> }) {
  const ctx = await webContext("system:read");
  const { user } = await requireSession();
  const [engine, params] = await Promise.all([getEngineStatus(ctx), searchParams]);
  return (
    <Page>
      <PageHeader title="System" description="What works in the background, of both modes." />
      <SubNav label="System" items={systemNav(user)} />
      <Background engine={engine} params={params} />
    </Page>
  );
}

function Background({ engine, params }: { engine: EngineStatus; params: SearchParams }) {
  if (engine.kind === "inngest") {
    return (
      <Notice
        title="An Inngest server runs the background"
        action={
          <ButtonLink href={engine.url} external size="sm">
            Open Inngest
          </ButtonLink>
        }
      >
        Functions, runs and steps are seen, cancelled and replayed there: {new URL(engine.url).host}.
      </Notice>
    );
  }
  if (!engine.isReachable) {
    return (
      <Notice tone="bad" title="The background does not answer">
        {engine.problem} Payments and events go on; what is due is done once it is back. Its supervisor starts it again
        by itself.
      </Notice>
    );
  }
  const functions = engine.functions.map((fn) => fn.id);
  const state = parseTableState(runsTable(functions), params);
  const runs = (status: string): string => COUNT.format(engine.runsLastDay[status] ?? 0);
  return (
    <>
      <StatRow>
        <Stat
          label="Running"
          value={runs("running")}
          hint={`${runs("queued")} wait${engine.runsWaitingForRoom > 0 ? `, ${COUNT.format(engine.runsWaitingForRoom)} for room` : ""}`}
          href="/system/runs?status=running"
        />
        <Stat label="Completed in a day" value={runs("completed")} href="/system/runs?status=completed" />
        <Stat label="Failed in a day" value={runs("failed")} href="/system/runs?status=failed" />
        <Stat
          label="Queue"
          value={engine.queueLagSeconds < 1 ? "No lag" : `${Math.round(engine.queueLagSeconds)} s behind`}
          hint={`${COUNT.format(engine.workers)} ${engine.workers === 1 ? "worker" : "workers"}, ${COUNT.format(engine.eventsLastHour)} signals in an hour`}
        />
      </StatRow>
      <Prefetched load={(trpc, client) => client.prefetchQuery(trpc.system.runs.queryOptions(runsInput(state)))}>
        <RunsList functions={functions} />
      </Prefetched>
      <Panel title={`Functions · ${COUNT.format(functions.length)}`} isFlush>
        <ul>
          {engine.functions.map((fn) => (
            <li
              key={fn.id}
              className="flex min-h-11 flex-wrap items-center gap-x-6 gap-y-0.5 border-line border-b px-4 py-1.5 last:border-b-0"
            >
              <span className="min-w-0 flex-1 basis-64">
                <TextLink href={`/system/runs?function=${encodeURIComponent(fn.id)}`} className="font-medium text-sm">
                  {fn.id}
                </TextLink>
                <span className="block text-ink-3 text-xs">{triggerWords(fn)}</span>
              </span>
              <span className="text-ink-3 text-xs">
                {fn.nextAt === null ? (
                  "on its event"
                ) : (
                  <>
                    next <DateTime value={fn.nextAt} format="relative" />
                  </>
                )}
              </span>
              <span className="text-ink-3 text-xs tabular-nums">
                {fn.retries === 1 ? "1 retry" : `${fn.retries} retries`}
              </span>
            </li>
          ))}
        </ul>
      </Panel>
    </>
  );
}

function triggerWords(fn: EngineFunction): string {
  return [...fn.events, ...fn.crons].join(" · ");
}
