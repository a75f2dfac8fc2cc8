import type { Metadata } from "next";
import { partnerOptions } from "@/app/(dashboard)/partner-options";
import { Page, PageHeader } from "@/components/page-header";
import { CrumbLabel } from "@/components/shell/crumb-label";
import { Panel } from "@/components/ui/panel";
import { can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import { RoleForm } from "../role-form";

export const metadata: Metadata = { title: "New role" };

export default async function NewRolePage() {
  const ctx = await webContext("roles:write");
  const { user } = await requireSession();
  return (
    <Page>
      <CrumbLabel label="New role" />
      <PageHeader
        title="New role"
        description="Exactly what somebody needs, and nothing that you do not hold yourself."
      />
      <Panel>
        <RoleForm
          existing={null}
          mayGrant={user.permissions}
          partners={can(user, "partners:read") ? await partnerOptions(ctx) : []}
          isAcquirer={ctx.scope.partners === "all"}
        />
      </Panel>
    </Page>
  );
}
