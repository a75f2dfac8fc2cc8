import type { Metadata } from "next";
import { SettingsFacts } from "@/app/(dashboard)/terminals/settings-facts";
import { SettingsForm } from "@/app/(dashboard)/terminals/settings-form";
import { DefinitionList } from "@/components/display/definition-list";
import { Money } from "@/components/display/money";
import { ButtonLink } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import { can } from "@/server/auth/permissions";
import { listFourEyesRules } from "@/server/domain/approvals/service";
import { getClassicCredential } from "@/server/domain/classic/service";
import { inheritSettings } from "@/server/domain/partners/service";
import { savePartnerSettingsAction } from "../../actions";
import { loadPartner, NoAccount, PartnerFrame } from "../partner-frame";
import { ClassicCredentials } from "./classic-credentials";

export const metadata: Metadata = { title: "Partner's settings" };

export default async function PartnerSettingsPage({ params }: { params: Promise<{ id: string }> }) {
  const page = await loadPartner(params);
  const { ctx, user, partner, account } = page;
  const rules = can(user, "approvals:read") ? await listFourEyesRules(ctx) : null;
  const rule = rules?.find((one) => one.partnerId === partner.id) ?? rules?.find((one) => one.partnerId === null);
  const mayKey = ctx.scope.partners === "all" && can(user, "credentials:read");
  const classic = account !== null && mayKey ? await getClassicCredential(ctx, partner.id) : null;
  return (
    <PartnerFrame page={page}>
      <div className="grid max-w-[720px] gap-4">
        {account === null ? (
          <NoAccount mode={ctx.scope.mode} />
        ) : (
          <Panel title="What its terminals do" description="Stores and terminals follow unless they differ themselves.">
            {can(user, "terminals:write") && partner.state !== "CLOSED" ? (
              <SettingsForm
                key={JSON.stringify(account.settings)}
                subject={partner.id}
                version={1}
                own={account.settings}
                above={inheritSettings({})}
                currency={partner.currency}
                mayRefund={can(user, "payments:refund")}
                save={savePartnerSettingsAction}
              />
            ) : (
              <SettingsFacts settings={inheritSettings({ partner: account.settings })} here="partner" />
            )}
          </Panel>
        )}
        {account !== null && mayKey ? (
          <Panel
            title="Classic in-store sessions"
            description="The Partner's own user at Klarna. Terminals that are set to classic sessions need it."
          >
            <ClassicCredentials
              partner={{ id: partner.id, name: partner.name }}
              mode={ctx.scope.mode}
              stored={classic}
              mayWrite={can(user, "credentials:write") && partner.state !== "CLOSED"}
            />
          </Panel>
        ) : null}
        {rule === undefined ? null : (
          <Panel
            title="Where one person is not enough"
            description={rule.partnerId === null ? "The installation's rules" : "This Partner's own rules"}
            actions={
              <ButtonLink href="/settings/approvals/rules" size="sm" variant="ghost">
                All rules
              </ButtonLink>
            }
          >
            <DefinitionList
              items={[
                {
                  term: "Refunds of more than",
                  value:
                    Object.keys(rule.refundLimits).length === 0 ? (
                      "No limit"
                    ) : (
                      <ul>
                        {Object.entries(rule.refundLimits).map(([currency, amount]) => (
                          <li key={currency}>
                            <Money amount={amount} currency={currency} />
                          </li>
                        ))}
                      </ul>
                    ),
                },
                { term: "New API keys", value: rule.apiKeys === true ? "A second person" : "One person" },
                { term: "Payout data", value: rule.payoutData === true ? "A second person" : "One person" },
              ]}
            />
          </Panel>
        )}
      </div>
    </PartnerFrame>
  );
}
