import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import type { Transaction } from "@/server/db/client";
import { appendAudit } from "@/server/domain/audit/service";
import * as repository from "./repository";
import { type FourEyes, type FourEyesRulesInput, type FourEyesRulesView, RefundLimitsSchema } from "./schema";

const limitsOf = (row: repository.RulesRow | undefined) => RefundLimitsSchema.catch({}).parse(row?.refundLimits ?? {});

/** The rules that count for a Partner: its own where it has some, else the installation's. Without any, one person is enough. */
export async function getFourEyes(tx: Pick<Transaction, "query">, partnerId: string): Promise<FourEyes> {
  const rows = await repository.findRules(tx, partnerId);
  const own = rows.find((row) => row.partnerId === partnerId);
  const shared = rows.find((row) => row.partnerId === null);
  return {
    refundLimits: { ...limitsOf(shared), ...limitsOf(own) },
    apiKeys: own?.apiKeys ?? shared?.apiKeys ?? false,
    payoutData: own?.payoutData ?? shared?.payoutData ?? false,
  };
}

/** Whether giving back `amount` (minor units, with what was given back before on the payment) needs a second person. */
export function refundNeedsTwo(rules: FourEyes, amount: number, currency: string): boolean {
  const limit = rules.refundLimits[currency];
  return limit !== undefined && amount > limit;
}

/** The installation's rules first, then those of Partners within the caller's sight. Errors: permission_denied. */
export async function listFourEyesRules(ctx: ServiceContext): Promise<FourEyesRulesView[]> {
  requirePermission(ctx, "approvals:read");
  const rows = await repository.listRules(ctx.db, ctx.scope);
  const views = rows.map((row) => ({ ...row, refundLimits: limitsOf(row) }));
  return views.some((view) => view.partnerId === null)
    ? views
    : [
        {
          ...{ partnerId: null, partnerName: null, refundLimits: {}, apiKeys: null, payoutData: null },
          ...{ updatedBy: null, updatedAt: null },
        },
        ...views,
      ];
}

/**
 * Sets the rules of the installation (`partnerId` null) or of one Partner. They count for what is asked from now on.
 *
 * Errors: permission_denied, not_found (no such Partner).
 */
export async function saveFourEyesRules(ctx: ServiceContext, input: FourEyesRulesInput): Promise<void> {
  requirePermission(ctx, "settings:write");
  const { partnerId } = input;
  if (ctx.scope.partners !== "all" && (partnerId === null || !ctx.scope.partners.includes(partnerId)))
    throw new AppError("not_found");
  await ctx.db.transaction(async (tx) => {
    if (partnerId !== null && (await repository.findPartnerName(tx, partnerId)) === null)
      throw new AppError("not_found");
    const before = (await repository.findRules(tx, partnerId ?? "default")).find((row) => row.partnerId === partnerId);
    await repository.putRules(tx, input, ctx.actor.id, ctx.clock.now());
    await appendAudit(tx, ctx, {
      action: "four_eyes.changed",
      subjectKind: "four_eyes_rules",
      subjectId: partnerId ?? "default",
      partnerId,
      mode: null,
      before: before
        ? { refund_limits: limitsOf(before), api_keys: before.apiKeys, payout_data: before.payoutData }
        : undefined,
      after: { refund_limits: input.refundLimits, api_keys: input.apiKeys, payout_data: input.payoutData },
    });
  });
}
