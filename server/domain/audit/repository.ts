import type { TenantScope } from "@/server/auth/permissions";
import type { Cursor } from "@/server/core/pagination";
import type { Row, Statement, Transaction } from "@/server/db/client";
import type { AuditFilter, AuditItem } from "./schema";

export type NewAuditEntry = {
  id: string;
  partnerId: string | null;
  mode: string | null;
  actorKind: string;
  actorId: string;
  way: string;
  action: string;
  subjectKind: string;
  subjectId: string;
  requestId: string;
  before: unknown;
  after: unknown;
  createdAt: Date;
};

const json = (value: unknown): string | null => (value === undefined || value === null ? null : JSON.stringify(value));

export async function insertEntry(tx: Pick<Transaction, "query">, entry: NewAuditEntry): Promise<void> {
  await tx.query({
    name: "audit_append",
    text: `insert into audit_entries (id, partner_id, mode, actor_kind, actor_id, way, action, subject_kind, subject_id, request_id, before, after, created_at)
           values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11::jsonb,$12::jsonb,$13)`,
    values: [
      entry.id,
      entry.partnerId,
      entry.mode,
      entry.actorKind,
      entry.actorId,
      entry.way,
      entry.action,
      entry.subjectKind,
      entry.subjectId,
      entry.requestId,
      json(entry.before),
      json(entry.after),
      entry.createdAt,
    ],
  });
}

/** Many entries in one statement, in their order. */
export async function insertEntries(
  tx: Pick<Transaction, "query">,
  entries: readonly Omit<NewAuditEntry, "createdAt">[],
  createdAt: Date,
): Promise<void> {
  await tx.query({
    text: `insert into audit_entries (id, partner_id, mode, actor_kind, actor_id, way, action, subject_kind, subject_id, request_id, before, after, created_at)
           select r.id, r."partnerId", r.mode, r."actorKind", r."actorId", r.way, r.action, r."subjectKind", r."subjectId", r."requestId",
             nullif(r.before, 'null'::jsonb), nullif(r.after, 'null'::jsonb), $2
           from jsonb_to_recordset($1::jsonb) as r(id text, "partnerId" text, mode text, "actorKind" text, "actorId" text, way text, action text,
             "subjectKind" text, "subjectId" text, "requestId" text, before jsonb, after jsonb)
           order by r.id`,
    values: [JSON.stringify(entries), createdAt],
  });
}

/** The link of the chain that covers an entry; null while it has none. */
export async function findSeal(
  tx: Pick<Transaction, "query">,
  entryId: string,
): Promise<{ sequence: number; hash: string; sealedAt: Date } | null> {
  const [seal] = await tx.query<Row & { sequence: number; hash: string; sealedAt: Date }>({
    name: "audit_seal",
    text: `select s.sequence, s.hash, s.sealed_at as "sealedAt" from audit_seals s join audit_entries e on e.position = s.position where e.id = $1`,
    values: [entryId],
  });
  return seal ?? null;
}

type AuditRow = Row & {
  id: string;
  partner_id: string | null;
  partner_name: string | null;
  mode: string | null;
  actor_kind: AuditItem["actorKind"];
  actor_id: string;
  actor_name: string | null;
  way: string;
  action: string;
  subject_kind: string;
  subject_id: string;
  request_id: string | null;
  before: unknown;
  after: unknown;
  created_at: Date;
};

/** The conditions of a list as SQL; entries that belong to no mode (a sign-in) are seen in both. */
function conditions(scope: TenantScope, filter: AuditFilter & { id?: string }): { where: string; values: unknown[] } {
  const values: unknown[] = [scope.mode];
  const parts = ["(a.mode is null or a.mode = $1)"];
  const add = (part: (place: string) => string, value: unknown): void => {
    values.push(value);
    parts.push(part(`$${values.length}`));
  };
  if (scope.partners !== "all") add((p) => `a.partner_id = any(${p}::text[])`, scope.partners);
  if (filter.id) add((p) => `a.id = ${p}`, filter.id);
  if (filter.partner) add((p) => `a.partner_id = ${p}`, filter.partner);
  if (filter.subject) add((p) => `a.subject_id = ${p}`, filter.subject);
  if (filter.subjectKind) add((p) => `a.subject_kind = ${p}`, filter.subjectKind);
  if (filter.action) add((p) => `(a.action = ${p} or starts_with(a.action, ${p} || '.'))`, filter.action);
  if (filter.actorKind && filter.actorKind.length > 0) add((p) => `a.actor_kind = any(${p}::text[])`, filter.actorKind);
  if (filter.way && filter.way.length > 0) add((p) => `a.way = any(${p}::text[])`, filter.way);
  if (filter.request) add((p) => `a.request_id = ${p}`, filter.request);
  // One list of positions from four indexes: an `or` over the columns would read the whole table.
  if (filter.search)
    add(
      (
        p,
      ) => `a.position in (select position from audit_entries where id = ${p} union select position from audit_entries where subject_id = ${p}
        union select position from audit_entries where actor_id = ${p} union select position from audit_entries where request_id = ${p})`,
      filter.search,
    );
  if (filter.actor) add((p) => `a.actor_id = ${p}`, filter.actor);
  if (filter.createdFrom) add((p) => `a.created_at >= ${p}`, filter.createdFrom);
  if (filter.createdTo) add((p) => `a.created_at < ${p}`, filter.createdTo);
  return { where: parts.join(" and "), values };
}

/** Newest first, `limit + 1` rows at most. Staff of the acquirer stays nameless to a Partner's users. */
export async function findEntries(
  tx: Pick<Transaction, "query">,
  scope: TenantScope,
  filter: AuditFilter & { id?: string },
  page: { limit: number; cursor: Cursor | null },
): Promise<AuditItem[]> {
  const { where, values } = conditions(scope, filter);
  const bind = (value: unknown): string => `$${values.push(value)}`;
  const after = page.cursor
    ? `and a.position < (select c.position from audit_entries c where c.id = ${bind(page.cursor.id)})`
    : "";
  const name =
    scope.partners === "all"
      ? "u.name"
      : `case when exists (select 1 from user_partners up where up.user_id = u.id and up.partner_id = any(${bind(scope.partners)}::text[])) then u.name
              when u.id is not null then 'Acquirer staff' end`;
  const statement: Statement = {
    text: `select a.id, a.partner_id, p.name as partner_name, a.mode, a.actor_kind, a.actor_id,
                  coalesce(${name}, k.name, d.label, ${scope.partners === "all" ? "y.name" : "case when y.id is not null then 'Acquirer system' end"}) as actor_name, a.way, a.action, a.subject_kind, a.subject_id, a.request_id,
                  a.before, a.after, a.created_at
           from audit_entries a
           left join partners p on p.id = a.partner_id
           left join users u on a.actor_kind = 'USER' and u.id = a.actor_id
           left join api_keys k on a.actor_kind = 'API_KEY' and k.id = a.actor_id
           left join acquirer_keys y on a.actor_kind = 'API_KEY' and y.id = a.actor_id
           left join lateral (select t.label from paired_devices v join terminals t on t.id = v.terminal_id
             where a.actor_kind = 'DEVICE' and v.id = a.actor_id) d on true
           where ${where} ${after}
           order by a.position desc limit ${bind(page.limit + 1)}`,
    values,
  };
  const rows = await tx.query<AuditRow>(statement);
  return rows.map((row) => ({
    id: row.id,
    partnerId: row.partner_id,
    partnerName: row.partner_name,
    mode: row.mode,
    actorKind: row.actor_kind,
    actorId: row.actor_id,
    actorName:
      row.actor_name ??
      (row.actor_kind === "KLARNA" ? "Klarna" : row.actor_kind === "SYSTEM" ? "Tillgate" : row.actor_id),
    way: row.way,
    action: row.action,
    subjectKind: row.subject_kind,
    subjectId: row.subject_id,
    requestId: row.request_id,
    before: row.before,
    after: row.after,
    createdAt: row.created_at,
  }));
}

export async function countEntries(
  tx: Pick<Transaction, "query">,
  scope: TenantScope,
  filter: AuditFilter,
  max: number,
): Promise<number> {
  const { where, values } = conditions(scope, filter);
  const [row] = await tx.query<{ total: number }>({
    text: `select count(*)::int as total from (select 1 from audit_entries a where ${where} limit $${values.length + 1}) found`,
    values: [...values, max],
  });
  return row?.total ?? 0;
}
