import type { Metadata } from "next";
import { Prefetched } from "@/app/(dashboard)/prefetched";
import { parseTableState, type SearchParams } from "@/components/data-table/table-state";
import { Page, PageHeader } from "@/components/page-header";
import { SubNav } from "@/components/sub-nav";
import { can } from "@/server/auth/permissions";
import { requirePagePermission } from "@/server/auth/web";
import { AuditList } from "./audit-list";
import { auditNav } from "./nav";
import { auditInput, auditTable } from "./table";

export const metadata: Metadata = { title: "Audit" };

export default async function AuditPage({ searchParams }: { searchParams: Promise<SearchParams> }) {
  const { user } = await requirePagePermission("audit:read");
  const state = parseTableState(auditTable, await searchParams);
  const nav = auditNav(user);
  return (
    <Page>
      <PageHeader title="Audit" description="Who did what, by which way, with what was before and after." />
      {nav.length > 1 ? <SubNav label="Audit" items={nav} /> : null}
      <Prefetched load={(trpc, client) => client.prefetchQuery(trpc.audit.list.queryOptions(auditInput(state)))}>
        <AuditList canExport={can(user, "audit:export")} />
      </Prefetched>
    </Page>
  );
}
