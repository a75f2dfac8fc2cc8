import { z } from "zod";
import { AMOUNT_MAX } from "@/server/core/money";
import { countrySchema, currencySchema, localeSchema } from "@/server/core/schema";
import { listPaymentMethods } from "@/server/domain/payments/service";
import { defineEndpoint } from "../endpoint";
import { queryInteger } from "../validation";
import { moment } from "./shared";

const TextsSchema = z.object({
  header: z.string().nullable(),
  subheader: z.string().nullable(),
  message: z.string().nullable(),
  badge: z.string().nullable(),
  button: z.string().nullable(),
  terms_url: z.string().nullable(),
});
const ImagesSchema = z.object({
  badge: z.string().nullable(),
  square: z.string().nullable(),
  rectangle: z.string().nullable(),
  alt: z.string().nullable(),
});

export const PaymentMethodSchema = z
  .object({
    type: z.literal("klarna"),
    available: z.boolean(),
    reason: z.enum(["temporarily_unavailable", "not_available_here"]).nullable(),
    instruction: z.enum(["show", "preselect", "show_only", "hide"]),
    customer_action: z.enum(["required", "confirm_now"]),
    payment_option_id: z.string().nullable(),
    texts: TextsSchema,
    images: ImagesSchema,
    expires_at: moment,
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
    amount: queryInteger(1, AMOUNT_MAX).optional(),
    currency: currencySchema,
    country: countrySchema.optional(),
    locale: localeSchema.optional(),
    store: z.string().min(1).max(255).optional(),
    terminal: z.string().min(1).max(255).optional(),
    intent: z.enum(["pay", "subscribe", "add_to_wallet"]).default("pay"),
  }),
  responses: { 200: { description: "The methods", schema: z.object({ data: z.array(PaymentMethodSchema) }) } },
  errors: ["partner_not_operational"],
  handle: ({ ctx, query: { amount, currency, country, locale, intent }, request }) => {
    const networkSessionToken = request.headers["klarna-network-session-token"];
    const interoperabilityToken = request.headers["klarna-interoperability-token"];
    return listPaymentMethods(ctx, {
      currency,
      intent,
      ...(amount === undefined ? {} : { amount }),
      ...(country === undefined ? {} : { country }),
      ...(locale === undefined ? {} : { locale }),
      ...(networkSessionToken === undefined ? {} : { networkSessionToken }),
      ...(interoperabilityToken === undefined ? {} : { interoperabilityToken }),
    });
  },
  answer: (methods) => ({ status: 200, json: { data: methods } }),
});
