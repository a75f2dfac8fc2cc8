import http, { type IncomingMessage, type ServerResponse } from "node:http";
import type { Log } from "@/server/observability/log";
import { answerHeaders, forwardedHeaders } from "./guard";

/** Server actions take a megabyte at the most; nothing else that is passed on is larger. */
const BODY_MAX_BYTES = 1_100_000;
/** But for files of rows: 8 MB. */
const FILE_MAX_BYTES = 8_400_000;
const FILE_PATH = "/imports/upload";
const FIRST_BYTE_MS = 60_000;
/**
 * After this time connections that nobody uses are closed from this side; the web process would keep them for 75 seconds. Were
 * it the one that closes, a request could be on its way into a connection that is just ending: one that changes something is
 * then lost, because nobody may send it twice.
 */
export const IDLE_MS = 20_000;

export type PassOn = (
  request: IncomingMessage,
  response: ServerResponse,
  facts: { path: string; address: string },
) => void;

export type Plain = (
  response: ServerResponse,
  status: number,
  sentence: string,
  headers?: Readonly<Record<string, string>>,
) => void;

/** Passes requests to the web process: streams both ways, keeps nothing, repeats a read that met a closing connection. */
export function createProxy(options: {
  port: number;
  protocol: "http" | "https";
  safeHeaders: Readonly<Record<string, string>>;
  log: Log;
  answerPlain: Plain;
  idleMs?: number;
}): { passOn: PassOn; close: () => void } {
  const agent = new http.Agent({
    keepAlive: true,
    maxSockets: 256,
    maxFreeSockets: 64,
    scheduling: "lifo",
    timeout: options.idleMs ?? IDLE_MS,
  });

  const passOn: PassOn = (request, response, facts) => {
    const maxBytes = facts.path === FILE_PATH ? FILE_MAX_BYTES : BODY_MAX_BYTES;
    if (Number(request.headers["content-length"] ?? 0) > maxBytes) {
      options.answerPlain(response, 413, "The request is too large.");
      return;
    }
    const hasBody =
      request.headers["content-length"] !== undefined || request.headers["transfer-encoding"] !== undefined;
    const headers = forwardedHeaders(request.headers, { ...facts, protocol: options.protocol });

    const attempt = (isLast: boolean): void => {
      const upstream = http.request({
        host: "127.0.0.1",
        port: options.port,
        method: request.method,
        path: request.url,
        headers,
        agent,
        setHost: false,
      });
      const timer = setTimeout(() => upstream.destroy(new Error("no answer in time")), FIRST_BYTE_MS);
      const onGone = (): void => {
        upstream.destroy();
      };
      response.once("close", onGone);

      upstream.on("response", (answer) => {
        clearTimeout(timer);
        response.writeHead(answer.statusCode ?? 502, answerHeaders(answer.headers, options.safeHeaders));
        // Headers leave at once: a stream that says nothing yet must be open for its reader.
        response.flushHeaders();
        answer.on("error", () => response.destroy());
        answer.pipe(response);
      });
      upstream.on("error", (error: NodeJS.ErrnoException) => {
        clearTimeout(timer);
        response.off("close", onGone);
        if (response.destroyed) return;
        if (response.headersSent) {
          response.destroy();
        } else if (!isLast && upstream.reusedSocket && error.code === "ECONNRESET") {
          attempt(true);
        } else {
          options.log.warn({ path: facts.path, error }, "the web process does not answer");
          options.answerPlain(
            response,
            502,
            "The pages of Tillgate are starting or restarting. Payments go on meanwhile. Try again in a few seconds.",
            { "retry-after": "5" },
          );
        }
      });

      if (!hasBody) {
        upstream.end();
        return;
      }
      let size = 0;
      request.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size <= maxBytes) return;
        request.unpipe(upstream);
        upstream.destroy();
        if (!response.headersSent) options.answerPlain(response, 413, "The request is too large.");
      });
      request.pipe(upstream);
    };
    attempt(hasBody);
  };

  return { passOn, close: () => agent.destroy() };
}
