import type { ServiceContext } from "@/server/context";
import type { Row } from "@/server/db/client";
import { appendAudit } from "@/server/domain/audit/service";
import { type OnboardAnswer, OnboardAnswerSchema } from "@/server/klarna/accounts";
import { appendStateChange, applyFacts } from "./facts";
import { requireOwnCode } from "./guards";
import {
  type AccountRow,
  findAccountRow,
  loadBrands,
  loadEntities,
  loadGroups,
  loadPaymentAccounts,
  loadStores,
  openContact,
  type Queries,
  RelationshipsSchema,
  type StoreRow,
} from "./rows";
import {
  accountWire,
  brandWire,
  entityWire,
  groupWire,
  paymentAccountWire,
  pruned,
  storeInGroup,
  type Wire,
} from "./wire";

/* The account with everything below it as one call, and what Klarna's answer makes of our rows. */

/** More stores than this go in further calls that add to the account; Klarna's size limit is not published. */
export const STORES_PER_CALL = 1_000;

function asWire(value: unknown): Wire {
  const clean = pruned(value);
  return typeof clean === "object" && clean !== null ? { ...clean } : {};
}

function byGroup(stores: readonly StoreRow[]): Map<string, StoreRow[]> {
  const groups = new Map<string, StoreRow[]>();
  for (const store of stores) {
    if (store.storeGroup === null) continue;
    groups.set(store.storeGroup, [...(groups.get(store.storeGroup) ?? []), store]);
  }
  return groups;
}

/**
 * The bodies of the onboard call and of those that follow when there are many stores. Every group of the first call has at
 * least one store: Klarna takes no empty one.
 */
export async function buildOnboarding(
  tx: Queries,
  ctx: ServiceContext,
  account: AccountRow,
  creation: { at: Date; address: string | null },
): Promise<Wire[]> {
  const groups = await loadGroups(tx, account);
  const stores = byGroup(await loadStores(tx, account));
  let room = STORES_PER_CALL;
  const rest: { group: string; stores: StoreRow[] }[] = [];
  const wireGroups = groups.flatMap((group) => {
    const all = stores.get(group.reference) ?? [];
    if (all.length === 0) return [];
    const count = Math.max(1, Math.min(room, all.length));
    room = Math.max(0, room - count);
    for (let at = count; at < all.length; at += STORES_PER_CALL)
      rest.push({ group: group.reference, stores: all.slice(at, at + STORES_PER_CALL) });
    return [{ ...groupWire(group), stores: all.slice(0, count).map(storeInGroup) }];
  });
  const entities = await loadEntities(tx, ctx, account);
  const payments = await loadPaymentAccounts(tx, account);
  const relationships = RelationshipsSchema.parse(account.relationships);
  const first = asWire({
    partner_account_reference: account.partnerReference,
    ...accountWire(account, openContact(ctx, account)),
    products: [
      {
        type: "PAYMENT",
        payment_profile_id: account.paymentProfileId,
        payment_accounts: payments.map(paymentAccountWire),
      },
    ],
    partner_business_entities: entities.map(entityWire),
    brands: (await loadBrands(tx, account)).map(brandWire),
    store_groups: wireGroups,
    supplementary_account_data: {
      account_creation: { account_created_from_ip: creation.address, account_created_at: creation.at.toISOString() },
    },
    ...(relationships.length === 0 ? {} : { partner_account_relationships: relationships }),
  });
  const further = rest.map(({ group, stores: more }) => addingStores(account, groups, new Map([[group, more]])));
  return [first, ...further];
}

/** The body of a call that adds stores to groups of an account; a group that Klarna lacks is made with them. */
export function addingStores(
  account: AccountRow,
  groups: Awaited<ReturnType<typeof loadGroups>>,
  stores: ReadonlyMap<string, readonly StoreRow[]>,
): Wire {
  return asWire({
    partner_account_reference: account.partnerReference,
    store_groups: groups
      .filter((group) => stores.has(group.reference))
      .map((group) => ({ ...groupWire(group), stores: (stores.get(group.reference) ?? []).map(storeInGroup) })),
  });
}

/** Takes the ids that Klarna gave to what we know by reference. */
export async function takeIds(tx: Queries, account: AccountRow, answer: Partial<OnboardAnswer>, now: Date) {
  const set = (table: string, column: string, pairs: readonly (readonly [reference: string | null, id: string])[]) =>
    tx.query<Row>({
      text: `update ${table} t set ${column} = v.id, updated_at = $5 from unnest($3::text[], $4::text[]) as v(reference, id)
        where t.partner_id = $1 and t.mode = $2 and t.reference = v.reference and t.${column} is distinct from v.id`,
      values: [account.partnerId, account.mode, pairs.map(([reference]) => reference), pairs.map(([, id]) => id), now],
    });
  await set(
    "business_entities",
    "klarna_business_entity_id",
    (answer.partner_business_entities ?? []).map((entity) => [
      entity.partner_business_entity_reference,
      entity.partner_business_entity_id,
    ]),
  );
  await set(
    "brands",
    "klarna_brand_id",
    (answer.brands ?? []).map((brand) => [brand.brand_reference, brand.brand_id]),
  );
  const groups = answer.store_groups ?? [];
  await set(
    "store_groups",
    "klarna_store_group_id",
    groups.map((group) => [group.store_group_reference, group.store_group_id]),
  );
  await set(
    "stores",
    "klarna_store_id",
    groups.flatMap((group) => group.stores.map((store) => [store.store_reference, store.store_id] as const)),
  );
}

/** The account is there: ids, states, and everything that was a draft is in use. */
export async function applyOnboarded(
  tx: Queries,
  ctx: ServiceContext,
  account: AccountRow,
  answer: OnboardAnswer,
): Promise<void> {
  const now = ctx.clock.now();
  const isNew = account.klarnaId === null;
  if (isNew) {
    account.klarnaId = answer.partner_account_id;
    await appendStateChange(tx, ctx, account, {
      what: "ACCOUNT",
      subjectId: answer.partner_account_id,
      from: "NOT_ONBOARDED",
      to: "PARTIALLY_OPERATIONAL",
      madeBy: "KLARNA",
    });
    account.state = "PARTIALLY_OPERATIONAL";
    await tx.query<Row>({
      text: `update partner_accounts set klarna_partner_account_id = $3, state = 'PARTIALLY_OPERATIONAL', onboarded_at = $4, updated_at = $4
        where partner_id = $1 and mode = $2`,
      values: [account.partnerId, account.mode, answer.partner_account_id, now],
    });
    if (account.partnerState === "DRAFT") {
      await appendStateChange(tx, ctx, account, {
        what: "PARTNER",
        subjectId: account.partnerId,
        from: "DRAFT",
        to: "OPERATIONAL",
        madeBy: "US",
      });
      account.partnerState = "OPERATIONAL";
      await tx.query<Row>({
        text: "update partners set state = 'OPERATIONAL', version = version + 1, updated_at = $2 where id = $1",
        values: [account.partnerId, now],
      });
    }
    await tx.query<Row>({
      text: "update stores set status = 'ACTIVE', updated_at = $3 where partner_id = $1 and mode = $2 and status = 'DRAFT'",
      values: [account.partnerId, account.mode, now],
    });
    await tx.query<Row>({
      text: "update terminals set status = 'ACTIVE', updated_at = $3 where partner_id = $1 and mode = $2 and status = 'DRAFT'",
      values: [account.partnerId, account.mode, now],
    });
    await tx.query<Row>({
      text: `update onboardings set state = 'ONBOARDED', field_errors = '[]', version = version + 1, updated_at = $3
        where partner_id = $1 and mode = $2 and state = 'ONBOARDING'`,
      values: [account.partnerId, account.mode, now],
    });
    await appendAudit(tx, ctx, {
      action: "partner.onboarded",
      subjectKind: "partner",
      subjectId: account.partnerId,
      partnerId: account.partnerId,
      mode: account.mode,
      after: { status: "PARTIALLY_OPERATIONAL" },
    });
  }
  await takeIds(tx, account, answer, now);
  // The onboard answer says PARTIALLY_OPERATIONAL; where it says nothing the account is read soon.
  await applyFacts(tx, ctx, account, { accountState: answer.state, product: answer.products[0] ?? null });
}

/**
 * What Klarna would have been told of an account that was not onboarded by us, in one call: without a product, which it has.
 * Null where there is no account. For the demo, whose accounts the simulator is told of.
 */
export async function describeAccount(ctx: ServiceContext, partnerId: string): Promise<Wire | null> {
  requireOwnCode(ctx);
  const account = await findAccountRow(ctx.db, ctx.scope, partnerId);
  if (!account) return null;
  const [body] = await buildOnboarding(ctx.db, ctx, account, { at: account.updatedAt, address: null });
  const { products: _, supplementary_account_data: __, ...rest } = body ?? {};
  return rest;
}

/** Takes over the ids that Klarna gave to entities, brands and store groups of an account; stores keep theirs. */
export async function adoptIds(ctx: ServiceContext, partnerId: string, answer: unknown): Promise<void> {
  requireOwnCode(ctx);
  const account = await findAccountRow(ctx.db, ctx.scope, partnerId);
  const parsed = OnboardAnswerSchema.parse(answer);
  if (!account) return;
  const groups = parsed.store_groups.map((group) => ({ ...group, stores: [] }));
  await takeIds(ctx.db, account, { ...parsed, store_groups: groups }, ctx.clock.now());
}
