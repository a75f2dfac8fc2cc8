import type { Account, Transaction } from "../model";
import { nowFor, type Simulator } from "../simulator";
import { type DisputeReason, REASON_OF_PERSON } from "./model";
import { openDispute } from "./opening";
import { closeDispute } from "./states";

/** What a payment does to disputes: those of test persons open with the first capture, a refund may end one. */

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
