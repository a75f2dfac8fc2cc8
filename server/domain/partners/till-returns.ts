import { actorCan } from "@/server/auth/permissions";
import type { ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { type TillReturns, widensTillReturns } from "./states";

/*
 * A paired till gives money back without anybody signed in. So whoever lets it do so, or more of it than before, must be
 * one who may refund; letting it do less is a setting like the others.
 */

/** Errors: permission_denied when the change widens what tills give back, and the actor may not refund. */
export function requireMayWiden(ctx: Pick<ServiceContext, "actor">, before: TillReturns, after: TillReturns): void {
  if (widensTillReturns(before, after))
    requireMayRefund(ctx, "Only who may refund can turn on returns at the till, or raise or remove their limit.");
}

/** Errors: permission_denied, with this detail. */
export function requireMayRefund(ctx: Pick<ServiceContext, "actor">, detail: string): void {
  if (!actorCan(ctx.actor, "payments:refund"))
    throw new AppError("permission_denied", { detail, params: { permission: "payments:refund" } });
}
