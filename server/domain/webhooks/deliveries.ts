import { requirePermission, type ServiceContext } from "@/server/context";
import { type ListPage, type Page, toListPage, toPage } from "@/server/core/pagination";
import { isCoarse, noDelivery, noEndpoint, type PageInput, pageOf } from "./common";
import { maskBody } from "./mask";
import { presentDelivery, presentDeliveryDetail, presentDeliveryRecord } from "./present";
import { renderBody } from "./render";
import * as repository from "./repository";
import {
  DELIVERY_STATUSES,
  type DeliveryCounts,
  type DeliveryDetail,
  type DeliveryFilter,
  type DeliveryRecord,
  type PublicDelivery,
} from "./schema";
import { openHeaders } from "./secrets";
import { USER_AGENT } from "./send";

const MASK = "•••";

/**
 * Lists deliveries, newest first.
 *
 * Errors: permission_denied, validation_failed (cursor).
 */
export async function listDeliveries(
  ctx: ServiceContext,
  filter: DeliveryFilter,
  page: PageInput,
): Promise<ListPage<DeliveryRecord>> {
  requirePermission(ctx, "webhooks:read");
  const [rows, total] = await Promise.all([
    repository.findDeliveries(ctx.db.prisma, ctx.scope, filter, pageOf(page)),
    repository.countDeliveries(ctx.db.prisma, ctx.scope, filter),
  ]);
  const list = toListPage(rows, page.limit, total);
  return { ...list, items: list.items.map((row) => presentDeliveryRecord(row, isCoarse(ctx))) };
}

/** Rows of the filter by state, whatever state it names. Errors: permission_denied. */
export async function countDeliveriesByStatus(ctx: ServiceContext, filter: DeliveryFilter): Promise<DeliveryCounts> {
  requirePermission(ctx, "webhooks:read");
  const [pending, delivered, failed] = await Promise.all(
    DELIVERY_STATUSES.map((status) =>
      repository.countDeliveries(ctx.db.prisma, ctx.scope, { ...filter, status: [status] }),
    ),
  );
  return { pending: pending ?? 0, delivered: delivered ?? 0, failed: failed ?? 0 };
}

/**
 * What an endpoint was and is owed, newest first, as Partners see it.
 *
 * Errors: permission_denied, not_found (endpoint), validation_failed (cursor).
 */
export async function listEndpointDeliveries(
  ctx: ServiceContext,
  endpointId: string,
  filter: Omit<DeliveryFilter, "endpoint" | "partner">,
  page: PageInput,
): Promise<Page<PublicDelivery>> {
  requirePermission(ctx, "webhooks:read");
  if (!(await repository.findEndpoint(ctx.db.prisma, ctx.scope, endpointId))) throw noEndpoint();
  const rows = await repository.findDeliveries(
    ctx.db.prisma,
    ctx.scope,
    { ...filter, endpoint: endpointId },
    pageOf(page),
  );
  const list = toPage(rows, page.limit);
  return {
    ...list,
    data: list.data.map((row) => presentDelivery({ ...row, mode: row.mode === "live" ? "live" : "test" })),
  };
}

/** One delivery as Partners see it. Errors: permission_denied, not_found. */
export async function getPublicDelivery(ctx: ServiceContext, id: string): Promise<PublicDelivery> {
  requirePermission(ctx, "webhooks:read");
  const row = await repository.findDelivery(ctx.db.prisma, ctx.scope, id);
  if (!row) throw noDelivery();
  return presentDelivery({ ...row, mode: row.mode === "live" ? "live" : "test" });
}

/**
 * One delivery with every attempt and what is sent with it. Those who see only some Partners read one word for all
 * attempts that no answer came from.
 *
 * Errors: permission_denied, not_found.
 */
export async function getDelivery(ctx: ServiceContext, id: string): Promise<DeliveryDetail> {
  requirePermission(ctx, "webhooks:read");
  const row = await repository.findDelivery(ctx.db.prisma, ctx.scope, id);
  if (!row) throw noDelivery();
  const body = bodyOf(ctx, row);
  return presentDeliveryDetail(row, {
    isCoarse: isCoarse(ctx),
    body,
    request:
      body === null
        ? null
        : { method: "POST", url: row.endpoint.url, headers: headersOf(ctx, row), body: maskBody(body) },
  });
}

/** The body as it is sent, made again from the event; null when that fails, as the attempts then tell. */
function bodyOf(ctx: ServiceContext, row: repository.DeliveryDetailRow): string | null {
  try {
    return renderBody(ctx, {
      eventId: row.eventId,
      eventType: row.eventType,
      eventCreatedAt: row.event.createdAt,
      mode: row.mode === "live" ? "live" : "test",
      sequence: row.sequence,
      subjectKind: row.event.subjectKind,
      payload: row.event.payload,
    });
  } catch (error) {
    ctx.log.warn({ error, deliveryId: row.id }, "the body of a webhook could not be made for a screen");
    return null;
  }
}

/** The headers of the last try, or of the one to come: names of the Partner's own with their values masked. */
function headersOf(ctx: ServiceContext, row: repository.DeliveryDetailRow): Record<string, string> {
  const last = row.tries.at(-1);
  const own = openHeaders(ctx.secrets, { id: row.endpointId, partnerId: row.partnerId }, row.endpoint.headersSecret);
  return {
    ...Object.fromEntries(Object.keys(own).map((name) => [name, MASK])),
    "webhook-id": row.eventId,
    ...(last ? { "webhook-timestamp": String(Math.floor(last.createdAt.getTime() / 1000)) } : {}),
    "webhook-signature": `v1,${MASK}`,
    "content-type": "application/json",
    "user-agent": USER_AGENT,
    accept: "*/*",
  };
}
