import { actorCan } from "@/server/auth/permissions";
import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { decodeCursor, LIST_TOTAL_MAX, type ListPage, toListPage } from "@/server/core/pagination";
import { MINUTE_MS } from "@/server/core/time";
import type { Row } from "@/server/db/client";
import { violatedConstraint } from "@/server/db/client";
import { appendAudit } from "@/server/domain/audit/service";
import { queueMail } from "@/server/domain/mail/service";
import {
  type AcquiringAccount,
  listAcquiringAccounts,
  listPaymentProfiles,
  listPricePlans,
  type PaymentProfile,
  type PricePlan,
} from "@/server/klarna/accounts";
import { completenessOf } from "./completeness";
import { appendStateChange } from "./facts";
import { buildOnboarding } from "./onboard";
import { enqueue, syncPartners } from "./queue";
import { requireVersion, saveAccount, saveBrands, saveEntities, saveGroups, savePaymentAccounts } from "./records";
import {
  type AccountRow,
  findAccountRow,
  loadBrands,
  loadEntities,
  loadGroups,
  loadPaymentAccounts,
  lockAccountRow,
  openContact,
  type Queries,
  RelationshipsSchema,
} from "./rows";
import {
  AccountStateSchema,
  DraftProblemsSchema,
  type DraftRecord,
  type DraftSection,
  type DraftSectionInput,
  DraftSectionSchema,
  type OnboardingFilter,
  type OnboardingItem,
  OnboardingStateSchema,
  type StartOnboardingInput,
  StartOnboardingSchema,
} from "./schema";
import type { OnboardingState } from "./states";

/* The way of a Partner to Klarna: a draft that is filled section by section, decided by the acquirer, sent as one call. */

/** In these a draft may still be changed. */
const OPEN: readonly OnboardingState[] = ["DRAFT", "SUBMITTED", "REFUSED"];
/** Who decides about prices and settlement is the acquirer. */
const ACQUIRER_SECTIONS: readonly DraftSection[] = ["payments", "relationships"];

type OnboardingRow = Row & {
  id: string;
  partnerId: string;
  mode: "test" | "live";
  state: string;
  version: number;
  partnerMayEdit: boolean;
  fieldErrors: unknown;
  rejectReason: string | null;
  requestedAt: Date | null;
  requestedFrom: string | null;
  submittedBy: string | null;
  submittedAt: Date | null;
  createdBy: string;
  createdAt: Date;
  updatedAt: Date;
};

const ROW = `select id, partner_id as "partnerId", mode, state, version, partner_may_edit as "partnerMayEdit", field_errors as "fieldErrors",
    reject_reason as "rejectReason", requested_at as "requestedAt", requested_from as "requestedFrom", submitted_by as "submittedBy",
    submitted_at as "submittedAt", created_by as "createdBy", created_at as "createdAt", updated_at as "updatedAt" from onboardings`;

async function loadOnboarding(tx: Queries, account: AccountRow): Promise<OnboardingRow> {
  const [row] = await tx.query<OnboardingRow>({
    text: `${ROW} where partner_id = $1 and mode = $2`,
    values: [account.partnerId, account.mode],
  });
  if (!row) throw new AppError("not_found");
  return row;
}

const isOfPartner = (ctx: ServiceContext): boolean => ctx.scope.partners !== "all";

function mayEdit(ctx: ServiceContext, row: Pick<OnboardingRow, "state" | "partnerMayEdit">): boolean {
  if (!OPEN.some((state) => state === row.state) || !actorCan(ctx.actor, "partners:draft")) return false;
  if (!isOfPartner(ctx)) return true;
  return row.partnerMayEdit && row.state !== "SUBMITTED";
}

async function bump(tx: Queries, row: OnboardingRow, set: string, values: readonly unknown[], now: Date) {
  await tx.query<Row>({
    text: `update onboardings set version = version + 1, updated_at = $2 ${set === "" ? "" : `, ${set}`} where id = $1`,
    values: [row.id, now, ...values],
  });
}

/** Opens account and draft together, locked. Errors: not_found (also another's Partner). */
async function lockDraft(tx: Queries, ctx: ServiceContext, partnerId: string) {
  const account = await lockAccountRow(tx, ctx.scope, partnerId);
  if (!account) throw new AppError("not_found");
  return { account, row: await loadOnboarding(tx, account) };
}

/**
 * Begins a draft in the context's mode: with `partnerId` for a Partner that has no account in this mode yet, else for a
 * new Partner. `isCopy` takes contact, entities, brands, groups, stores and terminals from the other mode; prices and
 * settlement are chosen anew. Errors: permission_denied, not_found, reference_taken, state_conflict (the mode has an account).
 */
export async function startOnboarding(
  ctx: ServiceContext,
  input: StartOnboardingInput | { partnerId: string; isCopy?: boolean | undefined },
): Promise<{ partnerId: string; id: string }> {
  requirePermission(ctx, "partners:write");
  if (isOfPartner(ctx)) throw new AppError("permission_denied");
  const now = ctx.clock.now();
  try {
    return await ctx.db.transaction(async (tx) => {
      let partnerId: string;
      if ("partnerId" in input) {
        const [known] = await tx.query<{ id: string }>({
          text: "select id from partners where id = $1 and state <> 'CLOSED'",
          values: [input.partnerId],
        });
        if (!known) throw new AppError("not_found");
        partnerId = known.id;
      } else {
        const partner = StartOnboardingSchema.parse(input);
        partnerId = newId("partner", now.getTime());
        await tx.query<Row>({
          text: `insert into partners (id, name, reference, country, currency, state, created_at, updated_at) values ($1,$2,$3,$4,$5,'DRAFT',$6,$6)`,
          values: [partnerId, partner.name, partner.reference, partner.country, partner.currency, now],
        });
        await appendAudit(tx, ctx, {
          action: "partner.created",
          subjectKind: "partner",
          subjectId: partnerId,
          partnerId,
          mode: null,
          after: { name: partner.name, reference: partner.reference, country: partner.country, state: "DRAFT" },
        });
      }
      await tx.query<Row>({
        text: `insert into partner_accounts (partner_id, mode, state, product_state, created_at, updated_at) values ($1,$2,'NOT_ONBOARDED','DISABLED',$3,$3)`,
        values: [partnerId, ctx.scope.mode, now],
      });
      const id = newId("onboarding", now.getTime());
      await tx.query<Row>({
        text: `insert into onboardings (id, partner_id, mode, requested_at, created_by, created_at, updated_at) values ($1,$2,$3,$4,$5,$4,$4)`,
        values: [id, partnerId, ctx.scope.mode, now, ctx.actor.id],
      });
      await appendStateChange(
        tx,
        ctx,
        { partnerId, mode: ctx.scope.mode },
        { what: "ONBOARDING", subjectId: id, from: null, to: "DRAFT", madeBy: "US" },
      );
      await appendAudit(tx, ctx, {
        action: "onboarding.started",
        subjectKind: "onboarding",
        subjectId: id,
        partnerId,
        after: { state: "DRAFT" },
      });
      if ("partnerId" in input && input.isCopy) await copyFromOtherMode(tx, ctx, partnerId);
      return { partnerId, id };
    });
  } catch (error) {
    const constraint = violatedConstraint(error);
    if (constraint === "partners_reference_key") throw new AppError("reference_taken", { cause: error });
    if (constraint === "partner_accounts_pkey")
      throw new AppError("state_conflict", { detail: "The Partner has an account in this mode.", cause: error });
    throw error;
  }
}

/** What does not depend on the mode, as new rows without Klarna's ids. */
async function copyFromOtherMode(tx: Queries, ctx: ServiceContext, partnerId: string): Promise<void> {
  const other = ctx.scope.mode === "test" ? "live" : "test";
  const from = await lockAccountRow(tx, { ...ctx.scope, mode: other }, partnerId);
  const to = await lockAccountRow(tx, ctx.scope, partnerId);
  if (!from || !to) throw new AppError("not_found");
  const contact = openContact(ctx, from);
  await saveAccount(tx, ctx, to, { accountName: from.accountName, ...(contact ? { contact } : {}) });
  const entities = await loadEntities(tx, ctx, from);
  await saveEntities(
    tx,
    ctx,
    to,
    entities.map(({ id: _id, klarnaId: _klarnaId, version: _version, payoutHint: _hint, ...entity }) => entity),
  );
  const brands = (await loadBrands(tx, from)).filter((brand) => brand.status === "ACTIVE");
  await saveBrands(
    tx,
    ctx,
    to,
    brands.map(({ reference, name, website, logoUrl, iconUrl, featureImageUrl }) => ({
      reference,
      name,
      website,
      logoUrl,
      iconUrl,
      featureImageUrl,
    })),
  );
  const groups = (await loadGroups(tx, from)).filter(
    (group) => group.status === "ACTIVE" && brands.some((brand) => brand.reference === group.brand),
  );
  await saveGroups(
    tx,
    ctx,
    to,
    groups.map(({ reference, name, brand, supportEmail, supportPhone, supportUrl, socialLinks }) => ({
      reference,
      name,
      brand,
      supportEmail,
      supportPhone,
      supportUrl,
      socialLinks,
    })),
  );
  const now = ctx.clock.now();
  const copied = async (table: "stores" | "terminals", kind: "store" | "terminal") => {
    const rows = await tx.query<{ id: string }>({
      text: `select id from ${table} where partner_id = $1 and mode = $2 and status <> 'ARCHIVED' order by created_at, id`,
      values: [partnerId, other],
    });
    return { old: rows.map((row) => row.id), made: rows.map(() => newId(kind, now.getTime())) };
  };
  const stores = await copied("stores", "store");
  const terminals = await copied("terminals", "terminal");
  await tx.query<Row>({
    text: `insert into stores (id, partner_id, mode, reference, name, type, store_group_id, address, country, url, app_platform, app_bundle_names,
        opening_state, support_email, support_phone, source, status, settings, created_at, updated_at)
      select v.made, s.partner_id, $3, s.reference, s.name, s.type, n.id, s.address, s.country, s.url, s.app_platform, s.app_bundle_names,
        s.opening_state, s.support_email, s.support_phone, 'REGISTERED', 'DRAFT', s.settings, $5, $5
      from stores s join unnest($1::text[], $2::text[]) as v(old, made) on v.old = s.id
      left join store_groups g on g.id = s.store_group_id left join store_groups n on n.partner_id = $4 and n.mode = $3 and n.reference = g.reference`,
    values: [stores.old, stores.made, ctx.scope.mode, partnerId, now],
  });
  await tx.query<Row>({
    text: `insert into terminals (id, partner_id, mode, store_id, reference, label, device, can_show_qr, status, settings, created_at, updated_at)
      select v.made, t.partner_id, $3, n.id, t.reference, t.label, t.device, t.can_show_qr, 'DRAFT', t.settings, $5, $5
      from terminals t join unnest($1::text[], $2::text[]) as v(old, made) on v.old = t.id join stores s on s.id = t.store_id
      join stores n on n.partner_id = $4 and n.mode = $3 and n.reference = s.reference`,
    values: [terminals.old, terminals.made, ctx.scope.mode, partnerId, now],
  });
  await appendAudit(tx, ctx, {
    action: "onboarding.copied",
    subjectKind: "partner",
    subjectId: partnerId,
    partnerId,
    after: { from: other, to: ctx.scope.mode },
  });
}

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

async function draftOf(tx: Queries, ctx: ServiceContext, account: AccountRow): Promise<DraftRecord> {
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

function requireOpen(row: OnboardingRow): void {
  if (!OPEN.some((state) => state === row.state))
    throw new AppError("state_conflict", { detail: "The draft has been decided.", params: { state: row.state } });
}

async function move(
  tx: Queries,
  ctx: ServiceContext,
  account: AccountRow,
  row: OnboardingRow,
  to: OnboardingState,
  set: string,
  values: readonly unknown[],
  reason: string | null = null,
): Promise<void> {
  await bump(tx, row, `state = $3${set === "" ? "" : `, ${set}`}`, [to, ...values], ctx.clock.now());
  await appendStateChange(tx, ctx, account, {
    what: "ONBOARDING",
    subjectId: row.id,
    from: row.state,
    to,
    madeBy: "US",
    reason,
  });
  await appendAudit(tx, ctx, {
    action: `onboarding.${to.toLowerCase()}`,
    subjectKind: "onboarding",
    subjectId: row.id,
    partnerId: account.partnerId,
    mode: account.mode,
    before: { state: row.state },
    after: { state: to },
  });
}

/** Lets the Partner's own people fill the draft, or takes that back. Errors: permission_denied, not_found, state_conflict. */
export async function setPartnerMayEdit(ctx: ServiceContext, partnerId: string, mayEditNow: boolean): Promise<void> {
  requirePermission(ctx, "partners:write");
  await ctx.db.transaction(async (tx) => {
    const { account, row } = await lockDraft(tx, ctx, partnerId);
    requireOpen(row);
    await bump(tx, row, "partner_may_edit = $3", [mayEditNow], ctx.clock.now());
    await appendAudit(tx, ctx, {
      action: "onboarding.invited",
      subjectKind: "onboarding",
      subjectId: row.id,
      partnerId: account.partnerId,
      before: { partner_may_edit: row.partnerMayEdit },
      after: { partner_may_edit: mayEditNow },
    });
  });
}

/**
 * Hands the draft to the acquirer; whoever began it is told by mail. `address` is where the person asks from: Klarna's risk
 * check is told it. Errors: permission_denied, not_found, state_conflict, rule_broken (what is missing).
 */
export async function submitDraft(
  ctx: ServiceContext,
  partnerId: string,
  version: number,
  address: string | null = null,
): Promise<DraftRecord> {
  requirePermission(ctx, "partners:draft");
  const draft = await ctx.db.transaction(async (tx) => {
    const { account, row } = await lockDraft(tx, ctx, partnerId);
    requireOpen(row);
    if (!mayEdit(ctx, row)) throw new AppError("permission_denied");
    requireVersion(version, row.version);
    if (row.state === "SUBMITTED") return draftOf(tx, ctx, account);
    requireComplete(await draftOf(tx, ctx, account), isOfPartner(ctx) ? ["payments"] : []);
    await move(
      tx,
      ctx,
      account,
      row,
      "SUBMITTED",
      "submitted_by = $4, submitted_at = $5, requested_from = coalesce($6, requested_from), reject_reason = null",
      [ctx.actor.id, ctx.clock.now(), address],
    );
    await tell(tx, ctx, account, row.createdBy, {
      kind: "onboarding_submitted",
      subject: `${account.partnerName} has handed in its onboarding`,
      lines: [`${account.partnerName} has filled its draft and waits for your decision.`],
    });
    return draftOf(tx, ctx, account);
  });
  ctx.nudge("mails");
  return draft;
}

/** A mail to one person about the draft; nobody is told what they did themselves. */
async function tell(
  tx: Queries,
  ctx: ServiceContext,
  account: AccountRow,
  userId: string | null,
  mail: { kind: string; subject: string; lines: readonly string[] },
): Promise<void> {
  if (userId === null || userId === ctx.actor.id) return;
  const [person] = await tx.query<{ email: string; name: string; isOfPartner: boolean }>({
    text: `select u.email, u.name, exists (select 1 from user_partners up where up.user_id = u.id and up.partner_id = $2) as "isOfPartner"
      from users u where u.id = $1 and u.state = 'ACTIVE'`,
    values: [userId, account.partnerId],
  });
  if (!person) return;
  await queueMail(tx, ctx, {
    kind: mail.kind,
    to: person.email,
    partnerId: person.isOfPartner ? account.partnerId : null,
    subject: mail.subject,
    text: [
      `Hello ${person.name},`,
      "",
      ...mail.lines,
      "",
      new URL(`/partners/${account.partnerId}/onboarding`, ctx.env.PUBLIC_URL).href,
      "",
    ].join("\n"),
  });
}

function requireComplete(draft: DraftRecord, except: readonly string[]): void {
  const missing = draft.completeness.missing.filter(
    (item) => item.level === "required" && !except.includes(item.section),
  );
  if (missing.length === 0) return;
  throw new AppError("rule_broken", {
    detail: `The draft lacks ${missing.length} required ${missing.length === 1 ? "thing" : "things"}.`,
    errors: missing.slice(0, 50).map((item) => ({
      pointer: `/${[item.section, item.item, item.field].filter(Boolean).join("/")}`,
      detail: `${item.label} is missing (${item.requirement})`,
    })),
  });
}

/** Sends a submitted draft back with a reason, which goes by mail too. Errors: permission_denied, not_found, state_conflict. */
export async function rejectDraft(ctx: ServiceContext, partnerId: string, reason: string): Promise<DraftRecord> {
  requirePermission(ctx, "partners:write");
  const draft = await ctx.db.transaction(async (tx) => {
    const { account, row } = await lockDraft(tx, ctx, partnerId);
    if (row.state !== "SUBMITTED")
      throw new AppError("state_conflict", { detail: "Only a submitted draft can be sent back." });
    await move(
      tx,
      ctx,
      account,
      row,
      "DRAFT",
      "decided_by = $4, decided_at = $5, reject_reason = $6",
      [ctx.actor.id, ctx.clock.now(), reason],
      reason,
    );
    await tell(tx, ctx, account, row.submittedBy, {
      kind: "onboarding_sent_back",
      subject: `The onboarding of ${account.partnerName} needs changes`,
      lines: ["The draft was sent back to you:", "", reason],
    });
    return draftOf(tx, ctx, account);
  });
  ctx.nudge("mails");
  return draft;
}

/** Ends a draft for good. The Partner is closed when it has no other account. Errors: permission_denied, not_found, state_conflict. */
export async function cancelDraft(ctx: ServiceContext, partnerId: string): Promise<void> {
  requirePermission(ctx, "partners:write");
  await ctx.db.transaction(async (tx) => {
    const { account, row } = await lockDraft(tx, ctx, partnerId);
    requireOpen(row);
    await move(tx, ctx, account, row, "CANCELED", "decided_by = $4, decided_at = $5", [ctx.actor.id, ctx.clock.now()]);
    const closed = await tx.query<Row>({
      text: `update partners set state = 'CLOSED', state_reason = 'The onboarding was canceled.', version = version + 1, updated_at = $2 where id = $1 and state = 'DRAFT'
        and not exists (select 1 from onboardings where partner_id = $1 and state not in ('CANCELED')) returning 1`,
      values: [partnerId, ctx.clock.now()],
    });
    if (closed.length > 0)
      await appendStateChange(tx, ctx, account, {
        what: "PARTNER",
        subjectId: partnerId,
        from: "DRAFT",
        to: "CLOSED",
        madeBy: "US",
      });
  });
}

/**
 * Approves a complete draft and sends it to Klarna as one call, whose key is that of its journal row: what was refused and
 * corrected goes out as a new call, what was lost goes out again as the same. Answers the draft after the first try:
 * ONBOARDED or OPERATIONAL, REFUSED with the fields to correct, or still ONBOARDING when Klarna gave no definite answer.
 * `address` is where the person asks from; that of who handed the draft in comes first.
 * Errors: permission_denied, not_found, state_conflict (version, state), rule_broken (what is missing).
 */
export async function approveDraft(
  ctx: ServiceContext,
  partnerId: string,
  version: number,
  address: string | null = null,
): Promise<DraftRecord> {
  requirePermission(ctx, "partners:write");
  if (isOfPartner(ctx)) throw new AppError("permission_denied");
  await ctx.db.transaction(async (tx) => {
    const { account, row } = await lockDraft(tx, ctx, partnerId);
    if (account.klarnaId !== null) throw new AppError("state_conflict", { detail: "Klarna has taken the account." });
    requireOpen(row);
    requireVersion(version, row.version);
    requireComplete(await draftOf(tx, ctx, account), []);
    const now = ctx.clock.now();
    const bodies = await buildOnboarding(tx, ctx, account, {
      at: row.requestedAt ?? row.createdAt,
      address: row.requestedFrom ?? address,
    });
    await move(
      tx,
      ctx,
      account,
      row,
      "ONBOARDING",
      "decided_by = $4, decided_at = $5, requested_from = coalesce(requested_from, $6), field_errors = '[]'",
      [ctx.actor.id, now, address],
    );
    await tell(tx, ctx, account, row.submittedBy, {
      kind: "onboarding_approved",
      subject: `The onboarding of ${account.partnerName} is approved`,
      lines: [
        "The draft was approved and goes to Klarna. Payments can be taken once Klarna has made the account operational.",
      ],
    });
    for (const body of bodies)
      await enqueue(tx, ctx, account, {
        kind: "ONBOARD",
        subjectKind: "partner",
        subjectId: account.partnerId,
        body,
        fields: [],
      });
  });
  ctx.nudge("partners");
  ctx.nudge("mails");
  // The person who approved sees the answer at once; whatever is left is the background's.
  await syncPartners(ctx, { partnerId, mode: ctx.scope.mode, rounds: 1 });
  return getDraft(ctx, partnerId);
}

// --- What Klarna offers to choose from ---

export type OnboardingChoices = {
  paymentProfiles: PaymentProfile[];
  acquiringAccounts: AcquiringAccount[];
  pricePlans: PricePlan[];
  /** False when Klarna could not be asked: what was known last is shown. */
  isFresh: boolean;
};
const CHOICES_MS = 5 * MINUTE_MS;
const known = new Map<string, { at: number; choices: OnboardingChoices }>();

/** Payment profiles, acquiring accounts and price plans that Klarna provisioned for the acquirer. Errors: permission_denied. */
export async function getOnboardingChoices(ctx: ServiceContext): Promise<OnboardingChoices> {
  requirePermission(ctx, "partners:write");
  const { mode } = ctx.scope;
  const key = `${mode} ${mode === "live" ? ctx.env.KLARNA_LIVE_BASE_URL : ctx.env.KLARNA_TEST_BASE_URL}`;
  const last = known.get(key);
  const now = ctx.clock.now().getTime();
  if (last && now - last.at < CHOICES_MS) return last.choices;
  const target = { mode, sessionReference: ctx.requestId };
  const [profiles, accounts, plans] = await Promise.all([
    listPaymentProfiles(ctx.klarna, target),
    listAcquiringAccounts(ctx.klarna, target),
    listPricePlans(ctx.klarna, target),
  ]);
  if (profiles === null || accounts === null) {
    return last
      ? { ...last.choices, isFresh: false }
      : { paymentProfiles: [], acquiringAccounts: [], pricePlans: [], isFresh: false };
  }
  const choices = {
    paymentProfiles: profiles,
    acquiringAccounts: accounts,
    pricePlans: plans ?? [],
    isFresh: true,
  };
  known.set(key, { at: now, choices });
  return choices;
}
