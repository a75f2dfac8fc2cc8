import { z } from "zod";
import { idSchema } from "@/server/core/ids";
import { lineSchema } from "@/server/core/schema";
import { EVENT_TYPES, SUBSCRIBABLE_EVENT_TYPES } from "@/server/events/catalog";

/** Types that an endpoint may name, and all that exist: for forms and filters. */
export { EVENT_TYPES, SUBSCRIBABLE_EVENT_TYPES };

/* What Partners and screens say and hear about webhook endpoints and deliveries. */

const FAMILIES = [...new Set(SUBSCRIBABLE_EVENT_TYPES.map((type) => `${type.split(".")[0] ?? type}.*`))];
const PATTERNS: ReadonlySet<string> = new Set(["*", ...FAMILIES, ...SUBSCRIBABLE_EVENT_TYPES]);

export const EventPatternSchema = z
  .string()
  .refine((text) => PATTERNS.has(text), "is not an event type that can be subscribed to");
const eventsSchema = z
  .array(EventPatternSchema)
  .min(1)
  .max(50)
  .transform((events) => (events.includes("*") ? ["*"] : [...new Set(events)]));

/** Headers that belong to the connection, the body or the signature: never the Partner's to set. */
const REFUSED_HEADERS = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "trailers",
  "transfer-encoding",
  "upgrade",
  "expect",
  "host",
  "user-agent",
  "cookie",
  "forwarded",
  "via",
]);
const isRefusedHeader = (name: string): boolean =>
  REFUSED_HEADERS.has(name) || /^(?:content-|webhook-|x-forwarded-|proxy-|sec-|:)/.test(name);

const HEADERS_MAX = 10;
const HEADERS_BYTES_MAX = 4096;
export const CustomHeadersSchema = z
  .record(
    z
      .string()
      .max(64)
      .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, "is not a header name")
      .refine((name) => !isRefusedHeader(name.toLowerCase()), "is a header that cannot be set"),
    // Visible ASCII and spaces inside: what every server reads the same.
    z
      .string()
      .max(512)
      .regex(/^(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?$/, "is not a header value"),
  )
  .refine((headers) => Object.keys(headers).length <= HEADERS_MAX, `must have at most ${HEADERS_MAX} headers`)
  .refine(
    (headers) => new Set(Object.keys(headers).map((name) => name.toLowerCase())).size === Object.keys(headers).length,
    "names a header twice",
  )
  .refine(
    (headers) =>
      Object.entries(headers).reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0) <=
      HEADERS_BYTES_MAX,
    `must not be longer than ${HEADERS_BYTES_MAX} bytes together`,
  );

/** The body of `POST /webhook-endpoints`. Whether the address may be called depends on the mode: see url-guard. */
export const CreateEndpointSchema = z.strictObject({
  url: lineSchema(1, 2048),
  events: eventsSchema,
  description: lineSchema(1, 255).optional(),
  headers: CustomHeadersSchema.optional(),
  ordered: z.boolean().default(true),
});
export type CreateEndpointInput = z.infer<typeof CreateEndpointSchema>;

/** The body of `PATCH /webhook-endpoints/{id}`: only what is named changes. */
export const UpdateEndpointSchema = z.strictObject({
  url: lineSchema(1, 2048).optional(),
  events: eventsSchema.optional(),
  description: lineSchema(1, 255).nullable().optional(),
  headers: CustomHeadersSchema.nullable().optional(),
  ordered: z.boolean().optional(),
  status: z.enum(["enabled", "disabled"]).optional(),
});
export type UpdateEndpointInput = z.infer<typeof UpdateEndpointSchema>;

const moment = z.iso.datetime({ offset: true });

export const PublicEndpointSchema = z.object({
  id: z.string(),
  object: z.literal("webhook_endpoint"),
  url: z.string(),
  events: z.array(z.string()),
  description: z.string().nullable(),
  ordered: z.boolean(),
  status: z.enum(["enabled", "disabled"]),
  created_at: moment,
  updated_at: moment,
});
export type PublicEndpoint = z.infer<typeof PublicEndpointSchema>;

/** The answer to creating an endpoint or changing its secret: the only time that the secret is shown. */
export const PublicEndpointWithSecretSchema = PublicEndpointSchema.extend({ secret: z.string() });

/** How an endpoint is doing. Counts stop at HEALTH_COUNT_MAX. */
export const HEALTH_COUNT_MAX = 10_000;
export const EndpointHealthSchema = z.object({
  /** Owed, tried or not. */
  pending: z.int(),
  /** Given up and open to a replay. */
  failed: z.int(),
  /** Of the events of the last 24 hours: how many were tried, and how many of those arrived. */
  tried_24h: z.int(),
  delivered_24h: z.int(),
  /** From 0 to 1; null when nothing was tried. */
  success_rate_24h: z.number().nullable(),
});
export type EndpointHealth = z.infer<typeof EndpointHealthSchema>;

/** What screens see beyond the public object. */
export const EndpointRecordSchema = PublicEndpointSchema.extend({
  partner_id: z.string(),
  partner_name: z.string(),
  /** by_hand, failing (for five days), gone (410); null while it is on. */
  disabled_reason: z.string().nullable(),
  failing_since: moment.nullable(),
  consecutive_failures: z.int(),
  header_names: z.array(z.string()),
  /** Until then the secret before the last change still signs too; null when there is none. */
  previous_secret_until: moment.nullable(),
  health: EndpointHealthSchema,
});
export type EndpointRecord = z.infer<typeof EndpointRecordSchema>;

export const DELIVERY_STATUSES = ["pending", "delivered", "failed"] as const;
export const PublicDeliverySchema = z.object({
  id: z.string(),
  object: z.literal("webhook_delivery"),
  endpoint: z.string(),
  event: z.object({ id: z.string(), type: z.enum(EVENT_TYPES) }),
  subject: z.string(),
  sequence: z.int(),
  status: z.enum(DELIVERY_STATUSES),
  attempts: z.int(),
  next_attempt_at: moment.nullable(),
  delivered_at: moment.nullable(),
  created_at: moment,
  updated_at: moment,
});
export type PublicDelivery = z.infer<typeof PublicDeliverySchema>;

export const DeliveryRecordSchema = PublicDeliverySchema.extend({
  partner_id: z.string(),
  partner_name: z.string(),
  endpoint_url: z.string(),
  /** It is sent nowhere any more. */
  is_endpoint_deleted: z.boolean(),
  /** How the last try ended, and what HTTP status it answered; null before the first, or where no answer came. */
  last_outcome: z.string().nullable(),
  last_status: z.int().nullable(),
});
export type DeliveryRecord = z.infer<typeof DeliveryRecordSchema>;

/** How one try ended. */
export const ATTEMPT_OUTCOMES = [
  "delivered",
  "http_error",
  "redirect_refused",
  "gone",
  "timeout",
  "connection_failed",
  "tls_failed",
  "address_refused",
  "render_failed",
] as const;
export type AttemptOutcome = (typeof ATTEMPT_OUTCOMES)[number];
/**
 * What a Partner's people read instead of the outcomes that no answer came from: refused by us, closed, filtered and
 * silent look alike, so that nobody can explore a network through us.
 */
export const UNREACHABLE = "unreachable";

export const DeliveryAttemptSchema = z.object({
  number: z.int(),
  status: z.int().nullable(),
  outcome: z.string(),
  answer: z.string().nullable(),
  /** Null where only UNREACHABLE is told. */
  duration_ms: z.int().nullable(),
  /** Where it went; null when nothing was sent. */
  url: z.string().nullable(),
  /** Whether the body shown is, byte for byte, what was sent; null when that was not kept. */
  is_body_exact: z.boolean().nullable(),
  created_at: moment,
});
export type DeliveryAttempt = z.infer<typeof DeliveryAttemptSchema>;

export const DeliveryDetailSchema = DeliveryRecordSchema.extend({
  attempts_made: z.array(DeliveryAttemptSchema),
  /** Why it is not tried any more: all tries used up, or its endpoint was switched off. Null unless it failed. */
  failed_because: z.enum(["tries_used_up", "endpoint_off"]).nullable(),
  /** What is sent, made again from the event; secrets in headers, links and tokens are masked. Null when it cannot be made. */
  request: z
    .object({
      method: z.literal("POST"),
      url: z.string(),
      headers: z.record(z.string(), z.string()),
      body: z.record(z.string(), z.unknown()),
    })
    .nullable(),
  /** The event as stored: links with tokens are put in when it is sent. */
  payload: z.record(z.string(), z.unknown()),
});
export type DeliveryDetail = z.infer<typeof DeliveryDetailSchema>;

export const DeliveryCountsSchema = z.object({ pending: z.int(), delivered: z.int(), failed: z.int() });
/** Rows of a filter by state; each stops at LIST_TOTAL_MAX. */
export type DeliveryCounts = z.infer<typeof DeliveryCountsSchema>;

export const DeliveryFilterSchema = z.object({
  /** A whole id: of the delivery, its event, its endpoint, or what it is about. */
  search: z.string().max(200).optional(),
  status: z.array(z.enum(DELIVERY_STATUSES)).optional(),
  endpoint: z.string().max(40).optional(),
  type: z.string().max(60).optional(),
  /** Any of these types. */
  types: z.array(z.string().max(60)).max(EVENT_TYPES.length).optional(),
  event: z.string().max(40).optional(),
  subject: z.string().max(40).optional(),
  partner: z.string().max(40).optional(),
  created_from: moment.optional(),
  created_to: moment.optional(),
});
export type DeliveryFilter = z.infer<typeof DeliveryFilterSchema>;

/** As screens tell endpoints apart: `failing` ones are on, `enabled` ones are on and do not fail. */
export const ENDPOINT_FILTER_STATUSES = ["enabled", "failing", "disabled"] as const;
export const EndpointFilterSchema = z.object({
  /** Part of the address or the description, or a whole id. */
  search: z.string().max(200).optional(),
  status: z.array(z.enum(ENDPOINT_FILTER_STATUSES)).optional(),
  partner: z.string().max(40).optional(),
});
export type EndpointFilter = z.infer<typeof EndpointFilterSchema>;

// Replays --------------------------------------------------------------------------------------------------------------

export const REPLAY_IDS_MAX = 100;
/** Deliveries named one by one. */
export const ReplayManySchema = z.strictObject({
  ids: z.array(idSchema("webhookDelivery")).min(1).max(REPLAY_IDS_MAX),
});
/** `skipped` were on their way already, or their endpoint is off. */
export type ReplayManyResult = { replayed: number; skipped: number };

/**
 * Deliveries by what they have in common: of an endpoint or of a Partner, failed ones unless said otherwise. Times are
 * those of the deliveries' creation, both included.
 */
export const ReplayFilterSchema = z.strictObject({
  endpoint: idSchema("webhookEndpoint").optional(),
  /** Needed without `endpoint` by those who see more than one Partner. */
  partner: idSchema("partner").optional(),
  statuses: z
    .array(z.enum(["delivered", "failed"]))
    .min(1)
    .default(["failed"]),
  types: z.array(z.enum(EVENT_TYPES)).max(EVENT_TYPES.length).default([]),
  created_from: moment.optional(),
  created_to: moment.optional(),
});
export type ReplayFilter = z.infer<typeof ReplayFilterSchema>;
export const REPLAY_COUNT_MAX = 100_000;
/** How many deliveries a replay would send now; stops at REPLAY_COUNT_MAX. `held` of them belong to endpoints that are off. */
export type ReplayPreview = { count: number; held: number };

export const REPLAY_STATUSES = ["running", "done"] as const;
export const ReplayRecordSchema = z.object({
  id: z.string(),
  partner_id: z.string(),
  partner_name: z.string(),
  endpoint: z.string().nullable(),
  endpoint_url: z.string().nullable(),
  statuses: z.array(z.string()),
  types: z.array(z.string()),
  created_from: moment.nullable(),
  created_to: moment.nullable(),
  status: z.enum(REPLAY_STATUSES),
  /** What matched when it was asked for. */
  expected: z.int(),
  replayed: z.int(),
  skipped: z.int(),
  requested_by: z.string(),
  created_at: moment,
  finished_at: moment.nullable(),
});
export type ReplayRecord = z.infer<typeof ReplayRecordSchema>;

// Events ---------------------------------------------------------------------------------------------------------------

/** How long Partners can read events. */
export const EVENTS_READABLE_DAYS = 30;

/** The body of a delivery, and what reading an event answers. */
export const PublicEventSchema = z.object({
  id: z.string(),
  type: z.enum(EVENT_TYPES),
  created_at: moment,
  mode: z.enum(["test", "live"]),
  api_version: z.string(),
  /** Counts the events of one object from 1. */
  sequence: z.int(),
  data: z.object({
    object: z.record(z.string(), z.unknown()),
    /** The fields that changed, as they were before. */
    previous: z.record(z.string(), z.unknown()).optional(),
  }),
});
export type PublicEvent = z.infer<typeof PublicEventSchema>;

export const EventFilterSchema = z.object({
  /** A whole id: of the event or of what it is about. */
  search: z.string().max(200).optional(),
  type: z.array(z.enum(EVENT_TYPES)).optional(),
  /** Id of the thing that the event is about. */
  object: z.string().max(40).optional(),
  partner: z.string().max(40).optional(),
  created_from: moment.optional(),
  created_to: moment.optional(),
});
export type EventFilter = z.infer<typeof EventFilterSchema>;

/** An event for screens. */
export const EventRecordSchema = z.object({
  id: z.string(),
  type: z.string(),
  created_at: moment,
  sequence: z.int(),
  subject_kind: z.string(),
  subject: z.string(),
  partner_id: z.string(),
  partner_name: z.string(),
  /** How many endpoints it was owed to, and how that stands. */
  deliveries: DeliveryCountsSchema,
});
export type EventRecord = z.infer<typeof EventRecordSchema>;

export const EventDetailSchema = EventRecordSchema.extend({
  /** As it is sent, with links and tokens masked; null when it cannot be made. */
  body: z.record(z.string(), z.unknown()).nullable(),
  deliveries_made: z.array(DeliveryRecordSchema),
});
export type EventDetail = z.infer<typeof EventDetailSchema>;
