import { z } from "zod";

/** What the management side remembers. Times are epoch milliseconds on the simulator's clock. */

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

export const AccountStateSchema = z.enum(["PARTIALLY_OPERATIONAL", "OPERATIONAL", "DISABLED"]);
export type AccountState = z.infer<typeof AccountStateSchema>;

export const ProductStateSchema = z.enum(["ENABLED", "DISABLED", "TERMINATED"]);
export type ProductState = z.infer<typeof ProductStateSchema>;

/** The one Payment Product of an account; its id is the account's `product_instance_id`. */
export const PaymentProductSchema = z.object({
  state: ProductStateSchema,
  /** Where a change that needs its time is going. */
  pending_state: ProductStateSchema.nullable(),
  payment_profile_id: z.string().nullable(),
  changed_at: z.number().nullable(),
  changed_by: z.enum(["ACQUIRING_PARTNER", "KLARNA"]).nullable(),
  decision_id: z.string().nullable(),
});
export type PaymentProduct = z.infer<typeof PaymentProductSchema>;

export function newProduct(paymentProfileId: string | null): PaymentProduct {
  return {
    state: "ENABLED",
    pending_state: null,
    payment_profile_id: paymentProfileId,
    changed_at: null,
    changed_by: null,
    decision_id: null,
  };
}

export const DataSchema = z.record(z.string(), z.unknown());
export type Data = z.infer<typeof DataSchema>;

/** What only the management side adds to an account. Accounts made by the control API have the defaults. */
export const ManagedAccountShape = {
  partner_account_reference: z.string().nullable().default(null),
  contact: DataSchema.nullable().default(null),
  supplementary_account_data: DataSchema.nullable().default(null),
  state: AccountStateSchema.default("OPERATIONAL"),
  product: PaymentProductSchema.default(() => newProduct(null)),
  updated_at: z.number().nullable().default(null),
};

/** What only the management side adds to a store. */
export const ManagedStoreShape = {
  store_group_id: z.string().nullable().default(null),
  url: z.string().nullable().default(null),
  platform: z.string().nullable().default(null),
  bundle_names: z.array(z.string()).default(() => []),
};

export const ResourceKindSchema = z.enum(["business_entity", "brand", "store_group", "relationship", "user"]);
export type ResourceKind = z.infer<typeof ResourceKindSchema>;

/** A thing below an account whose fields are kept as they were sent. */
export const ResourceSchema = z.object({
  id: z.string(),
  kind: ResourceKindSchema,
  account_id: z.string(),
  reference: z.string().nullable(),
  /** The brand of a store group. */
  parent_id: z.string().nullable(),
  /** INVITED, ACTIVE for a user; null for the rest. */
  state: z.string().nullable(),
  data: DataSchema,
  created_at: z.number(),
  updated_at: z.number(),
});
export type Resource = z.infer<typeof ResourceSchema>;

export const PaymentAccountSchema = z.object({
  payment_account_id: z.string(),
  payment_account_reference: z.string(),
  account_id: z.string(),
  payment_acquiring_account_id: z.string(),
  default_merchant_category_code: z.string(),
  partner_business_entity_id: z.string(),
  default_store_group_id: z.string(),
  created_at: z.number(),
});
export type PaymentAccount = z.infer<typeof PaymentAccountSchema>;

export const DecisionReasonSchema = z.enum([
  "FRAUDULENT_BEHAVIOUR",
  "NON_COMPLIANT",
  "PROHIBITED_OR_RESTRICTED_SEGMENT",
  "OTHER_RISK",
]);
export type DecisionReason = z.infer<typeof DecisionReasonSchema>;

export const DecisionSchema = z.object({
  decision_id: z.string(),
  account_id: z.string(),
  reason: DecisionReasonSchema,
  outcome: z.enum(["DISABLED", "TERMINATED"]),
  created_at: z.number(),
});
export type Decision = z.infer<typeof DecisionSchema>;

/** Work that happens by itself when its time has come on the account's clock, or at once when asked. */
export const StepSchema = z.object({
  step_id: z.string(),
  kind: z.enum(["account_operational", "brand_check", "product_state", "ip_restrictions"]),
  account_id: z.string().nullable(),
  subject_id: z.string().nullable(),
  due_at: z.number(),
});
export type Step = z.infer<typeof StepSchema>;

export const CredentialSchema = z.object({
  credential_id: z.string(),
  kind: z.enum(["API_KEY", "CLIENT_IDENTIFIER", "CLIENT_CERTIFICATE"]),
  description: z.string(),
  state: z.enum(["ACTIVE", "DISABLED"]),
  /** The key that the acquirer was given to begin with: never disabled for want of use. */
  is_first: z.boolean(),
  client_identifier: z.string().nullable(),
  allowed_domains: z.array(z.string()),
  certificate: z.string().nullable(),
  /** SHA-256 of the certificate, in hex. */
  fingerprint: z.string().nullable(),
  expires_at: z.number().nullable(),
  created_at: z.number(),
  updated_at: z.number(),
  last_used_at: z.number().nullable(),
});
export type Credential = z.infer<typeof CredentialSchema>;

export const DeepLinkSchema = z.object({
  deep_link_id: z.string(),
  jti: z.string(),
  account_id: z.string(),
  user: z.string(),
  roles: z.array(z.string()),
  created_at: z.number(),
  expires_at: z.number(),
  used_at: z.number().nullable(),
});
export type DeepLink = z.infer<typeof DeepLinkSchema>;

export const IpModeSchema = z.enum(["NOT_ENABLED", "REPORTING", "ENFORCED"]);
export type IpMode = z.infer<typeof IpModeSchema>;

export const IpListSchema = z.object({ mode: IpModeSchema, allowed_ip_addresses: z.array(z.string()) });
export type IpList = z.infer<typeof IpListSchema>;

/** What can be set where Klarna's documents leave room, and what holds for the whole acquirer. */
export const ManagementSchema = z.object({
  id: z.literal("management"),
  onboard_status: z.number().int().min(200).max(299),
  /** How long an account stays PARTIALLY_OPERATIONAL. */
  operational_after_ms: z.number().int().min(0),
  /** What an account that is not operational yet refuses. */
  partial_account_refuses: z.enum(["writes", "all", "nothing"]),
  /** How long a product's change takes; Klarna says up to ten minutes. */
  product_change_ms: z.number().int().min(0),
  /** Two changes of one product closer than this: 429. */
  product_interval_ms: z.number().int().min(0),
  /** Whether changes that the acquirer itself made raise events too. */
  own_changes_raise_events: z.boolean(),
  ip_change_ms: z.number().int().min(0),
  /** Whether management calls must say by header which integration they come from. */
  integration_metadata: z.enum(["optional", "required"]).default("optional"),
  key_idle_ms: z.number().int().min(1),
  certificate_validity_ms: z.number().int().min(1),
  deep_link_ms: z.number().int().min(1),
  /** `issued`: the deep link's certificate must be one of the acquirer's client certificates. */
  deep_link_certificates: z.enum(["issued", "any"]),
  event_names: z.object({
    account_operational: z.string().min(1),
    account_disabled: z.string().min(1),
    product_enabled: z.string().min(1),
    product_disabled: z.string().min(1),
    product_terminated: z.string().min(1),
    brand_incomplete: z.string().min(1),
  }),
  mtls_enforced_from: z.number().nullable(),
  ip_list: IpListSchema,
  pending_ip_list: IpListSchema.nullable(),
  ca: z.object({ key: z.string(), certificate: z.string() }).nullable(),
});
export type Management = z.infer<typeof ManagementSchema>;

export const DEFAULT_MANAGEMENT: Management = {
  id: "management",
  onboard_status: 201,
  operational_after_ms: 2_000,
  partial_account_refuses: "writes",
  product_change_ms: 0,
  product_interval_ms: 1_000,
  own_changes_raise_events: false,
  ip_change_ms: 5 * MINUTE_MS,
  integration_metadata: "optional",
  key_idle_ms: 60 * DAY_MS,
  certificate_validity_ms: 365 * DAY_MS,
  deep_link_ms: MINUTE_MS,
  deep_link_certificates: "issued",
  event_names: {
    account_operational: "partner.account.state-change.operational",
    account_disabled: "partner.account.state-change.disabled",
    product_enabled: "partner.account.product.payment.state-change.enabled",
    product_disabled: "partner.account.product.payment.state-change.disabled",
    product_terminated: "partner.account.product.payment.state-change.terminated",
    brand_incomplete: "partner.account.brand.data-incomplete",
  },
  mtls_enforced_from: null,
  ip_list: { mode: "NOT_ENABLED", allowed_ip_addresses: [] },
  pending_ip_list: null,
  ca: null,
};

export const MTLS_AHEAD_MAX_MS = 92 * DAY_MS;
export const IP_ENTRIES_MAX = 100;
