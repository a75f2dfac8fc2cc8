import { requirePermission, type ServiceContext } from "@/server/context";
import { decodeCursor, LIST_TOTAL_MAX, type ListPage, toListPage } from "@/server/core/pagination";
import type { Row } from "@/server/db/client";
import type { AlarmFilter, AlarmRow, OperationFilter, OperationItem } from "./schema";

type PageInput = { limit: number; cursor?: string | null | undefined };

/** Parts of a `where` with their values, numbered as they are bound. */
function conditions() {
  const values: unknown[] = [];
  const parts: string[] = [];
  const bind = (value: unknown): string => `$${values.push(value)}`;
  return { values, bind, add: (part: string) => parts.push(part), text: () => parts.join(" and ") };
}

/**
 * Lists alarms of the caller's mode (and those of no mode), newest first, open and cleared.
 *
 * Errors: permission_denied, validation_failed (cursor).
 */
export async function listAlarms(
  ctx: ServiceContext,
  filter: AlarmFilter,
  page: PageInput,
): Promise<ListPage<AlarmRow>> {
  requirePermission(ctx, "system:read");
  const after = page.cursor ? decodeCursor(page.cursor) : null;
  const where = conditions();
  where.add(`(a.mode is null or a.mode = ${where.bind(ctx.scope.mode)})`);
  if (ctx.scope.partners !== "all") where.add(`a.partner_id = any(${where.bind(ctx.scope.partners)}::text[])`);
  if (filter.search) where.add(`${where.bind(filter.search)} in (a.id, a.subject_id)`);
  if (filter.kind) where.add(`a.kind = ${where.bind(filter.kind)}`);
  if (filter.state?.length === 1)
    where.add(filter.state[0] === "open" ? "a.cleared_at is null" : "a.cleared_at is not null");
  if (filter.createdFrom) where.add(`a.raised_at >= ${where.bind(new Date(filter.createdFrom))}`);
  if (filter.createdTo) where.add(`a.raised_at < ${where.bind(new Date(filter.createdTo))}`);
  const counting = count(ctx, `alarms a where ${where.text()}`, where.values);
  if (after) where.add(`(a.raised_at, a.id) < (${where.bind(after.createdAt)}, ${where.bind(after.id)})`);
  const [rows, total] = await Promise.all([
    ctx.db.query<Row & AlarmRow>({
      text: `select a.id, a.kind, a.partner_id as "partnerId", p.name as "partnerName", a.mode, a.subject_kind as "subjectKind",
          a.subject_id as "subjectId", a.message, a.raised_at as "createdAt", a.cleared_at as "clearedAt", coalesce(u.name, a.cleared_by) as "clearedBy"
        from alarms a left join partners p on p.id = a.partner_id left join users u on u.id = a.cleared_by
        where ${where.text()} order by a.raised_at desc, a.id desc limit ${where.bind(page.limit + 1)}`,
      values: where.values,
    }),
    counting,
  ]);
  return toListPage(rows, page.limit, total);
}

/**
 * Lists the journal of what was asked of Klarna, newest first: by state, above all those with an unknown outcome.
 *
 * Errors: permission_denied, validation_failed (cursor).
 */
export async function listOperations(
  ctx: ServiceContext,
  filter: OperationFilter,
  page: PageInput,
): Promise<ListPage<OperationItem>> {
  requirePermission(ctx, "system:read");
  const after = page.cursor ? decodeCursor(page.cursor) : null;
  const where = conditions();
  where.add(`o.mode = ${where.bind(ctx.scope.mode)}`);
  if (ctx.scope.partners !== "all") where.add(`o.partner_id = any(${where.bind(ctx.scope.partners)}::text[])`);
  if (filter.search) where.add(`${where.bind(filter.search)} in (o.id, o.payment_id, o.idempotency_key)`);
  if (filter.state?.length) {
    where.add(`o.state = any(${where.bind(filter.state)}::text[])`);
    // Open ones have a wake-up, and an index on it.
    if (filter.state.every((state) => state === "UNKNOWN" || state === "PENDING"))
      where.add("o.next_attempt_at is not null");
  }
  if (filter.kind?.length) where.add(`o.kind = any(${where.bind(filter.kind)}::text[])`);
  if (filter.createdFrom) where.add(`o.opened_at >= ${where.bind(new Date(filter.createdFrom))}`);
  if (filter.createdTo) where.add(`o.opened_at < ${where.bind(new Date(filter.createdTo))}`);
  const counting = count(ctx, `klarna_operations o where ${where.text()}`, where.values);
  // Ids are made in the order of time.
  if (after) where.add(`o.id < ${where.bind(after.id)}`);
  const [rows, total] = await Promise.all([
    ctx.db.query<Row & OperationItem>({
      text: `select o.id, o.kind, o.state, o.result, o.payment_id as "paymentId", p.name as "partnerName", o.attempts, o.opened_at as "createdAt",
          o.settled_at as "settledAt", o.next_attempt_at as "nextAttemptAt", o.klarna_error_code as "klarnaErrorCode", o.idempotency_key as "idempotencyKey"
        from klarna_operations o join partners p on p.id = o.partner_id
        where ${where.text()} order by o.id desc limit ${where.bind(page.limit + 1)}`,
      values: where.values,
    }),
    counting,
  ]);
  return toListPage(rows, page.limit, total);
}

async function count(ctx: ServiceContext, from: string, values: readonly unknown[]): Promise<number> {
  const [row] = await ctx.db.query<Row & { total: number }>({
    text: `select count(*)::int as total from (select 1 from ${from} limit ${LIST_TOTAL_MAX}) found`,
    values: [...values],
  });
  return row?.total ?? 0;
}
