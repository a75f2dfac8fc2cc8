import { z } from "zod";
import { HoldPolicySchema, OutcomeSchema } from "../settlements/model";

/** What the simulator remembers of disputes. */

export const DisputeStateSchema = z.enum(["INITIATED", "REPRESENTMENT", "PRE_ARBITRATION", "ARBITRATION", "CLOSED"]);
export type DisputeState = z.infer<typeof DisputeStateSchema>;

export const RepresentmentStateSchema = z.enum([
  "EVIDENCE_REQUESTED",
  "EVIDENCE_RECEIVED",
  "EVIDENCE_REQUEST_EXPIRED",
  "EVIDENCE_WAIVED",
  "REPRESENTMENT_AUTOMATICALLY_REJECTED",
]);

export const DisputeReasonSchema = z.enum([
  "PURCHASE_UNAUTHORIZED",
  "REFUND_NOT_PROCESSED",
  "PRODUCTS_OR_SERVICES_NOT_RECEIVED",
  "PRODUCTS_DEFECTIVE_OR_NOT_AS_DESCRIBED",
  "INCORRECT_AMOUNT",
  "RETURN_NOT_POSSIBLE",
  "PURCHASE_HIGH_RISK",
  "NON_COMPLIANCE",
  "NON_GUARANTEED_PAYMENT_PROGRAM",
]);
export type DisputeReason = z.infer<typeof DisputeReasonSchema>;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** The time to answer. Reasons without a published time get the usual one. */
export const RESPONSE_MS: Record<DisputeReason, number> = {
  PURCHASE_UNAUTHORIZED: 7 * DAY_MS,
  REFUND_NOT_PROCESSED: 21 * DAY_MS,
  PRODUCTS_OR_SERVICES_NOT_RECEIVED: 21 * DAY_MS,
  PRODUCTS_DEFECTIVE_OR_NOT_AS_DESCRIBED: 21 * DAY_MS,
  INCORRECT_AMOUNT: 21 * DAY_MS,
  RETURN_NOT_POSSIBLE: 21 * DAY_MS,
  PURCHASE_HIGH_RISK: 96 * HOUR_MS,
  NON_COMPLIANCE: 21 * DAY_MS,
  NON_GUARANTEED_PAYMENT_PROGRAM: 21 * DAY_MS,
};

export const APPEAL_MS = 10 * DAY_MS;

/** The test persons whose purchases are disputed, by the word in their e-mail address. */
export const REASON_OF_PERSON: Record<string, DisputeReason> = {
  return: "REFUND_NOT_PROCESSED",
  goods_not_received: "PRODUCTS_OR_SERVICES_NOT_RECEIVED",
  already_paid: "INCORRECT_AMOUNT",
  faulty_goods: "PRODUCTS_DEFECTIVE_OR_NOT_AS_DESCRIBED",
  incorrect_invoice: "INCORRECT_AMOUNT",
  high_risk_order: "PURCHASE_HIGH_RISK",
  unauthorized_purchase: "PURCHASE_UNAUTHORIZED",
  non_guaranteed_payment_program: "NON_GUARANTEED_PAYMENT_PROGRAM",
  non_compliance: "NON_COMPLIANCE",
  return_not_possible: "RETURN_NOT_POSSIBLE",
};

const UsedAttachmentSchema = z.object({
  payment_dispute_attachment_id: z.string(),
  description: z.string().nullable(),
});
export type UsedAttachment = z.infer<typeof UsedAttachmentSchema>;

export const CustomerEvidenceSchema = z.object({
  comment: z.string().min(1).max(5_000),
  submitted_at: z.number(),
});

export const ProcessExceptionSchema = z.object({
  exception_type: z.enum(["DISPUTE_WINDOW_EXTENSION", "IMMEDIATE_DISPUTE_RESOLUTION"]),
  exception_reason: z.string(),
  created_at: z.number(),
});
export type ProcessException = z.infer<typeof ProcessExceptionSchema>;

export const DisputeSchema = z.object({
  payment_dispute_id: z.string(),
  dispute_reason: DisputeReasonSchema,
  state: DisputeStateSchema,
  previous_state: DisputeStateSchema.nullable(),
  account_id: z.string(),
  payment_transaction_id: z.string(),
  payment_transaction_reference: z.string().nullable(),
  purchase_reference: z.string().nullable(),
  payment_capture_id: z.string().nullable(),
  payment_capture_reference: z.string().nullable(),
  amount: z.int(),
  currency: z.string(),
  created_by: z.enum(["CUSTOMER", "KLARNA_AGENT"]),
  hold_policy: HoldPolicySchema,
  customer_evidences: z.array(CustomerEvidenceSchema),
  process_exceptions: z.array(ProcessExceptionSchema),
  created_at: z.number(),
  updated_at: z.number(),
  representment: z.object({
    state: RepresentmentStateSchema,
    expires_at: z.number(),
    requested_at: z.number(),
    request_text: z.string().nullable(),
    evidence: z
      .object({
        created_at: z.number(),
        additional_information: z.string().nullable(),
        attachments: z.array(UsedAttachmentSchema),
        proposed_refund_amount: z.int().nullable(),
      })
      .nullable(),
  }),
  arbitration: z
    .object({
      expires_at: z.number(),
      preliminary_outcome: OutcomeSchema,
      preliminary_outcome_detailed: z.string(),
      request: z
        .object({
          requested_at: z.number(),
          additional_information: z.string(),
          attachments: z.array(UsedAttachmentSchema),
        })
        .nullable(),
    })
    .nullable(),
  /** When Klarna decides by itself. */
  decide_at: z.number().nullable(),
  /** What it decides then; null takes the terms. */
  scripted: z.object({ representment: OutcomeSchema.nullable(), arbitration: OutcomeSchema.nullable() }),
  outcome: OutcomeSchema.nullable(),
  outcome_detailed: z.string().nullable(),
  /** What the dispute cost besides its fee. */
  lost_amount: z.int(),
  closed_at: z.number().nullable(),
});
export type Dispute = z.infer<typeof DisputeSchema>;

export const AttachmentSchema = z.object({
  payment_dispute_attachment_id: z.string(),
  payment_dispute_id: z.string(),
  filename: z.string(),
  content_type: z.string(),
  size: z.int(),
  /** Base64. */
  content: z.string(),
  created_at: z.number(),
});
export type Attachment = z.infer<typeof AttachmentSchema>;

/** A payment made by a person whose purchases are disputed; the dispute opens with the first capture. */
export const DisputingPaymentSchema = z.object({ id: z.string(), reason: DisputeReasonSchema });

export const DisputeEnrolmentSchema = z.object({ id: z.string(), client_id: z.string(), created_at: z.number() });
