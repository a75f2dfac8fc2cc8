import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import type { ListPage } from "@/server/core/pagination";
import { redact } from "@/server/core/redact";
import { appendAudit } from "@/server/domain/audit/service";
import { EngineError, type EngineRun, engineApi } from "./client";
import type { EngineStatus, RunFilter, RunItem, RunRecord } from "./schema";

/*
 * The background as people see it: functions, runs, steps. Only of the embedded engine; an Inngest server has a screen of its
 * own, and says more there. Runs belong to no mode and no Partner, so these are for people who see all Partners.
 */

function requireEngine(ctx: ServiceContext, permission: "system:read" | "runs:write"): void {
  requirePermission(ctx, permission);
  if (ctx.scope.partners !== "all") throw new AppError("permission_denied");
  if (ctx.env.INNGEST_BASE_URL !== undefined)
    throw new AppError("state_conflict", { detail: "An Inngest server runs the background. Look there." });
}

function translated(error: unknown): unknown {
  return error instanceof EngineError ? new AppError("unavailable", { detail: error.message, cause: error }) : error;
}

const itemOf = (run: EngineRun): RunItem => ({
  id: run.id,
  functionId: run.function_id,
  status: run.status,
  attempt: run.attempt,
  eventName: run.event_name,
  replayOf: run.replay_of,
  parentRun: run.parent_run,
  createdAt: run.created_at,
  startedAt: run.started_at,
  endedAt: run.ended_at,
});

/**
 * What runs the background, and how it is. An engine that does not answer is an answer too.
 *
 * Errors: permission_denied.
 */
export async function getEngineStatus(ctx: ServiceContext): Promise<EngineStatus> {
  requirePermission(ctx, "system:read");
  const { env } = ctx;
  if (env.INNGEST_BASE_URL !== undefined) return { kind: "inngest", url: env.INNGEST_BASE_URL };
  try {
    const [functions, stats] = await Promise.all([engineApi.functions(env), engineApi.stats(env)]);
    const next = new Map(stats.schedules.map((schedule) => [schedule.function_id, schedule.next_at]));
    return {
      kind: "engine",
      isReachable: true,
      functions: functions
        .map(({ id, name, retries, events, crons }) => ({
          id,
          name,
          retries,
          events,
          crons,
          nextAt: next.get(id) ?? null,
        }))
        .sort((a, b) => a.id.localeCompare(b.id)),
      runsLastDay: stats.runs_last_day,
      eventsLastHour: stats.events_last_hour,
      runsWaitingForRoom: stats.runs_waiting_for_room,
      queueLagSeconds: stats.queue_lag_seconds,
      workers: stats.workers,
    };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return { kind: "engine", isReachable: false, problem: error.message };
  }
}

/** Lists runs, newest first. Errors: permission_denied, unavailable, state_conflict (an Inngest server is used). */
export async function listRuns(
  ctx: ServiceContext,
  filter: RunFilter,
  page: { limit: number; cursor?: string | null | undefined },
): Promise<Omit<ListPage<RunItem>, "total">> {
  requireEngine(ctx, "system:read");
  try {
    const found = await engineApi.runs(ctx.env, { ...filter, limit: page.limit, before: page.cursor ?? undefined });
    return { items: found.data.map(itemOf), nextCursor: found.next };
  } catch (error) {
    throw translated(error);
  }
}

/** One run step by step; what it was given and gave is masked. Errors: permission_denied, not_found, unavailable. */
export async function getRun(ctx: ServiceContext, id: string): Promise<RunRecord> {
  requireEngine(ctx, "system:read");
  try {
    const run = await engineApi.run(ctx.env, id);
    return {
      ...itemOf(run),
      nextAt: run.next_at,
      output: redact(run.output),
      error: redact(run.error),
      events: run.events.map((event) => ({
        id: event.id,
        name: event.name,
        data: redact(event.data),
        at: momentOf(event.ts),
      })),
      steps: run.steps.map((step) => ({
        id: step.id,
        name: step.name ?? step.id,
        op: step.op,
        status: step.status,
        attempt: step.attempt,
        data: redact(step.data),
        error: redact(step.error),
        wakeAt: step.wake_at,
        eventName: step.event_name,
        createdAt: step.created_at,
        updatedAt: step.updated_at,
      })),
    };
  } catch (error) {
    throw translated(error);
  }
}

function momentOf(value: unknown): Date | null {
  const at = typeof value === "number" || typeof value === "string" ? new Date(value) : null;
  return at === null || Number.isNaN(at.getTime()) ? null : at;
}

/** Ends a run that has not ended. Errors: permission_denied, not_found, state_conflict, unavailable. */
export async function cancelRun(ctx: ServiceContext, id: string): Promise<void> {
  await steer(ctx, id, "run.canceled", async () => {
    await engineApi.cancel(ctx.env, id);
    return {};
  });
}

/** Runs a function once more with what it was given then. Returns the id of the new run. Errors: as for cancelRun. */
export async function replayRun(ctx: ServiceContext, id: string): Promise<string> {
  let made = "";
  await steer(ctx, id, "run.replayed", async () => {
    made = await engineApi.replay(ctx.env, id);
    return { request_id: made };
  });
  return made;
}

/** The engine has no part in our transactions: it is asked first, and what it did is noted then. */
async function steer(
  ctx: ServiceContext,
  id: string,
  action: string,
  work: () => Promise<Record<string, unknown>>,
): Promise<void> {
  requireEngine(ctx, "runs:write");
  try {
    const run = await engineApi.run(ctx.env, id);
    const after = await work();
    await appendAudit(ctx.db, ctx, {
      action,
      subjectKind: "run",
      subjectId: id,
      mode: null,
      before: { function_id: run.function_id, status: run.status },
      after,
    });
  } catch (error) {
    throw translated(error);
  }
}
