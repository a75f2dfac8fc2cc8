import type { TenantScope } from "@/server/auth/permissions";
import { type Cursor, LIST_TOTAL_MAX } from "@/server/core/pagination";
import type { Address, Mode } from "@/server/core/schema";
import type { Database, Row, Transaction } from "@/server/db/client";
import type { Prisma } from "@/server/db/generated/client";
import { StoredSettingsSchema } from "@/server/domain/partners/schema-settings";
import {
  AppPlatformSchema,
  OpeningStateSchema,
  StoredAddressSchema,
  type StoreFilter,
  type StoreGroupChoice,
  type StoreItem,
  type StoreRecord,
  StoreSourceSchema,
  StoreStatusSchema,
  StoreTypeSchema,
} from "./schema";

type Reader = Database["prisma"];
type Writer = Pick<Transaction, "query">;

function inScope(scope: TenantScope): Prisma.StoreWhereInput {
  return scope.partners === "all" ? { mode: scope.mode } : { mode: scope.mode, partnerId: { in: [...scope.partners] } };
}

function matching(scope: TenantScope, filter: StoreFilter): Prisma.StoreWhereInput {
  const and: Prisma.StoreWhereInput[] = [inScope(scope)];
  // One text of all identifiers in lower case, under a trigram index.
  if (filter.search) and.push({ searchText: { contains: filter.search.toLowerCase() } });
  if (filter.partner) and.push({ partnerId: filter.partner });
  if (filter.country?.length) and.push({ country: { in: filter.country } });
  if (filter.type?.length) and.push({ type: { in: filter.type } });
  if (filter.status?.length) and.push({ status: { in: filter.status } });
  if (filter.source?.length) and.push({ source: { in: filter.source } });
  if (filter.opening?.length) and.push({ openingState: { in: filter.opening } });
  if (filter.storeGroup) and.push({ storeGroupId: filter.storeGroup });
  if (filter.brand) and.push({ storeGroup: { brandId: filter.brand } });
  if (filter.isUnsorted === true) and.push({ source: "PAYMENT", storeGroupId: null });
  if (filter.lacksQr === true)
    and.push({
      type: "PHYSICAL",
      status: "ACTIVE",
      terminals: { none: { canShowQr: true, status: { not: "ARCHIVED" } } },
    });
  if (filter.reference) and.push({ reference: filter.reference });
  if (filter.createdFrom) and.push({ createdAt: { gte: new Date(filter.createdFrom) } });
  if (filter.createdTo) and.push({ createdAt: { lte: new Date(filter.createdTo) } });
  return { AND: and };
}

export type StoreSort = { by: "created_at" | "name"; isDescending: boolean };

/** Rows after the cursor's. For the order by name the cursor's row is asked for its name. */
async function after(
  prisma: Reader,
  scope: TenantScope,
  sort: StoreSort,
  cursor: Cursor | null,
): Promise<Prisma.StoreWhereInput> {
  if (!cursor) return {};
  const step = sort.isDescending ? "lt" : "gt";
  if (sort.by === "created_at")
    return {
      OR: [{ createdAt: { [step]: cursor.createdAt } }, { createdAt: cursor.createdAt, id: { [step]: cursor.id } }],
    };
  const last = await prisma.store.findFirst({
    where: { AND: [inScope(scope), { id: cursor.id }] },
    select: { name: true },
  });
  return last ? { OR: [{ name: { [step]: last.name } }, { name: last.name, id: { [step]: cursor.id } }] } : {};
}

const itemFields = {
  id: true,
  partnerId: true,
  mode: true,
  reference: true,
  name: true,
  type: true,
  status: true,
  source: true,
  openingState: true,
  country: true,
  address: true,
  url: true,
  klarnaStoreId: true,
  createdAt: true,
  updatedAt: true,
  account: { select: { partner: { select: { name: true, currency: true } } } },
  storeGroup: { select: { id: true, name: true, brand: { select: { id: true, name: true } } } },
} as const satisfies Prisma.StoreSelect;
type ItemRow = Prisma.StoreGetPayload<{ select: typeof itemFields }>;

type Counts = { terminals: number; qr: number };

/** Terminals in use, and those of them that show QR codes, by store. */
async function countTerminals(
  db: Pick<Database, "query">,
  scope: TenantScope,
  rows: readonly { id: string; partnerId: string }[],
): Promise<Map<string, Counts>> {
  const found = await db.query<Row & Counts & { storeId: string }>({
    name: "store_terminal_counts",
    text: `select store_id as "storeId", count(*)::int as terminals, count(*) filter (where can_show_qr)::int as qr from terminals
      where partner_id = any($1) and mode = $2 and store_id = any($3) and status <> 'ARCHIVED' group by store_id`,
    values: [[...new Set(rows.map((row) => row.partnerId))], scope.mode, rows.map((row) => row.id)],
  });
  return new Map(found.map((row) => [row.storeId, row]));
}

function toItem(row: ItemRow, counts: Counts | undefined): StoreItem {
  const address = StoredAddressSchema.parse(row.address);
  const [terminalCount, qrTerminalCount] = [counts?.terminals ?? 0, counts?.qr ?? 0];
  return {
    id: row.id,
    partnerId: row.partnerId,
    partnerName: row.account.partner.name,
    reference: row.reference,
    name: row.name,
    type: StoreTypeSchema.parse(row.type),
    status: StoreStatusSchema.parse(row.status),
    source: StoreSourceSchema.parse(row.source),
    openingState: OpeningStateSchema.parse(row.openingState),
    country: row.country,
    city: address?.city ?? null,
    postalCode: address?.postal_code ?? null,
    url: row.url,
    klarnaStoreId: row.klarnaStoreId,
    storeGroup: row.storeGroup ? { id: row.storeGroup.id, name: row.storeGroup.name } : null,
    brand: row.storeGroup ? { id: row.storeGroup.brand.id, name: row.storeGroup.brand.name } : null,
    terminalCount,
    qrTerminalCount,
    lacksQr: row.type === "PHYSICAL" && row.status === "ACTIVE" && qrTerminalCount === 0,
    createdAt: row.createdAt,
  };
}

export async function findStores(
  db: Database,
  scope: TenantScope,
  filter: StoreFilter,
  page: { limit: number; cursor: Cursor | null; sort: StoreSort },
): Promise<StoreItem[]> {
  const { sort } = page;
  const order = sort.isDescending ? "desc" : "asc";
  const rows = await db.prisma.store.findMany({
    where: { AND: [matching(scope, filter), await after(db.prisma, scope, sort, page.cursor)] },
    orderBy: [sort.by === "name" ? { name: order } : { createdAt: order }, { id: order }],
    take: page.limit + 1,
    select: itemFields,
  });
  const counts = await countTerminals(db, scope, rows);
  return rows.map((row) => toItem(row, counts.get(row.id)));
}

export function countStores(prisma: Reader, scope: TenantScope, filter: StoreFilter): Promise<number> {
  return prisma.store.count({ where: matching(scope, filter), take: LIST_TOTAL_MAX });
}

export async function findStore(db: Database, scope: TenantScope, id: string): Promise<StoreRecord | null> {
  const { prisma } = db;
  const row = await prisma.store.findFirst({
    where: { AND: [inScope(scope), { id }] },
    select: {
      ...itemFields,
      version: true,
      appPlatform: true,
      appBundleNames: true,
      supportEmail: true,
      supportPhone: true,
      settings: true,
      archivedAt: true,
      account: { select: { settings: true, partner: { select: { name: true, currency: true } } } },
      storeGroup: { select: { id: true, name: true, brand: { select: { id: true, name: true, logoUrl: true } } } },
      terminals: {
        orderBy: [{ status: "asc" }, { label: "asc" }, { id: "asc" }],
        take: 200,
        select: {
          id: true,
          reference: true,
          label: true,
          device: true,
          canShowQr: true,
          status: true,
          lastSeenAt: true,
        },
      },
    },
  });
  if (!row) return null;
  const [counts, paymentCount] = await Promise.all([
    countTerminals(db, scope, [row]),
    prisma.payment.count({
      where: { partnerId: row.partnerId, mode: row.mode, storeId: row.id },
      take: LIST_TOTAL_MAX,
    }),
  ]);
  return {
    ...toItem(row, counts.get(row.id)),
    mode: scope.mode,
    version: row.version,
    partnerCurrency: row.account.partner.currency,
    address: StoredAddressSchema.parse(row.address),
    app:
      row.type === "MOBILE_APP"
        ? { platform: AppPlatformSchema.nullable().catch(null).parse(row.appPlatform), bundleNames: row.appBundleNames }
        : null,
    supportEmail: row.supportEmail,
    supportPhone: row.supportPhone,
    brandLogo: row.storeGroup?.brand.logoUrl ?? null,
    settings: StoredSettingsSchema.parse(row.settings),
    partnerSettings: StoredSettingsSchema.parse(row.account.settings),
    archivedAt: row.archivedAt,
    updatedAt: row.updatedAt,
    terminals: row.terminals,
    paymentCount,
  };
}

/** Store groups in use, with their brands. */
export async function findGroupChoices(
  prisma: Reader,
  scope: TenantScope,
  partnerId: string,
): Promise<StoreGroupChoice[]> {
  const rows = await prisma.storeGroup.findMany({
    where: {
      mode: scope.mode,
      AND: [{ partnerId }, scope.partners === "all" ? {} : { partnerId: { in: [...scope.partners] } }],
      status: "ACTIVE",
    },
    orderBy: [{ name: "asc" }, { id: "asc" }],
    take: 500,
    select: { id: true, name: true, reference: true, brand: { select: { name: true } } },
  });
  return rows.map(({ brand, ...group }) => ({ ...group, brandName: brand.name }));
}

export async function findChoices(prisma: Reader, scope: TenantScope, filter: StoreFilter, limit: number) {
  return prisma.store.findMany({
    where: matching(scope, filter),
    orderBy: [{ name: "asc" }, { id: "asc" }],
    take: limit,
    select: { id: true, partnerId: true, reference: true, name: true, type: true },
  });
}

export async function insertBrand(
  tx: Writer,
  brand: { id: string; partnerId: string; mode: Mode; name: string; website: string | null; createdAt: Date },
): Promise<void> {
  await tx.query({
    text: `insert into brands (id, partner_id, mode, reference, name, website, created_at, updated_at) values ($1,$2,$3,$1,$4,$5,$6,$6)`,
    values: [brand.id, brand.partnerId, brand.mode, brand.name, brand.website, brand.createdAt],
  });
}

export async function insertStoreGroup(
  tx: Writer,
  group: { id: string; partnerId: string; mode: Mode; brandId: string; name: string; createdAt: Date },
): Promise<void> {
  await tx.query({
    text: `insert into store_groups (id, partner_id, mode, brand_id, reference, name, created_at, updated_at) values ($1,$2,$3,$4,$1,$5,$6,$6)`,
    values: [group.id, group.partnerId, group.mode, group.brandId, group.name, group.createdAt],
  });
}

export async function insertStore(
  tx: Writer,
  store: {
    id: string;
    partnerId: string;
    mode: Mode;
    reference: string;
    name: string;
    type: string;
    storeGroupId: string | null;
    address: Address | null;
    country: string | null;
    url: string | null;
    klarnaStoreId: string | null;
    createdAt: Date;
  },
): Promise<void> {
  await tx.query({
    text: `insert into stores (id, partner_id, mode, reference, name, type, store_group_id, address, country, url, klarna_store_id, created_at, updated_at, announced_at)
           values ($1,$2,$3,$4,$5,$6,$7,$8::jsonb,$9,$10,$11,$12,$12,case when $11::text is not null then $12::timestamptz end)`,
    values: [
      store.id,
      store.partnerId,
      store.mode,
      store.reference,
      store.name,
      store.type,
      store.storeGroupId,
      store.address === null ? null : JSON.stringify(store.address),
      store.country,
      store.url,
      store.klarnaStoreId,
      store.createdAt,
    ],
  });
}
