import type { Metadata } from "next";
import { AuditPanel } from "@/app/(dashboard)/audit-panel";
import { orNotFound } from "@/app/(dashboard)/or-not-found";
import { partnerOptions } from "@/app/(dashboard)/partner-options";
import { DateTime } from "@/components/display/date-time";
import { DefinitionList } from "@/components/display/definition-list";
import { Id } from "@/components/display/id";
import { StatusBadge } from "@/components/display/status-badge";
import { Notice } from "@/components/notice";
import { RecordLayout } from "@/components/record-layout";
import { TextLink } from "@/components/text-link";
import { Panel } from "@/components/ui/panel";
import { can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import { getPerson, listRoles } from "@/server/domain/people/service";
import { PERMISSION_GROUPS, PERMISSION_WORDS } from "@/server/domain/people/states";
import { browserWords } from "../../sessions/browser-words";
import { roleChoices } from "../role-choices";
import { PersonActions } from "./person-actions";
import { PersonSessions } from "./person-sessions";
import { ViewAs } from "./view-as";

export const metadata: Metadata = { title: "User" };

export default async function UserPage({ params }: { params: Promise<{ id: string }> }) {
  const ctx = await webContext("users:read");
  const { user } = await requireSession();
  const { id } = await params;
  const person = await orNotFound(getPerson(ctx, id));
  const canChange = person.may.change;
  const canViewAs = can(user, "users:impersonate") && person.role.audience === "PARTNER" && person.state === "ACTIVE";
  const partners = canChange && can(user, "partners:read") ? await partnerOptions(ctx) : [];
  // Those that the person has stand among the choices, wherever they are in the list of names.
  const known = new Map([...person.partners.map(({ id: value, name }) => [value, name] as const)]);
  for (const option of partners) known.set(option.value, option.label);
  return (
    <RecordLayout
      title={person.name}
      crumb={person.name}
      badge={<StatusBadge kind="user" status={person.state} />}
      ids={<Id value={person.id} />}
      actions={
        canChange || canViewAs ? (
          <>
            {canViewAs ? <ViewAs person={{ id: person.id, name: person.name, roleName: person.role.name }} /> : null}
            {canChange ? (
              <PersonActions
                person={{
                  id: person.id,
                  name: person.name,
                  email: person.email,
                  state: person.state,
                  role: person.role.id,
                  partners: person.partners.map((partner) => partner.id),
                  hasTwoFactor: person.hasTwoFactor,
                }}
                roles={roleChoices(await listRoles(ctx))}
                partners={[...known].map(([value, label]) => ({ value, label }))}
              />
            ) : null}
          </>
        ) : undefined
      }
      notice={
        person.state === "INVITED" ? (
          <Notice tone="info" title="Invited, not here yet">
            {ctx.env.SMTP_URL === undefined
              ? "No mail server is set: the invitation is kept on the System screen under Mails."
              : "The invitation went out by mail."}
          </Notice>
        ) : !person.may.change && can(user, "users:write") ? (
          <Notice tone="info" title={person.may.why} />
        ) : undefined
      }
      main={
        <>
          {can(user, "users:write") ? (
            <PersonSessions
              personId={person.id}
              canEnd={canChange}
              sessions={person.sessions.map((session) => ({
                id: session.id,
                browser: browserWords(session.userAgent).text,
                address: session.address,
                startedAt: session.createdAt.toISOString(),
                lastSeenAt: session.lastSeenAt.toISOString(),
              }))}
            />
          ) : null}
          <Panel title="What they may do">
            <div className="grid gap-3 sm:grid-cols-2">
              {PERMISSION_GROUPS.map((group) => {
                const held = group.permissions.filter((name) => person.permissions.includes(name));
                return held.length === 0 ? null : (
                  <div key={group.title}>
                    <h3 className="font-medium text-ink-3 text-xs">{group.title}</h3>
                    <ul className="mt-1 grid gap-0.5 text-sm">
                      {held.map((name) => (
                        <li key={name}>{PERMISSION_WORDS[name]}</li>
                      ))}
                    </ul>
                  </div>
                );
              })}
            </div>
          </Panel>
          <AuditPanel ctx={ctx} subject={person.id} />
        </>
      }
      facts={
        <Panel title="Facts">
          <DefinitionList
            items={[
              { term: "E-mail", value: person.email },
              {
                term: "Role",
                value: <TextLink href={`/settings/roles/${person.role.id}`}>{person.role.name}</TextLink>,
              },
              {
                term: "Partners",
                value:
                  person.partners.length === 0 ? (
                    person.role.audience === "ACQUIRER" ? (
                      "All"
                    ) : null
                  ) : (
                    <ul className="grid">
                      {person.partners.map((partner) => (
                        <li key={partner.id}>
                          {can(user, "partners:read") ? (
                            <TextLink href={`/partners/${partner.id}`}>{partner.name}</TextLink>
                          ) : (
                            partner.name
                          )}
                        </li>
                      ))}
                    </ul>
                  ),
              },
              { term: "Two-factor", value: person.hasTwoFactor ? "On" : "Off" },
              {
                term: "Last seen",
                value: person.lastSeenAt === null ? "Never" : <DateTime value={person.lastSeenAt} />,
              },
              {
                term: "Invited",
                value: person.invitedAt === null ? null : <DateTime value={person.invitedAt} />,
                hint: person.invitedBy === null ? undefined : `by ${person.invitedBy}`,
              },
              { term: "Since", value: <DateTime value={person.createdAt} /> },
            ]}
          />
        </Panel>
      }
    />
  );
}
