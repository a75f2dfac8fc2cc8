import { z } from "zod";
import { lineSchema } from "@/server/core/schema";
import { EVENT_TYPES, SUBSCRIBABLE_EVENT_TYPES } from "@/server/events/catalog";

/** Types that an endpoint may name, for forms. */
export { SUBSCRIBABLE_EVENT_TYPES };

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

/** What screens see beyond the public object. */
export const EndpointRecordSchema = PublicEndpointSchema.extend({
  partner_id: z.string(),
  partner_name: z.string(),
  disabled_reason: z.string().nullable(),
  failing_since: moment.nullable(),
  consecutive_failures: z.int(),
  header_names: z.array(z.string()),
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

export const DeliveryAttemptSchema = z.object({
  number: z.int(),
  status: z.int().nullable(),
  outcome: z.string(),
  answer: z.string().nullable(),
  duration_ms: z.int(),
  created_at: moment,
});
export type DeliveryAttempt = z.infer<typeof DeliveryAttemptSchema>;

export const DeliveryDetailSchema = DeliveryRecordSchema.extend({
  attempts_made: z.array(DeliveryAttemptSchema),
  /** The event as stored: links with tokens are put in when it is sent. */
  payload: z.record(z.string(), z.unknown()),
});
export type DeliveryDetail = z.infer<typeof DeliveryDetailSchema>;

export const DeliveryFilterSchema = z.object({
  status: z.array(z.enum(DELIVERY_STATUSES)).optional(),
  endpoint: z.string().max(40).optional(),
  type: z.string().max(60).optional(),
  event: z.string().max(40).optional(),
  subject: z.string().max(40).optional(),
  partner: z.string().max(40).optional(),
  created_from: moment.optional(),
  created_to: moment.optional(),
});
export type DeliveryFilter = z.infer<typeof DeliveryFilterSchema>;

export const EndpointFilterSchema = z.object({
  status: z.array(z.enum(["enabled", "disabled"])).optional(),
  partner: z.string().max(40).optional(),
});
export type EndpointFilter = z.infer<typeof EndpointFilterSchema>;
