import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { addMs, DAY_MS, HOUR_MS, MINUTE_MS } from "@/server/core/time";
import { hasNeed, listCredentials } from "@/server/domain/credentials/service";
import { CREDENTIAL_NEEDS } from "@/server/domain/credentials/states";
import { type BuiltPartner, makePartner, unique } from "@/server/testing/builders";
import { asUser, type TestServices, testServices } from "@/server/testing/context";
import {
  clearAlarm,
  countCalls,
  findInvariantCheck,
  getOverview,
  getSystemStatus,
  listAlarms,
  listRequests,
  runInvariants,
  searchRecords,
} from "./service";

const NOW = new Date("2026-11-21T12:00:00Z");
let test: TestServices;
let ours: BuiltPartner;
let theirs: BuiltPartner;
let live: BuiltPartner;

beforeAll(async () => {
  test = await testServices({ simulator: false, clock: NOW });
  ours = await makePartner(test.services);
  theirs = await makePartner(test.services, { country: "DE", currency: "EUR" });
  live = await makePartner(test.services, { mode: "live" });
});
afterAll(() => test.close());

const codeOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "nothing was refused",
    (error: unknown) => (error instanceof AppError ? error.code : String(error)),
  );

type PaymentFacts = {
  at: Date;
  state: "COMPLETED" | "DECLINED" | "AUTHORIZED";
  amount: number;
  currency?: string;
  endsAt?: Date;
};

/** A payment at rest, written as the rows that a finished life leaves behind. */
async function addPayment(partner: BuiltPartner, facts: PaymentFacts): Promise<string> {
  const id = newId("payment");
  const isApproved = facts.state !== "DECLINED";
  const captured = facts.state === "COMPLETED" ? facts.amount : 0;
  await test.services.db.query({
    text: `insert into payments (id, partner_id, mode, state, amount, currency, reference, channel, launch, capture, store_id, terminal_id,
             amount_authorized, amount_captured, klarna_payment_request_id, klarna_payment_transaction_id, journey_completed_at,
             expires_at, authorization_expires_at, next_action_at, created_by, created_at, updated_at)
           values ($1,$2,$3,$4,$5,$6,$7,'IN_STORE','QR','AUTOMATIC',$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,'test',$15,$15)`,
    values: [
      id,
      partner.partner.id,
      partner.account.mode,
      facts.state,
      facts.amount,
      facts.currency ?? partner.partner.currency,
      unique("ref"),
      partner.store.id,
      partner.terminal.id,
      isApproved ? facts.amount : 0,
      captured,
      `krn:request:${randomUUID()}`,
      isApproved ? `krn:transaction:${randomUUID()}` : null,
      isApproved ? addMs(facts.at, MINUTE_MS) : null,
      facts.at,
      facts.endsAt ?? null,
      facts.state === "AUTHORIZED" ? (facts.endsAt ?? facts.at) : null,
    ],
  });
  return id;
}

async function addAlarm(partner: BuiltPartner | null, kind: string, subjectId: string): Promise<string> {
  const id = newId("alarm");
  await test.services.db.query({
    text: `insert into alarms (id, kind, partner_id, mode, subject_kind, subject_id, message, raised_at)
           values ($1,$2,$3,$4,'payment',$5,'Something needs a look. And more.',$6)`,
    values: [id, kind, partner?.partner.id ?? null, partner?.account.mode ?? null, subjectId, NOW],
  });
  return id;
}

describe("the overview", () => {
  it("counts each currency apart and never adds them up", async () => {
    const partner = await makePartner(test.services);
    await addPayment(partner, { at: addMs(NOW, -HOUR_MS), state: "COMPLETED", amount: 1000 });
    await addPayment(partner, { at: addMs(NOW, -HOUR_MS), state: "COMPLETED", amount: 2000 });
    await addPayment(partner, { at: addMs(NOW, -HOUR_MS), state: "COMPLETED", amount: 500, currency: "EUR" });
    const overview = await getOverview(asUser(test.services, "PARTNER_ADMIN", [partner.partner.id]), { days: 7 });
    expect(overview.currencies).toMatchObject([
      { currency: "SEK", captured: 3000, payments: 2 },
      { currency: "EUR", captured: 500, payments: 1 },
    ]);
    expect(overview.payments.count).toBe(3);
    expect(overview.daily.at(-1)).toMatchObject({
      day: "2026-11-21",
      payments: 3,
      money: { SEK: { captured: 3000, refunded: 0 }, EUR: { captured: 500, refunded: 0 } },
    });
  });

  it("compares with as long a time before and shows a month of days, empty ones too", async () => {
    const partner = await makePartner(test.services);
    await addPayment(partner, { at: addMs(NOW, -DAY_MS), state: "COMPLETED", amount: 1000 });
    await addPayment(partner, { at: addMs(NOW, -DAY_MS), state: "DECLINED", amount: 1000 });
    await addPayment(partner, { at: addMs(NOW, -10 * DAY_MS), state: "COMPLETED", amount: 400 });
    await addPayment(partner, { at: addMs(NOW, -20 * DAY_MS), state: "COMPLETED", amount: 70 });
    const overview = await getOverview(asUser(test.services, "PARTNER_ADMIN", [partner.partner.id]), { days: 7 });
    expect(overview.payments).toEqual({ count: 2, before: 1 });
    expect(overview.approval).toEqual({ approved: 1, decided: 2, approvedBefore: 1, decidedBefore: 1 });
    expect(overview.currencies).toMatchObject([{ captured: 1000, capturedBefore: 400 }]);
    expect(overview.daily).toHaveLength(30);
    expect(overview.daily.reduce((sum, day) => sum + day.payments, 0)).toBe(4);
    expect(overview.funnel).toEqual({ asked: 2, entered: 1, finished: 1, paid: 1 });
  });

  it("S1: holds the caller's own Partners and mode only", async () => {
    await addPayment(ours, { at: addMs(NOW, -HOUR_MS), state: "COMPLETED", amount: 1100 });
    await addPayment(theirs, { at: addMs(NOW, -HOUR_MS), state: "COMPLETED", amount: 2200 });
    await addPayment(live, { at: addMs(NOW, -HOUR_MS), state: "COMPLETED", amount: 3300 });
    await addAlarm(theirs, "final_refused", newId("payment"));
    const own = await getOverview(asUser(test.services, "PARTNER_ADMIN", [ours.partner.id]), { days: 7 });
    expect(own.currencies).toMatchObject([{ currency: "SEK", captured: 1100 }]);
    expect(own.attention).toEqual([]);
    const liveOnly = await getOverview(asUser(test.services, "ACQUIRER_ADMIN", "all", "live"), { days: 7 });
    expect(liveOnly.payments.count).toBe(1);
    expect(await countCalls(asUser(test.services, "PARTNER_ADMIN", [ours.partner.id]))).toEqual({
      alarms: 0,
      failingEndpoints: 0,
    });
  });

  it("tells what needs a person, urgent things first, and leads to the one thing", async () => {
    const partner = await makePartner(test.services);
    const ending = await addPayment(partner, {
      at: addMs(NOW, -DAY_MS),
      state: "AUTHORIZED",
      amount: 900,
      endsAt: addMs(NOW, DAY_MS),
    });
    const subject = newId("payment");
    await addAlarm(partner, "approval_lapsed", subject);
    const { attention } = await getOverview(asUser(test.services, "PARTNER_ADMIN", [partner.partner.id]), { days: 7 });
    expect(attention).toMatchObject([
      { kind: "alarm", tone: "bad", title: "Something needs a look", subject: { kind: "payment", id: subject } },
      { kind: "authorization_ends", tone: "warn", atMeaning: "deadline", subject: { kind: "payment", id: ending } },
    ]);
  });
});

describe("our credentials for Klarna", () => {
  const daysAgo = (days: number): Date => addMs(NOW, -days * DAY_MS);
  const add = (row: { made: number; used?: number; ends?: Date; kind?: string; state?: string }) =>
    test.services.db.query({
      text: `insert into klarna_credentials (id, mode, kind, purpose, state, created_by, created_at, last_used_at, expires_at)
        values ($1,'test',$2,'a test',$3,'test',$4,$5,$6)`,
      values: [
        ...[newId("klarnaCredential"), row.kind ?? "API_KEY", row.state ?? "ACTIVE", daysAgo(row.made)],
        ...[row.used === undefined ? null : daysAgo(row.used), row.ends ?? null],
      ],
    });
  const lines = async (ctx: ServiceContext) =>
    (await getOverview(ctx, { days: 7 })).attention
      .filter(({ kind }) => kind.endsWith("_credential"))
      .map(({ kind, count, at }) => ({ kind, count, at }));

  it("that are idle, old or about to end are counted where people look, as the list warns of them", async () => {
    const admin = asUser(test.services, "ACQUIRER_ADMIN");
    expect(await lines(admin)).toEqual([]);
    expect((await getSystemStatus(admin)).credentials).toEqual({ idle: 0, old: 0, ending: 0 });
    const soon = addMs(NOW, 20 * DAY_MS);
    await add({ made: 50 });
    await add({ made: 200, used: 46 });
    await add({ made: 190, used: 1 });
    await add({ made: 3, kind: "CLIENT_CERTIFICATE", ends: soon });
    await add({ made: 300, kind: "CLIENT_CERTIFICATE", ends: daysAgo(2) });
    // Nothing to be done about these: in use and young, far from its end, of no key, disabled.
    await add({ made: 44 });
    await add({ made: 100, used: 1 });
    await add({ made: 3, kind: "CLIENT_CERTIFICATE", ends: addMs(NOW, 40 * DAY_MS) });
    await add({ made: 400, kind: "CLIENT_IDENTIFIER" });
    await add({ made: 400, state: "DISABLED", ends: daysAgo(1) });
    expect(await lines(admin)).toEqual([
      { kind: "ending_credential", count: 2, at: daysAgo(2) },
      { kind: "idle_credential", count: 2, at: daysAgo(50) },
      { kind: "old_credential", count: 2, at: daysAgo(200) },
    ]);
    expect((await getSystemStatus(admin)).credentials).toEqual({ idle: 2, old: 2, ending: 2 });
    const listed = await listCredentials(admin);
    for (const need of CREDENTIAL_NEEDS) expect(listed.filter((item) => hasNeed(item, need))).toHaveLength(2);
    // Each mode has its own, and only who may open the list is sent there.
    expect((await getSystemStatus(asUser(test.services, "ACQUIRER_ADMIN", "all", "live"))).credentials.idle).toBe(0);
    expect(await lines(asUser(test.services, "ACQUIRER_FINANCE"))).toEqual([]);
  });
});

describe("the system screen", () => {
  it("is for those who may see it, and the rules for those who see every Partner", async () => {
    const partnerAdmin = asUser(test.services, "PARTNER_ADMIN", [ours.partner.id]);
    expect(await codeOf(getSystemStatus(partnerAdmin))).toBe("permission_denied");
    expect(await codeOf(runInvariants(partnerAdmin))).toBe("permission_denied");
    const reader = asUser(test.services, "READ_ONLY");
    expect(await findInvariantCheck(reader)).toBeNull();
    expect((await runInvariants(reader)).results.length).toBeGreaterThan(3);
    expect(await findInvariantCheck(reader)).toMatchObject({ checkedAt: NOW, checkedBy: reader.actor.id });
  });

  it("clears an alarm once, with an audit entry, and refuses a role without the right", async () => {
    const subject = newId("payment");
    const alarm = await addAlarm(ours, "final_refused", subject);
    expect(await codeOf(clearAlarm(asUser(test.services, "READ_ONLY"), alarm))).toBe("permission_denied");
    const ctx = asUser(test.services, "ACQUIRER_OPERATIONS");
    const liveCtx = asUser(test.services, "ACQUIRER_OPERATIONS", "all", "live");
    expect(await codeOf(clearAlarm(liveCtx, alarm))).toBe("not_found");
    await clearAlarm(ctx, alarm);
    await clearAlarm(ctx, alarm);
    const { alarms } = await getSystemStatus(ctx);
    expect(alarms.map((open) => open.id)).not.toContain(alarm);
    const entries = await test.services.db.query({
      text: "select action from audit_entries where subject_id = $1",
      values: [alarm],
    });
    expect(entries).toEqual([{ action: "alarm.cleared" }]);
  });

  it("lists alarms, open and cleared, page by page, within the caller's Partners and mode", async () => {
    const kind = `kind_${randomUUID().slice(0, 8)}`;
    const ids: string[] = [];
    for (let turn = 0; turn < 5; turn += 1) ids.push(await addAlarm(ours, kind, newId("payment")));
    await addAlarm(live, kind, newId("payment"));
    const ctx = asUser(test.services, "ACQUIRER_OPERATIONS");
    await clearAlarm(ctx, ids[0] ?? "");
    const first = await listAlarms(ctx, { kind }, { limit: 3 });
    const rest = await listAlarms(ctx, { kind }, { limit: 3, cursor: first.nextCursor });
    expect([...first.items, ...rest.items].map((alarm) => alarm.id)).toEqual(ids.toReversed());
    expect(first.total).toBe(5);
    expect((await listAlarms(ctx, { kind, state: ["open"] }, { limit: 10 })).total).toBe(4);
    expect((await listAlarms(ctx, { kind, state: ["cleared"] }, { limit: 10 })).items).toMatchObject([
      { id: ids[0], clearedAt: NOW },
    ]);
    const other = asUser(test.services, "READ_ONLY", [theirs.partner.id]);
    expect((await listAlarms(other, { kind }, { limit: 10 })).items).toEqual([]);
  });

  it("says how long the oldest event waits", async () => {
    const at = addMs(NOW, -5 * MINUTE_MS);
    await test.services.db.query({
      text: `insert into inbox_events (id, event_id, mode, event_type, occurred_at, raw_body, signing_key_id, received_at)
             values ($1, $2, 'test', 'payment.request.state-change.completed', $3, '\\x00', 'key', $3)`,
      values: [newId("inboxEvent"), randomUUID(), at],
    });
    const ctx = asUser(test.services, "READ_ONLY");
    const status = await getSystemStatus(ctx);
    expect(status.inbox).toMatchObject({ count: 1, oldestAt: at });
  });
});

describe("the request log", () => {
  it("S1: shows a Partner its own requests, page by page, without gaps or repeats", async () => {
    const partner = await makePartner(test.services);
    const add = (owner: BuiltPartner, status: number, ms: number): Promise<unknown> =>
      test.services.db.query({
        text: `insert into request_log (id, partner_id, mode, api_key_id, method, path, status, duration_ms, created_at)
               values ($1,$2,'test',$3,'POST','/api/v1/payments',$4,12,$5)`,
        values: [newId("request"), owner.partner.id, newId("apiKey"), status, addMs(NOW, ms)],
      });
    for (let line = 0; line < 7; line += 1) await add(partner, line % 2 === 0 ? 201 : 422, -line * 1000);
    await add(theirs, 201, 0);
    const ctx = asUser(test.services, "PARTNER_ADMIN", [partner.partner.id]);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const found: Awaited<ReturnType<typeof listRequests>> = await listRequests(ctx, {}, { limit: 3, cursor });
      expect(found.total).toBe(7);
      seen.push(...found.items.map((item) => item.id));
      cursor = found.nextCursor;
    } while (cursor !== null);
    expect(new Set(seen).size).toBe(7);
    const refused = await listRequests(ctx, { outcome: ["4xx"], partner: theirs.partner.id }, { limit: 10 });
    expect(refused.items).toEqual([]);
    expect((await listRequests(ctx, { outcome: ["4xx"] }, { limit: 10 })).items).toHaveLength(3);
    expect(await codeOf(listRequests(ctx, {}, { limit: 3, cursor: "nonsense" }))).toBe("validation_failed");
    expect(await codeOf(listRequests(asUser(test.services, "READ_ONLY"), {}, { limit: 3 }))).toBe("permission_denied");
  });
});

describe("the palette", () => {
  it("S1: finds what the caller may see by id, reference and part of a name, and nothing else", async () => {
    const payment = await addPayment(ours, { at: addMs(NOW, -HOUR_MS), state: "COMPLETED", amount: 1000 });
    const own = asUser(test.services, "PARTNER_STAFF", [ours.partner.id]);
    expect(await searchRecords(own, ` ${payment} `)).toMatchObject([{ id: payment, kind: "payment" }]);
    expect(await searchRecords(own, ours.terminal.reference)).toMatchObject([{ kind: "terminal" }]);
    expect(await searchRecords(own, ours.store.reference.slice(0, -2))).toMatchObject([{ kind: "store" }]);
    expect(await searchRecords(own, theirs.store.reference)).toEqual([]);
    // Staff of a Partner may not read Partners.
    expect(await searchRecords(own, ours.partner.reference)).toEqual([]);
    const stranger = asUser(test.services, "PARTNER_STAFF", [theirs.partner.id]);
    expect(await searchRecords(stranger, payment)).toEqual([]);
    for (const odd of ["%", "x", "", "\0\0\0", "a".repeat(300), "'; drop table payments; --"]) {
      expect(await searchRecords(own, odd)).toEqual([]);
    }
  });
});
