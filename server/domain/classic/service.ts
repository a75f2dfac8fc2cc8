import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import type { Mode } from "@/server/core/schema";
import type { Transaction } from "@/server/db/client";
import { appendAudit } from "@/server/domain/audit/service";
import { classicBaseUrl, classicHost } from "@/server/klarna/classic";
import type { KlarnaHost } from "@/server/klarna/client";
import * as repository from "./repository";
import type { ClassicCredentialInput, ClassicCredentialView, ClassicUser } from "./schema";

/* A Partner's own credentials at Klarna's classic interface: kept encrypted, used for its payments, never shown again. */

type Owner = { partnerId: string; mode: Mode };

export const classicPasswordPlace = (owner: Owner): string =>
  `classic_credentials|password_secret|${owner.partnerId}|${owner.mode}`;

const formerPlace = (owner: Owner, user: ClassicUser): string =>
  `classic_former_credentials|password_secret|${owner.partnerId}|${owner.mode}|${user.region}|${user.username}`;

const isSameUser = (one: ClassicUser, other: ClassicUser): boolean =>
  one.username === other.username && one.region === other.region;

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
    await repository.holdUsers(tx, owner);
    const known = await repository.findCredential(tx, owner);
    const password = input.password === "" ? undefined : input.password;
    if (!known && password === undefined)
      throw new AppError("rule_broken", {
        errors: [{ pointer: "/password", detail: "is needed: none is stored yet" }],
      });
    const former = known !== null && !isSameUser(known, input) ? known : null;
    if (former !== null && (await repository.countOpenSessions(tx, owner)) > 0) {
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
    if (former !== null) await keepForSales(ctx, tx, owner, former, now);
    await repository.dropFormer(tx, owner, input);
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

/** Sales that were made with a user go on with it, whoever comes after it. */
async function keepForSales(
  ctx: ServiceContext,
  tx: Transaction,
  owner: Owner,
  known: repository.ClassicCredentialRow,
  now: Date,
): Promise<void> {
  const { region, username, passwordSecret } = known;
  const password = ctx.secrets.open(passwordSecret, classicPasswordPlace(owner));
  await repository.keepFormer(tx, owner, {
    region,
    username,
    passwordSecret: ctx.secrets.seal(password, formerPlace(owner, known)),
    replacedBy: ctx.actor.id,
    now,
  });
}

/**
 * Nothing new is sold with the user afterwards; what was sold with it is still captured and refunded with it.
 * Errors: permission_denied, not_found, rule_broken while sessions are open.
 */
export async function removeClassicCredential(ctx: ServiceContext, partnerId: string): Promise<void> {
  requirePermission(ctx, "credentials:write");
  const owner = ownerOf(ctx, partnerId);
  await requireAccount(ctx, owner);
  await ctx.db.transaction(async (tx) => {
    await repository.holdUsers(tx, owner);
    if ((await repository.countOpenSessions(tx, owner)) > 0)
      throw new AppError("rule_broken", { detail: "Payments of this user are still open." });
    const known = await repository.findCredential(tx, owner);
    if (known === null || !(await repository.removeCredential(tx, owner))) return;
    await keepForSales(ctx, tx, owner, known, ctx.clock.now());
    await appendAudit(tx, ctx, {
      partnerId,
      action: "classic_credential.removed",
      subjectKind: "partner",
      subjectId: partnerId,
    });
  });
}

/** The Partner's present user, which new sales are made with; null while there is none in this mode. */
export async function findClassicUser(ctx: Pick<ServiceContext, "db">, owner: Owner): Promise<ClassicUser | null> {
  const row = await repository.findCredential(ctx.db, owner);
  return row === null ? null : { region: row.region, username: row.username };
}

/**
 * The host and credentials for calls: of `user`, which made the sale, also where it is not the Partner's any more; without it
 * those of the present one. Null where none are kept in this mode.
 */
export async function openClassicHost(
  ctx: Pick<ServiceContext, "db" | "secrets" | "env">,
  owner: Owner,
  user: ClassicUser | null = null,
): Promise<KlarnaHost | null> {
  const row = await repository.findCredential(ctx.db, owner);
  if (row !== null && (user === null || isSameUser(row, user))) {
    const password = ctx.secrets.open(row.passwordSecret, classicPasswordPlace(owner));
    return classicHost(ctx.env, owner.mode, { region: row.region, username: row.username, password });
  }
  const former = user === null ? null : await repository.findFormer(ctx.db, owner, user);
  if (user === null || former === null) return null;
  return classicHost(ctx.env, owner.mode, { ...user, password: ctx.secrets.open(former, formerPlace(owner, user)) });
}

/** Klarna did not accept a user's credentials: said on the Partner's record, of its present one, until somebody changes them. */
export async function noteClassicRefusal(
  ctx: Pick<ServiceContext, "db" | "clock">,
  owner: Owner,
  user: ClassicUser | null = null,
): Promise<void> {
  await repository.noteRefusal(ctx.db, owner, user, ctx.clock.now());
}
