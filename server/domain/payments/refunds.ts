import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { releaseKey, storeAnswer } from "@/server/db/idempotency";
import { getFourEyes, guardApproval, refundNeedsTwo, spendApproval } from "@/server/domain/approvals/service";
import type { KlarnaOutcome } from "@/server/klarna/client";
import { findByKey } from "./captures";
import { type Draft, journal, type Loaded, lockedStep, openRefundAmount, startDraft } from "./change";
import { requireRoom } from "./limits";
import { findReturnPlace } from "./point-of-sale";
import { railOf } from "./rail";
import { refundPayload } from "./refund-payload";
import { findPayment, listCaptures, listRefundRows } from "./repository";
import type { CaptureRow, OperationRow, PaymentRecord, RefundRow } from "./rows";
import type { CreateRefundInput, RefundSnapshot } from "./schema";
import {
  applyOutcome,
  isKeyForgotten,
  nameInBooks,
  provenBy,
  settleByReading,
  settlingStep,
  sumOfLines,
} from "./settling";
import { refundableAmount, snapshotRefund } from "./snapshot";
import { operationMachine } from "./states";

/* Refunds of what was captured: by capture, or of the transaction by its lines. Journal under the lock, call, settle. */

/**
 * What a refund is taken from, and how much of that is left; refunds that may still succeed count. `capture` is null for
 * a refund of the transaction by lines: then the bound is what is left of all captures together.
 */
function chooseSource(loaded: Loaded, input: CreateRefundInput): { capture: CaptureRow | null; left: number } {
  const refundable = loaded.captures.filter((capture) => capture.state === "SUCCEEDED");
  if (refundable.length === 0) throw new AppError("payment_not_refundable");
  const whole = refundableAmount(loaded.payment, openRefundAmount(loaded.refunds));
  const named = input.capture === undefined ? undefined : refundable.find((capture) => capture.id === input.capture);
  if (input.capture !== undefined && !named)
    throw new AppError("rule_broken", {
      errors: [{ pointer: "/capture", detail: "is not a capture of this payment" }],
    });
  if (!named && refundable.length > 1) {
    if (input.line_items) return { capture: null, left: whole };
    throw new AppError("refund_needs_capture", {
      errors: [{ pointer: "/capture", detail: "is needed: the payment has several captures" }],
    });
  }
  const capture = named ?? refundable[0];
  if (!capture) throw new AppError("payment_not_refundable");
  const taken = loaded.refunds
    .filter((refund) => refund.captureId === capture.id && refund.state !== "FAILED")
    .reduce((sum, refund) => sum + refund.amount, 0);
  return { capture, left: Math.min(capture.amount - taken, whole) };
}

/**
 * Refunds part or all of what was captured: one refund is one call at Klarna.
 *
 * `amount` in minor units of the payment's currency; without it the sum of the lines, else the rest of the capture. Of
 * several captures one is named, or the lines are: then Klarna spreads the refund. The sum is checked under the payment's
 * lock against refunds that succeeded or may still. Answers `succeeded`, `failed` (Klarna refused) or `processing`
 * (unknown: the same key is repeated, never a second one). Journal kind REFUND.
 *
 * A person who would bring what is given back on the payment above the Partner's limit needs a second one:
 * `options.approvalId` names the approval of exactly this refund, which is spent in the same transaction. A Partner's own
 * system is its own affair: keys need no approval.
 *
 * With `options.key` a repeat finds what the first turn made and answers with it; see `capturePayment`.
 * `options.mayRefund` throws what its caller has against this amount; it sees all refunds under the lock.
 * Errors: permission_denied, payment_not_found, payment_not_refundable, refund_needs_capture, refund_exceeds_captured,
 * amount_mismatch, operation_limit_reached, idempotency_key_reused, store_not_found, terminal_not_found, rule_broken,
 * approval_required, approval_refused, klarna_unavailable. Source: KNR-N1, KNR-N2. Case: S7.
 */
export async function refundPayment(
  ctx: ServiceContext,
  paymentId: string,
  input: CreateRefundInput,
  options: {
    approvalId?: string | null;
    key?: string;
    mayRefund?: (refunds: readonly RefundRow[], amount: number) => void;
  } = {},
): Promise<RefundSnapshot> {
  requirePermission(ctx, "payments:refund");
  const { approvalId = null, key } = options;
  const existing = await findPayment(ctx.db, ctx.scope, paymentId);
  if (!existing) throw new AppError("payment_not_found");
  const lineSum = sumOfLines(input);
  const place = await findReturnPlace(ctx, existing, input);
  const refundId = newId("refund");
  const isPerson = ctx.actor.kind === "USER" || ctx.actor.kind === "DEVICE";
  const rules = isPerson ? await getFourEyes(ctx.db, existing.partnerId) : null;
  let operation: OperationRow | undefined;
  let known: RefundRow | undefined;
  let chosen: { capture?: string; amount: number } | undefined;
  const decide = (loaded: Loaded, now: Date): Draft | null => {
    const wanted = lineSum ?? input.amount;
    known = key === undefined ? undefined : findByKey(loaded.refunds, key);
    if (known) {
      if (wanted !== undefined && wanted !== known.amount) throw new AppError("idempotency_key_reused");
      return null;
    }
    if (loaded.payment.amountCaptured === 0) throw new AppError("payment_not_refundable");
    const { capture, left } = chooseSource(loaded, input);
    const amount = wanted ?? left;
    if (left <= 0)
      throw new AppError("payment_not_refundable", { detail: "Everything that was captured is refunded already." });
    if (amount > left) {
      throw new AppError("refund_exceeds_captured", {
        params: { refundable: left },
        errors: [{ pointer: "/amount", detail: `at most ${left} can still be refunded` }],
      });
    }
    options.mayRefund?.(loaded.refunds, amount);
    requireRoom(loaded, "REFUND");
    chosen = { amount, ...(capture === null ? {} : { capture: capture.id }) };
    const given = loaded.payment.amountRefunded + openRefundAmount(loaded.refunds);
    if (approvalId === null && rules !== null && refundNeedsTwo(rules, given + amount, loaded.payment.currency))
      throw new AppError("approval_required", { params: { amount, capture: capture?.id ?? null } });
    const draft = startDraft(loaded);
    draft.newRefunds.push({
      id: refundId,
      partnerId: loaded.payment.partnerId,
      mode: loaded.payment.mode,
      paymentId,
      captureId: capture?.id ?? null,
      state: "PENDING",
      amount,
      currency: loaded.payment.currency,
      lineItems: input.line_items ?? [],
      ...place,
      reason: input.reason ?? null,
      reference: input.reference ?? null,
      klarnaPaymentRefundId: null,
      intentKey: key ?? null,
      failureCode: null,
      createdBy: ctx.actor.id,
      createdAt: now,
      updatedAt: now,
    });
    operation = journal(draft, "REFUND", now, { captureId: capture?.id ?? null, refundId });
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
  const snapshot = await getRefund(ctx, paymentId, known?.id ?? refundId);
  if (operation && snapshot.failure?.code === "klarna_unavailable") {
    if (ctx.idempotency) await releaseKey(ctx.db, ctx.idempotency);
    throw new AppError("klarna_unavailable", { retryAfterSeconds: 3 });
  }
  if (ctx.idempotency) await storeAnswer(ctx.db, ctx.secrets, ctx.idempotency, snapshot);
  return snapshot;
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
  const captures = await listCaptures(ctx.db, payment);
  const refund = (await listRefundRows(ctx.db, payment)).find((row) => row.id === operation.refundId);
  const capture = captures.find((row) => row.id === operation.captureId) ?? null;
  if (!refund || (operation.captureId !== null && !capture)) return payment;
  const write = (outcome: KlarnaOutcome, klarnaId: string | null): Promise<PaymentRecord> =>
    settlingStep(ctx, payment.id, operation.id, (draft, open, now, fresh) => {
      const row = fresh.refunds.find((candidate) => candidate.id === refund.id);
      if (row) applyRefund(draft, open, row, outcome, klarnaId, now);
    });
  if (isKeyForgotten(ctx, operation)) {
    return settleByReading(
      ctx,
      payment,
      operation,
      (transaction) => transaction.refunds.find((part) => part.reference === refund.id)?.id ?? null,
      (klarnaId, calls) => write(provenBy(calls), klarnaId),
    );
  }
  const captureId = capture === null ? null : await klarnaCaptureId(ctx, payment, capture);
  if (capture !== null && captureId === null)
    return write({ kind: "not_sent", reason: "capture_id_unknown", calls: [] }, null);
  const { outcome, refundId } = await railOf(payment).refund(ctx, payment, {
    idempotencyKey: operation.idempotencyKey,
    amount: refund.amount,
    reference: refund.id,
    captureId,
    reason: refund.reason,
    lineItems: refund.lineItems,
  });
  const made = { part: "refunds", reference: refund.id } as const;
  return write(outcome, refundId ?? (await nameInBooks(ctx, payment, operation, outcome, made)));
}

/** Klarna's id of a capture: as it answered it, else found in its books by our reference, or as the only one there. */
async function klarnaCaptureId(
  ctx: ServiceContext,
  payment: PaymentRecord,
  capture: CaptureRow,
): Promise<string | null> {
  if (capture.klarnaPaymentCaptureId !== null) return capture.klarnaPaymentCaptureId;
  const { transaction } = await railOf(payment).readTransaction(ctx, payment);
  const parts = transaction?.captures ?? [];
  const own = parts.find((part) => part.reference === capture.id);
  return (own ?? (parts.length === 1 ? parts[0] : undefined))?.id ?? null;
}

function applyRefund(
  draft: Draft,
  operation: OperationRow,
  refund: RefundRow,
  outcome: KlarnaOutcome,
  klarnaId: string | null,
  now: Date,
): void {
  const told = { id: refund.id, amount: refund.amount, currency: refund.currency };
  const isOpen = !operationMachine.isTerminal(refund.state);
  const end = (row: RefundRow): void => {
    draft.refunds.push(row);
    draft.refundEvents.push(row);
    if (isOpen) draft.openRefunds -= refund.amount;
  };
  const failed = (failureCode: string): RefundRow => ({
    ...refund,
    state: operationMachine.next(refund.state, "fail"),
    failureCode,
    updatedAt: now,
  });
  applyOutcome(draft, operation, outcome, klarnaId !== null, now, {
    result: "REFUNDED",
    done: () => {
      end({
        ...refund,
        state: operationMachine.next(refund.state, "succeed"),
        klarnaPaymentRefundId: klarnaId,
        updatedAt: now,
      });
      draft.after.amountRefunded += refund.amount;
      draft.extraEvents.push("payment.updated");
      draft.audit.push({ action: "refund.succeeded", after: told });
    },
    refused: (code) => {
      end(failed("klarna_refused"));
      draft.audit.push({ action: "refund.failed", after: { ...told, code } });
    },
    notSent: () => end(failed("klarna_unavailable")),
    lost: () => {
      if (refund.state === "PENDING")
        draft.refunds.push({ ...refund, state: operationMachine.next("PENDING", "lose"), updatedAt: now });
    },
  });
}
