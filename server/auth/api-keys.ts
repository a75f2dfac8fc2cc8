import { z } from "zod";
import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError, isAppError } from "@/server/core/errors";
import { idSchema, newId } from "@/server/core/ids";
import { decodeCursor, type Page, toPage } from "@/server/core/pagination";
import type { Mode } from "@/server/core/schema";
import { addMs, DAY_MS, HOUR_MS } from "@/server/core/time";
import type { Row, Transaction } from "@/server/db/client";
import {
  getApproval,
  getFourEyes,
  guardApproval,
  requestApproval,
  spendApproval,
} from "@/server/domain/approvals/service";
import { appendAudit } from "@/server/domain/audit/service";
import { HASH_PURPOSE, hintOf, isAddressRule, newKeyText } from "./key-form";
import { API_SCOPE_NAMES, API_SCOPES, type ApiScope, actorCan, isApiScope, type TenantScope } from "./permissions";

/* Keys of Partners' systems. Their form is in key-form.ts, the acquirer's own keys are in acquirer-keys.ts. */

/** How long an old secret may work beside the new one: a week. */
export const OVERLAP_HOURS_MAX = 168;

export type ApiKey = {
  id: string;
  partnerId: string;
  mode: Mode;
  name: string;
  /** What people see of it: prefix and last four characters. */
  hint: string;
  scopes: ApiScope[];
  addresses: string[];
  expiresAt: Date | null;
  revokedAt: Date | null;
  lastUsedAt: Date | null;
  createdAt: Date;
};

export type KeyRow = Row & {
  id: string;
  partner_id: string;
  mode: Mode;
  name: string;
  secret_hint: string;
  scopes: string[];
  addresses: string[];
  expires_at: Date | null;
  revoked_at: Date | null;
  last_used_at: Date | null;
  created_at: Date;
};
export const KEY_COLUMNS =
  "id, partner_id, mode, name, secret_hint, scopes, addresses, expires_at, revoked_at, last_used_at, created_at";

export function toKey(row: KeyRow): ApiKey {
  return {
    id: row.id,
    partnerId: row.partner_id,
    mode: row.mode,
    name: row.name,
    hint: row.secret_hint,
    scopes: row.scopes.filter(isApiScope),
    addresses: row.addresses,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    lastUsedAt: row.last_used_at,
    createdAt: row.created_at,
  };
}

export type NewKey = {
  partnerId: string;
  name: string;
  scopes: readonly ApiScope[];
  addresses?: readonly string[];
  expiresAt?: Date | null;
  /** The key that this one takes the place of: it works for as many hours more, 0 to 168. */
  replaces?: { id: string; overlapHours: number } | null;
};

/** The form in which an approval is bound to a key. */
const KeyPayloadSchema = z.strictObject({
  partner: idSchema("partner"),
  name: z.string(),
  scopes: z.array(z.enum(API_SCOPE_NAMES)),
  addresses: z.array(z.string()),
  expires_at: z.iso.datetime().nullable(),
  replaces: z.strictObject({ id: idSchema("apiKey"), overlap_hours: z.int().min(0).max(OVERLAP_HOURS_MAX) }).nullable(),
});

function keyPayload(input: NewKey): z.infer<typeof KeyPayloadSchema> {
  return {
    partner: input.partnerId,
    name: input.name,
    scopes: [...new Set(input.scopes)].sort(),
    addresses: [...(input.addresses ?? [])],
    expires_at: input.expiresAt?.toISOString() ?? null,
    replaces: input.replaces ? { id: input.replaces.id, overlap_hours: input.replaces.overlapHours } : null,
  };
}

/**
 * Issues a key of the context's mode for one Partner. The key itself is in the answer and nowhere else. A person gives a
 * key no scope that they do not hold themselves. Where the Partner's rules want a second person, `approvalId` names the
 * approval of exactly this key, which is spent with it.
 *
 * Errors: permission_denied, not_found (another Partner; the key to replace is not there or has ended), validation_failed,
 * role_exceeds_own, approval_required, approval_refused.
 */
export async function issueApiKey(
  ctx: ServiceContext,
  input: NewKey,
  approvalId: string | null = null,
): Promise<{ id: string; key: string; hint: string }> {
  requirePermission(ctx, "api_keys:write");
  assertPartner(ctx.scope, input.partnerId);
  const excess = input.scopes.filter((scope) => !API_SCOPES[scope].every((name) => actorCan(ctx.actor, name)));
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

  const id = newId("apiKey");
  const key = newKeyText("sk", ctx.scope.mode);
  const hint = hintOf(key);
  const scopes = [...new Set(input.scopes)];
  const addresses = [...(input.addresses ?? [])];
  const expiresAt = input.expiresAt ?? null;
  if (ctx.actor.kind === "USER" && approvalId === null && (await getFourEyes(ctx.db, input.partnerId)).apiKeys)
    throw new AppError("approval_required");
  const work = async (tx: Transaction): Promise<void> => {
    const known = await tx.query<Row>({ text: "select 1 from partners where id = $1", values: [input.partnerId] });
    if (known.length === 0) throw new AppError("not_found");
    if (approvalId !== null)
      await spendApproval(tx, ctx, {
        ...{ id: approvalId, kind: "API_KEY", partnerId: input.partnerId },
        ...{ payload: keyPayload(input), resultId: id },
      });
    if (input.replaces) await endLater(tx, ctx, input.partnerId, input.replaces, id);
    await tx.query({
      text: `insert into api_keys (id, partner_id, mode, name, secret_hash, secret_hint, scopes, addresses, expires_at, created_by, created_at)
             values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11)`,
      values: [
        id,
        input.partnerId,
        ctx.scope.mode,
        input.name,
        ctx.secrets.hash(key, HASH_PURPOSE),
        hint,
        scopes,
        addresses,
        expiresAt,
        ctx.actor.id,
        ctx.clock.now(),
      ],
    });
    await appendAudit(tx, ctx, {
      action: "api_key.issued",
      subjectKind: "api_key",
      subjectId: id,
      partnerId: input.partnerId,
      after: { id, name: input.name, scopes, addresses, expires_at: expiresAt, approval_id: approvalId },
    });
  };
  await guardApproval(ctx, approvalId, () => ctx.db.transaction(work));
  return { id, key, hint };
}

/** Gives a key that is replaced its last hours. Errors: not_found (another Partner's, revoked or expired). */
async function endLater(
  tx: Transaction,
  ctx: ServiceContext,
  partnerId: string,
  old: { id: string; overlapHours: number },
  newKeyId: string,
): Promise<void> {
  const now = ctx.clock.now();
  const end = addMs(now, Math.min(Math.max(old.overlapHours, 0), OVERLAP_HOURS_MAX) * HOUR_MS);
  const [row] = await tx.query<Row & { expires_at: Date }>({
    text: `update api_keys set expires_at = least(coalesce(expires_at, $4), $4)
           where id = $1 and partner_id = $2 and mode = $3 and revoked_at is null and (expires_at is null or expires_at > $5)
           returning expires_at`,
    values: [old.id, partnerId, ctx.scope.mode, end, now],
  });
  if (!row) throw new AppError("not_found");
  await appendAudit(tx, ctx, {
    action: "api_key.rotated",
    subjectKind: "api_key",
    subjectId: old.id,
    partnerId,
    after: { id: newKeyId, expires_at: row.expires_at },
  });
}

export type KeyOutcome =
  | { kind: "key"; id: string; key: string; hint: string }
  | { kind: "approval"; approvalId: string; isNew: boolean };

/**
 * Issues a key, or asks for a second person where the Partner's rules say so: then there is no key yet, and who asked
 * collects it once it is approved. Errors: those of `issueApiKey` but approval_required.
 */
export async function issueOrAskApiKey(ctx: ServiceContext, input: NewKey): Promise<KeyOutcome> {
  try {
    return { kind: "key", ...(await issueApiKey(ctx, input)) };
  } catch (error) {
    if (!isAppError(error) || error.code !== "approval_required") throw error;
    const { id, isNew } = await requestApproval(ctx, {
      kind: "API_KEY",
      partnerId: input.partnerId,
      subjectKind: input.replaces ? "api_key" : "partner",
      subjectId: input.replaces?.id ?? input.partnerId,
      payload: keyPayload(input),
      summary: `${input.replaces ? "New secret for the" : "New"} API key "${input.name}"`.slice(0, 180),
    });
    return { kind: "approval", approvalId: id, isNew };
  }
}

/**
 * The key that was approved, for the person who asked for it and nobody else: shown this once.
 *
 * Errors: permission_denied, not_found (another's request), approval_refused (not approved, used, ended), and those of
 * `issueApiKey`.
 */
export async function collectApiKey(
  ctx: ServiceContext,
  approvalId: string,
): Promise<{ id: string; key: string; hint: string }> {
  requirePermission(ctx, "api_keys:write");
  const approval = await getApproval(ctx, approvalId);
  if (approval.kind !== "API_KEY" || approval.requestedBy.id !== ctx.actor.id) throw new AppError("not_found");
  const payload = KeyPayloadSchema.safeParse(approval.payload);
  if (!payload.success) throw new AppError("approval_refused", { cause: payload.error });
  const { partner, name, scopes, addresses, expires_at, replaces } = payload.data;
  return issueApiKey(
    ctx,
    {
      partnerId: partner,
      ...{ name, scopes, addresses },
      expiresAt: expires_at === null ? null : new Date(expires_at),
      replaces: replaces === null ? null : { id: replaces.id, overlapHours: replaces.overlap_hours },
    },
    approvalId,
  );
}

/**
 * A new secret with the name, scopes, addresses and life of a key; the old one works on for `overlapHours`, 0 to 168.
 *
 * Errors: those of `issueOrAskApiKey`; not_found (revoked or expired).
 */
export async function rotateApiKey(
  ctx: ServiceContext,
  input: { id: string; overlapHours: number },
): Promise<KeyOutcome> {
  requirePermission(ctx, "api_keys:write");
  const [row] = await ctx.db.query<KeyRow>({
    text: `select ${KEY_COLUMNS} from api_keys where id = $1 and mode = $2 and ($3::text[] is null or partner_id = any($3)) and revoked_at is null`,
    values: [input.id, ctx.scope.mode, ctx.scope.partners === "all" ? null : ctx.scope.partners],
  });
  if (!row) throw new AppError("not_found");
  const old = toKey(row);
  const lifeMs = old.expiresAt === null ? null : Math.max(old.expiresAt.getTime() - old.createdAt.getTime(), DAY_MS);
  return issueOrAskApiKey(ctx, {
    ...{ partnerId: old.partnerId, name: old.name, scopes: old.scopes, addresses: old.addresses },
    expiresAt: lifeMs === null ? null : addMs(ctx.clock.now(), lifeMs),
    replaces: { id: old.id, overlapHours: input.overlapHours },
  });
}

/**
 * Ends a key: it is refused within a second everywhere. Ending an ended key changes nothing.
 *
 * Errors: permission_denied, not_found.
 */
export async function revokeApiKey(ctx: ServiceContext, id: string): Promise<ApiKey> {
  requirePermission(ctx, "api_keys:write");
  return ctx.db.transaction(async (tx) => {
    const [row] = await tx.query<KeyRow>({
      text: `select ${KEY_COLUMNS} from api_keys where id = $1 and mode = $2 and ($3::text[] is null or partner_id = any($3)) for update`,
      values: [id, ctx.scope.mode, ctx.scope.partners === "all" ? null : ctx.scope.partners],
    });
    if (!row) throw new AppError("not_found");
    if (row.revoked_at) return toKey(row);
    const now = ctx.clock.now();
    await tx.query({ text: "update api_keys set revoked_at = $2 where id = $1", values: [id, now] });
    await appendAudit(tx, ctx, {
      action: "api_key.revoked",
      subjectKind: "api_key",
      subjectId: id,
      partnerId: row.partner_id,
      before: { status: "active" },
      after: { status: "revoked" },
    });
    return toKey({ ...row, revoked_at: now });
  });
}

/**
 * Keys of the Partners and the mode in scope, newest first, ended ones too. Never the secret.
 *
 * Errors: permission_denied, validation_failed (cursor).
 */
export async function listApiKeys(
  ctx: ServiceContext,
  filter: { partner?: string | undefined } = {},
  page: { limit: number; cursor?: string | undefined } = { limit: 100 },
): Promise<Page<ApiKey>> {
  requirePermission(ctx, "api_keys:read");
  const after = page.cursor ? decodeCursor(page.cursor) : null;
  const rows = await ctx.db.query<KeyRow>({
    text: `select ${KEY_COLUMNS} from api_keys
           where mode = $1 and ($2::text[] is null or partner_id = any($2)) and ($3::text is null or partner_id = $3)
             and ($4::timestamptz is null or (created_at, id) < ($4, $5))
           order by created_at desc, id desc limit $6`,
    values: [
      ctx.scope.mode,
      ctx.scope.partners === "all" ? null : ctx.scope.partners,
      filter.partner ?? null,
      after?.createdAt ?? null,
      after?.id ?? null,
      page.limit + 1,
    ],
  });
  return toPage(rows.map(toKey), page.limit);
}

function assertPartner(scope: TenantScope, partnerId: string): void {
  if (scope.partners !== "all" && !scope.partners.includes(partnerId)) throw new AppError("not_found");
}
