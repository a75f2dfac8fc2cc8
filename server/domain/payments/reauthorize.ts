import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { addMs } from "@/server/core/time";
import type { KlarnaOutcome } from "@/server/klarna/client";
import { move } from "./change";
import { readAndApplyTransaction } from "./expiry";
import { requestOnce } from "./once";
import { railOf } from "./rail";
import type { OperationRow, PaymentRecord } from "./rows";
import type { PublicPayment } from "./schema";
import { applyOutcome, isKeyForgotten, provenBy, settleByReading, settlingStep } from "./settling";
import { AUTHORIZATION_PERIOD_MS } from "./wake";

/* A new authorization for what Klarna's period ended with. */

/**
 * Renews an authorization that has ended, within 7 days of its end: the payment is AUTHORIZED again, with a new period.
 * Renewing what is being renewed changes nothing. Journal kind REAUTHORIZE.
 * Errors: permission_denied, payment_not_found, payment_not_reauthorizable, operation_limit_reached, klarna_unavailable.
 */
export async function reauthorizePayment(ctx: ServiceContext, id: string): Promise<PublicPayment> {
  requirePermission(ctx, "payments:capture");
  return requestOnce(ctx, id, {
    kind: "REAUTHORIZE",
    audit: "payment.reauthorize_requested",
    isSo: () => false,
    refusalOf: (actions) => actions.reauthorize,
    refused: (detail, params) => new AppError("payment_not_reauthorizable", { detail, params }),
    refusedByKlarna: "Klarna refused to renew the authorization.",
    run: runReauthorize,
  });
}

/** Makes (or repeats, with the same key) the call and writes what is known then. */
export async function runReauthorize(
  ctx: ServiceContext,
  payment: PaymentRecord,
  operation: OperationRow,
): Promise<PaymentRecord> {
  const write = (outcome: KlarnaOutcome, expiresAt: Date | null): Promise<PaymentRecord> =>
    settlingStep(ctx, payment.id, operation.id, (draft, open, now) =>
      applyOutcome(draft, open, outcome, true, now, {
        result: "REAUTHORIZED",
        done: () => {
          draft.after.authorizationExpiresAt = expiresAt ?? addMs(now, AUTHORIZATION_PERIOD_MS);
          draft.after.authorizationWarnedAt = null;
          if (draft.after.state === "AUTHORIZATION_EXPIRED") move(draft, "renew");
        },
        refused: (code) => {
          draft.audit.push({ action: "payment.reauthorize_refused", after: { code } });
        },
      }),
    );
  if (isKeyForgotten(ctx, operation)) {
    return settleByReading(
      ctx,
      payment,
      operation,
      ({ state, expiresAt }) => (state === "AUTHORIZED" && expiresAt !== null ? expiresAt : null),
      (expiresAt, calls) => write(provenBy(calls), expiresAt),
    );
  }
  const { outcome, expiresAt } = await railOf(payment).reauthorize(ctx, payment, {
    idempotencyKey: operation.idempotencyKey,
  });
  const after = await write(outcome, expiresAt);
  return outcome.kind === "refused" ? readAndApplyTransaction(ctx, after) : after;
}
