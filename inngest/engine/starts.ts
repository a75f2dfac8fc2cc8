import type { Pool } from "pg";
import { z } from "zod";
import { concurrencyKeysOf, isTriggered, onceKeyOf, storedOf, toNewEvent } from "./events";
import { createFlow, type Flow, type FlowEvent, type Start } from "./flow";
import { type EngineFunction, hasFlowControl } from "./function-config";
import { inTransaction, type RunLoopDeps } from "./run-loop";
import { cancelRun, type Db, failInvoke } from "./store";
import { unblockNext } from "./store-concurrency";
import { insertEvents, loadEvents, type NewEvent, type NewRun } from "./store-events";

/** What was asked for cannot be done as things stand; the sentence is for the one who asked. */
export class EngineConflictError extends Error {
  override readonly name = "EngineConflictError";
}

/** What events start: plain runs, which are rows of the same statement, and those with flow control. */
export type Work = Readonly<{ runs: NewRun[]; starts: Start[] }>;

export type Starts = Readonly<{
  flow: Flow;
  limitOf: RunLoopDeps["limitOf"];
  triggered: (events: readonly NewEvent[]) => Work;
  /** Stores events and all that they start. Answers the runs that may go on at once. */
  ingest: (events: readonly NewEvent[], work: Work, jobDelaySeconds: number) => Promise<string[]>;
  startCron: (db: Db, fn: EngineFunction, cron: string, tickKey: string) => Promise<void>;
  startChild: RunLoopDeps["startChild"];
  announceEnd: RunLoopDeps["announceEnd"];
  isAnnounced: RunLoopDeps["isAnnounced"];
  cancel: (runId: string, reason: string) => Promise<boolean>;
  replay: (runId: string) => Promise<string | null>;
}>;

const DEADLOCK_TRIES = 3;
const PgErrorSchema = z.object({ code: z.string() });

/** Two senders may meet in the wrong order where one cancels what another ends: PostgreSQL then turns one of them back. */
async function withoutDeadlock<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1)
    try {
      return await work();
    } catch (error) {
      const known = PgErrorSchema.safeParse(error);
      if (tries === DEADLOCK_TRIES || !known.success || known.data.code !== "40P01") throw error;
    }
}

/** How runs come to be, by events, by the clock, by other runs and by hand, and how they are ended from outside. */
export function createStarts(
  deps: Readonly<{ pool: Pool; functions: ReadonlyMap<string, EngineFunction>; newId: () => string }>,
): Starts {
  const { pool, functions, newId } = deps;

  const limitOf: Starts["limitOf"] = (fnId, index) =>
    functions.get(fnId)?.concurrency[index]?.limit ?? Number.POSITIVE_INFINITY;

  const newRun = (
    fn: EngineFunction,
    event: NewEvent,
    seenKey: string | null,
    parent?: { run: string; step: string },
  ): NewRun => ({
    id: newId(),
    fnId: fn.id,
    eventInternalId: event.internalId,
    seenKey,
    concurrencyKeys: concurrencyKeysOf(fn, storedOf(event)),
    parentRun: parent?.run ?? null,
    parentStep: parent?.step ?? null,
  });
  const ownEvent = (name: string, data: Record<string, unknown>, seenKey: string | null = null): NewEvent =>
    toNewEvent({ name, data }, newId(), seenKey);
  const flowEvent = (event: NewEvent): FlowEvent => ({ internalId: event.internalId, event: storedOf(event) });
  const isListenedTo = (name: string): boolean =>
    [...functions.values()].some((fn) => fn.events.some((trigger) => trigger.isMatch(name)));
  /** The names whose arrival may cancel runs: known from the functions, unlike waits. */
  const matchNames = (): string[] => [...functions.values()].flatMap((fn) => fn.cancel.map((rule) => rule.event));

  const triggered: Starts["triggered"] = (events) => {
    const runs: NewRun[] = [];
    const starts: Start[] = [];
    for (const event of events) {
      const stored = storedOf(event);
      for (const fn of functions.values()) {
        if (!isTriggered(fn, stored)) continue;
        if (hasFlowControl(fn)) starts.push({ fn, event: { internalId: event.internalId, event: stored } });
        else runs.push(newRun(fn, event, onceKeyOf(fn, stored)));
      }
    }
    return { runs, starts };
  };

  const ingestIn = async (db: Db, events: readonly NewEvent[], work: Work, delay: number): Promise<string[]> => {
    const stored = await insertEvents(db, {
      events,
      runs: work.runs,
      matchNames: matchNames(),
      jobDelaySeconds: delay,
    });
    if (work.starts.length === 0) return stored.runs;
    const kept = new Set(stored.events);
    const starts = work.starts.filter(({ event }) => kept.has(event.internalId));
    return [...stored.runs, ...(await flow.admit(db, starts, delay))];
  };

  const store = async (db: Db, events: readonly NewEvent[]): Promise<void> => {
    if (events.length > 0) await ingestIn(db, events, triggered(events), 0);
  };

  const cancelIn = async (db: Db, runId: string, reason: string): Promise<boolean> => {
    const cancelled = await cancelRun(db, runId, reason);
    if (!cancelled) return false;
    if (cancelled.keys.length > 0) await unblockNext(db, cancelled.keys, limitOf);
    if (isListenedTo("inngest/function.cancelled")) {
      const events = (await loadEvents(db, cancelled.eventIds)).map(({ event }) => event);
      const data = { function_id: cancelled.fnId, run_id: runId, event: events[0] ?? null, events };
      await store(db, [ownEvent("inngest/function.cancelled", data)]);
    }
    return true;
  };

  const flow = createFlow({
    newId,
    findFunction: (fnId) => functions.get(fnId),
    inTransaction: (work) => withoutDeadlock(() => inTransaction(pool, work)),
    cancel: async (db, runId, reason) => void (await cancelIn(db, runId, reason)),
  });

  return {
    flow,
    limitOf,
    triggered,
    ingest: (events, work, delay) =>
      work.starts.length === 0
        ? ingestIn(pool, events, work, delay)
        : withoutDeadlock(() => inTransaction(pool, (db) => ingestIn(db, events, work, delay))),
    startCron: async (db, fn, cron, tickKey) => {
      const event = ownEvent("inngest/scheduled.timer", { cron }, tickKey);
      const work = hasFlowControl(fn)
        ? { runs: [], starts: [{ fn, event: flowEvent(event) }] }
        : { runs: [newRun(fn, event, null)], starts: [] };
      await ingestIn(db, [event], work, 0);
    },
    startChild: async (db, { fn, data, parentRun, parentStep }) => {
      const record = z.record(z.string(), z.unknown()).safeParse(data);
      const event = ownEvent("inngest/function.invoked", record.success ? record.data : { value: data });
      const parent = { run: parentRun, step: parentStep };
      const isPlain = !hasFlowControl(fn);
      await insertEvents(db, {
        events: [event],
        runs: isPlain ? [newRun(fn, event, null, parent)] : [],
        matchNames: [],
      });
      if (isPlain) return;
      const launched = await flow.launch(db, { fn, events: [flowEvent(event)], parent }, true);
      if (launched.kind === "started") return;
      const reason =
        launched.reason === "singleton" ? "a run of it is active (singleton)" : "its rate limit is reached";
      const message = `Function "${fn.id}" was not started: ${reason}`;
      await failInvoke(db, { runId: parentRun, stepId: parentStep, message });
    },
    isAnnounced: (status) => status === "failed" || isListenedTo("inngest/function.finished"),
    announceEnd: async (db, { fnId, runId, events, error, output }) => {
      const event = events[0];
      const data = {
        function_id: fnId,
        run_id: runId,
        event,
        events,
        ...(error === null ? { result: output } : { error }),
      };
      const ended = ownEvent("inngest/function.finished", data);
      const failed = ownEvent("inngest/function.failed", data);
      // A failed failure handler does not start another one.
      const isHandler = event?.name === "inngest/function.failed";
      await store(db, error === null ? [ended] : isHandler ? [] : [failed, ended]);
    },
    cancel: (runId, reason) => withoutDeadlock(() => inTransaction(pool, (db) => cancelIn(db, runId, reason))),
    replay: (runId) =>
      inTransaction(pool, async (db) => {
        const { rows } = await db.query<{ fnId: string; eventIds: string[] }>(
          `select fn_id as "fnId", event_ids as "eventIds" from engine.runs where id = $1`,
          [runId],
        );
        const run = rows[0];
        if (!run) return null;
        const fn = functions.get(run.fnId);
        if (!fn) throw new EngineConflictError(`The function "${run.fnId}" is not served any more`);
        const events = await loadEvents(db, run.eventIds);
        if (events.length < run.eventIds.length)
          throw new EngineConflictError("The events of this run are not kept any more");
        const launched = await flow.launch(db, { fn, events, replayOf: runId }, false);
        if (launched.kind === "started") return launched.runId;
        throw new EngineConflictError(`A run of "${fn.id}" with the same key is active (singleton)`);
      }),
  };
}
