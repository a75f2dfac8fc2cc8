import type { ServiceContext } from "@/server/context";
import { MINUTE_MS } from "@/server/core/time";
import type { KlarnaOutcome } from "@/server/klarna/client";
import {
  type Draft,
  inTimeOf,
  isOpenOperation,
  journal,
  type Loaded,
  leavesOpen,
  postpone,
  raiseAlarm,
  settle,
  startDraft,
  step,
} from "./change";
import { isDenied } from "./classic/facts";
import { askForPerson } from "./journey";
import { type RailTransaction, railOf } from "./rail";
import { listOperations } from "./repository";
import type { OperationRow, PaymentRecord } from "./rows";
import { isKeyForgotten, provenBy, settlingStep, wasSent } from "./settling";
import { isLateSoon } from "./wake";

/* An approval that shows up after the end of a payment: recorded, undone, told to a person; the status stays. */

type LateKind = "LATE_VOID" | "LATE_REFUND";
const isLate = (row: OperationRow): boolean => row.kind === "LATE_VOID" || row.kind === "LATE_REFUND";

const STUCK = "late_approval_stuck";

/**
 * Undoes a late approval: voids what is left of it, refunds what was captured at once. Journal kinds LATE_VOID and
 * LATE_REFUND, at most one row of each: what has no answer is repeated with its key; past the life of the key only the
 * transaction is read; and what Klarna refused is looked at until somebody has undone it by hand.
 */
export async function undoLateApproval(
  ctx: ServiceContext,
  loaded: Pick<Loaded, "payment" | "operations">,
): Promise<PaymentRecord> {
  const { payment } = loaded;
  if (payment.lateApprovalState !== "FOUND" || payment.lateTransactionId === null) return payment;
  const { clock } = inTimeOf(ctx, payment);
  const open = loaded.operations.find((row) => isLate(row) && isOpenOperation(row));
  // Somebody has it in hand, or its turn comes.
  if (open && open.nextAttemptAt !== null && open.nextAttemptAt > clock.now()) return payment;
  const isForgotten = open !== undefined && isKeyForgotten({ ...ctx, clock }, open);
  const late = { ...payment, klarnaPaymentTransactionId: payment.lateTransactionId };
  const { outcome: read, transaction } = await railOf(late).readTransaction(ctx, late);
  if (transaction === null) {
    if (!open) return step(ctx, payment.id, wait);
    if (isForgotten) return askForPerson(ctx, payment.id, open.id);
    return settlingStep(ctx, payment.id, open.id, (draft, row, now) => postpone(draft, row, read.calls, false, now));
  }
  if (open && isProven(open, transaction)) return goOn(ctx, await write(ctx, payment, open, provenBy(read.calls)));
  if (!open && leftToUndo(transaction, loaded.operations) === null) return end(ctx, payment, transaction);
  if (open && isForgotten) return askForPerson(ctx, payment.id, open.id);
  const operation = open ?? (await begin(ctx, payment, transaction));
  if (!operation) return payment;
  return goOn(ctx, await write(ctx, payment, operation, await call(ctx, late, operation, transaction)));
}

/** Reads what is there now, once more, where the row is settled and the approval may not be undone altogether. */
async function goOn(ctx: ServiceContext, payment: PaymentRecord): Promise<PaymentRecord> {
  if (payment.lateApprovalState !== "FOUND") return payment;
  const operations = await listOperations(ctx.db, payment);
  return operations.some((row) => isLate(row) && isOpenOperation(row))
    ? payment
    : undoLateApproval(ctx, { payment, operations });
}

/** It could not be read: it is tried again, and once that lasts a person is told. */
function wait(fresh: Loaded, now: Date): Draft {
  const draft = startDraft(fresh);
  if (!isLateSoon(fresh.payment, now))
    raiseAlarm(
      draft,
      STUCK,
      "A late approval cannot be read at Klarna. It is tried again; look at it in Klarna's portal.",
    );
  return draft;
}

const isCaptured = ({ state, captures, capturedAmount }: RailTransaction): boolean =>
  captures.length > 0 || (capturedAmount ?? 0) > 0 || state === "COMPLETED";

/** What has to be undone, the release before the refund; null when nothing of the approval is left. */
function whatIsLeft(transaction: RailTransaction): LateKind | null {
  const { state } = transaction;
  if (state === "CLOSED") return null;
  const isOpen = state === "AUTHORIZED" || state === "EXPIRED" || !isCaptured(transaction);
  return isOpen ? "LATE_VOID" : refundLeft(transaction);
}

function refundLeft(transaction: RailTransaction): LateKind | null {
  if (!isCaptured(transaction)) return null;
  const taken = transaction.capturedAmount ?? transaction.amount;
  return taken !== null && (transaction.refundedAmount ?? 0) >= taken ? null : "LATE_REFUND";
}

/** The same where Klarna did not release what has ended by itself: nothing can be taken from that any more. */
function leftToUndo(transaction: RailTransaction, operations: readonly OperationRow[]): LateKind | null {
  const left = whatIsLeft(transaction);
  const isOver =
    transaction.state === "EXPIRED" && operations.some((row) => row.kind === "LATE_VOID" && row.state === "FAILED");
  return left === "LATE_VOID" && isOver ? refundLeft(transaction) : left;
}

/** Whether the transaction shows that this call took effect, or that nothing is left for it to do. */
function isProven(operation: OperationRow, transaction: RailTransaction): boolean {
  const left = whatIsLeft(transaction);
  return operation.kind === "LATE_VOID"
    ? left !== "LATE_VOID"
    : left === null || transaction.refunds.some((refund) => refund.reference === operation.id);
}

/** The row of what is left to undo; undefined where it was made before: then what became of it stands. */
async function begin(
  ctx: ServiceContext,
  payment: PaymentRecord,
  transaction: RailTransaction,
): Promise<OperationRow | undefined> {
  let operation: OperationRow | undefined;
  await step(ctx, payment.id, (fresh, now) => {
    operation = undefined;
    const kind = leftToUndo(transaction, fresh.operations);
    if (kind === null || fresh.payment.lateApprovalState !== "FOUND") return null;
    const draft = startDraft(fresh);
    const made = fresh.operations.find((row) => row.kind === kind);
    if (made === undefined) operation = journal(draft, kind, now);
    else if (made.settledAt !== null && now.getTime() - made.settledAt.getTime() > MINUTE_MS)
      raiseAlarm(draft, STUCK, "A late approval is not undone altogether. The rest of it has to be undone by hand.");
    return draft;
  });
  return operation;
}

async function call(
  ctx: ServiceContext,
  late: PaymentRecord,
  { kind, id, idempotencyKey }: OperationRow,
  transaction: RailTransaction,
): Promise<KlarnaOutcome> {
  const rail = railOf(late);
  const [part] = transaction.captures;
  const captured = part?.amount ?? transaction.capturedAmount ?? transaction.amount ?? late.amount;
  if (kind === "LATE_VOID") {
    const amountCaptured = isCaptured(transaction) ? captured : 0;
    return (await rail.void(ctx, { ...late, amountCaptured }, { idempotencyKey, reference: id })).outcome;
  }
  if (late.rail === "NETWORK" && part === undefined)
    return { kind: "not_sent", reason: "capture_id_unknown", calls: [] };
  const { outcome, refundId } = await rail.refund(ctx, late, {
    idempotencyKey,
    amount: captured,
    reference: id,
    captureId: part?.id ?? null,
    reason: "Approval after the end of the sale",
    lineItems: [],
  });
  // An answer that names no refund proves nothing: the same key is asked again.
  return outcome.kind === "answered" && refundId === null
    ? { kind: "unknown", reason: "no_refund_id", calls: outcome.calls }
    : outcome;
}

/** Settles the row by its answer. What the payment is then, the next read says. */
function write(
  ctx: ServiceContext,
  payment: PaymentRecord,
  operation: OperationRow,
  outcome: KlarnaOutcome,
): Promise<PaymentRecord> {
  return settlingStep(ctx, payment.id, operation.id, (draft, open, now) => {
    const { calls } = outcome;
    if (outcome.kind === "answered") {
      settle(draft, open, "succeed", { result: open.kind === "LATE_VOID" ? "VOIDED" : "REFUNDED", calls }, now);
      return;
    }
    if (outcome.kind !== "refused") {
      postpone(draft, open, calls, wasSent(outcome), now);
      return;
    }
    raiseAlarm(draft, STUCK, "Klarna refused to undo a late approval. It has to be undone by hand.");
    const { status, code, errorId } = outcome.error;
    // Refused for the credentials the call was never looked at: it goes on once they are right.
    if (status === 401 || isDenied(code) || leavesOpen(outcome, open, now)) postpone(draft, open, calls, true, now);
    else settle(draft, open, "fail", { result: "REFUSED", calls, errorCode: code, errorId }, now);
  });
}

function applyUndone(draft: Draft, transaction: RailTransaction): void {
  const result = isCaptured(transaction) ? "REFUNDED" : "VOIDED";
  draft.after.lateApprovalState = result;
  draft.audit.push({ action: "payment.late_approval_undone", after: { result } });
  draft.clearedAlarms.push(STUCK);
}

/** Klarna's books show that nothing of the approval is left, whoever undid it. */
function end(ctx: ServiceContext, payment: PaymentRecord, transaction: RailTransaction): Promise<PaymentRecord> {
  return step(ctx, payment.id, (fresh, now) => {
    if (fresh.payment.lateApprovalState !== "FOUND") return null;
    const draft = startDraft(fresh);
    applyUndone(draft, transaction);
    for (const row of fresh.operations)
      if (isLate(row) && isOpenOperation(row)) settle(draft, row, "succeed", { result: "UNDONE" }, now);
    return draft;
  });
}
