import type { Env } from "@/server/env";

/** Settings by which a process that a test starts works over the test's database with the test's secrets, and says little. */
export const childSettings = (env: Env) => ({
  DATABASE_URL: env.DATABASE_URL,
  TILLGATE_SESSION_SECRET: env.TILLGATE_SESSION_SECRET,
  TILLGATE_KEY_PEPPER: env.TILLGATE_KEY_PEPPER,
  TILLGATE_ENCRYPTION_KEYS: [...env.TILLGATE_ENCRYPTION_KEYS]
    .map(([name, key]) => `${name}:${key.toString("base64")}`)
    .join(","),
  LOG_LEVEL: "silent",
});
