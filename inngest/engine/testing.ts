import type { Server } from "node:http";
import { Inngest } from "inngest";
import { createLog } from "@/server/observability/log";
import { createEngine, type Engine, type EngineOptions } from "./engine";
import { createEngineServer } from "./http";
import { serveInProcess } from "./in-process";

export type TestEngine = Readonly<{
  engine: Engine;
  inngest: Inngest;
  url: string;
  /** Resolves with the run of this function (the newest) once it has ended. */
  ended: (functionId: string, count?: number) => Promise<EndedRun[]>;
  close: () => Promise<void>;
}>;

export type EndedRun = { id: string; status: string; output: unknown; error: unknown };

type Functions = Parameters<typeof serveInProcess>[0]["functions"];

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (address === null || typeof address === "string") reject(new Error("No port"));
      else resolve(address.port);
    });
  });
}

/** An engine in this process with the functions that `define` makes, reachable over HTTP. */
export async function startTestEngine(
  input: Readonly<{ databaseUrl: string; define: (inngest: Inngest) => Functions; options?: Partial<EngineOptions> }>,
): Promise<TestEngine> {
  const log = createLog({ level: process.env.ENGINE_TEST_LOG ?? "silent", name: "engine" });
  const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  // The address is known only once the server listens, which needs the engine: the client reads it through its own fetch.
  let port = 0;
  const inngest = new Inngest({
    id: "test",
    isDev: true,
    baseUrl: "http://127.0.0.1:1",
    logger: quiet,
    fetch: (target, init) =>
      fetch(
        String(target instanceof Request ? target.url : target).replace("127.0.0.1:1/", `127.0.0.1:${port}/`),
        init,
      ),
  });
  const engine = createEngine({
    connectionString: input.databaseUrl,
    apps: [
      {
        url: "http://engine.internal/api/inngest",
        local: serveInProcess({ client: inngest, functions: input.define(inngest) }),
      },
    ],
    log,
    backoffMs: (attempt) => attempt * 20,
    pollIntervalMs: 50,
    ...input.options,
  });
  const server = createEngineServer({ engine, log });
  port = await listen(server);
  await engine.start();
  return {
    engine,
    inngest,
    url: `http://127.0.0.1:${port}`,
    ended: async (functionId, count = 1) => {
      const deadline = Date.now() + 60_000;
      for (;;) {
        const { rows } = await engine.pool.query<EndedRun>(
          "select id, status, output, error from engine.runs where fn_id = $1 and ended_at is not null order by id",
          [`test-${functionId}`],
        );
        if (rows.length >= count) return rows;
        if (Date.now() > deadline) throw new Error(`Only ${rows.length} of ${count} runs of ${functionId} ended`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    close: async () => {
      server.close();
      server.closeAllConnections();
      await engine.stop();
    },
  };
}
