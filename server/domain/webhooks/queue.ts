import type { Services } from "@/server/context";
import { newId } from "@/server/core/ids";
import type { Mode } from "@/server/core/schema";
import { addMs } from "@/server/core/time";
import type { Database, Row } from "@/server/db/client";
import { DISABLE_AFTER_MS } from "./schedule";
import type { AttemptOutcome } from "./schema";

/*
 * The queue of owed deliveries, worked by our own process for all Partners: it takes no tenant, each row brings its own.
 */

/** After this many failures in a row an endpoint gets one try at a time, until one succeeds. */
export const BREAKER_FAILURES = 10;

export type Claim = {
  id: string;
  partnerId: string;
  mode: Mode;
  endpointId: string;
  eventId: string;
  eventType: string;
  subjectId: string;
  sequence: number;
  attempts: number;
  /** Tries before the last replay: the schedule counts from there. */
  scheduleBase: number;
  claimedUntil: Date;
  url: string;
  headersSecret: string | null;
  secret: string;
  previousSecret: string | null;
  previousSecretUntil: Date | null;
  eventCreatedAt: Date;
  subjectKind: string;
  payload: unknown;
};

/** Endpoints that are owed something, found by steps through the index of what is pending: its size does not matter. */
const WAITING = `
  waiting(endpoint_id) as (
    (select endpoint_id from webhook_deliveries where state = 'PENDING' order by endpoint_id limit 1)
    union all
    select (select d.endpoint_id from webhook_deliveries d where d.state = 'PENDING' and d.endpoint_id > w.endpoint_id order by d.endpoint_id limit 1)
    from waiting w where w.endpoint_id is not null
  )`;
/**
 * An ordered endpoint gets the events of one subject one after the other: only when no earlier one is pending. The
 * endpoint is compared as an expression, which leaves the subject's index as the only way: right after a backlog arose
 * the planner's figures are stale, and the other index would read all that the endpoint is owed for each row.
 */
const IN_TURN = `(not w.ordered or not exists (
    select 1 from webhook_deliveries p
    where p.subject_id = d.subject_id and p.sequence < d.sequence and p.state = 'PENDING' and p.endpoint_id || '' = d.endpoint_id))`;

/**
 * Claims due deliveries: for each endpoint as many as its lane has room for, endpoints in chance order, so that nobody is
 * always last. A claim lasts `leaseMs`; a process that dies leaves it to end, and the delivery is sent again.
 */
export async function claimDue(
  db: Database,
  options: { now: Date; leaseMs: number; limit: number; laneWidth: number; busy: ReadonlyMap<string, number> },
): Promise<Claim[]> {
  return db.query<Row & Claim>({
    name: "webhooks_claim",
    text: `
      with recursive ${WAITING},
      lanes as (
        select w.*, (case when w.consecutive_failures >= ${BREAKER_FAILURES} then 1 else $3::int end) - coalesce(b.busy, 0) as room
        from waiting join webhook_endpoints w on w.id = waiting.endpoint_id and w.state = 'ENABLED' and w.deleted_at is null
        left join unnest($4::text[], $5::int[]) as b(id, busy) on b.id = w.id
        order by random()
      ),
      due as (
        select d.id from lanes w cross join lateral (
          select d.id from webhook_deliveries d
          where d.endpoint_id = w.id and d.state = 'PENDING' and d.next_attempt_at <= $1 and (d.claimed_until is null or d.claimed_until <= $1) and ${IN_TURN}
          order by d.next_attempt_at limit greatest(w.room, 0) for update of d skip locked
        ) d limit $6
      ),
      claimed as (update webhook_deliveries d set claimed_until = $2 from due where d.id = due.id returning d.*)
      select c.id, c.partner_id as "partnerId", c.mode, c.endpoint_id as "endpointId", c.event_id as "eventId", c.event_type as "eventType",
        c.subject_id as "subjectId", c.sequence, c.attempts, c.schedule_base as "scheduleBase", c.claimed_until as "claimedUntil",
        w.url, w.headers_secret as "headersSecret", w.secret, w.previous_secret as "previousSecret", w.previous_secret_until as "previousSecretUntil",
        e.created_at as "eventCreatedAt", e.subject_kind as "subjectKind", e.payload
      from claimed c join webhook_endpoints w on w.id = c.endpoint_id join outbox_events e on e.id = c.event_id
      order by c.next_attempt_at, c.id`,
    values: [
      options.now,
      addMs(options.now, options.leaseMs),
      options.laneWidth,
      [...options.busy.keys()],
      [...options.busy.values()],
      options.limit,
    ],
  });
}

/** When the next delivery that nobody holds and nothing precedes is due; null when nothing is owed. */
export async function findNextDueAt(db: Database, now: Date): Promise<Date | null> {
  const rows = await db.query<Row & { at: Date | null }>({
    name: "webhooks_next_due",
    text: `
      with recursive ${WAITING}
      select min(d.next_attempt_at) as at
      from waiting join webhook_endpoints w on w.id = waiting.endpoint_id and w.state = 'ENABLED' and w.deleted_at is null
      cross join lateral (
        select d.next_attempt_at from webhook_deliveries d
        where d.endpoint_id = w.id and d.state = 'PENDING' and (d.claimed_until is null or d.claimed_until <= $1) and ${IN_TURN}
        order by d.next_attempt_at limit 1
      ) d`,
    values: [now],
  });
  return rows[0]?.at ?? null;
}

export type AttemptResult = {
  claim: Claim;
  outcome: AttemptOutcome;
  status: number | null;
  answer: string | null;
  durationMs: number;
  startedAt: Date;
  /** Null when nothing was sent. */
  url: string | null;
  /** SHA-256 of the body that was sent. */
  bodyHash: Buffer | null;
  /** Null when it was delivered or is given up. */
  nextAttemptAt: Date | null;
};

/**
 * Writes down how tries ended: the attempt rows, the deliveries' states, the endpoints' health, and what follows from it
 * (an endpoint that is gone or has failed for five days is switched off, what it is still owed is given up, an alarm is
 * raised, a notice to its owner is due) in one statement.
 *
 * A claim that has ended meanwhile belongs to somebody else: its failure changes nothing, its success still counts.
 * Returns the ids of endpoints that were switched off.
 */
export async function recordAttempts(db: Database, results: readonly AttemptResult[], now: Date): Promise<string[]> {
  const rows = await db.query<Row & { id: string }>({
    name: "webhooks_record",
    text: `
      with results as materialized (
        select * from unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::int[], $6::text[], $7::int[], $8::timestamptz[], $9::timestamptz[],
            $14::text[], $15::bytea[])
          as r(id, endpoint_id, lease, outcome, status, answer, duration_ms, started_at, next_attempt_at, url, body_hash)
      ),
      health as materialized (
        select r.endpoint_id, bool_or(r.outcome = 'delivered') as works, bool_or(r.outcome = 'gone') as is_gone, count(*)::int as failures
        -- A body that we could not make is our fault, not the endpoint's.
        from results r where r.outcome <> 'render_failed' group by r.endpoint_id
      ),
      judged as (
        update webhook_endpoints w set
          consecutive_failures = case when h.works then 0 else w.consecutive_failures + h.failures end,
          failing_since = case when h.works then null else coalesce(w.failing_since, $10) end,
          state = case when h.is_gone or (not h.works and w.failing_since <= $11) then 'DISABLED' else w.state end,
          disabled_reason = case when h.is_gone then 'gone' when not h.works and w.failing_since <= $11 then 'failing' else w.disabled_reason end,
          notice_due_at = case when h.is_gone or (not h.works and w.failing_since <= $11) then $10 else w.notice_due_at end,
          updated_at = case when h.is_gone or (not h.works and w.failing_since <= $11) then $10 else w.updated_at end
        from health h
        where w.id = h.endpoint_id and w.state = 'ENABLED' and (not h.works or h.is_gone or w.consecutive_failures > 0 or w.failing_since is not null)
        returning w.id, w.partner_id, w.mode, w.state, w.disabled_reason
      ),
      moved as (
        -- What an endpoint that is switched off just now was tried for is given up with the rest.
        update webhook_deliveries d set
          attempts = d.attempts + 1,
          state = case when r.outcome = 'delivered' then 'DELIVERED' when r.next_attempt_at is null or j.state = 'DISABLED' then 'FAILED' else 'PENDING' end,
          next_attempt_at = case when j.state = 'DISABLED' then null else r.next_attempt_at end,
          claimed_until = null,
          delivered_at = case when r.outcome = 'delivered' then $10::timestamptz end,
          updated_at = $10
        from results r left join judged j on j.id = r.endpoint_id
        where d.id = r.id and ((r.outcome = 'delivered' and d.state <> 'DELIVERED') or (d.state = 'PENDING' and d.claimed_until = r.lease))
        returning d.id
      ),
      tried as (
        insert into webhook_attempts (delivery_id, partner_id, mode, number, status, outcome, answer, duration_ms, created_at, url, body_hash)
        select d.id, d.partner_id, d.mode, d.attempts + 1, r.status, r.outcome, r.answer, r.duration_ms, r.started_at, r.url, r.body_hash
        from results r join webhook_deliveries d on d.id = r.id
      ),
      given_up as (
        update webhook_deliveries d set state = 'FAILED', next_attempt_at = null, updated_at = $10
        from judged j where j.state = 'DISABLED' and d.endpoint_id = j.id and d.state = 'PENDING' and d.id <> all ($1::text[])
        returning d.id
      ),
      alarmed as (
        insert into alarms (id, kind, partner_id, mode, subject_kind, subject_id, message, raised_at)
        select a.alarm_id, 'webhook_endpoint_disabled', j.partner_id, j.mode, 'webhook_endpoint', j.id,
          case j.disabled_reason when 'gone' then 'The endpoint answered that it is gone (410) and was switched off.'
            else 'The endpoint has failed for five days and was switched off.' end, $10
        from judged j join unnest($12::text[], $13::text[]) as a(endpoint_id, alarm_id) on a.endpoint_id = j.id where j.state = 'DISABLED'
        on conflict (kind, subject_id) where cleared_at is null do nothing
      )
      select j.id from judged j where j.state = 'DISABLED'`,
    values: [
      results.map((r) => r.claim.id),
      results.map((r) => r.claim.endpointId),
      results.map((r) => r.claim.claimedUntil),
      results.map((r) => r.outcome),
      results.map((r) => r.status),
      results.map((r) => r.answer),
      results.map((r) => Math.round(r.durationMs)),
      results.map((r) => r.startedAt),
      results.map((r) => r.nextAttemptAt),
      now,
      addMs(now, -DISABLE_AFTER_MS),
      ...alarmIds(results),
      results.map((r) => r.url),
      results.map((r) => r.bodyHash),
    ],
  });
  return rows.map((row) => row.id);
}

function alarmIds(results: readonly AttemptResult[]): [string[], string[]] {
  const endpoints = [...new Set(results.map((r) => r.claim.endpointId))];
  return [endpoints, endpoints.map(() => newId("alarm"))];
}

/** Gives claims back that this process will not end: another one may send them at once instead of when they run out. */
export async function releaseClaims(db: Database, claims: readonly Claim[]): Promise<void> {
  if (claims.length === 0) return;
  await db.query<Row>({
    name: "webhooks_release",
    text: `update webhook_deliveries d set claimed_until = null from unnest($1::text[], $2::timestamptz[]) as c(id, lease)
           where d.id = c.id and d.state = 'PENDING' and d.claimed_until = c.lease`,
    values: [claims.map((claim) => claim.id), claims.map((claim) => claim.claimedUntil)],
  });
}

/**
 * Gives up what endpoints that are off are still owed. Switching off gives up what is owed then; what the relay or a replay
 * owed at that very moment would stand there as pending for ever, tried by nobody and closed to a replay. Returns how many.
 */
export async function giveUpStranded(services: Pick<Services, "db" | "clock">): Promise<number> {
  const rows = await services.db.query<Row>({
    name: "webhooks_stranded",
    text: `
      with recursive ${WAITING},
      off as (
        select w.id from waiting join webhook_endpoints w on w.id = waiting.endpoint_id and (w.state <> 'ENABLED' or w.deleted_at is not null)
      )
      update webhook_deliveries d set state = 'FAILED', next_attempt_at = null, claimed_until = null, updated_at = $1
      from off where d.endpoint_id = off.id and d.state = 'PENDING' returning d.id`,
    values: [services.clock.now()],
  });
  return rows.length;
}
