import { z } from "zod";
import type { Db } from "./store";

/** What may be asked of the list of runs; newest first, `before` is the id of the last run seen. */
export const RunFilterSchema = z.object({
  status: z.enum(["queued", "running", "completed", "failed", "cancelled"]).optional(),
  function_id: z.string().optional(),
  before: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});

const RUN_FIELDS = `r.id, r.fn_id as function_id, r.status, r.attempt, r.replay_of, r.parent_run, r.created_at, r.started_at, r.ended_at,
  (select e.name from engine.events e where e.internal_id = r.event_ids[1]) as event_name`;

export async function listRuns(
  db: Db,
  filter: z.infer<typeof RunFilterSchema>,
): Promise<{ data: unknown[]; next: string | null }> {
  const { rows } = await db.query<{ id: string }>(
    `select ${RUN_FIELDS} from engine.runs r
     where ($1::text is null or r.status = $1) and ($2::text is null or r.fn_id = $2) and ($3::text is null or r.id < $3)
     order by r.id desc limit $4`,
    [filter.status ?? null, filter.function_id ?? null, filter.before ?? null, filter.limit],
  );
  return { data: rows, next: rows.length === filter.limit ? (rows.at(-1)?.id ?? null) : null };
}

/** One run with its event, result and steps in the order they ended. */
export async function readRun(db: Db, runId: string): Promise<unknown> {
  const { rows } = await db.query<Record<string, unknown>>(
    `select ${RUN_FIELDS}, r.output, r.error, r.next_at,
      (select json_agg(json_build_object('id', e.id, 'name', e.name, 'data', e.data, 'ts', e.ts))
        from engine.events e where e.internal_id = any (r.event_ids)) as events,
      coalesce((select json_agg(json_build_object('id', s.id, 'name', s.name, 'op', s.op, 'status', s.status, 'attempt', s.attempt,
          'data', s.data, 'error', s.error, 'wake_at', s.wake_at, 'event_name', s.event_name, 'created_at', s.created_at,
          'updated_at', s.updated_at) order by s.done_seq nulls last, s.created_at)
        from engine.steps s where s.run_id = r.id), '[]') as steps
     from engine.runs r where r.id = $1`,
    [runId],
  );
  return rows[0] ?? null;
}

/** The figures of the System screen. */
export async function readStats(db: Db): Promise<unknown> {
  const { rows } = await db.query<Record<string, unknown>>(
    `select
      (select coalesce(json_object_agg(status, n), '{}') from (
        select status, count(*) as n from engine.runs where status in ('queued', 'running') or ended_at > now() - interval '1 day' group by status) c) as runs_last_day,
      (select count(*)::integer from engine.events where received_at > now() - interval '1 hour') as events_last_hour,
      (select count(*)::integer from engine.runs where blocked_at is not null) as runs_waiting_for_room,
      (select coalesce(extract(epoch from now() - min(run_at)), 0)::float8 from graphile_worker.jobs
        where locked_at is null and run_at <= now() and attempts < max_attempts) as queue_lag_seconds,
      (select count(*)::integer from engine.workers) as workers,
      (select coalesce(json_agg(json_build_object('function_id', fn_id, 'cron', cron, 'next_at', next_at) order by next_at), '[]') from engine.schedules) as schedules`,
  );
  return { data: rows[0] ?? {} };
}
