import type { Services } from "@/server/context";

export type ChangeHub = {
  /** Calls back on each change of this payment; returns how to stop. */
  subscribe(paymentId: string, heard: () => void): () => void;
};

const hubs = new WeakMap<Services["db"], Map<string, ChangeHub>>();

/** One listening connection for each process and channel, started by the first stream. */
export function changeHub(services: Pick<Services, "db" | "log">, channel: string): ChangeHub {
  const known = hubs.get(services.db) ?? new Map<string, ChangeHub>();
  hubs.set(services.db, known);
  const hub = known.get(channel) ?? createHub(services, channel);
  known.set(channel, hub);
  return hub;
}

function createHub(services: Pick<Services, "db" | "log">, channel: string): ChangeHub {
  const listeners = new Map<string, Set<() => void>>();
  let isListening = false;
  // Without the connection the streams still see everything by their poll, within a second.
  const listen = (): void => {
    if (isListening) return;
    isListening = true;
    services.db
      .listen(channel, (payload) => {
        for (const heard of listeners.get(payload) ?? []) heard();
      })
      .catch((error: unknown) => {
        isListening = false;
        services.log.warn({ error }, "changes cannot be listened to; streams poll");
      });
  };
  return {
    subscribe: (paymentId, heard) => {
      listen();
      const set = listeners.get(paymentId) ?? new Set();
      set.add(heard);
      listeners.set(paymentId, set);
      return () => {
        set.delete(heard);
        if (set.size === 0 && listeners.get(paymentId) === set) listeners.delete(paymentId);
      };
    },
  };
}

/** A change whose notification was lost is seen within a second, the read included. */
const POLL_MS = 800;
const HEARTBEAT_MS = 15_000;
const LIFE_MAX_MS = 3_600_000;

/**
 * Server-sent events of one thing: the whole of it at once and after each change, a comment now and then so that nothing
 * between us closes the line, the end when `isOver` says so. `read` may throw: then the stream ends.
 */
export async function* eventsOf<T>(options: {
  read: () => Promise<T>;
  isOver: (value: T) => boolean;
  versionOf: (value: T) => string;
  subscribe: (heard: () => void) => () => void;
  signal: AbortSignal;
  onEnd?: () => void;
}): AsyncGenerator<string> {
  let wake: () => void = () => undefined;
  let isChanged = false;
  const heard = (): void => {
    isChanged = true;
    wake();
  };
  const unsubscribe = options.subscribe(heard);
  options.signal.addEventListener("abort", heard, { once: true });
  const startedMs = performance.now();
  let saidMs = startedMs;
  let last = "";
  try {
    yield "retry: 1000\n\n";
    while (!options.signal.aborted && performance.now() - startedMs < LIFE_MAX_MS) {
      isChanged = false;
      const value = await options.read();
      const version = options.versionOf(value);
      if (version !== last) {
        last = version;
        saidMs = performance.now();
        yield `id: ${version}\ndata: ${JSON.stringify(value)}\n\n`;
      } else if (performance.now() - saidMs >= HEARTBEAT_MS) {
        saidMs = performance.now();
        yield ": still here\n\n";
      }
      if (options.isOver(value)) return;
      if (!isChanged) await pause(POLL_MS, (resume) => (wake = resume));
    }
  } finally {
    unsubscribe();
    options.signal.removeEventListener("abort", heard);
    options.onEnd?.();
  }
}

function pause(ms: number, onStart: (resume: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    onStart(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
