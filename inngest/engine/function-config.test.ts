import { Inngest } from "inngest";
import { serve } from "inngest/edge";
import { describe, expect, it } from "vitest";
import { parseFunctionConfig, RefusedConfigError } from "./function-config";
import { createSdkClient } from "./protocol";

const inngest = new Inngest({ id: "app", isDev: true });
type Options = Parameters<typeof inngest.createFunction>[0];

function sync(options: Omit<Options, "id">): ReturnType<ReturnType<typeof createSdkClient>["sync"]> {
  const fn = inngest.createFunction({ id: "fn", triggers: [{ event: "a/b" }], ...options }, async () => null);
  return createSdkClient(
    [{ url: "http://engine.internal/api/inngest", handler: serve({ client: inngest, functions: [fn] }) }],
    undefined,
  ).sync();
}

const batchEvents = { maxSize: 5, timeout: "5s" } as const;

describe("function configuration", () => {
  const refused: Array<[string, Omit<Options, "id">]> = [
    ["not supported", { concurrency: { limit: 1, key: "event.data.x.matches('a')" } }],
    ['scope "account" needs a key', { concurrency: { limit: 1, scope: "account" } }],
    ["concurrency limit -1", { concurrency: -1 }],
    ["needs five fields", { triggers: [{ cron: "* * *" }] }],
    ["is not a time zone", { triggers: [{ cron: "TZ=Mars/Base 0 3 * * *" }] }],
    ["is not known", { triggers: [{ event: "a/b", if: "async.data.x == 1" }] }],
    ["deferred functions are not supported", { triggers: [{ event: "inngest/deferred.schedule" }] }],
    ["durable endpoints are not supported", { triggers: [{ event: "inngest/http.request" }] }],
    ["idempotency and rateLimit", { idempotency: "event.data.id", rateLimit: { limit: 1, period: "1m" } }],
    ["batchEvents and idempotency", { batchEvents, idempotency: "event.data.id" }],
    ["batchEvents and rateLimit", { batchEvents, rateLimit: { limit: 1, period: "1m" } }],
    ["batchEvents and debounce", { batchEvents, debounce: { period: "1m" } }],
    ["batchEvents and singleton", { batchEvents, singleton: { mode: "skip" } }],
    ["batchEvents and priority", { batchEvents, priority: { run: "1" } }],
    ["batchEvents and cancelOn", { batchEvents, cancelOn: [{ event: "a/c" }] }],
    ["needs a trigger by event", { batchEvents, triggers: [{ cron: "0 3 * * *" }] }],
    ["batchEvents.maxSize 0", { batchEvents: { maxSize: 0, timeout: "5s" } }],
    ["batchEvents.maxSize 5000", { batchEvents: { maxSize: 5_000, timeout: "5s" } }],
    ["rateLimit.limit 1.5", { rateLimit: { limit: 1.5, period: "1m" } }],
    ["must be from 1 ms to seven days", { rateLimit: { limit: 1, period: "2w" } }],
    ["the key of throttle", { throttle: { limit: 1, period: "1m", key: "user.id" } }],
    ["throttle.burst 0", { throttle: { limit: 1, period: "1m", burst: 0 } }],
    ["priority.run", { priority: { run: "async.data.n" } }],
  ];
  it.each(refused)("refuses at sync, naming the function, what it cannot honour: %s", async (words, options) => {
    const reason = await sync(options).then(
      () => null,
      (error: unknown) => error,
    );
    expect(reason).toBeInstanceOf(RefusedConfigError);
    expect(String(reason)).toContain(words);
    expect(String(reason)).toContain('"app-fn"');
  });

  it("refuses a setting that is new to it, at any depth", () => {
    const base = { id: "x", triggers: [], steps: {} };
    expect(() => parseFunctionConfig({ ...base, teleport: true })).toThrow(/"x".*does not know/s);
    expect(() => parseFunctionConfig({ ...base, throttle: { limit: 1, period: "1m", smooth: true } })).toThrow(
      /"x".*does not know/s,
    );
    expect(() => parseFunctionConfig({ ...base, singleton: { mode: "queue" } })).toThrow(/"x".*does not know/s);
    expect(() => parseFunctionConfig({ ...base, cancel: [{ event: "a", timeout: "soon" }] })).toThrow(/not a duration/);
    expect(() => parseFunctionConfig({ ...base, triggers: [{ cron: "0 3 * * *", jitter: "a bit" }] })).toThrow(
      /jitter "a bit" is not a duration/,
    );
  });

  it("understands every setting that it honours", async () => {
    const { functions } = await sync({
      triggers: [
        { event: "a/*", if: "event.data.n > 3 && event.data.kind in ['x', 'y']" },
        { cron: "TZ=Europe/Stockholm */5 8-17 * * mon-fri" },
      ],
      concurrency: [
        { limit: 2, key: "event.data.partner_id" },
        { limit: 10, key: "'klarna'", scope: "account" },
      ],
      rateLimit: { limit: 5, period: "1h30m", key: "event.data.partner_id" },
      throttle: { limit: 3, period: "1m", burst: 2, key: "event.data.partner_id" },
      debounce: { period: "10s", timeout: "1m", key: "event.data.id" },
      singleton: { mode: "cancel", key: "event.data.id" },
      priority: { run: "event.data.plan == 'big' ? 120 : 0" },
      timeouts: { start: "10s", finish: "5m" },
      cancelOn: [
        { event: "a/c", match: "data.id" },
        { event: "a/d", timeout: "1h" },
        { event: "a/e", timeout: new Date("2030-01-01T00:00:00Z") },
      ],
      retries: 7,
      onFailure: async () => undefined,
    });
    expect(functions.map(({ fn }) => fn.id)).toEqual(["app-fn", "app-fn-failure"]);
    expect(functions[0]?.fn).toMatchObject({
      retries: 7,
      concurrency: [
        { limit: 2, scope: "fn" },
        { limit: 10, scope: "account" },
      ],
      rateLimit: { limit: 5, periodMs: 5_400_000 },
      throttle: { limit: 3, periodMs: 60_000, burst: 2 },
      debounce: { periodMs: 10_000, timeoutMs: 60_000 },
      singleton: { mode: "cancel" },
      timeouts: { startMs: 10_000, finishMs: 300_000 },
      cancel: [{ until: null }, { until: { afterMs: 3_600_000 } }, { until: { atMs: Date.UTC(2030, 0, 1) } }],
    });
    const [batch] = (await sync({ batchEvents: { ...batchEvents, key: "event.data.k", if: "event.data.n > 1" } }))
      .functions;
    expect(batch?.fn.batch).toMatchObject({ sizeMax: 5, timeoutMs: 5_000 });
  });
});
