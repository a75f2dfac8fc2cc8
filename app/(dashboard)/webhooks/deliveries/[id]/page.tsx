import type { Metadata } from "next";
import { orNotFound } from "@/app/(dashboard)/or-not-found";
import { AutoRefresh } from "@/components/auto-refresh";
import { DateTime } from "@/components/display/date-time";
import { DefinitionList } from "@/components/display/definition-list";
import { Id } from "@/components/display/id";
import { JsonView } from "@/components/display/json-view";
import { StatusBadge } from "@/components/display/status-badge";
import { Notice } from "@/components/notice";
import { RecordLayout } from "@/components/record-layout";
import { TextLink } from "@/components/text-link";
import { Timeline } from "@/components/timeline";
import { Panel } from "@/components/ui/panel";
import { can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import type { DeliveryAttempt, DeliveryDetail } from "@/server/domain/webhooks/schema";
import { getDelivery } from "@/server/domain/webhooks/service";
import { SubjectLink } from "../../subject-link";
import { deliveryStatus } from "../delivery-status";
import { NextTry } from "../next-try";
import { outcomeWords } from "../outcome-words";
import { ReplayDelivery } from "./replay-delivery";

export const metadata: Metadata = { title: "Webhook delivery" };

const FOLLOW_MS = 3_000;

export default async function DeliveryPage({ params }: { params: Promise<{ id: string }> }) {
  const ctx = await webContext("webhooks:read");
  const { user } = await requireSession();
  const { id } = await params;
  const delivery = await orNotFound(getDelivery(ctx, id));
  return (
    <RecordLayout
      title={<span className="font-mono">{delivery.event.type}</span>}
      crumb={delivery.event.type}
      badge={<StatusBadge kind="delivery" status={deliveryStatus(delivery)} />}
      ids={<Id value={delivery.id} />}
      actions={
        can(user, "webhooks:write") && delivery.status !== "pending" && !delivery.is_endpoint_deleted ? (
          <ReplayDelivery
            id={delivery.id}
            type={delivery.event.type}
            url={delivery.endpoint_url}
            partner={delivery.partner_name}
            mode={ctx.scope.mode}
          />
        ) : undefined
      }
      notice={
        <>
          {delivery.status === "pending" ? <AutoRefresh everyMs={FOLLOW_MS} /> : null}
          <FailedNotice delivery={delivery} />
        </>
      }
      main={
        <>
          <Panel title="Tries" description="Of an answer at most the first thousand characters are kept.">
            <Timeline
              empty={delivery.status === "failed" ? "Never tried." : "Not tried yet."}
              items={delivery.attempts_made.map((attempt) => ({
                id: String(attempt.number),
                at: attempt.created_at,
                tone: attempt.outcome === "delivered" ? "good" : "bad",
                title: titleOf(attempt),
                actor: `Try ${attempt.number}`,
                ...(attempt.duration_ms === null ? {} : { via: `${attempt.duration_ms} ms` }),
                description: <Answer attempt={attempt} url={delivery.endpoint_url} />,
              }))}
            />
          </Panel>
          <Panel
            title="Request"
            description="As it is sent. Links with tokens, the signature and the values of own headers are masked."
          >
            {delivery.request === null ? (
              <div className="grid gap-2">
                <p className="text-ink-2 text-sm">The message cannot be made from the event. This is the event:</p>
                <JsonView value={delivery.payload} label="Event" />
              </div>
            ) : (
              <Request request={delivery.request} />
            )}
          </Panel>
        </>
      }
      facts={
        <Panel title="Facts">
          <DefinitionList
            items={[
              {
                term: "Endpoint",
                value: delivery.is_endpoint_deleted ? (
                  <span className="break-all">{delivery.endpoint_url}</span>
                ) : (
                  <TextLink href={`/webhooks/${delivery.endpoint}`} className="break-all">
                    {delivery.endpoint_url}
                  </TextLink>
                ),
                hint: delivery.is_endpoint_deleted ? "Deleted" : undefined,
              },
              { term: "Partner", value: delivery.partner_name },
              {
                term: "Event",
                value: (
                  <TextLink href={`/webhooks/events/${delivery.event.id}`} className="break-all font-mono text-xs">
                    {delivery.event.id}
                  </TextLink>
                ),
              },
              { term: "About", value: <SubjectLink id={delivery.subject} isFull /> },
              { term: "Number", value: delivery.sequence, hint: "Counts the events of one thing from 1" },
              { term: "Created", value: <DateTime value={delivery.created_at} precision="second" /> },
              { term: "Delivered", value: <DateTime value={delivery.delivered_at} precision="second" /> },
              { term: "Next try", value: <NextTry at={delivery.next_attempt_at} format="absolute" /> },
            ]}
          />
        </Panel>
      }
    />
  );
}

function FailedNotice({ delivery }: { delivery: DeliveryDetail }) {
  if (delivery.failed_because === null) return null;
  if (delivery.is_endpoint_deleted)
    return (
      <Notice tone="bad" title="It is not tried any more: its endpoint was deleted.">
        The event can still be read by the API.
      </Notice>
    );
  return (
    <Notice
      tone="bad"
      title={
        delivery.failed_because === "endpoint_off"
          ? "It is not tried any more: its endpoint was switched off."
          : "It is not tried any more: all tries of three days are used up."
      }
    >
      Sent again, it gets a new round of tries.
    </Notice>
  );
}

/** What came back, and where this try differed from what the page shows. */
function Answer({ attempt, url }: { attempt: DeliveryAttempt; url: string }) {
  return (
    <div className="grid gap-1">
      {attempt.url === null || attempt.url === url ? null : (
        <p className="break-all text-ink-3 text-xs">Sent to {attempt.url}</p>
      )}
      {attempt.is_body_exact === false ? (
        <p className="text-ink-3 text-xs">The body was another then: what it is about has changed since.</p>
      ) : null}
      {attempt.answer === null || attempt.answer === "" ? null : (
        <pre className="whitespace-pre-wrap break-all rounded-md border border-line bg-bg p-2 font-mono text-ink text-xs leading-5">
          {attempt.answer}
        </pre>
      )}
    </div>
  );
}

function Request({ request }: { request: NonNullable<DeliveryDetail["request"]> }) {
  return (
    <div className="grid gap-3">
      <p className="break-all font-mono text-xs">
        {request.method} {request.url}
      </p>
      <dl className="grid gap-x-4 rounded-md border border-line bg-bg px-3 py-2 font-mono text-xs leading-5 sm:grid-cols-[auto_minmax(0,1fr)]">
        {Object.entries(request.headers).map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-ink-3">{name}</dt>
            <dd className="min-w-0 break-all">{value}</dd>
          </div>
        ))}
      </dl>
      <JsonView value={request.body} label="Body" />
    </div>
  );
}

function titleOf(attempt: DeliveryAttempt): string {
  return outcomeWords(attempt.outcome, attempt.status);
}
