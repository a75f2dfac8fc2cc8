import type { Row, Transaction } from "@/server/db/client";

/**
 * What must always hold, as SQL that finds the rows that break it. The same checks run in tests, in the hourly job and on
 * the System screen. Rules that a single row can break are constraints already; these are the ones over several rows.
 */
export type Invariant = { id: string; title: string; text: string };

export const INVARIANTS: readonly Invariant[] = [
  {
    id: "one-approval",
    title: "A payment has at most one approval at Klarna",
    text: `select payment_id as id from klarna_operations where kind in ('AUTHORIZE','FINAL_AUTHORIZE') and result = 'APPROVED'
      group by payment_id having count(*) > 1`,
  },
  {
    id: "approval-is-journalled",
    title: "Every approved payment has the journalled call that approved it",
    text: `select p.id from payments p where p.klarna_payment_transaction_id is not null and not exists (
      select 1 from klarna_operations o where o.payment_id = p.id and o.kind in ('AUTHORIZE','FINAL_AUTHORIZE')
        and o.result = case p.rail when 'CLASSIC' then 'SESSION_CREATED' else 'APPROVED' end)`,
  },
  {
    id: "captures-add-up",
    title: "The captured amount is the sum of the captures",
    text: `select p.id from payments p left join captures c on c.payment_id = p.id and c.state = 'SUCCEEDED'
      group by p.id having p.amount_captured <> coalesce(sum(c.amount), 0)`,
  },
  {
    id: "refunds-add-up",
    title: "The refunded amount is the sum of the refunds",
    text: `select p.id from payments p left join refunds f on f.payment_id = p.id and f.state = 'SUCCEEDED'
      group by p.id having p.amount_refunded <> coalesce(sum(f.amount), 0)`,
  },
  {
    id: "refunds-within-capture",
    title: "Refunds that succeeded or may still are within their capture",
    text: `select c.id from captures c join refunds f on f.capture_id = c.id and f.state <> 'FAILED'
      group by c.id having sum(f.amount) > c.amount`,
  },
  {
    id: "captures-within-authorized",
    title: "Captures that succeeded or may still, and what was released, are within what was authorized",
    text: `select p.id from payments p join captures c on c.payment_id = p.id and c.state <> 'FAILED'
      group by p.id having sum(c.amount) + p.amount_voided > p.amount_authorized`,
  },
  {
    id: "refunds-within-captured",
    title: "Refunds that succeeded or may still are within what was captured",
    text: `select p.id from payments p join refunds f on f.payment_id = p.id and f.state <> 'FAILED'
      group by p.id having sum(f.amount) > p.amount_captured`,
  },
  {
    id: "capture-is-journalled",
    title: "Every capture but one that came with the approval has exactly one journalled intent, in the same state",
    text: `select c.id from captures c left join klarna_operations o on o.capture_id = c.id and o.kind = 'CAPTURE'
      where not c.automatic group by c.id having count(o.id) <> 1 or min(o.state) <> c.state`,
  },
  {
    id: "capture-is-announced",
    title: "Every capture that ended was announced, once",
    text: `select c.id from captures c left join outbox_events e on e.subject_id = c.id
      where c.state in ('SUCCEEDED','FAILED') and not c.automatic group by c.id having count(e.id) <> 1`,
  },
  {
    id: "currency-agrees",
    title: "Captures and refunds are in the currency of their payment",
    text: `select c.id from captures c join payments p on p.id = c.payment_id where c.currency <> p.currency
      union all select f.id from refunds f join payments p on p.id = f.payment_id where f.currency <> p.currency`,
  },
  {
    id: "refund-is-journalled",
    title: "Every refund has exactly one journalled intent, in the same state",
    text: `select f.id from refunds f left join klarna_operations o on o.refund_id = f.id and o.kind = 'REFUND'
      group by f.id having count(o.id) <> 1 or min(o.state) <> f.state`,
  },
  {
    id: "unknown-is-not-over",
    title: "A payment that is over without money has no open call that could still charge it",
    text: `select p.id from payments p join klarna_operations o on o.payment_id = p.id
      where p.state in ('DECLINED','CANCELED','EXPIRED','FAILED') and o.kind in ('AUTHORIZE','FINAL_AUTHORIZE') and o.state in ('PENDING','UNKNOWN')`,
  },
  {
    id: "events-without-gap",
    title: "The events of a payment are numbered without a gap",
    text: `select p.id from payments p left join outbox_events e on e.subject_id = p.id
      group by p.id having count(e.id) <> p.event_sequence or coalesce(max(e.sequence), 0) <> p.event_sequence`,
  },
  {
    id: "settled-is-announced",
    title: "Every payment that is over was announced, once",
    text: `select p.id from payments p left join outbox_events e on e.subject_id = p.id and e.type = 'payment.' || lower(p.state)
      where p.state in ('COMPLETED','VOIDED','DECLINED','CANCELED','EXPIRED','FAILED') group by p.id having count(e.id) <> 1`,
  },
  {
    id: "refund-is-announced",
    title: "Every refund that ended was announced, once",
    text: `select f.id from refunds f left join outbox_events e on e.subject_id = f.id
      where f.state in ('SUCCEEDED','FAILED') group by f.id having count(e.id) <> 1`,
  },
  {
    id: "open-has-wake-up",
    title: "Everything open has a next wake-up",
    text: `select distinct p.id from payments p join klarna_operations o on o.payment_id = p.id
      where o.state in ('PENDING','UNKNOWN') and p.next_action_at is null`,
  },
  {
    id: "delivery-belongs",
    title: "A delivery carries an event of its own Partner and mode",
    text: `select d.id from webhook_deliveries d join outbox_events e on e.id = d.event_id
      where e.partner_id <> d.partner_id or e.mode <> d.mode`,
  },
  {
    id: "suspended-is-disabled",
    title: "A Partner that is suspended or closed takes no payments at Klarna, or Klarna is being asked to stop them",
    text: `select a.partner_id || ' ' || a.mode as id from partner_accounts a join partners p on p.id = a.partner_id
      where p.state in ('SUSPENDED','CLOSED') and a.product_state = 'ENABLED' and not exists (
        select 1 from klarna_changes c where c.partner_id = a.partner_id and c.mode = a.mode and c.kind = 'PRODUCT_DISABLE' and c.state in ('PENDING','SENT','UNKNOWN'))`,
  },
];

export type InvariantResult = { id: string; title: string; broken: number; examples: string[] };

/** Runs every check. A clean database answers `broken: 0` everywhere. */
export async function checkInvariants(tx: Transaction): Promise<InvariantResult[]> {
  const results: InvariantResult[] = [];
  for (const invariant of INVARIANTS) {
    const rows = await tx.query<Row & { id: string }>({
      text: `select id::text as id from (${invariant.text}) broken limit 101`,
      values: [],
    });
    results.push({
      id: invariant.id,
      title: invariant.title,
      broken: rows.length,
      examples: rows.slice(0, 5).map((row) => row.id),
    });
  }
  return results;
}
