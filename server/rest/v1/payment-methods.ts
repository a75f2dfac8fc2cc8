import { z } from "zod";
import { AppError } from "@/server/core/errors";
import { AMOUNT_MAX } from "@/server/core/money";
import { countrySchema, currencySchema, localeSchema } from "@/server/core/schema";
import { SessionTokenSchema } from "@/server/domain/payments/schema";
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

/** Forwarded as it is: only what cannot be one is refused. Errors: validation_failed. */
function readToken(headers: Readonly<Record<string, string | undefined>>, name: string): string | undefined {
  const value = headers[name.toLowerCase()];
  if (value === undefined || SessionTokenSchema.safeParse(value).success) return value;
  throw new AppError("validation_failed", { detail: `The header ${name} is not a token.` });
}

export const paymentMethodsEndpoint = defineEndpoint({
  method: "GET",
  path: "/api/v1/payment-methods",
  operation: "listPaymentMethods",
  summary: "What can be offered to this customer",
  description:
    "From Klarna, kept for two minutes at the most. The session token of Klarna's SDK, if the page has one, goes into the header Klarna-Network-Session-Token (or Klarna-Interoperability-Token, its older name) and makes the answer this customer's own. When Klarna does not answer, available is false and the reason temporarily_unavailable.",
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
  headers: z.object({
    "Klarna-Network-Session-Token": SessionTokenSchema.optional().meta({
      description: "The session token of Klarna's SDK in your page, as it is",
    }),
    "Klarna-Interoperability-Token": SessionTokenSchema.optional().meta({
      description: "The older name of Klarna-Network-Session-Token",
    }),
  }),
  responses: { 200: { description: "The methods", schema: z.object({ data: z.array(PaymentMethodSchema) }) } },
  errors: ["partner_not_operational", "store_not_found", "terminal_not_found"],
  handle: ({ ctx, query, request }) =>
    listPaymentMethods(ctx, {
      ...query,
      networkSessionToken: readToken(request.headers, "Klarna-Network-Session-Token"),
      interoperabilityToken: readToken(request.headers, "Klarna-Interoperability-Token"),
    }),
  answer: (methods) => ({ status: 200, json: { data: methods } }),
});
