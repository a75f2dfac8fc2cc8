import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { findFreePort } from "@/server/boot/ports";
import { newId } from "@/server/core/ids";
import { CreateEndpointSchema, ReplayFilterSchema } from "@/server/domain/webhooks/schema";
import { createEndpoint, getReplay, startReplay } from "@/server/domain/webhooks/service";
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
  await expect.poll(() => signal(), { interval: 100 }).toBe(true);
  return child;
}

const signal = async (name: string = SIGNALS.outbox): Promise<boolean> =>
  fetch(`http://127.0.0.1:${enginePort}/e/local-events`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name, data: {} }),
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
  await expect.poll(() => shop.received.length, { interval: 2 }).toBe(1);
  const waits: number[] = [];
  for (let n = 2; n <= 12; n += 1) {
    await announce();
    const startedMs = performance.now();
    await signal();
    await expect.poll(() => shop.received.length, { interval: 1 }).toBe(n);
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
  await expect.poll(() => shop.received.length, { interval: 1 }).toBeGreaterThan(before + 5);
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
  await expect.poll(arrived, { interval: 20 }).toBe(65);
  expect(ids.every((id) => shop.received.some((got) => got.json.id === id))).toBe(true);
});

it("R27: a replay of many is worked off and delivered by the engine", async () => {
  const ctx = asApiKey(test.services, { partnerId });
  shop.answer((response) => response.writeHead(200).end());
  const pending = async () =>
    test.services.db.query({ text: "select id from webhook_deliveries where state = 'PENDING'", values: [] });
  await expect.poll(pending).toEqual([]);
  const before = shop.received.length;
  await test.services.db.query({
    text: "update webhook_deliveries set state = 'FAILED', next_attempt_at = null, updated_at = now() where partner_id = $1",
    values: [partnerId],
  });
  const replay = await startReplay(ctx, ReplayFilterSchema.parse({}));
  expect(replay.expected).toBeGreaterThan(60);
  await signal(SIGNALS.replays);
  await expect.poll(async () => (await getReplay(ctx, replay.id)).status).toBe("done");
  await expect.poll(() => shop.received.length - before).toBe(replay.expected);
  const again = shop.received.slice(before).map((got) => got.json.id);
  expect(new Set(again).size).toBe(replay.expected);
});

it("R43: a SIGTERM lets what is being sent end, gives back what hangs, and leaves no claim", async () => {
  const engine = children.at(-1);
  if (!engine) throw new Error("no engine");
  const before = shop.received.length;
  let held = 0;
  // Half of them answer while the engine ends, half never do.
  shop.answer((response) => {
    held += 1;
    if (held % 2 === 0) setTimeout(() => response.writeHead(200).end(), 1_000);
  });
  for (let n = 0; n < 6; n += 1) await announce();
  await signal();
  await expect.poll(() => shop.received.length - before, { interval: 1 }).toBe(6);
  const startedMs = performance.now();
  engine.kill("SIGTERM");
  await ended(engine);
  expect(engine.exitCode).toBe(0);
  expect(performance.now() - startedMs).toBeLessThan(10_000);
  const rows = await test.services.db.query<{ state: string; claimed: boolean; attempts: number }>({
    text: `select state, claimed_until is not null as claimed, attempts from webhook_deliveries
           where partner_id = $1 order by created_at desc, id desc limit 6`,
    values: [partnerId],
  });
  expect(rows.filter((row) => row.state === "DELIVERED")).toHaveLength(3);
  // Cut by ourselves: not a failure of theirs, and free for whoever comes next.
  expect(rows.filter((row) => row.state === "PENDING")).toEqual(
    Array(3).fill({ state: "PENDING", claimed: false, attempts: 0 }),
  );
  shop.answer((response) => response.writeHead(200).end());
  await startEngine();
  await expect.poll(() => shop.received.length - before).toBe(9);
});
