import { actorCan } from "@/server/auth/permissions";
import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { appendAudit } from "@/server/domain/audit/service";
import * as repository from "./repository";
import { type SaveViewInput, SaveViewSchema, type ViewItem, type ViewList } from "./schema";

/* Filter, sort and columns of a list under a name: one's own, and those that colleagues share. A view grants nothing. */

const VIEWS_MAX = 50;

/** Views are people's: keys and jobs have none. */
function requirePerson(ctx: ServiceContext): void {
  requirePermission(ctx, "sessions:own");
  if (ctx.actor.kind !== "USER") throw new AppError("permission_denied");
}

/** One's own views of a list and those that are shared with oneself, by name. Errors: permission_denied. */
export async function listViews(ctx: ServiceContext, screen: string): Promise<ViewList> {
  requirePerson(ctx);
  const canShare = actorCan(ctx.actor, "views:share");
  const rows = await repository.findViews(ctx.db, ctx.scope, ctx.actor.id, screen);
  return {
    canShare,
    items: rows.map(({ ownerId, ...row }): ViewItem => {
      const isOwn = ownerId === ctx.actor.id;
      return { ...row, isOwn, canDelete: isOwn || canShare };
    }),
  };
}

/** With whom a shared view is shared: the acquirer's people, or those of one Partner. */
function audienceOf(ctx: ServiceContext, partner: string | undefined): string | null {
  if (ctx.scope.partners === "all") return null;
  const chosen = partner ?? (ctx.scope.partners.length === 1 ? ctx.scope.partners[0] : undefined);
  if (chosen === undefined || !ctx.scope.partners.includes(chosen))
    throw new AppError("validation_failed", { errors: [{ pointer: "/partner", detail: "Choose a Partner." }] });
  return chosen;
}

/**
 * Keeps the view under this name; one's own view of the same name is replaced.
 * Errors: permission_denied (sharing too), validation_failed (partner), rule_broken (too many).
 */
export async function saveView(ctx: ServiceContext, input: SaveViewInput): Promise<{ id: string }> {
  requirePerson(ctx);
  const view = SaveViewSchema.parse(input);
  if (view.isShared) requirePermission(ctx, "views:share");
  const partnerId = view.isShared ? audienceOf(ctx, view.partner) : null;
  const now = ctx.clock.now();
  return ctx.db.transaction(async (tx) => {
    const saved = await repository.upsertView(tx, {
      id: newId("savedView", now.getTime()),
      ownerId: ctx.actor.id,
      screen: view.screen,
      name: view.name,
      query: withoutPlace(view.query),
      isShared: view.isShared,
      partnerId,
      now,
    });
    if ((await repository.countOwn(tx, ctx.actor.id, view.screen)) > VIEWS_MAX)
      throw new AppError("rule_broken", { detail: `Nobody keeps more than ${VIEWS_MAX} views of a list.` });
    if (view.isShared)
      await appendAudit(tx, ctx, {
        action: "view.shared",
        subjectKind: "view",
        subjectId: saved.id,
        partnerId,
        mode: null,
        after: { kind: view.screen },
      });
    return saved;
  });
}

function withoutPlace(query: string): string {
  const params = new URLSearchParams(query);
  params.delete("cursor");
  return params.toString();
}

/** Takes away one's own view, or a shared one with the permission to share. Errors: permission_denied, not_found. */
export async function deleteView(ctx: ServiceContext, id: string): Promise<void> {
  requirePerson(ctx);
  await ctx.db.transaction(async (tx) => {
    const gone = await repository.deleteView(tx, ctx.scope, {
      id,
      ownerId: ctx.actor.id,
      isSharedToo: actorCan(ctx.actor, "views:share"),
    });
    if (!gone) throw new AppError("not_found", { detail: "There is no such view." });
    if (gone.isShared)
      await appendAudit(tx, ctx, {
        action: "view.deleted",
        subjectKind: "view",
        subjectId: id,
        partnerId: gone.partnerId,
        mode: null,
        before: { kind: gone.screen },
      });
  });
}
