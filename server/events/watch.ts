import type { Clock } from "@/server/core/time";
import type { Database, Row } from "@/server/db/client";
import type { Log } from "@/server/observability/log";
import type { Nudge } from "./nudge";

/*
 * Signals say that something waits; the rows are what waits. A signal that is lost (a process that died between its commit
 * and its call, a background that was away) is made up for here: the tables are asked twice a second what has waited
 * longer than a signal takes, and the background is told once more.
 */

const EVERY_MS = 400;
/** Younger than this the signal is still under way. */
const WAITED_MS = 250;
/**
 * What may have to wait for good reasons (a delivery behind a slow endpoint, a payment that others hold) is told only
 * while it is fresh; from then on it has turns of its own by the clock.
 */
const FRESH_MS = 10_000;

type Waiting = Row & { what: Nudge };

const QUESTION = `
  select 'outbox' as what where exists (select 1 from outbox_events where relayed_at is null and created_at <= $1)
  union all select 'inbox' where exists (select 1 from inbox_events where next_attempt_at <= $1)
  union all select 'payments' where exists (select 1 from payments where next_action_at <= $1 and next_action_at > $2)
  union all select 'deliveries' where exists (
    select 1 from webhook_deliveries where state = 'PENDING' and claimed_until is null and next_attempt_at <= $1 and next_attempt_at > $2)
  union all select 'mails' where exists (
    select 1 from mails where state = 'QUEUED' and next_attempt_at <= $1 and next_attempt_at > $2)
  union all select 'replays' where exists (
    select 1 from webhook_replays where state = 'RUNNING' and updated_at <= $1 and updated_at > $2)`;

/** Looks until it is stopped. A database that is away is asked again at the next turn. */
export function startWatch(services: {
  db: Pick<Database, "query">;
  clock: Clock;
  log: Log;
  nudge: (what: Nudge) => void;
}): { stop: () => Promise<void> } {
  let isStopped = false;
  let wasAway = false;
  let timer: NodeJS.Timeout | undefined;
  let turn: Promise<void> = Promise.resolve();

  const look = async (): Promise<void> => {
    const now = services.clock.now().getTime();
    try {
      const rows = await services.db.query<Waiting>({
        name: "watch_waiting",
        text: QUESTION,
        values: [new Date(now - WAITED_MS), new Date(now - FRESH_MS)],
      });
      wasAway = false;
      for (const { what } of rows) services.nudge(what);
    } catch (error) {
      if (!wasAway) services.log.warn({ error }, "what waits cannot be read; it is asked for again");
      wasAway = true;
    }
  };
  const next = (): void => {
    if (isStopped) return;
    timer = setTimeout(() => {
      turn = look().then(next);
    }, EVERY_MS);
    timer.unref();
  };
  next();
  return {
    stop: async () => {
      isStopped = true;
      clearTimeout(timer);
      await turn;
    },
  };
}
