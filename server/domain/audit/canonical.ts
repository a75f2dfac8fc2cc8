import type { SecretBox } from "@/server/db/secrets";

/** An entry as the chain covers it: every column, texts as PostgreSQL writes them, so that reading cannot change them. */
export type ChainedEntry = {
  position: number;
  id: string;
  partnerId: string | null;
  mode: string | null;
  actorKind: string;
  actorId: string;
  way: string;
  action: string;
  subjectKind: string;
  subjectId: string;
  requestId: string | null;
  /** The text of the jsonb column: PostgreSQL keeps keys in one order. */
  before: string | null;
  after: string | null;
  /** Milliseconds since 1970. */
  createdAtMs: number;
};

/** What the first link follows. */
export const FIRST_HASH = "0".repeat(64);

/** The columns of `ChainedEntry`, from `audit_entries e`. */
export const CHAINED_COLUMNS = `e.position, e.id, e.partner_id as "partnerId", e.mode, e.actor_kind as "actorKind", e.actor_id as "actorId", e.way, e.action,
  e.subject_kind as "subjectKind", e.subject_id as "subjectId", e.request_id as "requestId", e.before::text as before, e.after::text as after,
  (extract(epoch from e.created_at) * 1000)::bigint as "createdAtMs"`;

/** One text for one entry: a list, in this order for ever. */
export function canonicalEntry(entry: ChainedEntry): string {
  return JSON.stringify([
    entry.position,
    entry.id,
    entry.partnerId,
    entry.mode,
    entry.actorKind,
    entry.actorId,
    entry.way,
    entry.action,
    entry.subjectKind,
    entry.subjectId,
    entry.requestId,
    entry.before,
    entry.after,
    entry.createdAtMs,
  ]);
}

/**
 * The hash of one link, hex. It is keyed with a secret that the database does not hold: who can write every table still
 * cannot make links.
 */
export function linkHash(
  secrets: Pick<SecretBox, "hash">,
  link: { previous: string; sequence: number; entry: ChainedEntry },
): string {
  return secrets.hash(`${link.previous}\n${link.sequence}\n${canonicalEntry(link.entry)}`, "audit chain");
}
