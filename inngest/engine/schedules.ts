import { createHash } from "node:crypto";
import type { Pool } from "pg";
import { z } from "zod";
import { KEY_PART_SEPARATOR } from "./events";
import { ELSEWHERE_PAUSE_S, isShared } from "./flow";
import type { CronTrigger, EngineFunction } from "./function-config";
import { inTransaction } from "./run-loop";
import type { Db } from "./store";

const SYNC_LOCK = 7_204_513;
const CronPayloadSchema = z.object({ fn: z.string(), idx: z.number(), at: z.number() });

/** How much later than its tick a run starts: the same for every process, different from tick to tick. */
export function jitterOf(jitterMs: number, fnId: string, idx: number, tickMs: number): number {
  if (jitterMs === 0) return 0;
  const hash = createHash("sha256").update(`${fnId}:${idx}:${tickMs}`).digest();
  return Math.floor((hash.readUInt32BE(0) / 2 ** 32) * jitterMs);
}

async function schedule(db: Db, fnId: string, idx: number, cron: CronTrigger, tickMs: number): Promise<void> {
  await db.query(
    `select graphile_worker.add_job('engine.cron', json_build_object('fn', $1::text, 'idx', $2::integer, 'at', $3::bigint),
       run_at := $4::timestamptz, job_key := 'cron:' || $1::text || ':' || $2::integer)`,
    [fnId, idx, tickMs, new Date(tickMs + jitterOf(cron.jitterMs, fnId, idx, tickMs))],
  );
}

/** For the engine that knows the function, when chance gives the job to it. What was planned meanwhile keeps its time. */
async function putBack(db: Db, fnId: string, idx: number, tickMs: number): Promise<void> {
  await db.query(
    `select graphile_worker.add_job('engine.cron', json_build_object('fn', $1::text, 'idx', $2::integer, 'at', $3::bigint),
       run_at := now() + make_interval(secs => $4), job_key := 'cron:' || $1::text || ':' || $2::integer, job_key_mode := 'preserve_run_at')`,
    [fnId, idx, tickMs, ELSEWHERE_PAUSE_S],
  );
}

export type Schedules = Readonly<{
  /** Keeps the schedules of the database in step with the functions. A tick missed while nothing ran is made up once. */
  sync: () => Promise<void>;
  tick: (payload: unknown) => Promise<void>;
}>;

export function createSchedules(
  deps: Readonly<{
    pool: Pool;
    functions: ReadonlyMap<string, EngineFunction>;
    /** Starts a run of the function by the clock, once for each `tickKey`. */
    start: (db: Db, fn: EngineFunction, cron: string, tickKey: string) => Promise<void>;
  }>,
): Schedules {
  const { pool, functions } = deps;
  return {
    tick: async (payload) => {
      const { fn: fnId, idx, at } = CronPayloadSchema.parse(payload);
      const fn = functions.get(fnId);
      const cron = fn?.crons[idx];
      await inTransaction(pool, async (db) => {
        const { rows } = await db.query<{ cron: string }>(
          "select cron from engine.schedules where fn_id = $1 and idx = $2 for update",
          [fnId, idx],
        );
        const row = rows[0];
        if (!row) return;
        // Another version's function: the tick is left to the engine that knows it.
        if (row.cron !== cron?.text && (await isShared(db))) return putBack(db, fnId, idx, at);
        if (!fn || !cron) return;
        await deps.start(db, fn, cron.text, ["cron", fnId, idx, at].join(KEY_PART_SEPARATOR));
        const nextMs = cron.next(Math.max(at, Date.now()));
        await db.query("update engine.schedules set next_at = $3, cron = $4 where fn_id = $1 and idx = $2", [
          fnId,
          idx,
          new Date(nextMs),
          cron.text,
        ]);
        await schedule(db, fnId, idx, cron, nextMs);
      });
    },
    sync: () =>
      inTransaction(pool, async (db) => {
        await db.query("select pg_advisory_xact_lock($1)", [SYNC_LOCK]);
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
            const nextMs = isKept ? row.nextAt.getTime() : cron.next(Date.now());
            if (!isKept)
              await db.query(
                `insert into engine.schedules (fn_id, idx, cron, next_at) values ($1, $2, $3, $4)
                 on conflict (fn_id, idx) do update set cron = excluded.cron, next_at = excluded.next_at`,
                [fn.id, idx, cron.text, new Date(nextMs)],
              );
            await schedule(db, fn.id, idx, cron, nextMs);
          }
        }
        for (const row of known.values()) {
          await db.query("delete from engine.schedules where fn_id = $1 and idx = $2", [row.fnId, row.idx]);
          await db.query("select graphile_worker.remove_job('cron:' || $1::text || ':' || $2::integer)", [
            row.fnId,
            row.idx,
          ]);
        }
      }),
  };
}
