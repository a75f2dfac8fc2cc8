import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { Money, moneyText } from "@/components/display/money";
import { MoneyInput } from "@/components/forms/money-input";
import { cookieName } from "@/server/auth/cookies";
import { sealToken } from "@/server/auth/session-token";
import { startSession } from "@/server/auth/sessions";
import { newId } from "@/server/core/ids";
import { formatMoney, parseDecimal } from "@/server/core/money";
import { advancePayment } from "@/server/domain/payments/sweep";
import { createDeliverer } from "@/server/domain/webhooks/deliver";
import { relayAll } from "@/server/domain/webhooks/service";
import { type Receiver, startReceiver } from "@/server/domain/webhooks/testing";
import { asSystem, type BuiltPartner, makePartner } from "@/server/testing/builders";
import { type TestServices, testServices } from "@/server/testing/context";
import { browser } from "@/server/testing/next-browser";
import { makePerson } from "@/server/testing/people";
import { callRest, makeKey, type RestCall } from "@/server/testing/rest";
import { createRest, type Rest } from "./run";

/* One sale from the till to the file that finance opens, in currencies with no, two and three decimals. */

vi.mock("next/headers", async () => (await import("@/server/testing/next-browser")).nextHeaders);

const CURRENCIES = [
  { currency: "JPY", decimals: 0, whole: "11850", captured: "5055", refunded: "1005", typed: "11 850" },
  { currency: "SEK", decimals: 2, whole: "118.50", captured: "50.55", refunded: "10.05", typed: "118,50" },
  { currency: "KWD", decimals: 3, whole: "11.850", captured: "5.055", refunded: "1.005", typed: "11,850" },
];
const AMOUNT = 11_850;
const CAPTURED = 5_055;
const REFUNDED = 1_005;

let test: TestServices;
let rest: Rest;
let own: BuiltPartner;
let key: string;
let shop: Receiver;

beforeAll(async () => {
  test = await testServices({ environment: { TEST_CURRENCIES: "JPY,KWD" }, connections: 8 });
  Reflect.set(globalThis, Symbol.for("tillgate.web.services"), test.services);
  rest = createRest(test.services);
  own = await makePartner(test.services, { country: "SE", currency: "SEK" });
  key = (await makeKey(test.services, own.partner.id)).key;
  shop = await startReceiver();
  await post("/api/v1/webhook-endpoints", { body: { url: shop.url, events: ["*"] } });
  const person = await makePerson(test.services, { role: "PARTNER_ADMIN", partners: [own.partner.id] });
  const session = await startSession(test.services.db, test.services, {
    userId: person.id,
    address: null,
    userAgent: null,
    replaces: null,
  });
  browser.cookies.set(cookieName(test.services.env, "session"), await sealToken(test.services, session.token));
});
afterAll(async () => {
  await shop.close();
  await rest.close();
  await test.close();
});

type Payment = Record<string, unknown> & { id: string };
const call = async (method: string, target: string, options: RestCall = {}) => {
  const answer = await callRest(rest, method, target, { key, ...options });
  expect(answer.status, answer.text).toBeLessThan(300);
  return answer;
};
const post = async (target: string, options: RestCall = {}): Promise<Payment> =>
  (await call("POST", target, options)).json as Payment;
const get = async (target: string): Promise<Payment> => (await call("GET", target)).json as Payment;

/** A sale of 11,850 minor units: captured in part, given back in part, the rest released. */
async function sell(currency: string): Promise<{ payment: Payment; refund: Payment }> {
  const sale = {
    amount: AMOUNT,
    currency,
    reference: newId("request"),
    capture: "manual",
    store: { id: own.store.id },
    terminal: { id: own.terminal.id },
    line_items: [{ name: "Lamp", quantity: 2, unit_price: 5_925, total_amount: AMOUNT }],
  };
  const made = await post("/api/v1/payments", { body: sale });
  expect(made).toMatchObject({ status: "pending", amount: AMOUNT, currency });
  const base = `/api/v1/payments/${made.id}`;
  await post(`/api/v1/test/payments/${made.id}/complete`, { body: {} });
  await advancePayment(asSystem(test.services), made.id);
  expect(await get(base)).toMatchObject({ status: "authorized" });
  expect(await post(`${base}/captures`, { body: { amount: CAPTURED } })).toMatchObject({ amount: CAPTURED, currency });
  const refund = await post(`${base}/refunds`, { body: { amount: REFUNDED, reason: "Scratched" } });
  expect(refund).toMatchObject({ amount: REFUNDED, currency, status: "succeeded" });
  await post(`${base}/void`, { body: {} });
  return { payment: await get(base), refund };
}

describe.each(CURRENCIES)("$currency, with $decimals decimals", ({ currency, whole, captured, refunded, typed }) => {
  let payment: Payment;
  let refund: Payment;
  beforeAll(async () => {
    ({ payment, refund } = await sell(currency));
  });

  it("is sold, captured, given back and released in whole minor units, here and in Klarna's books", async () => {
    const books = { amount: AMOUNT, amount_captured: CAPTURED, amount_refunded: REFUNDED };
    expect(payment).toMatchObject({ ...books, currency, status: "completed", amount_voided: AMOUNT - CAPTURED });
    expect(payment["amount_refundable"]).toBe(CAPTURED - REFUNDED);
    const kept = (await test.simulator.control.books(own.account.id)).find((each) => each.currency === currency);
    expect(kept).toMatchObject({ transactions: 1, authorized: AMOUNT, captured: CAPTURED, refunded: REFUNDED });
  });

  it("is listed, and told by webhook, with the same numbers", async () => {
    const list = await get("/api/v1/payments?limit=100");
    const found = (list["data"] as Payment[]).find((each) => each.id === payment.id);
    expect(found).toEqual(payment);
    await relayAll(test.services);
    const deliverer = createDeliverer(test.services);
    await deliverer.drain();
    await deliverer.stop();
    const objects = shop.received
      .filter((got) => JSON.stringify(got.json).includes(payment.id))
      .map((got) => got.json as unknown as { type: string; data: { object: Record<string, unknown> } });
    const last = (type: string) => objects.findLast((got) => got.type === type)?.data.object;
    expect(last("payment.authorized")).toMatchObject({ amount: AMOUNT, amount_authorized: AMOUNT, currency });
    expect(last("capture.succeeded")).toMatchObject({ amount: CAPTURED, currency });
    expect(last("refund.succeeded")).toMatchObject({ amount: REFUNDED, currency });
    expect(last("payment.completed")).toMatchObject({ amount_captured: CAPTURED, currency });
  });

  it("is exported as plain decimals with as many digits as the currency has", async () => {
    const { GET } = await import("@/app/(dashboard)/payments/export/route");
    const answer = await GET(new Request("http://localhost:3000/payments/export"));
    const [head = "", ...rows] = (await answer.text())
      .replace(/^\uFEFF/, "")
      .trim()
      .split(/\r?\n/);
    const cells = rows.find((row) => row.includes(payment.id))?.split(",") ?? [];
    const cell = (name: string): string | undefined => cells[head.split(",").indexOf(name)]?.replaceAll('"', "");
    expect([cell("currency"), cell("amount"), cell("amount_captured"), cell("amount_refunded")]).toEqual([
      currency,
      whole,
      captured,
      refunded,
    ]);
  });

  it("is shown with all of its digits, and typed with no more than it has", () => {
    const text = renderToStaticMarkup(createElement(Money, { amount: AMOUNT, currency })).replace(/<[^>]+>/g, "");
    expect(text).toBe(moneyText(AMOUNT, currency));
    expect(text.replaceAll(/[^\d.]/g, "")).toBe(whole);
    const input = renderToStaticMarkup(
      createElement(MoneyInput, { value: AMOUNT, currency, onChange: () => undefined }),
    );
    expect(input).toContain(`value="${whole}"`);
    expect(input).toContain(`inputMode="${whole.includes(".") ? "decimal" : "numeric"}"`);
    expect(parseDecimal(typed, currency)).toEqual({ amount: AMOUNT, currency });
    expect(parseDecimal(whole.includes(".") ? `${whole}5` : `${whole}.5`, currency)).toBeNull();
  });

  it.each(["text/plain", "text/html", "application/pdf", "application/vnd.escpos"])(
    "has receipts of the sale and of the return as %s",
    async (accept) => {
      const sale = await call("GET", `/api/v1/payments/${payment.id}/receipt?locale=en-GB`, { headers: { accept } });
      const back = await call("GET", `/api/v1/payments/${payment.id}/receipt?locale=en-GB&refund=${refund.id}`, {
        headers: { accept },
      });
      if (accept === "application/pdf") {
        expect(sale.text.startsWith("%PDF-") && back.text.startsWith("%PDF-")).toBe(true);
        return;
      }
      const plain = (text: string): string => text.replaceAll(/&nbsp;|\u00a0|\u202f/g, " ");
      const figure = (amount: number): string => formatMoney(amount, currency, "en-GB").replaceAll(/[^\d.,]/g, "");
      expect(plain(sale.text)).toContain(figure(AMOUNT));
      expect(plain(sale.text)).toContain(currency);
      expect(plain(back.text)).toContain(figure(REFUNDED));
    },
  );
});

describe("a currency that only a setting adds", () => {
  it("is refused in live mode, and where the setting does not name it", async () => {
    const live = await makePartner(test.services, { mode: "live" });
    const liveKey = (await makeKey(test.services, live.partner.id, { mode: "live" })).key;
    const sale = (currency: string, partner: BuiltPartner) => ({
      body: {
        amount: AMOUNT,
        currency,
        reference: newId("request"),
        store: { id: partner.store.id },
        terminal: { id: partner.terminal.id },
      },
    });
    const refusals = await Promise.all([
      callRest(rest, "POST", "/api/v1/payments", { key: liveKey, ...sale("JPY", live) }),
      callRest(rest, "POST", "/api/v1/payments", { key, ...sale("BHD", own) }),
    ]);
    for (const refusal of refusals)
      expect([refusal.status, (refusal.json as { code: string }).code]).toEqual([422, "currency_not_supported"]);
  });
});
