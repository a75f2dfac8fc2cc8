import { z } from "zod";
import {
  APPEAL_MS,
  type Attachment,
  CustomerEvidenceSchema,
  type Dispute,
  type DisputeReason,
  DisputeReasonSchema,
  type DisputeState,
  type ProcessException,
  REASON_OF_PERSON,
  RESPONSE_MS,
  type UsedAttachment,
} from "./disputes-model";
import { invalid, SimulatedError } from "./errors";
import { iso, newUuid } from "./ids";
import { paymentAccountsOf } from "./management/products";
import type { Account, Transaction } from "./model";
import { parseBody } from "./requests";
import { addLine, disputeFeeOf, termsOf } from "./settlements-lines";
import { HoldPolicySchema, OutcomeSchema } from "./settlements-model";
import { nowFor, type Simulator } from "./simulator";

/** Disputes: how they open, what the Partner and Klarna do with them, what time does, and what all of it costs. */

export type Outcome = z.infer<typeof OutcomeSchema>;

const EVENT_OF_STATE: Record<DisputeState, string> = {
  INITIATED: "payment.dispute.state-change.initiated",
  REPRESENTMENT: "payment.dispute.state-change.representment",
  PRE_ARBITRATION: "payment.dispute.state-change.pre-arbitration",
  ARBITRATION: "payment.dispute.state-change.arbitration",
  CLOSED: "payment.dispute.state-change.closed",
};
const EXTENDED_EVENT = "payment.dispute.updated.representment-deadline-extended";

const NEXT_STATES: Record<DisputeState, readonly DisputeState[]> = {
  INITIATED: ["REPRESENTMENT", "CLOSED"],
  REPRESENTMENT: ["PRE_ARBITRATION", "CLOSED"],
  PRE_ARBITRATION: ["ARBITRATION", "CLOSED"],
  ARBITRATION: ["CLOSED"],
  CLOSED: [],
};

const EXCEPTIONS_MAX = 3;

// --- what others see ---

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

function evidenceView(dispute: Dispute): Record<string, unknown> {
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
function stateContext(dispute: Dispute): Record<string, unknown> {
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

function identifiers(sim: Simulator, dispute: Dispute): Record<string, unknown> {
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
    ...identifiers(sim, dispute),
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

function emitDispute(
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
      ...identifiers(sim, dispute),
      dispute_reason: dispute.dispute_reason,
      state: dispute.state,
      ...(dispute.previous_state === null ? {} : { previous_state: dispute.previous_state }),
      ...block,
      updated_at: iso(dispute.updated_at),
    },
  });
}

// --- money ---

function bookDispute(
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

// --- states ---

function moveDispute(sim: Simulator, account: Account, dispute: Dispute, to: DisputeState, at: number): void {
  if (!NEXT_STATES[dispute.state].includes(to)) {
    throw new SimulatedError("RESOURCE_CONFLICT", `The dispute is ${dispute.state} and cannot become ${to}.`);
  }
  dispute.previous_state = dispute.state;
  dispute.state = to;
  dispute.updated_at = at;
  sim.state.disputes.put(dispute);
  emitDispute(sim, account, dispute, EVENT_OF_STATE[to], stateContext(dispute));
}

function closeDispute(
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

// --- opening ---

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

/** The reason for which a test person disputes, told by the e-mail address. */
export function disputeReasonOf(email: string | undefined): DisputeReason | null {
  const kind = email === undefined ? undefined : /\+disputed-([a-z_]+)@/i.exec(email)?.[1]?.toLowerCase();
  return kind === undefined ? null : (REASON_OF_PERSON[kind] ?? null);
}

/** Remembers on a payment request that its customer will dispute the purchase. */
export function noteDisputingRequest(sim: Simulator, requestId: string, email: string | undefined): void {
  const reason = disputeReasonOf(email);
  if (reason !== null) sim.state.disputingPayments.put({ id: requestId, reason });
}

/** The same on a new transaction: by its own e-mail address, or by that of the request before it. */
export function noteDisputingTransaction(
  sim: Simulator,
  transaction: Transaction,
  email: string | undefined,
  requestId: string | null,
): void {
  const known = requestId === null ? undefined : sim.state.disputingPayments.get(requestId);
  const reason = disputeReasonOf(email) ?? known?.reason ?? null;
  if (reason === null) return;
  sim.state.disputingPayments.put({ id: transaction.payment_transaction_id, reason });
  if (transaction.captures.length > 0) onCapturedForDispute(sim, transaction);
}

/** The first capture of a payment by a disputing person opens the dispute. */
export function onCapturedForDispute(sim: Simulator, transaction: Transaction): void {
  if (sim.state.disputingPayments.size === 0) return;
  const noted = sim.state.disputingPayments.get(transaction.payment_transaction_id);
  if (noted === undefined) return;
  sim.state.disputingPayments.remove(noted.id);
  openDispute(sim, { payment_transaction_id: transaction.payment_transaction_id, reason: noted.reason });
}

/** A refund that leaves less than what is disputed settles the matter between Partner and customer. */
export function onRefundedForDispute(sim: Simulator, account: Account, transaction: Transaction): void {
  if (sim.state.disputes.size === 0) return;
  const left = transaction.captured_amount - transaction.refunded_amount;
  for (const dispute of sim.state.disputes.values()) {
    if (dispute.payment_transaction_id !== transaction.payment_transaction_id) continue;
    if (dispute.state === "CLOSED" || dispute.amount <= left) continue;
    closeDispute(sim, account, dispute, "WON", "refund_issued_by_partner_after_escalation", nowFor(sim, account));
  }
}

// --- what the Partner does ---

const AttachmentsSchema = z
  .array(
    z.looseObject({
      payment_dispute_attachment_id: z.string().min(1).max(255),
      description: z.string().max(1_000).optional(),
    }),
  )
  .min(1)
  .max(10);

const RepresentBodySchema = z.looseObject({
  attachments: AttachmentsSchema,
  additional_information: z.string().min(1).max(5_000).optional(),
  partner_proposed_refund_amount: z.int().min(1).optional(),
});

const AppealBodySchema = z.looseObject({
  additional_information: z.string().min(1).max(10_000),
  attachments: AttachmentsSchema.optional(),
});

function requireEnrolment(sim: Simulator, account: Account): void {
  if (!termsOf(sim, account.account_id).dispute_enrolment_required) return;
  const isEnrolled =
    sim.state.disputeEnrolments.get(account.account_id) !== undefined ||
    sim.state.disputeEnrolments.get(sim.settings().acquirer_account_id) !== undefined;
  if (!isEnrolled) throw new SimulatedError("OPERATION_FORBIDDEN", "The account is not enrolled for disputes.");
}

function requireDisputeState(dispute: Dispute, allowed: readonly DisputeState[], what: string): void {
  if (!allowed.includes(dispute.state)) {
    throw new SimulatedError("RESOURCE_CONFLICT", `The dispute is ${dispute.state}; ${what} is not possible.`);
  }
}

function attachmentsOf(sim: Simulator, dispute: Dispute, given: z.infer<typeof AttachmentsSchema>): UsedAttachment[] {
  const seen = new Set<string>();
  return given.map(({ payment_dispute_attachment_id: id, description }, index) => {
    const parameter = `attachments.${index}.payment_dispute_attachment_id`;
    const attachment = sim.state.disputeAttachments.get(id);
    if (attachment === undefined || attachment.payment_dispute_id !== dispute.payment_dispute_id) {
      throw invalid(parameter, "the attachment does not exist");
    }
    if (seen.has(id)) throw invalid(parameter, "the attachment is named twice");
    seen.add(id);
    return { payment_dispute_attachment_id: id, description: description ?? null };
  });
}

export function acceptLoss(sim: Simulator, account: Account, dispute: Dispute): Record<string, unknown> {
  requireEnrolment(sim, account);
  requireDisputeState(dispute, ["INITIATED", "PRE_ARBITRATION"], "accepting the loss");
  if (dispute.state === "INITIATED") dispute.representment.state = "EVIDENCE_WAIVED";
  closeDispute(sim, account, dispute, "LOST", "partner_accepted_the_loss", nowFor(sim, account));
  return { state: "CLOSED" };
}

export function representDispute(
  sim: Simulator,
  account: Account,
  dispute: Dispute,
  body: unknown,
): Record<string, unknown> {
  requireEnrolment(sim, account);
  const input = parseBody(RepresentBodySchema, body);
  requireDisputeState(dispute, ["INITIATED"], "a representment");
  const proposed = input.partner_proposed_refund_amount ?? null;
  if (proposed !== null && proposed >= dispute.amount) {
    throw invalid("partner_proposed_refund_amount", `must be less than the disputed amount of ${dispute.amount}`);
  }
  const attachments = attachmentsOf(sim, dispute, input.attachments);
  const now = nowFor(sim, account);
  dispute.representment.state = "EVIDENCE_RECEIVED";
  dispute.representment.evidence = {
    created_at: now,
    additional_information: input.additional_information ?? null,
    attachments,
    proposed_refund_amount: proposed,
  };
  dispute.decide_at = now + termsOf(sim, account.account_id).dispute_decision_ms;
  moveDispute(sim, account, dispute, "REPRESENTMENT", now);
  return { state: "REPRESENTMENT", ...evidenceView(dispute) };
}

export function appealDispute(
  sim: Simulator,
  account: Account,
  dispute: Dispute,
  body: unknown,
): Record<string, unknown> {
  requireEnrolment(sim, account);
  const input = parseBody(AppealBodySchema, body);
  requireDisputeState(dispute, ["PRE_ARBITRATION"], "an appeal");
  const attachments = attachmentsOf(sim, dispute, input.attachments ?? []);
  const now = nowFor(sim, account);
  if (dispute.arbitration === null) throw new SimulatedError("INTERNAL_ERROR");
  dispute.arbitration.request = {
    requested_at: now,
    additional_information: input.additional_information,
    attachments,
  };
  dispute.decide_at = now + termsOf(sim, account.account_id).dispute_decision_ms;
  moveDispute(sim, account, dispute, "ARBITRATION", now);
  return { state: "ARBITRATION", created_at: iso(now), additional_information: input.additional_information };
}

// --- files ---

const FILE_BYTES_MAX = 7 * 1024 * 1024;
const FILES_MAX = 50;

const FILE_KINDS = [
  { extensions: ["pdf"], type: "application/pdf", magic: [0x25, 0x50, 0x44, 0x46] },
  { extensions: ["png"], type: "image/png", magic: [0x89, 0x50, 0x4e, 0x47] },
  { extensions: ["jpg", "jpeg"], type: "image/jpeg", magic: [0xff, 0xd8, 0xff] },
  {
    extensions: ["docx"],
    type: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    magic: [0x50, 0x4b, 0x03, 0x04],
  },
];

export function addAttachment(
  sim: Simulator,
  account: Account,
  dispute: Dispute,
  file: { filename: string; bytes: Uint8Array },
): Attachment {
  requireEnrolment(sim, account);
  requireDisputeState(dispute, ["INITIATED", "PRE_ARBITRATION"], "adding evidence");
  const extension = file.filename.slice(file.filename.lastIndexOf(".") + 1).toLowerCase();
  const kind = FILE_KINDS.find(({ extensions }) => extensions.includes(extension));
  if (file.filename.length > 255) throw invalid("filename", "must have at most 255 characters");
  if (kind === undefined) throw invalid("filename", "must end in pdf, jpg, jpeg, png or docx");
  if (file.bytes.byteLength === 0) throw invalid("file", "is empty");
  if (file.bytes.byteLength > FILE_BYTES_MAX) throw invalid("file", "must have at most 7 MB");
  if (!kind.magic.every((byte, index) => file.bytes[index] === byte)) {
    throw invalid("file", `is not what its name says: ${extension}`);
  }
  let count = 0;
  for (const other of sim.state.disputeAttachments.values()) {
    if (other.payment_dispute_id === dispute.payment_dispute_id) count += 1;
  }
  if (count >= FILES_MAX) throw new SimulatedError("OPERATION_FORBIDDEN", "The number of attachments is exceeded.");
  const attachment: Attachment = {
    payment_dispute_attachment_id: newUuid(),
    payment_dispute_id: dispute.payment_dispute_id,
    filename: file.filename,
    content_type: kind.type,
    size: file.bytes.byteLength,
    content: Buffer.from(file.bytes).toString("base64"),
    created_at: nowFor(sim, account),
  };
  sim.state.disputeAttachments.put(attachment);
  return attachment;
}

export function getAttachment(sim: Simulator, dispute: Dispute, attachmentId: string): Attachment {
  const attachment = sim.state.disputeAttachments.get(attachmentId);
  if (attachment === undefined || attachment.payment_dispute_id !== dispute.payment_dispute_id) {
    throw new SimulatedError("RESOURCE_NOT_FOUND", "The attachment does not exist.");
  }
  return attachment;
}

// --- what Klarna's people do, by the control API ---

export const PlayDisputeSchema = z.strictObject({
  action: z.enum(["win", "lose", "expire", "extend", "cancel", "close"]),
  /** Detailed outcome instead of the usual one. */
  outcome_detailed: z.string().max(255).optional(),
  /** For `close`: at once and whatever the state, as an exception to the process. */
  outcome: OutcomeSchema.optional(),
  exception_reason: z.string().max(255).optional(),
  /** For `extend`. */
  days: z.int().min(1).max(365).optional(),
});
export type PlayDispute = z.infer<typeof PlayDisputeSchema>;

const EXTENSION_DAYS = 7;
const DAY_MS = 86_400_000;

function addException(dispute: Dispute, exception: ProcessException): void {
  if (dispute.process_exceptions.length >= EXCEPTIONS_MAX) {
    throw new SimulatedError("OPERATION_FORBIDDEN", "The dispute has had all the exceptions that it may have.");
  }
  dispute.process_exceptions.push(exception);
}

export function playDispute(sim: Simulator, account: Account, dispute: Dispute, input: PlayDispute): void {
  const now = nowFor(sim, account);
  switch (input.action) {
    case "win":
    case "lose":
      decideDispute(sim, account, dispute, input.action === "win" ? "WON" : "LOST", now, input.outcome_detailed);
      return;
    case "cancel":
      requireDisputeState(dispute, ["INITIATED", "REPRESENTMENT", "PRE_ARBITRATION", "ARBITRATION"], "a cancellation");
      closeDispute(sim, account, dispute, "WON", input.outcome_detailed ?? "customer_cancelled_dispute", now);
      return;
    case "expire":
      requireDisputeState(dispute, ["INITIATED", "PRE_ARBITRATION"], "running out of time");
      if (dispute.state === "INITIATED") dispute.representment.expires_at = now;
      else if (dispute.arbitration !== null) dispute.arbitration.expires_at = now;
      touchDispute(sim, account, dispute);
      return;
    case "close":
      requireDisputeState(dispute, ["INITIATED", "REPRESENTMENT", "PRE_ARBITRATION", "ARBITRATION"], "a resolution");
      addException(dispute, {
        exception_type: "IMMEDIATE_DISPUTE_RESOLUTION",
        exception_reason: input.exception_reason ?? "dispute_mis_handled",
        created_at: now,
      });
      closeDispute(
        sim,
        account,
        dispute,
        input.outcome ?? "WON",
        input.outcome_detailed ?? "dispute_opened_under_wrong_dispute_reason",
        now,
      );
      return;
    case "extend": {
      requireDisputeState(dispute, ["INITIATED"], "more time");
      addException(dispute, {
        exception_type: "DISPUTE_WINDOW_EXTENSION",
        exception_reason: input.exception_reason ?? "regulatory_requirement",
        created_at: now,
      });
      const before = dispute.representment.expires_at;
      dispute.representment.expires_at = before + (input.days ?? EXTENSION_DAYS) * DAY_MS;
      dispute.updated_at = now;
      sim.state.disputes.put(dispute);
      emitDispute(sim, account, dispute, EXTENDED_EVENT, {
        updated_fields: { evidence_response_deadline_at: iso(dispute.representment.expires_at) },
        previous_fields: { evidence_response_deadline_at: iso(before) },
      });
    }
  }
}
