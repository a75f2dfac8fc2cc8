import type { ServiceContext } from "@/server/context";
import { postpone, settle, startDraft, step } from "@/server/domain/payments/change";
import { endStopped } from "@/server/domain/payments/journey";
import { undoLateApproval } from "@/server/domain/payments/late";
import type { OperationRow, PaymentRecord } from "@/server/domain/payments/rows";
import { OPEN_STATES } from "@/server/domain/payments/states";
import {
  cancelClassicSession,
  DistributionSchema,
  distributionPath,
  readDistribution,
  readOutcome,
} from "@/server/klarna/classic";
import { applyDistribution, loseSession } from "./distribution";
import { distributionWord } from "./facts";
import { callClassic } from "./target";

/**
 * Asks Klarna to end the session of a payment that is to be stopped; the end is said only after Klarna confirmed it. A
 * refusal does not say what became of the session: a read of the distribution does. Journal kind CANCEL_REQUEST.
 */
export async function runClassicCancel(
  ctx: ServiceContext,
  payment: PaymentRecord,
  operation: OperationRow,
): Promise<PaymentRecord> {
  const sessionId = payment.klarnaPaymentRequestId;
  if (sessionId === null) return payment;
  const outcome = await callClassic(ctx, payment, (target) => cancelClassicSession(target, sessionId));
  const readAt = ctx.clock.now();
  const read =
    outcome.kind === "refused"
      ? await callClassic(ctx, payment, (target) =>
          readDistribution(target, payment.classic?.resultPath ?? distributionPath(sessionId)),
        )
      : null;
  const found = read === null ? null : readOutcome(DistributionSchema, read);
  const isGone = read?.kind === "refused" && read.error.status === 404;
  const after = await step(ctx, payment.id, (fresh, now) => {
    const open = fresh.operations.find((row) => row.id === operation.id);
    if (!open || open.settledAt !== null) return null;
    const draft = startDraft(fresh);
    const { after } = draft;
    const calls = [...outcome.calls, ...(read?.calls ?? [])];
    const isOpen = OPEN_STATES.includes(after.state) && after.finalStartedAt === null;
    if (outcome.kind === "answered") {
      settle(draft, open, "succeed", { result: "CANCELED", calls }, now);
      if (isOpen) {
        after.klarnaRequestState = "CANCELED";
        endStopped(draft, after.stopMark === "EXPIRE" ? "expire" : "cancel", now);
      }
      return draft;
    }
    if (outcome.kind !== "refused") {
      postpone(draft, open, calls, outcome.kind === "unknown", now);
      return draft;
    }
    const errors = { errorCode: outcome.error.code, errorId: outcome.error.errorId };
    const word = found === null ? null : distributionWord(found.status);
    if (isGone) {
      settle(draft, open, "fail", { result: "REQUEST_LOST", calls, ...errors }, now);
      if (isOpen) loseSession(draft, now);
      return draft;
    }
    if (found === null || word === "WAITING" || word === "DISTRIBUTED" || word === "ACCESSED") {
      postpone(draft, open, calls, true, now);
      return draft;
    }
    settle(
      draft,
      open,
      word === "CANCELLED" ? "succeed" : "fail",
      { result: word === "CANCELLED" ? "CANCELED" : `SESSION_${word}`, calls, ...errors },
      now,
    );
    applyDistribution(draft, found, readAt, now);
    return draft;
  });
  // The customer was faster by a moment: the order is taken back at once.
  return undoLateApproval(ctx, { payment: after, operations: [] });
}
