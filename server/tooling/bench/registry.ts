import { ROLE_PERMISSIONS } from "@/server/auth/permissions";
import { createContext, type ServiceContext, type Services } from "@/server/context";
import { encodeCursor } from "@/server/core/pagination";
import { checkImport, continueImports, getImport, startImport, uploadImport } from "@/server/domain/imports/service";
import type { ImportKind } from "@/server/domain/imports/states";
import { listPartners } from "@/server/domain/partners/service";
import { listStores } from "@/server/domain/stores/service";
import { listTerminals } from "@/server/domain/terminals/service";
import { makePartner } from "@/server/testing/builders";
import { quantile } from "./messages";
import type { Figure } from "./report";

const STORES = 10_000;
const TERMINALS = 50_000;
const TRIES = 25;
const PAGE_ROWS = 50;
const CITIES = ["Stockholm", "Malmö", "Göteborg", "Uppsala", "Västerås", "Örebro", "Linköping", "Helsingborg"];

function asAdmin(services: Services, partners: "all" | readonly string[]): ServiceContext {
  const role = partners === "all" ? "ACQUIRER_ADMIN" : "PARTNER_ADMIN";
  return createContext(services, {
    actor: { kind: "USER", id: "usr_bench", name: "Bench", role, permissions: ROLE_PERMISSIONS[role], partners },
    scope: { partners, mode: "test" },
    way: "SCREEN",
  });
}

export type RegistrySize = { stores: number; terminals: number };
export type ImportTimes = { rows: number; uploadMs: number; checkMs: number; runMs: number };

/** A file through the whole way: upload, check, every batch. */
async function importRows(
  services: Services,
  kind: ImportKind,
  partnerId: string,
  lines: readonly string[],
): Promise<ImportTimes> {
  const ctx = asAdmin(services, "all");
  const bytes = new TextEncoder().encode(lines.join("\n"));
  const from = performance.now();
  const made = await uploadImport(ctx, { kind, partnerId, fileName: "bench.csv", contentType: "text/csv", bytes });
  const uploaded = performance.now();
  const checked = await checkImport(ctx, made.id, { columns: made.columns });
  if (checked.validCount !== lines.length - 1) throw new Error(`${checked.invalidCount} rows have errors`);
  const ready = performance.now();
  await startImport(ctx, made.id);
  for (;;) {
    const progress = await continueImports(services, made.id);
    if (progress === null || progress.isDone) break;
  }
  const end = performance.now();
  const done = await getImport(ctx, made.id);
  if (done.doneCount !== lines.length - 1) throw new Error(`${done.failedCount} rows failed: ${done.state}`);
  return { rows: done.doneCount, uploadMs: uploaded - from, checkMs: ready - uploaded, runMs: end - ready };
}

/** A Partner with so many stores and terminals, made by importing them. */
export async function fillRegistry(
  services: Services,
  size: RegistrySize,
): Promise<{ partnerId: string; stores: ImportTimes; terminals: ImportTimes }> {
  const built = await makePartner(services);
  const partnerId = built.partner.id;
  await services.db.query({
    text: `with b as (insert into brands (id, partner_id, mode, reference, name) values ('brd_' || $1, $1, 'test', 'brand', 'Brand') returning id)
      insert into store_groups (id, partner_id, mode, brand_id, reference, name) select 'stg_' || $1, $1, 'test', id, 'group', 'Group' from b`,
    values: [partnerId],
  });
  const numbers = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1);
  const stores = await importRows(services, "STORES", partnerId, [
    "reference,name,street,zip,city,country",
    ...numbers(size.stores).map(
      (n) =>
        `SE-${String(n).padStart(5, "0")},Butik ${n} ${CITIES[n % CITIES.length]},Gata ${n},${10_000 + n},${CITIES[n % CITIES.length]},SE`,
    ),
  ]);
  const terminals = await importRows(services, "TERMINALS", partnerId, [
    "store,reference,label,device",
    ...numbers(size.terminals).map(
      (n) =>
        `SE-${String(1 + (n % size.stores)).padStart(5, "0")},T-${n},Kassa ${n},${n % 7 === 0 ? "tablet" : "card_terminal"}`,
    ),
  ]);
  await services.db.query({ text: "vacuum analyze", values: [] });
  return { partnerId, stores, terminals };
}

export type Question = { name: string; ask: (ctx: ServiceContext) => Promise<{ items: readonly unknown[] }> };

/** What screens ask of lists this long: pages, searches over identifiers, filters, orders, and a page far down. */
export async function registryQuestions(services: Services, size: RegistrySize): Promise<Question[]> {
  const page = { limit: PAGE_ROWS, cursor: null };
  const [far] = await services.db.query<{ id: string; createdAt: Date }>({
    text: `select id, created_at as "createdAt" from terminals where mode = 'test' order by created_at desc, id desc offset $1 limit 1`,
    values: [Math.floor(size.terminals * 0.8)],
  });
  const [store] = await services.db.query<{ id: string }>({
    text: "select id from stores where reference = $1",
    values: [`SE-${String(Math.floor(size.stores / 2)).padStart(5, "0")}`],
  });
  if (!far || !store) throw new Error("the registry is empty");
  const middle = Math.floor(size.stores / 2);
  return [
    { name: "Partners, first page", ask: (ctx) => listPartners(ctx, {}, page) },
    { name: "stores, first page", ask: (ctx) => listStores(ctx, {}, page) },
    { name: "stores by name", ask: (ctx) => listStores(ctx, {}, { ...page, sort: "name" }) },
    { name: "stores, search for a reference", ask: (ctx) => listStores(ctx, { search: `SE-0${middle}` }, page) },
    { name: "stores, search for a city", ask: (ctx) => listStores(ctx, { search: "uppsala" }, page) },
    { name: "stores, search for an id", ask: (ctx) => listStores(ctx, { search: store.id }, page) },
    {
      name: "stores, status and country",
      ask: (ctx) => listStores(ctx, { status: ["ACTIVE"], country: ["SE"] }, page),
    },
    { name: "stores that lack a QR device", ask: (ctx) => listStores(ctx, { lacksQr: true }, page) },
    { name: "terminals, first page", ask: (ctx) => listTerminals(ctx, {}, page) },
    { name: "terminals by label", ask: (ctx) => listTerminals(ctx, {}, { ...page, sort: "label" }) },
    { name: "terminals, search for a label", ask: (ctx) => listTerminals(ctx, { search: "kassa 4321" }, page) },
    { name: "terminals of one store", ask: (ctx) => listTerminals(ctx, { store: store.id }, page) },
    { name: "terminals, one kind of device", ask: (ctx) => listTerminals(ctx, { device: ["TABLET"] }, page) },
    {
      name: "terminals, a page far down",
      ask: (ctx) => listTerminals(ctx, {}, { ...page, cursor: encodeCursor(far) }),
    },
  ];
}

/** Times of lists over 10,000 stores and 50,000 terminals, and of the imports that made them. */
export async function measureRegistry(services: Services, scale: number): Promise<Figure[]> {
  const size = { stores: STORES, terminals: TERMINALS };
  const { partnerId, stores, terminals } = await fillRegistry(services, size);
  const whole = ({ rows, uploadMs, checkMs, runMs }: ImportTimes) => (uploadMs + checkMs + runMs) * (10_000 / rows);
  const figures: Figure[] = [
    { id: "", name: "import of 10,000 stores: upload, check and run", unit: "ms", ours: whole(stores), isTime: true },
    { id: "", name: "  of it the check (dry run)", unit: "ms", ours: stores.checkMs, isTime: true },
    { id: "", name: "import of terminals, each 10,000 of 50,000", unit: "ms", ours: whole(terminals), isTime: true },
  ];
  for (const { name, ask } of await registryQuestions(services, size)) {
    const times: number[] = [];
    for (const partners of ["all", [partnerId]] as const) {
      const ctx = asAdmin(services, partners);
      await ask(ctx);
      for (let tried = 0; tried < TRIES * scale; tried += 1) {
        const from = performance.now();
        await ask(ctx);
        times.push(performance.now() - from);
      }
    }
    figures.push(
      { id: "", name: `${name}: median`, unit: "ms", ours: quantile(times, 0.5), isTime: true },
      { id: "", name: "  slowest of twenty", unit: "ms", ours: quantile(times, 0.95), isTime: true },
    );
  }
  return figures;
}
