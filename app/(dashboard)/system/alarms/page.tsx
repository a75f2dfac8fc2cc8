import type { Metadata } from "next";
import { Prefetched } from "@/app/(dashboard)/prefetched";
import { parseTableState, type SearchParams } from "@/components/data-table/table-state";
import { Page, PageHeader } from "@/components/page-header";
import { SubNav } from "@/components/sub-nav";
import { can } from "@/server/auth/permissions";
import { requirePagePermission } from "@/server/auth/web";
import { systemNav } from "../nav";
import { AlarmsList } from "./alarms-list";
import { alarmsInput, alarmsTable } from "./table";

export const metadata: Metadata = { title: "Alarms" };

export default async function AlarmsPage({ searchParams }: { searchParams: Promise<SearchParams> }) {
  const { user } = await requirePagePermission("system:read");
  const state = parseTableState(alarmsTable, await searchParams);
  return (
    <Page>
      <PageHeader title="System" description="What a person has to look at, and what somebody has looked at." />
      <SubNav label="System" items={systemNav(user)} />
      <Prefetched load={(trpc, client) => client.prefetchQuery(trpc.system.alarms.queryOptions(alarmsInput(state)))}>
        <AlarmsList canClear={can(user, "alarms:clear")} />
      </Prefetched>
    </Page>
  );
}
