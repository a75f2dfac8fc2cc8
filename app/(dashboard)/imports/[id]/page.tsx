import type { Metadata } from "next";
import { orNotFound } from "@/app/(dashboard)/or-not-found";
import { Prefetched } from "@/app/(dashboard)/prefetched";
import { DateTime } from "@/components/display/date-time";
import { DefinitionList } from "@/components/display/definition-list";
import { Id } from "@/components/display/id";
import { Page, PageHeader } from "@/components/page-header";
import { CrumbLabel } from "@/components/shell/crumb-label";
import { TextLink } from "@/components/text-link";
import { ButtonLink } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import { webContext } from "@/server/auth/web";
import { getImport } from "@/server/domain/imports/service";
import { IMPORT_KIND_WORDS } from "@/server/domain/imports/states";
import { LiveSteps } from "./live-steps";

export const metadata: Metadata = { title: "Import" };

const KILO = 1_024;

export default async function ImportPage({ params }: { params: Promise<{ id: string }> }) {
  const ctx = await webContext("imports:write");
  const { id } = await params;
  const record = await orNotFound(getImport(ctx, id));
  return (
    <Page>
      <CrumbLabel label={record.fileName} />
      <PageHeader
        title={record.fileName}
        description={`${IMPORT_KIND_WORDS[record.kind]}${record.partnerName === null ? "" : ` of ${record.partnerName}`}`}
        actions={<ButtonLink href="/imports/new">Import a file</ButtonLink>}
      />
      <Prefetched
        load={(trpc, client) =>
          Promise.all([
            client.prefetchQuery(trpc.imports.get.queryOptions({ id: record.id })),
            // The store groups that rows may go into.
            record.kind === "STORES" && record.partnerId !== null
              ? client.prefetchQuery(trpc.partners.get.queryOptions({ id: record.partnerId }))
              : undefined,
          ])
        }
      >
        <LiveSteps id={record.id} />
      </Prefetched>
      <Panel title="Facts">
        <DefinitionList
          columns={2}
          items={[
            { term: "Id", value: <Id value={record.id} isFull /> },
            {
              term: "Partner",
              value:
                record.partnerId === null ? null : (
                  <TextLink href={`/partners/${record.partnerId}`}>{record.partnerName}</TextLink>
                ),
              isHidden: record.kind === "PARTNERS",
            },
            { term: "Rows", value: record.rowCount.toLocaleString("en") },
            { term: "Size", value: `${Math.max(1, Math.round(record.fileBytes / KILO)).toLocaleString("en")} KB` },
            { term: "Uploaded by", value: record.createdByName ?? record.createdBy },
            { term: "Uploaded", value: <DateTime value={record.createdAt} /> },
            { term: "Started", value: <DateTime value={record.startedAt} /> },
            { term: "Ended", value: <DateTime value={record.finishedAt} /> },
          ]}
        />
      </Panel>
    </Page>
  );
}
