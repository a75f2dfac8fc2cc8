import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findFreePort } from "@/server/boot/ports";
import { type TestDatabase, testDatabase } from "@/server/testing/database";

const EVENTS = Number(process.env.ENGINE_CRASH_EVENTS ?? 120);
const KILLS = Number(process.env.ENGINE_CRASH_KILLS ?? 4);
const FUNCTIONS_PER_EVENT = 3;
const EFFECTS = ["one", "two", "x", "y", "after"];

let database: TestDatabase;
let pool: Pool;
const children = new Set<ChildProcess>();
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function startEngine(port: number): Promise<ChildProcess> {
  const child = spawn(
    process.execPath,
    ["--import", "tsx", "inngest/engine/crash-child.ts", database.url, String(port)],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  children.add(child);
  child.once("exit", () => children.delete(child));
  await Promise.race([
    once(child.stdout, "data"),
    once(child, "exit").then(() => {
      throw new Error("The engine ended before it was ready");
    }),
  ]);
  return child;
}

async function kill(child: ChildProcess, signal: "SIGKILL" | "SIGTERM"): Promise<void> {
  const gone = once(child, "exit");
  child.kill(signal);
  await gone;
}

/** Sends as the SDK does: again with the same event id until it is acknowledged. */
async function send(port: number, n: number): Promise<void> {
  for (;;) {
    try {
      const response = await fetch(`http://127.0.0.1:${port}/e/key`, {
        method: "POST",
        body: JSON.stringify({ name: "crash/start", id: `start-${n}`, data: { n } }),
      });
      if (response.status === 200) return;
    } catch {
      // The engine is down: again shortly.
    }
    await pause(20);
  }
}

async function countOpen(): Promise<number> {
  const { rows } = await pool.query<{ n: number }>(
    "select count(*)::integer as n from engine.runs where ended_at is null",
  );
  return rows[0]?.n ?? 0;
}

async function untilDone(runs: number): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const { rows } = await pool.query<{ n: number }>(
      "select count(*)::integer as n from engine.runs where status = 'completed'",
    );
    if ((rows[0]?.n ?? 0) >= runs) return;
    if (Date.now() > deadline) throw new Error(`${rows[0]?.n} of ${runs} runs completed, ${await countOpen()} open`);
    await pause(50);
  }
}

beforeAll(async () => {
  database = await testDatabase();
  pool = new Pool({ connectionString: database.url, max: 2 });
  await pool.query("create table effects (key text primary key, times integer not null default 1)");
});

afterAll(async () => {
  for (const child of children) child.kill("SIGKILL");
  await pool.end();
  await database.drop();
});

describe("embedded engine, killed", () => {
  it(`finishes every run of ${EVENTS} events while its process is killed ${KILLS} times; no step's effect is missing`, {
    timeout: 300_000,
  }, async () => {
    const port = await findFreePort();
    let child = await startEngine(port);
    let isSending = true;
    const sending = (async () => {
      for (let n = 0; n < EVENTS; n += 1) await send(port, n);
      isSending = false;
    })();
    for (let index = 0; index < KILLS; index += 1) {
      await pause(50 + Math.random() * 350);
      await kill(child, "SIGKILL");
      child = await startEngine(port);
    }
    await sending;
    expect(isSending).toBe(false);
    await untilDone(EVENTS * FUNCTIONS_PER_EVENT);
    const { rows: runs } = await pool.query(
      "select fn_id, status, count(*)::integer as n from engine.runs group by 1, 2 order by 1",
    );
    expect(runs).toEqual(
      ["crash-sleeper", "crash-told", "crash-two-steps"].map((id) => ({ fn_id: id, status: "completed", n: EVENTS })),
    );
    const { rows: effects } = await pool.query<{ key: string }>("select key from effects");
    expect(new Set(effects.map((row) => row.key))).toEqual(
      new Set(Array.from({ length: EVENTS }, (_, n) => EFFECTS.map((name) => `${n}:${name}`)).flat()),
    );
    const { rows: jobs } = await pool.query("select 1 from graphile_worker.jobs where key is not null");
    expect(jobs).toHaveLength(0);
    await kill(child, "SIGTERM");
    expect((await pool.query("select 1 from engine.workers")).rows).toHaveLength(0);
  });

  it("hands the work of a killed process to another one on the same database within seconds", {
    timeout: 60_000,
  }, async () => {
    const [portA, portB] = [await findFreePort(), await findFreePort()];
    const [a, b] = [await startEngine(portA), await startEngine(portB)];
    await pool.query("truncate effects");
    await pool.query("delete from engine.runs");
    await Promise.all(Array.from({ length: 100 }, (_, n) => send(n % 2 ? portA : portB, 10_000 + n)));
    await kill(a, "SIGKILL");
    const from = Date.now();
    await untilDone(100 * FUNCTIONS_PER_EVENT);
    expect(Date.now() - from).toBeLessThan(10_000);
    const { rows } = await pool.query<{ n: number }>("select count(*)::integer as n from effects");
    expect(rows[0]?.n).toBe(100 * EFFECTS.length);
    await kill(b, "SIGTERM");
  });
});
