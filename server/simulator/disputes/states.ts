import type { z } from "zod";
import { SimulatedError } from "../errors";
import { iso } from "../ids";
import type { Account } from "../model";
import { addLine, termsOf } from "../settlements/lines";
import type { OutcomeSchema } from "../settlements/model";
import { nowFor, type Simulator } from "../simulator";
import { APPEAL_MS, type Dispute, type DisputeState } from "./model";
import { disputeIdentifiers, stateContext } from "./views";

/** How a dispute moves: what Klarna decides, what time does, and what all of it costs. */

export type Outcome = z.infer<typeof OutcomeSchema>;

export const EVENT_OF_STATE: Record<DisputeState, string> = {
  INITIATED: "payment.dispute.state-change.initiated",
  REPRESENTMENT: "payment.dispute.state-change.representment",
  PRE_ARBITRATION: "payment.dispute.state-change.pre-arbitration",
  ARBITRATION: "payment.dispute.state-change.arbitration",
  CLOSED: "payment.dispute.state-change.closed",
};

const NEXT_STATES: Record<DisputeState, readonly DisputeState[]> = {
  INITIATED: ["REPRESENTMENT", "CLOSED"],
  REPRESENTMENT: ["PRE_ARBITRATION", "CLOSED"],
  PRE_ARBITRATION: ["ARBITRATION", "CLOSED"],
  ARBITRATION: ["CLOSED"],
  CLOSED: [],
};

export function emitDispute(
  sim: Simulator,
  account: Account,
  dispute: Dispute,
  type: string,
  block: Record<string, unknown>,
): void {
  sim.emit({
    account,
    type,
    subjectId: dispute.payment_dispute_id,
    facts: {
      payment_transaction_reference: dispute.payment_transaction_reference ?? undefined,
      purchase_reference: dispute.purchase_reference ?? undefined,
    },
    payload: {
      ...disputeIdentifiers(sim, dispute),
      dispute_reason: dispute.dispute_reason,
      state: dispute.state,
      ...(dispute.previous_state === null ? {} : { previous_state: dispute.previous_state }),
      ...block,
      updated_at: iso(dispute.updated_at),
    },
  });
}

export function bookDispute(
  sim: Simulator,
  dispute: Dispute,
  kind: "fee" | "hold" | "release" | "reversal",
  amount: number,
  at: number,
): void {
  const transaction = sim.state.transactions.get(dispute.payment_transaction_id);
  const types = {
    fee: ["FEE", "DISPUTE_FEE"],
    hold: ["HOLDBACK", "UNDER_REVIEW"],
    release: ["RELEASE", "UNDER_REVIEW"],
    reversal: ["REVERSAL", "REVERSAL"],
  } as const;
  const [type, detailedType] = types[kind];
  addLine(sim, {
    line_id: `${dispute.payment_dispute_id}:${kind}`,
    account_id: dispute.account_id,
    currency: dispute.currency,
    type,
    detailed_type: detailedType,
    amount,
    isTaxed: kind === "fee",
    created_at: at,
    transaction,
    capture:
      dispute.payment_capture_id === null
        ? undefined
        : {
            payment_capture_id: dispute.payment_capture_id,
            payment_capture_reference: dispute.payment_capture_reference,
          },
    disputeId: dispute.payment_dispute_id,
  });
}

export function moveDispute(sim: Simulator, account: Account, dispute: Dispute, to: DisputeState, at: number): void {
  if (!NEXT_STATES[dispute.state].includes(to)) {
    throw new SimulatedError("RESOURCE_CONFLICT", `The dispute is ${dispute.state} and cannot become ${to}.`);
  }
  dispute.previous_state = dispute.state;
  dispute.state = to;
  dispute.updated_at = at;
  sim.state.disputes.put(dispute);
  emitDispute(sim, account, dispute, EVENT_OF_STATE[to], stateContext(dispute));
}

export function closeDispute(
  sim: Simulator,
  account: Account,
  dispute: Dispute,
  outcome: Outcome,
  detailed: string,
  at: number,
  lostAmount = outcome === "LOST" ? dispute.amount : 0,
): void {
  dispute.outcome = outcome;
  dispute.outcome_detailed = detailed;
  dispute.lost_amount = lostAmount;
  dispute.closed_at = at;
  dispute.decide_at = null;
  if (dispute.hold_policy === "ON_DISPUTE_INITIATED") bookDispute(sim, dispute, "release", dispute.amount, at);
  if (dispute.lost_amount > 0) bookDispute(sim, dispute, "reversal", -dispute.lost_amount, at);
  moveDispute(sim, account, dispute, "CLOSED", at);
}

/** Klarna's decision on evidence or on an appeal. */
export function decideDispute(
  sim: Simulator,
  account: Account,
  dispute: Dispute,
  outcome: Outcome,
  at: number,
  detailed?: string,
): void {
  if (dispute.state === "REPRESENTMENT") {
    if (outcome === "WON") {
      // What the Partner offered goes to the customer, the rest comes back.
      const proposed = dispute.representment.evidence?.proposed_refund_amount ?? 0;
      const usual =
        proposed > 0 ? "partner_has_refunded_payment_to_customer" : "klarna_resolved_dispute_in_partner_favor";
      closeDispute(sim, account, dispute, outcome, detailed ?? usual, at, proposed);
      return;
    }
    dispute.decide_at = null;
    dispute.arbitration = {
      expires_at: at + APPEAL_MS,
      preliminary_outcome: "LOST",
      preliminary_outcome_detailed: detailed ?? "insufficient_proof_of_delivery",
      request: null,
    };
    moveDispute(sim, account, dispute, "PRE_ARBITRATION", at);
    return;
  }
  if (dispute.state === "ARBITRATION") {
    const usual =
      outcome === "WON" ? "klarna_resolved_dispute_in_partner_favor" : "partner_did_not_perform_promised_refund";
    closeDispute(sim, account, dispute, outcome, detailed ?? usual, at);
    return;
  }
  throw new SimulatedError("RESOURCE_CONFLICT", `The dispute is ${dispute.state}; there is nothing to decide.`);
}

/** Lets time do its work, each step at the moment at which it was due. */
export function touchDispute(sim: Simulator, account: Account, dispute: Dispute): Dispute {
  const now = nowFor(sim, account);
  for (;;) {
    const { representment, arbitration } = dispute;
    if (dispute.state === "INITIATED" && now >= representment.expires_at) {
      representment.state = "EVIDENCE_REQUEST_EXPIRED";
      closeDispute(sim, account, dispute, "LOST", "partner_did_not_reply_to_dispute_request", representment.expires_at);
    } else if (dispute.state === "PRE_ARBITRATION" && arbitration !== null && now >= arbitration.expires_at) {
      const { preliminary_outcome, preliminary_outcome_detailed, expires_at } = arbitration;
      closeDispute(sim, account, dispute, preliminary_outcome, preliminary_outcome_detailed, expires_at);
    } else if (dispute.decide_at !== null && now >= dispute.decide_at) {
      const terms = termsOf(sim, account.account_id);
      const outcome =
        dispute.state === "REPRESENTMENT"
          ? (dispute.scripted.representment ?? terms.representment_outcome)
          : (dispute.scripted.arbitration ?? terms.arbitration_outcome);
      decideDispute(sim, account, dispute, outcome, dispute.decide_at);
    } else {
      return dispute;
    }
  }
}

export function sweepDisputes(sim: Simulator): void {
  for (const dispute of sim.state.disputes.values()) {
    if (dispute.state === "CLOSED") continue;
    const account = sim.state.accounts.get(dispute.account_id);
    if (account !== undefined) touchDispute(sim, account, dispute);
  }
}

export function getDispute(sim: Simulator, disputeId: string): { account: Account; dispute: Dispute } {
  const dispute = sim.state.disputes.get(disputeId);
  const account = dispute === undefined ? undefined : sim.state.accounts.get(dispute.account_id);
  if (dispute === undefined || account === undefined) {
    throw new SimulatedError("RESOURCE_NOT_FOUND", "The dispute does not exist.");
  }
  return { account, dispute: touchDispute(sim, account, dispute) };
}

export function requireDisputeState(dispute: Dispute, allowed: readonly DisputeState[], what: string): void {
  if (!allowed.includes(dispute.state)) {
    throw new SimulatedError("RESOURCE_CONFLICT", `The dispute is ${dispute.state}; ${what} is not possible.`);
  }
}
