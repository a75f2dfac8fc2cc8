import type { Pool, PoolClient } from "pg";
import type { StepMemo, StoredEvent } from "./protocol";

export type Db = Pick<Pool | PoolClient, "query">;

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

export type NewEvent = Readonly<{
  internalId: string;
  id: string;
  name: string;
  data: unknown;
  user: unknown;
  v: string | null;
  tsMs: number;
  /** Set when the sender named the event: the same key within 24 hours is the same event. */
  seenKey: string | null;
}>;

export type NewRun = Readonly<{
  id: string;
  fnId: string;
  eventInternalId: string;
  seenKey: string | null;
  concurrencyKeys: readonly string[];
  parentRun: string | null;
  parentStep: string | null;
}>;

export type RunStatus = "queued" | "running" | "completed" | "failed" | "cancelled";

const KEY_SEPARATOR = "\u001f";

const json = (value: unknown): string => JSON.stringify(value ?? null);
const jsonOrNull = (value: unknown): string | null =>
  value === undefined || value === null ? null : JSON.stringify(value);
const date = (ms: number | null): Date | null => (ms === null ? null : new Date(ms));

const INGEST = `
with fresh as (
  insert into engine.seen as s (key) select k from unnest($1::text[]) as k
  on conflict (key) do update set seen_at = now() where s.seen_at < now() - interval '24 hours'
  returning key
), ev as (
  insert into engine.events (internal_id, id, name, data, usr, v, ts)
  select i.internal_id, i.id, i.name, i.data::json, i.usr::json, i.v, i.ts
  from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[], $9::text[])
    as i (internal_id, id, name, data, usr, v, ts, seen_key)
  where i.seen_key is null or i.seen_key in (select key from fresh)
  returning internal_id, name
), r as (
  insert into engine.runs (id, fn_id, event_ids, concurrency_keys, parent_run, parent_step)
  select n.id, n.fn_id, array[n.event_id], string_to_array(n.keys, chr(31)), n.parent_run, n.parent_step
  from unnest($10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[])
    as n (id, fn_id, event_id, seen_key, keys, parent_run, parent_step)
  join ev on ev.internal_id = n.event_id
  where n.seen_key is null or n.seen_key in (select key from fresh)
  returning id
), specs as (
  select row('engine.run', json_build_object('run', r.id), null, now() + make_interval(secs => $18), null, r.id, null, null)::graphile_worker.job_spec as spec
  from r
  union all
  select row('engine.match', json_build_object('event', ev.internal_id), null, null, null, null, null, null)::graphile_worker.job_spec
  from ev
  where ev.name = any($17::text[])
    or exists (select 1 from engine.steps w where w.status = 'waiting' and w.event_name = ev.name)
), jobs as (
  select count(*) as n from graphile_worker.add_jobs(array(select spec from specs))
)
select (select n from jobs) as jobs,
  coalesce((select array_agg(internal_id) from ev), '{}') as events,
  coalesce((select array_agg(id) from r), '{}') as runs`;

/** Events, the runs they start and the jobs of these runs, in one statement: all of it or nothing. */
export async function insertEvents(
  db: Db,
  input: Readonly<{
    events: readonly NewEvent[];
    runs: readonly NewRun[];
    matchNames: readonly string[];
    jobDelaySeconds?: number;
  }>,
): Promise<{ events: string[]; runs: string[] }> {
  const { events, runs } = input;
  const keys = new Set<string>();
  const unique = events.filter((event) => {
    if (event.seenKey === null) return true;
    if (keys.has(event.seenKey)) return false;
    keys.add(event.seenKey);
    return true;
  });
  const kept = new Set(unique.map((event) => event.internalId));
  const started = runs.filter((run) => {
    if (!kept.has(run.eventInternalId)) return false;
    if (run.seenKey === null) return true;
    if (keys.has(run.seenKey)) return false;
    keys.add(run.seenKey);
    return true;
  });
  const { rows } = await db.query<{ events: string[]; runs: string[] }>({
    name: "engine_ingest",
    text: INGEST,
    values: [
      [...keys].sort(),
      unique.map((event) => event.internalId),
      unique.map((event) => event.id),
      unique.map((event) => event.name),
      unique.map((event) => json(event.data ?? {})),
      unique.map((event) => jsonOrNull(event.user)),
      unique.map((event) => event.v),
      unique.map((event) => new Date(event.tsMs)),
      unique.map((event) => event.seenKey),
      started.map((run) => run.id),
      started.map((run) => run.fnId),
      started.map((run) => run.eventInternalId),
      started.map((run) => run.seenKey),
      started.map((run) => run.concurrencyKeys.join(KEY_SEPARATOR)),
      started.map((run) => run.parentRun),
      started.map((run) => run.parentStep),
      [...input.matchNames],
      input.jobDelaySeconds ?? 0,
    ],
  });
  return { events: rows[0]?.events ?? [], runs: rows[0]?.runs ?? [] };
}

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
  select count(*) as n from f, lateral graphile_worker.add_job('engine.run', json_build_object('run', f.id), run_at := $4::timestamptz, job_key := f.id) as job
  where $5::boolean
)
select (select count(*)::integer from f) as held, (select n from j) as jobs`;

/** Lets the run rest until `wakeAtMs` (null: until an event wakes it). False when something woke it meanwhile. */
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

/** Takes the locks that order starts and ends of runs sharing a concurrency key. Call inside a transaction. */
export async function lockConcurrencyKeys(db: Db, keys: readonly string[]): Promise<void> {
  for (const key of [...keys].sort()) await db.query("select pg_advisory_xact_lock(7204512, hashtext($1))", [key]);
}

export async function countClaimed(db: Db, key: string): Promise<number> {
  const { rows } = await db.query<{ n: number }>(
    "select count(*)::integer as n from engine.runs where claimed_by is not null and status = 'running' and $1 = any (concurrency_keys)",
    [key],
  );
  return rows[0]?.n ?? 0;
}

export async function blockRun(db: Db, runId: string): Promise<void> {
  await db.query(
    "update engine.runs set blocked_at = coalesce(blocked_at, now()) where id = $1 and claimed_by is null and status in ('queued', 'running')",
    [runId],
  );
}

const CANDIDATES = 50;

/**
 * Starts the run that comes first in line for one of these keys and has room in all of its own. `limitOf` gives the limit of a
 * run's key by its place.
 */
export async function unblockNext(
  db: Db,
  keys: readonly string[],
  limitOf: (fnId: string, index: number) => number,
): Promise<void> {
  const { rows } = await db.query<{ id: string; fnId: string; keys: string[] }>(
    `select id, fn_id as "fnId", concurrency_keys as keys from engine.runs
     where blocked_at is not null and concurrency_keys && $1::text[] order by order_at, id limit $2 for update skip locked`,
    [[...keys], CANDIDATES],
  );
  for (const run of rows) {
    let hasRoom = true;
    if (run.keys.length > 1)
      for (const [index, key] of run.keys.entries())
        if ((await countClaimed(db, key)) >= limitOf(run.fnId, index)) {
          hasRoom = false;
          break;
        }
    if (!hasRoom) continue;
    await db.query(
      `with b as (update engine.runs set blocked_at = null where id = $1 returning id)
       select count(*) from b, lateral graphile_worker.add_job('engine.run', json_build_object('run', b.id), job_key := b.id) as job`,
      [run.id],
    );
    return;
  }
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

/** Events by their internal ids, in that order; those that are no longer kept are missing. */
export async function loadEvents(
  db: Db,
  internalIds: readonly string[],
): Promise<Array<{ internalId: string; event: StoredEvent }>> {
  const { rows } = await db.query<{ internalId: string; id: string; name: string; data: unknown; ts: string }>(
    `select internal_id as "internalId", id, name, data, (extract(epoch from ts) * 1000)::bigint as ts
     from engine.events where internal_id = any ($1::text[]) order by array_position($1::text[], internal_id)`,
    [[...internalIds]],
  );
  return rows.map(({ internalId, id, name, data, ts }) => ({ internalId, event: { id, name, data, ts: Number(ts) } }));
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
