import { afterAll, beforeAll, expect, it } from "vitest";
import { newId } from "@/server/core/ids";
import { type TestServices, testServices } from "@/server/testing/context";
import { nearestRatio, ratioOfTimes } from "@/server/testing/equal-time";
import { hashPassword } from "./password";
import { signIn, TRIES_PER_ACCOUNT } from "./sign-in";

/* Who guesses learns nothing from how long the answer takes. */

const SHARE = 0.05;
let test: TestServices;
const known: string[] = [];

beforeAll(async () => {
  test = await testServices({ simulator: false });
  const hash = await hashPassword("a password for tests");
  for (let index = 0; index < 40; index += 1) {
    const email = `person${index}@tillgate.example`;
    known.push(email);
    await test.services.db.query({
      text: `insert into users (id, email, name, role, state, password_hash, password_changed_at, created_at, updated_at)
             values ($1, $2, 'Test Person', 'ACQUIRER_OPERATIONS', 'ACTIVE', $3, now(), now(), now())`,
      values: [newId("user"), email, hash],
    });
  }
});
afterAll(() => test.close());

it("S10: an unknown account is refused as fast as a known one, within a twentieth", async () => {
  let addresses = 0;
  const guess = async (email: string): Promise<void> => {
    addresses += 1;
    const address = `198.51.${Math.floor(addresses / 250)}.${(addresses % 250) + 1}`;
    const outcome = await signIn(test.services, {
      email,
      password: "wrong password",
      address,
      userAgent: "test",
      replaces: null,
    });
    expect(outcome.kind).toBe("refused");
  };
  let asked = 0;
  const ratio = await nearestRatio(
    () =>
      ratioOfTimes(
        () => guess(known[asked % known.length] ?? ""),
        () => guess(`absent${asked++}@tillgate.example`),
        known.length,
      ),
    SHARE,
    // No account is asked more often than it may be.
    TRIES_PER_ACCOUNT - 1,
  );
  process.stdout.write(`an unknown account takes ${ratio.toFixed(3)} of the time of a known one\n`);
  expect(Math.abs(ratio - 1)).toBeLessThan(SHARE);
});
