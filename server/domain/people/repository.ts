import type { Audience, TenantScope } from "@/server/auth/permissions";
import type { Cursor } from "@/server/core/pagination";
import type { Row, Transaction } from "@/server/db/client";
import { nameFor } from "@/server/db/names";
import type { PersonFilter, PersonItem, PersonSession } from "./schema";
import type { UserState } from "./states";

type Queries = Pick<Transaction, "query">;

const seen = (scope: TenantScope): readonly string[] | null => (scope.partners === "all" ? null : scope.partners);

// People -------------------------------------------------------------------------------------------------------------------

const ITEM = `u.id, u.email, u.name, u.state, jsonb_build_object('id', r.id, 'name', r.name, 'audience', r.audience) as role,
  coalesce((select jsonb_agg(jsonb_build_object('id', p.id, 'name', p.name) order by p.name) from user_partners up
    join partners p on p.id = up.partner_id where up.user_id = u.id and ($1::text[] is null or p.id = any($1))), '[]') as partners,
  (exists (select 1 from totp_factors t where t.user_id = u.id and t.confirmed_at is not null)
    or exists (select 1 from passkeys k where k.user_id = u.id)) as "hasTwoFactor",
  (select max(s.last_seen_at) from sessions s where s.user_id = u.id and s.impersonator_id is null) as "lastSeenAt",
  u.invited_at as "invitedAt", u.created_at as "createdAt"`;
/** A Partner's people see the people of their Partners, and nobody of the acquirer, tied to the Partner or not. */
const SEEN = `($1::text[] is null or (r.audience = 'PARTNER'
  and exists (select 1 from user_partners up where up.user_id = u.id and up.partner_id = any($1))))`;

function conditionsOf(scope: TenantScope, filter: PersonFilter): { where: string; values: unknown[] } {
  const values: unknown[] = [seen(scope)];
  const parts = [SEEN];
  const bind = (value: unknown): string => `$${values.push(value)}`;
  if (filter.search) {
    const part = bind(`%${filter.search.replace(/[\\%_]/g, "\\$&")}%`);
    parts.push(`(u.id = ${bind(filter.search)} or u.name ilike ${part} or u.email ilike ${part})`);
  }
  if (filter.state?.length) parts.push(`u.state = any(${bind(filter.state)}::text[])`);
  if (filter.role?.length) parts.push(`u.role = any(${bind(filter.role)}::text[])`);
  if (filter.partner)
    parts.push(
      `exists (select 1 from user_partners up where up.user_id = u.id and up.partner_id = ${bind(filter.partner)})`,
    );
  return { where: parts.join(" and "), values };
}

export async function findPeople(
  db: Queries,
  scope: TenantScope,
  filter: PersonFilter,
  page: { limit: number; cursor: Cursor | null },
): Promise<PersonItem[]> {
  const { where, values } = conditionsOf(scope, filter);
  const at = values.length;
  return db.query<Row & PersonItem>({
    text: `select ${ITEM} from users u join roles r on r.id = u.role
           where ${where} and ($${at + 1}::timestamptz is null or (u.created_at, u.id) < ($${at + 1}, $${at + 2}))
           order by u.created_at desc, u.id desc limit $${at + 3}`,
    values: [...values, page.cursor?.createdAt ?? null, page.cursor?.id ?? null, page.limit + 1],
  });
}

export async function countPeople(db: Queries, scope: TenantScope, filter: PersonFilter, max: number): Promise<number> {
  const { where, values } = conditionsOf(scope, filter);
  const [row] = await db.query<Row & { total: number }>({
    text: `select count(*)::int as total from (select 1 from users u join roles r on r.id = u.role where ${where} limit $${values.length + 1}) found`,
    values: [...values, max],
  });
  return row?.total ?? 0;
}

export async function findPerson(
  db: Queries,
  scope: TenantScope,
  id: string,
): Promise<(PersonItem & { invitedBy: string | null }) | null> {
  const [row] = await db.query<Row & PersonItem & { invitedBy: string | null }>({
    name: "person_find",
    text: `select ${ITEM}, (select ${nameFor("i", "$1")} from users i where i.id = u.invited_by) as "invitedBy"
           from users u join roles r on r.id = u.role where ${SEEN} and u.id = $2`,
    values: [seen(scope), id],
  });
  return row ?? null;
}

/** What decisions about a person are made on: with all of their Partners, also those out of the caller's sight. */
export type PersonRow = {
  id: string;
  email: string;
  name: string;
  state: UserState;
  roleId: string;
  roleName: string;
  audience: Audience;
  permissions: string[];
  partners: string[];
};

const ROW = `u.id, u.email, u.name, u.state, u.role as "roleId", r.name as "roleName", r.audience, r.permissions,
  array(select up.partner_id from user_partners up where up.user_id = u.id order by up.partner_id) as partners`;

export async function findPersonRow(tx: Queries, scope: TenantScope, id: string): Promise<PersonRow | null> {
  const [row] = await tx.query<Row & PersonRow>({
    name: "person_row",
    text: `select ${ROW} from users u join roles r on r.id = u.role where ${SEEN} and u.id = $2`,
    values: [seen(scope), id],
  });
  return row ?? null;
}

/** Locks the person's row, so that two changes follow each other. */
export async function lockPerson(tx: Queries, scope: TenantScope, id: string): Promise<PersonRow | null> {
  await tx.query({ name: "person_lock", text: "select 1 from users where id = $1 for update", values: [id] });
  return findPersonRow(tx, scope, id);
}

export async function findPersonByEmail(tx: Queries, email: string): Promise<{ id: string; state: UserState } | null> {
  const [row] = await tx.query<Row & { id: string; state: UserState }>({
    name: "person_by_address",
    text: "select id, state from users where email = $1 for update",
    values: [email],
  });
  return row ?? null;
}

export type NewPerson = { id: string; email: string; name: string; role: string; invitedBy: string; now: Date };

export async function insertInvited(tx: Queries, person: NewPerson): Promise<void> {
  await tx.query({
    name: "person_invite",
    text: `insert into users (id, email, name, role, state, password_hash, password_changed_at, invited_at, invited_by, created_at, updated_at)
           values ($1,$2,$3,$4,'INVITED',null,$6,$6,$5,$6,$6)`,
    values: [person.id, person.email, person.name, person.role, person.invitedBy, person.now],
  });
}

export async function inviteAgain(tx: Queries, person: NewPerson): Promise<void> {
  await tx.query({
    name: "person_invite_again",
    text: `update users set name = $2, role = $3, state = 'INVITED', password_hash = null, invited_at = $5, invited_by = $4, updated_at = $5
           where id = $1`,
    values: [person.id, person.name, person.role, person.invitedBy, person.now],
  });
}

export async function setUserState(tx: Queries, id: string, state: UserState, now: Date): Promise<void> {
  await tx.query({
    name: "person_state",
    text: "update users set state = $2, updated_at = $3 where id = $1",
    values: [id, state, now],
  });
}

export async function setRole(tx: Queries, id: string, role: string, now: Date): Promise<void> {
  await tx.query({
    name: "person_role",
    text: "update users set role = $2, updated_at = $3 where id = $1",
    values: [id, role, now],
  });
}

export async function setPartners(tx: Queries, id: string, partners: readonly string[]): Promise<void> {
  await tx.query({
    name: "person_partners_cut",
    text: "delete from user_partners where user_id = $1 and not (partner_id = any($2))",
    values: [id, partners],
  });
  await tx.query({
    name: "person_partners_add",
    text: "insert into user_partners (user_id, partner_id) select $1, p.id from partners p where p.id = any($2) on conflict do nothing",
    values: [id, partners],
  });
}

/** Locks every active acquirer admin, so that the last two cannot go at the same moment. */
export async function lockAdmins(tx: Queries): Promise<string[]> {
  const rows = await tx.query<Row & { id: string }>({
    name: "person_admins",
    text: "select id from users where role = 'ACQUIRER_ADMIN' and state = 'ACTIVE' order by id for update",
    values: [],
  });
  return rows.map((row) => row.id);
}

export async function knownPartners(tx: Queries, ids: readonly string[]): Promise<{ id: string; name: string }[]> {
  return tx.query<Row & { id: string; name: string }>({
    name: "person_partners_known",
    text: "select id, name from partners where id = any($1) order by name",
    values: [ids],
  });
}

// Sessions -----------------------------------------------------------------------------------------------------------------

export async function findSessions(db: Queries, userId: string, now: Date): Promise<PersonSession[]> {
  return db.query<Row & PersonSession>({
    name: "person_sessions",
    text: `select id, created_at as "createdAt", last_seen_at as "lastSeenAt", address, user_agent as "userAgent" from sessions
           where user_id = $1 and ended_at is null and expires_at > $2 and impersonator_id is null order by last_seen_at desc limit 50`,
    values: [userId, now],
  });
}

/** Ends all sessions of a person, or one. Answers the ids that ended. */
export async function endSessions(
  tx: Queries,
  userId: string,
  reason: "USER_DISABLED" | "ENDED_BY_ADMIN",
  now: Date,
  only: string | null = null,
): Promise<string[]> {
  const rows = await tx.query<Row & { id: string }>({
    name: "person_sessions_end",
    text: `update sessions set ended_at = $3, end_reason = $2 where user_id = $1 and ended_at is null and ($4::text is null or id = $4)
           returning id`,
    values: [userId, reason, now, only],
  });
  return rows.map((row) => row.id);
}

// Roles --------------------------------------------------------------------------------------------------------------------

export type RoleRow = {
  id: string;
  name: string;
  description: string;
  audience: Audience;
  partnerId: string | null;
  partnerName: string | null;
  permissions: string[];
  people: number;
};

const ROLE = `r.id, r.name, r.description, r.audience, r.partner_id as "partnerId", p.name as "partnerName", r.permissions,
  (select count(*)::int from users u where u.role = r.id and u.state <> 'WITHDRAWN' and ($1::text[] is null
    or exists (select 1 from user_partners up where up.user_id = u.id and up.partner_id = any($1)))) as people`;
/** A Partner's people know the roles that every Partner has and their own. */
const ROLE_SEEN = `($1::text[] is null or (r.audience = 'PARTNER' and (r.partner_id is null or r.partner_id = any($1))))`;

export async function findRoles(db: Queries, scope: TenantScope): Promise<RoleRow[]> {
  return db.query<Row & RoleRow>({
    name: "role_list",
    text: `select ${ROLE} from roles r left join partners p on p.id = r.partner_id where ${ROLE_SEEN}
           order by r.id like 'rol\\_%', r.audience, p.name nulls first, r.name limit 500`,
    values: [seen(scope)],
  });
}

export async function findRole(tx: Queries, scope: TenantScope, id: string): Promise<RoleRow | null> {
  const [row] = await tx.query<Row & RoleRow>({
    name: "role_find",
    text: `select ${ROLE} from roles r left join partners p on p.id = r.partner_id where ${ROLE_SEEN} and r.id = $2`,
    values: [seen(scope), id],
  });
  return row ?? null;
}

export async function lockRole(tx: Queries, scope: TenantScope, id: string): Promise<RoleRow | null> {
  await tx.query({ name: "role_lock", text: "select 1 from roles where id = $1 for update", values: [id] });
  return findRole(tx, scope, id);
}

export async function insertRole(
  tx: Queries,
  role: Omit<RoleRow, "people" | "partnerName"> & { createdBy: string; now: Date },
): Promise<void> {
  await tx.query({
    name: "role_insert",
    text: `insert into roles (id, name, description, audience, partner_id, permissions, created_by, created_at, updated_at)
           values ($1,$2,$3,$4,$5,$6,$7,$8,$8)`,
    values: [
      ...[role.id, role.name, role.description, role.audience, role.partnerId],
      ...[role.permissions, role.createdBy, role.now],
    ],
  });
}

export async function updateRole(
  tx: Queries,
  role: { id: string; name: string; description: string; permissions: readonly string[]; now: Date },
): Promise<void> {
  await tx.query({
    name: "role_update",
    text: "update roles set name = $2, description = $3, permissions = $4, updated_at = $5 where id = $1",
    values: [role.id, role.name, role.description, role.permissions, role.now],
  });
}

export async function deleteRole(tx: Queries, id: string): Promise<void> {
  await tx.query({ name: "role_delete", text: "delete from roles where id = $1", values: [id] });
}
