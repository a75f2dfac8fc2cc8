import type { TenantScope } from "@/server/auth/permissions";
import type { Cursor } from "@/server/core/pagination";
import type { Mode } from "@/server/core/schema";
import type { Row, Transaction } from "@/server/db/client";
import { nameFor } from "@/server/db/names";
import type { Json } from "./canonical";
import type { ApprovalFilter, ApprovalItem, FourEyesRulesInput } from "./schema";
import type { ApprovalKind, ApprovalState } from "./states";

type Queries = Pick<Transaction, "query">;

const seen = (scope: TenantScope): readonly string[] | null => (scope.partners === "all" ? null : scope.partners);

/** What the decisions are made on. */
export type ApprovalRow = {
  id: string;
  partnerId: string;
  mode: Mode;
  kind: ApprovalKind;
  state: ApprovalState;
  subjectKind: string;
  subjectId: string;
  payload: Json;
  payloadHash: string;
  summary: string;
  amount: number | null;
  currency: string | null;
  reason: string | null;
  requestedBy: string;
  decidedBy: string | null;
  expiresAt: Date;
  createdAt: Date;
};

const ROW = `id, partner_id as "partnerId", mode, kind, state, subject_kind as "subjectKind", subject_id as "subjectId", payload,
  payload_hash as "payloadHash", summary, amount, currency, reason, requested_by as "requestedBy", decided_by as "decidedBy",
  expires_at as "expiresAt", created_at as "createdAt"`;

/** Writes a request; when the same one is open already, nothing is written and null comes back. */
export async function insertApproval(tx: Queries, row: Omit<ApprovalRow, "decidedBy">): Promise<ApprovalRow | null> {
  const [made] = await tx.query<Row & ApprovalRow>({
    name: "approval_insert",
    text: `insert into approvals (id, partner_id, mode, kind, state, subject_kind, subject_id, payload, payload_hash, summary, amount,
             currency, reason, requested_by, expires_at, created_at, updated_at)
           values ($1,$2,$3,$4,$5,$6,$7,$8::jsonb,$9,$10,$11,$12,$13,$14,$15,$16,$16)
           on conflict (partner_id, mode, kind, subject_id, payload_hash) where state = 'PENDING' do nothing
           returning ${ROW}`,
    values: [
      ...[row.id, row.partnerId, row.mode, row.kind, row.state, row.subjectKind, row.subjectId],
      ...[JSON.stringify(row.payload), row.payloadHash, row.summary, row.amount, row.currency, row.reason],
      ...[row.requestedBy, row.expiresAt, row.createdAt],
    ],
  });
  return made ?? null;
}

export async function findOpenTwin(
  tx: Queries,
  of: { partnerId: string; mode: Mode; kind: ApprovalKind; subjectId: string; payloadHash: string },
): Promise<ApprovalRow | null> {
  const [row] = await tx.query<Row & ApprovalRow>({
    name: "approval_twin",
    text: `select ${ROW} from approvals
           where partner_id = $1 and mode = $2 and kind = $3 and subject_id = $4 and payload_hash = $5 and state = 'PENDING'`,
    values: [of.partnerId, of.mode, of.kind, of.subjectId, of.payloadHash],
  });
  return row ?? null;
}

export async function lockApproval(tx: Queries, scope: TenantScope, id: string): Promise<ApprovalRow | null> {
  const [row] = await tx.query<Row & ApprovalRow>({
    name: "approval_lock",
    text: `select ${ROW} from approvals where id = $1 and mode = $2 and ($3::text[] is null or partner_id = any($3)) for update`,
    values: [id, scope.mode, seen(scope)],
  });
  return row ?? null;
}

export async function setDecided(
  tx: Queries,
  row: { id: string; state: ApprovalState; by: string; reason: string | null; now: Date },
): Promise<void> {
  await tx.query({
    name: "approval_decide",
    text: "update approvals set state = $2, decided_by = $3, decided_at = $5, decision_reason = $4, updated_at = $5 where id = $1",
    values: [row.id, row.state, row.by, row.reason, row.now],
  });
}

export async function setState(tx: Queries, id: string, state: ApprovalState, now: Date): Promise<void> {
  await tx.query({
    name: "approval_state",
    text: "update approvals set state = $2, updated_at = $3 where id = $1",
    values: [id, state, now],
  });
}

export async function setExecuted(
  tx: Queries,
  row: { id: string; state: ApprovalState; by: string; resultId: string; now: Date },
): Promise<void> {
  await tx.query({
    name: "approval_execute",
    text: "update approvals set state = $2, executed_by = $3, executed_at = $5, result_id = $4, updated_at = $5 where id = $1",
    values: [row.id, row.state, row.by, row.resultId, row.now],
  });
}

/** Ends what was open past its time, in all Partners and modes. Answers what ended. */
export async function expireDue(tx: Queries, now: Date, limit: number): Promise<ApprovalRow[]> {
  return tx.query<Row & ApprovalRow>({
    name: "approval_expire",
    text: `update approvals set state = 'EXPIRED', updated_at = $1
           where id in (select id from approvals where state in ('PENDING','APPROVED') and expires_at <= $1 order by expires_at limit $2 for update skip locked)
           returning ${ROW}`,
    values: [now, limit],
  });
}

/** Approved and not carried out: of these kinds, oldest first. */
export async function findApproved(tx: Queries, kinds: readonly ApprovalKind[], before: Date, limit: number) {
  return tx.query<Row & { id: string; mode: Mode; partnerId: string }>({
    name: "approval_approved",
    text: `select id, mode, partner_id as "partnerId" from approvals
           where state = 'APPROVED' and kind = any($1) and updated_at < $2 order by created_at limit $3`,
    values: [kinds, before, limit],
  });
}

// Reading ----------------------------------------------------------------------------------------------------------------

const ITEM = `a.id, a.kind, a.state, a.partner_id as "partnerId", p.name as "partnerName", a.subject_kind as "subjectKind",
  a.subject_id as "subjectId", a.summary, a.amount, a.currency, a.reason, a.decided_at as "decidedAt",
  a.decision_reason as "decisionReason", a.executed_at as "executedAt", a.result_id as "resultId", a.expires_at as "expiresAt",
  a.created_at as "createdAt", jsonb_build_object('id', r.id, 'name', ${nameFor("r", "$2")}) as "requestedBy",
  case when d.id is not null then jsonb_build_object('id', d.id, 'name', ${nameFor("d", "$2")}) end as "decidedBy"`;
const FROM = `from approvals a join partners p on p.id = a.partner_id join users r on r.id = a.requested_by
  left join users d on d.id = a.decided_by`;

/** Open ones past their time are shown as ended, also before the sweep has written it. */
function conditionsOf(scope: TenantScope, filter: ApprovalFilter, now: Date): { where: string; values: unknown[] } {
  const values: unknown[] = [scope.mode, seen(scope), now];
  const parts = ["a.mode = $1", "($2::text[] is null or a.partner_id = any($2))", "$3::timestamptz is not null"];
  const bind = (value: unknown): string => `$${values.push(value)}`;
  if (filter.state?.length) parts.push(`${STATE} = any(${bind(filter.state)}::text[])`);
  if (filter.kind?.length) parts.push(`a.kind = any(${bind(filter.kind)}::text[])`);
  if (filter.partner) parts.push(`a.partner_id = ${bind(filter.partner)}`);
  if (filter.search) {
    const wanted = bind(filter.search);
    parts.push(`(a.id = ${wanted} or a.subject_id = ${wanted} or a.result_id = ${wanted})`);
  }
  return { where: parts.join(" and "), values };
}
const STATE = "(case when a.state in ('PENDING','APPROVED') and a.expires_at <= $3 then 'EXPIRED' else a.state end)";

export async function findItems(
  db: Queries,
  scope: TenantScope,
  filter: ApprovalFilter,
  page: { limit: number; cursor: Cursor | null; now: Date },
): Promise<ApprovalItem[]> {
  const { where, values } = conditionsOf(scope, filter, page.now);
  const at = values.length;
  return db.query<Row & ApprovalItem>({
    text: `select ${ITEM.replace("a.state", `${STATE} as state`)} ${FROM}
           where ${where} and ($${at + 1}::timestamptz is null or (a.created_at, a.id) < ($${at + 1}, $${at + 2}))
           order by a.created_at desc, a.id desc limit $${at + 3}`,
    values: [...values, page.cursor?.createdAt ?? null, page.cursor?.id ?? null, page.limit + 1],
  });
}

export async function countItems(
  db: Queries,
  scope: TenantScope,
  filter: ApprovalFilter,
  now: Date,
  max: number,
): Promise<number> {
  const { where, values } = conditionsOf(scope, filter, now);
  const [row] = await db.query<Row & { total: number }>({
    text: `select count(*)::int as total from (select 1 from approvals a where ${where} limit $${values.length + 1}) found`,
    values: [...values, max],
  });
  return row?.total ?? 0;
}

export async function findItem(
  db: Queries,
  scope: TenantScope,
  id: string,
  now: Date,
): Promise<(ApprovalItem & { payload: Json; payloadHash: string }) | null> {
  const [row] = await db.query<Row & ApprovalItem & { payload: Json; payloadHash: string }>({
    name: "approval_item",
    text: `select ${ITEM.replace("a.state", `${STATE} as state`)}, a.payload, a.payload_hash as "payloadHash" ${FROM}
           where a.mode = $1 and ($2::text[] is null or a.partner_id = any($2)) and a.id = $4`,
    values: [scope.mode, seen(scope), now, id],
  });
  return row ?? null;
}

/** How many open requests of these kinds a person could decide: those of others. */
export async function countOpenFor(
  db: Queries,
  scope: TenantScope,
  of: { kinds: readonly ApprovalKind[]; notBy: string; now: Date },
): Promise<number> {
  const [row] = await db.query<Row & { total: number }>({
    name: "approval_open_count",
    text: `select count(*)::int as total from approvals
           where mode = $1 and state = 'PENDING' and ($2::text[] is null or partner_id = any($2)) and kind = any($3)
             and requested_by <> $4 and expires_at > $5`,
    values: [scope.mode, seen(scope), of.kinds, of.notBy, of.now],
  });
  return row?.total ?? 0;
}

// People who may decide --------------------------------------------------------------------------------------------------

export type Candidate = {
  id: string;
  email: string;
  roleId: string;
  roleName: string;
  audience: "ACQUIRER" | "PARTNER";
  permissions: string[];
  rolePartnerId: string | null;
  partners: string[];
};

/** Active people who may see a Partner: all of the acquirer's, and the Partner's own. */
export async function findCandidates(tx: Queries, partnerId: string, limit: number): Promise<Candidate[]> {
  return tx.query<Row & Candidate>({
    name: "approval_candidates",
    text: `select * from (
             select u.id, u.email, r.id as "roleId", r.name as "roleName", r.audience, r.permissions, r.partner_id as "rolePartnerId",
                    array(select up.partner_id from user_partners up where up.user_id = u.id) as partners
             from users u join roles r on r.id = u.role where u.state = 'ACTIVE') c
           where $1 = any(c.partners) or (c.audience = 'ACQUIRER' and c.partners = '{}')
           order by c.audience desc, c.id limit $2`,
    values: [partnerId, limit],
  });
}

export async function findPerson(
  tx: Queries,
  id: string,
): Promise<{ name: string; email: string; partnerId: string | null } | null> {
  const [row] = await tx.query<Row & { name: string; email: string; partnerId: string | null }>({
    name: "approval_person",
    text: `select u.name, u.email, (select min(up.partner_id) from user_partners up where up.user_id = u.id) as "partnerId"
           from users u where u.id = $1 and u.state = 'ACTIVE'`,
    values: [id],
  });
  return row ?? null;
}

export async function findPartnerName(tx: Queries, partnerId: string): Promise<string | null> {
  const [row] = await tx.query<Row & { name: string }>({
    name: "approval_partner",
    text: "select name from partners where id = $1",
    values: [partnerId],
  });
  return row?.name ?? null;
}

// Rules ------------------------------------------------------------------------------------------------------------------

export type RulesRow = {
  partnerId: string | null;
  partnerName: string | null;
  refundLimits: unknown;
  apiKeys: boolean | null;
  payoutData: boolean | null;
  updatedBy: string | null;
  updatedAt: Date | null;
};

const rulesColumns = (
  name: string,
): string => `f.partner_id as "partnerId", p.name as "partnerName", f.refund_limits as "refundLimits", f.api_keys as "apiKeys",
  f.payout_data as "payoutData", coalesce(${name}, f.updated_by) as "updatedBy", f.updated_at as "updatedAt"`;

/** The installation's row and the Partner's, where there are such. */
export async function findRules(tx: Queries, partnerId: string): Promise<RulesRow[]> {
  return tx.query<Row & RulesRow>({
    name: "four_eyes_of",
    text: `select ${rulesColumns("u.name")} from four_eyes_rules f left join partners p on p.id = f.partner_id left join users u on u.id = f.updated_by
           where f.id in ('default', $1)`,
    values: [partnerId],
  });
}

export async function listRules(tx: Queries, scope: TenantScope): Promise<RulesRow[]> {
  return tx.query<Row & RulesRow>({
    name: "four_eyes_list",
    text: `select ${rulesColumns(nameFor("u", "$1"))} from four_eyes_rules f left join partners p on p.id = f.partner_id left join users u on u.id = f.updated_by
           where f.partner_id is null or $1::text[] is null or f.partner_id = any($1)
           order by f.partner_id is not null, p.name limit 500`,
    values: [seen(scope)],
  });
}

export async function putRules(tx: Queries, rules: FourEyesRulesInput, by: string, now: Date): Promise<void> {
  await tx.query({
    name: "four_eyes_put",
    text: `insert into four_eyes_rules (id, partner_id, refund_limits, api_keys, payout_data, updated_by, updated_at)
           values ($1,$2,$3::jsonb,$4,$5,$6,$7)
           on conflict (id) do update set refund_limits = excluded.refund_limits, api_keys = excluded.api_keys,
             payout_data = excluded.payout_data, updated_by = excluded.updated_by, updated_at = excluded.updated_at`,
    values: [
      ...[rules.partnerId ?? "default", rules.partnerId, JSON.stringify(rules.refundLimits)],
      ...[rules.apiKeys, rules.payoutData, by, now],
    ],
  });
}
