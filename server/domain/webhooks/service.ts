import { requirePermission, type ServiceContext, type Services } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { decodeCursor, type ListPage, type Page, toListPage, toPage } from "@/server/core/pagination";
import type { Mode } from "@/server/core/schema";
import { addMs } from "@/server/core/time";
import { type Transaction, violatedConstraint } from "@/server/db/client";
import { claimKey, storeAnswer } from "@/server/db/idempotency";
import { appendAudit } from "@/server/domain/audit/service";
import { ensureWebhookSubscription } from "@/server/klarna/subscriptions";
import * as deliver from "./deliver";
import {
  presentDelivery,
  presentDeliveryDetail,
  presentDeliveryRecord,
  presentEndpoint,
  presentEndpointRecord,
} from "./present";
import * as relay from "./relay";
import * as repository from "./repository";
import type {
  CreateEndpointInput,
  DeliveryDetail,
  DeliveryFilter,
  DeliveryRecord,
  EndpointFilter,
  EndpointRecord,
  PublicDelivery,
  PublicEndpoint,
  UpdateEndpointInput,
} from "./schema";
import { openHeaders, sealHeaders, sealSecret } from "./secrets";
import { newWebhookSecret, ROTATION_MS } from "./signature";
import { requireAllowedUrl, urlPolicy } from "./url-guard";

const ENDPOINTS_MAX = 50;
type PageInput = { limit: number; cursor?: string | null };
export type EndpointWithSecret = { endpoint: PublicEndpoint; secret: string };

const noEndpoint = (): AppError => new AppError("not_found", { detail: "There is no such webhook endpoint." });
const noDelivery = (): AppError => new AppError("not_found", { detail: "There is no such webhook delivery." });
const pageOf = (page: PageInput): repository.PageRequest => ({
  limit: page.limit,
  cursor: page.cursor ? decodeCursor(page.cursor) : null,
});
const auditFacts = (endpoint: repository.StoredEndpoint): Record<string, unknown> => ({
  url: endpoint.url,
  events: endpoint.events,
  description: endpoint.description,
  ordered: endpoint.ordered,
  status: endpoint.state,
});

/** The Partner that a new thing is for: the only one of the scope, or the one that was named. */
function partnerOf(ctx: ServiceContext, partnerId: string | undefined): string {
  const { partners } = ctx.scope;
  if (partners !== "all" && partnerId === undefined && partners.length === 1 && partners[0]) return partners[0];
  if (partnerId === undefined)
    throw new AppError("validation_failed", { errors: [{ pointer: "/partner", detail: "name the Partner" }] });
  if (partners !== "all" && !partners.includes(partnerId)) throw new AppError("not_found");
  return partnerId;
}

/** Claims the caller's idempotency key for what is about to be made, and keeps the answer with it. */
async function once<T>(ctx: ServiceContext, resourceId: string, work: (tx: Transaction) => Promise<T>): Promise<T> {
  return ctx.db.transaction(async (tx) => {
    if (ctx.idempotency) await claimKey(tx, ctx.idempotency, resourceId, ctx.clock.now());
    const made = await work(tx);
    if (ctx.idempotency) await storeAnswer(tx, ctx.secrets, ctx.idempotency, made);
    return made;
  });
}

/**
 * Adds a receiver of a Partner's events in the mode of the context.
 *
 * `partnerId` is needed where the scope is more than one Partner. The secret signs every delivery; it is answered here
 * once and stored encrypted.
 * Errors: permission_denied, validation_failed, not_found (Partner), url_not_allowed, rule_broken (more than 50);
 * IdempotencyConflict.
 */
export async function createEndpoint(
  ctx: ServiceContext,
  input: CreateEndpointInput,
  partnerId?: string,
): Promise<EndpointWithSecret> {
  requirePermission(ctx, "webhooks:write");
  const owner = { id: newId("webhookEndpoint"), partnerId: partnerOf(ctx, partnerId) };
  await requireAllowedUrl(input.url, urlPolicy(ctx.scope.mode, ctx.env));
  const now = ctx.clock.now();
  const secret = newWebhookSecret();
  const row: repository.StoredEndpoint = {
    ...owner,
    mode: ctx.scope.mode,
    url: input.url,
    events: input.events,
    description: input.description ?? null,
    headersSecret: sealHeaders(ctx.secrets, owner, input.headers ?? {}),
    ordered: input.ordered,
    state: "ENABLED",
    secret: sealSecret(ctx.secrets, owner, secret),
    createdAt: now,
    updatedAt: now,
  };
  try {
    return await once(ctx, row.id, async (tx) => {
      if (!(await repository.insertEndpoint(tx, ctx.scope, row, ENDPOINTS_MAX))) {
        throw new AppError("rule_broken", { detail: `A Partner can have ${ENDPOINTS_MAX} webhook endpoints.` });
      }
      await appendAudit(tx, ctx, {
        action: "webhook_endpoint.created",
        subjectKind: "webhook_endpoint",
        subjectId: row.id,
        partnerId: row.partnerId,
        after: auditFacts(row),
      });
      return { endpoint: presentEndpoint(row), secret };
    });
  } catch (error) {
    if (violatedConstraint(error) === "webhook_endpoints_partner_id_mode_fkey")
      throw new AppError("not_found", { detail: "There is no such Partner.", cause: error });
    throw error;
  }
}

/**
 * Lists endpoints, newest first, as Partners see them.
 *
 * Errors: permission_denied, validation_failed (cursor).
 */
export async function listEndpoints(ctx: ServiceContext, page: PageInput): Promise<Page<PublicEndpoint>> {
  requirePermission(ctx, "webhooks:read");
  const rows = toPage(await repository.findEndpoints(ctx.db.prisma, ctx.scope, {}, pageOf(page)), page.limit);
  return { ...rows, data: rows.data.map(presentEndpoint) };
}

/**
 * Lists endpoints for screens: with their Partner, health and the names of their headers.
 *
 * Errors: permission_denied, validation_failed (cursor).
 */
export async function listEndpointRecords(
  ctx: ServiceContext,
  filter: EndpointFilter,
  page: PageInput,
): Promise<ListPage<EndpointRecord>> {
  requirePermission(ctx, "webhooks:read");
  const [rows, total] = await Promise.all([
    repository.findEndpoints(ctx.db.prisma, ctx.scope, filter, pageOf(page)),
    repository.countEndpoints(ctx.db.prisma, ctx.scope, filter),
  ]);
  const list = toListPage(rows, page.limit, total);
  return { ...list, items: list.items.map((row) => recordOf(ctx, row)) };
}

function recordOf(ctx: ServiceContext, row: repository.EndpointRow): EndpointRecord {
  return presentEndpointRecord(row, Object.keys(openHeaders(ctx.secrets, row, row.headersSecret)));
}

/** Errors: permission_denied, not_found. */
export async function getEndpoint(ctx: ServiceContext, id: string): Promise<PublicEndpoint> {
  requirePermission(ctx, "webhooks:read");
  const row = await repository.findEndpoint(ctx.db.prisma, ctx.scope, id);
  if (!row) throw noEndpoint();
  return presentEndpoint(row);
}

/** One endpoint for screens. Errors: permission_denied, not_found. */
export async function getEndpointRecord(ctx: ServiceContext, id: string): Promise<EndpointRecord> {
  requirePermission(ctx, "webhooks:read");
  const row = await repository.findEndpoint(ctx.db.prisma, ctx.scope, id);
  if (!row) throw noEndpoint();
  return recordOf(ctx, row);
}

/**
 * Changes what is named of an endpoint. Switching it off gives up what it is still owed (open to a replay); switching it
 * on forgets its failures.
 *
 * Errors: permission_denied, not_found, url_not_allowed.
 */
export async function updateEndpoint(
  ctx: ServiceContext,
  id: string,
  input: UpdateEndpointInput,
): Promise<PublicEndpoint> {
  requirePermission(ctx, "webhooks:write");
  if (input.url !== undefined) await requireAllowedUrl(input.url, urlPolicy(ctx.scope.mode, ctx.env));
  return ctx.db.transaction(async (tx) => {
    const row = await repository.lockEndpoint(tx, ctx.scope, id);
    if (!row) throw noEndpoint();
    const now = ctx.clock.now();
    const changed: repository.StoredEndpoint = {
      ...row,
      url: input.url ?? row.url,
      events: input.events ?? row.events,
      description: input.description === undefined ? row.description : input.description,
      headersSecret:
        input.headers === undefined ? row.headersSecret : sealHeaders(ctx.secrets, row, input.headers ?? {}),
      ordered: input.ordered ?? row.ordered,
      state: input.status === undefined ? row.state : input.status === "enabled" ? "ENABLED" : "DISABLED",
      updatedAt: now,
    };
    await repository.updateEndpoint(tx, ctx.scope, changed, "by_hand");
    if (changed.state === "DISABLED" && row.state === "ENABLED")
      await repository.giveUpDeliveries(tx, ctx.scope, id, now);
    await appendAudit(tx, ctx, {
      action: "webhook_endpoint.updated",
      subjectKind: "webhook_endpoint",
      subjectId: id,
      partnerId: row.partnerId,
      before: auditFacts(row),
      after: auditFacts(changed),
    });
    return presentEndpoint(changed);
  });
}

/**
 * Gives an endpoint a new secret, answered once. For a day deliveries carry a signature by each of the two.
 *
 * Errors: permission_denied, not_found; IdempotencyConflict.
 */
export async function rotateEndpointSecret(ctx: ServiceContext, id: string): Promise<EndpointWithSecret> {
  requirePermission(ctx, "webhooks:write");
  return once(ctx, id, async (tx) => {
    const row = await repository.lockEndpoint(tx, ctx.scope, id);
    if (!row) throw noEndpoint();
    const now = ctx.clock.now();
    const secret = newWebhookSecret();
    await repository.rotateSecret(tx, ctx.scope, {
      id,
      secret: sealSecret(ctx.secrets, row, secret),
      previousUntil: addMs(now, ROTATION_MS),
      now,
    });
    await appendAudit(tx, ctx, {
      action: "webhook_endpoint.secret_rotated",
      subjectKind: "webhook_endpoint",
      subjectId: id,
      partnerId: row.partnerId,
    });
    return { endpoint: presentEndpoint({ ...row, updatedAt: now }), secret };
  });
}

/**
 * Removes an endpoint. Its deliveries stay readable; what it was still owed is given up.
 *
 * Errors: permission_denied, not_found.
 */
export async function deleteEndpoint(ctx: ServiceContext, id: string): Promise<void> {
  requirePermission(ctx, "webhooks:write");
  await ctx.db.transaction(async (tx) => {
    const row = await repository.lockEndpoint(tx, ctx.scope, id);
    if (!row) throw noEndpoint();
    const now = ctx.clock.now();
    await repository.markDeleted(tx, ctx.scope, id, now);
    await repository.giveUpDeliveries(tx, ctx.scope, id, now);
    await appendAudit(tx, ctx, {
      action: "webhook_endpoint.deleted",
      subjectKind: "webhook_endpoint",
      subjectId: id,
      partnerId: row.partnerId,
      before: auditFacts(row),
    });
  });
}

/**
 * Sends a `webhook_endpoint.test` event to this endpoint only, whatever it subscribes to, by the way of every other event.
 *
 * Errors: permission_denied, not_found, state_conflict (switched off); IdempotencyConflict.
 */
export async function sendTestEvent(ctx: ServiceContext, id: string): Promise<PublicDelivery> {
  requirePermission(ctx, "webhooks:write");
  const eventId = newId("event");
  const delivery = await once(ctx, eventId, async (tx) => {
    const row = await repository.lockEndpoint(tx, ctx.scope, id);
    if (!row) throw noEndpoint();
    const made = await repository.insertTestEvent(tx, ctx.scope, {
      eventId,
      deliveryId: newId("webhookDelivery"),
      endpointId: id,
      payload: { object: presentEndpoint(row) },
      now: ctx.clock.now(),
    });
    if (!made) throw new AppError("state_conflict", { detail: "The webhook endpoint is switched off." });
    await appendAudit(tx, ctx, {
      action: "webhook_endpoint.tested",
      subjectKind: "webhook_endpoint",
      subjectId: id,
      partnerId: row.partnerId,
    });
    return presentDelivery(made);
  });
  ctx.nudge("deliveries");
  return delivery;
}

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
  return { ...list, items: list.items.map(presentDeliveryRecord) };
}

/** One delivery with every attempt. Errors: permission_denied, not_found. */
export async function getDelivery(ctx: ServiceContext, id: string): Promise<DeliveryDetail> {
  requirePermission(ctx, "webhooks:read");
  const row = await repository.findDelivery(ctx.db.prisma, ctx.scope, id);
  if (!row) throw noDelivery();
  return presentDeliveryDetail(row);
}

/**
 * Sends a delivered or failed delivery once more: the same event id, so that the receiver can tell.
 *
 * Errors: permission_denied, not_found, state_conflict (still pending, or the endpoint is off); IdempotencyConflict.
 */
export async function replayDelivery(ctx: ServiceContext, id: string): Promise<PublicDelivery> {
  requirePermission(ctx, "webhooks:write");
  if (!(await repository.findDelivery(ctx.db.prisma, ctx.scope, id))) throw noDelivery();
  const delivery = await once(ctx, id, async (tx) => {
    const reopened = await repository.reopenDelivery(tx, ctx.scope, id, ctx.clock.now());
    if (!reopened)
      throw new AppError("state_conflict", {
        detail: "The delivery is still pending or its endpoint is switched off.",
      });
    await appendAudit(tx, ctx, {
      action: "webhook_delivery.replayed",
      subjectKind: "webhook_delivery",
      subjectId: id,
      partnerId: reopened.partnerId,
    });
    return presentDelivery(reopened);
  });
  ctx.nudge("deliveries");
  return delivery;
}

/** Background work, for the functions: see relay and deliver. */
export const relayOutbox = relay.relayOutbox;
export const relayAll = relay.relayAll;
export const deliverDue = deliver.deliverDue;
export const wakeDeliveries = deliver.wakeDeliveries;
export const stopDeliveries = deliver.stopDeliveries;

/** Makes sure that Klarna sends its events of this mode to our listener. Answers what was done: kept, repaired, created. */
export async function keepKlarnaSubscription(services: Services, mode: Mode): Promise<string> {
  return (await ensureWebhookSubscription(services, mode)).outcome;
}
