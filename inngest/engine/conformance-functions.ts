import { type Inngest, NonRetriableError, RetryAfterError } from "inngest";

/** One thing that a function did, as the tests see it. */
export type Effect = Readonly<{ what: string; key: string; at: number; value: unknown }>;

export type Recorder = Readonly<{
  effects: Effect[];
  record: (what: string, key: unknown, value?: unknown) => number;
  find: (what: string, key?: string) => Effect[];
  /** Until it is released, `pass` of that name does not return. */
  hold: (name: string) => void;
  release: (name: string) => void;
  pass: (name: string) => Promise<void>;
}>;

export function createRecorder(): Recorder {
  const effects: Effect[] = [];
  const holds = new Map<string, { passed: Promise<void>; release: () => void }>();
  const find: Recorder["find"] = (what, key) =>
    effects.filter((effect) => effect.what === what && (key === undefined || effect.key === key));
  return {
    effects,
    find,
    record: (what, key, value = null) => {
      effects.push({ what, key: String(key), at: Date.now(), value });
      return find(what, String(key)).length;
    },
    hold: (name) => {
      let release = (): void => undefined;
      const passed = new Promise<void>((resolve) => {
        release = resolve;
      });
      holds.set(name, { passed, release });
    },
    release: (name) => holds.get(name)?.release(),
    pass: async (name) => holds.get(name)?.passed,
  };
}

const KATHMANDU_OFFSET_MINUTES = 5 * 60 + 45;

/** A minute that begins in `afterMs` or up to a minute later, as a cron text of another time zone. */
export function soonInKathmandu(nowMs: number, afterMs: number): string {
  const tick = new Date(Math.ceil((nowMs + afterMs) / 60_000) * 60_000 + KATHMANDU_OFFSET_MINUTES * 60_000);
  return `TZ=Asia/Kathmandu ${tick.getUTCMinutes()} ${tick.getUTCHours()} * * *`;
}

/** One function or two for each feature of the suite; their event names begin with the id of the app. */
export function defineFunctions(client: Inngest, appId: string, recorder: Recorder, cronAfterMs: number) {
  const { record, pass } = recorder;
  const name = (event: string): string => `${appId}/${event}`;
  const on = (event: string): [{ event: string }] => [{ event: name(event) }];

  const child = client.createFunction({ id: "child", retries: 0, triggers: on("child") }, async ({ event }) => {
    if (event.data.fail) throw new NonRetriableError("the child refuses");
    return { doubled: Number(event.data.n) * 2 };
  });

  /** A function whose runs say when they begin and end, and stand still in between while the test holds them. */
  const held = (id: string, options: Omit<Parameters<typeof client.createFunction>[0], "id" | "triggers">) =>
    client.createFunction({ id, retries: 0, triggers: on(id), ...options }, async ({ event, step }) => {
      await step.run("work", async () => {
        record(`${id} begins`, event.data.n);
        await pass(String(event.data.n));
        record(`${id} ends`, event.data.n);
      });
    });

  return [
    child,
    client.createFunction({ id: "steps", triggers: on("steps") }, async ({ event, step }) => {
      const one = await step.run("one", () => record("steps one", event.data.n));
      const two = await step.run("two", () => record("steps two", event.data.n) + one);
      await step.run("three", () => record("steps three", event.data.n, { one, two }));
    }),
    client.createFunction({ id: "sleep", triggers: on("sleep") }, async ({ event, step }) => {
      await step.run("before", () => record("sleep before", event.data.n));
      await step.sleep("nap", "2s");
      await step.run("after", () => record("sleep after", event.data.n));
    }),
    client.createFunction({ id: "sleep-until", triggers: on("sleep-until") }, async ({ event, step }) => {
      await step.sleepUntil("date", new Date(String(event.data.until)));
      await step.run("after", () => record("sleepUntil after", event.data.n));
    }),
    client.createFunction({ id: "wait-match", triggers: on("wait-match") }, async ({ event, step }) => {
      await step.run("begin", () => record("match begins", event.data.n));
      const answer = await step.waitForEvent("answer", { event: name("answer"), timeout: "2m", match: "data.n" });
      await step.run("end", () => record("match ends", event.data.n, answer?.data ?? null));
    }),
    client.createFunction({ id: "wait-if", triggers: on("wait-if") }, async ({ event, step }) => {
      await step.run("begin", () => record("if begins", event.data.n));
      const answer = await step.waitForEvent("answer", {
        event: name("answer"),
        timeout: "2m",
        if: "event.data.n == async.data.n && async.data.size > 10",
      });
      await step.run("end", () => record("if ends", event.data.n, answer?.data ?? null));
    }),
    client.createFunction({ id: "wait-late", triggers: on("wait-late") }, async ({ event, step }) => {
      const answer = await step.waitForEvent("answer", { event: name("never"), timeout: "1s" });
      await step.run("end", () => record("late ends", event.data.n, answer));
    }),
    client.createFunction({ id: "sender", triggers: on("sender") }, async ({ event, step }) => {
      const { ids } = await step.sendEvent("tell", [
        { name: name("steps"), data: { n: `${event.data.n}-a` } },
        { name: name("steps"), data: { n: `${event.data.n}-b` } },
      ]);
      await step.run("sent", () => record("sender sent", event.data.n, ids));
    }),
    client.createFunction({ id: "parent", retries: 0, triggers: on("parent") }, async ({ event, step }) => {
      const good = await step.invoke("good", { function: child, data: { n: 21 } });
      const bad = await step
        .invoke("bad", { function: child, data: { fail: true } })
        .catch((error: unknown) => String(error));
      await step.run("end", () => record("parent ends", event.data.n, { good, bad }));
    }),
    client.createFunction({ id: "parallel", triggers: on("parallel") }, async ({ event, step }) => {
      const work = (id: string) =>
        step.run(id, async () => {
          record("parallel begins", id);
          // Each ends only after the other has begun.
          await pass(id);
          return id;
        });
      const all = await Promise.all([work(`${event.data.n}-a`), work(`${event.data.n}-b`)]);
      await step.run("join", () => record("parallel joins", event.data.n, all));
    }),
    client.createFunction({ id: "retry", retries: 3, triggers: on("retry") }, async ({ event, step, attempt }) => {
      await step.run("steady", () => record("retry steady", event.data.n));
      await step.run("flaky", () => {
        if (record("retry flaky", event.data.n) < 3) throw new Error("not yet");
      });
      record("retry body", event.data.n, attempt);
    }),
    client.createFunction({ id: "retry-after", retries: 2, triggers: on("retry-after") }, async ({ event, step }) => {
      await step.run("later", () => {
        if (record("retryAfter", event.data.n) === 1) throw new RetryAfterError("wait", "3s");
      });
    }),
    client.createFunction(
      {
        id: "fatal",
        retries: 3,
        triggers: on("fatal"),
        onFailure: ({ error, event }) => {
          record("failure", event.data.event.data.n, error.message);
        },
      },
      async ({ event, step }) => {
        await step.run("once", () => {
          record("fatal", event.data.n);
          throw new NonRetriableError("no use");
        });
      },
    ),
    client.createFunction(
      {
        id: "exhausted",
        retries: 0,
        triggers: on("exhausted"),
        onFailure: ({ error, event }) => {
          record("failure", event.data.event.data.n, error.message);
        },
      },
      async ({ event }) => {
        record("exhausted", event.data.n);
        throw new Error("never works");
      },
    ),
    client.createFunction(
      { id: "cron", triggers: [{ cron: soonInKathmandu(Date.now(), cronAfterMs) }] },
      async ({ event, step }) => {
        await step.run("tick", () => record("cron", event.name, event.data));
      },
    ),
    held("lanes", { concurrency: { limit: 1, key: "event.data.lane" } }),
    held("pool-a", { concurrency: { limit: 1, key: "event.data.pool", scope: "account" } }),
    held("pool-b", { concurrency: { limit: 1, key: "event.data.pool", scope: "account" } }),
    held("once", { idempotency: "event.data.order" }),
    held("limited", { rateLimit: { limit: 1, period: "10m", key: "event.data.who" } }),
    held("throttled", { throttle: { limit: 1, period: "2s", key: "event.data.who" } }),
    held("debounced", { debounce: { period: "2s", key: "event.data.who" } }),
    held("debounced-most", { debounce: { period: "2s", timeout: "4s", key: "event.data.who" } }),
    held("in-order", { concurrency: 1, priority: { run: "event.data.plan == 'big' ? 300 : 0" } }),
    held("skipping", { singleton: { key: "event.data.who", mode: "skip" } }),
    client.createFunction(
      { id: "replacing", retries: 0, singleton: { key: "event.data.who", mode: "cancel" }, triggers: on("replacing") },
      async ({ event, step }) => {
        await step.run("begin", () => record("replacing begins", event.data.n));
        await step.waitForEvent("go", { event: name("go"), timeout: "2m", match: "data.n" });
        await step.run("end", () => record("replacing ends", event.data.n));
      },
    ),
    client.createFunction(
      {
        id: "cancellable",
        retries: 0,
        triggers: on("cancellable"),
        cancelOn: [
          { event: name("stop"), match: "data.n" },
          { event: name("stop-early"), match: "data.n", timeout: "1s" },
        ],
      },
      async ({ event, step }) => {
        await step.run("begin", () => record("cancellable begins", event.data.n));
        await step.waitForEvent("go", { event: name("go"), timeout: "2m", match: "data.n" });
        await step.run("end", () => record("cancellable ends", event.data.n));
      },
    ),
    client.createFunction(
      { id: "cancelled", triggers: [{ event: "inngest/function.cancelled" }] },
      async ({ event }) => {
        record(
          "cancelled",
          event.data.function_id,
          event.data.event?.data?.n ?? event.data.events?.[0]?.data?.n ?? null,
        );
      },
    ),
    client.createFunction(
      {
        id: "batch",
        retries: 0,
        triggers: on("batch"),
        batchEvents: { maxSize: 3, timeout: "3s", key: "event.data.who" },
      },
      async ({ events, step }) => {
        const numbers = events.map((event) => event.data.n);
        await step.run("all", () => record("batch", events[0].data.who, numbers));
      },
    ),
    client.createFunction(
      { id: "too-long", retries: 0, timeouts: { finish: "2s" }, triggers: on("too-long") },
      async ({ event, step }) => {
        await step.run("begin", () => record("too-long begins", event.data.n));
        await step.sleep("long", "6s");
        await step.run("end", () => record("too-long ends", event.data.n));
      },
    ),
    held("too-late", { concurrency: 1, timeouts: { start: "2s" } }),
    client.createFunction(
      { id: "sized", triggers: [{ event: name("sized/*"), if: "event.data.size > 10" }] },
      async ({ event }) => {
        record("sized", event.data.n, event.name);
      },
    ),
  ];
}
