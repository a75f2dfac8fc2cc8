import { actorCan } from "@/server/auth/permissions";
import { requirePermission, type ServiceContext } from "@/server/context";
import type { Row } from "@/server/db/client";
import { findAccountRow, loadBrands, loadEntities, loadGroups, loadPaymentAccounts, openContact } from "./rows";
import { AccountStateSchema, PartnerStateSchema, ProductStateSchema } from "./schema";
import type { AccountRecord } from "./schema-account";
import { OnboardingStateSchema } from "./schema-onboarding";
import { StoredSettingsSchema } from "./schema-settings";

type Facts = Row & {
  stateReason: string | null;
  settings: unknown;
  productChangedBy: string | null;
  productChangedAt: Date | null;
  onboardedAt: Date | null;
  driftCheckedAt: Date | null;
  onboarding: string | null;
  openDrift: number;
  openDecisions: number;
  openChanges: number;
  failedChanges: number;
};

/**
 * The Partner's account in the context's mode, whole; null where it has none or is out of sight. The contact and
 * the people behind a legal entity are for those who may fill drafts; others see how many people there are. Of payout data
 * only the hint. Errors: permission_denied.
 */
export async function getAccountRecord(ctx: ServiceContext, partnerId: string): Promise<AccountRecord | null> {
  requirePermission(ctx, "partners:read");
  const account = await findAccountRow(ctx.db, ctx.scope, partnerId);
  if (!account) return null;
  const key = [account.partnerId, account.mode];
  const [entities, brands, groups, paymentAccounts, [facts]] = await Promise.all([
    loadEntities(ctx.db, ctx, account),
    loadBrands(ctx.db, account),
    loadGroups(ctx.db, account),
    loadPaymentAccounts(ctx.db, account),
    ctx.db.query<Facts>({
      text: `select p.state_reason as "stateReason", a.settings, a.product_changed_by as "productChangedBy", a.product_changed_at as "productChangedAt",
          a.onboarded_at as "onboardedAt", a.drift_checked_at as "driftCheckedAt", o.state as onboarding,
          (select count(*)::int from drift_findings f where f.partner_id = a.partner_id and f.mode = a.mode and f.state = 'OPEN') as "openDrift",
          (select count(*)::int from compliance_decisions d where d.partner_id = a.partner_id and d.mode = a.mode and d.state = 'OPEN') as "openDecisions",
          (select count(*)::int from klarna_changes c where c.partner_id = a.partner_id and c.mode = a.mode and c.state in ('PENDING','SENT','UNKNOWN')) as "openChanges",
          (select count(*)::int from klarna_changes c where c.partner_id = a.partner_id and c.mode = a.mode and c.state = 'FAILED') as "failedChanges"
        from partner_accounts a join partners p on p.id = a.partner_id
        left join onboardings o on o.partner_id = a.partner_id and o.mode = a.mode where a.partner_id = $1 and a.mode = $2`,
      values: key,
    }),
  ]);
  if (!facts) return null;
  const hasPersonalData = actorCan(ctx.actor, "partners:draft");
  return {
    mode: account.mode,
    partnerState: PartnerStateSchema.parse(account.partnerState),
    stateReason: facts.stateReason,
    accountName: account.accountName,
    klarnaPartnerAccountId: account.klarnaId,
    state: AccountStateSchema.parse(account.state),
    productState: ProductStateSchema.parse(account.productState),
    productWanted: account.productWanted,
    productChangedBy: facts.productChangedBy,
    productChangedAt: facts.productChangedAt,
    paymentProfileId: account.paymentProfileId,
    onboarding: facts.onboarding === null ? null : OnboardingStateSchema.parse(facts.onboarding),
    onboardedAt: facts.onboardedAt,
    operationalAt: account.operationalAt,
    driftCheckedAt: facts.driftCheckedAt,
    hasPersonalData,
    contact: hasPersonalData ? openContact(ctx, account) : null,
    entities: entities.map(({ payout: _payout, ...entity }) => ({
      ...entity,
      stakeholders: hasPersonalData ? entity.stakeholders : [],
      stakeholderCount: entity.stakeholders.length,
    })),
    brands,
    storeGroups: groups.map(({ brandId: _brandId, ...group }) => group),
    paymentAccounts,
    settings: StoredSettingsSchema.parse(facts.settings),
    openDrift: facts.openDrift,
    openDecisions: facts.openDecisions,
    openChanges: facts.openChanges,
    failedChanges: facts.failedChanges,
  };
}
