import { randomBytes } from "node:crypto";
import { Client } from "pg";
import { env, SettingError } from "@/server/env";
import { createLog } from "@/server/observability/log";
import { createEngine } from "./engine";
import type { EventInput } from "./events";
import { RefusedConfigError } from "./function-config";
import { createEngineServer } from "./http";
import { copyEnvironment, serveInProcess } from "./in-process";
import type { EngineApp } from "./protocol";

/** The default of the setting: nobody chose a key, so any is taken, from this machine only. */
const UNSET_EVENT_KEY = "local-events";
const DATABASE_WAIT_MS = 60_000;
const DATABASE_RETRY_MS = 250;
const IN_PROCESS_URL = "http://engine.internal/api/inngest";

async function waitForDatabase(connectionString: string): Promise<void> {
  const deadline = Date.now() + DATABASE_WAIT_MS;
  for (;;) {
    const client = new Client({ connectionString, connectionTimeoutMillis: 2_000 });
    client.on("error", () => undefined);
    try {
      await client.connect();
      await client.query("select 1");
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, DATABASE_RETRY_MS));
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}

type Work = { apps: EngineApp[]; wakeSignals: readonly EventInput[]; endWork: () => Promise<void> };

/** The functions in this process, or at the serve addresses of `ENGINE_APP_URLS`. */
async function findWork(port: number, signingKey: string): Promise<Work> {
  const urls = (process.env.ENGINE_APP_URLS ?? "")
    .split(",")
    .map((url) => url.trim())
    .filter((url) => url !== "");
  if (urls.length > 0) return { apps: urls.map((url) => ({ url })), wakeSignals: [], endWork: () => Promise.resolve() };
  // What the client reads for itself: where events go, and the key that proves a call came from this engine.
  process.env.INNGEST_BASE_URL = `http://127.0.0.1:${port}`;
  process.env.INNGEST_SIGNING_KEY = signingKey;
  const [{ inngest }, { functions, wakeSignals, endWork }] = await Promise.all([
    import("@/inngest/client"),
    import("@/inngest/index"),
  ]);
  return {
    apps: [{ url: IN_PROCESS_URL, local: serveInProcess({ client: inngest, functions }) }],
    wakeSignals,
    endWork,
  };
}

async function main(): Promise<void> {
  copyEnvironment();
  const settings = env();
  if (settings.INNGEST_BASE_URL)
    throw new SettingError(
      `INNGEST_BASE_URL names an Inngest server (${settings.INNGEST_BASE_URL}), which runs the functions: the embedded engine does not start beside it. Leave the setting out to use the engine.`,
    );
  const log = createLog({ level: settings.LOG_LEVEL, name: "engine" });
  const end = (code: number): never => process.exit(code);

  const signingKey = settings.INNGEST_SIGNING_KEY ?? `signkey-local-${randomBytes(32).toString("hex")}`;
  await waitForDatabase(settings.DATABASE_URL);
  const { apps, wakeSignals, endWork } = await findWork(settings.ENGINE_PORT, signingKey);
  const engine = createEngine({
    connectionString: settings.DATABASE_URL,
    apps,
    log,
    signingKey,
    signingKeyFallback: settings.INNGEST_SIGNING_KEY_FALLBACK,
    // Without its database an engine is nothing: it ends, and the supervisor starts it anew.
    onFatal: () => end(1),
  });
  const server = createEngineServer({
    engine,
    log,
    eventKey: settings.INNGEST_EVENT_KEY === UNSET_EVENT_KEY ? undefined : settings.INNGEST_EVENT_KEY,
    signingKey: settings.INNGEST_SIGNING_KEY,
    signingKeyFallback: settings.INNGEST_SIGNING_KEY_FALLBACK,
  });

  let isEnding = false;
  const shutDown = async (): Promise<void> => {
    if (isEnding) return;
    isEnding = true;
    server.close();
    // Side by side: a step that waits for webhooks ends when they do.
    const ends = await Promise.allSettled([engine.stop(), endWork()]);
    for (const result of ends) {
      if (result.status === "rejected") log.error({ error: result.reason }, "The engine did not end cleanly");
    }
    end(0);
  };
  process.on("SIGTERM", () => void shutDown());
  process.on("SIGINT", () => void shutDown());

  await engine.start();
  server.on("error", (error) => {
    log.error({ error }, `The engine cannot listen on port ${settings.ENGINE_PORT}`);
    end(1);
  });
  server.listen(settings.ENGINE_PORT, "127.0.0.1", () =>
    log.info({ port: settings.ENGINE_PORT }, "The engine listens"),
  );
  await engine.send(wakeSignals);
}

main().catch((error: unknown) => {
  const message =
    error instanceof SettingError || error instanceof RefusedConfigError
      ? error.message
      : String(error instanceof Error ? error.stack : error);
  process.stderr.write(`${message}\n`);
  process.exit(1);
});
