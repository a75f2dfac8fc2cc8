import type { Metadata } from "next";
import { AuditPanel } from "@/app/(dashboard)/audit-panel";
import { orNotFound } from "@/app/(dashboard)/or-not-found";
import { RecentPayments } from "@/app/(dashboard)/recent-payments";
import { RowList } from "@/app/(dashboard)/row-list";
import { Country } from "@/components/display/country";
import { DateTime } from "@/components/display/date-time";
import { DefinitionList } from "@/components/display/definition-list";
import { Id } from "@/components/display/id";
import { StatusBadge } from "@/components/display/status-badge";
import { RecordLayout } from "@/components/record-layout";
import { TextLink } from "@/components/text-link";
import { Panel } from "@/components/ui/panel";
import { can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import type { StoreRecord } from "@/server/domain/stores/schema";
import { getStore } from "@/server/domain/stores/service";
import { STORE_TYPE_WORDS } from "@/server/domain/stores/states";
import { TerminalDeviceSchema } from "@/server/domain/terminals/schema";
import { TERMINAL_DEVICE_WORDS } from "@/server/domain/terminals/states";

export const metadata: Metadata = { title: "Store" };

const COUNT = new Intl.NumberFormat("en");
const COUNT_MAX = 10_000;

export default async function StorePage({ params }: { params: Promise<{ id: string }> }) {
  const ctx = await webContext("stores:read");
  const { user } = await requireSession();
  const { id } = await params;
  const store = await orNotFound(getStore(ctx, id));
  return (
    <RecordLayout
      title={store.name}
      crumb={store.name}
      badge={<StatusBadge kind="store" status={store.status} />}
      ids={
        <>
          <Id value={store.id} />
          <span className="text-ink-3 text-xs">Reference {store.reference}</span>
        </>
      }
      main={
        <>
          <Panel title={`Terminals · ${COUNT.format(store.terminals.length)}`} isFlush>
            <RowList
              empty={
                store.type === "PHYSICAL" ? "No terminal is registered here." : "A web shop or app needs no terminal."
              }
              rows={store.terminals.map((terminal) => ({
                id: terminal.id,
                href: `/terminals/${terminal.id}`,
                primary: terminal.label,
                secondary: [terminal.reference, deviceWords(terminal.device)].join(" · "),
                aside:
                  terminal.status === "ARCHIVED" ? (
                    <StatusBadge kind="terminal" status={terminal.status} />
                  ) : (
                    <span className="text-ink-3 text-xs">
                      {terminal.lastSeenAt === null ? (
                        "Never seen"
                      ) : (
                        <>
                          Seen <DateTime value={terminal.lastSeenAt} format="relative" />
                        </>
                      )}
                    </span>
                  ),
              }))}
            />
          </Panel>
          <RecentPayments ctx={ctx} filter={{ store: store.id }} href={`/payments?store=${store.id}`} />
          <AuditPanel ctx={ctx} subject={store.id} />
        </>
      }
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
              { term: "Address", value: <Address store={store} /> },
              { term: "Website", value: store.url, isHidden: store.url === null },
              { term: "Store group", value: store.storeGroup?.name ?? null },
              { term: "Brand", value: store.brand?.name ?? null },
              { term: "Currency", value: store.partnerCurrency },
              { term: "Klarna's id", value: <Id value={store.klarnaStoreId} /> },
              {
                term: "Registered",
                value: store.source === "PAYMENT" ? "Came with a payment" : "By us",
                hint: <DateTime value={store.createdAt} />,
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

function deviceWords(device: string): string {
  const known = TerminalDeviceSchema.safeParse(device).data;
  return known === undefined ? device : TERMINAL_DEVICE_WORDS[known];
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
