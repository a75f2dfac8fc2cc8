import { afterAll, beforeAll, expect, it } from "vitest";
import type { Role } from "@/server/auth/permissions";
import { newId } from "@/server/core/ids";
import type { Mode } from "@/server/core/schema";
import { CreatePaymentSchema, type PublicPayment } from "@/server/domain/payments/schema";
import { createPayment } from "@/server/domain/payments/service";
import { type BuiltPartner, makePartner, unique } from "@/server/testing/builders";
import { asApiKey, sessionAs, type TestServices, testServices } from "@/server/testing/context";
import { createCallerFactory, router } from "../init";
import { paymentsRouter } from "./payments";

const createCaller = createCallerFactory(router({ payments: paymentsRouter }));
let test: TestServices;
let ours: BuiltPartner;
let theirs: BuiltPartner;
const payments: PublicPayment[] = [];

function take(built: BuiltPartner, amount: number): Promise<PublicPayment> {
  const body = CreatePaymentSchema.parse({
    amount,
    currency: built.partner.currency,
    reference: unique("sale"),
    store: { id: built.store.id },
    terminal: { id: built.terminal.id },
  });
  return createPayment(asApiKey(test.services, { partnerId: built.partner.id }), body);
}

beforeAll(async () => {
  test = await testServices();
  ours = await makePartner(test.services);
  theirs = await makePartner(test.services, { country: "DE", currency: "EUR" });
  // 02 is approved at once, 01 declined at once, the others wait for the customer.
  for (const amount of [10_050, 20_002, 30_001]) payments.push(await take(ours, amount));
  payments.push(await take(theirs, 40_050));
});
afterAll(() => test.close());

function callerAs(role: Role | null, partners: "all" | string[] = "all", mode: Mode = "test") {
  const session = role === null ? null : sessionAs(test.services, role, partners);
  return createCaller({ services: test.services, session, mode, requestId: newId("request"), isOwnOrigin: true });
}

const byReference = (index: number): string => payments[index]?.reference ?? "";
const idOf = (index: number): string => payments[index]?.id ?? "";

it("the list pages newest first, with the number and the sums of the whole filter by currency", async () => {
  const caller = callerAs("READ_ONLY");
  const first = await caller.payments.list({ limit: 2 });
  const second = await caller.payments.list({ limit: 2, cursor: first.nextCursor });
  expect([...first.data, ...second.data].map((row) => row.id)).toEqual(payments.map(({ id }) => id).reverse());
  expect(second.nextCursor).toBeNull();
  const totals = await caller.payments.totals({});
  expect(totals).toMatchObject({ count: 4, isPartial: false });
  const nothing = { authorized: 0, captured: 0, refunded: 0, voided: 0, left: 0 };
  expect(totals.sums).toEqual([
    { ...nothing, currency: "SEK", count: 3, amount: 60_053, authorized: 20_002, captured: 20_002 },
    { ...nothing, currency: "EUR", count: 1, amount: 40_050 },
  ]);
});

it("the list finds by state, place, amount, minute and any identifier", async () => {
  const caller = callerAs("READ_ONLY");
  const found = async (filter: object): Promise<string[]> =>
    (await caller.payments.list({ filter })).data.map((row) => row.reference);
  expect(await found({ status: ["completed"] })).toEqual([byReference(1)]);
  expect(await found({ partners: [theirs.partner.id] })).toEqual([byReference(3)]);
  expect(await found({ stores: [theirs.store.id] })).toEqual([byReference(3)]);
  expect(await found({ terminal: theirs.terminal.reference })).toEqual([byReference(3)]);
  expect(await found({ currency: "SEK", amount_min: 30_000 })).toEqual([byReference(2)]);
  expect(await found({ search: idOf(0) })).toEqual([byReference(0)]);
  expect(await found({ search: payments[0]?.klarna.payment_request_id ?? "" })).toEqual([byReference(0)]);
  expect(await found({ search: byReference(2).slice(0, 9) })).toEqual([byReference(2)]);
  expect(await found({ created_to: payments[1]?.created_at })).toEqual([byReference(0)]);
  await expect(caller.payments.list({ filter: { statsu: "x" } as object })).rejects.toThrow();
});

it("the record says what may be done now and why not, and keeps everything encrypted or bearing out of the answer", async () => {
  const record = await callerAs("PARTNER_ADMIN", [ours.partner.id]).payments.get({ id: idOf(1) });
  expect(record.payment).toMatchObject({ status: "completed", amountCaptured: 20_002, amountRefundable: 20_002 });
  expect(record.actions.refund).toBeNull();
  expect(record.actions.cancel).toMatch(/completed/);
  expect(record.captures).toHaveLength(1);
  expect(record.operations[0]).toMatchObject({ kind: "AUTHORIZE", state: "SUCCEEDED" });
  const text = JSON.stringify(record).toLowerCase();
  for (const word of ["secret", "token", "display"]) expect(text).not.toContain(word);
});

it("messages between us and Klarna are only for roles that may see them", async () => {
  const open = await callerAs("ACQUIRER_FINANCE").payments.timeline({ id: idOf(0) });
  const call = open.items.find((item) => item.kind === "call");
  expect(open.withMessages).toBe(true);
  expect(call?.request).not.toBeNull();
  const closed = await callerAs("PARTNER_STAFF", [ours.partner.id]).payments.timeline({ id: idOf(0) });
  expect(closed.withMessages).toBe(false);
  expect(closed.items.every((item) => item.kind !== "call" || (item.request === null && item.response === null))).toBe(
    true,
  );
  expect(closed.items.map((item) => item.kind)).toContain("audit");
});

it("another Partner's payment, the other mode's and nobody's are answered alike: it does not exist", async () => {
  const stranger = callerAs("PARTNER_ADMIN", [theirs.partner.id]);
  for (const caller of [stranger, callerAs("ACQUIRER_ADMIN", "all", "live")]) {
    await expect(caller.payments.get({ id: idOf(0) })).rejects.toMatchObject({ cause: { code: "payment_not_found" } });
    await expect(caller.payments.timeline({ id: idOf(0) })).rejects.toMatchObject({
      cause: { code: "payment_not_found" },
    });
  }
  expect((await stranger.payments.list({ filter: { partners: [ours.partner.id] } })).data).toEqual([]);
  expect((await stranger.payments.totals({ filter: { search: byReference(0) } })).count).toBe(0);
  await expect(callerAs(null).payments.list({})).rejects.toMatchObject({ cause: { code: "session_required" } });
});

it("S41: a page is never longer than a hundred rows, whoever asks", async () => {
  const caller = callerAs("ACQUIRER_ADMIN");
  for (const limit of [101, 1_000_000, 0, -1]) await expect(caller.payments.list({ limit })).rejects.toThrow();
  expect((await caller.payments.list({ limit: 100 })).data).toHaveLength(4);
});
