import type { Mode } from "@/server/core/schema";
import type { Row, Transaction } from "@/server/db/client";

/*
 * What Klarna told us. Recorded once by event id before Klarna hears 200; worked off until done, in any order. An event
 * whose payment is not known yet is parked and looked at again, never refused.
 */

export type NewInboxEvent = {
  id: string;
  eventId: string;
  mode: Mode;
  eventType: string;
  occurredAt: Date;
  subjectAccountId: string | null;
  paymentRequestId: string | null;
  paymentTransactionId: string | null;
  /** Encrypted: the body may hold a token. */
  rawBody: Buffer;
  signingKeyId: string;
  receivedAt: Date;
};

/** Stores many events in one statement; known event ids are left as they are. Returns how many are new. */
export async function recordInboxEvents(tx: Transaction, events: readonly NewInboxEvent[]): Promise<number> {
  const rows = await tx.query<Row>({
    name: "inbox_record",
    text: `insert into inbox_events (id, event_id, mode, event_type, occurred_at, subject_account_id, payment_request_id, payment_transaction_id,
        raw_body, signing_key_id, state, next_attempt_at, received_at)
      select id, event_id, mode, event_type, occurred_at, account, request, transaction, body, key, 'RECEIVED', received_at, received_at
      from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::bytea[], $10::text[], $11::timestamptz[])
        as e(id, event_id, mode, event_type, occurred_at, account, request, transaction, body, key, received_at)
      on conflict (mode, event_id) do nothing returning id`,
    values: [
      events.map((event) => event.id),
      events.map((event) => event.eventId),
      events.map((event) => event.mode),
      events.map((event) => event.eventType),
      events.map((event) => event.occurredAt),
      events.map((event) => event.subjectAccountId),
      events.map((event) => event.paymentRequestId),
      events.map((event) => event.paymentTransactionId),
      events.map((event) => event.rawBody),
      events.map((event) => event.signingKeyId),
      events.map((event) => event.receivedAt),
    ],
  });
  return rows.length;
}

/**
 * Notes that these keys have just verified an event. Not awaited by the receiver, and asked for at most once a minute for
 * each key: "last used" is for people.
 */
export async function noteKeyUse(tx: Transaction, keyIds: readonly string[], at: Date): Promise<void> {
  await tx.query<Row>({
    name: "inbox_key_use",
    text: "update klarna_signing_keys set last_used_at = greatest(last_used_at, $2) where id = any($1::text[])",
    values: [keyIds, at],
  });
}

export type InboxEvent = {
  id: string;
  eventId: string;
  mode: Mode;
  eventType: string;
  occurredAt: Date;
  subjectAccountId: string | null;
  rawBody: Buffer;
  attempts: number;
  receivedAt: Date;
  /** When it came, or when somebody last had it replayed. */
  waitsSince: Date;
};

/** What became of one event. `follow` is done after the event is marked, so that nobody waits for another turn. */
export type InboxResult = {
  state: "PROCESSED" | "IGNORED" | "PARKED" | "FAILED";
  note: string | null;
  paymentId: string | null;
  follow?: () => Promise<unknown>;
};

export function inboxPlace(event: { id: string; mode: string }): string {
  return `inbox_events|raw_body|${event.id}|${event.mode}`;
}

/** Takes events that wait, oldest first, with a lease: a crash after this only delays them. */
export async function claimInboxEvents(
  tx: Transaction,
  input: { now: Date; leaseUntil: Date; limit: number },
): Promise<InboxEvent[]> {
  return tx.query<InboxEvent>({
    name: "inbox_claim",
    text: `update inbox_events i set next_attempt_at = $2, attempts = i.attempts + 1
      from (select id from inbox_events where next_attempt_at <= $1 order by next_attempt_at limit $3 for update skip locked) due
      where i.id = due.id
      returning i.id, i.event_id as "eventId", i.mode, i.event_type as "eventType", i.occurred_at as "occurredAt",
        i.subject_account_id as "subjectAccountId", i.raw_body as "rawBody", i.attempts, i.received_at as "receivedAt",
        coalesce(i.replayed_at, i.received_at) as "waitsSince"`,
    values: [input.now, input.leaseUntil, input.limit],
  });
}

export type InboxMark = {
  state: InboxResult["state"];
  note: string | null;
  /** Null leaves the payment that an earlier turn found. */
  paymentId: string | null;
  isUnhandled: boolean;
  /** For PARKED only. */
  nextAttemptAt: Date | null;
};

/** Says what became of a claimed event. */
export async function markInboxEvent(tx: Transaction, id: string, mark: InboxMark, now: Date): Promise<void> {
  await tx.query<Row>({
    name: "inbox_mark",
    text: `update inbox_events set state = $2, note = $3, payment_id = coalesce($4, payment_id), next_attempt_at = $5,
        processed_at = case when $2 = 'PARKED' then null else $6::timestamptz end, unhandled = $7 where id = $1`,
    values: [
      id,
      mark.state,
      mark.note,
      mark.paymentId,
      mark.state === "PARKED" ? mark.nextAttemptAt : null,
      now,
      mark.isUnhandled,
    ],
  });
}
