import type { TenantScope } from "@/server/auth/permissions";
import { type Cursor, decodeCursor } from "@/server/core/pagination";
import type { Transaction } from "@/server/db/client";
import { RECORD_SELECT, TENANT, tenantValues } from "./repository";
import type { PaymentRecord, PaymentRow } from "./rows";
import type { PaymentFilter } from "./schema";

/* Lists, totals and the timeline: the reads of screens and of the API's lists. */

type ListFilter = PaymentFilter & { states: readonly string[] | null };

function filterClause(scope: TenantScope, filter: ListFilter): { text: string; values: unknown[] } {
  const values: unknown[] = [...tenantValues(scope)];
  const parts = [TENANT];
  const add = (clause: (placeholder: string) => string, value: unknown): void => {
    if (value === undefined || value === null || value === "") return;
    values.push(value);
    parts.push(clause(`$${values.length}`));
  };
  add((v) => `p.state = any(${v})`, filter.states?.length ? filter.states : null);
  add((v) => `p.created_at >= ${v}`, filter.created_from);
  add((v) => `p.created_at < ${v}`, filter.created_to);
  add((v) => `(p.store_id = ${v} or s.reference = ${v})`, filter.store);
  add((v) => `(p.terminal_id = ${v} or t.reference = ${v})`, filter.terminal);
  add((v) => `p.reference = ${v}`, filter.reference);
  add((v) => `p.partner_id = ${v}`, filter.partner);
  add((v) => `p.partner_id = any(${v})`, filter.partners?.length ? filter.partners : null);
  add((v) => `p.store_id = any(${v})`, filter.stores?.length ? filter.stores : null);
  add((v) => `p.terminal_id = any(${v})`, filter.terminals?.length ? filter.terminals : null);
  add((v) => `p.amount >= ${v}`, filter.amount_min);
  add((v) => `p.amount <= ${v}`, filter.amount_max);
  add((v) => `p.currency = ${v}`, filter.currency);
  add(
    (v) =>
      `(p.id = ${v} or p.reference = ${v} or p.klarna_payment_request_id = ${v} or p.klarna_payment_transaction_id = ${v} or p.reference ilike ${v} || '%')`,
    filter.search,
  );
  return { text: parts.join(" and "), values };
}

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
  return tx.query<PaymentRecord>({
    text: `${RECORD_SELECT} where ${where.text}${after} order by p.created_at desc, p.id desc limit ${limit}`,
    values,
  });
}

/** Number (counted to 10,000) and sums by currency of everything the filter finds. */
export async function totalPayments(
  tx: Transaction,
  scope: TenantScope,
  filter: ListFilter,
): Promise<{ count: number; sums: { currency: string; amount: number; captured: number; refunded: number }[] }> {
  const where = filterClause(scope, filter);
  const rows = await tx.query<{ currency: string; count: number; amount: number; captured: number; refunded: number }>({
    text: `select currency, count(*) as count, sum(amount)::bigint as amount, sum(amount_captured)::bigint as captured,
        sum(amount_refunded)::bigint as refunded
      from (select p.currency, p.amount, p.amount_captured, p.amount_refunded from payments p
        left join stores s on s.id = p.store_id left join terminals t on t.id = p.terminal_id where ${where.text} limit 10000) found
      group by currency order by count(*) desc`,
    values: where.values,
  });
  return {
    count: rows.reduce((all, row) => all + row.count, 0),
    sums: rows.map(({ currency, amount, captured, refunded }) => ({ currency, amount, captured, refunded })),
  };
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
          e.created_at as "createdAt", coalesce(k.name, case when u.id is null then null
            when $2::text[] is null or exists (select 1 from user_partners x where x.user_id = u.id and x.partner_id = any($2)) then u.name
            else 'Acquirer staff' end) as "actorName"
        from audit_entries e left join users u on e.actor_kind = 'USER' and u.id = e.actor_id
        left join api_keys k on e.actor_kind = 'API_KEY' and k.id = e.actor_id
        where e.subject_id = $1 order by e.position limit 500`,
      values: [payment.id, scope.partners === "all" ? null : scope.partners],
    }),
  ]);
  return { calls, inbox, events, deliveries, audit };
}
