import { createHmac, randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import { isKlarnaSignature } from "./webhook-signature";

const KEY = "a signing key as Klarna issued it";
const sign = (body: Uint8Array, key = KEY): string => createHmac("sha256", key).update(body).digest("hex");

const GUESSES = 500;
const SAMPLES = 60_000;
/** Above this a difference is real; see "dude, is my code constant time?" (Reparaz, Balasch, Verbauwhede), which uses 4.5 and 10. */
const T_LIMIT = 10;
const ATTEMPTS = 6;

type Guess = { body: Uint8Array; early: string; late: string };

/** One string in one piece, wrong at one place. */
function wrongAt(at: number, right: string): string {
  const bytes = Buffer.from(right, "latin1");
  bytes[at] = right[at] === "0" ? 0x31 : 0x30;
  return bytes.toString("latin1");
}

/** Many of them: where one string happens to lie in memory must not be taken for what is in it. */
function guesses(): Guess[] {
  return Array.from({ length: GUESSES }, () => {
    const body = Buffer.from(JSON.stringify({ metadata: { event_id: randomBytes(60).toString("hex") } }));
    const right = sign(body);
    const [late, early] = [wrongAt(63, right), wrongAt(0, right)];
    return { body, early, late };
  });
}

/** Welch's t between the times of two inputs, taken in random turns, without the slowest tenth (other work of the machine). */
function welch(run: (guess: Guess, isEarly: boolean) => unknown): number {
  const made = guesses();
  const times: [number[], number[]] = [[], []];
  for (let turn = 0; turn < SAMPLES; turn += 1) {
    const isEarly = Math.random() < 0.5;
    const guess = made[Math.floor(Math.random() * GUESSES)];
    if (guess === undefined) continue;
    const start = process.hrtime.bigint();
    run(guess, isEarly);
    times[isEarly ? 0 : 1].push(Number(process.hrtime.bigint() - start));
  }
  const all = [...times[0], ...times[1]].sort((a, b) => a - b);
  const limit = all[Math.floor(all.length * 0.9)] ?? Number.POSITIVE_INFINITY;
  const [a, b] = times.map((list) => {
    const kept = list.filter((time) => time <= limit);
    const mean = kept.reduce((sum, time) => sum + time, 0) / kept.length;
    const variance = kept.reduce((sum, time) => sum + (time - mean) ** 2, 0) / (kept.length - 1);
    return { mean, error: variance / kept.length };
  });
  return a && b ? Math.abs(a.mean - b.mean) / Math.sqrt(a.error + b.error) : 0;
}

/** What must not be done: ends at the first character that differs. */
function leaky(body: Uint8Array, signature: string, key: string): boolean {
  const expected = sign(body, key);
  for (let at = 0; at < expected.length; at += 1)
    if (expected.charCodeAt(at) !== signature.charCodeAt(at)) return false;
  return true;
}

it("S8: takes as long for a guess that is wrong at its first character as for one that is wrong at its last", () => {
  const measure = (compare: typeof isKlarnaSignature): number =>
    welch(({ body, early, late }, isEarly) => compare(body, isEarly ? early : late, KEY));
  measure(leaky);
  measure(isKlarnaSignature);
  // A busy machine hides differences and invents some: only what shows each time counts.
  const seen = Array.from({ length: ATTEMPTS }, () => ({ leak: measure(leaky), ours: measure(isKlarnaSignature) }));
  expect(Math.max(...seen.map(({ leak }) => leak)), "the test can see a leak of this size").toBeGreaterThan(T_LIMIT);
  expect(Math.min(...seen.map(({ ours }) => ours))).toBeLessThan(T_LIMIT);
});
