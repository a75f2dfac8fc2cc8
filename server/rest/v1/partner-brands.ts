import { z } from "zod";
import type { ServiceContext } from "@/server/context";
import { AppError, isAppError } from "@/server/core/errors";
import { idSchema } from "@/server/core/ids";
import type { AccountRecord } from "@/server/domain/partners/schema-account";
import { getAccountRecord, saveBrand, saveStoreGroup, setArchived } from "@/server/domain/partners/service";
import { defineEndpoint, type Endpoint } from "../endpoint";
import { claiming, idUnder } from "../idempotency";
import { BrandBodySchema, StoreGroupBodySchema, toBrandInput, toGroupInput } from "./partner-bodies";
import { pointingInto } from "./partner-pointers";
import {
  type PublicBrand,
  PublicBrandSchema,
  type PublicStoreGroup,
  PublicStoreGroupSchema,
  toPublicBrand,
  toPublicGroup,
} from "./partner-shapes";
import { partnerParams } from "./partners";

/* Brands and store groups of one Partner: of its draft, or of the account that Klarna has, which is then told. */

const access = "acquirer_key";
const version = z.int().min(1).optional();
const brandParams = partnerParams.extend({ brandId: idSchema("brand") });
const groupParams = partnerParams.extend({ storeGroupId: idSchema("storeGroup") });
const brandShape = BrandBodySchema.shape;
/** Without defaults: what is not named stays. */
const BrandPatchSchema = z.strictObject({
  version,
  name: brandShape.name.optional(),
  website: brandShape.website.unwrap().optional(),
  logo_url: brandShape.logo_url.unwrap().optional(),
  icon_url: brandShape.icon_url.unwrap().optional(),
  feature_image_url: brandShape.feature_image_url.unwrap().optional(),
});
const groupShape = StoreGroupBodySchema.shape;
const GroupPatchSchema = z.strictObject({
  version,
  name: groupShape.name.optional(),
  brand: groupShape.brand.optional(),
  support_email: groupShape.support_email.unwrap().optional(),
  support_phone: groupShape.support_phone.unwrap().optional(),
  support_url: groupShape.support_url.unwrap().optional(),
  social_links: groupShape.social_links.unwrap().optional(),
});
const CHANGED =
  "Only what is named changes. With `version` the change is refused when somebody has changed it since you read it.";

async function requireAccount(ctx: ServiceContext, partnerId: string): Promise<AccountRecord> {
  const account = await getAccountRecord(ctx, partnerId);
  if (!account) throw new AppError("not_found");
  return account;
}
async function readBrand(ctx: ServiceContext, partnerId: string, id: string): Promise<PublicBrand> {
  const found = (await requireAccount(ctx, partnerId)).brands.find((one) => one.id === id);
  if (!found) throw new AppError("not_found");
  return toPublicBrand(found);
}
async function readGroup(ctx: ServiceContext, partnerId: string, id: string): Promise<PublicStoreGroup> {
  const found = (await requireAccount(ctx, partnerId)).storeGroups.find((one) => one.id === id);
  if (!found) throw new AppError("not_found");
  return toPublicGroup(found);
}

/**
 * The use cases make or change what has the reference; here one that exists is never changed by a call that adds. No row
 * has version 0, so a row that somebody made in this moment is refused as well. Errors: reference_taken.
 */
async function adding<T>(ctx: ServiceContext, isKnown: boolean, work: (ctx: ServiceContext) => Promise<T>): Promise<T> {
  try {
    return await claiming(ctx, idUnder("id"), (inner) => {
      if (isKnown) throw new AppError("reference_taken");
      return work(inner);
    });
  } catch (error) {
    if (isAppError(error) && error.code === "state_conflict" && error.params["version"] !== undefined)
      throw new AppError("reference_taken", { cause: error });
    throw inBody(error);
  }
}

/** The use case names the group as the first of a list. */
function inBody(error: unknown): unknown {
  const named = pointingInto("storeGroups", error);
  if (!isAppError(named) || named.errors.length === 0) return named;
  return new AppError(named.code, {
    detail: named.detail,
    errors: named.errors.map((one) => ({ ...one, pointer: one.pointer.replace(/^\/store_groups\/0/, "") })),
    cause: error,
  });
}
async function changing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw inBody(error);
  }
}

/** The fields of a body as they are now, and over them what a patch names. */
function merged(old: object, names: readonly string[], change: object): Record<string, unknown> {
  const now = names.map((name) => [name, Reflect.get(old, name)] as const);
  return Object.fromEntries([...now, ...Object.entries(change).filter(([, value]) => value !== undefined)]);
}

/** All of them: an account has a hundred brands and five hundred groups at most. */
const all = <T extends z.ZodType>(item: T, id: string) => z.object({ data: z.array(item) }).meta({ id });

const brands: readonly Endpoint[] = [
  defineEndpoint({
    method: "GET",
    path: "/api/v1/partners/{id}/brands",
    operation: "listBrands",
    summary: "List the brands of a Partner",
    tag: "Brands and store groups",
    access,
    scope: "partners:read",
    params: partnerParams,
    responses: { 200: { description: "All brands", schema: all(PublicBrandSchema, "BrandList") } },
    handle: async ({ ctx, params: { id } }) => (await requireAccount(ctx, id)).brands.map(toPublicBrand),
    answer: (data) => ({ status: 200, json: { data } }),
  }),
  defineEndpoint({
    method: "POST",
    path: "/api/v1/partners/{id}/brands",
    operation: "createBrand",
    summary: "Add a brand to a Partner",
    tag: "Brands and store groups",
    access,
    scope: "stores:write",
    params: partnerParams,
    body: BrandBodySchema,
    responses: { 201: { description: "The brand", schema: PublicBrandSchema } },
    errors: ["reference_taken", "state_conflict"],
    handle: async ({ ctx, params: { id }, body }) => {
      const account = await requireAccount(ctx, id);
      const isKnown = account.brands.some((one) => one.reference === body.reference);
      return adding(ctx, isKnown, async (inner) => {
        const saved = await saveBrand(inner, id, toBrandInput(body), 0);
        return readBrand(inner, id, saved.id);
      });
    },
    answer: (brand) => ({ status: 201, json: brand }),
    reread: (ctx, brandId, { id }) => readBrand(ctx, id, brandId),
  }),
  defineEndpoint({
    method: "PATCH",
    path: "/api/v1/partners/{id}/brands/{brandId}",
    operation: "updateBrand",
    summary: "Change a brand",
    description: CHANGED,
    tag: "Brands and store groups",
    access,
    scope: "stores:write",
    params: brandParams,
    body: BrandPatchSchema,
    responses: { 200: { description: "The brand as it is now", schema: PublicBrandSchema } },
    errors: ["reference_taken", "state_conflict"],
    handle: async ({ ctx, params: { id, brandId }, body }) => {
      const old = await readBrand(ctx, id, brandId);
      const { version: seen, ...change } = body;
      const next = BrandBodySchema.parse(merged(old, BrandBodySchema.keyof().options, change));
      await changing(() => saveBrand(ctx, id, toBrandInput(next), seen ?? old.version));
      return readBrand(ctx, id, brandId);
    },
    answer: (brand) => ({ status: 200, json: brand }),
  }),
  defineEndpoint({
    method: "POST",
    path: "/api/v1/partners/{id}/brands/{brandId}/archive",
    operation: "archiveBrand",
    summary: "Take a brand out of use",
    description: "Here only: Klarna cannot delete one. Its store groups are archived or moved first.",
    tag: "Brands and store groups",
    access,
    scope: "stores:write",
    params: brandParams,
    responses: { 200: { description: "The archived brand", schema: PublicBrandSchema } },
    errors: ["rule_broken", "state_conflict"],
    handle: ({ ctx, params: { id, brandId } }) =>
      claiming(ctx, brandId, async (inner) => {
        await setArchived(inner, id, { kind: "brand", id: brandId }, true);
        return readBrand(inner, id, brandId);
      }),
    answer: (brand) => ({ status: 200, json: brand }),
    reread: (ctx, brandId, { id }) => readBrand(ctx, id, brandId),
  }),
];

const groups: readonly Endpoint[] = [
  defineEndpoint({
    method: "GET",
    path: "/api/v1/partners/{id}/store-groups",
    operation: "listStoreGroups",
    summary: "List the store groups of a Partner",
    tag: "Brands and store groups",
    access,
    scope: "partners:read",
    params: partnerParams,
    responses: { 200: { description: "All store groups", schema: all(PublicStoreGroupSchema, "StoreGroupList") } },
    handle: async ({ ctx, params: { id } }) => (await requireAccount(ctx, id)).storeGroups.map(toPublicGroup),
    answer: (data) => ({ status: 200, json: { data } }),
  }),
  defineEndpoint({
    method: "POST",
    path: "/api/v1/partners/{id}/store-groups",
    operation: "createStoreGroup",
    summary: "Add a store group to a brand",
    description: "Klarna takes no empty group: it is told of it together with the group's first store.",
    tag: "Brands and store groups",
    access,
    scope: "stores:write",
    params: partnerParams,
    body: StoreGroupBodySchema,
    responses: { 201: { description: "The store group", schema: PublicStoreGroupSchema } },
    errors: ["reference_taken", "state_conflict"],
    handle: async ({ ctx, params: { id }, body }) => {
      const account = await requireAccount(ctx, id);
      const isKnown = account.storeGroups.some((one) => one.reference === body.reference);
      return adding(ctx, isKnown, async (inner) => {
        const saved = await saveStoreGroup(inner, id, toGroupInput(body), 0);
        return readGroup(inner, id, saved.id);
      });
    },
    answer: (group) => ({ status: 201, json: group }),
    reread: (ctx, groupId, { id }) => readGroup(ctx, id, groupId),
  }),
  defineEndpoint({
    method: "PATCH",
    path: "/api/v1/partners/{id}/store-groups/{storeGroupId}",
    operation: "updateStoreGroup",
    summary: "Change a store group",
    description: `${CHANGED} Another \`brand\` moves it with its stores.`,
    tag: "Brands and store groups",
    access,
    scope: "stores:write",
    params: groupParams,
    body: GroupPatchSchema,
    responses: { 200: { description: "The store group as it is now", schema: PublicStoreGroupSchema } },
    errors: ["reference_taken", "state_conflict"],
    handle: async ({ ctx, params: { id, storeGroupId }, body }) => {
      const old = await readGroup(ctx, id, storeGroupId);
      const { version: seen, ...change } = body;
      const next = StoreGroupBodySchema.parse(merged(old, StoreGroupBodySchema.keyof().options, change));
      await changing(() => saveStoreGroup(ctx, id, toGroupInput(next), seen ?? old.version));
      return readGroup(ctx, id, storeGroupId);
    },
    answer: (group) => ({ status: 200, json: group }),
  }),
  defineEndpoint({
    method: "POST",
    path: "/api/v1/partners/{id}/store-groups/{storeGroupId}/archive",
    operation: "archiveStoreGroup",
    summary: "Take a store group out of use",
    description: "Here only: Klarna cannot delete one. Its stores are archived or moved first.",
    tag: "Brands and store groups",
    access,
    scope: "stores:write",
    params: groupParams,
    responses: { 200: { description: "The archived store group", schema: PublicStoreGroupSchema } },
    errors: ["rule_broken", "state_conflict"],
    handle: ({ ctx, params: { id, storeGroupId } }) =>
      claiming(ctx, storeGroupId, async (inner) => {
        await setArchived(inner, id, { kind: "store_group", id: storeGroupId }, true);
        return readGroup(inner, id, storeGroupId);
      }),
    answer: (group) => ({ status: 200, json: group }),
    reread: (ctx, groupId, { id }) => readGroup(ctx, id, groupId),
  }),
];

export const partnerBrandEndpoints: readonly Endpoint[] = [...brands, ...groups];
