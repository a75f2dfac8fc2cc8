import type { TenantScope } from "@/server/auth/permissions";
import type { Mode } from "@/server/core/schema";
import type { Database, Row } from "@/server/db/client";
import type { Funnel, SearchHit } from "./schema";

type Reader = Pick<Database, "query">;

/** `$1` and `$2` of every statement here: the mode, and the Partners (null for all). */
const scopeValues = (scope: TenantScope): [Mode, readonly string[] | null] => [
  scope.mode,
  scope.partners === "all" ? null : scope.partners,
];
const inScope = (alias: string): string =>
  `${alias}.mode = $1 and ($2::text[] is null or ${alias}.partner_id = any($2))`;

const APPROVED = "('AUTHORIZED','AUTHORIZATION_EXPIRED','COMPLETED','VOIDED')";

export type DayRow = {
  day: string;
  /** Of the span that is looked at, of the one before it, or only of the charts. */
  span: "now" | "before" | "earlier";
  currency: string;
  payments: number;
  approved: number;
  declined: number;
  captured: number;
  refunded: number;
};

/** Payments by day, span and currency, from the first day of the charts or of the span before on. */
export function findDays(
  db: Reader,
  scope: TenantScope,
  span: { first: Date; before: Date; from: Date; to: Date },
): Promise<DayRow[]> {
  return db.query<Row & DayRow>({
    name: "overview_days",
    text: `select (p.created_at at time zone 'UTC')::date::text as day,
             case when p.created_at >= $4 then 'now' when p.created_at >= $3 then 'before' else 'earlier' end as span, p.currency,
             count(*)::int as payments,
             count(*) filter (where p.state in ${APPROVED})::int as approved,
             count(*) filter (where p.state = 'DECLINED')::int as declined,
             sum(p.amount_captured)::bigint as captured,
             sum(p.amount_refunded)::bigint as refunded
           from payments p
           where ${inScope("p")} and p.created_at >= $6 and p.created_at <= $5
           group by 1, 2, 3`,
    values: [...scopeValues(scope), span.before, span.from, span.to, span.first],
  });
}

/** Median of the time from the end of the customer's journey to Klarna's final answer, in milliseconds. */
export async function findFinalizing(
  db: Reader,
  scope: TenantScope,
  span: { before: Date; from: Date; to: Date },
): Promise<{ medianMs: number | null; medianBeforeMs: number | null }> {
  const [row] = await db.query<Row & { now: number | null; before: number | null }>({
    name: "overview_finalizing",
    text: `select percentile_cont(0.5) within group (order by t.ms) filter (where t.is_now) as now,
                  percentile_cont(0.5) within group (order by t.ms) filter (where not t.is_now) as before
           from (
             select p.created_at >= $4 as is_now, extract(epoch from o.settled_at - p.journey_completed_at)::float8 * 1000 as ms
             from payments p join klarna_operations o on o.payment_id = p.id and o.kind = 'FINAL_AUTHORIZE' and o.state = 'SUCCEEDED'
             where ${inScope("p")} and p.created_at >= $3 and p.created_at <= $5 and o.settled_at >= p.journey_completed_at
           ) t`,
    values: [...scopeValues(scope), span.before, span.from, span.to],
  });
  return { medianMs: row?.now ?? null, medianBeforeMs: row?.before ?? null };
}

/** Customers that were asked to step up, opened the journey, finished it, and paid. Each contains the next. */
export async function findFunnel(db: Reader, scope: TenantScope, span: { from: Date; to: Date }): Promise<Funnel> {
  const [row] = await db.query<Row & Funnel>({
    name: "overview_funnel",
    text: `select count(*)::int as asked,
             count(*) filter (where t.entered)::int as entered,
             count(*) filter (where t.finished)::int as finished,
             count(*) filter (where t.paid)::int as paid
           from (
             select p.journey_completed_at is not null as finished,
               p.journey_completed_at is not null and p.state in ${APPROVED} as paid,
               p.journey_completed_at is not null or p.state = 'IN_PROGRESS'
                 or exists (select 1 from outbox_events e where e.subject_id = p.id and e.type = 'payment.in_progress') as entered
             from payments p
             where ${inScope("p")} and p.created_at >= $3 and p.created_at <= $4 and p.klarna_payment_request_id is not null
           ) t`,
    values: [...scopeValues(scope), span.from, span.to],
  });
  return row ?? { asked: 0, entered: 0, finished: 0, paid: 0 };
}

export async function countDeliveries(
  db: Reader,
  scope: TenantScope,
  since: Date,
): Promise<{ delivered: number; failed: number; pending: number }> {
  const [row] = await db.query<Row & { delivered: number; failed: number; pending: number }>({
    name: "overview_deliveries",
    text: `select count(*) filter (where d.state = 'DELIVERED')::int as delivered,
             count(*) filter (where d.state = 'FAILED')::int as failed,
             count(*) filter (where d.state = 'PENDING')::int as pending
           from webhook_deliveries d where ${inScope("d")} and d.created_at >= $3`,
    values: [...scopeValues(scope), since],
  });
  return row ?? { delivered: 0, failed: 0, pending: 0 };
}

export type WaitingRow = {
  kind: string;
  count: number;
  at: Date | null;
  id: string | null;
  subjectKind: string | null;
  message: string | null;
};

/** Everything that may wait for a person, one row a kind, in one statement. Kinds of alarms are prefixed. */
export function findWaiting(
  db: Reader,
  scope: TenantScope,
  at: { now: Date; authorizationsBefore: Date; unknownSince: Date; keysBefore: Date },
  /** Whose decision on which kinds of requests is waited for: never on their own. */
  decider: { id: string; kinds: readonly string[] },
): Promise<WaitingRow[]> {
  return db.query<Row & WaitingRow>({
    name: "overview_waiting",
    text: `
      select 'alarm:' || a.kind as kind, count(*)::int as count, min(a.raised_at) as at,
        case when count(*) = 1 then min(a.subject_id) end as id, min(a.subject_kind) as "subjectKind", min(a.message) as message
      from alarms a where a.cleared_at is null and (a.mode is null or a.mode = $1) and ($2::text[] is null or a.partner_id = any($2))
      group by a.kind
      union all
      select 'late_approval', count(*)::int, min(p.updated_at), case when count(*) = 1 then min(p.id) end, 'payment', null
      from payments p where ${inScope("p")} and p.late_approval_state = 'FOUND'
      union all
      select 'unknown_operation', count(*)::int, min(o.opened_at), case when count(*) = 1 then min(o.payment_id) end, 'payment', null
      from klarna_operations o where ${inScope("o")} and o.state = 'UNKNOWN' and o.opened_at < $5
      union all
      select 'authorization_ends', count(*)::int, min(p.authorization_expires_at), case when count(*) = 1 then min(p.id) end, 'payment', null
      from payments p where ${inScope("p")} and p.state = 'AUTHORIZED' and p.authorization_expires_at between $3 and $4
      union all
      select 'failing_endpoint', count(*)::int, min(w.failing_since), case when count(*) = 1 then min(w.id) end, 'webhook_endpoint', null
      from webhook_endpoints w where ${inScope("w")} and w.deleted_at is null and w.state = 'ENABLED' and w.failing_since is not null
      union all
      select 'disabled_endpoint', count(*)::int, min(w.updated_at), case when count(*) = 1 then min(w.id) end, 'webhook_endpoint', null
      from webhook_endpoints w where ${inScope("w")} and w.deleted_at is null and w.state = 'DISABLED' and w.disabled_reason in ('gone','failing')
      union all
      select 'expiring_key', count(*)::int, min(k.expires_at), case when count(*) = 1 then min(k.id) end, 'api_key', null
      from api_keys k where ${inScope("k")} and k.revoked_at is null and k.expires_at between $3 and $6
      union all
      select 'pending_approval', count(*)::int, min(v.expires_at), case when count(*) = 1 then min(v.id) end, 'approval', null
      from approvals v where ${inScope("v")} and v.state = 'PENDING' and v.expires_at > $3 and v.requested_by <> $7 and v.kind = any($8)
      union all
      select 'store_without_qr', count(*)::int, min(s.created_at), case when count(*) = 1 then min(s.id) end, 'store', null
      from stores s join partners q on q.id = s.partner_id and q.state = 'OPERATIONAL'
      where ${inScope("s")} and s.type = 'PHYSICAL' and s.status = 'ACTIVE'
        and not exists (select 1 from terminals d where d.partner_id = s.partner_id and d.mode = s.mode and d.store_id = s.id
          and d.can_show_qr and d.status <> 'ARCHIVED')
      union all
      select 'disabled_account', count(*)::int, min(c.updated_at), case when count(*) = 1 then min(c.partner_id) end, 'partner', null
      from partner_accounts c join partners t on t.id = c.partner_id and t.state = 'OPERATIONAL'
      where ${inScope("c")} and (c.state = 'DISABLED' or c.product_state = 'DISABLED')`,
    values: [
      ...scopeValues(scope),
      at.now,
      at.authorizationsBefore,
      at.unknownSince,
      at.keysBefore,
      decider.id,
      decider.kinds,
    ],
  });
}

/** How many alarms are open and endpoints fail: the counts of the menu. */
export async function countWaiting(
  db: Reader,
  scope: TenantScope,
): Promise<{ alarms: number; failingEndpoints: number }> {
  const [row] = await db.query<Row & { alarms: number; failingEndpoints: number }>({
    name: "overview_menu",
    text: `select
        (select count(*)::int from alarms a where a.cleared_at is null and (a.mode is null or a.mode = $1) and ($2::text[] is null or a.partner_id = any($2))) as alarms,
        (select count(*)::int from webhook_endpoints w where ${inScope("w")} and w.deleted_at is null
           and (w.failing_since is not null or w.disabled_reason in ('gone','failing'))) as "failingEndpoints"`,
    values: scopeValues(scope),
  });
  return row ?? { alarms: 0, failingEndpoints: 0 };
}

const HITS_PER_KIND = 5;

/** Records by id, reference or the start of a name; ids and references of payments whole, because they are many. */
export function findHits(
  db: Reader,
  scope: TenantScope,
  text: string,
  kinds: readonly SearchHit["kind"][],
): Promise<SearchHit[]> {
  return db.query<Row & SearchHit>({
    name: "overview_search",
    text: `
      (select p.id, 'payment' as kind, p.reference as label, t.name as hint from payments p join partners t on t.id = p.partner_id
       where 'payment' = any($5) and ${inScope("p")}
         and (p.id = $3 or p.klarna_payment_request_id = $3 or p.klarna_payment_transaction_id = $3
           or p.partner_id in (select a.partner_id from partner_accounts a where a.mode = $1 and ($2::text[] is null or a.partner_id = any($2))) and p.reference = $3)
       order by p.created_at desc limit ${HITS_PER_KIND})
      union all
      (select t.id, 'partner', t.name, t.reference from partners t
       where 'partner' = any($5) and ($2::text[] is null or t.id = any($2))
         and (t.id = $3 or t.name ilike $4 or t.reference ilike $4
           or exists (select 1 from partner_accounts a where a.partner_id = t.id and a.klarna_partner_account_id = $3))
       order by t.name limit ${HITS_PER_KIND})
      union all
      (select s.id, 'store', s.name, s.reference from stores s
       where 'store' = any($5) and ${inScope("s")} and (s.id = $3 or s.name ilike $4 or s.reference ilike $4 or s.klarna_store_id = $3)
       order by s.name limit ${HITS_PER_KIND})
      union all
      (select r.id, 'terminal', r.label, s.name || ' · ' || r.reference from terminals r join stores s on s.id = r.store_id
       where 'terminal' = any($5) and ${inScope("r")} and (r.id = $3 or r.label ilike $4 or r.reference ilike $4)
       order by r.label limit ${HITS_PER_KIND})`,
    values: [...scopeValues(scope), text, `%${text.replace(/[\\%_]/g, "\\$&")}%`, kinds],
  });
}
