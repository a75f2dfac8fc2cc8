import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import type { Row } from "@/server/db/client";
import { appendAudit } from "@/server/domain/audit/service";
import { lockAccountRow } from "@/server/domain/partners/rows";
import { FINDING, type FindingRow, toItem, ValuesSchema, valuesPlace } from "./findings";
import { push } from "./push";
import { take } from "./take";

/* Making both agree again: ours goes to Klarna, or Klarna's is taken over. */

/**
 * Repairs one difference: `push` sends ours to Klarna, `take` makes ours what Klarna holds.
 * Errors: permission_denied, not_found, state_conflict (no longer open), rule_broken (this way is not possible).
 */
export async function resolveDrift(ctx: ServiceContext, id: string, how: "push" | "take"): Promise<void> {
  requirePermission(ctx, "drift:repair");
  await ctx.db.transaction(async (tx) => {
    const [found] = await tx.query<{ partnerId: string }>({
      text: `select partner_id as "partnerId" from drift_findings where id = $1 and mode = $2 and ($3::text[] is null or partner_id = any($3))`,
      values: [id, ctx.scope.mode, ctx.scope.partners === "all" ? null : ctx.scope.partners],
    });
    if (!found) throw new AppError("not_found");
    const account = await lockAccountRow(tx, ctx.scope, found.partnerId);
    if (!account) throw new AppError("not_found");
    const [finding] = await tx.query<FindingRow>({
      text: `${FINDING} where d.id = $1 for update of d`,
      values: [id],
    });
    if (finding?.state !== "OPEN")
      throw new AppError("state_conflict", { detail: "This difference has been dealt with." });
    const item = toItem(ctx, finding);
    if (how === "push" ? !item.canPush : !item.canTake)
      throw new AppError("rule_broken", { detail: "This difference cannot be repaired this way." });
    const values = ValuesSchema.parse(JSON.parse(ctx.secrets.open(finding.valuesSecret, valuesPlace(id))));
    if (how === "push") await push(tx, ctx, account, finding);
    else await take(tx, ctx, account, finding, values.theirs);
    await tx.query<Row>({
      text: "update drift_findings set state = $2, resolved_at = $3, resolved_by = $4 where id = $1",
      values: [id, how === "push" ? "PUSHED" : "TAKEN", ctx.clock.now(), ctx.actor.id],
    });
    await appendAudit(tx, ctx, {
      action: how === "push" ? "drift.pushed" : "drift.taken",
      subjectKind: finding.subjectKind,
      subjectId: finding.subjectId,
      partnerId: account.partnerId,
      after: { kind: finding.subjectKind, parameter: finding.field },
    });
  });
  if (how === "push") ctx.nudge("partners");
}
