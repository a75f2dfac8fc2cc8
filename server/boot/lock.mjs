// A file that one process at a time holds. Plain JavaScript for Node 20 and without dependencies, because packages are
// installed under one too.
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";

const POLL_MS = 200;
/** Between the making of the file and the writing of its first word. */
const FRESH_MS = 2_000;

/** What tells a process from a later one with the same id; empty where the system does not tell. @param {number} pid */
function birthOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? "gone" : (fields[19] ?? "");
  } catch {
    return "";
  }
}

/** @param {number} pid */
const wordOf = (pid) => `${pid} ${birthOf(pid)}`;

/** @param {string} word */
function isHeld(word) {
  const pid = Number(word.split(" ")[0]);
  if (!Number.isInteger(pid) || pid <= 0 || wordOf(pid) !== word) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** @param {() => string} read @returns {string | undefined} */
function unlessGone(read) {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * Waits until nobody holds the file and holds it. `wasLeft`: who held it before ended without releasing it.
 * @param {string} file
 * @param {{ onWait?: (pid: number) => void }} [options]
 * @returns {Promise<{ wasLeft: boolean, handTo(pid: number): void, release(): void }>}
 */
export async function holdLock(file, { onWait } = {}) {
  let wasLeft = false;
  let isWaiting = false;
  for (;;) {
    try {
      writeFileSync(file, wordOf(process.pid), { flag: "wx" });
      return {
        wasLeft,
        handTo: (pid) => writeFileSync(file, wordOf(pid)),
        release: () => rmSync(file, { force: true }),
      };
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    }
    const word = unlessGone(() => readFileSync(file, "utf8"));
    if (word === undefined) continue;
    const isFresh = word === "" && Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0) < FRESH_MS;
    if (isHeld(word) || isFresh) {
      if (!isWaiting && word !== "") onWait?.(Number(word.split(" ")[0]));
      isWaiting ||= word !== "";
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    } else if (unlessGone(() => readFileSync(file, "utf8")) === word) {
      rmSync(file, { force: true });
      wasLeft = true;
    }
  }
}
