import { createHmac, randomUUID } from "node:crypto";
import { Pool } from "undici";
import { afterAll, beforeAll, expect, it } from "vitest";
import { newId } from "@/server/core/ids";
import { checkInvariants } from "@/server/domain/invariants";
import { type BuiltPartner, makePartner } from "@/server/testing/builders";
import { type TestServices, testServices } from "@/server/testing/context";
import { type GatewayChild, startGatewayChild } from "@/server/testing/gateway-child";
import { storeSigningKey } from "@/server/testing/klarna-webhooks";
import { makeKey } from "@/server/testing/rest";
import { eventBody } from "@/server/testing/signed-event";

/* The front door as its own process, asked for five times what it can do by callers that do not wait for each other. */

/** Enough to keep the front door busy, few enough that none of them waits for a place. */
const CLOSED_CALLERS = 24;
const CLOSED_MS = 1_200;
/** Longer than a burst is borne. */
const OPEN_MS = 5_000;
const FACTOR = 5;
const CONNECTIONS = 1_000;
const SIGNING_KEY = { id: `krn:partner:global:notification:signing-key:${randomUUID()}`, secret: randomUUID() };
/** Of 20 requests. */
const MIX = [..."RRCRLRCRLRCWRCLRCRLC"] as readonly string[];

let test: TestServices;
let own: BuiltPartner;
let keys: string[];
let gateway: GatewayChild;
let knownId: string;

beforeAll(async () => {
  test = await testServices();
  own = await makePartner(test.services);
  // The limit of one key is not what is looked at here.
  keys = await Promise.all(Array.from({ length: 4 }, async () => (await makeKey(test.services, own.partner.id)).key));
  await storeSigningKey(test.services, { ...SIGNING_KEY, mode: "test" });
  gateway = await startGatewayChild(test.services, { METRICS_TOKEN: "metrics-token-of-this-test" });
});
afterAll(async () => {
  gateway.process.kill("SIGKILL");
  await test.close();
});

type Prepared = { method: "GET" | "POST"; path: string; headers: Record<string, string>; body: string | null };
type Heard = {
  kind: string;
  status: number;
  tookMs: number;
  endedMs: number;
  retryAfter: string;
  body: string;
  failure: string;
};

function prepare(kind: string, index: number): Prepared {
  const authorization = `Bearer ${keys[index % keys.length]}`;
  if (kind === "R")
    return { method: "GET", path: `/api/v1/payments/${knownId}`, headers: { authorization }, body: null };
  if (kind === "L") return { method: "GET", path: "/api/v1/payments?limit=20", headers: { authorization }, body: null };
  if (kind === "W") {
    const body = eventBody({
      type: "payment.request.state-change.in-progress",
      account: own.account.id,
      payload: { payment_request_id: `krn:none:${index}`, state: "IN_PROGRESS" },
    });
    const signature = createHmac("sha256", SIGNING_KEY.secret).update(body).digest("hex");
    const headers = { "klarna-signing-key-id": SIGNING_KEY.id, "klarna-signature": signature };
    return { method: "POST", path: "/api/klarna/webhooks", headers, body: body.toString("utf8") };
  }
  const reference = newId("request");
  return {
    method: "POST",
    path: "/api/v1/payments",
    headers: { authorization, "content-type": "application/json", "idempotency-key": reference },
    body: JSON.stringify({
      amount: 10_002,
      currency: "SEK",
      reference,
      store: { id: own.store.id },
      terminal: { id: own.terminal.id },
    }),
  };
}

async function ask(pool: Pool, kind: string, prepared: Prepared): Promise<Heard> {
  const askedMs = performance.now();
  const heard: Heard = { kind, status: 0, tookMs: 0, endedMs: 0, retryAfter: "", body: "", failure: "" };
  try {
    const answer = await pool.request(prepared);
    heard.status = answer.statusCode;
    heard.retryAfter = String(answer.headers["retry-after"] ?? "");
    if (answer.statusCode === 503) heard.body = await answer.body.text();
    else await answer.body.dump();
  } catch (error) {
    heard.failure = error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
  heard.endedMs = performance.now();
  heard.tookMs = heard.endedMs - askedMs;
  return heard;
}

const kindAt = (index: number): string => MIX[index % MIX.length] ?? "R";
/** The same without lists, which take most of the work: what is served at the most when all of it goes to the others. */
const CALLS = MIX.filter((kind) => kind !== "L");
const callAt = (index: number): string => CALLS[index % CALLS.length] ?? "R";
const isAccepted = ({ status }: Heard): boolean => status >= 200 && status < 300;
const isGood = ({ kind, status }: Heard): boolean => (kind === "C" || kind === "R") && status >= 200 && status < 300;

/** As much as so many callers get done who each wait for their answer. */
async function closedLoad(pool: Pool, ms: number): Promise<{ heard: Heard[]; perSecond: number; goodput: number }> {
  const heard: Heard[] = [];
  const startedMs = performance.now();
  let index = 0;
  const caller = async (): Promise<void> => {
    while (performance.now() - startedMs < ms) {
      const mine = index++;
      heard.push(await ask(pool, callAt(mine), prepare(callAt(mine), mine)));
    }
  };
  await Promise.all(Array.from({ length: CLOSED_CALLERS }, caller));
  const seconds = (performance.now() - startedMs) / 1_000;
  return { heard, perSecond: heard.length / seconds, goodput: heard.filter(isGood).length / seconds };
}

/** So many requests a second, whatever becomes of those before. */
async function openLoad(pool: Pool, perSecond: number, ms: number): Promise<{ heard: Heard[]; goodput: number }> {
  const ready = Array.from({ length: Math.floor((perSecond * ms) / 1_000) }, (_, index) =>
    prepare(kindAt(index), index),
  );
  const asked: Promise<Heard>[] = [];
  const startedMs = performance.now();
  while (asked.length < ready.length) {
    const due = Math.min(ready.length, Math.floor(((performance.now() - startedMs) / 1_000) * perSecond));
    for (let index = asked.length; index < due; index += 1) {
      const one = ready[index];
      if (one) asked.push(ask(pool, kindAt(index), one));
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const loadMs = performance.now() - startedMs;
  const heard = await Promise.all(asked);
  // What was answered while the load lasted: those who came last get no more time than the others.
  const good = heard.filter((one) => isGood(one) && one.endedMs <= startedMs + loadMs);
  return { heard, goodput: (good.length * 1_000) / loadMs };
}

type Round = { before: number; after: number; most: number; over: { heard: Heard[]; goodput: number } };

/** The most before and after, the load between them. */
async function overloadRound(pool: Pool): Promise<{ heardAll: Heard[]; round: Round }> {
  const before = await closedLoad(pool, CLOSED_MS);
  const over = await openLoad(pool, before.perSecond * FACTOR, OPEN_MS);
  const after = await closedLoad(pool, CLOSED_MS);
  expect(before.heard.filter((one) => !isAccepted(one))).toEqual([]);
  const most = (before.goodput + after.goodput) / 2;
  return {
    heardAll: [...before.heard, ...over.heard, ...after.heard],
    round: { before: before.goodput, after: after.goodput, most, over },
  };
}

const shareOf = (heard: readonly Heard[], kind: string, status: number): number => {
  const those = heard.filter((one) => one.kind === kind);
  return those.filter((one) => one.status === status).length / those.length;
};

it("R45: five times the capacity: refused early and told so, lists before writes, webhooks acknowledged, nothing left behind", async () => {
  const pool = new Pool(gateway.url, { connections: CONNECTIONS, pipelining: 1 });
  const first = await pool.request(prepare("C", 0));
  expect(first.statusCode).toBe(201);
  knownId = ((await first.body.json()) as { id: string }).id;
  // Every connection exists before the load: how fast this machine makes them is not what is asked.
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      const answer = await pool.request({ method: "GET", path: "/api/health/live" });
      await answer.body.dump();
    }),
  );
  await closedLoad(pool, CLOSED_MS);
  const { heardAll, round } = await overloadRound(pool);
  const { over } = round;
  const accepted = over.heard.filter(isAccepted);
  const refused = over.heard.filter((one) => !isAccepted(one));
  const took = accepted.map(({ tookMs }) => tookMs).sort((left, right) => left - right);
  const p99 = took[Math.ceil(took.length * 0.99) - 1] ?? Number.POSITIVE_INFINITY;

  // It was too much, and who was refused was told so and when to come back.
  expect(refused.length).toBeGreaterThan(over.heard.length / 4);
  expect([...new Set(refused.map(({ status, retryAfter, failure }) => `${status} ${retryAfter} ${failure}`))]).toEqual([
    "503 1 ",
  ]);
  expect([...new Set(refused.map(({ body }) => (JSON.parse(body) as { code: string }).code))]).toEqual(["overloaded"]);
  // Printed, not judged: the load is made on the same processors, and what it takes is missing to the service.
  process.stdout.write(
    `goodput ${(over.goodput / round.most).toFixed(2)} of the most, p99 of the accepted ${Math.round(p99)} ms\n`,
  );
  expect(shareOf(over.heard, "L", 503)).toBeGreaterThan(shareOf(over.heard, "C", 503));
  expect(shareOf(over.heard, "W", 200)).toBeGreaterThanOrEqual(0.99);

  // What was refused left nothing behind, and what was accepted is there once.
  const made = 1 + heardAll.filter((one) => one.kind === "C" && isAccepted(one)).length;
  const { db } = test.services;
  const count = async (text: string): Promise<number> =>
    (await db.query<{ count: number }>({ text: `select count(*)::int as count from ${text}`, values: [] }))[0]?.count ??
    -1;
  expect(await count("idempotent_answers where state = 'RUNNING'")).toBe(0);
  expect(await count("klarna_operations where state in ('PENDING', 'UNKNOWN')")).toBe(0);
  expect(await count("payments")).toBe(await count("idempotent_answers"));
  expect(await count("payments")).toBeGreaterThanOrEqual(made);

  // Afterwards all is as before, lists as soon as nobody has waited for a second.
  await expect.poll(async () => (await ask(pool, "L", prepare("L", 0))).status, { timeout: 5_000 }).toBe(200);
  for (const kind of ["C", "R", "L", "W"]) {
    const heard = await ask(pool, kind, prepare(kind, 0));
    expect([kind, heard.status < 300, heard.failure]).toEqual([kind, true, ""]);
  }
  const metrics = await pool.request({
    method: "GET",
    path: "/metrics",
    headers: { authorization: "Bearer metrics-token-of-this-test" },
  });
  expect(await metrics.body.text()).toMatch(/tillgate_requests_shed_total\{kind="list"\} [1-9]/);
  await pool.destroy();
  expect((await checkInvariants(db)).filter(({ broken }) => broken > 0)).toEqual([]);
  expect(gateway.complaints()).toBe("");
}, 90_000);
