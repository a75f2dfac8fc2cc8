import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import http from "node:http";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Guard } from "@/server/boot/guard";
import { endProcess, isAlive } from "@/server/boot/processes";
import { ROOT } from "@/server/boot/settings";
import { type Answer, AnswerSchema, type Order } from "./messages";

const READY_TIMEOUT_MS = 60_000;

export type Part = { readonly pid: number; stop(): Promise<void> };
type Started = Part & { readonly child: ChildProcess; complaint(): string };

/** Starts a part of the product or of the benchmark as its own process; it ends with us in any case. */
export function startProcess(
  guard: Guard,
  file: string,
  options: { arguments?: string[]; environment?: Record<string, string>; nodeOptions?: string[] } = {},
): Started {
  const child = spawn(
    process.execPath,
    [...(options.nodeOptions ?? []), "--import", "tsx", file, ...(options.arguments ?? [])],
    {
      cwd: ROOT,
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        TZ: "UTC",
        ...options.environment,
        NODE_ENV: "production",
      },
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    },
  );
  let complaint = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    complaint = `${complaint}${chunk.toString("utf8")}`.slice(-4_000);
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${path.basename(file)} did not start`);
  guard.watch(pid, "SIGTERM");
  return {
    pid,
    child,
    complaint: () => complaint,
    stop: async () => {
      await endProcess(pid, "SIGTERM", 15_000);
      guard.forget(pid);
    },
  };
}

/** The first message of a process. */
export function firstMessage(started: Started): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null): void =>
      reject(new Error(`A process ended with ${code}.\n${started.complaint()}`));
    started.child.once("exit", ended);
    started.child.once("message", (message) => {
      started.child.off("exit", ended);
      resolve(message);
    });
  });
}

/** Resolves when the address answers with anything at all. */
export async function untilAnswers(started: Started, port: number, at: string): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (Date.now() < deadline) {
    if (!isAlive(started.pid)) throw new Error(`A process ended before it was ready.\n${started.complaint()}`);
    const isReady = await new Promise<boolean>((resolve) => {
      const request = http.get({ host: "127.0.0.1", port, path: at, agent: false }, (response) => {
        response.resume();
        resolve(true);
      });
      request.on("error", () => resolve(false));
    });
    if (isReady) return;
    await sleep(50);
  }
  throw new Error(`Nothing answers on port ${port}.\n${started.complaint()}`);
}

export type Load = Part & {
  order<K extends Order["kind"]>(order: Extract<Order, { kind: K }>): Promise<Extract<Answer, { kind: K }>>;
};

export async function startLoad(guard: Guard): Promise<Load> {
  const started = startProcess(guard, "server/tooling/bench/load.ts");
  await firstMessage(started);
  return {
    pid: started.pid,
    stop: started.stop,
    order: async <K extends Order["kind"]>(order: Extract<Order, { kind: K }>) => {
      const answered = firstMessage(started);
      started.child.send(order);
      const answer = AnswerSchema.parse(await answered);
      if (!isAnswerTo(order.kind, answer)) throw new Error(`asked for ${order.kind}, got ${answer.kind}`);
      return answer;
    },
  };
}

function isAnswerTo<K extends Order["kind"]>(kind: K, answer: Answer): answer is Extract<Answer, { kind: K }> {
  return answer.kind === kind;
}

/** Takes the signals that the front door sends to the background, and does nothing: its work is measured on its own. */
export async function startSignalSink(): Promise<{ port: number; count(): number; close(): void }> {
  let count = 0;
  const server = http.createServer((request, response) => {
    count += 1;
    request.resume();
    request.on("end", () => response.end('{"ids":[],"status":200}'));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    port: address.port,
    count: () => count,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

const TICK_MS = 10;

/** Processor time of a process so far and of its children that still run, in milliseconds; 0 where the system does not tell. */
export function processorMs(pid: number, options: { withChildren?: boolean } = {}): number {
  const read = (id: string): { parent: number; ms: number } | null => {
    try {
      const stat = readFileSync(`/proc/${id}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return { parent: Number(fields[1]), ms: (Number(fields[11]) + Number(fields[12])) * TICK_MS };
    } catch {
      return null;
    }
  };
  const own = read(String(pid))?.ms ?? 0;
  if (!options.withChildren || process.platform !== "linux") return own;
  const children = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(read)
    .filter((found) => found?.parent === pid);
  return children.reduce((all, found) => all + (found?.ms ?? 0), own);
}
