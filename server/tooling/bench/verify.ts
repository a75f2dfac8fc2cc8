import type { Database } from "@/server/db/client";
import { checkInvariants } from "@/server/domain/invariants";

/** What must be true of the rows after the load, as counts that have to be equal; and every invariant of the product. */
export async function verifyRows(
  db: Database,
  accepted: { payments: number; webhooks: number },
): Promise<{ checks: number; wrong: string[] }> {
  const [counts] = await db.query<Record<string, number>>({
    text: `select
      (select count(*) from payments) as payments,
      (select count(*) from payments where state = 'PENDING' and klarna_payment_request_id is not null and version = 2) as pending,
      (select count(distinct klarna_payment_request_id) from payments) as "requests at Klarna",
      (select count(*) from klarna_operations where state = 'SUCCEEDED' and result = 'STEP_UP_REQUIRED') as "settled journal rows",
      (select count(*) from klarna_calls where outcome = 'ANSWERED') as calls,
      (select count(*) from outbox_events where type = 'payment.pending') as events,
      (select count(*) from idempotent_answers where state = 'DONE' and status = 201) as "stored answers",
      (select count(*) from audit_entries where subject_kind = 'payment') as audits,
      (select count(*) from inbox_events) as webhooks`,
    values: [],
  });
  const found = counts ?? {};
  const wrong: string[] = [];
  for (const [name, rows] of Object.entries(found)) {
    const due = name === "webhooks" ? accepted.webhooks : name === "audits" ? 2 * accepted.payments : accepted.payments;
    if (rows !== due) wrong.push(`${name}: ${rows} rows, ${due} accepted`);
  }
  const invariants = await checkInvariants(db);
  for (const { id, broken } of invariants) if (broken > 0) wrong.push(`invariant ${id}: ${broken} rows`);
  return { checks: Object.keys(found).length + invariants.length, wrong };
}
