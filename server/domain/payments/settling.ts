import type { ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { releaseKey } from "@/server/db/idempotency";
import type { KlarnaCallRecord, KlarnaOutcome } from "@/server/klarna/client";
import {
  type Draft,
  isFirstTurn,
  isOpenOperation,
  KEY_LIFE_MS,
  type Loaded,
  leavesOpen,
  openCaptureAmount,
  openKinds,
  postpone,
  settle,
  startDraft,
  step,
} from "./change";
import { askForPerson } from "./journey";
import { type RailTransaction, railOf } from "./rail";
import { listOperations } from "./repository";
import type { OperationRow, PaymentRecord } from "./rows";
import type { ActionFacts } from "./states";

/* What every operation after the payment shares: how its outcome is read, and what is done when none comes. */

/**
 * What a call came to. `done` Klarna said so; `refused` Klarna's definite no; `not_sent` nothing ever left us, so it is
 * given up; `open` anything else: the same key is repeated.
 */
export type Verdict = "done" | "refused" | "not_sent" | "open";

/** Waits for an id that a later read may bring: nothing was sent, and nothing is given up. */
const WAITING = /_id_unknown$/;

/**
 * `isDone`: whether a 2xx says what it must, such as the id of what was made; one that does not proves nothing. `now` by
 * the clock of the payment.
 */
export function verdictOf(outcome: KlarnaOutcome, operation: OperationRow, isDone: boolean, now: Date): Verdict {
  const isFirst = isFirstTurn(operation, now);
  switch (outcome.kind) {
    case "answered":
      return isDone ? "done" : "open";
    case "refused":
      return leavesOpen(outcome, operation, now) ? "open" : "refused";
    default:
      return outcome.kind === "not_sent" && isFirst && !WAITING.test(outcome.reason) ? "not_sent" : "open";
  }
}

/** What a call came to means for its payment, beside the journal row: nothing is written for what is left out. */
export type Effects = {
  /** What the journal calls it once Klarna has done it. */
  result: string;
  done: () => void;
  /** `code` is Klarna's. */
  refused: (code: string | null) => void;
  notSent?: () => void;
  /** Something was sent and no definite answer came. */
  lost?: () => void;
};

/** Settles or postpones an open operation by its outcome, and writes what that means. `isDone`: see `verdictOf`. */
export function applyOutcome(
  draft: Draft,
  operation: OperationRow,
  outcome: KlarnaOutcome,
  isDone: boolean,
  now: Date,
  effects: Effects,
): void {
  const { calls } = outcome;
  switch (verdictOf(outcome, operation, isDone, now)) {
    case "done":
      settle(draft, operation, "succeed", { result: effects.result, calls }, now);
      effects.done();
      return;
    case "refused": {
      const error = outcome.kind === "refused" ? outcome.error : null;
      const { code = null, errorId = null } = error ?? {};
      settle(draft, operation, "fail", { result: "REFUSED", calls, errorCode: code, errorId }, now);
      effects.refused(code);
      return;
    }
    case "not_sent":
      settle(draft, operation, "fail", { result: "NOT_SENT", calls }, now);
      effects.notSent?.();
      return;
    case "open":
      postpone(draft, operation, calls, wasSent(outcome), now);
      if (wasSent(outcome)) effects.lost?.();
  }
}

/** The step that settles one operation. Nothing is written where somebody has settled it before. */
export function settlingStep(
  ctx: ServiceContext,
  paymentId: string,
  operationId: string,
  write: (draft: Draft, open: OperationRow, now: Date, fresh: Loaded) => void,
): Promise<PaymentRecord> {
  return step(ctx, paymentId, (fresh, now) => {
    const open = fresh.operations.find((row) => row.id === operationId);
    if (!open || open.settledAt !== null) return null;
    const draft = startDraft(fresh);
    write(draft, open, now, fresh);
    return draft;
  });
}

/** Whether anything of the call may have reached Klarna. */
export function wasSent(outcome: KlarnaOutcome): boolean {
  return outcome.kind !== "not_sent";
}

/** Klarna has forgotten the key: a repeat would be a second call, so it is not made any more. */
export function isKeyForgotten(ctx: ServiceContext, operation: OperationRow): boolean {
  return ctx.clock.now().getTime() - operation.openedAt.getTime() >= KEY_LIFE_MS;
}

/**
 * Klarna takes a repeat and again does not name what it made: its books do, by the reference that we sent. Null where they
 * do not, or where the first turn may still bring the name.
 */
export async function nameInBooks(
  ctx: ServiceContext,
  payment: PaymentRecord,
  operation: OperationRow,
  outcome: KlarnaOutcome,
  made: { part: "captures" | "refunds"; reference: string },
): Promise<string | null> {
  if (outcome.kind !== "answered" || operation.state !== "UNKNOWN") return null;
  const { transaction } = await railOf(payment).readTransaction(ctx, payment);
  return transaction?.[made.part].find((row) => row.reference === made.reference)?.id ?? null;
}

/**
 * Past the life of the key: the transaction is read, and where it proves that the call took effect (`prove` answers its
 * facts), `apply` writes that. What it does not show is not taken for a failure: a person is asked.
 */
export async function settleByReading<T>(
  ctx: ServiceContext,
  payment: PaymentRecord,
  operation: OperationRow,
  prove: (transaction: RailTransaction) => T | null,
  apply: (proof: T, calls: KlarnaCallRecord[]) => Promise<PaymentRecord>,
): Promise<PaymentRecord> {
  const { outcome, transaction } = await railOf(payment).readTransaction(ctx, payment);
  const proof = transaction === null ? null : prove(transaction);
  return proof === null ? askForPerson(ctx, payment.id, operation.id) : apply(proof, outcome.calls);
}

/** A settled outcome by reading, in the form of an answer. */
export function provenBy(calls: KlarnaCallRecord[]): KlarnaOutcome {
  return { kind: "answered", status: 200, body: null, calls };
}

/** What the table of actions needs to know. */
export function actionFacts(loaded: Loaded, now: Date): ActionFacts {
  const { payment, operations, captures } = loaded;
  // The capture that comes with a classic sale has no row of its own before it is done, and takes everything.
  const isSaleCaptured = operations.some(
    (row) => row.kind === "CAPTURE" && row.captureId === null && isOpenOperation(row),
  );
  return {
    ...payment,
    amountRefundable: 0,
    openCaptures: isSaleCaptured ? payment.amountAuthorized : openCaptureAmount(captures),
    open: openKinds(loaded.operations),
    now,
  };
}

/**
 * A definite no is told as one, and gives the caller's key back; an open outcome is no error. Errors: klarna_unavailable
 * (nothing was sent), and `refusal()`.
 */
export async function requireAccepted(
  ctx: ServiceContext,
  payment: PaymentRecord,
  operationId: string,
  refusal: () => AppError,
): Promise<OperationRow | null> {
  const settled = (await listOperations(ctx.db, payment)).find((row) => row.id === operationId) ?? null;
  if (settled?.state !== "FAILED") return settled;
  if (ctx.idempotency) await releaseKey(ctx.db, ctx.idempotency);
  throw settled.result === "NOT_SENT" ? new AppError("klarna_unavailable", { retryAfterSeconds: 3 }) : refusal();
}

/** What the lines add up to; null without lines. Errors: amount_mismatch. */
export function sumOfLines(input: {
  amount?: number | undefined;
  line_items?: readonly { total_amount: number }[] | undefined;
}): number | null {
  if (!input.line_items) return null;
  const sum = input.line_items.reduce((all, item) => all + item.total_amount, 0);
  if (sum < 1 || (input.amount !== undefined && input.amount !== sum)) {
    throw new AppError("amount_mismatch", {
      errors: [{ pointer: "/line_items", detail: `total_amount adds up to ${sum}, not to the amount` }],
    });
  }
  return sum;
}
