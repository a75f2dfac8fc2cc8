import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";

export interface Guard {
  pid: number | undefined;
  /** The process is ended with this signal when we are gone. */
  watch(pid: number, signal: NodeJS.Signals): void;
  forget(pid: number): void;
  /** Both in one, for a child of ours. */
  watchWhileItRuns(child: ChildProcess, signal: NodeJS.Signals): void;
  /** The folder is removed when we are gone. */
  removeFolder(folder: string): void;
  close(): void;
}

/** Starts the helper that cleans up after us even when we are killed without notice. */
export function startGuard(): Guard {
  const script = path.join(path.dirname(fileURLToPath(import.meta.url)), "guard-process.mjs");
  const child = spawn(process.execPath, ["--max-old-space-size=16", script], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: process.platform !== "win32",
    env: { PATH: process.env.PATH, NODE_ENV: process.env.NODE_ENV, TILLGATE_TEST_RUN: process.env.TILLGATE_TEST_RUN },
  });
  child.unref();
  child.stdin.on("error", () => undefined);
  const send = (message: object) => void child.stdin.write(`${JSON.stringify(message)}\n`);
  const forget = (pid: number) => send({ forget: pid });
  return {
    pid: child.pid,
    watch: (pid, signal) => send({ watch: pid, signal }),
    forget,
    watchWhileItRuns: (started, signal) => {
      const { pid } = started;
      if (pid === undefined) return;
      send({ watch: pid, signal });
      started.once("exit", () => forget(pid));
    },
    removeFolder: (folder) => send({ folder }),
    close: () => void child.stdin.end(),
  };
}
