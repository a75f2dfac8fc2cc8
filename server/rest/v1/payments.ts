import { z } from "zod";
import type { ServiceContext } from "@/server/context";
import { CreatePaymentSchema, type PublicPayment, PublicStatusSchema } from "@/server/domain/payments/schema";
import { cancelPayment, createPayment, getPayment, listPayments } from "@/server/domain/payments/service";
import { defineEndpoint } from "../endpoint";
import { queryList } from "../validation";
import {
  EXPANSIONS,
  ExpandedPaymentListSchema,
  ExpandedPaymentSchema,
  expandPayment,
  expandPlaces,
  LIST_EXPANSIONS,
} from "./payment-expand";
import { moment, PaymentSchema, pageQuery, paymentParams, toList, toPageRequest } from "./shared";

const tag = "Payments";
const rereadPayment = (ctx: ServiceContext, id: string): Promise<PublicPayment> => getPayment(ctx, id);

/** Not yet known how it ends: sent to Klarna, or the final authorize is under way. */
function isUndecided(payment: PublicPayment): boolean {
  return payment.status === "processing" || payment.status === "finalizing";
}

export const createPaymentEndpoint = defineEndpoint({
  method: "POST",
  path: "/api/v1/payments",
  operation: "createPayment",
  summary: "Take a payment",
  description:
    "In store, the answer has the QR code that the customer scans (launch qr). Online it has redirect_url, where the customer's browser goes (launch redirect), or what Klarna's SDK needs: klarna.payment_request_id and klarna.payment_request_url, handed over as they are (launch sdk). The customer comes back to return_url with payment_id and status added; what counts is the webhook or a read. At a terminal that is set to classic sessions the QR code comes after the answer: qr is null until payment.updated says that it is there; with launch short_code there is none, and the customer goes on in the app. A declined payment is an answer too: 201 with status declined. 202 means that the outcome is not known yet: follow it by webhook, stream or read; never repeat it with another Idempotency-Key.",
  tag,
  access: "key",
  scope: "payments:write",
  body: CreatePaymentSchema,
  responses: {
    201: { description: "The payment", schema: PaymentSchema },
    202: { description: "The payment, its outcome not known yet", schema: PaymentSchema },
  },
  errors: [
    "store_not_found",
    "terminal_not_found",
    "store_details_differ",
    "reference_taken",
    "session_token_used",
    "rule_broken",
    "amount_mismatch",
    "currency_not_supported",
    "launch_not_available",
    "partner_not_operational",
    "klarna_unavailable",
  ],
  handle: ({ ctx, body }) => createPayment(ctx, body),
  answer: (payment) => ({ status: isUndecided(payment) ? 202 : 201, json: payment }),
  reread: rereadPayment,
});

export const listPaymentsEndpoint = defineEndpoint({
  method: "GET",
  path: "/api/v1/payments",
  operation: "listPayments",
  summary: "List payments, newest first",
  tag,
  access: "key",
  scope: "payments:read",
  query: z.strictObject({
    ...pageQuery,
    status: queryList(PublicStatusSchema.options).optional(),
    created_from: moment.optional(),
    created_to: moment.optional(),
    store: z.string().min(1).max(255).optional(),
    terminal: z.string().min(1).max(255).optional(),
    reference: z.string().min(1).max(255).optional(),
    expand: queryList(LIST_EXPANSIONS).optional(),
  }),
  responses: { 200: { description: "A page of payments", schema: ExpandedPaymentListSchema } },
  handle: async ({ ctx, query: { limit, cursor, expand, ...filter } }) => {
    const page = await listPayments(ctx, filter, toPageRequest({ limit, cursor }));
    return { ...page, data: await expandPlaces(ctx, page.data, expand ?? []) };
  },
  answer: (page) => ({ status: 200, json: toList(page) }),
});

export const getPaymentEndpoint = defineEndpoint({
  method: "GET",
  path: "/api/v1/payments/{id}",
  operation: "getPayment",
  summary: "Read a payment",
  tag,
  access: "key",
  scope: "payments:read",
  notFound: "payment_not_found",
  params: paymentParams,
  query: z.strictObject({ expand: queryList(EXPANSIONS).optional() }),
  responses: { 200: { description: "The payment", schema: ExpandedPaymentSchema } },
  handle: async ({ ctx, params, query }) => expandPayment(ctx, await getPayment(ctx, params.id), query.expand ?? []),
  answer: (payment) => ({ status: 200, json: payment }),
});

export const cancelPaymentEndpoint = defineEndpoint({
  method: "POST",
  path: "/api/v1/payments/{id}/cancel",
  operation: "cancelPayment",
  summary: "Cancel a payment that the customer has not finished",
  description: "200 once Klarna confirmed it, 202 while it has not.",
  tag,
  access: "key",
  scope: "payments:write",
  notFound: "payment_not_found",
  params: paymentParams,
  responses: {
    200: { description: "The canceled payment", schema: PaymentSchema },
    202: { description: "The payment, not confirmed as canceled yet", schema: PaymentSchema },
  },
  errors: ["payment_not_cancelable"],
  handle: ({ ctx, params }) => cancelPayment(ctx, params.id),
  answer: (payment) => ({ status: payment.status === "canceled" ? 200 : 202, json: payment }),
  reread: rereadPayment,
});
