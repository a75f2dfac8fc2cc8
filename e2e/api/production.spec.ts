import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect, test } from "@playwright/test";

const ROOT = path.resolve(import.meta.dirname, "../..");
const random = (bytes: number): string => randomBytes(bytes).toString("base64url");

/** Settings with which production would start, were there a database. */
const GOOD: Record<string, string> = {
  TILLGATE_ENV: "production",
  PUBLIC_URL: "https://pay.example.com",
  DATABASE_URL: "postgresql://tillgate:none@127.0.0.1:9/tillgate",
  TILLGATE_SESSION_SECRET: random(32),
  TILLGATE_ENCRYPTION_KEYS: `k1:${randomBytes(32).toString("base64")}`,
  TILLGATE_KEY_PEPPER: random(32),
  KLARNA_LIVE_API_KEY: `klarna_live_api_${random(16)}`,
  INNGEST_EVENT_KEY: random(16),
  INNGEST_SIGNING_KEY: `signkey-prod-${randomBytes(32).toString("hex")}`,
  METRICS_TOKEN: random(16),
};

function start(settings: Record<string, string | undefined>): { code: number | null; words: string } {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), "tillgate-production-"));
  try {
    const run = spawnSync(process.execPath, ["--import", "tsx", "server/boot/main.ts", "--quiet"], {
      cwd: ROOT,
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        NODE_ENV: "production",
        PORT: "21990",
        DATA_DIR: dataDir,
        ...settings,
      },
      encoding: "utf8",
      timeout: 120_000,
    });
    return { code: run.status, words: `${run.stdout}${run.stderr}` };
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

const CASES: [string, Record<string, string | undefined>, RegExp][] = [
  ["a generated session secret", { TILLGATE_SESSION_SECRET: undefined }, /TILLGATE_SESSION_SECRET/],
  ["a generated key for encryption", { TILLGATE_ENCRYPTION_KEYS: undefined }, /TILLGATE_ENCRYPTION_KEYS/],
  ["a generated pepper", { TILLGATE_KEY_PEPPER: undefined }, /TILLGATE_KEY_PEPPER/],
  ["a secret that is not random", { TILLGATE_SESSION_SECRET: "a".repeat(40) }, /random/],
  ["an encryption key of the wrong size", { TILLGATE_ENCRYPTION_KEYS: "k1:c2hvcnQ=" }, /TILLGATE_ENCRYPTION_KEYS/],
  ["a plain http address", { PUBLIC_URL: "http://pay.example.com" }, /https/],
  ["the simulator as Klarna", { KLARNA_TEST_BASE_URL: "http://127.0.0.1:4010" }, /KLARNA_TEST_BASE_URL/],
  ["the simulator's control address", { SIMULATOR_CONTROL_URL: "http://127.0.0.1:4010" }, /SIMULATOR_CONTROL_URL/],
  ["no key of Klarna's", { KLARNA_LIVE_API_KEY: undefined }, /KLARNA_(TEST|LIVE)_API_KEY/],
  ["no signing key for background work", { INNGEST_SIGNING_KEY: undefined }, /INNGEST_SIGNING_KEY/],
];

for (const [what, change, sentence] of CASES) {
  test(`S54: production does not start with ${what}`, () => {
    const { code, words } = start({ ...GOOD, ...change });
    expect(code).toBe(1);
    expect(words).toMatch(/Tillgate does not start/);
    expect(words).toMatch(sentence);
    // The sentence names the setting and never its value.
    for (const value of Object.values({ ...GOOD, ...change }))
      if (value && value.length > 30) expect(words).not.toContain(value);
  });
}

test("S54: with every setting in order production gets as far as its database", () => {
  const { code, words } = start(GOOD);
  expect(code).toBe(1);
  expect(words).toMatch(/database/i);
  expect(words).not.toMatch(/must be/);
  expect(words).not.toContain("none@");
});
