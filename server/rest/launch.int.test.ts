import { randomInt } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasLuhnDigit } from "@/server/core/card-numbers";
import { newId } from "@/server/core/ids";
import { CreatePaymentSchema, CreateRefundSchema, PublicPaymentSchema } from "@/server/domain/payments/schema";
import { type BuiltPartner, makePartner, makeWebsite } from "@/server/testing/builders";
import { type TestServices, testServices } from "@/server/testing/context";
import { quickest } from "@/server/testing/equal-time";
import { callRest, makeKey, type RestCall } from "@/server/testing/rest";
import { createRest, type Rest } from "./run";

/* The create calls of every launch, as somebody who sends what he should not meets them. */

let test: TestServices;
let rest: Rest;
let own: BuiltPartner;
let key: string;
const PAYMENTS = "/api/v1/payments";
const EXPRESS = "/api/v1/payments/express";

beforeAll(async () => {
  test = await testServices();
  rest = createRest(test.services);
  own = await makePartner(test.services);
  await makeWebsite(test.services, own);
  key = (await makeKey(test.services, own.partner.id)).key;
});
afterAll(async () => {
  await rest.close();
  await test.close();
});

type Body = Record<string, unknown>;
const base = (fields: Body = {}): Body => ({
  amount: 25_050,
  currency: "SEK",
  reference: newId("request"),
  channel: "web",
  ...fields,
});
const post = (target: string, body: unknown, options: RestCall = {}) =>
  callRest(rest, "POST", target, { key, body, ...options });
const token = { network_session_token: "krn:network:eu1:test:session-token:x" };
const inStore = () => ({ channel: "in_store", store: { id: own.store.id }, terminal: { id: own.terminal.id } });

describe("the object", () => {
  it.each(["qr", "redirect", "sdk"])("S5: launched by %s it is exactly what is declared", async (launch) => {
    const answer = await post(PAYMENTS, base({ launch, ...(launch === "qr" ? inStore() : {}) }));
    expect(answer.status, answer.text).toBe(201);
    const payment = PublicPaymentSchema.strict().parse(answer.json);
    expect(Object.keys(answer.json as object).sort()).toEqual(Object.keys(PublicPaymentSchema.shape).sort());
    expect(payment.qr === null).toBe(launch !== "qr");
    expect(payment.klarna.qr_code === null).toBe(launch !== "qr");
    expect(payment.redirect_url).toBe(`${test.services.env.PUBLIC_URL}/pay/${payment.id}`);
    expect(payment.klarna.payment_request_url).not.toContain("/pay/");
    expect(payment.display_url).toContain(`/display/${payment.id}?t=`);
  });

  it("Express answers an Idempotency-Key twice with the same payment, and another body with 422", async () => {
    const body = base({ amount: 20_002, klarna: token });
    const idempotencyKey = newId("request");
    const [first, again] = [
      await post(EXPRESS, body, { idempotencyKey }),
      await post(EXPRESS, body, { idempotencyKey }),
    ];
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(again.text).toBe(first.text);
    expect(again.headers["idempotency-replayed"]).toBe("true");
    expect((await post(EXPRESS, { ...body, amount: 1 }, { idempotencyKey })).status).toBe(422);
    expect((await post(EXPRESS, body, { idempotencyKey: null })).status).toBe(400);
    const used = await post(EXPRESS, base({ amount: 20_002, klarna: token }));
    expect([used.status, used.json]).toMatchObject([409, { code: "session_token_used" }]);
  });
});

describe("the same call again", () => {
  const WAYS: Readonly<Record<string, () => [string, Body]>> = {
    redirect: () => [PAYMENTS, base({ launch: "redirect", return_url: "https://shop.example/" })],
    sdk: () => [PAYMENTS, base({ launch: "sdk" })],
    "qr on the web": () => [PAYMENTS, base({ launch: "qr" })],
    express: () => [EXPRESS, base({ amount: 20_002, klarna: { network_session_token: newId("request") } })],
  };

  it.each(Object.keys(WAYS))(
    "R1: %s, one key, 20 calls at once: one payment, one call to Klarna, one answer",
    async (way) => {
      const [target, body] = WAYS[way]?.() ?? [PAYMENTS, base()];
      const idempotencyKey = newId("request");
      const send = () => post(target, body, { idempotencyKey });
      const answers = await Promise.all(Array.from({ length: 20 }, send));
      expect(answers.map((answer) => answer.status).filter((status) => status !== 201 && status !== 409)).toEqual([]);
      const last = await send();
      expect(last.status).toBe(201);
      for (const answer of answers.filter(({ status }) => status === 201)) expect(answer.text).toBe(last.text);
      const calls = await test.simulator.control.calls({ account: own.account.id });
      const { id } = last.json as { id: string };
      expect(calls.filter((call) => call.operation === "authorize" && call.request_body?.includes(id))).toHaveLength(1);
    },
  );

  it("R15: an Express call that never left us answers 503, and its token is free for the next try", async () => {
    const down = await testServices({ environment: { KLARNA_TEST_BASE_URL: "http://127.0.0.1:9" } });
    const partner = await makePartner(down.services);
    await makeWebsite(down.services, partner);
    const { key: downKey } = await makeKey(down.services, partner.partner.id);
    const away = createRest(down.services);
    const body = base({ klarna: token });
    for (let turn = 0; turn < 2; turn += 1) {
      const answer = await callRest(away, "POST", EXPRESS, { key: downKey, body });
      expect([answer.status, answer.json]).toMatchObject([503, { code: "klarna_unavailable" }]);
      expect(answer.headers["retry-after"]).toBeDefined();
    }
    await away.close();
    await down.close();
  });
});

describe("what nobody may send", () => {
  it.each([PAYMENTS, EXPRESS])("S5: %s knows no field beyond its own, at any depth", async (target) => {
    const klarna = { ...token };
    const extras: [Body, string][] = [
      [{ state: "COMPLETED" }, "/state"],
      [{ partnerId: "ptn_x" }, "/partnerId"],
      [{ rail: "CLASSIC" }, "/rail"],
      [{ back: { own: "https://evil.example" } }, "/back"],
      [{ redirect_url: "https://evil.example" }, "/redirect_url"],
      [{ klarna: { ...klarna, payment_request_id: "krn:x" } }, "/klarna/payment_request_id"],
      [{ customer: { email: "a@b.se", role: "admin" } }, "/customer/role"],
    ];
    for (const [extra, pointer] of extras) {
      const answer = await post(target, base({ klarna, ...extra }));
      expect([answer.status, answer.json], pointer).toMatchObject([400, { errors: [{ pointer }] }]);
    }
    for (const name of ["__proto__", "constructor", "prototype"]) {
      const raw = JSON.stringify(base({ klarna })).replace(/}$/, `,"${name}":{"polluted":true}}`);
      expect((await callRest(rest, "POST", target, { key, raw })).status, name).toBe(400);
    }
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it.each([PAYMENTS, EXPRESS])(
    "S6: %s takes whole minor units only, of a currency that Klarna takes",
    async (target) => {
      for (const amount of [
        "-1",
        "0",
        "9007199254740993",
        "1.5",
        "1e3",
        '"100"',
        "null",
        "2147483648",
        "[1]",
        "true",
      ]) {
        const raw = JSON.stringify(base({ klarna: token })).replace('"amount":25050', `"amount":${amount}`);
        const answer = await callRest(rest, "POST", target, { key, raw });
        expect(answer.status, amount).toBe(400);
      }
      for (const [currency, status] of [
        ["XXX", 400],
        ["sek", 400],
        ["JPY", 422],
      ] as const)
        expect((await post(target, base({ klarna: token, currency }))).status, currency).toBe(status);
    },
  );

  it.each([PAYMENTS, EXPRESS])("S27: %s refuses bombs at once", async (target) => {
    for (const raw of [
      "[".repeat(10_000),
      `{"amount":1,"amount":2}`,
      `{"klarna":${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}}`,
      Buffer.from([0x7b, 0xff, 0xfe, 0x7d]),
    ]) {
      const refuse = async (): Promise<number> => {
        const started = performance.now();
        expect((await callRest(rest, "POST", target, { key, raw })).status).toBe(400);
        return performance.now() - started;
      };
      expect(await quickest(refuse, 500)).toBeLessThan(500);
    }
    expect((await callRest(rest, "POST", target, { key, raw: null })).status).toBe(413);
  });
});

/** A Visa number with the right check digit. */
function cardNumber(): string {
  let digits = "4";
  while (digits.length < 15) digits += String(randomInt(10));
  for (let check = 0; check < 10; check += 1) if (hasLuhnDigit(`${digits}${check}`)) return `${digits}${check}`;
  throw new Error("no check digit fits");
}

describe("card numbers", () => {
  const address = { street_address: "Street 1", postal_code: "11122", city: "Stockholm", country: "SE" };
  /** Every free text of a payment, each with the number in it. */
  const FIELDS: Readonly<Record<string, (text: string) => Body>> = {
    reference: (text) => ({ reference: text }),
    "a metadata value": (text) => ({ metadata: { note: text } }),
    "a metadata name": (text) => ({ metadata: { [text.slice(0, 40)]: "x" } }),
    "a line's name": (text) => ({ line_items: [{ name: text, quantity: 1, total_amount: 25_050 }] }),
    "a line's reference": (text) => ({
      line_items: [{ name: "A", reference: text, quantity: 1, total_amount: 25_050 }],
    }),
    "a line's article": (text) => ({
      line_items: [{ name: "A", product_identifier: text, quantity: 1, total_amount: 25_050 }],
    }),
    "a line's page": (text) => ({
      line_items: [
        { name: "A", product_url: `https://x.example/${encodeURIComponent(text)}`, quantity: 1, total_amount: 25_050 },
      ],
    }),
    "the given name": (text) => ({ customer: { given_name: text } }),
    "the family name": (text) => ({ customer: { family_name: text } }),
    "the e-mail": (text) => ({ customer: { email: `${text.replace(/\s/g, "")}@x.example` } }),
    "the phone": (text) => ({ customer: { phone: text.replace(/[^\d ]/g, "") } }),
    "the street": (text) => ({ customer: { address: { ...address, street_address: text } } }),
    "the city": (text) => ({ customer: { address: { ...address, city: text } } }),
    "the recipient": (text) => ({ shipping: { recipient: { attention: text } } }),
    "the delivery's reference": (text) => ({ shipping: { reference: text } }),
    "the payment option": (text) => ({ klarna: { payment_option_id: text } }),
    "the store's reference": (text) => ({ store: { reference: text } }),
    "an inline store's name": (text) => ({ store: { details: { reference: "S", name: text, address } } }),
    "the terminal's reference": (text) => ({ terminal: { reference: text } }),
    "the way back": (text) => ({ return_url: `https://x.example/?card=${text.replace(/\s/g, "")}` }),
    "the app's way back": (text) => ({ app_return_url: `shopapp://${text.replace(/\s/g, "")}` }),
  };
  const WRITTEN: readonly ((digits: string) => string)[] = [
    (digits) => digits,
    (digits) => digits.replace(/(.{4})(?=.)/g, "$1 "),
    (digits) => `n ${digits} x`,
  ];

  it("S63: 1,000 of them in every free text are refused before anything is written", () => {
    const names = Object.keys(FIELDS);
    for (let index = 0; index < 1_000; index += 1) {
      const write = WRITTEN[index % WRITTEN.length] ?? ((digits: string) => digits);
      const name = names[index % names.length] ?? "reference";
      const text = write(cardNumber());
      const parsed = CreatePaymentSchema.safeParse(base(FIELDS[name]?.(text)));
      expect(parsed.success, `${name}: ${text}`).toBe(false);
    }
    for (const field of ["reason", "reference"])
      expect(CreateRefundSchema.safeParse({ [field]: cardNumber() }).success, field).toBe(false);
  });

  it("S63: the same fields take what is no card number", () => {
    for (const [name, field] of Object.entries(FIELDS)) {
      const parsed = CreatePaymentSchema.safeParse(base(field(name === "the phone" ? "+46 70 123 45 67" : "order 17")));
      const issues = parsed.success ? [] : parsed.error.issues;
      expect(
        issues.filter((issue) => issue.message.includes("card number")),
        name,
      ).toEqual([]);
    }
  });

  it("S63: refused ones are in no table and no line of the log, and not said back", async () => {
    const numbers: string[] = [];
    for (const [name, field] of Object.entries(FIELDS)) {
      const number = cardNumber();
      numbers.push(number);
      const answer = await post(PAYMENTS, base(field(number)));
      expect(answer.status, `${name}: ${answer.text}`).toBe(400);
      if (name !== "a metadata name") expect(answer.text, name).not.toContain(number);
    }
    await rest.close();
    const tables = await test.services.db.query<{ name: string }>({
      text: "select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'",
      values: [],
    });
    for (const { name } of tables) {
      const found = await test.services.db.query({
        text: `select 1 from "${name}" t where t::text ~ $1 limit 1`,
        values: [numbers.join("|")],
      });
      expect(found, name).toEqual([]);
    }
    const log = test.log.join("\n");
    for (const number of numbers) expect(log).not.toContain(number);
  });
});
