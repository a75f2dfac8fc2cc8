import type { Metadata } from "next";
import { orNotFound } from "@/app/(dashboard)/or-not-found";
import { Panel } from "@/components/ui/panel";
import { can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import { inheritSettings } from "@/server/domain/partners/service";
import { getTerminal } from "@/server/domain/terminals/service";
import { saveTerminalSettingsAction } from "../../actions";
import { SettingsFacts } from "../../settings-facts";
import { SettingsForm } from "../../settings-form";
import { TerminalFrame } from "../terminal-frame";

export const metadata: Metadata = { title: "Terminal's settings" };

export default async function TerminalSettingsPage({ params }: { params: Promise<{ id: string }> }) {
  const ctx = await webContext("terminals:read");
  const { user } = await requireSession();
  const { id } = await params;
  const terminal = await orNotFound(getTerminal(ctx, id));
  const { partner, store, terminal: own } = terminal.settings;
  return (
    <TerminalFrame
      terminal={terminal}
      user={user}
      part="Settings"
      main={
        <>
          <Panel title="What holds here" description="A payment that says nothing else follows it.">
            <SettingsFacts settings={inheritSettings(terminal.settings)} here="terminal" />
          </Panel>
          {can(user, "terminals:write") && terminal.status !== "ARCHIVED" ? (
            <Panel title="Its own settings" description="Left empty, a value follows the store, and that the Partner.">
              <SettingsForm
                key={terminal.version}
                subject={terminal.id}
                version={terminal.version}
                own={own}
                above={inheritSettings({ partner, store })}
                currency={terminal.partnerCurrency}
                mayRefund={can(user, "payments:refund")}
                save={saveTerminalSettingsAction}
              />
            </Panel>
          ) : null}
        </>
      }
    />
  );
}
