import { createHash, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import { Server as NetServer, type Socket } from "node:net";
import type { Services } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { createClassicListener, isClassicCallback } from "@/server/ingress/classic-callback";
import { createKlarnaListener, type WebhookAnswer } from "@/server/ingress/klarna-webhooks";
import { registry, requestsShed } from "@/server/observability/metrics";
import { exchangeDisplayToken } from "@/server/rest/display";
import { ENDPOINTS } from "@/server/rest/endpoints";
import {
  BODY_MAX_BYTES,
  pathOf,
  type RestRequest,
  type RestResponse,
  securityHeaders,
  toProblem,
} from "@/server/rest/http";
import type { Limits } from "@/server/rest/limits";
import { createRouter } from "@/server/rest/router";
import { createRest } from "@/server/rest/run";
import { drained } from "./drain";
import { addressReader, allowedMethods, isHidden, isInngestPath, isOwnOrigin, isTwisted } from "./guard";
import { createProxy, type Plain } from "./proxy";
import { createAdmission, type Kind, type Release } from "./shedding";

/** All of the ending, what runs included: whoever supervises us waits a little longer before it uses force. */
const DRAIN_MS = 9_000;
/** How long kept-alive connections may be idle before they are closed: a request may be on its way to us on each. */
const LINGER_MS = 1_000;
/** How often the waiting are looked after, and how long a statement takes is measured while much runs. */
const WATCH_MS = 50;
/** Connections that wait to be taken: where this is full, a caller tries again only after a second, unheard. */
const BACKLOG = 4_096;
const KLARNA_PATH = "/api/klarna/webhooks";

export type Gateway = {
  readonly server: http.Server;
  listen(port: number, host: string): Promise<number>;
  /** Takes nothing new, finishes what runs (10 s at the most) and writes what is owed to the request log. */
  close(): Promise<void>;
};

/**
 * The front door: serves the declared endpoints, Klarna's webhooks, health and metrics itself, and passes everything else
 * to the web process, so that a till never waits for a page to render.
 */
export function createGateway(services: Services, options: { webPort?: number; limits?: Limits } = {}): Gateway {
  const { env, log } = services;
  const isHttps = env.PUBLIC_URL.startsWith("https://");
  const safeHeaders = securityHeaders(isHttps);
  const rest = createRest(services, options.limits ? { limits: options.limits } : {});
  const hearKlarna = createKlarnaListener(services);
  const hearClassic = createClassicListener(services);
  const addressOf = addressReader(env.TRUSTED_PROXIES);
  const running = new Set<AbortController>();
  const admission = createAdmission();
  const route = createRouter(ENDPOINTS);
  const overloaded = toProblem(new AppError("overloaded"), "", env.PUBLIC_URL);
  let isStopping = false;

  const answerPlain: Plain = (response, status, sentence, headers = {}) => {
    const body = `${sentence}\n`;
    response.writeHead(status, {
      ...safeHeaders,
      ...closing(),
      ...headers,
      "content-type": "text/plain; charset=utf-8",
      "content-length": Buffer.byteLength(body),
    });
    response.end(body);
  };
  const closing = (): Record<string, string> => (isStopping ? { connection: "close" } : {});
  const proxy = createProxy({
    port: options.webPort ?? env.WEB_PORT,
    protocol: isHttps ? "https" : "http",
    safeHeaders,
    log,
    answerPlain,
  });

  const server = http.createServer({
    headersTimeout: 10_000,
    requestTimeout: 30_000,
    connectionsCheckingInterval: 2_000,
    keepAliveTimeout: 30_000,
    maxHeaderSize: 16_384,
    requireHostHeader: true,
    joinDuplicateHeaders: false,
    noDelay: true,
  });
  server.on("request", (request, response) => {
    response.on("error", () => undefined);
    if (isStopping) response.shouldKeepAlive = false;
    handle(request, response).catch((error: unknown) => {
      log.error({ path: pathOf(request.url ?? "").slice(0, 200), error }, "the front door failed");
      if (response.headersSent) response.destroy();
      else answerPlain(response, 500, "Something went wrong on our side.");
    });
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => refuseConnection(error, socket));

  function refuseConnection(error: NodeJS.ErrnoException, socket: Socket): void {
    if (error.code === "ECONNRESET" || !socket.writable) {
      socket.destroy();
      return;
    }
    const status =
      error.code === "HPE_HEADER_OVERFLOW"
        ? "431 Request Header Fields Too Large"
        : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
          ? "408 Request Timeout"
          : "400 Bad Request";
    const lines = Object.entries(safeHeaders).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.end(`HTTP/1.1 ${status}\r\n${lines.join("")}content-length: 0\r\nconnection: close\r\n\r\n`);
  }

  /** Null for health, which is answered whatever else happens. */
  function kindOf(method: string, path: string): Kind | null {
    if (path.startsWith("/api/health")) return null;
    const found = route(method === "HEAD" ? "GET" : method, path);
    // Lists, the document, and what is not there.
    if (!found || !("endpoint" in found) || found.endpoint.access === "public") return "list";
    const { operation, path: declared } = found.endpoint;
    // Ways to pay are asked for by a till in the middle of a sale.
    return operation.startsWith("list") && declared !== "/api/v1/payment-methods" ? "list" : "call";
  }

  /** Refused before anything was read, checked or begun. */
  function refuse(request: IncomingMessage, response: ServerResponse, kind: Kind): void {
    requestsShed.inc({ kind });
    const requestId = newId("request");
    const body = JSON.stringify({ ...overloaded, request_id: requestId });
    response.writeHead(503, {
      ...safeHeaders,
      ...closing(),
      "request-id": requestId,
      "retry-after": "1",
      "content-type": "application/problem+json; charset=utf-8",
      "content-length": Buffer.byteLength(body),
    });
    response.end(request.method === "HEAD" ? undefined : body);
  }

  let isMeasuring = false;
  const watch = setInterval(() => {
    admission.sweep();
    if (isMeasuring || !admission.isBusy()) return;
    isMeasuring = true;
    const startedMs = performance.now();
    services.db
      .query({ name: "gateway_pace", text: "select 1 as one", values: [] })
      // A database that is away is told by those who need it.
      .catch(() => undefined)
      .finally(() => {
        isMeasuring = false;
        admission.observe(performance.now() - startedMs);
      });
  }, WATCH_MS);
  watch.unref();

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const target = request.url ?? "/";
    const path = pathOf(target);
    if (isTwisted(path) || target.length > 8_192) return answerPlain(response, 404, "There is no such address.");
    if (request.headers.upgrade?.toLowerCase() === "websocket")
      return answerPlain(response, 400, "There are no web sockets here.", { connection: "close" });
    if (isRestPath(path)) return serveRest(request, response, target);
    if (path === KLARNA_PATH) return serveKlarna(request, response);
    if (isClassicCallback(path)) return serveClassic(request, response, target);
    if (path === "/metrics") return serveMetrics(request, response);
    if (request.method === "GET" || request.method === "HEAD") {
      const exchanged = path.startsWith("/display/") ? exchangeDisplayToken(services, target) : null;
      if (exchanged) return send(response, exchanged);
    }
    return passOn(request, response, path);
  }

  /** What is refused before the web process hears of it; null when it may pass. */
  function refusalOf(
    request: IncomingMessage,
    path: string,
  ): { status: number; sentence: string; allow?: string } | null {
    const method = request.method ?? "";
    const isInngest = isInngestPath(path);
    if (isHidden(path) || (isInngest && !(env.INNGEST_BASE_URL && env.INNGEST_SIGNING_KEY))) {
      return { status: 404, sentence: "There is no such address." };
    }
    const allowed = allowedMethods(path);
    if (!allowed.includes(method)) {
      return { status: 405, sentence: "This method is not served here.", allow: allowed.join(", ") };
    }
    if (method === "POST" && !isInngest && !isOwnOrigin(request.headers, env)) {
      return { status: 403, sentence: "The request came from another site." };
    }
    return null;
  }

  function passOn(request: IncomingMessage, response: ServerResponse, path: string): void {
    const refusal = refusalOf(request, path);
    if (refusal) {
      answerPlain(
        response,
        refusal.status,
        refusal.sentence,
        refusal.allow === undefined ? {} : { allow: refusal.allow },
      );
      return;
    }
    const address = addressOf(request.socket.remoteAddress, single(request.headers["x-forwarded-for"]));
    proxy.passOn(request, response, { path, address });
  }

  async function serveRest(request: IncomingMessage, response: ServerResponse, target: string): Promise<void> {
    const method = request.method ?? "GET";
    const kind = kindOf(method, pathOf(target));
    if (kind !== null && !admission.hasRoom(kind)) return refuse(request, response, kind);
    const body = method === "GET" || method === "HEAD" ? EMPTY : await readBody(request);
    // Only now: who sends a body slowly takes no place from others. And nothing else before: most are refused when too many come.
    const release = kind === null ? NOTHING : await admission.enter(kind, () => response.destroyed);
    if (release === null) return kind === null ? undefined : refuse(request, response, kind);
    const controller = new AbortController();
    running.add(controller);
    response.once("close", () => {
      running.delete(controller);
      // Whoever was answered waits for nothing more.
      if (!response.writableFinished) controller.abort();
    });
    if (isStopping || response.destroyed) controller.abort();
    try {
      const asked: RestRequest = {
        method,
        target,
        headers: headersOf(request),
        address: addressOf(request.socket.remoteAddress, single(request.headers["x-forwarded-for"])),
        body,
        signal: controller.signal,
      };
      await send(response, await rest.handle(asked), release);
    } finally {
      release();
    }
  }

  async function serveKlarna(request: IncomingMessage, response: ServerResponse): Promise<void> {
    await serveEvent(request, response, KLARNA_PATH, (rawBody) => hearKlarna({ headers: headersOf(request), rawBody }));
  }

  async function serveClassic(request: IncomingMessage, response: ServerResponse, target: string): Promise<void> {
    // The log names the place without the secret in it.
    await serveEvent(request, response, pathOf(target), (rawBody) => hearClassic({ target, rawBody }));
  }

  async function serveEvent(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    hear: (rawBody: Buffer) => Promise<WebhookAnswer>,
  ): Promise<void> {
    if (request.method !== "POST")
      return answerPlain(response, 405, "This method is not served here.", { allow: "POST" });
    if (!admission.hasRoom("webhook")) return refuse(request, response, "webhook");
    const rawBody = await readBody(request);
    if (rawBody === null) return answerPlain(response, 413, "The body is too large.");
    const release = await admission.enter("webhook", () => response.destroyed);
    if (release === null) return refuse(request, response, "webhook");
    let answer: WebhookAnswer;
    try {
      answer = await hear(rawBody);
    } catch (error) {
      // Not stored, so not acknowledged: Klarna sends it again.
      log.error({ path, error }, "a webhook was not stored");
      return answerPlain(response, 503, "The webhook could not be stored.", { "retry-after": "5" });
    } finally {
      release();
    }
    await send(response, {
      status: answer.status,
      headers: { ...safeHeaders, "content-type": "application/json; charset=utf-8" },
      body: answer.body,
    });
  }

  async function serveMetrics(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const given = /^Bearer (\S+)$/.exec(request.headers.authorization ?? "")?.[1];
    if (!env.METRICS_TOKEN || given === undefined || !isSame(given, env.METRICS_TOKEN))
      return answerPlain(response, 404, "There is no such address.");
    if (request.method !== "GET")
      return answerPlain(response, 405, "This method is not served here.", { allow: "GET" });
    await send(response, {
      status: 200,
      headers: { ...safeHeaders, "content-type": registry.contentType },
      body: await registry.metrics(),
    });
  }

  /** `release` is told when the rest of a long answer begins, which takes nobody's place. */
  async function send(response: ServerResponse, answer: RestResponse, release: Release = NOTHING): Promise<void> {
    const { "set-cookie": cookies, ...headers } = answer.headers;
    const all: http.OutgoingHttpHeaders = {
      ...headers,
      ...closing(),
      ...(cookies === undefined ? {} : { "set-cookie": cookies.split("\n") }),
    };
    const { body } = answer;
    if (body !== null && typeof body !== "string" && !(body instanceof Uint8Array))
      return sendStream(response, answer.status, all, body, release);
    if (response.destroyed) return;
    const hasLength = answer.status !== 204 && answer.status !== 304;
    response.writeHead(
      answer.status,
      hasLength ? { ...all, "content-length": body === null ? 0 : Buffer.byteLength(body) } : all,
    );
    response.end(body ?? undefined);
  }

  return {
    server,
    listen: async (port, host) => {
      server.listen({ port, host, backlog: BACKLOG });
      await once(server, "listening");
      const address = server.address();
      return typeof address === "object" && address !== null ? address.port : port;
    },
    close: async () => {
      isStopping = true;
      // Only the listening socket: http's own close would also cut idle connections, and with them requests that a
      // kept-alive client is just writing. Each connection is answered once more with "connection: close" instead.
      const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()));
      // Streams would last for an hour: they end now, and their readers come back to the next process.
      for (const controller of running) controller.abort();
      const linger = setInterval(() => server.closeIdleConnections(), LINGER_MS);
      const timer = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
      await closed;
      clearInterval(linger);
      clearTimeout(timer);
      clearInterval(watch);
      server.close();
      proxy.close();
      await rest.close();
    },
  };
}

const EMPTY = new Uint8Array();
const NOTHING = (): void => undefined;

function isRestPath(path: string): boolean {
  return (
    path.startsWith("/api/v1/") ||
    path === "/api/v1" ||
    path === "/api/openapi.json" ||
    path === "/api/health" ||
    path.startsWith("/api/health/")
  );
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(",") : value;
}

function headersOf(request: IncomingMessage): Record<string, string | undefined> {
  const headers: Record<string, string | undefined> = {};
  for (const name in request.headers) headers[name] = single(request.headers[name]);
  return headers;
}

/** The whole body, null when it is larger than any that we take. What is too much is read and thrown away. */
function readBody(request: IncomingMessage): Promise<Buffer | null> {
  return new Promise((resolve, reject) => {
    if (Number(request.headers["content-length"] ?? 0) > BODY_MAX_BYTES) {
      request.resume();
      resolve(null);
      return;
    }
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= BODY_MAX_BYTES) {
        chunks.push(chunk);
      } else {
        chunks.length = 0;
        resolve(null);
      }
    });
    request.on("end", () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)));
    request.on("error", reject);
  });
}

async function sendStream(
  response: ServerResponse,
  status: number,
  headers: http.OutgoingHttpHeaders,
  parts: AsyncIterable<string>,
  begun: Release,
): Promise<void> {
  response.writeHead(status, headers);
  response.flushHeaders();
  try {
    for await (const part of parts) {
      begun();
      if (response.destroyed) break;
      if (!response.write(part)) await drained(response);
    }
  } catch {
    // The reader's right ended, or the thing cannot be read: the stream ends, and the next request is told why.
  }
  response.end();
}

function isSame(left: string, right: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(left), digest(right));
}
