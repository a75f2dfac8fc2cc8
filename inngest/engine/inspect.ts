import { encodeTime } from "ulid";
import { z } from "zod";
import { WordSchema } from "./events";
import type { Db } from "./store";

const MomentSchema = z.iso.datetime({ offset: true });

/** What may be asked of the list of runs; newest first, `before` is the id of the last run seen. */
export const RunFilterSchema = z.object({
  status: z.enum(["queued", "running", "completed", "failed", "cancelled"]).optional(),
  function_id: WordSchema.optional(),
  app_id: WordSchema.optional(),
  event_name: WordSchema.optional(),
  /** Created at or after, and before: ISO moments. */
  from: MomentSchema.optional(),
  until: MomentSchema.optional(),
  before: WordSchema.optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});

const CUT_AT = 16_384;
/** Clocks of processes may differ by as much. */
const CLOCK_SLACK_MS = 60_000;
const WORDS: Readonly<Record<string, string>> = { completed: "Completed", failed: "Failed", cancelled: "Cancelled" };

/** A value as it is, or its size and beginning when it is too long to show. */
export function cut(value: unknown): unknown {
  const text = JSON.stringify(value ?? null);
  return text.length <= CUT_AT ? (value ?? null) : { cut: true, length: text.length, start: text.slice(0, CUT_AT) };
}

const RUN_FIELDS = `r.id, r.fn_id as function_id, f.name as function_name, f.app_id, r.status, r.attempt,
  json_build_object(
    'kind', case when r.replay_of is not null then 'replay' when r.parent_run is not null then 'invoke'
      when e.name = 'inngest/scheduled.timer' then 'cron' else 'event' end,
    'event_id', e.id, 'event_internal_id', r.event_ids[1], 'event_name', e.name, 'events', cardinality(r.event_ids),
    'cron', case when e.name = 'inngest/scheduled.timer' then e.data end,
    'parent_run', r.parent_run, 'parent_step', r.parent_step, 'replay_of', r.replay_of) as cause,
  case when r.gate is not null then 'throttle' when r.blocked_at is not null then 'concurrency' end as held_by,
  r.created_at, r.started_at, r.ended_at, r.cancel_at, r.error, e.name as event_name,
  r.replay_of, r.parent_run`;
const RUN_FROM = `engine.runs r left join engine.functions f on f.id = r.fn_id
  left join engine.events e on e.internal_id = r.event_ids[1]`;

type Part = Record<string, unknown>;
type RunRow = Part & { id: string; cause: Part; error: unknown };
const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? (Reflect.get(value, name) ?? null) : null;

/**
 * A row as it is told. The fields of errors and events are read here and not by the statement: PostgreSQL makes no text of
 * what holds a NUL character, and one such run would have it refuse the whole list.
 */
function told(row: RunRow): Part & { id: string } {
  const { error, cause, ...run } = row;
  const message = fieldOf(error, "message");
  return {
    ...run,
    id: row.id,
    cause: { ...cause, cron: fieldOf(cause.cron, "cron") },
    error_message: message === null || typeof message === "string" ? message : JSON.stringify(message),
  };
}

export async function listRuns(
  db: Db,
  filter: z.infer<typeof RunFilterSchema>,
): Promise<{ data: unknown[]; next: string | null }> {
  const { rows } = await db.query<RunRow>(
    `select ${RUN_FIELDS} from ${RUN_FROM}
     where ($1::text is null or r.status = $1) and ($2::text is null or r.fn_id = $2) and ($3::text is null or r.id < $3)
       and ($4::text is null or f.app_id = $4) and ($5::text is null or e.name = $5)
       and ($6::timestamptz is null or r.created_at >= $6) and ($7::timestamptz is null or r.created_at < $7)
     order by r.id desc limit $8`,
    [
      filter.status ?? null,
      filter.function_id ?? null,
      filter.before ?? null,
      filter.app_id ?? null,
      filter.event_name ?? null,
      filter.from ?? null,
      filter.until ?? null,
      filter.limit + 1,
    ],
  );
  const data = rows.slice(0, filter.limit).map(told);
  return { data, next: rows.length > filter.limit ? (data.at(-1)?.id ?? null) : null };
}

type WholeRow = RunRow & { output: unknown; events: Part[]; steps: Part[]; attempts: Part[] };

/** One run with its events, its result, its steps in the order they ended and every attempt that failed. */
export async function readRun(db: Db, runId: string): Promise<unknown> {
  const { rows } = await db.query<WholeRow>(
    `select ${RUN_FIELDS}, r.output, r.next_at,
      coalesce((select json_agg(json_build_object('id', v.id, 'internal_id', v.internal_id, 'name', v.name, 'data', v.data, 'ts', v.ts,
          'received_at', v.received_at) order by array_position(r.event_ids, v.internal_id))
        from engine.events v where v.internal_id = any (r.event_ids)), '[]') as events,
      coalesce((select json_agg(json_build_object('id', s.id, 'name', s.name, 'op', s.op, 'status', s.status, 'attempt', s.attempt,
          'data', s.data, 'error', s.error, 'wake_at', s.wake_at, 'event_name', s.event_name, 'expression', s.expression,
          'child_run', (select c.id from engine.runs c where s.op = 'InvokeFunction' and c.parent_run = s.run_id and c.parent_step = s.id
            and c.id > s.run_id limit 1),
          'created_at', s.created_at, 'updated_at', s.updated_at) order by s.done_seq nulls last, s.created_at)
        from engine.steps s where s.run_id = r.id), '[]') as steps,
      coalesce((select json_agg(json_build_object('step_id', a.step_id, 'attempt', a.attempt, 'error', a.error, 'at', a.at) order by a.at)
        from engine.attempts a where a.run_id = r.id), '[]') as attempts
     from ${RUN_FROM} where r.id = $1`,
    [runId],
  );
  const run = rows[0];
  if (!run) return null;
  const { attempts, ...rest } = run;
  const failed = (stepId: unknown): Part[] =>
    attempts
      .filter((attempt) => attempt.step_id === stepId)
      .map(({ attempt, error, at }) => ({ attempt, error: cut(error), at }));
  return {
    ...told(rest),
    output: cut(run.output),
    error: cut(run.error),
    failed_attempts: failed(null),
    events: run.events.map((event) => ({ ...event, data: cut(event.data) })),
    steps: run.steps.map((step) => ({
      ...step,
      data: cut(step.data),
      error: cut(step.error),
      failed_attempts: failed(step.id),
    })),
  };
}

/** An event by the id under which it was stored, or by the sender's own id; null when it is not kept. */
export async function readEvent(db: Db, id: string): Promise<{ internal_id: string; received_at: Date } | null> {
  const { rows } = await db.query<{ internal_id: string; received_at: Date }>(
    `select internal_id, id, name, data, ts, received_at from engine.events where internal_id = $1`,
    [id],
  );
  if (rows[0]) return rows[0];
  const { rows: named } = await db.query<{ internal_id: string; received_at: Date }>(
    `select internal_id, id, name, data, ts, received_at from engine.events where id = $1 order by received_at desc limit 1`,
    [id],
  );
  return named[0] ?? null;
}

/** The runs that an event started, in the words of an Inngest server; and the functions that were not started, and why. */
export async function listEventRuns(
  db: Db,
  event: Readonly<{ internal_id: string; received_at: Date }>,
): Promise<{ data: unknown[]; skipped: unknown[] }> {
  const { rows } = await db.query<{ status: string; output: unknown } & Part>(
    `select r.id as run_id, coalesce(r.started_at, r.created_at) as run_started_at, r.fn_id as function_id, $1::text as event_id,
       r.status, r.ended_at, coalesce(r.output, r.error) as output
     from engine.runs r where r.id >= $2 and $1 = any (r.event_ids) order by r.id`,
    [event.internal_id, encodeTime(Math.max(0, event.received_at.getTime() - CLOCK_SLACK_MS), 10)],
  );
  const { rows: skipped } = await db.query<Part>(
    "select fn_id as function_id, reason, at from engine.skips where event_id = $1 order by at",
    [event.internal_id],
  );
  const data = rows.map((row) => ({ ...row, output: cut(row.output), status: WORDS[row.status] ?? "Running" }));
  return { data, skipped };
}

/** The figures of the System screen. */
export async function readStats(db: Db): Promise<unknown> {
  const { rows } = await db.query<Record<string, unknown>>(
    `select
      (select coalesce(json_object_agg(status, n), '{}') from (
        select status, count(*) as n from engine.runs where status in ('queued', 'running') or ended_at > now() - interval '1 day' group by status) c) as runs_last_day,
      (select count(*)::integer from engine.events where received_at > now() - interval '1 hour') as events_last_hour,
      (select count(*)::integer from engine.runs where blocked_at is not null) as runs_waiting_for_room,
      (select count(*)::integer from engine.runs where gate is not null) as runs_throttled,
      (select count(*)::integer from engine.debounces) as debounces_pending,
      (select coalesce(sum(cardinality(event_ids)), 0)::integer from engine.batches) as events_in_batches,
      (select coalesce(json_object_agg(reason, n), '{}') from (
        select reason, count(*) as n from engine.skips where at > now() - interval '1 day' group by reason) k) as skipped_last_day,
      (select coalesce(extract(epoch from now() - min(greatest(run_at, created_at))), 0)::float8 from graphile_worker.jobs
        where locked_at is null and run_at <= now() and attempts < max_attempts) as queue_lag_seconds,
      (select count(*)::integer from engine.workers) as workers,
      (select coalesce(json_agg(json_build_object('function_id', fn_id, 'cron', cron, 'next_at', next_at) order by next_at), '[]') from engine.schedules) as schedules`,
  );
  return { data: rows[0] ?? {} };
}
