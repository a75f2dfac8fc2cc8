import { createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isKlarnaSignature } from "./webhook-signature";

const KEY = "a signing key as Klarna issued it";
const BODY = Buffer.from(JSON.stringify({ metadata: { event_id: "e" }, payload: { text: "x".repeat(100) } }));
const sign = (body: Uint8Array, key = KEY): string => createHmac("sha256", key).update(body).digest("hex");

describe("the signature of a webhook", () => {
  it("S8: holds for exactly these bytes and this key, whatever they are", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 200 }),
        fc.string({ minLength: 1 }),
        fc.nat(),
        (body, key, at) => {
          const signature = sign(body, key);
          expect(isKlarnaSignature(body, signature, key)).toBe(true);
          const altered = Uint8Array.from(body);
          altered[at % altered.length] = (altered[at % altered.length] ?? 0) ^ 1;
          expect(isKlarnaSignature(altered, signature, key)).toBe(false);
          expect(isKlarnaSignature(body, signature, `${key}.`)).toBe(false);
        },
      ),
    );
  });

  it.each([
    ["empty", ""],
    ["truncated", sign(BODY).slice(0, 63)],
    ["longer", `${sign(BODY)}0`],
    ["upper-case hex", sign(BODY).toUpperCase()],
    ["with a prefix", `sha256=${sign(BODY)}`],
    ["base64", createHmac("sha256", KEY).update(BODY).digest("base64")],
    ["padded", ` ${sign(BODY)}`],
    ["two of them", `${sign(BODY)}, ${sign(BODY)}`],
  ])("S8: is refused when %s", (_, signature) => {
    expect(isKlarnaSignature(BODY, signature, KEY)).toBe(false);
  });
});
