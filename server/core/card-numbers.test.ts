import { randomInt, randomUUID } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findCardNumbers, hasCardNumber, hasLuhnDigit, maskCardNumbers } from "./card-numbers";
import { newId } from "./ids";
import { maskSecrets } from "./redact";

const BEGINNINGS: readonly [string, number][] = [
  ["4", 16],
  ["4", 19],
  ["51", 16],
  ["55", 16],
  ["2221", 16],
  ["2720", 16],
  ["34", 15],
  ["37", 15],
  ["36", 14],
  ["3528", 16],
  ["6011", 16],
  ["622126", 16],
  ["65", 16],
  ["5018", 16],
  ["6759", 16],
];

/** A number of this scheme and length with the right check digit. */
function cardNumber(beginning: string, length: number): string {
  let digits = beginning;
  while (digits.length < length - 1) digits += String(randomInt(10));
  for (let check = 0; check < 10; check += 1) if (hasLuhnDigit(`${digits}${check}`)) return `${digits}${check}`;
  throw new Error("no check digit fits");
}

/** As people and programs write them. */
const FORMS: readonly ((digits: string) => string)[] = [
  (digits) => digits,
  (digits) => digits.replace(/(.{4})(?=.)/g, "$1 "),
  (digits) => digits.replace(/(.{4})(?=.)/g, "$1-"),
  (digits) => digits.replace(/(.{4})(?=.)/g, "$1."),
  (digits) => digits.replace(/(.{4})(?=.)/g, "$1\u00a0"),
  (digits) => `ON${digits}`,
  (digits) => `card:${digits}=2712`,
  (digits) => `order 17 / ${digits} (paid)`,
  (digits) => `20261121-${digits}`,
  (digits) => [...digits].map((digit) => String.fromCodePoint(0xff10 + Number(digit))).join(""),
];

const cards = Array.from({ length: 1_000 }, (_, index) => {
  const [beginning, length] = BEGINNINGS[index % BEGINNINGS.length] ?? ["4", 16];
  return { digits: cardNumber(beginning, length), form: FORMS[index % FORMS.length] ?? ((digits: string) => digits) };
});

describe("card numbers", () => {
  it("S63: 1,000 numbers of every scheme, however written, are found and masked", () => {
    for (const { digits, form } of cards) {
      const text = form(digits);
      expect(hasCardNumber(text), text).toBe(true);
      expect(maskCardNumbers(text, "•").normalize("NFKC").replace(/\D/g, ""), text).not.toContain(digits);
      expect(maskSecrets(`before ${text} after`).normalize("NFKC").replace(/\D/g, ""), text).not.toContain(digits);
    }
  });

  it("S63: fewer than one order reference in a thousand is taken for one", () => {
    const day = () => `2026${String(randomInt(1, 13)).padStart(2, "0")}${String(randomInt(1, 29)).padStart(2, "0")}`;
    const makers: readonly (() => string)[] = [
      () => `ON${randomInt(1_000, 10_000_000)}`,
      () => `${day()}-${randomInt(1, 1_000_000)}`,
      () => `${day()}${String(randomInt(0, 86_400)).padStart(6, "0")}${String(randomInt(0, 1_000)).padStart(3, "0")}`,
      () => randomUUID(),
      () => newId("payment"),
      () => `${randomInt(100_000_000)}/${randomInt(1_000)}`,
      () => String(1_763_000_000_000 + randomInt(1_000_000_000)),
      () => `40${String(randomInt(100_000_000_000)).padStart(11, "0")}`,
      () => `SO-${randomInt(1_000_000)}-${randomInt(1_000_000)}`,
      () => `#${randomInt(10_000_000_000)}`,
    ];
    const references = Array.from({ length: 10_000 }, (_, index) => makers[index % makers.length]?.() ?? "");
    const taken = references.filter(hasCardNumber);
    expect(taken.length, taken.slice(0, 20).join(" ")).toBeLessThan(10);
  });

  it("says where they stand, several in one text, and leaves the rest as it was", () => {
    const text = "a 4111 1111 1111 1111, b 378282246310005 and 12345";
    expect(findCardNumbers(text).map(({ start, end }) => text.slice(start, end))).toEqual([
      "4111 1111 1111 1111",
      "378282246310005",
    ]);
    expect(maskCardNumbers(text, "•")).toBe("a •, b • and 12345");
    expect(maskCardNumbers("nothing here 4111", "•")).toBe("nothing here 4111");
  });

  it("wants the check digit, the length and the beginning of a scheme", () => {
    for (const text of ["4111 1111 1111 1112", "1234567812345670", "411111111111111", "9991111111111113"])
      expect(hasCardNumber(text), text).toBe(false);
  });

  it("S28: no text takes long, whatever it is made of", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("4", "1", "0", " ", "-", "x", "\uff11"), maxLength: 8_000 }),
        (text) => {
          const took = (): number => {
            const from = performance.now();
            hasCardNumber(text);
            return performance.now() - from;
          };
          // A text that is slow is slow each time; the machine is not.
          return Math.min(took(), took(), took()) < 50;
        },
      ),
      { numRuns: 100 },
    );
  });
});
