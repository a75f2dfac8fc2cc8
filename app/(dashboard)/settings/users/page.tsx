import type { Metadata } from "next";
import { Prefetched } from "@/app/(dashboard)/prefetched";
import { parseTableState, type SearchParams } from "@/components/data-table/table-state";
import { Page, PageHeader } from "@/components/page-header";
import { SubNav } from "@/components/sub-nav";
import { can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import { listRoles } from "@/server/domain/people/service";
import { partnerOptions } from "../../partner-options";
import { settingsNav } from "../nav";
import { InvitePerson } from "./invite-person";
import { roleChoices } from "./role-choices";
import { usersInput, usersTable } from "./table";
import { UsersList } from "./users-list";

export const metadata: Metadata = { title: "Users" };

export default async function UsersPage({ searchParams }: { searchParams: Promise<SearchParams> }) {
  const ctx = await webContext("users:read");
  const { user } = await requireSession();
  const search = await searchParams;
  const roles = await listRoles(ctx);
  const state = parseTableState(usersTable(roles), search);
  return (
    <Page>
      <PageHeader
        title="Settings"
        actions={
          can(user, "users:write") ? (
            <InvitePerson
              roles={roleChoices(roles)}
              partners={can(user, "partners:read") ? await partnerOptions(ctx) : []}
              isOpenAtFirst={search["invite"] === "1"}
            />
          ) : undefined
        }
      />
      <SubNav label="Settings" items={settingsNav(user)} />
      <Prefetched load={(trpc, client) => client.prefetchQuery(trpc.people.list.queryOptions(usersInput(state)))}>
        <UsersList roles={roles.map(({ id, name }) => ({ id, name }))} hasPartners={ctx.scope.partners === "all"} />
      </Prefetched>
    </Page>
  );
}
