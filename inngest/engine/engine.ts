import { createHash, randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import {
  Logger,
  type LogLevel,
  type Runner,
  runMigrations,
  run as runWorker,
  type WorkerEvents,
} from "graphile-worker";
import { Client, Pool, type PoolClient } from "pg";
import { monotonicFactory } from "ulid";
import { z } from "zod";
import type { Log } from "@/server/observability/log";
import { parseCron } from "./cron";
import { compileExpression, keyText } from "./expression";
import type { EngineFunction } from "./function-config";
import { createMaintenance, presenceKey } from "./maintenance";
import { migrateEngine } from "./migrations";
import { createSdkClient, type EngineApp, type StoredEvent } from "./protocol";
import { driveRun, inTransaction, type RunLoopDeps } from "./run-loop";
import { cancelRun, type Db, insertEvents, type NewEvent, type NewRun, settleWait, unblockNext } from "./store";

const LATEST_MS = Date.UTC(9999, 11, 31);
const WordSchema = z
  .string()
  .max(512)
  .refine((text) => !text.includes("\u0000"), "must not hold a NUL character");

export const EventInputSchema = z.looseObject({
  name: WordSchema.min(1),
  data: z.record(z.string(), z.unknown()).nullish(),
  id: WordSchema.nullish(),
  ts: z.number().int().min(0).max(LATEST_MS).nullish(),
  v: WordSchema.nullish(),
  user: z.record(z.string(), z.unknown()).nullish(),
});
export type EventInput = z.infer<typeof EventInputSchema>;

export type EngineOptions = Readonly<{
  /** A pool to share; without it the engine opens its own to `connectionString`. */
  pool?: Pool;
  connectionString: string;
  apps: readonly EngineApp[];
  log: Log;
  signingKey?: string | undefined;
  /** Runs driven at the same time in this process. */
  concurrency?: number;
  pollIntervalMs?: number;
  retentionDays?: number;
  /** How long a process may be silent (stopped, hanging) before others take its runs over. */
  leaseMs?: number;
  backoffMs?: (attempt: number) => number;
  /** Called once when the engine cannot go on (its database connection is gone); the owner restarts it. */
  onFatal?: (error: Error) => void;
}>;

export type Engine = Readonly<{
  start: () => Promise<void>;
  /** Takes no more work and lets calls in flight end, at most `timeoutMs`. */
  stop: (timeoutMs?: number) => Promise<void>;
  /** Stores events and starts what they trigger. Answers the ids under which they are kept. */
  send: (events: readonly EventInput[], seed?: string) => Promise<string[]>;
  cancel: (runId: string) => Promise<boolean>;
  /** Starts the same function with the same event anew; null when there is no such run. */
  replay: (runId: string) => Promise<string | null>;
  functions: () => readonly EngineFunction[];
  appIds: () => readonly string[];
  isRunning: () => boolean;
  pool: Pool;
}>;

const CONCURRENCY_DEFAULT = 16;
const POOL_SPARE = 2;
const POOL_IDLE_MS = 300_000;
const DIRECT_JOB_DELAY_SECONDS = 3;
const POLL_INTERVAL_MS = 500;
const STOP_TIMEOUT_MS = 10_000;
const BACKOFF_FIRST_MS = 1_000;
const BACKOFF_MAX_MS = 600_000;
const RULE_SEPARATOR = "\u001e";
const SWEEP_INTERVAL_MS = 1_000;
const HEARTBEAT_MS = 1_000;
const LEASE_MS = 30_000;

const RunPayloadSchema = z.object({ run: z.string() });
const MatchPayloadSchema = z.object({ event: z.string() });
const CronPayloadSchema = z.object({ fn: z.string(), idx: z.number(), at: z.number() });

/** 1 s, 2 s, 4 s … ten minutes, each a fifth more or less. */
export function defaultBackoffMs(attempt: number): number {
  const base = Math.min(BACKOFF_FIRST_MS * 2 ** Math.max(0, attempt - 1), BACKOFF_MAX_MS);
  return Math.round(base * (0.8 + Math.random() * 0.4));
}

export function createEngine(options: EngineOptions): Engine {
  const { log } = options;
  const newUlid = monotonicFactory();
  const concurrency = options.concurrency ?? CONCURRENCY_DEFAULT;
  // One name for all connections of this engine: others close them by it should this process hang.
  const connectionName = `engine ${randomUUID()}`;
  const pool =
    options.pool ??
    new Pool({
      connectionString: options.connectionString,
      max: concurrency + POOL_SPARE,
      idleTimeoutMillis: POOL_IDLE_MS,
      application_name: connectionName,
      // The statements are few, prepared and always alike: planning them anew each time would cost more than running them.
      options: "-c plan_cache_mode=force_generic_plan -c jit=off",
    });
  const isOwnPool = options.pool === undefined;
  const sdk = createSdkClient(options.apps, options.signingKey);
  const functions = new Map<string, EngineFunction>();
  const appIds: string[] = [];
  let state: "new" | "running" | "stopping" | "stopped" = "new";
  let presence: Client | null = null;
  let runner: Runner | null = null;
  let workerId = 0;
  let timer: NodeJS.Timeout | null = null;
  let heartbeat: NodeJS.Timeout | null = null;

  const onPoolError = (error: Error): void => log.warn({ error }, "A database connection of the engine was lost");
  const onConnect = (client: PoolClient): void => void client.on("error", onPoolError);
  pool.on("error", onPoolError);
  pool.on("connect", onConnect);

  let isFatal = false;
  const fatal = (error: Error): void => {
    if (isFatal || state === "stopping" || state === "stopped") return;
    isFatal = true;
    state = "stopping";
    log.error({ error }, "The engine cannot go on");
    options.onFatal?.(error);
  };

  /** The names whose arrival may cancel runs: known from the functions, unlike waits. */
  const matchNames = (): string[] => [...functions.values()].flatMap((fn) => fn.cancel.map((rule) => rule.event));

  const eventOf = (event: NewEvent): StoredEvent => ({
    id: event.id,
    name: event.name,
    data: event.data,
    ts: event.tsMs,
  });

  const concurrencyKeys = (fn: EngineFunction, event: StoredEvent): string[] =>
    fn.concurrency.map((rule, index) =>
      [fn.id, index, rule.key === null ? "" : keyText(rule.key({ event }))].join(RULE_SEPARATOR),
    );

  const newRun = (
    fn: EngineFunction,
    event: NewEvent,
    seenKey: string | null,
    parent?: { run: string; step: string },
  ): NewRun => ({
    id: newUlid(),
    fnId: fn.id,
    eventInternalId: event.internalId,
    seenKey,
    concurrencyKeys: concurrencyKeys(fn, eventOf(event)),
    parentRun: parent?.run ?? null,
    parentStep: parent?.step ?? null,
  });

  const newEvent = (input: EventInput, internalId: string, isNamed: boolean): NewEvent => {
    const id = input.id ? input.id : internalId;
    return {
      internalId,
      id,
      name: input.name,
      data: input.data ?? {},
      user: input.user ?? null,
      v: input.v ?? null,
      tsMs: input.ts ?? Date.now(),
      seenKey: isNamed ? `event${RULE_SEPARATOR}${id}` : null,
    };
  };

  const triggeredRuns = (event: NewEvent): NewRun[] => {
    const runs: NewRun[] = [];
    for (const fn of functions.values()) {
      const isTriggered = fn.events.some(
        (trigger) =>
          trigger.isMatch(event.name) &&
          (trigger.condition === null || trigger.condition({ event: eventOf(event) }) === true),
      );
      if (!isTriggered) continue;
      const seenKey =
        fn.idempotency === null
          ? null
          : [
              "once",
              fn.id,
              createHash("sha256")
                .update(keyText(fn.idempotency({ event: eventOf(event) })))
                .digest("hex"),
            ].join(RULE_SEPARATOR);
      runs.push(newRun(fn, event, seenKey));
    }
    return runs;
  };

  const store = async (db: Db, events: readonly NewEvent[]): Promise<void> => {
    await insertEvents(db, { events, runs: events.flatMap(triggeredRuns), matchNames: matchNames() });
  };

  /** Runs that this process started as soon as their event was stored, without the way through the queue. */
  const direct = new Set<Promise<void>>();
  let kept = 0;

  const send: Engine["send"] = async (inputs, seed) => {
    if (inputs.length === 0) return [];
    const events = inputs.map((input, index) => {
      // The SDK repeats a send with the same seed: such events get the same ids, so that the repeat is known.
      if (!input.id && seed)
        return newEvent(
          input,
          `seed-${createHash("sha256").update(`${seed}:${index}`).digest("hex").slice(0, 32)}`,
          true,
        );
      return newEvent(input, newUlid(), Boolean(input.id));
    });
    const runs = events.flatMap(triggeredRuns);
    // With room here the runs start at once; their jobs stay behind as the proof against a crash.
    const isDirect = state === "running" && runs.length > 0 && direct.size + kept + runs.length <= concurrency;
    // The room is kept while the events are stored: others who send meanwhile must not count on it too.
    const room = isDirect ? runs.length : 0;
    kept += room;
    const stored = await insertEvents(pool, {
      events,
      runs,
      matchNames: matchNames(),
      jobDelaySeconds: isDirect ? DIRECT_JOB_DELAY_SECONDS : 0,
    }).finally(() => {
      kept -= room;
    });
    if (isDirect)
      for (const run of stored.runs) {
        const driven = drive(run, true).finally(() => direct.delete(driven));
        direct.add(driven);
      }
    return events.map((event) => event.internalId);
  };

  const deps: RunLoopDeps = {
    pool,
    get workerId() {
      return workerId;
    },
    sdk,
    findFunction: (fnId) => functions.get(fnId),
    hasLimits: () => [...functions.values()].some((fn) => fn.concurrency.length > 0),
    startChild: async (db, { fn, data, parentRun, parentStep }) => {
      const record = z.record(z.string(), z.unknown()).safeParse(data);
      const event = newEvent(
        { name: "inngest/function.invoked", data: record.success ? record.data : { value: data } },
        newUlid(),
        false,
      );
      await insertEvents(db, {
        events: [event],
        runs: [newRun(fn, event, null, { run: parentRun, step: parentStep })],
        matchNames: [],
      });
    },
    isAnnounced: (status) =>
      status === "failed" ||
      [...functions.values()].some((fn) => fn.events.some((trigger) => trigger.isMatch("inngest/function.finished"))),
    announceEnd: async (db, { fnId, runId, event, error, output }) => {
      const data = {
        function_id: fnId,
        run_id: runId,
        event,
        events: event ? [event] : [],
        ...(error === null ? { result: output } : { error }),
      };
      const ended = newEvent({ name: "inngest/function.finished", data }, newUlid(), false);
      const failed = newEvent({ name: "inngest/function.failed", data }, newUlid(), false);
      // A failed failure handler does not start another one.
      const isHandler = event?.name === "inngest/function.failed";
      await store(db, error === null ? [ended] : isHandler ? [] : [failed, ended]);
    },
    backoffMs: options.backoffMs ?? defaultBackoffMs,
    isStopping: () => state !== "running",
  };

  /** Gives a run back after an internal fault, to be tried again shortly. */
  const handBack = async (runId: string): Promise<void> => {
    await pool.query(
      `with f as (update engine.runs set claimed_by = null where id = $1 and claimed_by = $2 returning id)
       select count(*) from f, lateral graphile_worker.add_job('engine.run', json_build_object('run', f.id), run_at := now() + interval '1 second', job_key := f.id) as job`,
      [runId, workerId],
    );
  };

  const drive = async (run: string, isPastQueue: boolean): Promise<void> => {
    try {
      await driveRun(deps, run, isPastQueue);
    } catch (error) {
      log.error({ error, runId: run }, "A run met a fault of the engine and is handed back");
      try {
        await handBack(run);
      } catch (second) {
        fatal(second instanceof Error ? second : new Error(String(second)));
      }
    }
  };

  const runTask = async (payload: unknown): Promise<void> => {
    const { run } = RunPayloadSchema.parse(payload);
    if (state !== "running") {
      await pool.query(
        "select graphile_worker.add_job('engine.run', json_build_object('run', $1::text), job_key := $1::text)",
        [run],
      );
      return;
    }
    await drive(run, false);
  };

  const isTrue = (source: string | null, scope: { event: unknown; async: unknown }): boolean => {
    if (source === null) return true;
    try {
      return compileExpression(source, ["event", "async"])(scope) === true;
    } catch {
      return false;
    }
  };

  const runEventSql = `(select json_build_object('id', e.id, 'name', e.name, 'data', e.data, 'ts', (extract(epoch from e.ts) * 1000)::bigint)
    from engine.events e where e.internal_id = r.event_ids[1])`;

  const cancel: Engine["cancel"] = (runId) =>
    inTransaction(pool, async (db) => {
      const { rows } = await db.query<{ keys: string[] }>(
        "select concurrency_keys as keys from engine.runs where id = $1",
        [runId],
      );
      const isCancelled = await cancelRun(db, runId);
      if (isCancelled && (rows[0]?.keys.length ?? 0) > 0) await unblockNext(db, rows[0]?.keys ?? []);
      return isCancelled;
    });

  /** An event has come that steps wait for, or that cancels runs. */
  const matchTask = async (payload: unknown): Promise<void> => {
    const { event: internalId } = MatchPayloadSchema.parse(payload);
    const { rows: events } = await pool.query<{ id: string; name: string; data: unknown; ts: string; at: Date }>(
      "select id, name, data, (extract(epoch from ts) * 1000)::bigint as ts, received_at as at from engine.events where internal_id = $1",
      [internalId],
    );
    const found = events[0];
    if (!found) return;
    const event: StoredEvent = { id: found.id, name: found.name, data: found.data, ts: Number(found.ts) };
    const { rows: waits } = await pool.query<{
      runId: string;
      stepId: string;
      expression: string | null;
      event: unknown;
    }>(
      `select s.run_id as "runId", s.id as "stepId", s.expression, ${runEventSql} as event
       from engine.steps s join engine.runs r on r.id = s.run_id
       where s.status = 'waiting' and s.event_name = $1 and s.created_at <= $2 and s.wake_at > now()`,
      [event.name, found.at],
    );
    for (const wait of waits)
      if (isTrue(wait.expression, { event: wait.event, async: event }))
        await settleWait(pool, { runId: wait.runId, stepId: wait.stepId, event });
    for (const fn of functions.values()) {
      const rules = fn.cancel.filter((rule) => rule.event === event.name);
      if (rules.length === 0) continue;
      const { rows: runs } = await pool.query<{ id: string; event: unknown }>(
        `select r.id, ${runEventSql} as event from engine.runs r
         where r.fn_id = $1 and r.status in ('queued', 'running') and r.created_at <= $2 and not $3 = any (r.event_ids)`,
        [fn.id, found.at, internalId],
      );
      for (const run of runs)
        if (
          rules.some((rule) => rule.condition === null || rule.condition({ event: run.event, async: event }) === true)
        )
          await cancel(run.id);
    }
  };

  const scheduleCron = async (db: Db, fnId: string, idx: number, atMs: number): Promise<void> => {
    await db.query(
      `select graphile_worker.add_job('engine.cron', json_build_object('fn', $1::text, 'idx', $2::integer, 'at', $3::bigint),
         run_at := $4::timestamptz, job_key := 'cron:' || $1::text || ':' || $2::integer)`,
      [fnId, idx, atMs, new Date(atMs)],
    );
  };

  const cronTask = async (payload: unknown): Promise<void> => {
    const { fn: fnId, idx, at } = CronPayloadSchema.parse(payload);
    const fn = functions.get(fnId);
    const cron = fn?.crons[idx];
    if (!fn || !cron) return;
    await inTransaction(pool, async (db) => {
      const { rowCount } = await db.query(
        "select 1 from engine.schedules where fn_id = $1 and idx = $2 and cron = $3 for update",
        [fnId, idx, cron.text],
      );
      if (rowCount !== 1) return;
      const event = newEvent({ name: "inngest/scheduled.timer", data: { cron: cron.text } }, newUlid(), false);
      const tickKey = ["cron", fnId, idx, at].join(RULE_SEPARATOR);
      await insertEvents(db, { events: [event], runs: [newRun(fn, event, tickKey)], matchNames: [] });
      const nextMs = cron.next(Math.max(at, Date.now()));
      await db.query("update engine.schedules set next_at = $3 where fn_id = $1 and idx = $2", [
        fnId,
        idx,
        new Date(nextMs),
      ]);
      await scheduleCron(db, fnId, idx, nextMs);
    });
  };

  /** Keeps the schedules of the database in step with the functions. A tick missed while nothing ran is made up once. */
  const syncSchedules = (): Promise<void> =>
    inTransaction(pool, async (db) => {
      await db.query("select pg_advisory_xact_lock(7204513)");
      const { rows } = await db.query<{ fnId: string; idx: number; cron: string; nextAt: Date }>(
        `select fn_id as "fnId", idx, cron, next_at as "nextAt" from engine.schedules`,
      );
      const known = new Map(rows.map((row) => [`${row.fnId}:${row.idx}`, row]));
      for (const fn of functions.values()) {
        for (const [idx, cron] of fn.crons.entries()) {
          const key = `${fn.id}:${idx}`;
          const row = known.get(key);
          known.delete(key);
          const isKept = row?.cron === cron.text;
          const nextMs = isKept ? row.nextAt.getTime() : parseCron(cron.text).next(Date.now());
          if (!isKept)
            await db.query(
              `insert into engine.schedules (fn_id, idx, cron, next_at) values ($1, $2, $3, $4)
               on conflict (fn_id, idx) do update set cron = excluded.cron, next_at = excluded.next_at`,
              [fn.id, idx, cron.text, new Date(nextMs)],
            );
          await scheduleCron(db, fn.id, idx, nextMs);
        }
      }
      for (const row of known.values()) {
        await db.query("delete from engine.schedules where fn_id = $1 and idx = $2", [row.fnId, row.idx]);
        await db.query("select graphile_worker.remove_job('cron:' || $1::text || ':' || $2::integer)", [
          row.fnId,
          row.idx,
        ]);
      }
    });

  const syncFunctions = async (): Promise<void> => {
    const synced = await sdk.sync();
    functions.clear();
    for (const { fn } of synced.functions) functions.set(fn.id, fn);
    appIds.splice(0, appIds.length, ...synced.appIds);
    await pool.query(
      `insert into engine.functions (id, name, config) select i.id, i.name, i.config::json from unnest($1::text[], $2::text[], $3::text[]) as i (id, name, config)
       on conflict (id) do update set name = excluded.name, config = excluded.config, synced_at = now()`,
      [
        synced.functions.map(({ fn }) => fn.id),
        synced.functions.map(({ fn }) => fn.name),
        synced.functions.map(({ config }) => JSON.stringify(config)),
      ],
    );
    await pool.query("delete from engine.functions where id <> all ($1::text[])", [[...functions.keys()]]);
  };

  const graphileLogger = new Logger((scope) => (level: LogLevel, message) => {
    if (level === "error") log.error({ jobId: scope.jobId }, message);
    else if (level === "warning") log.warn({ jobId: scope.jobId }, message);
    else log.debug({}, message);
  });

  /** One connection that lives as long as this process and holds a lock: its end is the proof that the process is gone. */
  const openPresence = async (): Promise<void> => {
    const client = new Client({
      connectionString: options.connectionString,
      application_name: connectionName,
      keepAlive: true,
    });
    client.on("error", (error) => fatal(error));
    client.on("end", () => fatal(new Error("The engine's connection to the database was closed")));
    await client.connect();
    const { rows } = await client.query<{ id: number }>("insert into engine.workers (pid) values ($1) returning id", [
      process.pid,
    ]);
    workerId = rows[0]?.id ?? 0;
    await client.query("select pg_advisory_lock($1, $2)", [presenceKey, workerId]);
    presence = client;
    const beat = async (): Promise<void> => {
      const { rowCount } = await client.query({
        name: "engine_beat",
        text: "update engine.workers set seen_at = now() where id = $1",
        values: [workerId],
      });
      if (rowCount !== 1) fatal(new Error("This process was silent for too long: its runs were taken over"));
      if (presence === client) heartbeat = setTimeout(next, HEARTBEAT_MS);
    };
    const next = (): void => void beat().catch(fatal);
    heartbeat = setTimeout(next, HEARTBEAT_MS);
  };

  const maintenance = createMaintenance({
    pool,
    log,
    retentionDays: options.retentionDays ?? 7,
    leaseMs: options.leaseMs ?? LEASE_MS,
    workerId: () => workerId,
  });

  const start: Engine["start"] = async () => {
    await migrateEngine(pool);
    await runMigrations({ pgPool: pool, logger: graphileLogger });
    await syncFunctions();
    await openPresence();
    await maintenance.reap();
    await syncSchedules();
    state = "running";
    const events: WorkerEvents = new EventEmitter();
    events.on("pool:create", ({ workerPool }) => {
      presence?.query("update engine.workers set pool_id = $2 where id = $1", [workerId, workerPool.id]).catch(fatal);
    });
    runner = await runWorker({
      pgPool: pool,
      noHandleSignals: true,
      parsedCronItems: [],
      events,
      logger: graphileLogger,
      taskList: { "engine.run": runTask, "engine.match": matchTask, "engine.cron": cronTask },
      preset: {
        worker: {
          concurrentJobs: concurrency,
          pollInterval: options.pollIntervalMs ?? POLL_INTERVAL_MS,
          localQueue: { size: concurrency },
          completeJobBatchDelay: 0,
          gracefulShutdownAbortTimeout: STOP_TIMEOUT_MS,
        },
      },
    });
    runner.promise.then(
      () => fatal(new Error("The job queue stopped")),
      (error: unknown) => fatal(error instanceof Error ? error : new Error(String(error))),
    );
    const tick = async (): Promise<void> => {
      try {
        await maintenance.tick();
      } catch (error) {
        log.warn({ error }, "Housekeeping of the engine failed");
      }
      if (state === "running") timer = setTimeout(tick, SWEEP_INTERVAL_MS);
    };
    timer = setTimeout(tick, SWEEP_INTERVAL_MS);
    log.info({ functions: functions.size, worker: workerId }, "The engine runs");
  };

  const stop: Engine["stop"] = async (timeoutMs = STOP_TIMEOUT_MS) => {
    if (state === "stopped") return;
    state = "stopping";
    if (timer) clearTimeout(timer);
    if (heartbeat) clearTimeout(heartbeat);
    let isClean = runner === null;
    if (runner) {
      let deadline: NodeJS.Timeout | undefined;
      const late = new Promise<false>((resolve) => {
        deadline = setTimeout(() => resolve(false), timeoutMs);
      });
      const ended = Promise.all([runner.stop(), ...direct]);
      isClean = await Promise.race([
        ended.then(
          () => true,
          () => false,
        ),
        late,
      ]);
      clearTimeout(deadline);
    }
    state = "stopped";
    const client = presence;
    presence = null;
    if (client) {
      // With calls still in flight the row stays: whoever comes next takes the runs over.
      if (isClean) await client.query("delete from engine.workers where id = $1", [workerId]).catch(() => undefined);
      await client.end().catch(() => undefined);
    }
    if (!isOwnPool) {
      pool.off("error", onPoolError);
      pool.off("connect", onConnect);
    } else {
      if (isClean) await pool.end().catch(() => undefined);
      else pool.end().catch(() => undefined);
    }
  };

  const replay: Engine["replay"] = async (runId) => {
    const id = newUlid();
    const { rowCount } = await pool.query(
      `with r as (
        insert into engine.runs (id, fn_id, event_ids, concurrency_keys, replay_of)
        select $2::text, fn_id, event_ids, concurrency_keys, id from engine.runs where id = $1 returning id
      )
      select job.id from r, lateral graphile_worker.add_job('engine.run', json_build_object('run', r.id), job_key := r.id) as job`,
      [runId, id],
    );
    return rowCount === 1 ? id : null;
  };

  return {
    start,
    stop,
    send,
    cancel,
    replay,
    functions: () => [...functions.values()],
    appIds: () => appIds,
    isRunning: () => state === "running",
    pool,
  };
}
