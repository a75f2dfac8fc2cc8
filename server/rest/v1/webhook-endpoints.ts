import { z } from "zod";
import { idSchema } from "@/server/core/ids";
import {
  CreateEndpointSchema,
  DELIVERY_STATUSES,
  PublicDeliverySchema,
  type PublicEndpoint,
  PublicEndpointSchema,
  PublicEndpointWithSecretSchema,
  UpdateEndpointSchema,
} from "@/server/domain/webhooks/schema";
import {
  createEndpoint,
  deleteEndpoint,
  getEndpoint,
  getPublicDelivery,
  listDeliveries,
  listEndpointDeliveries,
  listEndpoints,
  replayDelivery,
  rotateEndpointSecret,
  sendTestEvent,
  updateEndpoint,
} from "@/server/domain/webhooks/service";
import { EVENT_TYPES } from "@/server/events/catalog";
import { defineEndpoint, type Endpoint } from "../endpoint";
import { queryList } from "../validation";
import { listSchema, moment, pageQuery, toList, toPageRequest } from "./shared";

const tag = "Webhooks";
const params = z.strictObject({ id: idSchema("webhookEndpoint") });
export const EndpointSchema = PublicEndpointSchema.meta({ id: "WebhookEndpoint" });
const CreatedSchema = PublicEndpointWithSecretSchema.meta({ id: "CreatedWebhookEndpoint" });
const DeliverySchema = PublicDeliverySchema.meta({ id: "WebhookDelivery" });
/** The secret is in the stored answer only: read again, the endpoint goes without. */
type Created = { endpoint: PublicEndpoint; secret: string | null };

export const webhookEndpointEndpoints: readonly Endpoint[] = [
  defineEndpoint({
    method: "POST",
    path: "/api/v1/webhook-endpoints",
    operation: "createWebhookEndpoint",
    summary: "Add a receiver of webhooks",
    description: "The answer holds the signing secret, this once. Deliveries follow the Standard Webhooks format.",
    tag,
    access: "key",
    scope: "webhooks:write",
    body: CreateEndpointSchema,
    responses: { 201: { description: "The endpoint with its secret", schema: CreatedSchema } },
    errors: ["url_not_allowed"],
    handle: ({ ctx, body }): Promise<Created> => createEndpoint(ctx, body),
    answer: ({ endpoint, secret }) => ({ status: 201, json: secret === null ? endpoint : { ...endpoint, secret } }),
    reread: async (ctx, id): Promise<Created> => ({ endpoint: await getEndpoint(ctx, id), secret: null }),
  }),
  defineEndpoint({
    method: "GET",
    path: "/api/v1/webhook-endpoints",
    operation: "listWebhookEndpoints",
    summary: "List receivers of webhooks",
    tag,
    access: "key",
    scope: "webhooks:read",
    query: z.strictObject(pageQuery),
    responses: {
      200: {
        description: "A page of endpoints",
        schema: listSchema(EndpointSchema).meta({ id: "WebhookEndpointList" }),
      },
    },
    handle: ({ ctx, query }) => listEndpoints(ctx, toPageRequest(query)),
    answer: (page) => ({ status: 200, json: toList(page) }),
  }),
  defineEndpoint({
    method: "GET",
    path: "/api/v1/webhook-endpoints/{id}",
    operation: "getWebhookEndpoint",
    summary: "Read a receiver of webhooks",
    tag,
    access: "key",
    scope: "webhooks:read",
    params,
    responses: { 200: { description: "The endpoint", schema: EndpointSchema } },
    handle: ({ ctx, params: { id } }) => getEndpoint(ctx, id),
    answer: (endpoint) => ({ status: 200, json: endpoint }),
  }),
  defineEndpoint({
    method: "PATCH",
    path: "/api/v1/webhook-endpoints/{id}",
    operation: "updateWebhookEndpoint",
    summary: "Change a receiver of webhooks, or switch it off or on",
    description:
      "Only what is named changes; `headers` are replaced as a whole. An endpoint that is switched off gives up what it is owed; switched on again, its failed deliveries can be replayed.",
    tag,
    access: "key",
    scope: "webhooks:write",
    params,
    body: UpdateEndpointSchema,
    responses: { 200: { description: "The endpoint as it is now", schema: EndpointSchema } },
    errors: ["url_not_allowed"],
    handle: ({ ctx, params: { id }, body }) => updateEndpoint(ctx, id, body),
    answer: (endpoint) => ({ status: 200, json: endpoint }),
  }),
  defineEndpoint({
    method: "DELETE",
    path: "/api/v1/webhook-endpoints/{id}",
    operation: "deleteWebhookEndpoint",
    summary: "Remove a receiver of webhooks",
    tag,
    access: "key",
    scope: "webhooks:write",
    params,
    responses: { 204: { description: "Removed" } },
    handle: ({ ctx, params: { id } }) => deleteEndpoint(ctx, id),
    answer: () => ({ status: 204 }),
  }),
  defineEndpoint({
    method: "POST",
    path: "/api/v1/webhook-endpoints/{id}/rotate-secret",
    operation: "rotateWebhookSecret",
    summary: "Give a receiver a new signing secret",
    description:
      "The answer holds the new secret, this once. For 24 hours each delivery carries a signature by the old and one by the new secret.",
    tag,
    access: "key",
    scope: "webhooks:write",
    params,
    responses: { 200: { description: "The endpoint with its new secret", schema: CreatedSchema } },
    handle: ({ ctx, params: { id } }): Promise<Created> => rotateEndpointSecret(ctx, id),
    answer: ({ endpoint, secret }) => ({ status: 200, json: secret === null ? endpoint : { ...endpoint, secret } }),
    reread: async (ctx, id): Promise<Created> => ({ endpoint: await getEndpoint(ctx, id), secret: null }),
  }),
  defineEndpoint({
    method: "GET",
    path: "/api/v1/webhook-endpoints/{id}/deliveries",
    operation: "listWebhookDeliveries",
    summary: "List what a receiver was and is owed, newest first",
    tag,
    access: "key",
    scope: "webhooks:read",
    params,
    query: z.strictObject({
      ...pageQuery,
      status: queryList(DELIVERY_STATUSES).optional(),
      type: queryList(EVENT_TYPES).optional(),
      event: idSchema("event").optional(),
      object: z.string().min(1).max(40).optional(),
      created_from: moment.optional(),
      created_to: moment.optional(),
    }),
    responses: {
      200: {
        description: "A page of deliveries",
        schema: listSchema(DeliverySchema).meta({ id: "WebhookDeliveryList" }),
      },
    },
    handle: ({ ctx, params: { id }, query: { limit, cursor, object, type, ...filter } }) =>
      listEndpointDeliveries(ctx, id, { ...filter, types: type, subject: object }, toPageRequest({ limit, cursor })),
    answer: (page) => ({ status: 200, json: toList(page) }),
  }),
  defineEndpoint({
    method: "POST",
    path: "/api/v1/webhook-deliveries/{id}/replay",
    operation: "replayWebhookDelivery",
    summary: "Send a delivered or failed delivery once more",
    description: "With the same delivery and event id, by the whole schedule of tries again.",
    tag,
    access: "key",
    scope: "webhooks:write",
    params: z.strictObject({ id: idSchema("webhookDelivery") }),
    responses: { 202: { description: "The delivery, on its way again", schema: DeliverySchema } },
    errors: ["state_conflict"],
    handle: ({ ctx, params: { id } }) => replayDelivery(ctx, id),
    answer: (delivery) => ({ status: 202, json: delivery }),
    reread: (ctx, id) => getPublicDelivery(ctx, id),
  }),
  defineEndpoint({
    method: "POST",
    path: "/api/v1/webhook-endpoints/{id}/test",
    operation: "testWebhookEndpoint",
    summary: "Send a test event to a receiver",
    tag,
    access: "key",
    scope: "webhooks:write",
    params,
    responses: { 202: { description: "The delivery, on its way", schema: DeliverySchema } },
    errors: ["state_conflict"],
    handle: ({ ctx, params: { id } }) => sendTestEvent(ctx, id),
    answer: (delivery) => ({ status: 202, json: delivery }),
    reread: async (ctx, event) =>
      PublicDeliverySchema.parse((await listDeliveries(ctx, { event }, { limit: 1 })).items[0]),
  }),
];
