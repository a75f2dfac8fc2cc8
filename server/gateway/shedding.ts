/*
 * Which requests are served now, which wait and which are refused when more come than can be served.
 *
 * - Klarna's webhooks have places of their own, calls (writes, reads of one thing) and lists share theirs. A call goes
 *   before any list, and lists have at most half of the places.
 * - The number of places follows how long one statement takes from here (event loop, pool and database together): it grows
 *   slowly while that is short and shrinks at once when it is long. Calls that wait for Klarna cost little and so leave
 *   room for others.
 * - The queue is short and in order. When it grows long it turns: the newest goes first, because its caller still waits,
 *   the oldest gives way when there is no more room. What has waited too long is refused too; at first with the patience
 *   of a burst, which ends by itself, later with hardly any, and lists are refused at once.
 */

export type Kind = "webhook" | "call" | "list";
export type Release = () => void;
export type Admission = {
  /** Whether one more could be served or wait now: asked before the body is read. */
  hasRoom(kind: Kind): boolean;
  /** Waits for a place. Null when it is refused; `isGone` tells whether the caller still waits. */
  enter(kind: Kind, isGone?: () => boolean): Promise<Release | null>;
  /** How long one statement took just now, in milliseconds. */
  observe(statementMs: number): void;
  /** Refuses what has waited too long. */
  sweep(): void;
  /** Whether enough runs for the number of places to matter. */
  isBusy(): boolean;
  readonly places: number;
};

export const PLACES_START = 32;
/** More than the connections to the database: fewer would leave it idle. */
const PLACES_MIN = 12;
const PLACES_MAX = 512;
const PLACES_STEP = 8;
const PLACES_SHRINK = 0.8;
/** A call asks the database some five times: with this for each it is served within 150 ms. */
const STATEMENT_SLOW_MS = 30;
const WEBHOOK_PLACES = 256;
/** A burst of all tills of a chain at once, Klarna's of an hour of outage; lists are asked again anyway. */
const WAITING_MAX: Readonly<Record<Kind, number>> = { webhook: 4_096, call: 400, list: 64 };
/** So many calls waiting, the first of them for so long: from then on the newest goes first. */
export const LONG_QUEUE = 64;
export const LONG_WAIT_MS = 100;
/** The queue is short again when for so long nobody had to wait. */
export const CALM_MS = 1_000;
/** How long one waits in a burst, how long a burst is, and how long one waits when it was none. */
export const PATIENCE_MS = 3_000;
const BURST_MS = 3_000;
export const IMPATIENCE_MS = 200;

type Waiting = { sinceMs: number; isGone: () => boolean; resolve: (release: Release | null) => void };

export function createAdmission(options: { now?: () => number } = {}): Admission {
  const now = options.now ?? (() => performance.now());
  const running: Record<Kind, number> = { webhook: 0, call: 0, list: 0 };
  const waiting: Record<Kind, Waiting[]> = { webhook: [], call: [], list: [] };
  let places = PLACES_START;
  /** Since when the queue is long, null while it is not. */
  let longSinceMs: number | null = null;
  let lastWaitMs = 0;

  function judge(): void {
    const [first] = waiting.call;
    const nowMs = now();
    if (first) lastWaitMs = nowMs;
    // One moment without anybody is no end: those who were refused come again.
    else if (nowMs - lastWaitMs > CALM_MS) longSinceMs = null;
    if (first && waiting.call.length > LONG_QUEUE && nowMs - first.sinceMs > LONG_WAIT_MS) longSinceMs ??= nowMs;
  }

  const isNoBurst = (): boolean => longSinceMs !== null && now() - longSinceMs > BURST_MS;
  const hasPlace = (kind: Kind): boolean => {
    if (kind === "webhook") return running.webhook < WEBHOOK_PLACES;
    if (running.call + running.list >= places) return false;
    return kind === "call" || (running.list < places / 2 && waiting.call.length === 0);
  };

  function hasRoom(kind: Kind): boolean {
    judge();
    if (kind === "list" && isNoBurst()) return false;
    // A newer call takes the place of the oldest.
    return (kind === "call" && longSinceMs !== null) || waiting[kind].length < WAITING_MAX[kind];
  }

  function begin(kind: Kind): Release {
    running[kind] += 1;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      running[kind] -= 1;
      serveWaiting();
    };
  }

  function next(kind: Kind): boolean {
    if (!hasPlace(kind)) return false;
    const queue = waiting[kind];
    const one = kind === "call" && longSinceMs !== null ? queue.pop() : queue.shift();
    if (!one) return false;
    one.resolve(one.isGone() ? null : begin(kind));
    return true;
  }

  function serveWaiting(): void {
    judge();
    while (next("webhook") || next("call") || next("list"));
    judge();
  }

  return {
    hasRoom,
    enter: async (kind, isGone = () => false) => {
      if (waiting[kind].length === 0 && hasPlace(kind)) return begin(kind);
      if (!hasRoom(kind)) return null;
      const max = kind === "call" && isNoBurst() ? LONG_QUEUE : WAITING_MAX[kind];
      while (waiting[kind].length >= max) waiting[kind].shift()?.resolve(null);
      return new Promise((resolve) => waiting[kind].push({ sinceMs: now(), isGone, resolve }));
    },
    observe: (statementMs) => {
      if (statementMs > STATEMENT_SLOW_MS) places = Math.max(PLACES_MIN, Math.floor(places * PLACES_SHRINK));
      else if (running.call + running.list >= places) places = Math.min(PLACES_MAX, places + PLACES_STEP);
      serveWaiting();
    },
    sweep: () => {
      judge();
      for (const kind of ["webhook", "call", "list"] as const) {
        const isShort = kind !== "webhook" && isNoBurst();
        const patienceMs = isShort ? IMPATIENCE_MS : PATIENCE_MS;
        const queue = waiting[kind];
        // In the order of their coming, so those who waited too long stand in front.
        while (queue[0] && now() - queue[0].sinceMs > patienceMs) queue.shift()?.resolve(null);
      }
      serveWaiting();
    },
    isBusy: () => running.call + running.list >= PLACES_MIN / 2,
    get places() {
      return places;
    },
  };
}
