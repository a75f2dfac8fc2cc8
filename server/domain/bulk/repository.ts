import type { TenantScope } from "@/server/auth/permissions";
import { type Cursor, LIST_TOTAL_MAX } from "@/server/core/pagination";
import type { Mode } from "@/server/core/schema";
import type { Row, Transaction } from "@/server/db/client";
import { nameFor } from "@/server/db/names";
import type { KnownCapture, KnownPayment, Planned } from "./plan";
import type { BulkCount, BulkRowFilter, BulkRowItem, BulkRunFilter, BulkRunItem } from "./schema";
import { type BulkRowState, bulkRowMachine, bulkRunMachine } from "./states";

type Queries = Pick<Transaction, "query">;
const CHUNK = 1_000;

const scopeValues = (scope: TenantScope): [Mode, readonly string[] | null] => [
  scope.mode,
  scope.partners === "all" ? null : scope.partners,
];
const IN_SCOPE = "b.mode = $1 and ($2::text[] is null or b.partner_id = any($2))";

export type RunRow = BulkRunItem & { mode: Mode; requestId: string | null };
const RUN_SELECT = `select b.id, b.kind, b.source, b.state, b.partner_id as "partnerId", p.name as "partnerName", b.mode, b.file_name as "fileName",
    b.row_count as "rowCount", b.note, b.created_by as "createdBy", ${nameFor("u", "$2")} as "createdByName", b.request_id as "requestId",
    b.created_at as "createdAt", b.started_at as "startedAt", b.finished_at as "finishedAt"
  from bulk_runs b join partners p on p.id = b.partner_id left join users u on u.id = b.created_by`;

export async function insertRun(
  tx: Queries,
  run: Pick<RunRow, "id" | "kind" | "source" | "partnerId" | "mode" | "fileName" | "createdBy"> & { now: Date },
  rows: readonly Planned[],
): Promise<void> {
  await tx.query<Row>({
    text: `insert into bulk_runs (id, kind, source, partner_id, mode, file_name, row_count, created_by, created_at, updated_at)
      values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$9)`,
    values: [
      ...[run.id, run.kind, run.source, run.partnerId, run.mode, run.fileName, rows.length, run.createdBy, run.now],
    ],
  });
  for (let at = 0; at < rows.length; at += CHUNK) {
    await tx.query<Row>({
      text: `insert into bulk_rows (run_id, row_number, partner_id, mode, given, payment_id, capture_id, amount, currency, reference, reason,
          needs_approval, intent_key, state, problem, updated_at)
        select $1, r."rowNumber", $2, $3, r.given, r."paymentId", r."captureId", r.amount, r.currency, r.reference, r.reason,
          r."needsApproval", r."intentKey", r.state, r.problem, $4
        from jsonb_to_recordset($5::jsonb) as r("rowNumber" int, given text, "paymentId" text, "captureId" text, amount bigint, currency text,
          reference text, reason text, "needsApproval" boolean, "intentKey" text, state text, problem text)`,
      values: [run.id, run.partnerId, run.mode, run.now, JSON.stringify(rows.slice(at, at + CHUNK))],
    });
  }
}

export async function findRun(tx: Queries, scope: TenantScope, id: string): Promise<RunRow | null> {
  const [row] = await tx.query<Row & RunRow>({
    name: "bulk_run_find",
    text: `${RUN_SELECT} where ${IN_SCOPE} and b.id = $3`,
    values: [...scopeValues(scope), id],
  });
  return row ?? null;
}

function runClause(scope: TenantScope, filter: BulkRunFilter): { text: string; values: unknown[] } {
  const values: unknown[] = [...scopeValues(scope)];
  const parts = [IN_SCOPE];
  const add = (clause: (v: string) => string, value: unknown): void => {
    if (value === undefined) return;
    parts.push(clause(`$${values.push(value)}`));
  };
  add((v) => `b.kind = any(${v})`, filter.kind);
  add((v) => `b.state = any(${v})`, filter.state);
  add((v) => `b.created_at >= ${v}`, filter.createdFrom);
  add((v) => `b.created_at < ${v}`, filter.createdTo);
  add(
    (v) =>
      `(b.id = ${v} or b.file_name = ${v} or b.id in (select run_id from bulk_rows where payment_id = ${v} or given = ${v} or result_id = ${v}))`,
    filter.search,
  );
  return { text: parts.join(" and "), values };
}

/** One more than the limit, newest first. */
export function findRuns(
  tx: Queries,
  scope: TenantScope,
  filter: BulkRunFilter,
  page: { limit: number; cursor: Cursor | null },
): Promise<RunRow[]> {
  const where = runClause(scope, filter);
  const limit = `$${where.values.push(page.limit + 1)}`;
  let after = "";
  if (page.cursor) {
    const at = where.values.push(page.cursor.createdAt, page.cursor.id);
    after = ` and (b.created_at, b.id) < ($${at - 1}, $${at})`;
  }
  return tx.query<Row & RunRow>({
    text: `${RUN_SELECT} where ${where.text}${after} order by b.created_at desc, b.id desc limit ${limit}`,
    values: where.values,
  });
}

export async function countRuns(tx: Queries, scope: TenantScope, filter: BulkRunFilter): Promise<number> {
  const where = runClause(scope, filter);
  const [row] = await tx.query<Row & { count: number }>({
    text: `select count(*)::int as count from (select 1 from bulk_runs b where ${where.text} limit ${LIST_TOTAL_MAX}) found`,
    values: where.values,
  });
  return row?.count ?? 0;
}

export function countRows(tx: Queries, run: Pick<RunRow, "id" | "partnerId" | "mode">): Promise<BulkCount[]> {
  return tx.query<Row & BulkCount>({
    name: "bulk_rows_count",
    text: `select r.state, r.currency, count(*)::int as count, coalesce(sum(r.amount), 0)::bigint as amount,
        count(*) filter (where r.needs_approval)::int as approvals
      from bulk_rows r where r.partner_id = $1 and r.mode = $2 and r.run_id = $3 group by r.state, r.currency order by r.state, r.currency`,
    values: [run.partnerId, run.mode, run.id],
  });
}

/** Rows of a run in their order, from after a number on. */
export function findRows(
  tx: Queries,
  run: Pick<RunRow, "id" | "partnerId" | "mode">,
  filter: BulkRowFilter,
  page: { after: number; limit: number },
): Promise<BulkRowItem[]> {
  return tx.query<Row & BulkRowItem>({
    name: "bulk_rows_find",
    text: `select r.row_number as "rowNumber", r.given, r.payment_id as "paymentId", p.reference as "paymentReference", r.capture_id as "captureId",
        r.amount, r.currency, r.reference, r.reason, r.needs_approval as "needsApproval", r.state, r.result_id as "resultId", r.problem
      from bulk_rows r left join payments p on p.id = r.payment_id
      where r.partner_id = $1 and r.mode = $2 and r.run_id = $3 and ($4::text[] is null or r.state = any($4)) and r.row_number > $5
      order by r.row_number limit $6`,
    values: [run.partnerId, run.mode, run.id, filter.state?.length ? filter.state : null, page.after, page.limit],
  });
}

export type RunMove = "start" | "finish" | "cancel";

/** Moves a run by the table; false when it does not stand where the move begins. */
export async function moveRun(
  tx: Queries,
  run: Pick<RunRow, "id" | "partnerId" | "mode">,
  move: RunMove,
  facts: { now: Date; requestId?: string; note?: string },
): Promise<boolean> {
  const from = bulkRunMachine.states.filter((state) => bulkRunMachine.can(state, move));
  const [first] = from;
  if (first === undefined) return false;
  const to = bulkRunMachine.next(first, move);
  const moved = await tx.query<Row>({
    text: `update bulk_runs b set state = $4, updated_at = $5, request_id = coalesce($6, b.request_id), note = coalesce($7, b.note),
        started_at = case when $4 = 'RUNNING' then $5 else b.started_at end,
        finished_at = case when $4 in ('DONE','CANCELED') then $5 else b.finished_at end
      where b.id = $1 and b.partner_id = $2 and b.mode = $3 and b.state = any($8) returning 1`,
    values: [run.id, run.partnerId, run.mode, to, facts.now, facts.requestId ?? null, facts.note ?? null, from],
  });
  return moved.length > 0;
}

export async function setStarter(
  tx: Queries,
  run: Pick<RunRow, "id" | "partnerId" | "mode">,
  userId: string,
): Promise<void> {
  await tx.query<Row>({
    text: "update bulk_runs set created_by = $4 where id = $1 and partner_id = $2 and mode = $3",
    values: [run.id, run.partnerId, run.mode, userId],
  });
}

/** A run that nobody works on, running or stopped in the middle of a row, for one worker until `leaseUntil`. */
export async function leaseRun(
  tx: Queries,
  input: { now: Date; leaseUntil: Date; only: string | null },
): Promise<RunRow | null> {
  const [held] = await tx.query<Row & { id: string; mode: Mode }>({
    text: `update bulk_runs set lease_until = $2, updated_at = $1 where id = (
        select id from bulk_runs b where (lease_until is null or lease_until < $1) and ($3::text is null or id = $3)
          and (state = 'RUNNING' or state = 'CANCELED' and exists (select 1 from bulk_rows r where r.run_id = b.id and r.state = 'ASKING'))
        order by updated_at, id limit 1 for update skip locked) returning id, mode`,
    values: [input.now, input.leaseUntil, input.only],
  });
  return held ? findRun(tx, { partners: "all", mode: held.mode }, held.id) : null;
}

export async function releaseRun(tx: Queries, run: Pick<RunRow, "id" | "partnerId" | "mode">): Promise<void> {
  await tx.query<Row>({
    text: "update bulk_runs set lease_until = null where id = $1 and partner_id = $2 and mode = $3",
    values: [run.id, run.partnerId, run.mode],
  });
}

type RowKey = Pick<RunRow, "id" | "partnerId" | "mode"> & { rowNumber: number };

/** Takes a row for being done; false when the run is over or somebody else has it. A taken intent violates `bulk_rows_intent_key`. */
export async function claimRow(tx: Queries, key: RowKey, now: Date): Promise<boolean> {
  const taken = await tx.query<Row>({
    text: `update bulk_rows r set state = 'ASKING', updated_at = $5 from bulk_runs b
      where r.run_id = $1 and r.partner_id = $2 and r.mode = $3 and r.row_number = $4 and r.state = 'READY' and b.id = r.run_id and b.state = 'RUNNING'
      returning 1`,
    values: [key.id, key.partnerId, key.mode, key.rowNumber, now],
  });
  return taken.length > 0;
}

/** The capture or refund that was made under a key; null when none was. One that was never sent is none. */
export async function findMade(tx: Queries, key: RowKey, paymentId: string, intent: string): Promise<string | null> {
  const [row] = await tx.query<Row & { id: string }>({
    name: "bulk_made",
    text: `select id from captures where payment_id = $1 and partner_id = $2 and mode = $3 and intent_key = $4
        and failure_code is distinct from 'klarna_unavailable'
      union all select id from refunds where payment_id = $1 and partner_id = $2 and mode = $3 and intent_key = $4
        and failure_code is distinct from 'klarna_unavailable' limit 1`,
    values: [paymentId, key.partnerId, key.mode, intent],
  });
  return row?.id ?? null;
}

/** Counts a try that came to nothing; answers how many there were. */
export async function countTry(tx: Queries, key: RowKey, now: Date): Promise<number> {
  const [row] = await tx.query<Row & { attempts: number }>({
    text: `update bulk_rows set attempts = attempts + 1, updated_at = $5
      where run_id = $1 and partner_id = $2 and mode = $3 and row_number = $4 returning attempts`,
    values: [key.id, key.partnerId, key.mode, key.rowNumber, now],
  });
  return row?.attempts ?? 0;
}

/** Moves a row by the table of states; false when it stands elsewhere by now. */
export async function moveRow(
  tx: Queries,
  key: RowKey,
  to: BulkRowState,
  facts: { now: Date; resultId?: string | null; problem?: string | null },
): Promise<boolean> {
  const from = bulkRowMachine.states.filter((state) => bulkRowMachine.leads(state, to));
  const moved = await tx.query<Row>({
    text: `update bulk_rows set state = $5, result_id = coalesce($6, result_id), problem = $7, updated_at = $8
      where run_id = $1 and partner_id = $2 and mode = $3 and row_number = $4 and state = any($9) returning 1`,
    values: [
      ...[key.id, key.partnerId, key.mode, key.rowNumber, to, facts.resultId ?? null, facts.problem ?? null, facts.now],
      from,
    ],
  });
  return moved.length > 0;
}

/** Whether another row rests on this approval already. */
export async function isApprovalTaken(tx: Queries, key: RowKey, approvalId: string): Promise<boolean> {
  const rows = await tx.query<Row>({
    text: `select 1 from bulk_rows where partner_id = $1 and mode = $2 and result_id = $3 and not (run_id = $4 and row_number = $5) limit 1`,
    values: [key.partnerId, key.mode, approvalId, key.id, key.rowNumber],
  });
  return rows.length > 0;
}

/** In which run each of these intents was asked for, of those that were. */
export async function findDone(
  tx: Queries,
  of: { partnerId: string; mode: Mode },
  intentKeys: readonly string[],
): Promise<Map<string, string>> {
  const rows = await tx.query<Row & { key: string; runId: string }>({
    name: "bulk_intents_done",
    text: `select intent_key as key, run_id as "runId" from bulk_rows
      where partner_id = $1 and mode = $2 and intent_key = any($3) and state in ('ASKING','WAITING','APPROVAL','DONE')`,
    values: [of.partnerId, of.mode, intentKeys],
  });
  return new Map(rows.map((row) => [row.key, row.runId]));
}

/** Why a capture or refund failed, in the row's words. */
const problemOf = (alias: string): string =>
  `case ${alias}.failure_code when 'klarna_unavailable' then 'Klarna could not be reached. Nothing was sent.' else 'Klarna refused it.' end`;

/**
 * Brings rows that wait up to what became of them: Klarna's answer, the second person's. A refund that was approved is what
 * Klarna makes of it: done, failed, or waiting for its answer. All, or those of one run. Answers how many moved.
 */
export async function settleRows(tx: Queries, input: { now: Date; run: string | null }): Promise<number> {
  const rows = await tx.query<Row>({
    name: "bulk_rows_settle",
    text: `with open as (select r.* from bulk_rows r where r.state in ('WAITING','APPROVAL') and ($2::text is null or r.run_id = $2)),
      known as (
        select o.run_id, o.row_number, o.state as was, c.state as made, c.id as result, ${problemOf("c")} as problem
          from open o join captures c on c.id = o.result_id and c.partner_id = o.partner_id and c.mode = o.mode
          where o.state = 'WAITING' and c.state in ('SUCCEEDED','FAILED')
        union all
        select o.run_id, o.row_number, o.state, f.state, f.id, ${problemOf("f")}
          from open o join refunds f on f.id = o.result_id and f.partner_id = o.partner_id and f.mode = o.mode
          where o.state = 'WAITING' and f.state in ('SUCCEEDED','FAILED')
        union all
        select o.run_id, o.row_number, o.state, f.state, f.id, ${problemOf("f")}
          from open o join approvals a on a.id = o.result_id and a.partner_id = o.partner_id and a.mode = o.mode
            join refunds f on f.id = a.result_id and f.partner_id = a.partner_id and f.mode = a.mode
          where o.state = 'APPROVAL' and a.state = 'EXECUTED'
        union all
        select o.run_id, o.row_number, o.state, 'FAILED', a.id,
            case a.state when 'REJECTED' then 'The second person said no.' when 'WITHDRAWN' then 'The request was taken back.'
              else 'Nobody approved it in time.' end
          from open o join approvals a on a.id = o.result_id and a.partner_id = o.partner_id and a.mode = o.mode
          where o.state = 'APPROVAL' and a.state in ('REJECTED','WITHDRAWN','EXPIRED'))
      update bulk_rows r set state = case k.made when 'SUCCEEDED' then 'DONE' when 'FAILED' then 'FAILED' else 'WAITING' end,
        result_id = k.result, problem = case when k.made = 'FAILED' then k.problem end, updated_at = $1
      from known k where r.run_id = k.run_id and r.row_number = k.row_number and r.state = k.was returning 1`,
    values: [input.now, input.run],
  });
  return rows.length;
}

type PaymentFacts = Omit<KnownPayment, "captures"> & Row;

/** Payments of one Partner that any of these names, with what is open on each. */
export async function findPayments(
  tx: Queries,
  of: { partnerId: string; mode: Mode },
  named: readonly string[],
): Promise<KnownPayment[]> {
  const payments = await tx.query<PaymentFacts>({
    name: "bulk_payments",
    text: `select p.id, p.reference, p.klarna_payment_transaction_id as "transactionId", p.state, p.currency,
        p.amount_authorized as "amountAuthorized", p.amount_captured as "amountCaptured", p.amount_voided as "amountVoided",
        coalesce(c.open, 0)::bigint as "openCaptures", coalesce(c.count, 0)::int as "captureCount",
        coalesce(f.given, 0)::bigint as refunded, coalesce(f.count, 0)::int as "refundCount"
      from payments p
      left join lateral (select sum(amount) filter (where state in ('PENDING','UNKNOWN')) as open, count(*) filter (where state <> 'FAILED') as count
        from captures c where c.payment_id = p.id) c on true
      left join lateral (select sum(amount) as given, count(*) as count from refunds f
        where f.partner_id = p.partner_id and f.mode = p.mode and f.payment_id = p.id and f.state <> 'FAILED') f on true
      where p.partner_id = $1 and p.mode = $2
        and p.id in (select id from payments where id = any($3) union select id from payments where klarna_payment_transaction_id = any($3)
          union select id from payments where partner_id = $1 and mode = $2 and reference = any($3))`,
    values: [of.partnerId, of.mode, named],
  });
  const captures = await tx.query<Row & KnownCapture & { paymentId: string }>({
    name: "bulk_captures",
    text: `select c.id, c.payment_id as "paymentId", c.klarna_payment_capture_id as "klarnaId", (c.amount - coalesce(sum(f.amount), 0))::bigint as left
      from captures c left join refunds f on f.partner_id = c.partner_id and f.mode = c.mode and f.payment_id = c.payment_id
        and f.capture_id = c.id and f.state <> 'FAILED'
      where c.payment_id = any($1) and c.partner_id = $2 and c.mode = $3 and c.state = 'SUCCEEDED' group by c.id order by c.created_at, c.id`,
    values: [payments.map((payment) => payment.id), of.partnerId, of.mode],
  });
  const byPayment = Map.groupBy(captures, (capture) => capture.paymentId);
  return payments.map((payment) => ({ ...payment, captures: byPayment.get(payment.id) ?? [] }));
}

/** Whose payments these are; ids outside the scope are left out. */
export function findOwners(
  tx: Queries,
  scope: TenantScope,
  ids: readonly string[],
): Promise<{ id: string; partnerId: string }[]> {
  return tx.query<Row & { id: string; partnerId: string }>({
    name: "bulk_owners",
    text: `select b.id, b.partner_id as "partnerId" from payments b where ${IN_SCOPE} and b.id = any($3)`,
    values: [...scopeValues(scope), ids],
  });
}

export async function hasAccount(tx: Queries, scope: TenantScope, partnerId: string): Promise<boolean> {
  const rows = await tx.query<Row>({
    name: "bulk_account",
    text: `select 1 from partner_accounts b where ${IN_SCOPE} and b.partner_id = $3`,
    values: [...scopeValues(scope), partnerId],
  });
  return rows.length > 0;
}

export async function countRunning(tx: Queries, of: { partnerId: string; mode: Mode }): Promise<number> {
  const [row] = await tx.query<Row & { count: number }>({
    name: "bulk_running",
    text: "select count(*)::int as count from bulk_runs where partner_id = $1 and mode = $2 and state = 'RUNNING'",
    values: [of.partnerId, of.mode],
  });
  return row?.count ?? 0;
}

export type Starter = {
  name: string;
  role: { id: string; name: string; audience: "ACQUIRER" | "PARTNER"; permissions: string[] };
  partners: string[];
};

/** Who started a run, as their rows have it now; null when they are no longer active. */
export async function findStarter(tx: Queries, userId: string): Promise<Starter | null> {
  const [row] = await tx.query<Row & Starter>({
    name: "bulk_starter",
    text: `select u.name, jsonb_build_object('id', r.id, 'name', r.name, 'audience', r.audience, 'permissions', to_jsonb(r.permissions)) as role,
        array(select up.partner_id from user_partners up where up.user_id = u.id) as partners
      from users u join roles r on r.id = u.role where u.id = $1 and u.state = 'ACTIVE'`,
    values: [userId],
  });
  return row ?? null;
}
