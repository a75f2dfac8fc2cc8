import type { ServiceContext } from "@/server/context";
import { addMs } from "@/server/core/time";
import type { Row } from "@/server/db/client";
import { appendAudit } from "@/server/domain/audit/service";
import type { Audience } from "./permissions";
import { type EndReason, idleMsOf, type Queries, type SessionServices } from "./sessions";

/* The signed-in browsers of one person: listing and ending them. */

/** One line of a person's own list of signed-in browsers. */
export type SessionItem = {
  readonly id: string;
  readonly createdAt: Date;
  readonly lastSeenAt: Date;
  readonly expiresAt: Date;
  readonly address: string | null;
  readonly userAgent: string | null;
};

/** Ends sessions of a person: one (`only`), or all but one (`except`), or all. Answers the ids that ended. */
export async function endSessionsOf(
  tx: Queries,
  services: SessionServices,
  userId: string,
  reason: EndReason,
  which: { only?: string; except?: string } = {},
): Promise<string[]> {
  const rows = await tx.query<{ id: string }>({
    name: "session_end_of_user",
    text: `update sessions set ended_at = $2, end_reason = $3
           where user_id = $1 and ended_at is null and ($4::text is null or id = $4) and ($5::text is null or id <> $5)
           returning id`,
    values: [userId, services.clock.now(), reason, which.only ?? null, which.except ?? null],
  });
  return rows.map((row) => row.id);
}

/** Ends sessions of the person who asks, and says so in the audit, together. Answers the ids that ended. */
export function endOwnSessions(
  ctx: ServiceContext,
  userId: string,
  which: { only?: string; except?: string },
): Promise<string[]> {
  return ctx.db.transaction(async (tx) => {
    const ended = await endSessionsOf(tx, ctx, userId, "ENDED_BY_USER", which);
    for (const id of ended) {
      await appendAudit(tx, ctx, {
        action: "session.ended",
        subjectKind: "session",
        subjectId: id,
        mode: null,
        after: { reason: "ENDED_BY_USER" },
      });
    }
    return ended;
  });
}

/** The sessions of a person that are still good, the last used first; at most 100. */
export async function listSessionsOf(
  services: SessionServices,
  user: { id: string; audience: Audience },
): Promise<SessionItem[]> {
  const now = services.clock.now();
  const rows = await services.db.query<
    Row & {
      id: string;
      created_at: Date;
      last_seen_at: Date;
      expires_at: Date;
      address: string | null;
      user_agent: string | null;
    }
  >({
    name: "session_list",
    text: `select id, created_at, last_seen_at, expires_at, address, user_agent from sessions
           where user_id = $1 and ended_at is null and level = 'FULL' and impersonator_id is null and expires_at > $2 and last_seen_at >= $3
           order by last_seen_at desc, id desc limit 100`,
    values: [user.id, now, addMs(now, -idleMsOf(user.audience))],
  });
  return rows.map((row) => ({
    id: row.id,
    createdAt: row.created_at,
    lastSeenAt: row.last_seen_at,
    expiresAt: row.expires_at,
    address: row.address,
    userAgent: row.user_agent,
  }));
}
