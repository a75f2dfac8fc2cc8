import type { Metadata } from "next";
import { orNotFound } from "@/app/(dashboard)/or-not-found";
import { SettingsFacts } from "@/app/(dashboard)/terminals/settings-facts";
import { SettingsForm } from "@/app/(dashboard)/terminals/settings-form";
import { Panel } from "@/components/ui/panel";
import { can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import { inheritSettings } from "@/server/domain/partners/service";
import { getStore } from "@/server/domain/stores/service";
import { saveStoreSettingsAction } from "../../actions";
import { StoreFrame } from "../store-frame";

export const metadata: Metadata = { title: "Store's settings" };

export default async function StoreSettingsPage({ params }: { params: Promise<{ id: string }> }) {
  const ctx = await webContext("stores:read");
  const { user } = await requireSession();
  const { id } = await params;
  const store = await orNotFound(getStore(ctx, id));
  const mayChange = can(user, "stores:write") && can(user, "terminals:write") && store.status !== "ARCHIVED";
  return (
    <StoreFrame
      store={store}
      user={user}
      part="Settings"
      main={
        <Panel
          title="What its terminals do"
          description="Each value that is left to the Partner follows it. A terminal can differ from its store."
        >
          {mayChange ? (
            <SettingsForm
              key={store.version}
              subject={store.id}
              version={store.version}
              own={store.settings}
              above={inheritSettings({ partner: store.partnerSettings })}
              currency={store.partnerCurrency}
              mayRefund={can(user, "payments:refund")}
              save={saveStoreSettingsAction}
            />
          ) : (
            <SettingsFacts
              settings={inheritSettings({ partner: store.partnerSettings, store: store.settings })}
              here="store"
            />
          )}
        </Panel>
      }
    />
  );
}
