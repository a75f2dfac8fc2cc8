import { z } from "zod";
import type { ServiceContext } from "@/server/context";
import { AppError, isAppError } from "@/server/core/errors";
import { requestApproval } from "@/server/domain/approvals/service";
import { saveBusinessEntity } from "./changes";
import { requirePartner } from "./guards";
import { findAccountRow, ibanHint, loadEntities } from "./rows";
import { type EntityInput, EntityInputSchema, type Payout } from "./schema-account";

/*
 * Changes of payout data that need a second person. The request holds the whole change sealed, because it is bank data and
 * may be personal; people see the hints of the old and the new account.
 */

const PayoutPayloadSchema = z.strictObject({
  entity: z.string(),
  version: z.int().nullable(),
  from: z.string().nullable(),
  to: z.string().nullable(),
  /** What is another than before, in words: hints alone can be alike. Requests of before this was told have none. */
  changes: z.array(z.string()).optional(),
  sealed: z.string(),
});

const placeOf = (ctx: ServiceContext, partnerId: string, reference: string): string =>
  `approvals|payout|${ctx.scope.mode}:${reference}|${partnerId}`;

/** Every account by its hint, and when and whether money goes there. */
function payoutWords(payout: Payout | null): string | null {
  if (payout === null) return null;
  return [
    payout.bank_accounts.map(ibanHint).join(", "),
    ...(payout.delay_days === null ? [] : [`after ${payout.delay_days} ${payout.delay_days === 1 ? "day" : "days"}`]),
    ...(payout.status === "ENABLED" ? [] : ["payouts disabled"]),
  ].join(" · ");
}

function payoutChanges(before: Payout | null, after: Payout | null): string[] {
  if (before === null || after === null) return [after === null ? "no payout data any more" : "first payout data"];
  const count = Math.max(before.bank_accounts.length, after.bank_accounts.length);
  const changes = Array.from({ length: count }, (_, at): string[] => {
    const [old, next] = [before.bank_accounts[at], after.bank_accounts[at]];
    const name = count === 1 ? "bank account" : `bank account ${at + 1}`;
    if (!old || !next) return [next ? `${name} added` : `${name} removed`];
    return [
      ...(old.iban === next.iban ? [] : [`${name}: another IBAN`]),
      ...(old.holder === next.holder ? [] : [`${name}: another holder`]),
      ...(old.bic === next.bic ? [] : [`${name}: another BIC`]),
    ];
  }).flat();
  if (before.delay_days !== after.delay_days) changes.push("another delay");
  if (before.status !== after.status) changes.push(after.status === "ENABLED" ? "payouts enabled" : "payouts disabled");
  return changes;
}

export type EntityOutcome =
  | { kind: "saved"; id: string; version: number }
  | { kind: "approval"; approvalId: string; isNew: boolean };

/**
 * Saves a legal entity, or asks for a second person where the Partner's rules say so: then nothing is changed yet.
 * Errors: those of `saveBusinessEntity` but approval_required.
 */
export async function saveBusinessEntityOrAsk(
  ctx: ServiceContext,
  partnerId: string,
  input: EntityInput,
  version?: number,
): Promise<EntityOutcome> {
  try {
    return { kind: "saved", ...(await saveBusinessEntity(ctx, partnerId, input, version)) };
  } catch (error) {
    if (!isAppError(error) || error.code !== "approval_required") throw error;
    const entity = EntityInputSchema.parse(input);
    const account = await findAccountRow(ctx.db, ctx.scope, partnerId);
    if (!account) throw new AppError("not_found");
    const known = (await loadEntities(ctx.db, ctx, account)).find((row) => row.reference === entity.reference);
    const { id, isNew } = await requestApproval(ctx, {
      kind: "PAYOUT_DATA",
      partnerId,
      subjectKind: "partner",
      subjectId: partnerId,
      payload: {
        entity: entity.reference,
        version: version ?? null,
        from: payoutWords(known?.payout ?? null),
        to: payoutWords(entity.payout ?? null),
        changes: payoutChanges(known?.payout ?? null, entity.payout ?? null),
        sealed: ctx.secrets.seal(JSON.stringify(entity), placeOf(ctx, partnerId, entity.reference)),
      },
      summary: `Payout data of ${entity.legalName}`.slice(0, 180),
    });
    return { kind: "approval", approvalId: id, isNew };
  }
}

/**
 * Makes the change that was approved. Errors: those of `saveBusinessEntity`; approval_refused when the approval was used,
 * has ended or was altered.
 */
export async function executePayoutChange(
  ctx: ServiceContext,
  partnerId: string,
  approvalId: string,
  payload: unknown,
): Promise<{ id: string; version: number }> {
  requirePartner(ctx, partnerId);
  const parsed = PayoutPayloadSchema.safeParse(payload);
  if (!parsed.success) throw new AppError("approval_refused", { cause: parsed.error });
  const { entity, version, sealed } = parsed.data;
  const input = EntityInputSchema.parse(JSON.parse(ctx.secrets.open(sealed, placeOf(ctx, partnerId, entity))));
  const approved = { id: approvalId, payload: parsed.data };
  return saveBusinessEntity(ctx, partnerId, input, version ?? undefined, approved);
}
