import type { Row, Transaction } from "@/server/db/client";
import { type Audience, can, type ResolvedRole, resolveRole } from "./permissions";

/** Who sees the screens as another person, as the rows say at this moment. */
export type Impersonator = {
  readonly id: string;
  readonly name: string;
  readonly role: ResolvedRole;
  readonly rolePartnerId: string | null;
  readonly partners: readonly string[];
};

type ImpersonatorRow = Row & {
  id: string;
  name: string;
  role: string;
  role_name: string;
  audience: Audience;
  permissions: string[];
  role_partner_id: string | null;
  partners: string[];
};

/**
 * The impersonator of a session, while they may go on: active, still signed in where they began, with the password they had
 * then, and with a role that still allows it. Null ends the session.
 */
export async function findImpersonator(
  tx: Pick<Transaction, "query">,
  sessionId: string,
  now: Date,
): Promise<Impersonator | null> {
  const [row] = await tx.query<ImpersonatorRow>({
    name: "session_impersonator",
    text: `select i.id, i.name, i.role, r.name as role_name, r.audience, r.permissions, r.partner_id as role_partner_id,
             array(select p.partner_id from user_partners p where p.user_id = i.id order by p.partner_id) as partners
           from sessions s
           join sessions own on own.id = s.impersonator_session_id and own.user_id = s.impersonator_id
           join users i on i.id = s.impersonator_id join roles r on r.id = i.role
           where s.id = $1 and i.state = 'ACTIVE' and i.password_changed_at <= s.created_at
             and own.ended_at is null and own.expires_at > $2 and own.level = 'FULL' and own.impersonator_id is null`,
    values: [sessionId, now],
  });
  if (!row) return null;
  const role = resolveRole({ id: row.role, name: row.role_name, audience: row.audience, permissions: row.permissions });
  if (role.audience !== "ACQUIRER" || !can(role, "users:impersonate")) return null;
  return { id: row.id, name: row.name, role, rolePartnerId: row.role_partner_id, partners: row.partners };
}
