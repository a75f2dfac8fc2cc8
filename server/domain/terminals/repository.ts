import type { TenantScope } from "@/server/auth/permissions";
import { type Cursor, LIST_TOTAL_MAX } from "@/server/core/pagination";
import type { Mode } from "@/server/core/schema";
import type { Database, Row, Transaction } from "@/server/db/client";
import type { Prisma } from "@/server/db/generated/client";
import { nameFor } from "@/server/db/names";
import { StoredSettingsSchema } from "@/server/domain/partners/schema-settings";

import { scopeValues } from "./rows";
import {
  TerminalDeviceSchema,
  type TerminalFilter,
  type TerminalItem,
  type TerminalMoveItem,
  type TerminalRecord,
  TerminalStatusSchema,
} from "./schema";
import { connectionOf, ONLINE_FOR_MS } from "./states";

type Reader = Database["prisma"];
type Writer = Pick<Transaction, "query">;

function inScope(scope: TenantScope): Prisma.TerminalWhereInput {
  return scope.partners === "all" ? { mode: scope.mode } : { mode: scope.mode, partnerId: { in: [...scope.partners] } };
}

function connected(connection: TerminalItem["connection"], now: Date): Prisma.TerminalWhereInput {
  const since = new Date(now.getTime() - ONLINE_FOR_MS);
  if (connection === "never") return { lastSeenAt: null };
  return { lastSeenAt: connection === "online" ? { gte: since } : { lt: since } };
}

function matching(scope: TenantScope, filter: TerminalFilter, now: Date): Prisma.TerminalWhereInput {
  const and: Prisma.TerminalWhereInput[] = [inScope(scope)];
  // One text of all identifiers in lower case, under a trigram index.
  if (filter.search) and.push({ searchText: { contains: filter.search.toLowerCase() } });
  if (filter.partner) and.push({ partnerId: filter.partner });
  if (filter.store) and.push({ storeId: filter.store });
  if (filter.device?.length) and.push({ device: { in: filter.device } });
  if (filter.status?.length) and.push({ status: { in: filter.status } });
  if (filter.connection?.length) and.push({ OR: filter.connection.map((one) => connected(one, now)) });
  if (filter.canShowQr !== undefined) and.push({ canShowQr: filter.canShowQr });
  return { AND: and };
}

export type TerminalSort = { by: "created_at" | "label"; isDescending: boolean };

/** Rows after the cursor's. For the order by label the cursor's row is asked for its label. */
async function after(
  prisma: Reader,
  scope: TenantScope,
  sort: TerminalSort,
  cursor: Cursor | null,
): Promise<Prisma.TerminalWhereInput> {
  if (!cursor) return {};
  const step = sort.isDescending ? "lt" : "gt";
  if (sort.by === "created_at")
    return {
      OR: [{ createdAt: { [step]: cursor.createdAt } }, { createdAt: cursor.createdAt, id: { [step]: cursor.id } }],
    };
  const last = await prisma.terminal.findFirst({
    where: { AND: [inScope(scope), { id: cursor.id }] },
    select: { label: true },
  });
  return last ? { OR: [{ label: { [step]: last.label } }, { label: last.label, id: { [step]: cursor.id } }] } : {};
}

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

function toItem(row: ItemRow, now: Date): TerminalItem {
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
    connection: connectionOf(row.lastSeenAt, now),
    createdAt: row.createdAt,
  };
}

export async function findTerminals(
  prisma: Reader,
  scope: TenantScope,
  filter: TerminalFilter,
  page: { limit: number; cursor: Cursor | null; sort: TerminalSort },
  now: Date,
): Promise<TerminalItem[]> {
  const { sort } = page;
  const order = sort.isDescending ? "desc" : "asc";
  const rows = await prisma.terminal.findMany({
    where: { AND: [matching(scope, filter, now), await after(prisma, scope, sort, page.cursor)] },
    orderBy: [sort.by === "label" ? { label: order } : { createdAt: order }, { id: order }],
    take: page.limit + 1,
    select: itemFields,
  });
  return rows.map((row) => toItem(row, now));
}

export function countTerminals(prisma: Reader, scope: TenantScope, filter: TerminalFilter, now: Date): Promise<number> {
  return prisma.terminal.count({ where: matching(scope, filter, now), take: LIST_TOTAL_MAX });
}

export async function findTerminal(
  prisma: Reader,
  scope: TenantScope,
  id: string,
  now: Date,
): Promise<TerminalRecord | null> {
  const row = await prisma.terminal.findFirst({
    where: { AND: [inScope(scope), { id }] },
    select: {
      ...itemFields,
      version: true,
      settings: true,
      archivedAt: true,
      account: { select: { settings: true } },
      store: {
        select: {
          id: true,
          name: true,
          reference: true,
          settings: true,
          account: { select: { partner: { select: { name: true, currency: true } } } },
        },
      },
    },
  });
  if (!row) return null;
  const where = { partnerId: row.partnerId, mode: scope.mode, terminalId: row.id };
  const [paymentCount, last] = await Promise.all([
    prisma.payment.count({ where, take: LIST_TOTAL_MAX }),
    prisma.payment.findFirst({ where, orderBy: { createdAt: "desc" }, select: { createdAt: true } }),
  ]);
  return {
    ...toItem(row, now),
    mode: scope.mode,
    version: row.version,
    partnerCurrency: row.store.account.partner.currency,
    archivedAt: row.archivedAt,
    updatedAt: row.updatedAt,
    settings: {
      partner: StoredSettingsSchema.parse(row.account.settings),
      store: StoredSettingsSchema.parse(row.store.settings),
      terminal: StoredSettingsSchema.parse(row.settings),
    },
    paymentCount,
    lastPaymentAt: last?.createdAt ?? null,
  };
}

/** Where a terminal stood, newest first. */
export async function findMoves(
  db: Pick<Database, "query">,
  scope: TenantScope,
  terminalId: string,
): Promise<TerminalMoveItem[]> {
  const rows = await db.query<
    Row & {
      id: string;
      fromId: string;
      fromName: string;
      toId: string;
      toName: string;
      reason: string | null;
      movedBy: string;
      movedAt: Date;
    }
  >({
    text: `select m.id, f.id as "fromId", f.name as "fromName", s.id as "toId", s.name as "toName", m.reason,
        coalesce(${nameFor("u", "$2")}, k.name, m.moved_by) as "movedBy", m.moved_at as "movedAt"
      from terminal_moves m join stores f on f.id = m.from_store_id join stores s on s.id = m.to_store_id
        left join users u on u.id = m.moved_by left join api_keys k on k.id = m.moved_by
      where m.mode = $1 and ($2::text[] is null or m.partner_id = any($2)) and m.terminal_id = $3 order by m.moved_at desc, m.id desc limit 100`,
    values: [...scopeValues(scope), terminalId],
  });
  return rows.map(({ fromId, fromName, toId, toName, ...move }) => ({
    ...move,
    from: { id: fromId, name: fromName },
    to: { id: toId, name: toName },
  }));
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
