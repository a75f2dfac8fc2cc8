import { createContext, type Services } from "@/server/context";
import { adoptIds, describeAccount } from "@/server/domain/partners/service";

/*
 * The simulator may be wiped at any time. What it must know of the demo, it is told from our own rows: accounts with all that
 * belongs to them, so that a change on a screen finds what it changes, and the transactions behind the history, so that a
 * refund of a seeded payment finds its transaction.
 */

const CHUNK = 400;

async function call(control: string, method: string, path: string, body?: unknown): Promise<Response> {
  return fetch(`${control}/_control${path}`, {
    method,
    ...(body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
  });
}

async function tell(control: string, path: string, body: unknown): Promise<unknown> {
  const answer = await call(control, "POST", path, body);
  if (!answer.ok)
    throw new Error(`The simulator refused ${path}: ${answer.status} ${(await answer.text()).slice(0, 300)}`);
  return answer.json();
}

type AccountRow = {
  partner_id: string;
  account_id: string;
  name: string;
  country: string;
  stores:
    | {
        store_id: string;
        store_reference: string;
        name: string;
        type: string;
        address: Record<string, unknown> | null;
      }[]
    | null;
};
type TransactionRow = Record<string, unknown>;

/** Tells the simulator what it does not know yet. Returns how many accounts and transactions it was told of. */
export async function fillSimulator(
  services: Services,
  control: string,
): Promise<{ accounts: number; transactions: number }> {
  const { db } = services;
  const ctx = createContext(services, {
    actor: { kind: "SYSTEM", id: "seed", name: "Demo data" },
    scope: { partners: "all", mode: "test" },
    way: "JOB",
  });
  const accounts = await db.query<AccountRow>({
    text: `select a.partner_id, a.klarna_partner_account_id as account_id, p.name, p.country,
             (select json_agg(json_build_object('store_id', s.klarna_store_id, 'store_reference', s.reference, 'name', s.name, 'address', s.address,
                'type', case s.type when 'PHYSICAL' then 'PHYSICAL_STORE' else s.type end) order by s.created_at, s.id)
              from stores s where s.partner_id = a.partner_id and s.mode = a.mode and s.klarna_store_id is not null) as stores
           from partner_accounts a join partners p on p.id = a.partner_id where a.mode = 'test' and a.klarna_partner_account_id is not null order by p.created_at`,
    values: [],
  });
  let told = 0;
  let transactions = 0;
  for (const { partner_id: partnerId, ...account } of accounts) {
    const known = await call(control, "GET", `/accounts/${encodeURIComponent(account.account_id)}`);
    await known.body?.cancel();
    if (known.ok) continue;
    await tell(control, "/accounts", { ...account, stores: [] });
    const path = `/accounts/${encodeURIComponent(account.account_id)}/onboarding`;
    await adoptIds(ctx, partnerId, await tell(control, path, await describeAccount(ctx, partnerId)));
    // Its stores last: they have ids already, which payments of the past name.
    await tell(control, "/accounts", { ...account, stores: account.stores ?? [] });
    told += 1;
    const rows = await db.query<TransactionRow>({ text: TRANSACTIONS, values: [account.account_id] });
    for (let start = 0; start < rows.length; start += CHUNK)
      await tell(control, "/import", { transactions: rows.slice(start, start + CHUNK) });
    transactions += rows.length;
  }
  return { accounts: told, transactions };
}

const EPOCH_MS = (column: string): string => `(extract(epoch from ${column}) * 1000)::bigint`;
const TRANSACTIONS = `
  select p.klarna_payment_transaction_id as payment_transaction_id, p.id as payment_transaction_reference,
    p.klarna_payment_request_id as payment_request_id, case when p.klarna_payment_request_id is null then null else p.id end as payment_request_reference,
    p.reference as purchase_reference, $1::text as account_id, p.amount_authorized as amount, p.currency,
    case p.state when 'AUTHORIZED' then 'AUTHORIZED' when 'AUTHORIZATION_EXPIRED' then 'EXPIRED' when 'VOIDED' then 'CLOSED' else 'COMPLETED' end as state,
    p.amount_captured as captured_amount, p.amount_refunded as refunded_amount, p.amount_voided as voided_amount,
    coalesce((select json_agg(json_build_object('payment_capture_id', c.klarna_payment_capture_id, 'payment_capture_reference', c.id, 'amount', c.amount,
       'refunded_amount', coalesce((select sum(r.amount) from refunds r where r.capture_id = c.id and r.state = 'SUCCEEDED'), 0),
       'created_at', ${EPOCH_MS("c.created_at")}) order by c.created_at) from captures c where c.payment_id = p.id and c.state = 'SUCCEEDED'), '[]') as captures,
    coalesce((select json_agg(json_build_object('payment_refund_id', r.klarna_payment_refund_id, 'payment_refund_reference', r.id, 'payment_capture_id', null,
       'amount', r.amount, 'created_at', ${EPOCH_MS("r.created_at")}) order by r.created_at) from refunds r where r.payment_id = p.id and r.state = 'SUCCEEDED'), '[]') as refunds,
    case when p.amount_voided > 0 then json_build_array(json_build_object('payment_void_reference', p.id, 'amount', p.amount_voided, 'created_at', ${EPOCH_MS("p.updated_at")}))
      else '[]' end as voids,
    1 as operations, ${EPOCH_MS("p.created_at")} as created_at, ${EPOCH_MS("p.updated_at")} as updated_at,
    ${EPOCH_MS("coalesce(p.authorization_expires_at, p.created_at + interval '28 days')")} as expires_at,
    s.klarna_store_id as store_id, t.reference as terminal_reference, p.line_items
  from payments p join partner_accounts a on a.partner_id = p.partner_id and a.mode = p.mode
  left join stores s on s.id = p.store_id left join terminals t on t.id = p.terminal_id
  where p.mode = 'test' and p.rail = 'NETWORK' and a.klarna_partner_account_id = $1 and p.klarna_payment_transaction_id is not null
  order by p.created_at`;
