import { NonRetriableError, RetryAfterError } from "inngest";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type TestDatabase, testDatabase } from "@/server/testing/database";
import { type EndedRun, startTestEngine, type TestEngine } from "./testing";

let database: TestDatabase;
let test: TestEngine;
const effects: string[] = [];
const times: number[] = [];
let running = 0;
let runningMost = 0;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const countOf = (effect: string): number => effects.filter((known) => known === effect).length;

beforeAll(async () => {
  database = await testDatabase();
  test = await startTestEngine({
    databaseUrl: database.url,
    define: (inngest) => {
      const limited = inngest.createFunction(
        { id: "limited", triggers: [{ event: "t/limited" }], concurrency: { limit: 2, key: "event.data.lane" } },
        async ({ step }) => {
          await step.run("work", async () => {
            running += 1;
            runningMost = Math.max(runningMost, running);
            await pause(20);
            // The first ones wait for company, which comes late on a busy machine.
            for (let waitedMs = 20; runningMost < 2 && waitedMs < 5_000; waitedMs += 20) await pause(20);
            running -= 1;
          });
        },
      );
      const child = inngest.createFunction({ id: "child", triggers: [{ event: "t/never" }] }, async ({ event }) => {
        if (event.data.fail) throw new NonRetriableError("child refused");
        return { doubled: Number(event.data.n) * 2 };
      });
      return [
        limited,
        child,
        inngest.createFunction({ id: "steps", triggers: [{ event: "t/steps" }] }, async ({ event, step, runId }) => {
          const a = await step.run("a", () => {
            effects.push(`${runId}:a`);
            return Number(event.data.n) + 1;
          });
          const b = await step.run("b", () => {
            effects.push(`${runId}:b`);
            return a * 2;
          });
          return { a, b };
        }),
        inngest.createFunction(
          { id: "retry", retries: 3, triggers: [{ event: "t/retry" }] },
          async ({ step, attempt }) => {
            const got = await step.run("flaky", () => {
              times.push(Date.now());
              if (times.length < 3) throw new Error("not yet");
              return times.length;
            });
            if (attempt === 0) throw new Error("the function itself fails once");
            return { got, attempt };
          },
        ),
        inngest.createFunction(
          { id: "retry-after", retries: 2, triggers: [{ event: "t/retry-after" }] },
          async ({ step }) =>
            step.run("later", () => {
              effects.push(`later ${Date.now()}`);
              if (effects.filter((effect) => effect.startsWith("later")).length === 1)
                throw new RetryAfterError("wait", 1_000);
              return "ok";
            }),
        ),
        inngest.createFunction(
          {
            id: "fatal",
            retries: 3,
            triggers: [{ event: "t/fatal" }],
            onFailure: ({ error, event }) => {
              effects.push(`failure ${error.message} of ${event.data.event.data.who}`);
            },
          },
          async ({ step }) => {
            await step.run("once", () => {
              effects.push("fatal");
              throw new NonRetriableError("no use");
            });
          },
        ),
        inngest.createFunction(
          { id: "exhausted", retries: 1, triggers: [{ event: "t/exhausted" }] },
          async ({ step }) => {
            try {
              await step.run("always", () => {
                effects.push("always");
                throw new Error("never works");
              });
            } catch (error) {
              return `caught ${error instanceof Error ? error.message : ""}`;
            }
            return "not reached";
          },
        ),
        inngest.createFunction({ id: "sleep", triggers: [{ event: "t/sleep" }] }, async ({ step }) => {
          const from = await step.run("from", () => Date.now());
          await step.sleep("nap", "1s");
          await step.sleepUntil("date", new Date(from + 1_500));
          return (await step.run("to", () => Date.now())) - from;
        }),
        inngest.createFunction({ id: "sender", triggers: [{ event: "t/send" }] }, async ({ step }) => {
          const { ids } = await step.sendEvent("tell", [
            { name: "t/steps", data: { n: 100 }, id: "sent-1" },
            { name: "t/steps", data: { n: 200 }, id: "sent-2" },
          ]);
          return ids.length;
        }),
        inngest.createFunction(
          { id: "parallel", retries: 2, triggers: [{ event: "t/parallel" }] },
          async ({ step }) => {
            let tries = 0;
            const all = await Promise.all([
              ...Array.from({ length: 5 }, (_, index) =>
                step.run(`p${index}`, async () => {
                  await pause(30);
                  effects.push(`p${index}`);
                  return index;
                }),
              ),
              step.run("flaky", () => {
                tries += 1;
                effects.push("p-flaky");
                if (countOf("p-flaky") < 2) throw new Error("once");
                return tries;
              }),
              step.sleep("short", "1s").then(() => "slept"),
            ]);
            return all;
          },
        ),
        inngest.createFunction({ id: "waiter", triggers: [{ event: "t/wait" }] }, async ({ step }) => {
          const answer = await step.waitForEvent("answer", { event: "t/answer", timeout: "10m", match: "data.order" });
          return answer?.data.text ?? null;
        }),
        inngest.createFunction({ id: "waiter-late", triggers: [{ event: "t/wait-late" }] }, async ({ step }) =>
          step.waitForEvent("answer", { event: "t/answer-never", timeout: "1s" }),
        ),
        inngest.createFunction({ id: "parent", triggers: [{ event: "t/parent" }] }, async ({ step }) => {
          const { doubled } = await step.invoke("call", { function: child, data: { n: 21 } });
          let refused = "";
          try {
            await step.invoke("call-bad", { function: child, data: { fail: true } });
          } catch (error) {
            refused = error instanceof Error ? error.message : "";
          }
          return { doubled, refused };
        }),
        inngest.createFunction(
          { id: "cancelled", triggers: [{ event: "t/long" }], cancelOn: [{ event: "t/stop", match: "data.order" }] },
          async ({ step }) => {
            await step.sleep("long", "1h");
          },
        ),
        inngest.createFunction(
          { id: "once", triggers: [{ event: "t/once" }], idempotency: "event.data.key" },
          async () => "done",
        ),
        inngest.createFunction(
          { id: "only-big", triggers: [{ event: "t/sized", if: "event.data.size > 10" }] },
          async ({ event }) => event.data.size,
        ),
        inngest.createFunction(
          { id: "nightly", triggers: [{ cron: "TZ=Europe/Berlin 0 3 * * *" }] },
          async ({ event, step }) => step.run("tick", () => event.name),
        ),
        inngest.createFunction({ id: "text", triggers: [{ event: "t/text" }] }, async ({ event, step }) =>
          step.run("echo", () => event.data),
        ),
      ];
    },
  });
});

afterAll(async () => {
  await test.close();
  await database.drop();
});

async function untilRows(what: string, count: number): Promise<void> {
  const rows = async (): Promise<number> => (await test.engine.pool.query(`select 1 from ${what}`)).rows.length;
  await expect.poll(rows).toBe(count);
}

const only = (runs: EndedRun[]): EndedRun => {
  const [run] = runs;
  if (!run) throw new Error("No run");
  return run;
};

describe("embedded engine", () => {
  it("runs the steps of an event in order, each once, and keeps the result", async () => {
    const { ids } = await test.inngest.send({ name: "t/steps", data: { n: 1 } });
    expect(ids).toHaveLength(1);
    const run = only(await test.ended("steps"));
    expect(run).toMatchObject({ status: "completed", error: null, output: { a: 2, b: 4 } });
    expect(countOf(`${run.id}:a`)).toBe(1);
    expect(countOf(`${run.id}:b`)).toBe(1);
  });

  it("repeats a failing step and a failing function with back-off, keeping finished steps", async () => {
    await test.inngest.send({ name: "t/retry", data: {} });
    expect(only(await test.ended("retry"))).toMatchObject({ status: "completed", output: { got: 3, attempt: 1 } });
    const [first = 0, second = 0, third = 0] = times;
    expect(times).toHaveLength(3);
    expect(second - first).toBeGreaterThanOrEqual(15);
    expect(third - second).toBeGreaterThanOrEqual(35);
  });

  it("waits as long as RetryAfterError says", async () => {
    await test.inngest.send({ name: "t/retry-after", data: {} });
    expect(only(await test.ended("retry-after"))).toMatchObject({ status: "completed", output: "ok" });
    const [first = 0, second = 0] = effects
      .filter((effect) => effect.startsWith("later"))
      .map((effect) => Number(effect.split(" ")[1]));
    expect(second - first).toBeGreaterThanOrEqual(900);
  });

  it("does not repeat a NonRetriableError and tells onFailure", async () => {
    await test.inngest.send({ name: "t/fatal", data: { who: "me" } });
    expect(only(await test.ended("fatal"))).toMatchObject({ status: "failed", error: { message: "no use" } });
    expect(only(await test.ended("fatal-failure"))).toMatchObject({ status: "completed" });
    expect(countOf("fatal")).toBe(1);
    expect(countOf("failure no use of me")).toBe(1);
  });

  it("throws a step's last error into the function, which may catch it", async () => {
    await test.inngest.send({ name: "t/exhausted", data: {} });
    expect(only(await test.ended("exhausted"))).toMatchObject({ status: "completed", output: "caught never works" });
    expect(countOf("always")).toBe(2);
  });

  it("sleeps for a duration and until a date without holding a worker", async () => {
    await test.inngest.send({ name: "t/sleep", data: {} });
    const run = only(await test.ended("sleep"));
    expect(run.status).toBe("completed");
    expect(run.output).toBeGreaterThanOrEqual(1_450);
    // A busy machine wakes it late; a wrong unit would be minutes.
    expect(run.output).toBeLessThan(30_000);
  });

  it("sends events from a step; an event id seen within 24 hours starts nothing again", async () => {
    const before = (await test.ended("steps")).length;
    await test.inngest.send({ name: "t/send", data: {} });
    expect(only(await test.ended("sender"))).toMatchObject({ output: 2 });
    await test.inngest.send({ name: "t/steps", data: { n: 100 }, id: "sent-1" });
    await Promise.all(
      Array.from({ length: 20 }, () => test.inngest.send({ name: "t/steps", data: { n: 7 }, id: "same" })),
    );
    await test.ended("steps", before + 3);
    await pause(150);
    const { rows } = await test.engine.pool.query("select 1 from engine.runs where fn_id = 'test-steps'");
    expect(rows).toHaveLength(before + 3);
  });

  it("runs parallel steps at the same time, retries one of them alone, and joins them with a sleep", async () => {
    await test.inngest.send({ name: "t/parallel", data: {} });
    const run = only(await test.ended("parallel"));
    expect(run).toMatchObject({ status: "completed" });
    expect(run.output).toEqual([0, 1, 2, 3, 4, expect.any(Number), "slept"]);
    for (let index = 0; index < 5; index += 1) expect(countOf(`p${index}`)).toBe(1);
    expect(countOf("p-flaky")).toBe(2);
  });

  it("waits for an event that matches, and no longer than its timeout", async () => {
    await test.inngest.send({ name: "t/wait", data: { order: 5 } });
    await test.inngest.send({ name: "t/wait-late", data: {} });
    await untilRows(
      "engine.steps s join engine.runs r on r.id = s.run_id where s.status = 'waiting' and r.fn_id = 'test-waiter'",
      1,
    );
    await test.inngest.send({ name: "t/answer", data: { order: 4, text: "not for you" } });
    await test.inngest.send({ name: "t/answer", data: { order: 5, text: "hello" } });
    expect(only(await test.ended("waiter"))).toMatchObject({ status: "completed", output: "hello" });
    expect(only(await test.ended("waiter-late"))).toMatchObject({ status: "completed", output: null });
  });

  it("invokes another function and gets its result or its error", async () => {
    await test.inngest.send({ name: "t/parent", data: {} });
    expect(only(await test.ended("parent"))).toMatchObject({
      status: "completed",
      output: { doubled: 42, refused: "child refused" },
    });
  });

  it("ends runs when the event they are cancelled on matches", async () => {
    await test.inngest.send([
      { name: "t/long", data: { order: 1 } },
      { name: "t/long", data: { order: 2 } },
    ]);
    await untilRows("engine.runs where fn_id = 'test-cancelled'", 2);
    await test.inngest.send({ name: "t/stop", data: { order: 1 } });
    expect(await test.ended("cancelled")).toMatchObject([{ status: "cancelled" }]);
    const { rows } = await test.engine.pool.query(
      "select 1 from engine.runs where fn_id = 'test-cancelled' and ended_at is null",
    );
    expect(rows).toHaveLength(1);
  });

  it("keeps to a concurrency limit by key and finishes everything", async () => {
    await test.inngest.send(Array.from({ length: 20 }, () => ({ name: "t/limited", data: { lane: "one" } })));
    const runs = await test.ended("limited", 20);
    expect(runs.every((run) => run.status === "completed")).toBe(true);
    expect(runningMost).toBe(2);
  });

  it("starts a function once per idempotency key", async () => {
    for (let index = 0; index < 3; index += 1) await test.inngest.send({ name: "t/once", data: { key: "k1" } });
    await test.inngest.send({ name: "t/once", data: { key: "k2" } });
    expect(await test.ended("once", 2)).toHaveLength(2);
  });

  it("starts a function only when its trigger's condition holds", async () => {
    await test.inngest.send([
      { name: "t/sized", data: { size: 3 } },
      { name: "t/sized", data: { size: 30 } },
    ]);
    expect(await test.ended("only-big")).toMatchObject([{ output: 30 }]);
    await pause(50);
    expect(await test.ended("only-big")).toHaveLength(1);
  });

  it("runs a cron function once per tick and plans the next one", async () => {
    const { rows: before } = await test.engine.pool.query<{ at: Date }>("select next_at as at from engine.schedules");
    expect(before).toHaveLength(1);
    const at = before[0]?.at ?? new Date(0);
    expect(
      new Intl.DateTimeFormat("en", { timeZone: "Europe/Berlin", hour: "numeric", hour12: false }).format(at),
    ).toBe("03");
    const tick = `select graphile_worker.add_job('engine.cron', json_build_object('fn', 'test-nightly', 'idx', 0, 'at', 1000))`;
    await test.engine.pool.query(tick);
    await test.engine.pool.query(tick);
    expect(only(await test.ended("nightly"))).toMatchObject({ status: "completed", output: "inngest/scheduled.timer" });
    await pause(150);
    expect(await test.ended("nightly")).toHaveLength(1);
    const { rows: after } = await test.engine.pool.query<{ at: Date }>("select next_at as at from engine.schedules");
    expect(after[0]?.at).toEqual(at);
  });

  it("keeps any JSON text, NUL and lone surrogates included", async () => {
    const data = { nul: "a\u0000b", quote: `"\\'{}`, emoji: "👋", list: [1, null, true], nested: { deep: [{}] } };
    await test.inngest.send({ name: "t/text", data });
    expect(only(await test.ended("text")).output).toEqual(data);
  });

  it("lists, shows, cancels and replays runs over HTTP", async () => {
    const list = await (await fetch(`${test.url}/v1/runs?function_id=test-steps&limit=1`)).json();
    expect(list.data).toHaveLength(1);
    const shown = await (await fetch(`${test.url}/v1/runs/${list.data[0].id}`)).json();
    expect(shown.data.steps.map((step: { name: string }) => step.name)).toEqual(["a", "b"]);
    const before = (await test.ended("steps")).length;
    const replayed = await fetch(`${test.url}/v1/runs/${list.data[0].id}/replay`, { method: "POST" });
    expect(replayed.status).toBe(201);
    await test.ended("steps", before + 1);
    const long = await (await fetch(`${test.url}/v1/runs?function_id=test-cancelled&status=running`)).json();
    expect((await fetch(`${test.url}/v1/runs/${long.data[0].id}/cancel`, { method: "POST" })).status).toBe(200);
    expect((await fetch(`${test.url}/v1/runs/${long.data[0].id}/cancel`, { method: "POST" })).status).toBe(409);
    expect((await fetch(`${test.url}/health`)).status).toBe(200);
    expect((await (await fetch(`${test.url}/v1/stats`)).json()).data.workers).toBe(1);
  });

  it("answers bad input at the event address with 4xx", async () => {
    const post = (body: string, headers: Record<string, string> = {}): Promise<number> =>
      fetch(`${test.url}/e/key`, { method: "POST", body, headers }).then((response) => response.status);
    expect(await post("not json")).toBe(400);
    expect(await post("{}")).toBe(400);
    expect(await post(JSON.stringify({ name: "x", data: "text" }))).toBe(400);
    expect(await post(JSON.stringify({ name: "x", data: {} }), { origin: "https://evil.example" })).toBe(403);
    expect(await post("x".repeat(6_000_000))).toBe(413);
  });
});
