import { z } from "zod";
import { invalid, SimulatedError } from "../errors";
import type { Transaction } from "../model";
import { parseBody } from "../requests";
import { disputeFeeOf, termsOf } from "../settlements/lines";
import { HoldPolicySchema, OutcomeSchema } from "../settlements/model";
import { nowFor, type Simulator } from "../simulator";
import { CustomerEvidenceSchema, type Dispute, type DisputeReason, DisputeReasonSchema, RESPONSE_MS } from "./model";
import { bookDispute, closeDispute, EVENT_OF_STATE, emitDispute } from "./states";
import { stateContext } from "./views";

/** How a dispute opens. */

export const OpenDisputeSchema = z.strictObject({
  payment_transaction_id: z.string(),
  payment_capture_id: z.string().optional(),
  reason: DisputeReasonSchema.default("PRODUCTS_OR_SERVICES_NOT_RECEIVED"),
  amount: z.int().min(1).optional(),
  created_by: z.enum(["CUSTOMER", "KLARNA_AGENT"]).optional(),
  hold_policy: HoldPolicySchema.optional(),
  comment: CustomerEvidenceSchema.shape.comment.optional(),
  request_text: z.string().max(5_000).optional(),
  /** What Klarna decides when its time has come. */
  representment_outcome: OutcomeSchema.optional(),
  arbitration_outcome: OutcomeSchema.optional(),
});
export type OpenDispute = z.input<typeof OpenDisputeSchema>;

const COMMENTS: Record<DisputeReason, string> = {
  PURCHASE_UNAUTHORIZED: "I did not make this purchase.",
  REFUND_NOT_PROCESSED: "I sent the goods back and have not been refunded.",
  PRODUCTS_OR_SERVICES_NOT_RECEIVED: "I have not received what I bought.",
  PRODUCTS_DEFECTIVE_OR_NOT_AS_DESCRIBED: "The goods are not as described.",
  INCORRECT_AMOUNT: "The amount is not right.",
  RETURN_NOT_POSSIBLE: "I cannot return the goods.",
  PURCHASE_HIGH_RISK: "Klarna considers this purchase a high risk. Stop the delivery or prove the shipment.",
  NON_COMPLIANCE: "Klarna found a breach of its rules.",
  NON_GUARANTEED_PAYMENT_PROGRAM: "The customer has not paid.",
};

const BY_KLARNA: ReadonlySet<DisputeReason> = new Set<DisputeReason>([
  "PURCHASE_HIGH_RISK",
  "NON_COMPLIANCE",
  "NON_GUARANTEED_PAYMENT_PROGRAM",
]);

/** What can still be disputed: captured, not refunded, and not in another dispute that is open or lost. */
function disputableOf(sim: Simulator, transaction: Transaction): number {
  let left = transaction.captured_amount - transaction.refunded_amount;
  for (const dispute of sim.state.disputes.values()) {
    if (dispute.payment_transaction_id !== transaction.payment_transaction_id) continue;
    left -= dispute.state === "CLOSED" ? dispute.lost_amount : dispute.amount;
  }
  return left;
}

let lastNumber = 0;

function newDisputeId(sim: Simulator): string {
  if (lastNumber === 0) lastNumber = Date.now() % 1_000_000_000;
  do lastNumber += 1;
  while (sim.state.disputes.get(disputeIdOf(lastNumber)) !== undefined);
  return disputeIdOf(lastNumber);
}

function disputeIdOf(number: number): string {
  return `krn:network:eu1:test:payment:dispute:${number}`;
}

export function openDispute(sim: Simulator, body: unknown): Dispute {
  const input = parseBody(OpenDisputeSchema, body);
  const transaction = sim.state.transactions.get(input.payment_transaction_id);
  const account = transaction === undefined ? undefined : sim.state.accounts.get(transaction.account_id);
  if (transaction === undefined || account === undefined) {
    throw new SimulatedError("RESOURCE_NOT_FOUND", "The payment transaction does not exist.");
  }
  const capture =
    input.payment_capture_id === undefined
      ? transaction.captures.length === 1
        ? transaction.captures[0]
        : undefined
      : transaction.captures.find((entry) => entry.payment_capture_id === input.payment_capture_id);
  if (input.payment_capture_id !== undefined && capture === undefined) {
    throw new SimulatedError("RESOURCE_NOT_FOUND", "The capture does not exist.");
  }
  const disputable = disputableOf(sim, transaction);
  if (disputable <= 0) {
    throw new SimulatedError("OPERATION_FORBIDDEN", "Nothing of this payment transaction is left to dispute.");
  }
  const amount = input.amount ?? Math.min(disputable, capture?.amount ?? disputable);
  if (amount > disputable) throw invalid("amount", `exceeds the disputable amount of ${disputable}`);
  const now = nowFor(sim, account);
  const terms = termsOf(sim, account.account_id);
  const dispute: Dispute = {
    payment_dispute_id: newDisputeId(sim),
    dispute_reason: input.reason,
    state: "INITIATED",
    previous_state: null,
    account_id: account.account_id,
    payment_transaction_id: transaction.payment_transaction_id,
    payment_transaction_reference: transaction.payment_transaction_reference,
    purchase_reference: transaction.purchase_reference,
    payment_capture_id: capture?.payment_capture_id ?? null,
    payment_capture_reference: capture?.payment_capture_reference ?? null,
    amount,
    currency: transaction.currency,
    created_by: input.created_by ?? (BY_KLARNA.has(input.reason) ? "KLARNA_AGENT" : "CUSTOMER"),
    hold_policy: input.hold_policy ?? terms.hold_policy,
    customer_evidences: BY_KLARNA.has(input.reason)
      ? []
      : [{ comment: input.comment ?? COMMENTS[input.reason], submitted_at: now }],
    process_exceptions: [],
    created_at: now,
    updated_at: now,
    representment: {
      state: "EVIDENCE_REQUESTED",
      expires_at: now + RESPONSE_MS[input.reason],
      requested_at: now,
      request_text: input.request_text ?? COMMENTS[input.reason],
      evidence: null,
    },
    arbitration: null,
    decide_at: null,
    scripted: {
      representment: input.representment_outcome ?? null,
      arbitration: input.arbitration_outcome ?? null,
    },
    outcome: null,
    outcome_detailed: null,
    lost_amount: 0,
    closed_at: null,
  };
  sim.state.disputes.put(dispute);
  bookDispute(sim, dispute, "fee", -disputeFeeOf(sim, account.account_id, dispute.currency), now);
  if (dispute.hold_policy === "ON_DISPUTE_INITIATED") bookDispute(sim, dispute, "hold", -amount, now);
  emitDispute(sim, account, dispute, EVENT_OF_STATE.INITIATED, stateContext(dispute));
  if (amount < terms.dispute_threshold) {
    dispute.representment.state = "REPRESENTMENT_AUTOMATICALLY_REJECTED";
    closeDispute(sim, account, dispute, "LOST", "partner_accepted_the_loss", now);
  }
  return dispute;
}
