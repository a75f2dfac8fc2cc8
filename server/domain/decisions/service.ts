import { type ServiceContext, type Services, systemContext } from "@/server/context";
import { AppError, isAppError } from "@/server/core/errors";
import type { Decision } from "@/server/domain/approvals/schema";
import { decideApproval, expireApprovals, getApproval, listForgotten } from "@/server/domain/approvals/service";
import { executePayoutChange } from "@/server/domain/partners/service";
import { executeRefund } from "@/server/domain/payments/service";

/* From a yes to the deed. What was approved and cannot be done stays approved until its time ends, and can be tried again. */

export type Carried =
  /** Said no. */
  | { kind: "rejected" }
  /** Said yes; who asked does it (a key is shown to whoever asked for it). */
  | { kind: "waits_for_requester" }
  | { kind: "payout_changed" }
  | { kind: "refunded"; status: string; amount: number; currency: string }
  /** Said yes, and it could not be done now. */
  | { kind: "not_done"; code: string; message: string };

/**
 * Decides, and carries out at once what needs nobody else. Errors: those of `decideApproval`; a deed that fails is an
 * answer, because the decision stands.
 */
export async function decide(ctx: ServiceContext, id: string, decision: Decision): Promise<Carried> {
  await decideApproval(ctx, id, decision);
  if (decision.decision === "reject") return { kind: "rejected" };
  try {
    return await carryOut(ctx, id);
  } catch (error) {
    if (!isAppError(error) || error.status >= 500) {
      ctx.log.error({ requestId: ctx.requestId, id, error }, "what was approved could not be carried out");
      return { kind: "not_done", code: "internal_error", message: "It will be tried again within minutes." };
    }
    return { kind: "not_done", code: error.code, message: error.detail };
  }
}

/**
 * Carries out what was approved. Errors: permission_denied, not_found, state_conflict (not approved), approval_refused, and
 * those of the deed.
 */
export async function carryOut(ctx: ServiceContext, id: string): Promise<Carried> {
  const approval = await getApproval(ctx, id);
  if (approval.state !== "APPROVED" && approval.state !== "EXECUTED") throw new AppError("state_conflict");
  if (approval.kind === "PAYOUT_DATA") {
    await executePayoutChange(ctx, approval.partnerId, id, approval.payload);
    return { kind: "payout_changed" };
  }
  if (approval.kind === "API_KEY") return { kind: "waits_for_requester" };
  const refund = await executeRefund(ctx, id, approval.payload);
  return { kind: "refunded", status: refund.status, amount: refund.amount, currency: refund.currency };
}

/** Carries out what was approved by somebody who was cut off, and ends what is past its time. */
export async function sweepApprovals(services: Services): Promise<{ expired: number; carried: number }> {
  const expired = await expireApprovals(services);
  let carried = 0;
  for (const { id, mode } of await listForgotten(services)) {
    try {
      await carryOut(systemContext(services, "sweep-approvals", mode), id);
      carried += 1;
    } catch (error) {
      services.log.warn({ id, error }, "what was approved still cannot be carried out");
    }
  }
  return { expired, carried };
}
