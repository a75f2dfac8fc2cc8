import pg from "pg";

/* Faults that PostgreSQL itself reports, put under the driver: the statement is sent as one that raises the SQLSTATE. */

export type DatabaseFault = {
  /** How many statements were refused so far, and how many passed by. */
  readonly injected: () => number;
  readonly seen: () => number;
  remove(): void;
};

/** A raising statement: the server aborts the transaction just as it would for the real cause. */
function raising(state: string): string {
  return `do $fault$ begin raise exception 'injected by a test' using errcode = '${state}'; end $fault$`;
}

const CONTROL = /^\s*(?:rollback|set|listen|discard)/i;

function textOf(query: unknown): string | null {
  if (typeof query === "string") return query;
  if (typeof query === "object" && query !== null && "text" in query && typeof query.text === "string")
    return query.text;
  return null;
}

/**
 * Refuses statements of connections whose application name begins with `name`. `pick` says with which SQLSTATE, or null
 * to let the statement through; it sees the text, so that a test can aim. ROLLBACK always passes.
 */
export function injectDatabaseFaults(name: string, pick: (text: string) => string | null): DatabaseFault {
  const { prototype } = pg.Client;
  const original: unknown = Reflect.get(prototype, "query");
  if (typeof original !== "function") throw new Error("the driver has no query function");
  let injected = 0;
  let seen = 0;
  Reflect.set(prototype, "query", function faulty(this: pg.Client, ...args: unknown[]): unknown {
    const text = textOf(args[0]);
    const parameters: unknown = Reflect.get(this, "connectionParameters");
    const application =
      typeof parameters === "object" && parameters !== null ? Reflect.get(parameters, "application_name") : null;
    const isOurs = typeof application === "string" && application.startsWith(name);
    if (text !== null && isOurs && !CONTROL.test(text)) {
      seen += 1;
      const state = pick(text);
      if (state !== null) {
        injected += 1;
        const callback = args.find((each) => typeof each === "function");
        return Reflect.apply(original, this, callback ? [raising(state), callback] : [raising(state)]);
      }
    }
    return Reflect.apply(original, this, args);
  });
  return {
    injected: () => injected,
    seen: () => seen,
    remove: () => {
      Reflect.set(prototype, "query", original);
    },
  };
}

/** From now on no connection of this process hears a NOTIFY: LISTEN is answered and does nothing. Returns how to end it. */
export function deafenListeners(): { remove(): void; ignored: () => number } {
  const { prototype } = pg.Client;
  const original: unknown = Reflect.get(prototype, "query");
  if (typeof original !== "function") throw new Error("the driver has no query function");
  let ignored = 0;
  Reflect.set(prototype, "query", function deaf(this: pg.Client, ...args: unknown[]): unknown {
    if (/^\s*listen/i.test(textOf(args[0]) ?? "")) {
      ignored += 1;
      return Reflect.apply(original, this, ["select 1", ...args.slice(1).filter((each) => typeof each === "function")]);
    }
    return Reflect.apply(original, this, args);
  });
  return { remove: () => void Reflect.set(prototype, "query", original), ignored: () => ignored };
}

/** One statement in `every`, evenly enough and the same each run: deadlocks and serialization failures in turn. */
export function conflictsInOneOf(every: number): (text: string) => string | null {
  let state = 0x2545f491;
  let count = 0;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    if ((state >>> 8) % every !== 0) return null;
    count += 1;
    return count % 2 === 0 ? "40001" : "40P01";
  };
}
