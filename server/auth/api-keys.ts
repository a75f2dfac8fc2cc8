import { randomBytes } from "node:crypto";
import { BlockList, isIP } from "node:net";
import { crc32 } from "node:zlib";
import { requirePermission, type ServiceContext, type Services } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { decodeCursor, type Page, toPage } from "@/server/core/pagination";
import type { Mode } from "@/server/core/schema";
import type { Row } from "@/server/db/client";
import { appendAudit } from "@/server/domain/audit/service";
import { type Actor, type ApiScope, isApiScope, type TenantScope } from "./permissions";

/*
 * Keys of Partners' systems: `tg_<mode>_sk_<43 characters: 256 bits in base62><6 characters: CRC-32 in base62>`.
 * Only a keyed hash is stored. The checksum lets secret scanners and us tell a mistyped key without asking the database.
 */

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const SECRET_LENGTH = 43;
const CHECK_LENGTH = 6;
const KEY_FORM = /^tg_(test|live)_sk_[0-9A-Za-z]{49}$/;
/** A revoked key works no longer than this in a process that has just used it. */
const CACHE_MS = 1_000;
const CACHE_MAX = 10_000;
const STAMP_EVERY_MS = 60_000;
const HASH_PURPOSE = "api_key";

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

export type VerifiedKey = {
  readonly keyId: string;
  readonly actor: Extract<Actor, { kind: "API_KEY" }>;
  readonly scope: TenantScope;
};

function base62(bytes: Uint8Array, length: number): string {
  let value = BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
  let text = "";
  while (text.length < length) {
    text = `${ALPHABET[Number(value % 62n)]}${text}`;
    value /= 62n;
  }
  return text;
}

function checksum(text: string): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(text));
  return base62(bytes, CHECK_LENGTH);
}

/** Whether a text has the form and the checksum of one of our keys. Says nothing about whether it is valid. */
export function hasKeyForm(raw: string): boolean {
  return KEY_FORM.test(raw) && checksum(raw.slice(0, -CHECK_LENGTH)) === raw.slice(-CHECK_LENGTH);
}

function newKey(mode: Mode): string {
  const start = `tg_${mode}_sk_${base62(randomBytes(32), SECRET_LENGTH)}`;
  return `${start}${checksum(start)}`;
}

type KeyRow = Row & {
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
const KEY_COLUMNS =
  "id, partner_id, mode, name, secret_hint, scopes, addresses, expires_at, revoked_at, last_used_at, created_at";

function toKey(row: KeyRow): ApiKey {
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

/** An address or a network ("203.0.113.0/24"). */
export function isAddressRule(text: string): boolean {
  const [address, bits, rest] = text.split("/");
  const family = isIP(address ?? "");
  if (family === 0 || rest !== undefined) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

function toBlockList(addresses: readonly string[]): BlockList | null {
  if (addresses.length === 0) return null;
  const list = new BlockList();
  for (const rule of addresses) {
    const [address = "", bits] = rule.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

/**
 * Issues a key of the context's mode for one Partner. The key itself is in the answer and nowhere else.
 *
 * Errors: permission_denied, not_found (another Partner), validation_failed.
 */
export async function issueApiKey(
  ctx: ServiceContext,
  input: {
    partnerId: string;
    name: string;
    scopes: readonly ApiScope[];
    addresses?: readonly string[];
    expiresAt?: Date | null;
  },
): Promise<{ id: string; key: string; hint: string }> {
  requirePermission(ctx, "api_keys:write");
  assertPartner(ctx.scope, input.partnerId);
  const errors = [
    ...(input.scopes.length === 0 ? [{ pointer: "/scopes", detail: "needs at least one scope" }] : []),
    ...(input.addresses ?? []).flatMap((rule, index) =>
      isAddressRule(rule) ? [] : [{ pointer: `/addresses/${index}`, detail: "is not an address or a network" }],
    ),
  ];
  if (errors.length > 0) throw new AppError("validation_failed", { errors });

  const id = newId("apiKey");
  const key = newKey(ctx.scope.mode);
  const hint = `tg_${ctx.scope.mode}_sk_…${key.slice(-4)}`;
  const scopes = [...new Set(input.scopes)];
  const addresses = [...(input.addresses ?? [])];
  const expiresAt = input.expiresAt ?? null;
  await ctx.db.transaction(async (tx) => {
    const known = await tx.query<Row>({ text: "select 1 from partners where id = $1", values: [input.partnerId] });
    if (known.length === 0) throw new AppError("not_found");
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
      after: { id, name: input.name, scopes, addresses, expires_at: expiresAt },
    });
  });
  return { id, key, hint };
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

type Known = { verified: VerifiedKey; mode: Mode; expiresAtMs: number; addresses: BlockList | null } | null;

export type ApiKeyVerifier = {
  /**
   * Whose key this is. `address` is where the request came from, null when that is not known.
   * Errors: key_missing, key_invalid (unknown, expired or revoked), address_not_allowed.
   */
  verify(raw: string | null, address: string | null): Promise<VerifiedKey>;
  /** Resolves when the last-used times that are on their way are written. */
  settle(): Promise<void>;
};

/** Checks keys for one process: a lookup is good for a second, the last use is written at most once a minute. */
export function createApiKeyVerifier(services: Pick<Services, "db" | "secrets" | "clock" | "log">): ApiKeyVerifier {
  const cache = new Map<string, { readonly atMs: number; readonly known: Promise<Known> }>();
  const stamped = new Map<string, number>();
  const writing = new Set<Promise<void>>();

  async function load(hash: string): Promise<Known> {
    const [row] = await services.db.query<KeyRow>({
      name: "api_key_by_hash",
      text: `select ${KEY_COLUMNS} from api_keys where secret_hash = $1 and revoked_at is null`,
      values: [hash],
    });
    if (!row) return null;
    const key = toKey(row);
    return {
      verified: {
        keyId: key.id,
        actor: { kind: "API_KEY", id: key.id, name: key.name, partnerId: key.partnerId, scopes: key.scopes },
        scope: { partners: [key.partnerId], mode: key.mode },
      },
      mode: key.mode,
      expiresAtMs: key.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY,
      addresses: toBlockList(key.addresses),
    };
  }

  function find(hash: string): Promise<Known> {
    const now = performance.now();
    const hit = cache.get(hash);
    if (hit && now - hit.atMs < CACHE_MS) return hit.known;
    if (cache.size >= CACHE_MAX) cache.clear();
    const known = load(hash);
    cache.set(hash, { atMs: now, known });
    known.catch(() => cache.delete(hash));
    return known;
  }

  function stamp(keyId: string): void {
    const now = services.clock.now();
    if (now.getTime() - (stamped.get(keyId) ?? Number.NEGATIVE_INFINITY) < STAMP_EVERY_MS) return;
    if (stamped.size >= CACHE_MAX) stamped.clear();
    stamped.set(keyId, now.getTime());
    const write = services.db
      .query({
        name: "api_key_stamp",
        text: "update api_keys set last_used_at = $2 where id = $1 and (last_used_at is null or last_used_at < $2)",
        values: [keyId, now],
      })
      .then(() => undefined)
      .catch((error: unknown) => services.log.warn({ keyId, error }, "the last use of a key was not written"))
      .finally(() => writing.delete(write));
    writing.add(write);
  }

  return {
    verify: async (raw, address) => {
      if (raw === null) throw new AppError("key_missing");
      if (!hasKeyForm(raw)) throw new AppError("key_invalid");
      const known = await find(services.secrets.hash(raw, HASH_PURPOSE));
      if (!known || !raw.startsWith(`tg_${known.mode}_`) || services.clock.now().getTime() >= known.expiresAtMs) {
        throw new AppError("key_invalid");
      }
      if (known.addresses && !isListed(known.addresses, address)) throw new AppError("address_not_allowed");
      stamp(known.verified.keyId);
      return known.verified;
    },
    settle: async () => {
      await Promise.allSettled([...writing]);
    },
  };
}

function isListed(list: BlockList, address: string | null): boolean {
  if (address === null) return false;
  const plain = address.startsWith("::ffff:") ? address.slice(7) : address;
  const family = isIP(plain);
  return family !== 0 && list.check(plain, family === 6 ? "ipv6" : "ipv4");
}
