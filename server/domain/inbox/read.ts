import { actorCan } from "@/server/auth/permissions";
import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { decodeCursor, type ListPage, toListPage } from "@/server/core/pagination";
import { redact } from "@/server/core/redact";
import { addMs, DAY_MS } from "@/server/core/time";
import { inboxPlace } from "@/server/events/inbox";
import * as repository from "./repository";
import type { InboxFilter, InboxItem, InboxRecord, InboxSummary } from "./schema";

/**
 * Lists what Klarna told us, newest first, without the bodies (they may hold a token).
 *
 * Errors: permission_denied, validation_failed (cursor).
 */
export async function listInbox(
  ctx: ServiceContext,
  filter: InboxFilter,
  page: { limit: number; cursor?: string | null | undefined },
): Promise<ListPage<InboxItem>> {
  requirePermission(ctx, "klarna_events:read");
  const after = page.cursor ? decodeCursor(page.cursor) : null;
  const [rows, total] = await Promise.all([
    repository.findEvents(ctx.db, ctx.scope, filter, { limit: page.limit + 1, after }),
    repository.countEvents(ctx.db, ctx.scope, filter),
  ]);
  return toListPage(rows, page.limit, total);
}

/**
 * One event from Klarna: how far it is, what it caused here, and its body, masked, for those who may see raw messages.
 *
 * Errors: permission_denied, not_found.
 */
export async function getInboxEvent(ctx: ServiceContext, id: string): Promise<InboxRecord> {
  requirePermission(ctx, "klarna_events:read");
  const row = await repository.findEvent(ctx.db, ctx.scope, id);
  if (!row) throw new AppError("not_found");
  const { rawBody, ...event } = row;
  const [effects, replayedBy] = await Promise.all([
    repository.findEffects(ctx.db, event),
    repository.findReplays(ctx.db, event.id),
  ]);
  const bytes = ctx.secrets.unsealBytes(rawBody, inboxPlace(event));
  const hasBody = actorCan(ctx.actor, "payments:raw");
  return {
    ...event,
    sizeBytes: bytes.length,
    hasBody,
    body: hasBody ? redact(JSON.parse(bytes.toString("utf8"))) : null,
    effects,
    replayedBy,
  };
}

/**
 * How far the inbox is behind, and which types come in, those that nothing here acts on apart.
 *
 * Errors: permission_denied. For people who see all Partners only.
 */
export async function getInboxSummary(ctx: ServiceContext): Promise<InboxSummary> {
  requirePermission(ctx, "klarna_events:read");
  if (ctx.scope.partners !== "all") throw new AppError("permission_denied");
  const now = ctx.clock.now();
  const { mode } = ctx.scope;
  const [backlog, unhandledTypes, types] = await Promise.all([
    repository.readBacklog(ctx.db, mode),
    repository.countUnhandledTypes(ctx.db, mode),
    repository.countTypes(ctx.db, mode, addMs(now, -DAY_MS)),
  ]);
  return { asOf: now, ...backlog, unhandledTypes, types };
}
