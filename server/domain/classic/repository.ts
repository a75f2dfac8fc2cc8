import type { Mode } from "@/server/core/schema";
import type { Row, Transaction } from "@/server/db/client";
import type { ClassicRegion, ClassicUser } from "./schema";

type Queries = Pick<Transaction, "query">;

export type ClassicCredentialRow = Row & {
  partnerId: string;
  mode: Mode;
  region: ClassicRegion;
  username: string;
  passwordSecret: string;
  refusedAt: Date | null;
  updatedAt: Date;
  updatedByName: string | null;
};

type Owner = { partnerId: string; mode: Mode };

export async function findCredential(db: Queries, owner: Owner): Promise<ClassicCredentialRow | null> {
  const [row] = await db.query<ClassicCredentialRow>({
    name: "classic_credential",
    text: `select c.partner_id as "partnerId", c.mode, c.region, c.username, c.password_secret as "passwordSecret",
        c.refused_at as "refusedAt", c.updated_at as "updatedAt", u.name as "updatedByName"
      from classic_credentials c left join users u on u.id = c.updated_by where c.partner_id = $1 and c.mode = $2`,
    values: [owner.partnerId, owner.mode],
  });
  return row ?? null;
}

export async function saveCredential(
  db: Queries,
  owner: Owner,
  row: { region: ClassicRegion; username: string; passwordSecret: string; updatedBy: string; now: Date },
): Promise<void> {
  await db.query({
    name: "classic_credential_save",
    text: `insert into classic_credentials (partner_id, mode, region, username, password_secret, updated_by, created_at, updated_at)
      values ($1, $2, $3, $4, $5, $6, $7, $7)
      on conflict (partner_id, mode) do update set region = excluded.region, username = excluded.username,
        password_secret = excluded.password_secret, updated_by = excluded.updated_by, updated_at = excluded.updated_at, refused_at = null`,
    values: [owner.partnerId, owner.mode, row.region, row.username, row.passwordSecret, row.updatedBy, row.now],
  });
}

/** The sealed password of a user that was replaced or removed; null when it never was. */
export async function findFormer(db: Queries, owner: Owner, user: ClassicUser): Promise<string | null> {
  const [row] = await db.query<Row & { passwordSecret: string }>({
    name: "classic_former",
    text: `select password_secret as "passwordSecret" from classic_former_credentials
      where partner_id = $1 and mode = $2 and region = $3 and username = $4`,
    values: [owner.partnerId, owner.mode, user.region, user.username],
  });
  return row?.passwordSecret ?? null;
}

export async function keepFormer(
  db: Queries,
  owner: Owner,
  row: ClassicUser & { passwordSecret: string; replacedBy: string; now: Date },
): Promise<void> {
  await db.query({
    name: "classic_former_keep",
    text: `insert into classic_former_credentials (partner_id, mode, region, username, password_secret, replaced_by, replaced_at)
      values ($1, $2, $3, $4, $5, $6, $7)
      on conflict (partner_id, mode, region, username) do update set password_secret = excluded.password_secret,
        replaced_by = excluded.replaced_by, replaced_at = excluded.replaced_at`,
    values: [owner.partnerId, owner.mode, row.region, row.username, row.passwordSecret, row.replacedBy, row.now],
  });
}

/** One that is the present one again has no former password. */
export async function dropFormer(db: Queries, owner: Owner, user: ClassicUser): Promise<void> {
  await db.query({
    name: "classic_former_drop",
    text: "delete from classic_former_credentials where partner_id = $1 and mode = $2 and region = $3 and username = $4",
    values: [owner.partnerId, owner.mode, user.region, user.username],
  });
}

export async function removeCredential(db: Queries, owner: Owner): Promise<boolean> {
  const rows = await db.query<Row>({
    name: "classic_credential_remove",
    text: "delete from classic_credentials where partner_id = $1 and mode = $2 returning partner_id",
    values: [owner.partnerId, owner.mode],
  });
  return rows.length === 1;
}

/** Of the present user only: null stands for it. */
export async function noteRefusal(db: Queries, owner: Owner, user: ClassicUser | null, now: Date): Promise<void> {
  await db.query({
    name: "classic_credential_refused",
    text: `update classic_credentials set refused_at = $3 where partner_id = $1 and mode = $2 and refused_at is null
      and ($4::text is null or (region = $4 and username = $5))`,
    values: [owner.partnerId, owner.mode, now, user?.region ?? null, user?.username ?? null],
  });
}

/** How many payments of a Partner are open in classic sessions: users change between sales, not in the middle of one. */
export async function countOpenSessions(db: Queries, owner: Owner): Promise<number> {
  const [row] = await db.query<{ count: number }>({
    name: "classic_open_sessions",
    text: `select count(*)::int as count from payments where partner_id = $1 and mode = $2 and rail = 'CLASSIC'
      and state in ('PROCESSING','PENDING','IN_PROGRESS','FINALIZING')`,
    values: [owner.partnerId, owner.mode],
  });
  return row?.count ?? 0;
}

/** Until the transaction ends nobody else changes the users of this account; sales are not held up. */
export async function holdUsers(tx: Transaction, owner: Owner): Promise<void> {
  await tx.query<Row>({
    name: "classic_users_hold",
    text: "select 1 from partner_accounts where partner_id = $1 and mode = $2 for no key update",
    values: [owner.partnerId, owner.mode],
  });
}

/** Whether the Partner has an account in the mode that this scope may see. */
export async function hasAccount(db: Queries, owner: Owner, partners: readonly string[] | "all"): Promise<boolean> {
  if (partners !== "all" && !partners.includes(owner.partnerId)) return false;
  const rows = await db.query<Row>({
    name: "classic_account",
    text: "select 1 from partner_accounts where partner_id = $1 and mode = $2",
    values: [owner.partnerId, owner.mode],
  });
  return rows.length === 1;
}
