import type { ServiceContext } from "@/server/context";
import { KLARNA_CURRENCIES } from "@/server/core/money";

/**
 * The currencies that payments of this mode are taken in: Klarna's, and in test mode those that a setting adds, so that
 * ones with no or three decimals go through the whole path before Klarna has any.
 */
export function currenciesTaken(ctx: Pick<ServiceContext, "env" | "scope">): readonly string[] {
  const added = ctx.scope.mode === "test" ? ctx.env.TEST_CURRENCIES : [];
  return [...KLARNA_CURRENCIES, ...added.filter((currency) => !KLARNA_CURRENCIES.some((known) => known === currency))];
}
