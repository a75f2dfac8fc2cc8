import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { findFreePort } from "@/server/boot/ports";
import { newId } from "@/server/core/ids";
import { CreateEndpointSchema } from "@/server/domain/webhooks/schema";
import { createEndpoint } from "@/server/domain/webhooks/service";
import { appendEvent, type Receiver, startReceiver } from "@/server/domain/webhooks/testing";
import { SIGNALS } from "@/server/events/catalog";
import { makePartner } from "@/server/testing/builders";
import { asApiKey, type TestServices, testServices } from "@/server/testing/context";

/* The real engine in a process of its own: from a committed event to the Partner's receiver. */

const ROOT = path.resolve(import.meta.dirname, "../..");
const secrets = {
  TILLGATE_SESSION_SECRET: randomBytes(32).toString("base64url"),
  TILLGATE_KEY_PEPPER: randomBytes(32).toString("base64url"),
  TILLGATE_ENCRYPTION_KEYS: `test:${randomBytes(32).toString("base64")}`,
};
let test: TestServices;
let shop: Receiver;
let partnerId: string;
let enginePort: number;
const children: ChildProcess[] = [];

async function startEngine(): Promise<ChildProcess> {
  const child = spawn(process.execPath, ["--import", "tsx", "inngest/engine/main.ts"], {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH,
      NODE_ENV: "test",
      TZ: "UTC",
      TILLGATE_ENV: "demo",
      DATABASE_URL: test.services.env.DATABASE_URL,
      ENGINE_PORT: String(enginePort),
      LOG_LEVEL: "warn",
      ...secrets,
    },
    stdio: ["ignore", "inherit", "inherit"],
  });
  children.push(child);
  await expect.poll(signal, { timeout: 20_000, interval: 100 }).toBe(true);
  return child;
}

const signal = async (): Promise<boolean> =>
  fetch(`http://127.0.0.1:${enginePort}/e/local-events`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: SIGNALS.outbox, data: {} }),
  }).then(
    (answer) => answer.ok,
    () => false,
  );

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise((done) => child.once("exit", done));
}

const announce = (): Promise<string> =>
  appendEvent(test.services, { partnerId, subjectId: newId("refund"), sequence: 1 });

beforeAll(async () => {
  enginePort = await findFreePort();
  test = await testServices({ simulator: false, environment: secrets });
  shop = await startReceiver();
  partnerId = (await makePartner(test.services)).partner.id;
  const ctx = asApiKey(test.services, { partnerId });
  await createEndpoint(ctx, CreateEndpointSchema.parse({ url: shop.url, events: ["*"] }));
});
afterAll(async () => {
  for (const child of children) child.kill("SIGKILL");
  await Promise.all(children.map(ended));
  await shop.close();
  await test.close();
});

it("a committed event reaches the Partner within moments of its signal", async () => {
  await startEngine();
  await announce();
  await signal();
  await expect.poll(() => shop.received.length, { timeout: 15_000, interval: 2 }).toBe(1);
  const waits: number[] = [];
  for (let n = 2; n <= 12; n += 1) {
    await announce();
    const startedMs = performance.now();
    await signal();
    await expect.poll(() => shop.received.length, { timeout: 5_000, interval: 1 }).toBe(n);
    waits.push(performance.now() - startedMs);
  }
  expect(waits.sort((a, b) => a - b)[5]).toBeLessThan(500);
  if (process.env.PRINT_FIGURES) process.stdout.write(`median ${waits[5]?.toFixed(1)} ms\n`);
});

it("R41: events committed while the engine is dead, or killed in the middle of its sending, all arrive", async () => {
  const before = shop.received.length;
  const [engine] = children;
  if (!engine) throw new Error("no engine");
  const ids: string[] = [];
  shop.answer((response) => {
    setTimeout(() => response.writeHead(200).end(), 20);
  });
  for (let n = 0; n < 60; n += 1) ids.push(await announce());
  await signal();
  await expect.poll(() => shop.received.length, { timeout: 5_000, interval: 1 }).toBeGreaterThan(before + 5);
  engine.kill("SIGKILL");
  await ended(engine);
  for (let n = 0; n < 5; n += 1) ids.push(await announce());
  // What was in flight is held until its lease ends: let it have ended.
  await test.services.db.query({
    text: "update webhook_deliveries set claimed_until = now() where claimed_until is not null",
    values: [],
  });
  await startEngine();
  await signal();
  const arrived = (): number => new Set(shop.received.map((got) => got.json.id)).size - before;
  await expect.poll(arrived, { timeout: 20_000, interval: 20 }).toBe(65);
  expect(ids.every((id) => shop.received.some((got) => got.json.id === id))).toBe(true);
});
