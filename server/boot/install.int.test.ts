import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { until } from "@/server/testing/shop";
import { type Guard, startGuard } from "./guard";
import { isAlive } from "./processes";
import { ROOT } from "./settings";

let folder: string;
let guard: Guard;
let started: ChildProcess[];

/** Stands for npm: writes down that it ran, extracts the first half, and the other once `goes` is there. */
const NPM = `
const fs = require("node:fs");
fs.appendFileSync("npm-ran", process.pid + "\\n");
fs.mkdirSync("node_modules/half", { recursive: true });
fs.writeFileSync("node_modules/half/package.json", "{}");
const timer = setInterval(() => {
  if (!fs.existsSync("goes")) return;
  clearInterval(timer);
  fs.mkdirSync("node_modules/node/bin", { recursive: true });
  fs.writeFileSync("node_modules/node/bin/node", "");
  // As npm does: what is there by name and version is taken for whole.
  fs.writeFileSync("node_modules/whole", fs.existsSync("node_modules/torn") ? "torn" : "good");
  fs.writeFileSync("node_modules/.package-lock.json", "{}");
}, 20);`;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "tillgate-install-"));
  mkdirSync(path.join(folder, "server/boot"), { recursive: true });
  for (const file of ["install.mjs", "lock.mjs"])
    cpSync(path.join(ROOT, "server/boot", file), path.join(folder, "server/boot", file));
  writeFileSync(path.join(folder, "package.json"), '{"type":"module"}');
  writeFileSync(path.join(folder, "package-lock.json"), "{}");
  writeFileSync(path.join(folder, "npm.cjs"), NPM);
  writeFileSync(
    path.join(folder, "start.mjs"),
    'import { install } from "./server/boot/install.mjs"; await install(); process.stdout.write("installed\\n");',
  );
  guard = startGuard();
  guard.removeFolder(folder);
  started = [];
});
afterEach(() => {
  for (const child of started) child.kill("SIGKILL");
  for (const pid of npmPids()) if (isAlive(pid)) process.kill(pid, "SIGKILL");
  guard.close();
  rmSync(folder, { recursive: true, force: true });
});

function npmPids(): number[] {
  const file = path.join(folder, "npm-ran");
  return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n").map(Number) : [];
}

type Start = { child: ChildProcess; said: () => string; ended: Promise<number | null> };

function start(): Start {
  const child = spawn(process.execPath, ["start.mjs"], {
    cwd: folder,
    env: { ...process.env, npm_execpath: path.join(folder, "npm.cjs") },
    stdio: ["ignore", "pipe", "pipe"],
  });
  guard.watchWhileItRuns(child, "SIGKILL");
  started.push(child);
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (chunk: Buffer) => {
      text += chunk.toString("utf8");
    });
  const ended = new Promise<number | null>((resolve) => child.once("close", (code) => resolve(code)));
  return { child, said: () => text, ended };
}

const inModules = (name: string): string => path.join(folder, "node_modules", name);
const letGo = (): void => writeFileSync(path.join(folder, "goes"), "");
const untilNpmRuns = (): Promise<boolean> =>
  until("npm", 100_000, () => npmPids().length === 1 && existsSync(inModules("half/package.json")));

it("an installation that was killed half way is not taken for whole by the next start", async () => {
  const first = start();
  await untilNpmRuns();
  writeFileSync(inModules("torn"), "");
  // The start first: else it would see how npm ends.
  first.child.kill("SIGKILL");
  await until("the end of the start", 100_000, () => first.child.signalCode);
  for (const pid of npmPids()) process.kill(pid, "SIGKILL");
  await until("the end of npm", 100_000, () => npmPids().every((pid) => !isAlive(pid)));

  letGo();
  const next = start();

  expect(await next.ended).toBe(0);
  expect(next.said()).toContain("an earlier installation was interrupted; its packages are removed");
  expect(readFileSync(inModules("whole"), "utf8")).toBe("good");
  const third = start();
  expect(await third.ended).toBe(0);
  expect(third.said()).toBe("installed\n");
});

it("a start that is told to stop while npm runs takes npm with it, and the next one begins anew", async () => {
  const first = start();
  await untilNpmRuns();
  writeFileSync(inModules("torn"), "");
  first.child.kill("SIGTERM");
  expect(await first.ended).toBe(130);
  expect(npmPids().some(isAlive)).toBe(false);

  letGo();
  expect(await start().ended).toBe(0);
  expect(readFileSync(inModules("whole"), "utf8")).toBe("good");
});

it("of two starts in one folder one installs, and the other waits for it", async () => {
  const first = start();
  await untilNpmRuns();
  const second = start();
  await until("the second", 100_000, () => /waiting for it/.test(second.said()));
  letGo();
  expect(await Promise.all([first.ended, second.ended])).toEqual([0, 0]);
  expect(npmPids()).toHaveLength(1);
  expect(readdirSync(path.join(folder, "node_modules")).filter((name) => name.endsWith(".lock"))).toEqual([]);
});
