import { z } from "zod";
import {
  addressSchema,
  amountSchema,
  cardFree,
  currencySchema,
  freeTextSchema,
  metadataSchema,
  modeSchema,
  referenceSchema,
} from "@/server/core/schema";
import { PUBLIC_STATUSES } from "./states";

/*
 * The payment as Partners see it: one object in REST answers, event streams and webhooks. It lives here, and not beside
 * the endpoints, because webhooks and streams say the same object and may not import the REST layer.
 */

export const LineItemSchema = z.strictObject({
  name: freeTextSchema(1, 255),
  quantity: z.number().positive().max(1_000_000),
  unit_price: z.int().min(-2_147_483_647).max(2_147_483_647).optional(),
  total_amount: z.int().min(-2_147_483_647).max(2_147_483_647),
  total_tax_amount: z.int().min(-2_147_483_647).max(2_147_483_647).optional(),
  tax_rate: z.int().min(0).max(100_000).optional(),
  reference: referenceSchema.optional(),
  type: z
    .enum([
      "physical",
      "digital",
      "service",
      "discount",
      "shipping_fee",
      "sales_tax",
      "gift_card",
      "store_credit",
      "surcharge",
      "return_fee",
    ])
    .optional(),
  product_identifier: freeTextSchema(1, 255).optional(),
  product_url: cardFree(z.url({ protocol: /^https?$/ }).max(1024)).optional(),
  image_url: cardFree(z.url({ protocol: /^https?$/ }).max(1024)).optional(),
});
export type LineItem = z.infer<typeof LineItemSchema>;

const personFields = {
  given_name: freeTextSchema(1, 99).optional(),
  family_name: freeTextSchema(1, 99).optional(),
  email: freeTextSchema(3, 254).optional(),
  phone: cardFree(
    z
      .string()
      .regex(/^[\d+().\- ]*\d[\d+().\- ]*$/)
      .max(99),
  ).optional(),
};
export const CustomerSchema = z.strictObject({ ...personFields, address: addressSchema.optional() });
export const ShippingSchema = z.strictObject({
  reference: referenceSchema.optional(),
  recipient: z.strictObject({ ...personFields, attention: freeTextSchema(1, 99).optional() }).optional(),
  address: addressSchema.optional(),
});
export type Shipping = z.infer<typeof ShippingSchema>;
/** A delivery that is on its way: where it can be followed. */
export const CaptureShippingSchema = ShippingSchema.extend({
  tracking_number: freeTextSchema(1, 255).optional(),
  tracking_url: cardFree(z.url({ protocol: /^https?$/ }).max(2048)).optional(),
});
export type CaptureShipping = z.infer<typeof CaptureShippingSchema>;

/** A token travels in a header: anything that a header cannot hold would never reach Klarna. */
export const SessionTokenSchema = z
  .string()
  .min(1)
  .max(8192)
  .regex(/^[\x21-\x7e]*$/, "must be visible ASCII characters only");

/** Klarna's own data points from the Partner: forwarded byte for byte, checked for size only. */
export const KlarnaDataSchema = z.strictObject({
  network_session_token: SessionTokenSchema.optional(),
  interoperability_token: SessionTokenSchema.optional(),
  network_data: z.string().min(2).max(10_240).optional(),
  interoperability_data: z.string().min(2).max(10_240).optional(),
  payment_option_id: freeTextSchema(1, 255).optional(),
  journey_completed: z.boolean().optional(),
});

export const StoreSelectorSchema = z.union([
  z.strictObject({ id: z.string().min(1).max(40) }),
  z.strictObject({ reference: referenceSchema }),
  z.strictObject({
    details: z.strictObject({ reference: referenceSchema, name: freeTextSchema(1, 99), address: addressSchema }),
  }),
]);
/** A store or terminal that is known already. */
const KnownPlaceSchema = z.union([
  z.strictObject({ id: z.string().min(1).max(40) }),
  z.strictObject({ reference: referenceSchema }),
]);
export const TerminalSelectorSchema = KnownPlaceSchema;

export const PAYMENT_CHANNELS = ["in_store", "web", "mobile_app"] as const;
export const PAYMENT_LAUNCHES = ["qr", "redirect", "sdk", "short_code", "none"] as const;
export const PAYMENT_RAILS = ["network", "classic"] as const;
export const PAYMENT_CAPTURES = ["automatic", "manual"] as const;
export const EXPIRES_IN_DEFAULT_S = 900;
/** Online nobody waits at a till: as long as Klarna keeps a request open. */
export const EXPIRES_IN_ONLINE_S = 10_800;

/** What the customer was given by a static QR code. */
export const ShortCodeSchema = z.string().regex(/^\d{2,20}$/, "must be 2 to 20 digits");

const asItGoesInAHeader = (url: string): boolean => /^[\x21-\x7e]+$/.test(url);
/** Where the browser goes after Klarna. Plain http is refused in live mode. */
export const ReturnUrlSchema = cardFree(
  z
    .url({ protocol: /^https?$/ })
    .max(2048)
    .refine(asItGoesInAHeader, "must be percent-encoded")
    .refine((url) => {
      const parsed = URL.canParse(url) ? new URL(url) : null;
      return parsed !== null && parsed.username === "" && parsed.password === "";
    }, "must not hold a name or password"),
);
/** What a browser would run or open itself instead of handing it to an app. */
const NO_APP = new Set(
  "about blob chrome data file filesystem ftp http javascript mailto sms tel vbscript view-source ws wss".split(" "),
);
/** Back into the Partner's app: its own scheme, or https. */
export const AppReturnUrlSchema = cardFree(
  z
    .string()
    .max(2048)
    .regex(/^[a-z][a-z0-9+.-]{1,62}:[^\s]+$/, "must begin with the scheme of an app, or https")
    .refine(asItGoesInAHeader, "must be percent-encoded")
    .refine((url) => !NO_APP.has(url.slice(0, url.indexOf(":"))), "must begin with the scheme of an app, or https"),
);

/** The body of `POST /payments`. */
export const CreatePaymentSchema = z.strictObject({
  amount: amountSchema,
  currency: currencySchema,
  reference: referenceSchema,
  allow_repeat_reference: z.boolean().default(false),
  channel: z.enum(PAYMENT_CHANNELS).optional(),
  launch: z.enum(PAYMENT_LAUNCHES).optional(),
  store: StoreSelectorSchema.optional(),
  terminal: TerminalSelectorSchema.optional(),
  capture: z.enum(PAYMENT_CAPTURES).optional(),
  line_items: z.array(LineItemSchema).min(1).max(500).optional(),
  customer: CustomerSchema.optional(),
  shipping: ShippingSchema.optional(),
  klarna: KlarnaDataSchema.optional(),
  /** Where the customer comes back to, for the launches redirect and sdk. */
  return_url: ReturnUrlSchema.optional(),
  app_return_url: AppReturnUrlSchema.optional(),
  /** For the launch short_code. */
  short_code: ShortCodeSchema.optional(),
  /** Without it the terminal's setting holds, else 900. */
  expires_in: z.int().min(60).max(172_800).optional(),
  metadata: metadataSchema.default({}),
});
export type CreatePaymentInput = z.infer<typeof CreatePaymentSchema>;

const { short_code: _shortCode, ...expressFields } = CreatePaymentSchema.shape;
/** The body of `POST /payments/express`: a payment whose journey the customer has finished with the Partner. */
export const ExpressPaymentSchema = z.strictObject({
  ...expressFields,
  launch: z.enum(["redirect", "sdk"]).optional(),
  klarna: KlarnaDataSchema.omit({ journey_completed: true }).refine(
    (data) => data.network_session_token !== undefined || data.interoperability_token !== undefined,
    { path: ["network_session_token"], message: "is required" },
  ),
});
export type ExpressPaymentInput = z.infer<typeof ExpressPaymentSchema>;

export const CreateRefundSchema = z.strictObject({
  amount: amountSchema.optional(),
  capture: z.string().min(1).max(40).optional(),
  line_items: z.array(LineItemSchema).min(1).max(500).optional(),
  reason: freeTextSchema(1, 255).optional(),
  reference: referenceSchema.optional(),
  store: KnownPlaceSchema.optional(),
  terminal: KnownPlaceSchema.optional(),
});
export type CreateRefundInput = z.infer<typeof CreateRefundSchema>;

export const CreateCaptureSchema = z.strictObject({
  amount: amountSchema.optional(),
  line_items: z.array(LineItemSchema).min(1).max(500).optional(),
  reference: referenceSchema.optional(),
  shipping: CaptureShippingSchema.optional(),
});
export type CreateCaptureInput = z.infer<typeof CreateCaptureSchema>;

/** What is not named stays as it is. Metadata is replaced as a whole. */
export const UpdatePaymentSchema = z.strictObject({
  amount: amountSchema.optional(),
  reference: referenceSchema.optional(),
  line_items: z.array(LineItemSchema).min(1).max(500).optional(),
  shipping: ShippingSchema.optional(),
  metadata: metadataSchema.optional(),
});
export type UpdatePaymentInput = z.infer<typeof UpdatePaymentSchema>;

export const PublicStatusSchema = z.enum(PUBLIC_STATUSES);

const moment = z.iso.datetime({ offset: true });
const neighbour = z.object({ id: z.string(), reference: z.string() });

/** What events keep of a payment: everything Partners see but links that carry a token. */
export const PaymentSnapshotSchema = z.object({
  id: z.string(),
  object: z.literal("payment"),
  mode: modeSchema,
  status: PublicStatusSchema,
  amount: z.int(),
  currency: z.string(),
  reference: z.string(),
  channel: z.enum(PAYMENT_CHANNELS),
  launch: z.enum(PAYMENT_LAUNCHES),
  capture: z.enum(PAYMENT_CAPTURES),
  store: neighbour.nullable(),
  terminal: neighbour.nullable(),
  amount_authorized: z.int(),
  amount_captured: z.int(),
  amount_refunded: z.int(),
  amount_voided: z.int(),
  amount_refundable: z.int(),
  klarna: z.object({
    payment_request_id: z.string().nullable(),
    payment_request_url: z.string().nullable(),
    payment_transaction_id: z.string().nullable(),
    qr_code: z.object({ image_url: z.string(), target_url: z.string() }).nullable(),
  }),
  funding: z.object({ type: z.enum(["guaranteed", "non_guaranteed"]), state: z.string() }).nullable(),
  customer_token: z.null(),
  decline: z.object({ reason: z.string() }).nullable(),
  failure: z.object({ code: z.string(), message: z.string() }).nullable(),
  expires_at: moment,
  /** When Klarna's period ends; null until it is authorized with something left to capture. */
  authorization_expires_at: moment.nullable().default(null),
  created_at: moment,
  updated_at: moment,
  metadata: z.record(z.string(), z.string()),
});
export type PaymentSnapshot = z.infer<typeof PaymentSnapshotSchema>;

/** The whole object as answers, streams and webhooks say it. */
export const PublicPaymentSchema = PaymentSnapshotSchema.extend({
  redirect_url: z.string().nullable(),
  qr: z.object({ svg_url: z.string(), png_url: z.string() }).nullable(),
  display_url: z.string(),
});
export type PublicPayment = z.infer<typeof PublicPaymentSchema>;

export const CaptureSnapshotSchema = z.object({
  id: z.string(),
  object: z.literal("capture"),
  payment: z.string(),
  status: z.enum(["processing", "succeeded", "failed"]),
  amount: z.int(),
  currency: z.string(),
  reference: z.string().nullable(),
  klarna: z.object({ payment_capture_id: z.string().nullable() }),
  failure: z.object({ code: z.string(), message: z.string() }).nullable(),
  created_at: moment,
});
export type CaptureSnapshot = z.infer<typeof CaptureSnapshotSchema>;

export const RefundSnapshotSchema = z.object({
  id: z.string(),
  object: z.literal("refund"),
  payment: z.string(),
  capture: z.string().nullable(),
  status: z.enum(["processing", "succeeded", "failed"]),
  amount: z.int(),
  currency: z.string(),
  reason: z.string().nullable(),
  reference: z.string().nullable(),
  store: neighbour.nullable(),
  terminal: neighbour.nullable(),
  klarna: z.object({ payment_refund_id: z.string().nullable() }),
  failure: z.object({ code: z.string(), message: z.string() }).nullable(),
  created_at: moment,
});
export type RefundSnapshot = z.infer<typeof RefundSnapshotSchema>;

/** Adds the links that hold our address and, for the display, its path-bound token. */
export function presentPayment(
  snapshot: PaymentSnapshot,
  links: { publicUrl: string; displayToken: string },
): PublicPayment {
  const hasQr =
    snapshot.klarna.qr_code !== null && (snapshot.status === "pending" || snapshot.status === "in_progress");
  const base = `${links.publicUrl}/api/v1/payments/${snapshot.id}`;
  return {
    ...snapshot,
    redirect_url: snapshot.klarna.payment_request_url === null ? null : `${links.publicUrl}/pay/${snapshot.id}`,
    qr: hasQr ? { svg_url: `${base}/qr.svg`, png_url: `${base}/qr.png` } : null,
    display_url: `${links.publicUrl}/display/${snapshot.id}?t=${links.displayToken}`,
  };
}

/** Filters of the list, the same in the API and on the screen. */
export const PaymentFilterSchema = z.object({
  status: z.array(PublicStatusSchema).optional(),
  created_from: z.iso.datetime({ offset: true }).optional(),
  created_to: z.iso.datetime({ offset: true }).optional(),
  store: z.string().max(255).optional(),
  terminal: z.string().max(255).optional(),
  reference: z.string().max(255).optional(),
  partner: z.string().max(40).optional(),
  /** Several of each, by id: what the screens choose from lists. */
  partners: z.array(z.string().max(40)).max(50).optional(),
  stores: z.array(z.string().max(40)).max(50).optional(),
  terminals: z.array(z.string().max(40)).max(50).optional(),
  /** Countries of the stores; of what has no store, of the Partner. */
  markets: z.array(z.string().length(2)).max(50).optional(),
  /** Any identifier: ours, Klarna's, a reference, a store or terminal, a value of the metadata, an exact amount. */
  search: z.string().max(255).optional(),
  channels: z.array(z.enum(PAYMENT_CHANNELS)).optional(),
  launches: z.array(z.enum(PAYMENT_LAUNCHES)).optional(),
  rails: z.array(z.enum(PAYMENT_RAILS)).optional(),
  /** Authorized, and not all of it captured or released. */
  left_to_capture: z.boolean().optional(),
  authorization_ends_before: z.iso.datetime({ offset: true }).optional(),
  /** `declined`, or codes of failures. */
  reasons: z.array(z.string().max(60)).max(20).optional(),
  amount_min: z.int().optional(),
  amount_max: z.int().optional(),
  currency: z.string().max(3).optional(),
});
export type PaymentFilter = z.infer<typeof PaymentFilterSchema>;
