import type { Inngest } from "inngest";
import { Pool } from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type TestDatabase, testDatabase } from "@/server/testing/database";
import { parseFunctionConfig } from "./function-config";
import { createSchedules } from "./schedules";
import { releaseRun } from "./store";
import { startTestEngine, type TestEngine } from "./testing";

/* What no function of ours does and some function will: values that cannot be kept, and changes under runs in flight. */

let database: TestDatabase;
let pool: Pool;
const engines = new Set<TestEngine>();
const effects: string[] = [];
const countOf = (effect: string): number => effects.filter((known) => known === effect).length;

type Functions = Parameters<typeof startTestEngine>[0]["define"];

async function start(define: Functions): Promise<TestEngine> {
  const started = await startTestEngine({ databaseUrl: database.url, define });
  engines.add(started);
  return started;
}
async function close(engine: TestEngine): Promise<void> {
  engines.delete(engine);
  await engine.close();
}

beforeAll(async () => {
  database = await testDatabase();
  pool = new Pool({ connectionString: database.url, max: 2 });
});
afterEach(async () => {
  for (const engine of engines) await close(engine);
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 20));
}
const hasStep = (fnId: string, status: string) => async (): Promise<boolean> => {
  const { rowCount } = await pool.query(
    `select 1 from engine.steps s join engine.runs r on r.id = s.run_id
     where r.fn_id = $1 and s.status = $2 and r.claimed_by is null`,
    [fnId, status],
  );
  return (rowCount ?? 0) > 0;
};

describe("what the database cannot keep", () => {
  it.each<[what: string, define: (inngest: Inngest, event: string) => ReturnType<Functions>[number], message: RegExp]>([
    [
      "step-name",
      (inngest, event) =>
        inngest.createFunction({ id: "step-name", retries: 1, triggers: [{ event }] }, async ({ step }) => {
          await step.run("a\u0000b", () => effects.push("step-name"));
        }),
      /"test-step-name" gave what the engine cannot keep/,
    ],
    [
      "awaited",
      (inngest, event) =>
        inngest.createFunction({ id: "awaited", retries: 1, triggers: [{ event }] }, async ({ step }) => {
          await step.run("before", () => effects.push("awaited"));
          await step.waitForEvent("wait", { event: "x\u0000", timeout: "1m" });
        }),
      /"test-awaited" gave what the engine cannot keep/,
    ],
    [
      "sleep",
      (inngest, event) =>
        inngest.createFunction({ id: "sleep", retries: 1, triggers: [{ event }] }, async ({ step }) => {
          await step.run("before", () => effects.push("sleep"));
          await step.sleep("for ever", "99999999999w");
        }),
      /"99999999999w.*" is not a duration or a date/,
    ],
  ])(
    "ends the run with the reason, its effect once, instead of driving it again each second: %s",
    async (id, define, message) => {
      const test = await start((inngest) => [define(inngest, `hostile/${id}`)]);
      await test.inngest.send({ name: `hostile/${id}`, data: {} });
      expect(await test.ended(id)).toMatchObject([
        { status: "failed", error: { message: expect.stringMatching(message) } },
      ]);
      expect(countOf(id)).toBe(1);
    },
  );

  it("an event too deep or too odd to keep is 400, as is an address that cannot be read; the next event is taken", async () => {
    const test = await start((inngest) => [
      inngest.createFunction({ id: "next", triggers: [{ event: "hostile/next" }] }, async () => "done"),
    ]);
    const post = (body: string, path = "/e/key"): Promise<number> =>
      fetch(`${test.url}${path}`, { method: "POST", body }).then((answer) => answer.status);
    const nested = (levels: number): string =>
      `{"name":"hostile/next","data":{"deep":${"[".repeat(levels)}${"]".repeat(levels)}}}`;
    expect(await post(nested(200_000))).toBe(400);
    expect(await post("{}", "/e/%zz")).toBe(400);
    for (const path of ["events/%00", "events/%zz", "runs?before=%00", "runs?function_id=%00"])
      expect((await fetch(`${test.url}/v1/${path}`)).status).toBe(400);
    expect(await post(JSON.stringify({ name: "hostile/next", data: {} }))).toBe(200);
    await test.ended("next");
  });

  it("a run whose message holds a NUL character does not hide all others from the list", async () => {
    const test = await start((inngest) => [
      inngest.createFunction({ id: "nul", retries: 0, triggers: [{ event: "hostile/nul" }] }, async () => {
        throw new Error("bad \u0000 byte");
      }),
    ]);
    await test.inngest.send({ name: "hostile/nul", data: {} });
    const [run] = await test.ended("nul");
    const list = await fetch(`${test.url}/v1/runs?function_id=test-nul`);
    expect(list.status).toBe(200);
    expect(await list.json()).toMatchObject({ data: [{ id: run?.id, error_message: "bad \u0000 byte" }] });
    const one = await fetch(`${test.url}/v1/runs/${run?.id}`);
    expect(await one.json()).toMatchObject({ data: { error_message: "bad \u0000 byte" } });
  });
});

describe("changes under runs in flight", () => {
  const waiting: Functions = (inngest) => [
    inngest.createFunction({ id: "lapse", triggers: [{ event: "hostile/wait" }] }, async ({ step }) =>
      step.waitForEvent("wait", { event: "hostile/never", timeout: "1s" }),
    ),
    inngest.createFunction({ id: "heard", triggers: [{ event: "hostile/wait" }] }, async ({ step }) => {
      const heard = await step.waitForEvent("wait", { event: "hostile/word", timeout: "1h", match: "data.n" });
      return heard?.data.word;
    }),
  ];

  it("a wait goes on over a restart: it lapses though nobody was there at its time, and hears what comes after", async () => {
    const first = await start(waiting);
    await first.inngest.send({ name: "hostile/wait", data: { n: 7 } });
    await until(hasStep("test-lapse", "waiting"));
    await until(hasStep("test-heard", "waiting"));
    await close(first);
    // Its time passes while nobody is there, and its job is lost as well.
    await pool.query(
      "update engine.steps set wake_at = now() - interval '1 minute' where event_name = 'hostile/never'",
    );
    const second = await start(waiting);
    await second.inngest.send([
      { name: "hostile/word", data: { n: 8, word: "another" } },
      { name: "hostile/word", data: { n: 7, word: "mine" } },
    ]);
    expect(await second.ended("lapse")).toMatchObject([{ status: "completed", output: null }]);
    expect(await second.ended("heard")).toMatchObject([{ status: "completed", output: "mine" }]);
  });

  it("a run that sleeps while its function is taken away ends failed with the reason; the others go on", async () => {
    const sleeper: Functions = (inngest) => [
      inngest.createFunction(
        { id: "sleeper", retries: 3, triggers: [{ event: "hostile/sleeper" }] },
        async ({ step }) => {
          await step.sleep("nap", "1h");
        },
      ),
    ];
    const first = await start(sleeper);
    await first.inngest.send({ name: "hostile/sleeper", data: {} });
    await until(hasStep("test-sleeper", "sleeping"));
    await close(first);
    const second = await start((inngest) => [
      inngest.createFunction({ id: "other", triggers: [{ event: "hostile/other" }] }, async () => "done"),
    ]);
    await pool.query("update engine.steps set wake_at = now() where status = 'sleeping'");
    await pool.query(
      "select graphile_worker.add_job('engine.run', json_build_object('run', id), job_key := id) from engine.runs where fn_id = 'test-sleeper'",
    );
    expect(await second.ended("sleeper")).toMatchObject([
      { status: "failed", error: { message: expect.stringMatching(/"test-sleeper" is not served any more/) } },
    ]);
    await second.inngest.send({ name: "hostile/other", data: {} });
    expect(await second.ended("other")).toMatchObject([{ status: "completed" }]);
  });

  it("a run that is due by the database's clock and not yet by its process's rests a moment, instead of going round at once", async () => {
    const first = await start((inngest) => [
      inngest.createFunction({ id: "behind", triggers: [{ event: "hostile/behind" }] }, async ({ step }) => {
        await step.sleep("nap", "1h");
      }),
    ]);
    await first.inngest.send({ name: "hostile/behind", data: {} });
    await until(hasStep("test-behind", "sleeping"));
    await close(first);
    const { rows } = await pool.query<{ id: string; wakeSeq: number }>(
      `update engine.runs set claimed_by = 99 where fn_id = 'test-behind' returning id, wake_seq as "wakeSeq"`,
    );
    const [run] = rows;
    expect(run).toBeDefined();
    const release = { runId: run?.id ?? "", wakeSeq: run?.wakeSeq ?? 0, workerId: 99, wakeAtMs: Date.now() - 600_000 };
    const { rows: before } = await pool.query<{ at: Date }>("select clock_timestamp() as at");
    expect(await releaseRun(pool, release)).toBe(true);
    const { rows: jobs } = await pool.query<{ at: Date }>(
      "select run_at as at from graphile_worker.jobs where key = $1",
      [run?.id],
    );
    expect(jobs[0]?.at.getTime()).toBeGreaterThan(before[0]?.at.getTime() ?? Number.POSITIVE_INFINITY);
  });

  it("a run that something woke while it was about to rest does not rest", async () => {
    const first = await start(waiting);
    await first.inngest.send({ name: "hostile/wait", data: { n: 9 } });
    await until(hasStep("test-heard", "waiting"));
    await close(first);
    const { rows } = await pool.query<{ id: string; wakeSeq: number }>(
      `update engine.runs set claimed_by = 99 where fn_id = 'test-heard' and status = 'running' returning id, wake_seq as "wakeSeq"`,
    );
    const [run] = rows;
    const release = { runId: run?.id ?? "", workerId: 99, wakeAtMs: null };
    await pool.query("update engine.runs set wake_seq = wake_seq + 1 where id = $1", [run?.id]);
    expect(await releaseRun(pool, { ...release, wakeSeq: run?.wakeSeq ?? 0 })).toBe(false);
    expect(await releaseRun(pool, { ...release, wakeSeq: (run?.wakeSeq ?? 0) + 1 })).toBe(true);
  });

  it("a send that the SDK repeats, for want of an answer, starts nothing a second time", async () => {
    const test = await start((inngest) => [
      inngest.createFunction({ id: "seeded", triggers: [{ event: "hostile/seeded" }] }, async () => "done"),
    ]);
    const send = (seed: string): Promise<unknown> =>
      fetch(`${test.url}/e/key`, {
        method: "POST",
        headers: { "x-inngest-event-id-seed": seed },
        body: JSON.stringify([1, 2].map((n) => ({ name: "hostile/seeded", data: { n } }))),
      }).then((answer) => answer.json());
    expect(await send("seed-1")).toEqual(await send("seed-1"));
    await send("seed-2");
    await test.ended("seeded", 4);
    const { rows } = await pool.query("select 1 from engine.runs where fn_id = 'test-seeded'");
    expect(rows).toHaveLength(4);
  });

  it("a tick that comes to an engine of another version is left to the one that knows it, not lost for good", async () => {
    const cron = "0 3 * * *";
    await close(
      await start((inngest) => [inngest.createFunction({ id: "nightly", triggers: [{ cron }] }, async () => null)]),
    );
    const { rows } = await pool.query<{ at: Date }>(
      "select next_at as at from engine.schedules where fn_id = 'test-nightly'",
    );
    const tick = { fn: "test-nightly", idx: 0, at: rows[0]?.at.getTime() ?? 0 };
    const key = "cron:test-nightly:0";
    const started: string[] = [];
    const engineWith = (text: string | null) => {
      const fn = parseFunctionConfig({
        id: "test-nightly",
        triggers: text === null ? [] : [{ cron: text }],
        steps: {},
      });
      const functions = new Map(text === null ? [] : [[fn.id, fn] as const]);
      return createSchedules({ pool, functions, start: async (_db, { id }) => void started.push(id) });
    };
    const takeJob = (): Promise<unknown> => pool.query("select graphile_worker.remove_job($1)", [key]);
    const hasJob = async (): Promise<boolean> =>
      (await pool.query("select 1 from graphile_worker.jobs where key = $1", [key])).rowCount === 1;
    // Two engines are there: this one, of the version before or after, and the one that has the function.
    await pool.query("insert into engine.workers (pid) values (1), (2)");
    for (const other of [null, "0 4 * * *"]) {
      await takeJob();
      await engineWith(other).tick(tick);
      expect(await hasJob()).toBe(true);
      expect(started).toEqual([]);
    }
    await takeJob();
    await engineWith(cron).tick(tick);
    expect(started).toEqual(["test-nightly"]);
    expect(await hasJob()).toBe(true);
    // Alone, what it knows of the function is what counts.
    await pool.query("delete from engine.workers where pid = 1");
    await engineWith("0 4 * * *").tick(tick);
    expect(started).toEqual(["test-nightly", "test-nightly"]);
    await pool.query("delete from engine.workers");
  });
});
