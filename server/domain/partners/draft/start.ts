import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { type Row, violatedConstraint } from "@/server/db/client";
import { appendAudit } from "@/server/domain/audit/service";
import { appendStateChange } from "@/server/domain/partners/facts";
import { saveAccount, saveBrands, saveEntities, saveGroups } from "@/server/domain/partners/records";
import {
  loadBrands,
  loadEntities,
  loadGroups,
  lockAccountRow,
  openContact,
  type Queries,
} from "@/server/domain/partners/rows";
import { type StartOnboardingInput, StartOnboardingSchema } from "@/server/domain/partners/schema-onboarding";
import { isOfPartner } from "./row";

/* The beginning of a Partner's way to Klarna: an empty draft, or a copy from the other mode. */

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
