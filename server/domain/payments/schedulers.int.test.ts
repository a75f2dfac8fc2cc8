import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { checkInvariants } from "@/server/domain/invariants";
import { makePartner, unique } from "@/server/testing/builders";
import { asApiKey, type TestServices, testServices } from "@/server/testing/context";
import { createPayment } from "./create";
import { CreatePaymentSchema } from "./schema";

/* Two schedulers, each a process, and payments that all fall due at once. In full: SWEEP_PAYMENTS=10000. */

const PAYMENTS = Number(process.env.SWEEP_PAYMENTS ?? 500);
const AT_ONCE = 16;
const ROOT = path.resolve(import.meta.dirname, "../../..");
const SECRETS = {
  TILLGATE_SESSION_SECRET: randomBytes(32).toString("base64url"),
  TILLGATE_KEY_PEPPER: randomBytes(32).toString("base64url"),
  TILLGATE_ENCRYPTION_KEYS: `test:${randomBytes(32).toString("base64")}`,
};

type Scheduler = { process: ChildProcess; looked(): number };

let test: TestServices;
const children: ChildProcess[] = [];

beforeAll(async () => {
  test = await testServices({ environment: SECRETS, connections: AT_ONCE });
});
afterAll(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }
  await test.close();
});

async function startScheduler(): Promise<Scheduler> {
  const { env } = test.services;
  const child = spawn(process.execPath, ["--import", "tsx", "server/domain/payments/sweep-child.ts"], {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH,
      NODE_ENV: "test",
      TZ: "UTC",
      TILLGATE_ENV: "demo",
      LOG_LEVEL: "error",
      DATABASE_URL: env.DATABASE_URL,
      KLARNA_TEST_BASE_URL: env.KLARNA_TEST_BASE_URL,
      KLARNA_TEST_API_KEY: env.KLARNA_TEST_API_KEY,
      ...SECRETS,
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  let looked = 0;
  const ready = once(child.stdout, "data");
  child.stdout.on("data", (chunk: Buffer) => {
    for (const line of chunk.toString("utf8").split("\n")) looked += Number(line) || 0;
  });
  await ready;
  return { process: child, looked: () => looked };
}

const count = async (text: string): Promise<number> =>
  Number(
    (await test.services.db.query<{ n: number }>({ text: `select count(*)::int as n from ${text}`, values: [] }))[0]?.n,
  );

it(`R29: ${PAYMENTS} payments fall due at once for two schedulers, one is stopped past its lease and goes on: each is acted on once`, {
  timeout: 300_000,
}, async () => {
  const { partner, store, terminal } = await makePartner(test.services);
  const ctx = asApiKey(test.services, { partnerId: partner.id });
  let made = 0;
  const make = async (): Promise<void> => {
    for (; made < PAYMENTS; ) {
      made += 1;
      await createPayment(
        ctx,
        CreatePaymentSchema.parse({
          ...{ amount: 11_850, currency: "SEK", reference: unique("order") },
          ...{ store: { id: store.id }, terminal: { id: terminal.id } },
        }),
      );
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, make));
  expect(await count("payments where state = 'PENDING'")).toBe(PAYMENTS);
  const [a, b] = await Promise.all([startScheduler(), startScheduler()]);
  await test.services.db.query({
    text: "update payments set expires_at = now() - interval '1 second', next_action_at = now(), version = version + 1",
    values: [],
  });
  const isDone = (share: number) => async () => (await count("payments where state = 'EXPIRED'")) >= PAYMENTS * share;
  const patience = { timeout: 200_000, interval: 20 };
  await expect.poll(isDone(0.3), patience).toBe(true);
  a.process.kill("SIGSTOP");
  const before = a.looked();
  expect(before).toBeGreaterThan(0);
  // All but what the stopped one has in its hands: that is held until its lease is over.
  await expect
    .poll(async () => PAYMENTS - (await count("payments where state = 'EXPIRED'")), patience)
    .toBeLessThanOrEqual(AT_ONCE);
  const left = PAYMENTS - (await count("payments where state = 'EXPIRED'"));
  await test.services.db.query({
    text: `update klarna_operations set next_attempt_at = now() where state in ('PENDING', 'UNKNOWN')`,
    values: [],
  });
  await test.services.db.query({
    text: "update payments set next_action_at = now(), version = version + 1 where state <> 'EXPIRED'",
    values: [],
  });
  await expect.poll(isDone(1), patience).toBe(true);
  // All that happened; the version also counts looks that changed nothing.
  const rows = () =>
    test.services.db.query({
      text: `select p.id, p.state, p.event_sequence, p.stop_mark, p.klarna_request_state,
          (select count(*)::int from audit_entries a where a.subject_id = p.id) as audits,
          (select count(*)::int from outbox_events e where e.subject_id = p.id) as events
        from payments p order by p.id`,
      values: [],
    });
  const settled = await rows();
  a.process.kill("SIGCONT");
  // It ends the turn in its hands: its late calls carry the same keys, its late writes meet a newer version.
  await expect.poll(() => a.looked() > before || left === 0, patience).toBe(true);
  expect(await rows()).toEqual(settled);
  expect(await count("klarna_operations where kind = 'CANCEL_REQUEST' and state = 'SUCCEEDED'")).toBe(PAYMENTS);
  expect(await count("klarna_operations where kind = 'CANCEL_REQUEST'")).toBe(PAYMENTS);
  expect(await count("outbox_events where type = 'payment.expired'")).toBe(PAYMENTS);
  // Klarna's stand-in lists a thousand at the most; none is left in any other state.
  const [canceled, submitted] = await Promise.all(
    ["CANCELED", "SUBMITTED"].map((state) => test.simulator.control.requests({ state })),
  );
  expect(canceled).toHaveLength(Math.min(PAYMENTS, 1_000));
  expect(submitted).toEqual([]);
  expect((await checkInvariants(test.services.db)).filter((result) => result.broken > 0)).toEqual([]);
  process.stdout.write(
    `${PAYMENTS} due: ${before} looked at by the stopped one, ${left} in its hands, ${b.looked()} by the other\n`,
  );
});
