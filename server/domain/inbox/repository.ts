import type { TenantScope } from "@/server/auth/permissions";
import { LIST_TOTAL_MAX } from "@/server/core/pagination";
import type { Mode } from "@/server/core/schema";
import type { Row, Transaction } from "@/server/db/client";
import type { InboxEffect, InboxFilter, InboxItem, SigningKeyItem, SweepResult, SweepRun } from "./schema";
import type { SubscriptionVerdict } from "./states";

const ITEM = `i.id, i.event_id as "eventId", i.event_type as "eventType", i.state, i.attempts, i.note, i.payment_id as "paymentId",
  i.payment_request_id as "paymentRequestId", i.payment_transaction_id as "paymentTransactionId", i.signing_key_id as "signingKeyId",
  i.unhandled as "isUnhandled", i.replays, i.occurred_at as "occurredAt", i.received_at as "createdAt", i.processed_at as "processedAt"`;

type Where = { text: string; values: unknown[] };
const escapeLike = (text: string): string => text.replace(/[\\%_]/g, "\\$&");

/** Events of the scope's mode; for people of Partners only those about their own payments. */
function whereOf(scope: TenantScope, filter: InboxFilter): Where {
  const values: unknown[] = [];
  const bind = (value: unknown): string => `$${values.push(value)}`;
  const parts = [`i.mode = ${bind(scope.mode)}`];
  if (scope.partners !== "all") {
    parts.push(
      `exists (select 1 from payments p where p.id = i.payment_id and p.mode = i.mode and p.partner_id = any(${bind(scope.partners)}::text[]))`,
    );
  }
  if (filter.search) {
    const whole = bind(filter.search);
    parts.push(`${whole} in (i.id, i.event_id, i.payment_id, i.payment_request_id, i.payment_transaction_id)`);
  }
  if (filter.state?.length) parts.push(`i.state = any(${bind(filter.state)}::text[])`);
  if (filter.type) parts.push(`i.event_type ilike ${bind(`%${escapeLike(filter.type)}%`)}`);
  if (filter.payment) parts.push(`i.payment_id = ${bind(filter.payment)}`);
  if (filter.key) parts.push(`i.signing_key_id like ${bind(`%${escapeLike(filter.key)}`)}`);
  if (filter.unhandled !== undefined) parts.push(filter.unhandled ? "i.unhandled" : "not i.unhandled");
  if (filter.createdFrom) parts.push(`i.received_at >= ${bind(new Date(filter.createdFrom))}`);
  if (filter.createdTo) parts.push(`i.received_at < ${bind(new Date(filter.createdTo))}`);
  return { text: parts.join(" and "), values };
}

export async function findEvents(
  tx: Transaction,
  scope: TenantScope,
  filter: InboxFilter,
  page: { limit: number; after: { createdAt: Date; id: string } | null },
): Promise<InboxItem[]> {
  const { text, values } = whereOf(scope, filter);
  const bind = (value: unknown): string => `$${values.push(value)}`;
  const after =
    page.after === null ? "" : `and (i.received_at, i.id) < (${bind(page.after.createdAt)}, ${bind(page.after.id)})`;
  return tx.query<Row & InboxItem>({
    text: `select ${ITEM} from inbox_events i where ${text} ${after} order by i.received_at desc, i.id desc limit ${bind(page.limit)}`,
    values,
  });
}

export async function countEvents(tx: Transaction, scope: TenantScope, filter: InboxFilter): Promise<number> {
  const { text, values } = whereOf(scope, filter);
  const [row] = await tx.query<Row & { total: number }>({
    text: `select count(*)::int as total from (select 1 from inbox_events i where ${text} limit ${LIST_TOTAL_MAX}) found`,
    values,
  });
  return row?.total ?? 0;
}

export type EventRow = InboxItem & {
  mode: Mode;
  subjectAccountId: string | null;
  partnerName: string | null;
  replayedAt: Date | null;
  nextAttemptAt: Date | null;
  rawBody: Buffer;
};

export async function findEvent(tx: Transaction, scope: TenantScope, id: string): Promise<EventRow | null> {
  const { text, values } = whereOf(scope, {});
  const [row] = await tx.query<Row & EventRow>({
    text: `select ${ITEM}, i.mode, i.subject_account_id as "subjectAccountId", i.replayed_at as "replayedAt",
        i.next_attempt_at as "nextAttemptAt", i.raw_body as "rawBody",
        (select t.name from partner_accounts a join partners t on t.id = a.partner_id
          where a.klarna_partner_account_id = i.subject_account_id and a.mode = i.mode limit 1) as "partnerName"
      from inbox_events i where ${text} and i.id = $${values.length + 1}`,
    values: [...values, id],
  });
  return row ?? null;
}

/** What was written here because of this event: entries of the audit and events for Partners that name it. */
export async function findEffects(
  tx: Transaction,
  event: { id: string; mode: Mode; paymentId: string | null },
): Promise<InboxEffect[]> {
  if (event.paymentId === null) return [];
  return tx.query<Row & InboxEffect>({
    text: `with things as (
        select $1::text as id union all select id from captures where payment_id = $1 union all select id from refunds where payment_id = $1)
      select * from (
        select 'audit' as kind, e.id, e.action, null::text as type, e.subject_kind as "subjectKind", e.subject_id as "subjectId",
          e.before, e.after, 0 as deliveries, e.created_at as at, e.position
        from audit_entries e where e.subject_id in (select id from things) and e.request_id = $2 and e.mode = $3
        union all
        select 'event', o.id, null, o.type, o.subject_kind, o.subject_id, null, null,
          (select count(*)::int from webhook_deliveries d where d.event_id = o.id), o.created_at, o.position
        from outbox_events o where o.subject_id in (select id from things) and o.request_id = $2 and o.mode = $3
      ) effects order by at, kind, position limit 100`,
    values: [event.paymentId, event.id, event.mode],
  });
}

export async function findReplays(tx: Transaction, id: string): Promise<{ at: Date; name: string; before: unknown }[]> {
  return tx.query<Row & { at: Date; name: string; before: unknown }>({
    text: `select e.created_at as at, coalesce(u.name, e.actor_id) as name, e.before from audit_entries e left join users u on u.id = e.actor_id
      where e.subject_id = $1 and e.action = 'inbox_event.replayed' order by e.position desc limit 50`,
    values: [id],
  });
}

export type ReplayedRow = { id: string; state: string; note: string | null; eventType: string };

/** Puts events back to where they were when they came. Those that wait for their turn now are left. Returns how they stood. */
export async function resetEvents(
  tx: Transaction,
  scope: TenantScope,
  what: { ids: readonly string[] } | { filter: InboxFilter },
  input: { now: Date; limit: number },
): Promise<ReplayedRow[]> {
  const { text, values } = whereOf(scope, "filter" in what ? what.filter : {});
  const bind = (value: unknown): string => `$${values.push(value)}`;
  const only = "ids" in what ? `and i.id = any(${bind(what.ids)}::text[])` : "";
  return tx.query<Row & ReplayedRow>({
    text: `with chosen as (
        select i.id, i.state, i.note, i.event_type from inbox_events i where ${text} ${only} and i.state <> 'RECEIVED'
        order by i.received_at, i.id limit ${bind(input.limit)} for update),
      reset as (
        update inbox_events e set state = 'RECEIVED', note = null, processed_at = null, attempts = 0, next_attempt_at = ${bind(input.now)},
          replays = e.replays + 1, replayed_at = ${bind(input.now)} from chosen c where c.id = e.id returning e.id)
      select c.id, c.state, c.note, c.event_type as "eventType" from chosen c join reset r on r.id = c.id`,
    values,
  });
}

export async function readBacklog(
  tx: Transaction,
  mode: Mode,
): Promise<{ waiting: number; oldestWaitingAt: Date | null; parked: number; failed: number }> {
  const [row] = await tx.query<Row & { waiting: number; oldestWaitingAt: Date | null; parked: number; failed: number }>(
    {
      name: "inbox_backlog",
      text: `select
        (select count(*)::int from inbox_events where mode = $1 and next_attempt_at is not null and state = 'RECEIVED') as waiting,
        (select min(coalesce(replayed_at, received_at)) from inbox_events where mode = $1 and next_attempt_at is not null and state = 'RECEIVED') as "oldestWaitingAt",
        (select count(*)::int from inbox_events where mode = $1 and state = 'PARKED') as parked,
        (select count(*)::int from inbox_events where mode = $1 and state = 'FAILED') as failed`,
      values: [mode],
    },
  );
  return row ?? { waiting: 0, oldestWaitingAt: null, parked: 0, failed: 0 };
}

const TYPES_MAX = 50;

export function countUnhandledTypes(
  tx: Transaction,
  mode: Mode,
): Promise<{ type: string; count: number; lastAt: Date }[]> {
  return tx.query<Row & { type: string; count: number; lastAt: Date }>({
    name: "inbox_unhandled_types",
    text: `select event_type as type, count(*)::int as count, max(received_at) as "lastAt" from inbox_events
      where mode = $1 and unhandled group by event_type order by count(*) desc, event_type limit ${TYPES_MAX}`,
    values: [mode],
  });
}

export function countTypes(tx: Transaction, mode: Mode, since: Date): Promise<{ type: string; count: number }[]> {
  return tx.query<Row & { type: string; count: number }>({
    name: "inbox_types",
    text: `select event_type as type, count(*)::int as count from inbox_events where mode = $1 and received_at >= $2
      group by event_type order by count(*) desc, event_type limit ${TYPES_MAX}`,
    values: [mode, since],
  });
}

// --- signing keys ----------------------------------------------------------------------------------------------------------

export async function findKeys(tx: Transaction, mode: Mode): Promise<SigningKeyItem[]> {
  return tx.query<Row & SigningKeyItem>({
    name: "klarna_keys",
    text: `select k.id, k.mode, k.state, k.source, k.created_at as "createdAt", coalesce(u.name, k.created_by) as "createdBy",
        k.last_used_at as "lastUsedAt", k.retire_at as "retireAt", k.retired_at as "retiredAt", coalesce(r.name, k.retired_by) as "retiredBy",
        k.state = 'ACTIVE' and k.id is not distinct from s.signing_key_id as "isCurrent"
      from klarna_signing_keys k left join klarna_subscriptions s on s.mode = k.mode
      left join users u on u.id = k.created_by left join users r on r.id = k.retired_by
      where k.mode = $1 order by k.state, "isCurrent" desc nulls last, k.created_at desc, k.id`,
    values: [mode],
  });
}

/** False when the id is known already. */
export async function insertKey(
  tx: Transaction,
  key: { id: string; mode: Mode; secret: string; source: "KLARNA" | "HAND"; createdBy: string; createdAt: Date },
): Promise<boolean> {
  const rows = await tx.query({
    text: `insert into klarna_signing_keys (id, mode, secret, state, source, created_by, created_at) values ($1,$2,$3,'ACTIVE',$4,$5,$6)
      on conflict (id) do nothing returning id`,
    values: [key.id, key.mode, key.secret, key.source, key.createdBy, key.createdAt],
  });
  return rows.length === 1;
}

/** Gives the keys that Klarna made for us before this one an end. Returns their ids. */
export async function planRetirement(
  tx: Transaction,
  input: { mode: Mode; except: string; at: Date },
): Promise<string[]> {
  const rows = await tx.query<Row & { id: string }>({
    text: `update klarna_signing_keys set retire_at = $3
      where mode = $1 and id <> $2 and state = 'ACTIVE' and source = 'KLARNA' and retire_at is null returning id`,
    values: [input.mode, input.except, input.at],
  });
  return rows.map((row) => row.id);
}

export async function retireKey(
  tx: Transaction,
  input: { mode: Mode; id: string; by: string; now: Date },
): Promise<boolean> {
  const rows = await tx.query({
    text: `update klarna_signing_keys set state = 'RETIRED', retired_at = $4, retired_by = $3 where mode = $1 and id = $2 and state = 'ACTIVE' returning id`,
    values: [input.mode, input.id, input.by, input.now],
  });
  return rows.length === 1;
}

// --- the subscription --------------------------------------------------------------------------------------------------------

/** Lets one process at a time repair. Returns whether this one may. */
export async function takeLease(tx: Transaction, mode: Mode, now: Date, until: Date): Promise<boolean> {
  const rows = await tx.query({
    text: `insert into klarna_subscriptions (mode, lease_until) values ($1, $3)
      on conflict (mode) do update set lease_until = $3 where klarna_subscriptions.lease_until is null or klarna_subscriptions.lease_until <= $2
      returning mode`,
    values: [mode, now, until],
  });
  return rows.length === 1;
}

export async function endLease(tx: Transaction, mode: Mode, until: Date): Promise<void> {
  await tx.query({
    text: "update klarna_subscriptions set lease_until = null where mode = $1 and lease_until = $2",
    values: [mode, until],
  });
}

export async function noteCheck(
  tx: Transaction,
  check: {
    mode: Mode;
    verdict: SubscriptionVerdict;
    webhookId: string | null;
    signingKeyId: string | null;
    detail: string | null;
    at: Date;
  },
): Promise<void> {
  await tx.query({
    text: `insert into klarna_subscriptions (mode, verdict, webhook_id, signing_key_id, detail, checked_at) values ($1,$2,$3,$4,$5,$6)
      on conflict (mode) do update set verdict = $2, detail = $5, checked_at = $6,
        webhook_id = case when $2 = 'UNREACHABLE' then klarna_subscriptions.webhook_id else $3 end,
        signing_key_id = case when $2 = 'UNREACHABLE' then klarna_subscriptions.signing_key_id else $4 end`,
    values: [check.mode, check.verdict, check.webhookId, check.signingKeyId, check.detail, check.at],
  });
}

export type SubscriptionNote = { verdict: SubscriptionVerdict; detail: string | null; checkedAt: Date | null };

export async function findCheck(tx: Transaction, mode: Mode): Promise<SubscriptionNote> {
  const [row] = await tx.query<Row & SubscriptionNote>({
    name: "klarna_subscription",
    text: `select verdict, detail, checked_at as "checkedAt" from klarna_subscriptions where mode = $1`,
    values: [mode],
  });
  return row ?? { verdict: "UNKNOWN", detail: null, checkedAt: null };
}

/** The intent to have a key made: the one that is open, while Klarna still knows its idempotency key, or this new one. */
export async function openKeyRequest(
  tx: Transaction,
  input: { mode: Mode; id: string; now: Date; notBefore: Date },
): Promise<string> {
  const [row] = await tx.query<Row & { id: string }>({
    text: `insert into klarna_subscriptions (mode, key_request_id, key_requested_at) values ($1,$2,$3)
      on conflict (mode) do update set
        key_request_id = case when klarna_subscriptions.key_requested_at > $4 then klarna_subscriptions.key_request_id else $2 end,
        key_requested_at = case when klarna_subscriptions.key_requested_at > $4 then klarna_subscriptions.key_requested_at else $3 end
      returning key_request_id as id`,
    values: [input.mode, input.id, input.now, input.notBefore],
  });
  return row?.id ?? input.id;
}

export async function closeKeyRequest(tx: Transaction, mode: Mode): Promise<void> {
  await tx.query({
    text: "update klarna_subscriptions set key_request_id = null, key_requested_at = null where mode = $1",
    values: [mode],
  });
}

// --- sweeps --------------------------------------------------------------------------------------------------------------------

export async function insertSweep(
  tx: Transaction,
  sweep: { id: string; mode: Mode; startedBy: string; startedAt: Date },
): Promise<void> {
  await tx.query({
    text: "insert into klarna_sweeps (id, mode, started_by, started_at) values ($1,$2,$3,$4)",
    values: [sweep.id, sweep.mode, sweep.startedBy, sweep.startedAt],
  });
}

export async function endSweep(
  tx: Transaction,
  sweep: { id: string; results: readonly SweepResult[]; endedAt: Date },
): Promise<void> {
  await tx.query({
    text: "update klarna_sweeps set results = $2, ended_at = $3 where id = $1",
    values: [sweep.id, JSON.stringify(sweep.results), sweep.endedAt],
  });
}

export async function findSweeps(tx: Transaction, mode: Mode, limit: number): Promise<SweepRun[]> {
  return tx.query<Row & SweepRun>({
    name: "klarna_sweeps",
    text: `select s.id, s.mode, coalesce(u.name, s.started_by) as "startedBy", s.started_at as "startedAt", s.ended_at as "endedAt", s.results
      from klarna_sweeps s left join users u on u.id = s.started_by where s.mode = $1 order by s.started_at desc limit $2`,
    values: [mode, limit],
  });
}
