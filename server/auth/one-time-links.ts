import { randomBytes } from "node:crypto";
import type { Services } from "@/server/context";
import { newId } from "@/server/core/ids";
import { addMs, DAY_MS, MINUTE_MS } from "@/server/core/time";
import type { Row, Transaction } from "@/server/db/client";

/*
 * Links that let someone in once: to set a new password, to accept an invitation. The token is 256 random bits, of which
 * only a keyed hash is stored. It belongs to one account and one purpose, and ends with its use, with time, or with the
 * next link of its kind.
 */

export const LINK_KINDS = ["RESET", "INVITE"] as const;
export type LinkKind = (typeof LINK_KINDS)[number];

/**
 * How long a link works. An invitation stands for longer than its link: who opens the mail later asks for a new link on
 * the page it leads to, which goes to the invited address again.
 */
export const LINK_LIFE_MS = 15 * MINUTE_MS;
/** How long an invitation stands: that long a new link can be asked for before somebody must invite again. */
export const INVITATION_LIFE_MS = 7 * DAY_MS;

/** Where the links lead. The token stands behind `#`: it never reaches a log, a referrer or another server. */
const PATHS: Readonly<Record<LinkKind, string>> = { RESET: "/reset-password", INVITE: "/accept-invitation" };

type LinkServices = Pick<Services, "env" | "secrets" | "clock">;
type Queries = Pick<Transaction, "query">;

const TOKEN = /^[A-Za-z0-9_-]{43}$/;
const hashOf = (services: Pick<Services, "secrets">, kind: LinkKind, token: string): string =>
  services.secrets.hash(token, `one_time_link_${kind.toLowerCase()}`);

/**
 * Makes a link for a person; the one of the same kind that they had before is worth nothing from then on. The answer's
 * `url` goes into a mail to them (`holdsLink: true`, `notAfter: expiresAt`) and nowhere else.
 */
export async function issueOneTimeLink(
  tx: Queries,
  services: LinkServices,
  input: { kind: LinkKind; userId: string; createdBy: string },
): Promise<{ id: string; url: string; expiresAt: Date }> {
  const now = services.clock.now();
  const token = randomBytes(32).toString("base64url");
  const id = newId("oneTimeLink");
  const expiresAt = addMs(now, LINK_LIFE_MS);
  await revokeOneTimeLinks(tx, services, { kind: input.kind, userId: input.userId });
  await tx.query({
    text: `insert into one_time_links (id, kind, token_hash, user_id, created_by, created_at, expires_at)
           values ($1, $2, $3, $4, $5, $6, $7)`,
    values: [id, input.kind, hashOf(services, input.kind, token), input.userId, input.createdBy, now, expiresAt],
  });
  return { id, url: new URL(`${PATHS[input.kind]}#${token}`, services.env.PUBLIC_URL).href, expiresAt };
}

/** Ends the open links of a person, of one kind or of both. */
export async function revokeOneTimeLinks(
  tx: Queries,
  services: Pick<Services, "clock">,
  input: { kind?: LinkKind; userId: string },
): Promise<void> {
  await tx.query({
    text: `update one_time_links set revoked_at = $3
           where user_id = $1 and ($2::text is null or kind = $2) and used_at is null and revoked_at is null`,
    values: [input.userId, input.kind ?? null, services.clock.now()],
  });
}

/** Whose open link this is, without using it up; null when it is unknown, used, revoked or too old. */
export async function findOneTimeLink(
  tx: Queries,
  services: Pick<Services, "secrets" | "clock">,
  kind: LinkKind,
  token: unknown,
): Promise<{ id: string; userId: string } | null> {
  if (typeof token !== "string" || !TOKEN.test(token)) return null;
  const [row] = await tx.query<Row & { id: string; userId: string }>({
    text: `select id, user_id as "userId" from one_time_links
           where token_hash = $1 and kind = $2 and used_at is null and revoked_at is null and expires_at > $3`,
    values: [hashOf(services, kind, token), kind, services.clock.now()],
  });
  return row ?? null;
}

/**
 * Uses a link up, within the transaction of what it allows: of two at the same time one gets null. Null also when it is
 * unknown, used, revoked or too old.
 */
export async function consumeOneTimeLink(
  tx: Queries,
  services: Pick<Services, "secrets" | "clock">,
  kind: LinkKind,
  token: unknown,
): Promise<{ id: string; userId: string } | null> {
  if (typeof token !== "string" || !TOKEN.test(token)) return null;
  const [row] = await tx.query<Row & { id: string; userId: string }>({
    text: `update one_time_links set used_at = $3
           where token_hash = $1 and kind = $2 and used_at is null and revoked_at is null and expires_at > $3
           returning id, user_id as "userId"`,
    values: [hashOf(services, kind, token), kind, services.clock.now()],
  });
  return row ?? null;
}
