import type { TenantScope } from "@/server/auth/permissions";
import type { Row, Transaction } from "@/server/db/client";
import { nameFor } from "@/server/db/names";
import type { PortalGrantItem } from "./schema";
import type { GrantState } from "./states";

type Queries = Pick<Transaction, "query">;
export type GrantRow = Row & PortalGrantItem & { klarnaUserId: string | null; accountId: string | null };

const SELECT = `select g.id, g.partner_id as "partnerId", p.name as "partnerName", g.kind, g.email, g.roles, g.state, g.granted_by as "grantedBy",
    coalesce(${nameFor("u", "$2")}, g.granted_by) as "grantedByName", g.created_at as "createdAt", g.revoked_at as "revokedAt", g.klarna_user_id as "klarnaUserId",
    a.klarna_partner_account_id as "accountId"
  from portal_grants g join partners p on p.id = g.partner_id join partner_accounts a on a.partner_id = g.partner_id and a.mode = g.mode
  left join users u on u.id = g.granted_by
  where g.mode = $1 and ($2::text[] is null or g.partner_id = any($2::text[]))`;
const scoped = (scope: TenantScope): unknown[] => [scope.mode, scope.partners === "all" ? null : scope.partners];

export const findGrants = (tx: Queries, scope: TenantScope, partnerId: string | null, limit: number) =>
  tx.query<GrantRow>({
    text: `${SELECT} and ($3::text is null or g.partner_id = $3) order by g.created_at desc, g.id desc limit $4`,
    values: [...scoped(scope), partnerId, limit],
  });

export async function findGrant(tx: Queries, scope: TenantScope, id: string): Promise<GrantRow | null> {
  const [row] = await tx.query<GrantRow>({ text: `${SELECT} and g.id = $3`, values: [...scoped(scope), id] });
  return row ?? null;
}

/** The account at Klarna of a Partner in sight; null where the Partner is not, `accountId: null` before onboarding. */
export async function findAccount(
  tx: Queries,
  scope: TenantScope,
  partnerId: string,
): Promise<{ accountId: string | null; state: string } | null> {
  const [row] = await tx.query<Row & { accountId: string | null; state: string }>({
    text: `select klarna_partner_account_id as "accountId", state from partner_accounts
      where mode = $1 and ($2::text[] is null or partner_id = any($2::text[])) and partner_id = $3`,
    values: [...scoped(scope), partnerId],
  });
  return row ?? null;
}

export async function findEmail(tx: Queries, userId: string): Promise<string | null> {
  const [row] = await tx.query<{ email: string }>({ text: "select email from users where id = $1", values: [userId] });
  return row?.email ?? null;
}

export async function insertGrant(
  tx: Queries,
  scope: TenantScope,
  grant: {
    id: string;
    partnerId: string;
    kind: PortalGrantItem["kind"];
    userId: string | null;
    email: string;
    roles: readonly string[];
    tokenId: string | null;
    grantedBy: string;
    createdAt: Date;
  },
): Promise<void> {
  await tx.query({
    text: `insert into portal_grants (id, partner_id, mode, kind, user_id, email, roles, token_id, state, granted_by, created_at)
      values ($1,$2,$3,$4,$5,$6,$7,$8,'REQUESTED',$9,$10)`,
    values: [
      ...[grant.id, grant.partnerId, scope.mode, grant.kind, grant.userId, grant.email, grant.roles],
      ...[grant.tokenId, grant.grantedBy, grant.createdAt],
    ],
  });
}

export async function updateGrant(
  tx: Queries,
  scope: TenantScope,
  id: string,
  patch: { state: GrantState; klarnaUserId?: string; revokedAt?: Date; revokedBy?: string },
): Promise<void> {
  await tx.query({
    text: `update portal_grants set state = $4, klarna_user_id = coalesce($5, klarna_user_id), revoked_at = coalesce($6, revoked_at),
        revoked_by = coalesce($7, revoked_by)
      where mode = $1 and ($2::text[] is null or partner_id = any($2::text[])) and id = $3`,
    values: [...scoped(scope), id, patch.state, patch.klarnaUserId, patch.revokedAt, patch.revokedBy],
  });
}
