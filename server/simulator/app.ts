import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { getRequestListener, type HttpBindings } from "@hono/node-server";
import { Hono } from "hono";
import { createApi } from "./api";
import { createClassic } from "./classic/classic";
import { createClassicControl } from "./classic/control";
import { createClock } from "./clock";
import { createControl } from "./control";
import { disputeRouter } from "./disputes/api";
import { errorBody, SimulatedError } from "./errors";
import { createCustomerTokenRouter } from "./identity";
import { createPortalPages } from "./management/pages";
import { createManagementRouter } from "./management/routes";
import { createTlsServer, peerCertificateOf } from "./management/tls";
import { notificationRouter } from "./notification-routes";
import { createClassicPages } from "./pages/classic";
import { createPanel } from "./pages/panel";
import { createPages } from "./pages/routes";
import { paymentRouter } from "./payment-routes";
import { type ApiAnswer, type ApiCall, bodyBytesMaxOf, isApiPath, isClassicPath } from "./routing";
import { settlementRouter } from "./settlements/api";
import { createSettlementControl } from "./settlements/control";
import { createSettlements } from "./settlements/settlements";
import { createSftpServer, type SftpOptions } from "./sftp";
import { createSimulator } from "./simulator";
import { createWebhookSender } from "./webhook-delivery";

/**
 * The simulator as one object: `fetch` serves a request without a port, `listen` puts it on one. The API under /v2 goes
 * straight from node:http to its handler, because benchmarks call it; pages and the control API go through hono.
 */

export type AppOptions = {
  /** Folder of `simulator.sqlite`; null keeps everything in memory. */
  dataDir: string | null;
  /** The address that QR codes and journey links carry; null takes the one it listens on. */
  publicUrl?: string | null;
  apiKey?: string | undefined;
  autoAccounts?: boolean | undefined;
  /** The SFTP server for settlement files starts with the simulator; null leaves that to the control API. */
  sftp?: SftpOptions | null;
};

export type App = ReturnType<typeof createApp>;

const HEADERS_BYTES_MAX = 64 * 1024;
const KEEP_ALIVE_MS = 59_000;

const CONTROL_PATH = /^\/(?:_control|panel)(?:\/|$)|^\/$/;

function isLoopback(remote: string | undefined): boolean {
  return remote === undefined || remote === "::1" || remote.startsWith("127.") || remote.startsWith("::ffff:127.");
}

/** Whether the caller named this machine: a page of another site that points its name here did not, nor did a tunnel. */
function isLocalHost({ headers: { host } }: IncomingMessage): boolean {
  const name = (host ?? "").replace(/:\d+$/, "").toLowerCase();
  return ["localhost", "127.0.0.1", "[::1]", ""].includes(name) || name.endsWith(".localhost");
}

export function createApp(options: AppOptions) {
  let address = options.publicUrl ?? "http://localhost";
  const sim = createSimulator({
    dataDir: options.dataDir,
    publicUrl: () => address,
    apiKey: options.apiKey,
    autoAccounts: options.autoAccounts,
  });
  const sender = createWebhookSender(sim);
  const settlements = createSettlements(sim);
  const sftp = createSftpServer(sim, settlements);
  const classic = createClassic(sim);
  const clock = createClock(sim, () => {
    settlements.runDue();
    sender.sweep();
    classic.sweep();
  });
  const api = createApi(sim, [
    paymentRouter(sim),
    notificationRouter(sim, sender),
    createCustomerTokenRouter(sim),
    createManagementRouter(sim),
    settlementRouter(sim, settlements),
    disputeRouter(sim),
  ]);

  const hono = new Hono<{ Bindings: Partial<HttpBindings> }>();
  // By the path that routing sees, so that no other spelling of it gets past.
  hono.use("*", async (c, next) => {
    const incoming = c.env?.incoming;
    const isNear = incoming === undefined || (isLoopback(incoming.socket.remoteAddress) && isLocalHost(incoming));
    if (!isNear && CONTROL_PATH.test(c.req.path)) {
      return c.json({ error: "The control panel and its API answer on this machine only." }, 403);
    }
    await next();
  });
  hono.route(
    "/_control",
    createControl(
      sim,
      sender,
      clock,
      [createSettlementControl(sim, settlements, sftp), createClassicControl(classic)],
      () => {
        settlements.clear();
        classic.clear();
      },
    ),
  );
  hono.route("/", createPanel({ sim, classic, settlements, sftp }));
  hono.route("/", createClassicPages(classic));
  hono.route("/", createPortalPages(sim));
  hono.route("/", createPages(sim));

  async function answerApi(call: ApiCall): Promise<ApiAnswer> {
    try {
      return await (isClassicPath(call.path) ? classic : api).handle(call);
    } catch (error) {
      process.stderr.write(`simulator: ${error instanceof Error ? error.stack : String(error)}\n`);
      return {
        status: 500,
        headers: { "content-type": "application/json" },
        body: errorBody(new SimulatedError("INTERNAL_ERROR"), true),
        cut: "none",
      };
    }
  }

  async function fetch(request: Request): Promise<Response> {
    const url = new URL(request.url);
    if (!isApiPath(url.pathname)) return hono.fetch(request);
    let largest = 0;
    let total = 0;
    for (const [name, value] of request.headers) {
      const bytes = name.length + value.length;
      largest = Math.max(largest, bytes);
      total += bytes;
    }
    const answer = await answerApi({
      method: request.method,
      path: url.pathname,
      query: url.searchParams,
      header: (name) => request.headers.get(name) ?? undefined,
      headerBytes: { largest, total },
      body: new Uint8Array(await request.arrayBuffer()),
    });
    if (answer.cut === "silent")
      throw new TypeError("fetch failed", {
        cause: new Error("other side closed"),
      });
    if (answer.cut === "none")
      return new Response(answer.bytes === undefined ? answer.body : new Uint8Array(answer.bytes), {
        status: answer.status,
        headers: answer.headers,
      });
    const half = new TextEncoder().encode((answer.body ?? "{}").slice(0, 10));
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(half);
        controller.error(new TypeError("terminated"));
      },
    });
    return new Response(stream, {
      status: answer.status,
      headers: answer.headers,
    });
  }

  const honoListener = getRequestListener((request, env) => hono.fetch(request, env), {
    overrideGlobalObjects: false,
  });

  function onApiRequest(incoming: IncomingMessage, outgoing: ServerResponse, url: string): void {
    const mark = url.indexOf("?");
    const path = mark < 0 ? url : url.slice(0, mark);
    const bytesMax = bodyBytesMaxOf(path);
    const chunks: Buffer[] = [];
    let size = 0;
    incoming.on("data", (chunk: Buffer) => {
      size += chunk.byteLength;
      if (size <= bytesMax) chunks.push(chunk);
    });
    incoming.on("end", () => {
      let largest = 0;
      let total = 0;
      const raw = incoming.rawHeaders;
      for (let index = 0; index < raw.length; index += 2) {
        const bytes = (raw[index]?.length ?? 0) + (raw[index + 1]?.length ?? 0);
        if (bytes > largest) largest = bytes;
        total += bytes;
      }
      const call: ApiCall = {
        method: incoming.method ?? "GET",
        path,
        query: new URLSearchParams(mark < 0 ? "" : url.slice(mark + 1)),
        header(name) {
          const value = incoming.headers[name];
          return typeof value === "string" ? value : value?.[0];
        },
        headerBytes: { largest, total },
        remoteAddress: incoming.socket.remoteAddress,
        clientCertificate: tlsServer === null ? undefined : peerCertificateOf(incoming),
        body:
          size > bytesMax
            ? new Uint8Array(bytesMax + 1)
            : chunks.length === 1 && chunks[0] !== undefined
              ? chunks[0]
              : Buffer.concat(chunks),
      };
      void answerApi(call).then((answer) => writeAnswer(incoming, outgoing, answer));
    });
    incoming.on("error", () => undefined);
  }

  function writeAnswer(incoming: IncomingMessage, outgoing: ServerResponse, answer: ApiAnswer): void {
    if (answer.cut === "silent" || outgoing.destroyed) {
      incoming.socket.destroy();
      return;
    }
    const body = answer.bytes ?? (answer.body === null ? null : Buffer.from(answer.body, "utf8"));
    if (body !== null) answer.headers["content-length"] = String(body.byteLength);
    outgoing.writeHead(answer.status, answer.headers);
    if (answer.cut === "halfway") {
      outgoing.write(body === null ? "{" : body.subarray(0, Math.ceil(body.byteLength / 2)), () =>
        incoming.socket.destroy(),
      );
      return;
    }
    if (body === null) outgoing.end();
    else outgoing.end(body);
  }

  function onRequest(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const url = incoming.url ?? "/";
    if (isApiPath(url)) {
      onApiRequest(incoming, outgoing, url);
      return;
    }
    void honoListener(incoming, outgoing);
  }

  let server: Server | null = null;
  let tlsServer: ReturnType<typeof createTlsServer> | null = null;

  return {
    sim,
    sender,
    clock,
    settlements,
    sftp,
    classic,
    fetch,
    /** Starts listening; resolves with the port, which differs from the asked one only for 0. */
    async listen(port: number, host: string): Promise<number> {
      if (options.sftp !== undefined && options.sftp !== null) await sftp.start(options.sftp);
      else await sftp.resume();
      const created = createServer({ maxHeaderSize: HEADERS_BYTES_MAX, keepAliveTimeout: KEEP_ALIVE_MS }, onRequest);
      server = created;
      return new Promise((resolve, reject) => {
        created.once("error", reject);
        created.listen(port, host, () => {
          const bound = created.address();
          const actual = typeof bound === "object" && bound !== null ? bound.port : port;
          if (options.publicUrl === undefined || options.publicUrl === null) address = `http://localhost:${actual}`;
          resolve(actual);
        });
      });
    },
    /** A second address, which asks for a client certificate; resolves with its port. */
    listenTls(port: number, host: string): Promise<number> {
      const created = createTlsServer(sim, onRequest);
      tlsServer = created;
      return new Promise((resolve, reject) => {
        created.once("error", reject);
        created.listen(port, host, () => {
          const bound = created.address();
          resolve(typeof bound === "object" && bound !== null ? bound.port : port);
        });
      });
    },
    /** Stops taking calls, writes what is left and closes the file. */
    async close(): Promise<void> {
      clock.close();
      settlements.close();
      await sftp.stop();
      for (const closing of [server, tlsServer]) {
        if (closing === null) continue;
        await new Promise<void>((resolve) => {
          closing.close(() => resolve());
          closing.closeIdleConnections();
          setTimeout(() => closing.closeAllConnections(), 500).unref();
        });
      }
      await sender.close();
      await classic.close();
      sim.state.close();
    },
  };
}
