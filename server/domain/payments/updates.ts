import { z } from "zod";
import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { metadataSchema } from "@/server/core/schema";
import { sqlState } from "@/server/db/client";
import { storeAnswer } from "@/server/db/idempotency";
import type { KlarnaOutcome } from "@/server/klarna/client";
import {
  type Draft,
  isFirstTurn,
  isUndecided,
  journal,
  type Loaded,
  lockedStep,
  move,
  openOperation,
  presentOne,
  raiseAlarm,
  startDraft,
} from "./change";
import { readAndApplyTransaction } from "./expiry";
import { requireRoom } from "./limits";
import { openPurchase, sealPurchase } from "./purchase";
import { railOf } from "./rail";
import { findPayment } from "./repository";
import type { OperationRow, PaymentRecord } from "./rows";
import { LineItemSchema, type PublicPayment, ShippingSchema, type UpdatePaymentInput } from "./schema";
import {
  actionFacts,
  applyOutcome,
  isKeyForgotten,
  provenBy,
  requireAccepted,
  settleByReading,
  settlingStep,
  sumOfLines,
} from "./settling";
import { paymentActions } from "./states";
import { reload } from "./stop";

/* Changes of a payment: a lower amount, what belongs to the purchase, the Partner's own metadata. */

/** What is to change, as the journal row keeps it. */
const ChangeSchema = z.object({
  amount: z.int().min(1).optional(),
  reference: z.string().optional(),
  lineItems: z.array(LineItemSchema).optional(),
  shipping: ShippingSchema.optional(),
  metadata: metadataSchema.optional(),
});
type Change = z.infer<typeof ChangeSchema>;

const intentPlace = (operation: { id: string; partnerId: string }): string =>
  `klarna_operations|intent_secret|${operation.id}|${operation.partnerId}`;

function openIntent(ctx: ServiceContext, operation: OperationRow): Change {
  if (operation.intentSecret === null) throw new Error(`operation ${operation.id} does not say what it changes`);
  return ChangeSchema.parse(JSON.parse(ctx.secrets.open(operation.intentSecret, intentPlace(operation))));
}

/** `isOpen`: Klarna's answer is not known yet; the change is made as soon as it is. */
export type UpdateOutcome = { payment: PublicPayment; isOpen: boolean };

/**
 * Changes a payment. The amount can only be lowered; what Klarna must hear of is changed there first, and here once Klarna
 * said yes. Possible until the customer begins (the payment request is changed), and again while something is left to
 * capture (the transaction is). Metadata is ours alone and can change at any time. Asking again for a change that is
 * under way does not make it twice. Journal kind UPDATE.
 * Errors: permission_denied, payment_not_found, validation_failed (nothing named), payment_not_updatable, rule_broken (amount), amount_mismatch (lines),
 * reference_taken, operation_limit_reached, klarna_unavailable.
 */
export async function updatePayment(
  ctx: ServiceContext,
  id: string,
  input: UpdatePaymentInput,
): Promise<PublicPayment> {
  return (await requestUpdate(ctx, id, input)).payment;
}

/** The same, telling whether the change is made. Errors: those of `updatePayment`. */
export async function requestUpdate(
  ctx: ServiceContext,
  id: string,
  input: UpdatePaymentInput,
): Promise<UpdateOutcome> {
  requirePermission(ctx, "payments:capture");
  const found = await findPayment(ctx.db, ctx.scope, id);
  if (!found) throw new AppError("payment_not_found");
  if (Object.values(input).every((value) => value === undefined))
    throw new AppError("validation_failed", { errors: [{ pointer: "", detail: "names nothing to change" }] });
  if (input.reference !== undefined) await requireFreeReference(ctx, found, input.reference);
  sumOfLines(input);
  let operation: OperationRow | undefined;
  let isOnItsWay = false;
  const begun = await lockedStep(ctx, id, id, (loaded, now) => {
    const change = differences(ctx, loaded.payment, input);
    const { metadata, ...purchase } = change;
    operation = repeated(ctx, loaded, change);
    isOnItsWay = operation !== undefined && isFirstTurn(operation, now);
    if (operation || Object.keys(change).length === 0) return null;
    const draft = startDraft(loaded);
    if (Object.keys(purchase).length === 0) {
      draft.after.metadata = metadata ?? loaded.payment.metadata;
      draft.extraEvents.push("payment.updated");
      draft.audit.push({ action: "payment.updated", after: { metadata } });
      return draft;
    }
    requireUpdatable(loaded, change, now);
    operation = journal(draft, "UPDATE", now);
    operation.intentSecret = ctx.secrets.seal(JSON.stringify(change), intentPlace(operation));
    draft.audit.push({
      action: "payment.update_requested",
      before: { amount: loaded.payment.amount, reference: loaded.payment.reference },
      after: { amount: change.amount, reference: change.reference },
    });
    return draft;
  });
  const payment = operation && !isOnItsWay ? await runUpdate(ctx, begun, operation) : begun;
  const settled = operation
    ? await requireAccepted(
        ctx,
        payment,
        operation.id,
        () => new AppError("payment_not_updatable", { detail: "Klarna refused to change the payment." }),
      )
    : null;
  const isOpen = settled !== null && settled.settledAt === null;
  // The first call may have had its answer in this moment.
  const answer = await presentOne(ctx, isOnItsWay && !isOpen ? await reload(ctx, id) : payment);
  if (ctx.idempotency) await storeAnswer(ctx.db, ctx.secrets, ctx.idempotency, answer);
  return { payment: answer, isOpen };
}

/** Only what is not so already. */
function differences(ctx: ServiceContext, payment: PaymentRecord, input: UpdatePaymentInput): Change {
  const isOther = (left: unknown, right: unknown): boolean => JSON.stringify(left) !== JSON.stringify(right);
  const { amount, reference, line_items: lineItems, shipping, metadata } = input;
  return {
    ...(amount === undefined || amount === payment.amount ? {} : { amount }),
    ...(reference === undefined || reference === payment.reference ? {} : { reference }),
    ...(lineItems === undefined || !isOther(lineItems, payment.lineItems) ? {} : { lineItems }),
    ...(shipping === undefined || !isOther(shipping, openPurchase(ctx, payment).shipping) ? {} : { shipping }),
    ...(metadata === undefined || !isOther(metadata, payment.metadata) ? {} : { metadata }),
  };
}

/** The very same change is under way already. */
function repeated(ctx: ServiceContext, loaded: Loaded, change: Change): OperationRow | undefined {
  const open = openOperation(loaded.operations, "UPDATE");
  return open && JSON.stringify(openIntent(ctx, open)) === JSON.stringify(change) ? open : undefined;
}

function requireUpdatable(loaded: Loaded, change: Change, now: Date): void {
  const { payment } = loaded;
  const refusal = paymentActions(actionFacts(loaded, now)).update;
  if (refusal !== null)
    throw new AppError("payment_not_updatable", { detail: refusal, params: { status: payment.state.toLowerCase() } });
  const isApproved = payment.state === "AUTHORIZED";
  if (isApproved) requireRoom(loaded, "UPDATE");
  const present = isApproved ? payment.amountAuthorized : payment.amount;
  const least = payment.amountCaptured + payment.amountVoided;
  const amount = change.amount ?? present;
  if (amount > present)
    throw new AppError("rule_broken", {
      errors: [{ pointer: "/amount", detail: `can only be lowered, from ${present}` }],
    });
  if (amount < least)
    throw new AppError("rule_broken", { errors: [{ pointer: "/amount", detail: `${least} is captured already` }] });
  const lines = change.lineItems ?? payment.lineItems;
  const sum = lines.reduce((all, item) => all + item.total_amount, 0);
  if (lines.length > 0 && sum !== amount)
    throw new AppError("amount_mismatch", {
      errors: [{ pointer: "/line_items", detail: `total_amount adds up to ${sum}, not to ${amount}` }],
    });
}

/** A reference belongs to one payment that may be or was paid. Checked before Klarna hears of it. Errors: reference_taken. */
async function requireFreeReference(ctx: ServiceContext, payment: PaymentRecord, reference: string): Promise<void> {
  if (payment.allowRepeatReference || payment.reference === reference) return;
  const [other] = await ctx.db.query<{ id: string }>({
    name: "payment_reference_other",
    text: `select id from payments where partner_id = $1 and mode = $2 and reference = $3 and id <> $4 and not allow_repeat_reference
      and state not in ('DECLINED','CANCELED','EXPIRED','FAILED') limit 1`,
    values: [payment.partnerId, payment.mode, reference, payment.id],
  });
  if (other)
    throw new AppError("reference_taken", {
      errors: [{ pointer: "/reference", detail: "is used by another payment" }],
    });
}

/** Makes (or repeats, with the same key) the call and writes what is known then. */
export async function runUpdate(
  ctx: ServiceContext,
  payment: PaymentRecord,
  operation: OperationRow,
): Promise<PaymentRecord> {
  const change = openIntent(ctx, operation);
  const write = (outcome: KlarnaOutcome): Promise<PaymentRecord> =>
    writeUpdate(ctx, payment.id, operation.id, change, outcome);
  if (isKeyForgotten(ctx, operation)) {
    return settleByReading(
      ctx,
      payment,
      operation,
      ({ amount }) => (change.amount !== undefined && amount === change.amount ? true : null),
      (_proof, calls) => write(provenBy(calls)),
    );
  }
  const { metadata: _ours, ...told } = change;
  const { outcome } = await railOf(payment).update(ctx, payment, { idempotencyKey: operation.idempotencyKey, ...told });
  const after = await write(outcome);
  return outcome.kind === "refused" ? readAndApplyTransaction(ctx, after) : after;
}

async function writeUpdate(
  ctx: ServiceContext,
  paymentId: string,
  operationId: string,
  change: Change,
  outcome: KlarnaOutcome,
): Promise<PaymentRecord> {
  const write = (withReference: boolean): Promise<PaymentRecord> =>
    settlingStep(ctx, paymentId, operationId, (draft, open, now, fresh) => {
      const isApproved = fresh.payment.amountAuthorized > 0;
      applyOutcome(draft, open, outcome, true, now, {
        result: isApproved ? "UPDATED" : "REQUEST_UPDATED",
        done: () => {
          if (isApproved || isUndecided(fresh.payment)) applyUpdate(ctx, draft, change, withReference);
        },
        refused: (code) => {
          draft.audit.push({ action: "payment.update_refused", after: { code } });
        },
      });
    });
  try {
    return await write(true);
  } catch (error) {
    // Another payment took the reference while Klarna was asked: the rest of the change holds, and a person is told.
    if (sqlState(error) !== "23505" || change.reference === undefined) throw error;
    return write(false);
  }
}

function applyUpdate(ctx: ServiceContext, draft: Draft, change: Change, withReference: boolean): void {
  const { before, after } = draft;
  if (change.amount !== undefined) {
    after.amount = change.amount;
    if (before.amountAuthorized > 0) after.amountAuthorized = change.amount;
  }
  if (change.reference !== undefined) {
    if (withReference) after.reference = change.reference;
    else
      raiseAlarm(
        draft,
        "reference_differs",
        "Klarna has a new reference of this payment that another payment took here at the same moment.",
      );
  }
  if (change.lineItems !== undefined) after.lineItems = change.lineItems;
  if (change.shipping !== undefined)
    after.purchaseSecret = sealPurchase(ctx, after, { ...openPurchase(ctx, after), shipping: change.shipping });
  if (change.metadata !== undefined) after.metadata = change.metadata;
  const isAllTaken = after.amountCaptured + after.amountVoided === after.amountAuthorized;
  if (after.state === "AUTHORIZED" && isAllTaken) move(draft, "complete");
  else draft.extraEvents.push("payment.updated");
  draft.audit.push({
    action: "payment.updated",
    before: { amount: before.amount, reference: before.reference },
    after: { amount: after.amount, reference: after.reference },
  });
}
