import { Plus } from "lucide-react";
import type { Metadata } from "next";
import { RowList } from "@/app/(dashboard)/row-list";
import { Page, PageHeader } from "@/components/page-header";
import { SubNav } from "@/components/sub-nav";
import { Badge } from "@/components/ui/badge";
import { ButtonLink } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import { can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import type { RoleItem } from "@/server/domain/people/schema";
import { listRoles } from "@/server/domain/people/service";
import { settingsNav } from "../nav";

export const metadata: Metadata = { title: "Roles" };

export default async function RolesPage() {
  const ctx = await webContext("users:read");
  const { user } = await requireSession();
  const roles = await listRoles(ctx);
  const canWrite = can(user, "roles:write");
  return (
    <Page>
      <PageHeader
        title="Settings"
        actions={
          canWrite ? (
            <ButtonLink href="/settings/roles/new" variant="primary">
              <Plus aria-hidden />
              New role
            </ButtonLink>
          ) : undefined
        }
      />
      <SubNav label="Settings" items={settingsNav(user)} />
      <div className="grid max-w-[960px] gap-4">
        <Panel title="Built-in roles" description="The same everywhere. They cannot be changed." isFlush>
          <Rows roles={roles.filter((role) => role.isBuiltIn)} />
        </Panel>
        <Panel
          title="Roles made here"
          description="A change counts at the next step of everybody who has the role."
          isFlush
        >
          <Rows roles={roles.filter((role) => !role.isBuiltIn)} canWrite={canWrite} />
        </Panel>
      </div>
    </Page>
  );
}

function Rows({ roles, canWrite = false }: { roles: readonly RoleItem[]; canWrite?: boolean }) {
  return (
    <RowList
      empty={
        canWrite
          ? "None yet. A role of your own holds exactly the permissions that somebody needs."
          : "None yet. A role with more rights can make one."
      }
      rows={roles.map((role) => ({
        id: role.id,
        href: `/settings/roles/${role.id}`,
        primary: role.name,
        secondary: [
          role.audience === "PARTNER" ? (role.partnerName ?? "For Partners' people") : "For the acquirer's people",
          `${role.permissions.length} permissions`,
          ...(role.description === "" ? [] : [role.description]),
        ].join(" · "),
        aside: (
          <span className="flex items-center gap-2">
            {role.needsTwoFactor ? <Badge tone="info">Two-factor</Badge> : null}
            <span className="text-ink-3 tabular-nums">{role.people === 1 ? "1 person" : `${role.people} people`}</span>
          </span>
        ),
      }))}
    />
  );
}
