import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { createApiKeyVerifier } from "@/server/auth/api-key-verifier";
import { issueApiKey } from "@/server/auth/api-keys";
import { hashPassword } from "@/server/auth/password";
import { API_SCOPE_NAMES, ROLES, type Role } from "@/server/auth/permissions";
import { createServices, type Services } from "@/server/context";
import { isAppError } from "@/server/core/errors";
import { addMs, DAY_MS } from "@/server/core/time";
import type { Database, Transaction } from "@/server/db/client";
import { appendAudit } from "@/server/domain/audit/service";
import { keepSubscription } from "@/server/domain/inbox/service";
import { readEnv } from "@/server/env";
import { setUpClassic } from "./demo/classic";
import { playHistory } from "./demo/history";
import { addColleagues } from "./demo/people";
import { createRandom } from "./demo/random";
import { addPartners, contextAt, DEMO_KEY_NAME } from "./demo/registry";
import { addPeople, changePasswords, choosePasswords, PEOPLE } from "./demo/sign-in";
import { fillSimulator } from "./demo/simulator";
import { writeHistory } from "./demo/write-history";

/*
 * A believable acquirer: Partners in several countries, their stores and terminals, a month of payments, people of every
 * role. The same each time but for dates and secrets. Run again it changes nothing in the books: it repairs what depends
 * on the start (addresses, the simulator's memory, the subscription to Klarna's webhooks) and writes demo.json.
 */

const SEED = 20_261_121;
const HISTORY_DAYS = 30;
const ADVISORY_LOCK = 7_401_652_002;
const SEEDED = "demo.seeded";

const DemoFileSchema = z.looseObject({
  api_key: z.string(),
  users: z.array(z.object({ role: z.string(), email: z.string(), password: z.string() })),
});

export type DemoFacts = {
  url: string;
  /** Klarna's test host where no simulator runs. */
  simulator: { url: string; api_key: string; partner_account_id: string };
  api_key: string;
  currency: string;
  store: { id: string; reference: string };
  terminal: { id: string; reference: string };
  users: { role: Role; email: string; password: string }[];
};

/** A database whose every statement is part of one transaction: the demo is there as a whole or not at all. */
function within(db: Database, tx: Transaction): Database {
  return { ...db, query: tx.query, transaction: (work) => work(tx) };
}

async function plant(services: Services, passwords: ReadonlyMap<string, string>): Promise<string | null> {
  const hashes = new Map(
    await Promise.all([...passwords].map(async ([email, password]) => [email, await hashPassword(password)] as const)),
  );
  return services.db.transaction(async (tx) => {
    await tx.query({ text: "select pg_advisory_xact_lock($1)", values: [ADVISORY_LOCK] });
    const [found] = await tx.query<{ any: boolean }>({
      text: "select exists (select 1 from partners) as any",
      values: [],
    });
    if (found?.any) return null;
    const now = services.clock.now();
    const random = createRandom(SEED);
    const { partners, demoKey } = await addPartners(services, within(services.db, tx), random, now);
    const [demo] = partners;
    if (!demo) throw new Error("the demo has no Partner");
    await addPeople(tx, contextAt(services, "test", addMs(now, -HISTORY_DAYS * DAY_MS)), demo.id, hashes);
    await addColleagues(tx, now, (moment) => contextAt(services, "test", moment, within(services.db, tx)));
    await writeHistory(tx, services.secrets, playHistory(random, partners, now, HISTORY_DAYS));
    await appendAudit(tx, contextAt(services, "test", now), {
      action: SEEDED,
      subjectKind: "partner",
      subjectId: demo.id,
      mode: null,
    });
    return demoKey;
  });
}

async function findDemo(
  services: Services,
): Promise<(Omit<DemoFacts, "url" | "api_key" | "users"> & { partnerId: string }) | null> {
  const [row] = await services.db.query<{
    partner_id: string;
    currency: string;
    account_id: string;
    store_id: string;
    store_reference: string;
    terminal_id: string;
    terminal_reference: string;
  }>({
    text: `select p.id as partner_id, p.currency, c.klarna_partner_account_id as account_id, s.id as store_id, s.reference as store_reference,
             t.id as terminal_id, t.reference as terminal_reference
           from audit_entries e join partners p on p.id = e.subject_id
           join partner_accounts c on c.partner_id = p.id and c.mode = 'test'
           join stores s on s.partner_id = p.id and s.mode = 'test' and s.type = 'PHYSICAL'
           join terminals t on t.partner_id = p.id and t.mode = 'test' and t.store_id = s.id
           where e.action = $1 order by s.created_at, s.id, t.created_at, t.id limit 1`,
    values: [SEEDED],
  });
  if (!row) return null;
  return {
    partnerId: row.partner_id,
    currency: row.currency,
    simulator: {
      url: services.env.SIMULATOR_CONTROL_URL ?? services.env.KLARNA_TEST_BASE_URL,
      api_key: services.env.KLARNA_TEST_API_KEY ?? "",
      partner_account_id: row.account_id,
    },
    store: { id: row.store_id, reference: row.store_reference },
    terminal: { id: row.terminal_id, reference: row.terminal_reference },
  };
}

async function isUsableKey(services: Services, key: string | undefined): Promise<boolean> {
  if (key === undefined) return false;
  const verifier = createApiKeyVerifier(services);
  try {
    await verifier.verify(key, null);
    return true;
  } catch (error) {
    if (isAppError(error)) return false;
    throw error;
  } finally {
    await verifier.settle();
  }
}

function readDemoFile(file: string): z.infer<typeof DemoFileSchema> | null {
  if (!existsSync(file)) return null;
  try {
    return DemoFileSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    // Unreadable facts are made again below.
    return null;
  }
}

/** Secrets for this machine's owner only, replaced in one step. */
function writeDemoFile(file: string, facts: DemoFacts): void {
  mkdirSync(path.dirname(file), { recursive: true });
  const next = `${file}.${randomBytes(4).toString("hex")}`;
  writeFileSync(next, `${JSON.stringify(facts, null, 2)}\n`, { mode: 0o600 });
  chmodSync(next, 0o600);
  renameSync(next, file);
}

export type SeedResult = { outcome: "seeded" | "kept" | "foreign"; facts: DemoFacts | null };

/**
 * Plants the demo in an empty database, or leaves a planted one as it is; then repairs what depends on this start.
 * A database with Partners of its own (`foreign`) is not touched. Refuses in production.
 */
export async function seed(
  services: Services,
  options: { dataDir: string; passwords?: Readonly<Record<string, string>> },
): Promise<SeedResult> {
  if (services.env.isProduction) throw new Error("Demo data have no place in production.");
  const file = path.join(options.dataDir, "demo.json");
  const stored = readDemoFile(file);
  const kept = new Map((stored?.users ?? []).map((user) => [user.email, user.password]));
  const passwords = choosePasswords(kept, options.passwords ?? {});
  const plantedKey = await plant(services, passwords);
  const demo = await findDemo(services);
  if (!demo) return { outcome: "foreign", facts: null };

  let apiKey = plantedKey ?? stored?.api_key ?? "";
  if (plantedKey === null) {
    await changePasswords(services, passwords, kept);
    if (!(await isUsableKey(services, stored?.api_key))) {
      const issued = await issueApiKey(contextAt(services, "test", services.clock.now()), {
        partnerId: demo.partnerId,
        name: DEMO_KEY_NAME,
        scopes: API_SCOPE_NAMES,
      });
      apiKey = issued.key;
    }
  }
  const control = services.env.SIMULATOR_CONTROL_URL;
  if (control) {
    await fillSimulator(services, control);
    await setUpClassic(contextAt(services, "test", services.clock.now()), control, {
      partnerId: demo.partnerId,
      storeId: demo.store.id,
      accountId: demo.simulator.partner_account_id,
    });
  }
  // Klarna itself takes https addresses only: on a machine without one, payments are found by reading.
  const isReachable = control !== undefined || services.env.PUBLIC_URL.startsWith("https://");
  if (isReachable && services.klarna.isConfigured("test")) await keepSubscription(services, "test");
  const { partnerId: _, ...facts } = demo;
  const whole: DemoFacts = {
    url: services.env.PUBLIC_URL,
    ...facts,
    api_key: apiKey,
    users: ROLES.map((role) => ({
      role,
      email: PEOPLE[role].email,
      password: passwords.get(PEOPLE[role].email) ?? "",
    })),
  };
  writeDemoFile(file, whole);
  return { outcome: plantedKey === null ? "kept" : "seeded", facts: whole };
}

const PasswordsSchema = z.record(z.string(), z.string().min(12).max(200));

async function main(): Promise<void> {
  const services = createServices({ env: readEnv(), name: "seed", connections: 3 });
  try {
    const asked = process.env.TILLGATE_DEMO_PASSWORDS;
    const passwords = asked ? PasswordsSchema.parse(JSON.parse(asked)) : {};
    const { outcome } = await seed(services, { dataDir: process.env.DATA_DIR ?? ".data", passwords });
    const words = {
      seeded: "demo data were planted",
      kept: "demo data are in place",
      foreign: "this database has Partners of its own: no demo data",
    };
    process.stdout.write(`seed: ${words[outcome]}\n`);
  } finally {
    await Promise.all([services.db.close(), services.klarna.close()]);
  }
}

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  main().catch((error: unknown) => {
    process.stderr.write(`seed: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  });
}
