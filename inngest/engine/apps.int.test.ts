import { createServer, type Server } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { Inngest } from "inngest";
import { serve as serveEdge } from "inngest/edge";
import { serve as serveNode } from "inngest/node";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLog } from "@/server/observability/log";
import { type TestDatabase, testDatabase } from "@/server/testing/database";
import { createEngine, type Engine } from "./engine";
import { createEngineServer } from "./http";

const SIGNING_KEY = "signkey-test-0123456789abcdef0123456789abcdef";
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const log = createLog({ level: process.env.ENGINE_TEST_LOG ?? "silent", name: "engine" });

let database: TestDatabase;
let pool: Pool;

beforeAll(async () => {
  database = await testDatabase();
  pool = new Pool({ connectionString: database.url, max: 2 });
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("No port");
  return `http://127.0.0.1:${address.port}`;
}

async function untilEnded(
  fnId: string,
  count = 1,
): Promise<Array<{ status: string; output: unknown; error: unknown }>> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; ) {
    const { rows } = await pool.query(
      "select status, output, error from engine.runs where fn_id = $1 and ended_at is not null order by id",
      [fnId],
    );
    if (rows.length >= count) return rows;
    await pause(20);
  }
  throw new Error(`No end of ${fnId}`);
}

const newEngine = (
  apps: Parameters<typeof createEngine>[0]["apps"],
  signingKey?: string,
  signingKeyFallback?: string,
): Engine =>
  createEngine({
    connectionString: database.url,
    apps,
    log,
    signingKey,
    signingKeyFallback,
    backoffMs: () => 50,
    pollIntervalMs: 50,
  });

describe("apps", () => {
  it("calls functions of another process by their address, each request signed, and refuses calls with another key", async () => {
    const client = new Inngest({
      id: "remote",
      isDev: false,
      signingKey: SIGNING_KEY,
      eventKey: "events-key",
      baseUrl: "http://127.0.0.1:1",
      logger: quiet,
    });
    const fn = client.createFunction({ id: "hello", triggers: [{ event: "remote/hello" }] }, async ({ event, step }) =>
      step.run("greet", () => `hello ${event.data.name} ünïcode 👋`),
    );
    const app = createServer(serveNode({ client, functions: [fn] }));
    const url = `${await listen(app)}/api/inngest`;
    const engine = newEngine([{ url }], SIGNING_KEY);
    await engine.start();
    try {
      await engine.send([{ name: "remote/hello", data: { name: "wörld", z: 1, a: { c: 1.5e21, b: [null, -0] } } }]);
      expect(await untilEnded("remote-hello")).toMatchObject([
        { status: "completed", output: "hello wörld ünïcode 👋" },
      ]);
      const wrong = newEngine([{ url }], "signkey-test-ffffffffffffffffffffffffffffffff");
      await expect(wrong.start()).rejects.toThrow(/401/);
      await wrong.stop();
      // While keys are changed: the app was not restarted yet, the engine has the new key and knows the old one.
      await engine.stop();
      const changed = newEngine([{ url }], "signkey-test-ffffffffffffffffffffffffffffffff", SIGNING_KEY);
      await changed.start();
      await changed.send([{ name: "remote/hello", data: { name: "again" } }]);
      expect(await untilEnded("remote-hello", 2)).toMatchObject([
        { status: "completed" },
        { status: "completed", output: "hello again ünïcode 👋" },
      ]);
      await changed.stop();
    } finally {
      await engine.stop();
      app.close();
      app.closeAllConnections();
    }
  });

  it("enforces the event key and the signing key when they are given", async () => {
    const client = new Inngest({ id: "keys", isDev: true, logger: quiet });
    const fn = client.createFunction({ id: "noop", triggers: [{ event: "keys/noop" }] }, async () => null);
    const engine = newEngine(
      [{ url: "http://engine.internal/api/inngest", handler: serveEdge({ client, functions: [fn] }) }],
      SIGNING_KEY,
    );
    const server = createEngineServer({ engine, log, eventKey: "the-right-key", signingKey: SIGNING_KEY });
    const url = await listen(server);
    await engine.start();
    const body = JSON.stringify({ name: "keys/noop", data: {} });
    expect((await fetch(`${url}/e/another-key`, { method: "POST", body })).status).toBe(401);
    expect((await fetch(`${url}/e/the-right-key`, { method: "POST", body })).status).toBe(200);
    expect((await fetch(`${url}/v1/runs`)).status).toBe(401);
    expect((await fetch(`${url}/v1/runs`, { headers: { authorization: `Bearer ${SIGNING_KEY}` } })).status).toBe(200);
    server.close();
    server.closeAllConnections();
    await engine.stop();
  });

  it("lets a step in flight end when it stops, and the next engine goes on behind it", async () => {
    const effects: string[] = [];
    const client = new Inngest({ id: "stopping", isDev: true, logger: quiet });
    const fn = client.createFunction({ id: "slow", triggers: [{ event: "stopping/slow" }] }, async ({ step }) => {
      await step.run("slow", async () => {
        effects.push("begun");
        await pause(400);
        effects.push("ended");
      });
      await step.run("next", () => effects.push("next"));
    });
    const apps = [{ url: "http://engine.internal/api/inngest", handler: serveEdge({ client, functions: [fn] }) }];
    const first = newEngine(apps);
    await first.start();
    await first.send([{ name: "stopping/slow", data: {} }]);
    while (effects.length === 0) await pause(5);
    await first.stop();
    expect(effects).toEqual(["begun", "ended"]);
    const second = newEngine(apps);
    await second.start();
    expect(await untilEnded("stopping-slow")).toMatchObject([{ status: "completed" }]);
    expect(effects).toEqual(["begun", "ended", "next"]);
    await second.stop();
  });

  it("gives up when its database connections are cut, so that its owner restarts it", async () => {
    const client = new Inngest({ id: "cut", isDev: true, logger: quiet });
    const fn = client.createFunction({ id: "noop", triggers: [{ event: "cut/noop" }] }, async () => null);
    let onFatal: (error: Error) => void = () => undefined;
    const fatal = new Promise<Error>((resolve) => {
      onFatal = resolve;
    });
    const engine = createEngine({
      connectionString: database.url,
      apps: [{ url: "http://engine.internal/api/inngest", handler: serveEdge({ client, functions: [fn] }) }],
      log,
      onFatal,
    });
    await engine.start();
    await pool.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'engine%'");
    expect(await fatal).toBeInstanceOf(Error);
    await engine.stop(1_000);
  });
});
