import type { TenantScope } from "@/server/auth/permissions";
import { type Cursor, LIST_TOTAL_MAX } from "@/server/core/pagination";
import type { Address, Mode } from "@/server/core/schema";
import type { Database, Transaction } from "@/server/db/client";
import type { Prisma } from "@/server/db/generated/client";
import {
  AccountStateSchema,
  type PartnerAccountView,
  type PartnerFilter,
  PartnerStateSchema,
  ProductStateSchema,
} from "./schema";

type Reader = Database["prisma"];
type Writer = Pick<Transaction, "query">;

function inScope(scope: TenantScope): Prisma.PartnerWhereInput {
  return scope.partners === "all" ? {} : { id: { in: [...scope.partners] } };
}

function matching(scope: TenantScope, filter: PartnerFilter): Prisma.PartnerWhereInput {
  const and: Prisma.PartnerWhereInput[] = [inScope(scope)];
  if (filter.search) {
    and.push({
      OR: [
        // Id, reference and name in one column with a trigram index.
        { searchText: { contains: filter.search.toLowerCase() } },
        { accounts: { some: { klarnaPartnerAccountId: filter.search } } },
      ],
    });
  }
  if (filter.country?.length) and.push({ country: { in: filter.country } });
  if (filter.state?.length) and.push({ state: { in: filter.state } });
  if (filter.accountState?.length)
    and.push({ accounts: { some: { mode: scope.mode, state: { in: filter.accountState } } } });
  return { AND: and };
}

const before = (cursor: Cursor | null): Prisma.PartnerWhereInput =>
  cursor
    ? { OR: [{ createdAt: { lt: cursor.createdAt } }, { createdAt: cursor.createdAt, id: { lt: cursor.id } }] }
    : {};

const accountFields = {
  mode: true,
  klarnaPartnerAccountId: true,
  state: true,
  productState: true,
  createdAt: true,
} as const;

export function toAccountView(row: {
  mode: string;
  klarnaPartnerAccountId: string | null;
  state: string;
  productState: string;
  createdAt: Date;
}): PartnerAccountView {
  return {
    mode: row.mode === "live" ? "live" : "test",
    klarnaPartnerAccountId: row.klarnaPartnerAccountId,
    state: AccountStateSchema.parse(row.state),
    productState: ProductStateSchema.parse(row.productState),
    createdAt: row.createdAt,
  };
}

export async function findPartners(
  prisma: Reader,
  scope: TenantScope,
  filter: PartnerFilter,
  page: { limit: number; cursor: Cursor | null },
) {
  const rows = await prisma.partner.findMany({
    where: { AND: [matching(scope, filter), before(page.cursor)] },
    orderBy: [{ createdAt: "desc" }, { id: "desc" }],
    take: page.limit + 1,
    select: {
      id: true,
      name: true,
      reference: true,
      country: true,
      currency: true,
      state: true,
      createdAt: true,
      accounts: { where: { mode: scope.mode }, select: { ...accountFields, _count: { select: { stores: true } } } },
    },
  });
  const terminals = await prisma.terminal.groupBy({
    by: ["partnerId"],
    where: { mode: scope.mode, partnerId: { in: rows.map((row) => row.id) } },
    _count: { _all: true },
  });
  const terminalCounts = new Map(terminals.map((group) => [group.partnerId, group._count._all]));
  return rows.map(({ accounts, ...row }) => {
    const account = accounts[0];
    return {
      ...row,
      state: PartnerStateSchema.parse(row.state),
      account: account ? toAccountView(account) : null,
      storeCount: account?._count.stores ?? 0,
      terminalCount: terminalCounts.get(row.id) ?? 0,
    };
  });
}

export function countPartners(prisma: Reader, scope: TenantScope, filter: PartnerFilter): Promise<number> {
  return prisma.partner.count({ where: matching(scope, filter), take: LIST_TOTAL_MAX });
}

export async function findPartner(prisma: Reader, scope: TenantScope, id: string) {
  return prisma.partner.findFirst({
    where: { AND: [inScope(scope), { id }] },
    select: {
      id: true,
      name: true,
      reference: true,
      country: true,
      currency: true,
      state: true,
      createdAt: true,
      updatedAt: true,
      accounts: { orderBy: { mode: "desc" }, select: accountFields },
      _count: { select: { users: true } },
    },
  });
}

/** The rows around one Partner in one mode. */
export async function findNeighbours(prisma: Reader, scope: TenantScope, partnerId: string) {
  const where = {
    AND: [scope.partners === "all" ? {} : { partnerId: { in: [...scope.partners] } }, { partnerId, mode: scope.mode }],
  };
  const [businessEntities, brands, storeCount, terminalCount, apiKeyCount, webhookEndpointCount, paymentCount] =
    await Promise.all([
      prisma.businessEntity.findMany({
        where,
        orderBy: { createdAt: "asc" },
        take: 100,
        select: { id: true, legalName: true, registrationNumber: true, country: true, address: true, createdAt: true },
      }),
      prisma.brand.findMany({
        where,
        orderBy: { createdAt: "asc" },
        take: 100,
        select: {
          id: true,
          name: true,
          website: true,
          storeGroups: {
            orderBy: { createdAt: "asc" },
            take: 100,
            select: { id: true, name: true, _count: { select: { stores: true } } },
          },
        },
      }),
      prisma.store.count({ where }),
      prisma.terminal.count({ where }),
      prisma.apiKey.count({ where: { AND: [where, { revokedAt: null }] } }),
      prisma.webhookEndpoint.count({ where: { AND: [where, { deletedAt: null }] } }),
      prisma.payment.count({ where, take: LIST_TOTAL_MAX }),
    ]);
  return {
    businessEntities,
    brands: brands.map((brand) => ({
      id: brand.id,
      name: brand.name,
      website: brand.website,
      storeGroups: brand.storeGroups.map((group) => ({
        id: group.id,
        name: group.name,
        storeCount: group._count.stores,
      })),
    })),
    storeCount,
    terminalCount,
    apiKeyCount,
    webhookEndpointCount,
    paymentCount,
  };
}

export async function findChoices(prisma: Reader, scope: TenantScope, search: string | undefined, limit: number) {
  return prisma.partner.findMany({
    where: matching(scope, search ? { search } : {}),
    orderBy: [{ name: "asc" }, { id: "asc" }],
    take: limit,
    select: { id: true, name: true, country: true, currency: true, state: true },
  });
}

export async function findAccount(prisma: Reader, scope: TenantScope, partnerId: string) {
  return prisma.partnerAccount.findFirst({
    where: {
      AND: [
        scope.partners === "all" ? {} : { partnerId: { in: [...scope.partners] } },
        { partnerId, mode: scope.mode },
      ],
    },
    select: { partnerId: true, ...accountFields },
  });
}

export async function insertPartner(
  tx: Writer,
  partner: {
    id: string;
    name: string;
    reference: string;
    country: string;
    currency: string;
    state: string;
    createdAt: Date;
  },
): Promise<void> {
  await tx.query({
    text: `insert into partners (id, name, reference, country, currency, state, created_at, updated_at) values ($1,$2,$3,$4,$5,$6,$7,$7)`,
    values: [
      partner.id,
      partner.name,
      partner.reference,
      partner.country,
      partner.currency,
      partner.state,
      partner.createdAt,
    ],
  });
}

export async function insertAccount(
  tx: Writer,
  account: {
    partnerId: string;
    mode: Mode;
    klarnaPartnerAccountId: string;
    state: string;
    productState: string;
    createdAt: Date;
  },
): Promise<void> {
  await tx.query({
    text: `insert into partner_accounts (partner_id, mode, klarna_partner_account_id, state, product_state, created_at, updated_at)
           values ($1,$2,$3,$4,$5,$6,$6)`,
    values: [
      account.partnerId,
      account.mode,
      account.klarnaPartnerAccountId,
      account.state,
      account.productState,
      account.createdAt,
    ],
  });
}

export async function insertBusinessEntity(
  tx: Writer,
  entity: {
    id: string;
    partnerId: string;
    mode: Mode;
    legalName: string;
    registrationNumber: string;
    country: string;
    address: Address;
    createdAt: Date;
  },
): Promise<void> {
  await tx.query({
    text: `insert into business_entities (id, partner_id, mode, reference, legal_name, registration_number, country, address, created_at, updated_at)
           values ($1,$2,$3,$1,$4,$5,$6,$7::jsonb,$8,$8)`,
    values: [
      entity.id,
      entity.partnerId,
      entity.mode,
      entity.legalName,
      entity.registrationNumber,
      entity.country,
      JSON.stringify(entity.address),
      entity.createdAt,
    ],
  });
}
