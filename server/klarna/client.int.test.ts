import http, { type IncomingMessage, type ServerResponse } from "node:http";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "@/server/core/time";
import { createLog } from "@/server/observability/log";
import { quickest } from "@/server/testing/equal-time";
import type { KlarnaClient, KlarnaRequest } from "./client";
import { createKlarnaClient } from "./http-client";

/* The client against a Klarna that is ill for everybody, seen from Klarna's side: what reaches it is counted there. */

type Reply = (request: IncomingMessage, response: ServerResponse) => void;

let server: http.Server;
let url = "";
let heard = 0;
let reply: Reply;
const clients: KlarnaClient[] = [];

beforeAll(async () => {
  server = http.createServer((request, response) => {
    heard += 1;
    request.resume();
    request.on("end", () => reply(request, response));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  url = `http://127.0.0.1:${address.port}`;
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  heard = 0;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const says =
  (status: number, body: unknown = {}): Reply =>
  (_request, response) =>
    void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));

function client(timeoutMs = 2_000): KlarnaClient {
  const made = createKlarnaClient({
    clock: systemClock,
    log: createLog({ level: "silent", name: "test", destination: { write: () => undefined } }),
    timeoutMs,
    environments: { test: { baseUrl: url, apiKey: "key" }, live: { baseUrl: url, apiKey: "key" } },
  });
  clients.push(made);
  return made;
}

const OPERATIONS = ["authorize", "authorize_final", "read_request", "read_transaction", "presentation"] as const;
const ask = (index = 0): KlarnaRequest => ({
  mode: "test",
  operation: OPERATIONS[index % OPERATIONS.length] ?? "authorize",
  method: "POST",
  path: "/v2/accounts/krn:partner:global:account:test:A/payment/authorize",
  body: {},
  idempotencyKey: crypto.randomUUID(),
  sessionReference: "test",
});

describe("a Klarna that fails for everybody", () => {
  it.each([
    ["500 to every call", () => says(500)],
    ["429 to every call", () => says(429)],
    [
      "500 to every second call, so that no breaker opens",
      () => {
        let count = 0;
        return ((request, response) => says(count++ % 2 === 0 ? 500 : 200)(request, response)) satisfies Reply;
      },
    ],
    ["a connection cut before every answer", () => ((request) => void request.socket.destroy()) satisfies Reply],
  ])("R46: %s: at most a tenth more goes out than came in, and nothing is taken for refused", async (_name, make) => {
    reply = make();
    const klarna = client();
    const incoming = 400;
    const outcomes: string[] = [];
    const lane = async (from: number): Promise<void> => {
      for (let index = from; index < incoming; index += 40) outcomes.push((await klarna.call(ask(index))).kind);
    };
    await Promise.all(Array.from({ length: 40 }, (_, index) => lane(index)));
    expect(outcomes).toHaveLength(incoming);
    expect(outcomes).not.toContain("refused");
    expect(heard).toBeLessThanOrEqual(incoming * 1.1);
  });

  it("R46: a lone call is still repeated until it is answered", async () => {
    let count = 0;
    reply = (request, response) => says(count++ < 2 ? 500 : 200)(request, response);
    expect((await client().call(ask())).kind).toBe("answered");
    expect(heard).toBe(3);
  });

  it("R13: while Klarna is down the breaker opens within 20 calls, says so at once, and one probe goes first when it is back", async () => {
    reply = says(503);
    const klarna = client();
    for (let tries = 0; tries < 40 && !klarna.isOpen("test"); tries += 1) await klarna.call(ask());
    expect(klarna.isOpen("test")).toBe(true);
    expect(heard).toBeLessThanOrEqual(20);

    const before = heard;
    const times: number[] = [];
    for (let index = 0; index < 30; index += 1) {
      const startedMs = performance.now();
      expect((await klarna.call(ask())).kind).toBe("not_sent");
      times.push(performance.now() - startedMs);
    }
    expect(times.sort((a, b) => a - b)[15]).toBeLessThan(50);
    expect(heard).toBe(before);

    // Back: whoever comes meanwhile waits for what the one probe finds, and then goes in the lanes of the pool.
    let together = 0;
    let most = 0;
    let letGo: (() => void) | null = null;
    reply = (_request, response) => {
      together += 1;
      most = Math.max(most, together);
      const end = (): void => {
        together -= 1;
        response.writeHead(200, { "content-type": "application/json" }).end("{}");
      };
      if (letGo) setTimeout(end, 20);
      else letGo = end;
    };
    await expect.poll(() => klarna.isOpen("test"), { interval: 20 }).toBe(false);
    heard = 0;
    const herd = Promise.all(Array.from({ length: 200 }, () => klarna.call(ask(), { attemptsMax: 1 })));
    await expect.poll(() => letGo !== null).toBe(true);
    expect(heard).toBe(1);
    (letGo as (() => void) | null)?.();
    expect((await herd).filter(({ kind }) => kind === "answered")).toHaveLength(200);
    expect(most).toBeLessThanOrEqual(64);
    expect(heard).toBe(200);
  });

  it("R14: an answer that drips is cut at the deadline, and nothing is known", async () => {
    reply = (_request, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      const drip = setInterval(() => response.write(" "), 50);
      response.on("close", () => clearInterval(drip));
    };
    const cut = async (): Promise<number> => {
      const startedMs = performance.now();
      expect((await client(400).call(ask(), { budgetMs: 800, attemptsMax: 2 })).kind).toBe("unknown");
      return performance.now() - startedMs;
    };
    expect(await quickest(cut, 3_000)).toBeLessThan(3_000);
  });

  it("R14: an answer of a gigabyte is cut at its limit, and memory stays as it is", async () => {
    const block = Buffer.alloc(1_048_576, 32);
    let sent = 0;
    reply = (_request, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      const pour = (): void => {
        while (!response.destroyed && sent < 1_024) {
          sent += 1;
          if (!response.write(block)) {
            response.once("drain", pour);
            return;
          }
        }
        response.end();
      };
      pour();
    };
    const before = process.memoryUsage().rss;
    const outcome = await client().call(ask(), { attemptsMax: 1 });
    expect(outcome.kind).toBe("unknown");
    expect(sent).toBeLessThan(64);
    expect(process.memoryUsage().rss - before).toBeLessThan(50 * 1_048_576);
  });
});

describe("what stands between us and Klarna", () => {
  it("what cannot be written as a request was not sent, and is no unknown outcome", async () => {
    reply = says(200);
    const headers = { "klarna-payment-token": "line\nbreak" };
    expect(await client().call({ ...ask(), headers })).toMatchObject({ kind: "not_sent" });
    expect(heard).toBe(0);
  });

  it.each([
    ["gzip", gzipSync],
    ["br", brotliCompressSync],
    ["deflate", deflateSync],
  ] as const)("an answer that was packed unasked (%s) is unpacked", async (encoding, pack) => {
    reply = (_request, response) =>
      void response
        .writeHead(200, { "content-type": "application/json", "content-encoding": encoding })
        .end(pack(JSON.stringify({ state: "SUBMITTED" })));
    expect(await client().call(ask())).toMatchObject({ kind: "answered", body: { state: "SUBMITTED" } });
  });

  it.each([
    ["unknown packing", { "content-encoding": "zstd-of-tomorrow" }, "{}"],
    ["gzip that is none", { "content-encoding": "gzip" }, "{}"],
    ["a bomb", { "content-encoding": "gzip" }, gzipSync(Buffer.alloc(64 * 1_048_576, 32))],
    ["a page instead of an answer", { "content-type": "text/html" }, "<html>200</html>"],
  ])("%s in a 200 is no answer: neither done nor refused", async (_what, headers, text) => {
    reply = (_request, response) => void response.writeHead(200, headers).end(text);
    expect(await client().call(ask(), { attemptsMax: 2 })).toMatchObject({ kind: "unknown" });
  });

  it.each([301, 302, 303, 307, 308])(
    "S30: a redirect (%i) is not followed: the key goes nowhere else",
    async (status) => {
      const keys: (string | undefined)[] = [];
      reply = (request, response) => {
        keys.push(request.url);
        response.writeHead(status, { location: `${url}/elsewhere` }).end();
      };
      expect(await client().call(ask(), { attemptsMax: 2 })).toMatchObject({ kind: "unknown" });
      expect(new Set(keys)).toEqual(new Set([ask().path]));
    },
  );

  it("a call is repeated with its key, however its connection ends, and with a Retry-After that is no number", async () => {
    const keys = new Set<string | string[] | undefined>();
    let count = 0;
    reply = (request, response) => {
      keys.add(request.headers["klarna-idempotency-key"]);
      count += 1;
      if (count === 1) request.socket.resetAndDestroy();
      else if (count === 2) response.writeHead(429, { "retry-after": "Fri, 31 Dec 1999 23:59:59 GMT" }).end();
      else if (count === 3) {
        response.writeHead(200, { "content-type": "application/json", "content-length": "50" });
        response.write("{", () => request.socket.destroy());
      } else response.writeHead(201, { "content-type": "text/plain;charset=UTF-8" }).end('{"a":null,"b":1}');
    };
    const outcome = await client().call({ ...ask(), idempotencyKey: "one" });
    expect(outcome).toMatchObject({ kind: "answered", status: 201, body: { b: 1 } });
    expect(outcome.calls.map((call) => call.outcome)).toEqual(["NO_ANSWER", "NO_ANSWER", "NO_ANSWER", "ANSWERED"]);
    expect(keys).toEqual(new Set(["one"]));
  });
});
