import type { Metadata } from "next";
import { orNotFound } from "@/app/(dashboard)/or-not-found";
import { DateTime } from "@/components/display/date-time";
import { DefinitionList } from "@/components/display/definition-list";
import { Id } from "@/components/display/id";
import { JsonView } from "@/components/display/json-view";
import { RecordLayout } from "@/components/record-layout";
import { TextLink } from "@/components/text-link";
import { Timeline } from "@/components/timeline";
import { Panel } from "@/components/ui/panel";
import { webContext } from "@/server/auth/web";
import { getAuditEntry, listAudit } from "@/server/domain/audit/service";
import { Changes } from "../changes";
import { AuditSubject } from "../subject";
import { actionWords, WAY_WORDS } from "../words";

export const metadata: Metadata = { title: "Audit entry" };

const SHOWN = 50;
const COUNT = new Intl.NumberFormat("en");

export default async function AuditEntryPage({ params }: { params: Promise<{ id: string }> }) {
  const ctx = await webContext("audit:read");
  const { id } = await params;
  const entry = await orNotFound(getAuditEntry(ctx, id));
  const together =
    entry.requestId === null ? [] : (await listAudit(ctx, { request: entry.requestId }, { limit: SHOWN })).items;
  const others = together.filter((other) => other.id !== entry.id);
  return (
    <RecordLayout
      title={actionWords(entry.action)}
      crumb={actionWords(entry.action)}
      ids={
        <>
          <Id value={entry.id} />
          <Id value={entry.subjectId} />
        </>
      }
      main={
        <>
          <Panel
            title="Before and after"
            description="Secrets and personal data were masked when it was written"
            isFlush
          >
            <div className="p-1">
              <Changes before={entry.before} after={entry.after} />
            </div>
          </Panel>
          {entry.before === null && entry.after === null ? null : (
            <Panel title="As it was written">
              <div className="grid gap-3">
                {entry.before === null ? null : <JsonView value={entry.before} label="Before" openDepth={2} />}
                {entry.after === null ? null : <JsonView value={entry.after} label="After" openDepth={2} />}
              </div>
            </Panel>
          )}
          {others.length === 0 ? null : (
            <Panel title="In the same request" description="What else the same call, job or event did">
              <Timeline
                items={others.map((other) => ({
                  id: other.id,
                  at: other.createdAt,
                  title: (
                    <TextLink href={`/audit/${other.id}`} className="inline-flex min-h-6 items-center">
                      {actionWords(other.action)}
                    </TextLink>
                  ),
                  actor: other.actorName,
                  via: WAY_WORDS[other.way] ?? other.way,
                }))}
              />
            </Panel>
          )}
        </>
      }
      facts={
        <Panel title="Facts">
          <DefinitionList
            items={[
              { term: "When", value: <DateTime value={entry.createdAt} precision="second" /> },
              {
                term: "By",
                value: entry.actorName,
                hint: (
                  <TextLink
                    href={`/audit?actor=${encodeURIComponent(entry.actorId)}`}
                    className="inline-flex min-h-6 items-center"
                  >
                    Everything done by the same{" "}
                    {entry.actorKind === "API_KEY" ? "key" : entry.actorKind === "USER" ? "person" : "one"}
                  </TextLink>
                ),
              },
              { term: "Way", value: WAY_WORDS[entry.way] ?? entry.way },
              {
                term: "About",
                value: <AuditSubject id={entry.subjectId} isFull />,
                hint: (
                  <TextLink
                    href={`/audit?subject=${encodeURIComponent(entry.subjectId)}`}
                    className="inline-flex min-h-6 items-center"
                  >
                    All entries of this {entry.subjectKind.replaceAll("_", " ")}
                  </TextLink>
                ),
              },
              { term: "Partner", value: entry.partnerName },
              { term: "Mode", value: entry.mode },
              { term: "Request", value: <Id value={entry.requestId} isFull /> },
              { term: "Action", value: <span className="font-mono text-xs">{entry.action}</span> },
              {
                term: "Seal",
                value: entry.seal === null ? "Waits for the next run" : `Number ${COUNT.format(entry.seal.sequence)}`,
                hint:
                  entry.seal === null ? (
                    "Entries are sealed every minute."
                  ) : (
                    <span className="break-all font-mono">{entry.seal.hash}</span>
                  ),
              },
            ]}
          />
        </Panel>
      }
    />
  );
}
