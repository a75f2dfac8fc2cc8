// Outlives its parent by a moment: when the parent is gone, however it went, it ends the processes that the parent had
// named on our standard input, and then itself. Plain JavaScript without imports of ours, to be small and to start at once.
import { rmSync } from "node:fs";
import { createInterface } from "node:readline";

/** @type {Map<number, NodeJS.Signals>} */
const watched = new Map();
/** @type {Set<string>} */
const folders = new Set();

/** @param {number} pid @param {NodeJS.Signals | 0} signal */
function send(pid, signal) {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {});

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const message = JSON.parse(line);
    if (message.watch) watched.set(message.watch, message.signal);
    if (message.forget) watched.delete(message.forget);
    if (message.folder) folders.add(message.folder);
  })
  .on("close", async () => {
    for (const [pid, signal] of watched) send(pid, signal);
    const deadline = Date.now() + 11_000;
    while ([...watched.keys()].some((pid) => send(pid, 0)) && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    for (const pid of watched.keys()) {
      send(pid, "SIGKILL");
      if (process.platform !== "win32") send(-pid, "SIGKILL");
    }
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
    process.exit(0);
  });
