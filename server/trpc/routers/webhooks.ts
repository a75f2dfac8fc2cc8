import { z } from "zod";
import { idSchema } from "@/server/core/ids";
import { pageLimitSchema } from "@/server/core/pagination";
import {
  CreateEndpointSchema,
  DeliveryFilterSchema,
  EndpointFilterSchema,
  EventFilterSchema,
  ReplayFilterSchema,
  ReplayManySchema,
  UpdateEndpointSchema,
} from "@/server/domain/webhooks/schema";
import {
  countDeliveriesByStatus,
  createEndpoint,
  deleteEndpoint,
  getDelivery,
  getEndpointRecord,
  getEventRecord,
  getReplay,
  listDeliveries,
  listEndpointRecords,
  listEventRecords,
  listReplays,
  previewReplay,
  replayDeliveries,
  replayDelivery,
  rotateEndpointSecret,
  sendTestEvent,
  startReplay,
  updateEndpoint,
} from "@/server/domain/webhooks/service";
import { router, withPermission } from "../init";

const endpointInput = z.strictObject({ id: idSchema("webhookEndpoint") });
const deliveryInput = z.strictObject({ id: idSchema("webhookDelivery") });
const page = { limit: pageLimitSchema, cursor: z.string().max(200).nullish() };

/** Receivers of webhooks and what was sent to them. */
export const webhooksRouter = router({
  endpoints: router({
    list: withPermission("webhooks:read")
      .input(z.strictObject({ filter: EndpointFilterSchema.default({}), ...page }))
      .query(({ ctx, input }) => listEndpointRecords(ctx, input.filter, input)),
    get: withPermission("webhooks:read")
      .input(endpointInput)
      .query(({ ctx, input }) => getEndpointRecord(ctx, input.id)),
    /** `partner` is needed by those who see more than one. The answer holds the secret, this once. */
    create: withPermission("webhooks:write")
      .input(CreateEndpointSchema.extend({ partner: idSchema("partner").optional() }))
      .mutation(({ ctx, input: { partner, ...input } }) => createEndpoint(ctx, input, partner)),
    update: withPermission("webhooks:write")
      .input(UpdateEndpointSchema.extend({ id: idSchema("webhookEndpoint") }))
      .mutation(({ ctx, input: { id, ...input } }) => updateEndpoint(ctx, id, input)),
    rotateSecret: withPermission("webhooks:write")
      .input(endpointInput)
      .mutation(({ ctx, input }) => rotateEndpointSecret(ctx, input.id)),
    delete: withPermission("webhooks:write")
      .input(endpointInput)
      .mutation(({ ctx, input }) => deleteEndpoint(ctx, input.id)),
    test: withPermission("webhooks:write")
      .input(endpointInput)
      .mutation(({ ctx, input }) => sendTestEvent(ctx, input.id)),
  }),
  deliveries: router({
    list: withPermission("webhooks:read")
      .input(z.strictObject({ filter: DeliveryFilterSchema.default({}), ...page }))
      .query(({ ctx, input }) => listDeliveries(ctx, input.filter, input)),
    /** Rows of the filter by state, for the links above the list. */
    counts: withPermission("webhooks:read")
      .input(z.strictObject({ filter: DeliveryFilterSchema.default({}) }))
      .query(({ ctx, input }) => countDeliveriesByStatus(ctx, input.filter)),
    get: withPermission("webhooks:read")
      .input(deliveryInput)
      .query(({ ctx, input }) => getDelivery(ctx, input.id)),
    replay: withPermission("webhooks:write")
      .input(deliveryInput)
      .mutation(({ ctx, input }) => replayDelivery(ctx, input.id)),
    /** Up to 100 that were picked. */
    replayMany: withPermission("webhooks:write")
      .input(ReplayManySchema)
      .mutation(({ ctx, input }) => replayDeliveries(ctx, input.ids)),
  }),
  /** All deliveries of a filter once more, in the background. */
  replays: router({
    preview: withPermission("webhooks:write")
      .input(ReplayFilterSchema)
      .query(({ ctx, input }) => previewReplay(ctx, input)),
    start: withPermission("webhooks:write")
      .input(ReplayFilterSchema)
      .mutation(({ ctx, input }) => startReplay(ctx, input)),
    list: withPermission("webhooks:read")
      .input(z.strictObject({ endpoint: idSchema("webhookEndpoint").optional(), ...page }))
      .query(({ ctx, input: { endpoint, ...paging } }) => listReplays(ctx, { endpoint }, paging)),
    get: withPermission("webhooks:read")
      .input(z.strictObject({ id: idSchema("webhookReplay") }))
      .query(({ ctx, input }) => getReplay(ctx, input.id)),
  }),
  events: router({
    list: withPermission("webhooks:read")
      .input(z.strictObject({ filter: EventFilterSchema.default({}), ...page }))
      .query(({ ctx, input }) => listEventRecords(ctx, input.filter, input)),
    get: withPermission("webhooks:read")
      .input(z.strictObject({ id: idSchema("event") }))
      .query(({ ctx, input }) => getEventRecord(ctx, input.id)),
  }),
});
