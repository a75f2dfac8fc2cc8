import { describe, expect, it } from "vitest";
import { base32, findTotpStep, newTotpSecret, totpCode, totpStepAt, totpUri } from "./totp";

const RFC_SECRET = Buffer.from("12345678901234567890");

describe("codes of authenticator apps", () => {
  it.each([
    [59, "287082"],
    [1_111_111_109, "081804"],
    [1_111_111_111, "050471"],
    [1_234_567_890, "005924"],
    [2_000_000_000, "279037"],
    [20_000_000_000, "353130"],
  ])("RFC 6238: the code at second %i is %s", (second, code) => {
    expect(totpCode(RFC_SECRET, totpStepAt(new Date(second * 1_000)))).toBe(code);
  });

  it("S11: a code counts one step early or late, not two", () => {
    const now = new Date("2026-11-21T12:00:10Z");
    const at = totpStepAt(now);
    const found = [-2, -1, 0, 1, 2].map((offset) => findTotpStep(RFC_SECRET, totpCode(RFC_SECRET, at + offset), now));
    expect(found).toEqual([null, at - 1, at, at + 1, null]);
  });

  it.each(["", "12345", "1234567", "abcdef", "１２３４５６"])("%j is no code", (code) => {
    expect(findTotpStep(RFC_SECRET, code, new Date())).toBeNull();
  });

  it.each([
    ["", ""],
    ["f", "MY"],
    ["fo", "MZXQ"],
    ["foobar", "MZXW6YTBOI"],
    ["12345678901234567890", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"],
  ])("RFC 4648: %j is written %s", (text, written) => {
    expect(base32(Buffer.from(text))).toBe(written);
  });

  it("the address names us, the account and the secret, and survives what people are called", () => {
    const secret = newTotpSecret();
    const uri = new URL(totpUri(secret, "a+b&c@x.example", "Tillgate demo"));
    expect(uri.searchParams.get("secret")).toBe(base32(secret));
    expect(uri.searchParams.get("issuer")).toBe("Tillgate demo");
    expect(decodeURIComponent(uri.pathname)).toContain("Tillgate demo:a+b&c@x.example");
    expect(secret).toHaveLength(20);
  });
});
