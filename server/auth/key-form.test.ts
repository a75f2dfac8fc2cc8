import { expect, it } from "vitest";
import { hasKeyForm, hintOf, isAddressRule, isListed, keyKindOf, newKeyText, toBlockList } from "./key-form";

const allows = (rules: readonly string[], address: string | null): boolean => {
  const list = toBlockList(rules);
  if (list === null) throw new Error("no list");
  return isListed(list, address);
};

it("S16: a list of addresses lets in what it names, in whichever form the address comes, and nothing else", () => {
  const rules = ["203.0.113.7", "198.51.100.0/24", "2001:db8:1::/48", "2001:db8:2::7"];
  for (const address of [
    "203.0.113.7",
    "::ffff:203.0.113.7",
    "198.51.100.255",
    "::ffff:198.51.100.1",
    "2001:db8:1:ffff::1",
    "2001:0DB8:0002:0::7",
  ])
    expect([address, allows(rules, address)]).toEqual([address, true]);
  for (const address of [
    ...["203.0.113.8", "198.51.101.1", "::ffff:203.0.113.8", "2001:db8:2::8", "2001:db8:3::1", "::1"],
    ...["", "unknown", "203.0.113.7, 10.0.0.1", "203.0.113.7:443", "0203.0.113.7"],
  ])
    expect([address, allows(rules, address)]).toEqual([address, false]);
});

it("S16: with a list, a caller whose address is not known stays out", () => {
  expect(allows(["0.0.0.0/0", "::/0"], null)).toBe(false);
  expect(toBlockList([])).toBeNull();
});

it("rules are addresses and networks as they are written", () => {
  for (const rule of ["203.0.113.7", "203.0.113.0/24", "0.0.0.0/0", "2001:db8::/32", "::1/128"])
    expect([rule, isAddressRule(rule)]).toEqual([rule, true]);
  for (const rule of ["", "example.com", "203.0.113.0/33", "203.0.113.0/-1", "203.0.113.0/24/1", "::/129", "10.0.0.0/"])
    expect([rule, isAddressRule(rule)]).toEqual([rule, false]);
});

it("a key says whose and of which mode it is, and a mistyped one is known without asking", () => {
  for (const kind of ["sk", "ak"] as const) {
    const key = newKeyText(kind, "live");
    expect([hasKeyForm(key), keyKindOf(key)]).toEqual([true, kind]);
    const at = key.length - 20;
    const mistyped = `${key.slice(0, at)}${key[at] === "a" ? "b" : "a"}${key.slice(at + 1)}`;
    expect(hasKeyForm(mistyped)).toBe(false);
    expect(hintOf(key)).toBe(`tg_live_${kind}_…${key.slice(-4)}`);
  }
});
