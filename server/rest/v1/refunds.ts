import { z } from "zod";
import { idSchema } from "@/server/core/ids";
import { CreateRefundSchema } from "@/server/domain/payments/schema";
import { getRefund, listRefunds, refundPayment } from "@/server/domain/payments/service";
import { defineEndpoint } from "../endpoint";
import { paymentParams, RefundListSchema, RefundSchema } from "./shared";

const tag = "Refunds";

export const createRefundEndpoint = defineEndpoint({
  method: "POST",
  path: "/api/v1/payments/{id}/refunds",
  operation: "createRefund",
  summary: "Refund a payment, wholly or in part",
  description:
    "The reason is for people and goes to Klarna. Without an amount, all that can be refunded. Of several captures name one, or the lines. 202 means that the outcome is not known yet; its amount counts as refunded until it failed.",
  tag,
  access: "key",
  scope: "refunds:write",
  notFound: "payment_not_found",
  params: paymentParams,
  body: CreateRefundSchema.required({ reason: true }),
  responses: {
    201: { description: "The refund", schema: RefundSchema },
    202: { description: "The refund, its outcome not known yet", schema: RefundSchema },
  },
  errors: [
    "payment_not_refundable",
    "refund_exceeds_captured",
    "refund_needs_capture",
    "amount_mismatch",
    "operation_limit_reached",
    "klarna_unavailable",
  ],
  handle: ({ ctx, params, body }) => refundPayment(ctx, params.id, body),
  answer: (refund) => ({ status: refund.status === "processing" ? 202 : 201, json: refund }),
  reread: (ctx, id, params) => getRefund(ctx, params.id, id),
});

export const listRefundsEndpoint = defineEndpoint({
  method: "GET",
  path: "/api/v1/payments/{id}/refunds",
  operation: "listRefunds",
  summary: "List the refunds of a payment",
  tag,
  access: "key",
  scope: "payments:read",
  notFound: "payment_not_found",
  params: paymentParams,
  responses: { 200: { description: "All refunds of the payment, newest first", schema: RefundListSchema } },
  handle: ({ ctx, params }) => listRefunds(ctx, params.id),
  answer: (refunds) => ({ status: 200, json: { data: refunds.toReversed(), has_more: false, next_cursor: null } }),
});

export const getRefundEndpoint = defineEndpoint({
  method: "GET",
  path: "/api/v1/payments/{id}/refunds/{refundId}",
  operation: "getRefund",
  summary: "Read a refund",
  tag,
  access: "key",
  scope: "payments:read",
  params: z.strictObject({ id: idSchema("payment"), refundId: idSchema("refund") }),
  responses: { 200: { description: "The refund", schema: RefundSchema } },
  handle: ({ ctx, params }) => getRefund(ctx, params.id, params.refundId),
  answer: (refund) => ({ status: 200, json: refund }),
});
