import type { TenantScope } from "@/server/auth/permissions";
import { type Cursor, LIST_TOTAL_MAX } from "@/server/core/pagination";
import type { Address, Mode } from "@/server/core/schema";
import type { Database, Transaction } from "@/server/db/client";
import type { Prisma } from "@/server/db/generated/client";
import {
  StoredAddressSchema,
  type StoreFilter,
  type StoreItem,
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
  if (filter.search) {
    and.push({
      OR: [
        { name: { contains: filter.search, mode: "insensitive" } },
        { reference: { contains: filter.search, mode: "insensitive" } },
        { url: { contains: filter.search, mode: "insensitive" } },
        { id: filter.search },
        { klarnaStoreId: filter.search },
      ],
    });
  }
  if (filter.partner) and.push({ partnerId: filter.partner });
  if (filter.country?.length) and.push({ country: { in: filter.country } });
  if (filter.type?.length) and.push({ type: { in: filter.type } });
  if (filter.status?.length) and.push({ status: { in: filter.status } });
  if (filter.source?.length) and.push({ source: { in: filter.source } });
  if (filter.storeGroup) and.push({ storeGroupId: filter.storeGroup });
  return { AND: and };
}

const before = (cursor: Cursor | null): Prisma.StoreWhereInput =>
  cursor
    ? { OR: [{ createdAt: { lt: cursor.createdAt } }, { createdAt: cursor.createdAt, id: { lt: cursor.id } }] }
    : {};

const itemFields = {
  id: true,
  partnerId: true,
  mode: true,
  reference: true,
  name: true,
  type: true,
  status: true,
  source: true,
  country: true,
  address: true,
  url: true,
  klarnaStoreId: true,
  createdAt: true,
  updatedAt: true,
  account: { select: { partner: { select: { name: true, currency: true } } } },
  storeGroup: { select: { id: true, name: true, brand: { select: { id: true, name: true } } } },
  _count: { select: { terminals: true } },
} as const satisfies Prisma.StoreSelect;
type ItemRow = Prisma.StoreGetPayload<{ select: typeof itemFields }>;

function toItem(row: ItemRow): StoreItem {
  return {
    id: row.id,
    partnerId: row.partnerId,
    partnerName: row.account.partner.name,
    reference: row.reference,
    name: row.name,
    type: StoreTypeSchema.parse(row.type),
    status: StoreStatusSchema.parse(row.status),
    source: StoreSourceSchema.parse(row.source),
    country: row.country,
    city: StoredAddressSchema.parse(row.address)?.city ?? null,
    url: row.url,
    klarnaStoreId: row.klarnaStoreId,
    storeGroup: row.storeGroup ? { id: row.storeGroup.id, name: row.storeGroup.name } : null,
    brand: row.storeGroup?.brand ?? null,
    terminalCount: row._count.terminals,
    createdAt: row.createdAt,
  };
}

export async function findStores(
  prisma: Reader,
  scope: TenantScope,
  filter: StoreFilter,
  page: { limit: number; cursor: Cursor | null },
): Promise<StoreItem[]> {
  const rows = await prisma.store.findMany({
    where: { AND: [matching(scope, filter), before(page.cursor)] },
    orderBy: [{ createdAt: "desc" }, { id: "desc" }],
    take: page.limit + 1,
    select: itemFields,
  });
  return rows.map(toItem);
}

export function countStores(prisma: Reader, scope: TenantScope, filter: StoreFilter): Promise<number> {
  return prisma.store.count({ where: matching(scope, filter), take: LIST_TOTAL_MAX });
}

export async function findStore(prisma: Reader, scope: TenantScope, id: string) {
  const row = await prisma.store.findFirst({
    where: { AND: [inScope(scope), { id }] },
    select: {
      ...itemFields,
      terminals: {
        orderBy: { createdAt: "asc" },
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
  const paymentCount = await prisma.payment.count({
    where: { partnerId: row.partnerId, mode: row.mode, storeId: row.id },
    take: LIST_TOTAL_MAX,
  });
  return {
    ...toItem(row),
    mode: scope.mode,
    partnerCurrency: row.account.partner.currency,
    address: StoredAddressSchema.parse(row.address),
    updatedAt: row.updatedAt,
    terminals: row.terminals,
    paymentCount,
  };
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
    text: `insert into stores (id, partner_id, mode, reference, name, type, store_group_id, address, country, url, klarna_store_id, created_at, updated_at)
           values ($1,$2,$3,$4,$5,$6,$7,$8::jsonb,$9,$10,$11,$12,$12)`,
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
