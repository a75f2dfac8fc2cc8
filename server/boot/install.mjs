// What has to be there before anything else can run. Plain JavaScript for Node 20 and without dependencies, because at
// this moment there may be neither a newer Node nor a single package.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const modules = path.join(root, "node_modules");
const marker = path.join(modules, ".tillgate-installed");

/** @param {string} sentence @returns {never} */
export function fail(sentence) {
  process.stderr.write(`\nTillgate does not start.\n\n${sentence}\n\n`);
  process.exit(1);
}

/** @param {string} version */
export function isNodeTooOld(version) {
  const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number);
  return major < 20 || (major === 20 && minor < 9);
}

export function checkNode() {
  if (!isNodeTooOld(process.versions.node)) return;
  fail(
    `This is Node ${process.versions.node}; Tillgate needs 20.9 or newer to install itself. Get it from https://nodejs.org and start again.`,
  );
}

function readLock() {
  const lock = path.join(root, "package-lock.json");
  return existsSync(lock) ? readFileSync(lock) : undefined;
}

/** @param {Buffer | undefined} lock */
function isInstalled(lock) {
  const installed = path.join(modules, ".package-lock.json");
  if (!existsSync(installed) || !existsSync(nodeProgram())) return false;
  if (!lock) return true;
  const hash = createHash("sha256").update(lock).digest("hex");
  if (existsSync(marker)) return readFileSync(marker, "utf8") === hash;
  // Somebody ran npm by hand: good when that was after the lock file's last change.
  return statSync(installed).mtimeMs >= statSync(path.join(root, "package-lock.json")).mtimeMs;
}

/** The Node that comes as a package: the same for everyone. */
export function nodeProgram() {
  const name = process.platform === "win32" ? "node.exe" : "node";
  return path.join(modules, "node", "bin", name);
}

/** @param {{ quiet?: boolean }} [options] */
export function install(options = {}) {
  const lock = readLock();
  if (isInstalled(lock)) return;
  if (!options.quiet) process.stdout.write("installing packages (once)\n");
  // `npm ci` refuses a lock file that lacks the binaries of other systems, as one written behind a partial mirror does.
  // An install that saves nothing takes the same locked versions and adds what this system needs.
  const args = ["install", "--no-save", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"];
  const npm = process.env.npm_execpath;
  const isScript = npm !== undefined && /\.c?js$/.test(npm);
  const result = isScript
    ? spawnSync(process.execPath, [npm, ...args], { cwd: root, stdio: "inherit" })
    : spawnSync("npm", args, { cwd: root, stdio: "inherit", shell: process.platform === "win32" });
  if (result.error) fail(`npm cannot be run (${result.error.message}). It comes with Node: https://nodejs.org.`);
  if (result.status !== 0)
    fail("The packages could not be installed; npm said why above. Is the network there, and 2 GB of disk?");
  const written = readLock();
  if (written) writeFileSync(marker, createHash("sha256").update(written).digest("hex"));
}
