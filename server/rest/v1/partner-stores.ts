import { z } from "zod";
import type { ServiceContext } from "@/server/context";
import { idSchema } from "@/server/core/ids";
import { getPartnerAccount } from "@/server/domain/partners/service";
import {
  ChangeStoreSchema,
  PUBLIC_STORE_STATUSES,
  PUBLIC_STORE_TYPES,
  RegisterStoreSchema,
} from "@/server/domain/stores/schema";
import {
  archiveStore,
  changeStore,
  getPublicStore,
  listPublicStores,
  registerStore,
} from "@/server/domain/stores/service";
import { defineEndpoint, type Endpoint } from "../endpoint";
import { queryList } from "../validation";
import { partnerParams } from "./partners";
import { listSchema, moment, pageQuery, toList, toPageRequest } from "./shared";
import { StoreSchema } from "./stores";

/* Stores of one Partner by the acquirer's systems: of its draft, or of the account that Klarna has. */

const tag = "Stores of a Partner";
const access = "acquirer_key";
const storeParams = partnerParams.extend({ storeId: idSchema("store") });

/** The context with one Partner in sight: a store of another one is not there. */
const within = (ctx: ServiceContext, partnerId: string): ServiceContext => ({
  ...ctx,
  scope: { ...ctx.scope, partners: [partnerId] },
});
const readStore = (ctx: ServiceContext, partnerId: string, storeId: string) =>
  getPublicStore(within(ctx, partnerId), storeId);

export const partnerStoreEndpoints: readonly Endpoint[] = [
  defineEndpoint({
    method: "GET",
    path: "/api/v1/partners/{id}/stores",
    operation: "listPartnerStores",
    summary: "List the stores of a Partner, newest first",
    tag,
    access,
    scope: "stores:read",
    params: partnerParams,
    query: z.strictObject({
      ...pageQuery,
      type: queryList(PUBLIC_STORE_TYPES).optional(),
      status: queryList(PUBLIC_STORE_STATUSES).optional(),
      reference: z.string().min(1).max(255).optional(),
      store_group: z.string().min(1).max(255).optional(),
      created_from: moment.optional(),
      created_to: moment.optional(),
    }),
    responses: {
      200: { description: "A page of stores", schema: listSchema(StoreSchema).meta({ id: "PartnerStoreList" }) },
    },
    handle: async ({ ctx, params: { id }, query: { limit, cursor, ...filter } }) => {
      await getPartnerAccount(ctx, id);
      return listPublicStores(within(ctx, id), filter, toPageRequest({ limit, cursor }));
    },
    answer: (page) => ({ status: 200, json: toList(page) }),
  }),
  defineEndpoint({
    method: "POST",
    path: "/api/v1/partners/{id}/stores",
    operation: "createPartnerStore",
    summary: "Add a store to a Partner",
    description:
      "While the Partner is a draft the store is part of it and goes to Klarna with its approval; afterwards Klarna is told in the background.",
    tag,
    access,
    scope: "stores:write",
    params: partnerParams,
    body: RegisterStoreSchema,
    responses: { 201: { description: "The store", schema: StoreSchema } },
    errors: ["reference_taken", "rule_broken", "state_conflict"],
    handle: ({ ctx, params: { id }, body }) => registerStore(ctx, body, id),
    answer: (store) => ({ status: 201, json: store }),
    reread: (ctx, storeId, { id }) => readStore(ctx, id, storeId),
  }),
  defineEndpoint({
    method: "GET",
    path: "/api/v1/partners/{id}/stores/{storeId}",
    operation: "getPartnerStore",
    summary: "Read a store of a Partner",
    tag,
    access,
    scope: "stores:read",
    notFound: "store_not_found",
    params: storeParams,
    responses: { 200: { description: "The store", schema: StoreSchema } },
    handle: ({ ctx, params: { id, storeId } }) => readStore(ctx, id, storeId),
    answer: (store) => ({ status: 200, json: store }),
  }),
  defineEndpoint({
    method: "PATCH",
    path: "/api/v1/partners/{id}/stores/{storeId}",
    operation: "updatePartnerStore",
    summary: "Change a store of a Partner",
    description: "Only what is named changes.",
    tag,
    access,
    scope: "stores:write",
    notFound: "store_not_found",
    params: storeParams,
    body: ChangeStoreSchema,
    responses: { 200: { description: "The store as it is now", schema: StoreSchema } },
    errors: ["rule_broken", "state_conflict"],
    handle: async ({ ctx, params: { id, storeId }, body }) => {
      await readStore(ctx, id, storeId);
      return changeStore(ctx, storeId, body);
    },
    answer: (store) => ({ status: 200, json: store }),
  }),
  defineEndpoint({
    method: "POST",
    path: "/api/v1/partners/{id}/stores/{storeId}/archive",
    operation: "archivePartnerStore",
    summary: "Take a store of a Partner out of use",
    description: "Its terminals go with it. Payments there are refused from now on; what was paid there stays.",
    tag,
    access,
    scope: "stores:write",
    notFound: "store_not_found",
    params: storeParams,
    responses: { 200: { description: "The archived store", schema: StoreSchema } },
    errors: ["state_conflict"],
    handle: async ({ ctx, params: { id, storeId } }) => {
      await readStore(ctx, id, storeId);
      return archiveStore(ctx, storeId);
    },
    answer: (store) => ({ status: 200, json: store }),
    reread: (ctx, storeId, { id }) => readStore(ctx, id, storeId),
  }),
];
