import { z } from "zod";

/** What the settlement side remembers. Money is signed: what the Acquiring Partner gets is positive. */

export const HoldPolicySchema = z.enum(["NONE", "ON_DISPUTE_INITIATED"]);
export type HoldPolicy = z.infer<typeof HoldPolicySchema>;

export const OutcomeSchema = z.enum(["WON", "LOST"]);

/** Prices and rules. One document holds them for everybody; an account's own replaces single values. */
export const TermsSchema = z.object({
  /** Percentage fee on a capture, in hundredths of a percent. */
  fee_basis_points: z.int().min(0).max(10_000),
  /** Fixed fee on a capture in minor units; null takes the table by currency. */
  fee_fixed: z.int().min(0).nullable(),
  /** Tax on fees, in hundredths of a percent; null takes the usual rate of the account's country. */
  tax_basis_points: z.int().min(0).max(10_000).nullable(),
  /** Fee when a dispute opens, not given back even when it is won; null takes the table by currency. */
  dispute_fee: z.int().min(0).nullable(),
  /** Whether the disputed amount is kept back from the opening on, or taken when the dispute is lost. */
  hold_policy: HoldPolicySchema,
  /** Disputes below this amount are lost without being asked about. */
  dispute_threshold: z.int().min(0),
  /** How long Klarna takes to decide. */
  dispute_decision_ms: z.int().min(1),
  /** What it decides when nobody says otherwise. */
  representment_outcome: OutcomeSchema,
  arbitration_outcome: OutcomeSchema,
  /** Whether disputes may be answered only for accounts that are enrolled. */
  dispute_enrolment_required: z.boolean(),
  /** How long a payout is on its way. */
  payout_ms: z.int().min(0),
});
export type Terms = z.infer<typeof TermsSchema>;

export const TermsDocumentSchema = z.object({ id: z.string(), terms: TermsSchema.partial() });

const DAY_MS = 86_400_000;

export const DEFAULT_TERMS: Terms = {
  fee_basis_points: 299,
  fee_fixed: null,
  tax_basis_points: null,
  dispute_fee: null,
  hold_policy: "ON_DISPUTE_INITIATED",
  dispute_threshold: 0,
  dispute_decision_ms: 5 * DAY_MS,
  representment_outcome: "WON",
  arbitration_outcome: "LOST",
  dispute_enrolment_required: false,
  payout_ms: DAY_MS,
};

/** Fixed fee and dispute fee in minor units. */
export const FEES: Record<string, { fixed: number; dispute: number }> = {
  AUD: { fixed: 30, dispute: 2_500 },
  CAD: { fixed: 30, dispute: 2_000 },
  CHF: { fixed: 30, dispute: 1_500 },
  CZK: { fixed: 750, dispute: 37_000 },
  DKK: { fixed: 250, dispute: 11_000 },
  EUR: { fixed: 35, dispute: 1_500 },
  GBP: { fixed: 20, dispute: 1_500 },
  HUF: { fixed: 10_000, dispute: 600_000 },
  MXN: { fixed: 400, dispute: 30_000 },
  NOK: { fixed: 350, dispute: 17_000 },
  NZD: { fixed: 30, dispute: 2_500 },
  PLN: { fixed: 150, dispute: 6_500 },
  RON: { fixed: 150, dispute: 7_500 },
  SEK: { fixed: 350, dispute: 17_000 },
  USD: { fixed: 30, dispute: 1_500 },
};
export const FALLBACK_FEES = { fixed: 30, dispute: 1_500 };

/** Usual rates of value added tax, in hundredths of a percent. */
export const TAX_RATES: Record<string, number> = {
  AT: 2_000,
  AU: 1_000,
  BE: 2_100,
  CH: 810,
  CZ: 2_100,
  DE: 1_900,
  DK: 2_500,
  ES: 2_100,
  FI: 2_550,
  FR: 2_000,
  GB: 2_000,
  GR: 2_400,
  HU: 2_700,
  IE: 2_300,
  IT: 2_200,
  MX: 1_600,
  NL: 2_100,
  NO: 2_500,
  NZ: 1_500,
  PL: 2_300,
  PT: 2_300,
  RO: 2_100,
  SE: 2_500,
  SK: 2_300,
};

export const LineTypeSchema = z.enum([
  "SALE",
  "RETURN",
  "FEE",
  "REVERSAL",
  "HOLDBACK",
  "RELEASE",
  "CORRECTION",
  "COMMISSION",
  "CHARGE",
  "CREDIT",
]);
export type LineType = z.infer<typeof LineTypeSchema>;

export const LineSchema = z.object({
  line_id: z.string(),
  /** null until a settlement has taken it. */
  settlement_id: z.string().nullable(),
  payment_acquiring_account_id: z.string(),
  account_id: z.string(),
  currency: z.string(),
  type: LineTypeSchema,
  detailed_type: z.string(),
  amount: z.int(),
  tax_amount: z.int(),
  tax_basis_points: z.int(),
  payment_transaction_id: z.string().nullable(),
  payment_transaction_reference: z.string().nullable(),
  purchase_reference: z.string().nullable(),
  payment_capture_id: z.string().nullable(),
  payment_capture_reference: z.string().nullable(),
  payment_refund_id: z.string().nullable(),
  payment_refund_reference: z.string().nullable(),
  payment_dispute_id: z.string().nullable(),
  comment: z.string().nullable(),
  created_at: z.number(),
});
export type Line = z.infer<typeof LineSchema>;

export const PayoutStatusSchema = z.enum(["PENDING", "PAID", "FAILED"]);

export const PayoutSchema = z.object({
  payout_id: z.string(),
  amount: z.int(),
  status: PayoutStatusSchema,
  created_at: z.number(),
  /** When it arrives, or arrived. */
  paid_at: z.number().nullable(),
});

export const SettlementSchema = z.object({
  settlement_id: z.string(),
  payment_reference: z.string(),
  payment_acquiring_account_id: z.string(),
  currency: z.string(),
  period_start: z.number(),
  /** Exclusive. */
  period_end: z.number(),
  created_at: z.number(),
  transaction_count: z.int(),
  opening_balance: z.int(),
  net_amount: z.int(),
  closing_balance: z.int(),
  payout: PayoutSchema.nullable(),
  file_name: z.string(),
  /** When the file was put on the SFTP server; null while it is not there. */
  uploaded_at: z.number().nullable(),
});
export type Settlement = z.infer<typeof SettlementSchema>;

/** How far the daily run has come. */
export const SettlementRunSchema = z.object({ id: z.literal("daily"), settled_until: z.number() });

export const SftpSettingsSchema = z.object({
  id: z.literal("sftp"),
  host_key: z.string(),
  user: z.string(),
  password: z.string(),
  /** An OpenSSH public key that may log in as well. */
  public_key: z.string().nullable(),
  /** Asked for by the control API; a port in the environment starts the server in any case. */
  is_enabled: z.boolean(),
  port: z.int().min(0).max(65_535),
});
export type SftpSettings = z.infer<typeof SftpSettingsSchema>;
