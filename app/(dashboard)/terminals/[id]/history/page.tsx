import type { Metadata } from "next";
import { AuditPanel } from "@/app/(dashboard)/audit-panel";
import { orNotFound } from "@/app/(dashboard)/or-not-found";
import { RowList } from "@/app/(dashboard)/row-list";
import { DateTime } from "@/components/display/date-time";
import { Panel } from "@/components/ui/panel";
import { requireSession, webContext } from "@/server/auth/web";
import { getTerminal, listMoves } from "@/server/domain/terminals/service";
import { TerminalFrame } from "../terminal-frame";

export const metadata: Metadata = { title: "Terminal's history" };

export default async function TerminalHistoryPage({ params }: { params: Promise<{ id: string }> }) {
  const ctx = await webContext("terminals:read");
  const { user } = await requireSession();
  const { id } = await params;
  const terminal = await orNotFound(getTerminal(ctx, id));
  const moves = await listMoves(ctx, terminal.id);
  return (
    <TerminalFrame
      terminal={terminal}
      user={user}
      part="History"
      main={
        <>
          <Panel title="Where it stood" isFlush>
            <RowList
              empty="It has been in this store since it was registered."
              rows={moves.map((move) => ({
                id: move.id,
                primary: `${move.from.name} → ${move.to.name}`,
                secondary: [move.movedBy, ...(move.reason === null ? [] : [move.reason])].join(" · "),
                aside: (
                  <span className="text-ink-3 text-xs">
                    <DateTime value={move.movedAt} />
                  </span>
                ),
              }))}
            />
          </Panel>
          <AuditPanel ctx={ctx} subject={terminal.id} />
        </>
      }
    />
  );
}
