import type { Metadata } from "next";
import { orNotFound } from "@/app/(dashboard)/or-not-found";
import { DateTime } from "@/components/display/date-time";
import { DefinitionList } from "@/components/display/definition-list";
import { Id } from "@/components/display/id";
import { JsonView } from "@/components/display/json-view";
import { StatusBadge } from "@/components/display/status-badge";
import { RecordLayout } from "@/components/record-layout";
import { TextLink } from "@/components/text-link";
import { Timeline } from "@/components/timeline";
import { Panel } from "@/components/ui/panel";
import { can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import type { DeliveryAttempt } from "@/server/domain/webhooks/schema";
import { getDelivery } from "@/server/domain/webhooks/service";
import { ReplayDelivery } from "./replay-delivery";

export const metadata: Metadata = { title: "Webhook delivery" };

const OUTCOMES: Readonly<Record<string, string>> = {
  delivered: "Delivered",
  http_error: "Refused",
  redirect_refused: "Answered with a redirect, which is not followed",
  gone: "Answered that it is gone",
  timeout: "No answer in time",
  connection_failed: "No connection",
  tls_failed: "The certificate was not accepted",
  address_refused: "The address may not be called",
  render_failed: "The message could not be made",
  unreachable: "No connection, or no answer in time",
};

export default async function DeliveryPage({ params }: { params: Promise<{ id: string }> }) {
  const ctx = await webContext("webhooks:read");
  const { user } = await requireSession();
  const { id } = await params;
  const delivery = await orNotFound(getDelivery(ctx, id));
  return (
    <RecordLayout
      title={<span className="font-mono">{delivery.event.type}</span>}
      crumb={delivery.event.type}
      badge={<StatusBadge kind="delivery" status={delivery.status} />}
      ids={
        <>
          <Id value={delivery.id} />
          <Id value={delivery.event.id} />
        </>
      }
      actions={
        can(user, "webhooks:write") && delivery.status !== "pending" ? (
          <ReplayDelivery
            id={delivery.id}
            type={delivery.event.type}
            url={delivery.endpoint_url}
            partner={delivery.partner_name}
            mode={ctx.scope.mode}
          />
        ) : undefined
      }
      main={
        <>
          <Panel title="Tries">
            <Timeline
              empty="Not tried yet."
              items={delivery.attempts_made.map((attempt) => ({
                id: String(attempt.number),
                at: attempt.created_at,
                tone: attempt.outcome === "delivered" ? "good" : "bad",
                title: titleOf(attempt),
                actor: `Try ${attempt.number}`,
                ...(attempt.duration_ms === null ? {} : { via: `${attempt.duration_ms} ms` }),
                messages: attempt.answer === null ? [] : [{ label: "Answer", value: attempt.answer }],
              }))}
            />
          </Panel>
          <Panel title="Event as stored" description="Links with tokens are put in when it is sent.">
            <JsonView value={delivery.payload} label="Event" />
          </Panel>
        </>
      }
      facts={
        <Panel title="Facts">
          <DefinitionList
            items={[
              {
                term: "Endpoint",
                value: (
                  <TextLink href={`/webhooks/${delivery.endpoint}`} className="break-all">
                    {delivery.endpoint_url}
                  </TextLink>
                ),
              },
              { term: "Partner", value: delivery.partner_name },
              {
                term: "About",
                value: delivery.subject.startsWith("pay_") ? (
                  <TextLink href={`/payments/${delivery.subject}`} className="break-all font-mono text-xs">
                    {delivery.subject}
                  </TextLink>
                ) : (
                  <Id value={delivery.subject} isFull />
                ),
              },
              { term: "Number", value: delivery.sequence, hint: "Counts the events of one thing from 1" },
              { term: "Created", value: <DateTime value={delivery.created_at} precision="second" /> },
              { term: "Delivered", value: <DateTime value={delivery.delivered_at} precision="second" /> },
              { term: "Next try", value: <DateTime value={delivery.next_attempt_at} precision="second" /> },
            ]}
          />
        </Panel>
      }
    />
  );
}

function titleOf(attempt: DeliveryAttempt): string {
  const word = OUTCOMES[attempt.outcome] ?? attempt.outcome.replaceAll("_", " ");
  return attempt.status === null ? word : `${word} · ${attempt.status}`;
}
