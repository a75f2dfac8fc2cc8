import type { ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { type Row, sqlState } from "@/server/db/client";
import { appendAudit } from "@/server/domain/audit/service";
import { clearAlarm } from "./facts";
import { enqueue } from "./queue/queue";
import {
  type AccountRow,
  type BrandRow,
  contactPlace,
  type EntityRow,
  type GroupRow,
  loadBrands,
  loadEntities,
  loadGroups,
  loadPaymentAccounts,
  openContact,
  payoutHint,
  type Queries,
  writeBrand,
  writeEntity,
  writeGroup,
} from "./rows";
import type { BrandInput, Contact, EntityInput, PaymentAccountInput, StoreGroupInput } from "./schema-account";
import type { ChangeKind } from "./states";
import {
  accountWire,
  brandWire,
  differing,
  entityWire,
  groupWire,
  patchOf,
  paymentAccountWire,
  type Wire,
} from "./wire";

/*
 * Saving what belongs to an account. The same functions serve the draft and the account that Klarna has: once it is
 * onboarded each change is queued for Klarna in the same transaction, as its own call.
 */

type Saved = { id: string; version: number };
/** `isReplacing`: what the list lacks is taken away, which only a draft allows. */
type SaveOptions = { isReplacing?: boolean; expectedVersion?: number; isFromKlarna?: boolean };

export function requireVersion(expected: number | undefined, actual: number): void {
  if (expected === undefined || expected === actual) return;
  throw new AppError("state_conflict", {
    detail: "Somebody else has changed this in the meantime. Look at the newest version.",
    params: { version: actual },
  });
}

async function tell(
  tx: Queries,
  ctx: ServiceContext,
  account: AccountRow,
  subject: { kind: string; id: string; isNew: boolean; name: string; reference: string },
  wires: { before: Wire | null; after: Wire },
  kinds: { create: ChangeKind; update: ChangeKind },
  options: { isSilent: boolean; isUnknownToKlarna?: boolean },
): Promise<void> {
  const fields = wires.before === null ? [] : differing(wires.before, wires.after);
  await appendAudit(tx, ctx, {
    action: `${subject.kind}.${subject.isNew ? "created" : "updated"}`,
    subjectKind: subject.kind,
    subjectId: subject.id,
    partnerId: account.partnerId,
    mode: account.mode,
    ...(wires.before === null ? {} : { before: patchOf(wires.before, fields) }),
    after: {
      name: subject.name,
      reference: subject.reference,
      ...(wires.before === null ? {} : patchOf(wires.after, fields)),
    },
  });
  if (options.isSilent || account.klarnaId === null || options.isUnknownToKlarna) return;
  if (subject.isNew)
    await enqueue(tx, ctx, account, {
      kind: kinds.create,
      subjectKind: subject.kind,
      subjectId: subject.id,
      body: wires.after,
      fields: [],
    });
  else if (fields.length > 0)
    await enqueue(tx, ctx, account, {
      kind: kinds.update,
      subjectKind: subject.kind,
      subjectId: subject.id,
      body: patchOf(wires.after, fields),
      fields,
    });
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Takes away drafts that a section no longer names. Errors: rule_broken where something still hangs on one. */
async function removeMissing(
  tx: Queries,
  table: "business_entities" | "brands" | "store_groups",
  rows: readonly { id: string; reference: string; klarnaId: string | null }[],
  kept: ReadonlySet<string>,
): Promise<void> {
  for (const row of rows) {
    if (kept.has(row.reference)) continue;
    try {
      await tx.query<Row>({ text: "savepoint taking_away", values: [] });
      await tx.query<Row>({ text: `delete from ${table} where id = $1`, values: [row.id] });
    } catch (error) {
      if (sqlState(error) !== "23503") throw error;
      await tx.query<Row>({ text: "rollback to savepoint taking_away", values: [] });
      throw new AppError("rule_broken", {
        detail: `Something still belongs to ${row.reference}: move it first.`,
        cause: error,
      });
    }
  }
}

// --- The account itself ---

/** Saves name, contact, profile and relationships of the account. */
export async function saveAccount(
  tx: Queries,
  ctx: ServiceContext,
  account: AccountRow,
  change: { accountName?: string | null; contact?: Contact; relationships?: Record<string, string>[] },
  options: { isFromKlarna?: boolean } = {},
): Promise<Saved> {
  const now = ctx.clock.now();
  const before = accountWire(account, openContact(ctx, account));
  const contact = change.contact ?? openContact(ctx, account);
  if (change.accountName !== undefined) account.accountName = change.accountName;
  if (change.contact !== undefined)
    account.contactSecret = ctx.secrets.seal(JSON.stringify(change.contact), contactPlace(account));
  if (change.relationships !== undefined) account.relationships = change.relationships;
  account.version += 1;
  await tx.query<Row>({
    text: `update partner_accounts set account_name = $3, contact_secret = $4, relationships = $5::jsonb, version = $6, updated_at = $7
      where partner_id = $1 and mode = $2`,
    values: [
      account.partnerId,
      account.mode,
      account.accountName,
      account.contactSecret,
      JSON.stringify(account.relationships),
      account.version,
      now,
    ],
  });
  const after = accountWire(account, contact);
  const fields = differing(before, after);
  if (fields.length > 0 || change.relationships !== undefined) {
    await appendAudit(tx, ctx, {
      action: "partner_account.updated",
      subjectKind: "partner",
      subjectId: account.partnerId,
      partnerId: account.partnerId,
      mode: account.mode,
      before: patchOf(before, fields),
      after: patchOf(after, fields),
    });
  }
  if (fields.length > 0 && account.klarnaId !== null && !options.isFromKlarna) {
    // Klarna checks the parts of a contact one by one and keeps what is not sent.
    await enqueue(tx, ctx, account, {
      kind: "ACCOUNT_UPDATE",
      subjectKind: "account",
      subjectId: account.partnerId,
      body: patchOf(after, fields),
      fields,
    });
  }
  return { id: account.partnerId, version: account.version };
}

// --- Entities ---

export async function saveEntities(
  tx: Queries,
  ctx: ServiceContext,
  account: AccountRow,
  inputs: readonly EntityInput[],
  options: SaveOptions = {},
): Promise<Saved[]> {
  const now = ctx.clock.now();
  const known = await loadEntities(tx, ctx, account);
  const saved: Saved[] = [];
  for (const { payout, ...input } of inputs) {
    const old = known.find((one) => one.reference === input.reference);
    if (options.expectedVersion !== undefined && old) requireVersion(options.expectedVersion, old.version);
    const kept = payout === undefined ? (old?.payout ?? null) : payout;
    const entity: EntityRow = {
      ...input,
      payout: kept,
      payoutHint: payoutHint(kept),
      id: old?.id ?? newId("businessEntity", now.getTime()),
      klarnaId: old?.klarnaId ?? null,
      version: old ? old.version + 1 : 1,
    };
    if (old && same(entityWire(old), entityWire(entity))) {
      saved.push({ id: old.id, version: old.version });
      continue;
    }
    await writeEntity(
      tx,
      ctx,
      account,
      { ...entity, stakeholderIds: entity.stakeholders.map(() => newId("stakeholder", now.getTime())) },
      now,
    );
    await tell(
      tx,
      ctx,
      account,
      {
        kind: "business_entity",
        id: entity.id,
        isNew: !old,
        name: entity.legalName,
        reference: entity.reference,
      },
      { before: old ? entityWire(old) : null, after: entityWire(entity) },
      { create: "ENTITY_CREATE", update: "ENTITY_UPDATE" },
      { isSilent: options.isFromKlarna === true },
    );
    saved.push({ id: entity.id, version: entity.version });
  }
  if (options.isReplacing)
    await removeMissing(tx, "business_entities", known, new Set(inputs.map((input) => input.reference)));
  return saved;
}

// --- Brands ---

export async function saveBrands(
  tx: Queries,
  ctx: ServiceContext,
  account: AccountRow,
  inputs: readonly BrandInput[],
  options: SaveOptions = {},
): Promise<Saved[]> {
  const now = ctx.clock.now();
  const known = await loadBrands(tx, account);
  const saved: Saved[] = [];
  // A draft may swap names: what goes away makes room first.
  if (options.isReplacing) await removeMissing(tx, "brands", known, new Set(inputs.map((input) => input.reference)));
  for (const input of inputs) {
    const old = known.find((one) => one.reference === input.reference);
    if (options.expectedVersion !== undefined && old) requireVersion(options.expectedVersion, old.version);
    const brand: BrandRow = {
      ...input,
      id: old?.id ?? newId("brand", now.getTime()),
      klarnaId: old?.klarnaId ?? null,
      version: old ? old.version + 1 : 1,
      status: old?.status ?? "ACTIVE",
      dataState: "UNKNOWN",
      dataProblem: null,
    };
    if (old && old.website === brand.website && same(brandWire(old), brandWire(brand))) {
      saved.push({ id: old.id, version: old.version });
      continue;
    }
    await writeBrand(tx, account, brand, now);
    // Klarna looks at the new data by itself and says so if it is no better.
    if (old?.dataState === "INCOMPLETE") await clearAlarm(tx, ctx, "brand_incomplete", brand.id);
    await tell(
      tx,
      ctx,
      account,
      { kind: "brand", id: brand.id, isNew: !old, name: brand.name, reference: brand.reference },
      { before: old ? brandWire(old) : null, after: brandWire(brand) },
      { create: "BRAND_CREATE", update: "BRAND_UPDATE" },
      { isSilent: options.isFromKlarna === true },
    );
    saved.push({ id: brand.id, version: brand.version });
  }
  return saved;
}

// --- Store groups ---

/** A group that has no store yet is told to Klarna together with its first one: Klarna takes no empty group. */
export async function saveGroups(
  tx: Queries,
  ctx: ServiceContext,
  account: AccountRow,
  inputs: readonly StoreGroupInput[],
  options: SaveOptions = {},
): Promise<Saved[]> {
  const now = ctx.clock.now();
  const [known, brands] = [await loadGroups(tx, account), await loadBrands(tx, account)];
  if (options.isReplacing)
    await removeMissing(tx, "store_groups", known, new Set(inputs.map((input) => input.reference)));
  const saved: Saved[] = [];
  for (const [index, input] of inputs.entries()) {
    const brand = brands.find((one) => one.reference === input.brand);
    if (!brand) {
      throw new AppError("validation_failed", {
        errors: [{ pointer: `/${index}/brand`, detail: "is not a brand of this account" }],
      });
    }
    const old = known.find((one) => one.reference === input.reference);
    if (options.expectedVersion !== undefined && old) requireVersion(options.expectedVersion, old.version);
    const group: GroupRow = {
      ...input,
      id: old?.id ?? newId("storeGroup", now.getTime()),
      brandId: brand.id,
      klarnaId: old?.klarnaId ?? null,
      version: old ? old.version + 1 : 1,
      status: old?.status ?? "ACTIVE",
      storeCount: old?.storeCount ?? 0,
    };
    if (old && old.name === group.name && same(groupWire(old), groupWire(group))) {
      saved.push({ id: old.id, version: old.version });
      continue;
    }
    await writeGroup(tx, account, group, now);
    await tell(
      tx,
      ctx,
      account,
      {
        kind: "store_group",
        id: group.id,
        isNew: !old,
        name: group.name,
        reference: group.reference,
      },
      { before: old ? groupWire(old) : null, after: groupWire(group) },
      { create: "GROUP_CREATE", update: "GROUP_UPDATE" },
      { isSilent: options.isFromKlarna === true, isUnknownToKlarna: !old || old.klarnaId === null },
    );
    saved.push({ id: group.id, version: group.version });
  }
  return saved;
}

// --- Payment accounts ---

/** Klarna lets nobody change a payment account: an onboarded one stays, a draft is rewritten. */
export async function savePaymentAccounts(
  tx: Queries,
  ctx: ServiceContext,
  account: AccountRow,
  inputs: readonly PaymentAccountInput[],
  options: Pick<SaveOptions, "isReplacing" | "isFromKlarna"> = {},
): Promise<Saved[]> {
  const now = ctx.clock.now();
  const known = await loadPaymentAccounts(tx, account);
  const [entities, groups] = [await loadEntities(tx, ctx, account), await loadGroups(tx, account)];
  if (options.isReplacing)
    await tx.query<Row>({
      text: "delete from payment_accounts where partner_id = $1 and mode = $2 and klarna_payment_account_id is null",
      values: [account.partnerId, account.mode],
    });
  const saved: Saved[] = [];
  for (const [index, input] of inputs.entries()) {
    const old = known.find((one) => one.reference === input.reference);
    if (old?.klarnaId) {
      if (!same(paymentAccountWire(old), paymentAccountWire({ ...old, ...input })))
        throw new AppError("rule_broken", {
          detail: "A payment account cannot be changed at Klarna. Add another one.",
          errors: [{ pointer: `/${index}`, detail: "is known to Klarna" }],
        });
      saved.push({ id: old.id, version: 1 });
      continue;
    }
    const entity = entities.find((one) => one.reference === input.entity);
    const group = groups.find((one) => one.reference === input.storeGroup);
    if (!entity || !group) {
      throw new AppError("validation_failed", {
        errors: [
          ...(entity ? [] : [{ pointer: `/${index}/entity`, detail: "is not a legal entity of this account" }]),
          ...(group ? [] : [{ pointer: `/${index}/storeGroup`, detail: "is not a store group of this account" }]),
        ],
      });
    }
    const id = old?.id ?? newId("paymentAccount", now.getTime());
    if (!options.isReplacing && old) {
      saved.push({ id: old.id, version: 1 });
      continue;
    }
    if (input.isDefault)
      await tx.query<Row>({
        text: "update payment_accounts set is_default = false where partner_id = $1 and mode = $2 and is_default",
        values: [account.partnerId, account.mode],
      });
    await tx.query<Row>({
      text: `insert into payment_accounts (id, partner_id, mode, reference, acquiring_account_id, category_code, business_entity_id, store_group_id,
          state, is_default, created_at, updated_at) values ($1,$2,$3,$4,$5,$6,$7,$8,'DRAFT',$9,$10,$10)`,
      values: [
        id,
        account.partnerId,
        account.mode,
        input.reference,
        input.acquiringAccountId,
        input.categoryCode,
        entity.id,
        group.id,
        input.isDefault,
        now,
      ],
    });
    await appendAudit(tx, ctx, {
      action: "payment_account.created",
      subjectKind: "payment_account",
      subjectId: id,
      partnerId: account.partnerId,
      mode: account.mode,
      after: { reference: input.reference },
    });
    if (account.klarnaId !== null && !options.isFromKlarna)
      await enqueue(tx, ctx, account, {
        kind: "PAYMENT_ACCOUNT_CREATE",
        subjectKind: "payment_account",
        subjectId: id,
        body: paymentAccountWire({ ...input, id, klarnaId: null, state: "DRAFT" }),
        fields: [],
      });
    saved.push({ id, version: 1 });
  }
  return saved;
}
