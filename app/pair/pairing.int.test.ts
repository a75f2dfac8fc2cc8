import { afterAll, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { createPairingCode } from "@/server/domain/terminals/service";
import { type BuiltPartner, makePartner } from "@/server/testing/builders";
import { asUser, type TestServices, testServices } from "@/server/testing/context";
import { browser } from "@/server/testing/next-browser";
import { pairAction } from "./actions";
import { pairingLimits } from "./limits";

/* Tries to guess a pairing code, as a browser sends them: bounded for who guesses, without shutting out who was given one. */

vi.mock("next/headers", async () => (await import("@/server/testing/next-browser")).nextHeaders);

let test: TestServices;
let own: BuiltPartner;
beforeAll(async () => {
  test = await testServices({ simulator: false });
  Reflect.set(globalThis, Symbol.for("tillgate.web.services"), test.services);
  own = await makePartner(test.services);
});
beforeEach(() => test.services.db.query({ text: "delete from rate_limits", values: [] }));
afterAll(() => test.close());

const code = async (): Promise<string> =>
  (await createPairingCode(asUser(test.services, "ACQUIRER_ADMIN"), own.terminal.id, "KIOSK")).code;

/** What the form says; "paired" where it sends the browser on to its kiosk. */
async function type(typed: string, address: string): Promise<string> {
  browser.headers = new Headers({
    origin: "http://localhost:3000",
    "sec-fetch-site": "same-origin",
    "x-forwarded-for": address,
  });
  const form = new FormData();
  form.set("code", typed);
  try {
    return (await pairAction({ message: null }, form)).message ?? "nothing";
  } catch (error) {
    const digest = error instanceof Error && "digest" in error ? String(error.digest) : "";
    if (digest.includes(`/kiosk/${own.terminal.id}`)) return "paired";
    throw error;
  }
}
const WRONG = "The code is wrong, was used, or is too old.";
const SIGNS = "BCDFGHJKMNPQRSTVWXZ23456789";

it("after ten wrong codes an address tries no more; another one pairs", async () => {
  for (let tries = 0; tries < 10; tries += 1) expect(await type("BBBBB-BBBBB", "192.0.2.1")).toBe(WRONG);
  const right = await code();
  expect(await type(right, "192.0.2.1")).toMatch(/^Too many tries\. Wait/);
  // A neighbour in the same /64 is the same customer.
  for (let tries = 0; tries < 10; tries += 1) expect(await type("no code", `2001:db8::${tries}`)).toBe(WRONG);
  expect(await type(right, "2001:db8::ffff")).toMatch(/^Too many tries/);
  expect(await type(right, "192.0.2.2")).toBe("paired");
});

it("hundreds of wrong codes from many addresses shut out nobody who was given one", async () => {
  for (let tries = 0; tries < 400; tries += 1) {
    const begin = `${SIGNS[tries % 27]}${SIGNS[Math.floor(tries / 27) % 27]}`;
    expect(await type(`${begin}BBBBBBBB`, `198.51.100.${Math.floor(tries / 8)}`)).toBe(WRONG);
  }
  expect(await type(await code(), "192.0.2.3")).toBe("paired");
});

it("codes that begin alike are tried a thousand times, not more, from however many addresses", async () => {
  const given = (await code()).replace("-", "");
  const { family } = pairingLimits();
  await Promise.all(Array.from({ length: 999 }, () => family.consume(given.slice(0, 2))));
  const end = given.endsWith("B") ? "C" : "B";
  expect(await type(`${given.slice(0, 9)}${end}`, "192.0.2.4")).toBe(WRONG);
  expect(await type(given, "192.0.2.5")).toMatch(/^Too many tries with codes that begin like this one/);
  // The next code is of another family, but for one in 729.
  let next = await code();
  while (next.startsWith(given.slice(0, 2))) next = await code();
  expect(await type(next, "192.0.2.5")).toBe("paired");
});

it("right codes are not counted: a shop pairs many devices from one address", async () => {
  for (let devices = 0; devices < 12; devices += 1) expect(await type(await code(), "192.0.2.6")).toBe("paired");
});
