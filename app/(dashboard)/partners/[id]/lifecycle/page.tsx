import type { Metadata } from "next";
import { DateTime } from "@/components/display/date-time";
import { Timeline } from "@/components/timeline";
import { Badge } from "@/components/ui/badge";
import { Panel, PanelEmpty } from "@/components/ui/panel";
import { can } from "@/server/auth/permissions";
import { listComplianceDecisions, listStateChanges } from "@/server/domain/partners/service";
import { HandleDecision } from "../lifecycle-actions";
import { loadPartner, NoAccount, PartnerFrame } from "../partner-frame";
import { DECISION_REASON_WORDS, stateChangeWords } from "../state-words";

export const metadata: Metadata = { title: "Partner's lifecycle" };

const DECISIONS_SHOWN = 50;

export default async function LifecyclePage({ params }: { params: Promise<{ id: string }> }) {
  const page = await loadPartner(params);
  const { ctx, user, partner, account } = page;
  if (account === null)
    return (
      <PartnerFrame page={page}>
        <NoAccount mode={ctx.scope.mode} />
      </PartnerFrame>
    );
  const [changes, decisions] = await Promise.all([
    listStateChanges(ctx, partner.id),
    listComplianceDecisions(ctx, { partner: partner.id }, { limit: DECISIONS_SHOWN }),
  ]);
  const mayHandle = ctx.scope.partners === "all" && can(user, "partners:write");
  return (
    <PartnerFrame page={page}>
      <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-4 lg:grid-cols-2">
        <Panel title="History of states">
          <Timeline
            empty="No state has changed yet."
            items={changes.map((change) => ({
              id: change.id,
              at: change.occurredAt,
              title: stateChangeWords(change.what, change.to),
              tone:
                change.to === "OPERATIONAL" || change.to === "ENABLED"
                  ? ("good" as const)
                  : ["DISABLED", "TERMINATED", "SUSPENDED", "REFUSED"].includes(change.to)
                    ? ("bad" as const)
                    : ("neutral" as const),
              actor: change.madeBy === "KLARNA" ? "Klarna" : (change.actorName ?? "Tillgate"),
              ...(change.reason === null ? {} : { description: change.reason }),
            }))}
          />
        </Panel>
        <Panel title="Decisions of Klarna's compliance" isFlush>
          {decisions.items.length === 0 ? (
            <PanelEmpty>Klarna has decided nothing about this Partner.</PanelEmpty>
          ) : (
            <ul>
              {decisions.items.map((decision) => (
                <li key={decision.id} className="grid gap-1 border-line border-b px-4 py-3 last:border-b-0">
                  <div className="flex flex-wrap items-center gap-2">
                    <span className="min-w-0 flex-1 font-medium text-sm">
                      {DECISION_REASON_WORDS[decision.reason] ?? decision.reason}
                    </span>
                    <Badge tone={decision.outcome === "TERMINATED" ? "bad" : "warn"} hasDot>
                      {decision.outcome === "TERMINATED" ? "Terminated" : "Disabled"}
                    </Badge>
                    {decision.state === "OPEN" && mayHandle ? (
                      <HandleDecision id={decision.id} name={partner.name} />
                    ) : null}
                  </div>
                  <p className="text-ink-3 text-xs">
                    <DateTime value={decision.decidedAt} /> ·{" "}
                    {decision.state === "OPEN" ? "calls for a person" : <>handled: {decision.action}</>}
                  </p>
                </li>
              ))}
            </ul>
          )}
        </Panel>
      </div>
    </PartnerFrame>
  );
}
