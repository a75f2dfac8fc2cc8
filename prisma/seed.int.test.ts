import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createApiKeyVerifier } from "@/server/auth/api-key-verifier";
import { verifyPassword } from "@/server/auth/password";
import { ROLES } from "@/server/auth/permissions";
import { createServices } from "@/server/context";
import { checkInvariants } from "@/server/domain/invariants";
import { checkDrift, syncPartners } from "@/server/domain/partners/service";
import { getPaymentTimeline, refundPayment, voidPayment } from "@/server/domain/payments/service";
import { registerStore } from "@/server/domain/stores/service";
import { asUser, type TestServices, testServices } from "@/server/testing/context";
import { quickest } from "@/server/testing/equal-time";
import { type SeedResult, seed } from "./seed";

let test: TestServices;
let first: SeedResult;
let tookMs = 0;
const dataDir = mkdtempSync(path.join(os.tmpdir(), "tillgate-seed-"));

beforeAll(async () => {
  test = await testServices();
  const started = performance.now();
  first = await seed(test.services, { dataDir });
  tookMs = performance.now() - started;
});
afterAll(async () => {
  await test.close();
  rmSync(dataDir, { recursive: true, force: true });
});

/** Seeds a system of its own. Returns the milliseconds. */
async function seedAnew(): Promise<number> {
  const other = await testServices();
  const folder = mkdtempSync(path.join(os.tmpdir(), "tillgate-seed-"));
  try {
    const started = performance.now();
    await seed(other.services, { dataDir: folder });
    return performance.now() - started;
  } finally {
    await other.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

const count = async (text: string): Promise<number> =>
  (await test.services.db.query<{ n: number }>({ text: `select count(*)::int as n ${text}`, values: [] }))[0]?.n ?? -1;

it("plants a month of payments in the states that have come to rest, in under 20 seconds", async () => {
  expect(first.outcome).toBe("seeded");
  expect(tookMs < 20_000 ? tookMs : await quickest(seedAnew, 20_000, 2)).toBeLessThan(20_000);
  expect(await count("from partners")).toBe(9);
  expect(await count("from payments")).toBeGreaterThan(1_200);
  const states = await test.services.db.query<{ state: string; n: number }>({
    text: "select state, count(*)::int as n from payments group by state",
    values: [],
  });
  const counts = Object.fromEntries(states.map((row) => [row.state, row.n]));
  for (const state of ["COMPLETED", "DECLINED", "CANCELED", "EXPIRED", "AUTHORIZED", "VOIDED"])
    expect(counts[state], state).toBeGreaterThan(0);
  for (const state of ["PROCESSING", "PENDING", "IN_PROGRESS", "FINALIZING"])
    expect(counts[state], state).toBeUndefined();
  const total = states.reduce((sum, row) => sum + row.n, 0);
  expect((counts.COMPLETED ?? 0) / total).toBeGreaterThan(0.8);
  expect(await count("from refunds where state = 'SUCCEEDED'")).toBeGreaterThan(20);
  expect(await count("from alarms where cleared_at is null")).toBeGreaterThan(0);
});

it("INV: every invariant holds for the seeded rows", async () => {
  expect((await checkInvariants(test.services.db)).filter((result) => result.broken > 0)).toEqual([]);
});

it("leaves nothing for the jobs to do now", async () => {
  expect(await count("from payments where next_action_at < now()")).toBe(0);
  expect(await count("from klarna_operations where next_attempt_at is not null")).toBe(0);
  expect(await count("from outbox_events where relayed_at is null")).toBe(0);
});

it("the newest event of each payment says what the payment says", async () => {
  expect(
    await count(`from payments p join outbox_events e on e.subject_id = p.id and e.sequence = p.event_sequence
                 where e.payload->'object'->>'status' <> lower(p.state) or (e.payload->'object'->>'amount_captured')::bigint <> p.amount_captured`),
  ).toBe(0);
  expect(
    await count(
      "from payments p where p.event_sequence <> (select count(*) from outbox_events e where e.subject_id = p.id)",
    ),
  ).toBe(0);
});

it("the simulator holds the same books as the history", async () => {
  const books = await test.simulator.control.books();
  const ours = await test.services.db.query<{ currency: string; captured: number; refunded: number }>({
    text: `select a.klarna_partner_account_id as account, p.currency, sum(p.amount_captured)::bigint as captured, sum(p.amount_refunded)::bigint as refunded
           from payments p join partner_accounts a on a.partner_id = p.partner_id and a.mode = p.mode
           where p.klarna_payment_transaction_id is not null group by 1, 2 order by 1, 2`,
    values: [],
  });
  const theirs = books
    .map((row) => ({ account: row.account_id, currency: row.currency, captured: row.captured, refunded: row.refunded }))
    .toSorted((a, b) => (a.account < b.account ? -1 : 1));
  expect(theirs).toEqual(ours);
});

it("what the demo's payments allow can be done: a refund and a void reach the simulator", async () => {
  const ctx = asUser(test.services, "ACQUIRER_OPERATIONS");
  const find = async (where: string): Promise<string> =>
    (
      await test.services.db.query<{ id: string }>({
        text: `select id from payments where ${where} order by id limit 1`,
        values: [],
      })
    )[0]?.id ?? "none";
  const completed = await find("state = 'COMPLETED' and amount_refunded = 0 and channel = 'IN_STORE'");
  expect(await refundPayment(ctx, completed, { reason: "Returned unused" })).toMatchObject({ status: "succeeded" });
  expect(await voidPayment(ctx, await find("state = 'AUTHORIZED'"))).toMatchObject({ status: "voided" });
  expect((await getPaymentTimeline(ctx, completed, { withMessages: true })).length).toBeGreaterThan(6);
  expect((await checkInvariants(test.services.db)).filter((result) => result.broken > 0)).toEqual([]);
});

it("an account of the demo is at the simulator as it is here, and what is added to it gets there", async () => {
  const ctx = asUser(test.services, "ACQUIRER_ADMIN");
  const [demo] = await test.services.db.query<{ partnerId: string; groupId: string }>({
    text: `select g.partner_id as "partnerId", g.id as "groupId" from store_groups g join stores s on s.store_group_id = g.id and s.id = $1`,
    values: [first.facts?.store.id],
  });
  if (!demo) throw new Error("the demo's store has no group");
  expect(await checkDrift(ctx, demo.partnerId)).toMatchObject({ open: 0 });
  const store = await registerStore(
    ctx,
    {
      reference: "SE-999",
      name: "Västerås",
      type: "physical",
      store_group: { id: demo.groupId },
      address: { street_address: "Stora gatan 1", postal_code: "72212", city: "Västerås", country: "SE" },
    },
    demo.partnerId,
  );
  await syncPartners(test.services, { partnerId: demo.partnerId, paceMs: 0 });
  expect(await count(`from stores where id = '${store.id}' and klarna_store_id is not null`)).toBe(1);
  expect(await count("from klarna_changes where state <> 'DONE'")).toBe(0);
});

it("demo.json is for its owner only and opens every door that it names", async () => {
  const file = path.join(dataDir, "demo.json");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const facts = JSON.parse(readFileSync(file, "utf8"));
  expect(facts).toEqual(first.facts);
  const verified = await createApiKeyVerifier(test.services).verify(facts.api_key, null);
  const [terminal] = await test.services.db.query<{ partner_id: string; store_id: string }>({
    text: "select partner_id, store_id from terminals where id = $1",
    values: [facts.terminal.id],
  });
  expect(terminal).toEqual({ partner_id: verified.actor.partnerId, store_id: facts.store.id });
  expect(facts.users.map((user: { role: string }) => user.role)).toEqual([...ROLES]);
  for (const user of facts.users) {
    const [row] = await test.services.db.query<{ password_hash: string }>({
      text: "select password_hash from users where email = $1",
      values: [user.email],
    });
    expect(await verifyPassword(row?.password_hash ?? null, user.password), user.email).toBe(true);
  }
});

it("run again at another address it changes no books, keeps key and passwords, and moves the subscription", async () => {
  const before = await count("from payments");
  const moved = createServices({
    env: { ...test.services.env, PUBLIC_URL: "http://localhost:4555" },
    name: "seed-again",
    log: test.services.log,
  });
  try {
    const again = await seed(moved, { dataDir });
    expect(again.outcome).toBe("kept");
    expect(again.facts).toEqual({ ...first.facts, url: "http://localhost:4555" });
    expect(await count("from payments")).toBe(before);
    expect(await count("from klarna_signing_keys")).toBe(1);
  } finally {
    await Promise.all([moved.db.close(), moved.klarna.close()]);
  }
});

it("a lost demo.json gives new passwords and a new key that work", async () => {
  rmSync(path.join(dataDir, "demo.json"));
  const again = await seed(test.services, { dataDir, passwords: { READ_ONLY: "a password of my own" } });
  expect(again.facts?.users.find((user) => user.role === "READ_ONLY")?.password).toBe("a password of my own");
  expect(again.facts?.api_key).not.toBe(first.facts?.api_key);
  const verified = await createApiKeyVerifier(test.services).verify(again.facts?.api_key ?? "", null);
  expect(verified.scope.mode).toBe("test");
});

it("a database with Partners of its own is left alone", async () => {
  const other = await testServices();
  try {
    await other.services.db.query({
      text: "insert into partners (id, name, reference, country, currency, state) values ('ptn_own','Own','own','SE','SEK','OPERATIONAL')",
      values: [],
    });
    expect(await seed(other.services, { dataDir: path.join(dataDir, "other") })).toEqual({
      outcome: "foreign",
      facts: null,
    });
  } finally {
    await other.close();
  }
});
