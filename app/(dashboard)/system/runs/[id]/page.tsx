import type { Metadata } from "next";
import { orNotFound } from "@/app/(dashboard)/or-not-found";
import { AutoRefresh } from "@/components/auto-refresh";
import { DateTime } from "@/components/display/date-time";
import { DefinitionList } from "@/components/display/definition-list";
import { Id } from "@/components/display/id";
import { JsonView } from "@/components/display/json-view";
import { StatusBadge } from "@/components/display/status-badge";
import { statusWord } from "@/components/display/status-words";
import { RecordLayout } from "@/components/record-layout";
import { TextLink } from "@/components/text-link";
import { Timeline, type TimelineItem } from "@/components/timeline";
import { Panel } from "@/components/ui/panel";
import { can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import type { RunStep } from "@/server/domain/engine/schema";
import { getRun } from "@/server/domain/engine/service";
import { OPEN_RUN_STATES } from "@/server/domain/engine/states";
import { tookWords } from "../took-words";
import { RunActions } from "./run-actions";

export const metadata: Metadata = { title: "Run" };

const REFRESH_MS = 3_000;

export default async function RunPage({ params }: { params: Promise<{ id: string }> }) {
  const ctx = await webContext("system:read");
  const { user } = await requireSession();
  const { id } = await params;
  const run = await orNotFound(getRun(ctx, decodeURIComponent(id)));
  const isOpen = OPEN_RUN_STATES.includes(run.status);
  return (
    <RecordLayout
      title={run.functionId}
      crumb={run.functionId}
      badge={<StatusBadge kind="run" status={run.status} />}
      ids={<Id value={run.id} isFull />}
      actions={
        can(user, "runs:write") ? <RunActions id={run.id} functionId={run.functionId} isOpen={isOpen} /> : undefined
      }
      main={
        <>
          {isOpen ? <AutoRefresh everyMs={REFRESH_MS} /> : null}
          <Panel title="Steps" description="In the order in which they ended; what they gave is masked.">
            <Timeline empty="It has no step yet." items={run.steps.map(stepItem)} />
          </Panel>
          {run.error === null || run.error === undefined ? null : (
            <Panel title="Error">
              <JsonView value={run.error} label="Error" openDepth={3} />
            </Panel>
          )}
          {run.output === null || run.output === undefined ? null : (
            <Panel title="Result">
              <JsonView value={run.output} label="Result" openDepth={3} />
            </Panel>
          )}
          <Panel title={run.events.length === 1 ? "Event" : `Events · ${run.events.length}`}>
            {run.events.length === 0 ? (
              <p className="text-ink-3 text-sm">It was not started by an event that is still kept.</p>
            ) : (
              <div className="grid gap-3">
                {run.events.slice(0, 20).map((event) => (
                  <JsonView key={event.id} value={{ name: event.name, data: event.data }} label={event.name} />
                ))}
              </div>
            )}
          </Panel>
        </>
      }
      facts={
        <Panel title="Facts">
          <DefinitionList
            items={[
              {
                term: "Function",
                value: (
                  <TextLink href={`/system/runs?function=${encodeURIComponent(run.functionId)}`}>
                    {run.functionId}
                  </TextLink>
                ),
              },
              { term: "Started by", value: <span className="font-mono text-xs">{run.eventName ?? "–"}</span> },
              { term: "Asked for", value: <DateTime value={run.createdAt} precision="second" /> },
              { term: "Started", value: <DateTime value={run.startedAt} precision="second" /> },
              {
                term: "Ended",
                value: <DateTime value={run.endedAt} precision="second" />,
                hint: run.endedAt === null ? undefined : `took ${tookWords(run.startedAt, run.endedAt)}`,
              },
              {
                term: "Goes on",
                value: <DateTime value={run.nextAt} precision="second" />,
                isHidden: run.nextAt === null || !isOpen,
              },
              { term: "Retries", value: run.attempt },
              {
                term: "Replay of",
                value: run.replayOf === null ? null : <RunLink id={run.replayOf} />,
                isHidden: run.replayOf === null,
              },
              {
                term: "Called by",
                value: run.parentRun === null ? null : <RunLink id={run.parentRun} />,
                isHidden: run.parentRun === null,
              },
            ]}
          />
        </Panel>
      }
    />
  );
}

function RunLink({ id }: { id: string }) {
  return (
    <TextLink href={`/system/runs/${encodeURIComponent(id)}`} className="break-all font-mono text-xs">
      {id}
    </TextLink>
  );
}

function stepItem(step: RunStep): TimelineItem {
  const word = statusWord("step", step.status);
  return {
    id: step.id,
    at: step.updatedAt ?? step.createdAt,
    tone: word.tone,
    title: step.name,
    actor: word.word,
    via: step.op,
    ...(step.wakeAt !== null && step.status !== "done"
      ? {
          description: (
            <>
              until <DateTime value={step.wakeAt} precision="second" />
            </>
          ),
        }
      : step.attempt > 0
        ? { description: `${step.attempt} ${step.attempt === 1 ? "retry" : "retries"}` }
        : {}),
    messages: [
      ...(step.data === null || step.data === undefined ? [] : [{ label: "Gave", value: step.data }]),
      ...(step.error === null || step.error === undefined ? [] : [{ label: "Error", value: step.error }]),
    ],
  };
}
