import type { Metadata } from "next";
import { Prefetched } from "@/app/(dashboard)/prefetched";
import { parseTableState, type SearchParams } from "@/components/data-table/table-state";
import { Notice } from "@/components/notice";
import { Page, PageHeader } from "@/components/page-header";
import { SubNav } from "@/components/sub-nav";
import { requireSession, webContext } from "@/server/auth/web";
import { systemNav } from "../nav";
import { MailsList } from "./mails-list";
import { mailsInput, mailsTable } from "./table";

export const metadata: Metadata = { title: "Mails" };

export default async function MailsPage({ searchParams }: { searchParams: Promise<SearchParams> }) {
  const ctx = await webContext("mails:read");
  const state = parseTableState(mailsTable, await searchParams);
  return (
    <Page>
      <PageHeader title="System" />
      <SubNav label="System" items={systemNav((await requireSession()).user)} />
      {ctx.env.SMTP_URL === undefined ? (
        <Notice tone="info" title="No mail server is set: mails are kept here and go nowhere">
          Set SMTP_URL and MAIL_FROM to have them sent.
        </Notice>
      ) : null}
      <Prefetched load={(trpc, client) => client.prefetchQuery(trpc.mails.list.queryOptions(mailsInput(state)))}>
        <MailsList />
      </Prefetched>
    </Page>
  );
}
