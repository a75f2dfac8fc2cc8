// What has to be there before anything else can run. Plain JavaScript for Node 20 and without dependencies, because at
// this moment there may be neither a newer Node nor a single package.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { holdLock } from "./lock.mjs";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const modules = path.join(root, "node_modules");
const marker = path.join(modules, ".tillgate-installed");
const lockFile = path.join(modules, ".tillgate-install.lock");
const SIGNALS = /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]);

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

/** Everything but the lock that we hold: npm takes what it finds half extracted for whole. */
function removePackages() {
  for (const name of readdirSync(modules))
    if (name !== path.basename(lockFile)) rmSync(path.join(modules, name), { recursive: true, force: true });
}

/**
 * Runs npm; a signal to us ends it too. Answers its code, or undefined when it was ended by a signal.
 * @param {string[]} args @param {(pid: number) => void} onStart @returns {Promise<number | undefined>}
 */
function runNpm(args, onStart) {
  const npm = process.env.npm_execpath;
  const isScript = npm !== undefined && /\.c?js$/.test(npm);
  return new Promise((resolve) => {
    const child = isScript
      ? spawn(process.execPath, [npm, ...args], { cwd: root, stdio: "inherit" })
      : spawn("npm", args, { cwd: root, stdio: "inherit", shell: process.platform === "win32" });
    let isCut = false;
    const pass = (/** @type {NodeJS.Signals} */ signal) => {
      isCut = true;
      child.kill(signal === "SIGHUP" ? "SIGTERM" : signal);
    };
    for (const signal of SIGNALS) process.on(signal, pass);
    if (child.pid) onStart(child.pid);
    child.on("error", (error) => fail(`npm cannot be run (${error.message}). It comes with Node: https://nodejs.org.`));
    child.on("exit", (code) => {
      for (const signal of SIGNALS) process.off(signal, pass);
      resolve(isCut ? undefined : (code ?? undefined));
    });
  });
}

/**
 * Installs the packages when they are not there. Of several starts in this folder one does it and the others wait; what
 * an install left that did not end is removed first.
 * @param {{ quiet?: boolean }} [options]
 */
export async function install(options = {}) {
  const lock = readLock();
  if (!existsSync(lockFile) && isInstalled(lock)) return;
  const say = (/** @type {string} */ line) => options.quiet || process.stdout.write(`${line}\n`);
  try {
    mkdirSync(modules, { recursive: true });
    const held = await holdLock(lockFile, {
      onWait: (pid) => say(`another start is installing packages (process ${pid}); waiting for it`),
    });
    if (held.wasLeft) {
      say("an earlier installation was interrupted; its packages are removed");
      removePackages();
    }
    if (isInstalled(lock)) return held.release();
    say("installing packages (once)");
    // `npm ci` refuses a lock file that lacks the binaries of other systems, as one written behind a partial mirror does.
    // An install that saves nothing takes the same locked versions and adds what this system needs.
    const args = ["install", "--no-save", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"];
    const code = await runNpm(args, held.handTo);
    // Ended by force it has tidied nothing up: the lock that stays tells the next start.
    if (code === undefined) process.exit(130);
    if (code !== 0) {
      held.release();
      fail("The packages could not be installed; npm said why above. Is the network there, and 2 GB of disk?");
    }
    const written = readLock();
    if (written) writeFileSync(marker, createHash("sha256").update(written).digest("hex"));
    held.release();
  } catch (error) {
    fail(`The packages could not be installed in ${modules}: ${error instanceof Error ? error.message : error}.`);
  }
}
