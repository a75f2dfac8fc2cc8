import { z } from "zod";
import { UpdatePaymentSchema } from "@/server/domain/payments/schema";
import {
  getPayment,
  lookUpPayments,
  reauthorizePayment,
  requestUpdate,
  voidPayment,
} from "@/server/domain/payments/service";
import { defineEndpoint, type Endpoint } from "../endpoint";
import { PaymentSchema, paymentParams } from "./shared";

const tag = "Payments";

/** What changes an authorized payment as a whole, and how a sale is found for a return. */
export const paymentChangeEndpoints: readonly Endpoint[] = [
  defineEndpoint({
    method: "GET",
    path: "/api/v1/payments/lookup",
    operation: "lookUpPayments",
    summary: "Find a sale for a return",
    description:
      "Any sale of yours, from any store or channel: by the reference on the receipt, our id, or Klarna's id of the transaction. Newest first, at most 25.",
    tag,
    access: "key",
    scope: "payments:read",
    query: z.strictObject({ reference: z.string().trim().min(1).max(255) }),
    responses: {
      200: {
        description: "The payments that were found",
        schema: z.object({ data: z.array(PaymentSchema) }).meta({ id: "PaymentLookup" }),
      },
    },
    handle: ({ ctx, query }) => lookUpPayments(ctx, query),
    answer: (data) => ({ status: 200, json: { data } }),
  }),
  defineEndpoint({
    method: "PATCH",
    path: "/api/v1/payments/{id}",
    operation: "updatePayment",
    summary: "Change a payment",
    description:
      "Lowers the amount, or changes the reference, the lines, the shipping or the metadata. Possible until the customer begins to pay, and again while something is left to capture; metadata at any time. 202 means that Klarna has not confirmed it yet: the change is made as soon as it has.",
    tag,
    access: "key",
    scope: "payments:write",
    notFound: "payment_not_found",
    params: paymentParams,
    body: UpdatePaymentSchema,
    responses: {
      200: { description: "The changed payment", schema: PaymentSchema },
      202: { description: "The payment, not changed yet", schema: PaymentSchema },
    },
    errors: [
      "payment_not_updatable",
      "reference_taken",
      "amount_mismatch",
      "rule_broken",
      "operation_limit_reached",
      "klarna_unavailable",
    ],
    handle: ({ ctx, params, body }) => requestUpdate(ctx, params.id, body),
    answer: ({ payment, isOpen }) => ({ status: isOpen ? 202 : 200, json: payment }),
  }),
  defineEndpoint({
    method: "POST",
    path: "/api/v1/payments/{id}/void",
    operation: "voidPayment",
    summary: "Release what is authorized and not captured",
    tag,
    access: "key",
    scope: "payments:write",
    notFound: "payment_not_found",
    params: paymentParams,
    responses: {
      200: { description: "The payment with the rest released", schema: PaymentSchema },
      202: { description: "The payment, not confirmed as released yet", schema: PaymentSchema },
    },
    errors: ["payment_not_voidable", "operation_limit_reached", "klarna_unavailable"],
    handle: ({ ctx, params }) => voidPayment(ctx, params.id),
    answer: (payment) => ({
      status: payment.status === "authorized" || payment.status === "authorization_expired" ? 202 : 200,
      json: payment,
    }),
    reread: (ctx, id) => getPayment(ctx, id),
  }),
  defineEndpoint({
    method: "POST",
    path: "/api/v1/payments/{id}/reauthorize",
    operation: "reauthorizePayment",
    summary: "Renew an authorization that has ended",
    description: "Possible within 7 days of its end. 200 once Klarna confirmed it, 202 while it has not.",
    tag,
    access: "key",
    scope: "payments:write",
    notFound: "payment_not_found",
    params: paymentParams,
    responses: {
      200: { description: "The payment, authorized again", schema: PaymentSchema },
      202: { description: "The payment, not confirmed as authorized again yet", schema: PaymentSchema },
    },
    errors: ["payment_not_reauthorizable", "operation_limit_reached", "klarna_unavailable"],
    handle: ({ ctx, params }) => reauthorizePayment(ctx, params.id),
    answer: (payment) => ({ status: payment.status === "authorization_expired" ? 202 : 200, json: payment }),
    reread: (ctx, id) => getPayment(ctx, id),
  }),
];
