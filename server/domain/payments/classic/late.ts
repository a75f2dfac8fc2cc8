import type { ServiceContext } from "@/server/context";
import {
  journal,
  type Loaded,
  openOperation,
  postpone,
  settle,
  startDraft,
  step,
} from "@/server/domain/payments/change";
import type { OperationRow, PaymentRecord } from "@/server/domain/payments/rows";
import { ClassicOrderSchema, cancelOrder, readOrder, readOutcome } from "@/server/klarna/classic";
import { callClassic } from "./target";

/**
 * Undoes an order that Klarna placed for a sale that was off: cancels it. Nothing of it is ever captured, for captures are
 * our own calls. Journal kind LATE_VOID.
 */
export async function undoLateOrder(
  ctx: ServiceContext,
  loaded: Pick<Loaded, "payment" | "operations">,
): Promise<PaymentRecord> {
  const { payment } = loaded;
  const orderId = payment.lateTransactionId;
  if (payment.lateApprovalState !== "FOUND" || orderId === null) return payment;
  let operation: OperationRow | undefined = openOperation(loaded.operations, "LATE_VOID");
  if (!operation) {
    await step(ctx, payment.id, (fresh, now) => {
      operation = openOperation(fresh.operations, "LATE_VOID");
      if (operation || fresh.payment.lateApprovalState !== "FOUND") return null;
      const draft = startDraft(fresh);
      operation = journal(draft, "LATE_VOID", now);
      return draft;
    });
  }
  if (!operation) return payment;
  const current = operation;
  const outcome = await callClassic(ctx, payment, (target) =>
    cancelOrder(target, orderId, { idempotencyKey: current.idempotencyKey }),
  );
  const read =
    outcome.kind === "refused" ? await callClassic(ctx, payment, (target) => readOrder(target, orderId)) : null;
  const order = read === null ? null : readOutcome(ClassicOrderSchema, read);
  const isOver = order !== null && ["CANCELLED", "EXPIRED"].includes(order.status.toUpperCase());
  return step(ctx, payment.id, (fresh, now) => {
    const open = fresh.operations.find((row) => row.id === current.id);
    if (!open || open.settledAt !== null) return null;
    const draft = startDraft(fresh);
    const calls = [...outcome.calls, ...(read?.calls ?? [])];
    if (outcome.kind === "answered" || isOver) {
      settle(draft, open, "succeed", { result: "VOIDED", calls }, now);
      draft.after.lateApprovalState = "VOIDED";
      draft.audit.push({ action: "payment.late_approval_undone", after: { result: "VOIDED" } });
    } else if (outcome.kind === "refused" && order !== null) {
      const { code, errorId } = outcome.error;
      settle(draft, open, "fail", { result: "REFUSED", calls, errorCode: code, errorId }, now);
      draft.alarms.push({
        kind: "late_approval_stuck",
        message: "Klarna refused to undo a late approval. It has to be undone by hand.",
      });
    } else postpone(draft, open, calls, outcome.kind !== "not_sent", now);
    return draft;
  });
}
