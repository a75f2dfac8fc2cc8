import type { Mode } from "@/server/core/schema";
import type { Row, Transaction } from "@/server/db/client";

/* Our own process at work for all Partners: it takes no tenant, each row brings its own. */

type Writer = Pick<Transaction, "query">;
const NOTICE_MAILS_MAX = 50;

export type DueNotice = {
  id: string;
  partnerId: string;
  mode: Mode;
  url: string;
  reason: string | null;
  partnerName: string;
};

/** Takes the mark from one endpoint whose owner is not told yet, and locks it. Null when there is none. */
export async function takeDueNotice(tx: Writer): Promise<DueNotice | null> {
  const rows = await tx.query<Row & DueNotice>({
    text: `update webhook_endpoints w set notice_due_at = null
           from (select id from webhook_endpoints where notice_due_at is not null order by notice_due_at limit 1 for update skip locked) due, partners p
           where w.id = due.id and p.id = w.partner_id
           returning w.id, w.partner_id as "partnerId", w.mode, w.url, w.disabled_reason as reason, p.name as "partnerName"`,
    values: [],
  });
  return rows[0] ?? null;
}

/** Addresses of the people who may do something about it: a Partner's administrators who have accepted their invitation. */
export async function findAdminMails(tx: Writer, partnerId: string): Promise<string[]> {
  const rows = await tx.query<Row & { email: string }>({
    text: `select u.email from users u join user_partners up on up.user_id = u.id join roles r on r.id = u.role
           where up.partner_id = $1 and u.state = 'ACTIVE'
             and (r.id = 'PARTNER_ADMIN' or (r.audience = 'PARTNER' and 'webhooks:write' = any(r.permissions)))
           order by u.created_at, u.id limit ${NOTICE_MAILS_MAX}`,
    values: [partnerId],
  });
  return rows.map((row) => row.email);
}
