import { z } from "zod";

/**
 * Every event that the domain announces through the outbox: its payload, version and whether Partners may subscribe.
 * Names are those of the Partner API. Payloads hold ids, states, amounts and times, never a secret; a delivery renders
 * the whole object from them when it is sent.
 */
const subjectPayload = z.object({
  object: z.record(z.string(), z.unknown()),
  previous: z.record(z.string(), z.unknown()).optional(),
});

export const EVENT_TYPES = [
  "payment.pending",
  "payment.in_progress",
  "payment.authorized",
  "payment.completed",
  "payment.funded",
  "payment.declined",
  "payment.canceled",
  "payment.expired",
  "payment.failed",
  "payment.updated",
  "payment.voided",
  "payment.authorization_expired",
  "capture.succeeded",
  "capture.failed",
  "refund.succeeded",
  "refund.failed",
  "customer_token.created",
  "customer_token.revoked",
  "customer_token.failed",
  "subscription.created",
  "subscription.charged",
  "subscription.charge_failed",
  "subscription.past_due",
  "subscription.paused",
  "subscription.resumed",
  "subscription.canceled",
  "subscription.ended",
  "dispute.opened",
  "dispute.updated",
  "dispute.closed",
  "settlement.created",
  "store.onboarded",
  "store.updated",
  "partner.operational",
  "partner.disabled",
  "partner.enabled",
  "webhook_endpoint.test",
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

export const EVENT_VERSION = 1;
export const API_VERSION = "2026-11-01";

/** Types that a Partner may name when it creates an endpoint. The test event goes to its endpoint whatever it named. */
export const SUBSCRIBABLE_EVENT_TYPES = EVENT_TYPES.filter((type) => type !== "webhook_endpoint.test");

export function isEventType(value: string): value is EventType {
  return EVENT_TYPES.some((type) => type === value);
}

export const EventPayloadSchema = subjectPayload;
export type EventPayload = z.infer<typeof EventPayloadSchema>;

/** One event to append, within the statement of its change. `sequence` counts the events of one subject from 1. */
export type NewEvent = {
  id: string;
  partnerId: string;
  mode: "test" | "live";
  type: EventType;
  subjectKind:
    | "payment"
    | "refund"
    | "capture"
    | "customer_token"
    | "subscription"
    | "dispute"
    | "settlement"
    | "store"
    | "partner"
    | "webhook_endpoint";
  subjectId: string;
  sequence: number;
  payload: EventPayload;
};

/** Does an endpoint that named these types hear this event? `*` hears all, `payment.*` a family. */
export function isSubscribed(events: readonly string[], type: EventType): boolean {
  return events.some(
    (pattern) =>
      pattern === "*" || pattern === type || (pattern.endsWith(".*") && type.startsWith(pattern.slice(0, -1))),
  );
}

/** Signals between our own processes (Inngest events). They carry no facts: each says only that something waits. */
export const SIGNALS = {
  outbox: "tillgate/outbox.waiting",
  inbox: "tillgate/inbox.waiting",
  payments: "tillgate/payments.waiting",
  deliveries: "tillgate/deliveries.waiting",
  mails: "tillgate/mails.waiting",
  replays: "tillgate/replays.waiting",
  partners: "tillgate/partners.waiting",
  imports: "tillgate/imports.waiting",
  bulk: "tillgate/bulk.waiting",
} as const;
