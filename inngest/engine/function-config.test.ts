import { Inngest } from "inngest";
import { serve } from "inngest/edge";
import { describe, expect, it } from "vitest";
import { parseFunctionConfig, RefusedConfigError } from "./function-config";
import { createSdkClient } from "./protocol";

const inngest = new Inngest({ id: "app", isDev: true });
type Options = Parameters<typeof inngest.createFunction>[0];

function sync(options: Omit<Options, "id">): Promise<unknown> {
  const fn = inngest.createFunction({ id: "fn", triggers: [{ event: "a/b" }], ...options }, async () => null);
  return createSdkClient(
    [{ url: "http://engine.internal/api/inngest", handler: serve({ client: inngest, functions: [fn] }) }],
    undefined,
  ).sync();
}

describe("function configuration", () => {
  const refused: Array<[string, Omit<Options, "id">]> = [
    ["event batching", { batchEvents: { maxSize: 5, timeout: "5s" } }],
    ["a rate limit", { rateLimit: { limit: 1, period: "1m" } }],
    ["a throttle", { throttle: { limit: 1, period: "1m" } }],
    ["a debounce", { debounce: { period: "1m" } }],
    ["singleton runs", { singleton: { mode: "skip" } }],
    ["run priority", { priority: { run: "100" } }],
    ["run timeouts", { timeouts: { finish: "1m" } }],
    ['scope "account"', { concurrency: { limit: 1, key: "event.data.x", scope: "account" } }],
    ["not supported", { concurrency: { limit: 1, key: "event.data.x.lowerAscii()" } }],
    ["needs five fields", { triggers: [{ cron: "* * *" }] }],
    ["is not a time zone", { triggers: [{ cron: "TZ=Mars/Base 0 3 * * *" }] }],
    ["is not known", { triggers: [{ event: "a/b", if: "async.data.x == 1" }] }],
    ["timeout on cancelOn", { cancelOn: [{ event: "a/c", timeout: "1h" }] }],
  ];
  it.each(refused)("refuses at sync what it cannot honour: %s", async (words, options) => {
    await expect(sync(options)).rejects.toThrow(RefusedConfigError);
    await expect(sync(options)).rejects.toThrow(words);
    await expect(sync(options)).rejects.toThrow('"app-fn"');
  });

  it("refuses a setting that is new to it", () => {
    expect(() => parseFunctionConfig({ id: "x", triggers: [], steps: {}, teleport: true })).toThrow(/does not know/);
  });

  it("refuses jitter on a cron trigger", () => {
    expect(() => parseFunctionConfig({ id: "x", triggers: [{ cron: "0 3 * * *", jitter: "5m" }], steps: {} })).toThrow(
      /jitter/,
    );
  });

  it("accepts what it honours", async () => {
    await sync({
      triggers: [
        { event: "a/*", if: "event.data.n > 3 && event.data.kind in ['x', 'y']" },
        { cron: "TZ=Europe/Stockholm */5 8-17 * * mon-fri" },
      ],
      concurrency: [{ limit: 2 }, { limit: 1, key: "event.data.partner_id" }],
      idempotency: "event.data.id",
      cancelOn: [{ event: "a/c", match: "data.id" }],
      retries: 7,
      onFailure: async () => undefined,
    });
  });
});
