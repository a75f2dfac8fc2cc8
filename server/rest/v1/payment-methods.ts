import { z } from "zod";
import { AMOUNT_MAX } from "@/server/core/money";
import { countrySchema, currencySchema, localeSchema } from "@/server/core/schema";
import { listPaymentMethods } from "@/server/domain/payments/service";
import { defineEndpoint } from "../endpoint";
import { queryInteger } from "../validation";

const TextsSchema = z.object({
  header: z.string().nullable(),
  subheader: z.string().nullable(),
  message: z.string().nullable(),
  badge: z.string().nullable(),
  button: z.string().nullable(),
  terms_url: z.string().nullable(),
});
const ImagesSchema = z.object({ badge: z.string().nullable(), square: z.string().nullable(), rectangle: z.string().nullable(), alt: z.string().nullable() });

export const PaymentMethodSchema = z
  .object({
    type: z.literal("klarna"),
    available: z.boolean(),
    reason: z.string().nullable(),
    instruction: z.enum(["show", "preselect", "show_only", "hide"]),
    customer_action: z.enum(["required", "confirm_now"]).nullable(),
    payment_option_id: z.string().nullable(),
    texts: TextsSchema.nullable(),
    images: ImagesSchema.nullable(),
    expires_at: z.string().nullable(),
  })
  .meta({ id: "PaymentMethod" });

export const paymentMethodsEndpoint = defineEndpoint({
  method: "GET",
  path: "/api/v1/payment-methods",
  operation: "listPaymentMethods",
  summary: "What can be offered to this customer",
  tag: "Payments",
  access: "key",
  scope: "payments:read",
  query: z.strictObject({
    amount: queryInteger(1, AMOUNT_MAX),
    currency: currencySchema,
    country: countrySchema.optional(),
    locale: localeSchema.optional(),
    store: z.string().min(1).max(255).optional(),
    terminal: z.string().min(1).max(255).optional(),
    intent: z.enum(["pay", "subscribe", "add_to_wallet"]).default("pay"),
  }),
  responses: { 200: { description: "The methods", schema: z.object({ data: z.array(PaymentMethodSchema) }) } },
  errors: ["currency_not_supported"],
  handle: ({ ctx, query, request }) => {
    const token = request.headers["klarna-network-session-token"] ?? request.headers["klarna-interoperability-token"];
    return listPaymentMethods(ctx, { ...query, ...(token === undefined ? {} : { network_session_token: token }) });
  },
  answer: (methods) => ({ status: 200, json: { data: methods } }),
});
