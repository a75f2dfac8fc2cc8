import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { type Row, violatedConstraint } from "@/server/db/client";
import { appendAudit } from "@/server/domain/audit/service";
import {
  requireVersion,
  saveAccount,
  saveBrands,
  saveEntities,
  saveGroups,
  savePaymentAccounts,
} from "@/server/domain/partners/records";
import { type AccountRow, findAccountRow, type Queries } from "@/server/domain/partners/rows";
import {
  DraftProblemsSchema,
  type DraftRecord,
  type DraftSection,
  type DraftSectionInput,
  DraftSectionSchema,
} from "@/server/domain/partners/schema-onboarding";
import { bump, lockDraft, mayEdit, requireOpen } from "./row";
import { draftOf } from "./view";

/* A draft is filled section by section. */

/** Who decides about prices and settlement is the acquirer. */
const ACQUIRER_SECTIONS: readonly DraftSection[] = ["payments", "relationships"];

/**
 * Saves one section as a whole; entities, brands and groups that it lacks are taken away. `version` is that of the draft
 * that the caller saw. Answers the new draft.
 * Errors: permission_denied, not_found, state_conflict (version, or no longer a draft), validation_failed, rule_broken, reference_taken.
 */
export async function saveDraftSection(
  ctx: ServiceContext,
  partnerId: string,
  input: DraftSectionInput & { version: number },
): Promise<DraftRecord> {
  requirePermission(ctx, "partners:draft");
  const { version, ...rest } = input;
  const parsed = DraftSectionSchema.parse(rest);
  if (ACQUIRER_SECTIONS.includes(parsed.section)) requirePermission(ctx, "partners:write");
  try {
    return await ctx.db.transaction(async (tx) => {
      const { account, row } = await lockDraft(tx, ctx, partnerId);
      requireOpen(row);
      if (!mayEdit(ctx, row)) throw new AppError("permission_denied");
      requireVersion(version, row.version);
      const now = ctx.clock.now();
      switch (parsed.section) {
        case "company":
          await saveCompany(tx, ctx, account, parsed.data, now);
          break;
        case "contact":
          await saveAccount(tx, ctx, account, { contact: parsed.data });
          break;
        case "entities":
          await saveEntities(tx, ctx, account, parsed.data, { isReplacing: true });
          break;
        case "brands":
          await saveBrands(tx, ctx, account, parsed.data, { isReplacing: true });
          break;
        case "storeGroups":
          await saveGroups(tx, ctx, account, parsed.data, { isReplacing: true });
          break;
        case "payments":
          await tx.query<Row>({
            text: "update partner_accounts set payment_profile_id = $3, updated_at = $4 where partner_id = $1 and mode = $2",
            values: [account.partnerId, account.mode, parsed.data.paymentProfileId, now],
          });
          await savePaymentAccounts(tx, ctx, account, parsed.data.paymentAccounts, { isReplacing: true });
          break;
        case "relationships":
          await saveAccount(tx, ctx, account, { relationships: parsed.data });
      }
      // What Klarna said of a section no longer holds once the section was saved.
      const problems = DraftProblemsSchema.parse(row.fieldErrors).filter(
        (problem) => problem.section !== parsed.section,
      );
      await bump(tx, row, "field_errors = $3::jsonb", [JSON.stringify(problems)], now);
      const fresh = await findAccountRow(tx, ctx.scope, partnerId);
      return draftOf(tx, ctx, fresh ?? account);
    });
  } catch (error) {
    if (/_(reference|name)_key$/.test(violatedConstraint(error) ?? ""))
      throw new AppError("reference_taken", { cause: error });
    throw error;
  }
}

async function saveCompany(
  tx: Queries,
  ctx: ServiceContext,
  account: AccountRow,
  data: { name: string; country: string; currency: string; accountName: string | null },
  now: Date,
): Promise<void> {
  // Name, country and currency are the Partner's in both modes: an account that is in use elsewhere keeps them.
  const [other] = await tx.query<{ state: string }>({
    text: "select state from partners where id = $1 and state <> 'DRAFT'",
    values: [account.partnerId],
  });
  if (!other) {
    await tx.query<Row>({
      text: "update partners set name = $2, country = $3, currency = $4, version = version + 1, updated_at = $5 where id = $1",
      values: [account.partnerId, data.name, data.country, data.currency, now],
    });
    await appendAudit(tx, ctx, {
      action: "partner.updated",
      subjectKind: "partner",
      subjectId: account.partnerId,
      partnerId: account.partnerId,
      mode: null,
      before: { name: account.partnerName, country: account.partnerCountry, currency: account.partnerCurrency },
      after: { name: data.name, country: data.country, currency: data.currency },
    });
    account.partnerName = data.name;
  }
  await saveAccount(tx, ctx, account, { accountName: data.accountName });
}
