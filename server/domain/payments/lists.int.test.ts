import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ServiceContext } from "@/server/context";
import { addMs, DAY_MS } from "@/server/core/time";
import type { Row, Statement } from "@/server/db/client";
import { type BuiltPartner, makePartner, unique } from "@/server/testing/builders";
import { asApiKey, asUser, type TestServices, testServices } from "@/server/testing/context";
import { amountReadings } from "./list-filter";
import { listPaymentRecords } from "./repository-lists";
import { CreatePaymentSchema, type PaymentFilter, type PublicPayment } from "./schema";
import { createPayment, getPaymentRecord, getPaymentTotals, listPaymentRecordsPage, refundPayment } from "./service";

/* Finding payments: by everything that somebody may hold in the hand, and what the found add up to. */

let test: TestServices;
let ours: BuiltPartner;
let theirs: BuiltPartner;
let everybody: ServiceContext;
/** Approved at once and captured, partly refunded: has an id of every kind. */
let sale: PublicPayment;
/** Waits for the customer. */
let waiting: PublicPayment;
let declined: PublicPayment;
let foreign: PublicPayment;
let manual: PublicPayment;

function take(built: BuiltPartner, amount: number, more: object = {}): Promise<PublicPayment> {
  const body = CreatePaymentSchema.parse({
    amount,
    currency: built.partner.currency,
    reference: unique("Sale"),
    store: { id: built.store.id },
    terminal: { id: built.terminal.id },
    ...more,
  });
  return createPayment(asApiKey(test.services, { partnerId: built.partner.id }), body);
}

beforeAll(async () => {
  test = await testServices();
  ours = await makePartner(test.services);
  theirs = await makePartner(test.services, { country: "DE", currency: "EUR" });
  everybody = asUser(test.services, "READ_ONLY");
  sale = await take(ours, 20_002, { metadata: { order: 'B-77 "rush"' } });
  waiting = await take(ours, 10_050, { metadata: { table: "12" } });
  declined = await take(ours, 30_001);
  foreign = await take(theirs, 40_002, { metadata: { order: "B-77" } });
  manual = await take(ours, 55_502, { capture: "manual" });
  await refundPayment(asApiKey(test.services, { partnerId: ours.partner.id }), sale.id, {
    amount: 500,
    reference: "return-0815",
  });
  await test.services.db.query({
    text: "update captures set reference = 'parcel-9' where payment_id = $1",
    values: [sale.id],
  });
  await test.services.db.query({
    text: "update payments set late_transaction_id = 'krn:payment:eu1:transaction:late', version = version + 1 where id = $1",
    values: [declined.id],
  });
  await test.services.db.query({
    text: "update payments set klarna_reference = 'K4L7', version = version + 1 where id = $1",
    values: [manual.id],
  });
});
afterAll(() => test.close());

async function find(ctx: ServiceContext, filter: PaymentFilter): Promise<string[]> {
  const { data } = await listPaymentRecordsPage(ctx, filter, { limit: 50 });
  return data.map((row) => row.id);
}
const all = () => [manual.id, foreign.id, declined.id, waiting.id, sale.id];

describe("a payment is found by any identifier that belongs to it", () => {
  const record = async () => getPaymentRecord(everybody, sale.id);
  const ways: ReadonlyArray<readonly [what: string, text: () => Promise<string> | string, found: () => string[]]> = [
    ["our id", () => sale.id, () => [sale.id]],
    ["its reference", () => sale.reference, () => [sale.id]],
    ["the start of its reference, in any case", () => sale.reference.slice(0, -2).toUpperCase(), () => [sale.id]],
    ["Klarna's request", () => waiting.klarna.payment_request_id ?? "", () => [waiting.id]],
    ["Klarna's transaction", () => sale.klarna.payment_transaction_id ?? "", () => [sale.id]],
    ["Klarna's short reference", () => "K4L7", () => [manual.id]],
    ["the transaction of a late approval", () => "krn:payment:eu1:transaction:late", () => [declined.id]],
    ["a capture's id", async () => (await record()).captures[0]?.id ?? "", () => [sale.id]],
    ["Klarna's capture", async () => (await record()).captures[0]?.klarnaPaymentCaptureId ?? "", () => [sale.id]],
    ["a capture's reference", () => "parcel-9", () => [sale.id]],
    ["a refund's id", async () => (await record()).refunds[0]?.id ?? "", () => [sale.id]],
    ["Klarna's refund", async () => (await record()).refunds[0]?.klarnaPaymentRefundId ?? "", () => [sale.id]],
    ["a refund's reference", () => "return-0815", () => [sale.id]],
    ["an operation's id", async () => (await record()).operations[0]?.id ?? "", () => [sale.id]],
    ["the key of a call", async () => (await record()).operations[0]?.idempotencyKey ?? "", () => [sale.id]],
    ["the store's reference", () => theirs.store.reference, () => [foreign.id]],
    ["the store's id", () => theirs.store.id, () => [foreign.id]],
    ["Klarna's id of the store", () => theirs.store.klarnaStoreId, () => [foreign.id]],
    ["the terminal's reference", () => theirs.terminal.reference, () => [foreign.id]],
    ["the terminal's id", () => theirs.terminal.id, () => [foreign.id]],
    ["a value of the metadata", () => 'B-77 "rush"', () => [sale.id]],
    ["a value that looks like an amount", () => "12", () => [waiting.id]],
    ["the exact amount", () => "200.02", () => [sale.id]],
    ["the exact amount with a comma", () => "300,01", () => [declined.id]],
    ["an amount with its currency", () => "EUR 400.02", () => [foreign.id]],
    ["an amount of another currency: nothing", () => "SEK 400.02", () => []],
    ["signs of patterns: nothing, and not everything", () => "%", () => []],
    ["a quotation mark", () => '"', () => []],
    ["a null character", () => "a\0b", () => []],
    ["half a letter", () => "\ud800", () => []],
  ];
  it.each(ways)("%s", async (_, text, found) => {
    const search = await text();
    expect(search).not.toBe("");
    expect(await find(everybody, { search })).toEqual(found());
    const totals = await getPaymentTotals(everybody, { search });
    expect(totals.count).toBe(found().length);
  });

  it("S1: and never one of another Partner's, by any of them", async () => {
    const stranger = asUser(test.services, "PARTNER_ADMIN", [theirs.partner.id]);
    for (const [what, text, found] of ways) {
      const search = await text();
      const theirOwn = found().filter((id) => id === foreign.id);
      expect([what, await find(stranger, { search })]).toEqual([what, theirOwn]);
    }
    const live = asUser(test.services, "READ_ONLY", "all", "live");
    for (const [what, text] of ways) expect([what, await find(live, { search: await text() })]).toEqual([what, []]);
  });
});

it("the same digits are read in every currency that they fit, never in one that they do not", () => {
  const read = (text: string) => {
    const { amounts, currencies } = amountReadings(text);
    return Object.fromEntries(currencies.map((currency, index) => [currency, amounts[index]]));
  };
  expect(read("118.00")).toMatchObject({ EUR: 11_800, KWD: 118_000 });
  expect(read("118.00")).not.toHaveProperty("JPY");
  expect(read("118")).toMatchObject({ EUR: 11_800, JPY: 118, KWD: 118_000 });
  expect(read("1.234")).toMatchObject({ KWD: 1_234 });
  expect(read("1.234")).not.toHaveProperty("EUR");
  expect(read("118.00 sek")).toEqual({ SEK: 11_800 });
  for (const text of ["ON-118", "", "1.2.3,4", "XXX 5"]) expect(read(text)).toEqual({});
});

describe("filters", () => {
  it.each<[string, () => PaymentFilter, () => string[]]>([
    ["something left to capture", () => ({ left_to_capture: true }), () => [manual.id]],
    ["Klarna's no", () => ({ reasons: ["declined"] }), () => [declined.id]],
    ["a failure that nothing had", () => ({ reasons: ["klarna_refused"] }), () => []],
    ["the launch", () => ({ launches: ["redirect"] }), () => []],
    ["the channel", () => ({ channels: ["in_store"], rails: ["network"] }), all],
    ["the interface", () => ({ rails: ["classic"] }), () => []],
    ["a store by its reference", () => ({ store: theirs.store.reference }), () => [foreign.id]],
    ["a store by its id", () => ({ store: theirs.store.id }), () => [foreign.id]],
    ["a terminal by its reference", () => ({ terminal: theirs.terminal.reference }), () => [foreign.id]],
    ["a terminal by its id", () => ({ terminal: theirs.terminal.id }), () => [foreign.id]],
    ["a terminal that is a store's", () => ({ terminal: theirs.store.id }), () => []],
    ["several stores", () => ({ stores: [theirs.store.id, ours.store.id] }), all],
    ["an amount and its currency", () => ({ currency: "SEK", amount_min: 30_000 }), () => [manual.id, declined.id]],
  ])("%s", async (_, filter, found) => {
    expect(await find(everybody, filter())).toEqual(found());
  });

  it("authorizations that end before a moment, while they are still open", async () => {
    const end = (await getPaymentRecord(everybody, manual.id)).payment.authorizationExpiresAt;
    const at = end ?? new Date(0);
    const ends = (before: Date) => find(everybody, { authorization_ends_before: before.toISOString() });
    expect(await ends(addMs(at, -DAY_MS))).toEqual([]);
    expect(await ends(addMs(at, 1))).toEqual([manual.id]);
  });
});

it("totals are the sums of the rows that the same filter lists, apart by currency", async () => {
  for (const filter of [{}, { search: "B-77" }, { status: ["completed" as const] }, { stores: [ours.store.id] }]) {
    const { data } = await listPaymentRecordsPage(everybody, filter, { limit: 50 });
    const totals = await getPaymentTotals(everybody, filter);
    const sums = Object.fromEntries(totals.sums.map((sum) => [sum.currency, sum]));
    for (const [currency, rows] of Map.groupBy(data, (row) => row.currency)) {
      const sum = (read: (row: (typeof rows)[number]) => number) => rows.reduce((whole, row) => whole + read(row), 0);
      expect(sums[currency]).toEqual({
        currency,
        count: rows.length,
        amount: sum((row) => row.amount),
        authorized: sum((row) => row.amountAuthorized),
        captured: sum((row) => row.amountCaptured),
        refunded: sum((row) => row.amountRefunded),
        voided: sum((row) => row.amountVoided),
        left: sum((row) =>
          row.state === "AUTHORIZED" ? row.amountAuthorized - row.amountCaptured - row.amountVoided : 0,
        ),
      });
    }
    expect(totals.count).toBe(data.length);
    expect(totals.sums).toHaveLength(new Set(data.map((row) => row.currency)).size);
  }
});

it("walked to its end, page by page as an export does, the list has every row of the filter once", async () => {
  for (const filter of [{}, { stores: [ours.store.id] }, { search: ours.store.reference }]) {
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await listPaymentRecordsPage(everybody, filter, { limit: 2, ...(cursor ? { cursor } : {}) });
      seen.push(...page.data.map((row) => row.id));
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    expect(seen).toEqual(await find(everybody, filter));
    expect(seen).toHaveLength((await getPaymentTotals(everybody, filter)).count);
    expect(new Set(seen).size).toBe(seen.length);
  }
});

describe("a store with very many payments", () => {
  const MANY = 3_000;
  let shop: BuiltPartner;
  let first: PublicPayment;

  beforeAll(async () => {
    shop = await makePartner(test.services);
    first = await take(shop, 1_002, { metadata: { shop: shop.store.reference } });
    await test.services.db.query({
      text: `insert into payments select c.* from payments p, generate_series(1, ${MANY}) i,
          jsonb_populate_record(p, jsonb_build_object('id', left(p.id, 10) || lpad(i::text, 20, '0'),
          'reference', 'many-' || i, 'created_at', p.created_at - i * interval '1 second', 'next_action_at', null, 'metadata', '{}'::jsonb,
          'klarna_payment_request_id', null, 'klarna_payment_transaction_id', 'krn:many:' || i, 'session_token_hash', null)) c
        where p.id = $1`,
      values: [first.id],
    });
    await test.services.db.query({ text: "analyze payments", values: [] });
  });

  it.each(["reference", "id"] as const)(
    "S41: a page of it, searched by its %s, reads a page and not all",
    async (by) => {
      const read: number[] = [];
      const explained = async <R extends Row>(statement: Statement): Promise<R[]> => {
        const [plan] = await test.services.db.query<{ "QUERY PLAN": unknown }>({
          ...statement,
          text: `explain (analyze, format json) ${statement.text}`,
        });
        // Of every node over payments, how many rows it gave in all its turns.
        JSON.stringify(plan, (_, node) => {
          if (typeof node === "object" && node !== null && node["Relation Name"] === "payments")
            read.push(node["Actual Rows"] * node["Actual Loops"]);
          return node;
        });
        return [];
      };
      const tx = { ...test.services.db, query: explained };
      const filter = { search: shop.store[by], states: null };
      await listPaymentRecords(tx, everybody.scope, filter, { limit: 25 });
      expect(read).not.toEqual([]);
      expect(Math.max(...read)).toBeLessThan(100);
      const narrowed = await find(everybody, { search: shop.store[by], amount_min: 1_002, status: ["completed"] });
      expect(narrowed).toHaveLength(50);
      expect(narrowed[0]).toBe(first.id);
    },
  );

  it("what is found in several ways is listed and counted once", async () => {
    const search = shop.store.reference;
    const found = await find(everybody, { search });
    expect(found.filter((id) => id === first.id)).toEqual([first.id]);
    const totals = await getPaymentTotals(everybody, { search });
    expect(totals).toMatchObject({ count: MANY + 1, sums: [{ count: MANY + 1, amount: (MANY + 1) * 1_002 }] });
    expect(await getPaymentTotals(everybody, { store: search })).toEqual(totals);
  });
});
