import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { readEnv } from "./env";

const secret = (): string => randomBytes(32).toString("base64url");
const DEMO = {
  DATABASE_URL: "postgresql://user:password@db.example/tillgate",
  TILLGATE_SESSION_SECRET: secret(),
  TILLGATE_KEY_PEPPER: secret(),
  TILLGATE_ENCRYPTION_KEYS: `one:${randomBytes(32).toString("base64")}`,
};
const PRODUCTION = {
  ...DEMO,
  TILLGATE_ENV: "production",
  PUBLIC_URL: "https://pay.example.com",
  KLARNA_LIVE_API_KEY: "klarna_live_api_example",
  INNGEST_EVENT_KEY: "an-event-key-of-our-own",
  INNGEST_SIGNING_KEY: "signkey-prod-0123456789abcdef",
};
const OIDC = { OIDC_ISSUER: "https://id.example.com", OIDC_CLIENT_ID: "tillgate", OIDC_CLIENT_SECRET: secret() };

describe("settings of the sign-in", () => {
  it("the second step is offered in a demo and required in production, where nothing else is taken", () => {
    expect(readEnv(DEMO).TWO_FACTOR).toBe("offered");
    expect(readEnv({ ...DEMO, TWO_FACTOR: "required" }).TWO_FACTOR).toBe("required");
    expect(readEnv(PRODUCTION).TWO_FACTOR).toBe("required");
    expect(() => readEnv({ ...PRODUCTION, TWO_FACTOR: "offered" })).toThrow(/TWO_FACTOR/);
    expect(() => readEnv({ ...DEMO, TWO_FACTOR: "no" })).toThrow(/TWO_FACTOR/);
  });

  it("a mail server and a sender go together", () => {
    const SMTP_URL = "smtps://user:password@mail.example.com";
    const MAIL_FROM = "Tillgate <no-reply@example.com>";
    expect(readEnv({ ...DEMO, SMTP_URL, MAIL_FROM })).toMatchObject({ SMTP_URL, MAIL_FROM });
    expect(() => readEnv({ ...DEMO, SMTP_URL })).toThrow(/SMTP_URL and MAIL_FROM/);
    expect(() => readEnv({ ...DEMO, MAIL_FROM })).toThrow(/SMTP_URL and MAIL_FROM/);
    expect(() => readEnv({ ...DEMO, SMTP_URL: "https://mail.example.com", MAIL_FROM })).toThrow(/SMTP_URL/);
  });

  it("single sign-on is set whole or not at all, and over https in production", () => {
    expect(readEnv({ ...PRODUCTION, ...OIDC, OIDC_ALLOWED_DOMAINS: "a.example, b.example" })).toMatchObject({
      OIDC_ISSUER: OIDC.OIDC_ISSUER,
      OIDC_ALLOWED_DOMAINS: ["a.example", "b.example"],
    });
    for (const name of Object.keys(OIDC))
      expect(() => readEnv({ ...DEMO, ...OIDC, [name]: undefined })).toThrow(/all three, or none/);
    expect(() => readEnv({ ...PRODUCTION, ...OIDC, OIDC_ISSUER: "http://id.example.com" })).toThrow(/OIDC_ISSUER/);
    expect(() => readEnv({ ...DEMO, ...OIDC, OIDC_ISSUER: "http://127.0.0.1:4000" })).not.toThrow();
  });
});

it("currencies beyond Klarna's are for trying out: known ones only, and never in production", () => {
  expect(readEnv(DEMO).TEST_CURRENCIES).toEqual([]);
  expect(readEnv({ ...DEMO, TEST_CURRENCIES: "JPY, KWD" }).TEST_CURRENCIES).toEqual(["JPY", "KWD"]);
  expect(() => readEnv({ ...DEMO, TEST_CURRENCIES: "XXX" })).toThrow(/TEST_CURRENCIES/);
  expect(() => readEnv({ ...PRODUCTION, TEST_CURRENCIES: "JPY" })).toThrow(/TEST_CURRENCIES/);
});

it("a key of Klarna's from a file that ends with a line break is the key; one that no header can hold is refused", () => {
  expect(readEnv({ ...DEMO, KLARNA_LIVE_API_KEY: "klarna_live_api_x\n" }).KLARNA_LIVE_API_KEY).toBe(
    "klarna_live_api_x",
  );
  for (const key of ["a\nb", "a b", "Basic klarna_live_api_x", "ключ", "\n"])
    expect(() => readEnv({ ...DEMO, KLARNA_LIVE_API_KEY: key })).toThrow(/KLARNA_LIVE_API_KEY/);
});

describe("production", () => {
  it.each([
    ["a live key for test mode", { KLARNA_TEST_API_KEY: "klarna_live_api_x" }, /KLARNA_TEST_API_KEY is a live key/],
    ["a test key for live mode", { KLARNA_LIVE_API_KEY: "klarna_test_api_x" }, /KLARNA_LIVE_API_KEY is a test key/],
    [
      "test mode at Klarna's live host",
      { KLARNA_TEST_BASE_URL: "https://api-global.klarna.com" },
      /KLARNA_TEST_BASE_URL/,
    ],
    [
      "live mode at Klarna's test host",
      { KLARNA_LIVE_BASE_URL: "https://api-global.test.klarna.com" },
      /KLARNA_LIVE_BASE_URL/,
    ],
    [
      "live classic sessions at the playground",
      { KLARNA_CLASSIC_LIVE_BASE_URL: "https://api.playground.klarna.com" },
      /test side/,
    ],
    [
      "test classic sessions at the live host",
      { KLARNA_CLASSIC_TEST_BASE_URL: "https://api-na.klarna.com" },
      /live side/,
    ],
    [
      "one host for both modes",
      { KLARNA_TEST_BASE_URL: "https://k.example", KLARNA_LIVE_BASE_URL: "https://k.example" },
      /same host/,
    ],
    ["a port that Klarna never calls", { PUBLIC_URL: "https://pay.example.com:9443" }, /443 or 8443/],
    ["certificates that nobody checks", { NODE_TLS_REJECT_UNAUTHORIZED: "0" }, /NODE_TLS_REJECT_UNAUTHORIZED/],
  ])("S54: does not start with %s, and says which setting it is", (_what, change, sentence) => {
    expect(() => readEnv({ ...PRODUCTION, ...change })).toThrow(sentence);
    expect(() => readEnv({ ...DEMO, ...change, PUBLIC_URL: "http://localhost:3000" })).not.toThrow();
  });

  it("starts with Klarna's own hosts, a port that Klarna calls, and the keys of both modes", () => {
    const both = { KLARNA_TEST_API_KEY: "klarna_test_api_x", PUBLIC_URL: "https://pay.example.com:8443" };
    expect(readEnv({ ...PRODUCTION, ...both }).isProduction).toBe(true);
    expect(readEnv({ ...PRODUCTION, KLARNA_TEST_BASE_URL: "https://egress.example/klarna-test" }).isProduction).toBe(
      true,
    );
  });
});
