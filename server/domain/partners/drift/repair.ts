import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import type { Row } from "@/server/db/client";
import { getFourEyes } from "@/server/domain/approvals/service";
import { appendAudit } from "@/server/domain/audit/service";
import { takingReference } from "@/server/domain/partners/guards";
import { type AccountRow, lockAccountRow, type Queries } from "@/server/domain/partners/rows";
import { differing, valueAt } from "@/server/domain/partners/wire";
import { EXISTS, ourWire } from "./compare";
import { FINDING, type FindingRow, toItem, ValuesSchema, valuesPlace } from "./findings";
import { push } from "./push";
import { take } from "./take";

/* Making both agree again: ours goes to Klarna, or Klarna's is taken over. */

const PAYOUT = /(^|\.)partner_payouts_state(\.|$)/;

/**
 * Ours must be what the comparison saw: an edit made since is on its way to Klarna, and taking Klarna's old value would undo
 * it here alone. Errors: state_conflict.
 */
async function requireAsCompared(
  tx: Queries,
  ctx: ServiceContext,
  account: AccountRow,
  finding: FindingRow,
  seen: unknown,
): Promise<void> {
  if (finding.field === EXISTS) return;
  const ours = await ourWire(tx, ctx, account, finding.subjectKind, finding.subjectId);
  if (ours && differing({ value: valueAt(ours, finding.field) ?? null }, { value: seen ?? null }).length > 0)
    throw new AppError("state_conflict", { detail: "Ours was changed after the comparison. Compare again." });
}

/** Whose payout data two people change is not given other payout data by one of them. Errors: rule_broken. */
async function requireOnePersonMayTake(tx: Queries, ctx: ServiceContext, finding: FindingRow): Promise<void> {
  if (ctx.actor.kind !== "USER" || !PAYOUT.test(finding.field)) return;
  if ((await getFourEyes(tx, finding.partnerId)).payoutData)
    throw new AppError("rule_broken", {
      detail: "Payout data of this Partner needs two people: push ours, or change it in the legal entity.",
    });
}

/**
 * Repairs one difference: `push` sends ours to Klarna, `take` makes ours what Klarna holds.
 * Errors: permission_denied, not_found, state_conflict (no longer open, or ours was changed since), rule_broken (this way is
 * not possible), reference_taken (Klarna's has the reference of another of ours).
 */
export async function resolveDrift(ctx: ServiceContext, id: string, how: "push" | "take"): Promise<void> {
  requirePermission(ctx, "drift:repair");
  const work = async (tx: Queries): Promise<void> => {
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
    await requireAsCompared(tx, ctx, account, finding, values.ours);
    if (how === "push") await push(tx, ctx, account, finding);
    else {
      await requireOnePersonMayTake(tx, ctx, finding);
      await take(tx, ctx, account, finding, values.theirs);
    }
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
  };
  await takingReference(() => ctx.db.transaction(work));
  if (how === "push") ctx.nudge("partners");
}
