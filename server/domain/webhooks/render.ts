import type { Services } from "@/server/context";
import { PaymentSnapshotSchema } from "@/server/domain/payments/schema";
import { presentSnapshot } from "@/server/domain/payments/service";
import { API_VERSION, EventPayloadSchema } from "@/server/events/catalog";
import type { Claim } from "./queue";

/**
 * The body of a delivery. What is stored holds no bearer links: they are put in now, so that the object is the one that a
 * read through the API gives.
 */
export function renderBody(
  services: Services,
  claim: Pick<Claim, "eventId" | "eventType" | "eventCreatedAt" | "mode" | "sequence" | "subjectKind" | "payload">,
): string {
  const payload = EventPayloadSchema.parse(claim.payload);
  return JSON.stringify({
    id: claim.eventId,
    type: claim.eventType,
    created_at: claim.eventCreatedAt.toISOString(),
    mode: claim.mode,
    api_version: API_VERSION,
    sequence: claim.sequence,
    data: {
      object: renderObject(services, payload.object),
      ...(payload.previous === undefined ? {} : { previous: payload.previous }),
    },
  });
}

function renderObject(services: Services, object: Record<string, unknown>): Record<string, unknown> {
  if (object.object !== "payment") return object;
  return presentSnapshot(services, PaymentSnapshotSchema.parse(object));
}
