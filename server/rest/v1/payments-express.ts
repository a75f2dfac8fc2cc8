import { ExpressPaymentSchema } from "@/server/domain/payments/schema";
import { createExpressPayment, getPayment } from "@/server/domain/payments/service";
import { defineEndpoint } from "../endpoint";
import { PaymentSchema } from "./shared";

export const expressPaymentEndpoint = defineEndpoint({
  method: "POST",
  path: "/api/v1/payments/express",
  operation: "createExpressPayment",
  summary: "Confirm an Express payment",
  description:
    "The customer has finished Klarna's Express journey in your own page; the session token from there is confirmed here, with no earlier call. A token makes one payment. Klarna normally decides at once; should it want the customer again, the payment is pending and has redirect_url. 202 means that the outcome is not known yet.",
  tag: "Payments",
  access: "key",
  scope: "payments:write",
  body: ExpressPaymentSchema,
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
  handle: ({ ctx, body }) => createExpressPayment(ctx, body),
  answer: (payment) => ({
    status: payment.status === "processing" || payment.status === "finalizing" ? 202 : 201,
    json: payment,
  }),
  reread: (ctx, id) => getPayment(ctx, id),
});
