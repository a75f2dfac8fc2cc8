import type { Pool } from "pg";

const LOCK_KEY = 7_204_511;

/** Applied in order, once each. Payloads are `json`, not `jsonb`: any JSON text must fit, `\u0000` included. */
const MIGRATIONS: readonly string[] = [
  `
  create table engine.workers (
    id integer generated always as identity primary key,
    pool_id text,
    pid integer not null,
    started_at timestamptz not null default now()
  );
  create table engine.functions (
    id text primary key,
    name text not null,
    config json not null,
    synced_at timestamptz not null default now()
  );
  create table engine.seen (
    key text primary key,
    seen_at timestamptz not null default now()
  );
  create index seen_age on engine.seen (seen_at);
  create table engine.events (
    internal_id text primary key,
    id text not null,
    name text not null,
    data json not null,
    usr json,
    v text,
    ts timestamptz not null,
    received_at timestamptz not null default now()
  );
  create index events_received on engine.events (received_at);
  create table engine.runs (
    id text primary key,
    fn_id text not null,
    event_ids text[] not null,
    status text not null default 'queued' check (status in ('queued', 'running', 'completed', 'failed', 'cancelled')),
    attempt integer not null default 0,
    next_at timestamptz,
    wake_seq integer not null default 0,
    claimed_by integer,
    concurrency_keys text[] not null default '{}',
    blocked_at timestamptz,
    parent_run text,
    parent_step text,
    replay_of text,
    output json,
    error json,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    ended_at timestamptz
  ) with (fillfactor = 80);
  create index runs_active on engine.runs (fn_id) where status in ('queued', 'running');
  create index runs_claimed on engine.runs (claimed_by) where claimed_by is not null;
  create index runs_blocked on engine.runs (blocked_at) where blocked_at is not null;
  create index runs_ended on engine.runs (ended_at) where ended_at is not null;
  create index runs_function on engine.runs (fn_id, id desc);
  create sequence engine.step_seq;
  create table engine.steps (
    run_id text not null references engine.runs (id) on delete cascade,
    id text not null,
    name text not null,
    op text not null,
    status text not null check (status in ('planned', 'sleeping', 'waiting', 'invoking', 'done', 'failed')),
    data json,
    error json,
    attempt integer not null default 0,
    wake_at timestamptz,
    event_name text,
    expression text,
    done_seq bigint,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (run_id, id)
  );
  create index steps_waiting on engine.steps (event_name) where status = 'waiting';
  create table engine.schedules (
    fn_id text not null,
    idx integer not null,
    cron text not null,
    next_at timestamptz not null,
    primary key (fn_id, idx)
  );
  `,
  // When a process last said that it goes on: one that hangs is given up, see maintenance.
  "alter table engine.workers add column seen_at timestamptz not null default now()",
  // Flow control, and what a run is asked about afterwards.
  `
  alter table engine.functions add column app_id text;
  alter table engine.runs
    add column order_at timestamptz not null default now(),
    add column gate text,
    add column singleton_key text,
    add column cancel_at timestamptz,
    add column finish_after interval;
  drop index engine.runs_blocked;
  create index runs_blocked on engine.runs (order_at, id) where blocked_at is not null;
  create index runs_gated on engine.runs (gate, order_at, id) where gate is not null;
  create index runs_singleton on engine.runs (singleton_key) where singleton_key is not null and status in ('queued', 'running');
  create index runs_cancel_at on engine.runs (cancel_at) where cancel_at is not null and status in ('queued', 'running');
  create table engine.hits (
    key text not null,
    at timestamptz not null
  );
  create index hits_window on engine.hits (key, at);
  create table engine.gates (
    key text primary key,
    next_at timestamptz not null
  );
  create table engine.debounces (
    key text primary key,
    fn_id text not null,
    event_id text not null,
    fire_at timestamptz not null,
    deadline timestamptz
  );
  create table engine.batches (
    key text primary key,
    id text not null unique,
    fn_id text not null,
    event_ids text[] not null,
    fire_at timestamptz not null
  );
  create table engine.skips (
    event_id text not null,
    fn_id text not null,
    reason text not null check (reason in ('rate_limit', 'singleton', 'debounced')),
    at timestamptz not null default now()
  );
  create index skips_event on engine.skips (event_id);
  create index skips_age on engine.skips (at);
  create table engine.attempts (
    run_id text not null references engine.runs (id) on delete cascade,
    step_id text,
    attempt integer not null,
    error json,
    at timestamptz not null default now()
  );
  create index attempts_run on engine.attempts (run_id);
  `,
];

/** Creates or updates the schema `engine`. Safe to run from several processes at once. */
export async function migrateEngine(pool: Pool): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("begin");
    await client.query("select pg_advisory_xact_lock($1)", [LOCK_KEY]);
    await client.query("create schema if not exists engine");
    await client.query(
      "create table if not exists engine.migrations (version integer primary key, applied_at timestamptz not null default now())",
    );
    const { rows } = await client.query<{ version: number }>(
      "select coalesce(max(version), 0) as version from engine.migrations",
    );
    const from = rows[0]?.version ?? 0;
    for (const [index, sql] of MIGRATIONS.entries()) {
      if (index < from) continue;
      await client.query(sql);
      await client.query("insert into engine.migrations (version) values ($1)", [index + 1]);
    }
    await client.query("commit");
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    throw error;
  } finally {
    client.release();
  }
}
