import { actorCan } from "@/server/auth/permissions";
import type { ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import type { TerminalSettings } from "./schema-settings";
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

/**
 * The settings of one level with the currency of its limit written out, so that the number is never read in another one.
 * Left out, the currency is that of the limit here before, else of the limit from above, else the Partner's own.
 * Errors: rule_broken (`named`, the currency that was sent, without a limit here).
 */
export function withLimitCurrency(
  { till_return_currency: stated, ...settings }: TerminalSettings,
  from: { named: string | null | undefined; above: TillReturns; partnerCurrency: string },
): TerminalSettings {
  const limit = settings.till_return_limit;
  if (limit === undefined && from.named !== undefined && from.named !== null && from.named !== "auto")
    throw new AppError("rule_broken", {
      errors: [{ pointer: "/settings/till_return_currency", detail: "belongs to a till_return_limit" }],
    });
  if (limit === undefined || limit === 0) return settings;
  const inherited = from.above.till_return_limit === 0 ? "auto" : from.above.till_return_currency;
  const currency = stated ?? inherited;
  return { ...settings, till_return_currency: currency === "auto" ? from.partnerCurrency : currency };
}

/** Errors: permission_denied, with this detail. */
export function requireMayRefund(ctx: Pick<ServiceContext, "actor">, detail: string): void {
  if (!actorCan(ctx.actor, "payments:refund"))
    throw new AppError("permission_denied", { detail, params: { permission: "payments:refund" } });
}
