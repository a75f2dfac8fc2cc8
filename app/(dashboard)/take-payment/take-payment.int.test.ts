import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { cookieName } from "@/server/auth/cookies";
import { sealToken } from "@/server/auth/session-token";
import { startSession } from "@/server/auth/sessions";
import { type BuiltPartner, makePartner, unique } from "@/server/testing/builders";
import { type TestServices, testServices } from "@/server/testing/context";
import { browser } from "@/server/testing/next-browser";
import { makePerson } from "@/server/testing/people";
import { takePaymentAction } from "./actions";

/* The button of the cashier's form, pressed again because the first answer was lost. */

vi.mock("next/headers", async () => (await import("@/server/testing/next-browser")).nextHeaders);

let test: TestServices;
let own: BuiltPartner;
beforeAll(async () => {
  test = await testServices();
  Reflect.set(globalThis, Symbol.for("tillgate.web.services"), test.services);
  own = await makePartner(test.services);
  const person = await makePerson(test.services, { role: "PARTNER_ADMIN", partners: [own.partner.id] });
  const { token } = await startSession(test.services.db, test.services, {
    ...{ userId: person.id, address: null, userAgent: null, replaces: null },
  });
  browser.cookies.set(cookieName(test.services.env, "session"), await sealToken(test.services, token));
  browser.headers = new Headers({ origin: "http://localhost:3000", "sec-fetch-site": "same-origin" });
});
afterAll(() => test.close());

let presses = 0;
function sale(amount = 11_800) {
  presses += 1;
  return {
    nonce: presses.toString(16).padStart(32, "0"),
    input: {
      partnerId: own.partner.id,
      storeId: own.store.id,
      terminalId: own.terminal.id,
      amount,
      currency: "SEK",
      reference: unique("sale"),
    },
  };
}
const made = async (reference: string): Promise<string[]> => {
  const rows = await test.services.db.query<{ id: string }>({
    text: "select id from payments where reference = $1",
    values: [reference],
  });
  return rows.map((row) => row.id);
};

it("R5: pressed again, and many times at once, it is one payment", async () => {
  const press = sale();
  const answers = await Promise.all(Array.from({ length: 8 }, () => takePaymentAction(press)));
  answers.push(await takePaymentAction(press));
  const [id] = await made(press.input.reference);
  expect(answers).toEqual(answers.map(() => ({ ok: true, data: { paymentId: id, status: expect.any(String) } })));
  expect(await made(press.input.reference)).toHaveLength(1);
});

it("R5: pressed again while Klarna cannot be reached, it finds the payment of the first press", async () => {
  const press = sale();
  const first = await takePaymentAction(press);
  expect(first).toMatchObject({ ok: true });
  const isOpen = vi.spyOn(test.services.klarna, "isOpen").mockReturnValue(true);
  const again = await takePaymentAction(press);
  const other = await takePaymentAction(sale());
  isOpen.mockRestore();
  expect(again).toMatchObject({ ok: true, data: { paymentId: first.ok ? first.data.paymentId : "" } });
  expect(other).toMatchObject({ ok: false, code: "klarna_unavailable" });
});

it("R5: pressed again with another amount it makes no second payment, and says that there is one", async () => {
  const press = sale();
  await takePaymentAction(press);
  const again = await takePaymentAction({ ...press, input: { ...press.input, amount: 11_900 } });
  expect(again).toMatchObject({
    ok: false,
    code: "idempotency_key_reused",
    message: expect.stringMatching(/after all/),
  });
  expect(await made(press.input.reference)).toHaveLength(1);
});
