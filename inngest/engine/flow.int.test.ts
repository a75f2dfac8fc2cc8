import { setTimeout as pause } from "node:timers/promises";
import { Inngest } from "inngest";
import { serve } from "inngest/edge";
import { Pool } from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createLog } from "@/server/observability/log";
import { type TestDatabase, testDatabase } from "@/server/testing/database";
import { createEngine, type Engine } from "./engine";

/* What the conformance suite cannot see from outside: rows that outlive processes, exact limits, two engines at once. */

type Functions = Parameters<typeof serve>[0]["functions"];
type Run = { id: string; status: string; output: unknown; error: { message: string } | null };

const log = createLog({ level: process.env.ENGINE_TEST_LOG ?? "silent", name: "engine" });
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
let database: TestDatabase;
let pool: Pool;
const engines = new Set<Engine>();

beforeAll(async () => {
  database = await testDatabase();
  pool = new Pool({ connectionString: database.url, max: 4 });
});
// Also those of a test that failed: what they still do would be in the way of the next one.
afterEach(async () => {
  for (const engine of engines) await engine.stop();
  engines.clear();
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

/** An app of one test, and engines that run it on the shared database. */
function app(id: string, define: (client: Inngest) => Functions) {
  const client = new Inngest({ id, isDev: true, logger: quiet });
  const functions = define(client);
  const start = async (): Promise<Engine> => {
    const engine = createEngine({
      connectionString: database.url,
      apps: [{ url: "http://engine.internal/api/inngest", handler: serve({ client, functions }) }],
      log,
      backoffMs: () => 20,
      pollIntervalMs: 50,
    });
    await engine.start();
    engines.add(engine);
    return engine;
  };
  const stop = async (engine: Engine): Promise<void> => {
    engines.delete(engine);
    await engine.stop();
  };
  return { client, start, stop };
}

async function runsOf(fnId: string): Promise<Run[]> {
  const { rows } = await pool.query<Run>(
    "select id, status, output, error from engine.runs where fn_id = $1 order by id",
    [fnId],
  );
  return rows;
}

async function untilEnded(fnId: string, count: number): Promise<Run[]> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const ended = (await runsOf(fnId)).filter((run) => run.status !== "queued" && run.status !== "running");
    if (ended.length >= count) return ended;
    if (Date.now() > deadline) throw new Error(`${ended.length} of ${count} runs of ${fnId} ended`);
    await pause(20);
  }
}

async function scalar(sql: string, values: unknown[] = []): Promise<number> {
  const { rows } = await pool.query<{ n: number }>(sql, values);
  return rows[0]?.n ?? 0;
}

describe("flow control of the embedded engine", () => {
  it("keeps a pending batch and a pending debounce over a restart, and runs each once", async () => {
    const { start, stop } = app("restart", (client) => [
      client.createFunction(
        // Full with the event that comes after the restart, however long that takes.
        { id: "batch", triggers: [{ event: "restart/b" }], batchEvents: { maxSize: 4, timeout: "600s" } },
        async ({ events }) => events.map((event) => event.data.n),
      ),
      client.createFunction(
        { id: "rest", triggers: [{ event: "restart/d" }], batchEvents: { maxSize: 10, timeout: "1s" } },
        async ({ events }) => events.map((event) => event.data.n),
      ),
      client.createFunction(
        { id: "debounce", triggers: [{ event: "restart/d" }], debounce: { period: "1s" } },
        async ({ event }) => event.data.n,
      ),
    ]);
    const first = await start();
    await first.send(
      [1, 2, 3].flatMap((n) => [
        { name: "restart/b", data: { n } },
        { name: "restart/d", data: { n } },
      ]),
    );
    await stop(first);
    expect(await runsOf("restart-batch")).toHaveLength(0);
    const second = await start();
    await second.send([{ name: "restart/b", data: { n: 4 } }]);
    expect(await untilEnded("restart-batch", 1)).toMatchObject([{ output: [1, 2, 3, 4] }]);
    expect(await untilEnded("restart-rest", 1)).toMatchObject([{ output: [1, 2, 3] }]);
    expect(await untilEnded("restart-debounce", 1)).toMatchObject([{ output: 3 }]);
    expect(await scalar("select count(*)::integer as n from engine.batches")).toBe(0);
    expect(await scalar("select count(*)::integer as n from engine.debounces")).toBe(0);
    expect(await scalar("select count(*)::integer as n from engine.skips where reason = 'debounced'")).toBe(2);
    await stop(second);
  });

  it("finds batches, debounces and throttled runs whose job is gone", async () => {
    const { start, stop } = app("jobless", (client) => [
      client.createFunction(
        { id: "batch", triggers: [{ event: "jobless/b" }], batchEvents: { maxSize: 10, timeout: "1s" } },
        async ({ events }) => events.length,
      ),
      client.createFunction(
        { id: "debounce", triggers: [{ event: "jobless/b" }], debounce: { period: "1s" } },
        async () => null,
      ),
      client.createFunction(
        { id: "throttle", triggers: [{ event: "jobless/b" }], throttle: { limit: 1, period: "1s" } },
        async () => null,
      ),
    ]);
    const engine = await start();
    await engine.send([1, 2].map((n) => ({ name: "jobless/b", data: { n } })));
    await pool.query(
      "select graphile_worker.remove_job(key) from graphile_worker.jobs where key like 'batch:%' or key like 'debounce:%' or key like 'gate:%'",
    );
    expect(await untilEnded("jobless-batch", 1)).toMatchObject([{ output: 2 }]);
    await untilEnded("jobless-debounce", 1);
    await untilEnded("jobless-throttle", 2);
    await stop(engine);
  });

  it("gathers the events of two engines into the same batches, none lost and none twice", async () => {
    const { start, stop } = app("twice", (client) => [
      client.createFunction(
        // Longer than sending them takes on any machine: each batch is a full one.
        { id: "batch", triggers: [{ event: "twice/b" }], batchEvents: { maxSize: 7, timeout: "600s" } },
        async ({ events }) => events.map((event) => event.data.n),
      ),
      client.createFunction(
        { id: "limited", triggers: [{ event: "twice/b" }], rateLimit: { limit: 5, period: "1h" } },
        async ({ event }) => event.data.n,
      ),
      client.createFunction(
        { id: "single", triggers: [{ event: "twice/b" }], singleton: { mode: "skip" } },
        async ({ step }) => {
          await step.sleep("on", "1h");
        },
      ),
    ]);
    const [a, b] = [await start(), await start()];
    await Promise.all(
      Array.from({ length: 60 }, (_, n) =>
        (n % 2 ? a : b).send([{ name: "twice/b", data: { n }, id: `twice-${n >> 1}` }]),
      ),
    );
    // What is left over, two of thirty, is filled up.
    expect(await untilEnded("twice-batch", 4)).toHaveLength(4);
    await a.send(Array.from({ length: 5 }, (_, n) => ({ name: "twice/b", data: { n: 60 + 2 * n } })));
    const batches = await untilEnded("twice-batch", 5);
    const numbers = batches.flatMap((run) => (Array.isArray(run.output) ? run.output : []));
    expect(numbers).toHaveLength(35);
    expect(new Set(numbers.map((n) => Number(n) >> 1)).size).toBe(35);
    expect(batches.map((run) => (Array.isArray(run.output) ? run.output.length : 0))).toEqual([7, 7, 7, 7, 7]);
    expect(await untilEnded("twice-limited", 5)).toHaveLength(5);
    expect(await runsOf("twice-limited")).toHaveLength(5);
    expect(await runsOf("twice-single")).toHaveLength(1);
    expect(
      await scalar(
        "select count(*)::integer as n from engine.skips where fn_id = 'twice-limited' and reason = 'rate_limit'",
      ),
    ).toBe(30);
    await Promise.all([stop(a), stop(b)]);
  });

  it("counts a rate limit by the last period: room comes back when starts are older", async () => {
    const { start, stop } = app("window", (client) => [
      client.createFunction(
        { id: "fn", triggers: [{ event: "window/e" }], rateLimit: { limit: 2, period: "1h", key: "event.data.who" } },
        async () => null,
      ),
    ]);
    const engine = await start();
    const send = (who: string) => engine.send([{ name: "window/e", data: { who } }]);
    for (let n = 0; n < 4; n += 1) await send("me");
    await send("you");
    expect(await runsOf("window-fn")).toHaveLength(3);
    await pool.query(
      "update engine.hits set at = at - interval '61 minutes' where ctid = (select ctid from engine.hits where key like 'window-fn%' order by at limit 1)",
    );
    for (let n = 0; n < 3; n += 1) await send("me");
    expect(await runsOf("window-fn")).toHaveLength(4);
    await stop(engine);
  });

  it("lets a burst go at once and the rest evenly, first those with priority", async () => {
    const started: Array<{ n: unknown; at: number }> = [];
    const { start, stop } = app("burst", (client) => [
      client.createFunction(
        {
          id: "fn",
          triggers: [{ event: "burst/e" }],
          throttle: { limit: 2, period: "4s", burst: 3 },
          priority: { run: "event.data.first ? 100 : 0" },
        },
        async ({ event }) => {
          started.push({ n: event.data.n, at: Date.now() });
        },
      ),
    ]);
    const engine = await start();
    const sentAt = Date.now();
    await engine.send([1, 2, 3, 4, 5, 6].map((n) => ({ name: "burst/e", data: { n, first: n === 6 } })));
    await untilEnded("burst-fn", 6);
    const at = started.map((entry) => entry.at - sentAt);
    expect(
      started
        .slice(0, 3)
        .map((entry) => entry.n)
        .sort(),
    ).toEqual([1, 2, 3]);
    expect(started.slice(3).map((entry) => entry.n)).toEqual([6, 4, 5]);
    // Without the burst the third would wait for the end of the period.
    expect((at[2] ?? 0) - (at[0] ?? 0)).toBeLessThan(3_900);
    // Each no sooner than its turn. From the sending, as a busy machine may begin one late and the next in time.
    expect(at[3]).toBeGreaterThanOrEqual(1_900);
    expect(at[4]).toBeGreaterThanOrEqual(3_900);
    expect(at[5]).toBeGreaterThanOrEqual(5_900);
    await stop(engine);
  });

  it("puts a run with negative priority back by its seconds", async () => {
    const { start, stop } = app("later", (client) => [
      client.createFunction(
        { id: "fn", triggers: [{ event: "later/e" }], priority: { run: "event.data.priority" } },
        async () => null,
      ),
    ]);
    const engine = await start();
    await engine.send([{ name: "later/e", data: { priority: -2_000 } }]);
    await engine.send([{ name: "later/e", data: { priority: 5 } }]);
    await untilEnded("later-fn", 1);
    const { rows } = await pool.query<{ seconds: number }>(
      `select extract(epoch from j.run_at - r.created_at)::float8 as seconds
       from engine.runs r join graphile_worker.jobs j on j.key = r.id where r.fn_id = 'later-fn' and r.status = 'queued'`,
    );
    expect(rows).toHaveLength(1);
    expect(rows[0]?.seconds).toBeCloseTo(600, 0);
    await stop(engine);
  });

  it("fails the invoking step with a sentence when the invoked function may not start", async () => {
    const { start, stop } = app("invoking", (client) => {
      const child = client.createFunction(
        { id: "child", triggers: [{ event: "invoking/c" }], rateLimit: { limit: 1, period: "1h" } },
        async () => "done",
      );
      return [
        child,
        client.createFunction({ id: "parent", retries: 0, triggers: [{ event: "invoking/p" }] }, async ({ step }) => {
          const one = await step.invoke("one", { function: child, data: {} });
          const two = await step.invoke("two", { function: child, data: {} }).catch((error: unknown) => String(error));
          return { one, two };
        }),
      ];
    });
    const engine = await start();
    await engine.send([{ name: "invoking/p", data: {} }]);
    expect(await untilEnded("invoking-parent", 1)).toMatchObject([
      {
        output: {
          one: "done",
          two: expect.stringContaining('"invoking-child" was not started: its rate limit is reached'),
        },
      },
    ]);
    await stop(engine);
  });

  it("keeps what waited for a function that is gone as a failed run", async () => {
    const define = (client: Inngest) => [
      client.createFunction(
        { id: "gone", triggers: [{ event: "gone/e" }], debounce: { period: "1s" } },
        async () => null,
      ),
    ];
    const before = app("gone", define);
    const first = await before.start();
    await first.send([{ name: "gone/e", data: {} }]);
    await before.stop(first);
    const after = app("gone", (client) => [
      client.createFunction({ id: "other", triggers: [{ event: "gone/o" }] }, async () => null),
    ]);
    const second = await after.start();
    expect(await untilEnded("gone-gone", 1)).toMatchObject([
      { status: "failed", error: { message: expect.stringContaining("is not served any more") } },
    ]);
    await after.stop(second);
  });

  it("leaves runs, gates and debounces of functions it does not know to the engine that does", async () => {
    const done: unknown[] = [];
    const knowing = app("known", (client) => [
      client.createFunction({ id: "plain", retries: 0, triggers: [{ event: "known/e" }] }, async ({ step }) => {
        await step.run("one", () => done.push("plain"));
      }),
      client.createFunction(
        { id: "gated", triggers: [{ event: "known/e" }], throttle: { limit: 1, period: "1s" } },
        async () => done.push("gated"),
      ),
      client.createFunction({ id: "quiet", triggers: [{ event: "known/e" }], debounce: { period: "1s" } }, async () =>
        done.push("quiet"),
      ),
    ]);
    const other = app("unknowing", (client) => [
      client.createFunction({ id: "fn", triggers: [{ event: "unknowing/e" }] }, async () => null),
    ]);
    const a = await knowing.start();
    const b = await other.start();
    await a.send(Array.from({ length: 3 }, () => ({ name: "known/e", data: {} })));
    // Jobs that the other engine may take as well.
    for (const { id } of await runsOf("known-plain"))
      await pool.query("select graphile_worker.add_job('engine.run', json_build_object('run', $1::text))", [id]);
    for (const [fnId, count] of [
      ["known-plain", 3],
      ["known-gated", 3],
      ["known-quiet", 1],
    ] as const)
      expect((await untilEnded(fnId, count)).map((run) => run.status)).toEqual(Array(count).fill("completed"));
    expect(done).toHaveLength(7);
    await knowing.stop(a);
    await other.stop(b);
  });

  it("says in the run what an operation of the SDK is that it cannot honour, naming the function", async () => {
    const { start, stop } = app("refusing", (client) => [
      client.createFunction({ id: "signal", retries: 0, triggers: [{ event: "refusing/e" }] }, async ({ step }) => {
        await step.waitForSignal("w", { signal: "s", timeout: "1m", onConflict: "fail" });
      }),
      client.createFunction({ id: "fetch", retries: 0, triggers: [{ event: "refusing/e" }] }, async ({ step }) => {
        await step.fetch("https://example.invalid/");
      }),
    ]);
    const engine = await start();
    await engine.send([{ name: "refusing/e", data: {} }]);
    expect(await untilEnded("refusing-signal", 1)).toMatchObject([
      {
        status: "failed",
        error: { message: expect.stringMatching(/"refusing-signal".*WaitForSignal.*not supported/) },
      },
    ]);
    expect(await untilEnded("refusing-fetch", 1)).toMatchObject([
      { status: "failed", error: { message: expect.stringMatching(/"refusing-fetch".*Gateway.*not supported/) } },
    ]);
    await stop(engine);
  });

  it("takes an event id again after 24 hours, and an idempotency key too", async () => {
    const { start, stop } = app("day", (client) => [
      client.createFunction({ id: "plain", triggers: [{ event: "day/e" }] }, async () => null),
      client.createFunction(
        { id: "once", triggers: [{ event: "day/e" }], idempotency: "event.data.k", timeouts: { finish: "1m" } },
        async () => null,
      ),
    ]);
    const engine = await start();
    const send = () => engine.send([{ name: "day/e", data: { k: 1 }, id: "day-1" }]);
    await send();
    await pool.query("update engine.seen set seen_at = seen_at - interval '23 hours'");
    await send();
    expect(await runsOf("day-plain")).toHaveLength(1);
    // Another event of the same key.
    await engine.send([{ name: "day/e", data: { k: 1 } }]);
    expect(await runsOf("day-plain")).toHaveLength(2);
    expect(await runsOf("day-once")).toHaveLength(1);
    await pool.query("update engine.seen set seen_at = seen_at - interval '2 hours'");
    await send();
    expect(await runsOf("day-plain")).toHaveLength(3);
    expect(await runsOf("day-once")).toHaveLength(2);
    await stop(engine);
  });

  it("lets a later event take the place of the one that waits for quiet, and puts the start off anew, up to its timeout", async () => {
    const { start, stop } = app("replaced", (client) => [
      client.createFunction(
        { id: "open", triggers: [{ event: "replaced/e" }], debounce: { period: "20h" } },
        async ({ event }) => event.data.n,
      ),
      client.createFunction(
        { id: "capped", triggers: [{ event: "replaced/e" }], debounce: { period: "20h", timeout: "40h" } },
        async ({ event }) => event.data.n,
      ),
    ]);
    const engine = await start();
    const pending = async () =>
      (
        await pool.query<{ fnId: string; n: number; hours: number }>(
          `select d.fn_id as "fnId", (e.data ->> 'n')::integer as n, round(extract(epoch from d.fire_at - now()) / 3600)::integer as hours
           from engine.debounces d join engine.events e on e.internal_id = d.event_id where d.fn_id like 'replaced-%' order by d.fn_id`,
        )
      ).rows;
    const send = (n: number) => engine.send([{ name: "replaced/e", data: { n } }]);
    /** As if that much time had gone by since. */
    const later = (hours: number) =>
      pool.query(
        "update engine.debounces set fire_at = fire_at - make_interval(hours => $1), deadline = deadline - make_interval(hours => $1)",
        [hours],
      );
    await send(1);
    await later(15);
    await send(2);
    expect(await pending()).toMatchObject([
      { fnId: "replaced-capped", n: 2, hours: 20 },
      { fnId: "replaced-open", n: 2, hours: 20 },
    ]);
    await later(15);
    await send(3);
    expect(await pending()).toMatchObject([
      { fnId: "replaced-capped", n: 3, hours: 10 },
      { fnId: "replaced-open", n: 3, hours: 20 },
    ]);
    await later(20);
    await pool.query(
      "select graphile_worker.add_job('engine.debounce', json_build_object('key', key), job_key := 'debounce:' || key) from engine.debounces",
    );
    for (const fnId of ["replaced-open", "replaced-capped"])
      expect(await untilEnded(fnId, 1)).toMatchObject([{ status: "completed", output: 3 }]);
    await stop(engine);
  });

  it("starts exactly as many runs of a key as the concurrency limit allows, and the next when one ends", async () => {
    const held: Array<() => void> = [];
    let begun = 0;
    const { start, stop } = app("exact", (client) => [
      client.createFunction(
        { id: "fn", triggers: [{ event: "exact/e" }], concurrency: { limit: 2, key: "event.data.k" } },
        async ({ step }) => {
          await step.run("hold", async () => {
            begun += 1;
            await new Promise<void>((resolve) => held.push(resolve));
          });
        },
      ),
    ]);
    const engine = await start();
    await engine.send(Array.from({ length: 5 }, () => ({ name: "exact/e", data: { k: 1 } })));
    const blocked = () =>
      scalar("select count(*)::integer as n from engine.runs where fn_id = 'exact-fn' and blocked_at is not null");
    while (begun + (await blocked()) < 5) await pause(20);
    expect(begun).toBe(2);
    held.shift()?.();
    while (begun < 3 || begun + (await blocked()) < 5) await pause(20);
    expect(begun).toBe(3);
    for (let ended = 1; ended < 5; ended += 1) {
      while (held.length === 0) await pause(20);
      held.shift()?.();
    }
    expect((await untilEnded("exact-fn", 5)).map((run) => run.status)).toEqual(Array(5).fill("completed"));
    await stop(engine);
  });
});
