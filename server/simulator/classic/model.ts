import { z } from "zod";
import { JourneySchema } from "../model";

/** What the classic in-store, hosted page and order management APIs remember. */

const AddressSchema = z.record(z.string(), z.unknown());
const LinesSchema = z.array(z.record(z.string(), z.unknown()));

/** User and password of one merchant. */
export const ClassicCredentialSchema = z.object({
  username: z.string(),
  password: z.string(),
  account_id: z.string(),
  /** An inactive merchant is known but may not sell. */
  is_active: z.boolean(),
  created_at: z.number(),
});
export type ClassicCredential = z.infer<typeof ClassicCredentialSchema>;

export const DistributionStatusSchema = z.enum([
  "WAITING",
  "DISTRIBUTED",
  "ACCESSED",
  "COMPLETED",
  "CANCELLED",
  "FAILED",
]);
export type DistributionStatus = z.infer<typeof DistributionStatusSchema>;

export const DistributionSchema = z.object({
  method: z.string(),
  short_code: z.string().nullable(),
  status_update: z.string().nullable(),
  /** When the QR code is there. */
  ready_at: z.number(),
});

export const ClassicSessionSchema = z.object({
  session_id: z.string(),
  account_id: z.string(),
  acquiring_channel: z.string(),
  purchase_country: z.string(),
  purchase_currency: z.string(),
  locale: z.string(),
  order_amount: z.int(),
  order_tax_amount: z.int(),
  order_lines: LinesSchema,
  merchant_reference1: z.string().nullable(),
  merchant_reference2: z.string().nullable(),
  billing_address: AddressSchema.nullable(),
  shipping_address: AddressSchema.nullable(),
  attachment: z.object({ content_type: z.string(), body: z.string() }).nullable(),
  client_token: z.string(),
  store: z.object({ store_id: z.string(), name: z.string().nullable() }).nullable(),
  terminal_reference: z.string().nullable(),
  distribution: DistributionSchema.nullable(),
  /** Where the customer is; also kept for sessions without a distribution. */
  status: DistributionStatusSchema,
  error_code: z.string().nullable(),
  hpp_session_id: z.string().nullable(),
  order_id: z.string().nullable(),
  authorization_token: z.string().nullable(),
  created_at: z.number(),
  updated_at: z.number(),
  /** Nobody can pay after this. */
  closes_at: z.number(),
  /** The session itself is gone after this. */
  expires_at: z.number(),
  journey: JourneySchema.nullable(),
});
export type ClassicSession = z.infer<typeof ClassicSessionSchema>;

export const AuthorizationSchema = z.object({
  authorization_token: z.string(),
  account_id: z.string(),
  session_id: z.string(),
  expires_at: z.number(),
  /** The order or customer token that it was turned into. */
  used_for: z.string().nullable(),
  is_released: z.boolean(),
});
export type Authorization = z.infer<typeof AuthorizationSchema>;

export const OrderCaptureSchema = z.object({
  capture_id: z.string(),
  payment_capture_id: z.string(),
  klarna_reference: z.string(),
  captured_amount: z.int(),
  captured_at: z.number(),
  description: z.string().nullable(),
  reference: z.string().nullable(),
  order_lines: LinesSchema,
  shipping_info: LinesSchema,
  due_date: z.number(),
});
export type OrderCapture = z.infer<typeof OrderCaptureSchema>;

export const OrderRefundSchema = z.object({
  refund_id: z.string(),
  refunded_amount: z.int(),
  refunded_at: z.number(),
  description: z.string().nullable(),
  reference: z.string().nullable(),
  order_lines: LinesSchema,
});
export type OrderRefund = z.infer<typeof OrderRefundSchema>;

/** An order. Its money stands in the payment transaction of the same number, as every other payment's. */
export const ClassicOrderSchema = z.object({
  order_id: z.string(),
  payment_transaction_id: z.string(),
  account_id: z.string(),
  session_id: z.string(),
  klarna_reference: z.string(),
  placed_by: z.enum(["KLARNA", "MERCHANT"]),
  purchase_country: z.string(),
  locale: z.string(),
  original_order_amount: z.int(),
  order_tax_amount: z.int(),
  order_lines: LinesSchema,
  description: z.string().nullable(),
  merchant_reference1: z.string().nullable(),
  merchant_reference2: z.string().nullable(),
  billing_address: AddressSchema.nullable(),
  shipping_address: AddressSchema.nullable(),
  fraud_status: z.enum(["ACCEPTED", "PENDING", "REJECTED"]),
  is_cancelled: z.boolean(),
  is_acknowledged: z.boolean(),
  captures: z.array(OrderCaptureSchema),
  refunds: z.array(OrderRefundSchema),
  created_at: z.number(),
});
export type ClassicOrder = z.infer<typeof ClassicOrderSchema>;

export const HppStatusSchema = z.enum([
  "WAITING",
  "BACK",
  "IN_PROGRESS",
  "MANUAL_ID_CHECK",
  "COMPLETED",
  "CANCELLED",
  "FAILED",
  "DISABLED",
  "ERROR",
  "TIMEOUT",
]);
export type HppStatus = z.infer<typeof HppStatusSchema>;

export const HppSessionSchema = z.object({
  hpp_session_id: z.string(),
  account_id: z.string(),
  session_id: z.string(),
  place_order_mode: z.enum(["PLACE_ORDER", "CAPTURE_ORDER", "NONE"]),
  merchant_urls: z.object({
    success: z.string().nullable(),
    cancel: z.string().nullable(),
    back: z.string().nullable(),
    failure: z.string().nullable(),
    error: z.string().nullable(),
    status_update: z.string().nullable(),
  }),
  status: HppStatusSchema,
  distributions: z.array(z.object({ method: z.string(), contact: z.record(z.string(), z.unknown()), at: z.number() })),
  created_at: z.number(),
  updated_at: z.number(),
  expires_at: z.number(),
});
export type HppSession = z.infer<typeof HppSessionSchema>;

export const CallbackSchema = z.object({
  callback_id: z.string(),
  account_id: z.string(),
  session_id: z.string(),
  kind: z.enum(["distribution", "hpp"]),
  url: z.string(),
  status_word: z.string(),
  body: z.string(),
  status: z.enum(["PENDING", "DELIVERED", "FAILED", "LOST"]),
  attempts: z.array(
    z.object({
      at: z.number(),
      status: z.number().nullable(),
      error: z.string().nullable(),
      duration_ms: z.number(),
    }),
  ),
  next_attempt_at: z.number().nullable(),
  is_first_attempt_lost: z.boolean(),
  created_at: z.number(),
});
export type Callback = z.infer<typeof CallbackSchema>;

/** Somebody who scanned the printed QR code and reads a short code to the cashier. */
export const ShortCodeSchema = z.object({
  visit_id: z.string(),
  short_code: z.string(),
  session_id: z.string().nullable(),
  created_at: z.number(),
  expires_at: z.number(),
});
export type ShortCode = z.infer<typeof ShortCodeSchema>;
