"use client";

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { ConfirmAction } from "@/components/confirm-action";
import { DateTime } from "@/components/display/date-time";
import { DefinitionList } from "@/components/display/definition-list";
import { Id } from "@/components/display/id";
import { ModeBadge } from "@/components/display/mode-badge";
import { Money, moneyText } from "@/components/display/money";
import { StatusBadge } from "@/components/display/status-badge";
import { describeError, ErrorState } from "@/components/error-state";
import { Notice } from "@/components/notice";
import { Page, PageHeader } from "@/components/page-header";
import { CrumbLabel } from "@/components/shell/crumb-label";
import { useTRPC } from "@/components/trpc-provider";
import { ButtonLink } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import type { BulkCount, BulkRunRecord } from "@/server/domain/bulk/schema";
import type { BulkRowState } from "@/server/domain/bulk/states";
import { startCapturesAction, startRefundsAction, stopCapturesAction, stopRefundsAction } from "../actions";
import { runName } from "./bulk-list";
import { BulkRows } from "./bulk-rows";

const RUNNING_MS = 1_000;
/** Rows may still wait for Klarna or for a second person. */
const WAITING_MS = 10_000;
const COUNT = new Intl.NumberFormat("en");
const ACTIONS = {
  CAPTURE: { start: startCapturesAction, stop: stopCapturesAction },
  REFUND: { start: startRefundsAction, stop: stopRefundsAction },
} as const;

export function BulkRun({ id, canDo }: { id: string; canDo: boolean }) {
  const trpc = useTRPC();
  const client = useQueryClient();
  const query = useQuery(
    trpc.bulk.get.queryOptions(
      { id },
      { refetchInterval: ({ state }) => (state.data?.state === "RUNNING" ? RUNNING_MS : WAITING_MS) },
    ),
  );
  const run = query.data;
  if (run === undefined)
    return <ErrorState {...describeError(query.error)} onRetry={() => void query.refetch()} className="py-24" />;
  const refresh = (): void => void client.invalidateQueries({ queryKey: trpc.bulk.pathKey() });
  return (
    <Page>
      <CrumbLabel label={runName(run)} />
      <PageHeader
        title={runName(run)}
        aside={
          <span className="flex items-center gap-1.5" aria-live="polite">
            <StatusBadge kind="bulk" status={run.state} />
            <ModeBadge mode={run.mode} />
          </span>
        }
        description={`${COUNT.format(run.rowCount)} ${run.rowCount === 1 ? "row" : "rows"} of ${run.partnerName}`}
        actions={
          <>
            {canDo && (run.state === "RUNNING" || run.state === "CHECKED") ? <Stop run={run} onDone={refresh} /> : null}
            {canDo && run.state === "CHECKED" && sumOf(run, ["READY"]) > 0 ? (
              <Start run={run} onDone={refresh} />
            ) : null}
          </>
        }
      />
      <Outcome run={run} canDo={canDo} />
      <BulkRows key={run.state} run={run} />
      <Panel title="Facts">
        <DefinitionList
          columns={2}
          items={[
            { term: "Id", value: <Id value={run.id} isFull /> },
            { term: "Partner", value: run.partnerName },
            { term: "By", value: run.createdByName ?? run.createdBy },
            { term: "Made", value: <DateTime value={run.createdAt} /> },
            { term: "Started", value: <DateTime value={run.startedAt} />, isHidden: run.startedAt === null },
            { term: "Ended", value: <DateTime value={run.finishedAt} />, isHidden: run.finishedAt === null },
          ]}
        />
      </Panel>
    </Page>
  );
}

const sumOf = (run: BulkRunRecord, states: readonly BulkRowState[]): number =>
  run.counts.filter((count) => states.includes(count.state)).reduce((sum, count) => sum + count.count, 0);

function amountsOf(counts: readonly BulkCount[]): { currency: string; amount: number }[] {
  return [...Map.groupBy(counts, (count) => count.currency)].flatMap(([currency, of]) =>
    currency === null ? [] : [{ currency, amount: of.reduce((sum, count) => sum + count.amount, 0) }],
  );
}

const amountWords = (counts: readonly BulkCount[]): string =>
  amountsOf(counts)
    .map(({ amount, currency }) => moneyText(amount, currency))
    .join(" and ");

const GROUPS: ReadonlyArray<{ label: string; states: readonly BulkRowState[] }> = [
  { label: "Ready", states: ["READY", "ASKING"] },
  { label: "Done", states: ["DONE"] },
  { label: "Waiting for Klarna", states: ["WAITING"] },
  { label: "Needs approval", states: ["APPROVAL"] },
  { label: "Done by another run", states: ["SKIPPED"] },
  { label: "Refused", states: ["INVALID", "FAILED"] },
];

/** How many rows are where, with their sums; how far a running one is. */
function Outcome({ run, canDo }: { run: BulkRunRecord; canDo: boolean }) {
  const groups = GROUPS.map((group) => ({
    ...group,
    counts: run.counts.filter((count) => group.states.includes(count.state)),
  })).filter((group) => group.counts.length > 0);
  const todo = sumOf(run, ["READY", "ASKING"]);
  const handled = run.rowCount - todo;
  const approvals = run.counts.reduce((sum, count) => sum + (count.state === "READY" ? count.approvals : 0), 0);
  const waiting = sumOf(run, ["APPROVAL"]);
  return (
    <Panel title={run.state === "CHECKED" ? "What would happen" : "What happened"}>
      <div className="grid gap-4">
        {run.state === "RUNNING" ? (
          <div className="grid gap-1.5">
            <div
              role="progressbar"
              aria-label="Rows that were asked for"
              aria-valuemin={0}
              aria-valuemax={run.rowCount}
              aria-valuenow={handled}
              className="h-2 overflow-hidden rounded-full bg-neutral-soft"
            >
              <div
                className="h-full bg-accent transition-[width]"
                style={{ width: `${(handled / run.rowCount) * 100}%` }}
              />
            </div>
            <p className="text-ink-2 text-sm">
              {COUNT.format(handled)} of {COUNT.format(run.rowCount)} rows. You may leave this page.
            </p>
          </div>
        ) : null}
        <dl className="grid grid-cols-2 gap-x-6 gap-y-3 sm:grid-cols-3 lg:grid-cols-6">
          {groups.map((group) => (
            <div key={group.label} className="grid content-start gap-0.5">
              <dt className="text-ink-2 text-xs">{group.label}</dt>
              <dd className="font-semibold text-2xl">
                {COUNT.format(group.counts.reduce((sum, count) => sum + count.count, 0))}
              </dd>
              {amountsOf(group.counts)
                .filter(({ amount }) => amount > 0)
                .map(({ amount, currency }) => (
                  <dd key={currency} className="text-ink-3 text-xs">
                    <Money amount={amount} currency={currency} />
                  </dd>
                ))}
            </div>
          ))}
        </dl>
        {run.note === null ? null : <Notice tone="warn" title={run.note} />}
        {run.state === "CHECKED" && todo === 0 ? (
          <Notice tone="info" title="No row can be done">
            Each row says why. Correct the file and preview it again.
          </Notice>
        ) : null}
        {run.state === "CHECKED" && approvals > 0 ? (
          <Notice tone="warn" title={`${COUNT.format(approvals)} of these need a second person`}>
            They are above the Partner’s limit. Starting asks for approval; nothing is given back before that.
          </Notice>
        ) : null}
        {waiting > 0 ? (
          <Notice
            tone="warn"
            title={`${COUNT.format(waiting)} ${waiting === 1 ? "row waits" : "rows wait"} for a second person`}
            action={
              <ButtonLink href="/settings/approvals?state=PENDING" size="sm">
                Open the requests
              </ButtonLink>
            }
          />
        ) : null}
        {run.state === "CHECKED" && !canDo ? (
          <p className="text-ink-3 text-sm">Your role can look at this preview and not start it.</p>
        ) : null}
      </div>
    </Panel>
  );
}

function Start({ run, onDone }: { run: BulkRunRecord; onDone: () => void }) {
  const ready = run.counts.filter((count) => count.state === "READY");
  const [single, second] = amountsOf(ready);
  const rows = sumOf(run, ["READY"]);
  const verb = run.kind === "CAPTURE" ? "Capture" : "Refund";
  return (
    <ConfirmAction
      label={`${verb} ${COUNT.format(rows)}`}
      variant="primary"
      tone={run.kind === "CAPTURE" ? "primary" : "danger"}
      title={`${verb} ${rows === 1 ? "one payment" : `${COUNT.format(rows)} payments`}?`}
      verb={verb}
      {...(single !== undefined && second === undefined ? { amount: single } : {})}
      partner={run.partnerName}
      mode={run.mode}
      facts={[
        { term: "Rows", value: COUNT.format(rows) },
        ...(second === undefined ? [] : [{ term: "Amounts", value: amountWords(ready) }]),
      ]}
      consequence={
        run.kind === "CAPTURE"
          ? "The customers are charged. What was captured can only be given back by a refund."
          : "Klarna pays the customers back and takes the amounts from this Partner’s next settlement. This cannot be undone."
      }
      onConfirm={async () => {
        const result = await ACTIONS[run.kind].start(run.id);
        return result.ok ? { ok: true, message: "Started. The rows follow here." } : result;
      }}
      onDone={onDone}
    />
  );
}

function Stop({ run, onDone }: { run: BulkRunRecord; onDone: () => void }) {
  const isRunning = run.state === "RUNNING";
  return (
    <ConfirmAction
      label={isRunning ? "Stop" : "Discard"}
      variant="danger-quiet"
      title={isRunning ? "Stop this run?" : "Discard this preview?"}
      verb={isRunning ? "Stop" : "Discard"}
      partner={run.partnerName}
      mode={run.mode}
      consequence={
        isRunning ? "Rows that were asked for stay done. The rest is left as it is." : "Nothing was asked for yet."
      }
      onConfirm={async () => {
        const result = await ACTIONS[run.kind].stop(run.id);
        return result.ok ? { ok: true, message: isRunning ? "Stopped." : "Discarded." } : result;
      }}
      onDone={onDone}
    />
  );
}
