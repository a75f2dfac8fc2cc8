import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { releaseKey, storeAnswer } from "@/server/db/idempotency";
import { getFourEyes, guardApproval, refundNeedsTwo, spendApproval } from "@/server/domain/approvals/service";
import type { KlarnaOutcome } from "@/server/klarna/client";
import { RefundAnswerSchema, readPaymentTransaction, refundCapture, voidTransaction } from "@/server/klarna/payments";
import {
  type Draft,
  journal,
  KEY_LIFE_MS,
  type Loaded,
  lockedStep,
  move,
  openOperation,
  openRefundAmount,
  postpone,
  settle,
  startDraft,
  step,
  toPublic,
} from "./change";
import { askForPerson } from "./journey";
import { readTransactionOutcome, toKlarnaLineItem } from "./klarna";
import { findReturnPlace } from "./point-of-sale";
import { refundPayload } from "./refund-payload";
import { findPayment, listCaptures, listOperations, listRefundRows } from "./repository";
import type { CaptureRow, OperationRow, PaymentRecord, RefundRow } from "./rows";
import type { CreateRefundInput, PublicPayment, RefundSnapshot } from "./schema";
import { snapshotRefund } from "./snapshot";
import { operationMachine } from "./states";

/* After the payment: refunds and voids. The same three beats: journal under the lock, call, settle. */

/** The capture that a refund is for, and how much of it is left. Refunds that may still succeed count. */
function chooseCapture(
  captures: readonly CaptureRow[],
  refunds: readonly RefundRow[],
  input: CreateRefundInput,
): { capture: CaptureRow; left: number } {
  const refundable = captures.filter((capture) => capture.state === "SUCCEEDED");
  if (refundable.length === 0) throw new AppError("payment_not_refundable");
  const named = input.capture === undefined ? undefined : refundable.find((capture) => capture.id === input.capture);
  if (input.capture !== undefined && !named)
    throw new AppError("rule_broken", {
      errors: [{ pointer: "/capture", detail: "is not a capture of this payment" }],
    });
  if (!named && refundable.length > 1)
    throw new AppError("refund_needs_capture", {
      errors: [{ pointer: "/capture", detail: "is needed: the payment has several captures" }],
    });
  const capture = named ?? refundable[0];
  if (!capture) throw new AppError("payment_not_refundable");
  const taken = refunds
    .filter((refund) => refund.captureId === capture.id && refund.state !== "FAILED")
    .reduce((sum, refund) => sum + refund.amount, 0);
  return { capture, left: capture.amount - taken };
}

/**
 * Refunds part or all of a capture: one refund is one call at Klarna.
 *
 * `amount` in minor units of the payment's currency; without it the rest of the capture. The sum is checked under the
 * payment's lock against refunds that succeeded or may still. Answers `succeeded`, `failed` or `processing` (unknown: the
 * same key is repeated, never a second one). Journal kind REFUND.
 *
 * A person who would bring what is given back on the payment above the Partner's limit needs a second one: `approvalId`
 * names the approval of exactly this refund, which is spent in the same transaction. A Partner's own system is its own
 * affair: keys need no approval.
 * Errors: permission_denied, payment_not_found, payment_not_refundable, refund_needs_capture, refund_exceeds_captured, amount_mismatch,
 * store_not_found, terminal_not_found, rule_broken, approval_required, approval_refused.
 * Source: KNR-N1, KNR-N2. Case: S7.
 */
export async function refundPayment(
  ctx: ServiceContext,
  paymentId: string,
  input: CreateRefundInput,
  approvalId: string | null = null,
): Promise<RefundSnapshot> {
  requirePermission(ctx, "payments:refund");
  const existing = await findPayment(ctx.db, ctx.scope, paymentId);
  if (!existing) throw new AppError("payment_not_found");
  const lineSum = sumOfLines(input);
  const [captures, place] = await Promise.all([listCaptures(ctx.db, existing), findReturnPlace(ctx, existing, input)]);
  const refundId = newId("refund");
  const rules =
    ctx.actor.kind === "USER" || ctx.actor.kind === "DEVICE" ? await getFourEyes(ctx.db, existing.partnerId) : null;
  let operation: OperationRow | undefined;
  let chosen: { capture: string; amount: number } | undefined;
  const decide = (loaded: Loaded, now: Date): Draft => {
    if (loaded.payment.amountCaptured === 0) throw new AppError("payment_not_refundable");
    const { capture, left } = chooseCapture(captures, loaded.refunds, input);
    const amount = lineSum ?? input.amount ?? left;
    if (left <= 0)
      throw new AppError("payment_not_refundable", { detail: "Everything that was captured is refunded already." });
    if (amount > left) {
      throw new AppError("refund_exceeds_captured", {
        params: { refundable: left },
        errors: [{ pointer: "/amount", detail: `at most ${left} can still be refunded` }],
      });
    }
    chosen = { capture: capture.id, amount };
    const given = loaded.payment.amountRefunded + openRefundAmount(loaded.refunds);
    if (approvalId === null && rules !== null && refundNeedsTwo(rules, given + amount, loaded.payment.currency))
      throw new AppError("approval_required", { params: { amount, capture: capture.id } });
    const draft = startDraft(loaded);
    draft.newRefunds.push({
      id: refundId,
      partnerId: loaded.payment.partnerId,
      mode: loaded.payment.mode,
      paymentId,
      captureId: capture.id,
      state: "PENDING",
      amount,
      currency: loaded.payment.currency,
      lineItems: input.line_items ?? [],
      ...place,
      reason: input.reason ?? null,
      reference: input.reference ?? null,
      klarnaPaymentRefundId: null,
      failureCode: null,
      createdBy: ctx.actor.id,
      createdAt: now,
      updatedAt: now,
    });
    operation = journal(draft, "REFUND", now, { captureId: capture.id, refundId });
    draft.audit.push({
      action: "refund.requested",
      after: { id: refundId, amount, currency: loaded.payment.currency, approval_id: approvalId },
    });
    return draft;
  };
  const payment = await guardApproval(ctx, approvalId, () =>
    lockedStep(ctx, paymentId, refundId, decide, async (tx) => {
      if (approvalId === null || chosen === undefined) return;
      const payload = refundPayload(paymentId, { ...input, ...chosen });
      await spendApproval(tx, ctx, {
        ...{ id: approvalId, kind: "REFUND", partnerId: existing.partnerId },
        ...{ payload, resultId: refundId },
      });
    }),
  );
  if (operation) await runRefund(ctx, payment, operation);
  const snapshot = await getRefund(ctx, paymentId, refundId);
  if (ctx.idempotency) await storeAnswer(ctx.db, ctx.secrets, ctx.idempotency, snapshot);
  return snapshot;
}

/** What the lines add up to; null without lines. Errors: amount_mismatch. */
function sumOfLines(input: CreateRefundInput): number | null {
  if (!input.line_items) return null;
  const sum = input.line_items.reduce((all, item) => all + item.total_amount, 0);
  if (sum < 1 || (input.amount !== undefined && input.amount !== sum)) {
    throw new AppError("amount_mismatch", {
      errors: [{ pointer: "/line_items", detail: `total_amount adds up to ${sum}, not to the amount` }],
    });
  }
  return sum;
}

/** Errors: permission_denied, payment_not_found, not_found. */
export async function getRefund(ctx: ServiceContext, paymentId: string, refundId: string): Promise<RefundSnapshot> {
  const refund = (await listRefunds(ctx, paymentId)).find((row) => row.id === refundId);
  if (!refund) throw new AppError("not_found");
  return refund;
}

/** Oldest first. Errors: permission_denied, payment_not_found. */
export async function listRefunds(ctx: ServiceContext, paymentId: string): Promise<RefundSnapshot[]> {
  requirePermission(ctx, "payments:read");
  const payment = await findPayment(ctx.db, ctx.scope, paymentId);
  if (!payment) throw new AppError("payment_not_found");
  return (await listRefundRows(ctx.db, payment)).map((refund) => snapshotRefund(refund));
}

/** Makes (or repeats, with the same key) a refund call and writes what is known then. */
export async function runRefund(
  ctx: ServiceContext,
  payment: PaymentRecord,
  operation: OperationRow,
): Promise<PaymentRecord> {
  if (ctx.clock.now().getTime() - operation.openedAt.getTime() >= KEY_LIFE_MS)
    return askForPerson(ctx, payment.id, operation.id);
  const target = { mode: payment.mode, accountId: payment.accountId, sessionReference: payment.id };
  const captures = await listCaptures(ctx.db, payment);
  const refund = (await listRefundRows(ctx.db, payment)).find((row) => row.id === operation.refundId);
  const capture = captures.find((row) => row.id === operation.captureId);
  if (!refund || !capture || payment.klarnaPaymentTransactionId === null) return payment;
  const klarnaCaptureId = capture.klarnaPaymentCaptureId ?? (await lookUpCapture(ctx, payment));
  const outcome: KlarnaOutcome =
    klarnaCaptureId === null
      ? { kind: "not_sent", reason: "capture_id_unknown", calls: [] }
      : await refundCapture(ctx.klarna, target, {
          transactionId: payment.klarnaPaymentTransactionId,
          captureId: klarnaCaptureId,
          idempotencyKey: operation.idempotencyKey,
          amount: refund.amount,
          reference: refund.id,
          reason: refund.reason,
          lineItems: refund.lineItems.map(toKlarnaLineItem),
        });
  return step(ctx, payment.id, (fresh, now) => {
    const open = fresh.operations.find((row) => row.id === operation.id);
    const row = fresh.refunds.find((candidate) => candidate.id === operation.refundId);
    if (!open || !row || open.settledAt !== null) return null;
    const draft = startDraft(fresh);
    applyRefund(draft, open, row, outcome, now);
    return draft;
  });
}

function applyRefund(
  draft: Draft,
  operation: OperationRow,
  refund: RefundRow,
  outcome: KlarnaOutcome,
  now: Date,
): void {
  const answer = outcome.kind === "answered" ? RefundAnswerSchema.safeParse(outcome.body) : null;
  const isOpen = !operationMachine.isTerminal(refund.state);
  if (answer?.success) {
    settle(draft, operation, "succeed", { result: "REFUNDED", calls: outcome.calls }, now);
    const done: RefundRow = {
      ...refund,
      state: operationMachine.next(refund.state, "succeed"),
      klarnaPaymentRefundId: answer.data.payment_refund_id,
      updatedAt: now,
    };
    draft.refunds.push(done);
    draft.refundEvents.push(done);
    draft.after.amountRefunded += refund.amount;
    if (isOpen) draft.openRefunds -= refund.amount;
    draft.extraEvents.push("payment.updated");
    draft.audit.push({
      action: "refund.succeeded",
      after: { id: refund.id, amount: refund.amount, currency: refund.currency },
    });
    return;
  }
  if (outcome.kind === "refused") {
    settle(
      draft,
      operation,
      "fail",
      { result: "REFUSED", calls: outcome.calls, errorCode: outcome.error.code, errorId: outcome.error.errorId },
      now,
    );
    const failed: RefundRow = {
      ...refund,
      state: operationMachine.next(refund.state, "fail"),
      failureCode: "klarna_refused",
      updatedAt: now,
    };
    draft.refunds.push(failed);
    draft.refundEvents.push(failed);
    if (isOpen) draft.openRefunds -= refund.amount;
    draft.audit.push({
      action: "refund.failed",
      after: { id: refund.id, amount: refund.amount, currency: refund.currency, code: outcome.error.code },
    });
    return;
  }
  // A first call that never left us may be given up at once; anything that was sent stays open.
  if (
    outcome.kind === "not_sent" &&
    operation.state === "PENDING" &&
    operation.attempts === 0 &&
    outcome.reason !== "capture_id_unknown"
  ) {
    settle(draft, operation, "fail", { result: "NOT_SENT", calls: outcome.calls }, now);
    const failed: RefundRow = {
      ...refund,
      state: operationMachine.next(refund.state, "fail"),
      failureCode: "klarna_unavailable",
      updatedAt: now,
    };
    draft.refunds.push(failed);
    draft.refundEvents.push(failed);
    if (isOpen) draft.openRefunds -= refund.amount;
    return;
  }
  const wasSent = outcome.kind !== "not_sent";
  postpone(draft, operation, outcome.calls, wasSent, now);
  if (wasSent && refund.state === "PENDING")
    draft.refunds.push({ ...refund, state: operationMachine.next("PENDING", "lose"), updatedAt: now });
}

async function lookUpCapture(ctx: ServiceContext, payment: PaymentRecord): Promise<string | null> {
  if (payment.klarnaPaymentTransactionId === null) return null;
  const target = { mode: payment.mode, accountId: payment.accountId, sessionReference: payment.id };
  const transaction = readTransactionOutcome(
    await readPaymentTransaction(ctx.klarna, target, payment.klarnaPaymentTransactionId),
  );
  return transaction?.payment_captures?.[0]?.payment_capture_id ?? null;
}

/**
 * Releases what is authorized and not captured. The payment becomes VOIDED, or COMPLETED where part was captured.
 * Journal kind VOID. Errors: permission_denied, payment_not_found, payment_not_voidable, klarna_unavailable. Source: KNR-N1.
 */
export async function voidPayment(ctx: ServiceContext, id: string): Promise<PublicPayment> {
  requirePermission(ctx, "payments:void");
  let operation: OperationRow | undefined;
  const begun = await lockedStep(ctx, id, id, (loaded, now) => {
    const { payment } = loaded;
    const open = openOperation(loaded.operations, "VOID");
    if (payment.state === "VOIDED" || open) {
      operation = open;
      return null;
    }
    if (payment.state !== "AUTHORIZED" && payment.state !== "AUTHORIZATION_EXPIRED") {
      throw new AppError("payment_not_voidable", { params: { status: payment.state.toLowerCase() } });
    }
    const draft = startDraft(loaded);
    operation = journal(draft, "VOID", now);
    draft.audit.push({ action: "payment.void_requested" });
    return draft;
  });
  const payment = operation ? await runVoid(ctx, begun, operation) : begun;
  if (operation) await requireVoid(ctx, payment, operation.id);
  const answer = toPublic(ctx, payment);
  if (ctx.idempotency) await storeAnswer(ctx.db, ctx.secrets, ctx.idempotency, answer);
  return answer;
}

/** A definite no is told as one; an open outcome is not an error. */
async function requireVoid(ctx: ServiceContext, payment: PaymentRecord, operationId: string): Promise<void> {
  const settled = (await listOperations(ctx.db, payment)).find((row) => row.id === operationId);
  if (settled?.state !== "FAILED") return;
  if (ctx.idempotency) await releaseKey(ctx.db, ctx.idempotency);
  if (settled.result === "NOT_SENT") throw new AppError("klarna_unavailable", { retryAfterSeconds: 3 });
  throw new AppError("payment_not_voidable", { detail: "Klarna refused to release the payment." });
}

/** Makes (or repeats, with the same key) a void call and writes what is known then. */
export async function runVoid(
  ctx: ServiceContext,
  payment: PaymentRecord,
  operation: OperationRow,
): Promise<PaymentRecord> {
  if (payment.klarnaPaymentTransactionId === null) return payment;
  if (ctx.clock.now().getTime() - operation.openedAt.getTime() >= KEY_LIFE_MS)
    return askForPerson(ctx, payment.id, operation.id);
  const outcome = await voidTransaction(
    ctx.klarna,
    { mode: payment.mode, accountId: payment.accountId, sessionReference: payment.id },
    {
      transactionId: payment.klarnaPaymentTransactionId,
      idempotencyKey: operation.idempotencyKey,
      reference: operation.id,
    },
  );
  return step(ctx, payment.id, (fresh, now) => {
    const open = fresh.operations.find((row) => row.id === operation.id);
    if (!open || open.settledAt !== null) return null;
    const draft = startDraft(fresh);
    if (outcome.kind === "answered") {
      settle(draft, open, "succeed", { result: "VOIDED", calls: outcome.calls }, now);
      draft.after.amountVoided = draft.after.amountAuthorized - draft.after.amountCaptured;
      move(draft, draft.after.amountCaptured === 0 ? "release" : "complete");
    } else if (outcome.kind === "refused") {
      settle(
        draft,
        open,
        "fail",
        { result: "REFUSED", calls: outcome.calls, errorCode: outcome.error.code, errorId: outcome.error.errorId },
        now,
      );
      draft.audit.push({ action: "payment.void_refused", after: { code: outcome.error.code } });
    } else if (outcome.kind === "not_sent" && open.state === "PENDING" && open.attempts === 0) {
      settle(draft, open, "fail", { result: "NOT_SENT", calls: outcome.calls }, now);
    } else postpone(draft, open, outcome.calls, outcome.kind === "unknown", now);
    return draft;
  });
}
