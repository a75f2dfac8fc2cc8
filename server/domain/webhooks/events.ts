import { requirePermission, type ServiceContext } from "@/server/context";
import { type ListPage, type Page, toListPage, toPage } from "@/server/core/pagination";
import { addMs, DAY_MS } from "@/server/core/time";
import { isCoarse, noEvent, type PageInput, pageOf } from "./common";
import { maskBody } from "./mask";
import { presentDeliveryRecord, presentEventRecord } from "./present";
import { renderBody } from "./render";
import * as repository from "./repository";
import * as events from "./repository-events";
import {
  EVENTS_READABLE_DAYS,
  type EventDetail,
  type EventFilter,
  type EventRecord,
  type PublicEvent,
  PublicEventSchema,
} from "./schema";

/* Events as Partners can read them, for 30 days, whether or not an endpoint heard of them. */

const DELIVERIES_SHOWN = 50;
const readableFrom = (ctx: ServiceContext): Date => addMs(ctx.clock.now(), -EVENTS_READABLE_DAYS * DAY_MS);

function bodyOf(ctx: ServiceContext, row: events.EventRow): string {
  return renderBody(ctx, {
    eventId: row.id,
    eventType: row.type,
    eventCreatedAt: row.createdAt,
    mode: row.mode === "live" ? "live" : "test",
    sequence: row.sequence,
    subjectKind: row.subjectKind,
    payload: row.payload,
  });
}
const publicOf = (ctx: ServiceContext, row: events.EventRow): PublicEvent =>
  PublicEventSchema.parse(JSON.parse(bodyOf(ctx, row)));

/**
 * Lists events of the last 30 days, newest first, each as it is delivered.
 *
 * Errors: permission_denied, validation_failed (cursor).
 */
export async function listEvents(
  ctx: ServiceContext,
  filter: EventFilter,
  page: PageInput,
): Promise<Page<PublicEvent>> {
  requirePermission(ctx, "webhooks:read");
  const rows = toPage(
    await events.findEvents(ctx.db.prisma, ctx.scope, filter, pageOf(page), readableFrom(ctx)),
    page.limit,
  );
  return { ...rows, data: rows.data.map((row) => publicOf(ctx, row)) };
}

/** One event of the last 30 days, as it is delivered. Errors: permission_denied, not_found. */
export async function getEvent(ctx: ServiceContext, id: string): Promise<PublicEvent> {
  requirePermission(ctx, "webhooks:read");
  const row = await events.findEvent(ctx.db.prisma, ctx.scope, id, readableFrom(ctx));
  if (!row) throw noEvent();
  return publicOf(ctx, row);
}

/**
 * Lists events for screens: with their Partner and how their deliveries stand.
 *
 * Errors: permission_denied, validation_failed (cursor).
 */
export async function listEventRecords(
  ctx: ServiceContext,
  filter: EventFilter,
  page: PageInput,
): Promise<ListPage<EventRecord>> {
  requirePermission(ctx, "webhooks:read");
  const from = readableFrom(ctx);
  const [rows, total] = await Promise.all([
    events.findEvents(ctx.db.prisma, ctx.scope, filter, pageOf(page), from),
    events.countEvents(ctx.db.prisma, ctx.scope, filter, from),
  ]);
  const list = toListPage(rows, page.limit, total);
  const counts = await events.countDeliveriesOf(
    ctx.db,
    ctx.scope,
    list.items.map((row) => row.id),
  );
  return { ...list, items: list.items.map((row) => presentEventRecord(row, counts.get(row.id))) };
}

/** One event for screens, with its body masked and its deliveries. Errors: permission_denied, not_found. */
export async function getEventRecord(ctx: ServiceContext, id: string): Promise<EventDetail> {
  requirePermission(ctx, "webhooks:read");
  const row = await events.findEvent(ctx.db.prisma, ctx.scope, id, readableFrom(ctx));
  if (!row) throw noEvent();
  const [counts, deliveries] = await Promise.all([
    events.countDeliveriesOf(ctx.db, ctx.scope, [id]),
    repository.findDeliveries(ctx.db.prisma, ctx.scope, { event: id }, { limit: DELIVERIES_SHOWN - 1, cursor: null }),
  ]);
  return {
    ...presentEventRecord(row, counts.get(id)),
    body: maskedBody(ctx, row),
    deliveries_made: deliveries.map((delivery) => presentDeliveryRecord(delivery, isCoarse(ctx))),
  };
}

function maskedBody(ctx: ServiceContext, row: events.EventRow): Record<string, unknown> | null {
  try {
    return maskBody(bodyOf(ctx, row));
  } catch (error) {
    ctx.log.warn({ error, eventId: row.id }, "the body of an event could not be made for a screen");
    return null;
  }
}
