import type { Db } from "./store";

/* Places of a concurrency key: who holds one, who waits for one. */

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
