import { randomBytes } from "node:crypto";
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { BootFailure, isErrorWithCode, messageOf } from "./failure";
import { postgresUrl } from "./postgres";

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");

export interface BootSettings {
  isProduction: boolean;
  ports: { gateway: number; web: number; engine: number; postgres: number; simulator: number };
  host: string;
  dataDir: string;
  publicUrl: string;
  /** Given by the person; otherwise the built-in PostgreSQL runs. */
  databaseUrl: string | undefined;
  /** Where our own processes reach the simulator; undefined when Klarna's address was configured. */
  simulatorUrl: string | undefined;
  /** False when an Inngest server was configured. */
  hasEngine: boolean;
}

const port = z.coerce
  .number("must be a number")
  .int()
  .min(1, "must be from 1 to 65535")
  .max(65_535, "must be from 1 to 65535");

const SettingsSchema = z.object({
  TILLGATE_ENV: z.enum(["demo", "production"]).default("demo"),
  PORT: port.default(3000),
  WEB_PORT: port.optional(),
  ENGINE_PORT: port.optional(),
  PG_PORT: port.optional(),
  SIMULATOR_PORT: port.optional(),
  HOST: z.string().default("127.0.0.1"),
  DATA_DIR: z.string().default(".data"),
  PUBLIC_URL: z.url({ protocol: /^https?$/, error: "must be an http or https address" }).optional(),
  DATABASE_URL: z.string().optional(),
  KLARNA_TEST_BASE_URL: z.url().optional(),
  INNGEST_BASE_URL: z.url().optional(),
});

export type ProcessEnvironment = Record<string, string> & { NODE_ENV: "production" | "development" };

type Environment = Readonly<Record<string, string | undefined>>;

/** The settings that boot needs before anything runs. Throws BootFailure: each bad setting, in one sentence. */
export function readSettings(environment: Environment): BootSettings {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ""),
  );
  const parsed = SettingsSchema.safeParse(given);
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => `  ${issue.path.join(".")}: ${issue.message}`);
    throw new BootFailure(`These settings cannot be used:\n${lines.join("\n")}`);
  }
  const values = parsed.data;
  const isProduction = values.TILLGATE_ENV === "production";
  const ports = {
    gateway: values.PORT,
    web: values.WEB_PORT ?? values.PORT + 1,
    engine: values.ENGINE_PORT ?? values.PORT + 2,
    postgres: values.PG_PORT ?? values.PORT + 3,
    simulator: values.SIMULATOR_PORT ?? values.PORT + 1010,
  };
  for (const [name, value] of Object.entries(ports)) {
    if (value > 65_535)
      throw new BootFailure(
        `PORT ${values.PORT} leaves no room for the port of ${name} (${value}). Choose a lower PORT.`,
      );
  }
  if (values.DATABASE_URL) checkDatabaseUrl(values.DATABASE_URL);
  return {
    isProduction,
    ports,
    host: values.HOST,
    dataDir: path.resolve(ROOT, values.DATA_DIR),
    publicUrl: (values.PUBLIC_URL ?? `http://localhost:${values.PORT}`).replace(/\/+$/, ""),
    databaseUrl: values.DATABASE_URL,
    simulatorUrl: isProduction || values.KLARNA_TEST_BASE_URL ? undefined : `http://127.0.0.1:${ports.simulator}`,
    hasEngine: values.INNGEST_BASE_URL === undefined,
  };
}

function checkDatabaseUrl(text: string): void {
  const example = "for example postgresql://user:password@host:5432/tillgate";
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !["postgresql:", "postgres:"].includes(url.protocol)) {
    throw new BootFailure(`DATABASE_URL is not the address of a PostgreSQL database. It looks like this: ${example}.`);
  }
  if (url.pathname.length < 2) throw new BootFailure(`DATABASE_URL names no database; ${example}.`);
}

/** The addresses of a database as people may see them: without the password. */
export function withoutPassword(databaseUrl: string): string {
  const url = new URL(databaseUrl);
  if (url.password) url.password = "***";
  return url.href;
}

const SecretsSchema = z.object({
  sessionSecret: z.string(),
  encryptionKeys: z.string(),
  keyPepper: z.string(),
  postgresPassword: z.string(),
  simulatorApiKey: z.string(),
  inngestEventKey: z.string(),
  inngestSigningKey: z.string(),
  metricsToken: z.string(),
});
export type Secrets = z.infer<typeof SecretsSchema>;

/** A full set of new secrets, kept nowhere. */
export function generateSecrets(): Secrets {
  const text = (bytes: number) => randomBytes(bytes).toString("base64url");
  return {
    sessionSecret: text(32),
    encryptionKeys: `k1:${randomBytes(32).toString("base64")}`,
    keyPepper: text(32),
    postgresPassword: text(24),
    simulatorApiKey: `klarna_test_api_${text(32)}`,
    inngestEventKey: text(24),
    inngestSigningKey: `signkey-test-${randomBytes(32).toString("hex")}`,
    metricsToken: text(24),
  };
}

/** The generated secrets of a data folder: made once, kept in a file that only its owner may read. */
export function loadSecrets(dataDir: string): Secrets {
  const file = path.join(dataDir, "secrets.json");
  makeDataDir(dataDir);
  let stored: object = {};
  if (existsSync(file)) {
    try {
      stored = z.record(z.string(), z.string()).parse(JSON.parse(readFileSync(file, "utf8")));
    } catch {
      throw new BootFailure(
        `${file} cannot be read. It holds the keys of this data folder: bring it back, or move the whole folder away.`,
      );
    }
  }
  const secrets = SecretsSchema.parse({ ...generateSecrets(), ...stored });
  if (Object.keys(stored).length < Object.keys(secrets).length) {
    writeFileSync(`${file}.new`, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }
  // As after a copy of the folder.
  if ((statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600);
  return secrets;
}

/** Makes the data folder and tries whether we may write to it. Throws BootFailure: why not. */
export function makeDataDir(dataDir: string): void {
  try {
    // Others may pass through, because PostgreSQL runs as another user when we are root; they may not list or read.
    makeFolder(path.join(dataDir, "logs"));
    for (const folder of [dataDir, path.join(dataDir, "logs")]) accessSync(folder, constants.W_OK);
  } catch (error) {
    const reason = isErrorWithCode(error, "ENOSPC", "EDQUOT")
      ? "the disk is full"
      : isErrorWithCode(error, "EACCES", "EROFS", "EPERM", "ENOENT")
        ? "it may not be written here"
        : messageOf(error);
    throw new BootFailure(
      `The data folder ${dataDir} cannot be used: ${reason}. Set DATA_DIR to another folder, or start as the user whose folder it is.`,
    );
  }
}

/** Step by step: Node's own recursive way never returns where the system cannot make folders at all, as in /proc. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(path.dirname(folder));
  try {
    mkdirSync(folder, { mode: 0o711 });
  } catch (error) {
    if (!isErrorWithCode(error, "EEXIST")) throw error;
  }
}

/** The address of the built-in database of a data folder. */
export function builtInDatabaseUrl(settings: BootSettings, secrets: Secrets): string {
  return postgresUrl({ port: settings.ports.postgres, password: secrets.postgresPassword, database: "tillgate" });
}

/** What every process of this instance finds in its environment. What the person configured wins, secrets above all. */
export function processEnvironment(
  settings: BootSettings,
  secrets: Secrets | undefined,
  given: Environment,
): ProcessEnvironment {
  const { ports } = settings;
  const fixed: Record<string, string | undefined> = {
    TILLGATE_ENV: settings.isProduction ? "production" : "demo",
    PORT: String(ports.gateway),
    WEB_PORT: String(ports.web),
    ENGINE_PORT: String(ports.engine),
    HOST: settings.host,
    DATA_DIR: settings.dataDir,
    PUBLIC_URL: settings.publicUrl,
    NEXTAUTH_URL: settings.publicUrl,
    DATABASE_URL: settings.databaseUrl ?? (secrets && builtInDatabaseUrl(settings, secrets)),
    NODE_NO_WARNINGS: "1",
    NEXT_TELEMETRY_DISABLED: "1",
    TZ: "UTC",
  };
  if (settings.simulatorUrl) {
    // Customers' phones reach the simulator as they reach us: the same host, its own port.
    const publicSimulator = new URL(settings.publicUrl);
    Object.assign(fixed, {
      SIMULATOR_PORT: String(ports.simulator),
      SIMULATOR_URL: settings.simulatorUrl,
      SIMULATOR_CONTROL_URL: settings.simulatorUrl,
      SIMULATOR_PUBLIC_URL: given.SIMULATOR_PUBLIC_URL || `http://${publicSimulator.hostname}:${ports.simulator}`,
      KLARNA_TEST_BASE_URL: settings.simulatorUrl,
      KLARNA_CLASSIC_TEST_BASE_URL: given.KLARNA_CLASSIC_TEST_BASE_URL || settings.simulatorUrl,
    });
  }
  const generated: Record<string, string> = secrets
    ? {
        TILLGATE_SESSION_SECRET: secrets.sessionSecret,
        TILLGATE_ENCRYPTION_KEYS: secrets.encryptionKeys,
        TILLGATE_KEY_PEPPER: secrets.keyPepper,
        // An Inngest server has keys of its own, or none when it is one for development.
        ...(settings.hasEngine
          ? { INNGEST_EVENT_KEY: secrets.inngestEventKey, INNGEST_SIGNING_KEY: secrets.inngestSigningKey }
          : {}),
        ...(settings.isProduction ? {} : { METRICS_TOKEN: secrets.metricsToken }),
        ...(settings.simulatorUrl ? { KLARNA_TEST_API_KEY: secrets.simulatorApiKey } : {}),
      }
    : {};
  const configured = Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined && value !== ""),
  );
  const used = Object.keys(generated).filter((name) => configured[name] === undefined);
  const all: Record<string, string | undefined> = {
    ...generated,
    ...configured,
    ...fixed,
    TILLGATE_GENERATED_SECRETS: used.length > 0 ? used.join(",") : undefined,
  };
  all.NEXTAUTH_SECRET = all.TILLGATE_SESSION_SECRET;
  if (settings.simulatorUrl) all.SIMULATOR_API_KEY = all.KLARNA_TEST_API_KEY;
  delete all.NODE_OPTIONS;
  const set: Record<string, string> = {};
  for (const [name, value] of Object.entries(all)) if (value !== undefined) set[name] = value;
  return { ...set, NODE_ENV: given.NODE_ENV === "development" ? "development" : "production" };
}

export const DemoSchema = z.looseObject({
  url: z.string(),
  simulator: z.looseObject({ url: z.string(), api_key: z.string(), partner_account_id: z.string() }),
  api_key: z.string(),
  currency: z.string(),
  store: z.object({ id: z.string(), reference: z.string() }),
  terminal: z.object({ id: z.string(), reference: z.string() }),
  users: z.array(z.looseObject({ role: z.string(), email: z.string(), password: z.string() })),
});
export type Demo = z.infer<typeof DemoSchema>;

/** The demo's facts; undefined when the file is lost or unreadable, for the seed writes it anew. */
export function readDemo(dataDir: string): Demo | undefined {
  try {
    return DemoSchema.parse(JSON.parse(readFileSync(demoFile(dataDir), "utf8")));
  } catch {
    return undefined;
  }
}

export function writeDemo(dataDir: string, demo: Demo): void {
  const file = demoFile(dataDir);
  writeFileSync(`${file}.new`, `${JSON.stringify(demo, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

const demoFile = (dataDir: string): string => path.join(dataDir, "demo.json");
