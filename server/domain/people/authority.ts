import { ACQUIRER_ONLY, type Actor, actorCan, isRole, type ResolvedRole, resolveRole } from "@/server/auth/permissions";
import type { ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import type { PersonRow, RoleRow } from "./repository";

/*
 * Who may do what to whom. Nobody gives what they do not hold, nobody touches who holds more, nobody changes themselves,
 * and a Partner's people deal with their own Partner's people alone.
 */

export function exceeds(actor: Actor, role: Pick<ResolvedRole, "permissions">): boolean {
  return role.permissions.some((permission) => !actorCan(actor, permission));
}

/** Why the caller may not change this person; null when they may. */
export function whyNotManage(ctx: Pick<ServiceContext, "actor" | "scope">, person: PersonRow): string | null {
  if (!actorCan(ctx.actor, "users:write")) return "Your role does not change people.";
  if (person.id === ctx.actor.id) return "Nobody changes their own access. Ask another administrator.";
  const { partners: mine } = ctx.scope;
  if (mine !== "all" && !person.partners.every((id) => mine.includes(id)))
    return "This person also belongs to another Partner. The acquirer changes them.";
  const role = resolveRole({ ...person, id: person.roleId, name: person.roleName });
  return exceeds(ctx.actor, role) ? "This person may do more than you. Somebody with these rights changes them." : null;
}

/** Errors: permission_denied with the reason. */
export function requireMayManage(ctx: Pick<ServiceContext, "actor" | "scope">, person: PersonRow): void {
  const why = whyNotManage(ctx, person);
  if (why !== null) throw new AppError("permission_denied", { detail: why });
}

const field = (pointer: string, detail: string): AppError =>
  new AppError("validation_failed", { detail: `${detail}.`, errors: [{ pointer, detail }] });

/**
 * Checks that the caller may give this role over these Partners (ids that exist). Errors: validation_failed,
 * role_exceeds_own, not_found (a Partner out of sight).
 */
export function requireMayGrant(
  ctx: Pick<ServiceContext, "actor" | "scope">,
  row: RoleRow,
  partners: readonly string[],
): void {
  const role = resolveRole(row);
  const { partners: mine } = ctx.scope;
  if (mine !== "all" && (role.audience !== "PARTNER" || !partners.every((id) => mine.includes(id))))
    throw new AppError("not_found");
  if (exceeds(ctx.actor, role))
    throw new AppError("role_exceeds_own", {
      errors: [{ pointer: "/role", detail: "allows more than you may do yourself" }],
    });
  if (role.audience === "PARTNER" && partners.length === 0) throw field("/partners", "Choose at least one Partner");
  if (row.partnerId !== null && partners.some((id) => id !== row.partnerId))
    throw field("/partners", "This role is one Partner's own: the person can have that Partner only");
  if (isRole(row.id) && row.id !== "READ_ONLY" && role.audience === "ACQUIRER" && partners.length > 0)
    throw field("/partners", "This role sees all Partners");
}

/** Checks a role's content against who writes it. Errors: role_exceeds_own, validation_failed, not_found. */
export function requireMayWrite(
  ctx: Pick<ServiceContext, "actor" | "scope">,
  role: Pick<RoleRow, "audience" | "partnerId" | "permissions">,
): void {
  const { partners: mine } = ctx.scope;
  if (mine !== "all" && (role.audience !== "PARTNER" || role.partnerId === null || !mine.includes(role.partnerId)))
    throw new AppError("not_found");
  if (role.partnerId !== null && role.audience !== "PARTNER")
    throw field("/partnerId", "Only a Partner's role belongs to one");
  const forbidden = role.audience === "PARTNER" ? ACQUIRER_ONLY.filter((name) => role.permissions.includes(name)) : [];
  if (forbidden.length > 0)
    throw field("/permissions", `A Partner's people can never have this: ${forbidden.join(", ")}`);
  const granted = resolveRole({ id: "", name: "", audience: role.audience, permissions: role.permissions });
  if (exceeds(ctx.actor, granted))
    throw new AppError("role_exceeds_own", {
      errors: [{ pointer: "/permissions", detail: "holds more than you may do yourself" }],
    });
}
