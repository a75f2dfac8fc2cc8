import type { Services } from "@/server/context";
import type { Mode } from "@/server/core/schema";
import { addMs, SECOND_MS } from "@/server/core/time";
import type { Row } from "@/server/db/client";
import type { AccountKey } from "@/server/domain/partners/rows";
import type { ChangeKind } from "@/server/domain/partners/states";

/* Which changes may be sent now: the first of each account, in order and at Klarna's pace. */

/** Longer than any call may take. */
const LEASE_MS = 60 * SECOND_MS;

export type Claimed = Row &
  AccountKey & {
    id: string;
    kind: ChangeKind;
    lane: string;
    subjectKind: string;
    subjectId: string;
    payloadSecret: string;
    attempts: number;
    refusals: number;
    /** As it was before the claim. */
    state: string;
  };

class Taken extends Error {}

const HEADS = `with heads as (
    select distinct on (c.partner_id, c.mode, c.lane) c.id, c.partner_id, c.mode, c.lane, c.kind, c.next_attempt_at
    from klarna_changes c where c.state in ('PENDING','SENT','UNKNOWN') and ($2::text is null or c.partner_id = $2) and ($3::text is null or c.mode = $3)
    order by c.partner_id, c.mode, c.lane, c.position)`;
/** Klarna lets nobody manage an account that is not operational; the call that makes it needs none. */
const CAN_GO = `(h.kind = 'ONBOARD' and a.klarna_partner_account_id is null or a.state = 'OPERATIONAL')`;

/** Stopping payments waits for nothing, and an account that is not there yet cannot be asked too often. */
const NO_PACE = `(h.lane = 'PRODUCT' or a.klarna_partner_account_id is null)`;

export async function claim(
  services: Services,
  options: { partnerId: string | null; mode: Mode | null; paceMs: number; limit: number },
): Promise<Claimed[]> {
  const now = services.clock.now();
  const heads = await services.db.query<Row & AccountKey & { id: string; isFree: boolean }>({
    text: `${HEADS} select h.id, h.partner_id as "partnerId", h.mode, ${NO_PACE} as "isFree" from heads h join partner_accounts a on a.partner_id = h.partner_id and a.mode = h.mode
      where h.next_attempt_at <= $1 and (${NO_PACE} or a.klarna_free_at is null or a.klarna_free_at <= $1) and ${CAN_GO}
      order by h.lane desc, h.next_attempt_at limit $4`,
    values: [now, options.partnerId, options.mode, options.limit],
  });
  const claimed: Claimed[] = [];
  for (const head of heads) {
    try {
      const row = await services.db.transaction(async (tx) => {
        const free = await tx.query<Row>({
          text: `update partner_accounts set klarna_free_at = $3 where partner_id = $1 and mode = $2 and ($5 or klarna_free_at is null or klarna_free_at <= $4) returning 1`,
          values: [head.partnerId, head.mode, addMs(now, options.paceMs), now, head.isFree],
        });
        if (free.length === 0) throw new Taken();
        const [taken] = await tx.query<Claimed>({
          text: `with was as (select id, state from klarna_changes where id = $1 and next_attempt_at <= $2 and state in ('PENDING','SENT','UNKNOWN') for update skip locked)
            update klarna_changes c set state = 'SENT', attempts = c.attempts + 1, next_attempt_at = $3, first_sent_at = coalesce(c.first_sent_at, $2)
            from was where c.id = was.id returning c.id, c.partner_id as "partnerId", c.mode, c.kind, c.lane, c.subject_kind as "subjectKind",
              c.subject_id as "subjectId", c.payload_secret as "payloadSecret", c.attempts, c.refusals, was.state`,
          values: [head.id, now, addMs(now, LEASE_MS)],
        });
        if (!taken) throw new Taken();
        return taken;
      });
      claimed.push(row);
    } catch (error) {
      if (!(error instanceof Taken)) throw error;
    }
  }
  return claimed;
}
