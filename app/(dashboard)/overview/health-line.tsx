import type { ReactNode } from "react";
import { DateTime } from "@/components/display/date-time";
import { TextLink } from "@/components/text-link";
import { Badge, type Tone } from "@/components/ui/badge";
import { ButtonLink } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import { actorCan } from "@/server/auth/permissions";
import type { ServiceContext } from "@/server/context";
import type { Overview } from "@/server/domain/overview/schema";
import { getSystemStatus } from "@/server/domain/overview/service";
import { backlogTone, klarnaTone } from "../system/judge";

const COUNT = new Intl.NumberFormat("en");

/** Whether the machinery keeps up, in a few lines. People of a Partner see their own deliveries only. */
export async function HealthLine({
  overview,
  canSeeSystem,
  ctx,
}: {
  overview: Overview;
  canSeeSystem: boolean;
  ctx: ServiceContext;
}) {
  const { delivered, failed, pending } = overview.deliveries;
  const rows: { id: string; label: string; tone: Tone; word: string; facts: ReactNode; href: string | null }[] = [
    {
      id: "deliveries",
      label: "Webhooks to Partners",
      tone: failed > 0 ? "warn" : "good",
      word: failed > 0 ? "Some failed" : "Fine",
      facts:
        delivered + failed + pending === 0
          ? "Nothing was to be sent in the last 24 hours"
          : `${COUNT.format(delivered)} delivered, ${COUNT.format(pending)} on the way, ${COUNT.format(failed)} failed in the last 24 hours`,
      href: actorCan(ctx.actor, "webhooks:read")
        ? `/webhooks/deliveries?created=24h${failed > 0 ? "&status=failed" : ""}`
        : null,
    },
  ];
  if (canSeeSystem) {
    const status = await getSystemStatus(ctx);
    const klarna = klarnaTone(status.klarna);
    const outbox = backlogTone(status.outbox, status.asOf);
    const inbox = backlogTone(status.inbox, status.asOf);
    rows.unshift({
      id: "klarna",
      label: "Klarna",
      tone: klarna.tone,
      word: klarna.word,
      facts:
        status.klarna.calls === 0
          ? "No call in the last 15 minutes"
          : `${COUNT.format(status.klarna.calls)} calls in the last 15 minutes, median ${Math.round(status.klarna.medianMs ?? 0)} ms, ${COUNT.format(status.klarna.unanswered)} without an answer`,
      href: "/system/operations",
    });
    rows.push(
      {
        id: "inbox",
        label: "Events from Klarna",
        tone: inbox.tone,
        word: inbox.word,
        facts: waitingWords(status.inbox),
        href: "/system/received?state=RECEIVED",
      },
      {
        id: "outbox",
        label: "Events to send",
        tone: outbox.tone,
        word: outbox.word,
        facts: waitingWords(status.outbox),
        href: actorCan(ctx.actor, "webhooks:read") ? "/webhooks/events" : null,
      },
    );
  }
  return (
    <Panel
      title="Health"
      isFlush
      actions={
        canSeeSystem ? (
          <ButtonLink href="/system" variant="ghost" size="sm">
            System
          </ButtonLink>
        ) : undefined
      }
    >
      <ul>
        {rows.map((row) => (
          <li
            key={row.id}
            className="grid min-h-11 grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 border-line border-b px-4 py-1.5 last:border-b-0"
          >
            <span className="min-w-0">
              <span className="block font-medium text-sm">
                {row.href === null ? row.label : <TextLink href={row.href}>{row.label}</TextLink>}
              </span>
              <span className="block text-ink-3 text-xs">{row.facts}</span>
            </span>
            <Badge tone={row.tone} hasDot>
              {row.word}
            </Badge>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function waitingWords(backlog: { count: number; oldestAt: Date | null }): ReactNode {
  if (backlog.count === 0 || backlog.oldestAt === null) return "Nothing waits";
  return (
    <>
      {COUNT.format(backlog.count)} {backlog.count === 1 ? "waits" : "wait"}, the oldest since{" "}
      <DateTime value={backlog.oldestAt} format="relative" />
    </>
  );
}
