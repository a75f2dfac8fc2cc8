import { createHash, randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import { Inngest } from "inngest";
import { serve } from "inngest/node";
import { z } from "zod";
import { createLog } from "@/server/observability/log";
import { createEngine } from "./engine";
import { createEngineServer } from "./http";

/**
 * What the conformance suite runs against: an Inngest server whose address is given, or the embedded engine.
 *
 * `INNGEST_CONFORMANCE_URL` is the server; `INNGEST_EVENT_KEY` and `INNGEST_SIGNING_KEY` are its keys (none for a dev server);
 * `INNGEST_CONFORMANCE_APP_HOST` and `INNGEST_CONFORMANCE_APP_PORT` say where that server reaches this process
 * (127.0.0.1 and a free port without).
 */
export type Target = Readonly<{
  isEmbedded: boolean;
  client: Inngest;
  appId: string;
  appUrl: string;
  /** The functions are served and known to the server after this. */
  start: (functions: Parameters<typeof serve>[0]["functions"]) => Promise<void>;
  /** Plain HTTP: posts events to `/e/<key>`; answers status and ids. */
  post: (events: unknown, key?: string) => Promise<{ status: number; ids: string[] }>;
  /** `GET /v1/events/<id>/runs`: the functions that the event started. */
  runsOf: (eventId: string) => Promise<Array<{ runId: string; status: string }>>;
  signingKey: string | undefined;
  close: () => Promise<void>;
}>;

const SentSchema = z.looseObject({ ids: z.array(z.string()).default([]) });
const RunsSchema = z.looseObject({
  data: z.array(z.looseObject({ run_id: z.string(), status: z.string() })).nullish(),
});
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
}

/** A signing key as it is sent to the API: hashed, with its prefix. */
function bearerOf(signingKey: string): string {
  const prefix = /^signkey-\w+-/.exec(signingKey)?.[0] ?? "";
  const hash = createHash("sha256").update(Buffer.from(signingKey.slice(prefix.length), "hex"));
  return `${prefix}${hash.digest("hex")}`;
}

/** `databaseUrl` is for the embedded engine. */
export async function createTarget(
  input: Readonly<{ databaseUrl: string; findFreePort: () => Promise<number> }>,
): Promise<Target> {
  const { findFreePort } = input;
  const given = process.env.INNGEST_CONFORMANCE_URL;
  const isEmbedded = !given;
  const url = given ?? `http://127.0.0.1:${await findFreePort()}`;
  const eventKey = given ? (process.env.INNGEST_EVENT_KEY ?? "conformance") : randomBytes(12).toString("hex");
  const signingKey = given ? process.env.INNGEST_SIGNING_KEY : `signkey-test-${randomBytes(32).toString("hex")}`;
  const host = process.env.INNGEST_CONFORMANCE_APP_HOST ?? "127.0.0.1";
  const appPort = Number(process.env.INNGEST_CONFORMANCE_APP_PORT ?? (await findFreePort()));
  const appUrl = `http://${host}:${appPort}/api/inngest`;
  const appId = `conformance-${randomBytes(4).toString("hex")}`;
  const client = new Inngest({
    id: appId,
    baseUrl: url,
    eventKey,
    ...(signingKey ? { signingKey } : {}),
    isDev: signingKey === undefined,
    logger: quiet,
  });

  let app: Server | null = null;
  const closing: Array<() => Promise<unknown>> = [];

  const startEmbedded = async (): Promise<void> => {
    const log = createLog({ level: process.env.ENGINE_TEST_LOG ?? "silent", name: "engine" });
    const engine = createEngine({ connectionString: input.databaseUrl, apps: [{ url: appUrl }], log, signingKey });
    const server = createEngineServer({ engine, log, eventKey, signingKey });
    await listen(server, Number(new URL(url).port), "127.0.0.1");
    closing.push(async () => {
      server.close();
      server.closeAllConnections();
      await engine.stop();
    });
    await engine.start();
  };

  return {
    isEmbedded,
    client,
    appId,
    appUrl,
    signingKey,
    start: async (functions) => {
      app = createServer(serve({ client, functions, serveOrigin: new URL(appUrl).origin, servePath: "/api/inngest" }));
      await listen(app, appPort, given ? "0.0.0.0" : "127.0.0.1");
      // The embedded engine syncs when it starts; an Inngest server is told by the app, which a PUT asks for that.
      if (isEmbedded) return startEmbedded();
      const answer = await fetch(appUrl, { method: "PUT" });
      if (!answer.ok) throw new Error(`The functions were not registered: ${answer.status} ${await answer.text()}`);
    },
    post: async (events, key = eventKey) => {
      const answer = await fetch(`${url}/e/${key}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(events),
      });
      const body = SentSchema.safeParse(await answer.json().catch(() => ({})));
      return { status: answer.status, ids: body.success ? body.data.ids : [] };
    },
    runsOf: async (eventId) => {
      const headers = new Headers(signingKey ? { authorization: `Bearer ${bearerOf(signingKey)}` } : {});
      const answer = await fetch(`${url}/v1/events/${eventId}/runs`, { headers });
      if (!answer.ok) return [];
      return (RunsSchema.parse(await answer.json()).data ?? []).map((run) => ({
        runId: run.run_id,
        status: run.status,
      }));
    },
    close: async () => {
      for (const close of closing.reverse()) await close();
      app?.close();
      app?.closeAllConnections();
    },
  };
}
