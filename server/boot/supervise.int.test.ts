import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { until } from "@/server/testing/shop";
import { startGuard } from "./guard";
import { isAlive } from "./processes";
import { ROOT } from "./settings";
import { claimDataDir, createSupervisor } from "./supervise";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "tillgate-supervise-"));
  mkdirSync(path.join(folder, "logs"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("R43: parts end in order, each before the next is asked, and what takes its time is waited for", async () => {
  const said = path.join(folder, "said");
  writeFileSync(said, "");
  const script = path.join(folder, "part.mjs");
  // A part that needs a while to finish what runs.
  writeFileSync(
    script,
    `import { appendFileSync } from "node:fs";
     const [name, ms] = process.argv.slice(2);
     const say = (what) => appendFileSync(${JSON.stringify(said)}, what + " " + name + "\\n");
     process.on("SIGTERM", () => { say("asked"); setTimeout(() => { say("ended"); process.exit(0); }, Number(ms)); });
     setInterval(() => {}, 1000);
     say("up");`,
  );
  const guard = startGuard();
  const supervisor = createSupervisor({ dataDir: folder, guard, say: () => undefined });
  const env = { NODE_ENV: "production" as const, PATH: process.env.PATH ?? "" };
  const parts = { gateway: 700, web: 300, engine: 400, postgres: 10 };
  for (const [name, ms] of Object.entries(parts)) supervisor.start({ name, args: [script, name, String(ms)], env });
  const lines = (): string[] => readFileSync(said, "utf8").trim().split("\n");
  try {
    await until("all parts", 60_000, () => lines().filter((line) => line.startsWith("up")).length === 4);
    await supervisor.stopAll([["gateway"], ["web", "engine", "simulator"], ["postgres"]]);
  } finally {
    supervisor.killAll();
    guard.close();
  }
  const order = lines().filter((line) => !line.startsWith("up"));
  expect(order.slice(0, 2)).toEqual(["asked gateway", "ended gateway"]);
  expect(new Set(order.slice(2, 6))).toEqual(new Set(["asked web", "asked engine", "ended web", "ended engine"]));
  expect(order.slice(6)).toEqual(["asked postgres", "ended postgres"]);
});

it("what is on its way up when everything is to stop is waited for and stopped, not left behind", async () => {
  const guard = startGuard();
  const supervisor = createSupervisor({ dataDir: folder, guard, say: () => undefined });
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
  const { pid } = child;
  if (pid === undefined) throw new Error("no process");
  let arrive = (): void => undefined;
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  try {
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    const stop = async () => {
      child.kill();
      await ended;
    };
    const kept = supervisor.keep("postgres", () => arrived.then(() => ({ pid, process: child, stop })));
    const stopped = supervisor.stopAll([["postgres"]]);
    arrive();
    await Promise.all([kept, stopped]);
    expect(isAlive(pid)).toBe(false);
  } finally {
    child.kill("SIGKILL");
    guard.close();
  }
});

it("nothing says afterwards that something runs, though the last process is collected late", async () => {
  const guard = startGuard();
  const supervisor = createSupervisor({ dataDir: folder, guard, say: () => undefined });
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
  const { pid } = child;
  if (pid === undefined) throw new Error("no process");
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  try {
    await supervisor.keep("postgres", async () => ({ pid, process: child, stop: async () => undefined }));
    await supervisor.stopAll([["postgres"]]);
    child.kill("SIGKILL");
    await ended;
    await new Promise((resolve) => setImmediate(resolve));
    expect(readdirSync(folder)).not.toContain("processes.json");
  } finally {
    child.kill("SIGKILL");
    guard.close();
  }
});

it("a data folder is one start's, from its first moment until it has ended, even by force", async () => {
  const script = path.join(folder, "claim.mts");
  writeFileSync(
    script,
    `import { claimDataDir } from ${JSON.stringify(path.join(ROOT, "server/boot/supervise.ts"))};
     claimDataDir(${JSON.stringify(folder)});
     process.stdout.write("taken");
     setInterval(() => {}, 1000);`,
  );
  const other = spawn(process.execPath, ["--import", "tsx", script], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<void>((resolve) => other.once("exit", () => resolve()));
  try {
    await new Promise<void>((resolve, reject) => {
      other.stdout.once("data", () => resolve());
      other.once("exit", () => reject(new Error("it ended before it had the folder")));
    });
    expect(() => claimDataDir(folder)).toThrow(`already runs on the data folder ${folder} (process ${other.pid})`);
    other.kill("SIGKILL");
    await ended;
    claimDataDir(folder);
    expect(readdirSync(folder).filter((name) => name.startsWith("start-"))).toHaveLength(1);
  } finally {
    other.kill("SIGKILL");
  }
});
