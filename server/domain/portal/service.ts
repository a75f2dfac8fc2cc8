import { randomUUID, sign, X509Certificate } from "node:crypto";
import { actorCan } from "@/server/auth/permissions";
import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { klarnaIdempotencyKey, newId } from "@/server/core/ids";
import { appendAudit } from "@/server/domain/audit/service";
import { findSigningCertificate } from "@/server/domain/credentials/service";
import type { KlarnaOutcome } from "@/server/klarna/client";
import * as wire from "@/server/klarna/credentials";
import { readSimulatedAcquirer } from "@/server/klarna/sandbox";
import * as repository from "./repository";
import type { InviteInput, PortalGrantItem } from "./schema";
import type { PortalRole } from "./states";

/*
 * The way of a Partner's people into Klarna's portal: a link signed with our certificate, made when somebody clicks and good
 * for one use within 60 seconds; where that is not possible, an invitation by Klarna. Every grant is a row and an audit entry.
 * Source: page on deep links.
 */

export const TOKEN_SECONDS = 60;
const SHOWN_MAX = 200;

const callOf = (ctx: ServiceContext): wire.CredentialCall => ({
  klarna: ctx.klarna,
  mode: ctx.scope.mode,
  sessionReference: "portal",
});

function failureOf(outcome: Exclude<KlarnaOutcome, { kind: "answered" }>): AppError {
  // The one conflict that these calls can meet; elsewhere it may be a change at the same time.
  if (outcome.kind === "unknown" && outcome.reason === "RESOURCE_CONFLICT")
    return new AppError("state_conflict", { detail: "Klarna has this already: the person was invited before." });
  return outcome.kind === "refused"
    ? new AppError("state_conflict", { detail: `Klarna refused it: ${outcome.error.code}.` })
    : new AppError("klarna_unavailable", { detail: `Klarna gave no answer (${outcome.reason}). Try again.` });
}

async function requireAccountId(ctx: ServiceContext, partnerId: string): Promise<string> {
  const account = await repository.findAccount(ctx.db, ctx.scope, partnerId);
  if (!account) throw new AppError("not_found");
  if (account.accountId === null)
    throw new AppError("partner_not_operational", { detail: "Klarna does not have this Partner's account yet." });
  return account.accountId;
}

/** Our own account at Klarna: a setting, or what the simulator says. */
async function requireIssuer(ctx: ServiceContext): Promise<string> {
  const { env } = ctx;
  const configured = ctx.scope.mode === "test" ? env.KLARNA_TEST_ACCOUNT_ID : env.KLARNA_LIVE_ACCOUNT_ID;
  if (configured !== undefined) return configured;
  if (env.SIMULATOR_CONTROL_URL !== undefined && ctx.scope.mode === "test")
    return readSimulatedAcquirer(env.SIMULATOR_CONTROL_URL);
  throw new AppError("state_conflict", {
    detail: `Links need our own account at Klarna: set KLARNA_${ctx.scope.mode.toUpperCase()}_ACCOUNT_ID. Invite by e-mail meanwhile.`,
  });
}

/** ES256 over the claims, with the certificate that Klarna gave us in the header. */
function signedToken(
  credential: { certificate: string; privateKey: string },
  claims: Readonly<Record<string, unknown>>,
): string {
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const x5c = [new X509Certificate(credential.certificate).raw.toString("base64")];
  const head = `${encode({ alg: "ES256", typ: "JWT", x5c })}.${encode(claims)}`;
  const signature = sign("sha256", Buffer.from(head), { key: credential.privateKey, dsaEncoding: "ieee-p1363" });
  return `${head}.${signature.toString("base64url")}`;
}

/** Who may invite people here is an administrator there. */
function roleOf(ctx: ServiceContext): PortalRole {
  return actorCan(ctx.actor, "users:write") || actorCan(ctx.actor, "partners:write")
    ? "merchant:admin"
    : "merchant:developer";
}

/**
 * A link into Klarna's portal for the person who asks, as one of this Partner's people. Call it on the click only, and send
 * the browser there at once.
 *
 * Errors: permission_denied, not_found, partner_not_operational, state_conflict (no certificate; Klarna refused), klarna_unavailable.
 */
export async function openPortal(ctx: ServiceContext, partnerId: string): Promise<{ url: string }> {
  requirePermission(ctx, "portal:open");
  const accountId = await requireAccountId(ctx, partnerId);
  const email = ctx.actor.kind === "USER" ? await repository.findEmail(ctx.db, ctx.actor.id) : null;
  if (email === null) throw new AppError("permission_denied", { detail: "Links are for people who are signed in." });
  const credential = await findSigningCertificate(ctx);
  if (!credential)
    throw new AppError("state_conflict", {
      detail: "There is no client certificate to sign the link with. Invite by e-mail meanwhile.",
    });
  const issuer = await requireIssuer(ctx);
  const now = ctx.clock.now();
  const grant = { id: newId("portalGrant", now.getTime()), partnerId, tokenId: randomUUID() };
  const roles = [roleOf(ctx)];
  await ctx.db.transaction(async (tx) => {
    await repository.insertGrant(tx, ctx.scope, {
      ...grant,
      ...{ kind: "DEEP_LINK", userId: ctx.actor.id, email, roles, grantedBy: ctx.actor.id, createdAt: now },
    });
    await appendAudit(tx, ctx, audited(grant.id, partnerId, "requested", { kind: "DEEP_LINK" }));
  });
  const seconds = Math.floor(now.getTime() / 1_000);
  const jwt = signedToken(credential, {
    iss: issuer,
    sub: email,
    jti: grant.tokenId,
    iat: seconds,
    exp: seconds + TOKEN_SECONDS,
    amr: ["pwd"],
    account_id: issuer,
    on_behalf_of: accountId,
    roles,
  });
  const outcome = await wire.createDeepLink(callOf(ctx), jwt, klarnaIdempotencyKey(grant.id));
  const link = outcome.kind === "answered" ? wire.DeepLinkSchema.safeParse(outcome.body) : null;
  await ctx.db.transaction(async (tx) => {
    await repository.updateGrant(tx, ctx.scope, grant.id, { state: link?.success ? "OPENED" : "FAILED" });
    await appendAudit(
      tx,
      ctx,
      audited(grant.id, partnerId, link?.success ? "opened" : "failed", { kind: "DEEP_LINK" }),
    );
  });
  if (outcome.kind !== "answered") throw failureOf(outcome);
  if (!link?.success) throw new AppError("klarna_unavailable", { detail: "Klarna's answer cannot be read." });
  return { url: link.data.url };
}

const audited = (id: string, partnerId: string, action: string, after: Record<string, unknown>) => ({
  action: `portal_grant.${action}`,
  subjectKind: "portal_grant",
  subjectId: id,
  partnerId,
  after,
});

/** Klarna invites a person by e-mail, with a password of its own there. Errors: as `openPortal`. */
export async function inviteToPortal(ctx: ServiceContext, input: InviteInput): Promise<PortalGrantItem> {
  requirePermission(ctx, "portal:open");
  requirePermission(ctx, "users:write");
  const accountId = await requireAccountId(ctx, input.partner);
  const now = ctx.clock.now();
  const id = newId("portalGrant", now.getTime());
  const email = input.email.toLowerCase();
  await ctx.db.transaction(async (tx) => {
    await repository.insertGrant(tx, ctx.scope, {
      ...{ id, partnerId: input.partner, kind: "INVITATION", userId: null, email, roles: [input.role] },
      ...{ tokenId: null, grantedBy: ctx.actor.id, createdAt: now },
    });
    await appendAudit(tx, ctx, audited(id, input.partner, "requested", { kind: "INVITATION" }));
  });
  const outcome = await wire.inviteUser(
    callOf(ctx),
    accountId,
    { email, roles: [input.role] },
    klarnaIdempotencyKey(id),
  );
  const user = outcome.kind === "answered" ? wire.PortalUserSchema.safeParse(outcome.body) : null;
  await ctx.db.transaction(async (tx) => {
    await repository.updateGrant(
      tx,
      ctx.scope,
      id,
      user?.success ? { state: "INVITED", klarnaUserId: user.data.user_id } : { state: "FAILED" },
    );
    await appendAudit(
      tx,
      ctx,
      audited(id, input.partner, user?.success ? "invited" : "failed", { kind: "INVITATION" }),
    );
  });
  if (outcome.kind !== "answered") throw failureOf(outcome);
  return requireGrant(ctx, id);
}

/** Takes an invitation back, or the access that came of it. Errors: as `openPortal`. */
export async function revokePortal(ctx: ServiceContext, id: string): Promise<PortalGrantItem> {
  requirePermission(ctx, "portal:open");
  requirePermission(ctx, "users:write");
  const grant = await requireGrant(ctx, id);
  if (
    (grant.state !== "INVITED" && grant.state !== "ACTIVE") ||
    grant.klarnaUserId === null ||
    grant.accountId === null
  )
    throw new AppError("state_conflict", { detail: "There is nothing to take back." });
  const outcome = await wire.removeUser(callOf(ctx), grant.accountId, grant.klarnaUserId);
  if (outcome.kind !== "answered") throw failureOf(outcome);
  await ctx.db.transaction(async (tx) => {
    await repository.updateGrant(tx, ctx.scope, id, {
      state: "REVOKED",
      revokedAt: ctx.clock.now(),
      revokedBy: ctx.actor.id,
    });
    await appendAudit(tx, ctx, audited(id, grant.partnerId, "revoked", { kind: grant.kind }));
  });
  return requireGrant(ctx, id);
}

async function requireGrant(ctx: ServiceContext, id: string): Promise<repository.GrantRow> {
  const grant = await repository.findGrant(ctx.db, ctx.scope, id);
  if (!grant) throw new AppError("not_found");
  return grant;
}

/** The newest grants of the Partners in sight. Errors: permission_denied. */
export async function listPortalGrants(ctx: ServiceContext, partnerId: string | null): Promise<PortalGrantItem[]> {
  requirePermission(ctx, "portal:open");
  const rows = await repository.findGrants(ctx.db, ctx.scope, partnerId, SHOWN_MAX);
  return rows.map(({ klarnaUserId: _, accountId: __, ...item }) => item);
}
