import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { releaseKey, storeAnswer } from "@/server/db/idempotency";
import type { KlarnaOutcome } from "@/server/klarna/client";
import { type Draft, journal, type Loaded, lockedStep, move, startDraft } from "./change";
import { readAndApplyTransaction } from "./expiry";
import { requireRoom } from "./limits";
import { railOf } from "./rail";
import { findPayment, listCaptures } from "./repository";
import type { CaptureRow, OperationRow, PaymentRecord } from "./rows";
import { type CaptureShipping, CaptureShippingSchema, type CaptureSnapshot, type CreateCaptureInput } from "./schema";
import {
  actionFacts,
  applyOutcome,
  isKeyForgotten,
  nameInBooks,
  provenBy,
  settleByReading,
  settlingStep,
  sumOfLines,
} from "./settling";
import { snapshotCapture } from "./snapshot";
import { capturableAmount, operationMachine, paymentActions } from "./states";

/* Captures of what is authorized. Three beats: journal under the lock, call, settle. */

/**
 * Captures part or all of what is authorized: one capture is one call at Klarna.
 *
 * `amount` in minor units of the payment's currency; without it the sum of the lines, else all that is left. The sum is
 * checked under the payment's lock against captures that succeeded or may still. Answers `succeeded`, `failed` (Klarna
 * refused) or `processing` (unknown: the same key is repeated, never a second one). The payment becomes COMPLETED when
 * nothing is left. Journal kind CAPTURE.
 *
 * With `options.key` a repeat finds what the first turn made and answers with it, however often it comes and whatever
 * broke in between; only where nothing was ever sent is it tried again. Unique for a payment.
 * Errors: permission_denied, payment_not_found, payment_not_capturable, capture_exceeds_authorized, amount_mismatch,
 * operation_limit_reached, idempotency_key_reused (the key with another amount), klarna_unavailable.
 */
export async function capturePayment(
  ctx: ServiceContext,
  paymentId: string,
  input: CreateCaptureInput,
  options: { key?: string } = {},
): Promise<CaptureSnapshot> {
  requirePermission(ctx, "payments:capture");
  const lineSum = sumOfLines(input);
  const captureId = newId("capture");
  let operation: OperationRow | undefined;
  let known: CaptureRow | undefined;
  const payment = await lockedStep(ctx, paymentId, captureId, (loaded, now) => {
    known = options.key === undefined ? undefined : findByKey(loaded.captures, options.key);
    const wanted = lineSum ?? input.amount;
    if (known) {
      if (wanted !== undefined && wanted !== known.amount) throw new AppError("idempotency_key_reused");
      return null;
    }
    const amount = decideAmount(loaded, wanted, now);
    const draft = startDraft(loaded);
    draft.newCaptures.push(newCapture(ctx, loaded.payment, { id: captureId, amount, input, key: options.key, now }));
    operation = journal(draft, "CAPTURE", now, { captureId });
    draft.audit.push({
      action: "capture.requested",
      after: { id: captureId, amount, currency: loaded.payment.currency, reference: input.reference ?? null },
    });
    return draft;
  });
  if (operation) await runCapture(ctx, payment, operation);
  const snapshot = await getCapture(ctx, paymentId, known?.id ?? captureId);
  if (operation && snapshot.failure?.code === "klarna_unavailable") {
    if (ctx.idempotency) await releaseKey(ctx.db, ctx.idempotency);
    throw new AppError("klarna_unavailable", { retryAfterSeconds: 3 });
  }
  if (ctx.idempotency) await storeAnswer(ctx.db, ctx.secrets, ctx.idempotency, snapshot);
  return snapshot;
}

/** What an earlier turn made under this key; nothing where that turn never reached Klarna. */
export function findByKey<T extends { intentKey: string | null; failureCode: string | null }>(
  rows: readonly T[],
  key: string,
): T | undefined {
  return rows.find((row) => row.intentKey === key && row.failureCode !== "klarna_unavailable");
}

function decideAmount(loaded: Loaded, wanted: number | undefined, now: Date): number {
  const facts = actionFacts(loaded, now);
  const refusal = paymentActions(facts).capture;
  const left = capturableAmount(facts);
  const isOver = loaded.payment.state === "AUTHORIZED" && wanted !== undefined && wanted > left;
  if (refusal !== null && !(isOver && left > 0))
    throw new AppError("payment_not_capturable", {
      detail: refusal,
      params: { status: loaded.payment.state.toLowerCase() },
    });
  if (isOver)
    throw new AppError("capture_exceeds_authorized", {
      params: { capturable: left },
      errors: [{ pointer: "/amount", detail: `at most ${left} can still be captured` }],
    });
  requireRoom(loaded, "CAPTURE");
  return wanted ?? left;
}

const shippingPlace = (capture: { id: string; partnerId: string }): string =>
  `captures|shipping_secret|${capture.id}|${capture.partnerId}`;

function newCapture(
  ctx: ServiceContext,
  payment: PaymentRecord,
  made: { id: string; amount: number; input: CreateCaptureInput; key: string | undefined; now: Date },
): CaptureRow {
  const { id, amount, input, now } = made;
  const { partnerId, mode, currency } = payment;
  return {
    id,
    partnerId,
    mode,
    paymentId: payment.id,
    state: "PENDING",
    amount,
    currency,
    reference: input.reference ?? null,
    klarnaPaymentCaptureId: null,
    automatic: false,
    lineItems: input.line_items ?? [],
    shippingSecret:
      input.shipping === undefined
        ? null
        : ctx.secrets.seal(JSON.stringify(input.shipping), shippingPlace({ id, partnerId })),
    intentKey: made.key ?? null,
    failureCode: null,
    createdAt: now,
    updatedAt: now,
  };
}

/** The delivery of a capture, with its tracking; null where none was told. */
export function openShipping(ctx: Pick<ServiceContext, "secrets">, capture: CaptureRow): CaptureShipping | null {
  if (capture.shippingSecret === null) return null;
  return CaptureShippingSchema.parse(JSON.parse(ctx.secrets.open(capture.shippingSecret, shippingPlace(capture))));
}

/** Errors: permission_denied, payment_not_found, not_found. */
export async function getCapture(ctx: ServiceContext, paymentId: string, captureId: string): Promise<CaptureSnapshot> {
  const capture = (await listPaymentCaptures(ctx, paymentId)).find((row) => row.id === captureId);
  if (!capture) throw new AppError("not_found");
  return capture;
}

/** Oldest first. Errors: permission_denied, payment_not_found. */
export async function listPaymentCaptures(ctx: ServiceContext, paymentId: string): Promise<CaptureSnapshot[]> {
  requirePermission(ctx, "payments:read");
  const payment = await findPayment(ctx.db, ctx.scope, paymentId);
  if (!payment) throw new AppError("payment_not_found");
  return (await listCaptures(ctx.db, payment)).map(snapshotCapture);
}

/** Makes (or repeats, with the same key) a capture call and writes what is known then. */
export async function runCapture(
  ctx: ServiceContext,
  payment: PaymentRecord,
  operation: OperationRow,
): Promise<PaymentRecord> {
  const capture = (await listCaptures(ctx.db, payment)).find((row) => row.id === operation.captureId);
  if (!capture) return payment;
  const write = (outcome: KlarnaOutcome, klarnaId: string | null): Promise<PaymentRecord> =>
    settlingStep(ctx, payment.id, operation.id, (draft, open, now, fresh) => {
      const row = fresh.captures.find((candidate) => candidate.id === capture.id);
      if (row) applyCapture(draft, open, row, outcome, klarnaId, now);
    });
  if (isKeyForgotten(ctx, operation)) {
    return settleByReading(
      ctx,
      payment,
      operation,
      (transaction) => transaction.captures.find((part) => part.reference === capture.id)?.id ?? null,
      (klarnaId, calls) => write(provenBy(calls), klarnaId),
    );
  }
  const { outcome, captureId } = await railOf(payment).capture(ctx, payment, {
    idempotencyKey: operation.idempotencyKey,
    amount: capture.amount,
    reference: capture.id,
    lineItems: capture.lineItems,
    shipping: openShipping(ctx, capture),
  });
  const made = { part: "captures", reference: capture.id } as const;
  const after = await write(outcome, captureId ?? (await nameInBooks(ctx, payment, operation, outcome, made)));
  // A refusal tells that Klarna sees the authorization differently: over, or taken from elsewhere.
  return outcome.kind === "refused" ? readAndApplyTransaction(ctx, after) : after;
}

function applyCapture(
  draft: Draft,
  operation: OperationRow,
  capture: CaptureRow,
  outcome: KlarnaOutcome,
  klarnaId: string | null,
  now: Date,
): void {
  const { after } = draft;
  const told = { id: capture.id, amount: capture.amount, currency: capture.currency };
  const end = (row: CaptureRow): void => {
    draft.captures.push(row);
    draft.captureEvents.push(row);
  };
  const failed = (failureCode: string): CaptureRow => ({
    ...capture,
    state: operationMachine.next(capture.state, "fail"),
    failureCode,
    updatedAt: now,
  });
  applyOutcome(draft, operation, outcome, klarnaId !== null, now, {
    result: "CAPTURED",
    done: () => {
      end({
        ...capture,
        state: operationMachine.next(capture.state, "succeed"),
        klarnaPaymentCaptureId: klarnaId,
        updatedAt: now,
      });
      after.amountCaptured += capture.amount;
      if (after.amountCaptured + after.amountVoided === after.amountAuthorized) move(draft, "complete");
      else draft.extraEvents.push("payment.updated");
      draft.audit.push({ action: "capture.succeeded", after: told });
    },
    refused: (code) => {
      end(failed("klarna_refused"));
      draft.audit.push({ action: "capture.failed", after: { ...told, code } });
    },
    notSent: () => end(failed("klarna_unavailable")),
    lost: () => {
      if (capture.state === "PENDING")
        draft.captures.push({ ...capture, state: operationMachine.next("PENDING", "lose"), updatedAt: now });
    },
  });
}
