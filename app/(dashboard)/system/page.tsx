import type { Metadata } from "next";
import { FactRow } from "@/app/(dashboard)/fact-row";
import { AutoRefresh } from "@/components/auto-refresh";
import { DateTime } from "@/components/display/date-time";
import { StatusBadge } from "@/components/display/status-badge";
import { Notice } from "@/components/notice";
import { Page, PageHeader } from "@/components/page-header";
import { Stat, StatRow } from "@/components/stat";
import { SubNav } from "@/components/sub-nav";
import { TextLink } from "@/components/text-link";
import { Badge } from "@/components/ui/badge";
import { Panel, PanelEmpty } from "@/components/ui/panel";
import { can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import type { CredentialNeed } from "@/server/domain/credentials/states";
import { getEngineStatus } from "@/server/domain/engine/service";
import { getSubscriptionNote, listSweeps } from "@/server/domain/inbox/service";
import type { AlarmItem, Backlog, SystemStatus, UnknownOperation } from "@/server/domain/overview/schema";
import { findInvariantCheck, getSystemStatus } from "@/server/domain/overview/service";
import { AlarmSubject } from "./alarm-subject";
import { ClearAlarm } from "./clear-alarm";
import { InvariantCheck } from "./invariant-check";
import { backlogTone, engineTone, type Judgement, klarnaTone } from "./judge";
import { systemNav } from "./nav";
import { SweepPanel } from "./sweep-panel";

export const metadata: Metadata = { title: "System" };

const REFRESH_MS = 10_000;
const SHOWN = 8;
const COUNT = new Intl.NumberFormat("en");

export default async function SystemPage() {
  const ctx = await webContext("system:read");
  const { user } = await requireSession();
  const [status, engine, subscription, [sweep], check] = await Promise.all([
    getSystemStatus(ctx),
    getEngineStatus(ctx),
    getSubscriptionNote(ctx),
    listSweeps(ctx, 1),
    findInvariantCheck(ctx),
  ]);
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
      <CredentialNeeds counts={status.credentials} canOpen={can(user, "credentials:read")} />
      <StatRow>
        <Stat
          label="Klarna"
          value={<Word judgement={klarnaTone(klarna)} />}
          hint={
            klarna.calls === 0
              ? "No call in the last 15 minutes"
              : `${COUNT.format(klarna.calls)} calls in 15 minutes, median ${Math.round(klarna.medianMs ?? 0)} ms, ${COUNT.format(klarna.unanswered)} without an answer`
          }
          href="/system/operations"
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
          href={
            inbox.parked + inbox.failed > 0 ? "/system/received?state=PARKED,FAILED" : "/system/received?state=RECEIVED"
          }
        />
        <Stat
          label="Subscription"
          value={<StatusBadge kind="subscription" status={subscription.verdict} />}
          hint={
            subscription.checkedAt === null ? (
              "Not looked at yet"
            ) : (
              <>
                looked at <DateTime value={subscription.checkedAt} format="relative" />
              </>
            )
          }
          href="/system/subscription"
        />
        <Stat
          label="Background"
          value={<Word judgement={engineTone(engine)} />}
          hint={
            engine.kind === "inngest"
              ? "An Inngest server does the work"
              : engine.isReachable
                ? `${COUNT.format(engine.runsLastDay["completed"] ?? 0)} runs in a day, ${COUNT.format(engine.runsLastDay["failed"] ?? 0)} failed`
                : engine.problem
          }
          href={
            engine.kind === "engine" && engine.isReachable && (engine.runsLastDay["failed"] ?? 0) > 0
              ? "/system/runs?status=failed"
              : "/system/runs"
          }
        />
        <Stat
          label="Events to send"
          value={<Word judgement={backlogTone(status.outbox, status.asOf)} />}
          hint={<Waiting backlog={status.outbox} />}
          href="/webhooks/events"
        />
        <Stat
          label="Deliveries due"
          value={<Word judgement={backlogTone(status.deliveries, status.asOf)} />}
          hint={<Waiting backlog={status.deliveries} />}
          href="/webhooks/deliveries?status=pending"
        />
        <Stat
          label="Unknown outcomes"
          value={COUNT.format(status.unknownCount)}
          hint={status.unknownCount === 0 ? "Every call has a definite answer" : "asked again until there is an answer"}
          href="/system/operations?state=UNKNOWN"
        />
        <Stat
          label="Rules broken"
          value={check === null ? "–" : COUNT.format(check.broken)}
          hint={
            check === null ? (
              "Not checked yet"
            ) : (
              <>
                checked <DateTime value={check.checkedAt} format="relative" />
              </>
            )
          }
          href="/system#rules"
        />
      </StatRow>
      <Panel
        title={`Open alarms · ${COUNT.format(status.alarmCount)}`}
        isFlush
        actions={
          <TextLink href="/system/alarms" className="text-sm">
            All alarms
          </TextLink>
        }
      >
        <Alarms alarms={status.alarms.slice(0, SHOWN)} canClear={can(user, "alarms:clear")} />
      </Panel>
      <Panel
        title={`Calls with an unknown outcome · ${COUNT.format(status.unknownCount)}`}
        description="Something was sent to Klarna and no definite answer came. Each is repeated with the same key until there is one."
        isFlush
        actions={
          <TextLink href="/system/operations?state=UNKNOWN" className="text-sm">
            All of them
          </TextLink>
        }
      >
        <Operations operations={status.operations.slice(0, SHOWN)} />
      </Panel>
      <Breakers klarna={klarna} />
      <SweepPanel last={sweep ?? null} canRun={can(user, "runs:write")} />
      <InvariantCheck last={check} />
    </Page>
  );
}

const NEED_WORDS: Readonly<Record<CredentialNeed, string>> = {
  ending: "ended or ending soon",
  idle: "not used",
  old: "old",
};

/** Our credentials for Klarna that somebody should look at; nothing where all are well. */
function CredentialNeeds({ counts, canOpen }: { counts: SystemStatus["credentials"]; canOpen: boolean }) {
  const needs = (["ending", "idle", "old"] as const).filter((need) => counts[need] > 0);
  if (needs.length === 0) return null;
  return (
    <Notice tone="warn" title="Our credentials for Klarna need a look">
      <span className="flex flex-wrap gap-x-4 gap-y-1">
        {needs.map((need) => {
          const words = `${COUNT.format(counts[need])} ${NEED_WORDS[need]}`;
          return canOpen ? (
            <TextLink key={need} href={`/system/credentials?needs=${need}`} isInText>
              {words}
            </TextLink>
          ) : (
            <span key={need}>{words}</span>
          );
        })}
        <span>Klarna disables a key that nobody used for two months.</span>
      </span>
    </Notice>
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
  if (alarms.length === 0) return <PanelEmpty>No alarm is open.</PanelEmpty>;
  return (
    <ul>
      {alarms.map((alarm) => (
        <FactRow
          key={alarm.id}
          title={alarm.message}
          facts={
            <>
              <span className="font-mono">{alarm.kind}</span>
              {alarm.partnerName === null ? null : <span>{alarm.partnerName}</span>}
              <DateTime value={alarm.raisedAt} format="relative" />
              <AlarmSubject kind={alarm.subjectKind} id={alarm.subjectId} />
            </>
          }
        >
          {canClear ? (
            <ClearAlarm id={alarm.id} message={alarm.message} partner={alarm.partnerName} />
          ) : (
            <Badge tone="warn" hasDot>
              Open
            </Badge>
          )}
        </FactRow>
      ))}
    </ul>
  );
}

function Operations({ operations }: { operations: readonly UnknownOperation[] }) {
  if (operations.length === 0) {
    return <PanelEmpty>Every call has a definite answer.</PanelEmpty>;
  }
  return (
    <ul>
      {operations.map((operation) => (
        <FactRow
          key={operation.id}
          title={
            <>
              <span className="font-medium">{operation.kind.toLowerCase().replaceAll("_", " ")}</span>
              <StatusBadge kind="operation" status={operation.state} />
            </>
          }
          facts={
            <>
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
            </>
          }
        >
          <TextLink href={`/payments/${operation.paymentId}`} className="text-sm">
            Open the payment
          </TextLink>
        </FactRow>
      ))}
    </ul>
  );
}

const BREAKER_WORDS = {
  closed: { tone: "good", word: "Closed" },
  open: { tone: "bad", word: "Open" },
  "half-open": { tone: "warn", word: "Being tried" },
} as const;

function Breakers({ klarna }: { klarna: SystemStatus["klarna"] }) {
  return (
    <Panel
      title="Circuit breakers"
      description="One for each kind of call. An open one spares Klarna and our callers the wait. As this process, the dashboard's, sees them."
    >
      {klarna.breakers.length === 0 ? (
        <p className="text-ink-3 text-sm">The dashboard has not called Klarna in this mode since it started.</p>
      ) : (
        <ul className="flex flex-wrap gap-x-6 gap-y-2">
          {klarna.breakers.map((breaker) => (
            <li key={breaker.category} className="flex items-center gap-2 text-sm">
              {breaker.category}
              <Badge tone={BREAKER_WORDS[breaker.state].tone} hasDot>
                {BREAKER_WORDS[breaker.state].word}
              </Badge>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
