import type { Metadata } from "next";
import { orNotFound } from "@/app/(dashboard)/or-not-found";
import { RecentPayments } from "@/app/(dashboard)/recent-payments";
import { RowList } from "@/app/(dashboard)/row-list";
import { browserWords } from "@/app/(dashboard)/settings/sessions/browser-words";
import { DateTime } from "@/components/display/date-time";
import { Panel } from "@/components/ui/panel";
import { can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import { inheritSettings } from "@/server/domain/partners/service";
import { getTerminal, listPairedDevices } from "@/server/domain/terminals/service";
import { PURPOSE_WORDS } from "@/server/domain/terminals/states";
import { LetGo, PairDevice } from "./terminal-actions";
import { TerminalFrame } from "./terminal-frame";

export const metadata: Metadata = { title: "Terminal" };

export default async function TerminalPage({ params }: { params: Promise<{ id: string }> }) {
  const ctx = await webContext("terminals:read");
  const { user } = await requireSession();
  const { id } = await params;
  const terminal = await orNotFound(getTerminal(ctx, id));
  const devices = (await listPairedDevices(ctx, terminal.id)).filter((device) => device.revokedAt === null);
  const mayPair = can(user, "terminals:write") && terminal.status !== "ARCHIVED";
  const mayPairTill = can(user, "payments:refund") || !inheritSettings(terminal.settings).values.till_returns;
  return (
    <TerminalFrame
      terminal={terminal}
      user={user}
      main={
        <>
          <RecentPayments ctx={ctx} filter={{ terminal: terminal.id }} href={`/payments?terminal=${terminal.id}`} />
          <Panel
            title="Paired devices"
            isFlush
            {...(mayPair
              ? {
                  actions: (
                    <PairDevice
                      device={terminal.device}
                      id={terminal.id}
                      label={terminal.label}
                      mayPairTill={mayPairTill}
                      pairUrl={new URL("/pair", ctx.env.PUBLIC_URL).toString()}
                    />
                  ),
                }
              : {})}
          >
            <RowList
              empty="No browser is paired with this terminal."
              rows={devices.map((device) => ({
                id: device.id,
                primary: `${PURPOSE_WORDS[device.purpose]} · ${browserWords(device.userAgent).text}`,
                secondary: (
                  <>
                    By {device.pairedBy}, <DateTime value={device.createdAt} />
                    {device.lastSeenAt === null ? null : (
                      <>
                        {" · seen "}
                        <DateTime value={device.lastSeenAt} format="relative" />
                      </>
                    )}
                  </>
                ),
                ...(mayPair
                  ? {
                      aside: (
                        <LetGo
                          id={device.id}
                          name={`${PURPOSE_WORDS[device.purpose]} · ${browserWords(device.userAgent).text}`}
                        />
                      ),
                    }
                  : {}),
              }))}
            />
          </Panel>
        </>
      }
    />
  );
}
