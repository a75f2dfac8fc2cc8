import type { TenantScope } from "@/server/auth/permissions";
import { currenciesKnown, parseDecimal } from "@/server/core/money";
import { TENANT, tenantValues } from "./repository";
import type { PaymentFilter } from "./schema";

/* The question of a list as a condition of SQL. */

export type ListFilter = PaymentFilter & { states: readonly string[] | null };
/** A condition on `p`. `ways`, where something is searched for: each a query to rows of `p` on which the condition stands too. */
export type Where = { text: string; values: unknown[]; ways: readonly Way[] | null };
/** `rows` answers the newest rows of `p` on which its condition and the whole of the filter hold. */
type Way = (rows: (is: string) => string) => string;

/** What can be done to the money of payments. */
export type MoneyTask = "capture" | "refund";
/** Payments on which something is left for it. */
export const SOMETHING_LEFT: Readonly<Record<MoneyTask, string>> = {
  capture: "p.state = 'AUTHORIZED' and p.amount_authorized > p.amount_captured + p.amount_voided",
  refund: "p.amount_captured > p.amount_refunded",
};

const upper = (words: readonly string[] | undefined): string[] | null =>
  words === undefined || words.length === 0 ? null : words.map((word) => word.toUpperCase());

/** What a filter says of `p`. `$1` and `$2` are the tenant's. */
export function filterClause(scope: TenantScope, filter: ListFilter): Where {
  const values: unknown[] = [...tenantValues(scope)];
  const parts = [TENANT];
  const put = (value: unknown): string => `$${values.push(value)}`;
  const add = (clause: (placeholder: string) => string, value: unknown): void => {
    if (value === undefined || value === null || value === "") return;
    parts.push(clause(put(value)));
  };
  add((v) => `p.terminal_id = ${v}`, scope.terminal);
  add((v) => `p.state = any(${v})`, filter.states?.length ? filter.states : null);
  add((v) => `p.created_at >= ${v}`, filter.created_from);
  add((v) => `p.created_at < ${v}`, filter.created_to);
  add((v) => placeClause("store", v), filter.store);
  add((v) => placeClause("terminal", v), filter.terminal);
  add((v) => `p.reference = ${v}`, filter.reference);
  add((v) => `p.partner_id = ${v}`, filter.partner);
  add((v) => `p.partner_id = any(${v})`, filter.partners?.length ? filter.partners : null);
  add((v) => `p.store_id = any(${v})`, filter.stores?.length ? filter.stores : null);
  add((v) => `p.terminal_id = any(${v})`, filter.terminals?.length ? filter.terminals : null);
  add(marketClause, filter.markets?.length ? filter.markets : null);
  add((v) => `p.amount >= ${v}`, filter.amount_min);
  add((v) => `p.amount <= ${v}`, filter.amount_max);
  add((v) => `p.currency = ${v}`, filter.currency);
  add((v) => `p.channel = any(${v})`, upper(filter.channels));
  add((v) => `p.launch = any(${v})`, upper(filter.launches));
  add((v) => `p.rail = any(${v})`, upper(filter.rails));
  if (filter.left_to_capture === true) parts.push(SOMETHING_LEFT.capture);
  add((v) => `p.state = 'AUTHORIZED' and p.authorization_expires_at < ${v}`, filter.authorization_ends_before);
  if (filter.reasons?.length) parts.push(reasonClause(filter.reasons, put));
  // No identifier has a null character or half a letter, and the database takes neither.
  const canBe = filter.search === undefined || (!filter.search.includes("\0") && filter.search.isWellFormed());
  if (!canBe) parts.push("false");
  const ways = filter.search && canBe ? searchWays(filter.search, put) : null;
  return { text: parts.join(" and "), values, ways };
}

/**
 * `columns` of the newest `limit` rows that a filter finds, as a query; `more` is one more condition on `p`. The columns
 * have the id and the time in them. Each way of a search answers its own newest, so that one that finds a whole shop's
 * payments reads a page of them and not all.
 */
export function foundRows(where: Where, columns: string, limit: string | number, more = ""): string {
  const newest = `order by p.created_at desc, p.id desc limit ${limit}`;
  const rows = (is: string): string => `select ${columns} from payments p where ${where.text}${more}${is} ${newest}`;
  if (where.ways === null) return rows("");
  const found = where.ways.map((way) => `(${way((is) => rows(` and ${is}`))})`);
  return `select ${columns} from (${found.join(" union ")}) p ${newest}`;
}

/** By its id or its reference. */
function placeClause(kind: "store" | "terminal", v: string): string {
  return `(p.partner_id, p.${kind}_id) in (select a.partner_id, a.id from ${kind}s a where a.mode = $1 and (a.id = ${v} or a.reference = ${v}))`;
}

/** The same country as the analysis names: the store's, and without one the Partner's. */
function marketClause(v: string): string {
  const stores = (is: string): string => `p.store_id in (select a.id from stores a where a.mode = $1 and ${is})`;
  const isOfPartner = `p.partner_id in (select r.id from partners r where r.country = any(${v}))`;
  return `(${stores(`a.country = any(${v})`)} or ${isOfPartner} and (p.store_id is null or ${stores("a.country is null")}))`;
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
 * references (of the payment also their start), store and terminal, a value of the metadata, the exact amount. What finds
 * a few is asked together, what may find very many has a way of its own.
 */
function searchWays(text: string, put: (value: unknown) => string): Way[] {
  const v = put(text);
  const start = put(`${text.toLowerCase().replace(/[\\%_]/g, "\\$&")}%`);
  const few = [
    `select id from payments where id = ${v}`,
    `select id from payments where klarna_payment_request_id = ${v}`,
    `select id from payments where klarna_payment_transaction_id = ${v}`,
    `select id from payments where klarna_reference = ${v}`,
    `select id from payments where late_transaction_id = ${v}`,
    ...["capture", "refund"].flatMap((kind) => [
      `select payment_id from ${kind}s where id = ${v}`,
      `select payment_id from ${kind}s where klarna_payment_${kind}_id = ${v}`,
      `select payment_id from ${kind}s where mode = $1 and reference = ${v}`,
    ]),
    `select payment_id from klarna_operations where id = ${v}`,
    `select payment_id from klarna_operations where idempotency_key = ${v}`,
  ];
  const metadata = put(`$.* == ${JSON.stringify(text)}`);
  const { amounts, currencies } = amountReadings(text);
  const sums = amounts.length === 0 ? null : `unnest(${put(amounts)}::bigint[], ${put(currencies)}::text[])`;
  return [
    (rows) => rows(`p.id in (${few.join(" union ")})`),
    (rows) => rows(`lower(p.reference) like ${start}`),
    (rows) => rows(`p.metadata <> '{}'::jsonb and p.metadata @@ ${metadata}::jsonpath`),
    placeWay("store", `a.reference = ${v} or a.id = ${v} or a.klarna_store_id = ${v}`),
    placeWay("terminal", `a.reference = ${v} or a.id = ${v}`),
    ...(sums === null ? [] : [(rows: Parameters<Way>[0]) => rows(`(p.amount, p.currency) in (select * from ${sums})`)]),
  ];
}

/** The index of a store's, and of a terminal's, payments has them in the order of their time. */
function placeWay(kind: "store" | "terminal", is: string): Way {
  return (rows) => `select x.* from ${kind}s a cross join lateral
    (${rows(`p.partner_id = a.partner_id and p.mode = a.mode and p.${kind}_id = a.id`)}) x
    where a.mode = $1 and ($2::text[] is null or a.partner_id = any($2)) and (${is})`;
}
