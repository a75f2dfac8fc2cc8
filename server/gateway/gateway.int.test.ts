import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findFreePort } from "@/server/boot/ports";
import { newId } from "@/server/core/ids";
import { issueDisplayToken } from "@/server/domain/payments/service";
import { securityHeaders } from "@/server/rest/http";
import { type BuiltPartner, makePartner } from "@/server/testing/builders";
import { type TestServices, testServices } from "@/server/testing/context";
import { makeKey } from "@/server/testing/rest";
import { createGateway, type Gateway } from "./gateway";

/* The front door over real sockets, in front of a stand-in for the web process that says what reached it. */

let test: TestServices;
let gateway: Gateway;
let web: http.Server;
let port: number;
let webPort: number;
let own: BuiltPartner;
let key: string;
let reached: { method: string; url: string; headers: http.IncomingHttpHeaders; size: number }[] = [];
let releaseStream: (() => void) | null = null;

beforeAll(async () => {
  web = http.createServer((request, response) => {
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
    });
    request.on("end", () => {
      reached.push({ method: request.method ?? "", url: request.url ?? "", headers: request.headers, size });
      if (request.url === "/stream") {
        response.writeHead(200, { "content-type": "text/plain" });
        response.write("first\n");
        releaseStream = () => response.end("last\n");
        return;
      }
      if (request.url === "/slow") {
        setTimeout(() => response.end("slow"), 300);
        return;
      }
      response.writeHead(200, {
        "content-type": "text/html",
        "x-powered-by": "Next.js",
        "set-cookie": ["a=1", "b=2"],
        "content-security-policy": "script-src 'nonce-x'",
      });
      response.end("<p>page</p>");
    });
  });
  web.listen(0, "127.0.0.1");
  await once(web, "listening");
  webPort = (web.address() as net.AddressInfo).port;
  test = await testServices({ environment: { METRICS_TOKEN: "metrics-token-of-this-test" } });
  gateway = createGateway(test.services, { webPort });
  port = await gateway.listen(0, "127.0.0.1");
  own = await makePartner(test.services);
  key = (await makeKey(test.services, own.partner.id)).key;
});
afterAll(async () => {
  await gateway.close();
  web.closeAllConnections();
  web.close();
  await test.close();
});

type Answer = { status: number; headers: http.IncomingHttpHeaders; text: string };

/** A request with exactly this path and these headers; no client tidies them up. */
async function ask(
  method: string,
  path: string,
  options: { headers?: http.OutgoingHttpHeaders; body?: string | Buffer; port?: number } = {},
): Promise<Answer> {
  const request = http.request({
    host: "127.0.0.1",
    port: options.port ?? port,
    method,
    path,
    headers: options.headers ?? {},
    agent: false,
  });
  request.end(options.body);
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  return { status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(parts).toString("utf8") };
}

async function raw(text: string): Promise<string> {
  const socket = net.connect(port, "127.0.0.1");
  let answer = "";
  socket.on("data", (chunk: Buffer) => {
    answer += chunk.toString("latin1");
  });
  socket.write(text);
  const timer = setTimeout(() => socket.destroy(), 4_000);
  await once(socket, "close").catch(() => undefined);
  clearTimeout(timer);
  return answer;
}

const sale = () => ({
  amount: 10_002,
  currency: "SEK",
  reference: newId("request"),
  store: { id: own.store.id },
  terminal: { id: own.terminal.id },
});
const pay = (body: unknown) =>
  ask("POST", "/api/v1/payments", {
    headers: {
      authorization: `Bearer ${key}`,
      "content-type": "application/json",
      "idempotency-key": newId("request"),
    },
    body: JSON.stringify(body),
  });
const origin = { origin: "http://localhost:3000" };

describe("serves itself", () => {
  it("a payment, its list and the health of the service, with the web process gone or not", async () => {
    const made = await pay(sale());
    expect(made.status, made.text).toBe(201);
    expect(JSON.parse(made.text)).toMatchObject({ status: "completed" });
    expect((await ask("GET", "/api/v1/payments?limit=1", { headers: { authorization: `Bearer ${key}` } })).status).toBe(
      200,
    );
    expect((await ask("GET", "/api/health")).text).toBe('{"status":"ok"}');
    expect((await ask("HEAD", "/api/health/live")).status).toBe(200);
    expect(JSON.parse((await ask("GET", "/api/openapi.json")).text)).toMatchObject({ openapi: "3.1.0" });
  });

  it("S27: a body of 1 MB is 413, declared or streamed, and the connection's loop stays free", async () => {
    const big = Buffer.alloc(1_048_576, 0x20);
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json", "idempotency-key": "big" };
    expect(
      (await ask("POST", "/api/v1/payments", { headers: { ...headers, "content-length": big.length }, body: big }))
        .status,
    ).toBe(413);
    expect(
      (await ask("POST", "/api/v1/payments", { headers: { ...headers, "transfer-encoding": "chunked" }, body: big }))
        .status,
    ).toBe(413);
  });

  it("S52: metrics need their token; Klarna's address takes signed POSTs only", async () => {
    expect((await ask("GET", "/metrics")).status).toBe(404);
    expect((await ask("GET", "/metrics", { headers: { authorization: "Bearer wrong" } })).status).toBe(404);
    expect(
      (await ask("GET", "/metrics", { headers: { authorization: "Bearer metrics-token-of-this-test" } })).text,
    ).toContain("tillgate_rest_seconds");
    expect((await ask("GET", "/api/klarna/webhooks")).status).toBe(405);
    expect((await ask("POST", "/api/klarna/webhooks", { body: "{}" })).status).toBe(401);
  });

  it("the display's token is exchanged for cookies of its own paths and leaves the address", async () => {
    const { id } = JSON.parse((await pay({ ...sale(), amount: 11_800 })).text) as { id: string };
    const token = issueDisplayToken(test.services, id);
    const exchanged = await ask("GET", `/display/${id}?t=${encodeURIComponent(token)}`);
    expect([exchanged.status, exchanged.headers.location]).toEqual([303, `/display/${id}`]);
    const cookies = exchanged.headers["set-cookie"] ?? [];
    expect(cookies).toHaveLength(2);
    for (const [cookie, path] of [
      [cookies[0], `/display/${id}`],
      [cookies[1], `/api/v1/payments/${id}`],
    ]) {
      expect(cookie).toContain(`Path=${path};`);
      expect(cookie).toMatch(/HttpOnly; SameSite=Lax/);
    }
    const cookie = (cookies[1] ?? "").split(";")[0] ?? "";
    expect((await ask("GET", `/api/v1/payments/${id}/qr.svg`, { headers: { cookie } })).status).toBe(200);
    expect((await ask("GET", `/api/v1/payments/${id}`, { headers: { cookie } })).status).toBe(401);
    expect((await ask("POST", `/api/v1/payments/${id}/cancel`, { headers: { cookie } })).status).toBe(401);
    const { id: other } = JSON.parse((await pay({ ...sale(), amount: 11_800 })).text) as { id: string };
    expect(
      (await ask("GET", `/api/v1/payments/${other}/qr.svg`, { headers: { cookie: cookie.replaceAll(id, other) } }))
        .status,
    ).toBe(401);
    expect((await ask("GET", `/display/${other}?t=${encodeURIComponent(token)}`)).status).toBe(404);
    expect((await ask("GET", `/display/${id}?t=x&t=${encodeURIComponent(token)}`)).status).toBe(404);
    reached = [];
    await ask("GET", `/display/${id}`);
    expect(reached).toHaveLength(1);
  });

  it("a stream of a payment reaches its reader at once and survives nothing of its caller", async () => {
    const { id } = JSON.parse((await pay({ ...sale(), amount: 11_800 })).text) as { id: string };
    const request = http.request({
      host: "127.0.0.1",
      port,
      path: `/api/v1/payments/${id}/events`,
      headers: { authorization: `Bearer ${key}` },
      agent: false,
    });
    request.end();
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    let text = "";
    response.on("data", (chunk: Buffer) => {
      text += chunk.toString("utf8");
    });
    response.on("error", () => undefined);
    await expect.poll(() => text).toContain(`"id":"${id}"`);
    request.destroy();
  });
});

describe("passes on", () => {
  it("pages keep their host, headers and cookies; the caller's address is the connection's", async () => {
    reached = [];
    const answer = await ask("GET", "/payments?status=completed", {
      headers: { host: "pay.example:3000", "x-forwarded-for": "1.1.1.1", rsc: "1", cookie: "s=1" },
    });
    expect([answer.status, answer.text]).toEqual([200, "<p>page</p>"]);
    expect(reached[0]).toMatchObject({
      url: "/payments?status=completed",
      headers: {
        host: "pay.example:3000",
        rsc: "1",
        cookie: "s=1",
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-host": "pay.example:3000",
        "x-forwarded-proto": "http",
      },
    });
    expect(answer.headers["set-cookie"]).toEqual(["a=1", "b=2"]);
    expect(answer.headers["x-powered-by"]).toBeUndefined();
    expect(answer.headers["content-security-policy"]).toBe("script-src 'nonce-x'");
  });

  it("streams without holding back", async () => {
    const request = http.request({ host: "127.0.0.1", port, path: "/stream", agent: false });
    request.end();
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    const [first] = (await once(response, "data")) as [Buffer];
    expect(first.toString()).toBe("first\n");
    releaseStream?.();
    const [last] = (await once(response, "data")) as [Buffer];
    expect(last.toString()).toBe("last\n");
  });

  it("S20: a change needs our own origin: cross-site, null, missing and neighbours are 403 and reach nothing", async () => {
    reached = [];
    for (const headers of [
      {},
      { origin: "null" },
      { origin: "https://evil.example" },
      { origin: "http://sub.localhost:3000" },
      { ...origin, "sec-fetch-site": "cross-site" },
    ]) {
      for (const path of ["/api/trpc/payments.cancel", "/payments", "/api/auth/callback/credentials", "/sign-in"]) {
        const answer = await ask("POST", path, { headers: { ...headers, "content-type": "text/plain" }, body: "{}" });
        expect([path, answer.status]).toEqual([path, 403]);
      }
    }
    expect(reached).toEqual([]);
    expect((await ask("POST", "/payments", { headers: origin, body: "x=1" })).status).toBe(200);
    expect(reached[0]?.size).toBe(3);
  });

  it("S50: no spelling of a path and no header opens a door", async () => {
    reached = [];
    for (const path of [
      "/api%2Fv1/payments",
      "//api/v1/payments",
      "/x/../api/v1/payments",
      "/%2e%2e/etc/passwd",
      "/payments/..%2f",
      "/a\\b",
    ])
      expect([path, (await ask("GET", path)).status]).toEqual([path, 404]);
    expect(reached).toEqual([]);
    await ask("GET", "/payments", {
      headers: {
        "x-middleware-subrequest": "proxy:proxy:proxy:proxy:proxy",
        "x-middleware-next": "1",
        "x-invoke-path": "/",
        connection: "close, cookie",
        cookie: "s=1",
      },
    });
    expect(Object.keys(reached[0]?.headers ?? {}).filter((name) => /middleware|invoke|cookie/.test(name))).toEqual([]);
    await ask("POST", "/api/trpc/x", { headers: { ...origin, "next-action": "abc" } });
    expect(reached[1]?.headers["next-action"]).toBeUndefined();
    const bypass = { "x-middleware-subrequest": "proxy", "next-action": "abc", rsc: "1" };
    expect((await ask("GET", "/api/v1/payments", { headers: bypass })).status).toBe(401);
    expect((await ask("GET", "/api/v1/payments/", { headers: bypass })).status).toBe(404);
  });

  it("S52: optimizer, source maps, dot files, Inngest's address and odd methods are 404 or 405", async () => {
    reached = [];
    for (const path of [
      "/_next/image?url=%2Ficon.svg&w=64&q=75",
      "/_next/static/chunks/main.js.map",
      "/.env",
      "/.git/config",
      "/api/inngest",
    ]) {
      expect([path, (await ask("GET", path)).status]).toEqual([path, 404]);
    }
    for (const method of ["PATCH", "OPTIONS", "DELETE", "PUT", "TRACE", "PROPFIND"]) {
      expect([method, (await ask(method, "/payments", { headers: origin })).status]).toEqual([method, 405]);
      expect((await ask(method, "/api/inngest", { headers: origin })).status).toBe(404);
    }
    expect(reached).toEqual([]);
  });

  it("web sockets are refused", async () => {
    expect(
      await raw(
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      ),
    ).toMatch(/^HTTP\/1\.1 400 /);
  });

  it("S26: requests that two servers could read differently are closed with 400", async () => {
    for (const head of [
      "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
      "Content-Length: 5\r\nContent-Length: 6\r\n",
      "Transfer-Encoding: chunked, identity\r\n",
      "A: b\r\n c: d\r\n",
    ]) {
      expect(await raw(`POST /payments HTTP/1.1\r\nHost: x\r\n${head}\r\n0\r\n\r\n`)).toMatch(/^HTTP\/1\.1 400 /);
    }
    expect(await raw(`GET / HTTP/1.1\r\nHost: x\r\nA: ${"x".repeat(20_000)}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 /);
    expect(await raw("GET / HTTP/1.1\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 /);
  });

  it("S23: every answer carries the headers, whoever made it", async () => {
    const names = Object.keys(securityHeaders(false)).filter((name) => name !== "cache-control");
    const answers = [
      await ask("GET", "/payments"),
      await ask("GET", "/.env"),
      await ask("POST", "/x"),
      await ask("PUT", "/x"),
      await ask("GET", "/api/v1/x"),
      await ask("GET", "/metrics"),
      await ask("POST", "/api/klarna/webhooks", { body: "{}" }),
      await ask("GET", "/stream-less"),
    ];
    for (const answer of answers)
      for (const name of names) expect(answer.headers[name], `${answer.status} ${name}`).toBeDefined();
    expect((await raw("BAD\r\n\r\n")).toLowerCase()).toContain("x-content-type-options: nosniff");
  });

  it("while the web process is away, pages are 502 with a sentence and payments go on", async () => {
    const alone = createGateway(test.services, { webPort: 9 });
    const alonePort = await alone.listen(0, "127.0.0.1");
    const page = await ask("GET", "/payments", { port: alonePort });
    expect([page.status, page.headers["retry-after"]]).toEqual([502, "5"]);
    expect(page.text).toMatch(/Try again/);
    expect(
      (await ask("GET", "/api/v1/payments", { port: alonePort, headers: { authorization: `Bearer ${key}` } })).status,
    ).toBe(200);
    await alone.close();
  });

  it("R43: closing finishes what runs, takes nothing new and ends streams", async () => {
    const leaving = createGateway(test.services, { webPort });
    const leavingPort = await leaving.listen(0, "127.0.0.1");
    const { id } = JSON.parse((await pay({ ...sale(), amount: 11_800 })).text) as { id: string };
    const slow = ask("GET", "/slow", { port: leavingPort });
    const stream = ask("GET", `/api/v1/payments/${id}/events`, {
      port: leavingPort,
      headers: { authorization: `Bearer ${key}` },
    });
    await expect.poll(() => reached.some((each) => each.url === "/slow")).toBe(true);
    const started = performance.now();
    await leaving.close();
    expect(performance.now() - started).toBeLessThan(5_000);
    expect((await slow).text).toBe("slow");
    expect((await stream).status).toBe(200);
    await expect(ask("GET", "/api/health/live", { port: leavingPort })).rejects.toThrowError();
  });
});

it("R43: a kept-alive connection that was idle when the door closed is answered once more, then ended", async () => {
  const leaving = createGateway(test.services, { webPort });
  const leavingPort = await leaving.listen(0, "127.0.0.1");
  const socket = net.connect(leavingPort, "127.0.0.1");
  let answers = "";
  socket.on("data", (chunk: Buffer) => {
    answers += chunk.toString("latin1");
  });
  const ended = once(socket, "close");
  const request = `GET /api/health/live HTTP/1.1\r\nhost: localhost:${leavingPort}\r\n\r\n`;
  socket.write(request);
  await expect.poll(() => answers).toMatch(/200 OK.*"ok"/s);
  expect(answers.toLowerCase()).toContain("connection: keep-alive");
  const closed = leaving.close();
  // What a client does that has not heard yet: it writes its next request on the connection that it kept.
  await new Promise((resolve) => setImmediate(resolve));
  socket.write(request);
  await ended;
  await closed;
  expect(answers.match(/200 OK/g)).toHaveLength(2);
  expect(answers.toLowerCase()).toContain("connection: close");
});

describe("as a process", () => {
  it("stays up without a database, says so, and leaves with 0 when asked to", async () => {
    const free = await findFreePort();
    const child = spawn(process.execPath, ["--import", "tsx", "server/gateway/main.ts"], {
      env: {
        ...process.env,
        PORT: String(free),
        HOST: "127.0.0.1",
        DATABASE_URL: "postgresql://nobody@127.0.0.1:9/nothing",
        TILLGATE_SESSION_SECRET: randomBytes(32).toString("hex"),
        TILLGATE_KEY_PEPPER: randomBytes(32).toString("hex"),
        TILLGATE_ENCRYPTION_KEYS: `k1:${randomBytes(32).toString("base64")}`,
        LOG_LEVEL: "silent",
      },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const complaints: string[] = [];
    child.stderr.on("data", (chunk: Buffer) => complaints.push(chunk.toString("utf8")));
    try {
      const ask503 = async (path: string) => (await ask("GET", path, { port: free }).catch(() => null))?.status;
      await expect.poll(() => ask503("/api/health/live"), { interval: 100 }).toBe(200);
      expect(await ask503("/api/health")).toBe(503);
      const answer = await ask("GET", "/api/v1/payments", { port: free, headers: { authorization: `Bearer ${key}` } });
      expect([answer.status, answer.headers["retry-after"]]).toEqual([503, "1"]);
      child.kill("SIGTERM");
      const [code] = (await once(child, "exit")) as [number | null];
      expect([code, complaints.join("")]).toEqual([0, ""]);
    } finally {
      child.kill("SIGKILL");
    }
  });
});
