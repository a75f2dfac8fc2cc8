import { once } from "node:events";
import { Pool } from "undici";
import { afterAll, beforeAll, expect, it } from "vitest";
import { newId } from "@/server/core/ids";
import { type BuiltPartner, makePartner } from "@/server/testing/builders";
import { type TestServices, testServices } from "@/server/testing/context";
import { type GatewayChild, startGatewayChild } from "@/server/testing/gateway-child";
import { makeKey } from "@/server/testing/rest";

/* The front door as its own process, asked to leave in the middle of its work. */

const RATE = 500;
const CONNECTIONS = 40;

let test: TestServices;
let own: BuiltPartner;
let key: string;
let gateway: GatewayChild;

beforeAll(async () => {
  test = await testServices();
  own = await makePartner(test.services);
  key = (await makeKey(test.services, own.partner.id)).key;
  gateway = await startGatewayChild(test.services);
});
afterAll(async () => {
  gateway.process.kill("SIGKILL");
  await test.close();
});

type Heard =
  | { kind: "answered"; status: number; isSale: boolean; id: string | null }
  | { kind: "failed"; code: string };

async function ask(pool: Pool, isSale: boolean): Promise<Heard> {
  try {
    const answer = await pool.request({
      method: isSale ? "POST" : "GET",
      path: isSale ? "/api/v1/payments" : "/api/v1/payments?limit=1",
      headers: {
        authorization: `Bearer ${key}`,
        ...(isSale ? { "content-type": "application/json", "idempotency-key": newId("request") } : {}),
      },
      ...(isSale
        ? {
            body: JSON.stringify({
              amount: 10_002,
              currency: "SEK",
              reference: newId("request"),
              store: { id: own.store.id },
              terminal: { id: own.terminal.id },
            }),
          }
        : {}),
    });
    const body = (await answer.body.json()) as { id?: string };
    return { kind: "answered", status: answer.statusCode, isSale, id: body.id ?? null };
  } catch (error) {
    return { kind: "failed", code: error instanceof Error && "code" in error ? String(error.code) : String(error) };
  }
}

it("R43: SIGTERM under 500 requests a second: every request on an accepted connection is 2xx, exit within 10 s, nothing left", async () => {
  const pool = new Pool(gateway.url, { connections: CONNECTIONS, pipelining: 1 });
  // Every connection exists before the load, so that none is only half accepted when the door closes.
  await Promise.all(Array.from({ length: CONNECTIONS }, () => ask(pool, false)));
  const asked: Promise<Heard>[] = [];
  const startedMs = performance.now();
  let sent = 0;
  let heardOf = 0;
  let isOver = false;
  const askOne = async (isSale: boolean): Promise<Heard> => {
    const heard = await ask(pool, isSale);
    if (heard.kind === "answered") heardOf += 1;
    return heard;
  };
  const load = (async () => {
    while (!isOver) {
      const due = Math.floor(((performance.now() - startedMs) / 1_000) * RATE);
      for (; sent < due; sent += 1) asked.push(askOne(sent % 10 === 0));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  const exited = once(gateway.process, "exit");
  // In the middle of the load, however long a busy machine takes to get there.
  await expect.poll(() => heardOf, { timeout: 40_000, interval: 10 }).toBeGreaterThan(RATE);
  const signalMs = performance.now();
  gateway.process.kill("SIGTERM");
  const [code] = (await exited) as [number | null];
  const tookMs = performance.now() - signalMs;
  isOver = true;
  await load;
  const heard = await Promise.all(asked);
  await pool.destroy();

  expect([code, gateway.complaints()]).toEqual([0, ""]);
  expect(tookMs).toBeLessThan(10_000);
  const answered = heard.filter((each) => each.kind === "answered");
  expect(answered.filter(({ status }) => status >= 300)).toEqual([]);
  expect(answered.length).toBeGreaterThan(RATE);
  // Who comes after the door is closed finds nobody; nobody who was let in is cut off.
  const codes = new Set(heard.flatMap((each) => (each.kind === "failed" ? [each.code] : [])));
  expect([...codes].filter((each) => each !== "ECONNREFUSED")).toEqual([]);

  const ids = answered.flatMap((each) => (each.isSale && each.id !== null ? [each.id] : []));
  expect(ids.length).toBeGreaterThan(20);
  const { db } = test.services;
  const count = async (text: string, values: unknown[] = []): Promise<number> =>
    (await db.query<{ count: number }>({ text: `select count(*)::int as count from ${text}`, values }))[0]?.count ?? -1;
  expect(await count("payments where id = any($1::text[])", [ids])).toBe(ids.length);
  expect(await count("payments")).toBe(ids.length);
  expect(await count("idempotent_answers where state = 'RUNNING'")).toBe(0);
  expect(await count("klarna_operations where state in ('PENDING', 'UNKNOWN')")).toBe(0);
  expect(
    await count("pg_stat_activity where datname = current_database() and application_name like 'tillgate-gateway%'"),
  ).toBe(0);
  expect(await count("request_log")).toBe(answered.length + CONNECTIONS);
});
