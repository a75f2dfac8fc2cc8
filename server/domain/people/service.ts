import { INVITATION_LIFE_MS, issueOneTimeLink, LINK_LIFE_MS, revokeOneTimeLinks } from "@/server/auth/one-time-links";
import { actorCan, resolveRole } from "@/server/auth/permissions";
import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { decodeCursor, LIST_TOTAL_MAX, type ListPage, toListPage } from "@/server/core/pagination";
import { DAY_MS, MINUTE_MS } from "@/server/core/time";
import type { Transaction } from "@/server/db/client";
import { appendAudit } from "@/server/domain/audit/service";
import { queueMail } from "@/server/domain/mail/service";
import { requireMayGrant, requireMayManage, whyNotManage } from "./authority";
import * as repository from "./repository";
import type { ChangeAccessInput, InviteInput, PersonFilter, PersonItem, PersonRecord } from "./schema";
import { userMachine } from "./states";

// biome-ignore lint/performance/noBarrelFile: roles are a file of their own, and this is the one door
export { createRole, deleteRole, getRole, listRoles, updateRole } from "./roles";

/*
 * A person has one role, whatever the number of their Partners: it counts at each of them alike. Who needs other rights at
 * another Partner has a second account there.
 */

/**
 * People within the caller's sight, newest first: all for the acquirer, those of their Partners for a Partner's people.
 * Errors: permission_denied, validation_failed (cursor).
 */
export async function listPeople(
  ctx: ServiceContext,
  filter: PersonFilter,
  page: { limit: number; cursor?: string | null | undefined },
): Promise<ListPage<PersonItem>> {
  requirePermission(ctx, "users:read");
  const cursor = page.cursor ? decodeCursor(page.cursor) : null;
  const [rows, total] = await Promise.all([
    repository.findPeople(ctx.db, ctx.scope, filter, { limit: page.limit, cursor }),
    repository.countPeople(ctx.db, ctx.scope, filter, LIST_TOTAL_MAX),
  ]);
  return toListPage(rows, page.limit, total);
}

/** One person with role and open sessions. Errors: permission_denied, not_found (also who is out of sight). */
export async function getPerson(ctx: ServiceContext, id: string): Promise<PersonRecord> {
  requirePermission(ctx, "users:read");
  const [item, row] = await Promise.all([
    repository.findPerson(ctx.db, ctx.scope, id),
    repository.findPersonRow(ctx.db, ctx.scope, id),
  ]);
  if (!item || !row) throw new AppError("not_found");
  const role = resolveRole({ ...row, id: row.roleId, name: row.roleName });
  const why = whyNotManage(ctx, row);
  return {
    ...item,
    permissions: role.permissions,
    sessions: actorCan(ctx.actor, "users:write") ? await repository.findSessions(ctx.db, id, ctx.clock.now()) : [],
    may: why === null ? { change: true } : { change: false, why },
  };
}

/**
 * Invites a person by mail. They have no password until they accept; the address of a withdrawn invitation can be invited
 * again.
 *
 * Errors: permission_denied, not_found (a role or Partner out of sight), role_exceeds_own, email_taken, validation_failed.
 */
export async function invitePerson(ctx: ServiceContext, input: InviteInput): Promise<{ id: string }> {
  requirePermission(ctx, "users:write");
  const id = await ctx.db.transaction(async (tx) => {
    const role = await grantable(tx, ctx, input);
    const now = ctx.clock.now();
    const known = await repository.findPersonByEmail(tx, input.email);
    if (known && known.state !== "WITHDRAWN")
      throw new AppError("email_taken", {
        detail:
          ctx.scope.partners === "all"
            ? "Somebody has this address already. Look for them in the list."
            : "Somebody has this address already. If they are not in your list, ask the acquirer to add them.",
        errors: [{ pointer: "/email", detail: "Somebody has this address already" }],
      });
    const person = { ...input, id: known?.id ?? newId("user"), invitedBy: ctx.actor.id, now };
    await (known ? repository.inviteAgain(tx, person) : repository.insertInvited(tx, person));
    await repository.setPartners(tx, person.id, input.partners);
    await appendAudit(tx, ctx, {
      action: "user.invited",
      subjectKind: "user",
      subjectId: person.id,
      partnerId: input.partners[0] ?? null,
      mode: null,
      after: { name: input.name, role: role.name, partners: input.partners.length },
    });
    await sendInvitation(tx, ctx, { ...person, partners: input.partners, roleName: role.name });
    return person.id;
  });
  ctx.nudge("mails");
  return { id };
}

/** The role, if the caller may give it over these Partners. Errors: not_found, role_exceeds_own, validation_failed. */
async function grantable(tx: Transaction, ctx: ServiceContext, input: ChangeAccessInput): Promise<repository.RoleRow> {
  const role = await repository.findRole(tx, ctx.scope, input.role);
  if (!role) throw new AppError("not_found");
  requireMayGrant(ctx, role, input.partners);
  const partners = await repository.knownPartners(tx, input.partners);
  if (partners.length !== input.partners.length) throw new AppError("not_found");
  return { ...role, name: resolveRole(role).name };
}

async function sendInvitation(
  tx: Transaction,
  ctx: ServiceContext,
  person: { id: string; email: string; name: string; partners: readonly string[]; roleName: string },
): Promise<void> {
  const link = await issueOneTimeLink(tx, ctx, { kind: "INVITE", userId: person.id, createdBy: ctx.actor.id });
  const partners = await repository.knownPartners(tx, person.partners);
  const host = new URL(ctx.env.PUBLIC_URL).host;
  await queueMail(tx, ctx, {
    kind: "invitation",
    to: person.email,
    partnerId: person.partners[0] ?? null,
    subject: `You are invited to Tillgate at ${host}`,
    text: [
      `Hello ${person.name},`,
      "",
      `you are invited to Tillgate as ${person.roleName}${partners.length === 0 ? "" : ` for ${partners.map((partner) => partner.name).join(", ")}`}.`,
      "",
      "Choose your password here:",
      link.url,
      "",
      `The link works once and for ${LINK_LIFE_MS / MINUTE_MS} minutes. The invitation stands for ${INVITATION_LIFE_MS / DAY_MS} days: when the link has`,
      "ended, have a new one sent to this address:",
      new URL("/forgot-password", ctx.env.PUBLIC_URL).href,
      "",
      "If you do not expect this, do nothing.",
      "",
    ].join("\n"),
    holdsLink: true,
    notAfter: link.expiresAt,
  });
}

/** Sends the invitation again with a new link, and for another week. Errors: permission_denied, not_found, state_conflict. */
export async function resendInvitation(ctx: ServiceContext, id: string): Promise<void> {
  requirePermission(ctx, "users:write");
  await ctx.db.transaction(async (tx) => {
    const person = await manageable(tx, ctx, id);
    if (person.state !== "INVITED") throw new AppError("state_conflict", { detail: "This person is not invited now." });
    const role = resolveRole({ ...person, id: person.roleId, name: person.roleName });
    await repository.inviteAgain(tx, {
      ...{ id, email: person.email, name: person.name, role: person.roleId },
      ...{ invitedBy: ctx.actor.id, now: ctx.clock.now() },
    });
    await audit(tx, ctx, person, "user.invited_again", { after: { name: person.name } });
    await sendInvitation(tx, ctx, { ...person, roleName: role.name });
  });
  ctx.nudge("mails");
}

/** Takes an invitation back: its link is worth nothing from then on. Errors: permission_denied, not_found, state_conflict. */
export async function withdrawInvitation(ctx: ServiceContext, id: string): Promise<void> {
  requirePermission(ctx, "users:write");
  await ctx.db.transaction(async (tx) => {
    const person = await manageable(tx, ctx, id);
    const state = userMachine.next(person.state, "withdraw");
    await repository.setUserState(tx, id, state, ctx.clock.now());
    await revokeOneTimeLinks(tx, ctx, { userId: id });
    await audit(tx, ctx, person, "user.withdrawn", { before: { state: person.state }, after: { state } });
  });
}

async function manageable(tx: Transaction, ctx: ServiceContext, id: string): Promise<repository.PersonRow> {
  const person = await repository.lockPerson(tx, ctx.scope, id);
  if (!person) throw new AppError("not_found");
  requireMayManage(ctx, person);
  return person;
}

async function audit(
  tx: Transaction,
  ctx: ServiceContext,
  person: repository.PersonRow,
  action: string,
  facts: { before?: unknown; after?: unknown },
): Promise<void> {
  await appendAudit(tx, ctx, {
    action,
    subjectKind: "user",
    subjectId: person.id,
    partnerId: person.partners[0] ?? null,
    mode: null,
    ...facts,
  });
}

/** Errors: last_admin. */
async function requireAnotherAdmin(tx: Transaction, person: repository.PersonRow): Promise<void> {
  if (person.roleId !== "ACQUIRER_ADMIN" || person.state !== "ACTIVE") return;
  const admins = await repository.lockAdmins(tx);
  if (!admins.some((id) => id !== person.id))
    throw new AppError("last_admin", { detail: "This is the last acquirer admin. Make somebody else one first." });
}

/**
 * Gives a person another role or other Partners; it counts at their next request.
 *
 * Errors: permission_denied (oneself, somebody with more rights, of another Partner), not_found, role_exceeds_own,
 * last_admin, validation_failed. Case: S4.
 */
export async function changeAccess(ctx: ServiceContext, id: string, input: ChangeAccessInput): Promise<void> {
  requirePermission(ctx, "users:write");
  await ctx.db.transaction(async (tx) => {
    const person = await manageable(tx, ctx, id);
    const role = await grantable(tx, ctx, input);
    if (role.id !== person.roleId) await requireAnotherAdmin(tx, person);
    await repository.setRole(tx, id, role.id, ctx.clock.now());
    await repository.setPartners(tx, id, input.partners);
    await audit(tx, ctx, person, "user.access_changed", {
      before: {
        role: resolveRole({ ...person, id: person.roleId, name: person.roleName }).name,
        scope: person.partners,
      },
      after: { role: role.name, scope: input.partners },
    });
  });
}

/**
 * Shuts a person out: their sessions end at once and nobody signs in as them. Links to a new password end too.
 * Errors: permission_denied, not_found, last_admin, state_conflict.
 */
export async function disablePerson(ctx: ServiceContext, id: string): Promise<void> {
  requirePermission(ctx, "users:write");
  await ctx.db.transaction(async (tx) => {
    const person = await manageable(tx, ctx, id);
    const state = userMachine.next(person.state, "disable");
    await requireAnotherAdmin(tx, person);
    const now = ctx.clock.now();
    await repository.setUserState(tx, id, state, now);
    const ended = await repository.endSessions(tx, id, "USER_DISABLED", now);
    await revokeOneTimeLinks(tx, ctx, { userId: id });
    await audit(tx, ctx, person, "user.disabled", {
      before: { state: person.state },
      after: { state, sessions: ended.length },
    });
  });
}

/** Lets a person sign in again. Errors: permission_denied, not_found, state_conflict. */
export async function enablePerson(ctx: ServiceContext, id: string): Promise<void> {
  requirePermission(ctx, "users:write");
  await ctx.db.transaction(async (tx) => {
    const person = await manageable(tx, ctx, id);
    const state = userMachine.next(person.state, "enable");
    await repository.setUserState(tx, id, state, ctx.clock.now());
    await audit(tx, ctx, person, "user.enabled", { before: { state: person.state }, after: { state } });
  });
}

/** Ends one session of a person, or all. Answers how many. Errors: permission_denied, not_found. */
export async function endSessionsOfPerson(
  ctx: ServiceContext,
  id: string,
  only: string | null = null,
): Promise<number> {
  requirePermission(ctx, "users:write");
  return ctx.db.transaction(async (tx) => {
    const person = await manageable(tx, ctx, id);
    const ended = await repository.endSessions(tx, id, "ENDED_BY_ADMIN", ctx.clock.now(), only);
    for (const session of ended) {
      await appendAudit(tx, ctx, {
        action: "session.ended",
        subjectKind: "session",
        subjectId: session,
        partnerId: person.partners[0] ?? null,
        mode: null,
        after: { reason: "ENDED_BY_ADMIN" },
      });
    }
    return ended.length;
  });
}
