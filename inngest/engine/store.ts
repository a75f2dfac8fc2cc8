import { DatabaseError, type Pool, type PoolClient } from "pg";
import type { StepMemo, StoredEvent } from "./protocol";

/* Runs and their steps as rows: claimed, saved, ended, woken from outside. */

export type Db = Pick<Pool | PoolClient, "query">;

/** Whether the database cannot keep what it was given, however often it is asked: a NUL character in a name, too deep a nesting. */
export function isUnkeepable(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && /^(?:22|54)/.test(error.code ?? "");
}

export type StepStatus = "planned" | "sleeping" | "waiting" | "invoking" | "done" | "failed";

export type StepRow = {
  id: string;
  name: string;
  op: string;
  status: StepStatus;
  data: unknown;
  error: unknown;
  attempt: number;
  wakeAtMs: number | null;
  eventName: string | null;
  expression: string | null;
};

export type ClaimedRun = {
  id: string;
  fnId: string;
  attempt: number;
  nextAtMs: number | null;
  /** When the run is cancelled if it has not ended by then (timeouts.finish). */
  cancelAtMs: number | null;
  wakeSeq: number;
  concurrencyKeys: string[];
  /** Invoked by a step of another run, which its end wakes. */
  isChild: boolean;
  events: StoredEvent[];
  steps: StepRow[];
};

export type RunStatus = "queued" | "running" | "completed" | "failed" | "cancelled";

export const json = (value: unknown): string => JSON.stringify(value ?? null);
export const jsonOrNull = (value: unknown): string | null =>
  value === undefined || value === null ? null : JSON.stringify(value);
const date = (ms: number | null): Date | null => (ms === null ? null : new Date(ms));

const RUN_FIELDS = `
  r.id, r.fn_id as "fnId", r.attempt, (extract(epoch from r.next_at) * 1000)::float8 as "nextAtMs", r.wake_seq as "wakeSeq",
  (extract(epoch from r.cancel_at) * 1000)::float8 as "cancelAtMs", r.concurrency_keys as "concurrencyKeys",
  r.parent_run is not null as "isChild",
  (select json_agg(json_build_object('id', e.id, 'name', e.name, 'data', e.data,
      'ts', (extract(epoch from e.ts) * 1000)::bigint, 'v', e.v, 'user', e.usr) order by array_position(r.event_ids, e.internal_id))
    from engine.events e where e.internal_id = any (r.event_ids)) as events,
  coalesce((select json_agg(json_build_object('id', s.id, 'name', s.name, 'op', s.op, 'status', s.status, 'data', s.data,
      'error', s.error, 'attempt', s.attempt, 'wakeAtMs', (extract(epoch from s.wake_at) * 1000)::float8,
      'eventName', s.event_name, 'expression', s.expression) order by s.done_seq nulls last)
    from engine.steps s where s.run_id = r.id), '[]') as steps`;

function cleanEvents(run: ClaimedRun): ClaimedRun {
  const events = (run.events ?? []).map((event) => {
    const { v, user, ...rest } = event;
    return { ...rest, ...(v === null ? {} : { v }), ...(user === null ? {} : { user }) };
  });
  return { ...run, events };
}

const CLAIM = `
update engine.runs r set claimed_by = $2, status = 'running', started_at = coalesce(r.started_at, now()), blocked_at = null,
  cancel_at = case when r.started_at is null then now() + r.finish_after else r.cancel_at end
where r.id = any ($1::text[]) and r.status in ('queued', 'running') and r.claimed_by is null and r.gate is null
  and ($3 or r.concurrency_keys = '{}') and (r.started_at is not null or r.cancel_at is null or r.cancel_at > now())
  and exists (select 1 from engine.workers w where w.id = $2 for key share)
returning ${RUN_FIELDS}`;

/**
 * Takes runs, each named once, for this worker; null where it has ended, someone alive has it or this worker was given up (the
 * lock on its row keeps that from happening at the same moment). A run with concurrency keys is taken only
 * with `isCounted`: the caller holds their locks and has counted. A run that waits at its throttle's gate, or that should have
 * started by now (timeouts.start), is not taken.
 */
export async function claimRuns(
  db: Db,
  runIds: readonly string[],
  workerId: number,
  isCounted: boolean,
): Promise<(ClaimedRun | null)[]> {
  const { rows } = await db.query<ClaimedRun>({
    name: "engine_claim",
    text: CLAIM,
    values: [[...runIds], workerId, isCounted],
  });
  const claimed = new Map(rows.map((row) => [row.id, cleanEvents(row)]));
  return runIds.map((id) => claimed.get(id) ?? null);
}

export async function reloadRun(db: Db, runId: string, workerId: number): Promise<ClaimedRun | null> {
  const { rows } = await db.query<ClaimedRun>({
    name: "engine_reload",
    text: `select ${RUN_FIELDS} from engine.runs r where r.id = $1 and r.claimed_by = $2 and r.status = 'running'`,
    values: [runId, workerId],
  });
  return rows[0] ? cleanEvents(rows[0]) : null;
}

const SAVE_STEPS = `
with f as (
  update engine.runs r set attempt = h.attempt, next_at = h.next_at
  from unnest($2::text[], $3::integer[], $4::timestamptz[]) as h (id, attempt, next_at)
  where r.id = h.id and r.claimed_by = $1 and r.status = 'running' returning r.id
), s as (
  insert into engine.steps (run_id, id, name, op, status, data, error, attempt, wake_at, event_name, expression, done_seq)
  select f.id, i.id, i.name, i.op, i.status, i.data::json, i.error::json, i.attempt, i.wake_at, i.event_name, i.expression,
    case when i.status in ('done', 'failed') then nextval('engine.step_seq') end
  from unnest($5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::integer[],
    $13::timestamptz[], $14::text[], $15::text[])
    as i (run_id, id, name, op, status, data, error, attempt, wake_at, event_name, expression)
  join f on f.id = i.run_id
  on conflict (run_id, id) do update set status = excluded.status, op = excluded.op, data = excluded.data, error = excluded.error,
    attempt = excluded.attempt, wake_at = excluded.wake_at, done_seq = excluded.done_seq, updated_at = now()
  where engine.steps.status not in ('done', 'failed')
  returning 1
)
select array(select id from f) as held, (select count(*)::integer from s) as saved`;

const SAVE_ATTEMPT = `
insert into engine.attempts (run_id, step_id, attempt, error)
select r.id, i.step_id, i.attempt, i.error::json
from engine.runs r, unnest($3::text[], $4::integer[], $5::text[]) as i (step_id, attempt, error)
where r.id = $1 and r.claimed_by = $2 and r.status = 'running'`;

/** A failed attempt that will be repeated: of a step, or of the function itself (`stepId` null). */
export type FailedAttempt = Readonly<{ stepId: string | null; attempt: number; error: unknown }>;

/** Keeps what went wrong before it went well. For people who look, so it is not part of the write that moves the run. */
export async function saveAttempts(
  db: Db,
  input: Readonly<{ runId: string; workerId: number; attempts: readonly FailedAttempt[] }>,
): Promise<void> {
  if (input.attempts.length === 0) return;
  await db.query({
    name: "engine_save_attempts",
    text: SAVE_ATTEMPT,
    values: [
      input.runId,
      input.workerId,
      input.attempts.map((attempt) => attempt.stepId),
      input.attempts.map((attempt) => attempt.attempt),
      input.attempts.map((attempt) => jsonOrNull(attempt.error)),
    ],
  });
}

export type SavedSteps = Readonly<{
  runId: string;
  attempt: number;
  nextAtMs: number | null;
  steps: readonly StepRow[];
}>;

/**
 * Stores results and plans of steps of runs, each named once, under the claim. False where the claim is lost (cancelled, or
 * taken over).
 */
export async function saveSteps(db: Db, workerId: number, runs: readonly SavedSteps[]): Promise<boolean[]> {
  const steps = runs.flatMap((run) => run.steps.map((step) => ({ runId: run.runId, ...step })));
  const { rows } = await db.query<{ held: string[] }>({
    name: "engine_save_steps",
    text: SAVE_STEPS,
    values: [
      workerId,
      runs.map((run) => run.runId),
      runs.map((run) => run.attempt),
      runs.map((run) => date(run.nextAtMs)),
      steps.map((step) => step.runId),
      steps.map((step) => step.id),
      steps.map((step) => step.name),
      steps.map((step) => step.op),
      steps.map((step) => step.status),
      steps.map((step) => jsonOrNull(step.data)),
      steps.map((step) => jsonOrNull(step.error)),
      steps.map((step) => step.attempt),
      steps.map((step) => date(step.wakeAtMs)),
      steps.map((step) => step.eventName),
      steps.map((step) => step.expression),
    ],
  });
  const held = new Set(rows[0]?.held ?? []);
  return runs.map((run) => held.has(run.runId));
}

const FINISH_PLAIN = `
with f as (
  update engine.runs r set status = h.status, output = h.output::json, error = h.error::json, ended_at = now(), claimed_by = null,
    next_at = null
  from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[]) as h (id, status, output, error, has_job)
  where r.id = h.id and r.claimed_by = $1 and r.status = 'running' and r.parent_run is null
  returning r.id, h.has_job
), gone as (
  select count(*) as n from f, lateral graphile_worker.remove_job(f.id) as job where f.has_job
)
select array(select id from f) as held, (select n from gone) as gone`;

/** Ends runs that no step waits for, each named once. False where the claim is lost. */
export async function finishPlainRuns(db: Db, workerId: number, runs: readonly FinishedRun[]): Promise<boolean[]> {
  const { rows } = await db.query<{ held: string[] }>({
    name: "engine_finish_plain",
    text: FINISH_PLAIN,
    values: [
      workerId,
      runs.map((run) => run.runId),
      runs.map((run) => run.status),
      runs.map((run) => jsonOrNull(run.output)),
      runs.map((run) => jsonOrNull(run.error)),
      runs.map((run) => run.hasJob),
    ],
  });
  const held = new Set(rows[0]?.held ?? []);
  return runs.map((run) => held.has(run.runId));
}

const FINISH = `
with f as (
  update engine.runs set status = $3, output = $4::json, error = $5::json, ended_at = now(), claimed_by = null, next_at = null
  where id = $1 and claimed_by = $2 and status = 'running'
  returning id, parent_run, parent_step
), p as (
  update engine.steps s set status = case when $3 = 'completed' then 'done' else 'failed' end, data = $4::json, error = $5::json,
    done_seq = nextval('engine.step_seq'), updated_at = now()
  from f where s.run_id = f.parent_run and s.id = f.parent_step and s.status = 'invoking'
  returning s.run_id
), w as (
  update engine.runs r set wake_seq = r.wake_seq + 1 from p
  where r.id = p.run_id and r.status in ('queued', 'running') returning r.id
), j as (
  select count(*) as n from w, lateral graphile_worker.add_job('engine.run', json_build_object('run', w.id), job_key := w.id) as job
), gone as (
  select count(*) as n from f, lateral graphile_worker.remove_job(f.id) as job where $6::boolean
)
select (select count(*)::integer from f) as held, (select n from j) as woken, (select n from gone) as gone`;

export type FinishedRun = Readonly<{
  runId: string;
  status: "completed" | "failed";
  output: unknown;
  error: unknown;
  /** The run was started past the queue and still has its job there. */
  hasJob: boolean;
}>;

/** Ends the run and hands its result to the step that invoked it. */
export async function finishRun(db: Db, workerId: number, run: FinishedRun): Promise<boolean> {
  const { rows } = await db.query<{ held: number }>({
    name: "engine_finish",
    text: FINISH,
    values: [run.runId, workerId, run.status, jsonOrNull(run.output), jsonOrNull(run.error), run.hasJob],
  });
  return (rows[0]?.held ?? 0) > 0;
}

const RELEASE = `
with f as (
  update engine.runs set claimed_by = null
  where id = $1 and claimed_by = $2 and status = 'running' and wake_seq = $3 returning id
), j as (
  select count(*) as n from f, lateral graphile_worker.add_job('engine.run', json_build_object('run', f.id),
    run_at := case when $4::timestamptz <= now() then now() + interval '250 milliseconds' else $4::timestamptz end, job_key := f.id) as job
  where $5::boolean
)
select (select count(*)::integer from f) as held, (select n from j) as jobs`;

/**
 * Lets the run rest until `wakeAtMs` (null: until an event wakes it). False when something woke it meanwhile. What is due by
 * the database's clock and not by this process's waits a moment: the two would hand it to each other without end.
 */
export async function releaseRun(
  db: Db,
  input: Readonly<{ runId: string; workerId: number; wakeSeq: number; wakeAtMs: number | null }>,
): Promise<boolean> {
  const { rows } = await db.query<{ held: number }>({
    name: "engine_release",
    text: RELEASE,
    values: [input.runId, input.workerId, input.wakeSeq, date(input.wakeAtMs), input.wakeAtMs !== null],
  });
  return (rows[0]?.held ?? 0) > 0;
}

/** Ends a waiting step with what it waited for and wakes its run. */
export async function settleWait(
  db: Db,
  input: Readonly<{ runId: string; stepId: string; event: StoredEvent }>,
): Promise<boolean> {
  const { rows } = await db.query<{ n: number }>(
    `with s as (
      update engine.steps set status = 'done', data = $3::json, done_seq = nextval('engine.step_seq'), updated_at = now()
      where run_id = $1 and id = $2 and status = 'waiting' returning run_id
    ), r as (
      update engine.runs r set wake_seq = r.wake_seq + 1 from s where r.id = s.run_id and r.status in ('queued', 'running') returning r.id
    )
    select count(*)::integer as n from r, lateral graphile_worker.add_job('engine.run', json_build_object('run', r.id), job_key := r.id) as job`,
    [input.runId, input.stepId, json(input.event)],
  );
  return (rows[0]?.n ?? 0) > 0;
}

const CANCEL = `
with f as (
  update engine.runs set status = 'cancelled', error = $2::json, ended_at = now(), claimed_by = null, blocked_at = null,
    gate = null, next_at = null
  where id = $1 and status in ('queued', 'running') returning id, fn_id, event_ids, concurrency_keys, parent_run, parent_step
), p as (
  update engine.steps s set status = 'failed', error = $2::json, done_seq = nextval('engine.step_seq'), updated_at = now()
  from f where s.run_id = f.parent_run and s.id = f.parent_step and s.status = 'invoking' returning s.run_id
), w as (
  update engine.runs r set wake_seq = r.wake_seq + 1 from p where r.id = p.run_id and r.status in ('queued', 'running') returning r.id
), j as (
  select count(*) as n from w, lateral graphile_worker.add_job('engine.run', json_build_object('run', w.id), job_key := w.id) as job
), gone as (
  select count(*) as n from f, lateral graphile_worker.remove_job(f.id) as job
)
select fn_id as "fnId", event_ids as "eventIds", concurrency_keys as keys, (select n from j) as woken, (select n from gone) as gone from f`;

export type CancelledRun = { fnId: string; eventIds: string[]; keys: string[] };

/** Ends a run from outside; null when it has ended before. Its holder notices at its next write; an invoking step is told. */
export async function cancelRun(db: Db, runId: string, reason: string): Promise<CancelledRun | null> {
  const { rows } = await db.query<CancelledRun>(CANCEL, [runId, json({ name: "Cancelled", message: reason })]);
  return rows[0] ?? null;
}

/** Fails an invoking step whose function was not started, and wakes its run. */
export async function failInvoke(
  db: Db,
  input: Readonly<{ runId: string; stepId: string; message: string }>,
): Promise<void> {
  await db.query(
    `with s as (
      update engine.steps set status = 'failed', error = $3::json, done_seq = nextval('engine.step_seq'), updated_at = now()
      where run_id = $1 and id = $2 and status = 'invoking' returning run_id
    )
    update engine.runs r set wake_seq = r.wake_seq + 1 from s where r.id = s.run_id`,
    [input.runId, input.stepId, json({ name: "Error", message: input.message })],
  );
}

export function memoOf(steps: Iterable<StepRow>): { steps: Record<string, StepMemo>; stack: string[] } {
  const memo: Record<string, StepMemo> = {};
  const stack: string[] = [];
  for (const step of steps) {
    if (step.status === "done") memo[step.id] = { type: "data", data: step.data ?? null };
    else if (step.status === "failed")
      memo[step.id] = { type: "error", error: step.error ?? { name: "Error", message: "Failed" } };
    else continue;
    stack.push(step.id);
  }
  return { steps: memo, stack };
}
