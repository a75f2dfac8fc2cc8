import type { ServiceContext } from "@/server/context";
import type { KlarnaOutcome } from "@/server/klarna/client";
import { readPaymentTransaction, refundCapture, voidTransaction } from "@/server/klarna/payments";
import {
  type Draft,
  isOpenOperation,
  journal,
  type Loaded,
  openOperation,
  postpone,
  settle,
  startDraft,
  step,
} from "./change";
import { undoLateOrder } from "./classic/late";
import { readTransactionOutcome } from "./klarna";
import type { PaymentRecord } from "./rows";

/* An approval that shows up after the end of a payment: recorded, undone, told to a person; the status stays. */

/** Records an approval found for a payment that ended unpaid. The status stays; a person is told; the undo is journalled next. */
export function recordLateApproval(draft: Draft, transactionId: string): void {
  if (draft.after.lateApprovalState !== null) return;
  draft.after.lateTransactionId = transactionId;
  draft.after.lateApprovalState = "FOUND";
  draft.audit.push({ action: "payment.late_approval_found", after: { payment_transaction_id: transactionId } });
  draft.alarms.push({
    kind: "late_approval",
    message: "Klarna approved a payment that was already over here. It is voided or refunded now.",
  });
}

/** Undoes a late approval: voids it, or refunds what was captured at once. Journal kinds LATE_VOID and LATE_REFUND. */
export async function undoLateApproval(
  ctx: ServiceContext,
  loaded: Pick<Loaded, "payment" | "operations">,
): Promise<PaymentRecord> {
  const { payment } = loaded;
  if (payment.lateApprovalState !== "FOUND" || payment.lateTransactionId === null) return payment;
  if (payment.rail === "CLASSIC") return undoLateOrder(ctx, loaded);
  const target = { mode: payment.mode, accountId: payment.accountId, sessionReference: payment.id };
  const transaction = readTransactionOutcome(
    await readPaymentTransaction(ctx.klarna, target, payment.lateTransactionId),
  );
  let operation = loaded.operations.find(
    (row) => (row.kind === "LATE_VOID" || row.kind === "LATE_REFUND") && isOpenOperation(row),
  );
  const state = transaction?.state?.toUpperCase();
  const captureId = transaction?.payment_captures?.[0]?.payment_capture_id ?? transaction?.payment_capture_id ?? null;
  if (!operation) {
    if (!transaction) return step(ctx, payment.id, (fresh) => startDraft(fresh));
    const kind = captureId === null && state !== "COMPLETED" ? "LATE_VOID" : "LATE_REFUND";
    if (state === "CLOSED") {
      return step(ctx, payment.id, (fresh) => {
        const draft = startDraft(fresh);
        draft.after.lateApprovalState = "VOIDED";
        return draft;
      });
    }
    await step(ctx, payment.id, (fresh, now) => {
      operation = openOperation(fresh.operations, kind);
      if (operation) return null;
      const draft = startDraft(fresh);
      operation = journal(draft, kind, now);
      return draft;
    });
  }
  if (!operation) return payment;
  const current = operation;
  const outcome =
    current.kind === "LATE_VOID"
      ? await voidTransaction(ctx.klarna, target, {
          transactionId: payment.lateTransactionId,
          idempotencyKey: current.idempotencyKey,
          reference: current.id,
        })
      : captureId === null
        ? ({ kind: "not_sent", reason: "capture_id_unknown", calls: [] } satisfies KlarnaOutcome)
        : await refundCapture(ctx.klarna, target, {
            transactionId: payment.lateTransactionId,
            captureId,
            idempotencyKey: current.idempotencyKey,
            amount: transaction?.amount ?? payment.amount,
            reference: current.id,
            reason: "Approval after the end of the sale",
            lineItems: [],
          });
  return step(ctx, payment.id, (fresh, now) => {
    const open = fresh.operations.find((row) => row.id === current.id);
    if (!open || open.settledAt !== null) return null;
    const draft = startDraft(fresh);
    if (outcome.kind === "answered") {
      const result = current.kind === "LATE_VOID" ? "VOIDED" : "REFUNDED";
      settle(draft, open, "succeed", { result, calls: outcome.calls }, now);
      draft.after.lateApprovalState = result;
      draft.audit.push({ action: "payment.late_approval_undone", after: { result } });
    } else if (outcome.kind === "refused") {
      settle(
        draft,
        open,
        "fail",
        { result: "REFUSED", calls: outcome.calls, errorCode: outcome.error.code, errorId: outcome.error.errorId },
        now,
      );
      draft.alarms.push({
        kind: "late_approval_stuck",
        message: "Klarna refused to undo a late approval. It has to be undone by hand.",
      });
    } else postpone(draft, open, outcome.calls, outcome.kind === "unknown", now);
    return draft;
  });
}
