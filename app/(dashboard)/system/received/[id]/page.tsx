import type { Metadata } from "next";
import { orNotFound } from "@/app/(dashboard)/or-not-found";
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
import type { InboxEffect, InboxRecord } from "@/server/domain/inbox/schema";
import { getInboxEvent } from "@/server/domain/inbox/service";
import { ReplayEvents } from "../replay-events";
import { wayWords } from "../way-words";

export const metadata: Metadata = { title: "Event from Klarna" };

const BYTES = new Intl.NumberFormat("en");

export default async function ReceivedEventPage({ params }: { params: Promise<{ id: string }> }) {
  const ctx = await webContext("klarna_events:read");
  const { user } = await requireSession();
  const { id } = await params;
  const event = await orNotFound(getInboxEvent(ctx, id));
  return (
    <RecordLayout
      title={<span className="break-all font-mono">{event.eventType}</span>}
      crumb={event.eventType}
      badge={<StatusBadge kind="inbox" status={event.state} />}
      ids={
        <>
          <Id value={event.id} />
          <Id value={event.eventId} />
        </>
      }
      actions={
        can(user, "klarna_events:replay") && event.state !== "RECEIVED" ? (
          <ReplayEvents
            label="Replay"
            variant="primary"
            what={event.eventType}
            count={1}
            mode={ctx.scope.mode}
            input={{ ids: [event.id] }}
          />
        ) : undefined
      }
      main={
        <>
          <Panel title="What happened">
            <Timeline items={historyOf(event)} />
          </Panel>
          <Panel
            title="What it caused"
            description="Entries of the audit and events for Partners that were written because of it."
          >
            <Timeline
              empty={event.paymentId === null ? "It has found no payment yet." : "It changed nothing."}
              items={event.effects.map(effectItem)}
            />
          </Panel>
          <Panel
            title="As received"
            description={`${BYTES.format(event.sizeBytes)} bytes; tokens and personal data are masked`}
          >
            {event.hasBody ? (
              <JsonView value={event.body} label="Body" openDepth={3} />
            ) : (
              <p className="text-ink-3 text-sm">Your role does not see the messages between Tillgate and Klarna.</p>
            )}
          </Panel>
        </>
      }
      facts={
        <Panel title="Facts">
          <DefinitionList
            items={[
              {
                term: "State",
                value: <StatusBadge kind="inbox" status={event.state} />,
                hint: event.note ?? undefined,
              },
              {
                term: "Payment",
                value:
                  event.paymentId === null ? null : (
                    <TextLink
                      href={`/payments/${event.paymentId}`}
                      className="inline-flex min-h-6 items-center break-all font-mono text-xs"
                    >
                      {event.paymentId}
                    </TextLink>
                  ),
                hint:
                  event.paymentId === null ? undefined : (
                    <TextLink
                      href={`/system/received?payment=${event.paymentId}`}
                      className="inline-flex min-h-6 items-center"
                    >
                      All events of this payment
                    </TextLink>
                  ),
              },
              { term: "Partner", value: event.partnerName },
              { term: "Account", value: <Id value={event.subjectAccountId} isFull /> },
              { term: "Payment request", value: <Id value={event.paymentRequestId} isFull /> },
              { term: "Transaction", value: <Id value={event.paymentTransactionId} isFull /> },
              { term: "Happened", value: <DateTime value={event.occurredAt} precision="second" /> },
              {
                term: "Received",
                value: <DateTime value={event.createdAt} precision="second" />,
                hint: `${wayWords(event.createdAt.getTime() - event.occurredAt.getTime())} on its way`,
              },
              { term: "Processed", value: <DateTime value={event.processedAt} precision="second" /> },
              {
                term: "Next try",
                value: <DateTime value={event.nextAttemptAt} precision="second" />,
                isHidden: event.nextAttemptAt === null,
              },
              { term: "Tries", value: event.attempts, hint: "since it came or was last replayed" },
              { term: "Replays", value: event.replays },
              {
                term: "Verified by key",
                value: <Id value={event.signingKeyId} isFull />,
                hint: (
                  <TextLink href="/system/subscription#keys" className="inline-flex min-h-6 items-center">
                    Signing keys
                  </TextLink>
                ),
              },
            ]}
          />
        </Panel>
      }
    />
  );
}

function historyOf(event: InboxRecord): TimelineItem[] {
  const word = statusWord("inbox", event.state);
  const items: TimelineItem[] = [
    {
      id: "received",
      at: event.createdAt,
      tone: "info",
      title: "Received, verified and stored",
      actor: "Klarna",
      via: "webhook",
    },
    ...event.replayedBy.toReversed().map(
      (replay, index): TimelineItem => ({
        id: `replay-${index}`,
        at: replay.at,
        tone: "neutral",
        title: "Replayed",
        actor: replay.name,
        messages: [{ label: "Before", value: replay.before }],
      }),
    ),
  ];
  if (event.replays > event.replayedBy.length && event.replayedAt !== null) {
    items.push({ id: "replay-many", at: event.replayedAt, tone: "neutral", title: "Replayed with others" });
  }
  if (event.processedAt !== null) {
    items.push({
      id: "processed",
      at: event.processedAt,
      tone: word.tone,
      title: word.word,
      actor: "Tillgate",
      via: "job",
      ...(event.note === null ? {} : { description: event.note }),
    });
  } else if (event.state === "PARKED" && event.nextAttemptAt !== null) {
    items.push({
      id: "parked",
      at: event.nextAttemptAt,
      tone: "warn",
      title: "Parked, tried again then",
      ...(event.note === null ? {} : { description: event.note }),
    });
  }
  return items.sort((a, b) => new Date(a.at).getTime() - new Date(b.at).getTime());
}

function effectItem(effect: InboxEffect): TimelineItem {
  if (effect.kind === "event") {
    return {
      id: effect.id,
      at: effect.at,
      tone: "accent",
      title: <span className="font-mono text-xs">{effect.type}</span>,
      actor: "Event for the Partner",
      via: effect.deliveries === 1 ? "1 delivery" : `${effect.deliveries} deliveries`,
      aside: (
        <TextLink href={`/webhooks/deliveries?event=${effect.id}`} className="inline-flex min-h-6 items-center text-xs">
          Deliveries
        </TextLink>
      ),
    };
  }
  return {
    id: effect.id,
    at: effect.at,
    tone: "neutral",
    title: effect.action.replaceAll(/[._]/g, " "),
    actor: `Audit of the ${effect.subjectKind}`,
    messages: [
      ...(effect.before === null ? [] : [{ label: "Before", value: effect.before }]),
      ...(effect.after === null ? [] : [{ label: "After", value: effect.after }]),
    ],
  };
}
