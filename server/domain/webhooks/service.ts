import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { type ListPage, type Page, toListPage, toPage } from "@/server/core/pagination";
import { addMs, DAY_MS } from "@/server/core/time";
import { violatedConstraint } from "@/server/db/client";
import { once } from "@/server/db/idempotency";
import { appendAudit } from "@/server/domain/audit/service";
import { noEndpoint, type PageInput, pageOf, partnerOf } from "./common";
import { presentDelivery, presentEndpoint, presentEndpointRecord } from "./present";
import * as repository from "./repository";
import type {
  CreateEndpointInput,
  EndpointFilter,
  EndpointRecord,
  PublicDelivery,
  PublicEndpoint,
  UpdateEndpointInput,
} from "./schema";
import { openHeaders, sealHeaders, sealSecret } from "./secrets";
import { newWebhookSecret, ROTATION_MS } from "./signature";
import { requireAllowedUrl, urlPolicy } from "./url-guard";

// biome-ignore lint/performance/noBarrelFile: a service that outgrew one file is split by use case, and this is its one door
export { deliverDue, stopDeliveries, wakeDeliveries } from "./deliver";
export {
  countDeliveriesByStatus,
  getDelivery,
  getPublicDelivery,
  listDeliveries,
  listEndpointDeliveries,
} from "./deliveries";
export { getEvent, getEventRecord, listEventRecords, listEvents } from "./events";
export { fetchPicture } from "./fetch-picture";
export { sendNotices } from "./notices";
export { giveUpStranded } from "./queue";
export { relayAll, relayOutbox } from "./relay";
export {
  continueReplays,
  getReplay,
  listReplays,
  previewReplay,
  replayDeliveries,
  replayDelivery,
  startReplay,
} from "./replays";
export { urlPolicy } from "./url-guard";

const ENDPOINTS_MAX = 50;
export type EndpointWithSecret = { endpoint: PublicEndpoint; secret: string };

const auditFacts = (endpoint: repository.StoredEndpoint): Record<string, unknown> => ({
  url: endpoint.url,
  events: endpoint.events,
  description: endpoint.description,
  ordered: endpoint.ordered,
  status: endpoint.state,
});

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
  return { ...list, items: await recordsOf(ctx, list.items) };
}

async function recordsOf(ctx: ServiceContext, rows: readonly repository.EndpointRow[]): Promise<EndpointRecord[]> {
  const now = ctx.clock.now();
  const ids = rows.map((row) => row.id);
  const health = await repository.findHealth(ctx.db, ctx.scope, ids, addMs(now, -DAY_MS));
  return rows.map((row) =>
    presentEndpointRecord(row, {
      headerNames: Object.keys(openHeaders(ctx.secrets, row, row.headersSecret)),
      health: health.get(row.id),
      now,
    }),
  );
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
  const [record] = row ? await recordsOf(ctx, [row]) : [];
  if (!record) throw noEndpoint();
  return record;
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
    if (changed.state === "ENABLED" && row.state === "DISABLED") await repository.clearAlarm(tx, id, ctx.actor.id, now);
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
    await repository.clearAlarm(tx, id, ctx.actor.id, now);
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
