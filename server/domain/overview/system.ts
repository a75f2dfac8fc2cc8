import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { LIST_TOTAL_MAX, type ListPage, toListPage } from "@/server/core/pagination";
import { addMs, MINUTE_MS } from "@/server/core/time";
import type { Row } from "@/server/db/client";
import { appendAudit } from "@/server/domain/audit/service";
import { checkInvariants, type InvariantResult } from "@/server/domain/invariants";
import { decodePlace } from "./requests";
import type { AlarmItem, Backlog, InboxFilter, InboxItem, SystemStatus, UnknownOperation } from "./schema";

const LIST_MAX = 50;
const CALLS_LOOKED_AT = 1_000;
const CALLS_WITHIN_MS = 15 * MINUTE_MS;

const partnersOf = (ctx: ServiceContext): readonly string[] | null =>
  ctx.scope.partners === "all" ? null : ctx.scope.partners;

/**
 * How the machinery is: open alarms, calls with an unknown outcome, what waits in outbox, inbox and deliveries, and how
 * Klarna answers. Within the caller's mode.
 *
 * The breaker is this process's own; the calls are those of every process.
 * Errors: permission_denied.
 */
export async function getSystemStatus(ctx: ServiceContext): Promise<SystemStatus> {
  requirePermission(ctx, "system:read");
  const now = ctx.clock.now();
  const { mode } = ctx.scope;
  const [alarms, operations, outbox, inbox, deliveries, klarna] = await Promise.all([
    findAlarms(ctx),
    findUnknown(ctx),
    findOutbox(ctx),
    findInboxBacklog(ctx),
    findDeliveryBacklog(ctx, now),
    findCalls(ctx, addMs(now, -CALLS_WITHIN_MS)),
  ]);
  const breaker = ctx.klarna.breakers().find((candidate) => candidate.mode === mode)?.state ?? "closed";
  return {
    asOf: now,
    alarms,
    operations,
    outbox,
    inbox,
    deliveries,
    klarna: { isConfigured: ctx.klarna.isConfigured(mode), breaker, ...klarna },
  };
}

function findAlarms(ctx: ServiceContext): Promise<AlarmItem[]> {
  return ctx.db.query<Row & AlarmItem>({
    name: "system_alarms",
    text: `select a.id, a.kind, a.partner_id as "partnerId", p.name as "partnerName", a.mode, a.subject_kind as "subjectKind",
             a.subject_id as "subjectId", a.message, a.raised_at as "raisedAt"
           from alarms a left join partners p on p.id = a.partner_id
           where a.cleared_at is null and (a.mode is null or a.mode = $1) and ($2::text[] is null or a.partner_id = any($2))
           order by a.raised_at desc limit ${LIST_MAX}`,
    values: [ctx.scope.mode, partnersOf(ctx)],
  });
}

function findUnknown(ctx: ServiceContext): Promise<UnknownOperation[]> {
  return ctx.db.query<Row & UnknownOperation>({
    name: "system_unknown",
    text: `select o.id, o.kind, o.state, o.payment_id as "paymentId", p.name as "partnerName", o.attempts, o.opened_at as "openedAt",
             o.next_attempt_at as "nextAttemptAt", o.klarna_error_code as "klarnaErrorCode", o.idempotency_key as "idempotencyKey"
           from klarna_operations o join partners p on p.id = o.partner_id
           where o.state = 'UNKNOWN' and o.mode = $1 and ($2::text[] is null or o.partner_id = any($2))
           order by o.opened_at limit ${LIST_MAX}`,
    values: [ctx.scope.mode, partnersOf(ctx)],
  });
}

const NOTHING: Backlog = { count: 0, oldestAt: null };

async function findOutbox(ctx: ServiceContext): Promise<Backlog> {
  const [row] = await ctx.db.query<Row & Backlog>({
    name: "system_outbox",
    text: `select count(*)::int as count, min(created_at) as "oldestAt" from outbox_events where relayed_at is null and mode = $1`,
    values: [ctx.scope.mode],
  });
  return row ?? NOTHING;
}

async function findInboxBacklog(ctx: ServiceContext): Promise<Backlog & { parked: number; failed: number }> {
  const [row] = await ctx.db.query<Row & Backlog & { parked: number; failed: number }>({
    name: "system_inbox",
    text: `select count(*) filter (where state = 'RECEIVED')::int as count, min(received_at) filter (where state = 'RECEIVED') as "oldestAt",
             count(*) filter (where state = 'PARKED')::int as parked,
             (select count(*)::int from inbox_events f where f.state = 'FAILED' and f.mode = $1) as failed
           from inbox_events where next_attempt_at is not null and mode = $1`,
    values: [ctx.scope.mode],
  });
  return row ?? { ...NOTHING, parked: 0, failed: 0 };
}

async function findDeliveryBacklog(ctx: ServiceContext, now: Date): Promise<Backlog> {
  const [row] = await ctx.db.query<Row & Backlog>({
    name: "system_deliveries",
    // One that waits for its turn behind an earlier event of the same thing is not late.
    text: `select count(*)::int as count, min(d.next_attempt_at) as "oldestAt"
           from webhook_deliveries d join webhook_endpoints w on w.id = d.endpoint_id and w.state = 'ENABLED' and w.deleted_at is null
           where d.state = 'PENDING' and d.mode = $1 and d.next_attempt_at <= $2
             and not (w.ordered and exists (select 1 from webhook_deliveries e where e.endpoint_id = d.endpoint_id
               and e.subject_id = d.subject_id and e.state = 'PENDING' and e.sequence < d.sequence))`,
    values: [ctx.scope.mode, now],
  });
  return row ?? NOTHING;
}

async function findCalls(
  ctx: ServiceContext,
  since: Date,
): Promise<{ calls: number; unanswered: number; medianMs: number | null }> {
  const [row] = await ctx.db.query<Row & { calls: number; unanswered: number; medianMs: number | null }>({
    name: "system_calls",
    text: `select count(*)::int as calls, count(*) filter (where outcome in ('NO_ANSWER','NOT_SENT'))::int as unanswered,
             percentile_cont(0.5) within group (order by duration_ms) as "medianMs"
           from (select outcome, duration_ms, created_at, mode from klarna_calls order by id desc limit ${CALLS_LOOKED_AT}) c
           where c.mode = $1 and c.created_at >= $2`,
    values: [ctx.scope.mode, since],
  });
  return row ?? { calls: 0, unanswered: 0, medianMs: null };
}

/**
 * Says that a person has looked at an alarm and dealt with it. Clearing a cleared alarm changes nothing.
 *
 * Errors: permission_denied, not_found.
 */
export async function clearAlarm(ctx: ServiceContext, id: string): Promise<void> {
  requirePermission(ctx, "alarms:clear");
  await ctx.db.transaction(async (tx) => {
    const [alarm] = await tx.query<Row & { partnerId: string | null; kind: string; clearedAt: Date | null }>({
      text: `select partner_id as "partnerId", kind, cleared_at as "clearedAt" from alarms
             where id = $1 and (mode is null or mode = $2) and ($3::text[] is null or partner_id = any($3)) for update`,
      values: [id, ctx.scope.mode, partnersOf(ctx)],
    });
    if (!alarm) throw new AppError("not_found");
    if (alarm.clearedAt) return;
    await tx.query({
      text: "update alarms set cleared_at = $2, cleared_by = $3 where id = $1",
      values: [id, ctx.clock.now(), ctx.actor.id],
    });
    await appendAudit(tx, ctx, {
      action: "alarm.cleared",
      subjectKind: "alarm",
      subjectId: id,
      partnerId: alarm.partnerId,
      after: { kind: alarm.kind },
    });
  });
}

/**
 * Runs every check that must always hold, over all rows of both modes. For people who see all Partners only.
 *
 * Errors: permission_denied.
 */
export async function runInvariants(ctx: ServiceContext): Promise<InvariantResult[]> {
  requirePermission(ctx, "system:read");
  if (ctx.scope.partners !== "all") throw new AppError("permission_denied");
  return checkInvariants(ctx.db);
}

/**
 * Lists what Klarna told us, newest first, without the bodies (they may hold a token).
 *
 * Errors: permission_denied, validation_failed (cursor).
 */
export async function listInbox(
  ctx: ServiceContext,
  filter: InboxFilter,
  page: { limit: number; cursor?: string | null | undefined },
): Promise<ListPage<InboxItem>> {
  requirePermission(ctx, "system:read");
  const place = decodePlace(page.cursor);
  const values: unknown[] = [];
  const bind = (value: unknown): string => `$${values.push(value)}`;
  const parts = [`i.mode = ${bind(ctx.scope.mode)}`];
  if (ctx.scope.partners !== "all") {
    parts.push(
      `exists (select 1 from payments p where p.id = i.payment_id and p.partner_id = any(${bind(ctx.scope.partners)}::text[]))`,
    );
  }
  if (filter.search) {
    const whole = bind(filter.search);
    parts.push(`${whole} in (i.id, i.event_id, i.payment_id, i.payment_request_id, i.payment_transaction_id)`);
  }
  if (filter.state?.length) parts.push(`i.state = any(${bind(filter.state)}::text[])`);
  if (filter.type) parts.push(`i.event_type ilike ${bind(`%${filter.type.replace(/[\\%_]/g, "\\$&")}%`)}`);
  if (filter.createdFrom) parts.push(`i.received_at >= ${bind(new Date(filter.createdFrom))}`);
  if (filter.createdTo) parts.push(`i.received_at < ${bind(new Date(filter.createdTo))}`);
  const where = parts.join(" and ");
  const counting = ctx.db.query<Row & { total: number }>({
    text: `select count(*)::int as total from (select 1 from inbox_events i where ${where} limit ${LIST_TOTAL_MAX}) found`,
    values: [...values],
  });
  const after = place === null ? "" : `and (i.received_at, i.id) < (${bind(place.at)}, ${bind(place.id)})`;
  const [rows, [counted]] = await Promise.all([
    ctx.db.query<Row & InboxItem>({
      text: `select i.id, i.event_id as "eventId", i.event_type as "eventType", i.state, i.attempts, i.note, i.payment_id as "paymentId",
               i.payment_request_id as "paymentRequestId", i.payment_transaction_id as "paymentTransactionId", i.signing_key_id as "signingKeyId",
               i.occurred_at as "occurredAt", i.received_at as "createdAt", i.processed_at as "processedAt"
             from inbox_events i where ${where} ${after}
             order by i.received_at desc, i.id desc limit ${bind(page.limit + 1)}`,
      values,
    }),
    counting,
  ]);
  return toListPage(rows, page.limit, counted?.total ?? 0);
}
