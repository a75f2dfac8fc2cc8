import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { findFreePort } from "@/server/boot/ports";
import { type TestDatabase, testDatabase } from "@/server/testing/database";
import { createRecorder, defineFunctions, type Effect } from "./conformance-functions";
import { createTarget, type Target } from "./conformance-target";

/**
 * The suite that tells whether a server runs Inngest functions as they are meant: the SDK and plain HTTP only, judged by what
 * the functions did. `npm run conformance` runs it against the embedded engine, or against the server of
 * `INNGEST_CONFORMANCE_URL`.
 */

const isEmbedded = !process.env.INNGEST_CONFORMANCE_URL;
const PATIENCE_MS = isEmbedded ? 30_000 : 180_000;
const CRON_AFTER_MS = isEmbedded ? 15_000 : 45_000;

const recorder = createRecorder();
const { find, hold, release } = recorder;
let database: TestDatabase;
let target: Target;
let serial = 0;

/** A key of one's own for each test. */
const fresh = (): string => {
  serial += 1;
  return `k${serial}`;
};
const send = async (event: string, data: Record<string, unknown>, id?: string): Promise<string> => {
  const { ids } = await target.client.send({ name: `${target.appId}/${event}`, data, ...(id ? { id } : {}) });
  return ids[0] ?? "";
};

/** Waits until the functions did something `count` times. `meanwhile` is repeated every half second until then. */
async function until(
  what: string,
  key: string,
  count = 1,
  meanwhile?: () => Promise<unknown>,
  patienceMs = PATIENCE_MS,
): Promise<Effect[]> {
  const deadline = Date.now() + patienceMs;
  for (let turn = 0; ; turn += 1) {
    const found = find(what, key);
    if (found.length >= count) return found;
    if (Date.now() > deadline) throw new Error(`"${what}" of ${key} happened ${found.length} times, not ${count}`);
    if (meanwhile && turn % 25 === 0) await meanwhile();
    await pause(20);
  }
}

async function untilQueued(eventId: string): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while ((await target.runsOf(eventId)).length === 0) {
    if (Date.now() > deadline) throw new Error(`No run of the event ${eventId}`);
    await pause(50);
  }
}

const first = (effects: Effect[]): Effect => {
  const [effect] = effects;
  if (!effect) throw new Error("Nothing happened");
  return effect;
};

beforeAll(async () => {
  database = await testDatabase();
  target = await createTarget({ databaseUrl: database.url, findFreePort });
  await target.start(defineFunctions(target.client, target.appId, recorder, CRON_AFTER_MS));
});

afterAll(async () => {
  for (const effect of recorder.effects) release(effect.key);
  await target?.close();
  await database?.drop();
});

describe.concurrent("Inngest functions", { timeout: PATIENCE_MS + 120_000 }, () => {
  it("cron with time zone: a function runs at the minute that its zone's clock shows", async () => {
    const tick = first(
      await until("cron", "inngest/scheduled.timer", 1, undefined, CRON_AFTER_MS + 60_000 + PATIENCE_MS),
    );
    const { cron } = z.object({ cron: z.string() }).parse(tick.value);
    expect(cron).toMatch(/^TZ=Asia\/Kathmandu /);
    const minute = new Intl.DateTimeFormat("en", { timeZone: "Asia/Kathmandu", minute: "numeric" }).format(tick.at);
    expect(cron.split(" ")[1]).toBe(String(Number(minute)));
  });

  it("step.run: steps run in order, each once, and see the results before them", async () => {
    const n = fresh();
    await send("steps", { n });
    expect(first(await until("steps three", n)).value).toEqual({ one: 1, two: 2 });
    expect(find("steps one", n)).toHaveLength(1);
    expect(find("steps two", n)).toHaveLength(1);
  });

  it("step.sleep: the next step runs after the duration", async () => {
    const n = fresh();
    await send("sleep", { n });
    const after = first(await until("sleep after", n));
    expect(after.at - first(find("sleep before", n)).at).toBeGreaterThanOrEqual(1_900);
    expect(find("sleep before", n)).toHaveLength(1);
  });

  it("step.sleepUntil: the next step runs after the moment", async () => {
    const n = fresh();
    const moment = Date.now() + 2_000;
    await send("sleep-until", { n, until: new Date(moment).toISOString() });
    expect(first(await until("sleepUntil after", n)).at).toBeGreaterThanOrEqual(moment - 50);
  });

  it("step.waitForEvent with match: only the event with the same field ends the wait", async () => {
    const n = fresh();
    await send("wait-match", { n });
    await until("match begins", n);
    const other = fresh();
    const [ended] = await until("match ends", n, 1, async () => {
      await send("answer", { n: other, text: "not for you" });
      await send("answer", { n, text: "hello" });
    });
    expect(ended?.value).toMatchObject({ n, text: "hello" });
  });

  it("step.waitForEvent with if: only an event that fulfils the expression ends the wait", async () => {
    const n = fresh();
    await send("wait-if", { n });
    await until("if begins", n);
    const [ended] = await until("if ends", n, 1, async () => {
      await send("answer", { n, size: 3 });
      await send("answer", { n, size: 30 });
    });
    expect(ended?.value).toMatchObject({ n, size: 30 });
  });

  it("step.waitForEvent: without the event it gives null after its timeout", async () => {
    const n = fresh();
    await send("wait-late", { n });
    expect(first(await until("late ends", n)).value).toBeNull();
  });

  it("step.sendEvent: the events are sent once and start their functions", async () => {
    const n = fresh();
    await send("sender", { n });
    expect(first(await until("sender sent", n)).value).toHaveLength(2);
    await until("steps three", `${n}-a`);
    await until("steps three", `${n}-b`);
    expect(find("steps one", `${n}-a`)).toHaveLength(1);
  });

  it("step.invoke: gives the other function's result, and throws its error", async () => {
    const n = fresh();
    await send("parent", { n });
    expect(first(await until("parent ends", n)).value).toEqual({
      good: { doubled: 42 },
      bad: expect.stringContaining("the child refuses"),
    });
  });

  it("parallel steps: run at the same time, each once, and are joined", async () => {
    const n = fresh();
    hold(`${n}-a`);
    hold(`${n}-b`);
    await send("parallel", { n });
    await until("parallel begins", `${n}-a`);
    await until("parallel begins", `${n}-b`);
    release(`${n}-a`);
    release(`${n}-b`);
    expect(first(await until("parallel joins", n)).value).toEqual([`${n}-a`, `${n}-b`]);
    expect(find("parallel begins", `${n}-a`)).toHaveLength(1);
  });

  it("retries with back-off: a failing step is tried again, later each time; a finished step is not", async () => {
    const n = fresh();
    await send("retry", { n });
    await until("retry body", n, 1, undefined, 5 * PATIENCE_MS);
    const tries = find("retry flaky", n).map((effect) => effect.at);
    expect(tries).toHaveLength(3);
    const [one = 0, two = 0, three = 0] = tries;
    expect(two - one).toBeGreaterThanOrEqual(500);
    expect(three - two).toBeGreaterThanOrEqual(500);
    expect(find("retry steady", n)).toHaveLength(1);
  });

  it("RetryAfterError: the next attempt is not made before the time it names", async () => {
    const n = fresh();
    await send("retry-after", { n });
    const [one, two] = await until("retryAfter", n, 2);
    expect((two?.at ?? 0) - (one?.at ?? 0)).toBeGreaterThanOrEqual(2_000);
  });

  it("NonRetriableError: the function fails at once, without another attempt", async () => {
    const n = fresh();
    await send("fatal", { n });
    await until("failure", n);
    expect(find("fatal", n)).toHaveLength(1);
  });

  it("onFailure: is called once with the error and the event, when the attempts are used up", async () => {
    const n = fresh();
    await send("exhausted", { n });
    expect(first(await until("failure", n)).value).toBe("never works");
    expect(find("exhausted", n)).toHaveLength(1);
  });

  it("concurrency with a key: one key's run waits for its like, another key's does not", async () => {
    const [a1, a2, b1] = [fresh(), fresh(), fresh()];
    hold(a1);
    await send("lanes", { n: a1, lane: a1 });
    await until("lanes begins", a1);
    await untilQueued(await send("lanes", { n: a2, lane: a1 }));
    await send("lanes", { n: b1, lane: b1 });
    await until("lanes ends", b1);
    expect(find("lanes begins", a2)).toHaveLength(0);
    release(a1);
    await until("lanes ends", a2);
    expect(first(find("lanes begins", a2)).at).toBeGreaterThanOrEqual(first(find("lanes ends", a1)).at);
  });

  it("concurrency over functions: two functions share the limit of a key in the account", async () => {
    const [a, b, free] = [fresh(), fresh(), fresh()];
    hold(a);
    await send("pool-a", { n: a, pool: a });
    await until("pool-a begins", a);
    await untilQueued(await send("pool-b", { n: b, pool: a }));
    await send("pool-b", { n: free, pool: free });
    await until("pool-b ends", free);
    expect(find("pool-b begins", b)).toHaveLength(0);
    release(a);
    await until("pool-b ends", b);
  });

  it("idempotency: a key starts the function once", async () => {
    const [one, two, other] = [fresh(), fresh(), fresh()];
    await send("once", { n: one, order: one });
    await until("once ends", one);
    await send("once", { n: two, order: one });
    await send("once", { n: other, order: other });
    await until("once ends", other);
    expect(find("once begins", two)).toHaveLength(0);
  });

  it("rateLimit: what is over the limit of its key is not run", async () => {
    const [one, two, other] = [fresh(), fresh(), fresh()];
    await send("limited", { n: one, who: one });
    await until("limited ends", one);
    await send("limited", { n: two, who: one });
    await send("limited", { n: other, who: other });
    await until("limited ends", other);
    expect(find("limited begins", two)).toHaveLength(0);
  });

  it("throttle: runs of a key start one after the other, evenly, and none is dropped", async () => {
    const who = fresh();
    const numbers = [fresh(), fresh(), fresh()];
    const sentAt = Date.now();
    for (const n of numbers) await send("throttled", { n, who });
    for (const n of numbers) await until("throttled ends", n);
    const starts = numbers.map((n) => first(find("throttled begins", n)).at).sort((a, b) => a - b);
    const [, two = 0, three = 0] = starts;
    // Each has its own turn. From the sending, as a busy machine may begin one late and the next in time.
    expect(two - sentAt).toBeGreaterThanOrEqual(1_900);
    expect(three - sentAt).toBeGreaterThanOrEqual(3_900);
  });

  it("debounce: the function runs once, with the latest event, after the quiet period", async () => {
    const who = fresh();
    const [one, two, three] = [fresh(), fresh(), fresh()];
    const sentAt = Date.now();
    // In one call, so that no more time can pass between them than the quiet period.
    await target.post([one, two, three].map((n) => ({ name: `${target.appId}/debounced`, data: { n, who } })));
    expect(first(await until("debounced begins", three)).at - sentAt).toBeGreaterThanOrEqual(1_900);
    expect(find("debounced begins", one)).toHaveLength(0);
    expect(find("debounced begins", two)).toHaveLength(0);
  });

  it("debounce with timeout: it runs at the latest then, even while events go on coming", async () => {
    const who = fresh();
    const sent: string[] = [];
    const isRun = (): boolean => sent.some((n) => find("debounced-most begins", n).length > 0);
    const deadline = Date.now() + PATIENCE_MS;
    while (!isRun() && Date.now() < deadline) {
      const pair = [fresh(), fresh()];
      sent.push(...pair);
      await target.post(pair.map((n) => ({ name: `${target.appId}/debounced-most`, data: { n, who } })));
      await pause(300);
    }
    expect(isRun()).toBe(true);
    expect(find("debounced-most begins", sent[0])).toHaveLength(0);
  });

  it("priority: of the runs that wait, the one put forward is first", async () => {
    const [holder, small, big] = [fresh(), fresh(), fresh()];
    hold(holder);
    await send("in-order", { n: holder, plan: "small" });
    await until("in-order begins", holder);
    await untilQueued(await send("in-order", { n: small, plan: "small" }));
    await untilQueued(await send("in-order", { n: big, plan: "big" }));
    release(holder);
    await until("in-order ends", small);
    await until("in-order ends", big);
    expect(first(find("in-order begins", big)).at).toBeLessThanOrEqual(first(find("in-order begins", small)).at);
    expect(recorder.effects.indexOf(first(find("in-order begins", big)))).toBeLessThan(
      recorder.effects.indexOf(first(find("in-order begins", small))),
    );
  });

  it("singleton, skip: while a run is active another one of its key is not started", async () => {
    const [one, two, three, other] = [fresh(), fresh(), fresh(), fresh()];
    hold(one);
    await send("skipping", { n: one, who: one });
    await until("skipping begins", one);
    await send("skipping", { n: two, who: one });
    await send("skipping", { n: other, who: other });
    await until("skipping ends", other);
    release(one);
    await until("skipping ends", one);
    await until("skipping ends", three, 1, () => send("skipping", { n: three, who: one }));
    expect(find("skipping begins", two)).toHaveLength(0);
  });

  it("singleton, cancel: a newer run of the key takes the place of the active one", async () => {
    const [one, two] = [fresh(), fresh()];
    await send("replacing", { n: one, who: one });
    await until("replacing begins", one);
    await send("replacing", { n: two, who: one });
    await until("replacing begins", two);
    await until("replacing ends", two, 1, async () => {
      await send("go", { n: one });
      await send("go", { n: two });
    });
    expect(find("replacing ends", one)).toHaveLength(0);
  });

  it("cancelOn: the matching event ends the run, another one does not", async () => {
    const [one, two] = [fresh(), fresh()];
    await send("cancellable", { n: one });
    await send("cancellable", { n: two });
    await until("cancellable begins", one);
    await until("cancellable begins", two);
    await send("stop", { n: one });
    await untilCancelled("cancellable", one);
    await until("cancellable ends", two, 1, async () => {
      await send("go", { n: one });
      await send("go", { n: two });
    });
    expect(find("cancellable ends", one)).toHaveLength(0);
  });

  it("cancelOn with timeout: after that time the event does not end the run any more", async () => {
    const n = fresh();
    await send("cancellable", { n });
    const begun = first(await until("cancellable begins", n)).at;
    await pause(Math.max(0, begun + 2_500 - Date.now()));
    await send("stop-early", { n });
    await until("cancellable ends", n, 1, () => send("go", { n }));
  });

  it("batching: a run takes as many events of a key as the size allows, and the rest after the timeout", async () => {
    const [who, other] = [fresh(), fresh()];
    const sentAt = Date.now();
    const post = await target.post([1, 2, 3, 4].map((n) => ({ name: `${target.appId}/batch`, data: { n, who } })));
    expect(post.status).toBe(200);
    await send("batch", { n: 9, who: other });
    const [full, rest] = await until("batch", who, 2);
    expect(full?.value).toEqual([1, 2, 3]);
    expect(rest?.value).toEqual([4]);
    expect((rest?.at ?? 0) - sentAt).toBeGreaterThanOrEqual(2_900);
    expect(first(await until("batch", other)).value).toEqual([9]);
  });

  const untilCancelled = async (fn: string, n: string): Promise<void> => {
    const deadline = Date.now() + PATIENCE_MS;
    while (!find("cancelled", `${target.appId}-${fn}`).some((effect) => effect.value === n)) {
      if (Date.now() > deadline) throw new Error(`The run of ${n} was not cancelled`);
      await pause(50);
    }
  };

  it("timeouts.finish: a run that takes too long is cancelled before its next step", async () => {
    const n = fresh();
    const sentAt = Date.now();
    await send("too-long", { n });
    await until("too-long begins", n);
    await untilCancelled("too-long", n);
    expect(Date.now() - sentAt).toBeGreaterThanOrEqual(1_900);
    const control = fresh();
    await send("sleep", { n: control });
    await until("sleep after", control);
    expect(find("too-long ends", n)).toHaveLength(0);
  });

  it("timeouts.start: a run that waits too long for its turn is cancelled and never runs", async () => {
    const [one, two, three] = [fresh(), fresh(), fresh()];
    hold(one);
    await until("too-late begins", one, 1, () => send("too-late", { n: one }));
    await send("too-late", { n: two });
    await untilCancelled("too-late", two);
    release(one);
    await until("too-late ends", one);
    await until("too-late ends", three, 1, () => send("too-late", { n: three }));
    expect(find("too-late begins", two)).toHaveLength(0);
  });

  it("duplicate event ids within 24 hours: the event starts its functions once", async () => {
    const [n, other] = [fresh(), fresh()];
    const id = `${target.appId}-${n}`;
    await Promise.all([send("steps", { n }, id), send("steps", { n }, id)]);
    await until("steps three", n);
    await target.post([
      { name: `${target.appId}/steps`, data: { n }, id },
      { name: `${target.appId}/steps`, data: { n }, id },
    ]);
    await send("steps", { n: other });
    await until("steps three", other);
    expect(find("steps one", n)).toHaveLength(1);
  });

  it("triggers: a name with a star and a condition start the function only for what fits", async () => {
    const [small, big] = [fresh(), fresh()];
    await send("sized/a", { n: small, size: 3 });
    await send("sized/b", { n: big, size: 30 });
    expect(first(await until("sized", big)).value).toBe(`${target.appId}/sized/b`);
    expect(find("sized", small)).toHaveLength(0);
  });

  it("events over plain HTTP: the answer names the event, by which its runs are found", async () => {
    const n = fresh();
    const { status, ids } = await target.post({ name: `${target.appId}/steps`, data: { n } });
    expect(status).toBe(200);
    expect(ids).toHaveLength(1);
    await until("steps three", n);
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const runs = await target.runsOf(ids[0] ?? "");
      if (runs.length === 1 && runs[0]?.status === "Completed") break;
      if (Date.now() > deadline) throw new Error(`The run is not shown as completed: ${JSON.stringify(runs)}`);
      await pause(50);
    }
  });

  it("signatures: the app refuses a call that is not signed with its key", async ({ skip }) => {
    if (!target.signingKey) skip("the server has no signing key");
    const url = `${target.appUrl}?fnId=${target.appId}-steps&stepId=step`;
    const body = JSON.stringify({ event: { name: "x", data: {} }, events: [], steps: {}, ctx: { run_id: "x" } });
    const unsigned = await fetch(url, { method: "POST", body, headers: { "content-type": "application/json" } });
    expect(unsigned.status).toBe(401);
    const signature = `t=${Math.floor(Date.now() / 1_000)}&s=${"0".repeat(64)}`;
    const headers = { "content-type": "application/json", "x-inngest-signature": signature };
    expect((await fetch(url, { method: "POST", body, headers })).status).toBe(401);
  });

  it("event key: a wrong one is refused", async ({ skip }) => {
    if (!target.signingKey) skip("a dev server takes any key");
    const { status } = await target.post({ name: `${target.appId}/steps`, data: { n: "no" } }, "wrong-key");
    expect([400, 401, 403, 404]).toContain(status);
  });
});
