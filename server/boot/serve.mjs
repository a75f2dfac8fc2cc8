// `npm run serve`: the web part alone, as a deployment runs it beside gateway and engine.
import { spawn } from "node:child_process";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { nodeProgram, root } from "./install.mjs";

const { PORT = "3000", WEB_PORT = String(Number(PORT) + 1), WEB_HOST = "127.0.0.1" } = process.env;
const args = [
  "--import",
  pathToFileURL(path.join(root, "server/boot/egress.mjs")).href,
  path.join(root, "node_modules/next/dist/bin/next"),
  "start",
  "-p",
  WEB_PORT,
  "-H",
  WEB_HOST,
  // Longer than the front door keeps a connection that nobody uses: it closes, and never we while it sends.
  "--keepAliveTimeout",
  "75000",
];
const child = spawn(nodeProgram(), args, { cwd: root, stdio: "inherit" });
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) process.on(signal, () => child.kill(signal));
child.on("exit", (code) => process.exit(code ?? 1));
