import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { cookieName } from "@/server/auth/cookies";
import { sealToken } from "@/server/auth/session-token";
import { startSession } from "@/server/auth/sessions";
import { ROOT } from "@/server/boot/settings";
import { refundAtCounter } from "@/server/domain/counter/service";
import { checkInvariants } from "@/server/domain/invariants";
import { type CreatePaymentInput, CreatePaymentSchema } from "@/server/domain/payments/schema";
import { createPayment, getPayment, listRefunds, refundPayment } from "@/server/domain/payments/service";
import type { SettingsChange } from "@/server/domain/stores/schema";
import { createStore } from "@/server/domain/stores/service";
import {
  changeTerminal,
  createPairingCode,
  createTerminal,
  deviceContext,
  findPairedDevice,
  pairDevice,
  revokeDevice,
} from "@/server/domain/terminals/service";
import type { DevicePurpose } from "@/server/domain/terminals/states";
import { createRest, type Rest } from "@/server/rest/run";
import { type Entry, fill, readTable } from "@/server/testing/access-table";
import { addressIn, asSystem, type BuiltPartner, registerAtSimulator, unique } from "@/server/testing/builders";
import { asApiKey, asUser, type TestServices, testServices } from "@/server/testing/context";
import { browser } from "@/server/testing/next-browser";
import { makePerson } from "@/server/testing/people";
import { digestOf, makeTenant, type Tenant, unknownIds } from "@/server/testing/tenants";

/*
 * A paired browser at the counter: what its cookie opens, and what it does not. Every action of the till and the kiosk is
 * called as the browser calls it, through the table of access.
 */

vi.mock("next/headers", async () => (await import("@/server/testing/next-browser")).nextHeaders);
vi.mock("next/cache", () => ({ revalidatePath: () => undefined, revalidateTag: () => undefined }));

const ORIGIN = "http://localhost:3000";
const LINES = readTable().filter((entry) => entry.kind === "action" && entry.who === "device");
let test: TestServices;
let rest: Rest;
let ours: Tenant;
let theirs: Tenant;
/** Another store of ours, with a terminal of its own. */
let otherStore: { id: string; reference: string };
let otherTerminal: { id: string; reference: string };

beforeAll(async () => {
  test = await testServices({ environment: { TEST_CURRENCIES: "JPY,KWD" } });
  Reflect.set(globalThis, Symbol.for("tillgate.web.services"), test.services);
  rest = createRest(test.services);
  ours = await makeTenant(test.services, rest);
  theirs = await makeTenant(test.services, rest);
  const ctx = asSystem(test.services);
  const klarnaStoreId = `krn:partner:global:store:${crypto.randomUUID()}`;
  otherStore = await createStore(ctx, {
    partnerId: ours.partner.id,
    reference: unique("store"),
    name: "Other store",
    type: "PHYSICAL",
    address: addressIn("SE"),
    klarnaStoreId,
  });
  await registerAtSimulator(test.services, {
    accountId: ours.account.id,
    name: ours.partner.name,
    country: "SE",
    stores: [
      { store_id: ours.store.klarnaStoreId, store_reference: ours.store.reference, name: "Store" },
      { store_id: klarnaStoreId, store_reference: otherStore.reference, name: "Other store" },
    ],
  });
  otherTerminal = await createTerminal(ctx, {
    partnerId: ours.partner.id,
    storeId: otherStore.id,
    reference: unique("till"),
    label: "Till 2",
  });
});
afterAll(async () => {
  const broken = (await checkInvariants(test.services.db)).filter((result) => result.broken > 0);
  expect(broken, "INV").toEqual([]);
  await rest.close();
  await test.close();
});

/** A browser paired with the terminal; its token. */
async function pair(terminalId: string, purpose: DevicePurpose): Promise<{ token: string; deviceId: string }> {
  const { code } = await createPairingCode(asUser(test.services, "ACQUIRER_ADMIN"), terminalId, purpose);
  return pairDevice(test.services, { code, address: null, userAgent: null });
}
async function takesReturns(terminalId: string, limit = 0): Promise<void> {
  await changeTerminal(asUser(test.services, "ACQUIRER_ADMIN"), terminalId, {
    settings: { till_returns: true, till_return_limit: limit },
  });
}

type Answer = { ok?: boolean; code?: string; data?: unknown; [key: string]: unknown };
async function act(
  holder: { device?: string; session?: string } | null,
  name: string,
  input: unknown,
  origin: string | null = ORIGIN,
): Promise<Answer> {
  browser.cookies.clear();
  browser.set.length = 0;
  if (holder?.device !== undefined) browser.cookies.set(cookieName(test.services.env, "device"), holder.device);
  if (holder?.session !== undefined)
    browser.cookies.set(cookieName(test.services.env, "session"), await sealToken(test.services, holder.session));
  browser.headers = new Headers(origin === null ? {} : { origin, "sec-fetch-site": "same-origin" });
  const line = LINES.find((entry) => entry.name.endsWith(`#${name}`));
  if (!line) throw new Error(`no action ${name}`);
  const module: Record<string, unknown> = await import(
    pathToFileURL(path.join(ROOT, `${line.name.split("#")[0]}.ts`)).href
  );
  const run = module[name];
  if (typeof run !== "function") throw new Error(`${name} is no function`);
  return (await run(input)) as Answer;
}
const nameOf = (entry: Entry): string => entry.name.split("#")[1] ?? "";
const inputOf = (entry: Entry, ids: Readonly<Record<string, string>>): unknown => {
  const args = fill(entry.sample, (name) => ids[name] ?? "");
  return Array.isArray(args) ? args[0] : null;
};
const purposeOf = (entry: Entry): DevicePurpose => (entry.name.includes("/kiosk/") ? "KIOSK" : "TILL");

let nonces = 0;
const nonce = (): string => {
  nonces += 1;
  return nonces.toString(16).padStart(32, "0");
};
const saleOf = (terminalId: string, amount = 11_800, reference = unique("sale")) => ({
  terminalId,
  nonce: nonce(),
  amount,
  currency: "SEK",
  reference,
});
const mine = () => asApiKey(test.services, { partnerId: ours.partner.id });
async function sold(
  place: { store: { id: string }; terminal: { id: string } },
  more: Partial<CreatePaymentInput> = {},
) {
  const payment = await createPayment(
    mine(),
    CreatePaymentSchema.parse({
      // Ends in 02: approved and captured at once.
      amount: 20_002,
      currency: "SEK",
      reference: unique("sold"),
      store: { id: place.store.id },
      terminal: { id: place.terminal.id },
      ...more,
    }),
  );
  expect(payment.status).toBe("completed");
  return payment;
}
const here = (partner: BuiltPartner) => ({ store: { id: partner.store.id }, terminal: { id: partner.terminal.id } });
const idOf = (answer: Answer): string => {
  const { data } = answer;
  return typeof data === "object" && data !== null && "id" in data
    ? String(data.id)
    : `no id: ${JSON.stringify(answer)}`;
};

describe("S1, S4: who may call which action of the counter, as the table has it", () => {
  it("nobody, and who has given one factor, gets past any of them", async () => {
    const admin = await makePerson(test.services, { role: "ACQUIRER_ADMIN", partners: [] });
    const half = await startSession(test.services.db, test.services, {
      ...{ userId: admin.id, address: null, userAgent: null, replaces: null },
      level: "CODE_DUE",
    });
    expect(LINES.length).toBe(12);
    for (const entry of LINES)
      for (const holder of [null, { device: "A".repeat(43) }, { session: half.token }]) {
        const answer = await act(holder, nameOf(entry), inputOf(entry, ours.ids));
        expect([entry.name, answer.code]).toEqual([entry.name, "session_required"]);
      }
  });

  it("S20: none does anything for a request from elsewhere", async () => {
    const device = { device: (await pair(ours.terminal.id, "TILL")).token };
    for (const entry of LINES)
      for (const origin of [null, "null", "https://evil.example"]) {
        const answer = await act(device, nameOf(entry), inputOf(entry, ours.ids), origin);
        expect([entry.name, answer.code]).toEqual([entry.name, "origin_refused"]);
      }
  });

  it("a paired browser is let in at its own terminal, as what it is, with the switch for returns, and nowhere else", async () => {
    await takesReturns(ours.terminal.id);
    const devices = { TILL: await pair(ours.terminal.id, "TILL"), KIOSK: await pair(ours.terminal.id, "KIOSK") };
    for (const entry of LINES) {
      const purpose = purposeOf(entry);
      const name = nameOf(entry);
      // Nothing that can be done, so that nothing is done: it is refused for what it says, not for who says it.
      const nothing = { terminalId: ours.terminal.id };
      const known = await act({ device: devices[purpose].token }, name, nothing);
      expect([name, known.code]).toEqual([name, "validation_failed"]);
      const wrongKind = devices[purpose === "TILL" ? "KIOSK" : "TILL"];
      for (const [who, token, terminalId] of [
        ["the other kind", wrongKind.token, ours.terminal.id],
        ["another terminal", devices[purpose].token, otherTerminal.id],
        ["another Partner", devices[purpose].token, theirs.terminal.id],
        ["no terminal", devices[purpose].token, unknownIds().terminal],
      ] as const) {
        const answer = await act({ device: token }, name, { terminalId });
        expect([name, who, answer.code]).toEqual([name, who, "terminal_not_found"]);
      }
    }
    await changeTerminal(asUser(test.services, "ACQUIRER_ADMIN"), ours.terminal.id, {
      settings: { till_returns: false },
    });
    for (const name of ["findSalesAction", "returnAtTillAction"]) {
      const answer = await act({ device: devices.TILL.token }, name, { terminalId: ours.terminal.id });
      expect([name, answer.code]).toEqual([name, "permission_denied"]);
    }
  });

  it("somebody signed in needs the permission of the line, and a terminal of theirs", async () => {
    const sessionOf = async (role: string) => {
      const person = await makePerson(test.services, {
        role,
        partners: role.startsWith("PARTNER") ? [ours.partner.id] : [],
      });
      const made = await startSession(test.services.db, test.services, {
        ...{ userId: person.id, address: null, userAgent: null, replaces: null },
      });
      return { session: made.token };
    };
    const staff = await sessionOf("PARTNER_STAFF");
    const reader = await sessionOf("READ_ONLY");
    for (const entry of LINES) {
      const name = nameOf(entry);
      const asStaff = await act(staff, name, { terminalId: ours.terminal.id });
      const isRefund = entry.needs === "payments:refund";
      expect([name, asStaff.code === "permission_denied"]).toEqual([name, isRefund]);
      expect([name, (await act(staff, name, { terminalId: theirs.terminal.id })).code]).toEqual([
        name,
        "terminal_not_found",
      ]);
      expect([name, (await act(reader, name, { terminalId: ours.terminal.id })).code]).toEqual([
        name,
        "terminal_not_found",
      ]);
    }
  });

  it("S1, S3: ids of another Partner and of another terminal are like ids that nobody has, and nothing changes there", async () => {
    await takesReturns(ours.terminal.id);
    const devices = { TILL: await pair(ours.terminal.id, "TILL"), KIOSK: await pair(ours.terminal.id, "KIOSK") };
    const elsewhere = await sold({ store: otherStore, terminal: otherTerminal });
    const before = await digestOf(test.services, theirs.partner.id);
    const plain = (answer: Answer, id: string) =>
      JSON.stringify(answer)
        .replaceAll(id, "$id")
        .replace(/req_[0-9A-Z]{26}/g, "req");
    for (const entry of LINES.filter((line) => JSON.stringify(line.sample).includes("$payment"))) {
      const name = nameOf(entry);
      const holder = { device: devices[purposeOf(entry)].token };
      const ask = async (id: string) =>
        plain(await act(holder, name, inputOf(entry, { terminal: ours.terminal.id, payment: id })), id);
      const nowhere = await ask(unknownIds().payment);
      expect([name, await ask(theirs.ids.payment)]).toEqual([name, nowhere]);
      // Returns alone look at every sale of the Partner.
      if (entry.needs !== "payments:refund") expect([name, await ask(elsewhere.id)]).toEqual([name, nowhere]);
      expect([name, nowhere.includes('"ok":true')]).toEqual([name, name === "findSalesAction"]);
    }
    expect(await digestOf(test.services, theirs.partner.id)).toEqual(before);
  });
});

describe("a paired browser", () => {
  it("acts as its terminal in the audit, sees its own terminal's payments only, and does nothing else", async () => {
    const { token, deviceId } = await pair(ours.terminal.id, "TILL");
    await sold({ store: otherStore, terminal: otherTerminal });
    const taken = await act({ device: token }, "takeAtTillAction", saleOf(ours.terminal.id));
    expect(taken).toMatchObject({ ok: true, data: { status: "pending", amount: 11_800 } });
    const [entry] = await test.services.db.query<{ kind: string; id: string }>({
      text: "select actor_kind as kind, actor_id as id from audit_entries where subject_id = $1 order by position limit 1",
      values: [idOf(taken)],
    });
    expect(entry).toEqual({ kind: "DEVICE", id: deviceId });

    const latest = await act({ device: token }, "latestAtTillAction", {
      terminalId: ours.terminal.id,
      from: "2020-01-01T00:00:00Z",
    });
    const ids = (latest.data as { id: string }[]).map((payment) => payment.id);
    const rows = await test.services.db.query<{ id: string }>({
      text: "select id from payments where terminal_id = $1",
      values: [ours.terminal.id],
    });
    expect(ids.toSorted()).toEqual(rows.map((row) => row.id).toSorted());

    const device = await findPairedDevice(test.services, token);
    if (device === null) throw new Error("not paired");
    const ctx = deviceContext(test.services, { ...device, settings: { ...device.settings, till_returns: false } });
    const code = (work: Promise<unknown>) =>
      work.then(
        () => "done",
        (error: { code?: string }) => error.code,
      );
    expect(await code(refundPayment(ctx, ours.ids.payment, {}))).toBe("permission_denied");
    expect(await code(changeTerminal(ctx, ours.terminal.id, { label: "Mine" }))).toBe("permission_denied");
    expect(await code(revokeDevice(ctx, deviceId))).toBe("permission_denied");
    expect(
      await code(
        createPayment(
          ctx,
          CreatePaymentSchema.parse({
            amount: 100,
            currency: "SEK",
            reference: unique("x"),
            terminal: { id: otherTerminal.id },
          }),
        ),
      ),
    ).toBe("terminal_not_found");
  });

  it("S14: its cookie is all that it has; what follows a payment opens that payment's paths alone, unseen by scripts", async () => {
    const { token, deviceId } = await pair(ours.terminal.id, "TILL");
    const taken = await act({ device: token }, "takeAtTillAction", saleOf(ours.terminal.id));
    const id = idOf(taken);
    expect(browser.set).toEqual([
      expect.objectContaining({
        name: `tg_display_${id}`,
        path: `/api/v1/payments/${id}`,
        httpOnly: true,
        sameSite: "lax",
      }),
    ]);
    const [cookie] = browser.set as { value: string }[];
    for (const secret of [token, cookie?.value ?? "none"]) expect(JSON.stringify(taken)).not.toContain(secret);
    const dump = await test.services.db.query({
      text: "select to_jsonb(d)::text as row from paired_devices d where id = $1",
      values: [deviceId],
    });
    expect(JSON.stringify(dump)).not.toContain(token);
    expect(test.log.join("\n")).not.toContain(token);
  });

  it("that was let go is nobody from its next request on", async () => {
    const { token, deviceId } = await pair(ours.terminal.id, "TILL");
    const look = () =>
      act({ device: token }, "latestAtTillAction", { terminalId: ours.terminal.id, from: "2020-01-01T00:00:00Z" });
    expect((await look()).ok).toBe(true);
    await revokeDevice(asUser(test.services, "PARTNER_ADMIN", [ours.partner.id]), deviceId);
    expect((await look()).code).toBe("session_required");
    expect((await act({ device: token }, "takeAtTillAction", saleOf(ours.terminal.id))).code).toBe("session_required");
  });

  it("of a Partner that is suspended in the middle of a payment sees it to its end, cancels it, and takes no other", async () => {
    const { token } = await pair(ours.terminal.id, "TILL");
    const [first, second] = [saleOf(ours.terminal.id), saleOf(ours.terminal.id)];
    const ids = [
      idOf(await act({ device: token }, "takeAtTillAction", first)),
      idOf(await act({ device: token }, "takeAtTillAction", second)),
    ];
    const set = (state: string) =>
      test.services.db.query({
        text: "update partners set state = $2 where id = $1",
        values: [ours.partner.id, state],
      });
    await set("SUSPENDED");
    try {
      const one = (paymentId: string | undefined) => ({ terminalId: ours.terminal.id, paymentId });
      expect(await act({ device: token }, "readAtTillAction", one(ids[0]))).toMatchObject({
        ok: true,
        data: { status: "pending" },
      });
      expect(await act({ device: token }, "cancelAtTillAction", one(ids[0]))).toMatchObject({
        ok: true,
        data: { status: "canceled" },
      });
      // A lost answer is still asked for under its nonce; a new sale is refused.
      expect(idOf(await act({ device: token }, "takeAtTillAction", second))).toBe(ids[1]);
      expect((await act({ device: token }, "takeAtTillAction", saleOf(ours.terminal.id))).code).toBe(
        "partner_not_operational",
      );
    } finally {
      await set("OPERATIONAL");
    }
  });

  it.each([
    ["takeAtTillAction", "TILL"],
    ["takeAtKioskAction", "KIOSK"],
  ] as const)("R5: %s pressed twenty times at once takes one payment", async (name, purpose) => {
    const { token } = await pair(ours.terminal.id, purpose);
    const sale = saleOf(ours.terminal.id);
    const answers = await Promise.all(Array.from({ length: 20 }, () => act({ device: token }, name, sale)));
    expect(new Set(answers.map(idOf)).size).toBe(1);
    expect(answers.every((answer) => answer.ok)).toBe(true);
    const rows = await test.services.db.query<{ id: string }>({
      text: "select id from payments where reference = $1",
      values: [sale.reference],
    });
    expect(rows).toHaveLength(1);
    // Another attempt of the same sale is refused while this one may still be paid.
    expect((await act({ device: token }, name, { ...sale, nonce: nonce() })).code).toBe("reference_taken");
  });
});

describe("a return at another store", () => {
  it.each([
    ["payment id", (payment: { id: string }) => payment.id],
    ["code of the receipt", (payment: { id: string }) => `https://till.example/r?of=${payment.id}`],
    ["reference", (payment: { reference: string }) => payment.reference],
    [
      "transaction of Klarna",
      (payment: { klarna: { payment_transaction_id: string | null } }) => payment.klarna.payment_transaction_id ?? "",
    ],
  ] as const)("finds the sale by its %s, exactly", async (_, textOf) => {
    await takesReturns(otherTerminal.id);
    const { token } = await pair(otherTerminal.id, "TILL");
    const payment = await sold(here(ours));
    const find = (text: string) => act({ device: token }, "findSalesAction", { terminalId: otherTerminal.id, text });
    const text = textOf(payment);
    expect(await find(text)).toMatchObject({ ok: true, data: [{ id: payment.id, amountRefundable: 20_002 }] });
    expect((await find(text.slice(0, -1))).data).toEqual([]);
  });

  it("R5: pressed twenty times at once gives back once, and keeps the store and terminal of the return", async () => {
    await takesReturns(otherTerminal.id);
    const { token } = await pair(otherTerminal.id, "TILL");
    const payment = await sold(here(ours));
    const input = {
      terminalId: otherTerminal.id,
      nonce: nonce(),
      paymentId: payment.id,
      amount: 5_000,
      reason: "Wrong size",
    };
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => act({ device: token }, "returnAtTillAction", input)),
    );
    expect(new Set(answers.map(idOf)).size).toBe(1);
    const refunds = await listRefunds(mine(), payment.id);
    expect(refunds).toMatchObject([
      {
        status: "succeeded",
        amount: 5_000,
        reason: "Wrong size",
        store: { id: otherStore.id, reference: otherStore.reference },
        terminal: { id: otherTerminal.id, reference: otherTerminal.reference },
      },
    ]);
    expect(await getPayment(mine(), payment.id)).toMatchObject({
      store: { id: ours.store.id },
      amount_refunded: 5_000,
      amount_refundable: 15_002,
    });
    const [transaction] = await test.simulator.control.transactions({ payment_transaction_reference: payment.id });
    expect(transaction).toBeDefined();
  });

  it("R5: asked again after the browser was paired anew, a return stays the same one", async () => {
    await takesReturns(otherTerminal.id);
    const payment = await sold(here(ours));
    const input = {
      ...{ terminalId: otherTerminal.id, nonce: nonce(), paymentId: payment.id, amount: 5_000, reason: "Other" },
    };
    const first = await act({ device: (await pair(otherTerminal.id, "TILL")).token }, "returnAtTillAction", input);
    const again = await act({ device: (await pair(otherTerminal.id, "TILL")).token }, "returnAtTillAction", input);
    expect(first).toMatchObject({ ok: true, data: { kind: "refund", amount: 5_000 } });
    expect(again).toEqual(first);
    expect((await getPayment(mine(), payment.id)).amount_refunded).toBe(5_000);
  });

  it("gives back whole lines of the sale", async () => {
    await takesReturns(otherTerminal.id);
    const { token } = await pair(otherTerminal.id, "TILL");
    const payment = await sold(here(ours), {
      line_items: [
        { name: "Shirt", quantity: 2, unit_price: 5_000, total_amount: 10_000 },
        { name: "Socks", quantity: 1, unit_price: 10_002, total_amount: 10_002 },
      ],
    });
    const back = (lines: number[]) =>
      act({ device: token }, "returnAtTillAction", {
        ...{ terminalId: otherTerminal.id, nonce: nonce(), paymentId: payment.id },
        ...{ amount: null, lines, reason: "Faulty" },
      });
    expect(await back([1])).toMatchObject({ ok: true, data: { kind: "refund", status: "succeeded", amount: 10_002 } });
    expect((await back([1])).code).toBe("refund_exceeds_captured");
    expect((await back([7])).code).toBe("validation_failed");
  });

  it("stops at the limit of the terminal, whatever the pieces, and tells the audit", async () => {
    await takesReturns(otherTerminal.id, 6_000);
    const { token } = await pair(otherTerminal.id, "TILL");
    const payment = await sold(here(ours));
    const back = (amount: number) =>
      act({ device: token }, "returnAtTillAction", {
        ...{ terminalId: otherTerminal.id, nonce: nonce(), paymentId: payment.id, amount, reason: "Other" },
      });
    expect(await back(6_001)).toMatchObject({ ok: true, data: { kind: "limit", id: null, amount: 6_000 } });
    expect(await back(4_000)).toMatchObject({ ok: true, data: { kind: "refund", status: "succeeded" } });
    expect(await back(2_001)).toMatchObject({ ok: true, data: { kind: "limit" } });
    expect(await back(2_000)).toMatchObject({ ok: true, data: { kind: "refund", status: "succeeded" } });
    expect((await getPayment(mine(), payment.id)).amount_refunded).toBe(6_000);
    const rows = await test.services.db.query({
      text: "select 1 from audit_entries where subject_id = $1 and action = 'refund.above_till_limit'",
      values: [payment.id],
    });
    expect(rows).toHaveLength(2);
    await takesReturns(otherTerminal.id);
  });

  it("a limit is never read in another currency: such a sale is not given back at the till, and staff are asked", async () => {
    const set = (settings: SettingsChange) =>
      changeTerminal(asUser(test.services, "ACQUIRER_ADMIN"), otherTerminal.id, { settings });
    const { token } = await pair(otherTerminal.id, "TILL");
    const back = (payment: { id: string }, amount: number) =>
      act({ device: token }, "returnAtTillAction", {
        ...{ terminalId: otherTerminal.id, nonce: nonce(), paymentId: payment.id, amount, reason: "Other" },
      });
    const [inKronor, inEuro] = [await sold(here(ours)), await sold(here(ours), { currency: "EUR" })];
    // Left out, it is the Partner's own: 60.00 kronor say nothing about 1.00 euro.
    await set({ till_returns: true, till_return_limit: 6_000 });
    expect(await back(inEuro, 100)).toMatchObject({
      ok: true,
      data: { kind: "currency", id: null, amount: 100, currency: "EUR" },
    });
    expect(await back(inKronor, 6_000)).toMatchObject({ ok: true, data: { kind: "refund", status: "succeeded" } });
    await set({ till_return_limit: 6_000, till_return_currency: "EUR" });
    expect(await back(inKronor, 100)).toMatchObject({ ok: true, data: { kind: "currency", currency: "SEK" } });
    expect(await back(inEuro, 6_000)).toMatchObject({ ok: true, data: { kind: "refund", status: "succeeded" } });
    expect((await getPayment(mine(), inEuro.id)).amount_refunded).toBe(6_000);
    const rows = await test.services.db.query({
      text: "select 1 from audit_entries where subject_id = any($1) and action = 'refund.not_in_till_currency'",
      values: [[inEuro.id, inKronor.id]],
    });
    expect(rows).toHaveLength(2);
    // Without a limit every currency is given back.
    await takesReturns(otherTerminal.id);
    expect(await back(inKronor, 100)).toMatchObject({ ok: true, data: { kind: "refund" } });
  });

  it.each([
    { currency: "JPY", decimals: "no" },
    { currency: "KWD", decimals: "three" },
  ])(
    "a limit in a currency with $decimals decimals is of its own smallest unit, to the last one",
    async ({ currency }) => {
      await changeTerminal(asUser(test.services, "ACQUIRER_ADMIN"), otherTerminal.id, {
        settings: { till_returns: true, till_return_limit: 6_000, till_return_currency: currency },
      });
      const { token } = await pair(otherTerminal.id, "TILL");
      const payment = await sold(here(ours), { currency });
      const back = (amount: number) =>
        act({ device: token }, "returnAtTillAction", {
          ...{ terminalId: otherTerminal.id, nonce: nonce(), paymentId: payment.id, amount, reason: "Other" },
        });
      expect(await back(6_001)).toMatchObject({ ok: true, data: { kind: "limit", amount: 6_000, currency } });
      expect(await back(5_999)).toMatchObject({ ok: true, data: { kind: "refund", amount: 5_999, currency } });
      expect(await back(2)).toMatchObject({ ok: true, data: { kind: "limit", amount: 6_000, currency } });
      expect(await back(1)).toMatchObject({ ok: true, data: { kind: "refund", amount: 1, currency } });
      expect(await getPayment(mine(), payment.id)).toMatchObject({ amount_refunded: 6_000, amount_refundable: 14_002 });
      const kronor = await sold(here(ours));
      expect(
        await act({ device: token }, "returnAtTillAction", {
          ...{ terminalId: otherTerminal.id, nonce: nonce(), paymentId: kronor.id, amount: 1, reason: "Other" },
        }),
      ).toMatchObject({ ok: true, data: { kind: "currency", currency: "SEK" } });
      await takesReturns(otherTerminal.id);
    },
  );

  it("R5: stops returns at once at the limit together, and answers a repeat with the return it made", async () => {
    await takesReturns(otherTerminal.id, 6_000);
    const { token } = await pair(otherTerminal.id, "TILL");
    const payment = await sold(here(ours));
    const device = await findPairedDevice(test.services, token);
    if (device === null) throw new Error("not paired");
    const give = () =>
      refundAtCounter(deviceContext(test.services, device), device, {
        ...{ paymentId: payment.id, amount: 4_000, lines: [], capture: null, reason: "Other" },
      });
    const kinds = (await Promise.all([give(), give(), give(), give()])).map((outcome) => outcome.kind);
    expect(kinds.toSorted()).toEqual(["limit", "limit", "limit", "refund"]);
    expect((await getPayment(mine(), payment.id)).amount_refunded).toBe(4_000);

    const second = await sold(here(ours));
    const same = {
      ...{ terminalId: otherTerminal.id, nonce: nonce(), paymentId: second.id, amount: 4_000, reason: "Other" },
    };
    const first = await act({ device: token }, "returnAtTillAction", same);
    expect(first).toMatchObject({ ok: true, data: { kind: "refund", status: "succeeded" } });
    expect((await act({ device: token }, "returnAtTillAction", same)).data).toEqual(first.data);
    await takesReturns(otherTerminal.id);
  });
});

describe("the kiosk", () => {
  it("offers Klarna in Klarna's words of the language, with Klarna's picture inside the page", async () => {
    const { token } = await pair(ours.terminal.id, "KIOSK");
    const ask = (language: string) =>
      act({ device: token }, "kioskMethodAction", {
        terminalId: ours.terminal.id,
        amount: 11_800,
        currency: "SEK",
        language,
      });
    expect(await ask("sv")).toMatchObject({
      ok: true,
      data: { isAvailable: true, header: "Betala med Klarna", button: "Betala med Klarna", image: { alt: "Klarna" } },
    });
    const english = await ask("en");
    expect(english).toMatchObject({ ok: true, data: { header: "Pay with Klarna" } });
    const { image } = english.data as { image: { source: string } };
    expect(image.source).toMatch(/^data:image\/svg\+xml;base64,/);
  });
});
