import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findFreePort } from "@/server/boot/ports";
import { type TestDatabase, testDatabase } from "@/server/testing/database";

/*
 * The engine as it is started in production and an app that serves the functions, each a process of its own, both killed
 * at random and started again as their supervisor would.
 *
 * In full: ENGINE_CRASH_EVENTS=2000 ENGINE_CRASH_KILLS=50; ENGINE_CRASH_SEED repeats a course of kills.
 */

const EVENTS = Number(process.env.ENGINE_CRASH_EVENTS ?? 160);
const KILLS = Number(process.env.ENGINE_CRASH_KILLS ?? 6);
const SEED = Number(process.env.ENGINE_CRASH_SEED ?? Date.now() % 1_000_000);
const STEPS = { "crash-sleeper": 2, "crash-told": 2, "crash-two-steps": 3 };
const EFFECTS = ["one", "two", "x", "y", "after"];
const ROOT = path.resolve(import.meta.dirname, "../..");
const SIGNING_KEY = "signkey-test-0123456789abcdef0123456789abcdef";

let database: TestDatabase;
let pool: Pool;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The same numbers for the same seed, each in [0, 1). */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Part = { kill(): Promise<void>; isBack(): Promise<boolean>; untilBack(): Promise<void>; end(): Promise<void> };

/** A process that is started again whenever it ends. */
function supervise(argv: readonly string[], environment: Readonly<Record<string, string>>, address: string): Part {
  let child: ChildProcess;
  let isEnding = false;
  const start = (): void => {
    child = spawn(process.execPath, ["--import", "tsx", ...argv], {
      cwd: ROOT,
      env: { PATH: process.env.PATH, NODE_ENV: "test", TZ: "UTC", INNGEST_SIGNING_KEY: SIGNING_KEY, ...environment },
      stdio: ["ignore", "ignore", process.env.ENGINE_TEST_LOG ? "inherit" : "ignore"],
    });
    child.once("exit", () => {
      if (!isEnding) start();
    });
  };
  start();
  const isBack = (): Promise<boolean> =>
    fetch(address).then(
      () => true,
      () => false,
    );
  const end = async (signal: "SIGKILL" | "SIGTERM"): Promise<void> => {
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
  };
  return {
    isBack,
    kill: () => end("SIGKILL"),
    untilBack: async () => {
      for (const deadline = Date.now() + 60_000; !(await isBack()); await pause(25))
        if (Date.now() > deadline) throw new Error(`${argv.join(" ")} did not come back`);
    },
    end: () => {
      isEnding = true;
      return child.exitCode === null && child.signalCode === null ? end("SIGTERM") : Promise.resolve();
    },
  };
}

/** Sends as the SDK does: again with the same event id until it is acknowledged. */
async function send(port: number, n: number): Promise<void> {
  for (;;) {
    try {
      const response = await fetch(`http://127.0.0.1:${port}/e/local-events`, {
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

async function untilDone(runs: number, timeoutMs: number): Promise<void> {
  for (const deadline = Date.now() + timeoutMs; ; await pause(50)) {
    const { rows } = await pool.query<{ ended: number; open: number }>(
      `select count(*) filter (where ended_at is not null)::integer as ended,
         count(*) filter (where ended_at is null)::integer as open from engine.runs`,
    );
    if ((rows[0]?.ended ?? 0) >= runs) return;
    if (Date.now() > deadline) throw new Error(`${rows[0]?.ended} of ${runs} runs ended, ${rows[0]?.open} open`);
  }
}

beforeAll(async () => {
  database = await testDatabase();
  pool = new Pool({ connectionString: database.url, max: 2 });
  await pool.query("create table effects (key text primary key, times integer not null default 1)");
});

afterAll(async () => {
  await pool.end();
  await database.drop();
});

describe("embedded engine, killed", () => {
  it(`finishes every run of ${EVENTS} events through three functions while engine and app are killed ${KILLS} times; no step's effect is missing or doubled`, {
    timeout: 900_000,
  }, async () => {
    const startedMs = performance.now();
    process.stdout.write(`seed ${SEED}\n`);
    const random = randomOf(SEED);
    const [enginePort, appPort] = [await findFreePort(), await findFreePort()];
    const engine = supervise(
      ["inngest/engine/main.ts"],
      {
        TILLGATE_ENV: "demo",
        DATABASE_URL: database.url,
        ENGINE_PORT: String(enginePort),
        ENGINE_APP_URLS: `http://127.0.0.1:${appPort}/api/inngest`,
        LOG_LEVEL: "warn",
        TILLGATE_SESSION_SECRET: "s".repeat(32),
        TILLGATE_KEY_PEPPER: "p".repeat(32),
        TILLGATE_ENCRYPTION_KEYS: `test:${Buffer.alloc(32, 7).toString("base64")}`,
      },
      `http://127.0.0.1:${enginePort}/health`,
    );
    const app = supervise(
      ["inngest/engine/crash-child.ts", "app", database.url, String(appPort), String(enginePort)],
      {},
      `http://127.0.0.1:${appPort}/`,
    );
    const killed = { engine: 0, app: 0, both: 0, "while starting": 0 };
    try {
      await Promise.all([engine.untilBack(), app.untilBack()]);
      const sending: Promise<void>[] = [];
      for (let kill = 0; kill < KILLS; kill += 1) {
        // The events of this round come while its kill does.
        for (let n = Math.ceil((kill * EVENTS) / KILLS); n < Math.ceil(((kill + 1) * EVENTS) / KILLS); n += 1)
          sending.push(pause(random() * 600).then(() => send(enginePort, n)));
        await pause(50 + random() * 900);
        const chance = random();
        const victim =
          kill === 0 ? "engine" : kill === 1 ? "app" : chance < 0.45 ? "engine" : chance < 0.9 ? "app" : "both";
        killed[victim] += 1;
        await Promise.all([...(victim === "app" ? [] : [engine.kill()]), ...(victim === "engine" ? [] : [app.kill()])]);
        // One in eight is hit by the next kill while it still starts.
        if (random() < 0.125) killed["while starting"] += 1;
        else await Promise.all([engine.untilBack(), app.untilBack()]);
      }
      await Promise.all(sending);
      const killedMs = performance.now() - startedMs;
      await untilDone(EVENTS * 3, 300_000);

      const { rows: runs } = await pool.query(
        "select fn_id, status, count(*)::integer as n from engine.runs group by 1, 2 order by 1",
      );
      expect(runs).toEqual(Object.keys(STEPS).map((id) => ({ fn_id: id, status: "completed", n: EVENTS })));
      const { rows: steps } = await pool.query(
        `select r.fn_id, s.status, count(*)::integer as n from engine.steps s join engine.runs r on r.id = s.run_id
         group by 1, 2 order by 1`,
      );
      expect(steps).toEqual(Object.entries(STEPS).map(([id, n]) => ({ fn_id: id, status: "done", n: n * EVENTS })));
      const { rows: effects } = await pool.query<{ key: string; times: number }>("select key, times from effects");
      expect(effects).toHaveLength(EVENTS * EFFECTS.length);
      expect(new Set(effects.map((row) => row.key))).toEqual(
        new Set(Array.from({ length: EVENTS }, (_, n) => EFFECTS.map((name) => `${n}:${name}`)).flat()),
      );
      const { rows: told } = await pool.query("select 1 from engine.events where name = 'crash/told'");
      expect(told).toHaveLength(EVENTS);
      const { rows: jobs } = await pool.query("select 1 from graphile_worker.jobs where key is not null");
      expect(jobs).toHaveLength(0);
      const repeated = effects.filter((row) => row.times > 1).length;
      process.stdout.write(
        `${EVENTS} events, ${KILLS} kills (${JSON.stringify(killed)}): killing ${(killedMs / 1_000).toFixed(1)} s, ` +
          `all ended after ${((performance.now() - startedMs) / 1_000).toFixed(1)} s; ${effects.length} effects, ${repeated} asked for again\n`,
      );
    } finally {
      await Promise.all([engine.end(), app.end()]);
    }
    expect((await pool.query("select 1 from engine.workers")).rows).toHaveLength(0);
  });
});
