import { isDeepStrictEqual } from "node:util";
import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import type { Row } from "@/server/db/client";
import { type ApprovedUse, getFourEyes, guardApproval, spendApproval } from "@/server/domain/approvals/service";
import { appendAudit } from "@/server/domain/audit/service";
import { takingReference } from "./guards";
import { requireReadableQr } from "./qr-look";
import { saveAccount, saveBrands, saveEntities, saveGroups, savePaymentAccounts } from "./records";
import { type AccountRow, loadEntities, lockAccountRow, type Queries } from "./rows";
import {
  type BrandInput,
  BrandInputSchema,
  type Contact,
  ContactSchema,
  type EntityInput,
  EntityInputSchema,
  type PaymentAccountInput,
  PaymentAccountInputSchema,
  type StoreGroupInput,
  StoreGroupInputSchema,
} from "./schema-account";
import { StoredSettingsSchema, type TerminalSettings, TerminalSettingsSchema } from "./schema-settings";
import { inheritSettings } from "./settings";
import { requireMayWiden, withLimitCurrency } from "./till-returns";

/*
 * Changes of an account that is in use: written here and queued for Klarna in one transaction. While the account is a draft
 * the same functions change the draft.
 */

type Saved = { id: string; version: number };

async function changing<T>(
  ctx: ServiceContext,
  partnerId: string,
  work: (tx: Queries, account: AccountRow) => Promise<T>,
): Promise<T> {
  const result = await takingReference(() =>
    ctx.db.transaction(async (tx) => {
      const account = await lockAccountRow(tx, ctx.scope, partnerId);
      if (!account) throw new AppError("not_found");
      if (account.partnerState === "CLOSED") throw new AppError("state_conflict", { detail: "The Partner is closed." });
      return work(tx, account);
    }),
  );
  ctx.nudge("partners");
  return result;
}

function only(saved: readonly Saved[]): Saved {
  const [first] = saved;
  if (!first) throw new Error("nothing was saved");
  return first;
}

const versionOf = (version: number | undefined) => (version === undefined ? {} : { expectedVersion: version });

/** Name and contact of the account. Errors: permission_denied, not_found, state_conflict. */
export async function changeAccount(
  ctx: ServiceContext,
  partnerId: string,
  input: { accountName?: string | null; contact?: Contact },
): Promise<Saved> {
  requirePermission(ctx, "partners:write");
  const contact = input.contact === undefined ? undefined : ContactSchema.parse(input.contact);
  return changing(ctx, partnerId, (tx, account) =>
    saveAccount(tx, ctx, account, {
      ...(input.accountName === undefined ? {} : { accountName: input.accountName }),
      ...(contact === undefined ? {} : { contact }),
    }),
  );
}

/**
 * Makes or changes the legal entity with this reference. `version` is that which the caller saw. `payout` left out keeps it.
 *
 * Where the Partner's rules want two people for payout data, a person changes it on an account in use only with the
 * approval of exactly this change, spent in the same transaction (`payout-approval.ts`).
 * Errors: permission_denied, not_found, state_conflict (version), approval_required, approval_refused.
 */
export async function saveBusinessEntity(
  ctx: ServiceContext,
  partnerId: string,
  input: EntityInput,
  version?: number,
  approved?: Pick<ApprovedUse, "id" | "payload">,
): Promise<Saved> {
  requirePermission(ctx, "partners:write");
  const entity = EntityInputSchema.parse(input);
  const mayNeedTwo = approved === undefined && ctx.actor.kind === "USER" && entity.payout !== undefined;
  const needsTwo = mayNeedTwo && (await getFourEyes(ctx.db, partnerId)).payoutData;
  return guardApproval(ctx, approved?.id ?? null, () =>
    changing(ctx, partnerId, async (tx, account) => {
      if (needsTwo && account.state !== "NOT_ONBOARDED") await refuseNewPayout(tx, ctx, account, entity);
      const saved = only(await saveEntities(tx, ctx, account, [entity], versionOf(version)));
      if (approved) await spendApproval(tx, ctx, { ...approved, kind: "PAYOUT_DATA", partnerId, resultId: saved.id });
      return saved;
    }),
  );
}

/** Errors: approval_required when the entity's payout data is not what stands there. */
async function refuseNewPayout(
  tx: Queries,
  ctx: ServiceContext,
  account: AccountRow,
  entity: EntityInput,
): Promise<void> {
  const known = (await loadEntities(tx, ctx, account)).find((row) => row.reference === entity.reference);
  const before = known?.payout ?? null;
  if (!isDeepStrictEqual(before, entity.payout)) throw new AppError("approval_required");
}

/** Makes or changes the brand with this reference. Errors: permission_denied, not_found, state_conflict, reference_taken (name). */
export async function saveBrand(
  ctx: ServiceContext,
  partnerId: string,
  input: BrandInput,
  version?: number,
): Promise<Saved> {
  requirePermission(ctx, "stores:write");
  const brand = BrandInputSchema.parse(input);
  return changing(ctx, partnerId, async (tx, account) =>
    only(await saveBrands(tx, ctx, account, [brand], versionOf(version))),
  );
}

/**
 * Makes or changes the store group with this reference; another `brand` moves it with its stores.
 * Errors: permission_denied, not_found, state_conflict, validation_failed (brand), reference_taken (name).
 */
export async function saveStoreGroup(
  ctx: ServiceContext,
  partnerId: string,
  input: StoreGroupInput,
  version?: number,
): Promise<Saved> {
  requirePermission(ctx, "stores:write");
  const group = StoreGroupInputSchema.parse(input);
  return changing(ctx, partnerId, async (tx, account) =>
    only(await saveGroups(tx, ctx, account, [group], versionOf(version))),
  );
}

/** Adds a payment account; Klarna lets nobody change one. Errors: permission_denied, not_found, rule_broken, validation_failed, reference_taken. */
export async function addPaymentAccount(
  ctx: ServiceContext,
  partnerId: string,
  input: PaymentAccountInput,
): Promise<Saved> {
  requirePermission(ctx, "partners:write");
  const payment = PaymentAccountInputSchema.parse(input);
  return changing(ctx, partnerId, async (tx, account) => only(await savePaymentAccounts(tx, ctx, account, [payment])));
}

/**
 * Archives or brings back a brand or store group, here only: Klarna cannot delete one.
 * Errors: permission_denied, not_found, rule_broken (something active hangs on it).
 */
export async function setArchived(
  ctx: ServiceContext,
  partnerId: string,
  subject: { kind: "brand" | "store_group"; id: string },
  isArchived: boolean,
): Promise<void> {
  requirePermission(ctx, "stores:write");
  const table = subject.kind === "brand" ? "brands" : "store_groups";
  const hanging =
    subject.kind === "brand"
      ? "select 1 from store_groups where brand_id = $1 and status = 'ACTIVE' limit 1"
      : "select 1 from stores where store_group_id = $1 and status <> 'ARCHIVED' limit 1";
  await changing(ctx, partnerId, async (tx, account) => {
    if (isArchived && (await tx.query<Row>({ text: hanging, values: [subject.id] })).length > 0)
      throw new AppError("rule_broken", {
        detail:
          subject.kind === "brand" ? "Archive or move its store groups first." : "Archive or move its stores first.",
      });
    const status = isArchived ? "ARCHIVED" : "ACTIVE";
    const found = await tx.query<Row>({
      text: `update ${table} set status = $4, version = version + 1, updated_at = $5 where partner_id = $1 and mode = $2 and id = $3 returning 1`,
      values: [account.partnerId, account.mode, subject.id, status, ctx.clock.now()],
    });
    if (found.length === 0) throw new AppError("not_found");
    await appendAudit(tx, ctx, {
      action: `${subject.kind}.${isArchived ? "archived" : "restored"}`,
      subjectKind: subject.kind,
      subjectId: subject.id,
      partnerId: account.partnerId,
      after: { status },
    });
  });
}

/**
 * What the Partner's terminals inherit; see `inheritSettings`. More returns at the till only by who may refund.
 * Errors: permission_denied, not_found, rule_broken (a look of the QR code that cameras could not read; a currency without
 * a limit).
 */
export async function saveTerminalSettings(
  ctx: ServiceContext,
  partnerId: string,
  input: TerminalSettings,
): Promise<void> {
  requirePermission(ctx, "terminals:write");
  const wanted = TerminalSettingsSchema.parse(input);
  requireReadableQr(inheritSettings({ partner: wanted }).values);
  await changing(ctx, partnerId, async (tx, account) => {
    const settings = withLimitCurrency(wanted, {
      named: wanted.till_return_currency,
      above: inheritSettings({}).values,
      partnerCurrency: account.partnerCurrency,
    });
    const [stored] = await tx.query<Row & { settings: unknown }>({
      text: "select settings from partner_accounts where partner_id = $1 and mode = $2",
      values: [account.partnerId, account.mode],
    });
    const before = StoredSettingsSchema.parse(stored?.settings);
    requireMayWiden(ctx, inheritSettings({ partner: before }).values, inheritSettings({ partner: settings }).values);
    await tx.query<Row>({
      text: "update partner_accounts set settings = $3::jsonb, version = version + 1, updated_at = $4 where partner_id = $1 and mode = $2",
      values: [account.partnerId, account.mode, JSON.stringify(settings), ctx.clock.now()],
    });
    await appendAudit(tx, ctx, {
      action: "partner.settings_changed",
      subjectKind: "partner",
      subjectId: account.partnerId,
      partnerId: account.partnerId,
      before,
      after: settings,
    });
  });
}
