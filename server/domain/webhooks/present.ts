import { createHash } from "node:crypto";
import { EventPayloadSchema, isEventType } from "@/server/events/catalog";
import type { DeliveryDetailRow, DeliveryRow, EndpointRow, StoredDelivery, StoredEndpoint } from "./repository";
import type { EventRow } from "./repository-events";
import type { ReplayRow } from "./repository-replays";
import { ATTEMPTS_MAX } from "./schedule";
import {
  type DeliveryAttempt,
  type DeliveryCounts,
  type DeliveryDetail,
  type DeliveryRecord,
  type EndpointHealth,
  type EndpointRecord,
  type EventRecord,
  type PublicDelivery,
  PublicDeliverySchema,
  type PublicEndpoint,
  REPLAY_STATUSES,
  type ReplayRecord,
  UNREACHABLE,
} from "./schema";

const iso = (at: Date): string => at.toISOString();
const isoOrNull = (at: Date | null): string | null => at?.toISOString() ?? null;

export function presentEndpoint(
  row: Pick<StoredEndpoint, "id" | "url" | "events" | "description" | "ordered" | "createdAt" | "updatedAt"> & {
    state: string;
  },
): PublicEndpoint {
  return {
    id: row.id,
    object: "webhook_endpoint",
    url: row.url,
    events: row.events,
    description: row.description,
    ordered: row.ordered,
    status: row.state === "ENABLED" ? "enabled" : "disabled",
    created_at: iso(row.createdAt),
    updated_at: iso(row.updatedAt),
  };
}

const UNTRIED: EndpointHealth = { pending: 0, failed: 0, tried_24h: 0, delivered_24h: 0, success_rate_24h: null };

export function presentEndpointRecord(
  row: EndpointRow,
  facts: { headerNames: readonly string[]; health: EndpointHealth | undefined; now: Date },
): EndpointRecord {
  const until = row.previousSecretUntil;
  return {
    ...presentEndpoint(row),
    partner_id: row.partnerId,
    partner_name: row.account.partner.name,
    disabled_reason: row.disabledReason,
    failing_since: isoOrNull(row.failingSince),
    consecutive_failures: row.consecutiveFailures,
    header_names: [...facts.headerNames],
    previous_secret_until: until && until > facts.now ? iso(until) : null,
    health: facts.health ?? UNTRIED,
  };
}

export function presentDelivery(row: StoredDelivery): PublicDelivery {
  if (!isEventType(row.eventType)) throw new Error(`delivery ${row.id} has an event of an unknown type`);
  return {
    id: row.id,
    object: "webhook_delivery",
    endpoint: row.endpointId,
    event: { id: row.eventId, type: row.eventType },
    subject: row.subjectId,
    sequence: row.sequence,
    status: PublicDeliverySchema.shape.status.parse(row.state.toLowerCase()),
    attempts: row.attempts,
    next_attempt_at: isoOrNull(row.nextAttemptAt),
    delivered_at: isoOrNull(row.deliveredAt),
    created_at: iso(row.createdAt),
    updated_at: iso(row.updatedAt),
  };
}

/** `isCoarse` hides how a last try without an answer ended. */
export function presentDeliveryRecord(row: DeliveryRow, isCoarse: boolean): DeliveryRecord {
  const last = row.tries.at(0);
  return {
    ...presentDelivery({ ...row, mode: row.mode === "live" ? "live" : "test" }),
    partner_id: row.partnerId,
    partner_name: row.endpoint.account.partner.name,
    endpoint_url: row.endpoint.url,
    is_endpoint_deleted: row.endpoint.deletedAt !== null,
    last_outcome: last ? (isCoarse && isSilent(last) ? UNREACHABLE : last.outcome) : null,
    last_status: last?.status ?? null,
  };
}

/** `body` is what the event would be sent as now; `isCoarse` hides how a try without an answer ended. */
export function presentDeliveryDetail(
  row: DeliveryDetailRow,
  facts: { isCoarse: boolean; body: string | null; request: DeliveryDetail["request"] },
): DeliveryDetail {
  const hash = facts.body === null ? null : createHash("sha256").update(facts.body).digest();
  return {
    ...presentDeliveryRecord({ ...row, tries: row.tries.slice(-1) }, facts.isCoarse),
    attempts_made: row.tries.map((attempt) => presentAttempt(attempt, hash, facts.isCoarse)),
    failed_because:
      row.state !== "FAILED"
        ? null
        : row.attempts - row.scheduleBase >= ATTEMPTS_MAX
          ? "tries_used_up"
          : "endpoint_off",
    request: facts.request,
    payload: EventPayloadSchema.parse(row.event.payload),
  };
}

function presentAttempt(
  attempt: DeliveryDetailRow["tries"][number],
  hash: Buffer | null,
  isCoarse: boolean,
): DeliveryAttempt {
  const made = {
    number: attempt.number,
    status: attempt.status,
    answer: attempt.answer,
    created_at: iso(attempt.createdAt),
  };
  if (isCoarse && isSilent(attempt))
    return { ...made, outcome: UNREACHABLE, duration_ms: null, url: null, is_body_exact: null };
  return {
    ...made,
    outcome: attempt.outcome,
    duration_ms: attempt.durationMs,
    url: attempt.url,
    is_body_exact: attempt.bodyHash === null || hash === null ? null : hash.equals(attempt.bodyHash),
  };
}

/** A bad certificate is its owner's to mend, and only addresses that may be called get so far. */
const isSilent = ({ status, outcome }: { status: number | null; outcome: string }): boolean =>
  status === null && (outcome === "timeout" || outcome === "connection_failed" || outcome === "address_refused");

export function presentReplay(row: ReplayRow): ReplayRecord {
  return {
    id: row.id,
    partner_id: row.partnerId,
    partner_name: row.account.partner.name,
    endpoint: row.endpointId,
    endpoint_url: row.endpoint?.url ?? null,
    statuses: row.statuses.map((status) => status.toLowerCase()),
    types: row.eventTypes,
    created_from: isoOrNull(row.createdFrom),
    created_to: isoOrNull(row.createdTo),
    status: row.state === "DONE" ? REPLAY_STATUSES[1] : REPLAY_STATUSES[0],
    expected: row.expected,
    replayed: row.replayed,
    skipped: row.skipped,
    requested_by: row.requestedBy,
    created_at: iso(row.createdAt),
    finished_at: isoOrNull(row.finishedAt),
  };
}

const NO_DELIVERIES: DeliveryCounts = { pending: 0, delivered: 0, failed: 0 };

export function presentEventRecord(row: EventRow, deliveries: DeliveryCounts | undefined): EventRecord {
  return {
    id: row.id,
    type: row.type,
    created_at: iso(row.createdAt),
    sequence: row.sequence,
    subject_kind: row.subjectKind,
    subject: row.subjectId,
    partner_id: row.partnerId,
    partner_name: row.partnerName,
    deliveries: deliveries ?? NO_DELIVERIES,
  };
}
