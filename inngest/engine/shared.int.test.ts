import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { Pool } from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findFreePort } from "@/server/boot/ports";
import { type TestDatabase, testDatabase } from "@/server/testing/database";

/*
 * Two engines on one database, with the functions inside them. Each writes down its calls: which run, from when to when.
 * In full: ENGINE_DUE_RUNS=10000.
 */

const DUE = Number(process.env.ENGINE_DUE_RUNS ?? 1_000);
/** Runs that one engine drives at the same time. */
const ENGINE_RUNS_MAX = 16;
const ROOT = path.resolve(import.meta.dirname, "../..");
const LEASE_MS = 2_000;

type Child = { name: string; port: number; process: ChildProcess; said: string[] };

let database: TestDatabase;
let pool: Pool;
const children: Child[] = [];
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

beforeEach(async () => {
  database = await testDatabase();
  pool = new Pool({ connectionString: database.url, max: 2 });
  await pool.query("create table effects (key text primary key, times integer not null default 1)");
  await pool.query(
    `create table calls (id bigint generated always as identity primary key, engine text not null, run_id text not null,
      started_at timestamptz not null, ended_at timestamptz)`,
  );
});

afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => kill(child)));
  await pool.end();
  await database.drop();
});

async function kill(child: Child): Promise<void> {
  if (child.process.exitCode !== null || child.process.signalCode !== null) return;
  const gone = once(child.process, "exit");
  child.process.kill("SIGKILL");
  await gone;
}

async function startEngine(name: string): Promise<Child> {
  const port = await findFreePort();
  const started = spawn(
    process.execPath,
    ["--import", "tsx", "inngest/engine/crash-child.ts", "engine", database.url, String(port), name, String(LEASE_MS)],
    { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] },
  );
  const child: Child = { name, port, process: started, said: [] };
  started.stdout.on("data", (chunk: Buffer) => child.said.push(chunk.toString("utf8")));
  children.push(child);
  await until(`${name} to listen`, 60_000, () =>
    fetch(`http://127.0.0.1:${port}/health`).then(
      () => true,
      () => false,
    ),
  );
  return child;
}

async function until(what: string, timeoutMs: number, isSo: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + timeoutMs; !(await isSo()); await pause(20))
    if (Date.now() > deadline) throw new Error(`Waited in vain for ${what}`);
}

async function send(child: Child, name: string, data: Record<string, unknown>): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${child.port}/e/key`, {
    method: "POST",
    body: JSON.stringify({ name, data }),
  });
  expect(answer.status).toBe(200);
}

async function count(sql: string, values: unknown[] = []): Promise<number> {
  const { rows } = await pool.query<{ n: number }>(`select count(*)::integer as n from ${sql}`, values);
  return rows[0]?.n ?? 0;
}

const now = async (): Promise<Date> =>
  (await pool.query<{ at: Date }>("select clock_timestamp() as at")).rows[0]?.at ?? new Date(Number.NaN);

/** Calls of one run at the same time. Of an engine that was killed or stopped, what is open ends at that moment. */
const overlaps = (endOf: { engine: string; at: Date }): Promise<number> =>
  count(
    `(select *, tstzrange(started_at, case when engine = $1 then least(coalesce(ended_at, $2), $2) else ended_at end, '[)') as held
        from calls where engine <> $1 or started_at < $2) a
     join (select *, tstzrange(started_at, case when engine = $1 then least(coalesce(ended_at, $2), $2) else ended_at end, '[)') as held
        from calls where engine <> $1 or started_at < $2) b
       on a.run_id = b.run_id and a.id < b.id and a.held && b.held`,
    [endOf.engine, endOf.at],
  );
const runsOfBoth = (): Promise<number> =>
  count("(select run_id from calls group by run_id having count(distinct engine) = 2) shared");

describe("two engines on one database", () => {
  it("go on when one is killed: the other takes its runs over within seconds, and no run is driven by both at once", async () => {
    const [a, b] = await Promise.all([startEngine("a"), startEngine("b")]);
    await Promise.all(Array.from({ length: 200 }, (_, n) => send(n % 2 ? a : b, "shared/slow", { n, ms: 40 })));
    await until(
      "both at work",
      60_000,
      async () => (await count("calls where engine = 'a' and ended_at is not null")) > 60,
    );
    const killedAt = await now();
    await kill(a);
    const from = Date.now();
    await until("all runs to end", 60_000, async () => (await count("engine.runs where ended_at is not null")) === 200);
    expect(Date.now() - from).toBeLessThan(30_000);
    expect(await count("engine.runs where status = 'completed'")).toBe(200);
    expect(await count("effects")).toBe(600);
    expect(await count("calls where engine = 'b'")).toBeGreaterThan(0);
    // What the dead one had begun was taken over, so the check below has something to find.
    expect(await runsOfBoth()).toBeGreaterThan(0);
    expect(await overlaps({ engine: "a", at: killedAt })).toBe(0);
    expect(await count("engine.workers")).toBe(1);
    process.stdout.write(
      `killed with work: ${await runsOfBoth()} of 200 runs had calls of both, 0 at the same time; all ended ${Date.now() - from} ms after the kill\n`,
    );
  });

  it("R29: one that is stopped past its lease is fenced: the other acts, and what it writes when it goes on changes nothing", async () => {
    const a = await startEngine("a");
    for (let n = 0; n < 10; n += 1) await send(a, "shared/slow", { n, ms: 400 });
    await until("steps in flight", 60_000, async () => (await count("calls where ended_at is null")) === 10);
    a.process.kill("SIGSTOP");
    const stoppedAt = await now();
    const b = await startEngine("b");
    const inFlight = await count("calls where engine = 'a' and ended_at is null");
    expect(inFlight).toBeGreaterThan(0);
    await until("all runs to end", 60_000, async () => (await count("engine.runs where ended_at is not null")) === 10);
    const look = async (): Promise<unknown> => [
      (await pool.query("select * from engine.runs order by id")).rows,
      (await pool.query("select * from engine.steps order by run_id, id")).rows,
    ];
    const before = await look();
    a.process.kill("SIGCONT");
    // The stopped calls end now, their results are written late, and the process hears that it was given up.
    await until(
      "the late calls",
      60_000,
      async () => (await count("calls where engine = 'a' and ended_at is null")) === 0,
    );
    await until("the news", 60_000, async () => a.said.length > 0);
    await pause(500);
    expect(await look()).toEqual(before);
    expect(await overlaps({ engine: "a", at: stoppedAt })).toBe(0);
    expect(await count("effects")).toBe(30);
    expect(await count("effects where times > 2")).toBe(0);
    // One step of each run that it held: also of one whose step had ended, with its result not written yet.
    expect(await count("effects where times = 2")).toBeLessThanOrEqual(10);
    // It takes no more work, also when asked.
    expect((await fetch(`http://127.0.0.1:${a.port}/health`)).status).toBe(503);
    for (let n = 10; n < 20; n += 1) await send(b, "shared/slow", { n, ms: 0 });
    await until("later runs", 60_000, async () => (await count("engine.runs where ended_at is not null")) === 20);
    expect(await count("calls where engine = 'a' and started_at > $1", [stoppedAt])).toBe(0);
  });

  it(`R29: of ${DUE} runs that wake at once each is acted on once while one of the two schedulers is stopped past its lease and goes on`, {
    timeout: 300_000,
  }, async () => {
    const [a, b] = await Promise.all([startEngine("a"), startEngine("b")]);
    await send(b, "shared/due", { n: 0 });
    await until(
      "the first to sleep",
      60_000,
      async () => (await count("engine.steps where status = 'sleeping'")) === 1,
    );
    await pool.query(
      `with n as (select 'due' || lpad(i::text, 8, '0') as id, i from generate_series(1, $1 - 1) i),
       e as (insert into engine.events (internal_id, id, name, data, ts)
         select n.id, n.id, t.name, json_build_object('n', n.i), now() from n, engine.events t),
       r as (insert into engine.runs (id, fn_id, event_ids, status, started_at)
         select n.id, t.fn_id, array[n.id], t.status, now() from n, engine.runs t)
       select 1`,
      [DUE],
    );
    await pool.query(
      `insert into engine.steps (run_id, id, name, op, status, wake_at)
       select r.id, s.id, s.name, s.op, s.status, s.wake_at from engine.runs r, engine.steps s where r.id like 'due%'`,
    );
    await pool.query("analyze engine.runs, engine.steps, engine.events");
    // All at once, now.
    const dueMs = performance.now();
    await pool.query("update engine.steps set wake_at = now()");
    await pool.query(
      `select count(*) from graphile_worker.add_jobs(array(
         select row('engine.run', json_build_object('run', id), null, now(), null, id, null, null)::graphile_worker.job_spec from engine.runs))`,
    );
    await until("a third", 120_000, async () => (await count("effects")) > DUE / 3);
    a.process.kill("SIGSTOP");
    const stoppedAt = await now();
    // What it has taken and not given back: the end of a call may be written by the database after its caller has stopped.
    const held = await count(
      "engine.runs r join engine.workers w on w.id = r.claimed_by where r.status = 'running' and w.pid = $1",
      [a.process.pid],
    );
    expect(held).toBeLessThanOrEqual(ENGINE_RUNS_MAX);
    await until("all others", 240_000, async () => (await count("engine.runs where ended_at is not null")) === DUE);
    const endedMs = performance.now();
    const { rows: before } = await pool.query("select * from engine.steps order by run_id, id");
    a.process.kill("SIGCONT");
    await until("the late calls", 60_000, async () => (await count("calls where ended_at is null")) === 0);
    await until("the news", 60_000, async () => a.said.length > 0);
    await pause(500);
    expect((await pool.query("select * from engine.steps order by run_id, id")).rows).toEqual(before);
    expect(await count("engine.runs where status = 'completed'")).toBe(DUE);
    expect(await count("engine.steps where status = 'done'")).toBe(2 * DUE);
    expect(await count("effects")).toBe(DUE);
    // Only what the stopped one had in its hands may have been asked for twice, with the same key.
    expect(await count("effects where times > 1")).toBeLessThanOrEqual(held);
    expect(await overlaps({ engine: "a", at: stoppedAt })).toBe(0);
    const share = await count("calls where engine = 'a'");
    expect(share).toBeGreaterThan(0);
    process.stdout.write(
      `${DUE} due at once: ended after ${((endedMs - dueMs) / 1_000).toFixed(1)} s; ${share} calls by the stopped one, ` +
        `${held} runs in its hands, ${await count("effects where times > 1")} effects asked for again\n`,
    );
  });
});
