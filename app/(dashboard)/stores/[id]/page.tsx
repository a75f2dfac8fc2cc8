import type { Metadata } from "next";
import { orNotFound } from "@/app/(dashboard)/or-not-found";
import { RecentPayments } from "@/app/(dashboard)/recent-payments";
import { RowList } from "@/app/(dashboard)/row-list";
import { DateTime } from "@/components/display/date-time";
import { StatusBadge } from "@/components/display/status-badge";
import { ButtonLink } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import { can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import { getStore } from "@/server/domain/stores/service";
import { TerminalDeviceSchema } from "@/server/domain/terminals/schema";
import { TERMINAL_DEVICE_WORDS } from "@/server/domain/terminals/states";
import { StoreFrame } from "./store-frame";

export const metadata: Metadata = { title: "Store" };

const COUNT = new Intl.NumberFormat("en");

export default async function StorePage({ params }: { params: Promise<{ id: string }> }) {
  const ctx = await webContext("stores:read");
  const { user } = await requireSession();
  const { id } = await params;
  const store = await orNotFound(getStore(ctx, id));
  const mayAdd = can(user, "terminals:write") && store.type === "PHYSICAL" && store.status !== "ARCHIVED";
  return (
    <StoreFrame
      store={store}
      user={user}
      main={
        <>
          <Panel
            title={`Terminals · ${COUNT.format(store.terminalCount)}`}
            isFlush
            actions={
              <>
                {store.terminals.length === 0 || !can(user, "terminals:read") ? null : (
                  <ButtonLink href={`/terminals?store=${store.id}`} variant="ghost" size="sm">
                    All terminals
                  </ButtonLink>
                )}
                {mayAdd ? (
                  <ButtonLink href={`/terminals/new?store=${store.id}`} size="sm">
                    Add terminal
                  </ButtonLink>
                ) : null}
              </>
            }
          >
            <RowList
              empty={
                store.type === "PHYSICAL" ? "No terminal is registered here." : "A web shop or app needs no terminal."
              }
              rows={store.terminals.map((terminal) => ({
                id: terminal.id,
                href: `/terminals/${terminal.id}`,
                primary: terminal.label,
                secondary: [
                  terminal.reference,
                  deviceWords(terminal.device),
                  ...(terminal.canShowQr ? [] : ["shows no QR codes"]),
                ].join(" · "),
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
        </>
      }
    />
  );
}

function deviceWords(device: string): string {
  const known = TerminalDeviceSchema.safeParse(device).data;
  return known === undefined ? device : TERMINAL_DEVICE_WORDS[known];
}
