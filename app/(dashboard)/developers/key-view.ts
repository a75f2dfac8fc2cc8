import { DAY_MS } from "@/server/core/time";

export type KeyView = {
  id: string;
  name: string;
  hint: string;
  partnerName: string;
  scopes: readonly string[];
  addresses: readonly string[];
  status: "revoked" | "expired" | "expiring" | "idle" | "active";
  createdAt: string;
  lastUsedAt: string | null;
  expiresAt: string | null;
  revokedAt: string | null;
};

type KeyFacts = Pick<KeyView, "id" | "name" | "hint" | "scopes" | "addresses"> &
  Record<"revokedAt" | "expiresAt" | "lastUsedAt", Date | null> & { createdAt: Date };

const SOON_MS = 14 * DAY_MS;
const IDLE_MS = 90 * DAY_MS;

/** One word for a key: what ended it, else what asks for a look. */
function keyStatus(key: KeyFacts, now: Date): KeyView["status"] {
  if (key.revokedAt !== null) return "revoked";
  const leftMs = key.expiresAt === null ? Number.POSITIVE_INFINITY : key.expiresAt.getTime() - now.getTime();
  if (leftMs <= 0) return "expired";
  if (leftMs < SOON_MS) return "expiring";
  const quietMs = now.getTime() - (key.lastUsedAt ?? key.createdAt).getTime();
  return quietMs > IDLE_MS ? "idle" : "active";
}

/** A key as a list shows it. */
export function keyView(key: KeyFacts, partnerName: string, now: Date): KeyView {
  return {
    id: key.id,
    name: key.name,
    hint: key.hint,
    partnerName,
    scopes: key.scopes,
    addresses: key.addresses,
    status: keyStatus(key, now),
    createdAt: key.createdAt.toISOString(),
    lastUsedAt: key.lastUsedAt?.toISOString() ?? null,
    expiresAt: key.expiresAt?.toISOString() ?? null,
    revokedAt: key.revokedAt?.toISOString() ?? null,
  };
}
