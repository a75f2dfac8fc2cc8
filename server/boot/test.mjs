// `npm test`: installs what is missing, then every check there is. Ends with one line, "N passed, N failed", and leaves no
// process behind. `npm test -- --only=types,unit` runs a part of it.
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { stripVTControlCharacters } from "node:util";
import { checkNode, fail, install, nodeProgram, root } from "./install.mjs";

checkNode();
await install();
const { ensureClient } = await import("./generate.mjs");
await ensureClient({ quiet: true }).catch((error) => fail(error instanceof Error ? error.message : String(error)));

const runId = randomUUID();
const folder = mkdtempSync(path.join(os.tmpdir(), "tillgate-report-"));
const only = process.argv
  .find((argument) => argument.startsWith("--only="))
  ?.slice("--only=".length)
  .split(",");
const bin = (/** @type {string} */ file) => path.join(root, "node_modules", file);
const env = {
  ...process.env,
  PATH: `${path.join(root, "node_modules", ".bin")}${path.delimiter}${process.env.PATH ?? ""}`,
  TILLGATE_TEST_RUN: runId,
  NODE_NO_WARNINGS: "1",
  NEXT_TELEMETRY_DISABLED: "1",
  CI: "1",
};
delete env.NODE_ENV;

// Ends what runs when we are killed without notice.
const guard = spawn(nodeProgram(), [path.join(root, "server/boot/guard-process.mjs")], {
  stdio: ["pipe", "ignore", "ignore"],
  detached: process.platform !== "win32",
});
guard.unref();
guard.stdin.on("error", () => undefined);
const tellGuard = (/** @type {object} */ message) => void guard.stdin.write(`${JSON.stringify(message)}\n`);
tellGuard({ folder });

/** @type {import("node:child_process").ChildProcess | undefined} */
let current;
const total = { passed: 0, failed: 0, skipped: 0 };
/** @type {string[]} */
const summary = [];
/** What failed, said again at the end, where who reads a long run looks first. @type {string[]} */
const failures = [];

/** @param {string} file @param {string} name @param {string} [message] */
function keepFailure(file, name, message = "") {
  const [line = ""] = stripVTControlCharacters(message).split("\n");
  failures.push(
    `${path.relative(root, path.resolve(root, file))} › ${name}${line === "" ? "" : `\n    ${line.slice(0, 300)}`}`,
  );
}

/** @param {string[]} args @returns {Promise<number>} */
function run(args) {
  return new Promise((resolve) => {
    const child = spawn(nodeProgram(), args, {
      cwd: root,
      env,
      stdio: "inherit",
      detached: process.platform !== "win32",
    });
    current = child;
    tellGuard({ watch: child.pid, signal: "SIGTERM" });
    child.on("error", () => resolve(1));
    child.on("exit", (code) => {
      tellGuard({ forget: child.pid });
      current = undefined;
      resolve(code ?? 1);
    });
  });
}

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

/** A command that is one check: good or not. @param {string[][]} commands @returns {() => Promise<Counts>} */
function oneCheck(...commands) {
  return async () => {
    for (const args of commands) if ((await run(args)) !== 0) return { passed: 0, failed: 1, skipped: 0 };
    return { passed: 1, failed: 0, skipped: 0 };
  };
}

/** @param {string} project @param {string[]} options @returns {() => Promise<Counts>} */
function vitest(project, options = []) {
  return async () => {
    const file = path.join(folder, `${project}.json`);
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
    const config = ["--config", "server/tooling/vitest.config.ts", "--project", project, "--passWithNoTests"];
    const code = await run([bin("vitest/vitest.mjs"), "run", ...config, ...reporters, ...options]);
    // Without a report the runner itself broke, whatever its exit code says.
    if (!existsSync(file)) return { passed: 0, failed: 1, skipped: 0 };
    const report = JSON.parse(readFileSync(file, "utf8"));
    for (const { name, status, message, assertionResults: results } of report.testResults) {
      const failed = results.filter((/** @type {{ status: string }} */ result) => result.status === "failed");
      for (const result of failed) keepFailure(name, result.fullName, result.failureMessages[0]);
      if (status === "failed" && failed.length === 0) keepFailure(name, "the file itself", message);
    }
    const counts = {
      passed: report.numPassedTests,
      failed: report.numFailedTests,
      skipped: report.numPendingTests + report.numTodoTests,
    };
    if (counts.failed === 0 && (code !== 0 || !report.success)) counts.failed = 1;
    return counts;
  };
}

/** @returns {Promise<Counts>} */
async function playwright() {
  const file = path.join(folder, "e2e.json");
  env.PLAYWRIGHT_JSON_OUTPUT_FILE = file;
  const code = await run([
    bin("@playwright/test/cli.js"),
    "test",
    "--config",
    "e2e/playwright.config.ts",
    "--reporter=list,json",
  ]);
  if (!existsSync(file)) return { passed: 0, failed: 1, skipped: 0 };
  const { stats, suites, errors = [] } = JSON.parse(readFileSync(file, "utf8"));
  const keepFailures = (/** @type {any} */ suite) => {
    for (const { title, ok, file: spec, line, tests } of suite.specs) {
      const message = tests[0]?.results.at(-1)?.error?.message;
      if (!ok) keepFailure(path.join("e2e", spec), `line ${line}: ${title}`, message);
    }
    for (const inner of suite.suites ?? []) keepFailures(inner);
  };
  for (const suite of suites) keepFailures(suite);
  for (const error of errors) keepFailure("e2e", "the run itself", error.message);
  const counts = {
    passed: stats.expected + stats.flaky,
    failed: stats.unexpected + errors.length,
    skipped: stats.skipped,
  };
  if (counts.failed === 0 && code !== 0) counts.failed = 1;
  return counts;
}

function hasSpecs() {
  const e2e = path.join(root, "e2e");
  if (!existsSync(path.join(e2e, "playwright.config.ts"))) return false;
  return readdirSync(e2e, { recursive: true }).some((name) => String(name).endsWith(".spec.ts"));
}

/** Processes of this run that are still there; each carries the run's id in its environment. */
function findLeftovers() {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc").flatMap((name) => {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) return [];
    try {
      return readFileSync(`/proc/${pid}/environ`, "utf8").includes(`TILLGATE_TEST_RUN=${runId}`) ? [pid] : [];
    } catch {
      return [];
    }
  });
}

/** @param {number} pid @param {NodeJS.Signals} [signal] */
function end(pid, signal = "SIGKILL") {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself in between.
  }
}

/** @returns {Promise<Counts>} */
async function leftovers() {
  // What was told to stop gets a moment to do so.
  for (let waited = 0; waited < 10_000 && findLeftovers().length > 0; waited += 200) {
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const left = findLeftovers();
  for (const pid of left) {
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
    process.stdout.write(`left behind: process ${pid}, ${command.slice(0, 160)}\n`);
    end(pid);
  }
  return left.length === 0 ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 };
}

/** @type {[string, () => Promise<Counts>][]} */
const stages = [
  ["types", oneCheck([bin("next/dist/bin/next"), "typegen"], [bin("typescript/bin/tsc"), "--noEmit"])],
  [
    "lint",
    oneCheck([bin("@biomejs/biome/bin/biome"), "check", "--config-path=server/tooling", "--error-on-warnings", "."]),
  ],
  ["unit", vitest("unit")],
  ["int", vitest("int")],
  ["load", vitest("load", ["--no-file-parallelism"])],
  ["build", oneCheck(["--import", "tsx", "server/boot/build.ts"])],
];
if (hasSpecs()) stages.push(["e2e", playwright]);
stages.push(["processes", leftovers]);

let isEnding = false;
function stop() {
  if (isEnding) return;
  isEnding = true;
  // Not by the program `kill`: some versions read only the first digit of a group's number, and -1 is everyone.
  if (current?.pid) end(process.platform === "win32" ? current.pid : -current.pid, "SIGTERM");
  setTimeout(() => {
    for (const pid of findLeftovers()) end(pid);
    rmSync(folder, { recursive: true, force: true });
    process.exit(130);
  }, 3_000);
}
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) process.on(signal, stop);
// As in start.mjs: npm runs us below a shell that may die of a signal without passing it on.
if (process.env.npm_lifecycle_event) {
  const parent = process.ppid;
  setInterval(() => process.ppid === parent || stop(), 500).unref();
}
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);

for (const [name, stage] of stages) {
  if (only && !only.includes(name)) continue;
  process.stdout.write(`\n── ${name}\n`);
  const since = Date.now();
  const counts = await stage();
  if (isEnding) await new Promise(() => undefined);
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skipped;
  const seconds = ((Date.now() - since) / 1000).toFixed(1);
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : "";
  summary.push(
    `${counts.failed > 0 ? "✗" : "✓"} ${name.padEnd(10)} ${counts.passed} passed, ${counts.failed} failed${skipped}  (${seconds} s)`,
  );
}

rmSync(folder, { recursive: true, force: true });
for (const failure of failures) process.stdout.write(`\n✗ ${failure}\n`);
process.stdout.write(`\n${summary.join("\n")}\n\n`);
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
process.stdout.write(`${total.passed} passed, ${total.failed} failed${skipped}\n`);
process.exit(total.failed > 0 ? 1 : 0);
