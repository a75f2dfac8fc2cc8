import { createHash } from "node:crypto";
import { formatMoney, parseDecimal } from "@/server/core/money";
import type { FourEyes } from "@/server/domain/approvals/schema";
import { refundNeedsTwo } from "@/server/domain/approvals/service";
import { type PaymentState, paymentActions } from "@/server/domain/payments/states";
import type { BulkKind, BulkSource } from "./states";

/* What each row would do, decided before anything is asked for. Knows no database: facts in, rows out. */

/** A row as somebody gave it. */
export type Wish = {
  rowNumber: number;
  given: string;
  /** As typed; null for all that is left. */
  amount: string | null;
  currency: string | null;
  capture: string | null;
  reference: string | null;
  reason: string | null;
};

export type KnownCapture = { id: string; klarnaId: string | null; left: number };
export type KnownPayment = {
  id: string;
  reference: string;
  transactionId: string | null;
  state: PaymentState;
  currency: string;
  amountAuthorized: number;
  amountCaptured: number;
  amountVoided: number;
  /** Of captures that may still succeed. */
  openCaptures: number;
  /** Given back, or may still be. */
  refunded: number;
  /** How many captures and refunds it has had: the same wish after another one is another wish. */
  captureCount: number;
  refundCount: number;
  captures: KnownCapture[];
};

export type Planned = {
  rowNumber: number;
  given: string;
  paymentId: string | null;
  captureId: string | null;
  amount: number | null;
  currency: string | null;
  reference: string | null;
  reason: string | null;
  needsApproval: boolean;
  intentKey: string;
  state: "READY" | "INVALID" | "SKIPPED";
  problem: string | null;
};

const hash = (parts: readonly unknown[]): string => createHash("sha256").update(JSON.stringify(parts)).digest("hex");

/** Says the same of two files with the same rows, whatever they are called and however they were saved. */
export function fingerprintOf(kind: BulkKind, wishes: readonly Wish[]): string {
  return hash([
    kind,
    ...wishes.map((wish) => [wish.given, wish.amount, wish.currency, wish.capture, wish.reference, wish.reason]),
  ]);
}

class Refusal extends Error {}
const refuse = (why: string): never => {
  throw new Refusal(why);
};

/**
 * Reads the wishes in their order; each counts on what those before it have left. `doneAlready` says in which run a row
 * with this intent was asked for before.
 */
export function planRows(input: {
  kind: BulkKind;
  source: BulkSource;
  fingerprint: string;
  wishes: readonly Wish[];
  payments: readonly KnownPayment[];
  rules: FourEyes;
  doneAlready: (intentKey: string) => string | null;
}): Planned[] {
  const find = finder(input.payments);
  const left = new Map<string, number>();
  const given = new Map<string, number>();
  return input.wishes.map((wish): Planned => {
    const { rowNumber, reference, reason } = wish;
    const base = { rowNumber, given: wish.given, reference, reason, needsApproval: false };
    let chosen: Pick<Planned, "paymentId" | "captureId" | "amount" | "currency"> = {
      ...{ paymentId: null, captureId: null, amount: null, currency: null },
    };
    const rowKey = hash([input.kind, input.fingerprint, rowNumber]);
    try {
      const payment = find(wish.given);
      chosen = { ...chosen, paymentId: payment.id, currency: payment.currency };
      if (wish.currency !== null && wish.currency.toUpperCase() !== payment.currency)
        refuse(`The payment is in ${payment.currency}, not in ${wish.currency}.`);
      // A file is known by its rows. Of a selection the same wish is the same until the payment has moved on.
      const fileDone = input.source === "FILE" ? input.doneAlready(rowKey) : null;
      if (fileDone !== null)
        return {
          ...base,
          ...chosen,
          intentKey: rowKey,
          state: "SKIPPED",
          problem: `Asked for already by ${fileDone}.`,
        };
      const pot = input.kind === "CAPTURE" ? captureOf(payment) : refundOf(payment, wish.capture, left);
      chosen.captureId = pot.captureId;
      const rest = left.get(pot.key) ?? pot.left;
      const amount = amountOf(wish, payment.currency, rest, input.kind);
      chosen.amount = amount;
      const intentKey =
        input.source === "FILE"
          ? rowKey
          : hash([input.kind, payment.id, pot.captureId, amount, payment.captureCount, payment.refundCount]);
      const done = input.doneAlready(intentKey);
      if (done !== null)
        return { ...base, ...chosen, intentKey, state: "SKIPPED", problem: `Asked for already by ${done}.` };
      left.set(pot.key, rest - amount);
      const total = (given.get(payment.id) ?? payment.refunded) + amount;
      if (input.kind === "REFUND") given.set(payment.id, total);
      const needsApproval = input.kind === "REFUND" && refundNeedsTwo(input.rules, total, payment.currency);
      return { ...base, ...chosen, needsApproval, intentKey, state: "READY", problem: null };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return { ...base, ...chosen, intentKey: rowKey, state: "INVALID", problem: error.message };
    }
  });
}

function finder(payments: readonly KnownPayment[]): (given: string) => KnownPayment {
  const byId = new Map(
    payments.flatMap((one) => [[one.id, one] as const, [one.transactionId ?? one.id, one] as const]),
  );
  const byReference = Map.groupBy(payments, (one) => one.reference);
  const ended: readonly PaymentState[] = ["DECLINED", "CANCELED", "EXPIRED", "FAILED"];
  return (given) => {
    if (given === "") return refuse("The row names no payment.");
    const exact = byId.get(given);
    if (exact) return exact;
    const all = byReference.get(given) ?? [];
    // A sale that was tried again stands under the same reference.
    const living = all.filter((one) => !ended.includes(one.state));
    const [only, second] = living.length > 0 ? living : all;
    if (only === undefined) return refuse("There is no such payment.");
    return second === undefined ? only : refuse("Several payments have this reference. Name the payment by its id.");
  };
}

type Pot = { key: string; captureId: string | null; left: number };

function captureOf(payment: KnownPayment): Pot {
  const refusal = paymentActions({
    ...payment,
    ...{ finalStartedAt: null, stopMark: null, amountRefundable: 0 },
  }).capture;
  if (refusal !== null) refuse(refusal);
  const left = payment.amountAuthorized - payment.amountCaptured - payment.amountVoided - payment.openCaptures;
  return { key: payment.id, captureId: null, left };
}

function refundOf(payment: KnownPayment, named: string | null, left: ReadonlyMap<string, number>): Pot {
  const pots = payment.captures.map((capture) => ({
    key: capture.id,
    captureId: capture.id,
    klarnaId: capture.klarnaId,
    // Refunds of the whole transaction are of no capture, and still are of its money.
    left: left.get(capture.id) ?? Math.min(capture.left, payment.amountCaptured - payment.refunded),
  }));
  if (pots.length === 0) refuse("Nothing is captured that could be refunded.");
  if (named !== null) {
    const found = pots.find((pot) => pot.captureId === named || pot.klarnaId === named);
    return found ?? refuse("The payment has no such capture.");
  }
  const open = pots.filter((pot) => pot.left > 0);
  if (open.length > 1) refuse("The payment has several captures. Name the one that is given back.");
  return open[0] ?? refuse("Everything that was captured is refunded already.");
}

function amountOf(wish: Wish, currency: string, rest: number, kind: BulkKind): number {
  const nothing =
    kind === "CAPTURE" ? "Nothing is left to capture." : "Everything that was captured is refunded already.";
  if (rest <= 0) refuse(nothing);
  if (wish.amount === null) return rest;
  const amount = parseDecimal(wish.amount, currency)?.amount ?? refuse(`“${wish.amount}” is no amount in ${currency}.`);
  if (amount < 1) refuse("The amount must be more than nothing.");
  if (amount > rest)
    refuse(`At most ${formatMoney(rest, currency)} can still be ${kind === "CAPTURE" ? "captured" : "refunded"}.`);
  return amount;
}
