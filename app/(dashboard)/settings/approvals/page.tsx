import type { Metadata } from "next";
import { Prefetched } from "@/app/(dashboard)/prefetched";
import { parseTableState, type SearchParams } from "@/components/data-table/table-state";
import { Page, PageHeader } from "@/components/page-header";
import { SubNav } from "@/components/sub-nav";
import { ButtonLink } from "@/components/ui/button";
import { requirePagePermission } from "@/server/auth/web";
import { settingsNav } from "../nav";
import { ApprovalsList } from "./approvals-list";
import { approvalsInput, approvalsTable } from "./table";

export const metadata: Metadata = { title: "Approvals" };

export default async function ApprovalsPage({ searchParams }: { searchParams: Promise<SearchParams> }) {
  const { user } = await requirePagePermission("approvals:read");
  const state = parseTableState(approvalsTable, await searchParams);
  return (
    <Page>
      <PageHeader title="Settings" actions={<ButtonLink href="/settings/approvals/rules">Rules</ButtonLink>} />
      <SubNav label="Settings" items={settingsNav(user)} />
      <Prefetched
        load={(trpc, client) => client.prefetchQuery(trpc.approvals.list.queryOptions(approvalsInput(state)))}
      >
        <ApprovalsList personId={user.id} />
      </Prefetched>
    </Page>
  );
}
