import { EventPayloadSchema, isEventType } from "@/server/events/catalog";
import type { DeliveryDetailRow, DeliveryRow, EndpointRow, StoredDelivery, StoredEndpoint } from "./repository";
import {
  type DeliveryDetail,
  type DeliveryRecord,
  type EndpointRecord,
  type PublicDelivery,
  PublicDeliverySchema,
  type PublicEndpoint,
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

export function presentEndpointRecord(row: EndpointRow, headerNames: readonly string[]): EndpointRecord {
  return {
    ...presentEndpoint(row),
    partner_id: row.partnerId,
    partner_name: row.account.partner.name,
    disabled_reason: row.disabledReason,
    failing_since: isoOrNull(row.failingSince),
    consecutive_failures: row.consecutiveFailures,
    header_names: [...headerNames],
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

export function presentDeliveryRecord(row: DeliveryRow): DeliveryRecord {
  return {
    ...presentDelivery({ ...row, mode: row.mode === "live" ? "live" : "test" }),
    partner_id: row.partnerId,
    partner_name: row.endpoint.account.partner.name,
    endpoint_url: row.endpoint.url,
  };
}

export function presentDeliveryDetail(row: DeliveryDetailRow): DeliveryDetail {
  return {
    ...presentDeliveryRecord(row),
    attempts_made: row.tries.map((attempt) => ({
      number: attempt.number,
      status: attempt.status,
      outcome: attempt.outcome,
      answer: attempt.answer,
      duration_ms: attempt.durationMs,
      created_at: iso(attempt.createdAt),
    })),
    payload: EventPayloadSchema.parse(row.event.payload),
  };
}
