import type { ServiceContext } from "@/server/context";
import { readFacts } from "@/server/domain/partners/facts";
import {
  type AccountRow,
  loadBrands,
  loadEntities,
  loadGroups,
  loadPaymentAccounts,
  loadStores,
  openContact,
  type Queries,
} from "@/server/domain/partners/rows";
import type { DriftSubject } from "@/server/domain/partners/schema-sync";
import {
  accountWire,
  brandWire,
  differing,
  entityWire,
  groupWire,
  paymentAccountWire,
  storeWire,
  theirBrand,
  theirEntity,
  theirGroup,
  theirStore,
  valueAt,
  type Wire,
} from "@/server/domain/partners/wire";
import {
  listEntities,
  type ManagementTarget,
  readAccount,
  WireAccountSchema,
  type WirePaymentAccount,
} from "@/server/klarna/accounts";
import { listBrands, listStoreGroups, listStores } from "@/server/klarna/stores";

/* What Klarna holds against what we hold, field by field. */

/** A subject that only one side has. */
export const EXISTS = "exists";

type Pair = {
  kind: DriftSubject;
  /** Ours; Klarna's where we lack the thing. */
  id: string;
  ours: Wire | null;
  theirs: Wire | null;
};
type Difference = { kind: DriftSubject; subjectId: string; field: string; ours: unknown; theirs: unknown };

/** Klarna's side of an account in our form; null when something could not be read. */
export async function readTheirs(ctx: ServiceContext, account: AccountRow) {
  if (account.klarnaId === null) return null;
  const target: ManagementTarget = {
    mode: account.mode,
    accountId: account.klarnaId,
    sessionReference: ctx.requestId,
  };
  const [outcome, entities, brands, groups, stores, facts] = await Promise.all([
    readAccount(ctx.klarna, target),
    listEntities(ctx.klarna, target),
    listBrands(ctx.klarna, target),
    listStoreGroups(ctx.klarna, target),
    listStores(ctx.klarna, target),
    readFacts(ctx, target),
  ]);
  const parsed = outcome.kind === "answered" ? WireAccountSchema.safeParse(outcome.body) : null;
  if (!parsed?.success || !entities || !brands || !groups || !stores || !facts.product) return null;
  return { account: parsed.data, entities, brands, groups, stores, product: facts.product };
}
export type Theirs = NonNullable<Awaited<ReturnType<typeof readTheirs>>>;

/** Matches by Klarna's id, else by reference. */
function pair<O extends { id: string; reference: string; klarnaId: string | null }, T>(
  kind: DriftSubject,
  ours: readonly O[],
  theirs: readonly T[],
  of: {
    id: (item: T) => string;
    reference: (item: T) => string | null;
    ours: (item: O) => Wire;
    theirs: (item: T) => Wire;
  },
): Pair[] {
  const byId = new Map(theirs.map((item) => [of.id(item), item]));
  const byReference = new Map(theirs.map((item) => [of.reference(item), item]));
  const used = new Set<string>();
  const pairs: Pair[] = ours.map((item) => {
    const match = (item.klarnaId === null ? undefined : byId.get(item.klarnaId)) ?? byReference.get(item.reference);
    if (match) used.add(of.id(match));
    return { kind, id: item.id, ours: of.ours(item), theirs: match ? of.theirs(match) : null };
  });
  for (const item of theirs)
    if (!used.has(of.id(item))) pairs.push({ kind, id: of.id(item), ours: null, theirs: of.theirs(item) });
  return pairs;
}

const paymentWire = (wire: WirePaymentAccount): Wire => ({
  payment_account_reference: wire.payment_account_reference,
  payment_acquiring_account_id: wire.payment_acquiring_account_id,
  default_merchant_category_code: wire.default_merchant_category_code,
  partner_business_entity_reference: wire.partner_business_entity_reference,
  default_store_group_reference: wire.default_store_group_reference,
});

export async function pairsOf(tx: Queries, ctx: ServiceContext, account: AccountRow, theirs: Theirs): Promise<Pair[]> {
  const [entities, brands, groups, stores, payments] = [
    await loadEntities(tx, ctx, account),
    await loadBrands(tx, account),
    await loadGroups(tx, account),
    await loadStores(tx, account, { isArchivedToo: true }),
    await loadPaymentAccounts(tx, account),
  ];
  const brandReferences = new Map(
    theirs.brands.map((brand) => [
      brand.brand_id,
      brands.find((one) => one.klarnaId === brand.brand_id)?.reference ?? brand.brand_reference ?? "",
    ]),
  );
  const groupReferences = new Map(
    theirs.groups.map((group) => [
      group.store_group_id,
      groups.find((one) => one.klarnaId === group.store_group_id)?.reference ?? group.store_group_reference ?? "",
    ]),
  );
  return [
    {
      kind: "account",
      id: account.partnerId,
      ours: accountWire(account, openContact(ctx, account)),
      theirs: {
        partner_account_name: theirs.account.partner_account_name,
        partner_account_contact: theirs.account.partner_account_contact
          ? {
              given_name: theirs.account.partner_account_contact.given_name,
              family_name: theirs.account.partner_account_contact.family_name,
              email: theirs.account.partner_account_contact.email,
              phone: theirs.account.partner_account_contact.phone,
            }
          : undefined,
      },
    },
    ...pair("business_entity", entities, theirs.entities, {
      id: (item) => item.partner_business_entity_id,
      reference: (item) => item.partner_business_entity_reference,
      ours: entityWire,
      theirs: theirEntity,
    }),
    ...pair("brand", brands, theirs.brands, {
      id: (item) => item.brand_id,
      reference: (item) => item.brand_reference,
      ours: brandWire,
      theirs: theirBrand,
    }),
    // A group without a store is not told to Klarna yet.
    ...pair(
      "store_group",
      groups.filter((group) => group.klarnaId !== null || group.storeCount > 0),
      theirs.groups,
      {
        id: (item) => item.store_group_id,
        reference: (item) => item.store_group_reference,
        ours: groupWire,
        theirs: (item) => theirGroup(item, brandReferences),
      },
    ),
    // What is archived here stays at Klarna, which deletes nothing; a store in no group cannot be told.
    ...pair("store", stores, theirs.stores, {
      id: (item) => item.store_id,
      reference: (item) => item.store_reference,
      ours: storeWire,
      theirs: (item) => theirStore(item, groupReferences),
    }).filter((one) => {
      const store = stores.find((row) => row.id === one.id);
      return store === undefined || (store.status !== "ARCHIVED" && (one.theirs !== null || store.storeGroup !== null));
    }),
    ...pair("payment_account", payments, theirs.product.payment_accounts, {
      id: (item) => item.payment_account_id,
      reference: (item) => item.payment_account_reference,
      ours: paymentAccountWire,
      theirs: paymentWire,
    }),
  ];
}

export function differencesOf(pairs: readonly Pair[]): Difference[] {
  return pairs.flatMap(({ kind, id, ours, theirs }): Difference[] => {
    if (ours === null || theirs === null)
      return [{ kind, subjectId: id, field: EXISTS, ours: ours ?? null, theirs: theirs ?? null }];
    return differing(ours, theirs).map((field) => ({
      kind,
      subjectId: id,
      field,
      ours: valueAt(ours, field) ?? null,
      theirs: valueAt(theirs, field) ?? null,
    }));
  });
}

/** Our record as Klarna would be told of it now; null when it is not there any more. */
export async function ourWire(tx: Queries, ctx: ServiceContext, account: AccountRow, kind: DriftSubject, id: string) {
  const of = <T extends { id: string }>(rows: readonly T[], wire: (row: T) => Wire): Wire | null => {
    const row = rows.find((one) => one.id === id);
    return row ? wire(row) : null;
  };
  switch (kind) {
    case "account":
      return accountWire(account, openContact(ctx, account));
    case "business_entity":
      return of(await loadEntities(tx, ctx, account), entityWire);
    case "brand":
      return of(await loadBrands(tx, account), brandWire);
    case "store_group":
      return of(await loadGroups(tx, account), groupWire);
    case "store":
      return of(await loadStores(tx, account, { ids: [id] }), storeWire);
    default:
      return of(await loadPaymentAccounts(tx, account), paymentAccountWire);
  }
}
