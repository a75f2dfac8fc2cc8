import type { Metadata } from "next";
import { FactRow } from "@/app/(dashboard)/fact-row";
import { DateTime } from "@/components/display/date-time";
import { Id } from "@/components/display/id";
import { StatusBadge } from "@/components/display/status-badge";
import { Notice } from "@/components/notice";
import { Page, PageHeader } from "@/components/page-header";
import { SubNav } from "@/components/sub-nav";
import { TextLink } from "@/components/text-link";
import { Badge } from "@/components/ui/badge";
import { Panel, PanelEmpty } from "@/components/ui/panel";
import { can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import {
  type HeldWebhook,
  type SigningKeyItem,
  SUBSCRIPTION_FIELDS,
  type SubscriptionField,
  type SubscriptionView,
} from "@/server/domain/inbox/schema";
import { checkSubscription, listSigningKeys } from "@/server/domain/inbox/service";
import { systemNav } from "../nav";
import { AddKey, RepairSubscription, RetireKey, RotateKey } from "./subscription-actions";

export const metadata: Metadata = { title: "Subscription and keys" };

const FIELD_WORDS: Readonly<Record<SubscriptionField, string>> = {
  url: "Address",
  event_types: "Event types",
  event_version: "Version",
  signing_key_id: "Signing key",
  status: "Status",
};

export default async function SubscriptionPage() {
  const ctx = await webContext("system:read");
  const { user } = await requireSession();
  // The look notes which key is in use, so the keys are read after it.
  const view = await checkSubscription(ctx);
  const keys = await listSigningKeys(ctx);
  const mayChange = can(user, "klarna_subscriptions:write");
  const { mode } = ctx.scope;
  const ours = view.held.find((webhook) => webhook.relation === "ours") ?? null;
  const others = view.held.filter((webhook) => webhook.relation !== "ours");
  return (
    <Page>
      <PageHeader
        title="System"
        description={
          <>
            How Klarna is told to send its events to us, in {mode} mode. Looked at{" "}
            <DateTime value={view.checkedAt} precision="second" />, and every ten minutes by a job.
          </>
        }
      />
      <SubNav label="System" items={systemNav(user)} />
      <Panel
        title={
          <span className="flex flex-wrap items-center gap-2">
            Our subscription <StatusBadge kind="subscription" status={view.verdict} />
          </span>
        }
        description="What Klarna holds beside what we want."
        isFlush
        actions={
          mayChange && view.isConfigured ? (
            <RepairSubscription
              mode={mode}
              isMissing={view.verdict === "MISSING"}
              isInOrder={view.verdict === "IN_ORDER"}
            />
          ) : undefined
        }
      >
        {view.problem === null ? null : (
          <Notice
            tone={view.isConfigured ? "bad" : "info"}
            title={view.isConfigured ? "Klarna could not be asked" : `No Klarna credentials in ${mode} mode`}
            className="m-4"
          >
            {view.isConfigured ? view.problem : "Without them nothing is sent or received in this mode."}
          </Notice>
        )}
        <Comparison view={view} ours={ours} />
      </Panel>
      {others.length === 0 ? null : (
        <Panel title={`Other webhooks at Klarna · ${others.length}`} isFlush>
          <ul>
            {others.map((webhook) => (
              <OtherWebhook key={webhook.webhookId} webhook={webhook} />
            ))}
          </ul>
        </Panel>
      )}
      <Panel
        id="keys"
        title={`Signing keys · ${keys.filter((key) => key.state === "ACTIVE").length} accepted`}
        description="Klarna signs each event with one of them. After a rotation the old one is accepted for a day, for events that Klarna sends again."
        isFlush
        actions={
          mayChange ? (
            <>
              <AddKey mode={mode} />
              {view.isConfigured ? <RotateKey mode={mode} /> : null}
            </>
          ) : undefined
        }
      >
        {keys.length === 0 ? (
          <PanelEmpty>
            No key yet: no event of this mode can be accepted. Creating the subscription makes one.
          </PanelEmpty>
        ) : (
          <ul>
            {keys.map((key) => (
              <Key key={key.id} item={key} canRetire={mayChange && key.state === "ACTIVE" && !key.isCurrent} />
            ))}
          </ul>
        )}
      </Panel>
      {view.foreignKeys.length === 0 ? null : (
        <Panel
          title={`Keys at Klarna that we do not hold · ${view.foreignKeys.length}`}
          description="Made elsewhere, with the same credentials. Events signed with them are refused here unless they are entered."
          isFlush
        >
          <ul>
            {view.foreignKeys.map((key) => (
              <li
                key={key.id}
                className="flex min-h-10 flex-wrap items-center gap-x-4 border-line border-b px-4 py-1.5 last:border-b-0"
              >
                <span className="min-w-0 flex-1">
                  <Id value={key.id} isFull />
                </span>
                <span className="text-ink-3 text-xs">
                  made <DateTime value={key.createdAt} format="relative" /> ·{" "}
                  {key.isUsed ? "signs a webhook" : "signs nothing"}
                </span>
              </li>
            ))}
          </ul>
        </Panel>
      )}
    </Page>
  );
}

/** Field by field, side by side; one below the other on a phone. */
function Comparison({ view, ours }: { view: SubscriptionView; ours: HeldWebhook | null }) {
  if (view.verdict === "UNREACHABLE" || view.verdict === "UNKNOWN") return null;
  const differing = new Set(view.differences.map((difference) => difference.field));
  const columns = "sm:grid sm:grid-cols-[7rem_minmax(0,1fr)_minmax(0,1fr)_6rem] sm:gap-x-6";
  return (
    <div>
      <div aria-hidden className={`hidden border-line border-b px-4 py-2 text-ink-3 text-xs ${columns}`}>
        <span>Field</span>
        <span>At Klarna</span>
        <span>Wanted</span>
      </div>
      <ul aria-label="What Klarna holds beside what we want">
        {SUBSCRIPTION_FIELDS.map((field) => (
          <li key={field} className={`grid gap-1 border-line border-b px-4 py-2 last:border-b-0 ${columns}`}>
            <span className="text-ink-2 text-sm">{FIELD_WORDS[field]}</span>
            <FieldValue label="At Klarna" value={ours === null ? null : ours[field]} />
            <FieldValue label="Wanted" value={view.wanted[field]} />
            {ours === null ? (
              <Badge tone="bad" hasDot>
                Missing
              </Badge>
            ) : differing.has(field) ? (
              <Badge tone="warn" hasDot>
                Differs
              </Badge>
            ) : (
              <Badge tone="good" hasDot>
                Agrees
              </Badge>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}

function FieldValue({ label, value }: { label: string; value: string | null }) {
  return (
    <span className="min-w-0 break-all font-mono text-xs leading-5">
      <span className="mr-2 font-sans text-ink-3 sm:sr-only">{label}</span>
      {value ?? <span className="font-sans text-ink-3">–</span>}
    </span>
  );
}

function OtherWebhook({ webhook }: { webhook: HeldWebhook }) {
  return (
    <FactRow
      title={<span className="min-w-0 break-all">{webhook.url}</span>}
      facts={
        <>
          <span className="font-mono">{webhook.event_types}</span>
          <span>{webhook.status.toLowerCase()}</span>
          <span>{webhook.isKeyKnown ? "signed with a key of ours" : "signed with a key that we do not hold"}</span>
        </>
      }
    >
      {webhook.relation === "surplus" ? (
        <Badge tone="warn" hasDot>
          Removed by a repair
        </Badge>
      ) : (
        <Badge>Left alone</Badge>
      )}
    </FactRow>
  );
}

function Key({ item, canRetire }: { item: SigningKeyItem; canRetire: boolean }) {
  const status =
    item.state === "RETIRED" ? "retired" : item.isCurrent ? "current" : item.retireAt === null ? "active" : "leaving";
  return (
    <FactRow
      title={<Id value={item.id} isFull />}
      facts={
        <>
          <span>
            {item.source === "KLARNA" ? "made at Klarna" : "entered by hand"}{" "}
            <DateTime value={item.createdAt} format="relative" />
            {item.createdBy === null ? "" : ` by ${item.createdBy}`}
          </span>
          <span>
            {item.lastUsedAt === null ? (
              "never used"
            ) : (
              <>
                last used <DateTime value={item.lastUsedAt} format="relative" />
              </>
            )}
          </span>
          {item.state === "ACTIVE" && item.retireAt !== null ? (
            <span>
              retired after <DateTime value={item.retireAt} />
            </span>
          ) : null}
          {item.retiredAt === null ? null : (
            <span>
              retired <DateTime value={item.retiredAt} format="relative" />
              {item.retiredBy === null ? "" : ` by ${item.retiredBy}`}
            </span>
          )}
          <TextLink href={`/system/received?key=${encodeURIComponent(item.id)}`}>Its events</TextLink>
        </>
      }
    >
      <StatusBadge kind="signing_key" status={status} />
      {canRetire ? <RetireKey id={item.id} mode={item.mode} /> : null}
    </FactRow>
  );
}
