import type { Metadata } from "next";
import { Prefetched } from "@/app/(dashboard)/prefetched";
import { parseTableState, type SearchParams } from "@/components/data-table/table-state";
import { Page, PageHeader } from "@/components/page-header";
import { SubNav } from "@/components/sub-nav";
import { ButtonLink } from "@/components/ui/button";
import { can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import { PARTNERS_NAV } from "../nav";
import { OnboardingList } from "./onboarding-list";
import { onboardingInput, onboardingTable } from "./table";

export const metadata: Metadata = { title: "Onboarding" };

export default async function OnboardingsPage({ searchParams }: { searchParams: Promise<SearchParams> }) {
  const ctx = await webContext("partners:draft");
  const { user } = await requireSession();
  const state = parseTableState(onboardingTable, await searchParams);
  const mayStart = ctx.scope.partners === "all" && can(user, "partners:write");
  return (
    <Page>
      <PageHeader
        title="Partners"
        actions={
          mayStart ? (
            <ButtonLink href="/partners/new" variant="primary">
              Onboard a Partner
            </ButtonLink>
          ) : undefined
        }
      />
      <SubNav label="Partners" items={PARTNERS_NAV} />
      <Prefetched
        load={(trpc, client) => client.prefetchQuery(trpc.partners.draft.list.queryOptions(onboardingInput(state)))}
      >
        <OnboardingList />
      </Prefetched>
    </Page>
  );
}
