import { NonRetriableError } from "inngest";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { createLog } from "@/server/observability/log";
import { type TestDatabase, testDatabase } from "@/server/testing/database";
import { createEngineServer } from "./http";
import { startTestEngine, type TestEngine } from "./testing";

let database: TestDatabase;
let test: TestEngine;
let tries = 0;

const RunSchema = z.looseObject({
  id: z.string(),
  status: z.string(),
  cause: z.looseObject({ kind: z.string(), event_name: z.string().nullable() }),
});
const ListSchema = z.object({ data: z.array(RunSchema), next: z.string().nullable() });
const get = async (path: string): Promise<{ status: number; body: unknown }> => {
  const answer = await fetch(`${test.url}${path}`);
  return { status: answer.status, body: await answer.json() };
};
const list = async (query: string) => ListSchema.parse((await get(`/v1/runs?${query}`)).body);

beforeAll(async () => {
  database = await testDatabase();
  test = await startTestEngine({
    databaseUrl: database.url,
    define: (inngest) => {
      const child = inngest.createFunction({ id: "child", triggers: [{ event: "i/never" }] }, async () => "child");
      return [
        child,
        inngest.createFunction({ id: "plain", triggers: [{ event: "i/plain" }] }, async ({ event }) => event.data.n),
        inngest.createFunction({ id: "rich", retries: 2, triggers: [{ event: "i/rich" }] }, async ({ step }) => {
          await step.run("flaky", () => {
            tries += 1;
            if (tries < 3) throw new Error(`try ${tries}`);
            return "x".repeat(40_000);
          });
          await step.invoke("call", { function: child, data: {} });
          throw new NonRetriableError("in the end");
        }),
        inngest.createFunction(
          { id: "single", triggers: [{ event: "i/single" }], singleton: { mode: "skip" } },
          async ({ step }) => {
            await step.sleep("on", "1h");
          },
        ),
      ];
    },
  });
});

afterAll(async () => {
  await test.close();
  await database.drop();
});

describe("runs over HTTP", () => {
  it("lists runs newest first, page by page, by status, function, app, event and time", async () => {
    for (let n = 0; n < 5; n += 1) await test.inngest.send({ name: "i/plain", data: { n } });
    await test.ended("plain", 5);
    const first = await list("function_id=test-plain&limit=3");
    const second = await list(`function_id=test-plain&limit=3&before=${first.next}`);
    expect(first.data).toHaveLength(3);
    expect(second.data).toHaveLength(2);
    expect(second.next).toBeNull();
    const ids = [...first.data, ...second.data].map((run) => run.id);
    expect(ids).toEqual([...ids].sort().reverse());
    expect((await list("status=completed&app_id=test&event_name=i/plain")).data).toHaveLength(5);
    expect((await list("app_id=other")).data).toHaveLength(0);
    expect((await list("status=failed&function_id=test-plain")).data).toHaveLength(0);
    const soon = new Date(Date.now() + 60_000).toISOString();
    expect((await list(`from=${soon}`)).data).toHaveLength(0);
    expect((await list(`until=${soon}&function_id=test-plain`)).data).toHaveLength(5);
    expect((await get("/v1/runs?from=yesterday")).status).toBe(400);
    expect((await get("/v1/runs?limit=1000")).status).toBe(400);
  });

  it("shows a run step by step: every failed attempt, what is too long cut, children and causes", async () => {
    await test.inngest.send({ name: "i/rich", data: {} });
    await test.ended("rich");
    const [found] = (await list("function_id=test-rich")).data;
    expect(found).toMatchObject({
      status: "failed",
      function_name: "rich",
      app_id: "test",
      error_message: "in the end",
      cause: { kind: "event", event_name: "i/rich", events: 1, cron: null, parent_run: null },
    });
    const { body } = await get(`/v1/runs/${found?.id}`);
    const [child] = (await list("function_id=test-child")).data;
    expect(child?.cause).toMatchObject({
      kind: "invoke",
      parent_run: found?.id,
      event_name: "inngest/function.invoked",
    });
    expect(body).toMatchObject({
      data: {
        error: { message: "in the end" },
        events: [{ name: "i/rich", data: {} }],
        steps: [
          {
            name: "flaky",
            status: "done",
            attempt: 2,
            data: { cut: true, length: 40_002, start: expect.stringMatching(/^"xxx/) },
            failed_attempts: [
              { attempt: 0, error: { message: "try 1" } },
              { attempt: 1, error: { message: "try 2" } },
            ],
          },
          {
            name: "call",
            op: "InvokeFunction",
            status: "done",
            data: "child",
            child_run: child?.id,
            failed_attempts: [],
          },
        ],
      },
    });
    const replay = await fetch(`${test.url}/v1/runs/${found?.id}/replay`, { method: "POST" });
    expect(replay.status).toBe(201);
    await test.ended("rich", 2);
    expect((await list("function_id=test-rich")).data[0]?.cause).toMatchObject({
      kind: "replay",
      replay_of: found?.id,
    });
  });

  it("shows an event, the runs it started in Inngest's words, and what it did not start and why", async () => {
    const { ids } = await test.inngest.send([
      { name: "i/single", data: {}, id: "mine-1" },
      { name: "i/single", data: {}, id: "mine-2" },
    ]);
    expect((await get(`/v1/events/${ids[0]}`)).body).toMatchObject({ data: { id: "mine-1", name: "i/single" } });
    expect((await get(`/v1/events/mine-1/runs`)).body).toMatchObject({
      data: [{ function_id: "test-single", status: "Running", event_id: ids[0], run_id: expect.any(String) }],
      skipped: [],
    });
    expect((await get(`/v1/events/${ids[1]}/runs`)).body).toMatchObject({
      data: [],
      skipped: [{ function_id: "test-single", reason: "singleton" }],
    });
    expect((await get("/v1/events/unknown/runs")).status).toBe(404);
    const [active] = (await list("function_id=test-single")).data;
    const replay = await fetch(`${test.url}/v1/runs/${active?.id}/replay`, { method: "POST" });
    expect(replay.status).toBe(409);
    expect((await fetch(`${test.url}/v1/runs/${active?.id}`, { method: "DELETE" })).status).toBe(200);
    expect((await get(`/v1/runs/${active?.id}`)).body).toMatchObject({
      data: { status: "cancelled", error: { message: "Somebody cancelled it" } },
    });
  });

  it("says of an Inngest server's other endpoints that they are not supported, instead of 404", async () => {
    for (const path of ["/v1/signals", "/v1/realtime/publish", "/v1/checkpoint", "/v1/cancellations", "/fn/register"]) {
      const answer = await fetch(`${test.url}${path}`, { method: "POST", body: "{}" });
      expect(answer.status).toBe(501);
      expect(await answer.text()).toContain("not supported by the embedded engine");
    }
    const event = { name: "i/plain", data: {}, meta: { sessions: { chat: "1" } } };
    const sent = await fetch(`${test.url}/e/key`, { method: "POST", body: JSON.stringify(event) });
    expect(sent.status).toBe(400);
    expect(await sent.text()).toContain("sessions are not supported");
  });

  it("takes the fallback signing key as well while keys are changed, and no other", async () => {
    const [key, fallback] = [`signkey-test-${"a1".repeat(16)}`, `signkey-test-${"b2".repeat(16)}`];
    const log = createLog({ level: "silent", name: "engine" });
    const server = createEngineServer({ engine: test.engine, log, signingKey: key, signingKeyFallback: fallback });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = address !== null && typeof address === "object" ? address.port : 0;
    const statusWith = async (token: string): Promise<number> =>
      (await fetch(`http://127.0.0.1:${port}/v1/runs`, { headers: { authorization: `Bearer ${token}` } })).status;
    expect(await statusWith(key)).toBe(200);
    expect(await statusWith(fallback)).toBe(200);
    expect(await statusWith(`signkey-test-${"c3".repeat(16)}`)).toBe(401);
    server.close();
    server.closeAllConnections();
  });
});
