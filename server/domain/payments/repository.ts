import type { TenantScope } from "@/server/auth/permissions";
import type { Row, Transaction } from "@/server/db/client";
import { OPERATION_COLUMNS, PAYMENT_KEYS, snake } from "./repository-columns";
import type { CaptureRow, OperationRow, PaymentRecord, PaymentRow, RefundRow } from "./rows";

/* What is read of payments; what is written stands in `repository-change.ts`. A query without a tenant cannot be written. */

const paymentSelection = PAYMENT_KEYS.map((key) => `p.${snake(key)} as "${key}"`).join(", ");
export const RECORD_SELECT = `select ${paymentSelection}, s.reference as "storeReference", s.name as "storeName", s.address as "storeAddress",
  s.source as "storeSource", s.klarna_store_id as "storeKlarnaId", t.reference as "terminalReference", t.label as "terminalLabel",
  r.name as "partnerName", a.klarna_partner_account_id as "accountId", a.clock_ahead_ms as "clockAheadMs"
  from payments p join partner_accounts a on a.partner_id = p.partner_id and a.mode = p.mode join partners r on r.id = p.partner_id
  left join stores s on s.id = p.store_id left join terminals t on t.id = p.terminal_id`;

/** A tenant condition: `$1` mode, `$2` Partners or null for all. */
export const TENANT = "p.mode = $1 and ($2::text[] is null or p.partner_id = any($2))";
export function tenantValues(scope: TenantScope): [string, readonly string[] | null] {
  return [scope.mode, scope.partners === "all" ? null : scope.partners];
}

/** What may be open at Klarna: journeys and first calls, journalled calls without a definite answer, late approvals. */
export type OpenKind = "requests" | "operations" | "late_approvals";

const OPEN_CONDITIONS: Readonly<Record<OpenKind, string>> = {
  requests: "p.state in ('PROCESSING','PENDING','IN_PROGRESS','FINALIZING')",
  operations: `p.state not in ('PROCESSING','PENDING','IN_PROGRESS','FINALIZING') and p.id in (
    select o.payment_id from klarna_operations o where o.next_attempt_at is not null)`,
  late_approvals: "p.late_approval_state = 'FOUND'",
};

/** Payments of one mode with something open, by id, whatever their next wake-up says. */
export async function listOpenPayments(
  tx: Transaction,
  input: { mode: "test" | "live"; kind: OpenKind; createdBefore: Date; after: string; limit: number },
): Promise<string[]> {
  const rows = await tx.query<Row & { id: string }>({
    name: `payments_open_${input.kind}`,
    text: `select p.id from payments p where p.mode = $1 and ${OPEN_CONDITIONS[input.kind]} and p.created_at < $2 and p.id > $3
      order by p.id limit $4`,
    values: [input.mode, input.createdBefore, input.after, input.limit],
  });
  return rows.map((row) => row.id);
}

/** Null outside the scope, exactly as for a payment that does not exist. */
export async function findPayment(tx: Transaction, scope: TenantScope, id: string): Promise<PaymentRecord | null> {
  const [row] = await tx.query<PaymentRecord>({
    name: "payment_find",
    text: `${RECORD_SELECT} where ${TENANT} and p.id = $3`,
    values: [...tenantValues(scope), id],
  });
  return row && isOfTerminal(scope, row) ? row : null;
}

/** A till sees the payments of its own terminal. */
function isOfTerminal(scope: TenantScope, row: Pick<PaymentRow, "terminalId">): boolean {
  return scope.terminal === undefined || row.terminalId === scope.terminal;
}

/** Locks the payment first; for steps whose sums over several rows must agree. */
export async function lockPayment(tx: Transaction, scope: TenantScope, id: string): Promise<PaymentRecord | null> {
  const locked = await tx.query<Row>({
    name: "payment_lock",
    text: `select p.id from payments p where ${TENANT} and p.id = $3 for update`,
    values: [...tenantValues(scope), id],
  });
  return locked.length === 0 ? null : findPayment(tx, scope, id);
}

/** The payment that an event from Klarna is about, whatever id it names. */
export async function findPaymentByKlarna(
  tx: Transaction,
  scope: TenantScope,
  ids: { requestId: string | null; transactionId: string | null; reference: string | null },
): Promise<PaymentRecord | null> {
  const [row] = await tx.query<PaymentRecord>({
    name: "payment_find_by_klarna",
    text: `${RECORD_SELECT} where ${TENANT} and p.id in (
        select id from payments where klarna_payment_request_id = $3
        union select id from payments where klarna_payment_transaction_id = $4
        union select id from payments where id = $5) limit 1`,
    values: [...tenantValues(scope), ids.requestId, ids.transactionId, ids.reference],
  });
  return row ?? null;
}

/** By the reference, our id, or Klarna's id of transaction or request; newest first, at most 25. */
export async function lookUpPaymentRecords(
  tx: Transaction,
  scope: TenantScope,
  reference: string,
): Promise<PaymentRecord[]> {
  return tx.query<PaymentRecord>({
    name: "payments_look_up",
    text: `${RECORD_SELECT} where ${TENANT} and p.id in (
        select id from payments where mode = $1 and ($2::text[] is null or partner_id = any($2)) and reference = $3
        union select id from payments where id = $3
        union select id from payments where klarna_payment_transaction_id = $3
        union select id from payments where klarna_payment_request_id = $3)
      order by p.created_at desc, p.id desc limit 25`,
    values: [...tenantValues(scope), reference],
  });
}

const OPERATION_SELECTION = OPERATION_COLUMNS.split(", ")
  .map((column) => `o.${column} as "${column.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())}"`)
  .join(", ");

export async function listOperations(tx: Transaction, payment: PaymentRow): Promise<OperationRow[]> {
  return tx.query<OperationRow>({
    name: "operations_of_payment",
    text: `select ${OPERATION_SELECTION} from klarna_operations o where o.partner_id = $1 and o.mode = $2 and o.payment_id = $3 order by o.opened_at, o.id`,
    values: [payment.partnerId, payment.mode, payment.id],
  });
}

export async function listCaptures(tx: Transaction, payment: PaymentRow): Promise<CaptureRow[]> {
  return tx.query<CaptureRow>({
    name: "captures_of_payment",
    text: `select id, partner_id as "partnerId", mode, payment_id as "paymentId", state, amount, currency, reference,
        klarna_payment_capture_id as "klarnaPaymentCaptureId", automatic, line_items as "lineItems", shipping_secret as "shippingSecret",
        intent_key as "intentKey", failure_code as "failureCode", created_at as "createdAt",
        updated_at as "updatedAt"
      from captures where partner_id = $1 and mode = $2 and payment_id = $3 order by created_at, id`,
    values: [payment.partnerId, payment.mode, payment.id],
  });
}

/** What was given back of these payments, or may still be; none is named of which nothing was. */
export async function sumRefunds(tx: Transaction, payments: readonly PaymentRow[]): Promise<Map<string, number>> {
  const captured = payments.filter((payment) => payment.amountCaptured > 0);
  if (captured.length === 0) return new Map();
  const sums = await tx.query<Row & { id: string; amount: number }>({
    name: "refunds_sum",
    text: `select f.payment_id as id, sum(f.amount)::bigint as amount
      from refunds f join unnest($1::text[], $2::text[], $3::text[]) as p (partner_id, mode, id)
        on f.partner_id = p.partner_id and f.mode = p.mode and f.payment_id = p.id
      where f.state <> 'FAILED' group by f.payment_id`,
    values: [captured.map((one) => one.partnerId), captured.map((one) => one.mode), captured.map((one) => one.id)],
  });
  return new Map(sums.map(({ id, amount }) => [id, amount]));
}

export async function listRefundRows(tx: Transaction, payment: PaymentRow): Promise<RefundRow[]> {
  return tx.query<RefundRow>({
    name: "refunds_of_payment",
    text: `select f.id, f.partner_id as "partnerId", f.mode, f.payment_id as "paymentId", f.capture_id as "captureId", f.state, f.amount,
        f.currency, f.line_items as "lineItems", f.store_id as "storeId", s.reference as "storeReference", f.terminal_id as "terminalId",
        t.reference as "terminalReference", f.reason, f.reference, f.klarna_payment_refund_id as "klarnaPaymentRefundId",
        f.intent_key as "intentKey", f.failure_code as "failureCode", f.created_by as "createdBy", f.created_at as "createdAt", f.updated_at as "updatedAt"
      from refunds f left join stores s on s.id = f.store_id left join terminals t on t.id = f.terminal_id
      where f.partner_id = $1 and f.mode = $2 and f.payment_id = $3 order by f.created_at, f.id`,
    values: [payment.partnerId, payment.mode, payment.id],
  });
}

/**
 * Takes payments whose time has come, of these states, and moves their wake-up ahead by the lease: a crash after this
 * only delays them. Several workers take different ones.
 */
export async function claimDuePayments(
  tx: Transaction,
  input: { now: Date; leaseUntil: Date; limit: number; states: readonly string[]; rail: PaymentRow["rail"] | null },
): Promise<{ id: string; mode: "test" | "live" }[]> {
  return tx.query<{ id: string; mode: "test" | "live" }>({
    name: "payments_claim_due",
    text: `update payments p set next_action_at = $2, version = p.version + 1
      from (select id from payments where next_action_at <= $1 and state = any($4) and ($5::text is null or rail = $5) order by next_action_at limit $3 for update skip locked) due
      where p.id = due.id returning p.id, p.mode`,
    values: [input.now, input.leaseUntil, input.limit, input.states, input.rail],
  });
}

/** When the next classic session is asked about; null while none is open. */
export async function nextClassicTurn(tx: Transaction): Promise<Date | null> {
  const [row] = await tx.query<Row & { at: Date | null }>({
    name: "payments_next_classic_turn",
    text: `select min(next_action_at) as at from payments where rail = 'CLASSIC' and next_action_at is not null
      and state in ('PROCESSING','PENDING','IN_PROGRESS','FINALIZING')`,
    values: [],
  });
  return row?.at ?? null;
}
