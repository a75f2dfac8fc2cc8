import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { takeAtKioskAction } from "@/app/(counter)/kiosk/[terminalId]/actions";
import { readAtTillAction, takeAtTillAction } from "@/app/(counter)/till/[terminalId]/actions";
import { takePaymentAction } from "@/app/(dashboard)/take-payment/actions";
import { cookieName } from "@/server/auth/cookies";
import { sealToken } from "@/server/auth/session-token";
import { startSession } from "@/server/auth/sessions";
import {
  changeTerminal,
  createPairingCode,
  createTerminal,
  listClassicTerminals,
  pairDevice,
} from "@/server/domain/terminals/service";
import { asSystem, unique } from "@/server/testing/builders";
import { classicHarness } from "@/server/testing/classic-harness";
import { asUser } from "@/server/testing/context";
import { browser } from "@/server/testing/next-browser";
import { makePerson } from "@/server/testing/people";

/* A customer scanned the code that Klarna printed for the shop and reads digits out: at the till and in the dashboard. */

vi.mock("next/headers", async () => (await import("@/server/testing/next-browser")).nextHeaders);

const h = classicHarness();
beforeEach(h.letThrough);

let till = "";
let kiosk = "";
/** A terminal of the same store that sells through the Network. */
let network: { id: string; till: string };
let session = "";

beforeAll(async () => {
  Reflect.set(globalThis, Symbol.for("tillgate.web.services"), h.services);
  browser.headers = new Headers({ origin: h.callbacks.url, "sec-fetch-site": "same-origin" });
  till = await pair(h.partner.terminal.id, "TILL");
  kiosk = await pair(h.partner.terminal.id, "KIOSK");
  const terminal = await createTerminal(asSystem(h.services), {
    partnerId: h.partner.partner.id,
    storeId: h.partner.store.id,
    reference: unique("till"),
    label: "Network till",
  });
  network = { id: terminal.id, till: await pair(terminal.id, "TILL") };
  const person = await makePerson(h.services, { role: "PARTNER_STAFF", partners: [h.partner.partner.id] });
  const { token } = await startSession(h.services.db, h.services, {
    ...{ userId: person.id, address: null, userAgent: null, replaces: null },
  });
  session = await sealToken(h.services, token);
});

async function pair(terminalId: string, purpose: "TILL" | "KIOSK"): Promise<string> {
  const { code } = await createPairingCode(asUser(h.services, "ACQUIRER_ADMIN"), terminalId, purpose);
  return (await pairDevice(h.services, { code, address: null, userAgent: null })).token;
}
function holds(kind: "device" | "session", value: string): void {
  browser.cookies.clear();
  browser.cookies.set(cookieName(h.services.env, kind), value);
}
let nonces = 0;
function saleOf(shortCode: string | null, terminalId = h.partner.terminal.id) {
  nonces += 1;
  const nonce = nonces.toString(16).padStart(32, "0");
  return { terminalId, nonce, amount: 18_000, currency: "SEK", reference: unique("sale"), shortCode };
}
async function taken(sale: ReturnType<typeof saleOf>): Promise<string> {
  const answer = await takeAtTillAction(sale);
  expect(answer).toMatchObject({ ok: true });
  return answer.ok ? answer.data.id : "";
}
const madeOf = (reference: string) =>
  h.services.db.query<{ id: string }>({ text: "select id from payments where reference = $1", values: [reference] });

/** The session that Klarna has of a payment. */
const sentOf = async (id: string) =>
  (await h.classic.sessions(h.partner.account.id)).find((each) => each.merchant_reference2 === id);

describe("the till of a terminal of classic sessions", () => {
  beforeEach(() => holds("device", till));

  it("T16: takes the customer's code, tells Klarna, and says that there is nothing to scan", async () => {
    const code = await h.classic.shortCode();
    const id = await taken(saleOf(code));
    expect(await sentOf(id)).toMatchObject({ distribution: { short_code: code } });
    await h.sweepFor(2);
    const read = () => readAtTillAction({ terminalId: h.partner.terminal.id, paymentId: id });
    expect(await read()).toMatchObject({
      ok: true,
      data: { status: "pending", launch: "short_code", klarna: { qr_code: null }, failure: null },
    });
    await h.classic.play(await h.sessionOf(id), "complete");
    await h.becomes(id, "completed");
    expect(await read()).toMatchObject({ ok: true, data: { status: "completed", amount: 18_000 } });
    await h.expectEqualBooks(id);
  });

  it("R5: pressed twenty times at once it is one payment and one session at Klarna", async () => {
    const sale = saleOf(await h.classic.shortCode());
    const answers = await Promise.all(Array.from({ length: 20 }, () => takeAtTillAction(sale)));
    const ids = new Set(answers.map((answer) => (answer.ok ? answer.data.id : answer.code)));
    expect(ids.size).toBe(1);
    expect(await madeOf(sale.reference)).toHaveLength(1);
    const sessions = await h.classic.sessions(h.partner.account.id);
    expect(sessions.filter((each) => each.merchant_reference2 === [...ids][0])).toHaveLength(1);
  });

  it("BAD_REQUEST: a code that Klarna does not know ends unpaid and asks for another, which takes the same sale", async () => {
    const wrong = saleOf("99999999");
    const first = await taken(wrong);
    await h.becomes(first, "failed");
    expect(await readAtTillAction({ terminalId: wrong.terminalId, paymentId: first })).toMatchObject({
      ok: true,
      data: { status: "failed", launch: "short_code", failure: { code: "short_code_refused" } },
    });
    const right = { ...saleOf(await h.classic.shortCode()), reference: wrong.reference };
    const second = await taken(right);
    expect(second).not.toBe(first);
    await h.sweepUntil(second, (status) => status === "pending");
  });

  it.each(["", "1", "123456789012345678901", "12a4", "12 34", "１２３４"])(
    "no code is %j: nothing is sent",
    async (code) => {
      const sale = saleOf(code);
      expect(await takeAtTillAction(sale)).toMatchObject({ ok: false, code: "validation_failed" });
      expect(await madeOf(sale.reference)).toEqual([]);
    },
  );

  it("without a code it shows a QR code, as before", async () => {
    const id = await taken(saleOf(null));
    await h.sweepUntil(id, (status, hasCode) => status === "pending" && hasCode);
    expect(await sentOf(id)).toMatchObject({ distribution: { short_code: null } });
  });
});

describe("nowhere else", () => {
  it("a till on the Network refuses a code, and takes nothing", async () => {
    holds("device", network.till);
    const sale = saleOf(await h.classic.shortCode(), network.id);
    expect(await takeAtTillAction(sale)).toMatchObject({ ok: false, code: "launch_not_available" });
    expect(await madeOf(sale.reference)).toEqual([]);
  });

  it("a kiosk has no way to try codes of others", async () => {
    holds("device", kiosk);
    const sale = saleOf(await h.classic.shortCode());
    expect(await takeAtKioskAction(sale)).toMatchObject({ ok: false, code: "validation_failed" });
    expect(await madeOf(sale.reference)).toEqual([]);
    expect(await takeAtKioskAction({ ...sale, shortCode: null })).toMatchObject({ ok: true });
  });

  it("terminals are found by their own setting or an inherited one, those of the caller's Partners alone", async () => {
    const own = asUser(h.services, "PARTNER_STAFF", [h.partner.partner.id]);
    expect([...(await listClassicTerminals(own))]).toEqual([h.partner.terminal.id]);
    const staff = asUser(h.services, "ACQUIRER_ADMIN");
    await h.services.db.query({
      text: `update stores set settings = settings || '{"rail":"CLASSIC"}' where id = $1`,
      values: [h.partner.store.id],
    });
    expect([...(await listClassicTerminals(own))].toSorted()).toEqual([h.partner.terminal.id, network.id].toSorted());
    await changeTerminal(staff, network.id, { settings: { rail: "network" } });
    expect([...(await listClassicTerminals(own))]).toEqual([h.partner.terminal.id]);
    const others = asUser(h.services, "PARTNER_STAFF", [`par_${"0".repeat(26)}`]);
    expect([...(await listClassicTerminals(others))]).toEqual([]);
  });
});

describe("Take a payment in the dashboard", () => {
  beforeEach(() => holds("session", session));
  const press = (shortCode: string, terminalId = h.partner.terminal.id) => {
    const { nonce, amount, currency, reference } = saleOf(null);
    const { partner, store } = h.partner;
    const input = { partnerId: partner.id, storeId: store.id, terminalId, amount, currency, reference };
    return { nonce, input: { ...input, launch: "short_code", shortCode } };
  };

  it("takes the code as it was read out, in groups; pressed again it is the same payment", async () => {
    const code = await h.classic.shortCode();
    const sent = press(`${code.slice(0, 3)} ${code.slice(3)}`);
    const first = await takePaymentAction(sent);
    expect(first).toMatchObject({ ok: true });
    expect(await takePaymentAction(sent)).toMatchObject({
      ok: true,
      data: { paymentId: first.ok ? first.data.paymentId : "" },
    });
    const [payment] = await madeOf(sent.input.reference);
    expect(await sentOf(payment?.id ?? "")).toMatchObject({ distribution: { short_code: code } });
  });

  it("says at the field what is no code, and that a terminal of the Network knows none", async () => {
    expect(await takePaymentAction(press("12a4"))).toMatchObject({
      ok: false,
      code: "validation_failed",
      fields: { shortCode: expect.stringMatching(/2 to 20 digits/) },
    });
    expect(await takePaymentAction(press("123456", network.id))).toMatchObject({
      ok: false,
      code: "launch_not_available",
    });
  });
});
