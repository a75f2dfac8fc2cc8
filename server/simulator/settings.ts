import { z } from "zod";
import type { SftpOptions } from "./sftp";

/** The simulator's own settings, read from the environment once at start. */

const EnvironmentSchema = z.object({
  TILLGATE_ENV: z.string().default("demo"),
  SIMULATOR_PORT: z.coerce.number().int().min(0).max(65_535).default(4010),
  SIMULATOR_HOST: z.string().min(1).default("127.0.0.1"),
  SIMULATOR_PUBLIC_URL: z.url().optional(),
  SIMULATOR_API_KEY: z
    .string()
    .regex(/^klarna_test_api_.{16,}$/, "must look like klarna_test_api_ followed by at least 16 characters")
    .optional(),
  TEST_CURRENCIES: z.string().default(""),
  SIMULATOR_AUTO_ACCOUNTS: z.enum(["true", "false"]).optional(),
  SIMULATOR_TLS_PORT: z.coerce.number().int().min(0).max(65_535).optional(),
  SIMULATOR_SFTP_PORT: z.coerce.number().int().min(0).max(65_535).optional(),
  SIMULATOR_SFTP_USER: z.string().min(1).max(64).optional(),
  SIMULATOR_SFTP_PASSWORD: z.string().min(8).max(128).optional(),
  SIMULATOR_SFTP_PUBLIC_KEY: z.string().startsWith("ssh-", "must be an OpenSSH public key").optional(),
  DATA_DIR: z.string().min(1).default(".data"),
});

export type SimulatorSettings = {
  port: number;
  host: string;
  publicUrl: string | null;
  apiKey: string | undefined;
  autoAccounts: boolean | undefined;
  /** Taken beside Klarna's. */
  currencies: string[];
  dataDir: string;
  /** A second address that speaks TLS and asks for a client certificate; null: none. */
  tlsPort: number | null;
  /** null: settlement files by SFTP only when the control API asks for it. */
  sftp: SftpOptions | null;
};

/** Throws an Error whose message is a sentence for the person who started it. */
export function readSettings(env: Record<string, string | undefined>): SimulatorSettings {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ""));
  const parsed = EnvironmentSchema.safeParse(given);
  if (!parsed.success) {
    const reasons = parsed.error.issues.map((issue) => `${issue.path.map(String).join(".")} ${issue.message}`);
    throw new Error(`The simulator's settings are not valid: ${reasons.join("; ")}.`);
  }
  const settings = parsed.data;
  if (settings.TILLGATE_ENV === "production") {
    throw new Error(
      "The simulator does not start with TILLGATE_ENV=production: it would stand in for Klarna with real customers.",
    );
  }
  return {
    port: settings.SIMULATOR_PORT,
    host: settings.SIMULATOR_HOST,
    publicUrl: settings.SIMULATOR_PUBLIC_URL?.replace(/\/+$/, "") ?? null,
    apiKey: settings.SIMULATOR_API_KEY,
    autoAccounts:
      settings.SIMULATOR_AUTO_ACCOUNTS === undefined ? undefined : settings.SIMULATOR_AUTO_ACCOUNTS === "true",
    currencies: settings.TEST_CURRENCIES.split(",")
      .map((code) => code.trim())
      .filter((code) => code !== ""),
    dataDir: settings.DATA_DIR,
    tlsPort: settings.SIMULATOR_TLS_PORT ?? null,
    sftp:
      settings.SIMULATOR_SFTP_PORT === undefined
        ? null
        : {
            port: settings.SIMULATOR_SFTP_PORT,
            user: settings.SIMULATOR_SFTP_USER,
            password: settings.SIMULATOR_SFTP_PASSWORD,
            publicKey: settings.SIMULATOR_SFTP_PUBLIC_KEY,
          },
  };
}
