import { type ChildProcess, spawn } from "node:child_process";
import { statfsSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import pg from "pg";
import { MigrationFailure, migrate } from "@/prisma/migrate";
import { readEnv, SettingError } from "@/server/env";
import { buildApp } from "./build";
import { BootFailure, isErrorWithCode, messageOf } from "./failure";
import { keepRegistering } from "./functions";
import { type Guard, startGuard } from "./guard";
import { isPortFree } from "./ports";
import { startPostgres } from "./postgres";
import { signalProcess } from "./processes";
import {
  type BootSettings,
  type Demo,
  loadSecrets,
  makeDataDir,
  type ProcessEnvironment,
  processEnvironment,
  ROOT,
  readDemo,
  readSettings,
  type Secrets,
  withoutPassword,
  writeDemo,
} from "./settings";
import { claimDataDir, clearLeftovers, createSupervisor, type Part, type Supervisor } from "./supervise";

const DISK_FREE_MIN = 500 * 1024 * 1024;
const READY_TIMEOUT_MS = 90_000;
const SECOND_SIGNAL_MS = 1_000;

const startedAt = Date.now();
// A closed terminal is a signal to stop in order, and no reason to fall over the next word that we say into it.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
const isQuiet = process.argv.includes("--quiet");
const isDev = process.argv.includes("--dev");

function say(line: string): void {
  if (!isQuiet) process.stdout.write(`${line}\n`);
}

function checkDisk(dataDir: string): void {
  const { bavail, bsize } = statfsSync(dataDir);
  if (bavail * bsize >= DISK_FREE_MIN) return;
  const free = Math.floor((bavail * bsize) / 1024 / 1024);
  throw new BootFailure(
    `Only ${free} MB are free on the disk of ${dataDir}; Tillgate needs 500 MB. Free some space, or set DATA_DIR to another disk.`,
  );
}

async function checkPorts(settings: BootSettings): Promise<void> {
  const { ports } = settings;
  const wanted: [number, string, string, string][] = [
    [ports.gateway, settings.host, "the front door", "PORT"],
    [ports.web, "127.0.0.1", "the web app", "WEB_PORT (or PORT)"],
  ];
  if (settings.hasEngine) wanted.push([ports.engine, "127.0.0.1", "background work", "ENGINE_PORT (or PORT)"]);
  if (!settings.databaseUrl) wanted.push([ports.postgres, "127.0.0.1", "PostgreSQL", "PG_PORT (or PORT)"]);
  if (settings.simulatorUrl)
    wanted.push([ports.simulator, "127.0.0.1", "the Klarna simulator", "SIMULATOR_PORT (or PORT)"]);
  for (const [port, host, what, setting] of wanted) {
    if (await isPortFree(port, host)) continue;
    throw new BootFailure(
      `Port ${port}, meant for ${what}, is in use. Stop what listens there, or set ${setting} to another one.`,
    );
  }
}

/** Reaches a database that the person configured. The sentence names what is wrong, never the password. */
async function checkDatabase(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  try {
    await client.connect();
    const result = await client.query("SELECT current_setting('server_version_num')::int AS version");
    const version = Math.floor(Number(result.rows[0]?.version) / 10_000);
    if (version < 15) throw new BootFailure(`DATABASE_URL leads to PostgreSQL ${version}; Tillgate needs 15 or newer.`);
  } catch (error) {
    if (error instanceof BootFailure) throw error;
    const reason = isErrorWithCode(error, "ECONNREFUSED")
      ? "nothing listens there"
      : isErrorWithCode(error, "ENOTFOUND", "EAI_AGAIN")
        ? "its host is not known"
        : isErrorWithCode(error, "28P01", "28000")
          ? "user or password is wrong"
          : isErrorWithCode(error, "3D000")
            ? "that database does not exist"
            : messageOf(error);
    throw new BootFailure(`The database of DATABASE_URL (${withoutPassword(url)}) cannot be used: ${reason}.`);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function waitFor(url: string, parts: Part[], isGood: (response: Response) => boolean): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  let last = "no answer";
  const failed = Promise.race(parts.map((part) => part.failure));
  failed.catch(() => undefined);
  while (Date.now() < deadline) {
    const attempt = fetch(url, { signal: AbortSignal.timeout(5_000) }).then(
      async (response) => {
        if (isGood(response)) return true;
        last = `status ${response.status}: ${(await response.text()).slice(0, 300)}`;
        return false;
      },
      (error: unknown) => {
        last = messageOf(error);
        return false;
      },
    );
    if (await Promise.race([attempt, failed])) return;
    await Promise.race([sleep(60), failed]);
  }
  throw new BootFailure(
    `${url} is not ready after ${READY_TIMEOUT_MS / 1000} seconds (${last}). The logs are in the data folder.`,
  );
}

/** Runs a script of ours to its end. */
async function run(
  name: string,
  args: string[],
  context: { env: ProcessEnvironment; supervisor: Supervisor; onStart: (child: ChildProcess) => void },
): Promise<void> {
  const log = context.supervisor.logOf(name);
  const code = await new Promise<number | null>((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: ROOT,
      env: context.env,
      stdio: ["ignore", "pipe", "pipe"],
      detached: process.platform !== "win32",
    });
    context.onStart(child);
    child.stdout.on("data", (chunk: Buffer) => log.write(chunk.toString("utf8")));
    child.stderr.on("data", (chunk: Buffer) => log.write(chunk.toString("utf8")));
    child.on("error", reject);
    child.on("close", resolve);
  });
  if (code !== 0) throw new BootFailure(`The step "${name}" failed:\n\n${log.tail(20)}\n\nMore is in ${log.file}.`);
}

function refreshDemo(settings: BootSettings, environment: ProcessEnvironment): Demo | undefined {
  const demo = readDemo(settings.dataDir);
  if (!demo) return undefined;
  const simulatorUrl = environment.SIMULATOR_PUBLIC_URL ?? demo.simulator.url;
  const fresh: Demo = { ...demo, url: settings.publicUrl, simulator: { ...demo.simulator, url: simulatorUrl } };
  writeDemo(settings.dataDir, fresh);
  return fresh;
}

/** The one block that a person needs. */
function welcome(settings: BootSettings, demo: Demo | undefined): string {
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
  const line = "─".repeat(78);
  const out = ["", line, `Tillgate is ready, after ${seconds} seconds.`, "", `  Dashboard   ${settings.publicUrl}`];
  out.push(`  API         ${settings.publicUrl}/api/v1`);
  if (demo && settings.simulatorUrl) out.push(`  Simulator   ${demo.simulator.url}   (stands for Klarna)`);
  if (demo) {
    const width = Math.max(...demo.users.map((user) => user.role.length)) + 2;
    const mail = Math.max(...demo.users.map((user) => user.email.length)) + 2;
    out.push("", "  Sign in as");
    for (const user of demo.users) out.push(`    ${user.role.padEnd(width)}${user.email.padEnd(mail)}${user.password}`);
    out.push(
      "",
      `  API key (test mode)   ${demo.api_key}`,
      "",
      "  A first payment: paste this, open the display_url of the answer, scan its QR code (or open klarna.payment_request_url)",
      "",
    );
    const body = {
      amount: 11800,
      currency: demo.currency,
      reference: `FIRST-${Date.now().toString(36).toUpperCase()}`,
      launch: "qr",
      store: { reference: demo.store.reference },
      terminal: { reference: demo.terminal.reference },
    };
    out.push(
      `curl -sS ${settings.publicUrl}/api/v1/payments \\`,
      `  -H 'Authorization: Bearer ${demo.api_key}' \\`,
      `  -H 'Idempotency-Key: ${body.reference}' \\`,
      "  -H 'Content-Type: application/json' \\",
      `  -d '${JSON.stringify(body)}'`,
    );
  }
  out.push(
    "",
    `  Logs are in ${path.join(settings.dataDir, "logs")}. Ctrl-C stops everything; the data stays.`,
    line,
    "",
  );
  return out.join("\n");
}

async function main(): Promise<void> {
  const settings = readSettings(process.env);
  makeDataDir(settings.dataDir);
  checkDisk(settings.dataDir);
  claimDataDir(settings.dataDir);
  const secrets: Secrets | undefined = loadSecrets(settings.dataDir);
  const given = isDev ? { ...process.env, NODE_ENV: "development" } : process.env;
  const environment = processEnvironment(settings, secrets, given);
  // The same check that every part makes, once, where a person sees it.
  readEnv(environment);
  await clearLeftovers(settings.dataDir);
  await checkPorts(settings);
  if (settings.databaseUrl) await checkDatabase(settings.databaseUrl);

  const guard = startGuard();
  const supervisor = createSupervisor({ dataDir: settings.dataDir, guard, say });
  const steps = new Set<ChildProcess>();
  const onStart = (child: ChildProcess) => {
    steps.add(child);
    guard.watchWhileItRuns(child, "SIGTERM");
    child.once("exit", () => steps.delete(child));
  };

  let stopping: Promise<void> | undefined;
  let firstSignalAt = 0;
  const stop = (code: number): Promise<void> => {
    stopping ??= (async () => {
      for (const child of steps)
        if (child.pid) signalProcess(process.platform === "win32" ? child.pid : -child.pid, "SIGKILL");
      await supervisor.stopAll([["gateway"], ["web", "engine", "simulator"], ["postgres"]]);
      guard.close();
      process.exit(code);
    })();
    return stopping;
  };
  const onSignal = () => {
    if (stopping) {
      if (Date.now() - firstSignalAt < SECOND_SIGNAL_MS) return;
      supervisor.killAll();
      process.exit(1);
    }
    firstSignalAt = Date.now();
    say("stopping");
    void stop(0);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
  process.on("disconnect", onSignal);

  try {
    await bringUp({ settings, secrets, environment, supervisor, guard, onStart });
  } catch (error) {
    if (stopping) return;
    await report(error);
    await stop(1);
  }
}

async function bringUp(context: {
  settings: BootSettings;
  secrets: Secrets;
  environment: ProcessEnvironment;
  supervisor: Supervisor;
  guard: Guard;
  onStart: (child: ChildProcess) => void;
}): Promise<void> {
  const { settings, secrets, environment, supervisor, guard, onStart } = context;
  const node = (file: string) => [...(isDev ? ["--watch"] : []), "--import", "tsx", file];
  // First of all imports, so that nothing connects around it. The simulator is Klarna, not ours.
  const guarded = (args: string[]) => [
    "--import",
    pathToFileURL(path.join(ROOT, "server/boot/egress.mjs")).href,
    ...args,
  ];
  // For tests: what is said to Partners and heard from them is held against the document of the API.
  const watched = (args: string[]) =>
    settings.isProduction || environment["TILLGATE_CONTRACT"] !== "record"
      ? args
      : ["--import", pathToFileURL(path.join(ROOT, "server/testing/contract-record.mjs")).href, ...args];
  const parts: Part[] = [];

  const prepareData = async () => {
    let databaseUrl = settings.databaseUrl;
    if (!databaseUrl) {
      const log = supervisor.logOf("postgres");
      const postgres = await supervisor.keep("postgres", () =>
        startPostgres({
          folder: path.join(settings.dataDir, "postgres"),
          port: settings.ports.postgres,
          password: secrets.postgresPassword,
          database: "tillgate",
          onSpawn: (child) => guard.watchWhileItRuns(child, "SIGINT"),
          log: (line) => {
            log.write(line);
            if (/(FATAL|PANIC):/.test(line) && !/terminating|shutting down|starting up|not yet accepting/.test(line))
              say(`postgres: ${line}`);
          },
        }),
      );
      parts.push(postgres);
      databaseUrl = environment.DATABASE_URL;
    }
    if (!databaseUrl) throw new BootFailure("There is no database.");
    const applied = await migrate(databaseUrl);
    if (applied.length > 0) say(`the database was brought up to date (${applied.length} migrations)`);
  };

  const prepareSimulator = async () => {
    if (!settings.simulatorUrl) return;
    const simulator = supervisor.start({ name: "simulator", args: node("server/simulator/main.ts"), env: environment });
    parts.push(simulator);
    await waitFor(settings.simulatorUrl, [simulator], () => true);
  };

  const seed = async () => {
    await Promise.all([prepareData(), prepareSimulator()]);
    if (settings.isProduction) return;
    // Later starts only repair what depends on the start: the address of Klarna's webhooks, a wiped simulator.
    if (!readDemo(settings.dataDir)) say("filling the database with a demo acquirer");
    await run("seed", ["--import", "tsx", "prisma/seed.ts"], { env: environment, supervisor, onStart });
  };

  const build = async () => {
    if (isDev) return;
    const log = supervisor.logOf("build");
    await buildApp({ env: environment, say, log: (line) => log.write(line), onStart });
  };

  // The first failure ends the start; the other half is stopped with everything else.
  await Promise.all([seed(), build()]);

  const next = path.join(ROOT, "node_modules/next/dist/bin/next");
  const web = [next, isDev ? "dev" : "start", "-p", String(settings.ports.web), "-H", "127.0.0.1"];
  // Longer than the front door keeps a connection that nobody uses: it closes, and never the web process while it sends.
  if (!isDev) web.push("--keepAliveTimeout", "75000");
  parts.push(supervisor.start({ name: "web", args: guarded(web), env: environment }));
  if (settings.hasEngine)
    parts.push(
      supervisor.start({ name: "engine", args: guarded(watched(node("inngest/engine/main.ts"))), env: environment }),
    );
  parts.push(
    supervisor.start({ name: "gateway", args: guarded(watched(node("server/gateway/main.ts"))), env: environment }),
  );

  await Promise.all([
    waitFor(`http://127.0.0.1:${settings.ports.gateway}/api/health`, parts, (response) => response.status === 200),
    waitFor(`http://127.0.0.1:${settings.ports.web}/api/health`, parts, () => true),
    // Without the engine the first payment would wait for its turn by the clock.
    ...(settings.hasEngine
      ? [waitFor(`http://127.0.0.1:${settings.ports.engine}/health`, parts, (response) => response.status === 200)]
      : []),
  ]);
  supervisor.settled();
  if (!settings.hasEngine) void keepRegistering(`http://127.0.0.1:${settings.ports.web}/api/inngest`, say);
  process.stdout.write(isQuiet ? "ready\n" : welcome(settings, refreshDemo(settings, environment)));
  if (isQuiet) refreshDemo(settings, environment);
  process.send?.({ type: "ready" });
}

async function report(error: unknown): Promise<void> {
  const isPlain = error instanceof BootFailure || error instanceof SettingError || error instanceof MigrationFailure;
  const text = isPlain ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`\nTillgate does not start.\n\n${text}\n\n`);
}

main().catch(async (error: unknown) => {
  await report(error);
  process.exit(1);
});
