import { isPermission, isRole, requiresTwoFactor, resolveRole } from "@/server/auth/permissions";
import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { violatedConstraint } from "@/server/db/client";
import { appendAudit } from "@/server/domain/audit/service";
import { exceeds, requireMayWrite } from "./authority";
import * as repository from "./repository";
import type { RoleInput, RoleItem } from "./schema";
import { withNeeded } from "./states";

function toItem(ctx: ServiceContext, row: repository.RoleRow): RoleItem {
  const role = resolveRole(row);
  const isBuiltIn = isRole(row.id);
  const isOurs = ctx.scope.partners === "all" || (row.partnerId !== null && ctx.scope.partners.includes(row.partnerId));
  const isWithin = !exceeds(ctx.actor, role);
  const mayWrite = ctx.actor.kind !== "USER" || ctx.actor.permissions.includes("roles:write");
  const mayGrant = ctx.actor.kind !== "USER" || ctx.actor.permissions.includes("users:write");
  return {
    id: row.id,
    name: role.name,
    description: row.description,
    audience: role.audience,
    partnerId: row.partnerId,
    partnerName: row.partnerName,
    permissions: role.permissions,
    isBuiltIn,
    needsTwoFactor: requiresTwoFactor(role.permissions),
    people: row.people,
    canGrant: mayGrant && isWithin,
    canChange: mayWrite && !isBuiltIn && isOurs && isWithin && !isOwnRole(ctx, row.id),
  };
}

/** Nobody changes what they may do themselves. */
function isOwnRole(ctx: ServiceContext, id: string): boolean {
  return ctx.actor.kind === "USER" && ctx.actor.role === id;
}

/** Built-in roles first, then those that people made, within the caller's sight. Errors: permission_denied. */
export async function listRoles(ctx: ServiceContext): Promise<RoleItem[]> {
  requirePermission(ctx, "users:read");
  return (await repository.findRoles(ctx.db, ctx.scope)).map((row) => toItem(ctx, row));
}

/** Errors: permission_denied, not_found. */
export async function getRole(ctx: ServiceContext, id: string): Promise<RoleItem> {
  requirePermission(ctx, "users:read");
  const row = await repository.findRole(ctx.db, ctx.scope, id);
  if (!row) throw new AppError("not_found");
  return toItem(ctx, row);
}

function nameTaken(error: unknown): AppError | null {
  const constraint = violatedConstraint(error);
  return constraint === "roles_shared_name_key" || constraint === "roles_partner_name_key"
    ? new AppError("validation_failed", {
        detail: "Another role has this name.",
        errors: [{ pointer: "/name", detail: "Another role has this name" }],
      })
    : null;
}

/**
 * Makes a role. What a permission cannot do without is added. A role of one Partner counts at that Partner only.
 *
 * Errors: permission_denied, not_found (another's Partner), role_exceeds_own, validation_failed (name taken, a permission
 * that its people can never have).
 */
export async function createRole(ctx: ServiceContext, input: RoleInput): Promise<RoleItem> {
  requirePermission(ctx, "roles:write");
  const id = newId("role");
  const permissions = withNeeded(input.permissions);
  requireMayWrite(ctx, { ...input, permissions });
  const now = ctx.clock.now();
  try {
    await ctx.db.transaction(async (tx) => {
      if (input.partnerId !== null && (await repository.knownPartners(tx, [input.partnerId])).length === 0)
        throw new AppError("not_found");
      await repository.insertRole(tx, { ...input, id, permissions, createdBy: ctx.actor.id, now });
      await appendAudit(tx, ctx, {
        action: "role.created",
        subjectKind: "role",
        subjectId: id,
        partnerId: input.partnerId,
        mode: null,
        after: { id, name: input.name, audience: input.audience, permissions },
      });
    });
  } catch (error) {
    throw nameTaken(error) ?? error;
  }
  return getRole(ctx, id);
}

/**
 * Changes a role's name, description and permissions; it counts at the next request of everybody who has it. Neither what
 * it grants now nor what it will grant may exceed what the caller holds.
 *
 * Errors: permission_denied (a built-in role, the caller's own), not_found, role_exceeds_own, validation_failed. Case: S4.
 */
export async function updateRole(
  ctx: ServiceContext,
  id: string,
  input: Pick<RoleInput, "name" | "description" | "permissions">,
): Promise<RoleItem> {
  requirePermission(ctx, "roles:write");
  const now = ctx.clock.now();
  const permissions = withNeeded(input.permissions);
  try {
    await ctx.db.transaction(async (tx) => {
      const before = await changeable(tx, ctx, id);
      requireMayWrite(ctx, { ...before, permissions });
      await repository.updateRole(tx, { id, name: input.name, description: input.description, permissions, now });
      await appendAudit(tx, ctx, {
        action: "role.changed",
        subjectKind: "role",
        subjectId: id,
        partnerId: before.partnerId,
        mode: null,
        before: { name: before.name, permissions: before.permissions },
        after: { name: input.name, permissions },
      });
    });
  } catch (error) {
    throw nameTaken(error) ?? error;
  }
  return getRole(ctx, id);
}

/** Removes a role that nobody has. Errors: permission_denied, not_found, role_in_use, role_exceeds_own. */
export async function deleteRole(ctx: ServiceContext, id: string): Promise<void> {
  requirePermission(ctx, "roles:write");
  try {
    await ctx.db.transaction(async (tx) => {
      const before = await changeable(tx, ctx, id);
      await repository.deleteRole(tx, id);
      await appendAudit(tx, ctx, {
        action: "role.deleted",
        subjectKind: "role",
        subjectId: id,
        partnerId: before.partnerId,
        mode: null,
        before: { name: before.name, permissions: before.permissions },
      });
    });
  } catch (error) {
    if (violatedConstraint(error) === "users_role_fkey")
      throw new AppError("role_in_use", {
        detail: "People have this role. Give them another one first.",
        cause: error,
      });
    throw error;
  }
}

async function changeable(
  tx: Parameters<typeof repository.lockRole>[0],
  ctx: ServiceContext,
  id: string,
): Promise<repository.RoleRow> {
  const row = await repository.lockRole(tx, ctx.scope, id);
  if (!row) throw new AppError("not_found");
  if (isRole(row.id)) throw new AppError("permission_denied", { detail: "Built-in roles stay as they are." });
  if (isOwnRole(ctx, id)) throw new AppError("permission_denied", { detail: "Nobody changes their own role." });
  requireMayWrite(ctx, { ...row, permissions: row.permissions.filter(isPermission) });
  return row;
}
