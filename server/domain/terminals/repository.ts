import type { TenantScope } from "@/server/auth/permissions";
import { type Cursor, LIST_TOTAL_MAX } from "@/server/core/pagination";
import type { Mode } from "@/server/core/schema";
import type { Database, Transaction } from "@/server/db/client";
import type { Prisma } from "@/server/db/generated/client";
import {
  TerminalDeviceSchema,
  type TerminalFilter,
  type TerminalItem,
  type TerminalRecord,
  TerminalStatusSchema,
} from "./schema";

type Reader = Database["prisma"];
type Writer = Pick<Transaction, "query">;

function inScope(scope: TenantScope): Prisma.TerminalWhereInput {
  return scope.partners === "all" ? { mode: scope.mode } : { mode: scope.mode, partnerId: { in: [...scope.partners] } };
}

function matching(scope: TenantScope, filter: TerminalFilter): Prisma.TerminalWhereInput {
  const and: Prisma.TerminalWhereInput[] = [inScope(scope)];
  if (filter.search) {
    and.push({
      OR: [
        { label: { contains: filter.search, mode: "insensitive" } },
        { reference: { contains: filter.search, mode: "insensitive" } },
        { store: { name: { contains: filter.search, mode: "insensitive" } } },
        { id: filter.search },
      ],
    });
  }
  if (filter.partner) and.push({ partnerId: filter.partner });
  if (filter.store) and.push({ storeId: filter.store });
  if (filter.device?.length) and.push({ device: { in: filter.device } });
  if (filter.status?.length) and.push({ status: { in: filter.status } });
  return { AND: and };
}

const before = (cursor: Cursor | null): Prisma.TerminalWhereInput =>
  cursor
    ? { OR: [{ createdAt: { lt: cursor.createdAt } }, { createdAt: cursor.createdAt, id: { lt: cursor.id } }] }
    : {};

const itemFields = {
  id: true,
  partnerId: true,
  reference: true,
  label: true,
  device: true,
  canShowQr: true,
  status: true,
  lastSeenAt: true,
  createdAt: true,
  updatedAt: true,
  store: {
    select: {
      id: true,
      name: true,
      reference: true,
      account: { select: { partner: { select: { name: true, currency: true } } } },
    },
  },
} as const satisfies Prisma.TerminalSelect;
type ItemRow = Prisma.TerminalGetPayload<{ select: typeof itemFields }>;

function toItem(row: ItemRow): TerminalItem {
  return {
    id: row.id,
    partnerId: row.partnerId,
    partnerName: row.store.account.partner.name,
    store: { id: row.store.id, name: row.store.name, reference: row.store.reference },
    reference: row.reference,
    label: row.label,
    device: TerminalDeviceSchema.parse(row.device),
    canShowQr: row.canShowQr,
    status: TerminalStatusSchema.parse(row.status),
    lastSeenAt: row.lastSeenAt,
    createdAt: row.createdAt,
  };
}

export async function findTerminals(
  prisma: Reader,
  scope: TenantScope,
  filter: TerminalFilter,
  page: { limit: number; cursor: Cursor | null },
): Promise<TerminalItem[]> {
  const rows = await prisma.terminal.findMany({
    where: { AND: [matching(scope, filter), before(page.cursor)] },
    orderBy: [{ createdAt: "desc" }, { id: "desc" }],
    take: page.limit + 1,
    select: itemFields,
  });
  return rows.map(toItem);
}

export function countTerminals(prisma: Reader, scope: TenantScope, filter: TerminalFilter): Promise<number> {
  return prisma.terminal.count({ where: matching(scope, filter), take: LIST_TOTAL_MAX });
}

export async function findTerminal(prisma: Reader, scope: TenantScope, id: string): Promise<TerminalRecord | null> {
  const row = await prisma.terminal.findFirst({ where: { AND: [inScope(scope), { id }] }, select: itemFields });
  if (!row) return null;
  const where = { partnerId: row.partnerId, mode: scope.mode, terminalId: row.id };
  const [paymentCount, last] = await Promise.all([
    prisma.payment.count({ where, take: LIST_TOTAL_MAX }),
    prisma.payment.findFirst({ where, orderBy: { createdAt: "desc" }, select: { createdAt: true } }),
  ]);
  return {
    ...toItem(row),
    mode: scope.mode,
    partnerCurrency: row.store.account.partner.currency,
    updatedAt: row.updatedAt,
    paymentCount,
    lastPaymentAt: last?.createdAt ?? null,
  };
}

export async function insertTerminal(
  tx: Writer,
  terminal: {
    id: string;
    partnerId: string;
    mode: Mode;
    storeId: string;
    reference: string;
    label: string;
    device: string;
    canShowQr: boolean;
    lastSeenAt: Date | null;
    createdAt: Date;
  },
): Promise<void> {
  await tx.query({
    text: `insert into terminals (id, partner_id, mode, store_id, reference, label, device, can_show_qr, last_seen_at, created_at, updated_at)
           values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$10)`,
    values: [
      terminal.id,
      terminal.partnerId,
      terminal.mode,
      terminal.storeId,
      terminal.reference,
      terminal.label,
      terminal.device,
      terminal.canShowQr,
      terminal.lastSeenAt,
      terminal.createdAt,
    ],
  });
}
