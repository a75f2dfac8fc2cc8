import { formatMoney } from "@/server/core/money";
import { type Draft, move, raiseAlarm } from "./change";

/* Approvals that must not stand: marked here in the draft that learns of them; `late.ts` undoes them afterwards. */

/** Records an approval of a payment that ended unpaid. The status stays; a person is told; the undo is journalled next. */
export function recordLateApproval(draft: Draft, transactionId: string): void {
  if (draft.after.lateApprovalState !== null) return;
  draft.after.lateTransactionId = transactionId;
  draft.after.lateApprovalState = "FOUND";
  draft.audit.push({ action: "payment.late_approval_found", after: { payment_transaction_id: transactionId } });
  raiseAlarm(
    draft,
    "late_approval",
    "Klarna approved a payment that was already over here. It is voided or refunded now.",
  );
}

/**
 * Klarna approved another amount than was asked for: it is no sale, and nothing of it is kept, also where Klarna has captured
 * it at once. A person is told. More is what nobody agreed to pay. Less is what no till looks for: it takes `completed` or
 * `authorized` for the amount that it asked, the goods are handed over, and nobody asks the customer for the rest; a sale
 * that failed is paid in another way. Klarna's pages know no approval of a part, so no rightful sale is lost by it.
 */
export function refuseOtherAmount(draft: Draft, transactionId: string, amount: number): void {
  const { after } = draft;
  after.failureCode = "klarna_error";
  const text = (value: number): string => formatMoney(value, after.currency);
  raiseAlarm(
    draft,
    "amount_differs",
    `Klarna approved ${text(amount)} where ${text(after.amount)} was asked for. The sale failed; all of it is voided or refunded.`,
  );
  move(draft, "fail");
  recordLateApproval(draft, transactionId);
}
