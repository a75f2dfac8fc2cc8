import { encodeTime } from "ulid";
import type { TenantScope } from "@/server/auth/permissions";
import { type Cursor, LIST_TOTAL_MAX } from "@/server/core/pagination";
import type { Mode } from "@/server/core/schema";
import type { Database, Row, Transaction } from "@/server/db/client";
import type { Prisma } from "@/server/db/generated/client";
import type { EventPayload } from "@/server/events/catalog";
import { type DeliveryFilter, type EndpointFilter, type EndpointHealth, HEALTH_COUNT_MAX } from "./schema";

type Reader = Database["prisma"];
export type Writer = Pick<Transaction, "query">;
export type PageRequest = { limit: number; cursor: Cursor | null };

/** `$n` and `$n + 1` of a statement: the Partners (null for all) and the mode. */
export const scopeValues = (scope: TenantScope): [readonly string[] | null, Mode] => [
  scope.partners === "all" ? null : scope.partners,
  scope.mode,
];

export const tenant = (scope: TenantScope): { mode: Mode; partnerId?: { in: string[] } } =>
  scope.partners === "all" ? { mode: scope.mode } : { mode: scope.mode, partnerId: { in: [...scope.partners] } };

export const before = (
  cursor: Cursor | null,
): { OR?: Array<{ createdAt: Date | { lt: Date }; id?: { lt: string } }> } =>
  cursor
    ? { OR: [{ createdAt: { lt: cursor.createdAt } }, { createdAt: cursor.createdAt, id: { lt: cursor.id } }] }
    : {};

export const NEWEST_FIRST = [{ createdAt: "desc" as const }, { id: "desc" as const }];

// Endpoints ------------------------------------------------------------------------------------------------------------

const endpointFields = {
  id: true,
  partnerId: true,
  mode: true,
  url: true,
  events: true,
  description: true,
  ordered: true,
  state: true,
  disabledReason: true,
  headersSecret: true,
  failingSince: true,
  consecutiveFailures: true,
  previousSecretUntil: true,
  createdAt: true,
  updatedAt: true,
  account: { select: { partner: { select: { name: true } } } },
} as const satisfies Prisma.WebhookEndpointSelect;
export type EndpointRow = Prisma.WebhookEndpointGetPayload<{ select: typeof endpointFields }>;

function endpointsWhere(scope: TenantScope, filter: EndpointFilter): Prisma.WebhookEndpointWhereInput {
  return {
    ...tenant(scope),
    deletedAt: null,
    ...(filter.status?.length ? { OR: filter.status.map((status) => WHERE_STATUS[status]) } : {}),
    AND: [
      ...(filter.partner ? [{ partnerId: filter.partner }] : []),
      ...(filter.search
        ? [
            {
              OR: [
                { id: filter.search },
                { url: { contains: filter.search, mode: "insensitive" as const } },
                { description: { contains: filter.search, mode: "insensitive" as const } },
              ],
            },
          ]
        : []),
    ],
  };
}

const WHERE_STATUS: Readonly<Record<NonNullable<EndpointFilter["status"]>[number], Prisma.WebhookEndpointWhereInput>> =
  {
    enabled: { state: "ENABLED", failingSince: null },
    failing: { state: "ENABLED", failingSince: { not: null } },
    disabled: { state: "DISABLED" },
  };

/** One row more than asked for, newest first. */
export function findEndpoints(
  prisma: Reader,
  scope: TenantScope,
  filter: EndpointFilter,
  page: PageRequest,
): Promise<EndpointRow[]> {
  return prisma.webhookEndpoint.findMany({
    where: { ...endpointsWhere(scope, filter), ...before(page.cursor) },
    orderBy: NEWEST_FIRST,
    take: page.limit + 1,
    select: endpointFields,
  });
}

export function countEndpoints(prisma: Reader, scope: TenantScope, filter: EndpointFilter): Promise<number> {
  return prisma.webhookEndpoint.count({ where: endpointsWhere(scope, filter), take: LIST_TOTAL_MAX });
}

export function findEndpoint(prisma: Reader, scope: TenantScope, id: string): Promise<EndpointRow | null> {
  return prisma.webhookEndpoint.findFirst({ where: { ...tenant(scope), id, deletedAt: null }, select: endpointFields });
}

/** The newest events that the success rate of an endpoint is taken from. */
const HEALTH_SAMPLE_MAX = 5_000;

/** How endpoints are doing; `since` is where the last 24 hours begin. Every count is bounded. */
export async function findHealth(
  db: Writer,
  scope: TenantScope,
  endpointIds: readonly string[],
  since: Date,
): Promise<ReadonlyMap<string, EndpointHealth>> {
  const rows = await db.query<Row & { id: string; pending: number; failed: number; tried: number; delivered: number }>({
    name: "webhooks_health",
    // Event ids begin with their time: a range of them is the only index that knows an endpoint's days.
    text: `select w.id, p.count as pending, f.count as failed, s.tried, s.delivered from webhook_endpoints w
           cross join lateral (select count(*)::int as count from (
             select 1 from webhook_deliveries d where d.endpoint_id = w.id and d.state = 'PENDING' limit ${HEALTH_COUNT_MAX}) d) p
           cross join lateral (select count(*)::int as count from (
             select 1 from webhook_deliveries d where d.endpoint_id = w.id and d.state = 'FAILED' limit ${HEALTH_COUNT_MAX}) d) f
           cross join lateral (select count(*)::int as tried, (count(*) filter (where d.state = 'DELIVERED'))::int as delivered from (
             select d.state, d.attempts from webhook_deliveries d where d.endpoint_id = w.id and d.event_id >= $4 and d.created_at >= $5
             order by d.event_id desc limit ${HEALTH_SAMPLE_MAX}) d where d.attempts > 0) s
           where w.id = any($1) and ($2::text[] is null or w.partner_id = any($2)) and w.mode = $3`,
    values: [endpointIds, ...scopeValues(scope), `evt_${encodeTime(since.getTime())}`, since],
  });
  return new Map(
    rows.map(({ id, pending, failed, tried, delivered }) => [
      id,
      {
        pending,
        failed,
        tried_24h: tried,
        delivered_24h: delivered,
        success_rate_24h: tried === 0 ? null : delivered / tried,
      },
    ]),
  );
}

export type StoredEndpoint = {
  id: string;
  partnerId: string;
  mode: Mode;
  url: string;
  events: string[];
  description: string | null;
  headersSecret: string | null;
  ordered: boolean;
  state: "ENABLED" | "DISABLED";
  secret: string;
  createdAt: Date;
  updatedAt: Date;
};
const STORED = `id, partner_id as "partnerId", mode, url, events, description, headers_secret as "headersSecret", ordered, state, secret,
  created_at as "createdAt", updated_at as "updatedAt"`;

/** Refused by its keys when the Partner has no account in this mode. Returns false when the Partner has `max` already. */
export async function insertEndpoint(
  tx: Writer,
  scope: TenantScope,
  endpoint: StoredEndpoint,
  max: number,
): Promise<boolean> {
  const [partners, mode] = scopeValues(scope);
  const rows = await tx.query<Row>({
    text: `insert into webhook_endpoints (id, partner_id, mode, url, events, description, headers_secret, ordered, state, secret, created_at, updated_at)
           select $1,$2,$3,$4,$5::text[],$6,$7,$8,$9,$10,$11,$11
           where ($12::text[] is null or $2 = any($12)) and $3 = $13
             and (select count(*) from webhook_endpoints where partner_id = $2 and mode = $3 and deleted_at is null) < $14
           returning id`,
    values: [
      endpoint.id,
      endpoint.partnerId,
      endpoint.mode,
      endpoint.url,
      endpoint.events,
      endpoint.description,
      endpoint.headersSecret,
      endpoint.ordered,
      endpoint.state,
      endpoint.secret,
      endpoint.createdAt,
      partners,
      mode,
      max,
    ],
  });
  return rows.length === 1;
}

/** Locks the row until the transaction ends. */
export async function lockEndpoint(tx: Writer, scope: TenantScope, id: string): Promise<StoredEndpoint | null> {
  const rows = await tx.query<Row & StoredEndpoint>({
    text: `select ${STORED} from webhook_endpoints
           where id = $1 and ($2::text[] is null or partner_id = any($2)) and mode = $3 and deleted_at is null for update`,
    values: [id, ...scopeValues(scope)],
  });
  return rows[0] ?? null;
}

/** Writes what a person may change. Enabling forgets the failures so far. */
export async function updateEndpoint(
  tx: Writer,
  scope: TenantScope,
  endpoint: StoredEndpoint,
  reason: string | null,
): Promise<void> {
  await tx.query<Row>({
    text: `update webhook_endpoints set url = $4, events = $5, description = $6, headers_secret = $7, ordered = $8, updated_at = $9, state = $10,
             disabled_reason = case when $10 = 'ENABLED' then null when state = 'ENABLED' then $11 else disabled_reason end,
             notice_due_at = case when $10 = 'ENABLED' then null else notice_due_at end,
             failing_since = case when $10 = 'ENABLED' and state = 'DISABLED' then null else failing_since end,
             consecutive_failures = case when $10 = 'ENABLED' and state = 'DISABLED' then 0 else consecutive_failures end
           where id = $1 and ($2::text[] is null or partner_id = any($2)) and mode = $3 and deleted_at is null`,
    values: [
      endpoint.id,
      ...scopeValues(scope),
      endpoint.url,
      endpoint.events,
      endpoint.description,
      endpoint.headersSecret,
      endpoint.ordered,
      endpoint.updatedAt,
      endpoint.state,
      reason,
    ],
  });
}

export async function rotateSecret(
  tx: Writer,
  scope: TenantScope,
  change: { id: string; secret: string; previousUntil: Date; now: Date },
): Promise<void> {
  await tx.query<Row>({
    text: `update webhook_endpoints set previous_secret = secret, previous_secret_until = $5, secret = $4, updated_at = $6
           where id = $1 and ($2::text[] is null or partner_id = any($2)) and mode = $3 and deleted_at is null`,
    values: [change.id, ...scopeValues(scope), change.secret, change.previousUntil, change.now],
  });
}

/** The row stays for its deliveries' sake; its secrets go. */
export async function markDeleted(tx: Writer, scope: TenantScope, id: string, now: Date): Promise<void> {
  await tx.query<Row>({
    text: `update webhook_endpoints set deleted_at = $4, updated_at = $4, state = 'DISABLED', disabled_reason = 'deleted',
             headers_secret = null, previous_secret = null, previous_secret_until = null, secret = '', notice_due_at = null
           where id = $1 and ($2::text[] is null or partner_id = any($2)) and mode = $3 and deleted_at is null`,
    values: [id, ...scopeValues(scope), now],
  });
}

/** What an endpoint that is switched off or deleted was still owed: failed, and so open to a replay. */
export async function giveUpDeliveries(tx: Writer, scope: TenantScope, endpointId: string, now: Date): Promise<void> {
  await tx.query<Row>({
    text: `update webhook_deliveries set state = 'FAILED', next_attempt_at = null, claimed_until = null, updated_at = $4
           where endpoint_id = $1 and ($2::text[] is null or partner_id = any($2)) and mode = $3 and state = 'PENDING'`,
    values: [endpointId, ...scopeValues(scope), now],
  });
}

/** The alarm about an endpoint that was switched off is over when a person has dealt with the endpoint. */
export async function clearAlarm(tx: Writer, endpointId: string, by: string, now: Date): Promise<void> {
  await tx.query<Row>({
    text: `update alarms set cleared_at = $2, cleared_by = $3
           where kind = 'webhook_endpoint_disabled' and subject_id = $1 and cleared_at is null`,
    values: [endpointId, now, by],
  });
}

// Deliveries -----------------------------------------------------------------------------------------------------------

const deliveryFields = {
  id: true,
  partnerId: true,
  mode: true,
  endpointId: true,
  eventId: true,
  eventType: true,
  subjectId: true,
  sequence: true,
  state: true,
  attempts: true,
  nextAttemptAt: true,
  deliveredAt: true,
  createdAt: true,
  updatedAt: true,
  endpoint: { select: { url: true, deletedAt: true, account: { select: { partner: { select: { name: true } } } } } },
  tries: { select: { status: true, outcome: true }, orderBy: { id: "desc" }, take: 1 },
} as const satisfies Prisma.WebhookDeliverySelect;
const deliveryDetailFields = {
  ...deliveryFields,
  scheduleBase: true,
  endpoint: {
    select: {
      url: true,
      deletedAt: true,
      headersSecret: true,
      state: true,
      account: { select: { partner: { select: { name: true } } } },
    },
  },
  event: { select: { payload: true, subjectKind: true, createdAt: true } },
  tries: {
    select: {
      number: true,
      status: true,
      outcome: true,
      answer: true,
      durationMs: true,
      url: true,
      bodyHash: true,
      createdAt: true,
    },
    orderBy: { id: "asc" },
    take: 100,
  },
} as const satisfies Prisma.WebhookDeliverySelect;
export type DeliveryRow = Prisma.WebhookDeliveryGetPayload<{ select: typeof deliveryFields }>;
export type DeliveryDetailRow = Prisma.WebhookDeliveryGetPayload<{ select: typeof deliveryDetailFields }>;

function deliveriesWhere(scope: TenantScope, filter: DeliveryFilter): Prisma.WebhookDeliveryWhereInput {
  return {
    ...tenant(scope),
    ...(filter.status?.length ? { state: { in: filter.status.map((status) => status.toUpperCase()) } } : {}),
    ...(filter.endpoint ? { endpointId: filter.endpoint } : {}),
    ...(filter.type ? { eventType: filter.type } : {}),
    ...(filter.event ? { eventId: filter.event } : {}),
    ...(filter.subject ? { subjectId: filter.subject } : {}),
    AND: [
      ...(filter.partner ? [{ partnerId: filter.partner }] : []),
      ...(filter.search
        ? [
            {
              OR: [
                { id: filter.search },
                { eventId: filter.search },
                { endpointId: filter.search },
                { subjectId: filter.search },
              ],
            },
          ]
        : []),
      ...(filter.types?.length ? [{ eventType: { in: filter.types } }] : []),
      ...(filter.created_from ? [{ createdAt: { gte: new Date(filter.created_from) } }] : []),
      ...(filter.created_to ? [{ createdAt: { lte: new Date(filter.created_to) } }] : []),
    ],
  };
}

/** One row more than asked for, newest first. */
export function findDeliveries(
  prisma: Reader,
  scope: TenantScope,
  filter: DeliveryFilter,
  page: PageRequest,
): Promise<DeliveryRow[]> {
  return prisma.webhookDelivery.findMany({
    where: { ...deliveriesWhere(scope, filter), ...before(page.cursor) },
    orderBy: NEWEST_FIRST,
    take: page.limit + 1,
    select: deliveryFields,
  });
}

export function countDeliveries(prisma: Reader, scope: TenantScope, filter: DeliveryFilter): Promise<number> {
  return prisma.webhookDelivery.count({ where: deliveriesWhere(scope, filter), take: LIST_TOTAL_MAX });
}

export function findDelivery(prisma: Reader, scope: TenantScope, id: string): Promise<DeliveryDetailRow | null> {
  return prisma.webhookDelivery.findFirst({ where: { ...tenant(scope), id }, select: deliveryDetailFields });
}

export type StoredDelivery = {
  id: string;
  partnerId: string;
  mode: Mode;
  endpointId: string;
  eventId: string;
  eventType: string;
  subjectId: string;
  sequence: number;
  state: string;
  attempts: number;
  nextAttemptAt: Date | null;
  deliveredAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
};
const STORED_DELIVERY = `id, partner_id as "partnerId", mode, endpoint_id as "endpointId", event_id as "eventId", event_type as "eventType",
  subject_id as "subjectId", sequence, state, attempts, next_attempt_at as "nextAttemptAt", delivered_at as "deliveredAt",
  created_at as "createdAt", updated_at as "updatedAt"`;

/** The test event of an endpoint and the one delivery that it makes: relayed as it is written, nobody else hears it. */
export async function insertTestEvent(
  tx: Writer,
  scope: TenantScope,
  input: { eventId: string; deliveryId: string; endpointId: string; payload: EventPayload; now: Date },
): Promise<StoredDelivery | null> {
  const rows = await tx.query<Row & StoredDelivery>({
    text: `with endpoint as (
             select id, partner_id, mode from webhook_endpoints
             where id = $1 and ($2::text[] is null or partner_id = any($2)) and mode = $3 and deleted_at is null and state = 'ENABLED'
           ), event as (
             insert into outbox_events (id, partner_id, mode, type, subject_kind, subject_id, sequence, payload, created_at, relayed_at)
             select $4, w.partner_id, w.mode, 'webhook_endpoint.test', 'webhook_endpoint', w.id,
               coalesce((select max(e.sequence) from outbox_events e where e.subject_id = w.id), 0) + 1, $6::jsonb, $7, $7 from endpoint w
             returning id, partner_id, mode, type, subject_id, sequence
           )
           insert into webhook_deliveries (id, partner_id, mode, endpoint_id, event_id, event_type, subject_id, sequence, next_attempt_at, created_at, updated_at)
           select $5, partner_id, mode, subject_id, id, type, subject_id, sequence, $7, $7, $7 from event
           returning ${STORED_DELIVERY}`,
    values: [
      input.endpointId,
      ...scopeValues(scope),
      input.eventId,
      input.deliveryId,
      JSON.stringify(input.payload),
      input.now,
    ],
  });
  return rows[0] ?? null;
}

/** Owes a settled delivery once more. Null when it is pending, its endpoint is off or it is not in the scope. */
export async function reopenDelivery(
  tx: Writer,
  scope: TenantScope,
  id: string,
  now: Date,
): Promise<StoredDelivery | null> {
  const rows = await tx.query<Row & StoredDelivery>({
    text: `update webhook_deliveries d set state = 'PENDING', next_attempt_at = $4, claimed_until = null, delivered_at = null,
             schedule_base = d.attempts, updated_at = $4
           where d.id = $1 and ($2::text[] is null or d.partner_id = any($2)) and d.mode = $3 and d.state <> 'PENDING'
             and exists (select 1 from webhook_endpoints w where w.id = d.endpoint_id and w.state = 'ENABLED' and w.deleted_at is null)
           returning ${STORED_DELIVERY}`,
    values: [id, ...scopeValues(scope), now],
  });
  return rows[0] ?? null;
}
