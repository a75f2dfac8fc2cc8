import { z } from "zod";
import { actorCan } from "@/server/auth/permissions";
import { idSchema } from "@/server/core/ids";
import { pageLimitSchema } from "@/server/core/pagination";
import { PaymentFilterSchema } from "@/server/domain/payments/schema";
import {
  getPaymentRecord,
  getPaymentTimeline,
  getPaymentTotals,
  listPaymentRecordsPage,
  type PaymentView,
} from "@/server/domain/payments/service";
import { router, withPermission } from "../init";

const reading = withPermission("payments:read");
const byId = z.strictObject({ id: idSchema("payment") });

type Row = PaymentView["payment"];

/** A payment as lists show it. What is encrypted or opens something stays on the server. */
function toRow(payment: Row) {
  return {
    id: payment.id,
    createdAt: payment.createdAt,
    status: payment.state.toLowerCase(),
    reference: payment.reference,
    amount: payment.amount,
    currency: payment.currency,
    amountAuthorized: payment.amountAuthorized,
    amountCaptured: payment.amountCaptured,
    amountRefunded: payment.amountRefunded,
    amountVoided: payment.amountVoided,
    partner: { id: payment.partnerId, name: payment.partnerName },
    store:
      payment.storeId === null
        ? null
        : { id: payment.storeId, name: payment.storeName, reference: payment.storeReference },
    terminal:
      payment.terminalId === null
        ? null
        : { id: payment.terminalId, label: payment.terminalLabel, reference: payment.terminalReference },
    channel: payment.channel,
    launch: payment.launch,
    rail: payment.rail,
    klarnaPaymentRequestId: payment.klarnaPaymentRequestId,
    klarnaPaymentTransactionId: payment.klarnaPaymentTransactionId,
    declineReason: payment.declineReason,
    failureCode: payment.failureCode,
    authorizationExpiresAt: payment.authorizationExpiresAt,
    expiresAt: payment.expiresAt,
    updatedAt: payment.updatedAt,
  };
}

/** Everything else that the record says. */
function toFacts(payment: Row) {
  return {
    ...toRow(payment),
    mode: payment.mode,
    capture: payment.capture,
    lineItems: payment.lineItems,
    metadata: payment.metadata,
    klarnaReference: payment.klarnaReference,
    klarnaRequestState: payment.klarnaRequestState,
    klarnaRequestExpiresAt: payment.klarnaRequestExpiresAt,
    klarnaQrTargetUrl: payment.state === "PENDING" ? payment.klarnaQrTargetUrl : null,
    fundingType: payment.fundingType,
    fundingState: payment.fundingState,
    stopMark: payment.stopMark,
    journeyCompletedAt: payment.journeyCompletedAt,
    finalStartedAt: payment.finalStartedAt,
    finalizeBy: payment.finalizeBy,
    lateTransactionId: payment.lateTransactionId,
    lateApprovalState: payment.lateApprovalState,
  };
}

/** Payments of the mode that is looked at. */
export const paymentsRouter = router({
  /** A page, newest first. Errors: validation_failed (cursor). */
  list: reading
    .input(
      z.strictObject({
        filter: PaymentFilterSchema.strict().default({}),
        limit: pageLimitSchema,
        cursor: z.string().max(200).nullish(),
      }),
    )
    .query(async ({ ctx, input }) => {
      const page = { limit: input.limit, ...(input.cursor ? { cursor: input.cursor } : {}) };
      const { data, nextCursor } = await listPaymentRecordsPage(ctx, input.filter, page);
      return { data: data.map(toRow), nextCursor };
    }),

  /** The number and the sums of all that the filter finds, apart by currency. */
  totals: reading
    .input(z.strictObject({ filter: PaymentFilterSchema.strict().default({}) }))
    .query(({ ctx, input }) => getPaymentTotals(ctx, input.filter)),

  /** Facts, what may be done now and why not, captures, refunds, journal. Errors: payment_not_found. */
  get: reading.input(byId).query(async ({ ctx, input }) => {
    const view = await getPaymentRecord(ctx, input.id);
    return {
      payment: {
        ...toFacts(view.payment),
        amountRefundable: view.amountRefundable,
        amountCapturable: view.amountCapturable,
      },
      actions: view.actions,
      captures: view.captures.map(({ partnerId: _, ...capture }) => capture),
      refunds: view.refunds.map(({ partnerId: _, intentKey: _key, ...refund }) => refund),
      operations: view.operations.map(({ partnerId: _, intentSecret: _secret, ...operation }) => operation),
      alarms: view.alarms,
    };
  }),

  /** Every call, event and step, oldest first; messages only with the permission to see them. Errors: payment_not_found. */
  timeline: reading.input(byId).query(async ({ ctx, input }) => {
    const withMessages = actorCan(ctx.actor, "payments:raw");
    return { items: await getPaymentTimeline(ctx, input.id, { withMessages }), withMessages };
  }),
});
