import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { z } from "zod";
import { isPortFree } from "@/server/boot/ports";
import { signalProcess } from "@/server/boot/processes";
import { type Demo, ROOT, readDemo } from "@/server/boot/settings";
import { readProcesses } from "@/server/boot/supervise";

export type { Demo } from "@/server/boot/settings";

const ContractLineSchema = z.union([z.object({ watching: z.int() }), z.object({ fault: z.string() })]);
const START_TIMEOUT_MS = 240_000;
const STOP_TIMEOUT_MS = 40_000;

export interface Instance {
  url: string;
  demo: Demo;
  dataDir: string;
  /** Process ids by part: gateway, web, engine, simulator, postgres, supervisor. They change with each restart. */
  pids(): Record<string, number>;
  /** `kill -9` of one part. */
  kill(name: string): void;
  /** Where its parts wanted to connect to that no setting names, one JSON line each; empty as it should be. */
  egress(): string;
  /** What it said to Partners or took from them that is not as the document of the API says; throws when nobody looked. */
  contractFaults(): string[];
  /** Everything that the part has written to its log. */
  log(name: string): string;
  stop(): Promise<void>;
}

/** Below the ports that a system gives to outgoing connections, one of which could take a part's port while that is down. */
async function findFreeBase(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const base = 11_000 + Math.floor(Math.random() * 2_000) * 10;
    const ports = [base, base + 1, base + 2, base + 3, base + 1010];
    const free = await Promise.all(ports.map((port) => isPortFree(port, "127.0.0.1")));
    if (free.every(Boolean)) return base;
  }
  throw new Error("no five free ports");
}

/**
 * The whole product as `npm start` runs it, on ports and a data folder of its own; ready when this resolves, gone with
 * our process in any case. Builds the app first when its sources changed.
 */
export async function startInstance(
  options: { port?: number; dataDir?: string; env?: Record<string, string> } = {},
): Promise<Instance> {
  const port = options.port ?? (await findFreeBase());
  const dataDir = options.dataDir ?? mkdtempSync(path.join(os.tmpdir(), "tillgate-instance-"));
  const url = `http://localhost:${port}`;
  const child = spawn(process.execPath, ["server/boot/start.mjs", "--quiet"], {
    cwd: ROOT,
    env: {
      ...process.env,
      TILLGATE_ENV: "demo",
      TILLGATE_EGRESS: "refuse",
      TILLGATE_CONTRACT: "record",
      PUBLIC_URL: url,
      ...options.env,
      NODE_ENV: "production",
      PORT: String(port),
      DATA_DIR: dataDir,
    },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    detached: process.platform !== "win32",
  });
  let complaint = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    complaint += chunk.toString("utf8");
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  let hasEnded = false;
  void ended.then(() => {
    hasEnded = true;
  });
  const stop = async () => {
    if (!hasEnded) {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
      await ended;
      clearTimeout(timer);
    }
    if (!options.dataDir) rmSync(dataDir, { recursive: true, force: true });
  };
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`The instance is not ready.\n${complaint}`)), START_TIMEOUT_MS);
      child.on("message", () => {
        clearTimeout(timer);
        resolve();
      });
      child.once("exit", (code) => {
        clearTimeout(timer);
        reject(new Error(`The instance ended with code ${code}.\n${complaint}`));
      });
    });
    const demo = readDemo(dataDir);
    if (!demo) throw new Error("The instance has no demo.json.");
    const pids = () => Object.fromEntries(readProcesses(dataDir).map(({ name, pid }) => [name, pid]));
    return {
      url,
      demo,
      dataDir,
      pids,
      kill: (name) => {
        const pid = pids()[name];
        if (pid !== undefined) signalProcess(pid, "SIGKILL");
      },
      egress: () => {
        const file = path.join(dataDir, "egress.log");
        return existsSync(file) ? readFileSync(file, "utf8") : "";
      },
      contractFaults: () => {
        const file = path.join(dataDir, "contract.log");
        const lines = existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
        const read = lines.map((line) => ContractLineSchema.parse(JSON.parse(line)));
        if (!read.some((line) => "watching" in line))
          throw new Error("Nothing was held against the document of the API.");
        return [...new Set(read.flatMap((line) => ("fault" in line ? [line.fault] : [])))];
      },
      log: (name) => readFileSync(path.join(dataDir, "logs", `${name}.log`), "utf8"),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
