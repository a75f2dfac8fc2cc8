import { z } from "zod";
import { isKnownCurrency } from "@/server/core/money";

/**
 * The one reader of the environment of gateway, web and engine. Refuses to start on a bad setting, with a sentence that
 * says what to do. (`npm start` fills in what is not configured; see server/boot.)
 */

const list = z
  .string()
  .default("")
  .transform((text) =>
    text
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== ""),
  );

/** Goes into a header as it is: the line break that ends many a file with a secret is left away. */
const headerValue = z
  .string()
  .trim()
  .regex(/^[\x21-\x7e]+$/, "must be one word of visible ASCII characters");

const encryptionKeysSchema = z.string().transform((text, context) => {
  const keys = new Map<string, Buffer>();
  for (const part of text.split(",")) {
    const [keyId, encoded] = part.trim().split(":");
    const key = Buffer.from(encoded ?? "", "base64");
    if (!keyId || !/^[a-z0-9-]{1,20}$/.test(keyId) || key.length !== 32) {
      context.addIssue({ code: "custom", message: "must be name:base64 of 32 bytes, several separated by commas" });
      return z.NEVER;
    }
    keys.set(keyId, key);
  }
  return keys;
});

const EnvSchema = z.object({
  TILLGATE_ENV: z.enum(["demo", "production"]).default("demo"),
  PUBLIC_URL: z.url({ protocol: /^https?$/ }).default("http://localhost:3000"),
  PORT: z.coerce.number().int().min(1).max(65535).default(3000),
  HOST: z.string().default("127.0.0.1"),
  WEB_PORT: z.coerce.number().int().min(1).max(65535).default(3001),
  ENGINE_PORT: z.coerce.number().int().min(1).max(65535).default(3002),
  /** Where this machine keeps what belongs to no database: logs, heads of the audit chain. `npm start` sets it. */
  DATA_DIR: z.string().min(1).optional(),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/, error: "must be a postgresql:// address" }),
  DATABASE_CONNECTIONS: z.coerce.number().int().min(2).max(64).default(8),
  KLARNA_TEST_BASE_URL: z.url().default("https://api-global.test.klarna.com"),
  KLARNA_TEST_API_KEY: headerValue.optional(),
  KLARNA_LIVE_BASE_URL: z.url().default("https://api-global.klarna.com"),
  KLARNA_LIVE_API_KEY: headerValue.optional(),
  /** Our own account at Klarna, a KRN: names us in links into Klarna's portal. */
  KLARNA_TEST_ACCOUNT_ID: z.string().min(3).max(255).optional(),
  KLARNA_LIVE_ACCOUNT_ID: z.string().min(3).max(255).optional(),
  KLARNA_TIMEOUT_MS: z.coerce.number().int().min(50).max(50_000).default(8_000),
  /** Instead of Klarna's regional hosts of the classic interfaces; one for all regions. */
  KLARNA_CLASSIC_TEST_BASE_URL: z.url({ protocol: /^https?$/ }).optional(),
  KLARNA_CLASSIC_LIVE_BASE_URL: z.url({ protocol: /^https?$/ }).optional(),
  /** Whether Klarna can call PUBLIC_URL when a classic session changes. Where it cannot, we ask. */
  KLARNA_CLASSIC_CALLBACKS: z.stringbool().default(true),
  /** How many days before the end of an authorization somebody is told; 0 for never. */
  AUTHORIZATION_WARNING_DAYS: z.coerce.number().int().min(0).max(60).default(5),
  KLARNA_IN_STORE_PLACEMENT: z.enum(["top_level", "step_up_config", "both"]).default("top_level"),
  SIMULATOR_CONTROL_URL: z.url().optional(),
  /** Taken in test mode beside Klarna's, by us and by the simulator (never in production): JPY,KWD … */
  TEST_CURRENCIES: list.refine((codes) => codes.every(isKnownCurrency), "names a currency that is not known"),
  TILLGATE_SESSION_SECRET: z.string().min(32),
  TILLGATE_ENCRYPTION_KEYS: encryptionKeysSchema,
  TILLGATE_KEY_PEPPER: z.string().min(32),
  INNGEST_BASE_URL: z.url().optional(),
  /** Only where events have an address of their own, as with Inngest Cloud. The SDK reads it by itself too. */
  INNGEST_EVENT_API_BASE_URL: z.url().optional(),
  INNGEST_EVENT_KEY: z.string().min(8).default("local-events"),
  INNGEST_SIGNING_KEY: z.string().min(8).optional(),
  INNGEST_SIGNING_KEY_FALLBACK: z.string().min(8).optional(),
  WEBHOOK_ALLOW_PRIVATE_IN_TEST: z.stringbool().default(true),
  SMTP_URL: z.url({ protocol: /^smtps?$/, error: "must be an smtp:// or smtps:// address" }).optional(),
  /** Who mails come from: an address, or a name with an address as in "Tillgate <no-reply@example.com>". */
  MAIL_FROM: z.string().min(3).max(320).optional(),
  /** Whether people whose role moves money must have a second factor, or may do without (never in production). */
  TWO_FACTOR: z.enum(["required", "offered"]).optional(),
  OIDC_ISSUER: z.url({ protocol: /^https?$/ }).optional(),
  OIDC_CLIENT_ID: z.string().min(1).optional(),
  OIDC_CLIENT_SECRET: z.string().min(1).optional(),
  /** Domains of e-mail addresses that may come from the provider; all of those it has checked, when empty. */
  OIDC_ALLOWED_DOMAINS: list,
  /** What the button of the sign-in page calls the provider. */
  OIDC_NAME: z.string().min(1).max(40).default("single sign-on"),
  METRICS_TOKEN: z.string().min(16).optional(),
  LOG_LEVEL: z.enum(["debug", "info", "warn", "error", "silent"]).default("info"),
  TRUSTED_PROXIES: list,
});

export type Env = Omit<z.infer<typeof EnvSchema>, "TWO_FACTOR"> & {
  readonly TWO_FACTOR: "required" | "offered";
  readonly isProduction: boolean;
};

/** The sentence of a refused setting; its message is meant to be printed as it is. */
export class SettingError extends Error {
  override readonly name = "SettingError";
}

/**
 * Reads and checks the settings. `source` is `process.env` but for tests.
 * Throws SettingError: names each bad setting and, in production, each secret that was generated or left out.
 */
export function readEnv(source: Readonly<Record<string, string | undefined>> = process.env): Env {
  const given = Object.fromEntries(Object.entries(source).filter(([, value]) => value !== undefined && value !== ""));
  const parsed = EnvSchema.safeParse(given);
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => `  ${issue.path.join(".")}: ${issue.message}`);
    throw new SettingError(`These settings cannot be used:\n${lines.join("\n")}`);
  }
  if ((parsed.data.SMTP_URL === undefined) !== (parsed.data.MAIL_FROM === undefined))
    throw new SettingError("SMTP_URL and MAIL_FROM go together: set both, or neither.");
  const oidc = [parsed.data.OIDC_ISSUER, parsed.data.OIDC_CLIENT_ID, parsed.data.OIDC_CLIENT_SECRET];
  if (oidc.some((value) => value === undefined) && oidc.some((value) => value !== undefined))
    throw new SettingError("OIDC_ISSUER, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET go together: set all three, or none.");
  const isProduction = parsed.data.TILLGATE_ENV === "production";
  const TWO_FACTOR = parsed.data.TWO_FACTOR ?? (isProduction ? "required" : "offered");
  const env = { ...parsed.data, TWO_FACTOR, isProduction };
  if (env.isProduction) refuseUnsafeProduction(env, given);
  return Object.freeze(env);
}

function refuseUnsafeProduction(env: Env, given: Readonly<Record<string, string | undefined>>): void {
  const faults: string[] = [];
  if (!env.PUBLIC_URL.startsWith("https://")) faults.push("PUBLIC_URL must be an https address");
  // Source: Klarna's page on webhooks; to any other port it delivers nothing.
  else if (!["", "443", "8443"].includes(new URL(env.PUBLIC_URL).port))
    faults.push("PUBLIC_URL must have port 443 or 8443: Klarna sends its events to no other");
  if (given.NODE_TLS_REJECT_UNAUTHORIZED === "0")
    faults.push("NODE_TLS_REJECT_UNAUTHORIZED must not be 0: nobody's certificate would be checked");
  if (given.TILLGATE_GENERATED_SECRETS) {
    faults.push(`these secrets were generated and must be configured: ${given.TILLGATE_GENERATED_SECRETS}`);
  }
  const hosts = ["KLARNA_TEST_BASE_URL", "KLARNA_LIVE_BASE_URL"] as const;
  for (const name of [...hosts, "KLARNA_CLASSIC_TEST_BASE_URL", "KLARNA_CLASSIC_LIVE_BASE_URL"] as const) {
    const text = env[name];
    if (text === undefined) continue;
    const url = new URL(text);
    if (url.protocol !== "https:") faults.push(`${name} must be an https address`);
    if (/^(localhost|127\.|\[?::1)/.test(url.hostname))
      faults.push(`${name} points at this machine, where only a simulator can be`);
  }
  faults.push(...mixedModes(env));
  if (env.SIMULATOR_CONTROL_URL)
    faults.push("SIMULATOR_CONTROL_URL must not be set: the simulator has no place in production");
  if (env.TEST_CURRENCIES.length > 0)
    faults.push("TEST_CURRENCIES must not be set: only the simulator takes currencies that Klarna does not");
  if (!env.KLARNA_TEST_API_KEY && !env.KLARNA_LIVE_API_KEY)
    faults.push("set KLARNA_TEST_API_KEY or KLARNA_LIVE_API_KEY");
  if (env.TWO_FACTOR !== "required") faults.push("TWO_FACTOR must not be offered only: leave it out");
  if (env.OIDC_ISSUER?.startsWith("http:")) faults.push("OIDC_ISSUER must be an https address");
  if (env.INNGEST_EVENT_KEY === "local-events") faults.push("INNGEST_EVENT_KEY must be set");
  if (!env.INNGEST_SIGNING_KEY) faults.push("INNGEST_SIGNING_KEY must be set");
  const weak = [env.TILLGATE_SESSION_SECRET, env.TILLGATE_KEY_PEPPER].some((secret) => new Set(secret).size < 10);
  if (weak) faults.push("TILLGATE_SESSION_SECRET and TILLGATE_KEY_PEPPER must be random, 32 characters or more");
  if (faults.length > 0)
    throw new SettingError(`Tillgate does not start in production:\n${faults.map((f) => `  ${f}`).join("\n")}`);
}

/** Test calls that reach Klarna's live side would be real purchases, and the other way round nobody would be paid. */
function mixedModes(env: Env): string[] {
  const faults: string[] = [];
  const hostOf = (text: string): string => new URL(text).host;
  if (hostOf(env.KLARNA_TEST_BASE_URL) === hostOf(env.KLARNA_LIVE_BASE_URL))
    faults.push("KLARNA_TEST_BASE_URL and KLARNA_LIVE_BASE_URL must not be the same host");
  const live = [env.KLARNA_LIVE_BASE_URL, env.KLARNA_CLASSIC_LIVE_BASE_URL];
  const test = [env.KLARNA_TEST_BASE_URL, env.KLARNA_CLASSIC_TEST_BASE_URL];
  const isTestHost = (text: string | undefined) => text !== undefined && /\.(test|playground)\.klarna\./.test(text);
  const isLiveHost = (text: string | undefined) =>
    text !== undefined && /^https:\/\/api(-\w+)?\.klarna\.com/.test(text);
  if (live.some(isTestHost))
    faults.push("KLARNA_LIVE_BASE_URL and its classic one must not be hosts of Klarna's test side");
  if (test.some(isLiveHost))
    faults.push("KLARNA_TEST_BASE_URL and its classic one must not be hosts of Klarna's live side");
  if (env.KLARNA_TEST_API_KEY?.startsWith("klarna_live_")) faults.push("KLARNA_TEST_API_KEY is a live key");
  if (env.KLARNA_LIVE_API_KEY?.startsWith("klarna_test_")) faults.push("KLARNA_LIVE_API_KEY is a test key");
  return faults;
}

let cached: Env | undefined;

/** The settings of this process, read once. */
export function env(): Env {
  cached ??= readEnv();
  return cached;
}
