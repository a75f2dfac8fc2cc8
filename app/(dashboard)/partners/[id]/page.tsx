import type { Metadata } from "next";
import { AuditPanel } from "@/app/(dashboard)/audit-panel";
import { orNotFound } from "@/app/(dashboard)/or-not-found";
import { RecentPayments } from "@/app/(dashboard)/recent-payments";
import { RowList } from "@/app/(dashboard)/row-list";
import { Country } from "@/components/display/country";
import { DateTime } from "@/components/display/date-time";
import { DefinitionList } from "@/components/display/definition-list";
import { Id } from "@/components/display/id";
import { ModeBadge } from "@/components/display/mode-badge";
import { StatusBadge } from "@/components/display/status-badge";
import { RecordLayout } from "@/components/record-layout";
import { Badge } from "@/components/ui/badge";
import { ButtonLink } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import { webContext } from "@/server/auth/web";
import { getPartner } from "@/server/domain/partners/service";
import { ACCOUNT_STATE_WORDS } from "@/server/domain/partners/states";
import { listStores } from "@/server/domain/stores/service";
import { STORE_TYPE_WORDS } from "@/server/domain/stores/states";

export const metadata: Metadata = { title: "Partner" };

const STORES_SHOWN = 8;
const COUNT = new Intl.NumberFormat("en");
const COUNT_MAX = 10_000;

export default async function PartnerPage({ params }: { params: Promise<{ id: string }> }) {
  const ctx = await webContext("partners:read");
  const { id } = await params;
  const partner = await orNotFound(getPartner(ctx, id));
  const stores = await listStores(ctx, { partner: partner.id }, { limit: STORES_SHOWN });
  const groups = partner.brands.flatMap((brand) => brand.storeGroups.map((group) => ({ ...group, brand: brand.name })));
  return (
    <RecordLayout
      title={partner.name}
      crumb={partner.name}
      badge={<StatusBadge kind="partner" status={partner.state} />}
      ids={
        <>
          <Id value={partner.id} />
          <span className="text-ink-3 text-xs">Reference {partner.reference}</span>
        </>
      }
      main={
        <>
          <Panel
            title={`Stores · ${COUNT.format(partner.storeCount)}`}
            isFlush
            actions={
              stores.nextCursor === null ? undefined : (
                <ButtonLink href={`/stores?partner=${partner.id}`} variant="ghost" size="sm">
                  All stores
                </ButtonLink>
              )
            }
          >
            <RowList
              empty="No store in this mode."
              rows={stores.items.map((store) => ({
                id: store.id,
                href: `/stores/${store.id}`,
                primary: store.name,
                secondary: [store.reference, store.city ?? STORE_TYPE_WORDS[store.type]].join(" · "),
                aside: (
                  <span className="text-ink-3 text-xs">
                    {store.terminalCount === 1 ? "1 terminal" : `${store.terminalCount} terminals`}
                  </span>
                ),
              }))}
            />
          </Panel>
          <RecentPayments ctx={ctx} filter={{ partner: partner.id }} href={`/payments?partner=${partner.id}`} />
          <AuditPanel ctx={ctx} subject={partner.id} />
        </>
      }
      facts={
        <>
          <Panel title="Facts">
            <DefinitionList
              items={[
                { term: "Country", value: <Country code={partner.country} /> },
                { term: "Currency", value: partner.currency },
                { term: "Stores", value: COUNT.format(partner.storeCount) },
                { term: "Terminals", value: COUNT.format(partner.terminalCount) },
                {
                  term: "Payments",
                  value: partner.paymentCount >= COUNT_MAX ? "10,000 or more" : COUNT.format(partner.paymentCount),
                },
                { term: "Users", value: partner.userCount },
                { term: "API keys", value: partner.apiKeyCount },
                { term: "Webhook endpoints", value: partner.webhookEndpointCount },
                { term: "Partner since", value: <DateTime value={partner.createdAt} precision="day" /> },
              ]}
            />
          </Panel>
          <Panel title="Accounts at Klarna">
            {partner.accounts.length === 0 ? (
              <p className="text-ink-3 text-sm">Klarna has no account for this Partner yet.</p>
            ) : (
              <ul className="grid gap-3">
                {partner.accounts.map((account) => (
                  <li key={account.mode} className="grid gap-1 border-line border-b pb-3 last:border-b-0 last:pb-0">
                    <div className="flex flex-wrap items-center gap-2">
                      <ModeBadge mode={account.mode} />
                      <Badge
                        tone={account.state === "OPERATIONAL" ? "good" : account.state === "DISABLED" ? "bad" : "warn"}
                        hasDot
                      >
                        {ACCOUNT_STATE_WORDS[account.state]}
                      </Badge>
                      {account.productState === "DISABLED" ? (
                        <Badge tone="bad" hasDot>
                          Payments disabled
                        </Badge>
                      ) : null}
                    </div>
                    <Id value={account.klarnaPartnerAccountId} isFull />
                  </li>
                ))}
              </ul>
            )}
          </Panel>
          <Panel title="Business entities" isFlush>
            <RowList
              empty="None in this mode."
              rows={partner.businessEntities.map((entity) => ({
                id: entity.id,
                primary: entity.legalName,
                secondary: `Registered as ${entity.registrationNumber}`,
                aside: <Country code={entity.country} isShort />,
              }))}
            />
          </Panel>
          <Panel title="Brands and store groups" isFlush>
            <RowList
              empty="None in this mode."
              rows={[
                ...partner.brands
                  .filter((brand) => brand.storeGroups.length === 0)
                  .map((brand) => ({ id: brand.id, primary: brand.name, secondary: brand.website ?? "No website" })),
                ...groups.map((group) => ({
                  id: group.id,
                  href: `/stores?group=${group.id}`,
                  primary: group.name,
                  secondary: group.brand,
                  aside: (
                    <span className="text-ink-3 text-xs">
                      {group.storeCount === 1 ? "1 store" : `${group.storeCount} stores`}
                    </span>
                  ),
                })),
              ]}
            />
          </Panel>
        </>
      }
    />
  );
}
