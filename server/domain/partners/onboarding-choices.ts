import { requirePermission, type ServiceContext } from "@/server/context";
import { MINUTE_MS } from "@/server/core/time";
import {
  type AcquiringAccount,
  listAcquiringAccounts,
  listPaymentProfiles,
  listPricePlans,
  type PaymentProfile,
  type PricePlan,
} from "@/server/klarna/accounts";

/* What Klarna offers to choose from. */

export type OnboardingChoices = {
  paymentProfiles: PaymentProfile[];
  acquiringAccounts: AcquiringAccount[];
  pricePlans: PricePlan[];
  /** False when Klarna could not be asked: what was known last is shown. */
  isFresh: boolean;
};
const CHOICES_MS = 5 * MINUTE_MS;
const known = new Map<string, { at: number; choices: OnboardingChoices }>();

/** Payment profiles, acquiring accounts and price plans that Klarna provisioned for the acquirer. Errors: permission_denied. */
export async function getOnboardingChoices(ctx: ServiceContext): Promise<OnboardingChoices> {
  requirePermission(ctx, "partners:write");
  const { mode } = ctx.scope;
  const key = `${mode} ${mode === "live" ? ctx.env.KLARNA_LIVE_BASE_URL : ctx.env.KLARNA_TEST_BASE_URL}`;
  const last = known.get(key);
  const now = ctx.clock.now().getTime();
  if (last && now - last.at < CHOICES_MS) return last.choices;
  const target = { mode, sessionReference: ctx.requestId };
  const [profiles, accounts, plans] = await Promise.all([
    listPaymentProfiles(ctx.klarna, target),
    listAcquiringAccounts(ctx.klarna, target),
    listPricePlans(ctx.klarna, target),
  ]);
  if (profiles === null || accounts === null) {
    return last
      ? { ...last.choices, isFresh: false }
      : { paymentProfiles: [], acquiringAccounts: [], pricePlans: [], isFresh: false };
  }
  const choices = {
    paymentProfiles: profiles,
    acquiringAccounts: accounts,
    pricePlans: plans ?? [],
    isFresh: true,
  };
  known.set(key, { at: now, choices });
  return choices;
}
