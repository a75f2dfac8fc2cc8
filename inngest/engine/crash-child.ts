import { Inngest } from "inngest";
import { serve } from "inngest/edge";
import { Pool } from "pg";
import { createLog } from "@/server/observability/log";
import { createEngine } from "./engine";
import { createEngineServer } from "./http";

/**
 * The process that the crash test kills: an engine with three functions whose effects are rows in the table `effects`.
 * Arguments: database address, port.
 */
const [databaseUrl = "", port = "0"] = process.argv.slice(2);
const log = createLog({ level: process.env.ENGINE_TEST_LOG ?? "silent", name: "engine" });
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const inngest = new Inngest({ id: "crash", isDev: true, baseUrl: `http://127.0.0.1:${port}`, logger: quiet });
const pool = new Pool({ connectionString: databaseUrl, max: 4 });
pool.on("error", () => process.exit(1));

/** An effect that is idempotent by its key, as ours towards Klarna are; `times` counts how often it was asked for. */
const effect = async (key: string): Promise<string> => {
  await pool.query("insert into effects (key) values ($1) on conflict (key) do update set times = effects.times + 1", [
    key,
  ]);
  return key;
};

const functions = [
  inngest.createFunction({ id: "two-steps", triggers: [{ event: "crash/start" }] }, async ({ event, step }) => {
    await step.run("one", () => effect(`${event.data.n}:one`));
    await step.run("two", () => effect(`${event.data.n}:two`));
    await step.sendEvent("tell", { name: "crash/told", data: { n: event.data.n }, id: `told-${event.data.n}` });
  }),
  inngest.createFunction({ id: "told", triggers: [{ event: "crash/told" }] }, async ({ event, step }) => {
    await Promise.all(["x", "y"].map((name) => step.run(name, () => effect(`${event.data.n}:${name}`))));
  }),
  inngest.createFunction({ id: "sleeper", triggers: [{ event: "crash/start" }] }, async ({ event, step }) => {
    await step.sleep("nap", "1s");
    await step.run("after", () => effect(`${event.data.n}:after`));
  }),
];

const engine = createEngine({
  connectionString: databaseUrl,
  apps: [{ url: "http://engine.internal/api/inngest", handler: serve({ client: inngest, functions }) }],
  log,
  onFatal: () => process.exit(1),
});
await engine.start();
process.on("SIGTERM", () => void engine.stop().then(() => process.exit(0)));
createEngineServer({ engine, log }).listen(Number(port), "127.0.0.1", () => process.stdout.write("ready\n"));
