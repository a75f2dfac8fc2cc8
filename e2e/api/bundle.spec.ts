import { execFileSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "./shop";

const ROOT = path.resolve(import.meta.dirname, "../..");

/** Words that only our server side knows: settings, tables, modules, hosts. */
const SERVER_WORDS = [
  ...["TILLGATE_SESSION_SECRET", "TILLGATE_ENCRYPTION_KEYS", "TILLGATE_KEY_PEPPER", "NEXTAUTH_SECRET", "DATABASE_URL"],
  ...["KLARNA_TEST_API_KEY", "KLARNA_LIVE_API_KEY", "INNGEST_SIGNING_KEY", "INNGEST_EVENT_KEY", "METRICS_TOKEN"],
  ...["klarna_signing_keys", "idempotent_answers", "webhook_endpoints w", "outbox_events", "klarna_token_secret"],
  ...["node:crypto", "node:fs", "createHmac", "argon2", "PrismaClient", "pg_advisory", "graphile_worker"],
  ...["api-global.test.klarna.com", "api-global.klarna.com", "127.0.0.1", "engine.internal", "whsec_", "tg_test_sk_"],
  ...["_control/", "SIMULATOR_", "insert into ", "select * from "],
];

test("S66: what browsers load holds no server module, setting's name, statement or internal host", ({ shop }) => {
  const files = globSync(".next/static/**/*.{js,css,json,txt}", { cwd: ROOT });
  expect(files.length).toBeGreaterThan(10);
  const secrets = Object.values(
    JSON.parse(readFileSync(path.join(shop.dataDir, "secrets.json"), "utf8")) as Record<string, string>,
  );
  expect(secrets.length).toBeGreaterThan(5);
  const found: string[] = [];
  for (const file of files) {
    const text = readFileSync(path.join(ROOT, file), "utf8");
    for (const word of [...SERVER_WORDS, ...secrets, shop.demo.api_key]) {
      const at = text.indexOf(word);
      if (at >= 0) found.push(`${file}: ${text.slice(Math.max(0, at - 40), at + 60)}`);
    }
    if (text.includes("sourceMappingURL=") || text.includes(ROOT)) found.push(`${file}: a source map or our own path`);
  }
  expect(found).toEqual([]);
});

test("S66: a module marked server-only cannot be loaded where a browser's bundle is made", () => {
  const load = (conditions: string[]) =>
    execFileSync(process.execPath, [...conditions, "--input-type=module", "-e", 'import "server-only"'], {
      cwd: ROOT,
      stdio: "pipe",
    });
  expect(() => load([])).toThrow(/cannot be imported from a Client Component/);
  expect(() => load(["--conditions=react-server"])).not.toThrow();
  // What knows the session or calls procedures directly carries the mark.
  for (const file of ["server/auth/web.ts", "server/trpc/caller.ts"])
    expect(readFileSync(path.join(ROOT, file), "utf8")).toMatch(/^import "server-only";/m);
});
