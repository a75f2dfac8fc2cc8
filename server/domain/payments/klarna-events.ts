import { z } from "zod";
import type { ServiceContext } from "@/server/context";
import type { InboxEvent, InboxResult } from "@/server/events/inbox";
import { readPaymentRequest, readPaymentTransaction } from "@/server/klarna/payments";
import { withoutNulls } from "@/server/klarna/wire";
import { applyApproval, applyStepUp } from "./authorize";
import {
  CALL_LEASE_MS,
  type Draft,
  inTimeOf,
  isOpenOperation,
  journal,
  KEY_LIFE_MS,
  openOperation,
  raiseAlarm,
  settle,
  startDraft,
  step,
} from "./change";
import { readAndApplyTransaction } from "./expiry";
import { applyRequestFacts, proofToken, readAndApplyRequest, runFinalAuthorize } from "./journey";
import { readRequestOutcome, readTransactionOutcome } from "./klarna";
import { undoLateApproval } from "./late";
import { findPaymentByKlarna, listOperations } from "./repository";
import type { PaymentRecord } from "./rows";
import { ENDED_UNPAID, isSettled } from "./states";
import { continueStop } from "./stop";
import { advancePayment } from "./sweep";
import { recordLateApproval } from "./undoing";

/* What an event from Klarna does to a payment. An event is a hint: applied once, in any order, or read again. */

const text = z.string().max(8192);
const EventSchema = z.looseObject({
  metadata: z.looseObject({
    event_type: text,
    event_id: text,
    subject_account_id: text.optional(),
  }),
  payload: z.looseObject({
    payment_request_id: text.optional(),
    payment_request_reference: text.optional(),
    payment_transaction_id: text.optional(),
    payment_transaction_reference: text.optional(),
    state: text.optional(),
    klarna_network_session_token: text.optional(),
    payment_token: text.optional(),
    state_context: z
      .looseObject({ klarna_network_session_token: text.optional(), payment_token: text.optional() })
      .optional(),
    payment_funding: z.looseObject({ state: text }).optional(),
  }),
});
type KlarnaEvent = z.infer<typeof EventSchema>;

const REQUEST_PREFIX = "payment.request.state-change.";
const TRANSACTION_PREFIX = "payment.transaction.";

const done = (state: "PROCESSED" | "IGNORED", note: string | null, paymentId: string | null): InboxResult => ({
  state,
  note,
  paymentId,
});
const park = (note: string, paymentId: string | null): InboxResult => ({ state: "PARKED", note, paymentId });

/**
 * Applies one event about a payment request or a payment transaction: applied, ignored with a note, or to be parked until
 * its payment is known. `follow` makes the call that the new state asks for, once the event is marked.
 */
export async function applyPaymentEvent(ctx: ServiceContext, inbox: InboxEvent, body: unknown): Promise<InboxResult> {
  const parsed = EventSchema.safeParse(withoutNulls(body));
  if (!parsed.success) return { state: "FAILED", note: "the body has an unexpected shape", paymentId: null };
  const event = parsed.data;
  const { payload } = event;
  const payment = await findPaymentByKlarna(ctx.db, ctx.scope, {
    requestId: payload.payment_request_id ?? null,
    transactionId: payload.payment_transaction_id ?? null,
    reference: payload.payment_request_reference ?? payload.payment_transaction_reference ?? null,
  });
  if (!payment) return park("no payment is known for it yet", null);
  if (inbox.subjectAccountId !== null && inbox.subjectAccountId !== payment.accountId) {
    return done("IGNORED", "the event names another account than the payment's", payment.id);
  }
  return inbox.eventType.startsWith(REQUEST_PREFIX)
    ? applyRequestEvent(ctx, inbox, event, payment)
    : applyTransactionEvent(ctx, inbox, event, payment);
}

async function applyRequestEvent(
  ctx: ServiceContext,
  inbox: InboxEvent,
  event: KlarnaEvent,
  payment: PaymentRecord,
): Promise<InboxResult> {
  const { payload } = event;
  const requestId = payload.payment_request_id;
  if (!requestId) return done("IGNORED", "names no payment request", payment.id);
  const state = payload.state ?? inbox.eventType.slice(REQUEST_PREFIX.length).replaceAll("-", "_");
  if (payment.state === "PROCESSING" && payment.klarnaPaymentRequestId === null) {
    const adopted = await adoptRequest(ctx, payment, requestId);
    if (!adopted) {
      // The webhook overtook our own answer, which tells that the request was made; anything newer waits for it.
      return state.toUpperCase() === "SUBMITTED"
        ? done("IGNORED", "our own call tells it", payment.id)
        : park("our own call has no answer yet", payment.id);
    }
  }
  let verdict = "ignored";
  const after = await step(ctx, payment.id, (fresh, now) => {
    const draft = startDraft(fresh);
    verdict = applyRequestFacts(
      ctx,
      draft,
      {
        requestId,
        state,
        occurredAt: inbox.occurredAt,
        token: proofToken(payload),
        isRead: false,
      },
      now,
    );
    return verdict === "applied" ? draft : null;
  });
  if (verdict === "tie") {
    await readAndApplyRequest(ctx, after);
    return done("PROCESSED", "read at Klarna: two states at the same time", payment.id);
  }
  if (verdict === "ignored") return done("IGNORED", "older than what is known, or not for this request", payment.id);
  return { ...done("PROCESSED", null, payment.id), follow: () => followUp(ctx, after) };
}

/**
 * The answer of our initial call was lost, and an event names the request that it made, by our own reference: the request
 * is read and taken over, however old the key is. False while the call is still running or the read fails.
 */
async function adoptRequest(ctx: ServiceContext, payment: PaymentRecord, requestId: string): Promise<boolean> {
  const open = openOperation(await listOperations(ctx.db, payment), "AUTHORIZE");
  if (open?.state !== "UNKNOWN") return false;
  const outcome = await readPaymentRequest(
    ctx.klarna,
    { mode: payment.mode, accountId: payment.accountId, sessionReference: payment.id },
    requestId,
  );
  const request = readRequestOutcome(outcome);
  if (request?.payment_request_reference !== payment.id) return false;
  const after = await step(ctx, payment.id, (fresh, now) => {
    const row = fresh.operations.find((candidate) => candidate.id === open.id);
    if (!row || row.settledAt !== null) return null;
    const draft = startDraft(fresh);
    settle(draft, row, "succeed", { result: "STEP_UP_REQUIRED", calls: outcome.calls }, now);
    applyStepUp(draft, { ...request, state: "SUBMITTED" });
    if (draft.after.stopMark !== null) journal(draft, "CANCEL_REQUEST", now).nextAttemptAt = now;
    return draft;
  });
  return after.klarnaPaymentRequestId === requestId;
}

/** Makes the call that the new state asks for. */
async function followUp(ctx: ServiceContext, payment: PaymentRecord): Promise<void> {
  if (isSettled(payment.state)) return;
  const final = openOperation(await listOperations(ctx.db, payment), "FINAL_AUTHORIZE");
  if (final) await runFinalAuthorize(ctx, payment, final);
  else if (payment.stopMark !== null) await continueStop(ctx, payment);
  else if (payment.state === "FINALIZING")
    await readAndApplyRequest(ctx, payment).then((read) =>
      read.finalStartedAt ? advancePayment(ctx, read.id) : undefined,
    );
}

async function applyTransactionEvent(
  ctx: ServiceContext,
  inbox: InboxEvent,
  event: KlarnaEvent,
  payment: PaymentRecord,
): Promise<InboxResult> {
  const transactionId = event.payload.payment_transaction_id;
  if (!transactionId) return done("IGNORED", "names no payment transaction", payment.id);
  const kind = inbox.eventType.slice(TRANSACTION_PREFIX.length);
  if (ENDED_UNPAID.includes(payment.state)) {
    if (payment.lateTransactionId === transactionId) return done("IGNORED", "the late approval is known", payment.id);
    const after = await step(ctx, payment.id, (fresh) => {
      const { state, lateApprovalState, lateTransactionId } = fresh.payment;
      if (!ENDED_UNPAID.includes(state) || lateTransactionId === transactionId) return null;
      const draft = startDraft(fresh);
      if (lateApprovalState === null) recordLateApproval(draft, transactionId);
      else raiseSecondApproval(draft, transactionId);
      return draft;
    });
    return {
      ...done("PROCESSED", "an approval for a payment that was over", payment.id),
      follow: async () => undoLateApproval(ctx, { payment: after, operations: await listOperations(ctx.db, after) }),
    };
  }
  if (payment.klarnaPaymentTransactionId === null) return adoptTransaction(ctx, payment, transactionId);
  if (payment.klarnaPaymentTransactionId !== transactionId) {
    await step(ctx, payment.id, (fresh) => {
      const draft = startDraft(fresh);
      raiseSecondApproval(draft, transactionId);
      return draft;
    });
    return done("IGNORED", "another transaction than the payment's", payment.id);
  }
  return applyTransactionFacts(
    ctx,
    payment,
    kind,
    event.payload.payment_funding?.state ?? (kind === "funding-state-change.funded" ? "FUNDED" : null),
  );
}

/** One key makes one transaction: another one under our reference may be money taken twice, and is nothing to guess about. */
function raiseSecondApproval(draft: Draft, transactionId: string): void {
  raiseAlarm(
    draft,
    "books_differ",
    `Klarna told of another transaction of this payment, ${transactionId.slice(0, 100)}. The customer may have been charged twice: compare with Klarna's portal.`,
  );
}

/**
 * Klarna has approved and our own call does not know it: the same key is repeated, which returns the stored approval.
 * Past the life of the key the transaction is read and taken over.
 */
async function adoptTransaction(
  ctx: ServiceContext,
  payment: PaymentRecord,
  transactionId: string,
): Promise<InboxResult> {
  const now = inTimeOf(ctx, payment).clock.now();
  const open = (await listOperations(ctx.db, payment)).find(
    (row) => (row.kind === "AUTHORIZE" || row.kind === "FINAL_AUTHORIZE") && isOpenOperation(row),
  );
  if (!open) return park("no call of ours waits for an approval", payment.id);
  const age = now.getTime() - open.openedAt.getTime();
  if (age < KEY_LIFE_MS) {
    if (open.state === "PENDING" && age < CALL_LEASE_MS) return park("our own call is still running", payment.id);
    const after = await advancePayment(ctx, payment.id);
    return isSettled(after.state)
      ? done("PROCESSED", "the approval was fetched with the same key", payment.id)
      : park("the approval could not be fetched yet", payment.id);
  }
  const outcome = await readPaymentTransaction(
    ctx.klarna,
    { mode: payment.mode, accountId: payment.accountId, sessionReference: payment.id },
    transactionId,
  );
  const transaction = readTransactionOutcome(outcome);
  if (!transaction) return park("the transaction could not be read yet", payment.id);
  await step(ctx, payment.id, (fresh, at) => {
    const row = fresh.operations.find((candidate) => candidate.id === open.id);
    if (!row || row.settledAt !== null) return null;
    const draft: Draft = startDraft(fresh);
    settle(draft, row, "succeed", { result: "APPROVED", calls: outcome.calls }, at);
    applyApproval(draft, transaction, transaction.payment_captures?.[0]?.payment_capture_id ?? null, at);
    return draft;
  });
  return done("PROCESSED", "the approval was taken over from the transaction", payment.id);
}

/** Events that may tell of an authorization's end or renewal, by the states in which they say something new. */
const TURNS_OF_AUTHORIZATION: Readonly<Record<string, readonly string[]>> = {
  "state-change.authorized": ["AUTHORIZATION_EXPIRED"],
  "state-change.expired": ["AUTHORIZED"],
  "state-change.completed": ["AUTHORIZED", "AUTHORIZATION_EXPIRED"],
  "state-change.closed": ["AUTHORIZED", "AUTHORIZATION_EXPIRED"],
};

async function applyTransactionFacts(
  ctx: ServiceContext,
  payment: PaymentRecord,
  kind: string,
  fundingState: string | null,
): Promise<InboxResult> {
  let isApplied = false;
  const after = await step(ctx, payment.id, (fresh) => {
    const draft = startDraft(fresh);
    isApplied = false;
    if (fundingState?.toUpperCase() === "FUNDED" && fresh.payment.fundingState !== "FUNDED") {
      draft.after.fundingState = "FUNDED";
      draft.after.fundingType ??= "NON_GUARANTEED";
      draft.extraEvents.push("payment.funded");
      isApplied = true;
    }
    return isApplied ? draft : null;
  });
  // An end of the authorization is read, not taken from the event: it may be older than a renewal.
  if (TURNS_OF_AUTHORIZATION[kind]?.includes(after.state)) {
    const read = await readAndApplyTransaction(ctx, after);
    isApplied ||= read.state !== after.state;
  }
  // Captures, refunds and voids are settled by the answer of their own call; an open one is asked again now.
  const hasOpen = (await listOperations(ctx.db, after)).some((row) => isOpenOperation(row) && row.state === "UNKNOWN");
  if (hasOpen) await advancePayment(ctx, payment.id);
  const isUseful = isApplied || hasOpen;
  return done(isUseful ? "PROCESSED" : "IGNORED", isUseful ? null : "known already", payment.id);
}
