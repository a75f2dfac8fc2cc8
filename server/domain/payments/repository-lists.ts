import type { TenantScope } from "@/server/auth/permissions";
import { type Cursor, decodeCursor } from "@/server/core/pagination";
import type { Transaction } from "@/server/db/client";
import { filterClause, foundRows, type ListFilter, type MoneyTask, SOMETHING_LEFT } from "./list-filter";
import { RECORD_SELECT } from "./repository";
import type { PaymentRecord, PaymentRow } from "./rows";

/* Lists, totals and the timeline: the reads of screens and of the API's lists. */

/** One row more than `limit`, newest first, so that the caller knows whether there is another page. */
export async function listPaymentRecords(
  tx: Transaction,
  scope: TenantScope,
  filter: ListFilter,
  page: { limit: number; cursor?: string },
): Promise<PaymentRecord[]> {
  const where = filterClause(scope, filter);
  const cursor: Cursor | null = page.cursor ? decodeCursor(page.cursor) : null;
  const values = [...where.values, page.limit + 1];
  const limit = `$${values.length}`;
  let after = "";
  if (cursor) {
    values.push(cursor.createdAt, cursor.id);
    after = ` and (p.created_at, p.id) < ($${values.length - 1}, $${values.length})`;
  }
  const newest = "order by p.created_at desc, p.id desc";
  return tx.query<PaymentRecord>({
    text:
      where.ways === null
        ? `${RECORD_SELECT} where ${where.text}${after} ${newest} limit ${limit}`
        : `${RECORD_SELECT} where p.id in (select id from (${foundRows(where, "p.id, p.created_at", limit, after)}) found) ${newest}`,
    values,
  });
}

/** The newest that the filter finds and on which something is left for the task, and whose they are. */
export function findWithSomethingLeft(
  tx: Transaction,
  scope: TenantScope,
  filter: ListFilter,
  task: MoneyTask,
  limit: number,
): Promise<{ id: string; partnerId: string }[]> {
  const where = filterClause(scope, filter);
  const left = ` and ${SOMETHING_LEFT[task]}`;
  return tx.query<{ id: string; partnerId: string }>({
    text: `select id, partner_id as "partnerId" from (${foundRows(where, "p.id, p.partner_id, p.created_at", limit, left)}) found
      order by created_at desc, id desc`,
    values: where.values,
  });
}

export const TOTALS_MAX = 100_000;
const TOTAL_COLUMNS =
  "p.id, p.created_at, p.currency, p.state, p.amount, p.amount_authorized, p.amount_captured, p.amount_refunded, p.amount_voided";

export type PaymentSum = {
  currency: string;
  count: number;
  amount: number;
  authorized: number;
  captured: number;
  refunded: number;
  voided: number;
  /** Authorized and still to be captured. */
  left: number;
};
/** `isPartial`: the filter finds more than TOTALS_MAX, and the figures are those of the newest. */
export type PaymentTotals = { count: number; isPartial: boolean; sums: PaymentSum[] };

/** Number and sums by currency of everything the filter finds. */
export async function totalPayments(tx: Transaction, scope: TenantScope, filter: ListFilter): Promise<PaymentTotals> {
  const where = filterClause(scope, filter);
  const sums = await tx.query<PaymentSum>({
    text: `select currency, count(*)::int as count, sum(amount)::bigint as amount, sum(amount_authorized)::bigint as authorized,
        sum(amount_captured)::bigint as captured, sum(amount_refunded)::bigint as refunded, sum(amount_voided)::bigint as voided,
        sum(case when state = 'AUTHORIZED' then amount_authorized - amount_captured - amount_voided else 0 end)::bigint as left
      from (${foundRows(where, TOTAL_COLUMNS, TOTALS_MAX)}) found
      group by currency order by count(*) desc, currency`,
    values: where.values,
  });
  const count = sums.reduce((all, row) => all + row.count, 0);
  return { count, isPartial: count >= TOTALS_MAX, sums };
}

/** Alarms about this payment that nobody has cleared. */
export async function listOpenAlarms(
  tx: Transaction,
  payment: PaymentRow,
): Promise<{ id: string; kind: string; message: string; raisedAt: Date }[]> {
  return tx.query<{ id: string; kind: string; message: string; raisedAt: Date }>({
    name: "alarms_of_payment",
    text: `select id, kind, message, raised_at as "raisedAt" from alarms
      where subject_kind = 'payment' and subject_id = $1 and partner_id = $2 and mode = $3 and cleared_at is null order by raised_at`,
    values: [payment.id, payment.partnerId, payment.mode],
  });
}

/** What the timeline of a payment is made of. */
export async function readTimelineRows(tx: Transaction, scope: TenantScope, payment: PaymentRow) {
  const [calls, inbox, events, deliveries, audit] = await Promise.all([
    tx.query<{
      id: number;
      operationId: string;
      kind: string;
      attempt: number;
      outcome: string;
      method: string;
      path: string;
      httpStatus: number | null;
      request: unknown;
      response: unknown;
      klarnaCorrelationId: string | null;
      klarnaErrorId: string | null;
      durationMs: number;
      createdAt: Date;
      idempotencyKey: string;
    }>({
      name: "timeline_calls",
      text: `select c.id, c.operation_id as "operationId", o.kind, c.attempt, c.outcome, c.method, c.path, c.http_status as "httpStatus", c.request,
          c.response, c.klarna_correlation_id as "klarnaCorrelationId", c.klarna_error_id as "klarnaErrorId", c.duration_ms as "durationMs",
          c.created_at as "createdAt", o.idempotency_key as "idempotencyKey"
        from klarna_calls c join klarna_operations o on o.id = c.operation_id
        where o.partner_id = $1 and o.mode = $2 and o.payment_id = $3 order by c.id limit 500`,
      values: [payment.partnerId, payment.mode, payment.id],
    }),
    tx.query<{
      id: string;
      eventId: string;
      eventType: string;
      state: string;
      note: string | null;
      occurredAt: Date;
      receivedAt: Date;
    }>({
      name: "timeline_inbox",
      text: `select id, event_id as "eventId", event_type as "eventType", state, note, occurred_at as "occurredAt", received_at as "receivedAt"
        from inbox_events where payment_id = $1 and mode = $2 order by received_at limit 500`,
      values: [payment.id, payment.mode],
    }),
    tx.query<{ id: string; type: string; payload: unknown; createdAt: Date; sequence: number }>({
      name: "timeline_events",
      text: `select id, type, payload, created_at as "createdAt", sequence from outbox_events
        where partner_id = $1 and mode = $2 and (subject_id = $3 or subject_id in (select id from refunds where payment_id = $3)
          or subject_id in (select id from captures where payment_id = $3)) order by position limit 500`,
      values: [payment.partnerId, payment.mode, payment.id],
    }),
    tx.query<{
      id: string;
      eventId: string;
      state: string;
      attempts: number;
      url: string;
      createdAt: Date;
      deliveredAt: Date | null;
    }>({
      name: "timeline_deliveries",
      text: `select d.id, d.event_id as "eventId", d.state, d.attempts, w.url, d.created_at as "createdAt", d.delivered_at as "deliveredAt"
        from webhook_deliveries d join webhook_endpoints w on w.id = d.endpoint_id
        where d.partner_id = $1 and d.mode = $2 and d.subject_id = $3 order by d.created_at limit 500`,
      values: [payment.partnerId, payment.mode, payment.id],
    }),
    tx.query<{
      id: string;
      action: string;
      actorKind: string;
      actorId: string;
      actorName: string | null;
      way: string;
      requestId: string | null;
      before: unknown;
      after: unknown;
      createdAt: Date;
    }>({
      name: "timeline_audit",
      // A Partner's people see the names of their own colleagues only.
      text: `select e.id, e.action, e.actor_kind as "actorKind", e.actor_id as "actorId", e.way, e.request_id as "requestId", e.before, e.after,
          e.created_at as "createdAt", coalesce(k.name, t.label, case when u.id is null then null
            when $2::text[] is null or exists (select 1 from user_partners x where x.user_id = u.id and x.partner_id = any($2)) then u.name
            else 'Acquirer staff' end) as "actorName"
        from audit_entries e left join users u on e.actor_kind = 'USER' and u.id = e.actor_id
        left join api_keys k on e.actor_kind = 'API_KEY' and k.id = e.actor_id
        left join paired_devices d on e.actor_kind = 'DEVICE' and d.id = e.actor_id left join terminals t on t.id = d.terminal_id
        where e.subject_id = $1 order by e.position limit 500`,
      values: [payment.id, scope.partners === "all" ? null : scope.partners],
    }),
  ]);
  return { calls, inbox, events, deliveries, audit };
}
