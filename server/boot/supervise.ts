import { type ChildProcess, spawn } from "node:child_process";
import {
  createWriteStream,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  type WriteStream,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { z } from "zod";
import { BootFailure } from "./failure";
import type { Guard } from "./guard";
import { endProcess, isAlive, processBirth, signalProcess } from "./processes";
import { type ProcessEnvironment, ROOT } from "./settings";

const LOG_SIZE_MAX = 20 * 1024 * 1024;
const STEADY_AFTER_MS = 5_000;
const BACKOFF_FIRST_MS = 100;
const BACKOFF_LAST_MS = 2_000;
const CRASHES_AT_START_MAX = 3;
/** Longer than a part takes at the most to finish what runs (10 s): force would lose what is under way. */
const GRACE_MS = 11_000;

export interface PartOptions {
  name: string;
  /** Arguments of Node. */
  args: string[];
  env: ProcessEnvironment;
}

/** A process that is kept alive until it is told to stop. */
export interface Part {
  name: string;
  pid(): number | undefined;
  stop(): Promise<void>;
  /** Rejects when the part ended too often before `settled` was called. */
  failure: Promise<never>;
}

export interface Supervisor {
  start(options: PartOptions): Part;
  /** A process that something else starts, such as PostgreSQL: `launch` is called again whenever it ended. */
  keep(
    name: string,
    launch: () => Promise<{ pid: number; process: ChildProcess; stop(): Promise<void> }>,
  ): Promise<Part>;
  /** From now on a crash is only restarted, never a reason to give up. */
  settled(): void;
  logOf(name: string): LogFile;
  stopAll(order: string[][]): Promise<void>;
  killAll(): void;
}

export interface LogFile {
  file: string;
  write(text: string): void;
  tail(lines: number): string;
}

function openLog(folder: string, name: string): LogFile {
  const file = path.join(folder, `${name}.log`);
  const recent: string[] = [];
  let size = existsSync(file) ? statSync(file).size : 0;
  let stream: WriteStream = createWriteStream(file, { flags: "a", mode: 0o600 });
  stream.on("error", () => undefined);
  return {
    file,
    write: (text) => {
      if (size > LOG_SIZE_MAX) {
        stream.end();
        renameSync(file, `${file}.1`);
        stream = createWriteStream(file, { flags: "a", mode: 0o600 });
        stream.on("error", () => undefined);
        size = 0;
      }
      size += text.length;
      stream.write(text.endsWith("\n") ? text : `${text}\n`);
      recent.push(...text.split("\n").filter((line) => line.trim() !== ""));
      if (recent.length > 40) recent.splice(0, recent.length - 40);
    },
    tail: (lines) => recent.slice(-lines).join("\n"),
  };
}

const LogLineSchema = z.looseObject({ level: z.union([z.number(), z.string()]), msg: z.string() });

/** What of a part's output a person should see at once: errors, and what is not our own structured log on stderr. */
export function importantText(line: string, isErrorStream: boolean): string | undefined {
  if (line.startsWith("{")) {
    try {
      const parsed = LogLineSchema.parse(JSON.parse(line));
      const isError = parsed.level === "error" || (typeof parsed.level === "number" && parsed.level >= 50);
      return isError ? parsed.msg : undefined;
    } catch {
      return undefined;
    }
  }
  return isErrorStream && line.trim() !== "" ? line : undefined;
}

const ProcessesSchema = z.looseObject({ born: z.record(z.string(), z.string()).optional() });

/** Who runs for a data folder: `processes.json`, one process id by name. */
export function readProcesses(dataDir: string): { name: string; pid: number; birth: string }[] {
  const file = path.join(dataDir, "processes.json");
  if (!existsSync(file)) return [];
  try {
    const { born = {}, ...pids } = ProcessesSchema.parse(JSON.parse(readFileSync(file, "utf8")));
    return Object.entries(pids).flatMap(([name, pid]) =>
      typeof pid === "number" ? [{ name, pid, birth: born[name] ?? "" }] : [],
    );
  } catch {
    return [];
  }
}

/**
 * Takes the data folder for this process until it ends; refuses when another start has it. Each writes before it looks,
 * so of two starts at the same moment at the most one goes on.
 */
export function claimDataDir(dataDir: string): void {
  const nameOf = (pid: number) => `start-${pid}-${encodeURIComponent(processBirth(pid))}`;
  const mine = path.join(dataDir, nameOf(process.pid));
  writeFileSync(mine, "");
  process.once("exit", () => rmSync(mine, { force: true }));
  for (const name of readdirSync(dataDir)) {
    const pid = Number(/^start-(\d+)-/.exec(name)?.[1] ?? process.pid);
    if (pid === process.pid) continue;
    if (isAlive(pid) && nameOf(pid) === name) throw new BootFailure(alreadyRuns(dataDir, pid));
    rmSync(path.join(dataDir, name), { force: true });
  }
}

function alreadyRuns(dataDir: string, pid: number): string {
  return `Tillgate already runs on the data folder ${dataDir} (process ${pid}). Stop it, or set DATA_DIR and PORT for a second one.`;
}

/** Ends what an instance left behind that was itself killed; refuses when that instance is alive. */
export async function clearLeftovers(dataDir: string): Promise<void> {
  const alive = readProcesses(dataDir).filter(({ pid, birth }) => isAlive(pid) && processBirth(pid) === birth);
  const supervisor = alive.find(({ name }) => name === "supervisor");
  if (supervisor) throw new BootFailure(alreadyRuns(dataDir, supervisor.pid));
  const order = ["gateway", "web", "engine", "simulator", "postgres"];
  alive.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  for (const { name, pid } of alive) await endProcess(pid, name === "postgres" ? "SIGINT" : "SIGTERM", GRACE_MS);
}

export function createSupervisor(options: {
  dataDir: string;
  guard: Guard;
  /** One line for the person who looks on. */
  say: (line: string) => void;
}): Supervisor {
  const { dataDir, guard, say } = options;
  const pids = new Map<string, number>([["supervisor", process.pid]]);
  if (guard.pid) pids.set("guard", guard.pid);
  const parts = new Map<string, Part>();
  const logs = new Map<string, LogFile>();
  let isStopping = false;
  let isSettled = false;
  let isOver = false;

  function writePids(): void {
    // Of a process that is collected after the last one was asked for.
    if (isOver) return;
    const born = Object.fromEntries([...pids].map(([name, pid]) => [name, processBirth(pid)]));
    const file = path.join(dataDir, "processes.json");
    try {
      writeFileSync(`${file}.new`, `${JSON.stringify({ ...Object.fromEntries(pids), born }, null, 2)}\n`);
      renameSync(`${file}.new`, file);
    } catch {
      // A full disk must not end what still runs; the file is a convenience.
    }
  }

  function logOf(name: string): LogFile {
    const existing = logs.get(name);
    if (existing) return existing;
    const log = openLog(path.join(dataDir, "logs"), name);
    logs.set(name, log);
    return log;
  }

  function enter(name: string, pid: number): void {
    pids.set(name, pid);
    guard.watch(pid, name === "postgres" ? "SIGINT" : "SIGTERM");
    writePids();
  }

  function leave(name: string, pid: number): void {
    guard.forget(pid);
    if (pids.get(name) === pid) pids.delete(name);
    writePids();
  }

  type Running = { pid: number; process: ChildProcess; stop(): Promise<void> };

  async function keep(name: string, launch: () => Promise<Running>): Promise<Part> {
    const log = logOf(name);
    let running: Running | undefined;
    let launching: Promise<void> | undefined;
    let isEnded = false;
    let crashes = 0;
    let giveUp: (error: Error) => void = () => undefined;
    const failure = new Promise<never>((_, reject) => {
      giveUp = reject;
    });
    failure.catch(() => undefined);

    const watch = (current: Running) => {
      running = current;
      enter(name, current.pid);
      const since = Date.now();
      current.process.once("exit", (code, signal) => {
        leave(name, current.pid);
        running = undefined;
        if (isEnded || isStopping) return;
        if (Date.now() - since > STEADY_AFTER_MS) crashes = 0;
        crashes += 1;
        const how = signal ? `was ended by ${signal}` : `ended with code ${code}`;
        log.write(`${name} ${how}`);
        if (!isSettled && crashes >= CRASHES_AT_START_MAX) {
          giveUp(
            new BootFailure(
              `The part "${name}" does not start. Its last words:\n\n${log.tail(12)}\n\nMore is in ${log.file}.`,
            ),
          );
          return;
        }
        say(`${name} ${how}; it is started again`);
        again();
      });
    };
    const again = () => {
      const delay = Math.min(BACKOFF_FIRST_MS * 2 ** Math.max(0, crashes - 1), BACKOFF_LAST_MS);
      setTimeout(() => {
        if (isEnded || isStopping) return;
        bring().catch((error: unknown) => {
          if (isEnded || isStopping) return;
          crashes += 1;
          log.write(String(error));
          if (!isSettled && crashes >= CRASHES_AT_START_MAX)
            giveUp(error instanceof Error ? error : new Error(String(error)));
          else again();
        });
      }, delay);
    };
    const bring = () => {
      const launched = launch().then(watch);
      launching = launched.catch(() => undefined);
      return launched;
    };
    const part: Part = {
      name,
      pid: () => running?.pid,
      failure,
      stop: async () => {
        isEnded = true;
        // What is on its way up would be nobody's afterwards.
        await launching;
        await running?.stop();
      },
    };
    parts.set(name, part);
    await bring();
    return part;
  }

  function start({ name, args, env }: PartOptions): Part {
    const log = logOf(name);
    const launch = (): Running => {
      // A process group of its own: Ctrl-C reaches only us, and we end the parts in order.
      const child = spawn(process.execPath, args, {
        cwd: ROOT,
        env,
        stdio: ["ignore", "pipe", "pipe"],
        detached: process.platform !== "win32",
      });
      const follow = (stream: NodeJS.ReadableStream, isErrorStream: boolean) => {
        let rest = "";
        stream.on("data", (chunk: Buffer) => {
          const lines = (rest + chunk.toString("utf8")).split("\n");
          rest = lines.pop() ?? "";
          for (const line of lines) {
            if (line === "") continue;
            log.write(line);
            const important = importantText(line, isErrorStream);
            if (important && !isStopping) say(`${name}: ${important}`);
          }
        });
      };
      follow(child.stdout, false);
      follow(child.stderr, true);
      const pid = child.pid;
      if (pid === undefined) throw new BootFailure(`The part "${name}" could not be started.`);
      // What the part had started itself goes with it.
      child.once("exit", () => signalProcess(-pid, "SIGKILL"));
      return { pid, process: child, stop: () => endProcess(pid, "SIGTERM", GRACE_MS) };
    };
    let settlePart: (part: Part) => void = () => undefined;
    const started = new Promise<Part>((resolve) => {
      settlePart = resolve;
    });
    void keep(name, async () => launch()).then(settlePart);
    const failure = started.then((part) => part.failure);
    failure.catch(() => undefined);
    return { name, pid: () => pids.get(name), failure, stop: async () => (await started).stop() };
  }

  return {
    start,
    keep,
    logOf,
    settled: () => {
      isSettled = true;
    },
    stopAll: async (order) => {
      isStopping = true;
      const named = new Set(order.flat());
      const rest = [...parts.keys()].filter((name) => !named.has(name));
      for (const names of [rest, ...order]) await Promise.all(names.map((name) => parts.get(name)?.stop()));
      isOver = true;
      rmSync(path.join(dataDir, "processes.json"), { force: true });
    },
    killAll: () => {
      isStopping = true;
      for (const [name, pid] of pids) if (name !== "supervisor" && name !== "guard") signalProcess(pid, "SIGKILL");
    },
  };
}
