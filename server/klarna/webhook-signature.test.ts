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

// --- Time -------------------------------------------------------------------------------------------------------------------

const SAMPLES = 60_000;
/** Above this a difference is real; see "dude, is my code constant time?" (Reparaz, Balasch, Verbauwhede), which uses 4.5 and 10. */
const T_LIMIT = 10;
const ATTEMPTS = 4;

/** Welch's t between the times of two inputs, taken in random turns, without the slowest tenth (other work of the machine). */
function welch(run: (isFirst: boolean) => unknown): number {
  const times: [number[], number[]] = [[], []];
  for (let turn = 0; turn < SAMPLES; turn += 1) {
    const isFirst = Math.random() < 0.5;
    const start = process.hrtime.bigint();
    run(isFirst);
    times[isFirst ? 0 : 1].push(Number(process.hrtime.bigint() - start));
  }
  const all = [...times[0], ...times[1]].sort((a, b) => a - b);
  const limit = all[Math.floor(all.length * 0.9)] ?? Number.POSITIVE_INFINITY;
  const [a, b] = times.map((list) => {
    const kept = list.filter((time) => time <= limit);
    const mean = kept.reduce((sum, time) => sum + time, 0) / kept.length;
    const variance = kept.reduce((sum, time) => sum + (time - mean) ** 2, 0) / (kept.length - 1);
    return { mean, error: variance / kept.length };
  });
  return a && b ? (a.mean - b.mean) / Math.sqrt(a.error + b.error) : 0;
}

/** What must not be done: ends at the first character that differs. */
function leaky(body: Uint8Array, signature: string, key: string): boolean {
  const expected = sign(body, key);
  for (let at = 0; at < expected.length; at += 1)
    if (expected.charCodeAt(at) !== signature.charCodeAt(at)) return false;
  return true;
}

it("S8: takes as long for a guess that is wrong at its first character as for one that is wrong at its last", () => {
  const right = sign(BODY);
  const other = (at: number): string => `${right.slice(0, at)}${right[at] === "0" ? "1" : "0"}${right.slice(at + 1)}`;
  const [early, late] = [other(0), other(63)];
  const measure = (compare: typeof isKlarnaSignature): number =>
    Math.abs(welch((isFirst) => compare(BODY, isFirst ? early : late, KEY)));
  measure(leaky);
  measure(isKlarnaSignature);
  // A busy machine hides differences and invents some: only what shows each time counts.
  const seen = Array.from({ length: ATTEMPTS }, () => ({ leak: measure(leaky), ours: measure(isKlarnaSignature) }));
  expect(Math.max(...seen.map(({ leak }) => leak)), "the test can see a leak of this size").toBeGreaterThan(T_LIMIT);
  expect(Math.min(...seen.map(({ ours }) => ours))).toBeLessThan(T_LIMIT);
});
