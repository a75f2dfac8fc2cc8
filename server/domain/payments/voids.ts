import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import type { KlarnaOutcome } from "@/server/klarna/client";
import { move } from "./change";
import { readAndApplyTransaction } from "./expiry";
import { requestOnce } from "./once";
import { railOf } from "./rail";
import type { OperationRow, PaymentRecord } from "./rows";
import type { PublicPayment } from "./schema";
import { applyOutcome, isKeyForgotten, provenBy, settleByReading, settlingStep } from "./settling";

/* Releasing what is authorized and not captured. */

/**
 * Releases what is authorized and not captured. The payment becomes VOIDED, or COMPLETED where part was captured. Voiding
 * what was released before changes nothing. Refused while a capture has no definite answer: what the rest is, is not
 * known then. Journal kind VOID.
 * Errors: permission_denied, payment_not_found, payment_not_voidable, operation_limit_reached, klarna_unavailable.
 * Source: KNR-N1.
 */
export async function voidPayment(ctx: ServiceContext, id: string): Promise<PublicPayment> {
  requirePermission(ctx, "payments:void");
  return requestOnce(ctx, id, {
    kind: "VOID",
    audit: "payment.void_requested",
    isSo: isReleased,
    refusalOf: (actions) => actions.void,
    refused: (detail, params) => new AppError("payment_not_voidable", { detail, params }),
    refusedByKlarna: "Klarna refused to release the payment.",
    run: runVoid,
  });
}

const isReleased = (payment: PaymentRecord): boolean =>
  payment.state === "VOIDED" || (payment.state === "COMPLETED" && payment.amountVoided > 0);

/** Makes (or repeats, with the same key) a void call and writes what is known then. */
export async function runVoid(
  ctx: ServiceContext,
  payment: PaymentRecord,
  operation: OperationRow,
): Promise<PaymentRecord> {
  if (payment.klarnaPaymentTransactionId === null) return payment;
  const write = (outcome: KlarnaOutcome): Promise<PaymentRecord> =>
    settlingStep(ctx, payment.id, operation.id, (draft, open, now) =>
      applyOutcome(draft, open, outcome, true, now, {
        result: "VOIDED",
        done: () => {
          draft.after.amountVoided = draft.after.amountAuthorized - draft.after.amountCaptured;
          move(draft, draft.after.amountCaptured === 0 ? "release" : "complete");
        },
        refused: (code) => {
          draft.audit.push({ action: "payment.void_refused", after: { code } });
        },
      }),
    );
  if (isKeyForgotten(ctx, operation)) {
    return settleByReading(
      ctx,
      payment,
      operation,
      ({ state, capturedAmount }) =>
        // Nothing but a release ends an authorization of which this much was captured.
        (state === "CLOSED" && payment.amountCaptured === 0) ||
        (state === "COMPLETED" && payment.amountCaptured > 0 && capturedAmount === payment.amountCaptured)
          ? true
          : null,
      (_proof, calls) => write(provenBy(calls)),
    );
  }
  const { outcome } = await railOf(payment).void(ctx, payment, {
    idempotencyKey: operation.idempotencyKey,
    reference: operation.id,
  });
  const after = await write(outcome);
  return outcome.kind === "refused" ? readAndApplyTransaction(ctx, after) : after;
}
