import { requirePermission, type ServiceContext, type Services, systemContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { decodeCursor, type ListPage, toListPage } from "@/server/core/pagination";
import { once } from "@/server/db/idempotency";
import { appendAudit } from "@/server/domain/audit/service";
import { noDelivery, noEndpoint, type PageInput, partnerOf } from "./common";
import { presentDelivery, presentReplay } from "./present";
import * as repository from "./repository";
import * as replays from "./repository-replays";
import {
  type PublicDelivery,
  REPLAY_COUNT_MAX,
  type ReplayFilter,
  type ReplayManyResult,
  type ReplayPreview,
  type ReplayRecord,
} from "./schema";

/*
 * Sending once more. One delivery and a handful are reopened at once; all that match a filter are a row that the
 * background works off in batches. A replay keeps delivery and event ids, and starts the schedule of tries anew.
 */

const BATCH = 500;

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

/**
 * Sends named deliveries once more. Those that are on their way already or whose endpoint is off are skipped; each that
 * is sent has its own audit entry.
 *
 * Errors: permission_denied, not_found (any of them).
 */
export async function replayDeliveries(ctx: ServiceContext, ids: readonly string[]): Promise<ReplayManyResult> {
  requirePermission(ctx, "webhooks:write");
  const wanted = [...new Set(ids)];
  const reopened = await ctx.db.transaction(async (tx) => {
    if ((await replays.countKnown(tx, ctx.scope, wanted)) < wanted.length) throw noDelivery();
    const rows = await replays.reopenMany(tx, ctx.scope, wanted, ctx.clock.now());
    for (const row of rows) {
      await appendAudit(tx, ctx, {
        action: "webhook_delivery.replayed",
        subjectKind: "webhook_delivery",
        subjectId: row.id,
        partnerId: row.partnerId,
      });
    }
    return rows.length;
  });
  if (reopened > 0) ctx.nudge("deliveries");
  return { replayed: reopened, skipped: wanted.length - reopened };
}

/**
 * How many deliveries `startReplay` with this filter would send once more now.
 *
 * Errors: permission_denied, validation_failed (no Partner named), not_found (endpoint or Partner).
 */
export async function previewReplay(ctx: ServiceContext, filter: ReplayFilter): Promise<ReplayPreview> {
  requirePermission(ctx, "webhooks:write");
  return replays.countWanted(ctx.db, ctx.scope, await wantedOf(ctx, filter), REPLAY_COUNT_MAX);
}

/**
 * Has every delivery of a filter sent once more, oldest first, by the background. Deliveries of endpoints that are off
 * are counted as skipped; what settles after this moment is not touched.
 *
 * Errors: permission_denied, validation_failed (no Partner named), not_found (endpoint or Partner), state_conflict
 * (nothing matches, or the endpoint is off).
 */
export async function startReplay(ctx: ServiceContext, filter: ReplayFilter): Promise<ReplayRecord> {
  requirePermission(ctx, "webhooks:write");
  const wanted = await wantedOf(ctx, filter);
  const id = newId("webhookReplay");
  await ctx.db.transaction(async (tx) => {
    const { count, held } = await replays.countWanted(tx, ctx.scope, wanted, REPLAY_COUNT_MAX);
    if (count === 0) throw new AppError("state_conflict", { detail: "No delivery matches." });
    if (held === count)
      throw new AppError("state_conflict", { detail: "The webhook endpoint is switched off. Switch it on first." });
    await replays.insertReplay(tx, ctx.scope, {
      ...wanted,
      id,
      expected: count,
      requestedBy: ctx.actor.id,
      now: ctx.clock.now(),
    });
    await appendAudit(tx, ctx, {
      action: "webhook_replay.started",
      subjectKind: "webhook_replay",
      subjectId: id,
      partnerId: wanted.partnerId,
      after: {
        id: wanted.endpointId,
        state: wanted.statuses,
        event: wanted.eventTypes,
        from: wanted.createdFrom,
        to: wanted.createdTo,
        expected: count,
      },
    });
  });
  ctx.nudge("replays");
  return getReplay(ctx, id);
}

async function wantedOf(ctx: ServiceContext, filter: ReplayFilter): Promise<replays.ReplayWanted> {
  const endpoint = filter.endpoint ? await repository.findEndpoint(ctx.db.prisma, ctx.scope, filter.endpoint) : null;
  if (filter.endpoint && !endpoint) throw noEndpoint();
  if (endpoint && filter.partner !== undefined && filter.partner !== endpoint.partnerId) throw noEndpoint();
  return {
    partnerId: endpoint?.partnerId ?? partnerOf(ctx, filter.partner),
    mode: ctx.scope.mode,
    endpointId: endpoint?.id ?? null,
    statuses: filter.statuses.map((status) => status.toUpperCase()),
    eventTypes: filter.types,
    createdFrom: filter.created_from === undefined ? null : new Date(filter.created_from),
    createdTo: filter.created_to === undefined ? null : new Date(filter.created_to),
  };
}

/** Replays of many, newest first. Errors: permission_denied, validation_failed (cursor). */
export async function listReplays(
  ctx: ServiceContext,
  filter: { endpoint?: string | undefined },
  page: PageInput,
): Promise<ListPage<ReplayRecord>> {
  requirePermission(ctx, "webhooks:read");
  const cursor = page.cursor ? decodeCursor(page.cursor) : null;
  const [rows, total] = await Promise.all([
    replays.findReplays(ctx.db.prisma, ctx.scope, filter, { limit: page.limit, cursor }),
    replays.countReplays(ctx.db.prisma, ctx.scope, filter),
  ]);
  const list = toListPage(rows, page.limit, total);
  return { ...list, items: list.items.map(presentReplay) };
}

/** One replay and how far it is. Errors: permission_denied, not_found. */
export async function getReplay(ctx: ServiceContext, id: string): Promise<ReplayRecord> {
  requirePermission(ctx, "webhooks:read");
  const row = await replays.findReplay(ctx.db.prisma, ctx.scope, id);
  if (!row) throw new AppError("not_found", { detail: "There is no such replay." });
  return presentReplay(row);
}

/**
 * Works off the next batch of one running replay; for the background. What a batch reopens and how far the replay has
 * come commit together, so that a crash neither loses nor doubles any. Null when no replay runs.
 */
export function continueReplays(services: Services): Promise<{ replayed: number; isDone: boolean } | null> {
  return services.db.transaction(async (tx) => {
    const replay = await replays.lockNextReplay(tx);
    if (!replay) return null;
    const now = services.clock.now();
    const batch = await replays.replayBatch(tx, replay, BATCH, now);
    const isDone = batch.found < BATCH;
    const after = {
      id: replay.id,
      replayed: replay.replayed + batch.replayed,
      skipped: replay.skipped + batch.found - batch.replayed,
      cursorCreatedAt: batch.lastCreatedAt ?? replay.cursorCreatedAt,
      cursorId: batch.lastId ?? replay.cursorId,
    };
    await replays.advanceReplay(tx, after, isDone, now);
    if (isDone) {
      await appendAudit(tx, systemContext(services, "webhooks", replay.mode), {
        action: "webhook_replay.finished",
        subjectKind: "webhook_replay",
        subjectId: replay.id,
        partnerId: replay.partnerId,
        after: { replayed: after.replayed, skipped: after.skipped },
      });
    }
    return { replayed: batch.replayed, isDone };
  });
}
