import { iso } from "../ids";
import { paymentAccountsOf } from "../management/products";
import type { Simulator } from "../simulator";
import type { Dispute, ProcessException, UsedAttachment } from "./model";

/** What is told of a dispute: in answers, in events and on the panel. */

function attachmentView(used: UsedAttachment): Record<string, unknown> {
  return {
    payment_dispute_attachment_id: used.payment_dispute_attachment_id,
    ...(used.description === null ? {} : { description: used.description }),
  };
}

function representmentView(dispute: Dispute): Record<string, unknown> {
  const { representment } = dispute;
  return {
    state: representment.state,
    expires_at: iso(representment.expires_at),
    request: {
      requested_at: iso(representment.requested_at),
      ...(representment.request_text === null ? {} : { additional_information: representment.request_text }),
    },
    ...(representment.evidence === null ? {} : { partner_evidence: evidenceView(dispute) }),
  };
}

export function evidenceView(dispute: Dispute): Record<string, unknown> {
  const { evidence } = dispute.representment;
  if (evidence === null) return {};
  return {
    created_at: iso(evidence.created_at),
    ...(evidence.additional_information === null ? {} : { additional_information: evidence.additional_information }),
    ...(evidence.proposed_refund_amount === null
      ? {}
      : { partner_proposed_refund_amount: evidence.proposed_refund_amount }),
    attachments: evidence.attachments.map(attachmentView),
  };
}

function preliminaryView(dispute: Dispute): Record<string, unknown> {
  const { arbitration } = dispute;
  if (arbitration === null) return {};
  return {
    preliminary_outcome: arbitration.preliminary_outcome,
    preliminary_outcome_detailed: arbitration.preliminary_outcome_detailed,
  };
}

function appealView(dispute: Dispute): Record<string, unknown> {
  const request = dispute.arbitration?.request ?? null;
  if (request === null) return {};
  return {
    requested_at: iso(request.requested_at),
    additional_information: request.additional_information,
    ...(request.attachments.length === 0 ? {} : { attachments: request.attachments.map(attachmentView) }),
  };
}

/** What the state is about: a block of its own in each. */
export function stateContext(dispute: Dispute): Record<string, unknown> {
  switch (dispute.state) {
    case "INITIATED":
      return { representment: representmentView(dispute) };
    case "REPRESENTMENT":
      return { partner_evidence: evidenceView(dispute) };
    case "PRE_ARBITRATION":
      return {
        ...(dispute.arbitration === null ? {} : { arbitration_expires_at: iso(dispute.arbitration.expires_at) }),
        arbitration: preliminaryView(dispute),
      };
    case "ARBITRATION":
      return { arbitration_request: appealView(dispute) };
    case "CLOSED":
      return {
        dispute_outcome: dispute.outcome,
        ...(dispute.outcome_detailed === null ? {} : { dispute_outcome_detailed: dispute.outcome_detailed }),
        ...(dispute.closed_at === null ? {} : { closed_at: iso(dispute.closed_at) }),
      };
  }
}

export function disputeIdentifiers(sim: Simulator, dispute: Dispute): Record<string, unknown> {
  const account = sim.state.accounts.get(dispute.account_id);
  // Accounts that were not onboarded have no payment account of their own: a stand-in with the same tail.
  const paymentAccount = paymentAccountsOf(sim, dispute.account_id)[0];
  const tail = dispute.account_id.slice(dispute.account_id.lastIndexOf(":") + 1);
  return {
    payment_dispute_id: dispute.payment_dispute_id,
    payment_transaction_id: dispute.payment_transaction_id,
    order_id: dispute.payment_transaction_id.slice(dispute.payment_transaction_id.lastIndexOf(":") + 1),
    partner_account_id: dispute.account_id,
    payment_account_id: paymentAccount?.payment_account_id ?? `krn:partner:global:payment-account:test:${tail}`,
    ...(paymentAccount === undefined ? {} : { payment_account_reference: paymentAccount.payment_account_reference }),
    ...(account === undefined ? {} : { product_id: account.product_instance_id }),
    ...(dispute.payment_transaction_reference === null
      ? {}
      : { payment_transaction_reference: dispute.payment_transaction_reference }),
    ...(dispute.purchase_reference === null ? {} : { purchase_reference: dispute.purchase_reference }),
    ...(dispute.payment_capture_id === null ? {} : { payment_capture_id: dispute.payment_capture_id }),
    ...(dispute.payment_capture_reference === null
      ? {}
      : { payment_capture_reference: dispute.payment_capture_reference }),
  };
}

function exceptionView(exception: ProcessException): Record<string, unknown> {
  return {
    exception_type: exception.exception_type,
    exception_reason: exception.exception_reason,
    created_at: iso(exception.created_at),
  };
}

export function disputeView(sim: Simulator, dispute: Dispute): Record<string, unknown> {
  const isPastFirstStage = dispute.previous_state !== null;
  return {
    ...disputeIdentifiers(sim, dispute),
    dispute_reason: dispute.dispute_reason,
    state: dispute.state,
    ...(dispute.previous_state === null ? {} : { previous_state: dispute.previous_state }),
    dispute_details: {
      dispute_amount: dispute.amount,
      currency: dispute.currency,
      created_by: dispute.created_by,
    },
    customer_evidences: dispute.customer_evidences.map((evidence) => ({
      comment: evidence.comment,
      submitted_at: iso(evidence.submitted_at),
    })),
    process_exceptions: dispute.process_exceptions.map(exceptionView),
    configuration: { base_framework: "FRAMEWORK_2026", options: { hold_policy: dispute.hold_policy } },
    state_context: stateContext(dispute),
    ...(isPastFirstStage ? { representment: representmentView(dispute) } : {}),
    ...(isPastFirstStage && dispute.arbitration !== null
      ? {
          arbitration: {
            ...preliminaryView(dispute),
            expires_at: iso(dispute.arbitration.expires_at),
            ...(dispute.arbitration.request === null ? {} : { arbitration_request: appealView(dispute) }),
          },
        }
      : {}),
    created_at: iso(dispute.created_at),
    updated_at: iso(dispute.updated_at),
  };
}
