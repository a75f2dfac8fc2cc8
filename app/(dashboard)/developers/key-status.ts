import { DAY_MS } from "@/server/core/time";

const SOON_MS = 14 * DAY_MS;
const IDLE_MS = 90 * DAY_MS;

/** One word for a key: what ended it, else what asks for a look. */
export function keyStatus(
  key: { revokedAt: Date | null; expiresAt: Date | null; lastUsedAt: Date | null; createdAt: Date },
  now: Date,
): "revoked" | "expired" | "expiring" | "idle" | "active" {
  if (key.revokedAt !== null) return "revoked";
  const leftMs = key.expiresAt === null ? Number.POSITIVE_INFINITY : key.expiresAt.getTime() - now.getTime();
  if (leftMs <= 0) return "expired";
  if (leftMs < SOON_MS) return "expiring";
  const quietMs = now.getTime() - (key.lastUsedAt ?? key.createdAt).getTime();
  return quietMs > IDLE_MS ? "idle" : "active";
}
