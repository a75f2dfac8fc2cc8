import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import type { Mode } from "@/server/core/schema";
import { addMs, DAY_MS, HOUR_MS } from "@/server/core/time";
import type { Database, Row, Transaction } from "@/server/db/client";
import { appendAudit } from "@/server/domain/audit/service";
import { HASH_PURPOSE, hintOf, isAddressRule, newKeyText } from "./key-form";
import { ACQUIRER_SCOPES, type AcquirerScope, actorCan, isAcquirerScope } from "./permissions";

/*
 * Keys of the acquirer's own systems (`tg_<mode>_ak_…`): they onboard Partners and keep their stores, over all Partners of
 * one mode. They take no payments, and no Partner's key is one of them.
 */

const LISTED_MAX = 200;
const OVERLAP_HOURS_MAX = 168;

export type AcquirerKey = {
  id: string;
  mode: Mode;
  name: string;
  /** What people see of it: prefix and last four characters. */
  hint: string;
  scopes: AcquirerScope[];
  addresses: string[];
  expiresAt: Date | null;
  revokedAt: Date | null;
  lastUsedAt: Date | null;
  createdAt: Date;
};

type KeyRow = Row & Omit<AcquirerKey, "scopes"> & { scopes: string[] };
const COLUMNS = `id, mode, name, secret_hint as hint, scopes, addresses, expires_at as "expiresAt", revoked_at as "revokedAt",
  last_used_at as "lastUsedAt", created_at as "createdAt"`;

const toKey = (row: KeyRow): AcquirerKey => ({ ...row, scopes: row.scopes.filter(isAcquirerScope) });

/** The key that is not revoked with this hash; it may have expired. */
export async function findAcquirerKey(db: Pick<Database, "query">, hash: string): Promise<AcquirerKey | null> {
  const [row] = await db.query<KeyRow>({
    name: "acquirer_key_by_hash",
    text: `select ${COLUMNS} from acquirer_keys where secret_hash = $1 and revoked_at is null`,
    values: [hash],
  });
  return row ? toKey(row) : null;
}

/** These keys see every Partner: whoever does not has nothing to do with them. */
function requireAcquirer(ctx: ServiceContext, permission: "credentials:read" | "credentials:write"): void {
  requirePermission(ctx, permission);
  if (ctx.scope.partners !== "all") throw new AppError("permission_denied", { params: { permission } });
}

export type NewAcquirerKey = {
  name: string;
  scopes: readonly AcquirerScope[];
  addresses?: readonly string[];
  expiresAt?: Date | null;
};
export type IssuedAcquirerKey = { id: string; key: string; hint: string };

async function insert(tx: Transaction, ctx: ServiceContext, input: NewAcquirerKey): Promise<IssuedAcquirerKey> {
  const id = newId("acquirerKey", ctx.clock.now().getTime());
  const key = newKeyText("ak", ctx.scope.mode);
  const hint = hintOf(key);
  const scopes = [...new Set(input.scopes)];
  const addresses = [...(input.addresses ?? [])];
  const expiresAt = input.expiresAt ?? null;
  await tx.query<Row>({
    text: `insert into acquirer_keys (id, mode, name, secret_hash, secret_hint, scopes, addresses, expires_at, created_by, created_at)
           values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)`,
    values: [
      ...[id, ctx.scope.mode, input.name, ctx.secrets.hash(key, HASH_PURPOSE), hint, scopes, addresses, expiresAt],
      ...[ctx.actor.id, ctx.clock.now()],
    ],
  });
  await appendAudit(tx, ctx, {
    action: "acquirer_key.issued",
    subjectKind: "acquirer_key",
    subjectId: id,
    after: { id, name: input.name, scopes, addresses, expires_at: expiresAt },
  });
  return { id, key, hint };
}

/**
 * Issues a key of the context's mode for one of the acquirer's systems. The key itself is in the answer and nowhere else.
 * A person gives a key no scope that they do not hold themselves.
 *
 * Errors: permission_denied, validation_failed, role_exceeds_own.
 */
export async function issueAcquirerKey(ctx: ServiceContext, input: NewAcquirerKey): Promise<IssuedAcquirerKey> {
  requireAcquirer(ctx, "credentials:write");
  const excess = input.scopes.filter((scope) => !ACQUIRER_SCOPES[scope].every((name) => actorCan(ctx.actor, name)));
  if (excess.length > 0)
    throw new AppError("role_exceeds_own", {
      errors: [{ pointer: "/scopes", detail: `needs more than you may do yourself: ${excess.join(", ")}` }],
    });
  const errors = [
    ...(input.scopes.length === 0 ? [{ pointer: "/scopes", detail: "needs at least one scope" }] : []),
    ...(input.addresses ?? []).flatMap((rule, index) =>
      isAddressRule(rule) ? [] : [{ pointer: `/addresses/${index}`, detail: "is not an address or a network" }],
    ),
  ];
  if (errors.length > 0) throw new AppError("validation_failed", { errors });
  return ctx.db.transaction((tx) => insert(tx, ctx, input));
}

/**
 * A new secret with the name, scopes, addresses and life of a key; the old one works on for `overlapHours`, 0 to 168.
 *
 * Errors: permission_denied, not_found (revoked or expired), role_exceeds_own.
 */
export async function rotateAcquirerKey(
  ctx: ServiceContext,
  input: { id: string; overlapHours: number },
): Promise<IssuedAcquirerKey> {
  requireAcquirer(ctx, "credentials:write");
  const now = ctx.clock.now();
  const end = addMs(now, Math.min(Math.max(input.overlapHours, 0), OVERLAP_HOURS_MAX) * HOUR_MS);
  return ctx.db.transaction(async (tx) => {
    const [row] = await tx.query<KeyRow>({
      text: `select ${COLUMNS} from acquirer_keys where id = $1 and mode = $2 and revoked_at is null and (expires_at is null or expires_at > $3) for update`,
      values: [input.id, ctx.scope.mode, now],
    });
    if (!row) throw new AppError("not_found");
    const old = toKey(row);
    if (!old.scopes.every((scope) => ACQUIRER_SCOPES[scope].every((name) => actorCan(ctx.actor, name))))
      throw new AppError("role_exceeds_own");
    const lifeMs = old.expiresAt === null ? null : Math.max(old.expiresAt.getTime() - old.createdAt.getTime(), DAY_MS);
    const made = await insert(tx, ctx, {
      ...{ name: old.name, scopes: old.scopes, addresses: old.addresses },
      expiresAt: lifeMs === null ? null : addMs(now, lifeMs),
    });
    await tx.query<Row>({
      text: "update acquirer_keys set expires_at = least(coalesce(expires_at, $2), $2) where id = $1",
      values: [old.id, end],
    });
    await appendAudit(tx, ctx, {
      action: "acquirer_key.rotated",
      subjectKind: "acquirer_key",
      subjectId: old.id,
      after: { id: made.id, expires_at: end },
    });
    return made;
  });
}

/** Ends a key: it is refused within a second everywhere. Ending an ended key changes nothing. Errors: permission_denied, not_found. */
export async function revokeAcquirerKey(ctx: ServiceContext, id: string): Promise<void> {
  requireAcquirer(ctx, "credentials:write");
  await ctx.db.transaction(async (tx) => {
    const [row] = await tx.query<KeyRow>({
      text: `select ${COLUMNS} from acquirer_keys where id = $1 and mode = $2 for update`,
      values: [id, ctx.scope.mode],
    });
    if (!row) throw new AppError("not_found");
    if (row.revokedAt !== null) return;
    await tx.query<Row>({
      text: "update acquirer_keys set revoked_at = $2 where id = $1",
      values: [id, ctx.clock.now()],
    });
    await appendAudit(tx, ctx, {
      action: "acquirer_key.revoked",
      subjectKind: "acquirer_key",
      subjectId: id,
      before: { status: "active" },
      after: { status: "revoked" },
    });
  });
}

/** Keys of the mode, newest first, ended ones too: two hundred at most. Never the secret. Errors: permission_denied. */
export async function listAcquirerKeys(ctx: ServiceContext): Promise<AcquirerKey[]> {
  requireAcquirer(ctx, "credentials:read");
  const rows = await ctx.db.query<KeyRow>({
    text: `select ${COLUMNS} from acquirer_keys where mode = $1 order by created_at desc, id desc limit $2`,
    values: [ctx.scope.mode, LISTED_MAX],
  });
  return rows.map(toKey);
}
