import type { Row, Transaction } from "@/server/db/client";
import type { NewEvent } from "@/server/events/catalog";
import type { KlarnaCallRecord } from "@/server/klarna/client";
import {
  OPERATION_COLUMNS,
  PAYMENT_AMENDED,
  PAYMENT_MOVING,
  paymentColumns,
  snake,
  toColumns,
} from "./repository-columns";
import type { CaptureRow, NewCapture, OperationRow, PaymentRow, RefundRow } from "./rows";

/* What a step of a payment writes: one statement each, all of it or nothing. */

export type AuditRow = {
  id: string;
  partnerId: string | null;
  mode: string | null;
  actorKind: string;
  actorId: string;
  way: string;
  action: string;
  subjectKind: string;
  subjectId: string;
  requestId: string | null;
  before: unknown;
  after: unknown;
  createdAt: Date;
};
export type AlarmRow = {
  id: string;
  kind: string;
  partnerId: string | null;
  mode: string | null;
  subjectKind: string;
  subjectId: string;
  message: string;
  raisedAt: Date;
};
export type OperationPatch = Pick<
  OperationRow,
  "id" | "state" | "result" | "attempts" | "nextAttemptAt" | "klarnaErrorCode" | "klarnaErrorId" | "settledAt"
>;
export type AnswerPatch = { partnerId: string; mode: string; key: string; status: number; body: Buffer };

/** Everything that one step of a payment writes, committed together or not at all. */
export type PaymentChange = {
  before: PaymentRow;
  after: PaymentRow;
  newOperations?: readonly OperationRow[];
  operations?: readonly OperationPatch[];
  calls?: readonly { operation: OperationRow; record: KlarnaCallRecord }[];
  newCaptures?: readonly NewCapture[];
  captures?: readonly Pick<CaptureRow, "id" | "state" | "klarnaPaymentCaptureId" | "failureCode" | "updatedAt">[];
  newRefunds?: readonly RefundRow[];
  refunds?: readonly Pick<RefundRow, "id" | "state" | "klarnaPaymentRefundId" | "failureCode" | "updatedAt">[];
  /** Each with the request, job or inbox event behind it. */
  events?: readonly (NewEvent & { requestId: string })[];
  audit?: readonly AuditRow[];
  alarms?: readonly AlarmRow[];
  /** Kinds of alarms about this payment that are answered by this step. */
  clearedAlarms?: readonly { kind: string; cleared_at: Date }[];
  answer?: AnswerPatch | null;
};

const AUDIT_COLUMNS =
  "id, partner_id, mode, actor_kind, actor_id, way, action, subject_kind, subject_id, request_id, before, after, created_at";

const INSERT_TEXT = `with claim as (
    insert into idempotent_answers (partner_id, mode, key, request_hash, state, resource_id, created_at, expires_at)
    select x.partner_id, x.mode, x.key, x.request_hash, 'RUNNING', x.resource_id, x.created_at, x.expires_at
    from jsonb_populate_record(null::idempotent_answers, $4::jsonb) x where x.key is not null
    on conflict (partner_id, mode, key) do update set request_hash = excluded.request_hash, state = 'RUNNING', status = null, body = null,
      resource_id = excluded.resource_id, created_at = excluded.created_at, expires_at = excluded.expires_at
      where idempotent_answers.expires_at < excluded.created_at
    returning key
  ), made as (
    insert into payments (${paymentColumns})
    select ${paymentColumns} from jsonb_populate_record(null::payments, $1::jsonb)
    where $4::jsonb is null or exists (select 1 from claim)
    returning id
  ), journal as (
    insert into klarna_operations (${OPERATION_COLUMNS})
    select ${OPERATION_COLUMNS} from jsonb_populate_record(null::klarna_operations, $2::jsonb) where exists (select 1 from made)
  ), noted as (
    insert into audit_entries (${AUDIT_COLUMNS})
    select ${AUDIT_COLUMNS} from jsonb_populate_record(null::audit_entries, $3::jsonb) where exists (select 1 from made)
  ) select count(*)::int as made from made`;

/**
 * Writes a new payment, its first journal row, its audit entry and its idempotency claim in one statement.
 * Returns false when the key was claimed before: then nothing was written.
 */
export async function insertPayment(
  tx: Transaction,
  rows: { payment: PaymentRow; operation: OperationRow; audit: AuditRow; claim: Record<string, unknown> | null },
): Promise<boolean> {
  const [result] = await tx.query<{ made: number }>({
    name: "payment_insert",
    text: INSERT_TEXT,
    values: [
      JSON.stringify(toColumns(rows.payment)),
      JSON.stringify(toColumns(rows.operation)),
      JSON.stringify(toColumns(rows.audit)),
      rows.claim === null ? null : JSON.stringify(toColumns(rows.claim)),
    ],
  });
  return result?.made === 1;
}

const assign = (keys: readonly string[]): string => keys.map((key) => `${snake(key)} = n.${snake(key)}`).join(", ");
const movingAssignments = assign(PAYMENT_MOVING);
const amendingAssignments = assign([...PAYMENT_MOVING, ...PAYMENT_AMENDED]);
const many = (table: string, key: string): string => `jsonb_populate_recordset(null::${table}, $3::jsonb->'${key}')`;
/*
 * The parts of a step's statement. Only those that have rows are put into it: opening a table with its indexes costs the
 * database more than a row. Rows are found by their payment first: the planner takes a list of JSON for a hundred rows, and
 * by their ids alone it would read whole tables for them.
 */
const APPLY_PARTS = {
  newOperations: `opened as (
    insert into klarna_operations (${OPERATION_COLUMNS}) select ${OPERATION_COLUMNS.split(", ")
      .map((c) => `o.${c}`)
      .join(", ")}
    from ${many("klarna_operations", "newOperations")} o, moved)`,
  operations: `settled as (
    update klarna_operations k set state = o.state, result = o.result, attempts = o.attempts, next_attempt_at = o.next_attempt_at,
      klarna_error_code = o.klarna_error_code, klarna_error_id = o.klarna_error_id, settled_at = o.settled_at
    from ${many("klarna_operations", "operations")} o, moved where k.payment_id = moved.id and k.id = o.id)`,
  calls: `called as (
    insert into klarna_calls (operation_id, partner_id, mode, attempt, outcome, method, path, http_status, request, response,
      klarna_correlation_id, klarna_error_id, duration_ms, created_at)
    select c.operation_id, c.partner_id, c.mode, c.attempt, c.outcome, c.method, c.path, c.http_status, c.request, c.response,
      c.klarna_correlation_id, c.klarna_error_id, c.duration_ms, c.created_at from ${many("klarna_calls", "calls")} c, moved)`,
  newCaptures: `captured as (
    insert into captures (id, partner_id, mode, payment_id, state, amount, currency, reference, klarna_payment_capture_id, automatic,
      line_items, shipping_secret, intent_key, failure_code, created_at, updated_at)
    select c.id, c.partner_id, c.mode, c.payment_id, c.state, c.amount, c.currency, c.reference, c.klarna_payment_capture_id, c.automatic,
      coalesce(c.line_items, '[]'), c.shipping_secret, c.intent_key, c.failure_code, c.created_at, c.updated_at from ${many("captures", "newCaptures")} c, moved)`,
  captures: `recaptured as (
    update captures d set state = f.state, klarna_payment_capture_id = f.klarna_payment_capture_id, failure_code = f.failure_code,
      updated_at = f.updated_at from ${many("captures", "captures")} f, moved
    where d.partner_id = moved.partner_id and d.mode = moved.mode and d.payment_id = moved.id and d.id = f.id)`,
  newRefunds: `refunding as (
    insert into refunds (id, partner_id, mode, payment_id, capture_id, state, amount, currency, line_items, store_id, terminal_id,
      reason, reference, klarna_payment_refund_id, intent_key, failure_code, created_by, created_at, updated_at)
    select f.id, f.partner_id, f.mode, f.payment_id, f.capture_id, f.state, f.amount, f.currency, f.line_items, f.store_id, f.terminal_id,
      f.reason, f.reference, f.klarna_payment_refund_id, f.intent_key, f.failure_code, f.created_by, f.created_at, f.updated_at from ${many("refunds", "newRefunds")} f, moved)`,
  refunds: `refunded as (
    update refunds d set state = f.state, klarna_payment_refund_id = f.klarna_payment_refund_id, failure_code = f.failure_code,
      updated_at = f.updated_at from ${many("refunds", "refunds")} f, moved
    where d.partner_id = moved.partner_id and d.mode = moved.mode and d.payment_id = moved.id and d.id = f.id)`,
  events: `announced as (
    insert into outbox_events (id, partner_id, mode, type, version, subject_kind, subject_id, sequence, payload, request_id, created_at)
    select e.id, e.partner_id, e.mode, e.type, e.version, e.subject_kind, e.subject_id, e.sequence, e.payload, e.request_id, e.created_at
    from ${many("outbox_events", "events")} e, moved)`,
  audit: `noted as (
    insert into audit_entries (${AUDIT_COLUMNS}) select ${AUDIT_COLUMNS.split(", ")
      .map((c) => `a.${c}`)
      .join(", ")}
    from ${many("audit_entries", "audit")} a, moved)`,
  clearedAlarms: `cleared as (
    update alarms a set cleared_at = c.cleared_at, cleared_by = 'system'
    from ${many("alarms", "clearedAlarms")} c, moved where a.subject_id = moved.id and a.kind = c.kind and a.cleared_at is null)`,
  alarms: `alarmed as (
    insert into alarms (id, kind, partner_id, mode, subject_kind, subject_id, message, raised_at)
    select l.id, l.kind, l.partner_id, l.mode, l.subject_kind, l.subject_id, l.message, l.raised_at from ${many("alarms", "alarms")} l, moved
    on conflict (kind, subject_id) where cleared_at is null do nothing)`,
} as const;
type ApplyPart = keyof typeof APPLY_PARTS;
const APPLY_ORDER: readonly ApplyPart[] = [
  ...(["newOperations", "operations", "calls", "newCaptures", "captures", "newRefunds", "refunds"] as const),
  ...(["events", "audit", "clearedAlarms", "alarms"] as const),
];

/** The statement of a step that writes these parts; a step of one kind always has the same, prepared once per connection. */
function applyStatement(
  parts: readonly ApplyPart[],
  { hasAnswer, isAmended }: { hasAnswer: boolean; isAmended: boolean },
): { name: string; text: string } {
  const name = `payment_apply:${parts.join(":")}${hasAnswer ? ":answer" : ""}${isAmended ? ":amended" : ""}`;
  const known = applyStatements.get(name);
  if (known) return known;
  const text = `with lists as (select $3::jsonb), n as (select * from jsonb_populate_record(null::payments, $1::jsonb)),
    moved as (
      update payments p set version = p.version + 1, ${isAmended ? amendingAssignments : movingAssignments} from n
      where p.id = n.id and p.version = $2 returning p.id, p.partner_id, p.mode
    )${parts.map((part) => `, ${APPLY_PARTS[part]}`).join("")}${
      hasAnswer
        ? `, answered as (
      update idempotent_answers i set state = 'DONE', status = $5, body = $6, body_encrypted = true
      from moved where i.partner_id = $7 and i.mode = $8 and i.key = $4)`
        : ""
    } select moved.id, pg_notify('payment_changed', moved.id) from moved`;
  // Names of prepared statements end at 63 bytes, so the parts are bits of a number. It is not the number of those made before:
  // a process may have this module twice, over the same connections, where one name must mean one statement.
  const bits = parts.reduce((sum, part) => sum + 2 ** APPLY_ORDER.indexOf(part), 0);
  const made = { name: `payment_apply_${bits}${hasAnswer ? "_answer" : ""}${isAmended ? "_amended" : ""}`, text };
  applyStatements.set(name, made);
  return made;
}
const applyStatements = new Map<string, { name: string; text: string }>();

/**
 * Applies one step: guarded by the version that was read, with journal, captures, refunds, events, audit, alarms and the
 * stored answer in the same statement. Returns false when somebody else moved the payment first: read again, decide again.
 */
export async function applyChange(tx: Transaction, change: PaymentChange, now: Date): Promise<boolean> {
  const lists = {
    newOperations: (change.newOperations ?? []).map(toColumns),
    operations: (change.operations ?? []).map(toColumns),
    calls: (change.calls ?? []).map(({ operation, record }) => ({
      operation_id: operation.id,
      partner_id: operation.partnerId,
      mode: operation.mode,
      attempt: operation.attempts + record.attempt,
      outcome: record.outcome,
      method: record.method,
      path: record.path.split("?")[0],
      http_status: record.httpStatus,
      request: record.request,
      response: record.response,
      klarna_correlation_id: record.klarnaCorrelationId,
      klarna_error_id: record.klarnaErrorId,
      duration_ms: record.durationMs,
      created_at: record.at,
    })),
    newCaptures: (change.newCaptures ?? []).map(toColumns),
    captures: (change.captures ?? []).map(toColumns),
    newRefunds: (change.newRefunds ?? []).map(toColumns),
    refunds: (change.refunds ?? []).map(toColumns),
    events: (change.events ?? []).map((event) => ({ ...toColumns(event), version: 1, created_at: now })),
    audit: (change.audit ?? []).map(toColumns),
    clearedAlarms: change.clearedAlarms ?? [],
    alarms: (change.alarms ?? []).map(toColumns),
  };
  const isAmended = PAYMENT_AMENDED.some((key) => change.before[key] !== change.after[key]);
  const answer = change.answer ?? null;
  const parts = APPLY_ORDER.filter((part) => lists[part].length > 0);
  const rows = await tx.query<Row>({
    ...applyStatement(parts, { hasAnswer: answer !== null, isAmended }),
    values: [
      JSON.stringify(toColumns(change.after)),
      change.before.version,
      JSON.stringify(lists),
      ...(answer === null ? [] : [answer.key, answer.status, answer.body, answer.partnerId, answer.mode]),
    ],
  });
  return rows.length === 1;
}
