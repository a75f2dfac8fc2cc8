import { z } from "zod";
import { idSchema } from "@/server/core/ids";
import {
  ChangeStoreSchema,
  PUBLIC_STORE_STATUSES,
  PUBLIC_STORE_TYPES,
  PublicStoreSchema,
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
import { listSchema, moment, pageQuery, toList, toPageRequest } from "./shared";

const tag = "Stores";
const params = z.strictObject({ id: idSchema("store") });
export const StoreSchema = PublicStoreSchema.meta({ id: "Store" });

export const storeEndpoints: readonly Endpoint[] = [
  defineEndpoint({
    method: "POST",
    path: "/api/v1/stores",
    operation: "createStore",
    summary: "Add a store",
    description:
      "Klarna is told of it in the background; `klarna_store_id` and the event `store.onboarded` follow. A physical store has an `address`, a website a `url`, a mobile app an `app`.",
    tag,
    access: "key",
    scope: "stores:write",
    body: RegisterStoreSchema,
    responses: { 201: { description: "The store", schema: StoreSchema } },
    errors: ["reference_taken", "rule_broken", "state_conflict"],
    handle: ({ ctx, body }) => registerStore(ctx, body),
    answer: (store) => ({ status: 201, json: store }),
    reread: (ctx, id) => getPublicStore(ctx, id),
  }),
  defineEndpoint({
    method: "GET",
    path: "/api/v1/stores",
    operation: "listStores",
    summary: "List stores, newest first",
    tag,
    access: "key",
    scope: "stores:read",
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
      200: { description: "A page of stores", schema: listSchema(StoreSchema).meta({ id: "StoreList" }) },
    },
    handle: ({ ctx, query: { limit, cursor, ...filter } }) =>
      listPublicStores(ctx, filter, toPageRequest({ limit, cursor })),
    answer: (page) => ({ status: 200, json: toList(page) }),
  }),
  defineEndpoint({
    method: "GET",
    path: "/api/v1/stores/{id}",
    operation: "getStore",
    summary: "Read a store",
    tag,
    access: "key",
    scope: "stores:read",
    notFound: "store_not_found",
    params,
    responses: { 200: { description: "The store", schema: StoreSchema } },
    handle: ({ ctx, params: { id } }) => getPublicStore(ctx, id),
    answer: (store) => ({ status: 200, json: store }),
  }),
  defineEndpoint({
    method: "PATCH",
    path: "/api/v1/stores/{id}",
    operation: "updateStore",
    summary: "Change a store",
    description:
      "Only what is named changes. A store that came with a payment is taken over by giving it a `store_group`. In `settings` null takes a value back, so that the Partner's holds again.",
    tag,
    access: "key",
    scope: "stores:write",
    notFound: "store_not_found",
    params,
    body: ChangeStoreSchema,
    responses: { 200: { description: "The store as it is now", schema: StoreSchema } },
    errors: ["rule_broken", "state_conflict"],
    handle: ({ ctx, params: { id }, body }) => changeStore(ctx, id, body),
    answer: (store) => ({ status: 200, json: store }),
  }),
  defineEndpoint({
    method: "POST",
    path: "/api/v1/stores/{id}/archive",
    operation: "archiveStore",
    summary: "Take a store out of use",
    description: "Its terminals go with it. Payments there are refused from now on; what was paid there stays.",
    tag,
    access: "key",
    scope: "stores:write",
    notFound: "store_not_found",
    params,
    responses: { 200: { description: "The archived store", schema: StoreSchema } },
    errors: ["state_conflict"],
    handle: ({ ctx, params: { id } }) => archiveStore(ctx, id),
    answer: (store) => ({ status: 200, json: store }),
    reread: (ctx, id) => getPublicStore(ctx, id),
  }),
];
