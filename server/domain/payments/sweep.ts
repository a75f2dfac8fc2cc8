import { type ServiceContext, type Services, systemContext } from "@/server/context";
import type { Mode } from "@/server/core/schema";
import { addMs, SECOND_MS } from "@/server/core/time";
import { readPaymentTransaction } from "@/server/klarna/payments";
import { runAuthorize } from "./authorize";
import { runCapture } from "./captures";
import {
  CALL_LEASE_MS,
  inTimeOf,
  isOpenOperation,
  KEY_LIFE_MS,
  type Loaded,
  raiseAlarm,
  startDraft,
  step,
} from "./change";
import { readAndApplyDistribution } from "./classic/distribution";
import { isSaleCapture, readOrderFunding, releaseRejected, runOrderCapture, settleOrder } from "./classic/order";
import { startClassic } from "./classic/start";
import { advanceAuthorization } from "./expiry";
import { askForPerson, finalizeWithoutToken, readAndApplyRequest, runFinalAuthorize } from "./journey";
import { readTransactionOutcome } from "./klarna";
import { undoLateApproval } from "./late";
import { runReauthorize } from "./reauthorize";
import { runRefund } from "./refunds";
import { claimDuePayments, listOpenPayments, listOperations, nextClassicTurn, type OpenKind } from "./repository";
import type { OperationRow, PaymentRecord } from "./rows";
import { ENDED_UNPAID, PAYMENT_STATES, type PaymentState } from "./states";
import { expirePayment, reload, runCancel } from "./stop";
import { runUpdate } from "./updates";
import { runVoid } from "./voids";

/* Finds every payment whose time has come, after any crash and without any webhook, and does what is due. */

const LEASE_MS = 30 * SECOND_MS;

/**
 * Advances payments that are due, of these states (all by default), until none is left. Several processes take different
 * ones. Returns how many were looked at.
 */
export async function advanceDuePayments(
  services: Services,
  options: { states?: readonly PaymentState[]; batch?: number; rounds?: number; rail?: PaymentRecord["rail"] } = {},
): Promise<number> {
  let count = 0;
  for (let round = 0; round < (options.rounds ?? 20); round += 1) {
    const now = services.clock.now();
    const due = await claimDuePayments(services.db, {
      now,
      leaseUntil: addMs(now, LEASE_MS),
      limit: options.batch ?? 16,
      states: options.states ?? PAYMENT_STATES,
      rail: options.rail ?? null,
    });
    if (due.length === 0) break;
    await Promise.all(
      due.map(async ({ id, mode }) => {
        const ctx = systemContext(services, "sweep-payments", mode);
        try {
          await advancePayment(ctx, id);
        } catch (error) {
          ctx.log.error({ error, payment_id: id }, "a payment could not be advanced");
        }
      }),
    );
    count += due.length;
  }
  return count;
}

/** A turn that is further away than this is left to the clock. */
const POLL_AHEAD_MS = 5 * SECOND_MS;
let isPolling = false;

/**
 * Asks about open classic sessions in their own rhythm, down to a second, for as long as one is due soon and `forMs` is not
 * over. One at a time in a process. Answers with how many were looked at, and whether it should go on.
 */
export async function pollClassicSessions(
  services: Services,
  options: { forMs: number },
): Promise<{ looked: number; isWaiting: boolean }> {
  if (isPolling) return { looked: 0, isWaiting: false };
  isPolling = true;
  try {
    const until = performance.now() + options.forMs;
    let looked = 0;
    for (;;) {
      const states: readonly PaymentState[] = ["PROCESSING", "PENDING", "IN_PROGRESS", "FINALIZING"];
      looked += await advanceDuePayments(services, { states, rail: "CLASSIC", rounds: 1 });
      const next = await nextClassicTurn(services.db);
      const wait =
        next === null ? Number.POSITIVE_INFINITY : Math.max(50, next.getTime() - services.clock.now().getTime());
      if (wait > POLL_AHEAD_MS) return { looked, isWaiting: false };
      if (performance.now() + wait >= until) return { looked, isWaiting: true };
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  } finally {
    isPolling = false;
  }
}

const SWEEP_BATCH = 16;
/** A payment this young is still being read on its own schedule. */
const SWEEP_AGE_MS = 60 * SECOND_MS;

export type SweepCount = { looked: number; repaired: number; failed: number };

/**
 * Looks at every payment of this mode that has something of this kind open, whatever its next wake-up says, and learns at
 * Klarna what a lost event would have told. `repaired` counts those that are elsewhere afterwards.
 */
export async function sweepOpenPayments(services: Services, mode: Mode, kind: OpenKind): Promise<SweepCount> {
  const count: SweepCount = { looked: 0, repaired: 0, failed: 0 };
  const createdBefore = addMs(services.clock.now(), -SWEEP_AGE_MS);
  const ctx = systemContext(services, "sweep-klarna", mode);
  let after = "";
  for (;;) {
    const ids = await listOpenPayments(services.db, { mode, kind, createdBefore, after, limit: SWEEP_BATCH });
    await Promise.all(
      ids.map(async (id) => {
        count.looked += 1;
        try {
          const before = await reload(ctx, id);
          const open = await countOpen(ctx, before);
          const settled = await advancePayment(ctx, id);
          if (whereIs(before) !== whereIs(settled) || (await countOpen(ctx, settled)) < open) count.repaired += 1;
        } catch (error) {
          count.failed += 1;
          ctx.log.error({ error, payment_id: id }, "a payment could not be swept");
        }
      }),
    );
    const last = ids.at(-1);
    if (last === undefined || ids.length < SWEEP_BATCH) return count;
    after = last;
  }
}

const whereIs = (payment: PaymentRecord): string =>
  [payment.state, payment.klarnaRequestState, payment.fundingState, payment.lateApprovalState].join(" ");

async function countOpen(ctx: ServiceContext, payment: PaymentRecord): Promise<number> {
  return (await listOperations(ctx.db, payment)).filter(isOpenOperation).length;
}

/**
 * Does what is due on one payment: goes on with open journal rows (same key), cancels what expired, reads what no webhook
 * told. Leaves the next wake-up set. Safe to run at any time, by several at once.
 */
export async function advancePayment(by: ServiceContext, id: string): Promise<PaymentRecord> {
  let payment = await reload(by, id);
  const ctx = inTimeOf(by, payment);
  for (const operation of await listOperations(ctx.db, payment)) {
    if (isOpenOperation(operation) && isDue(ctx, operation)) payment = await resume(ctx, payment, operation);
  }
  const now = ctx.clock.now();
  switch (payment.state) {
    case "PENDING":
    case "IN_PROGRESS":
      if (payment.stopMark === null && now >= payment.expiresAt && payment.klarnaRequestState !== "COMPLETED")
        payment = await expirePayment(ctx, id);
      else payment = await readOpen(ctx, payment);
      break;
    case "FINALIZING":
      if (payment.rail === "CLASSIC") payment = await settleOrder(ctx, payment);
      else if (payment.finalStartedAt === null) payment = await readAndApplyRequest(ctx, payment);
      break;
    case "AUTHORIZED":
    case "AUTHORIZATION_EXPIRED":
      payment = await releaseRejected(ctx, await advanceAuthorization(ctx, payment));
      break;
    default:
      // Due where Klarna called about a session that is over here, and some time after a confirmed cancel.
      if (payment.rail === "CLASSIC" && ENDED_UNPAID.includes(payment.state) && payment.lateApprovalState === null)
        payment = await readOpen(ctx, payment);
      if (payment.lateApprovalState === "FOUND") {
        payment = await undoLateApproval(ctx, { payment, operations: await listOperations(ctx.db, payment) });
      }
  }
  if (payment.fundingState === "PENDING") payment = await readFunding(ctx, payment);
  // A read may have brought the token of a finished journey: its final call need not wait for the next turn.
  for (const operation of await listOperations(ctx.db, payment)) {
    if (
      operation.kind === "FINAL_AUTHORIZE" &&
      operation.state === "PENDING" &&
      operation.attempts === 0 &&
      isFresh(ctx, operation)
    ) {
      payment = await runFinalAuthorize(ctx, payment, operation);
    }
  }
  return settleWake(ctx, payment);
}

/** What the customer has done meanwhile; an order that Klarna placed is settled in the same turn. */
async function readOpen(ctx: ServiceContext, payment: PaymentRecord): Promise<PaymentRecord> {
  if (payment.rail !== "CLASSIC") return readAndApplyRequest(ctx, payment);
  const read = await readAndApplyDistribution(ctx, payment);
  if (read.lateApprovalState === "FOUND")
    return undoLateApproval(ctx, { payment: read, operations: await listOperations(ctx.db, read) });
  return settleOrder(ctx, read);
}

/**
 * A PENDING row is being called right now by whoever wrote it, until its lease is over; an UNKNOWN one waits its turn, so
 * that many events about it make no storm.
 */
function isDue(ctx: ServiceContext, operation: OperationRow): boolean {
  return operation.nextAttemptAt !== null && operation.nextAttemptAt <= ctx.clock.now();
}

/** Journalled by this very turn (a read brought the token), so nobody else is calling. */
function isFresh(ctx: ServiceContext, operation: OperationRow): boolean {
  return ctx.clock.now().getTime() - operation.openedAt.getTime() < CALL_LEASE_MS / 4;
}

async function resume(ctx: ServiceContext, payment: PaymentRecord, operation: OperationRow): Promise<PaymentRecord> {
  switch (operation.kind) {
    case "AUTHORIZE": {
      if (ctx.clock.now().getTime() - operation.openedAt.getTime() >= KEY_LIFE_MS)
        return askForPerson(ctx, payment.id, operation.id);
      const loaded: Loaded = { payment, operations: [operation], captures: [], refunds: [] };
      const start = payment.rail === "CLASSIC" ? startClassic : runAuthorize;
      return (await start(ctx, loaded, operation)).payment;
    }
    case "FINAL_AUTHORIZE":
      return runFinalAuthorize(ctx, payment, operation);
    case "CANCEL_REQUEST":
      return runCancel(ctx, payment, operation);
    case "REFUND":
      return runRefund(ctx, payment, operation);
    case "VOID":
      return runVoid(ctx, payment, operation);
    case "LATE_VOID":
    case "LATE_REFUND":
      return undoLateApproval(ctx, { payment, operations: [operation] });
    case "CAPTURE":
      if (isSaleCapture(payment, operation)) return runOrderCapture(ctx, payment, operation);
      return runCapture(ctx, payment, operation);
    case "UPDATE":
      return runUpdate(ctx, payment, operation);
    case "REAUTHORIZE":
      return runReauthorize(ctx, payment, operation);
  }
}

/** Whether the money of a payment that Klarna does not guarantee has become sure. */
async function readFunding(ctx: ServiceContext, payment: PaymentRecord): Promise<PaymentRecord> {
  if (payment.rail === "CLASSIC") return readOrderFunding(ctx, payment);
  if (payment.klarnaPaymentTransactionId === null) return payment;
  const outcome = await readPaymentTransaction(
    ctx.klarna,
    { mode: payment.mode, accountId: payment.accountId, sessionReference: payment.id },
    payment.klarnaPaymentTransactionId,
  );
  const state = readTransactionOutcome(outcome)?.payment_funding?.state.toUpperCase();
  return step(ctx, payment.id, (fresh) => {
    if (state === undefined || state === "PENDING" || fresh.payment.fundingState !== "PENDING") return null;
    const draft = startDraft(fresh);
    draft.after.fundingState = state;
    draft.extraEvents.push(state === "FUNDED" ? "payment.funded" : "payment.updated");
    if (state !== "FUNDED")
      raiseAlarm(
        draft,
        "funding_lost",
        "The money of this payment did not become sure at Klarna. Do not hand over the goods.",
      );
    return draft;
  });
}

/** Whatever happened above, the lease that the claim wrote is replaced by the true next wake-up. */
async function settleWake(ctx: ServiceContext, payment: PaymentRecord): Promise<PaymentRecord> {
  return step(ctx, payment.id, (fresh, now) => {
    const draft = startDraft(fresh);
    finalizeWithoutToken(draft, now);
    return draft;
  });
}
