/*
 * Which faults of the database pass by themselves. Callers are told "not now" (503 with Retry-After) instead of "our
 * fault": a repeat with the same key is safe, because what failed was rolled back whole.
 */

/**
 * SQLSTATEs: 08 connection, 53 no room (disk full, memory, too many connections), 57P0x shutting down or starting,
 * 57014 statement took too long, 55P03 lock not had in time, 40001 and 40P01 conflicts that outlived every retry,
 * 25P03 and 25P04 transaction ended for waiting, 25006 a standby was reached, 58030 the disk could not be read or written.
 */
const PASSING_STATE = /^(?:08...|53...|57P0.|57014|55P03|40001|40P01|25P03|25P04|25006|58030)$/;
const PASSING_CODE = /^(?:ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|ENOTFOUND)$/;
/** Prisma: not reachable, timed out, closed, pool empty, write conflict, too many connections. */
const PASSING_PRISMA = /^P(?:1001|1002|1008|1017|2024|2034|2037)$/;
const PASSING_TEXT =
  /^(?:timeout exceeded when trying to connect|Connection terminated|Query read timeout|Client has encountered a connection error|Cannot use a pool after)/;
const DEPTH_MAX = 5;

/** Whether an error means that the database cannot serve now and may in a moment. Looks into causes, Prisma's included. */
export function isDatabaseUnavailable(error: unknown, depth = 0): boolean {
  if (typeof error !== "object" || error === null || depth > DEPTH_MAX) return false;
  if (error instanceof AggregateError && error.errors.some((each) => isDatabaseUnavailable(each, depth + 1)))
    return true;
  for (const code of [textOf(error, "code"), textOf(error, "originalCode")]) {
    if (PASSING_STATE.test(code) || PASSING_CODE.test(code) || PASSING_PRISMA.test(code)) return true;
  }
  // A database behind a socket file that is gone.
  if (textOf(error, "code") === "ENOENT" && textOf(error, "syscall") === "connect") return true;
  if (PASSING_TEXT.test(textOf(error, "message"))) return true;
  const inner = [
    "cause" in error ? error.cause : null,
    "meta" in error && typeof error.meta === "object" && error.meta !== null && "driverAdapterError" in error.meta
      ? error.meta.driverAdapterError
      : null,
  ];
  return inner.some((each) => isDatabaseUnavailable(each, depth + 1));
}

function textOf(error: object, name: "code" | "originalCode" | "message" | "syscall"): string {
  const value: unknown = Reflect.get(error, name);
  return typeof value === "string" ? value : "";
}
