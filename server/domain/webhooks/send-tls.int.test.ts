import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { makeSelfSigned } from "@/server/testing/self-signed";
import { createSender, type SendResult } from "./send";
import { urlPolicy } from "./url-guard";

/* R24, invalid TLS: a receiver that cannot prove its name is told nothing. */

const TEST = urlPolicy("test", { WEBHOOK_ALLOW_PRIVATE_IN_TEST: true, isProduction: false });
const DAY_MS = 86_400_000;
const trusted = getCACertificates("default");
let server: Server | null = null;
let bodies: string[] = [];

afterEach(async () => {
  setDefaultCACertificates(trusted);
  bodies = [];
  server?.closeAllConnections();
  await new Promise<void>((done) => (server ? server.close(() => done()) : done()));
  server = null;
});

async function post(pem: { key: string; cert: string }): Promise<SendResult> {
  const listening = createServer(pem, (request, response) => {
    let body = "";
    request
      .on("data", (chunk) => {
        body += chunk;
      })
      .on("end", () => {
        bodies.push(body);
        response.end();
      });
  });
  server = listening;
  await new Promise<void>((done) => listening.listen(0, "127.0.0.1", done));
  const sender = createSender(TEST, { timeoutMs: 3_000 });
  try {
    const { port } = listening.address() as AddressInfo;
    return await sender.post({ url: `https://127.0.0.1:${port}/hook`, headers: {}, body: '{"secret":1}' });
  } finally {
    await sender.close();
  }
}

const FAILED = { outcome: "tls_failed", status: null, answer: null };

describe("R24: invalid TLS", () => {
  it("R24: a certificate that signs itself is refused before anything is told", async () => {
    expect(await post(makeSelfSigned("127.0.0.1"))).toMatchObject(FAILED);
    expect(bodies).toEqual([]);
  });

  it("the very same kind of certificate is taken when its issuer is trusted: it was the trust that was missing", async () => {
    const pem = makeSelfSigned("127.0.0.1");
    setDefaultCACertificates([...trusted, pem.cert]);
    expect(await post(pem)).toMatchObject({ outcome: "delivered", status: 200 });
    expect(bodies).toEqual(['{"secret":1}']);
  });

  it("R24: a trusted certificate for another name, and one whose time is over, are refused", async () => {
    const elsewhere = makeSelfSigned("shop.example.com");
    setDefaultCACertificates([...trusted, elsewhere.cert]);
    expect(await post(elsewhere)).toMatchObject(FAILED);
    server?.closeAllConnections();
    const old = makeSelfSigned("127.0.0.1", {
      notBefore: new Date(Date.now() - 2 * DAY_MS),
      notAfter: new Date(Date.now() - DAY_MS),
    });
    setDefaultCACertificates([...trusted, old.cert]);
    expect(await post(old)).toMatchObject(FAILED);
    expect(bodies).toEqual([]);
  });
});
