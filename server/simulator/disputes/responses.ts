import { z } from "zod";
import { invalid, SimulatedError } from "../errors";
import { iso, newUuid } from "../ids";
import type { Account } from "../model";
import { parseBody } from "../requests";
import { termsOf } from "../settlements/lines";
import { nowFor, type Simulator } from "../simulator";
import type { Attachment, Dispute, UsedAttachment } from "./model";
import { closeDispute, moveDispute, requireDisputeState } from "./states";
import { evidenceView } from "./views";

/** What the Partner does: it accepts the loss, represents, appeals, and hands in files for that. */

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
