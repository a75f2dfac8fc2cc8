import { createServer } from "node:http";
import { Inngest } from "inngest";
import { serve as serveEdge } from "inngest/edge";
import { serve as serveNode } from "inngest/node";
import { Pool } from "pg";
import { createLog } from "@/server/observability/log";
import { createEngine } from "./engine";
import { createEngineServer } from "./http";

/*
 * A process that tests kill, stop and continue. Its functions' effects are rows of the table `effects`.
 *
 * `app <database> <port> <engine port>`: the functions, served over HTTP; the engine is another process.
 * `engine <database> <port> <name> <lease ms>`: an engine with the functions inside. Each call of a function is a row of the
 * table `calls`, from its start to its end. It stays when it was given up, so that its late writes can be seen to fail.
 */
const [role = "", databaseUrl = "", port = "0", other = "", leaseMs = "0"] = process.argv.slice(2);
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const inngest = new Inngest({
  id: "crash",
  isDev: role === "engine",
  baseUrl: `http://127.0.0.1:${role === "app" ? other : port}`,
  eventKey: "local-events",
  signingKey: process.env.INNGEST_SIGNING_KEY,
  logger: quiet,
});
const pool = new Pool({ connectionString: databaseUrl, max: 6 });
pool.on("error", () => process.exit(1));

/** An effect that is idempotent by its key, as ours towards Klarna are; `times` counts how often it was asked for. */
const effect = async (key: string): Promise<string> => {
  await pool.query("insert into effects (key) values ($1) on conflict (key) do update set times = effects.times + 1", [
    key,
  ]);
  return role === "engine" ? other : key;
};

const retries = 20;
const functions = [
  inngest.createFunction(
    { id: "two-steps", retries, triggers: [{ event: "crash/start" }] },
    async ({ event, step }) => {
      await step.run("one", () => effect(`${event.data.n}:one`));
      await step.run("two", () => effect(`${event.data.n}:two`));
      await step.sendEvent("tell", { name: "crash/told", data: { n: event.data.n }, id: `told-${event.data.n}` });
    },
  ),
  inngest.createFunction({ id: "told", retries, triggers: [{ event: "crash/told" }] }, async ({ event, step }) => {
    await Promise.all(["x", "y"].map((name) => step.run(name, () => effect(`${event.data.n}:${name}`))));
  }),
  inngest.createFunction({ id: "sleeper", retries, triggers: [{ event: "crash/start" }] }, async ({ event, step }) => {
    await step.sleep("nap", "1s");
    await step.run("after", () => effect(`${event.data.n}:after`));
  }),
  inngest.createFunction({ id: "slow", retries, triggers: [{ event: "shared/slow" }] }, async ({ event, step }) => {
    for (const name of ["one", "two", "three"])
      await step.run(name, async () => {
        const by = await effect(`${event.data.n}:${name}`);
        await pause(event.data.ms ?? 20);
        return by;
      });
  }),
  inngest.createFunction({ id: "due", retries, triggers: [{ event: "shared/due" }] }, async ({ event, step }) => {
    await step.sleep("nap", "1h");
    await step.run("act", () => effect(`${event.data.n}:due`));
  }),
];

if (role === "app") {
  createServer(serveNode({ client: inngest, functions })).listen(Number(port), "127.0.0.1");
} else {
  // The queue ends the process when its connections are closed under it; this one is to show what it would still write.
  process.on("uncaughtException", (error) => process.stdout.write(`${error.message}\n`));
  const handler = serveEdge({ client: inngest, functions });
  const engine = createEngine({
    connectionString: databaseUrl,
    apps: [
      {
        url: "http://engine.internal/api/inngest",
        handler: async (request) => {
          const run = request.headers.get("x-run-id");
          if (run === null) return handler(request);
          const { rows } = await pool.query<{ id: string }>({
            name: "call",
            text: "insert into calls (engine, run_id, started_at) values ($1, $2, clock_timestamp()) returning id",
            values: [other, run],
          });
          try {
            return await handler(request);
          } finally {
            await pool.query({
              name: "called",
              text: "update calls set ended_at = clock_timestamp() where id = $1",
              values: [rows[0]?.id],
            });
          }
        },
      },
    ],
    log: createLog({ level: process.env.ENGINE_TEST_LOG ?? "silent", name: other }),
    leaseMs: Number(leaseMs),
    onFatal: (error) => process.stdout.write(`${error.message}\n`),
  });
  await engine.start();
  createEngineServer({ engine, log: createLog({ level: "silent", name: other }) }).listen(Number(port), "127.0.0.1");
}
