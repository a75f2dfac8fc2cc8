import type { Metadata } from "next";
import type { ReactNode } from "react";
import { partnerOptions } from "@/app/(dashboard)/partner-options";
import { DateTime } from "@/components/display/date-time";
import { Money } from "@/components/display/money";
import { Page, PageHeader } from "@/components/page-header";
import { CrumbLabel } from "@/components/shell/crumb-label";
import { Panel } from "@/components/ui/panel";
import { can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import type { FourEyesRulesView } from "@/server/domain/approvals/schema";
import { listFourEyesRules } from "@/server/domain/approvals/service";
import { EditRules } from "./edit-rules";

export const metadata: Metadata = { title: "Approval rules" };

export default async function RulesPage() {
  const ctx = await webContext("approvals:read");
  const { user } = await requireSession();
  const rules = await listFourEyesRules(ctx);
  const canWrite = can(user, "settings:write") && ctx.scope.partners === "all";
  const withOwn = new Set(rules.map((rule) => rule.partnerId));
  const free = canWrite ? (await partnerOptions(ctx)).filter((option) => !withOwn.has(option.value)) : [];
  return (
    <Page>
      <CrumbLabel label="Rules" />
      <PageHeader
        title="Approval rules"
        description="Where one person is not enough. What a Partner's own rules leave open the installation's rules decide. A Partner's systems are not asked: their keys are theirs."
        actions={canWrite && free.length > 0 ? <EditRules rules={null} partners={free} /> : undefined}
      />
      <div className="grid max-w-[960px] gap-4">
        {rules.map((rule) => (
          <Panel
            key={rule.partnerId ?? "default"}
            title={rule.partnerId === null ? "Every Partner" : (rule.partnerName ?? rule.partnerId)}
            isFlush
            actions={canWrite ? <EditRules rules={plain(rule)} partners={[]} /> : undefined}
            footer={
              rule.updatedAt === null ? (
                "Never set: one person is enough for everything."
              ) : (
                <>
                  Changed <DateTime value={rule.updatedAt} /> by {rule.updatedBy}
                </>
              )
            }
          >
            <dl className="grid">
              <Line term="Refunds on one payment of more than">
                {Object.keys(rule.refundLimits).length === 0 ? (
                  <span className="text-ink-3">{rule.partnerId === null ? "No limit" : "As for every Partner"}</span>
                ) : (
                  <ul className="flex flex-wrap gap-x-4">
                    {Object.entries(rule.refundLimits).map(([currency, amount]) => (
                      <li key={currency}>
                        <Money amount={amount} currency={currency} />
                      </li>
                    ))}
                  </ul>
                )}
              </Line>
              <Line term="New API keys and secrets">{onOff(rule.apiKeys, rule.partnerId === null)}</Line>
              <Line term="Payout data">{onOff(rule.payoutData, rule.partnerId === null)}</Line>
            </dl>
          </Panel>
        ))}
      </div>
    </Page>
  );
}

function plain(rule: FourEyesRulesView) {
  const { partnerId, partnerName, refundLimits, apiKeys, payoutData } = rule;
  return { partnerId, partnerName, refundLimits, apiKeys, payoutData };
}

function onOff(value: boolean | null, isShared: boolean) {
  if (value === null) return <span className="text-ink-3">{isShared ? "One person" : "As for every Partner"}</span>;
  return value ? "Two people" : "One person";
}

function Line({ term, children }: { term: string; children: ReactNode }) {
  return (
    <div className="grid gap-x-4 border-line border-b px-4 py-2 text-sm last:border-b-0 sm:grid-cols-[260px_1fr]">
      <dt className="text-ink-3">{term}</dt>
      <dd>{children}</dd>
    </div>
  );
}
