import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RestCall } from "@/server/testing/rest";
import { PAYMENTS, problem, restHarness } from "@/server/testing/rest-harness";
import { BODY_MAX_BYTES } from "./http";

/* Bodies and addresses that nobody should send: refused by name, nothing is written, never a 5xx. */

const { counts, get, post, sale } = restHarness();

describe("bad input", () => {
  const refused = async (options: RestCall, status: number, code: string, pointer?: string, target = PAYMENTS) => {
    const before = await counts();
    const answer = await post(target, options);
    expect([
      answer.status,
      problem(answer).code,
      pointer === undefined ? undefined : problem(answer).errors?.map((fault) => fault.pointer),
    ]).toEqual([status, code, pointer === undefined ? undefined : expect.arrayContaining([pointer])]);
    expect(problem(answer)).toMatchObject({
      type: `http://localhost:3000/docs/errors/${code}`,
      status,
      request_id: expect.stringMatching(/^req_/),
    });
    expect(answer.headers["content-type"]).toMatch(/^application\/problem\+json/);
    expect(await counts()).toEqual(before);
  };

  it("S6: tampered amounts are 400 by shape or 422 by rule", async () => {
    for (const amount of [-1, 0, 1.5, "100", 2 ** 53, 2_147_483_648, null])
      await refused({ body: sale({ amount }) }, 400, "validation_failed", "/amount");
    for (const amount of ["1e3", "118.0", "1E400"])
      await refused(
        { raw: `{"amount":${amount},"currency":"USD","reference":"x"}` },
        400,
        "request_malformed",
        "/amount",
      );
    for (const currency of ["JPY", "KWD", "BHD", "ISK"])
      await refused({ body: sale({ currency }) }, 422, "currency_not_supported", "/currency");
    for (const currency of ["usd", "XXX", "US", "", 840])
      await refused({ body: sale({ currency }) }, 400, "validation_failed", "/currency");
    await refused(
      { body: sale({ line_items: [{ name: "Shoes", quantity: 1, total_amount: 11_799 }] }) },
      422,
      "amount_mismatch",
      "/line_items",
    );
  });

  it("S5: unknown fields are refused with their pointer, prototypes stay clean", async () => {
    for (const name of ["partnerId", "state", "role", "amonut"])
      await refused({ body: sale({ [name]: "x" }) }, 400, "validation_failed", `/${name}`);
    for (const name of ["__proto__", "constructor"])
      await refused({ raw: `{"${name}":{"admin":true},"amount":1}` }, 400, "request_malformed", `/${name}`);
    await refused({ body: sale({ metadata: { a: 1 } }) }, 400, "validation_failed", "/metadata/a");
    expect(({} as Record<string, unknown>).admin).toBeUndefined();
  });

  it("S27: bodies too large, too deep, not JSON, not UTF-8 or of another type are refused", async () => {
    const cases: [RestCall, number, string][] = [
      [{ raw: null }, 413, "body_too_large"],
      [{ raw: "[".repeat(10_000) }, 400, "request_malformed"],
      [{ raw: `{"reference":"${"x".repeat(BODY_MAX_BYTES - 20)}"}` }, 400, "validation_failed"],
      [{ raw: "amount=1" }, 400, "request_malformed"],
      [{ raw: Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x7d]) }, 400, "request_malformed"],
      [{ raw: '{"amount":1,"amount":2}' }, 400, "request_malformed"],
      [{ raw: "null" }, 400, "validation_failed"],
      [{ raw: "" }, 400, "validation_failed"],
      [{ body: sale(), headers: { "content-type": "text/plain" } }, 415, "content_type_unsupported"],
      [
        { body: sale(), headers: { "content-type": "application/x-www-form-urlencoded" } },
        415,
        "content_type_unsupported",
      ],
      [
        { body: sale(), headers: { "content-type": "application/json; charset=iso-8859-1" } },
        415,
        "content_type_unsupported",
      ],
      [{ body: sale(), headers: { "content-encoding": "gzip" } }, 415, "content_type_unsupported"],
    ];
    for (const [options, status, code] of cases) {
      const answer = await post(PAYMENTS, options);
      expect([answer.status, problem(answer).code]).toEqual([status, code]);
    }
  });

  it("texts that no database can hold are refused, not stored and not a 500", async () => {
    for (const text of ["\u0000", "a\u0000b", "\ud800", "line\nbreak", "\u001b[31m"]) {
      const answer = await post(PAYMENTS, { body: sale({ reference: text }) });
      expect(answer.status).toBe(400);
    }
    for (const selector of [{ id: "a\u0000" }, { reference: "\udfff" }])
      expect((await post(PAYMENTS, { body: sale({ store: selector }) })).status).toBe(400);
    expect((await get(`${PAYMENTS}?reference=%00`)).status).toBe(400);
    expect((await get(`${PAYMENTS}/%00`)).status).toBe(404);
  });

  it("whatever is sent, the answer is never a 5xx", async () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(-1, 2 ** 53, "x".repeat(300), "\u0000", [], {}, { id: "x" }, { reference: "x" }, null, true),
    );
    const body = fc.record(
      {
        amount: value,
        currency: fc.oneof(value, fc.constantFrom("USD", "KWD", "JPY")),
        reference: value,
        store: value,
        terminal: value,
        line_items: value,
        metadata: value,
        klarna: value,
        customer: value,
        expires_in: value,
        launch: value,
        extra: value,
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(body, async (fields) => {
        const answer = await post(PAYMENTS, { body: sale(fields) });
        expect(answer.status, answer.text).toBeLessThan(500);
      }),
      { numRuns: 150 },
    );
    await fc.assert(
      fc.asyncProperty(fc.webQueryParameters(), fc.webSegment(), async (query, segment) => {
        for (const target of [`${PAYMENTS}?${query}`, `${PAYMENTS}/${segment}`, `/api/v1/${segment}?${query}`])
          expect((await get(target)).status).toBeLessThan(500);
      }),
      { numRuns: 100 },
    );
  });
});
