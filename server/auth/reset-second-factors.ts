import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { appendAudit } from "@/server/domain/audit/service";
import { getPerson } from "@/server/domain/people/service";
import { findAccount } from "./accounts";
import { removeSecondFactors } from "./second-factor";

/**
 * For a colleague who has lost phone, passkeys and recovery codes: an administrator takes all second factors away. Their
 * sessions end; a role that wants a second step asks for a new one at the next sign-in. The administrator makes sure that
 * it is them: that is not ours to check. The person hears of it by mail.
 *
 * Errors: permission_denied (with the reason), not_found, state_conflict (there is none).
 */
export async function resetSecondFactors(ctx: ServiceContext, userId: string): Promise<void> {
  requirePermission(ctx, "users:write");
  const person = await getPerson(ctx, userId);
  if (!person.may.change) throw new AppError("permission_denied", { detail: person.may.why });
  await ctx.db.transaction(async (tx) => {
    const account = await findAccount(tx, userId);
    if (!account) throw new AppError("not_found");
    if (!account.hasTotp && account.passkeys === 0)
      throw new AppError("state_conflict", { detail: "This person has no second step." });
    await removeSecondFactors(tx, ctx, account);
    await appendAudit(tx, ctx, {
      action: "user.second_factors_reset",
      subjectKind: "user",
      subjectId: userId,
      partnerId: account.partnerId,
      mode: null,
    });
  });
  ctx.nudge("mails");
}
