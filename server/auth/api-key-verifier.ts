import type { BlockList } from "node:net";
import type { Services } from "@/server/context";
import { AppError } from "@/server/core/errors";
import type { Mode } from "@/server/core/schema";
import { findAcquirerKey } from "./acquirer-keys";
import { KEY_COLUMNS, type KeyRow, toKey } from "./api-keys";
import { HASH_PURPOSE, hasKeyForm, isListed, keyKindOf, toBlockList } from "./key-form";
import type { Actor, TenantScope } from "./permissions";

/* Whether a key that a request carries is good. */

/** A revoked key works no longer than this in a process that has just used it. */
const CACHE_MS = 1_000;
const CACHE_MAX = 10_000;
const STAMP_EVERY_MS = 60_000;

export type VerifiedKey = {
  readonly keyId: string;
  readonly actor: Extract<Actor, { kind: "API_KEY" }>;
  readonly scope: TenantScope;
};

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

  async function load(kind: "sk" | "ak", hash: string): Promise<Known> {
    if (kind === "ak") {
      const own = await findAcquirerKey(services.db, hash);
      return own === null
        ? null
        : {
            verified: {
              keyId: own.id,
              actor: { kind: "API_KEY", id: own.id, name: own.name, partnerId: null, scopes: own.scopes },
              scope: { partners: "all", mode: own.mode },
            },
            mode: own.mode,
            expiresAtMs: own.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY,
            addresses: toBlockList(own.addresses),
          };
    }
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

  function find(kind: "sk" | "ak", hash: string): Promise<Known> {
    const now = performance.now();
    const hit = cache.get(hash);
    if (hit && now - hit.atMs < CACHE_MS) return hit.known;
    if (cache.size >= CACHE_MAX) cache.clear();
    const known = load(kind, hash);
    cache.set(hash, { atMs: now, known });
    known.catch(() => cache.delete(hash));
    return known;
  }

  function stamp(keyId: string, isAcquirers: boolean): void {
    const now = services.clock.now();
    if (now.getTime() - (stamped.get(keyId) ?? Number.NEGATIVE_INFINITY) < STAMP_EVERY_MS) return;
    if (stamped.size >= CACHE_MAX) stamped.clear();
    stamped.set(keyId, now.getTime());
    const write = services.db
      .query({
        name: isAcquirers ? "acquirer_key_stamp" : "api_key_stamp",
        text: `update ${isAcquirers ? "acquirer_keys" : "api_keys"} set last_used_at = $2 where id = $1 and (last_used_at is null or last_used_at < $2)`,
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
      const known = await find(keyKindOf(raw), services.secrets.hash(raw, HASH_PURPOSE));
      if (!known || !raw.startsWith(`tg_${known.mode}_`) || services.clock.now().getTime() >= known.expiresAtMs) {
        throw new AppError("key_invalid");
      }
      if (known.addresses && !isListed(known.addresses, address)) throw new AppError("address_not_allowed");
      stamp(known.verified.keyId, known.verified.actor.partnerId === null);
      return known.verified;
    },
    settle: async () => {
      await Promise.allSettled([...writing]);
    },
  };
}
