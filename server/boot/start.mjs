// `npm start`: makes sure that packages and the Prisma client are there, then hands over to main.ts on the Node that was
// installed. Stays as the parent, so that a signal to it, or its end, stops everything.
import { spawn } from "node:child_process";
import { checkNode, fail, install, nodeProgram, root } from "./install.mjs";

checkNode();
const args = process.argv.slice(2);
await install({ quiet: args.includes("--quiet") });
const { ensureClient } = await import("./generate.mjs");
try {
  await ensureClient({ quiet: true });
} catch (error) {
  fail(error instanceof Error ? error.message : String(error));
}

const child = spawn(nodeProgram(), ["--import", "tsx", "server/boot/main.ts", ...args], {
  cwd: root,
  stdio: ["ignore", "inherit", "inherit", "ipc"],
  detached: process.platform !== "win32",
  env: { ...process.env, NODE_NO_WARNINGS: "1" },
});

// A terminal sends Ctrl-C to us and npm passes it on once more: only signals that are apart count as two.
let lastSignalAt = 0;
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
  process.on(signal, () => {
    if (Date.now() - lastSignalAt < 500) return;
    lastSignalAt = Date.now();
    child.kill(signal === "SIGHUP" ? "SIGTERM" : signal);
  });
}
// npm runs us below a shell that dies of a signal without passing it on: when that parent is gone, so is the wish to run.
if (process.env.npm_lifecycle_event) {
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) child.kill("SIGTERM");
  }, 500).unref();
}
child.on("message", (message) => process.send?.(message));
process.on("disconnect", () => child.kill("SIGTERM"));
child.on("error", (error) => fail(error.message));
child.on("exit", (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
