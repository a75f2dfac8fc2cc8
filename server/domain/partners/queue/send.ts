import type { ServiceContext } from "@/server/context";
import { klarnaIdempotencyKey } from "@/server/core/ids";
import { readFacts } from "@/server/domain/partners/facts";
import type { AccountRow, Queries } from "@/server/domain/partners/rows";
import type { ChangeKind } from "@/server/domain/partners/states";
import type { Wire } from "@/server/domain/partners/wire";
import {
  createEntity,
  createPaymentAccount,
  listEntities,
  type ManagementTarget,
  onboardPartner,
  switchProduct,
  updateAccount,
  updateEntity,
} from "@/server/klarna/accounts";
import type { KlarnaOutcome } from "@/server/klarna/client";
import {
  createBrand,
  createStore,
  createStoreGroup,
  listBrands,
  listStoreGroups,
  listStores,
  updateBrand,
  updateStore,
  updateStoreGroup,
} from "@/server/klarna/stores";
import type { Claimed } from "./claim";

/* One change as a call to Klarna. */

/** References of ours become Klarna's ids where a later call wants those. */
async function resolveIds(tx: Queries, change: Claimed, body: Wire): Promise<Wire> {
  const idOf = async (table: string, column: string, reference: unknown): Promise<string | null> => {
    const [row] = await tx.query<{ id: string | null }>({
      text: `select ${column} as id from ${table} where partner_id = $1 and mode = $2 and reference = $3`,
      values: [change.partnerId, change.mode, reference],
    });
    return row?.id ?? null;
  };
  const swap = async (key: string, idKey: string, table: string, column: string): Promise<void> => {
    if (typeof body[key] !== "string") return;
    const id = await idOf(table, column, body[key]);
    if (id === null) return;
    const { [key]: _reference, ...rest } = body;
    body = { ...rest, [idKey]: id };
  };
  if (change.kind === "GROUP_CREATE" || change.kind === "GROUP_UPDATE")
    await swap("brand_reference", "brand_id", "brands", "klarna_brand_id");
  if (change.kind === "STORE_CREATE" || change.kind === "STORE_UPDATE")
    await swap("store_group_reference", "store_group_id", "store_groups", "klarna_store_group_id");
  if (change.kind === "PAYMENT_ACCOUNT_CREATE") {
    await swap(
      "partner_business_entity_reference",
      "partner_business_entity_id",
      "business_entities",
      "klarna_business_entity_id",
    );
    await swap("default_store_group_reference", "default_store_group_id", "store_groups", "klarna_store_group_id");
  }
  return body;
}

export const TABLES: Readonly<Record<string, readonly [table: string, column: string]>> = {
  business_entity: ["business_entities", "klarna_business_entity_id"],
  brand: ["brands", "klarna_brand_id"],
  store_group: ["store_groups", "klarna_store_group_id"],
  store: ["stores", "klarna_store_id"],
};

/** The subject's id at Klarna as it stands now. */
async function klarnaIdOf(tx: Queries, change: Claimed): Promise<string | null> {
  const entry = TABLES[change.subjectKind];
  if (!entry) return null;
  const [row] = await tx.query<{ id: string | null }>({
    text: `select ${entry[1]} as id from ${entry[0]} where partner_id = $1 and mode = $2 and id = $3`,
    values: [change.partnerId, change.mode, change.subjectId],
  });
  return row?.id ?? null;
}

/** A change of something that Klarna never took cannot be sent: its creation was refused. */
const NEVER_MADE: KlarnaOutcome = {
  kind: "refused",
  calls: [],
  error: { status: 0, code: "NOT_AT_KLARNA", errorId: null, message: null, fields: [] },
};

export async function send(
  ctx: ServiceContext,
  change: Claimed,
  account: AccountRow,
  payload: Wire,
): Promise<KlarnaOutcome> {
  const body = await resolveIds(ctx.db, change, payload);
  const idempotencyKey = klarnaIdempotencyKey(change.refusals === 0 ? change.id : `${change.id}#${change.refusals}`);
  const write = { idempotencyKey, body };
  const acquirer = { mode: change.mode, sessionReference: change.id };
  if (change.kind === "ONBOARD") return onboardPartner(ctx.klarna, acquirer, write);
  if (account.klarnaId === null) return NEVER_MADE;
  const target: ManagementTarget = { ...acquirer, accountId: account.klarnaId };
  if (change.kind === "ACCOUNT_UPDATE") return updateAccount(ctx.klarna, target, write);
  if (change.kind === "ENTITY_CREATE") return createEntity(ctx.klarna, target, write);
  if (change.kind === "BRAND_CREATE") return createBrand(ctx.klarna, target, write);
  if (change.kind === "GROUP_CREATE") return createStoreGroup(ctx.klarna, target, write);
  if (change.kind === "STORE_CREATE") return createStore(ctx.klarna, target, write);
  if (
    change.kind === "PRODUCT_ENABLE" ||
    change.kind === "PRODUCT_DISABLE" ||
    change.kind === "PAYMENT_ACCOUNT_CREATE"
  ) {
    const productId = account.productId ?? (await readFacts(ctx, target)).product?.product_id ?? null;
    if (productId === null) return { kind: "not_sent", reason: "product_unknown", calls: [] };
    if (change.kind === "PAYMENT_ACCOUNT_CREATE") return createPaymentAccount(ctx.klarna, target, productId, write);
    return switchProduct(
      ctx.klarna,
      target,
      productId,
      change.kind === "PRODUCT_ENABLE" ? "enable" : "disable",
      idempotencyKey,
    );
  }
  const id = await klarnaIdOf(ctx.db, change);
  if (id === null) return NEVER_MADE;
  if (change.kind === "ENTITY_UPDATE") return updateEntity(ctx.klarna, target, id, write);
  if (change.kind === "BRAND_UPDATE") return updateBrand(ctx.klarna, target, id, write);
  if (change.kind === "GROUP_UPDATE") return updateStoreGroup(ctx.klarna, target, id, write);
  return updateStore(ctx.klarna, target, id, write);
}

/** Klarna says that the reference is taken: by an earlier try of ours whose answer was lost. Its id, else null. */
export async function findMade(ctx: ServiceContext, change: Claimed, target: ManagementTarget, payload: Wire) {
  const reference = payload[`${REFERENCE_OF[change.kind] ?? ""}`];
  if (typeof reference !== "string") return null;
  switch (change.kind) {
    case "ENTITY_CREATE":
      return (
        (await listEntities(ctx.klarna, target))?.find((one) => one.partner_business_entity_reference === reference)
          ?.partner_business_entity_id ?? null
      );
    case "BRAND_CREATE":
      return (await listBrands(ctx.klarna, target))?.find((one) => one.brand_reference === reference)?.brand_id ?? null;
    case "GROUP_CREATE":
      return (
        (await listStoreGroups(ctx.klarna, target))?.find((one) => one.store_group_reference === reference)
          ?.store_group_id ?? null
      );
    case "STORE_CREATE":
      return (await listStores(ctx.klarna, target))?.find((one) => one.store_reference === reference)?.store_id ?? null;
    case "PAYMENT_ACCOUNT_CREATE": {
      const { product } = await readFacts(ctx, target);
      return (
        product?.payment_accounts.find((one) => one.payment_account_reference === reference)?.payment_account_id ?? null
      );
    }
    default:
      return null;
  }
}
const REFERENCE_OF: Partial<Record<ChangeKind, string>> = {
  ENTITY_CREATE: "partner_business_entity_reference",
  BRAND_CREATE: "brand_reference",
  GROUP_CREATE: "store_group_reference",
  STORE_CREATE: "store_reference",
  PAYMENT_ACCOUNT_CREATE: "payment_account_reference",
};
