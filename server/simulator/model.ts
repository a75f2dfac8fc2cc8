import { z } from "zod";
import { TokenRequestSchema } from "./customer-tokens-model";
import { ManagedAccountShape, ManagedStoreShape } from "./management/model";
import { CustomerSchema, ShippingSchema } from "./purchase-data";

/** Everything the simulator remembers. Times are epoch milliseconds on the simulator's own clock. */

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Switches that exist for the whole simulator and can be overridden for one account. */
export const SwitchesSchema = z.object({
  /** Field names and headers of the older guides, of the newest pages, or both together. */
  names: z.enum(["legacy", "current", "both"]),
  /** Whether a read of a COMPLETED request carries the token. */
  read_shows_token: z.boolean(),
  /** null: as the names tell, 3 hours on the newest pages and 48 on the older ones. */
  request_expiry_ms: z.number().int().min(1).nullable(),
  final_window_ms: z.number().int().min(1),
  authorization_period_ms: z.number().int().min(1),
  reauthorize_grace_ms: z.number().int().min(1),
  /** Answer to a final authorization that comes after the window. */
  late_final: z.enum(["forbidden", "declined"]),
  accept_unknown_stores: z.boolean(),
  /** Whether the last two digits of an amount steer the outcome. */
  amount_triggers: z.boolean(),
  /** Whether 08, 09 and 10 also steer captures, refunds and updates by an amount of their own. */
  operation_triggers: z.boolean(),
  /** Where webhooks put the token. */
  token_place: z.enum(["top", "state_context", "both"]),
  /** Amounts above this are declined. */
  amount_max: z.number().int().min(1),
  /** Whether Klarna answers for new payments at once, or the money has to come first. */
  payment_funding: z.enum(["GUARANTEED", "NON_GUARANTEED"]),
  /** What becomes of the denied test persons: declined at once, or after a step-up in the journey. */
  denied_person: z.enum(["at_once", "in_journey"]),
  /** A saved customer who is present is stepped up above this amount. */
  token_charge_limit: z.number().int().min(0),
});
export type Switches = z.infer<typeof SwitchesSchema>;

export const SettingsSchema = SwitchesSchema.extend({
  id: z.literal("settings"),
  /** Whether an unknown account in the path is created on first use. */
  auto_accounts: z.boolean(),
  /** `klarna`: https on 443 or 8443 only. `loopback`: also http to this machine. */
  webhook_targets: z.enum(["klarna", "loopback"]),
  webhook_timeout_ms: z.number().int().min(1),
  /** Whether calls are counted against Klarna's quotas, and against which. */
  rate_limits: z.enum(["off", "test", "live"]),
  clock_offset_ms: z.number().int(),
  /** How many times faster than the machine's the clock runs, and since when (machine time). */
  clock_speed: z.number().min(1).max(100_000),
  clock_speed_since: z.number().int(),
  /** What the classic in-store flow does where the documents leave it open. */
  classic_qr_delay_ms: z.number().int().min(0),
  classic_session_open_ms: z.number().int().min(1),
  classic_cancel_word: z.enum(["CANCELED", "CANCELLED"]),
  api_key: z.string(),
  acquirer_account_id: z.string(),
});
export type Settings = z.infer<typeof SettingsSchema>;

export const DEFAULT_SETTINGS = {
  id: "settings",
  names: "both",
  read_shows_token: true,
  request_expiry_ms: null,
  final_window_ms: HOUR_MS,
  authorization_period_ms: 28 * DAY_MS,
  reauthorize_grace_ms: 7 * DAY_MS,
  late_final: "forbidden",
  accept_unknown_stores: false,
  amount_triggers: true,
  operation_triggers: false,
  token_place: "both",
  amount_max: 2_147_483_647,
  payment_funding: "GUARANTEED",
  denied_person: "at_once",
  token_charge_limit: 50_000,
  auto_accounts: false,
  webhook_targets: "loopback",
  webhook_timeout_ms: 10_000,
  rate_limits: "off",
  clock_offset_ms: 0,
  clock_speed: 1,
  clock_speed_since: 0,
  classic_qr_delay_ms: 300,
  classic_session_open_ms: 46 * HOUR_MS,
  classic_cancel_word: "CANCELLED",
} as const satisfies Omit<Settings, "api_key" | "acquirer_account_id">;

/** Settings as they stand in the file, which may have been written before one of them existed. */
export const StoredSettingsSchema = z
  .looseObject({})
  .transform((stored) => SettingsSchema.parse({ ...DEFAULT_SETTINGS, ...stored }));

export const REQUEST_EXPIRY_MS = { legacy: 48 * HOUR_MS, current: 3 * HOUR_MS, both: 3 * HOUR_MS };
export const IDEMPOTENCY_MEMORY_MS = DAY_MS;
export const WEBHOOK_RETRY_STEPS_MS = [10_000, 2 * MINUTE_MS, 15 * MINUTE_MS, 3 * HOUR_MS, 6 * HOUR_MS, 12 * HOUR_MS];

export const StoreSchema = z.object({
  store_id: z.string(),
  store_reference: z.string().nullable(),
  name: z.string().nullable(),
  type: z.enum(["PHYSICAL_STORE", "WEBSITE", "MOBILE_APP"]),
  address: z.record(z.string(), z.unknown()).nullable(),
  onboarded_by: z.enum(["control", "inline", "management"]),
  ...ManagedStoreShape,
});
export type Store = z.infer<typeof StoreSchema>;

export const AccountSchema = z.object({
  account_id: z.string(),
  name: z.string(),
  country: z.string(),
  product_instance_id: z.string(),
  stores: z.array(StoreSchema),
  switches: SwitchesSchema.partial(),
  clock_offset_ms: z.number().int(),
  created_at: z.number(),
  ...ManagedAccountShape,
});
export type Account = z.infer<typeof AccountSchema>;

export const RequestStateSchema = z.enum(["SUBMITTED", "IN_PROGRESS", "COMPLETED", "EXPIRED", "CANCELED", "DECLINED"]);
export type RequestState = z.infer<typeof RequestStateSchema>;

export const LineItemSchema = z.looseObject({
  name: z.string().min(1).max(255),
  quantity: z.number().positive(),
  total_amount: z.number().int(),
});

export type LineItem = z.infer<typeof LineItemSchema>;

export const PlanSchema = z.enum(["pay_now", "pay_in_30_days", "pay_in_3", "financing"]);
export type Plan = z.infer<typeof PlanSchema>;

export const JourneySchema = z.object({
  step: z.enum(["phone", "code", "plan", "review"]),
  persona: z.enum(["approved", "denied"]),
  phone: z.string(),
  plan: PlanSchema.nullable(),
  problem: z.string().nullable(),
});
export type Journey = z.infer<typeof JourneySchema>;

export const PaymentRequestSchema = z.object({
  payment_request_id: z.string(),
  payment_request_reference: z.string().nullable(),
  account_id: z.string(),
  amount: z.number().int(),
  currency: z.string(),
  country: z.string(),
  state: RequestStateSchema,
  previous_state: RequestStateSchema.nullable(),
  state_reason: z.string().nullable(),
  created_at: z.number(),
  updated_at: z.number(),
  expires_at: z.number(),
  completed_at: z.number().nullable(),
  method: z.enum(["HANDOVER", "QR_CODE"]),
  return_url: z.string().nullable(),
  purchase_reference: z.string().nullable(),
  payment_transaction_reference: z.string().nullable(),
  store: z.object({ store_id: z.string(), name: z.string().nullable() }).nullable(),
  terminal_reference: z.string().nullable(),
  line_items: z.array(LineItemSchema),
  session_token: z.string().nullable(),
  payment_token: z.string().nullable(),
  /** Outcome of the final authorization: the answer is given again for the same token. */
  final: z
    .object({
      result: z.string(),
      payment_transaction_id: z.string().nullable(),
      body: z.string(),
      at: z.number(),
    })
    .nullable(),
  journey: JourneySchema.nullable(),
  /** A saved customer was asked for, and came of it when the customer agreed. */
  customer_token_request: TokenRequestSchema.nullable(),
  customer_token: z.string().nullable(),
  /** Only a saved customer is asked for; the amount is 0. */
  is_token_only: z.boolean(),
  /** A denied test person was named: the journey ends in DECLINED. */
  is_denied_person: z.boolean(),
  /** The saved customer whose charge led to this request. */
  charged_token: z.string().nullable(),
  collect_customer_profile: z.array(z.string()),
  has_shipping_config: z.boolean(),
  /** A test session of Express checkout: any amount may be authorized, once. */
  is_open_amount: z.boolean(),
  /** Asked for without the authorize operation, as Express checkout does. */
  is_express: z.boolean(),
});
export type PaymentRequest = z.infer<typeof PaymentRequestSchema>;

export const TransactionStateSchema = z.enum(["AUTHORIZED", "EXPIRED", "COMPLETED", "CLOSED"]);
export type TransactionState = z.infer<typeof TransactionStateSchema>;

export const CaptureSchema = z.object({
  payment_capture_id: z.string(),
  payment_capture_reference: z.string().nullable(),
  amount: z.number().int(),
  refunded_amount: z.number().int(),
  shipping: ShippingSchema.optional(),
  created_at: z.number(),
});
export const RefundSchema = z.object({
  payment_refund_id: z.string(),
  payment_refund_reference: z.string().nullable(),
  payment_capture_id: z.string().nullable(),
  amount: z.number().int(),
  created_at: z.number(),
});
export const VoidSchema = z.object({
  payment_void_reference: z.string().nullable(),
  amount: z.number().int(),
  created_at: z.number(),
});

export const TransactionSchema = z.object({
  payment_transaction_id: z.string(),
  payment_transaction_reference: z.string().nullable(),
  payment_request_id: z.string().nullable(),
  payment_request_reference: z.string().nullable(),
  purchase_reference: z.string().nullable(),
  account_id: z.string(),
  amount: z.number().int(),
  currency: z.string(),
  state: TransactionStateSchema,
  captured_amount: z.number().int(),
  refunded_amount: z.number().int(),
  voided_amount: z.number().int(),
  captures: z.array(CaptureSchema),
  refunds: z.array(RefundSchema),
  voids: z.array(VoidSchema),
  operations: z.number().int(),
  created_at: z.number(),
  updated_at: z.number(),
  expires_at: z.number(),
  store_id: z.string().nullable(),
  terminal_reference: z.string().nullable(),
  line_items: z.array(LineItemSchema),
  customer: CustomerSchema.optional(),
  shipping: ShippingSchema.optional(),
  /** Absent: guaranteed and funded. */
  funding: z.enum(["PENDING", "FUNDED", "EXPIRED"]).optional(),
  /** The money of a classic order: it makes no events of the newer kind. */
  is_classic: z.boolean().optional(),
});
export type Transaction = z.infer<typeof TransactionSchema>;

export const IdempotentAnswerSchema = z.object({
  id: z.string(),
  fingerprint: z.string(),
  status: z.number().int(),
  body: z.string(),
  expires_at: z.number(),
});
export type IdempotentAnswer = z.infer<typeof IdempotentAnswerSchema>;

export const SigningKeySchema = z.object({
  signing_key_id: z.string(),
  signing_key: z.string(),
  created_at: z.number(),
});
export type SigningKey = z.infer<typeof SigningKeySchema>;

export const WebhookSchema = z.object({
  webhook_id: z.string(),
  url: z.string(),
  event_types: z.array(z.string()),
  event_version: z.string(),
  signing_key_id: z.string(),
  status: z.enum(["ENABLED", "DISABLED"]),
  created_at: z.number(),
  updated_at: z.number(),
});
export type Webhook = z.infer<typeof WebhookSchema>;

export const DeliverySchema = z.object({
  delivery_id: z.string(),
  webhook_id: z.string(),
  event_id: z.string(),
  event_type: z.string(),
  account_id: z.string(),
  subject_id: z.string(),
  payment_request_reference: z.string().nullable(),
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
  is_badly_signed: z.boolean(),
  /** The first attempt disappears on the way, as if the network had swallowed it. */
  is_first_attempt_lost: z.boolean(),
  /** Kept back until this event type was delivered for the same subject. */
  held_for: z.string().nullable(),
  created_at: z.number(),
});
export type Delivery = z.infer<typeof DeliverySchema>;

export const FaultKindSchema = z.enum([
  "slow",
  "slow_before",
  "status_500",
  "status_503",
  "status_429",
  "timeout",
  "status_500_after",
  "cut_before",
  "cut_after",
  "cut_halfway",
  "malformed",
  "wrong_schema",
  "unknown_word",
  "odd_form",
  "html_502",
  "html_403",
  "decline",
  "approve",
  "step_up",
  "step_up_again",
  "lost",
  "doubled",
  "late",
  "out_of_order",
  "bad_signature",
]);
export type FaultKind = z.infer<typeof FaultKindSchema>;

export const FaultSchema = z.object({
  fault_id: z.string(),
  operation: z.string(),
  account: z.string().nullable(),
  match: z
    .object({
      payment_request_id: z.string(),
      payment_request_reference: z.string(),
      payment_transaction_reference: z.string(),
      purchase_reference: z.string(),
      amount: z.number().int(),
      event_type: z.string(),
      store_reference: z.string(),
      email: z.string(),
    })
    .partial(),
  kind: FaultKindSchema,
  delay_ms: z.number().int().nullable(),
  times: z.number().int().nullable(),
  hits: z.number().int(),
});
export type Fault = z.infer<typeof FaultSchema>;

export const FiredTriggerSchema = z.object({ id: z.string() });
