import { createPrivateKey, X509Certificate } from "node:crypto";
import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { klarnaIdempotencyKey, newId } from "@/server/core/ids";
import { addMs, DAY_MS, HOUR_MS, SECOND_MS } from "@/server/core/time";
import { appendAudit } from "@/server/domain/audit/service";
import * as wire from "@/server/klarna/credentials";
import { credentialPlace } from "@/server/klarna/keyring";
import { createSigningRequest } from "@/server/klarna/signing-request";
import { readAccess } from "./access";
import { callOf, requireAnswer } from "./calls";
import * as repository from "./repository";
import type { CreateCredentialInput, CredentialItem, CredentialWarning } from "./schema";
import { type CredentialNeed, EXPIRY_WARNING_MS, IDLE_WARNING_MS, KIND_WORDS, OLD_MS } from "./states";

// biome-ignore lint/performance/noBarrelFile: a service that outgrew one file is split by use case, and this is its one door
export { changeIpList, enforceCertificate, getAccess } from "./access";

/*
 * Our own credentials at Klarna. A row stands before the call, so that an answer that was lost is asked for again with the same
 * key. A rotation has three steps that each may wait: create (READY), use (ACTIVE), disable the one before. Every process follows
 * within two seconds; the one before is accepted by Klarna until it is disabled, so no payment meets a key that is refused.
 */

/** Until every process has followed, many times over. */
const OVERLAP_MS = 30 * SECOND_MS;
/** Klarna forgets an idempotency key after 24 hours. */
const REQUEST_LIFE_MS = 23 * HOUR_MS;

/** What calls show: the newest of its kind that is not over, as the keyring picks it. */
const inUseIds = (rows: readonly repository.CredentialRow[], now: Date): Set<string> =>
  new Set(
    (["API_KEY", "CLIENT_CERTIFICATE"] as const).flatMap((kind) => {
      const active = rows
        .filter((row) => row.kind === kind && row.state === "ACTIVE" && (row.expiresAt === null || row.expiresAt > now))
        .sort((a, b) => (b.activatedAt?.getTime() ?? 0) - (a.activatedAt?.getTime() ?? 0) || (a.id < b.id ? 1 : -1));
      return active[0] ? [active[0].id] : [];
    }),
  );

function warningsOf(row: repository.CredentialRow, now: Date): CredentialWarning[] {
  if (row.state !== "ACTIVE" && row.state !== "READY") return [];
  const warnings: CredentialWarning[] = [];
  const since = (at: Date): number => now.getTime() - at.getTime();
  const idle = since(row.lastUsedAt ?? row.createdAt);
  if (row.kind === "API_KEY" && idle >= IDLE_WARNING_MS)
    warnings.push({ kind: "IDLE", days: Math.floor(idle / DAY_MS) });
  const age = since(row.createdAt);
  if (row.kind === "API_KEY" && age >= OLD_MS) warnings.push({ kind: "OLD", days: Math.floor(age / DAY_MS) });
  if (row.expiresAt !== null && since(row.expiresAt) >= 0) warnings.push({ kind: "EXPIRED", at: row.expiresAt });
  else if (row.expiresAt !== null && -since(row.expiresAt) <= EXPIRY_WARNING_MS)
    warnings.push({ kind: "EXPIRES", at: row.expiresAt });
  return warnings;
}

/** All credentials of the mode, those in use and those that wait first. Errors: permission_denied. */
export async function listCredentials(ctx: ServiceContext): Promise<CredentialItem[]> {
  requirePermission(ctx, "credentials:read");
  return readItems(ctx);
}

const NEED_OF: Readonly<Record<CredentialWarning["kind"], CredentialNeed>> = {
  IDLE: "idle",
  OLD: "old",
  EXPIRES: "ending",
  EXPIRED: "ending",
};

/** Whether one warns of this. */
export const hasNeed = (item: Pick<CredentialItem, "warnings">, need: CredentialNeed): boolean =>
  item.warnings.some((warning) => NEED_OF[warning.kind] === need);

/**
 * How many credentials of the mode warn of what, with the longest idle or oldest one's moment or the nearest end; what the
 * overview and the system's status say of them. No permission: they are counts, and whoever shows them asks for his own.
 */
export function countCredentialNeeds(
  ctx: Pick<ServiceContext, "db" | "clock" | "scope">,
): Promise<repository.NeedRow[]> {
  const now = ctx.clock.now();
  return repository.countNeeds(ctx.db, ctx.scope.mode, {
    idle: addMs(now, -IDLE_WARNING_MS),
    old: addMs(now, -OLD_MS),
    ending: addMs(now, EXPIRY_WARNING_MS),
  });
}

async function readItems(ctx: ServiceContext): Promise<CredentialItem[]> {
  const rows = await repository.findCredentials(ctx.db, ctx.scope.mode);
  const now = ctx.clock.now();
  const inUse = inUseIds(rows, now);
  return rows.map((row) => {
    const { secret: _, mode: __, replacesId: ___, createdByName, ...item } = row;
    return {
      ...item,
      createdByName: createdByName ?? row.createdBy,
      isInUse: inUse.has(row.id),
      warnings: warningsOf(row, now),
      disableFrom: disableFrom(row, rows, inUse),
    };
  });
}

/** The one in use stays until another has been in use for a while. */
function disableFrom(
  row: repository.CredentialRow,
  rows: readonly repository.CredentialRow[],
  inUse: ReadonlySet<string>,
): Date | null {
  if (row.state === "READY") return row.createdAt;
  if (row.state !== "ACTIVE" || inUse.has(row.id)) return null;
  if (row.kind === "CLIENT_IDENTIFIER") return row.createdAt;
  const follower = rows.find((other) => other.kind === row.kind && inUse.has(other.id));
  return follower?.activatedAt ? addMs(follower.activatedAt, OVERLAP_MS) : null;
}

async function requireCredential(ctx: ServiceContext, id: string): Promise<repository.CredentialRow> {
  const row = await repository.findCredential(ctx.db, ctx.scope.mode, id);
  if (!row) throw new AppError("not_found");
  return row;
}

const audited = (
  ctx: ServiceContext,
  row: Pick<repository.CredentialRow, "id" | "kind">,
  action: string,
  after: Record<string, unknown> = {},
  before?: Record<string, unknown>,
) => ({
  action: `klarna_credential.${action}`,
  subjectKind: "klarna_credential",
  subjectId: row.id,
  after: { kind: row.kind, ...after },
  ...(before === undefined ? {} : { before }),
  mode: ctx.scope.mode,
});

/**
 * Asks Klarna for a new credential. A key or certificate is READY then and not used yet; a client identifier is ACTIVE.
 * When no answer came it stays REQUESTED: `resumeCredential` asks again for the same one.
 *
 * Errors: permission_denied, state_conflict (Klarna refused), klarna_unavailable.
 */
export async function createCredential(ctx: ServiceContext, input: CreateCredentialInput): Promise<CredentialItem> {
  requirePermission(ctx, "credentials:write");
  const { mode } = ctx.scope;
  const now = ctx.clock.now();
  const id = newId("klarnaCredential", now.getTime());
  const made = input.kind === "CLIENT_CERTIFICATE" ? createSigningRequest(`tillgate-${mode}-${id}`) : null;
  const rows = await repository.findCredentials(ctx.db, mode);
  const inUse = inUseIds(rows, now);
  const before = rows.find((row) => row.kind === input.kind && inUse.has(row.id));
  await ctx.db.transaction(async (tx) => {
    await repository.insertCredential(tx, {
      id,
      mode,
      kind: input.kind,
      purpose: input.purpose,
      domains: input.kind === "CLIENT_IDENTIFIER" ? input.domains : [],
      secret: made === null ? null : ctx.secrets.seal(made.privateKey, credentialPlace({ id, mode })),
      certificateRequest: made?.request ?? null,
      replacesId: before?.id ?? null,
      createdBy: ctx.actor.id,
      createdAt: now,
    });
    await appendAudit(tx, ctx, audited(ctx, { id, kind: input.kind }, "requested", { name: input.purpose }));
  });
  return finishCredential(ctx, await requireCredential(ctx, id));
}

/** Asks again for one whose answer was lost. Errors: as `createCredential`, not_found. */
export async function resumeCredential(ctx: ServiceContext, id: string): Promise<CredentialItem> {
  requirePermission(ctx, "credentials:write");
  const row = await requireCredential(ctx, id);
  if (row.state !== "REQUESTED") throw new AppError("state_conflict", { detail: "It is not waiting for an answer." });
  if (ctx.clock.now().getTime() - row.createdAt.getTime() > REQUEST_LIFE_MS) {
    await ctx.db.transaction(async (tx) => {
      await repository.updateCredential(tx, row.id, ["REQUESTED"], { state: "FAILED", secret: null });
      await appendAudit(tx, ctx, audited(ctx, row, "given_up"));
    });
    throw new AppError("gone", {
      detail:
        "Klarna keeps the answer for a day. Create another one; what Klarna may hold is listed as made elsewhere.",
    });
  }
  return finishCredential(ctx, row);
}

function bodyOf(row: repository.CredentialRow): Record<string, unknown> {
  const description = row.purpose;
  if (row.kind === "CLIENT_IDENTIFIER") return { description, config: { allowed_domains: row.domains } };
  if (row.kind === "CLIENT_CERTIFICATE")
    return { description, config: { usage: "MTLS", certificate_signing_request: row.certificateRequest } };
  return { description };
}

async function finishCredential(ctx: ServiceContext, row: repository.CredentialRow): Promise<CredentialItem> {
  const { mode } = ctx.scope;
  const outcome = await wire.createCredential(callOf(ctx), row.kind, bodyOf(row), klarnaIdempotencyKey(row.id));
  if (outcome.kind === "refused") {
    await ctx.db.transaction(async (tx) => {
      await repository.updateCredential(tx, row.id, ["REQUESTED"], { state: "FAILED", secret: null });
      await appendAudit(tx, ctx, audited(ctx, row, "refused", { code: outcome.error.code }));
    });
  }
  const body = requireAnswer(outcome, `make the ${KIND_WORDS[row.kind].one}`);
  const now = ctx.clock.now();
  const patch = readMade(ctx, row, body);
  await ctx.db.transaction(async (tx) => {
    const isOurs = await repository.updateCredential(tx, row.id, ["REQUESTED"], {
      ...patch,
      ...(row.kind === "CLIENT_IDENTIFIER" ? { state: "ACTIVE", activatedAt: now } : { state: "READY" }),
    });
    if (isOurs) await appendAudit(tx, ctx, audited(ctx, row, "created", { mode }));
  });
  return requireItem(ctx, row.id);
}

function readMade(ctx: ServiceContext, row: repository.CredentialRow, body: unknown): repository.CredentialPatch {
  const unreadable = () =>
    new AppError("klarna_unavailable", { detail: "Klarna's answer cannot be read. Ask again for the same one." });
  if (row.kind === "API_KEY") {
    const made = wire.NewKeySchema.safeParse(body);
    if (!made.success) throw unreadable();
    return {
      klarnaCredentialId: made.data.credential_id,
      secret: ctx.secrets.seal(made.data.api_key, credentialPlace(row)),
      hint: made.data.api_key.slice(-4),
    };
  }
  if (row.kind === "CLIENT_IDENTIFIER") {
    const made = wire.NewIdentifierSchema.safeParse(body);
    if (!made.success) throw unreadable();
    return { klarnaCredentialId: made.data.credential_id, hint: made.data.client_identifier };
  }
  const made = wire.NewCertificateSchema.safeParse(body);
  const certificate = made.success ? readCertificate(made.data.certificate) : null;
  if (!made.success || certificate === null) throw unreadable();
  // One of another key could never be shown: every call would end before it begins.
  const key = row.secret === null ? null : createPrivateKey(ctx.secrets.open(row.secret, credentialPlace(row)));
  if (key === null || !certificate.checkPrivateKey(key)) throw unreadable();
  return {
    klarnaCredentialId: made.data.credential_id,
    certificate: made.data.certificate,
    fingerprint: certificate.fingerprint256.replaceAll(":", "").toLowerCase(),
    expiresAt: certificate.validToDate,
    hint: certificate.serialNumber.slice(-8).toLowerCase(),
  };
}

function readCertificate(pem: string): X509Certificate | null {
  try {
    return new X509Certificate(pem);
  } catch {
    return null;
  }
}

async function requireItem(ctx: ServiceContext, id: string): Promise<CredentialItem> {
  const item = (await readItems(ctx)).find((one) => one.id === id);
  if (!item) throw new AppError("not_found");
  return item;
}

/** Shows the certificate to Klarna on a connection of its own. Errors: state_conflict, klarna_unavailable. */
async function requireTakenCertificate(
  ctx: ServiceContext,
  row: repository.CredentialRow,
  secret: string,
): Promise<void> {
  const { certificate, fingerprint } = row;
  if (certificate === null || fingerprint === null)
    throw new AppError("state_conflict", { detail: "There is no certificate to take into use." });
  const privateKey = ctx.secrets.open(secret, credentialPlace(row));
  const outcome = await wire.tryCertificate(callOf(ctx), { privateKey, certificate, fingerprint });
  requireAnswer(outcome, "take the new certificate");
  const verdict = outcome.kind === "answered" ? outcome.certificateVerdict?.toUpperCase() : undefined;
  if (verdict === "INVALID" || verdict === "NOT_PRESENT")
    throw new AppError("state_conflict", {
      detail: `Klarna does not take the new certificate (${verdict}). It may need some minutes to know it; what is in use stays.`,
    });
}

/**
 * Makes calls with it from now on, in every process within two seconds. It is tried first: one that Klarna does not take is
 * not used. The one before stays valid until it is disabled.
 *
 * Errors: permission_denied, not_found, state_conflict, klarna_unavailable.
 */
export async function activateCredential(ctx: ServiceContext, id: string): Promise<CredentialItem> {
  requirePermission(ctx, "credentials:write");
  const row = await requireCredential(ctx, id);
  if (row.kind === "CLIENT_IDENTIFIER" || row.state !== "READY" || row.secret === null)
    throw new AppError("state_conflict", { detail: "Only what was made and is not used yet can be taken into use." });
  if (row.kind === "API_KEY") {
    const key = ctx.secrets.open(row.secret, credentialPlace(row));
    requireAnswer(await wire.tryKey(callOf(ctx), key), "take the new key");
  } else await requireTakenCertificate(ctx, row, row.secret);
  const now = ctx.clock.now();
  await ctx.db.transaction(async (tx) => {
    if (!(await repository.updateCredential(tx, row.id, ["READY"], { state: "ACTIVE", activatedAt: now })))
      throw new AppError("state_conflict", { detail: "Somebody else was faster. Look again." });
    await appendAudit(tx, ctx, audited(ctx, row, "activated", { state: "ACTIVE" }, { state: "READY" }));
  });
  await ctx.klarna.reloadKeys?.(ctx.scope.mode);
  return requireItem(ctx, id);
}

/**
 * Disables it at Klarna, then here. The one in use, and the one before it within half a minute, are refused.
 *
 * Errors: permission_denied, not_found, state_conflict, klarna_unavailable.
 */
export async function disableCredential(ctx: ServiceContext, id: string): Promise<CredentialItem> {
  requirePermission(ctx, "credentials:write");
  const row = await requireCredential(ctx, id);
  const item = await requireItem(ctx, id);
  if (item.isInUse) throw new AppError("state_conflict", { detail: "It is in use. Take another one into use first." });
  if (item.disableFrom === null || row.klarnaCredentialId === null)
    throw new AppError("state_conflict", { detail: "There is nothing to disable." });
  if (item.disableFrom > ctx.clock.now())
    throw new AppError("state_conflict", {
      detail: "Not yet: every process has half a minute to follow to the new one.",
    });
  requireAnswer(await wire.disableCredential(callOf(ctx), row.kind, row.klarnaCredentialId), "disable it");
  await ctx.db.transaction(async (tx) => {
    const isOurs = await repository.updateCredential(tx, row.id, ["READY", "ACTIVE"], {
      state: "DISABLED",
      secret: null,
      disabledAt: ctx.clock.now(),
      disabledBy: ctx.actor.id,
    });
    if (isOurs) await appendAudit(tx, ctx, audited(ctx, row, "disabled", { state: "DISABLED" }, { state: row.state }));
  });
  return requireItem(ctx, id);
}

/** Disables one that Klarna holds and we do not: the first key after a rotation. Errors: as `disableCredential`. */
export async function disableForeignCredential(ctx: ServiceContext, klarnaId: string): Promise<void> {
  requirePermission(ctx, "credentials:write");
  const view = await readAccess(ctx);
  const foreign = view.foreign.find((one) => one.id === klarnaId && one.state === "ACTIVE");
  if (!foreign) throw new AppError("not_found");
  if (foreign.kind === "API_KEY" && view.keySource !== "DATABASE")
    throw new AppError("state_conflict", {
      detail: "It may be the key in use. Take one that was made here into use first.",
    });
  requireAnswer(await wire.disableCredential(callOf(ctx), foreign.kind, klarnaId), "disable it");
  await ctx.db.transaction((tx) =>
    appendAudit(tx, ctx, {
      action: "klarna_credential.foreign_disabled",
      subjectKind: "klarna_credential",
      subjectId: klarnaId.slice(0, 255),
      after: { kind: foreign.kind, state: "DISABLED" },
    }),
  );
}

/** Where a client identifier may be used. Errors: permission_denied, not_found, state_conflict, klarna_unavailable. */
export async function changeDomains(ctx: ServiceContext, id: string, domains: string[]): Promise<CredentialItem> {
  requirePermission(ctx, "credentials:write");
  const row = await requireCredential(ctx, id);
  if (row.kind !== "CLIENT_IDENTIFIER" || row.state !== "ACTIVE" || row.klarnaCredentialId === null)
    throw new AppError("state_conflict", { detail: "Only an active client identifier has domains." });
  const outcome = await wire.changeCredential(
    callOf(ctx),
    row.kind,
    row.klarnaCredentialId,
    { config: { allowed_domains: domains } },
    klarnaIdempotencyKey(newId("request")),
  );
  requireAnswer(outcome, "change the domains");
  await ctx.db.transaction(async (tx) => {
    await repository.updateCredential(tx, row.id, ["ACTIVE"], { domains });
    await appendAudit(
      tx,
      ctx,
      audited(ctx, row, "domains_changed", { count: domains.length }, { count: row.domains.length }),
    );
  });
  return requireItem(ctx, id);
}

/** The certificate in use and its private key, for signing. Null where there is none. */
export async function findSigningCertificate(
  ctx: ServiceContext,
): Promise<{ certificate: string; privateKey: string } | null> {
  const rows = await repository.findCredentials(ctx.db, ctx.scope.mode);
  const inUse = inUseIds(rows, ctx.clock.now());
  const row = rows.find((one) => one.kind === "CLIENT_CERTIFICATE" && inUse.has(one.id));
  if (!row?.secret || row.certificate === null) return null;
  return { certificate: row.certificate, privateKey: ctx.secrets.open(row.secret, credentialPlace(row)) };
}
