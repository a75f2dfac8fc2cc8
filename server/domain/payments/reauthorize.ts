import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { addMs } from "@/server/core/time";
import { storeAnswer } from "@/server/db/idempotency";
import type { KlarnaOutcome } from "@/server/klarna/client";
import { journal, lockedStep, move, openOperation, postpone, settle, startDraft, step, toPublic } from "./change";
import { readAndApplyTransaction } from "./expiry";
import { requireRoom } from "./limits";
import { railOf } from "./rail";
import type { OperationRow, PaymentRecord } from "./rows";
import type { PublicPayment } from "./schema";
import {
  actionFacts,
  isKeyForgotten,
  provenBy,
  requireAccepted,
  settleByReading,
  settleNotSent,
  settleRefused,
  verdictOf,
  wasSent,
} from "./settling";
import { paymentActions } from "./states";
import { AUTHORIZATION_PERIOD_MS } from "./wake";

/* A new authorization for what Klarna's period ended with. */

/**
 * Renews an authorization that has ended, within 7 days of its end: the payment is AUTHORIZED again, with a new period.
 * Renewing what is being renewed changes nothing. Journal kind REAUTHORIZE.
 * Errors: permission_denied, payment_not_found, payment_not_reauthorizable, operation_limit_reached, klarna_unavailable.
 */
export async function reauthorizePayment(ctx: ServiceContext, id: string): Promise<PublicPayment> {
  requirePermission(ctx, "payments:capture");
  let operation: OperationRow | undefined;
  const begun = await lockedStep(ctx, id, id, (loaded, now) => {
    operation = openOperation(loaded.operations, "REAUTHORIZE");
    if (operation) return null;
    const refusal = paymentActions(actionFacts(loaded, now)).reauthorize;
    if (refusal !== null)
      throw new AppError("payment_not_reauthorizable", {
        detail: refusal,
        params: { status: loaded.payment.state.toLowerCase() },
      });
    requireRoom(loaded, "REAUTHORIZE");
    const draft = startDraft(loaded);
    operation = journal(draft, "REAUTHORIZE", now);
    draft.audit.push({ action: "payment.reauthorize_requested" });
    return draft;
  });
  const payment = operation ? await runReauthorize(ctx, begun, operation) : begun;
  if (operation)
    await requireAccepted(
      ctx,
      payment,
      operation.id,
      () => new AppError("payment_not_reauthorizable", { detail: "Klarna refused to renew the authorization." }),
    );
  const answer = toPublic(ctx, payment);
  if (ctx.idempotency) await storeAnswer(ctx.db, ctx.secrets, ctx.idempotency, answer);
  return answer;
}

/** Makes (or repeats, with the same key) the call and writes what is known then. */
export async function runReauthorize(
  ctx: ServiceContext,
  payment: PaymentRecord,
  operation: OperationRow,
): Promise<PaymentRecord> {
  const write = (outcome: KlarnaOutcome, expiresAt: Date | null): Promise<PaymentRecord> =>
    step(ctx, payment.id, (fresh, now) => {
      const open = fresh.operations.find((row) => row.id === operation.id);
      if (!open || open.settledAt !== null) return null;
      const draft = startDraft(fresh);
      switch (verdictOf(outcome, open, true, now)) {
        case "done":
          settle(draft, open, "succeed", { result: "REAUTHORIZED", calls: outcome.calls }, now);
          draft.after.authorizationExpiresAt = expiresAt ?? addMs(now, AUTHORIZATION_PERIOD_MS);
          draft.after.authorizationWarnedAt = null;
          if (draft.after.state === "AUTHORIZATION_EXPIRED") move(draft, "renew");
          break;
        case "refused":
          settleRefused(draft, open, outcome, now);
          draft.audit.push({
            action: "payment.reauthorize_refused",
            after: { code: outcome.kind === "refused" ? outcome.error.code : null },
          });
          break;
        case "not_sent":
          settleNotSent(draft, open, outcome, now);
          break;
        case "open":
          postpone(draft, open, outcome.calls, wasSent(outcome), now);
      }
      return draft;
    });
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
