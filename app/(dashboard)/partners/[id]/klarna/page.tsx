import type { Metadata } from "next";
import { AutoRefresh } from "@/components/auto-refresh";
import { DateTime } from "@/components/display/date-time";
import { Notice } from "@/components/notice";
import { Badge } from "@/components/ui/badge";
import { Panel, PanelEmpty } from "@/components/ui/panel";
import { can } from "@/server/auth/permissions";
import type { DriftItem } from "@/server/domain/partners/schema-sync";
import { listDrift, listKlarnaChanges } from "@/server/domain/partners/service";
import { CHANGE_KIND_WORDS } from "@/server/domain/partners/states";
import { loadPartner, NoAccount, PartnerFrame } from "../partner-frame";
import { CHANGE_STATE_WORDS, DRIFT_SUBJECT_WORDS } from "../state-words";
import { CheckDrift, ResolveAll, ResolveDrift } from "./drift-actions";

export const metadata: Metadata = { title: "In step with Klarna" };

const FOLLOW_MS = 2_000;
const FINDINGS_SHOWN = 100;

export default async function KlarnaPage({ params }: { params: Promise<{ id: string }> }) {
  const page = await loadPartner(params);
  const { ctx, user, partner, account } = page;
  if (account === null)
    return (
      <PartnerFrame page={page}>
        <NoAccount mode={ctx.scope.mode} />
      </PartnerFrame>
    );
  const mayRepair = ctx.scope.partners === "all" && can(user, "drift:repair");
  const [changes, drift] = await Promise.all([
    listKlarnaChanges(ctx, partner.id),
    mayRepair ? listDrift(ctx, { partner: partner.id, state: ["OPEN"] }, { limit: FINDINGS_SHOWN }) : null,
  ]);
  return (
    <PartnerFrame page={page}>
      {account.openChanges > 0 ? <AutoRefresh everyMs={FOLLOW_MS} /> : null}
      <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-4">
        {drift === null ? null : (
          <Panel
            title="Differences"
            isFlush
            description={
              account.driftCheckedAt === null ? (
                "Never compared yet."
              ) : (
                <>
                  Compared <DateTime value={account.driftCheckedAt} format="relative" />
                </>
              )
            }
            actions={
              account.klarnaPartnerAccountId === null ? undefined : (
                <>
                  {drift.items.length > 1 ? <ResolveAll partner={{ id: partner.id, name: partner.name }} /> : null}
                  <CheckDrift partnerId={partner.id} />
                </>
              )
            }
          >
            {drift.items.length === 0 ? (
              <PanelEmpty>
                {account.klarnaPartnerAccountId === null
                  ? "Klarna does not know the account yet."
                  : account.driftCheckedAt === null
                    ? "Compare to see whether Klarna holds what we hold."
                    : "Klarna and we held the same when we looked."}
              </PanelEmpty>
            ) : (
              <ul>
                {drift.items.map((finding) => (
                  <Finding key={finding.id} finding={finding} />
                ))}
              </ul>
            )}
          </Panel>
        )}
        <Panel title="What Klarna is told" description="Each change is a call of its own, in this order." isFlush>
          {changes.length === 0 ? (
            <PanelEmpty>Nothing was changed here yet.</PanelEmpty>
          ) : (
            <ul>
              {changes.map((change) => {
                const state = CHANGE_STATE_WORDS[change.state];
                return (
                  <li key={change.id} className="grid gap-1 border-line border-b px-4 py-2.5 last:border-b-0">
                    <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
                      <span className="min-w-0 flex-1 text-sm">
                        <span className="font-medium">{CHANGE_KIND_WORDS[change.kind]}</span>{" "}
                        <span className="text-ink-3 text-xs">{change.fields.join(", ")}</span>
                      </span>
                      <Badge tone={state?.tone ?? "neutral"} hasDot>
                        {state?.word ?? change.state}
                      </Badge>
                    </div>
                    <p className="flex flex-wrap gap-x-3 text-ink-3 text-xs">
                      <DateTime value={change.createdAt} />
                      {change.attempts > 1 ? <span>{change.attempts} tries</span> : null}
                      <span className="font-mono">{change.subjectId}</span>
                      {change.klarnaErrorId === null ? null : <span>Klarna's error {change.klarnaErrorId}</span>}
                    </p>
                    {change.problems.length === 0 ? null : (
                      <Notice tone={change.state === "FAILED" ? "bad" : "warn"} title="Klarna did not accept it">
                        <ul>
                          {change.problems.map((problem) => (
                            <li key={`${problem.parameter} ${problem.reason}`}>
                              <span className="font-mono text-xs">{problem.parameter}</span> {problem.reason}
                            </li>
                          ))}
                        </ul>
                      </Notice>
                    )}
                  </li>
                );
              })}
            </ul>
          )}
        </Panel>
      </div>
    </PartnerFrame>
  );
}

function Finding({ finding }: { finding: DriftItem }) {
  const subject = DRIFT_SUBJECT_WORDS[finding.subjectKind] ?? finding.subjectKind;
  const name = finding.subjectName ?? finding.subjectId;
  return (
    <li className="grid gap-2 border-line border-b px-4 py-3 last:border-b-0 md:grid-cols-[minmax(0,1fr)_auto] md:items-center">
      <div className="grid min-w-0 gap-1">
        <p className="truncate text-sm">
          <span className="font-medium">
            {subject} {name}
          </span>{" "}
          <span className="font-mono text-ink-3 text-xs">{finding.field}</span>
        </p>
        <dl className="grid gap-x-4 text-sm sm:grid-cols-2">
          <div className="flex min-w-0 gap-2">
            <dt className="text-ink-3">Ours</dt>
            <dd className="min-w-0 break-words">{finding.ours ?? <span className="text-ink-3">nothing</span>}</dd>
          </div>
          <div className="flex min-w-0 gap-2">
            <dt className="text-ink-3">Klarna's</dt>
            <dd className="min-w-0 break-words">{finding.theirs ?? <span className="text-ink-3">nothing</span>}</dd>
          </div>
        </dl>
      </div>
      <ResolveDrift
        id={finding.id}
        what={`${finding.field} of ${name}`}
        canPush={finding.canPush}
        canTake={finding.canTake}
      />
    </li>
  );
}
