import type { Metadata } from "next";
import { RecentPayments } from "@/app/(dashboard)/recent-payments";
import { RowList } from "@/app/(dashboard)/row-list";
import { Country } from "@/components/display/country";
import { DateTime } from "@/components/display/date-time";
import { DefinitionList } from "@/components/display/definition-list";
import { Id } from "@/components/display/id";
import { ModeBadge } from "@/components/display/mode-badge";
import { TextLink } from "@/components/text-link";
import { Badge } from "@/components/ui/badge";
import { ButtonLink } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import { can } from "@/server/auth/permissions";
import { ACCOUNT_STATE_WORDS } from "@/server/domain/partners/states";
import { listStores } from "@/server/domain/stores/service";
import { STORE_TYPE_WORDS } from "@/server/domain/stores/states";
import { CopyToMode, ReadAtKlarna } from "./lifecycle-actions";
import { loadPartner, PartnerFrame, type PartnerPage } from "./partner-frame";
import { accountTone, PAYMENT_ACCOUNT_STATE_WORDS, PRODUCT_STATE_WORDS, productTone } from "./state-words";

export const metadata: Metadata = { title: "Partner" };

const STORES_SHOWN = 8;
const COUNT = new Intl.NumberFormat("en");
const COUNT_MAX = 10_000;

export default async function PartnerOverviewPage({ params }: { params: Promise<{ id: string }> }) {
  const page = await loadPartner(params);
  const { ctx, user, partner } = page;
  const stores = can(user, "stores:read")
    ? await listStores(ctx, { partner: partner.id }, { limit: STORES_SHOWN })
    : null;
  return (
    <PartnerFrame page={page}>
      <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-4 lg:grid-cols-[minmax(0,1fr)_minmax(320px,400px)]">
        <div className="grid min-w-0 gap-4 max-lg:order-2">
          {stores === null ? null : (
            <Panel
              title={`Stores · ${COUNT.format(partner.storeCount)}`}
              isFlush
              actions={
                <>
                  {can(user, "stores:write") && partner.state !== "CLOSED" && page.account !== null ? (
                    <ButtonLink href={`/stores/new?partner=${partner.id}`} size="sm">
                      Add a store
                    </ButtonLink>
                  ) : null}
                  <ButtonLink href={`/stores?partner=${partner.id}`} variant="ghost" size="sm">
                    All stores
                  </ButtonLink>
                </>
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
          )}
          {can(user, "payments:read") ? (
            <RecentPayments ctx={ctx} filter={{ partner: partner.id }} href={`/payments?partner=${partner.id}`} />
          ) : null}
        </div>
        <div className="grid min-w-0 gap-4">
          <AccountPanel page={page} />
          <Panel title="Facts">
            <DefinitionList
              items={[
                { term: "Country", value: <Country code={partner.country} /> },
                { term: "Currency", value: partner.currency },
                { term: "Stores", value: COUNT.format(partner.storeCount) },
                {
                  term: "Terminals",
                  value: can(user, "terminals:read") ? (
                    <TextLink href={`/terminals?partner=${partner.id}`}>{COUNT.format(partner.terminalCount)}</TextLink>
                  ) : (
                    COUNT.format(partner.terminalCount)
                  ),
                },
                {
                  term: "Payments",
                  value: partner.paymentCount >= COUNT_MAX ? "10,000 or more" : COUNT.format(partner.paymentCount),
                },
                { term: "Users", value: partner.userCount },
                {
                  term: "API keys",
                  value: can(user, "api_keys:read") ? (
                    <TextLink href={`/developers?partner=${partner.id}`}>{partner.apiKeyCount}</TextLink>
                  ) : (
                    partner.apiKeyCount
                  ),
                },
                {
                  term: "Webhook endpoints",
                  value: can(user, "webhooks:read") ? (
                    <TextLink href={`/webhooks?partner=${partner.id}`}>{partner.webhookEndpointCount}</TextLink>
                  ) : (
                    partner.webhookEndpointCount
                  ),
                },
                { term: "Partner since", value: <DateTime value={partner.createdAt} precision="day" /> },
              ]}
            />
          </Panel>
        </div>
      </div>
    </PartnerFrame>
  );
}

/** The states as Klarna has them: account, product, payment accounts. */
function AccountPanel({ page }: { page: PartnerPage }) {
  const { ctx, user, partner, account } = page;
  const { mode } = ctx.scope;
  const isAcquirer = ctx.scope.partners === "all";
  const mayWrite = isAcquirer && can(user, "partners:write");
  const others = partner.accounts.filter((one) => one.mode !== mode);
  return (
    <Panel
      title="Account at Klarna"
      actions={
        mayWrite && account !== null && account.klarnaPartnerAccountId !== null ? (
          <ReadAtKlarna partnerId={partner.id} />
        ) : undefined
      }
    >
      {account === null ? (
        <div className="grid gap-3">
          <p className="text-ink-3 text-sm">This Partner has no account in {mode} mode.</p>
          {mayWrite && others.length > 0 && partner.state !== "CLOSED" ? (
            <div>
              <CopyToMode partner={{ id: partner.id, name: partner.name, state: partner.state }} mode={mode} />
            </div>
          ) : null}
        </div>
      ) : (
        <DefinitionList
          items={[
            {
              term: "Account",
              value: (
                <Badge tone={accountTone(account.state)} hasDot>
                  {ACCOUNT_STATE_WORDS[account.state]}
                </Badge>
              ),
            },
            {
              term: "Payments",
              value: (
                <Badge tone={productTone(account.productState)} hasDot>
                  {PRODUCT_STATE_WORDS[account.productState]}
                </Badge>
              ),
              hint:
                account.klarnaPartnerAccountId !== null &&
                account.productWanted !== account.productState &&
                account.productState !== "TERMINATED"
                  ? `Asked for: ${account.productWanted === "ENABLED" ? "enabled" : "disabled"}. Klarna may take ten minutes.`
                  : account.productChangedAt === null
                    ? undefined
                    : account.productChangedBy === "KLARNA"
                      ? "By Klarna"
                      : "By us",
            },
            ...account.paymentAccounts.map((one, index) => ({
              term: account.paymentAccounts.length === 1 ? "Payment account" : `Payment account ${index + 1}`,
              hint: one.reference,
              value: (
                <Badge tone={one.state === "ENABLED" ? "good" : one.state === "DISABLED" ? "bad" : "info"} hasDot>
                  {PAYMENT_ACCOUNT_STATE_WORDS[one.state] ?? one.state}
                </Badge>
              ),
            })),
            { term: "Account id", value: <Id value={account.klarnaPartnerAccountId} isFull /> },
            { term: "Operational since", value: <DateTime value={account.operationalAt} /> },
            {
              term: "In step",
              value:
                account.openDrift > 0
                  ? `${account.openDrift} ${account.openDrift === 1 ? "field differs" : "fields differ"}`
                  : account.openChanges > 0
                    ? `${account.openChanges} ${account.openChanges === 1 ? "change" : "changes"} on the way`
                    : account.failedChanges > 0
                      ? `${account.failedChanges} refused`
                      : "Nothing open",
              hint: <TextLink href={`/partners/${partner.id}/klarna`}>What Klarna is told</TextLink>,
            },
          ]}
        />
      )}
      {others.length === 0 ? null : (
        <ul className="mt-3 grid gap-2 border-line border-t pt-3">
          {others.map((other) => (
            <li key={other.mode} className="flex flex-wrap items-center gap-2">
              <ModeBadge mode={other.mode} />
              <Badge tone={accountTone(other.state)} hasDot>
                {ACCOUNT_STATE_WORDS[other.state]}
              </Badge>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
