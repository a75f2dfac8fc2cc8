import { z } from "zod";
import { requirePermission, type ServiceContext, type Services } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { addMs, DAY_MS, MINUTE_MS } from "@/server/core/time";
import type { Row } from "@/server/db/client";
import { appendAudit } from "@/server/domain/audit/service";
import { countCredentialNeeds } from "@/server/domain/credentials/service";
import type { CredentialNeed } from "@/server/domain/credentials/states";
import { checkInvariants } from "@/server/domain/invariants";
import type { AlarmItem, Backlog, InvariantCheck, SystemStatus, UnknownOperation } from "./schema";

const LIST_MAX = 50;
const CALLS_LOOKED_AT = 1_000;
const CALLS_WITHIN_MS = 15 * MINUTE_MS;

const partnersOf = (ctx: ServiceContext): readonly string[] | null =>
  ctx.scope.partners === "all" ? null : ctx.scope.partners;

/**
 * How the machinery is: open alarms, calls with an unknown outcome, what waits in outbox, inbox and deliveries, and how
 * Klarna answers. Within the caller's mode.
 *
 * The breakers are this process's own, the worst of them stands for all; the calls are those of every process.
 * Errors: permission_denied.
 */
export async function getSystemStatus(ctx: ServiceContext): Promise<SystemStatus> {
  requirePermission(ctx, "system:read");
  const now = ctx.clock.now();
  const { mode } = ctx.scope;
  const [alarms, operations, counts, outbox, inbox, deliveries, klarna, needs] = await Promise.all([
    findAlarms(ctx),
    findUnknown(ctx),
    countOpen(ctx),
    findOutbox(ctx),
    findInboxBacklog(ctx),
    findDeliveryBacklog(ctx, now),
    findCalls(ctx, addMs(now, -CALLS_WITHIN_MS)),
    countCredentialNeeds(ctx),
  ]);
  const needing = (wanted: CredentialNeed): number => needs.find(({ need }) => need === wanted)?.count ?? 0;
  const breakers = ctx.klarna
    .breakers()
    .filter((candidate) => candidate.mode === mode)
    .map(({ category, state }) => ({ category, state }))
    .sort((a, b) => a.category.localeCompare(b.category));
  const worst = (["open", "half-open"] as const).find((state) => breakers.some((breaker) => breaker.state === state));
  return {
    asOf: now,
    alarms,
    operations,
    ...counts,
    outbox,
    inbox,
    deliveries,
    credentials: { idle: needing("idle"), old: needing("old"), ending: needing("ending") },
    klarna: { isConfigured: ctx.klarna.isConfigured(mode), breaker: worst ?? "closed", breakers, ...klarna },
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

async function countOpen(ctx: ServiceContext): Promise<{ alarmCount: number; unknownCount: number }> {
  const [row] = await ctx.db.query<Row & { alarmCount: number; unknownCount: number }>({
    name: "system_counts",
    text: `select
        (select count(*)::int from alarms a where a.cleared_at is null and (a.mode is null or a.mode = $1) and ($2::text[] is null or a.partner_id = any($2))) as "alarmCount",
        (select count(*)::int from klarna_operations o where o.next_attempt_at is not null and o.state = 'UNKNOWN' and o.mode = $1
          and ($2::text[] is null or o.partner_id = any($2))) as "unknownCount"`,
    values: [ctx.scope.mode, partnersOf(ctx)],
  });
  return row ?? { alarmCount: 0, unknownCount: 0 };
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
    text: `select count(*) filter (where state = 'RECEIVED')::int as count, min(coalesce(replayed_at, received_at)) filter (where state = 'RECEIVED') as "oldestAt",
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
 * Runs every check that must always hold, over all rows of both modes, and keeps what it found. For people who see all
 * Partners only.
 *
 * Errors: permission_denied.
 */
export async function runInvariants(ctx: ServiceContext): Promise<InvariantCheck> {
  requirePermission(ctx, "system:read");
  if (ctx.scope.partners !== "all") throw new AppError("permission_denied");
  return recordInvariants(ctx, ctx.actor.id);
}

const CHECKS_KEPT_MS = 90 * DAY_MS;

/** The hourly job's run: a broken rule is an alarm that a person sees. */
export async function recordInvariants(services: Services, by: string): Promise<InvariantCheck> {
  const { db, clock, log } = services;
  const results = await checkInvariants(db);
  const checkedAt = clock.now();
  const broken = results.filter((result) => result.broken > 0);
  await db.query({
    text: "insert into invariant_checks (id, checked_by, broken, results, checked_at) values ($1,$2,$3,$4,$5)",
    values: [
      newId("invariantCheck", checkedAt.getTime()),
      by,
      broken.length,
      JSON.stringify(results.map(({ id, title, broken: count, examples }) => ({ id, title, broken: count, examples }))),
      checkedAt,
    ],
  });
  for (const result of broken) {
    log.error({ name: result.id, count: result.broken }, "an invariant is broken");
    await db.query({
      text: `insert into alarms (id, kind, subject_kind, subject_id, message, raised_at) values ($1,'invariant_broken','invariant',$2,$3,$4)
        on conflict (kind, subject_id) where cleared_at is null do nothing`,
      values: [
        newId("alarm"),
        result.id,
        `${result.title}: broken by ${result.broken} (${result.examples.join(", ")})`,
        checkedAt,
      ],
    });
  }
  await db.query({
    text: "delete from invariant_checks where checked_at < $1",
    values: [addMs(checkedAt, -CHECKS_KEPT_MS)],
  });
  return { checkedAt, checkedBy: by, broken: broken.length, results };
}

const ResultsSchema = z
  .array(z.object({ id: z.string(), title: z.string(), broken: z.number(), examples: z.array(z.string()) }))
  .catch([]);

/** What the last run of the checks found; null before the first. Errors: permission_denied. */
export async function findInvariantCheck(ctx: ServiceContext): Promise<InvariantCheck | null> {
  requirePermission(ctx, "system:read");
  const [row] = await ctx.db.query<Row & Omit<InvariantCheck, "results"> & { results: unknown }>({
    name: "system_invariants",
    text: `select c.checked_at as "checkedAt", coalesce(u.name, c.checked_by) as "checkedBy", c.broken, c.results
      from invariant_checks c left join users u on u.id = c.checked_by order by c.checked_at desc limit 1`,
    values: [],
  });
  return row ? { ...row, results: ResultsSchema.parse(row.results) } : null;
}
