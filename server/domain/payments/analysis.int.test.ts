import { afterAll, beforeAll, expect, it } from "vitest";
import { newId } from "@/server/core/ids";
import { addMs, DAY_MS, MINUTE_MS, SECOND_MS } from "@/server/core/time";
import { type BuiltPartner, makePartner } from "@/server/testing/builders";
import { asUser, type TestServices, testServices } from "@/server/testing/context";
import { getPaymentAnalysis, getPaymentTotals, listPaymentRecordsPage } from "./service";

/* The figures of a set of payments that is made by hand, each with the moments that it went through. */

const START = new Date("2026-11-10T09:00:00Z");
const SPAN = { from: START, to: addMs(START, 2 * DAY_MS) };
let test: TestServices;
let ours: BuiltPartner;
let theirs: BuiltPartner;

type Made = {
  state: string;
  at?: Date;
  launch?: string;
  failure?: string;
  /** Null: taken at no store. */
  store?: null;
  /** Seconds after the start at which each step was announced. */
  pending?: number;
  entered?: number;
  finished?: number;
  approved?: number;
};

async function put(built: BuiltPartner, made: Made): Promise<void> {
  const id = newId("payment");
  const at = made.at ?? START;
  const after = (seconds: number): Date => addMs(at, seconds * SECOND_MS);
  await test.services.db.query({
    text: `insert into payments (id, partner_id, mode, state, amount, currency, reference, channel, launch, capture, store_id, terminal_id,
        journey_completed_at, failure_code, decline_reason, expires_at, created_by, created_at, updated_at,
        amount_authorized, amount_captured, klarna_payment_transaction_id, next_action_at)
      values ($1,$2,'test',$3,100,$4,$1,$15,$5,'MANUAL',$6,$7,$8,$9,$10,$11,'test',$12,$12,$13,$13,$14,$11)`,
    values: [
      ...[id, built.partner.id, made.state, built.partner.currency, made.launch ?? "QR"],
      ...(made.store === null ? [null, null] : [built.store.id, built.terminal.id]),
      ...[made.finished === undefined ? null : after(made.finished), made.failure ?? null],
      ...[made.state === "DECLINED" ? "no" : null, addMs(at, 15 * MINUTE_MS), at],
      ...(made.state === "COMPLETED" ? [100, `krn:${id}`] : [0, null]),
      made.store === null ? "WEB" : "IN_STORE",
    ],
  });
  const events = [
    ["payment.pending", made.pending],
    ["payment.in_progress", made.entered],
    ["payment.completed", made.approved],
  ] as const;
  let sequence = 0;
  for (const [type, seconds] of events) {
    if (seconds === undefined) continue;
    sequence += 1;
    await test.services.db.query({
      text: `insert into outbox_events (id, partner_id, mode, type, version, subject_kind, subject_id, sequence, payload, created_at)
        values ($1,$2,'test',$3,1,'payment',$4,$5,'{}',$6)`,
      values: [newId("event"), built.partner.id, type, id, sequence, after(seconds)],
    });
  }
}

beforeAll(async () => {
  test = await testServices();
  ours = await makePartner(test.services);
  theirs = await makePartner(test.services, { country: "DE", currency: "EUR" });
  const made: [BuiltPartner, Made][] = [
    [ours, { state: "COMPLETED", pending: 1, entered: 11, finished: 41, approved: 42 }],
    [ours, { state: "COMPLETED", pending: 1, entered: 21, finished: 81, approved: 84 }],
    // Heard of the end only: entered all the same.
    [ours, { state: "COMPLETED", pending: 3, finished: 63, approved: 68 }],
    // Approved without asking.
    [ours, { state: "COMPLETED", approved: 1, at: addMs(START, DAY_MS) }],
    [ours, { state: "DECLINED", pending: 1, entered: 31, finished: 61 }],
    [ours, { state: "CANCELED", pending: 1, entered: 31 }],
    [ours, { state: "EXPIRED", pending: 1 }],
    [ours, { state: "PENDING", pending: 1 }],
    [ours, { state: "FAILED", failure: "klarna_refused", launch: "SHORT_CODE" }],
    [theirs, { state: "DECLINED" }],
    // Outside the span, on either side.
    [ours, { state: "COMPLETED", pending: 1, at: addMs(START, -1) }],
    [ours, { state: "COMPLETED", pending: 1, at: SPAN.to }],
  ];
  for (const [built, one] of made) await put(built, one);
});
afterAll(() => test.close());

const ask = (ctx = asUser(test.services, "READ_ONLY"), groupBy: "store" | "market" | "launch" | "terminal" = "store") =>
  getPaymentAnalysis(ctx, { ...SPAN, groupBy });

it("each step contains the next, and whoever came no further is told by what became of it", async () => {
  const { funnel, direct, all } = await ask();
  const none = { declined: 0, failed: 0, canceled: 0, expired: 0, open: 0 };
  expect(funnel).toEqual([
    { step: "created", count: 10, medianMs: null, lost: { ...none, failed: 1, declined: 1 } },
    { step: "stepped_up", count: 7, medianMs: 1_000, lost: { ...none, expired: 1, open: 1 } },
    { step: "entered", count: 5, medianMs: 25_000, lost: { ...none, canceled: 1 } },
    { step: "finished", count: 4, medianMs: 45_000, lost: { ...none, declined: 1 } },
    { step: "approved", count: 3, medianMs: 3_000, lost: none },
  ]);
  expect(direct).toBe(1);
  expect(all).toEqual({ count: 10, approved: 4, declined: 2, failed: 1, canceled: 1, expired: 1, open: 1 });
  // Nobody is lost twice, and nobody goes missing.
  const lost = funnel.flatMap((step) => Object.values(step.lost)).reduce((sum, count) => sum + count, 0);
  expect(lost + all.approved).toBe(all.count);
});

it("declines and failures are told apart by reason, day, store, terminal, market and launch", async () => {
  const byStore = await ask();
  expect(byStore.reasons).toEqual([
    { reason: "declined", count: 2 },
    { reason: "klarna_refused", count: 1 },
  ]);
  expect(byStore.days).toEqual([
    { day: "2026-11-10", declined: 2, failed: 1, approved: 3 },
    { day: "2026-11-11", declined: 0, failed: 0, approved: 1 },
  ]);
  expect(byStore.groups).toMatchObject([
    { key: ours.store.id, hint: ours.store.reference, count: 9, approved: 4, declined: 1, failed: 1 },
    { key: theirs.store.id, count: 1, approved: 0, declined: 1 },
  ]);
  expect((await ask(undefined, "market")).groups.map(({ key, count }) => [key, count])).toEqual([
    ["SE", 9],
    ["DE", 1],
  ]);
  expect((await ask(undefined, "launch")).groups.map(({ key, failed }) => [key, failed])).toEqual([
    ["qr", 0],
    ["short_code", 1],
  ]);
  expect((await ask(undefined, "terminal")).groups[0]).toMatchObject({ key: ours.terminal.id, label: "Till 1" });
});

it("each market's figures are those of the payments that the list finds with its filter", async () => {
  // One store takes in another country than its Partner, and one has no country of its own, as those of payments may.
  const abroad = await makePartner(test.services, { country: "FR", currency: "EUR" });
  const unplaced = await makePartner(test.services, { country: "FR", currency: "EUR" });
  for (const [built, country] of [[abroad, "AT"] as const, [unplaced, null] as const])
    await test.services.db.query({
      text: "update stores set country = $2 where id = $1",
      values: [built.store.id, country],
    });
  for (const built of [abroad, abroad, unplaced]) await put(built, { state: "DECLINED" });
  await put(unplaced, { state: "FAILED", failure: "klarna_refused", launch: "REDIRECT", store: null });
  const ctx = asUser(test.services, "READ_ONLY");
  const { groups } = await ask(ctx, "market");
  expect(groups.map(({ key, count }) => [key, count])).toEqual([
    ["SE", 9],
    ["AT", 2],
    ["FR", 2],
    ["DE", 1],
  ]);
  const span = { created_from: SPAN.from.toISOString(), created_to: SPAN.to.toISOString() };
  for (const { key, count, declined } of groups) {
    const markets = [key ?? ""];
    expect([key, (await getPaymentTotals(ctx, { ...span, markets })).count]).toEqual([key, count]);
    const found = await listPaymentRecordsPage(ctx, { ...span, markets, status: ["declined"] }, { limit: 50 });
    expect([key, found.data.length]).toEqual([key, declined]);
  }
  const several = await getPaymentTotals(ctx, { ...span, markets: ["AT", "FR"] });
  expect(several.count).toBe(4);
});

it("S1: a Partner's people see the figures of their own payments, and those of the mode they look at", async () => {
  const own = await ask(asUser(test.services, "PARTNER_ADMIN", [theirs.partner.id]));
  expect(own.all).toMatchObject({ count: 1, declined: 1 });
  expect(own.groups).toHaveLength(1);
  const live = await ask(asUser(test.services, "READ_ONLY", "all", "live"));
  expect(live.all.count).toBe(0);
  expect(live.funnel.every((step) => step.count === 0)).toBe(true);
});

it("S41: a span that is backwards or longer than a year is refused, not read", async () => {
  const ctx = asUser(test.services, "READ_ONLY");
  for (const from of [SPAN.to, addMs(SPAN.to, -367 * DAY_MS), new Date(Number.NaN)])
    await expect(getPaymentAnalysis(ctx, { from, to: SPAN.to, groupBy: "store" })).rejects.toMatchObject({
      code: "validation_failed",
    });
});
