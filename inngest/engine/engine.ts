import { randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import {
  Logger,
  type LogLevel,
  type Runner,
  runMigrations,
  run as runWorker,
  type WorkerEvents,
} from "graphile-worker";
import { Client, DatabaseError, Pool, type PoolClient } from "pg";
import { monotonicFactory } from "ulid";
import { z } from "zod";
import type { Log } from "@/server/observability/log";
import { createBatch } from "./batch";
import { digest, type EventInput, seenKeyOf, toNewEvent } from "./events";
import { isShared } from "./flow";
import type { EngineFunction } from "./function-config";
import { createMaintenance, presenceKey } from "./maintenance";
import { createMatching } from "./matching";
import { migrateEngine } from "./migrations";
import { createSdkClient, type EngineApp } from "./protocol";
import { driveRun, type RunLoopDeps, type RunWrites } from "./run-loop";
import { createSchedules } from "./schedules";
import { createStarts } from "./starts";
import { type ClaimedRun, claimRuns, type FinishedRun, finishPlainRuns, type SavedSteps, saveSteps } from "./store";

export type EngineOptions = Readonly<{
  /** A pool to share; without it the engine opens its own to `connectionString`. */
  pool?: Pool;
  connectionString: string;
  apps: readonly EngineApp[];
  log: Log;
  signingKey?: string | undefined;
  /** Tried where the first is refused: an app that was not restarted yet after the keys were changed. */
  signingKeyFallback?: string | undefined;
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
  /** Ends a run; false when it does not exist or has ended. */
  cancel: (runId: string, reason?: string) => Promise<boolean>;
  /** Starts the same function with the same events anew; null when there is no such run. Throws EngineConflictError. */
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
const SWEEP_INTERVAL_MS = 1_000;
/** About what a statement takes when the database is not busy. */
const WRITE_PATIENCE_MS = 5;
const HEARTBEAT_MS = 1_000;
const LEASE_MS = 30_000;

const RunPayloadSchema = z.object({ run: z.string() });

/** 1 s, 2 s, 4 s … ten minutes, each a fifth more or less. */
export function defaultBackoffMs(attempt: number): number {
  const base = Math.min(BACKOFF_FIRST_MS * 2 ** Math.max(0, attempt - 1), BACKOFF_MAX_MS);
  return Math.round(base * (0.8 + Math.random() * 0.4));
}

/** Whether the database refused the statement: then nothing of it was done. A lost connection leaves that open. */
function isRefused(error: unknown): boolean {
  return error instanceof DatabaseError && !/^(?:08|57P)/.test(error.code ?? "08");
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
  const sdk = createSdkClient(options.apps, options.signingKey, options.signingKeyFallback);
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

  const starts = createStarts({ pool, functions, newId: newUlid });

  /** Runs that this process started as soon as their event was stored, without the way through the queue. */
  const direct = new Set<Promise<void>>();
  let kept = 0;

  const send: Engine["send"] = async (inputs, seed) => {
    if (inputs.length === 0) return [];
    const events = inputs.map((input, index) => {
      if (input.id) return toNewEvent(input, newUlid(), seenKeyOf(input.id));
      if (!seed) return toNewEvent(input, newUlid(), null);
      // The SDK repeats a send with the same seed: such events get the same ids, so that the repeat is known.
      const id = `seed-${digest(`${seed}:${index}`).slice(0, 32)}`;
      return toNewEvent(input, id, seenKeyOf(id));
    });
    const work = starts.triggered(events);
    const count = work.runs.length + work.starts.length;
    // With room here the runs start at once; their jobs stay behind as the proof against a crash.
    const isDirect = state === "running" && count > 0 && direct.size + kept + count <= concurrency;
    // The room is kept while the events are stored: others who send meanwhile must not count on it too.
    const room = isDirect ? count : 0;
    kept += room;
    const runs = await starts.ingest(events, work, isDirect ? DIRECT_JOB_DELAY_SECONDS : 0).finally(() => {
      kept -= room;
    });
    if (isDirect)
      for (const run of runs) {
        const driven = drive(run, true).finally(() => direct.delete(driven));
        direct.add(driven);
      }
    return events.map((event) => event.internalId);
  };

  const cancel: Engine["cancel"] = (runId, reason = "Somebody cancelled it") => starts.cancel(runId, reason);

  const shared = { isUndone: isRefused, sizeMax: concurrency, patienceMs: WRITE_PATIENCE_MS };
  const writes: RunWrites = {
    claim: createBatch<string, { run: ClaimedRun | null }>({
      ...shared,
      keyOf: (runId) => runId,
      work: async (runIds) => (await claimRuns(pool, runIds, workerId, false)).map((run) => ({ run })),
    }),
    // What a step did is written at once: until then a crash would have it done again.
    save: async (input: SavedSteps) => (await saveSteps(pool, workerId, [input]))[0] === true,
    finish: createBatch<FinishedRun, boolean>({
      ...shared,
      keyOf: ({ runId }) => runId,
      work: (inputs) => finishPlainRuns(pool, workerId, inputs),
    }),
  };

  const deps: RunLoopDeps = {
    pool,
    writes,
    get workerId() {
      return workerId;
    },
    sdk,
    findFunction: (fnId) => functions.get(fnId),
    hasLimits: () => [...functions.values()].some((fn) => fn.concurrency.length > 0),
    limitOf: starts.limitOf,
    isShared: () => isShared(pool),
    expire: async (runId) => void (await cancel(runId, "It did not end in time (timeouts.finish)")),
    startChild: starts.startChild,
    isAnnounced: starts.isAnnounced,
    announceEnd: starts.announceEnd,
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

  const matchTask = createMatching({ pool, functions: () => functions.values(), cancel });
  const schedules = createSchedules({ pool, functions, start: starts.startCron });

  const syncFunctions = async (): Promise<void> => {
    const synced = await sdk.sync();
    functions.clear();
    for (const { fn } of synced.functions) functions.set(fn.id, fn);
    appIds.splice(0, appIds.length, ...synced.appIds);
    await pool.query(
      `insert into engine.functions (id, name, config, app_id) select i.id, i.name, i.config::json, i.app_id
       from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as i (id, name, config, app_id)
       on conflict (id) do update set name = excluded.name, config = excluded.config, app_id = excluded.app_id, synced_at = now()`,
      [
        synced.functions.map(({ fn }) => fn.id),
        synced.functions.map(({ fn }) => fn.name),
        synced.functions.map(({ config }) => JSON.stringify(config)),
        synced.functions.map(({ appId }) => appId),
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
    cancel,
  });

  const start: Engine["start"] = async () => {
    await migrateEngine(pool);
    await runMigrations({ pgPool: pool, logger: graphileLogger });
    await syncFunctions();
    await openPresence();
    await maintenance.reap();
    await schedules.sync();
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
      taskList: {
        "engine.run": runTask,
        "engine.match": matchTask,
        "engine.cron": schedules.tick,
        "engine.gate": starts.flow.openGate,
        "engine.debounce": starts.flow.fireDebounce,
        "engine.batch": starts.flow.fireBatch,
      },
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

  return {
    start,
    stop,
    send,
    cancel,
    replay: starts.replay,
    functions: () => [...functions.values()],
    appIds: () => appIds,
    isRunning: () => state === "running",
    pool,
  };
}
