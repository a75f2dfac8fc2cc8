import type { Metadata } from "next";
import { DateTime } from "@/components/display/date-time";
import { DefinitionList } from "@/components/display/definition-list";
import { Notice } from "@/components/notice";
import { Page, PageHeader } from "@/components/page-header";
import { Stat, StatRow } from "@/components/stat";
import { SubNav } from "@/components/sub-nav";
import { TextLink } from "@/components/text-link";
import { Panel } from "@/components/ui/panel";
import { requireSession, webContext } from "@/server/auth/web";
import { type ChainVerdict, problemWords } from "@/server/domain/audit/schema";
import { getChainStatus } from "@/server/domain/audit/service";
import { auditNav } from "../nav";
import { VerifyButton } from "./verify-button";

export const metadata: Metadata = { title: "Audit chain" };

const COUNT = new Intl.NumberFormat("en");

export default async function AuditChainPage() {
  const ctx = await webContext("system:read");
  const { user } = await requireSession();
  const status = await getChainStatus(ctx);
  const check = status.lastCheck;
  return (
    <Page>
      <PageHeader
        title="Audit"
        description="Every entry is sealed together with the one before it, so that nothing can be changed, removed or slipped in unseen."
        actions={<VerifyButton isFirst={check === null} />}
      />
      <SubNav label="Audit" items={auditNav(user)} />
      <Verdict check={check} />
      <StatRow>
        <Stat label="Sealed entries" value={COUNT.format(status.sequence)} hint="numbered without a gap" />
        <Stat
          label="Waiting for a seal"
          value={COUNT.format(status.unsealed)}
          hint={
            status.oldestUnsealedAt === null ? (
              "Sealed every minute"
            ) : (
              <>
                oldest <DateTime value={status.oldestUnsealedAt} format="relative" />
              </>
            )
          }
        />
        <Stat
          label="Last check"
          value={check === null ? "–" : check.problemCount === 0 ? "Holds" : COUNT.format(check.problemCount)}
          hint={
            check === null ? (
              "Not checked yet"
            ) : (
              <>
                {check.problemCount === 0 ? "" : "places changed, "}
                <DateTime value={check.checkedAt} format="relative" />
              </>
            )
          }
        />
        <Stat
          label="Heads outside"
          value={check === null ? "–" : COUNT.format(check.anchors)}
          hint="compared by the last check"
        />
      </StatRow>
      {check === null ? null : (
        <Panel title="Last check" description="Every night at 02:41 UTC, here, or with npm run audit:verify">
          <DefinitionList
            columns={2}
            items={[
              { term: "Checked", value: <DateTime value={check.checkedAt} precision="second" /> },
              { term: "By", value: check.checkedBy },
              { term: "Entries", value: COUNT.format(check.entries) },
              { term: "Up to seal", value: COUNT.format(check.headSequence) },
              { term: "Took", value: `${COUNT.format(check.durationMs)} ms` },
              {
                term: "Heads outside",
                value: COUNT.format(check.anchors),
                hint: "Written down once a day in the data folder and the log, and compared",
              },
              { term: "Head", value: <span className="break-all font-mono text-xs">{check.headHash}</span> },
            ]}
          />
        </Panel>
      )}
    </Page>
  );
}

function Verdict({ check }: { check: ChainVerdict | null }) {
  if (check === null)
    return <Notice title="The chain has not been checked yet">It is checked every night, or now.</Notice>;
  if (check.problemCount === 0)
    return (
      <Notice tone="good" title="The audit is as it was written">
        No entry was changed, removed or slipped in.
      </Notice>
    );
  return (
    <Notice tone="bad" title="The audit was changed from outside">
      <ul className="mt-1 grid gap-1">
        {check.problems.map((problem) => (
          <li
            key={`${problem.kind} ${problem.sequence} ${problem.entryId} ${problem.at ?? ""}`}
            className="break-words text-sm"
          >
            {problemWords(problem)}{" "}
            {problem.entryId === null || problem.kind === "ENTRY_REMOVED" ? null : (
              <TextLink href={`/audit/${problem.entryId}`}>Open the entry</TextLink>
            )}
          </li>
        ))}
      </ul>
      {check.problemCount > check.problems.length ? (
        <p>and {COUNT.format(check.problemCount - check.problems.length)} more</p>
      ) : null}
    </Notice>
  );
}
