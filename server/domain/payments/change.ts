import type { ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { klarnaIdempotencyKey, newId } from "@/server/core/ids";
import { redact } from "@/server/core/redact";
import { addMs, clockAhead, DAY_MS, MINUTE_MS, realTime, SECOND_MS } from "@/server/core/time";
import type { Transaction } from "@/server/db/client";
import { answerPlace, claimKey, type IdempotencyIntent } from "@/server/db/idempotency";
import type { EventType } from "@/server/events/catalog";
import type { KlarnaCallRecord, KlarnaOutcome } from "@/server/klarna/client";
import { isDenied } from "./classic/facts";
import { findPayment, listCaptures, listOperations, listRefundRows, lockPayment, sumRefunds } from "./repository";
import {
  type AlarmRow,
  type AnswerPatch,
  type AuditRow,
  applyChange,
  type OperationPatch,
  type PaymentChange,
} from "./repository-change";
import type { CaptureRow, NewCapture, OperationKind, OperationRow, PaymentRecord, PaymentRow, RefundRow } from "./rows";
import { type PaymentSnapshot, type PublicPayment, presentPayment } from "./schema";
import { announceCapture, announcePayment, announceRefund, snapshotPayment, stateEvent } from "./snapshot";
import { OPEN_STATES, operationMachine, paymentMachine } from "./states";
import { nextWake } from "./wake";

/* The one way in which a payment changes: read, draft, apply under the version that was read; else read again. */

const STEP_ATTEMPTS_MAX = 40;
/** A journal row that is still PENDING after this was left by a process that died. Longer than any call may take. */
export const CALL_LEASE_MS = 20 * SECOND_MS;
/** Klarna forgets a key after 24 hours; we stop sending it an hour earlier. */
export const KEY_LIFE_MS = 23 * 60 * MINUTE_MS;

/** What a step knows when it decides. */
export type Loaded = {
  payment: PaymentRecord;
  operations: OperationRow[];
  /** Under the lock all of them; else none of a payment that Klarna captured with its approval. */
  captures: CaptureRow[];
  refunds: RefundRow[];
};

/** A change being written; `finish` turns it into one statement's rows. */
export type Draft = {
  before: PaymentRecord;
  after: PaymentRecord;
  known: OperationRow[];
  openRefunds: number;
  newOperations: OperationRow[];
  operations: OperationRow[];
  calls: { operation: OperationRow; record: KlarnaCallRecord }[];
  newCaptures: NewCapture[];
  captures: CaptureRow[];
  captureEvents: CaptureRow[];
  newRefunds: RefundRow[];
  refunds: RefundRow[];
  refundEvents: RefundRow[];
  extraEvents: EventType[];
  audit: { action: string; before?: unknown; after?: unknown }[];
  alarms: { kind: string; message: string }[];
  clearedAlarms: string[];
};

export function isOpenOperation(operation: OperationRow): boolean {
  return !operationMachine.isTerminal(operation.state);
}

export function openOperation(operations: readonly OperationRow[], kind: OperationKind): OperationRow | undefined {
  return operations.find((operation) => operation.kind === kind && isOpenOperation(operation));
}

/** Refunds that may still succeed count as refunded. */
export function openRefundAmount(refunds: readonly RefundRow[]): number {
  return refunds
    .filter((refund) => !operationMachine.isTerminal(refund.state))
    .reduce((sum, refund) => sum + refund.amount, 0);
}

export function startDraft(loaded: Loaded): Draft {
  return {
    before: loaded.payment,
    after: { ...loaded.payment },
    known: loaded.operations,
    openRefunds: openRefundAmount(loaded.refunds),
    newOperations: [],
    operations: [],
    calls: [],
    newCaptures: [],
    captures: [],
    captureEvents: [],
    newRefunds: [],
    refunds: [],
    refundEvents: [],
    extraEvents: [],
    audit: [],
    alarms: [],
    clearedAlarms: [],
  };
}

/** Captures that may still succeed count as captured. */
export function openCaptureAmount(captures: readonly CaptureRow[]): number {
  return captures
    .filter((capture) => !operationMachine.isTerminal(capture.state))
    .reduce((sum, capture) => sum + capture.amount, 0);
}

/** The kinds of calls that have no definite answer yet. */
export function openKinds(operations: readonly OperationRow[]): OperationKind[] {
  return operations.filter(isOpenOperation).map((operation) => operation.kind);
}

/** A new intent for the journal. Its key towards Klarna comes from its id, so a retry is the same call. */
export function newOperation(
  payment: Pick<PaymentRow, "id" | "partnerId" | "mode">,
  kind: OperationKind,
  now: Date,
  options: { epoch?: number; captureId?: string | null; refundId?: string | null } = {},
): OperationRow {
  const id = newId("operation");
  return {
    id,
    partnerId: payment.partnerId,
    mode: payment.mode,
    paymentId: payment.id,
    captureId: options.captureId ?? null,
    refundId: options.refundId ?? null,
    kind,
    epoch: options.epoch ?? 1,
    state: "PENDING",
    idempotencyKey: klarnaIdempotencyKey(id),
    intentSecret: null,
    result: null,
    attempts: 0,
    nextAttemptAt: addMs(now, CALL_LEASE_MS),
    klarnaErrorCode: null,
    klarnaErrorId: null,
    openedAt: now,
    settledAt: null,
  };
}

/** Journals a new intent of a kind on a payment; counts the intents of the kind. */
export function journal(
  draft: Draft,
  kind: OperationKind,
  now: Date,
  ids: { captureId?: string | null; refundId?: string | null } = {},
): OperationRow {
  const epoch = draft.known.filter((operation) => operation.kind === kind).length + 1;
  const operation = newOperation(draft.after, kind, now, { ...ids, epoch });
  draft.newOperations.push(operation);
  return operation;
}

/**
 * Whether this is the turn that journalled the row, and so the only one that can know that nothing was sent: a row that
 * is older than the lease was left by a process that may have sent it before it died.
 */
export function isFirstTurn(operation: OperationRow, now: Date): boolean {
  const { state, attempts, nextAttemptAt } = operation;
  return state === "PENDING" && attempts === 0 && nextAttemptAt !== null && nextAttemptAt > now;
}

/**
 * Whether a refusal came before Klarna looked at the key (it was of the credentials, or of what they cannot see), while an
 * earlier call may have been done: then it says nothing about that one. A refusal for the state of the transaction does:
 * had the earlier call been done, its own answer would have come again.
 */
export function leavesOpen(outcome: KlarnaOutcome, operation: OperationRow, now: Date): boolean {
  if (outcome.kind !== "refused") return false;
  const { status, code } = outcome.error;
  const maybeSent = !isFirstTurn(operation, now) || outcome.calls.some((call) => call.outcome === "NO_ANSWER");
  return maybeSent && (status === 401 || status === 404 || isDenied(code));
}

/** Settles a journal row for good. */
export function settle(
  draft: Draft,
  operation: OperationRow,
  event: "succeed" | "fail",
  facts: { result: string; calls?: readonly KlarnaCallRecord[]; errorCode?: string | null; errorId?: string | null },
  now: Date,
): void {
  addCalls(draft, operation, facts.calls ?? []);
  draft.operations.push({
    ...operation,
    state: operationMachine.next(operation.state, event),
    result: facts.result,
    attempts: operation.attempts + (facts.calls?.length ?? 0),
    nextAttemptAt: null,
    klarnaErrorCode: facts.errorCode ?? null,
    klarnaErrorId: facts.errorId ?? null,
    settledAt: now,
  });
}

/** No definite answer: the row becomes UNKNOWN (when something was sent) and is looked at again, ever more slowly. */
export function postpone(
  draft: Draft,
  operation: OperationRow,
  calls: readonly KlarnaCallRecord[],
  wasSent: boolean,
  now: Date,
): void {
  addCalls(draft, operation, calls);
  const attempts = operation.attempts + Math.max(1, calls.length);
  const state = wasSent && operation.state === "PENDING" ? operationMachine.next("PENDING", "lose") : operation.state;
  const delays = [2, 5, 10, 30, 60, 120, 300];
  const seconds = delays[Math.min(delays.length - 1, Math.floor(attempts / 3))] ?? 300;
  const last = calls.at(-1);
  draft.operations.push({
    ...operation,
    state,
    attempts,
    nextAttemptAt: addMs(now, seconds * SECOND_MS),
    klarnaErrorCode: last?.httpStatus ? `HTTP_${last.httpStatus}` : operation.klarnaErrorCode,
    klarnaErrorId: last?.klarnaErrorId ?? operation.klarnaErrorId,
  });
}

function addCalls(draft: Draft, operation: OperationRow, calls: readonly KlarnaCallRecord[]): void {
  for (const record of calls) draft.calls.push({ operation, record });
}

/** Moves the state by the table; throws state_conflict where the table has no row. */
export function move(draft: Draft, event: Parameters<typeof paymentMachine.next>[1]): void {
  draft.after.state = paymentMachine.next(draft.after.state, event);
}

export function raiseAlarm(draft: Draft, kind: string, message: string): void {
  draft.alarms.push({ kind, message });
}

/** Told to a person some days before an authorization ends with something left to capture. */
export const AUTHORIZATION_ENDING = "authorization_ending";

function auditRow(
  ctx: ServiceContext,
  payment: PaymentRow,
  now: Date,
  entry: { action: string; before?: unknown; after?: unknown },
): AuditRow {
  return {
    id: newId("audit"),
    partnerId: payment.partnerId,
    mode: payment.mode,
    actorKind: ctx.actor.kind,
    actorId: ctx.actor.id,
    way: ctx.way,
    action: entry.action,
    subjectKind: "payment",
    subjectId: payment.id,
    requestId: ctx.requestId,
    before: entry.before === undefined ? null : redact(entry.before),
    after: entry.after === undefined ? null : redact(entry.after),
    createdAt: now,
  };
}

export function creationAudit(ctx: ServiceContext, payment: PaymentRow, now: Date): AuditRow {
  return auditRow(ctx, payment, now, {
    action: "payment.created",
    after: { status: payment.state, amount: payment.amount, currency: payment.currency, reference: payment.reference },
  });
}

/**
 * The same context by the clock of the payment's Partner, which is ahead of ours once the Partner has moved it (test mode
 * only). Deadlines and the payment's own times are by it; audit, events, alarms and wake-ups are by ours.
 */
export function inTimeOf(ctx: ServiceContext, payment: Pick<PaymentRecord, "clockAheadMs">): ServiceContext {
  return { ...ctx, clock: clockAhead(ctx.clock, payment.clockAheadMs) };
}

/** Completes a draft: wake-up, events in order, audit, alarms. `realNow` is `now` by our own clock. */
function finish(ctx: ServiceContext, draft: Draft, now: Date, realNow: Date): Omit<PaymentChange, "answer"> {
  const { before, after } = draft;
  after.updatedAt = now;
  const settledIds = new Set(draft.operations.map((operation) => operation.id));
  const operations = [
    ...draft.known.filter((operation) => !settledIds.has(operation.id)),
    ...draft.operations,
    ...draft.newOperations,
  ];
  // Wake-ups are kept by our own clock, everything else of the payment by its Partner's.
  const aheadMs = now.getTime() - realNow.getTime();
  const due = after.nextActionAt === null ? null : addMs(after.nextActionAt, aheadMs);
  const warnMs = ctx.env.AUTHORIZATION_WARNING_DAYS * DAY_MS;
  const wake = nextWake({ ...after, nextActionAt: due }, operations, now, warnMs);
  after.nextActionAt = wake === null ? null : addMs(wake, -aheadMs);
  if (before.state === "AUTHORIZED" && after.state !== "AUTHORIZED" && after.authorizationWarnedAt !== null)
    draft.clearedAlarms.push(AUTHORIZATION_ENDING);
  const types: EventType[] = [];
  if (before.state !== after.state) {
    const type = stateEvent(after.state);
    if (type) types.push(type);
    draft.audit.unshift({
      action: `payment.${after.state.toLowerCase()}`,
      before: { status: before.state },
      after: { status: after.state },
    });
  }
  types.push(...draft.extraEvents);
  const events = types.map((type) => announcePayment(before, after, type, draft.openRefunds));
  for (const capture of draft.captureEvents) events.push(announceCapture(capture, 1));
  for (const refund of draft.refundEvents) events.push(announceRefund(refund, 1));
  const alarms: AlarmRow[] = draft.alarms.map((alarm) => ({
    id: newId("alarm"),
    kind: alarm.kind,
    partnerId: after.partnerId,
    mode: after.mode,
    subjectKind: "payment",
    subjectId: after.id,
    message: alarm.message,
    raisedAt: realNow,
  }));
  const patch = (operation: OperationRow): OperationPatch => ({
    id: operation.id,
    state: operation.state,
    result: operation.result,
    attempts: operation.attempts,
    nextAttemptAt: operation.nextAttemptAt,
    klarnaErrorCode: operation.klarnaErrorCode,
    klarnaErrorId: operation.klarnaErrorId,
    settledAt: operation.settledAt,
  });
  return {
    before,
    after,
    newOperations: draft.newOperations,
    operations: draft.operations.map(patch),
    calls: draft.calls,
    newCaptures: draft.newCaptures,
    captures: draft.captures.map(({ id, state, klarnaPaymentCaptureId, failureCode, updatedAt }) => ({
      id,
      state,
      klarnaPaymentCaptureId,
      failureCode,
      updatedAt,
    })),
    newRefunds: draft.newRefunds,
    refunds: draft.refunds.map(({ id, state, klarnaPaymentRefundId, failureCode, updatedAt }) => ({
      id,
      state,
      klarnaPaymentRefundId,
      failureCode,
      updatedAt,
    })),
    events: events.map((event) => ({ ...event, requestId: ctx.requestId })),
    audit: draft.audit.map((entry) => auditRow(ctx, after, realNow, entry)),
    clearedAlarms: draft.clearedAlarms.map((kind) => ({ kind, cleared_at: realNow })),
    alarms,
  };
}

export function sealAnswer(ctx: ServiceContext, intent: IdempotencyIntent, object: unknown): AnswerPatch {
  const { status, body } = intent.answer(object);
  return {
    partnerId: intent.partnerId,
    mode: intent.mode,
    key: intent.key,
    status,
    body: ctx.secrets.sealBytes(Buffer.from(body, "utf8"), answerPlace(intent)),
  };
}

async function load(ctx: ServiceContext, tx: Transaction, id: string, lock: boolean): Promise<Loaded> {
  const payment = await (lock ? lockPayment : findPayment)(tx, ctx.scope, id);
  if (!payment) throw new AppError("payment_not_found");
  // One after the other: in a transaction there is one connection.
  const operations = await listOperations(tx, payment);
  // Events about a payment that came captured are the most of all steps, and its one capture never changes.
  const mayCapture = payment.capture === "MANUAL" || operations.some((operation) => operation.kind === "CAPTURE");
  const captures = payment.amountAuthorized > 0 && (lock || mayCapture) ? await listCaptures(tx, payment) : [];
  const refunds = payment.amountCaptured > 0 ? await listRefundRows(tx, payment) : [];
  return { payment, operations, captures, refunds };
}

/** What the stored answer of the caller's Idempotency-Key shall say after this step. */
export type AnswerOf = (after: PaymentRecord, draft: Draft) => unknown;

/**
 * Decides and applies one step of a payment. `decide` looks at the newest rows and returns a draft, or null to leave
 * everything as it is. Runs again when somebody else moved the payment in between. `first` spares the first read.
 * Returns the payment after the step. Errors: payment_not_found and whatever `decide` throws.
 */
export async function step(
  ctx: ServiceContext,
  id: string,
  decide: (loaded: Loaded, now: Date) => Draft | null,
  options: { first?: Loaded; answer?: AnswerOf } = {},
): Promise<PaymentRecord> {
  let loaded = options.first;
  for (let attempt = 1; attempt <= STEP_ATTEMPTS_MAX; attempt += 1) {
    loaded ??= await load(ctx, ctx.db, id, false);
    const { clock } = inTimeOf(ctx, loaded.payment);
    const now = clock.now();
    const draft = decide(loaded, now);
    if (draft === null) return loaded.payment;
    const change = finish(ctx, draft, now, realTime(clock, now));
    const answer =
      options.answer && ctx.idempotency ? sealAnswer(ctx, ctx.idempotency, options.answer(draft.after, draft)) : null;
    if (await applyChange(ctx.db, { ...change, answer }, realTime(clock, now))) return afterApply(ctx, draft);
    loaded = undefined;
    await new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(50, 2 * attempt)));
  }
  throw new AppError("state_conflict", {
    detail: "The payment is changing too quickly. Try again.",
    retryAfterSeconds: 1,
  });
}

/**
 * The same under the row's lock, claiming the caller's Idempotency-Key in the same transaction: for steps that begin an
 * operation and whose sums over several rows must agree. `within` runs in that transaction once the draft stands. Throws
 * IdempotencyConflict when the key is taken.
 */
export async function lockedStep(
  ctx: ServiceContext,
  id: string,
  resourceId: string,
  decide: (loaded: Loaded, now: Date) => Draft | null,
  within?: (tx: Transaction) => Promise<void>,
): Promise<PaymentRecord> {
  return ctx.db.transaction(async (tx) => {
    const loaded = await load(ctx, tx, id, true);
    const { clock } = inTimeOf(ctx, loaded.payment);
    const now = clock.now();
    const realNow = realTime(clock, now);
    if (ctx.idempotency) await claimKey(tx, ctx.idempotency, resourceId, realNow);
    const draft = decide(loaded, now);
    if (draft === null) return loaded.payment;
    await within?.(tx);
    const change = finish(ctx, draft, now, realNow);
    if (!(await applyChange(tx, change, realNow))) throw new Error(`payment ${id} moved under its lock`);
    return afterApply(ctx, draft);
  });
}

function afterApply(ctx: ServiceContext, draft: Draft): PaymentRecord {
  const isTold =
    draft.before.state !== draft.after.state ||
    draft.extraEvents.length + draft.captureEvents.length + draft.refundEvents.length > 0;
  if (isTold) ctx.nudge("outbox");
  return { ...draft.after, version: draft.before.version + 1 };
}

const DISPLAY_PURPOSE = "display";

/** The path-bound token of the customer display: opens this payment's display and nothing else. */
export function issueDisplayToken(services: Pick<ServiceContext, "secrets">, paymentId: string): string {
  return services.secrets.hash(paymentId, DISPLAY_PURPOSE).slice(0, 43);
}

export function toPublic(
  ctx: Pick<ServiceContext, "env" | "secrets">,
  payment: PaymentRecord,
  openRefunds = 0,
): PublicPayment {
  return presentSnapshot(ctx, snapshotPayment(payment, openRefunds));
}

/**
 * Payments as Partners see them now: refunds that may still succeed count as given back. These are read after the payment,
 * so that one that succeeds in between is not offered once more.
 */
export async function presentNow(ctx: ServiceContext, payments: readonly PaymentRecord[]): Promise<PublicPayment[]> {
  const given = await sumRefunds(ctx.db, payments);
  return payments.map((payment) =>
    toPublic(ctx, payment, Math.max(0, (given.get(payment.id) ?? 0) - payment.amountRefunded)),
  );
}

/** The same of one. */
export async function presentOne(ctx: ServiceContext, payment: PaymentRecord): Promise<PublicPayment> {
  const [presented] = await presentNow(ctx, [payment]);
  return presented ?? toPublic(ctx, payment);
}

export function presentSnapshot(
  ctx: Pick<ServiceContext, "env" | "secrets">,
  snapshot: PaymentSnapshot,
): PublicPayment {
  return presentPayment(snapshot, { publicUrl: ctx.env.PUBLIC_URL, displayToken: issueDisplayToken(ctx, snapshot.id) });
}

/** Whether the customer, Klarna or we still have something to decide. */
export function isUndecided(payment: PaymentRow): boolean {
  return OPEN_STATES.includes(payment.state);
}
