import { spawn } from "node:child_process";
import { createHash, createHmac, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { text } from "node:stream/consumers";
import { NextRequest } from "next/server";
import { afterEach, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { keepRegistering, registerFunctions } from "@/server/boot/functions";
import { findFreePort } from "@/server/boot/ports";
import { generateSecrets, processEnvironment, readSettings } from "@/server/boot/settings";

/* The settings of an Inngest server, self-hosted or cloud, reach the SDK, and the embedded engine stays away. */

type Call = { method: string; path: string; authorization: string; body: unknown };

const EVENT_KEY = "event-key-of-the-server";
const KEY = `signkey-prod-${randomBytes(32).toString("hex")}`;
const FALLBACK = `signkey-prod-${randomBytes(32).toString("hex")}`;
const RegistrationSchema = z.looseObject({
  url: z.string(),
  appName: z.string(),
  functions: z.array(z.looseObject({ id: z.string() })),
});

const servers = new Set<Server>();
const before = { ...process.env };
afterEach(() => {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
  servers.clear();
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
  Object.assign(process.env, before);
  vi.resetModules();
});

/** Stands for an Inngest server: writes down what it is asked and takes only these signing keys. */
async function fakeServer(taken: readonly string[]): Promise<{ url: string; calls: Call[] }> {
  const calls: Call[] = [];
  const hashed = taken.map((key) => {
    const prefix = /^signkey-\w+-/.exec(key)?.[0] ?? "";
    const hash = createHash("sha256").update(Buffer.from(key.slice(prefix.length), "hex"));
    return `Bearer ${prefix}${hash.digest("hex")}`;
  });
  const server = createServer((request: IncomingMessage, response) => {
    text(request).then(
      (body) => {
        const authorization = request.headers.authorization ?? "";
        calls.push({
          method: request.method ?? "",
          path: request.url ?? "",
          authorization,
          body: body === "" ? null : JSON.parse(body),
        });
        const isEvent = request.url?.startsWith("/e/") === true;
        const isKnown = isEvent || hashed.includes(authorization);
        response.writeHead(isKnown ? 200 : 401, { "content-type": "application/json" });
        response.end(
          JSON.stringify(
            isEvent ? { ids: ["01"], status: 200 } : isKnown ? { ok: true, modified: true } : { error: "no" },
          ),
        );
      },
      () => response.destroy(),
    );
  });
  servers.add(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("No port");
  return { url: `http://127.0.0.1:${address.port}`, calls };
}

/** The settings of a process beside that server, as boot hands them over. */
function environmentOf(given: Readonly<Record<string, string>>): Record<string, string> {
  const all = { PUBLIC_URL: "https://pay.example.com", DATABASE_URL: "postgresql://u:p@127.0.0.1:1/x", ...given };
  const settings = readSettings(all);
  return processEnvironment({ ...settings, publicUrl: "https://pay.example.com" }, generateSecrets(), all);
}

async function loadApp(given: Readonly<Record<string, string>>) {
  Object.assign(process.env, environmentOf(given));
  vi.resetModules();
  const [route, { inngest }, { createServices }] = await Promise.all([
    import("@/app/api/inngest/route"),
    import("@/inngest/client"),
    import("@/server/context"),
  ]);
  return { route, inngest, createServices };
}

const putRequest = (): NextRequest => new NextRequest("http://127.0.0.1:3001/api/inngest", { method: "PUT" });

function signedCall(key: string): NextRequest {
  const url = "http://127.0.0.1:3001/api/inngest?fnId=tillgate-no-such-function&stepId=step";
  const body = JSON.stringify({ ctx: {}, event: {}, events: [], steps: {} });
  const ts = String(Math.floor(Date.now() / 1_000));
  const secret = key.replace(/^signkey-\w+-/, "");
  const signature = `t=${ts}&s=${createHmac("sha256", secret).update(body).update(ts).digest("hex")}`;
  const headers = { "content-type": "application/json", "x-inngest-signature": signature };
  return new NextRequest(url, { method: "POST", body, headers });
}

describe("an Inngest server instead of the engine", () => {
  it("gets the functions by a registration that is signed with the key and names our public address", async () => {
    const server = await fakeServer([KEY]);
    const { route } = await loadApp({
      INNGEST_BASE_URL: server.url,
      INNGEST_EVENT_KEY: EVENT_KEY,
      INNGEST_SIGNING_KEY: KEY,
    });
    const answer = await route.PUT(putRequest(), undefined);
    expect(answer.status).toBe(200);
    expect(server.calls).toHaveLength(1);
    expect(server.calls[0]).toMatchObject({ method: "POST", path: expect.stringMatching(/^\/fn\/register/) });
    const registration = RegistrationSchema.parse(server.calls[0]?.body);
    expect(registration).toMatchObject({ url: "https://pay.example.com/api/inngest", appName: "tillgate" });
    expect(registration.functions.map((fn) => fn.id)).toContain("tillgate-deliver-webhooks");
    expect(registration.functions.length).toBeGreaterThan(5);
  });

  it("is asked again with the fallback key when it refuses the first; a call signed by either is taken, by another not", async () => {
    const server = await fakeServer([FALLBACK]);
    const { route } = await loadApp({
      INNGEST_BASE_URL: server.url,
      INNGEST_EVENT_KEY: EVENT_KEY,
      INNGEST_SIGNING_KEY: KEY,
      INNGEST_SIGNING_KEY_FALLBACK: FALLBACK,
    });
    expect((await route.PUT(putRequest(), undefined)).status).toBe(200);
    expect(new Set(server.calls.map((call) => call.authorization)).size).toBe(2);
    // Past the signature there is no such function, which is another answer than 401.
    expect((await route.POST(signedCall(KEY), undefined)).status).not.toBe(401);
    expect((await route.POST(signedCall(FALLBACK), undefined)).status).not.toBe(401);
    const stranger = `signkey-prod-${randomBytes(32).toString("hex")}`;
    expect((await route.POST(signedCall(stranger), undefined)).status).toBe(401);
  });

  it("gets events and signals under the event key, at an address of their own where there is one", async () => {
    const [server, events] = [await fakeServer([KEY]), await fakeServer([])];
    const settings = { INNGEST_BASE_URL: server.url, INNGEST_EVENT_KEY: EVENT_KEY, INNGEST_SIGNING_KEY: KEY };
    for (const [given, at] of [
      [settings, server],
      [{ ...settings, INNGEST_EVENT_API_BASE_URL: events.url }, events],
    ] as const) {
      const { inngest, createServices } = await loadApp(given);
      await inngest.send({ name: "test/event", data: { n: 1 } });
      const services = createServices({ name: "test" });
      services.nudge("outbox");
      await expect.poll(() => at.calls.length).toBeGreaterThanOrEqual(2);
      await services.db.close();
      expect(at.calls.map((call) => call.path)).toEqual([`/e/${EVENT_KEY}`, `/e/${EVENT_KEY}`]);
    }
  });

  it("for development has no signing key: nothing is generated, and it calls this process itself", async () => {
    const server = await fakeServer([]);
    const environment = environmentOf({ INNGEST_BASE_URL: server.url, PORT: "4000" });
    expect(environment.INNGEST_SIGNING_KEY).toBeUndefined();
    expect(environment.INNGEST_EVENT_KEY).toBeUndefined();
    expect(environmentOf({}).INNGEST_SIGNING_KEY).toMatch(/^signkey-test-/);
    const { inngest } = await loadApp({ INNGEST_BASE_URL: server.url, PORT: "4000" });
    const { serveOrigin } = await import("@/inngest/client");
    expect(inngest.mode).toBe("dev");
    expect(serveOrigin).toBe("http://127.0.0.1:4001");
  });

  it("is told of the functions by boot, again and again until it answers", async () => {
    const port = await findFreePort();
    const url = `http://127.0.0.1:${port}/api/inngest`;
    expect(await registerFunctions(url)).not.toBeNull();
    const lines: string[] = [];
    const registered = keepRegistering(url, (line) => lines.push(line), 20);
    await expect.poll(() => lines).toHaveLength(1);
    let asked = 0;
    const web = createServer((request, response) => {
      asked += 1;
      response.writeHead(asked === 1 ? 500 : 200).end(request.method);
    });
    servers.add(web);
    web.listen(port, "127.0.0.1");
    await registered;
    expect(asked).toBe(2);
    expect(lines.at(-1)).toBe("the Inngest server knows the functions");
  });

  it("keeps the engine away: boot does not start it, and it refuses to start by itself", async () => {
    const given = { INNGEST_BASE_URL: "http://127.0.0.1:8288", INNGEST_EVENT_KEY: EVENT_KEY, INNGEST_SIGNING_KEY: KEY };
    expect(readSettings(given).hasEngine).toBe(false);
    expect(readSettings({}).hasEngine).toBe(true);
    const child = spawn(process.execPath, ["--import", "tsx", "inngest/engine/main.ts"], {
      env: { ...process.env, ...environmentOf(given) },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const [said, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);
    expect(code).toBe(1);
    expect(said).toContain("the embedded engine does not start beside it");
  });
});
