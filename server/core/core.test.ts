import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AppError, ERROR_CATALOGUE } from "./errors";
import { ID_PREFIXES, idSchema, klarnaIdempotencyKey, newId } from "./ids";
import {
  addMoney,
  allocate,
  currencyDecimals,
  formatMoney,
  money,
  parseDecimal,
  subtractMoney,
  toDecimalString,
} from "./money";
import { decodeCursor, encodeCursor, toPage } from "./pagination";
import { maskSecrets, redact } from "./redact";
import { emailSchema, lineSchema, metadataSchema } from "./schema";
import { defineMachine } from "./state-machine";
import { backoffMs } from "./time";

const currency = fc.constantFrom("SEK", "EUR", "JPY", "KWD", "USD", "BHD", "ISK");
const amount = fc.integer({ min: -2_147_483_647, max: 2_147_483_647 });

describe("money", () => {
  it("splits so that the parts add up to the whole, for any weights and either sign", () => {
    fc.assert(
      fc.property(
        amount,
        currency,
        fc.array(fc.nat(1_000_000), { minLength: 1, maxLength: 20 }),
        (total, code, weights) => {
          fc.pre(weights.some((weight) => weight > 0));
          const parts = allocate(money(total, code), weights);
          expect(parts.reduce((sum, part) => sum + part.amount, 0)).toBe(total);
          parts.forEach((part, index) => {
            if (weights[index] === 0) expect(part.amount).toBe(0);
          });
        },
      ),
    );
  });

  it("writes and reads back every amount exactly, with 0, 2 and 3 decimals", () => {
    fc.assert(
      fc.property(fc.nat(2_147_483_647), currency, (value, code) => {
        expect(parseDecimal(toDecimalString(money(value, code)), code)).toEqual({ amount: value, currency: code });
      }),
    );
    expect(toDecimalString(money(5, "KWD"))).toBe("0.005");
    expect(toDecimalString(money(-5, "SEK"))).toBe("-0.05");
    expect(toDecimalString(money(500, "JPY"))).toBe("500");
  });

  it("refuses what is not exact: more decimals than the currency has, signs, words", () => {
    for (const [text, code] of [
      ["1.5", "JPY"],
      ["1.234", "EUR"],
      ["1.2345", "KWD"],
      ["-1", "EUR"],
      ["abc", "EUR"],
      ["", "EUR"],
      ["1e3", "EUR"],
    ] as const) {
      expect(parseDecimal(text, code), text).toBeNull();
    }
    expect(parseDecimal("1,299.50", "EUR")?.amount).toBe(129_950);
    expect(parseDecimal("1 299,50", "SEK")?.amount).toBe(129_950);
  });

  it("adds and subtracts only equal currencies", () => {
    expect(() => addMoney(money(1, "SEK"), money(1, "EUR"))).toThrow("currency_mismatch");
    expect(subtractMoney(money(5, "SEK"), money(7, "SEK"))).toEqual({ amount: -2, currency: "SEK" });
    expect(() => money(1.5, "SEK")).toThrow("amount_invalid");
    expect(() => currencyDecimals("XXX")).toThrow("currency_unknown");
    expect(() => currencyDecimals("constructor")).toThrow("currency_unknown");
  });

  it("formats without a float: the largest amounts keep their last digit", () => {
    expect(formatMoney(9_007_199_254_740_991, "EUR").replace(/\s/g, " ")).toBe("EUR 90,071,992,547,409.91");
    expect(formatMoney(1_999, "JPY").replace(/\s/g, " ")).toBe("JPY 1,999");
    expect(formatMoney(1_999, "KWD").replace(/\s/g, " ")).toBe("KWD 1.999");
  });
});

describe("ids", () => {
  it("sort by the time they were made, and match their own schema only", () => {
    const ids = Array.from({ length: 500 }, () => newId("payment"));
    expect([...ids].sort()).toEqual(ids);
    for (const kind of Object.keys(ID_PREFIXES) as (keyof typeof ID_PREFIXES)[]) {
      expect(idSchema(kind).safeParse(newId(kind)).success).toBe(true);
      expect(idSchema("payment").safeParse(newId(kind)).success).toBe(kind === "payment");
    }
  });

  it("give one key towards Klarna for one operation, always the same", () => {
    const id = newId("operation");
    expect(klarnaIdempotencyKey(id)).toBe(klarnaIdempotencyKey(id));
    expect(klarnaIdempotencyKey(id)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-/);
    expect(klarnaIdempotencyKey(newId("operation"))).not.toBe(klarnaIdempotencyKey(id));
  });
});

describe("pages", () => {
  it("name the last row seen, and only cursors that we issued are read", () => {
    const row = { createdAt: new Date(1_700_000_000_123), id: newId("payment") };
    expect(decodeCursor(encodeCursor(row))).toEqual(row);
    for (const text of [
      "",
      "x",
      Buffer.from("1:'; drop table payments").toString("base64url"),
      Buffer.from("NaN:pay_x").toString("base64url"),
    ]) {
      expect(() => decodeCursor(text)).toThrow("validation_failed");
    }
    const rows = [row, { ...row, id: newId("payment") }];
    expect(toPage(rows, 1)).toMatchObject({ hasMore: true, data: [row] });
    expect(toPage(rows, 2)).toMatchObject({ hasMore: false, nextCursor: null });
  });
});

describe("masking", () => {
  it("S61: hides planted secrets wherever they stand, and keeps amounts, ids and states", () => {
    const secrets = [
      "tg_live_sk_abcDEF123456",
      "klarna_test_api_AbC+/=",
      "whsec_c2VjcmV0",
      "krn:network:us1:test:session-token:eyJhbGciOi",
      "4111 1111 1111 1111",
    ];
    const masked = JSON.stringify(
      redact({
        id: "pay_1",
        amount: 11_800,
        status: "pending",
        customer: { email: "a@b.se", given_name: "Alice" },
        klarna_network_session_token: secrets[3],
        reference: secrets[0],
        reason: secrets[4],
        nested: [{ payment_token: secrets[3] }],
        target_url: `https://x/y?t=${secrets[2]}`,
      }),
    );
    for (const secret of [...secrets, "Alice", "a@b.se"]) expect(masked).not.toContain(secret);
    expect(masked).toContain("pay_1");
    expect(masked).toContain("11800");
    for (const secret of secrets) expect(maskSecrets(`before ${secret} after`)).not.toContain(secret);
  });

  it("S61: an address or a secret that a caller used as a field's name is masked, there and in a pointer", () => {
    const masked = JSON.stringify(
      redact({
        "anna@shopper.example": 1,
        tg_test_sk_abcDEF123456: 2,
        [`${"x".repeat(80)}`]: 3,
        errors: [{ pointer: "/customer/anna@shopper.example", detail: "anna@shopper.example is not known" }],
      }),
    );
    expect(masked).not.toMatch(/shopper|abcDEF|x{65}/);
    expect(masked).toContain("/customer/•••");
  });

  it("S61: line breaks and terminal colours in a value cannot forge a line", () => {
    expect(JSON.stringify(redact({ reason: 'ok\r\n{"level":50}\u001b[31m' }))).not.toMatch(/\p{Cc}/u);
  });
});

describe("what comes from outside", () => {
  it("S15: only plain addresses pass: no homoglyph, no quoted or second at sign", () => {
    for (const good of ["a@b.se", "first.last+tag@shop.example.com"])
      expect(emailSchema.safeParse(good).success, good).toBe(true);
    for (const bad of ["a＠b.se", "a@b", '"a@b"@c.se', "a@b.se,c@d.se", "a@b.se\n", "a@@b.se", "ä@b.se", "a@-b.se"])
      expect(emailSchema.safeParse(bad).success, bad).toBe(false);
  });

  it("a line holds no control characters and no lone surrogates", () => {
    for (const bad of ["a\u0000b", "a\nb", "\u007f", "\ud800", "a\u0085"])
      expect(lineSchema(1, 99).safeParse(bad).success).toBe(false);
    expect(lineSchema(1, 99).safeParse("Åse & Söner 😀").success).toBe(true);
    expect(
      metadataSchema.safeParse(Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`k${i}`, "v"]))).success,
    ).toBe(false);
  });
});

describe("errors, machines, back-off", () => {
  it("every code has a status of 4xx or 5xx, and 4xx other than 409 and 429 are not retryable", () => {
    for (const [code, entry] of Object.entries(ERROR_CATALOGUE)) {
      expect(entry.status, code).toBeGreaterThanOrEqual(400);
      if (entry.status < 500 && entry.status !== 409 && entry.status !== 429) expect(entry.retryable, code).toBe(false);
    }
    expect(new AppError("not_found").status).toBe(404);
  });

  it("a table that names an unknown state does not load", () => {
    expect(() => defineMachine({ A: { go: "B" } })).toThrow("unknown state");
  });

  it("back-off stays within its bound for any attempt", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), (attempt) => {
        const wait = backoffMs(attempt, 100, 5_000);
        expect(wait).toBeGreaterThanOrEqual(0);
        expect(wait).toBeLessThanOrEqual(5_000);
      }),
    );
  });
});
