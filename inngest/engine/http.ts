import { createHash, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { z } from "zod";
import type { Log } from "@/server/observability/log";
import type { Engine } from "./engine";
import { EventInputSchema } from "./events";
import type { EngineFunction } from "./function-config";
import { listEventRuns, listRuns, RunFilterSchema, readEvent, readRun, readStats } from "./inspect";
import { EngineConflictError } from "./starts";
import { isUnkeepable } from "./store";

const BODY_BYTES_MAX = 5 * 1024 * 1024;
const EventsSchema = z.array(EventInputSchema).max(5_000);

export type EngineServerOptions = Readonly<{
  engine: Engine;
  log: Log;
  /** Given: only this key may send events. Left out: anyone on this machine may. */
  eventKey?: string | undefined;
  /** Given: the run API wants it as a bearer token, as it is or hashed. */
  signingKey?: string | undefined;
  /** Taken as well as the signing key, while keys are changed. */
  signingKeyFallback?: string | undefined;
}>;

/** What an Inngest server offers and this engine does not: said so, because the SDK takes 404 for an answer. */
const UNSUPPORTED: ReadonlyArray<[RegExp, string]> = [
  [/^\/v1\/signals/, "Signals (step.sendSignal)"],
  [/^\/v1\/realtime/, "Realtime (publish and subscribe)"],
  [/^\/v1\/checkpoint/, "Checkpointing"],
  [/^\/v1\/http/, "Durable endpoints"],
  [/^\/v1\/runs\/[^/]+\/metadata/, "Run metadata"],
  [/^\/v1\/cancellations/, "Cancelling by an expression (cancel runs one by one instead)"],
  [/^\/fn\/register/, "Registration by the app (the engine reads the functions itself when it starts)"],
  [/^\/v0\/connect/, "Connect"],
];

class HttpError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

function isSame(given: string, wanted: string): boolean {
  const hash = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(given), hash(wanted));
}

/** A signing key as the SDK sends it: its prefix, then the SHA-256 of the rest read as hexadecimal. */
function hashSigningKey(key: string): string {
  const prefix = /^signkey-\w+-/.exec(key)?.[0] ?? "";
  return `${prefix}${createHash("sha256")
    .update(Buffer.from(key.slice(prefix.length), "hex"))
    .digest("hex")}`;
}

/** The names of the settings that limit, gather or put off the runs of a function. */
function flowControlOf(fn: EngineFunction): string[] {
  const settings: ReadonlyArray<[string, boolean]> = [
    ["concurrency", fn.concurrency.length > 0],
    ["idempotency", fn.idempotency !== null],
    ["batchEvents", fn.batch !== null],
    ["rateLimit", fn.rateLimit !== null],
    ["throttle", fn.throttle !== null],
    ["debounce", fn.debounce !== null],
    ["singleton", fn.singleton !== null],
    ["priority", fn.priority !== null],
    ["timeouts", fn.timeouts.startMs !== null || fn.timeouts.finishMs !== null],
    ["cancelOn", fn.cancel.length > 0],
  ];
  return settings.filter(([, isSet]) => isSet).map(([name]) => name);
}

/** One part of a path as it was meant. */
function decodePart(part: string): string {
  try {
    const text = decodeURIComponent(part);
    if (!text.includes("\u0000")) return text;
  } catch {
    // Not an encoding: said below.
  }
  throw new HttpError(400, "The address cannot be read");
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const buffer = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
    bytes += buffer.length;
    if (bytes > BODY_BYTES_MAX) throw new HttpError(413, "The body is larger than 5 MB");
    chunks.push(buffer);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
    "cache-control": "no-store",
  });
  response.end(text);
}

/** The engine's HTTP side: events in, runs out. Meant for loopback. */
export function createEngineServer(options: EngineServerOptions): Server {
  const { engine, log } = options;

  const receiveEvents = async (request: IncomingMessage, key: string): Promise<unknown> => {
    if (options.eventKey !== undefined && !isSame(key, options.eventKey))
      throw new HttpError(401, "The event key is not known");
    // A page in somebody's browser must not be able to send events to this machine.
    if (options.eventKey === undefined && request.headers.origin !== undefined)
      throw new HttpError(403, "Browsers may not send events");
    if (!engine.isRunning()) throw new HttpError(503, "The engine is stopping");
    const text = await readBody(request);
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      throw new HttpError(400, "The body is not JSON");
    }
    const events = EventsSchema.safeParse(Array.isArray(json) ? json : [json]);
    if (!events.success) throw new HttpError(400, z.prettifyError(events.error));
    const seed = request.headers["x-inngest-event-id-seed"];
    try {
      return { ids: await engine.send(events.data, typeof seed === "string" ? seed : undefined), status: 200 };
    } catch (error) {
      if (error instanceof RangeError || isUnkeepable(error))
        throw new HttpError(400, `The events cannot be kept: ${error.message}`);
      throw error;
    }
  };

  const mayRead = (request: IncomingMessage): void => {
    if (options.signingKey === undefined) {
      if (request.headers.origin !== undefined && request.method !== "GET")
        throw new HttpError(403, "Browsers may not steer runs");
      return;
    }
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
    const keys = [options.signingKey, options.signingKeyFallback].filter((key) => key !== undefined);
    if (!keys.some((key) => isSame(token, key) || isSame(token, hashSigningKey(key))))
      throw new HttpError(401, "The signing key is missing or wrong");
  };

  const route = async (request: IncomingMessage): Promise<{ status: number; body: unknown }> => {
    const url = new URL(request.url ?? "/", "http://engine.internal");
    const parts = url.pathname.split("/").filter((part) => part !== "");
    const { method } = request;
    if (method === "POST" && parts[0] === "e" && parts.length <= 2)
      return { status: 200, body: await receiveEvents(request, decodePart(parts[1] ?? "")) };
    if (method === "GET" && url.pathname === "/health") {
      const isUp = engine.isRunning();
      if (isUp) await engine.pool.query("select 1");
      return { status: isUp ? 200 : 503, body: { status: isUp ? "running" : "stopping" } };
    }
    if (method === "GET" && parts.length === 0)
      return {
        status: 200,
        body: {
          kind: "tillgate embedded engine",
          apps: engine.appIds(),
          function_count: engine.functions().length,
          has_event_key: options.eventKey !== undefined,
          has_signing_key: options.signingKey !== undefined,
        },
      };
    const unsupported = UNSUPPORTED.find(([path]) => path.test(url.pathname));
    if (unsupported) throw new HttpError(501, `${unsupported[1]}: not supported by the embedded engine`);
    if (parts[0] !== "v1") throw new HttpError(404, "There is nothing here");
    mayRead(request);
    if (method === "GET" && parts[1] === "functions" && parts.length === 2)
      return {
        status: 200,
        body: {
          data: engine.functions().map((fn) => ({
            id: fn.id,
            name: fn.name,
            retries: fn.retries,
            events: fn.events.map((trigger) => trigger.event),
            crons: fn.crons.map((cron) => cron.text),
            flow_control: flowControlOf(fn),
          })),
        },
      };
    if (method === "GET" && parts[1] === "stats" && parts.length === 2)
      return { status: 200, body: await readStats(engine.pool) };
    if (method === "GET" && parts[1] === "events" && parts[2] !== undefined && parts.length <= 4) {
      const event = await readEvent(engine.pool, decodePart(parts[2]));
      if (!event) throw new HttpError(404, "There is no such event");
      if (parts.length === 3) return { status: 200, body: { data: event } };
      if (parts[3] === "runs") return { status: 200, body: await listEventRuns(engine.pool, event) };
    }
    if (parts[1] !== "runs") throw new HttpError(404, "There is nothing here");
    const runId = parts[2];
    if (method === "GET" && runId === undefined) {
      const filter = RunFilterSchema.safeParse(Object.fromEntries(url.searchParams));
      if (!filter.success) throw new HttpError(400, z.prettifyError(filter.error));
      return { status: 200, body: await listRuns(engine.pool, filter.data) };
    }
    if (method === "GET" && runId !== undefined && parts.length === 3) {
      const run = await readRun(engine.pool, runId);
      if (!run) throw new HttpError(404, "There is no such run");
      return { status: 200, body: { data: run } };
    }
    const isCancel =
      (method === "POST" && parts[3] === "cancel" && parts.length === 4) || (method === "DELETE" && parts.length === 3);
    if (runId !== undefined && isCancel) {
      if (!(await engine.cancel(runId))) throw new HttpError(409, "The run does not exist or has ended");
      return { status: 200, body: { data: { id: runId, status: "cancelled" } } };
    }
    if (method === "POST" && runId !== undefined && parts[3] === "replay") {
      const id = await engine.replay(runId).catch((error: unknown) => {
        throw error instanceof EngineConflictError ? new HttpError(409, error.message) : error;
      });
      if (!id) throw new HttpError(404, "There is no such run");
      return { status: 201, body: { data: { id } } };
    }
    throw new HttpError(404, "There is nothing here");
  };

  return createServer((request, response) => {
    route(request).then(
      ({ status, body }) => answer(response, status, body),
      (error: unknown) => {
        if (error instanceof HttpError)
          return answer(response, error.status, { error: error.message, status: error.status });
        log.error({ error, path: request.url ?? "" }, "The engine could not answer a request");
        return answer(response, 500, { error: "The engine could not answer", status: 500 });
      },
    );
  });
}
