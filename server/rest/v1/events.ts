import { z } from "zod";
import { idSchema } from "@/server/core/ids";
import { PublicEventSchema } from "@/server/domain/webhooks/schema";
import { getEvent, listEvents } from "@/server/domain/webhooks/service";
import { EVENT_TYPES } from "@/server/events/catalog";
import { defineEndpoint, type Endpoint } from "../endpoint";
import { queryList } from "../validation";
import { listSchema, moment, pageQuery, toList, toPageRequest } from "./shared";

const tag = "Events";
const EventSchema = PublicEventSchema.meta({ id: "Event" });

export const eventEndpoints: readonly Endpoint[] = [
  defineEndpoint({
    method: "GET",
    path: "/api/v1/events",
    operation: "listEvents",
    summary: "List events of the last 30 days, newest first",
    description:
      "Each as webhooks deliver it, whether or not an endpoint heard of it. `object` is the id of a payment, refund …",
    tag,
    access: "key",
    scope: "webhooks:read",
    query: z.strictObject({
      ...pageQuery,
      type: queryList(EVENT_TYPES).optional(),
      object: z.string().min(1).max(40).optional(),
      created_from: moment.optional(),
      created_to: moment.optional(),
    }),
    responses: { 200: { description: "A page of events", schema: listSchema(EventSchema).meta({ id: "EventList" }) } },
    handle: ({ ctx, query: { limit, cursor, ...filter } }) => listEvents(ctx, filter, toPageRequest({ limit, cursor })),
    answer: (page) => ({ status: 200, json: toList(page) }),
  }),
  defineEndpoint({
    method: "GET",
    path: "/api/v1/events/{id}",
    operation: "getEvent",
    summary: "Read an event of the last 30 days",
    tag,
    access: "key",
    scope: "webhooks:read",
    params: z.strictObject({ id: idSchema("event") }),
    responses: { 200: { description: "The event", schema: EventSchema } },
    handle: ({ ctx, params: { id } }) => getEvent(ctx, id),
    answer: (event) => ({ status: 200, json: event }),
  }),
];
