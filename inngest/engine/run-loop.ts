import type { Pool, PoolClient } from "pg";
import { parseMoment } from "./duration";
import { compileExpression } from "./expression";
import type { EngineFunction } from "./function-config";
import type { CallResult, Op, SdkClient, StoredEvent } from "./protocol";
import {
  type ClaimedRun,
  claimRuns,
  type Db,
  type FailedAttempt,
  type FinishedRun,
  finishRun,
  isUnkeepable,
  memoOf,
  releaseRun,
  reloadRun,
  type SavedSteps,
  type StepRow,
  saveAttempts,
  saveSteps,
} from "./store";
import { blockRun, countClaimed, lockConcurrencyKeys, unblockNext } from "./store-concurrency";

export type RunLoopDeps = Readonly<{
  pool: Pool;
  workerId: number;
  writes: RunWrites;
  sdk: SdkClient;
  findFunction: (fnId: string) => EngineFunction | undefined;
  hasLimits: () => boolean;
  /** The limit of a run's concurrency key by its place; a rule that is gone limits nothing. */
  limitOf: (fnId: string, index: number) => number;
  /** Whether another process may know a function that this one does not: two versions side by side for a while. */
  isShared: () => Promise<boolean>;
  /** Cancels a run that has used up its time. */
  expire: (runId: string) => Promise<void>;
  /** Starts a child run for an invoking step, inside the transaction that stores the step. */
  startChild: (
    db: Db,
    input: Readonly<{ fn: EngineFunction; data: unknown; parentRun: string; parentStep: string }>,
  ) => Promise<void>;
  /** Announces the end of a run to functions that listen for it, inside the transaction that ends it. */
  announceEnd: (
    db: Db,
    input: Readonly<{ fnId: string; runId: string; events: readonly StoredEvent[]; error: unknown; output: unknown }>,
  ) => Promise<void>;
  isAnnounced: (status: "completed" | "failed") => boolean;
  backoffMs: (attempt: number) => number;
  isStopping: () => boolean;
}>;

/** What every run asks of the database, in statements that it may share with others. */
export type RunWrites = Readonly<{
  /** Takes a run without concurrency keys; null when there is nothing to take. */
  claim: (runId: string) => Promise<{ run: ClaimedRun | null }>;
  /** False when the claim is lost. */
  save: (input: SavedSteps) => Promise<boolean>;
  /** Ends a run that no step waits for. False when the claim is lost. */
  finish: (input: FinishedRun) => Promise<boolean>;
}>;

const STEPS_AT_ONCE_MAX = 16;
const ELSEWHERE_PAUSE_MS = 1_000;

type Outcome = "going" | "over";

export async function inTransaction<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let isBroken = false;
  try {
    await client.query("begin");
    const result = await work(client);
    await client.query("commit");
    return result;
  } catch (error) {
    await client.query("rollback").catch(() => {
      isBroken = true;
    });
    throw error;
  } finally {
    client.release(isBroken);
  }
}

async function claim(deps: RunLoopDeps, runId: string): Promise<ClaimedRun | null> {
  const { run } = await deps.writes.claim(runId);
  if (run || !deps.hasLimits()) return run;
  return inTransaction(deps.pool, async (db) => {
    const { rows } = await db.query<{ fnId: string; keys: string[] }>(
      `select fn_id as "fnId", concurrency_keys as keys from engine.runs
       where id = $1 and claimed_by is null and gate is null and status in ('queued', 'running')`,
      [runId],
    );
    const row = rows[0];
    if (!row) return null;
    await lockConcurrencyKeys(db, row.keys);
    for (const [index, key] of row.keys.entries()) {
      if ((await countClaimed(db, key)) < deps.limitOf(row.fnId, index)) continue;
      await blockRun(db, runId);
      return null;
    }
    return (await claimRuns(db, [runId], deps.workerId, true))[0] ?? null;
  });
}

/**
 * Drives one run as far as it can go now: claims it, calls the function, stores what came, rests or ends. `isPastQueue`: not
 * started by its job, which is still in the queue.
 */
export async function driveRun(deps: RunLoopDeps, runId: string, isPastQueue: boolean): Promise<void> {
  const claimed = await claim(deps, runId);
  if (!claimed) return;
  const fn = deps.findFunction(claimed.fnId);
  const attemptsMax = (fn?.retries ?? 0) + 1;
  const keys = claimed.concurrencyKeys;

  let run = claimed;
  let steps = new Map(run.steps.map((step) => [step.id, step]));
  let attempt = run.attempt;
  let nextAtMs = run.nextAtMs;
  let isFresh = true;

  const put = (step: StepRow): void => {
    steps.delete(step.id);
    steps.set(step.id, step);
  };

  const isExpired = (nowMs: number): boolean => run.cancelAtMs !== null && nowMs >= run.cancelAtMs;
  const unsupported = (what: string): string =>
    `Function "${run.fnId}": ${what} is not supported by the embedded engine`;
  const noteAttempts = (attempts: readonly FailedAttempt[]): Promise<void> =>
    saveAttempts(deps.pool, { runId, workerId: deps.workerId, attempts });

  const save = async (changed: readonly StepRow[], db?: Db): Promise<boolean> => {
    const input = { runId, attempt, nextAtMs, steps: changed };
    return db === undefined ? deps.writes.save(input) : (await saveSteps(db, deps.workerId, [input]))[0] === true;
  };

  const finish = async (status: "completed" | "failed", output: unknown, error: unknown): Promise<void> => {
    const input = { runId, status, output, error, hasJob: isPastQueue };
    if (keys.length === 0 && !deps.isAnnounced(status)) {
      if (claimed.isChild) await finishRun(deps.pool, deps.workerId, input);
      else await deps.writes.finish(input);
      return;
    }
    await inTransaction(deps.pool, async (db) => {
      await lockConcurrencyKeys(db, keys);
      const isHeld = await finishRun(db, deps.workerId, input);
      if (isHeld && deps.isAnnounced(status))
        await deps.announceEnd(db, { fnId: run.fnId, runId, events: run.events, error, output });
      if (keys.length > 0) await unblockNext(db, keys, deps.limitOf);
    });
  };

  const release = async (wakeAtMs: number | null): Promise<boolean> => {
    const input = { runId, workerId: deps.workerId, wakeSeq: run.wakeSeq, wakeAtMs };
    if (keys.length === 0) return releaseRun(deps.pool, input);
    return inTransaction(deps.pool, async (db) => {
      await lockConcurrencyKeys(db, keys);
      const isReleased = await releaseRun(db, input);
      if (isReleased) await unblockNext(db, keys, deps.limitOf);
      return isReleased;
    });
  };

  const call = (stepId: string | null, callAttempt: number, isPlanOnly: boolean): Promise<CallResult> => {
    const memo = memoOf(steps.values());
    return deps.sdk.call({
      fnId: run.fnId,
      runId,
      stepId,
      attempt: callAttempt,
      attemptsMax,
      events: run.events,
      steps: memo.steps,
      stack: memo.stack,
      isPlanOnly,
    });
  };

  /** What an op code makes of its step; null when the step is known and the op is only a repeat of its plan. */
  const stepOf = (op: Op, opAttempt: number, retryAtMs: number | null): StepRow | null => {
    const known = steps.get(op.id);
    if (known && (known.status === "done" || known.status === "failed")) return null;
    const nowMs = Date.now();
    const base: StepRow = {
      id: op.id,
      name: op.displayName ?? op.name ?? op.id,
      op: op.op,
      status: "planned",
      data: null,
      error: null,
      attempt: known?.attempt ?? 0,
      wakeAtMs: null,
      eventName: null,
      expression: null,
    };
    const failed = (message: string): StepRow => ({
      ...base,
      status: "failed",
      error: { name: "NonRetriableError", message },
    });
    switch (op.op) {
      case "Step":
      case "StepRun":
        return { ...base, status: "done", data: op.data ?? null, attempt: opAttempt };
      case "StepFailed":
        return { ...base, status: "failed", error: op.error ?? op.data ?? null, attempt: opAttempt };
      case "StepError":
        if (opAttempt + 1 >= attemptsMax)
          return { ...base, status: "failed", error: op.error ?? null, attempt: opAttempt };
        return {
          ...base,
          error: op.error ?? null,
          attempt: opAttempt + 1,
          wakeAtMs: retryAtMs ?? nowMs + deps.backoffMs(opAttempt + 1),
        };
      case "StepPlanned":
        return known ? null : base;
      case "Sleep": {
        if (known) return null;
        const wakeAtMs = parseMoment(op.name ?? "", nowMs);
        return wakeAtMs === null
          ? failed(`"${op.name ?? ""}" is not a duration or a date`)
          : { ...base, status: "sleeping", wakeAtMs };
      }
      case "WaitForEvent": {
        if (known) return null;
        const timeout = typeof op.opts?.timeout === "string" ? op.opts.timeout : "";
        const wakeAtMs = parseMoment(timeout, nowMs);
        const expression = typeof op.opts?.if === "string" ? op.opts.if : null;
        if (wakeAtMs === null) return failed(`The timeout "${timeout}" is not a duration or a date`);
        try {
          if (expression !== null) compileExpression(expression, ["event", "async"]);
        } catch (error) {
          return failed(error instanceof Error ? error.message : String(error));
        }
        return { ...base, status: "waiting", wakeAtMs, eventName: op.name ?? "", expression };
      }
      case "InvokeFunction": {
        if (known) return null;
        const fnId = typeof op.opts?.function_id === "string" ? op.opts.function_id : "";
        if (!deps.findFunction(fnId)) return failed(`The invoked function "${fnId}" is not known`);
        const timeout = typeof op.opts?.timeout === "string" ? op.opts.timeout : null;
        return { ...base, status: "invoking", wakeAtMs: timeout === null ? null : parseMoment(timeout, nowMs) };
      }
      case "StepNotFound":
        return failed(`Function "${run.fnId}" has no step "${base.name}" any more`);
      default:
        return failed(unsupported(`the operation ${op.op} of the step "${base.name}"`));
    }
  };

  /** Stores ops; "over" when the run ended or the claim was lost. */
  const apply = async (ops: readonly Op[], opAttempt: number, retryAtMs: number | null): Promise<Outcome> => {
    const complete = ops.find((op) => op.op === "RunComplete");
    const lazy = ops.find((op) => op.op === "DeferAdd" || op.op === "DeferAbort");
    if (lazy) {
      await finish("failed", null, {
        name: "NonRetriableError",
        message: unsupported(`the operation ${lazy.op}`),
      });
      return "over";
    }
    const changed: StepRow[] = [];
    const children: Array<{ fn: EngineFunction; data: unknown; parentRun: string; parentStep: string }> = [];
    for (const op of ops) {
      if (op.op === "RunComplete") continue;
      const step = stepOf(op, opAttempt, retryAtMs);
      if (!step) continue;
      changed.push(step);
      const child = step.status === "invoking" ? deps.findFunction(String(op.opts?.function_id)) : undefined;
      if (child) {
        const payload = op.opts?.payload;
        const data = payload !== null && typeof payload === "object" && "data" in payload ? (payload.data ?? {}) : {};
        children.push({ fn: child, data, parentRun: runId, parentStep: step.id });
      }
    }
    if (changed.length > 0) {
      await noteAttempts(
        changed.flatMap((step) =>
          step.status === "planned" && step.error !== null
            ? [{ stepId: step.id, attempt: step.attempt - 1, error: step.error }]
            : [],
        ),
      );
      attempt = 0;
      nextAtMs = null;
      const isHeld =
        children.length === 0
          ? await save(changed)
          : await inTransaction(deps.pool, async (db) => {
              if (!(await save(changed, db))) return false;
              for (const child of children) await deps.startChild(db, child);
              return true;
            });
      if (!isHeld) return "over";
      changed.forEach(put);
      if (changed.some((step) => step.status === "done" || step.status === "failed")) isFresh = true;
    }
    if (complete) {
      await finish("completed", complete.data ?? null, null);
      return "over";
    }
    return "going";
  };

  const runPlanned = async (step: StepRow): Promise<Outcome> => {
    const result = await call(step.id, step.attempt, false);
    if (result.kind === "complete") {
      await finish("completed", result.data, null);
      return "over";
    }
    if (result.kind === "ops" && result.ops.some((op) => op.id === step.id))
      return apply(result.ops, step.attempt, result.retryAtMs);
    const error =
      result.kind === "error"
        ? result.error
        : { name: "Error", message: `The SDK did not run the step "${step.name}" when asked` };
    if ((result.kind === "error" && !result.isRetriable) || step.attempt + 1 >= attemptsMax) {
      await finish("failed", null, error);
      return "over";
    }
    const retryAtMs = result.retryAtMs ?? Date.now() + deps.backoffMs(step.attempt + 1);
    await noteAttempts([{ stepId: step.id, attempt: step.attempt, error }]);
    const later: StepRow = { ...step, error, attempt: step.attempt + 1, wakeAtMs: retryAtMs };
    if (!(await save([later]))) return "over";
    put(later);
    return "going";
  };

  const discover = async (): Promise<Outcome> => {
    isFresh = false;
    const hasOpen = [...steps.values()].some((step) => step.status !== "done" && step.status !== "failed");
    const result = await call(null, attempt, hasOpen);
    if (result.kind === "complete") {
      await finish("completed", result.data, null);
      return "over";
    }
    if (result.kind === "ops" && (result.ops.length > 0 || hasOpen))
      return apply(result.ops, attempt, result.retryAtMs);
    const error =
      result.kind === "error"
        ? result.error
        : { name: "Error", message: "The SDK answered neither steps nor a result" };
    if ((result.kind === "error" && !result.isRetriable) || attempt + 1 >= attemptsMax) {
      await finish("failed", null, error);
      return "over";
    }
    await noteAttempts([{ stepId: null, attempt, error }]);
    attempt += 1;
    nextAtMs = result.retryAtMs ?? Date.now() + deps.backoffMs(attempt);
    isFresh = true;
    return (await save([])) ? "going" : "over";
  };

  /** Ends sleeps and waits whose time has come. */
  const settleTimers = async (nowMs: number): Promise<Outcome> => {
    const settled = [...steps.values()].flatMap((step): StepRow[] => {
      if (step.wakeAtMs === null || step.wakeAtMs > nowMs) return [];
      if (step.status === "sleeping" || step.status === "waiting") return [{ ...step, status: "done", data: null }];
      if (step.status === "invoking")
        return [
          { ...step, status: "failed", error: { name: "Error", message: "The invoked function did not end in time" } },
        ];
      return [];
    });
    if (settled.length === 0) return "going";
    if (!(await save(settled))) return "over";
    settled.forEach(put);
    isFresh = true;
    return "going";
  };

  const runDue = async (due: readonly StepRow[]): Promise<Outcome> => {
    let isOver = false;
    const queue = [...due];
    const lane = async (): Promise<void> => {
      for (
        let step = queue.shift();
        step && !isOver && !deps.isStopping() && !isExpired(Date.now());
        step = queue.shift()
      )
        if ((await runPlanned(step)) === "over") isOver = true;
    };
    await Promise.all(Array.from({ length: Math.min(STEPS_AT_ONCE_MAX, due.length) }, lane));
    return isOver ? "over" : "going";
  };

  const goOn = async (): Promise<void> => {
    for (;;) {
      const nowMs = Date.now();
      if (deps.isStopping()) {
        await release(nowMs);
        return;
      }
      if (isExpired(nowMs)) {
        await deps.expire(runId);
        return;
      }
      if ((await settleTimers(nowMs)) === "over") return;
      const due = [...steps.values()].filter((step) => step.status === "planned" && (step.wakeAtMs ?? 0) <= nowMs);
      if (due.length > 0) {
        if ((await runDue(due)) === "over") return;
        continue;
      }
      if (isFresh && (nextAtMs ?? 0) <= nowMs) {
        if ((await discover()) === "over") return;
        continue;
      }
      const wakes = [...steps.values()].flatMap((step) =>
        step.status === "done" || step.status === "failed" || step.wakeAtMs === null ? [] : [step.wakeAtMs],
      );
      if (isFresh && nextAtMs !== null) wakes.push(nextAtMs);
      if (run.cancelAtMs !== null) wakes.push(run.cancelAtMs);
      if (await release(wakes.length === 0 ? null : Math.min(...wakes))) return;
      const fresh = await reloadRun(deps.pool, runId, deps.workerId);
      if (!fresh) return;
      run = fresh;
      steps = new Map(run.steps.map((step) => [step.id, step]));
      isFresh = true;
    }
  };

  if (!fn && (await deps.isShared())) {
    await release(Date.now() + ELSEWHERE_PAUSE_MS);
    return;
  }
  try {
    await goOn();
  } catch (error) {
    // Tried again it would be the same, and the step would have its effect each time.
    if (!isUnkeepable(error)) throw error;
    await finish("failed", null, {
      name: "NonRetriableError",
      message: `Function "${run.fnId}" gave what the engine cannot keep: ${error.message}`,
    });
  }
}
