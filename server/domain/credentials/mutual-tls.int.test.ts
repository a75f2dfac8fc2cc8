import { createPrivateKey } from "node:crypto";
import http2 from "node:http2";
import https from "node:https";
import tls from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { createContext, createServices, type ServiceContext, type Services } from "@/server/context";
import type { Mode } from "@/server/core/schema";
import { SECOND_MS, systemClock } from "@/server/core/time";
import { createKlarnaClient } from "@/server/klarna/http-client";
import { createLog } from "@/server/observability/log";
import { createAuthority, issueServerCertificate } from "@/server/simulator/management/certificates";
import { type RunningSimulator, startSimulator } from "@/server/simulator/testing";
import { asUser, type TestServices, testServices } from "@/server/testing/context";
import { makeSelfSigned } from "@/server/testing/self-signed";
import { activateCredential, createCredential, disableCredential, enforceCertificate, getAccess } from "./service";

/*
 * Mutual TLS over real connections: a door that speaks TLS (HTTP/2 and 1.1, as Klarna's), asks for a client certificate and
 * checks it against the simulator's authority, with the simulator behind it.
 */

type Shown = {
  fingerprint: string | null;
  isTrusted: boolean;
  httpVersion: string;
  path: string;
  namedByHeader: boolean;
};
type Door = { url: string; shown: Shown[]; close(): Promise<void> };

const authority = createAuthority(Date.now());
const own = issueServerCertificate({ privateKey: createPrivateKey(authority.key) }, Date.now());
const closing: (() => Promise<void>)[] = [];

const usual = tls.getCACertificates("default");
beforeAll(() => tls.setDefaultCACertificates([...usual, authority.certificate]));
afterAll(() => tls.setDefaultCACertificates(usual));
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const close of closing.splice(0).reverse()) await close();
});

const plain = (fingerprint: string): string => fingerprint.replaceAll(":", "").toLowerCase();
const portOf = (server: http2.Http2SecureServer | https.Server): number => {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
};

async function openDoor(simulator: RunningSimulator): Promise<Door> {
  const access = await (await simulator.fetch(new Request(`${simulator.url}/_control/access`))).json();
  const shown: Shown[] = [];
  const server = http2.createSecureServer(
    {
      key: own.key,
      cert: own.certificate,
      ca: String(access.ca_certificate),
      allowHTTP1: true,
      requestCert: true,
      rejectUnauthorized: false,
    },
    (request, response) => {
      const socket = request.stream?.session?.socket ?? request.socket;
      const peer = socket instanceof tls.TLSSocket ? socket.getPeerX509Certificate() : undefined;
      const fingerprint = peer === undefined ? null : plain(peer.fingerprint256);
      shown.push({
        fingerprint,
        isTrusted: socket instanceof tls.TLSSocket && socket.authorized,
        httpVersion: request.httpVersion,
        path: request.url,
        namedByHeader: request.headers["x-simulator-client-certificate"] !== undefined,
      });
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", async () => {
        const headers = new Headers();
        for (const name of ["authorization", "content-type", "klarna-idempotency-key"]) {
          const value = request.headers[name];
          if (typeof value === "string") headers.set(name, value);
        }
        if (fingerprint !== null) headers.set("x-simulator-client-certificate", fingerprint);
        const method = request.method ?? "GET";
        const answer = await simulator.fetch(
          new Request(`${simulator.url}${request.url}`, {
            method,
            headers,
            ...(method === "GET" ? {} : { body: Buffer.concat(chunks) }),
          }),
        );
        response.writeHead(answer.status, Object.fromEntries(answer.headers));
        response.end(Buffer.from(await answer.arrayBuffer()));
      });
    },
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const sockets = new Set<tls.TLSSocket>();
  server.on("secureConnection", (socket) => sockets.add(socket));
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      for (const socket of sockets) socket.destroy();
      server.close(() => resolve());
    });
  return { url: `https://localhost:${portOf(server)}`, shown, close };
}

type Scene = { test: TestServices; ctx: ServiceContext; live: ServiceContext; doors: Record<Mode, Door> };

async function scene(): Promise<Scene> {
  const simulator = await startSimulator();
  closing.push(() => simulator.close());
  const doors = { test: await openDoor(simulator), live: await openDoor(simulator) };
  closing.push(doors.test.close, doors.live.close);
  const test = await testServices({
    clock: "movable",
    simulator: false,
    environment: {
      KLARNA_TEST_BASE_URL: doors.test.url,
      KLARNA_LIVE_BASE_URL: doors.live.url,
      KLARNA_TEST_API_KEY: simulator.apiKey,
      KLARNA_LIVE_API_KEY: simulator.apiKey,
    },
  });
  closing.push(() => test.close());
  const ctx = asUser(test.services, "ACQUIRER_ADMIN");
  const live = createContext(test.services, {
    actor: ctx.actor,
    scope: { partners: "all", mode: "live" },
    way: "SCREEN",
  });
  return { test, ctx, live, doors };
}

const certificate = async (ctx: ServiceContext, purpose: string) => {
  const made = await createCredential(ctx, { kind: "CLIENT_CERTIFICATE", purpose, domains: [] });
  if (made.fingerprint === null) throw new Error("no fingerprint");
  return { id: made.id, fingerprint: made.fingerprint };
};
const ask = (services: Pick<Services, "klarna">, mode: Mode = "test") =>
  services.klarna.call({
    mode,
    operation: "account_read",
    method: "GET",
    path: "/v2/account/acquiring/accounts",
    sessionReference: "test",
  });

describe("the certificate that calls show", () => {
  it("is the one in use, of the call's own mode, proven by its key; before there is one, none; and nothing names it by header", async () => {
    const { test, ctx, live, doors } = await scene();
    expect((await ask(test.services)).kind).toBe("answered");
    expect(new Set(doors.test.shown.map(({ fingerprint }) => fingerprint))).toEqual(new Set([null]));

    const ofTest = await certificate(ctx, "test");
    const ofLive = await certificate(live, "live");
    expect(ofTest.fingerprint).not.toBe(ofLive.fingerprint);
    await activateCredential(ctx, ofTest.id);
    await activateCredential(live, ofLive.id);
    doors.test.shown.length = 0;
    doors.live.shown.length = 0;
    for (const mode of ["test", "live", "test", "live"] as const)
      expect((await ask(test.services, mode)).kind).toBe("answered");
    const fingerprints = ({ shown }: Door) => new Set(shown.map(({ fingerprint }) => fingerprint));
    expect(fingerprints(doors.test)).toEqual(new Set([ofTest.fingerprint]));
    expect(fingerprints(doors.live)).toEqual(new Set([ofLive.fingerprint]));
    for (const { shown } of Object.values(doors)) {
      expect(shown.every((one) => one.isTrusted && !one.namedByHeader)).toBe(true);
      // The door offers HTTP/2 first: what every other test plays is what goes out here.
      expect(new Set(shown.map(({ httpVersion }) => httpVersion))).toEqual(new Set(["1.1"]));
    }

    const statusNow = async () => {
      await ask(test.services);
      return (await getAccess(ctx)).lastMtlsStatus;
    };
    await expect.poll(statusNow, { timeout: 20_000 }).toBe("VALID");
    await enforceCertificate(ctx, test.clock.now());
    expect((await ask(test.services)).kind).toBe("answered");
  });

  it("after a rotation is the new one on every connection, in every process and without a restart; the one disabled is never shown again", async () => {
    const { test, ctx, doors } = await scene();
    const other = createServices({
      env: test.services.env,
      name: "other",
      log: createLog({ level: "silent", name: "other", destination: { write: () => undefined } }),
      nudge: () => undefined,
      connections: 2,
    });
    closing.push(async () => {
      await other.klarna.close();
      await other.db.close();
    });
    const first = await certificate(ctx, "first");
    await activateCredential(ctx, first.id);
    await other.klarna.reloadKeys?.("test");

    const outcomes: string[] = [];
    let isOver = false;
    const traffic = async (services: Services): Promise<void> => {
      while (!isOver) outcomes.push((await ask(services)).kind);
    };
    const running = Promise.all([...Array(3).fill(test.services), ...Array(3).fill(other)].map(traffic));
    await expect.poll(() => outcomes.length, { timeout: 20_000 }).toBeGreaterThan(20);
    const second = await certificate(ctx, "second");
    await activateCredential(ctx, second.id);
    // The other process reads the credentials again by itself.
    const lately = () => doors.test.shown.slice(-60).map(({ fingerprint }) => fingerprint);
    await expect
      .poll(() => lately().length === 60 && lately().every((one) => one === second.fingerprint), { timeout: 20_000 })
      .toBe(true);
    test.clock.advance(31 * SECOND_MS);
    const disabledFrom = doors.test.shown.length;
    await disableCredential(ctx, first.id);
    const before = outcomes.length;
    await expect.poll(() => outcomes.length, { timeout: 20_000 }).toBeGreaterThan(before + 60);
    isOver = true;
    await running;

    expect(new Set(outcomes)).toEqual(new Set(["answered"]));
    expect(new Set(doors.test.shown.slice(disabledFrom).map(({ fingerprint }) => fingerprint))).toEqual(
      new Set([second.fingerprint]),
    );
    expect(new Set(doors.test.shown.map(({ fingerprint }) => fingerprint))).toEqual(
      new Set([null, first.fingerprint, second.fingerprint]),
    );
  });

  it("is tried on a connection of its own first: one that Klarna does not take is not taken into use, and calls go on as before", async () => {
    const { test, ctx, doors } = await scene();
    const good = await certificate(ctx, "good");
    await activateCredential(ctx, good.id);
    const bad = await certificate(ctx, "bad");
    const made = (await getAccess(ctx)).foreign;
    expect(made.filter(({ kind }) => kind === "CLIENT_CERTIFICATE")).toEqual([]);
    const [row] = await test.services.db.query<{ klarnaId: string }>({
      text: `select klarna_credential_id as "klarnaId" from klarna_credentials where id = $1`,
      values: [bad.id],
    });
    await test.services.klarna.call({
      mode: "test",
      operation: "account_write",
      method: "DELETE",
      path: `/v2/account/integration/credentials/client-certificate/${encodeURIComponent(row?.klarnaId ?? "")}`,
      sessionReference: "test",
    });
    await expect(activateCredential(ctx, bad.id)).rejects.toMatchObject({ code: "state_conflict" });
    doors.test.shown.length = 0;
    expect((await ask(test.services)).kind).toBe("answered");
    expect(new Set(doors.test.shown.map(({ fingerprint }) => fingerprint))).toEqual(new Set([good.fingerprint]));
  });

  it("is the one before again once the newer one is over, which then is in use for people, too, and cannot be disabled", async () => {
    const { test, ctx, doors } = await scene();
    const first = await certificate(ctx, "first");
    await activateCredential(ctx, first.id);
    const second = await certificate(ctx, "second");
    test.clock.advance(SECOND_MS);
    await activateCredential(ctx, second.id);
    await test.services.db.query({
      text: "update klarna_credentials set expires_at = now() - interval '1 hour' where id = $1",
      values: [second.id],
    });
    await test.services.klarna.reloadKeys?.("test");
    doors.test.shown.length = 0;
    expect((await ask(test.services)).kind).toBe("answered");
    expect(new Set(doors.test.shown.map(({ fingerprint }) => fingerprint))).toEqual(new Set([first.fingerprint]));
    test.clock.advance(31 * SECOND_MS);
    await expect(disableCredential(ctx, first.id)).rejects.toMatchObject({ code: "state_conflict" });
    expect(await disableCredential(ctx, second.id)).toMatchObject({ state: "DISABLED" });
  });

  it("S60: its private key is in no log, no error and no answer of ours, also when it cannot be used", async () => {
    const { test, ctx } = await scene();
    const made = await certificate(ctx, "in use");
    await activateCredential(ctx, made.id);
    const [row] = await test.services.db.query<{ secret: string }>({
      text: "select secret from klarna_credentials where id = $1",
      values: [made.id],
    });
    const place = `klarna_credentials|secret|${made.id}|test`;
    const pem = test.services.secrets.open(row?.secret ?? "", place);
    const lines = pem.split("\n").filter((line) => line.length > 20 && !line.startsWith("-----"));
    expect(lines.length).toBeGreaterThan(1);

    // A certificate that is none, and one of another key: no call leaves, and each says so at once.
    const another = makeSelfSigned("localhost");
    const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (const [index, text] of [broken, another.cert].entries()) {
      await test.services.db.query({
        text: "update klarna_credentials set certificate = $2, fingerprint = $3 where id = $1",
        values: [made.id, text, String(index).repeat(64)],
      });
      await test.services.klarna.reloadKeys?.("test");
      expect((await ask(test.services)).kind).toBe("not_sent");
    }
    const outcome = await ask(test.services);
    const words = [...test.log, JSON.stringify(outcome), JSON.stringify(await getAccess(ctx))].join("\n");
    for (const line of lines) expect(words).not.toContain(line);
    expect(words).not.toContain("PRIVATE KEY");
  });
});

describe("the certificate that Klarna shows", () => {
  const dayMs = 86_400_000;
  const elsewhere = createAuthority(Date.now());
  const ofElsewhere = issueServerCertificate({ privateKey: createPrivateKey(elsewhere.key) }, Date.now());
  const old = issueServerCertificate({ privateKey: createPrivateKey(authority.key) }, Date.now() - 3 * 365 * dayMs);
  const future = issueServerCertificate({ privateKey: createPrivateKey(authority.key) }, Date.now() + 3 * 365 * dayMs);
  const selfSigned = makeSelfSigned("localhost");

  const inUse = { key: own.key, cert: own.certificate };

  it.each([
    ["signs itself", { key: selfSigned.key, cert: selfSigned.cert }, "localhost", /SELF_SIGNED/],
    [
      "comes from an authority that nobody knows",
      { key: ofElsewhere.key, cert: ofElsewhere.certificate },
      "localhost",
      /UNABLE_TO/,
    ],
    ["is of another host", inUse, "127.0.0.2", /ALTNAME/],
    ["is over", { key: old.key, cert: old.certificate }, "localhost", /EXPIRED/],
    ["is of a time to come", { key: future.key, cert: future.certificate }, "localhost", /NOT_YET/],
    // Here it is ours that is asked for a newer one: a handshake that the other end breaks off is no lost call either.
    [
      "is shown by TLS 1.1 only",
      { ...inUse, minVersion: "TLSv1" as const, maxVersion: "TLSv1.1" as const },
      "localhost",
      /VERSION|PROTOCOL/,
    ],
  ])(
    "is refused where it %s: nothing is sent, whatever the surroundings say",
    async (_what, settings, host, reason) => {
      let heard = 0;
      const server = https.createServer(settings, (_request, response) => {
        heard += 1;
        response.end("{}");
      });
      server.on("tlsClientError", () => undefined);
      await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
      closing.push(
        () =>
          new Promise((resolve) => {
            server.close(() => resolve());
            server.closeAllConnections();
          }),
      );
      const place = { baseUrl: `https://${host}:${portOf(server)}`, apiKey: "key" };
      const klarna = createKlarnaClient({
        clock: systemClock,
        log: createLog({ level: "silent", name: "test", destination: { write: () => undefined } }),
        environments: { test: place, live: place },
        timeoutMs: 5_000,
      });
      closing.push(() => klarna.close());
      for (const said of ["1", "0"]) {
        vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", said);
        expect(await ask({ klarna })).toMatchObject({ kind: "not_sent", reason: expect.stringMatching(reason) });
      }
      expect(heard).toBe(0);
    },
  );
});
