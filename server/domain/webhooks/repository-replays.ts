import type { TenantScope } from "@/server/auth/permissions";
import { LIST_TOTAL_MAX } from "@/server/core/pagination";
import type { Mode } from "@/server/core/schema";
import type { Database, Row } from "@/server/db/client";
import type { Prisma } from "@/server/db/generated/client";
import { before, NEWEST_FIRST, type PageRequest, scopeValues, tenant, type Writer } from "./repository";

type Reader = Database["prisma"];

/** What a replay looks for, in stored words. */
export type ReplayWanted = {
  partnerId: string;
  mode: Mode;
  endpointId: string | null;
  statuses: readonly string[];
  eventTypes: readonly string[];
  createdFrom: Date | null;
  createdTo: Date | null;
};

/** `$1` to `$7` of a statement. */
const wantedValues = (wanted: ReplayWanted): unknown[] => [
  wanted.partnerId,
  wanted.mode,
  wanted.endpointId,
  wanted.statuses,
  wanted.eventTypes,
  wanted.createdFrom,
  wanted.createdTo,
];
const WANTED = `d.partner_id = $1 and d.mode = $2 and ($3::text is null or d.endpoint_id = $3) and d.state = any($4)
  and (cardinality($5::text[]) = 0 or d.event_type = any($5))
  and ($6::timestamptz is null or d.created_at >= $6) and ($7::timestamptz is null or d.created_at <= $7)`;

/** Counts what matches, up to `max`, and how many of those belong to an endpoint that is off. */
export async function countWanted(
  db: Writer,
  scope: TenantScope,
  wanted: ReplayWanted,
  max: number,
): Promise<{ count: number; held: number }> {
  const [partners, mode] = scopeValues(scope);
  const rows = await db.query<Row & { count: number; held: number }>({
    text: `select count(*)::int as count, (count(*) filter (where w.state <> 'ENABLED'))::int as held
           from (select d.endpoint_id from webhook_deliveries d where ${WANTED} and ($8::text[] is null or d.partner_id = any($8)) and d.mode = $9 limit $10) found
           join webhook_endpoints w on w.id = found.endpoint_id and w.deleted_at is null`,
    values: [...wantedValues(wanted), partners, mode, max],
  });
  return rows[0] ?? { count: 0, held: 0 };
}

/** Owes named deliveries once more: those that are settled and whose endpoint is on. */
export async function reopenMany(
  tx: Writer,
  scope: TenantScope,
  ids: readonly string[],
  now: Date,
): Promise<Array<{ id: string; partnerId: string }>> {
  return tx.query<Row & { id: string; partnerId: string }>({
    text: `with wanted as (
             select d.id from webhook_deliveries d join webhook_endpoints w on w.id = d.endpoint_id and w.state = 'ENABLED' and w.deleted_at is null
             where d.id = any($1) and ($2::text[] is null or d.partner_id = any($2)) and d.mode = $3 and d.state <> 'PENDING'
             order by d.id for update of d
           )
           update webhook_deliveries d set state = 'PENDING', next_attempt_at = $4, claimed_until = null, delivered_at = null,
             schedule_base = d.attempts, updated_at = $4
           from wanted where d.id = wanted.id returning d.id, d.partner_id as "partnerId"`,
    values: [ids, ...scopeValues(scope), now],
  });
}

/** How many of these deliveries there are at all for this caller. */
export async function countKnown(tx: Writer, scope: TenantScope, ids: readonly string[]): Promise<number> {
  const rows = await tx.query<Row & { count: number }>({
    text: `select count(*)::int as count from webhook_deliveries where id = any($1) and ($2::text[] is null or partner_id = any($2)) and mode = $3`,
    values: [ids, ...scopeValues(scope)],
  });
  return rows[0]?.count ?? 0;
}

// Replays as rows ------------------------------------------------------------------------------------------------------

export async function insertReplay(
  tx: Writer,
  scope: TenantScope,
  replay: ReplayWanted & { id: string; expected: number; requestedBy: string; now: Date },
): Promise<void> {
  const [partners, mode] = scopeValues(scope);
  await tx.query<Row>({
    text: `insert into webhook_replays (id, partner_id, mode, endpoint_id, statuses, event_types, created_from, created_to, expected, requested_by, created_at, updated_at)
           select $8, $1, $2, $3, $4::text[], $5::text[], $6::timestamptz, $7::timestamptz, $9, $10, $11, $11
           where ($12::text[] is null or $1 = any($12)) and $2 = $13`,
    values: [...wantedValues(replay), replay.id, replay.expected, replay.requestedBy, replay.now, partners, mode],
  });
}

const replayFields = {
  id: true,
  partnerId: true,
  mode: true,
  endpointId: true,
  statuses: true,
  eventTypes: true,
  createdFrom: true,
  createdTo: true,
  state: true,
  expected: true,
  replayed: true,
  skipped: true,
  requestedBy: true,
  createdAt: true,
  finishedAt: true,
  endpoint: { select: { url: true } },
  account: { select: { partner: { select: { name: true } } } },
} as const satisfies Prisma.WebhookReplaySelect;
export type ReplayRow = Prisma.WebhookReplayGetPayload<{ select: typeof replayFields }>;

/** One row more than asked for, newest first. */
export function findReplays(
  prisma: Reader,
  scope: TenantScope,
  filter: { endpoint?: string | undefined },
  page: PageRequest,
): Promise<ReplayRow[]> {
  return prisma.webhookReplay.findMany({
    where: { ...tenant(scope), ...(filter.endpoint ? { endpointId: filter.endpoint } : {}), ...before(page.cursor) },
    orderBy: NEWEST_FIRST,
    take: page.limit + 1,
    select: replayFields,
  });
}

export function countReplays(
  prisma: Reader,
  scope: TenantScope,
  filter: { endpoint?: string | undefined },
): Promise<number> {
  return prisma.webhookReplay.count({
    where: { ...tenant(scope), ...(filter.endpoint ? { endpointId: filter.endpoint } : {}) },
    take: LIST_TOTAL_MAX,
  });
}

export function findReplay(prisma: Reader, scope: TenantScope, id: string): Promise<ReplayRow | null> {
  return prisma.webhookReplay.findFirst({ where: { ...tenant(scope), id }, select: replayFields });
}

// Background: for all Partners, each row brings its own ------------------------------------------------------------------

export type RunningReplay = ReplayWanted & {
  id: string;
  replayed: number;
  skipped: number;
  cursorCreatedAt: Date | null;
  cursorId: string | null;
  createdAt: Date;
};

/** Locks the replay that has waited longest and that nobody else works on. */
export async function lockNextReplay(tx: Writer): Promise<RunningReplay | null> {
  const rows = await tx.query<Row & RunningReplay>({
    text: `select id, partner_id as "partnerId", mode, endpoint_id as "endpointId", statuses, event_types as "eventTypes", created_from as "createdFrom",
             created_to as "createdTo", replayed, skipped, cursor_created_at as "cursorCreatedAt", cursor_id as "cursorId", created_at as "createdAt"
           from webhook_replays where state = 'RUNNING' order by updated_at, id limit 1 for update skip locked`,
    values: [],
  });
  return rows[0] ?? null;
}

export type ReplayBatch = { found: number; replayed: number; lastCreatedAt: Date | null; lastId: string | null };

/**
 * The next deliveries of a replay, oldest first: owed once more where their endpoint is on. What settled after the replay
 * was asked for is not touched, so that nothing is sent twice by one replay.
 */
export async function replayBatch(tx: Writer, replay: RunningReplay, limit: number, now: Date): Promise<ReplayBatch> {
  const rows = await tx.query<Row & ReplayBatch>({
    text: `with found as materialized (
             select d.id, d.created_at, d.endpoint_id from webhook_deliveries d
             where ${WANTED} and d.created_at <= $8 and d.updated_at <= $8
               and ($9::timestamptz is null or (d.created_at, d.id) > ($9, $10::text))
             order by d.created_at, d.id limit $11 for update of d
           ),
           reopened as (
             update webhook_deliveries d set state = 'PENDING', next_attempt_at = $12, claimed_until = null, delivered_at = null,
               schedule_base = d.attempts, updated_at = $12
             from found f join webhook_endpoints w on w.id = f.endpoint_id and w.state = 'ENABLED' and w.deleted_at is null
             where d.id = f.id returning d.id
           ),
           last as (select created_at, id from found order by created_at desc, id desc limit 1)
           select (select count(*) from found)::int as found, (select count(*) from reopened)::int as replayed,
             (select created_at from last) as "lastCreatedAt", (select id from last) as "lastId"`,
    values: [...wantedValues(replay), replay.createdAt, replay.cursorCreatedAt, replay.cursorId, limit, now],
  });
  return rows[0] ?? { found: 0, replayed: 0, lastCreatedAt: null, lastId: null };
}

export async function advanceReplay(
  tx: Writer,
  replay: { id: string; replayed: number; skipped: number; cursorCreatedAt: Date | null; cursorId: string | null },
  isDone: boolean,
  now: Date,
): Promise<void> {
  await tx.query<Row>({
    text: `update webhook_replays set replayed = $2, skipped = $3, cursor_created_at = $4, cursor_id = $5, updated_at = $6,
             state = case when $7 then 'DONE' else state end, finished_at = case when $7 then $6::timestamptz end where id = $1`,
    values: [replay.id, replay.replayed, replay.skipped, replay.cursorCreatedAt, replay.cursorId, now, isDone],
  });
}
