import { z } from "zod";
import { concurrencyKeysOf, digest, KEY_PART_SEPARATOR, onceKeyOf } from "./events";
import type { Expression } from "./expression";
import type { EngineFunction, RateRule, ThrottleRule } from "./function-config";
import type { StoredEvent } from "./protocol";
import type { Db } from "./store";
import { loadEvents } from "./store-events";

/**
 * Starts of functions that are limited, gathered, put off or put in order: rate limit, batch, debounce, singleton, throttle,
 * priority and timeouts. All of it is rows, changed in the transaction that stores the event, and all moments are the
 * database's, so processes may die or share the work.
 *
 * One lock per function orders its starts. It is taken before any other lock of the engine but those of event ids.
 */

export type FlowEvent = Readonly<{ internalId: string; event: StoredEvent }>;
export type Start = Readonly<{ fn: EngineFunction; event: FlowEvent }>;
export type SkipReason = "rate_limit" | "singleton" | "debounced";
export type Launched =
  | { kind: "started"; runId: string; isGated: boolean }
  | { kind: "skipped"; reason: "rate_limit" | "singleton" };

export type LaunchInput = Readonly<{
  fn: EngineFunction;
  events: readonly FlowEvent[];
  parent?: { run: string; step: string } | undefined;
  replayOf?: string | undefined;
  /** Puts the job of the run off: somebody starts it past the queue. */
  jobDelaySeconds?: number;
}>;

export type FlowDeps = Readonly<{
  newId: () => string;
  findFunction: (fnId: string) => EngineFunction | undefined;
  inTransaction: <T>(work: (db: Db) => Promise<T>) => Promise<T>;
  cancel: (db: Db, runId: string, reason: string) => Promise<void>;
}>;

export type Flow = Readonly<{
  /** Starts, gathers, puts off or skips what the events ask for. Answers the runs that may go on at once. */
  admit: (db: Db, starts: readonly Start[], jobDelaySeconds: number) => Promise<string[]>;
  /** Starts one run now, past batch and debounce. `isCounted`: the rate limit applies to it. */
  launch: (db: Db, input: LaunchInput, isCounted: boolean) => Promise<Launched>;
  openGate: (payload: unknown) => Promise<void>;
  fireDebounce: (payload: unknown) => Promise<void>;
  fireBatch: (payload: unknown) => Promise<void>;
}>;

const LOCK_SPACE = 7_204_515;
const PRIORITY_SECONDS_MAX = 600;
const GATE_STARTS_MAX = 500;

const GatePayloadSchema = z.object({ fn: z.string(), gate: z.string() });
const DebouncePayloadSchema = z.object({ key: z.string() });
const BatchPayloadSchema = z.object({ batch: z.string() });

/** Seconds a run is put forward, from -600 to 600; an expression that gives no number puts it nowhere. */
export function priorityOf(expression: Expression | null, event: StoredEvent): number {
  const value = expression?.({ event });
  if (typeof value !== "number" || !Number.isFinite(value)) return 0;
  return Math.max(-PRIORITY_SECONDS_MAX, Math.min(PRIORITY_SECONDS_MAX, Math.trunc(value)));
}

/**
 * How many runs a throttle lets go at `nowMs`, and from when on the next one: evenly spaced by period / limit, `burst` of them
 * at once after a pause (generic cell rate algorithm). `nextAtMs` is the moment at which the line would be empty again.
 */
export function throttleRoom(
  rule: Pick<ThrottleRule, "limit" | "periodMs" | "burst">,
  nextAtMs: number | null,
  nowMs: number,
): { room: number; spacingMs: number; fromMs: number; toleranceMs: number } {
  const spacingMs = rule.periodMs / rule.limit;
  const toleranceMs = (rule.burst - 1) * spacingMs;
  const fromMs = Math.max(nextAtMs ?? nowMs, nowMs);
  const room = Math.floor((nowMs + toleranceMs - fromMs) / spacingMs) + 1;
  return { room: Math.max(0, room), spacingMs, fromMs, toleranceMs };
}

const keyOf = (fn: EngineFunction, kind: string, key: Expression | null, event: StoredEvent): string =>
  [fn.id, kind, key === null ? "" : digest(key({ event }))].join(KEY_PART_SEPARATOR);

export async function lockFlow(db: Db, fnIds: Iterable<string>): Promise<void> {
  await db.query(
    `select count(pg_advisory_xact_lock($1, h)) from (select distinct hashtext(k) as h from unnest($2::text[]) as k order by 1) as locks`,
    [LOCK_SPACE, [...fnIds]],
  );
}

async function nowOf(db: Db): Promise<number> {
  const { rows } = await db.query<{ ms: number }>(
    "select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms",
  );
  return rows[0]?.ms ?? Date.now();
}

/** Whether other processes work on this database, which may know functions that this one does not. */
export async function isShared(db: Db): Promise<boolean> {
  const { rows } = await db.query<{ n: number }>("select count(*)::integer as n from engine.workers");
  return (rows[0]?.n ?? 0) > 1;
}

/** Seconds until a function that only another engine knows is tried again: by it, when chance gives it the job. */
export const ELSEWHERE_PAUSE_S = 1;

class ElsewhereError extends Error {
  constructor(fnId: string) {
    super(`The function "${fnId}" is not known here; another engine may know it`);
  }
}

export function createFlow(deps: FlowDeps): Flow {
  const skip = async (db: Db, fn: EngineFunction, events: readonly FlowEvent[], reason: SkipReason): Promise<void> => {
    await db.query("insert into engine.skips (event_id, fn_id, reason) select e, $2, $3 from unnest($1::text[]) as e", [
      events.map((event) => event.internalId),
      fn.id,
      reason,
    ]);
  };

  /** Counts a start within the last period; false when there were as many as the limit allows. */
  const count = async (db: Db, fn: EngineFunction, rule: RateRule, event: StoredEvent): Promise<boolean> => {
    const key = keyOf(fn, "rate", rule.key, event);
    const seconds = rule.periodMs / 1_000;
    await db.query("delete from engine.hits where key = $1 and at <= clock_timestamp() - make_interval(secs => $2)", [
      key,
      seconds,
    ]);
    const { rowCount } = await db.query(
      `insert into engine.hits (key, at) select $1, clock_timestamp()
       where (select count(*) from engine.hits where key = $1) < $2`,
      [key, rule.limit],
    );
    return rowCount === 1;
  };

  const isFirst = async (db: Db, key: string): Promise<boolean> => {
    const { rowCount } = await db.query(
      `insert into engine.seen as s (key) values ($1)
       on conflict (key) do update set seen_at = now() where s.seen_at < now() - interval '24 hours'`,
      [key],
    );
    return rowCount === 1;
  };

  /** Lets go as many of those that wait at a gate as the throttle allows now, and comes back for the rest. */
  const pass = async (db: Db, fnId: string, gate: string): Promise<void> => {
    const fn = deps.findFunction(fnId);
    if (!fn && (await isShared(db))) throw new ElsewhereError(fnId);
    const rule = fn?.throttle;
    const nowMs = await nowOf(db);
    const { rows } = await db.query<{ ms: number }>(
      "select (extract(epoch from next_at) * 1000)::float8 as ms from engine.gates where key = $1",
      [gate],
    );
    // Without the setting nothing is held any more.
    const room = rule
      ? throttleRoom(rule, rows[0]?.ms ?? null, nowMs)
      : { room: GATE_STARTS_MAX, spacingMs: 0, fromMs: nowMs, toleranceMs: 0 };
    const { rows: passed } = await db.query<{ n: number }>(
      `with g as (
        update engine.runs set gate = null where id in (
          select id from engine.runs where gate = $1 order by order_at, id limit $2 for update)
        returning id, order_at
      )
      select count(job.id)::integer as n from (select id from g order by order_at, id) as line,
        lateral graphile_worker.add_job('engine.run', json_build_object('run', line.id), job_key := line.id) as job`,
      [gate, Math.min(room.room, GATE_STARTS_MAX)],
    );
    const nextMs = room.fromMs + (passed[0]?.n ?? 0) * room.spacingMs;
    await db.query(
      `insert into engine.gates (key, next_at) values ($1, to_timestamp($2::float8 / 1000))
       on conflict (key) do update set next_at = excluded.next_at`,
      [gate, nextMs],
    );
    await db.query(
      `select graphile_worker.add_job('engine.gate', json_build_object('fn', $1::text, 'gate', $2::text),
         run_at := to_timestamp($3::float8 / 1000), job_key := 'gate:' || $2::text)
       where exists (select 1 from engine.runs where gate = $2)`,
      [fnId, gate, nextMs - room.toleranceMs],
    );
  };

  const launchNow = async (db: Db, input: LaunchInput): Promise<Launched> => {
    const { fn, events } = input;
    const first = events[0];
    if (!first) throw new Error(`A run of "${fn.id}" was asked for without an event`);
    const { event } = first;
    const singleton = fn.singleton === null ? null : keyOf(fn, "singleton", fn.singleton.key, event);
    if (fn.singleton && singleton !== null) {
      const { rows } = await db.query<{ id: string }>(
        "select id from engine.runs where singleton_key = $1 and status in ('queued', 'running')",
        [singleton],
      );
      if (rows.length > 0 && fn.singleton.mode === "skip") {
        await skip(db, fn, events, "singleton");
        return { kind: "skipped", reason: "singleton" };
      }
      for (const { id } of rows) await deps.cancel(db, id, "A newer run took its place (singleton)");
    }
    const gate = fn.throttle === null ? null : keyOf(fn, "throttle", fn.throttle.key, event);
    const priority = priorityOf(fn.priority, event);
    const runId = deps.newId();
    const { startMs, finishMs } = fn.timeouts;
    await db.query(
      `insert into engine.runs (id, fn_id, event_ids, concurrency_keys, parent_run, parent_step, replay_of, order_at, gate,
         singleton_key, cancel_at, finish_after)
       values ($1, $2, $3, $4, $5, $6, $7, clock_timestamp() - make_interval(secs => $8), $9, $10,
         now() + make_interval(secs => $11), make_interval(secs => $12))`,
      [
        runId,
        fn.id,
        events.map(({ internalId }) => internalId),
        concurrencyKeysOf(fn, event),
        input.parent?.run ?? null,
        input.parent?.step ?? null,
        input.replayOf ?? null,
        priority,
        gate,
        singleton,
        startMs === null ? null : startMs / 1_000,
        finishMs === null ? null : finishMs / 1_000,
      ],
    );
    if (gate !== null) {
      await pass(db, fn.id, gate);
      return { kind: "started", runId, isGated: true };
    }
    // A job that is put forward is due since a while; one that is put back is due later.
    const delaySeconds = priority < 0 ? -priority : Math.max(0, input.jobDelaySeconds ?? 0);
    await db.query(
      `select graphile_worker.add_job('engine.run', json_build_object('run', $1::text),
         run_at := now() + make_interval(secs => $2), job_key := $1::text)`,
      [runId, delaySeconds > 0 ? delaySeconds : -priority],
    );
    return { kind: "started", runId, isGated: priority < 0 };
  };

  const launch: Flow["launch"] = async (db, input, isCounted) => {
    await lockFlow(db, [input.fn.id]);
    const event = input.events[0]?.event;
    if (isCounted && input.fn.rateLimit && event && !(await count(db, input.fn, input.fn.rateLimit, event))) {
      await skip(db, input.fn, input.events, "rate_limit");
      return { kind: "skipped", reason: "rate_limit" };
    }
    return launchNow(db, input);
  };

  /** The latest event waits for a quiet period; those before it are replaced. */
  const debounce = async (db: Db, fn: EngineFunction, events: readonly FlowEvent[]): Promise<void> => {
    const rule = fn.debounce;
    if (!rule) return;
    const latest = new Map<string, FlowEvent>();
    const replaced: FlowEvent[] = [];
    for (const event of events) {
      const key = keyOf(fn, "debounce", rule.key, event.event);
      const before = latest.get(key);
      if (before) replaced.push(before);
      latest.set(key, event);
    }
    for (const [key, event] of latest) {
      const { rows } = await db.query<{ eventId: string }>(
        `select event_id as "eventId" from engine.debounces where key = $1`,
        [key],
      );
      if (rows[0]) replaced.push({ internalId: rows[0].eventId, event: event.event });
      await db.query(
        `with d as (
          insert into engine.debounces as b (key, fn_id, event_id, fire_at, deadline)
          values ($1, $2, $3, least(now() + make_interval(secs => $4), now() + make_interval(secs => $5)), now() + make_interval(secs => $5))
          on conflict (key) do update set event_id = excluded.event_id, fire_at = least(now() + make_interval(secs => $4), b.deadline)
          returning key, fire_at
        )
        select count(job.id) from d, lateral graphile_worker.add_job('engine.debounce', json_build_object('key', d.key),
          run_at := d.fire_at, job_key := 'debounce:' || d.key) as job`,
        [key, fn.id, event.internalId, rule.periodMs / 1_000, rule.timeoutMs === null ? null : rule.timeoutMs / 1_000],
      );
    }
    if (replaced.length > 0) await skip(db, fn, replaced, "debounced");
  };

  const launchIds = async (db: Db, fn: EngineFunction, ids: readonly string[], delay: number): Promise<string[]> => {
    const events = await loadEvents(db, ids);
    if (events.length === 0) return [];
    const launched = await launchNow(db, { fn, events, jobDelaySeconds: delay });
    return launched.kind === "started" && !launched.isGated ? [launched.runId] : [];
  };

  const gather = async (
    db: Db,
    fn: EngineFunction,
    events: readonly FlowEvent[],
    jobDelaySeconds: number,
  ): Promise<string[]> => {
    const rule = fn.batch;
    if (!rule) return [];
    const runs: string[] = [];
    const groups = new Map<string, string[]>();
    for (const event of events) {
      if (rule.condition !== null && rule.condition({ event: event.event }) !== true) {
        runs.push(...(await launchIds(db, fn, [event.internalId], jobDelaySeconds)));
        continue;
      }
      const key = keyOf(fn, "batch", rule.key, event.event);
      const group = groups.get(key);
      if (group) group.push(event.internalId);
      else groups.set(key, [event.internalId]);
    }
    for (const [key, ids] of groups) {
      const { rows } = await db.query<{ id: string; ids: string[] }>(
        "select id, event_ids as ids from engine.batches where key = $1",
        [key],
      );
      const all = [...(rows[0]?.ids ?? []), ...ids];
      const isFilled = all.length >= rule.sizeMax;
      if (rows[0] && isFilled) {
        await db.query("delete from engine.batches where key = $1", [key]);
        await db.query("select graphile_worker.remove_job('batch:' || $1::text)", [rows[0].id]);
      }
      let from = 0;
      for (; all.length - from >= rule.sizeMax; from += rule.sizeMax)
        runs.push(...(await launchIds(db, fn, all.slice(from, from + rule.sizeMax), jobDelaySeconds)));
      const rest = all.slice(from);
      if (rest.length === 0) continue;
      if (rows[0] && !isFilled) {
        await db.query("update engine.batches set event_ids = $2 where key = $1", [key, rest]);
        continue;
      }
      await db.query(
        `with b as (
          insert into engine.batches (key, id, fn_id, event_ids, fire_at)
          values ($1, $2, $3, $4, now() + make_interval(secs => $5)) returning id, fire_at
        )
        select count(job.id) from b, lateral graphile_worker.add_job('engine.batch', json_build_object('batch', b.id),
          run_at := b.fire_at, job_key := 'batch:' || b.id) as job`,
        [key, deps.newId(), fn.id, rest, rule.timeoutMs / 1_000],
      );
    }
    return runs;
  };

  const admit: Flow["admit"] = async (db, starts, jobDelaySeconds) => {
    if (starts.length === 0) return [];
    const groups = new Map<EngineFunction, FlowEvent[]>();
    for (const { fn, event } of starts) {
      const group = groups.get(fn);
      if (group) group.push(event);
      else groups.set(fn, [event]);
    }
    await lockFlow(
      db,
      [...groups.keys()].map((fn) => fn.id),
    );
    const runs: string[] = [];
    for (const [fn, events] of groups) {
      const wanted: FlowEvent[] = [];
      for (const event of events) {
        const once = onceKeyOf(fn, event.event);
        if (once !== null && !(await isFirst(db, once))) continue;
        if (fn.rateLimit && !(await count(db, fn, fn.rateLimit, event.event)))
          await skip(db, fn, [event], "rate_limit");
        else wanted.push(event);
      }
      if (fn.debounce) await debounce(db, fn, wanted);
      else if (fn.batch) runs.push(...(await gather(db, fn, wanted, jobDelaySeconds)));
      else
        for (const event of wanted) {
          const launched = await launchNow(db, { fn, events: [event], jobDelaySeconds });
          if (launched.kind === "started" && !launched.isGated) runs.push(launched.runId);
        }
    }
    return runs;
  };

  /** For what waited for a function that is gone meanwhile: a run that fails with the reason, instead of nothing. */
  const launchLost = async (db: Db, fnId: string, ids: readonly string[]): Promise<void> => {
    await db.query(
      `with r as (insert into engine.runs (id, fn_id, event_ids) values ($1, $2, $3) returning id)
       select count(job.id) from r, lateral graphile_worker.add_job('engine.run', json_build_object('run', r.id), job_key := r.id) as job`,
      [deps.newId(), fnId, [...ids]],
    );
  };

  const start = async (db: Db, fnId: string, ids: readonly string[]): Promise<void> => {
    const fn = deps.findFunction(fnId);
    if (fn) await launchIds(db, fn, ids, 0);
    else if (await isShared(db)) throw new ElsewhereError(fnId);
    else await launchLost(db, fnId, ids);
  };

  /**
   * Does the work of a job, or puts the job back for a moment where only another engine knows the function: the queue's own
   * tries would come later and later. A job of the same key that came meanwhile keeps its time.
   */
  const orElsewhere = async (
    job: Readonly<{ task: string; payload: unknown; key: string }>,
    work: (db: Db) => Promise<void>,
  ): Promise<void> => {
    try {
      await deps.inTransaction(work);
    } catch (error) {
      if (!(error instanceof ElsewhereError)) throw error;
      await deps.inTransaction((db) =>
        db.query(
          `select graphile_worker.add_job($1::text, $2::json, run_at := now() + make_interval(secs => $3), job_key := $4::text,
             job_key_mode := 'preserve_run_at')`,
          [job.task, JSON.stringify(job.payload), ELSEWHERE_PAUSE_S, job.key],
        ),
      );
    }
  };

  return {
    admit,
    launch,
    openGate: async (payload) => {
      const { fn, gate } = GatePayloadSchema.parse(payload);
      await orElsewhere({ task: "engine.gate", payload, key: `gate:${gate}` }, async (db) => {
        await lockFlow(db, [fn]);
        await pass(db, fn, gate);
      });
    },
    fireDebounce: async (payload) => {
      const { key } = DebouncePayloadSchema.parse(payload);
      await orElsewhere({ task: "engine.debounce", payload, key: `debounce:${key}` }, async (db) => {
        await lockFlow(db, [key.split(KEY_PART_SEPARATOR)[0] ?? ""]);
        const { rows } = await db.query<{ fnId: string; eventId: string }>(
          `delete from engine.debounces where key = $1 and fire_at <= clock_timestamp() returning fn_id as "fnId", event_id as "eventId"`,
          [key],
        );
        if (rows[0]) await start(db, rows[0].fnId, [rows[0].eventId]);
      });
    },
    fireBatch: async (payload) => {
      const { batch } = BatchPayloadSchema.parse(payload);
      await orElsewhere({ task: "engine.batch", payload, key: `batch:${batch}` }, async (db) => {
        const { rows: found } = await db.query<{ fnId: string }>(
          `select fn_id as "fnId" from engine.batches where id = $1`,
          [batch],
        );
        if (!found[0]) return;
        await lockFlow(db, [found[0].fnId]);
        const { rows } = await db.query<{ fnId: string; ids: string[] }>(
          `delete from engine.batches where id = $1 returning fn_id as "fnId", event_ids as ids`,
          [batch],
        );
        if (rows[0]) await start(db, rows[0].fnId, rows[0].ids);
      });
    },
  };
}
