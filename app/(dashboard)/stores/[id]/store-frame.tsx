import type { ReactNode } from "react";
import { Country } from "@/components/display/country";
import { DateTime } from "@/components/display/date-time";
import { DefinitionList } from "@/components/display/definition-list";
import { Id } from "@/components/display/id";
import { StatusBadge } from "@/components/display/status-badge";
import { Notice } from "@/components/notice";
import { RecordLayout } from "@/components/record-layout";
import { SubNav } from "@/components/sub-nav";
import { TextLink } from "@/components/text-link";
import { ButtonLink } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import { can } from "@/server/auth/permissions";
import type { WebSession } from "@/server/auth/sessions";
import type { StoreRecord } from "@/server/domain/stores/schema";
import { OPENING_WORDS, PLATFORM_WORDS, STORE_TYPE_WORDS } from "@/server/domain/stores/states";
import { ArchiveStore, RestoreStore } from "./store-actions";

const COUNT = new Intl.NumberFormat("en");
const COUNT_MAX = 10_000;

/** What all parts of a store's record share: head, what it needs, the way to the other parts, facts. */
export function StoreFrame({
  store,
  user,
  part,
  main,
}: {
  store: StoreRecord;
  user: WebSession["user"];
  /** Which part, for the crumb; the store itself without one. */
  part?: string;
  main: ReactNode;
}) {
  const mayWrite = can(user, "stores:write");
  const isArchived = store.status === "ARCHIVED";
  return (
    <RecordLayout
      title={store.name}
      crumb={part ?? store.name}
      badge={
        <>
          <StatusBadge kind="store" status={store.status} />
          {store.openingState === "OPEN" ? null : (
            <span className="text-ink-2 text-xs">{OPENING_WORDS[store.openingState]}</span>
          )}
        </>
      }
      ids={
        <>
          <Id value={store.id} />
          <span className="text-ink-3 text-xs">Reference {store.reference}</span>
        </>
      }
      {...(mayWrite
        ? {
            actions: isArchived ? (
              <RestoreStore id={store.id} name={store.name} />
            ) : (
              <>
                <ArchiveStore id={store.id} name={store.name} terminals={store.terminalCount} />
                <ButtonLink href={`/stores/${store.id}/edit`}>Edit</ButtonLink>
              </>
            ),
          }
        : {})}
      notice={
        <>
          {store.lacksQr ? (
            <Notice
              tone="warn"
              title="Nothing here can show a QR code"
              action={
                can(user, "terminals:write") ? (
                  <ButtonLink href={`/terminals/new?store=${store.id}`} size="sm">
                    Add terminal
                  </ButtonLink>
                ) : undefined
              }
            >
              A customer pays in person by scanning a code: the store needs one terminal or screen that shows it.
            </Notice>
          ) : null}
          {store.source === "PAYMENT" && store.storeGroup === null && !isArchived ? (
            <Notice
              title="This store came with a payment"
              action={
                mayWrite ? (
                  <ButtonLink href={`/stores/${store.id}/edit`} size="sm">
                    Take over
                  </ButtonLink>
                ) : undefined
              }
            >
              It belongs to no store group yet. Give it one, and it is part of the registry like any other.
            </Notice>
          ) : null}
          {store.status === "DRAFT" ? (
            <Notice title="Part of the onboarding">Payments are possible once Klarna has taken the Partner.</Notice>
          ) : null}
          <SubNav
            label="Parts of the store"
            items={[
              { label: "Store", href: `/stores/${store.id}` },
              { label: "Settings", href: `/stores/${store.id}/settings` },
              ...(can(user, "audit:read") ? [{ label: "History", href: `/stores/${store.id}/history` }] : []),
            ]}
          />
        </>
      }
      main={main}
      facts={
        <Panel title="Facts">
          <DefinitionList
            items={[
              {
                term: "Partner",
                value: can(user, "partners:read") ? (
                  <TextLink href={`/partners/${store.partnerId}`}>{store.partnerName}</TextLink>
                ) : (
                  store.partnerName
                ),
              },
              { term: "Type", value: STORE_TYPE_WORDS[store.type] },
              { term: "Opening", value: OPENING_WORDS[store.openingState] },
              { term: "Address", value: <Address store={store} />, isHidden: store.type !== "PHYSICAL" },
              { term: "Website", value: store.url, isHidden: store.url === null },
              {
                term: "App",
                value: store.app?.bundleNames.join(", "),
                hint: store.app?.platform ? PLATFORM_WORDS[store.app.platform] : undefined,
                isHidden: store.app === null,
              },
              { term: "Store group", value: store.storeGroup?.name ?? null },
              { term: "Brand", value: store.brand?.name ?? null, hint: logoOf(store) },
              { term: "Support e-mail", value: store.supportEmail },
              { term: "Support phone", value: store.supportPhone },
              { term: "Currency", value: store.partnerCurrency },
              {
                term: "Klarna's id",
                value: store.klarnaStoreId === null ? null : <Id value={store.klarnaStoreId} />,
                hint: store.klarnaStoreId === null ? "Klarna has not given it one yet." : undefined,
              },
              {
                term: "Registered",
                value: store.source === "PAYMENT" ? "Came with a payment" : "By us",
                hint: <DateTime value={store.createdAt} />,
              },
              {
                term: "Archived",
                value: store.archivedAt === null ? null : <DateTime value={store.archivedAt} />,
                isHidden: store.archivedAt === null,
              },
              {
                term: "Payments",
                value: store.paymentCount >= COUNT_MAX ? "10,000 or more" : COUNT.format(store.paymentCount),
              },
            ]}
          />
        </Panel>
      }
    />
  );
}

/** Pictures of other hosts are not loaded into the dashboard: the address says which one customers see. */
function logoOf(store: StoreRecord): ReactNode {
  if (store.brandLogo === null) return undefined;
  return (
    <a href={store.brandLogo} target="_blank" rel="noreferrer" className="underline underline-offset-2">
      Logo
    </a>
  );
}

function Address({ store }: { store: StoreRecord }) {
  const { address } = store;
  if (address === null) return <Country code={store.country} />;
  return (
    <address className="not-italic">
      {address.street_address}
      <br />
      {address.street_address2 === undefined ? null : (
        <>
          {address.street_address2}
          <br />
        </>
      )}
      {[address.postal_code, address.city, address.region].filter((part) => part !== undefined).join(" ")}
      <br />
      <Country code={address.country} />
    </address>
  );
}
