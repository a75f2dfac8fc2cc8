import type { Metadata } from "next";
import { RowList } from "@/app/(dashboard)/row-list";
import { InvitePerson } from "@/app/(dashboard)/settings/users/invite-person";
import { roleChoices } from "@/app/(dashboard)/settings/users/role-choices";
import { StatusBadge } from "@/components/display/status-badge";
import { ButtonLink } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import { can } from "@/server/auth/permissions";
import { listPeople, listRoles } from "@/server/domain/people/service";
import { loadPartner, PartnerFrame } from "../partner-frame";

export const metadata: Metadata = { title: "Partner's people" };

const PEOPLE_SHOWN = 100;

export default async function PartnerPeoplePage({ params }: { params: Promise<{ id: string }> }) {
  const page = await loadPartner(params, "users:read");
  const { ctx, user, partner } = page;
  const [people, roles] = await Promise.all([
    listPeople(ctx, { partner: partner.id }, { limit: PEOPLE_SHOWN }),
    can(user, "users:write") ? listRoles(ctx) : null,
  ]);
  return (
    <PartnerFrame page={page}>
      <Panel
        title={`People · ${people.total}`}
        isFlush
        actions={
          <>
            {roles === null || partner.state === "CLOSED" ? null : (
              <InvitePerson
                roles={roleChoices(roles).filter((role) => role.isForPartners)}
                partners={[{ value: partner.id, label: partner.name }]}
                isOpenAtFirst={false}
              />
            )}
            <ButtonLink href={`/settings/users?partner=${partner.id}`} variant="ghost" size="sm">
              In the list of users
            </ButtonLink>
          </>
        }
      >
        <RowList
          empty="Nobody of this Partner can sign in yet."
          rows={people.items.map((person) => ({
            id: person.id,
            href: `/settings/users/${person.id}`,
            primary: person.name,
            secondary: `${person.email} · ${person.role.name}`,
            aside: <StatusBadge kind="user" status={person.state} />,
          }))}
        />
      </Panel>
    </PartnerFrame>
  );
}
