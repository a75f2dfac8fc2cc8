import type { TenantScope } from "@/server/auth/permissions";
import { currenciesKnown, parseDecimal } from "@/server/core/money";
import { TENANT, tenantValues } from "./repository";
import type { PaymentFilter } from "./schema";

/* The question of a list as a condition of SQL. */

export type ListFilter = PaymentFilter & { states: readonly string[] | null };
export type Where = { text: string; values: unknown[]; joins: string };

const upper = (words: readonly string[] | undefined): string[] | null =>
  words === undefined || words.length === 0 ? null : words.map((word) => word.toUpperCase());

/** A condition on `p`, with the joins that it stands on. `$1` and `$2` are the tenant's. */
export function filterClause(scope: TenantScope, filter: ListFilter): Where {
  const values: unknown[] = [...tenantValues(scope)];
  const parts = [TENANT];
  const joins: string[] = [];
  const put = (value: unknown): string => `$${values.push(value)}`;
  const add = (clause: (placeholder: string) => string, value: unknown): void => {
    if (value === undefined || value === null || value === "") return;
    parts.push(clause(put(value)));
  };
  add((v) => `p.terminal_id = ${v}`, scope.terminal);
  add((v) => `p.state = any(${v})`, filter.states?.length ? filter.states : null);
  add((v) => `p.created_at >= ${v}`, filter.created_from);
  add((v) => `p.created_at < ${v}`, filter.created_to);
  if (filter.store) {
    joins.push("left join stores s on s.id = p.store_id");
    add((v) => `(p.store_id = ${v} or s.reference = ${v})`, filter.store);
  }
  if (filter.terminal) {
    joins.push("left join terminals t on t.id = p.terminal_id");
    add((v) => `(p.terminal_id = ${v} or t.reference = ${v})`, filter.terminal);
  }
  add((v) => `p.reference = ${v}`, filter.reference);
  add((v) => `p.partner_id = ${v}`, filter.partner);
  add((v) => `p.partner_id = any(${v})`, filter.partners?.length ? filter.partners : null);
  add((v) => `p.store_id = any(${v})`, filter.stores?.length ? filter.stores : null);
  add((v) => `p.terminal_id = any(${v})`, filter.terminals?.length ? filter.terminals : null);
  add((v) => `p.amount >= ${v}`, filter.amount_min);
  add((v) => `p.amount <= ${v}`, filter.amount_max);
  add((v) => `p.currency = ${v}`, filter.currency);
  add((v) => `p.channel = any(${v})`, upper(filter.channels));
  add((v) => `p.launch = any(${v})`, upper(filter.launches));
  add((v) => `p.rail = any(${v})`, upper(filter.rails));
  if (filter.left_to_capture === true)
    parts.push("p.state = 'AUTHORIZED' and p.amount_authorized > p.amount_captured + p.amount_voided");
  add((v) => `p.state = 'AUTHORIZED' and p.authorization_expires_at < ${v}`, filter.authorization_ends_before);
  if (filter.reasons?.length) parts.push(reasonClause(filter.reasons, put));
  if (filter.search) parts.push(searchClause(filter.search, put));
  return { text: parts.join(" and "), values, joins: joins.join(" ") };
}

/** `declined` is Klarna's no; every other word is the code of a failure. */
function reasonClause(reasons: readonly string[], put: (value: unknown) => string): string {
  const codes = reasons.filter((reason) => reason !== "declined");
  const either = [
    ...(reasons.includes("declined") ? ["p.state = 'DECLINED'"] : []),
    ...(codes.length > 0 ? [`p.failure_code = any(${put(codes)})`] : []),
  ];
  return `(${either.join(" or ")})`;
}

/** What a text means as an amount: the same digits are another sum in another currency. A code before or after names one. */
export function amountReadings(text: string): { amounts: number[]; currencies: string[] } {
  const found = /^(?:([A-Za-z]{3})\s*)?([\d.,'\s]{1,20})(?:\s*([A-Za-z]{3}))?$/.exec(text.trim());
  const amounts: number[] = [];
  const currencies: string[] = [];
  const named = (found?.[1] ?? found?.[3])?.toUpperCase();
  for (const currency of found?.[2] === undefined ? [] : currenciesKnown()) {
    if (named !== undefined && named !== currency) continue;
    const money = parseDecimal(found?.[2]?.trim() ?? "", currency);
    if (money === null) continue;
    amounts.push(money.amount);
    currencies.push(currency);
  }
  return { amounts, currencies };
}

/**
 * Payments by any identifier that belongs to them: ours and Klarna's ids of the payment, its captures, refunds and operations,
 * references (of the payment also their start), store and terminal, a value of the metadata, the exact amount. Each way is
 * an index of its own; the found are put together, so that none makes the others slow.
 */
function searchClause(text: string, put: (value: unknown) => string): string {
  // No identifier has a null character or half a letter, and the database takes neither.
  if (text.includes("\0") || !text.isWellFormed()) return "false";
  const v = put(text);
  const start = put(`${text.toLowerCase().replace(/[\\%_]/g, "\\$&")}%`);
  const ways = [
    `select id from payments where id = ${v}`,
    `select id from payments where klarna_payment_request_id = ${v}`,
    `select id from payments where klarna_payment_transaction_id = ${v}`,
    `select id from payments where klarna_reference = ${v}`,
    `select id from payments where late_transaction_id = ${v}`,
    `select id from payments where mode = $1 and lower(reference) like ${start}`,
    `select id from payments where mode = $1 and metadata <> '{}'::jsonb and metadata @@ ${put(`$.* == ${JSON.stringify(text)}`)}::jsonpath`,
    ...["capture", "refund"].flatMap((kind) => [
      `select payment_id from ${kind}s where id = ${v}`,
      `select payment_id from ${kind}s where klarna_payment_${kind}_id = ${v}`,
      `select payment_id from ${kind}s where mode = $1 and reference = ${v}`,
    ]),
    `select payment_id from klarna_operations where id = ${v}`,
    `select payment_id from klarna_operations where idempotency_key = ${v}`,
    placeWay("store", `a.reference = ${v} or a.id = ${v} or a.klarna_store_id = ${v}`),
    placeWay("terminal", `a.reference = ${v} or a.id = ${v}`),
  ];
  const { amounts, currencies } = amountReadings(text);
  if (amounts.length > 0)
    ways.push(
      `select x.id from unnest(${put(amounts)}::bigint[], ${put(currencies)}::text[]) as m(amount, currency)
        join payments x on x.mode = $1 and x.amount = m.amount and x.currency = m.currency`,
    );
  return `p.id in (${ways.join(" union ")})`;
}

function placeWay(kind: "store" | "terminal", is: string): string {
  return `select x.id from ${kind}s a join payments x on x.partner_id = a.partner_id and x.mode = a.mode and x.${kind}_id = a.id
    where a.mode = $1 and ($2::text[] is null or a.partner_id = any($2)) and (${is})`;
}
