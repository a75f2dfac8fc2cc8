import type { Metadata } from "next";
import { AutoRefresh } from "@/components/auto-refresh";
import { DateTime } from "@/components/display/date-time";
import { Id } from "@/components/display/id";
import { StatusBadge } from "@/components/display/status-badge";
import { Page, PageHeader } from "@/components/page-header";
import { Stat, StatRow } from "@/components/stat";
import { SubNav } from "@/components/sub-nav";
import { TextLink } from "@/components/text-link";
import { Badge } from "@/components/ui/badge";
import { Panel } from "@/components/ui/panel";
import { can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import type { AlarmItem, Backlog, UnknownOperation } from "@/server/domain/overview/schema";
import { getSystemStatus } from "@/server/domain/overview/service";
import { ClearAlarm } from "./clear-alarm";
import { InvariantCheck } from "./invariant-check";
import { backlogTone, type Judgement, klarnaTone } from "./judge";
import { systemNav } from "./nav";

export const metadata: Metadata = { title: "System" };

const REFRESH_MS = 10_000;
const COUNT = new Intl.NumberFormat("en");

export default async function SystemPage() {
  const ctx = await webContext("system:read");
  const { user } = await requireSession();
  const status = await getSystemStatus(ctx);
  const { klarna, inbox } = status;
  return (
    <Page>
      <AutoRefresh everyMs={REFRESH_MS} />
      <PageHeader
        title="System"
        description={
          <>
            How the machinery is, in {ctx.scope.mode} mode · as of <DateTime value={status.asOf} precision="second" />
          </>
        }
      />
      <SubNav label="System" items={systemNav(user)} />
      <StatRow>
        <Stat
          label="Klarna"
          value={<Word judgement={klarnaTone(klarna)} />}
          hint={
            klarna.calls === 0
              ? "No call in the last 15 minutes"
              : `${COUNT.format(klarna.calls)} calls in 15 minutes, median ${Math.round(klarna.medianMs ?? 0)} ms, ${COUNT.format(klarna.unanswered)} without an answer`
          }
        />
        <Stat
          label="Events from Klarna"
          value={<Word judgement={backlogTone(inbox, status.asOf)} />}
          hint={
            <>
              <Waiting backlog={inbox} />
              {inbox.parked > 0 ? ` · ${COUNT.format(inbox.parked)} parked` : ""}
              {inbox.failed > 0 ? ` · ${COUNT.format(inbox.failed)} failed` : ""}
            </>
          }
          href="/system/received"
        />
        <Stat
          label="Events to send"
          value={<Word judgement={backlogTone(status.outbox, status.asOf)} />}
          hint={<Waiting backlog={status.outbox} />}
        />
        <Stat
          label="Deliveries due"
          value={<Word judgement={backlogTone(status.deliveries, status.asOf)} />}
          hint={<Waiting backlog={status.deliveries} />}
          href="/webhooks/deliveries?status=pending"
        />
      </StatRow>
      <Panel title={`Open alarms · ${COUNT.format(status.alarms.length)}`} isFlush>
        <Alarms alarms={status.alarms} canClear={can(user, "alarms:clear")} />
      </Panel>
      <Panel
        title={`Calls with an unknown outcome · ${COUNT.format(status.operations.length)}`}
        description="Something was sent to Klarna and no definite answer came. Each is repeated with the same key until there is one."
        isFlush
      >
        <Operations operations={status.operations} />
      </Panel>
      <InvariantCheck />
    </Page>
  );
}

function Word({ judgement }: { judgement: Judgement }) {
  const ink = { good: "text-good", warn: "text-warn", bad: "text-bad" } as const;
  const color = judgement.tone in ink ? ink[judgement.tone as keyof typeof ink] : "text-ink-2";
  return <span className={`text-xl ${color}`}>{judgement.word}</span>;
}

function Waiting({ backlog }: { backlog: Backlog }) {
  if (backlog.count === 0 || backlog.oldestAt === null) return <>Nothing waits</>;
  return (
    <>
      {COUNT.format(backlog.count)} wait, oldest <DateTime value={backlog.oldestAt} format="relative" />
    </>
  );
}

function Alarms({ alarms, canClear }: { alarms: readonly AlarmItem[]; canClear: boolean }) {
  if (alarms.length === 0) return <p className="px-4 py-6 text-center text-ink-3 text-sm">No alarm is open.</p>;
  return (
    <ul>
      {alarms.map((alarm) => (
        <li
          key={alarm.id}
          className="flex flex-wrap items-center gap-x-4 gap-y-1 border-line border-b px-4 py-2 last:border-b-0"
        >
          <div className="min-w-0 flex-1 basis-72">
            <p className="text-sm">{alarm.message}</p>
            <p className="flex flex-wrap items-center gap-x-3 text-ink-3 text-xs">
              <span className="font-mono">{alarm.kind}</span>
              {alarm.partnerName === null ? null : <span>{alarm.partnerName}</span>}
              <DateTime value={alarm.raisedAt} format="relative" />
              <Subject alarm={alarm} />
            </p>
          </div>
          {canClear ? (
            <ClearAlarm id={alarm.id} message={alarm.message} partner={alarm.partnerName} />
          ) : (
            <Badge tone="warn" hasDot>
              Open
            </Badge>
          )}
        </li>
      ))}
    </ul>
  );
}

const SUBJECT_PATHS: Readonly<Record<string, string>> = {
  payment: "/payments/",
  webhook_endpoint: "/webhooks/",
  partner: "/partners/",
};

function Subject({ alarm }: { alarm: AlarmItem }) {
  const path = SUBJECT_PATHS[alarm.subjectKind];
  if (alarm.subjectKind === "inbox_event") {
    return <TextLink href={`/system/received?q=${alarm.subjectId}`}>Open the event</TextLink>;
  }
  if (path === undefined) return <Id value={alarm.subjectId} />;
  return <TextLink href={`${path}${alarm.subjectId}`}>Open the {alarm.subjectKind.replaceAll("_", " ")}</TextLink>;
}

function Operations({ operations }: { operations: readonly UnknownOperation[] }) {
  if (operations.length === 0) {
    return <p className="px-4 py-6 text-center text-ink-3 text-sm">Every call has a definite answer.</p>;
  }
  return (
    <ul>
      {operations.map((operation) => (
        <li
          key={operation.id}
          className="flex flex-wrap items-center gap-x-4 gap-y-1 border-line border-b px-4 py-2 last:border-b-0"
        >
          <div className="min-w-0 flex-1 basis-72">
            <p className="flex flex-wrap items-center gap-2 text-sm">
              <span className="font-medium">{operation.kind.toLowerCase().replaceAll("_", " ")}</span>
              <StatusBadge kind="operation" status={operation.state} />
            </p>
            <p className="flex flex-wrap items-center gap-x-3 text-ink-3 text-xs">
              <span>{operation.partnerName}</span>
              <span>
                opened <DateTime value={operation.openedAt} format="relative" />
              </span>
              <span>{operation.attempts === 1 ? "1 try" : `${operation.attempts} tries`}</span>
              {operation.nextAttemptAt === null ? null : (
                <span>
                  next <DateTime value={operation.nextAttemptAt} format="relative" />
                </span>
              )}
              {operation.klarnaErrorCode === null ? null : (
                <span className="font-mono">{operation.klarnaErrorCode}</span>
              )}
              <Id value={operation.idempotencyKey} />
            </p>
          </div>
          <TextLink href={`/payments/${operation.paymentId}`} className="text-sm">
            Open the payment
          </TextLink>
        </li>
      ))}
    </ul>
  );
}
