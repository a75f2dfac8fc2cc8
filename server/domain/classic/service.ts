import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import type { Mode } from "@/server/core/schema";
import { appendAudit } from "@/server/domain/audit/service";
import { classicBaseUrl, classicHost } from "@/server/klarna/classic";
import type { KlarnaHost } from "@/server/klarna/client";
import * as repository from "./repository";
import type { ClassicCredentialInput, ClassicCredentialView } from "./schema";

/* A Partner's own credentials at Klarna's classic interface: kept encrypted, used for its payments, never shown again. */

type Owner = { partnerId: string; mode: Mode };

export const classicPasswordPlace = (owner: Owner): string =>
  `classic_credentials|password_secret|${owner.partnerId}|${owner.mode}`;

const ownerOf = (ctx: ServiceContext, partnerId: string): Owner => ({ partnerId, mode: ctx.scope.mode });

async function requireAccount(ctx: ServiceContext, owner: Owner): Promise<void> {
  if (!(await repository.hasAccount(ctx.db, owner, ctx.scope.partners))) throw new AppError("not_found");
}

/** What is stored for a Partner in this mode, without the password. Errors: permission_denied, not_found. */
export async function getClassicCredential(
  ctx: ServiceContext,
  partnerId: string,
): Promise<ClassicCredentialView | null> {
  requirePermission(ctx, "credentials:read");
  const owner = ownerOf(ctx, partnerId);
  await requireAccount(ctx, owner);
  const row = await repository.findCredential(ctx.db, owner);
  if (!row) return null;
  const { region, username, updatedAt, updatedByName, refusedAt } = row;
  const { host } = new URL(classicBaseUrl(ctx.env, owner.mode, region));
  return { region, username, host, updatedAt, updatedByName, refusedAt };
}

/**
 * Sets or changes a Partner's user and password in this mode. Without a password the stored one stays.
 * Errors: permission_denied, not_found, rule_broken (no password yet; another user or region while sessions are open).
 */
export async function saveClassicCredential(
  ctx: ServiceContext,
  partnerId: string,
  input: ClassicCredentialInput,
): Promise<void> {
  requirePermission(ctx, "credentials:write");
  const owner = ownerOf(ctx, partnerId);
  await requireAccount(ctx, owner);
  const now = ctx.clock.now();
  await ctx.db.transaction(async (tx) => {
    const known = await repository.findCredential(tx, owner);
    const password = input.password === "" ? undefined : input.password;
    if (!known && password === undefined)
      throw new AppError("rule_broken", {
        errors: [{ pointer: "/password", detail: "is needed: none is stored yet" }],
      });
    const isOther = known !== null && (known.username !== input.username || known.region !== input.region);
    if (isOther && (await repository.countOpenSessions(tx, owner)) > 0) {
      throw new AppError("rule_broken", {
        detail: "Payments of the present user are still open. Wait until they are done, or cancel them.",
        errors: [{ pointer: "/username", detail: "cannot change while payments are open" }],
      });
    }
    // Sealed again in any case: the place is the same, the nonce is new.
    const plain = password ?? (known ? ctx.secrets.open(known.passwordSecret, classicPasswordPlace(owner)) : "");
    await repository.saveCredential(tx, owner, {
      region: input.region,
      username: input.username,
      passwordSecret: ctx.secrets.seal(plain, classicPasswordPlace(owner)),
      updatedBy: ctx.actor.id,
      now,
    });
    await appendAudit(tx, ctx, {
      partnerId,
      action: known ? "classic_credential.changed" : "classic_credential.set",
      subjectKind: "partner",
      subjectId: partnerId,
      before: known ? { username: known.username, region: known.region } : null,
      after: { username: input.username, region: input.region, new_password: password !== undefined },
    });
  });
}

/** Errors: permission_denied, not_found, rule_broken while sessions are open. */
export async function removeClassicCredential(ctx: ServiceContext, partnerId: string): Promise<void> {
  requirePermission(ctx, "credentials:write");
  const owner = ownerOf(ctx, partnerId);
  await requireAccount(ctx, owner);
  await ctx.db.transaction(async (tx) => {
    if ((await repository.countOpenSessions(tx, owner)) > 0)
      throw new AppError("rule_broken", { detail: "Payments of this user are still open." });
    if (!(await repository.removeCredential(tx, owner))) return;
    await appendAudit(tx, ctx, {
      partnerId,
      action: "classic_credential.removed",
      subjectKind: "partner",
      subjectId: partnerId,
    });
  });
}

/** The host and credentials for a payment's calls; null while the Partner has none in this mode. */
export async function openClassicHost(
  ctx: Pick<ServiceContext, "db" | "secrets" | "env">,
  owner: Owner,
): Promise<KlarnaHost | null> {
  const row = await repository.findCredential(ctx.db, owner);
  if (!row) return null;
  const { region, username } = row;
  const password = ctx.secrets.open(row.passwordSecret, classicPasswordPlace(owner));
  return classicHost(ctx.env, owner.mode, { region, username, password });
}

/** Klarna did not accept the credentials: said on the Partner's record until somebody changes them. */
export async function noteClassicRefusal(ctx: Pick<ServiceContext, "db" | "clock">, owner: Owner): Promise<void> {
  await repository.noteRefusal(ctx.db, owner, ctx.clock.now());
}
