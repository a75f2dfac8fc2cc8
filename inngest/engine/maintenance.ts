import type { Pool } from "pg";
import type { Log } from "@/server/observability/log";
import { inTransaction } from "./run-loop";

/** First half of the lock that a living process holds; the second half is its worker id. */
export const presenceKey = 7_204_514;

const SWEEP_EVERY_TICKS = 5;
const RETENTION_EVERY_TICKS = 1_800;
const DELETE_BATCH = 5_000;
const EXPIRE_BATCH = 500;

export type Maintenance = Readonly<{ reap: () => Promise<void>; tick: () => Promise<void> }>;

/** Takes over the work of processes that died or hang, finds runs that nothing would wake, and forgets old ones. */
export function createMaintenance(
  input: Readonly<{
    pool: Pool;
    log: Log;
    retentionDays: number;
    leaseMs: number;
    workerId: () => number;
    cancel: (runId: string, reason: string) => Promise<boolean>;
  }>,
): Maintenance {
  const { pool, log } = input;
  let ticks = 0;

  const wake = (from: string): string =>
    `select count(*)::integer as n from ${from}, lateral graphile_worker.add_job('engine.run', json_build_object('run', ${from}.id), job_key := ${from}.id) as job`;

  /** So that what a process that hangs has locked is free, and so that it hears of it when it goes on, and ends. */
  const closeConnections = async (id: number): Promise<void> => {
    await pool.query(
      `select pg_terminate_backend(a.pid) from pg_stat_activity a
       where a.datname = current_database() and a.application_name = (
         select p.application_name from pg_locks l join pg_stat_activity p on p.pid = l.pid
         where l.locktype = 'advisory' and l.granted and l.classid = $1 and l.objid = $2 and l.objsubid = 2 and l.database = a.datid)`,
      [presenceKey, id],
    );
  };

  const reap: Maintenance["reap"] = async () => {
    const { rows: workers } = await pool.query<{ id: number; isSilent: boolean }>(
      `select id, seen_at < now() - make_interval(secs => $2) as "isSilent" from engine.workers where id <> $1`,
      [input.workerId(), input.leaseMs / 1_000],
    );
    for (const { id, isSilent } of workers) {
      if (isSilent) await closeConnections(id);
      await inTransaction(pool, async (db) => {
        const { rows } = await db.query<{ isDead: boolean }>(`select pg_try_advisory_xact_lock($1, $2) as "isDead"`, [
          presenceKey,
          id,
        ]);
        const isDead = rows[0]?.isDead ?? false;
        if (!isDead && !isSilent) return;
        const { rows: gone } = await db.query<{ pool: string | null }>(
          "delete from engine.workers where id = $1 returning pool_id as pool",
          [id],
        );
        if (gone.length === 0) return;
        if (gone[0]?.pool) await db.query("select graphile_worker.force_unlock_workers($1::text[])", [[gone[0].pool]]);
        const { rows: freed } = await db.query<{ n: number }>(
          `with c as (update engine.runs set claimed_by = null where claimed_by = $1 returning id) ${wake("c")}`,
          [id],
        );
        await db.query(
          `with b as (update engine.runs set blocked_at = null where blocked_at is not null returning id) ${wake("b")}`,
        );
        log.warn(
          { worker: id, runs: freed[0]?.n ?? 0 },
          isDead ? "An engine process died; its runs go on here" : "An engine process hangs; its runs go on here",
        );
      });
    }
  };

  const sweep = async (): Promise<void> => {
    // Claims of processes that are not listed at all, and locks of job pools that died before they were listed.
    await pool.query(
      `with c as (
        update engine.runs set claimed_by = null
        where claimed_by is not null and claimed_by not in (select id from engine.workers) returning id
      ) ${wake("c")}`,
    );
    await pool.query(
      `select graphile_worker.force_unlock_workers(array(
        select distinct locked_by from graphile_worker.jobs
        where locked_by is not null and locked_at < now() - interval '5 seconds'
          and locked_by not in (select pool_id from engine.workers where pool_id is not null)))
       where exists (select 1 from graphile_worker.jobs where locked_by is not null and locked_at < now() - interval '5 seconds'
          and locked_by not in (select pool_id from engine.workers where pool_id is not null))`,
    );
    // Runs with room again whose turn was missed, and active runs that neither a job nor an outer event would wake.
    await pool.query(
      `with b as (
        update engine.runs set blocked_at = null where blocked_at < now() - interval '5 seconds' returning id
      ) ${wake("b")}`,
    );
    const { rows } = await pool.query<{ n: number }>(
      `with lost as (
        select r.id from engine.runs r
        where r.status in ('queued', 'running') and r.claimed_by is null and r.blocked_at is null and r.gate is null
          and r.created_at < now() - interval '30 seconds'
          and not exists (select 1 from graphile_worker.jobs j where j.key = r.id and j.attempts < j.max_attempts)
          and not exists (select 1 from engine.steps s where s.run_id = r.id and s.status in ('waiting', 'invoking') and s.wake_at is null)
        limit 1000
      ) ${wake("lost")}`,
    );
    if ((rows[0]?.n ?? 0) > 0) log.warn({ runs: rows[0]?.n }, "Runs without a job were found and woken");
    await sweepFlow();
  };

  /** Gates, debounces and batches whose time has come and that have no job, whatever took it away. */
  const sweepFlow = async (): Promise<void> => {
    const noJob = (key: string): string =>
      `not exists (select 1 from graphile_worker.jobs j where j.key = ${key} and j.attempts < j.max_attempts)`;
    await pool.query(
      `select count(job.id) from (select distinct fn_id, gate from engine.runs where gate is not null) as g,
        lateral graphile_worker.add_job('engine.gate', json_build_object('fn', g.fn_id, 'gate', g.gate), job_key := 'gate:' || g.gate) as job
       where ${noJob("'gate:' || g.gate")}`,
    );
    await pool.query(
      `select count(job.id) from engine.debounces d,
        lateral graphile_worker.add_job('engine.debounce', json_build_object('key', d.key), job_key := 'debounce:' || d.key) as job
       where d.fire_at < now() - interval '5 seconds' and ${noJob("'debounce:' || d.key")}`,
    );
    await pool.query(
      `select count(job.id) from engine.batches b,
        lateral graphile_worker.add_job('engine.batch', json_build_object('batch', b.id), job_key := 'batch:' || b.id) as job
       where b.fire_at < now() - interval '5 seconds' and ${noJob("'batch:' || b.id")}`,
    );
  };

  /** Runs that nobody drives now and whose time is up: to start, or to end while they sleep or wait. */
  const expire = async (): Promise<void> => {
    const { rows } = await pool.query<{ id: string; isStarted: boolean }>(
      `select id, started_at is not null as "isStarted" from engine.runs
       where cancel_at <= now() and claimed_by is null and status in ('queued', 'running') order by cancel_at limit ${EXPIRE_BATCH}`,
    );
    for (const { id, isStarted } of rows)
      await input.cancel(
        id,
        isStarted ? "It did not end in time (timeouts.finish)" : "It did not start in time (timeouts.start)",
      );
  };

  const forget = async (): Promise<void> => {
    const age = `${input.retentionDays} days`;
    for (;;) {
      const { rowCount } = await pool.query(
        `delete from engine.runs where id in (
          select id from engine.runs where ended_at < now() - $1::interval order by ended_at limit ${DELETE_BATCH})`,
        [age],
      );
      if ((rowCount ?? 0) < DELETE_BATCH) break;
    }
    await pool.query(
      `delete from engine.events where received_at < now() - $1::interval
       and internal_id not in (select unnest(event_ids) from engine.runs where status in ('queued', 'running'))
       and internal_id not in (select event_id from engine.debounces)
       and internal_id not in (select unnest(event_ids) from engine.batches)`,
      [age],
    );
    await pool.query("delete from engine.skips where at < now() - $1::interval", [age]);
    await pool.query("delete from engine.hits where at < now() - interval '7 days'");
    await pool.query(
      `delete from engine.gates g where g.next_at < now() - interval '1 day'
       and not exists (select 1 from engine.runs r where r.gate = g.key)`,
    );
    await pool.query("delete from engine.seen where seen_at < now() - interval '24 hours'");
    await pool.query(
      `select count(*) from graphile_worker.complete_jobs(array(
        select id from graphile_worker.jobs where key is null and locked_at is null and attempts >= max_attempts
          and task_identifier like 'engine.%'))`,
    );
  };

  return {
    reap,
    tick: async () => {
      ticks += 1;
      await reap();
      await expire();
      if (ticks % SWEEP_EVERY_TICKS === 0) await sweep();
      if (ticks % RETENTION_EVERY_TICKS === 1) await forget();
    },
  };
}
