import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { appendAudit } from "@/server/domain/audit/service";
import * as repository from "./repository";
import type { ReplayInput } from "./schema";

/** More than this at once is asked for again: the transaction stays short. */
export const REPLAY_MAX = 5_000;
/** Up to this many are named one by one in the audit; a larger set is one entry with its filter and count. */
const AUDITED_SINGLY_MAX = 100;

/**
 * Has events from Klarna processed once more, as if they had just come: some by id, or all that match a filter. What was
 * applied already changes nothing a second time. Those that wait for their turn are left alone.
 *
 * Returns how many, and whether more match. Errors: permission_denied, not_found (an id that is not there).
 */
export async function replayInboxEvents(
  ctx: ServiceContext,
  input: ReplayInput,
): Promise<{ count: number; hasMore: boolean }> {
  requirePermission(ctx, "klarna_events:replay");
  const now = ctx.clock.now();
  const replayed = await ctx.db.transaction(async (tx) => {
    const rows = await repository.resetEvents(tx, ctx.scope, input, { now, limit: REPLAY_MAX });
    if (rows.length > AUDITED_SINGLY_MAX && "filter" in input) {
      await appendAudit(tx, ctx, {
        action: "inbox_events.replayed",
        subjectKind: "inbox",
        subjectId: ctx.scope.mode,
        after: { ...input.filter, quantity: rows.length },
      });
    } else {
      for (const row of rows) {
        await appendAudit(tx, ctx, {
          action: "inbox_event.replayed",
          subjectKind: "inbox_event",
          subjectId: row.id,
          before: { state: row.state, reason: row.note },
          after: { state: "RECEIVED", event_type: row.eventType },
        });
      }
    }
    return rows;
  });
  if ("ids" in input && replayed.length === 0) {
    const [id] = input.ids;
    if (input.ids.length === 1 && id !== undefined && !(await repository.findEvent(ctx.db, ctx.scope, id)))
      throw new AppError("not_found");
  }
  if (replayed.length > 0) ctx.nudge("inbox");
  return { count: replayed.length, hasMore: replayed.length === REPLAY_MAX };
}
