import type { Metadata } from "next";
import { orNotFound } from "@/app/(dashboard)/or-not-found";
import { RowList } from "@/app/(dashboard)/row-list";
import { DateTime } from "@/components/display/date-time";
import { DefinitionList } from "@/components/display/definition-list";
import { Id } from "@/components/display/id";
import { JsonView } from "@/components/display/json-view";
import { StatusBadge } from "@/components/display/status-badge";
import { RecordLayout } from "@/components/record-layout";
import { TextLink } from "@/components/text-link";
import { ButtonLink } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import { webContext } from "@/server/auth/web";
import { getEventRecord } from "@/server/domain/webhooks/service";
import { deliveryStatus, triesWords } from "../../deliveries/delivery-status";
import { SubjectLink } from "../../subject-link";
import { EventDeliveries } from "../delivery-counts";

export const metadata: Metadata = { title: "Event" };

export default async function EventPage({ params }: { params: Promise<{ id: string }> }) {
  const ctx = await webContext("webhooks:read");
  const { id } = await params;
  const event = await orNotFound(getEventRecord(ctx, id));
  return (
    <RecordLayout
      title={<span className="font-mono">{event.type}</span>}
      crumb={event.type}
      ids={<Id value={event.id} />}
      main={
        <>
          <Panel
            title="Deliveries"
            isFlush
            actions={
              event.deliveries_made.length === 0 ? undefined : (
                <ButtonLink href={`/webhooks/deliveries?event=${event.id}`} variant="ghost" size="sm">
                  All deliveries
                </ButtonLink>
              )
            }
          >
            <RowList
              empty="No endpoint asked for events of this type when it happened."
              rows={event.deliveries_made.map((delivery) => ({
                id: delivery.id,
                href: `/webhooks/deliveries/${delivery.id}`,
                primary: delivery.endpoint_url,
                secondary: triesWords(delivery.attempts),
                aside: <StatusBadge kind="delivery" status={deliveryStatus(delivery)} />,
              }))}
            />
          </Panel>
          <Panel title="Message" description="The body as it is sent. Links and tokens are masked.">
            {event.body === null ? (
              <p className="text-ink-2 text-sm">The message cannot be made from this event.</p>
            ) : (
              <JsonView value={event.body} label="Message" openDepth={3} />
            )}
          </Panel>
        </>
      }
      facts={
        <Panel title="Facts">
          <DefinitionList
            items={[
              { term: "About", value: <SubjectLink id={event.subject} isFull /> },
              { term: "Number", value: event.sequence, hint: "Counts the events of one thing from 1" },
              {
                term: "Neighbours",
                value: (
                  <TextLink href={`/webhooks/events?object=${event.subject}`}>All events of the same thing</TextLink>
                ),
              },
              { term: "Partner", value: event.partner_name },
              { term: "Happened", value: <DateTime value={event.created_at} precision="second" /> },
              { term: "Deliveries", value: <EventDeliveries event={event.id} counts={event.deliveries} /> },
            ]}
          />
        </Panel>
      }
    />
  );
}
