import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { decodeCursor, type ListPage, toListPage } from "@/server/core/pagination";
import { appendAudit } from "@/server/domain/audit/service";
import { requireOwnCode, requirePartner, takingReference, withNeighbours } from "./guards";
import * as repository from "./repository";
import {
  type AddBusinessEntityInput,
  AddBusinessEntitySchema,
  type CreatePartnerInput,
  CreatePartnerSchema,
  type PartnerAccountView,
  type PartnerFilter,
  type PartnerItem,
  type PartnerRecord,
  PartnerStateSchema,
} from "./schema";

// biome-ignore lint/performance/noBarrelFile: a service that outgrew one file is split by use case, and this is its one door
export { handleDecision, listComplianceDecisions, listKlarnaChanges, listStateChanges } from "./account-history";
export { getAccountRecord } from "./account-record";
export { type LogoPicture, readBrandLogo } from "./brand-logo";
export {
  addPaymentAccount,
  changeAccount,
  saveBrand,
  saveBusinessEntity,
  saveStoreGroup,
  saveTerminalSettings,
  setArchived,
} from "./changes";
export { approveDraft, cancelDraft, rejectDraft, setPartnerMayEdit, submitDraft } from "./draft/decisions";
export { saveDraftSection } from "./draft/sections";
export { startOnboarding } from "./draft/start";
export { getDraft, listOnboardings } from "./draft/view";
export { checkDrift, checkDueDrift } from "./drift/check";
export { listDrift } from "./drift/findings";
export { resolveDrift } from "./drift/repair";
export { applyPartnerEvent, readDueAccounts, refreshAccount } from "./follow-klarna";
export { requireOwnCode, requirePartner, takingReference, withNeighbours } from "./guards";
export { type LifecycleResult, offboardPartner, resumePartner, suspendPartner } from "./lifecycle";
export { adoptIds, describeAccount } from "./onboard";
export { getOnboardingChoices, type OnboardingChoices } from "./onboarding-choices";
export { type EntityOutcome, executePayoutChange, saveBusinessEntityOrAsk } from "./payout-approval";
export { requireReadableQr, STORED_LOGO_PERCENT } from "./qr-look";
export { snapshotStores, tellOfStores } from "./queue/stores";
export { syncPartners } from "./queue/sync";
export { DEFAULT_TERMINAL_SETTINGS, type EffectiveSettings, inheritSettings, type SettingsLevel } from "./settings";
export { requireMayRefund, requireMayWiden, withLimitCurrency } from "./till-returns";

/** Lists Partners within the caller's scope, newest first. Errors: permission_denied, validation_failed (cursor). */
export async function listPartners(
  ctx: ServiceContext,
  filter: PartnerFilter,
  page: { limit: number; cursor?: string | null },
): Promise<ListPage<PartnerItem>> {
  requirePermission(ctx, "partners:read");
  const cursor = page.cursor ? decodeCursor(page.cursor) : null;
  const [rows, total] = await Promise.all([
    repository.findPartners(ctx.db.prisma, ctx.scope, filter, { limit: page.limit, cursor }),
    repository.countPartners(ctx.db.prisma, ctx.scope, filter),
  ]);
  return toListPage(rows, page.limit, total);
}

/** Id and name of Partners by name, for pickers: fifty at most. Errors: permission_denied. */
export async function listPartnerChoices(ctx: ServiceContext, search?: string) {
  requirePermission(ctx, "partners:read");
  return repository.findChoices(ctx.db.prisma, ctx.scope, search, 50);
}

/**
 * One Partner with its accounts in both modes and, for the context's mode, entities, brands, groups and counts.
 * Errors: permission_denied, not_found (also for another's Partner).
 */
export async function getPartner(ctx: ServiceContext, id: string): Promise<PartnerRecord> {
  requirePermission(ctx, "partners:read");
  const partner = await repository.findPartner(ctx.db.prisma, ctx.scope, id);
  if (!partner) throw new AppError("not_found");
  const neighbours = await repository.findNeighbours(ctx.db.prisma, ctx.scope, partner.id);
  const { _count, accounts, ...facts } = partner;
  return {
    ...facts,
    state: PartnerStateSchema.parse(partner.state),
    accounts: accounts.map(repository.toAccountView),
    userCount: _count.users,
    ...neighbours,
  };
}

/** The Partner's account in the context's mode. Errors: not_found. */
export async function getPartnerAccount(
  ctx: ServiceContext,
  partnerId: string,
): Promise<PartnerAccountView & { partnerId: string }> {
  const account = await repository.findAccount(ctx.db.prisma, ctx.scope, partnerId);
  if (!account) throw new AppError("not_found");
  return { partnerId: account.partnerId, ...repository.toAccountView(account) };
}

/**
 * Registers a Partner with the accounts that Klarna made for it. One audit entry, of no mode.
 * Errors: permission_denied, reference_taken.
 */
export async function createPartner(
  ctx: ServiceContext,
  input: CreatePartnerInput,
): Promise<{ id: string; createdAt: Date }> {
  requireOwnCode(ctx);
  const { accounts, ...partner } = CreatePartnerSchema.parse(input);
  const createdAt = ctx.clock.now();
  const id = newId("partner", createdAt.getTime());
  await takingReference(() =>
    ctx.db.transaction(async (tx) => {
      await repository.insertPartner(tx, { id, ...partner, createdAt });
      for (const account of accounts) await repository.insertAccount(tx, { partnerId: id, ...account, createdAt });
      await appendAudit(tx, ctx, {
        action: "partner.created",
        subjectKind: "partner",
        subjectId: id,
        partnerId: id,
        mode: null,
        after: {
          ...partner,
          accounts: accounts.map((account) => ({
            id: account.klarnaPartnerAccountId,
            mode: account.mode,
            state: account.state,
          })),
        },
      });
    }),
  );
  return { id, createdAt };
}

/** Adds a legal entity in the context's mode. Errors: permission_denied, not_found. */
export async function addBusinessEntity(ctx: ServiceContext, input: AddBusinessEntityInput): Promise<{ id: string }> {
  requireOwnCode(ctx);
  const entity = AddBusinessEntitySchema.parse(input);
  requirePartner(ctx, entity.partnerId);
  const createdAt = ctx.clock.now();
  const id = newId("businessEntity", createdAt.getTime());
  await withNeighbours("not_found", () =>
    ctx.db.transaction(async (tx) => {
      await repository.insertBusinessEntity(tx, { id, mode: ctx.scope.mode, ...entity, createdAt });
      await appendAudit(tx, ctx, {
        action: "business_entity.created",
        subjectKind: "business_entity",
        subjectId: id,
        partnerId: entity.partnerId,
        after: { name: entity.legalName, country: entity.country },
      });
    }),
  );
  return { id };
}
