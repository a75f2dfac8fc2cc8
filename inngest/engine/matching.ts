import type { Pool } from "pg";
import { z } from "zod";
import { compileExpression } from "./expression";
import type { CancelRule, EngineFunction } from "./function-config";
import type { StoredEvent } from "./protocol";
import { settleWait } from "./store";
import { loadEvents } from "./store-events";

const MatchPayloadSchema = z.object({ event: z.string() });

const RUN_EVENT = `(select json_build_object('id', e.id, 'name', e.name, 'data', e.data, 'ts', (extract(epoch from e.ts) * 1000)::bigint)
    from engine.events e where e.internal_id = r.event_ids[1])`;

function isTrue(source: string | null, scope: { event: unknown; async: unknown }): boolean {
  if (source === null) return true;
  try {
    return compileExpression(source, ["event", "async"])(scope) === true;
  } catch {
    return false;
  }
}

/** Whether a cancelling event that came at `atMs` still counts for a run made at `createdMs`. */
export function isInTime(rule: Pick<CancelRule, "until">, createdMs: number, atMs: number): boolean {
  if (rule.until === null) return true;
  return atMs <= ("afterMs" in rule.until ? createdMs + rule.until.afterMs : rule.until.atMs);
}

/** The job of an event that steps wait for, or that cancels runs. */
export function createMatching(
  deps: Readonly<{
    pool: Pool;
    functions: () => Iterable<EngineFunction>;
    cancel: (runId: string, reason: string) => Promise<boolean>;
  }>,
): (payload: unknown) => Promise<void> {
  const { pool } = deps;
  return async (payload) => {
    const { event: internalId } = MatchPayloadSchema.parse(payload);
    const { rows: received } = await pool.query<{ at: Date }>(
      "select received_at as at from engine.events where internal_id = $1",
      [internalId],
    );
    const [found] = await loadEvents(pool, [internalId]);
    const at = received[0]?.at;
    if (!found || !at) return;
    const event: StoredEvent = found.event;
    const { rows: waits } = await pool.query<{
      runId: string;
      stepId: string;
      expression: string | null;
      event: unknown;
    }>(
      `select s.run_id as "runId", s.id as "stepId", s.expression, ${RUN_EVENT} as event
       from engine.steps s join engine.runs r on r.id = s.run_id
       where s.status = 'waiting' and s.event_name = $1 and s.created_at <= $2 and s.wake_at > now()`,
      [event.name, at],
    );
    for (const wait of waits)
      if (isTrue(wait.expression, { event: wait.event, async: event }))
        await settleWait(pool, { runId: wait.runId, stepId: wait.stepId, event });
    for (const fn of deps.functions()) {
      const rules = fn.cancel.filter((rule) => rule.event === event.name);
      if (rules.length === 0) continue;
      const { rows: runs } = await pool.query<{ id: string; createdAt: Date; event: unknown }>(
        `select r.id, r.created_at as "createdAt", ${RUN_EVENT} as event from engine.runs r
         where r.fn_id = $1 and r.status in ('queued', 'running') and r.created_at <= $2 and not $3 = any (r.event_ids)`,
        [fn.id, at, internalId],
      );
      for (const run of runs)
        if (
          rules.some(
            (rule) =>
              isInTime(rule, run.createdAt.getTime(), at.getTime()) &&
              (rule.condition === null || rule.condition({ event: run.event, async: event }) === true),
          )
        )
          await deps.cancel(run.id, `The event "${event.name}" (${event.id}) cancelled it`);
    }
  };
}
