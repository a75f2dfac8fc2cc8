import fc from "fast-check";
import { expect, it } from "vitest";
import { isAppError } from "@/server/core/errors";
import { BODY_MAX_BYTES } from "./http";
import { parseJsonBody } from "./json";

const parse = (text: string | Uint8Array): unknown =>
  parseJsonBody(typeof text === "string" ? Buffer.from(text) : text);
function refusal(text: string | Uint8Array): { code: string; pointer: string | undefined; detail: string } {
  try {
    parse(text);
  } catch (error) {
    if (isAppError(error))
      return { code: error.code, pointer: error.errors[0]?.pointer, detail: error.errors[0]?.detail ?? error.detail };
    throw error;
  }
  throw new Error("was accepted");
}

it("reads ordinary bodies as JSON.parse does", () => {
  for (const text of [
    '{"a":1,"b":[true,null,{"c":"d\\n\\u00e9"}]}',
    ' { "a" : -3 } ',
    '{"quantity":2.0,"x":[{"quantity":2.50}]}',
    '"text"',
    "[1,2.5]",
  ]) {
    expect(parse(text)).toEqual(JSON.parse(text));
  }
  expect(parse("")).toEqual({});
});

it("S27: a name given twice is refused with its pointer, in whatever spelling", () => {
  expect(refusal('{"amount":1,"amount":2}')).toMatchObject({ code: "request_malformed", pointer: "/amount" });
  expect(refusal('{"a":[0,{"b/c":1,"b\\u002fc":2}]}')).toMatchObject({ pointer: "/a/1/b~1c" });
  expect(parse('{"a":{"x":1},"b":{"x":1}}')).toEqual({ a: { x: 1 }, b: { x: 1 } });
});

it("S5: __proto__, constructor and prototype are unknown fields wherever they stand, and change nothing", () => {
  for (const name of ["__proto__", "constructor", "prototype", "__pr\\u006fto__"]) {
    expect(refusal(`{"a":{"${name}":{"admin":true}}}`)).toMatchObject({
      code: "request_malformed",
      pointer: expect.stringMatching(/^\/a\//),
    });
  }
  expect(Object.hasOwn(Object.prototype, "admin")).toBe(false);
});

it("S6: numbers with an exponent, with a needless decimal point, or too long are refused", () => {
  for (const number of ["1e3", "1E3", "1e-3", "118.0", "-1.00", "1e400", "1".repeat(41)]) {
    expect(refusal(`{"amount":${number}}`)).toMatchObject({ code: "request_malformed", pointer: "/amount" });
  }
});

it("S27: depth 10 000, 10 MB of brackets, bad UTF-8, NUL and lone surrogates are refused", () => {
  const bodies = [
    "[".repeat(10_000),
    `${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`,
    Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]),
    '{"a":"\\u0000"}',
    '{"a":"\\ud800"}',
    '{"a\\u0000":1}',
    '{"a":"open',
    "{",
    '{"a":1',
    "nul",
    `{"a":"${"x".repeat(BODY_MAX_BYTES)}`,
    `[${"1,".repeat(BODY_MAX_BYTES / 2)}`,
  ];
  for (const body of bodies) {
    expect(refusal(body).code).toBe("request_malformed");
  }
});

it("never fails in another way than by refusing", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 200 }),
        fc.json().map((text) => Buffer.from(text)),
        fc.string({ unit: "binary" }).map((text) => Buffer.from(text)),
      ),
      (bytes) => {
        try {
          parseJsonBody(bytes);
        } catch (error) {
          expect(isAppError(error)).toBe(true);
        }
      },
    ),
    { numRuns: 2_000 },
  );
});

it("accepts what JSON.stringify makes of whole numbers and texts, and reads it the same", () => {
  const value = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.string().map((text) => text.replaceAll("\u0000", "")),
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(fc.stringMatching(/^[a-z_]{1,8}$/), tie("value"), { maxKeys: 4 }),
    ),
  })).value;
  fc.assert(
    fc.property(value, (data) => {
      const text = JSON.stringify(data);
      if (/"(?:__proto__|constructor|prototype)"/.test(text)) return;
      expect(parse(text)).toEqual(JSON.parse(text));
    }),
  );
});
