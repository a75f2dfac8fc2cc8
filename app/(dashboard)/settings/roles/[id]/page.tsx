import type { Metadata } from "next";
import { AuditPanel } from "@/app/(dashboard)/audit-panel";
import { orNotFound } from "@/app/(dashboard)/or-not-found";
import { DefinitionList } from "@/components/display/definition-list";
import { Id } from "@/components/display/id";
import { RecordLayout } from "@/components/record-layout";
import { TextLink } from "@/components/text-link";
import { Badge } from "@/components/ui/badge";
import { Panel } from "@/components/ui/panel";
import { requireSession, webContext } from "@/server/auth/web";
import { getRole } from "@/server/domain/people/service";
import { PermissionGroups } from "../permission-groups";
import { RoleForm } from "../role-form";
import { DeleteRole } from "./delete-role";

export const metadata: Metadata = { title: "Role" };

export default async function RolePage({ params }: { params: Promise<{ id: string }> }) {
  const ctx = await webContext("users:read");
  const { user } = await requireSession();
  const { id } = await params;
  const role = await orNotFound(getRole(ctx, id));
  return (
    <RecordLayout
      title={role.name}
      crumb={role.name}
      badge={role.isBuiltIn ? <Badge>Built in</Badge> : undefined}
      ids={role.isBuiltIn ? undefined : <Id value={role.id} />}
      actions={role.canChange ? <DeleteRole id={role.id} name={role.name} people={role.people} /> : undefined}
      main={
        <>
          <Panel title="Permissions">
            {role.canChange ? (
              <RoleForm
                existing={{
                  id: role.id,
                  name: role.name,
                  description: role.description,
                  audience: role.audience,
                  partner: role.partnerId ?? "",
                  permissions: [...role.permissions],
                }}
                mayGrant={user.permissions}
                partners={[]}
                isAcquirer={ctx.scope.partners === "all"}
              />
            ) : (
              <PermissionGroups audience={role.audience} granted={role.permissions} />
            )}
          </Panel>
          {role.isBuiltIn ? null : <AuditPanel ctx={ctx} subject={role.id} />}
        </>
      }
      facts={
        <Panel title="Facts">
          <DefinitionList
            items={[
              { term: "For", value: role.audience === "PARTNER" ? "People of Partners" : "People of the acquirer" },
              { term: "Partner", value: role.partnerName, isHidden: role.partnerName === null },
              { term: "Description", value: role.description === "" ? null : role.description },
              {
                term: "People",
                value:
                  role.people === 0 ? (
                    "Nobody"
                  ) : (
                    <TextLink href={`/settings/users?role=${role.id}`}>
                      {role.people === 1 ? "1 person" : `${role.people} people`}
                    </TextLink>
                  ),
              },
              { term: "Two-factor", value: role.needsTwoFactor ? "Required" : "Offered" },
            ]}
          />
        </Panel>
      }
    />
  );
}
