import type { Metadata } from "next";
import { AuditPanel } from "@/app/(dashboard)/audit-panel";
import { orNotFound } from "@/app/(dashboard)/or-not-found";
import { RowList } from "@/app/(dashboard)/row-list";
import { DateTime } from "@/components/display/date-time";
import { DefinitionList } from "@/components/display/definition-list";
import { Id } from "@/components/display/id";
import { StatusBadge } from "@/components/display/status-badge";
import { Notice } from "@/components/notice";
import { RecordLayout } from "@/components/record-layout";
import { TextLink } from "@/components/text-link";
import { ButtonLink } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import { can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import { getEndpointRecord, listDeliveries } from "@/server/domain/webhooks/service";
import { disabledWords, endpointStatus } from "../endpoint-status";
import { EndpointActions } from "./endpoint-actions";

export const metadata: Metadata = { title: "Webhook endpoint" };

const DELIVERIES_SHOWN = 15;

export default async function EndpointPage({ params }: { params: Promise<{ id: string }> }) {
  const ctx = await webContext("webhooks:read");
  const { user } = await requireSession();
  const { id } = await params;
  const endpoint = await orNotFound(getEndpointRecord(ctx, id));
  const deliveries = await listDeliveries(ctx, { endpoint: endpoint.id }, { limit: DELIVERIES_SHOWN });
  const host = URL.canParse(endpoint.url) ? new URL(endpoint.url).host : endpoint.url;
  return (
    <RecordLayout
      title={host}
      crumb={host}
      badge={<StatusBadge kind="endpoint" status={endpointStatus(endpoint)} />}
      ids={<Id value={endpoint.id} />}
      actions={
        can(user, "webhooks:write") ? (
          <EndpointActions
            id={endpoint.id}
            url={endpoint.url}
            partner={endpoint.partner_name}
            mode={ctx.scope.mode}
            isEnabled={endpoint.status === "enabled"}
          />
        ) : undefined
      }
      notice={
        endpoint.status === "disabled" ? (
          <Notice tone="warn" title={`${disabledWords(endpoint.disabled_reason)}. Nothing is sent.`}>
            What it was still owed has failed and can be sent again, one by one, once it is on.
          </Notice>
        ) : endpoint.failing_since === null ? undefined : (
          <Notice
            tone="warn"
            title={
              <>
                Failing since <DateTime value={endpoint.failing_since} />: {endpoint.consecutive_failures} tries in a
                row
              </>
            }
          >
            Deliveries are repeated for up to five days. Then the endpoint is switched off.
          </Notice>
        )
      }
      main={
        <>
          <Panel
            title="Last deliveries"
            isFlush
            actions={
              deliveries.items.length === 0 ? undefined : (
                <ButtonLink href={`/webhooks/deliveries?endpoint=${endpoint.id}`} variant="ghost" size="sm">
                  All deliveries
                </ButtonLink>
              )
            }
          >
            <RowList
              empty="Nothing was sent yet. A test event shows whether it works."
              rows={deliveries.items.map((delivery) => ({
                id: delivery.id,
                href: `/webhooks/deliveries/${delivery.id}`,
                primary: delivery.event.type,
                secondary: (
                  <>
                    <DateTime value={delivery.created_at} format="relative" /> ·{" "}
                    {delivery.attempts === 1 ? "1 try" : `${delivery.attempts} tries`}
                  </>
                ),
                aside: (
                  <StatusBadge
                    kind="delivery"
                    status={delivery.status === "pending" && delivery.attempts > 0 ? "retrying" : delivery.status}
                  />
                ),
              }))}
            />
          </Panel>
          <AuditPanel ctx={ctx} subject={endpoint.id} />
        </>
      }
      facts={
        <Panel title="Facts">
          <DefinitionList
            items={[
              { term: "Address", value: <span className="break-all">{endpoint.url}</span> },
              { term: "Description", value: endpoint.description },
              {
                term: "Partner",
                value: can(user, "partners:read") ? (
                  <TextLink href={`/partners/${endpoint.partner_id}`}>{endpoint.partner_name}</TextLink>
                ) : (
                  endpoint.partner_name
                ),
              },
              {
                term: "Events",
                value: endpoint.events.includes("*") ? (
                  "All"
                ) : (
                  <ul className="grid font-mono text-xs leading-5">
                    {endpoint.events.map((event) => (
                      <li key={event}>{event}</li>
                    ))}
                  </ul>
                ),
              },
              { term: "In order", value: endpoint.ordered ? "Yes" : "No" },
              {
                term: "Own headers",
                value: endpoint.header_names.length === 0 ? null : endpoint.header_names.join(", "),
              },
              { term: "Added", value: <DateTime value={endpoint.created_at} /> },
              { term: "Changed", value: <DateTime value={endpoint.updated_at} /> },
            ]}
          />
        </Panel>
      }
    />
  );
}
