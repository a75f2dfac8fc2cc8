import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { until } from "@/server/testing/shop";
import { type Guard, startGuard } from "./guard";
import { isAlive, signalProcess } from "./processes";
import { ROOT } from "./settings";

let folder: string;
let guard: Guard;
let stranger: ReturnType<typeof spawn>;

/** Stands for a check: a process with one of its own below it, both of which run until they are ended. */
const CHECK = `
const { spawn } = require("node:child_process");
const { appendFileSync } = require("node:fs");
const inner = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
appendFileSync("pids", process.pid + " " + inner.pid + "\\n");
setInterval(() => {}, 1000);`;

/** Everything that `npm test` needs to begin, and one check: lint. */
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "tillgate-test-run-"));
  const write = (file: string, text: string) => {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    writeFileSync(path.join(folder, file), text);
  };
  for (const file of ["test", "install", "lock", "generate", "guard-process"])
    cpSync(path.join(ROOT, `server/boot/${file}.mjs`), path.join(folder, `server/boot/${file}.mjs`));
  write("package.json", '{"type":"module"}');
  write("node_modules/.package-lock.json", "{}");
  mkdirSync(path.join(folder, "node_modules/node/bin"), { recursive: true });
  symlinkSync(process.execPath, path.join(folder, "node_modules/node/bin/node"));
  mkdirSync(path.join(folder, "prisma/schema"), { recursive: true });
  write("node_modules/@prisma/client/package.json", "{}");
  write("server/db/generated/.schema", createHash("sha256").update("{}").digest("hex"));
  write("node_modules/@biomejs/biome/package.json", "{}");
  write("node_modules/@biomejs/biome/bin/biome", CHECK);
  guard = startGuard();
  guard.removeFolder(folder);
  stranger = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore", detached: true });
  guard.watchWhileItRuns(stranger, "SIGKILL");
});
afterEach(() => {
  stranger.kill("SIGKILL");
  for (const pid of checkPids()) signalProcess(pid, "SIGKILL");
  guard.close();
  rmSync(folder, { recursive: true, force: true });
});

function checkPids(): number[] {
  const file = path.join(folder, "pids");
  return existsSync(file) ? readFileSync(file, "utf8").split(/\s/).filter(Boolean).map(Number) : [];
}

it.each(["SIGTERM", "SIGINT", "SIGHUP", "SIGKILL"] as const)(
  "a run of the tests that gets %s ends all that it runs, and nobody else",
  async (signal) => {
    const run = spawn(process.execPath, ["server/boot/test.mjs", "--only=lint"], { cwd: folder, stdio: "ignore" });
    guard.watchWhileItRuns(run, "SIGKILL");
    await until("the check", 100_000, () => checkPids().length === 2);
    run.kill(signal);
    await until("its end", 100_000, () => run.exitCode !== null || run.signalCode !== null);
    await until("the end of what it ran", 100_000, () => !checkPids().some(isAlive));
    expect(stranger.exitCode ?? stranger.signalCode).toBeNull();
  },
);

it("a run whose npm was killed, which passes nothing on, ends", async () => {
  const npm = spawn(
    process.execPath,
    [
      "-e",
      `const run = require("node:child_process").spawn(process.execPath, ["server/boot/test.mjs", "--only=lint"], { stdio: "ignore" });
       require("node:fs").writeFileSync("run", String(run.pid)); setInterval(() => {}, 1000);`,
    ],
    { cwd: folder, stdio: "ignore", env: { ...process.env, npm_lifecycle_event: "test" } },
  );
  guard.watchWhileItRuns(npm, "SIGKILL");
  await until("the check", 100_000, () => checkPids().length === 2);
  npm.kill("SIGKILL");
  const run = Number(readFileSync(path.join(folder, "run"), "utf8"));
  await until("the end of all", 100_000, () => ![run, ...checkPids()].some(isAlive));
  expect(stranger.exitCode ?? stranger.signalCode).toBeNull();
});
