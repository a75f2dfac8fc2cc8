import { randomBytes, randomInt } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { createApiKeyVerifier } from "@/server/auth/api-key-verifier";
import { issueApiKey } from "@/server/auth/api-keys";
import { hashPassword } from "@/server/auth/password";
import { API_SCOPE_NAMES, ROLE_LABELS, ROLES, type Role } from "@/server/auth/permissions";
import { createContext, createServices, type ServiceContext, type Services } from "@/server/context";
import { isAppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import type { Mode } from "@/server/core/schema";
import { addMs, DAY_MS, movableClock } from "@/server/core/time";
import type { Database, Transaction } from "@/server/db/client";
import type { SecretBox } from "@/server/db/secrets";
import { appendAudit } from "@/server/domain/audit/service";
import { keepSubscription } from "@/server/domain/inbox/service";
import type { DraftSectionInput } from "@/server/domain/partners/schema-onboarding";
import {
  addBusinessEntity,
  createPartner,
  getDraft,
  saveDraftSection,
  startOnboarding,
} from "@/server/domain/partners/service";
import { createBrand, createStore, createStoreGroup } from "@/server/domain/stores/service";
import { createTerminal } from "@/server/domain/terminals/service";
import type { TerminalDevice } from "@/server/domain/terminals/states";
import { readEnv } from "@/server/env";
import { inboxPlace } from "@/server/events/inbox";
import { setUpClassic } from "./demo/classic";
import { playHistory } from "./demo/history";
import { DEMO_PARTNERS, type DemoPartner, demoAddress } from "./demo/partners";
import { addColleagues } from "./demo/people";
import { createRandom, type Random } from "./demo/random";
import { fillSimulator } from "./demo/simulator";
import type { History, SeededPartner, SeededStore } from "./demo/story";

/*
 * A believable acquirer: Partners in several countries, their stores and terminals, a month of payments, people of every
 * role. The same each time but for dates and secrets. Run again it changes nothing in the books: it repairs what depends
 * on the start (addresses, the simulator's memory, the subscription to Klarna's webhooks) and writes demo.json.
 */

const SEED = 20_261_121;
const HISTORY_DAYS = 30;
const ADVISORY_LOCK = 7_401_652_002;
const ROWS_PER_STATEMENT = 1_000;
const SEEDED = "demo.seeded";
const DEMO_KEY_NAME = "Demo key";

const PEOPLE: Readonly<Record<Role, { email: string; name: string }>> = {
  ACQUIRER_ADMIN: { email: "admin@acquirer.example", name: "Astrid Holm" },
  ACQUIRER_OPERATIONS: { email: "operations@acquirer.example", name: "Omar Haddad" },
  ACQUIRER_FINANCE: { email: "finance@acquirer.example", name: "Felicia Brandt" },
  READ_ONLY: { email: "reader@acquirer.example", name: "Ruben Keller" },
  PARTNER_ADMIN: { email: "admin@lindqvist-interior.example", name: "Petra Lindqvist" },
  PARTNER_STAFF: { email: "staff@lindqvist-interior.example", name: "Sam Åkesson" },
};
const PARTNER_ROLES: readonly Role[] = ["PARTNER_ADMIN", "PARTNER_STAFF"];

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

function contextAt(services: Services, mode: Mode, at: Date, db: Database = services.db): ServiceContext {
  return createContext(
    { ...services, db, clock: movableClock(at) },
    { actor: { kind: "SYSTEM", id: "seed", name: "Demo data" }, scope: { partners: "all", mode }, way: "JOB" },
  );
}

// Registry -----------------------------------------------------------------------------------------------------------------

const DEVICES: readonly { device: TerminalDevice; label: string; weight: number }[] = [
  { device: "CARD_TERMINAL", label: "Till", weight: 6 },
  { device: "TABLET", label: "Tablet", weight: 2 },
  { device: "SELF_CHECKOUT", label: "Self-checkout", weight: 2 },
  { device: "MOBILE_CHECKOUT", label: "Floor handheld", weight: 1 },
  { device: "KIOSK", label: "Kiosk", weight: 1 },
];

async function addTerminals(
  ctx: ServiceContext,
  random: Random,
  partnerId: string,
  store: { id: string; reference: string },
  count: number,
  now: Date,
): Promise<SeededStore["terminals"]> {
  const terminals: SeededStore["terminals"] = [];
  for (let number = 1; number <= count; number += 1) {
    const kind = number === 1 ? DEVICES[0] : random.weighted(DEVICES.map((value) => ({ value, weight: value.weight })));
    const device = kind?.device ?? "CARD_TERMINAL";
    const label = `${kind?.label ?? "Till"} ${number}`;
    const isQuiet = random.chance(0.1);
    const made = await createTerminal(ctx, {
      partnerId,
      storeId: store.id,
      reference: `${store.reference}-T${number}`,
      label,
      device,
      canShowQr: device !== "MOBILE_CHECKOUT" || random.chance(0.7),
      lastSeenAt: addMs(now, -(isQuiet ? random.int(2, 12) * DAY_MS : random.int(5, 240) * 1_000)),
    });
    terminals.push({ ...made, label });
  }
  return terminals;
}

async function addStores(
  services: Services,
  db: Database,
  random: Random,
  demo: DemoPartner,
  partnerId: string,
  mode: Mode,
  now: Date,
): Promise<SeededStore[]> {
  const from = addMs(now, -demo.onboardedDaysAgo * DAY_MS);
  const at = (days: number): ServiceContext => contextAt(services, mode, addMs(from, days * DAY_MS), db);
  const headquarters = demo.places[0];
  if (!headquarters) return [];
  await addBusinessEntity(at(0.1), {
    partnerId,
    legalName: demo.legalName,
    registrationNumber: demo.registrationNumber,
    country: demo.country,
    address: demoAddress(demo, headquarters),
  });
  const brand = await createBrand(at(0.2), { partnerId, ...demo.brand });
  const shops = await createStoreGroup(at(0.2), { partnerId, brandId: brand.id, name: `${demo.brand.name} stores` });
  const online = await createStoreGroup(at(0.2), { partnerId, brandId: brand.id, name: `${demo.brand.name} online` });
  const stores: SeededStore[] = [];
  for (const [index, place] of demo.places.entries()) {
    const [street, , city] = place;
    const ctx = at(Math.min(1 + index * 4, demo.onboardedDaysAgo - 32));
    const klarnaStoreId = `krn:partner:global:store:${random.uuid()}`;
    const name = `${demo.brand.name} ${city}${demo.places.filter((other) => other[2] === city).length > 1 ? ` ${street.replace(/^\d+\s+/, "").replace(/\s+\d.*$/, "")}` : ""}`;
    const store = await createStore(ctx, {
      partnerId,
      reference: `${demo.country}-${101 + index}`,
      name,
      type: "PHYSICAL",
      storeGroupId: shops.id,
      address: demoAddress(demo, place),
      klarnaStoreId,
    });
    const terminals = await addTerminals(ctx, random, partnerId, store, random.int(2, 4), now);
    stores.push({ ...store, name, klarnaStoreId, isWebsite: false, terminals });
  }
  const klarnaStoreId = `krn:partner:global:store:${random.uuid()}`;
  const site = await createStore(at(1), {
    partnerId,
    reference: "web",
    name: new URL(demo.brand.website).host,
    type: "WEBSITE",
    storeGroupId: online.id,
    country: demo.country,
    url: demo.brand.website,
    klarnaStoreId,
  });
  stores.push({ ...site, name: demo.brand.website, klarnaStoreId, isWebsite: true, terminals: [] });
  return stores;
}

const accountId = (demo: DemoPartner, mode: Mode): string => `krn:partner:global:account:${mode}:${demo.accountTail}`;

/** A Partner whose onboarding has begun: some of it is filled, the rest is named as missing. */
async function addDraft(ctx: ServiceContext, demo: DemoPartner): Promise<void> {
  const { name, reference, country, currency } = demo;
  const { partnerId } = await startOnboarding(ctx, { name, reference, country, currency });
  const save = async (section: DraftSectionInput) => {
    const { version } = await getDraft(ctx, partnerId);
    await saveDraftSection(ctx, partnerId, { ...section, version });
  };
  await save({
    section: "contact",
    data: { given_name: "Chiara", family_name: "Amara", email: "chiara@bottegaamara.example", phone: null },
  });
  await save({
    section: "entities",
    data: [
      {
        reference: `${reference}-entity`,
        legalName: demo.legalName,
        country,
        registrationNumber: demo.registrationNumber,
        entityType: "LIMITED_LIABILITY_COMPANY",
      },
    ],
  });
  await save({
    section: "brands",
    data: [{ reference: `${reference}-brand`, name: demo.brand.name, website: demo.brand.website }],
  });
}

async function addPartners(
  services: Services,
  db: Database,
  random: Random,
  now: Date,
): Promise<{ partners: SeededPartner[]; demoKey: string }> {
  const partners: SeededPartner[] = [];
  let demoKey = "";
  for (const demo of DEMO_PARTNERS.toSorted((a, b) => b.onboardedDaysAgo - a.onboardedDaysAgo)) {
    const since = addMs(now, -demo.onboardedDaysAgo * DAY_MS);
    const accounts = (["test", "live"] as const).flatMap((mode) => {
      const state = demo.accounts[mode];
      const productState: "ENABLED" | "DISABLED" = state === "DISABLED" ? "DISABLED" : "ENABLED";
      return state === null ? [] : [{ mode, klarnaPartnerAccountId: accountId(demo, mode), state, productState }];
    });
    const facts = {
      name: demo.name,
      reference: demo.reference,
      country: demo.country,
      currency: demo.currency,
      state: demo.state,
    };
    if (demo.state === "DRAFT") {
      await addDraft(contextAt(services, "test", since, db), demo);
      continue;
    }
    const { id } = await createPartner(contextAt(services, "test", since, db), { ...facts, accounts });
    if (demo.accounts.live !== null)
      await addStores(services, db, random, { ...demo, places: demo.places.slice(0, 3) }, id, "live", now);
    if (demo.accounts.test === null) continue;
    const stores = await addStores(services, db, random, demo, id, "test", now);
    const isDemo = partners.length === 0;
    const key = await issueApiKey(contextAt(services, "test", addMs(since, DAY_MS), db), {
      partnerId: id,
      name: isDemo ? DEMO_KEY_NAME : "Point of sale",
      scopes: API_SCOPE_NAMES,
    });
    if (isDemo) demoKey = key.key;
    partners.push({ demo, id, accountId: accountId(demo, "test"), apiKeyId: key.id, stores });
  }
  return { partners, demoKey };
}

// History ------------------------------------------------------------------------------------------------------------------

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Inserts rows as JSON under their column names: PostgreSQL types them by the table, defaults fill what is not named. */
async function insertRows(
  tx: Transaction,
  table: string,
  rows: readonly object[],
  without: readonly string[] = [],
): Promise<void> {
  const [first] = rows;
  if (!first) return;
  const columns = Object.keys(first)
    .map(snake)
    .filter((column) => !without.includes(column))
    .join(", ");
  for (let start = 0; start < rows.length; start += ROWS_PER_STATEMENT) {
    const chunk = rows
      .slice(start, start + ROWS_PER_STATEMENT)
      .map((row) => Object.fromEntries(Object.entries(row).map(([key, value]) => [snake(key), value])));
    await tx.query({
      text: `insert into ${table} (${columns}) select ${columns} from jsonb_populate_recordset(null::${table}, $1::jsonb)`,
      values: [JSON.stringify(chunk)],
    });
  }
}

const JOINED = [
  "store_reference",
  "store_name",
  "store_address",
  "store_source",
  "store_klarna_id",
  "terminal_reference",
  "terminal_label",
  "partner_name",
  "account_id",
  "clock_ahead_ms",
];

async function writeHistory(tx: Transaction, secrets: SecretBox, history: History): Promise<void> {
  await insertRows(tx, "payments", history.payments, JOINED);
  await insertRows(tx, "captures", history.captures);
  await insertRows(tx, "refunds", history.refunds, ["store_reference", "terminal_reference"]);
  await insertRows(tx, "klarna_operations", history.operations);
  await insertRows(tx, "klarna_calls", history.calls);
  await insertRows(
    tx,
    "inbox_events",
    history.inbox.map(({ body, ...event }) => ({
      ...event,
      rawBody: `\\x${secrets.sealBytes(Buffer.from(JSON.stringify(body), "utf8"), inboxPlace(event)).toString("hex")}`,
    })),
  );
  await insertRows(tx, "outbox_events", history.events);
  await insertRows(tx, "audit_entries", history.audit);
  await insertRows(
    tx,
    "alarms",
    history.alarms.map((alarm) => ({ clearedAt: null, clearedBy: null, ...alarm })),
  );
}

// People -------------------------------------------------------------------------------------------------------------------

function newPassword(): string {
  const alphabet = "abcdefghijkmnpqrstuvwxyz23456789";
  const part = (): string => Array.from({ length: 4 }, () => alphabet.charAt(randomInt(alphabet.length))).join("");
  return [part(), part(), part(), part()].join("-");
}

/** Passwords that were asked for (`TILLGATE_DEMO_PASSWORDS`, by role or address), else kept, else new. */
function choosePasswords(
  kept: ReadonlyMap<string, string>,
  asked: Readonly<Record<string, string>>,
): Map<string, string> {
  return new Map(
    ROLES.map((role) => {
      const { email } = PEOPLE[role];
      return [email, asked[email] ?? asked[role] ?? kept.get(email) ?? newPassword()];
    }),
  );
}

async function addPeople(
  tx: Transaction,
  ctx: ServiceContext,
  demoPartnerId: string,
  hashes: ReadonlyMap<string, string>,
): Promise<void> {
  const now = ctx.clock.now();
  for (const role of ROLES) {
    const { email, name } = PEOPLE[role];
    const id = newId("user");
    await tx.query({
      text: `insert into users (id, email, name, role, state, password_hash, password_changed_at, created_at, updated_at)
             values ($1,$2,$3,$4,'ACTIVE',$5,$6,$6,$6)`,
      values: [id, email, name, role, hashes.get(email), now],
    });
    const isPartner = PARTNER_ROLES.includes(role);
    if (isPartner)
      await tx.query({
        text: "insert into user_partners (user_id, partner_id) values ($1,$2)",
        values: [id, demoPartnerId],
      });
    const partnerId = isPartner ? demoPartnerId : null;
    await appendAudit(tx, ctx, {
      action: "user.created",
      subjectKind: "user",
      subjectId: id,
      partnerId,
      mode: null,
      after: { name, type: ROLE_LABELS[role] },
    });
  }
}

/** Gives people a new password where it differs from what demo.json said, and ends their sessions. */
async function changePasswords(
  services: Services,
  passwords: ReadonlyMap<string, string>,
  kept: ReadonlyMap<string, string>,
): Promise<void> {
  for (const [email, password] of passwords) {
    if (kept.get(email) === password) continue;
    const now = services.clock.now();
    const passwordHash = await hashPassword(password);
    await services.db.transaction(async (tx) => {
      await tx.query({
        text: "update users set password_hash = $2, password_changed_at = $3, updated_at = $3 where email = $1",
        values: [email, passwordHash, now],
      });
      await tx.query({
        text: `update sessions set ended_at = $2, end_reason = 'PASSWORD_CHANGED' where ended_at is null and user_id = (select id from users where email = $1)`,
        values: [email, now],
      });
    });
  }
}

// The whole ----------------------------------------------------------------------------------------------------------------

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
