import type { Metadata } from "next";
import { AuditPanel } from "@/app/(dashboard)/audit-panel";
import { orNotFound } from "@/app/(dashboard)/or-not-found";
import { RowList } from "@/app/(dashboard)/row-list";
import { AutoRefresh } from "@/components/auto-refresh";
import { DateTime } from "@/components/display/date-time";
import { DefinitionList } from "@/components/display/definition-list";
import { Id } from "@/components/display/id";
import { StatusBadge } from "@/components/display/status-badge";
import { Notice } from "@/components/notice";
import { RecordLayout } from "@/components/record-layout";
import { Stat, StatRow } from "@/components/stat";
import { TextLink } from "@/components/text-link";
import { ButtonLink } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import { can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import { type EndpointRecord, SUBSCRIBABLE_EVENT_TYPES } from "@/server/domain/webhooks/schema";
import { getEndpointRecord, listDeliveries } from "@/server/domain/webhooks/service";
import { deliveryStatus, triesWords } from "../deliveries/delivery-status";
import { disabledWords, endpointStatus } from "../endpoint-status";
import { countWords, SuccessRate } from "../health";
import { ReplayFailed } from "../replay-failed";
import { ChangeEndpoint } from "./change-endpoint";
import { DeleteEndpoint, RotateSecret, SendTest, SwitchEndpoint } from "./endpoint-actions";

export const metadata: Metadata = { title: "Webhook endpoint" };

const DELIVERIES_SHOWN = 15;
/** While something is on its way the record follows it. */
const FOLLOW_MS = 3_000;

export default async function EndpointPage({ params }: { params: Promise<{ id: string }> }) {
  const ctx = await webContext("webhooks:read");
  const { user } = await requireSession();
  const { id } = await params;
  const endpoint = await orNotFound(getEndpointRecord(ctx, id));
  const deliveries = await listDeliveries(ctx, { endpoint: endpoint.id }, { limit: DELIVERIES_SHOWN });
  const host = URL.canParse(endpoint.url) ? new URL(endpoint.url).host : endpoint.url;
  const { mode } = ctx.scope;
  const canWrite = can(user, "webhooks:write");
  const isEnabled = endpoint.status === "enabled";
  const asked = { id: endpoint.id, url: endpoint.url, partner: endpoint.partner_name, mode };
  return (
    <RecordLayout
      title={host}
      crumb={host}
      badge={<StatusBadge kind="endpoint" status={endpointStatus(endpoint)} />}
      ids={<Id value={endpoint.id} />}
      actions={
        canWrite ? (
          <>
            {isEnabled ? <SendTest id={endpoint.id} /> : null}
            <ChangeEndpoint
              endpoint={{
                id: endpoint.id,
                url: endpoint.url,
                description: endpoint.description,
                events: endpoint.events,
                ordered: endpoint.ordered,
                header_names: endpoint.header_names,
              }}
              mode={mode}
              eventTypes={SUBSCRIBABLE_EVENT_TYPES}
            />
            <SwitchEndpoint endpoint={asked} isEnabled={isEnabled} />
          </>
        ) : undefined
      }
      notice={
        <>
          {deliveries.items.some((delivery) => delivery.status === "pending") ? (
            <AutoRefresh everyMs={FOLLOW_MS} />
          ) : null}
          <StateNotice endpoint={endpoint} />
          <Health endpoint={endpoint} />
        </>
      }
      main={
        <>
          <Panel
            title="Last deliveries"
            isFlush
            actions={
              <>
                {canWrite && isEnabled && endpoint.health.failed > 0 ? (
                  <ReplayFailed
                    mode={mode}
                    partners={[]}
                    hasPartners={false}
                    start={{ endpoint: { id: endpoint.id, words: endpoint.url, partner: endpoint.partner_name } }}
                  />
                ) : null}
                {deliveries.items.length === 0 ? null : (
                  <ButtonLink href={`/webhooks/deliveries?endpoint=${endpoint.id}`} variant="ghost" size="sm">
                    All deliveries
                  </ButtonLink>
                )}
              </>
            }
          >
            <RowList
              empty={
                isEnabled
                  ? "Nothing was sent yet. A test event shows whether it works."
                  : "Nothing was sent. It is switched off."
              }
              rows={deliveries.items.map((delivery) => ({
                id: delivery.id,
                href: `/webhooks/deliveries/${delivery.id}`,
                primary: delivery.event.type,
                secondary: (
                  <>
                    <DateTime value={delivery.created_at} format="relative" /> · {triesWords(delivery.attempts)}
                  </>
                ),
                aside: <StatusBadge kind="delivery" status={deliveryStatus(delivery)} />,
              }))}
            />
          </Panel>
          <AuditPanel ctx={ctx} subject={endpoint.id} />
        </>
      }
      facts={
        <>
          <Panel title="Settings">
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
                {
                  term: "In order",
                  value: endpoint.ordered ? "Yes" : "No",
                  hint: endpoint.ordered
                    ? "Events of one thing come one after the other"
                    : "Events may overtake others",
                },
                {
                  term: "Own headers",
                  value:
                    endpoint.header_names.length === 0 ? null : (
                      <span className="break-all font-mono text-xs">{endpoint.header_names.join(", ")}</span>
                    ),
                  ...(endpoint.header_names.length === 0 ? {} : { hint: "Values are not shown" }),
                },
                { term: "Added", value: <DateTime value={endpoint.created_at} /> },
                { term: "Changed", value: <DateTime value={endpoint.updated_at} /> },
              ]}
            />
          </Panel>
          <Panel title="Signing secret" actions={canWrite ? <RotateSecret endpoint={asked} /> : undefined}>
            <p className="text-ink-2 text-sm">
              {endpoint.previous_secret_until === null ? (
                "Each delivery is signed with it by the Standard Webhooks rules. It was shown when it was made."
              ) : (
                <>
                  Two are in use: the one before still signs too until{" "}
                  <DateTime value={endpoint.previous_secret_until} />.
                </>
              )}
            </p>
          </Panel>
          {canWrite ? (
            <Panel title="Delete" actions={<DeleteEndpoint endpoint={asked} />}>
              <p className="text-ink-2 text-sm">Ends it for good. To pause, switch it off.</p>
            </Panel>
          ) : null}
        </>
      }
    />
  );
}

/** Why nothing is sent, or since when nothing arrives. */
function StateNotice({ endpoint }: { endpoint: EndpointRecord }) {
  if (endpoint.status === "disabled") {
    return (
      <Notice tone="warn" title={`${disabledWords(endpoint.disabled_reason)}. Nothing is sent.`}>
        What it was still owed has failed and can be sent again once it is on.
      </Notice>
    );
  }
  if (endpoint.failing_since === null) return null;
  return (
    <Notice
      tone="warn"
      title={
        <>
          Failing since <DateTime value={endpoint.failing_since} />: {endpoint.consecutive_failures}{" "}
          {endpoint.consecutive_failures === 1 ? "try" : "tries in a row"}
        </>
      }
    >
      Each delivery is repeated over three days. After five days of failing the endpoint is switched off.
    </Notice>
  );
}

function Health({ endpoint }: { endpoint: EndpointRecord }) {
  const { health } = endpoint;
  const list = `/webhooks/deliveries?endpoint=${endpoint.id}`;
  return (
    <StatRow>
      <Stat
        label="On their way"
        value={countWords(health.pending)}
        hint="waiting or tried again"
        href={`${list}&status=pending`}
      />
      <Stat
        label="Failed"
        value={<span className={health.failed > 0 ? "text-bad" : ""}>{countWords(health.failed)}</span>}
        hint="given up, can be sent again"
        href={`${list}&status=failed`}
      />
      <Stat
        label="Arrived in 24 hours"
        value={countWords(health.delivered_24h)}
        hint={`of ${countWords(health.tried_24h)} tried`}
        href={`${list}&created=24h&status=delivered`}
      />
      <Stat
        label="Success in 24 hours"
        value={<SuccessRate health={health} />}
        hint={health.success_rate_24h === null ? "nothing was tried" : "of the events tried"}
        href={`${list}&created=24h`}
      />
    </StatRow>
  );
}
