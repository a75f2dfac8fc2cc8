import type { TenantScope } from "@/server/auth/permissions";
import type { Cursor } from "@/server/core/pagination";
import type { Database, Row, Transaction } from "@/server/db/client";
import type { MailFilter, MailItem } from "./schema";
import type { MailState } from "./states";

type Queries = Pick<Transaction, "query">;

export type NewMail = {
  id: string;
  kind: string;
  partnerId: string | null;
  to: string;
  subject: string;
  bodySecret: string;
  holdsLink: boolean;
  state: MailState;
  notAfter: Date | null;
  now: Date;
};

export async function insertMail(tx: Queries, mail: NewMail): Promise<void> {
  await tx.query({
    name: "mail_insert",
    text: `insert into mails (id, kind, partner_id, to_address, subject, body_secret, holds_link, state, next_attempt_at, not_after, created_at)
           values ($1, $2, $3, $4, $5, $6, $7, $8, case when $8 = 'QUEUED' then $10::timestamptz end, $9, $10)`,
    values: [
      mail.id,
      mail.kind,
      mail.partnerId,
      mail.to,
      mail.subject,
      mail.bodySecret,
      mail.holdsLink,
      mail.state,
      mail.notAfter,
      mail.now,
    ],
  });
}

const COLUMNS = `m.id, m.kind, m.partner_id as "partnerId", p.name as "partnerName", m.to_address as "to", m.subject, m.state,
  m.attempts, m.failure, m.created_at as "createdAt", m.sent_at as "sentAt", m.next_attempt_at as "nextAttemptAt"`;

/** Mails within the scope: those to a Partner's people, and for "all" also those to the acquirer's own. */
function conditionsOf(scope: TenantScope, filter: MailFilter): { where: string; values: unknown[] } {
  const values: unknown[] = [scope.partners === "all" ? null : scope.partners];
  const bind = (value: unknown): string => `$${values.push(value)}`;
  const parts = ["($1::text[] is null or m.partner_id = any($1))"];
  if (filter.search) {
    const part = bind(`%${filter.search.replace(/[\\%_]/g, "\\$&")}%`);
    parts.push(`(m.id = ${bind(filter.search)} or m.to_address ilike ${part} or m.subject ilike ${part})`);
  }
  if (filter.state?.length) parts.push(`m.state = any(${bind(filter.state)}::text[])`);
  if (filter.createdFrom) parts.push(`m.created_at >= ${bind(new Date(filter.createdFrom))}`);
  if (filter.createdTo) parts.push(`m.created_at < ${bind(new Date(filter.createdTo))}`);
  return { where: parts.join(" and "), values };
}

export async function findMails(
  db: Database,
  scope: TenantScope,
  filter: MailFilter,
  page: { limit: number; cursor: Cursor | null; countMax: number },
): Promise<{ rows: MailItem[]; total: number }> {
  const { where, values } = conditionsOf(scope, filter);
  const counting = db.query<Row & { total: number }>({
    text: `select count(*)::int as total from (select 1 from mails m where ${where} limit ${page.countMax}) found`,
    values: [...values],
  });
  const at = values.length;
  const [rows, [counted]] = await Promise.all([
    db.query<Row & MailItem>({
      text: `select ${COLUMNS} from mails m left join partners p on p.id = m.partner_id
             where ${where} and ($${at + 1}::timestamptz is null or (m.created_at, m.id) < ($${at + 1}, $${at + 2}))
             order by m.created_at desc, m.id desc limit $${at + 3}`,
      values: [...values, page.cursor?.createdAt ?? null, page.cursor?.id ?? null, page.limit + 1],
    }),
    counting,
  ]);
  return { rows, total: counted?.total ?? 0 };
}

export type StoredMail = MailItem & { bodySecret: string | null; holdsLink: boolean };

export async function findMail(db: Database, scope: TenantScope, id: string): Promise<StoredMail | null> {
  const [row] = await db.query<Row & StoredMail>({
    name: "mail_find",
    text: `select ${COLUMNS}, m.body_secret as "bodySecret", m.holds_link as "holdsLink"
           from mails m left join partners p on p.id = m.partner_id
           where m.id = $2 and ($1::text[] is null or m.partner_id = any($1))`,
    values: [scope.partners === "all" ? null : scope.partners, id],
  });
  return row ?? null;
}

export type DueMail = {
  id: string;
  kind: string;
  partnerId: string | null;
  to: string;
  subject: string;
  bodySecret: string | null;
  attempts: number;
  notAfter: Date | null;
};

/** Takes the next mail that is due and holds it until `leaseUntil`; a process that dies leaves it to be taken again. */
export async function claimMail(db: Database, now: Date, leaseUntil: Date): Promise<DueMail | null> {
  const [row] = await db.query<Row & DueMail>({
    name: "mail_claim",
    text: `update mails set attempts = attempts + 1, next_attempt_at = $2
           where id = (select id from mails where state = 'QUEUED' and next_attempt_at <= $1
                       order by next_attempt_at limit 1 for update skip locked)
           returning id, kind, partner_id as "partnerId", to_address as "to", subject, body_secret as "bodySecret", attempts,
             not_after as "notAfter"`,
    values: [now, leaseUntil],
  });
  return row ?? null;
}

/** The text of a mail that held a link is gone with it: nobody needs it any more. */
export async function markSent(db: Database, id: string, now: Date): Promise<void> {
  await db.query({
    name: "mail_sent",
    text: `update mails set state = 'SENT', sent_at = $2, next_attempt_at = null, failure = null,
             body_secret = case when holds_link then null else body_secret end
           where id = $1 and state = 'QUEUED'`,
    values: [id, now],
  });
}

export async function markFailure(
  tx: Queries,
  id: string,
  failure: string,
  nextAttemptAt: Date | null,
): Promise<boolean> {
  const rows = await tx.query({
    name: "mail_failure",
    text: `update mails set failure = $2, next_attempt_at = $3, state = case when $3::timestamptz is null then 'FAILED' else state end,
             body_secret = case when $3::timestamptz is null and holds_link then null else body_secret end
           where id = $1 and state = 'QUEUED' returning id`,
    values: [id, failure, nextAttemptAt],
  });
  return rows.length > 0;
}

export async function raiseMailAlarm(
  tx: Queries,
  alarm: { id: string; mailId: string; partnerId: string | null; message: string; now: Date },
): Promise<void> {
  await tx.query({
    text: `insert into alarms (id, kind, partner_id, mode, subject_kind, subject_id, message, raised_at)
           values ($1, 'mail_failed', $2, null, 'mail', $3, $4, $5)
           on conflict (kind, subject_id) where cleared_at is null do nothing`,
    values: [alarm.id, alarm.partnerId, alarm.mailId, alarm.message, alarm.now],
  });
}
