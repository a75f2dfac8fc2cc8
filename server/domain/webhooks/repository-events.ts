import type { TenantScope } from "@/server/auth/permissions";
import { LIST_TOTAL_MAX } from "@/server/core/pagination";
import type { Database, Row } from "@/server/db/client";
import type { Prisma } from "@/server/db/generated/client";
import { before, NEWEST_FIRST, type PageRequest, scopeValues, tenant } from "./repository";
import type { DeliveryCounts, EventFilter } from "./schema";

type Reader = Database["prisma"];

const eventFields = {
  id: true,
  partnerId: true,
  mode: true,
  type: true,
  subjectKind: true,
  subjectId: true,
  sequence: true,
  payload: true,
  createdAt: true,
} as const satisfies Prisma.OutboxEventSelect;
type BareEvent = Prisma.OutboxEventGetPayload<{ select: typeof eventFields }>;
export type EventRow = BareEvent & { partnerName: string };

function eventsWhere(scope: TenantScope, filter: EventFilter, from: Date): Prisma.OutboxEventWhereInput {
  return {
    ...tenant(scope),
    ...(filter.type?.length ? { type: { in: filter.type } } : {}),
    ...(filter.object ? { subjectId: filter.object } : {}),
    AND: [
      { createdAt: { gte: from } },
      ...(filter.search ? [{ OR: [{ id: filter.search }, { subjectId: filter.search }] }] : []),
      ...(filter.partner ? [{ partnerId: filter.partner }] : []),
      ...(filter.created_from ? [{ createdAt: { gte: new Date(filter.created_from) } }] : []),
      ...(filter.created_to ? [{ createdAt: { lte: new Date(filter.created_to) } }] : []),
    ],
  };
}

/** Events carry no relation to their Partner: they are written on the hot path, by ids alone. */
async function withNames(prisma: Reader, rows: readonly BareEvent[]): Promise<EventRow[]> {
  const partners = await prisma.partner.findMany({
    where: { id: { in: [...new Set(rows.map((row) => row.partnerId))] } },
    select: { id: true, name: true },
  });
  const names = new Map(partners.map((partner) => [partner.id, partner.name]));
  return rows.map((row) => ({ ...row, partnerName: names.get(row.partnerId) ?? row.partnerId }));
}

/** One row more than asked for, newest first, none from before `from`. */
export async function findEvents(
  prisma: Reader,
  scope: TenantScope,
  filter: EventFilter,
  page: PageRequest,
  from: Date,
): Promise<EventRow[]> {
  const rows = await prisma.outboxEvent.findMany({
    where: { ...eventsWhere(scope, filter, from), ...before(page.cursor) },
    orderBy: NEWEST_FIRST,
    take: page.limit + 1,
    select: eventFields,
  });
  return withNames(prisma, rows);
}

export function countEvents(prisma: Reader, scope: TenantScope, filter: EventFilter, from: Date): Promise<number> {
  return prisma.outboxEvent.count({ where: eventsWhere(scope, filter, from), take: LIST_TOTAL_MAX });
}

export async function findEvent(prisma: Reader, scope: TenantScope, id: string, from: Date): Promise<EventRow | null> {
  const row = await prisma.outboxEvent.findFirst({
    where: { ...tenant(scope), id, createdAt: { gte: from } },
    select: eventFields,
  });
  return row ? ((await withNames(prisma, [row]))[0] ?? null) : null;
}

/** How the deliveries of each event stand. An event that nobody subscribed to is not in the answer. */
export async function countDeliveriesOf(
  db: Pick<Database, "query">,
  scope: TenantScope,
  eventIds: readonly string[],
): Promise<ReadonlyMap<string, DeliveryCounts>> {
  const rows = await db.query<Row & DeliveryCounts & { eventId: string }>({
    // An event has one Partner, so its endpoints are few and are the way into the index of deliveries.
    text: `select e.id as "eventId", (count(*) filter (where d.state = 'PENDING'))::int as pending,
             (count(*) filter (where d.state = 'DELIVERED'))::int as delivered, (count(*) filter (where d.state = 'FAILED'))::int as failed
           from outbox_events e join webhook_endpoints w on w.partner_id = e.partner_id and w.mode = e.mode
           join webhook_deliveries d on d.endpoint_id = w.id and d.event_id = e.id
           where e.id = any($1) and ($2::text[] is null or e.partner_id = any($2)) and e.mode = $3 group by e.id`,
    values: [eventIds, ...scopeValues(scope)],
  });
  return new Map(rows.map(({ eventId, pending, delivered, failed }) => [eventId, { pending, delivered, failed }]));
}
