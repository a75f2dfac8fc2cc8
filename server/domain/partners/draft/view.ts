import { actorCan } from "@/server/auth/permissions";
import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { decodeCursor, LIST_TOTAL_MAX, type ListPage, toListPage } from "@/server/core/pagination";
import type { Row } from "@/server/db/client";
import { completenessOf } from "@/server/domain/partners/completeness";
import {
  type AccountRow,
  findAccountRow,
  loadBrands,
  loadEntities,
  loadGroups,
  loadPaymentAccounts,
  openContact,
  type Queries,
  RelationshipsSchema,
} from "@/server/domain/partners/rows";
import { AccountStateSchema } from "@/server/domain/partners/schema";
import {
  DraftProblemsSchema,
  type DraftRecord,
  type OnboardingFilter,
  type OnboardingItem,
  OnboardingStateSchema,
} from "@/server/domain/partners/schema-onboarding";
import { isOfPartner, loadOnboarding, mayEdit } from "./row";

/* Drafts as a person sees them: the list, and one with what it still lacks. */

/** Drafts within the caller's Partners and mode, newest first. Errors: permission_denied, validation_failed (cursor). */
export async function listOnboardings(
  ctx: ServiceContext,
  filter: OnboardingFilter,
  page: { limit: number; cursor?: string | null },
): Promise<ListPage<OnboardingItem>> {
  requirePermission(ctx, "partners:read");
  const cursor = page.cursor ? decodeCursor(page.cursor) : null;
  const values: unknown[] = [
    ctx.scope.mode,
    ctx.scope.partners === "all" ? null : ctx.scope.partners,
    filter.state?.length ? filter.state : null,
    filter.search ? `%${filter.search.toLowerCase().replace(/[\\%_]/g, "\\$&")}%` : null,
  ];
  const where = `o.mode = $1 and ($2::text[] is null or o.partner_id = any($2)) and ($3::text[] is null or o.state = any($3))
    and ($4::text is null or p.search_text like $4)`;
  const from = "from onboardings o join partners p on p.id = o.partner_id";
  const [rows, [count]] = await Promise.all([
    ctx.db.query<Row & Omit<OnboardingItem, "state"> & { state: string }>({
      text: `select o.id, o.partner_id as "partnerId", p.name as "partnerName", p.reference as "partnerReference", p.country, o.state,
          o.partner_may_edit as "partnerMayEdit", o.submitted_at as "submittedAt", o.updated_at as "updatedAt", o.created_at as "createdAt"
        ${from} where ${where} and ($5::timestamptz is null or (o.created_at, o.id) < ($5, $6)) order by o.created_at desc, o.id desc limit $7`,
      values: [...values, cursor?.createdAt ?? null, cursor?.id ?? null, page.limit + 1],
    }),
    ctx.db.query<{ total: number }>({
      text: `select count(*)::int as total from (select 1 ${from} where ${where} limit ${LIST_TOTAL_MAX}) found`,
      values,
    }),
  ]);
  return toListPage(
    rows.map((row) => ({ ...row, state: OnboardingStateSchema.parse(row.state) })),
    page.limit,
    count?.total ?? 0,
  );
}

async function storeFacts(tx: Queries, account: AccountRow) {
  return tx.query<{ reference: string; hasGroup: boolean; isPhysical: boolean; hasQr: boolean }>({
    text: `select s.reference, s.store_group_id is not null as "hasGroup", s.type = 'PHYSICAL' as "isPhysical",
        exists (select 1 from terminals t where t.partner_id = s.partner_id and t.mode = s.mode and t.store_id = s.id and t.can_show_qr and t.status <> 'ARCHIVED') as "hasQr"
      from stores s where s.partner_id = $1 and s.mode = $2 and s.status <> 'ARCHIVED'`,
    values: [account.partnerId, account.mode],
  });
}

export async function draftOf(tx: Queries, ctx: ServiceContext, account: AccountRow): Promise<DraftRecord> {
  const row = await loadOnboarding(tx, account);
  const [entities, brands, groups, paymentAccounts] = [
    await loadEntities(tx, ctx, account),
    await loadBrands(tx, account),
    await loadGroups(tx, account),
    await loadPaymentAccounts(tx, account),
  ];
  const stores = await storeFacts(tx, account);
  const [terminals] = await tx.query<{ count: number }>({
    text: "select count(*)::int as count from terminals where partner_id = $1 and mode = $2 and status <> 'ARCHIVED'",
    values: [account.partnerId, account.mode],
  });
  const contact = openContact(ctx, account);
  const state = OnboardingStateSchema.parse(row.state);
  const completeness = completenessOf({
    contact,
    entities,
    brands,
    groups,
    paymentProfileId: account.paymentProfileId,
    paymentAccounts,
    stores,
    currency: account.partnerCurrency,
  });
  const edit = mayEdit(ctx, row);
  const decide =
    !isOfPartner(ctx) &&
    actorCan(ctx.actor, "partners:write") &&
    (state === "DRAFT" || state === "SUBMITTED" || state === "REFUSED");
  return {
    id: row.id,
    partnerId: account.partnerId,
    partnerName: account.partnerName,
    partnerReference: account.partnerReference,
    country: account.partnerCountry,
    currency: account.partnerCurrency,
    accountName: account.accountName,
    mode: account.mode,
    state,
    version: row.version,
    partnerMayEdit: row.partnerMayEdit,
    contact,
    entities: entities.map(({ payout: _payout, ...entity }) => entity),
    brands,
    storeGroups: groups.map(({ brandId: _brandId, ...group }) => group),
    paymentProfileId: account.paymentProfileId,
    paymentAccounts,
    relationships: RelationshipsSchema.parse(account.relationships),
    storeCount: stores.length,
    terminalCount: terminals?.count ?? 0,
    problems: DraftProblemsSchema.parse(row.fieldErrors),
    rejectReason: row.rejectReason,
    submittedAt: row.submittedAt,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    accountState: AccountStateSchema.parse(account.state),
    klarnaPartnerAccountId: account.klarnaId,
    completeness,
    may: {
      edit,
      editPayments: edit && !isOfPartner(ctx) && actorCan(ctx.actor, "partners:write"),
      submit: edit && state !== "SUBMITTED",
      decide,
    },
  };
}

/**
 * The whole draft of a Partner in the context's mode with its completeness. Of payout data only the hint.
 * Errors: permission_denied, not_found.
 */
export async function getDraft(ctx: ServiceContext, partnerId: string): Promise<DraftRecord> {
  requirePermission(ctx, "partners:draft");
  const account = await findAccountRow(ctx.db, ctx.scope, partnerId);
  if (!account) throw new AppError("not_found");
  return draftOf(ctx.db, ctx, account);
}
