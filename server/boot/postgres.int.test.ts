import { type ChildProcess, spawn } from "node:child_process";
import {
  chownSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import pg from "pg";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { until } from "@/server/testing/shop";
import { BootFailure } from "./failure";
import { type Guard, startGuard } from "./guard";
import { findFreePort } from "./ports";
import { type PostgresOptions, type RunningPostgres, runningPostgresPort, startPostgres } from "./postgres";
import { isAlive } from "./processes";

// A machine with much else to do takes its time for a cluster.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });

let parent: string;
let guard: Guard;
let running: RunningPostgres[];

beforeEach(() => {
  parent = mkdtempSync(path.join(os.tmpdir(), "tillgate-postgres-"));
  // As a data folder: another user passes through.
  mkdirSync(path.join(parent, "data"), { mode: 0o711 });
  guard = startGuard();
  guard.removeFolder(parent);
  running = [];
});
afterEach(async () => {
  await Promise.all(running.map((server) => server.stop()));
  rmSync(parent, { recursive: true, force: true });
  guard.close();
});

async function start(name: string, options: Partial<PostgresOptions> = {}): Promise<RunningPostgres> {
  const server = await startPostgres({
    folder: path.join(parent, "data", name),
    port: await findFreePort(),
    password: "test",
    database: "tillgate",
    isThrowaway: true,
    ...options,
    onSpawn: (child) => {
      guard.watchWhileItRuns(child, "SIGINT");
      options.onSpawn?.(child);
    },
  });
  running.push(server);
  return server;
}

async function one(url: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query("select 1 as one")).rows[0]?.one;
  } finally {
    await client.end();
  }
}

it("a first start that was killed while the cluster was made leaves nothing that the next one trips over", async () => {
  const data = path.join(parent, "data");
  let initdb: ChildProcess | undefined;
  const first = start("postgres", {
    onSpawn: (child) => {
      initdb ??= child;
    },
  });
  const ended = first.then(
    // On a machine that let it finish first.
    (server) => server.stop(),
    (error: unknown) => expect(error).toBeInstanceOf(BootFailure),
  );
  await until("the first files", 100_000, () => globSync("{,.}*/**/PG_VERSION", { cwd: data }).length > 0);
  initdb?.kill("SIGKILL");
  await ended;
  // Killed with its parent, it would not even have been tidied up.
  mkdirSync(path.join(data, ".postgres-killed"));
  writeFileSync(path.join(data, ".postgres-killed", "PG_VERSION"), "18\n");
  writeFileSync(path.join(data, ".postgres-password-1"), "test\n");

  const { url } = await start("postgres");

  expect(await one(url)).toBe(1);
  expect(readdirSync(data)).toEqual(["postgres"]);
});

it("a lock file whose id went to somebody else's PostgreSQL costs neither its life nor our start", async () => {
  const { stop } = await start("postgres");
  await stop();
  const folder = path.join(parent, "data", "postgres");
  // By its command line a PostgreSQL, of another folder.
  const idle = ["-e", "setInterval(() => {}, 1000)", "postgres", "-D", "/srv/postgres"];
  const other = spawn(process.execPath, idle, { stdio: "ignore" });
  guard.watchWhileItRuns(other, "SIGKILL");
  writeFileSync(path.join(folder, "postmaster.pid"), `${other.pid}\n${folder}\n`);
  expect(runningPostgresPort(folder)).toBeUndefined();

  const again = await start("postgres");

  expect(await one(again.url)).toBe(1);
  expect(other.signalCode ?? other.exitCode).toBeNull();
  other.kill("SIGKILL");
  expect(runningPostgresPort(folder)).toBe(Number(new URL(again.url).port));
});

it("a server of this folder that outlived its supervisor is stopped, and its data served by the next", async () => {
  const left = await start("postgres");
  const next = await start("postgres");
  expect(isAlive(left.pid)).toBe(false);
  expect(await one(next.url)).toBe(1);
});

it("a cluster stays its owner's, whoever starts it", async () => {
  const folder = path.join(parent, "data", "postgres");
  const isRoot = process.getuid?.() === 0;
  if (isRoot) {
    mkdirSync(folder, { mode: 0o700 });
    chownSync(folder, 65_534, 65_534);
  }
  const owner = isRoot ? 65_534 : process.getuid?.();
  const first = await start("postgres");
  await first.stop();
  const { url } = await start("postgres");
  expect(await one(url)).toBe(1);
  for (const file of ["", "PG_VERSION", "base", "global/pg_control"])
    expect(statSync(path.join(folder, file)).uid).toBe(owner);
});

it("data of another version of PostgreSQL is left as it is, and the reason said", async () => {
  const { stop } = await start("postgres");
  await stop();
  const version = path.join(parent, "data", "postgres", "PG_VERSION");
  writeFileSync(version, "17\n");
  await expect(start("postgres")).rejects.toThrow(
    /^The data in .* is of PostgreSQL 17, and the built-in one is 18\.\d+\. /,
  );
  expect(existsSync(version)).toBe(true);
});
