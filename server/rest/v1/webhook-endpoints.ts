import { z } from "zod";
import { idSchema } from "@/server/core/ids";
import {
  CreateEndpointSchema,
  PublicDeliverySchema,
  type PublicEndpoint,
  PublicEndpointSchema,
  PublicEndpointWithSecretSchema,
} from "@/server/domain/webhooks/schema";
import {
  createEndpoint,
  deleteEndpoint,
  getEndpoint,
  listDeliveries,
  listEndpoints,
  sendTestEvent,
} from "@/server/domain/webhooks/service";
import { defineEndpoint, type Endpoint } from "../endpoint";
import { listSchema, pageQuery, toList, toPageRequest } from "./shared";

const tag = "Webhooks";
const params = z.strictObject({ id: idSchema("webhookEndpoint") });
const EndpointSchema = PublicEndpointSchema.meta({ id: "WebhookEndpoint" });
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
    path: "/api/v1/webhook-endpoints/{id}/test",
    operation: "testWebhookEndpoint",
    summary: "Send a test event to a receiver",
    tag,
    access: "key",
    scope: "webhooks:write",
    params,
    responses: { 202: { description: "The delivery, on its way", schema: DeliverySchema } },
    handle: ({ ctx, params: { id } }) => sendTestEvent(ctx, id),
    answer: (delivery) => ({ status: 202, json: delivery }),
    reread: async (ctx, event) =>
      PublicDeliverySchema.parse((await listDeliveries(ctx, { event }, { limit: 1 })).items[0]),
  }),
];
