import { z } from "zod";
import { AppError } from "@/server/core/errors";
import { idSchema } from "@/server/core/ids";
import { localeSchema } from "@/server/core/schema";
import { getReceipt, RECEIPT_FORMATS, RECEIPT_TYPES, type ReceiptFormat } from "@/server/domain/payments/service";
import { chosenType } from "../accept";
import { defineEndpoint } from "../endpoint";
import { paymentParams } from "./shared";

const TYPES = RECEIPT_FORMATS.map((format) => RECEIPT_TYPES[format].split(";")[0] ?? "");

function formatOf(accept: string | undefined): ReceiptFormat {
  const type = chosenType(accept, TYPES);
  const format = RECEIPT_FORMATS.find((_, at) => TYPES[at] === type);
  if (!format) throw new AppError("not_acceptable", { detail: `A receipt comes as ${TYPES.join(", ")}.` });
  return format;
}

export const getReceiptEndpoint = defineEndpoint({
  method: "GET",
  path: "/api/v1/payments/{id}/receipt",
  operation: "getPaymentReceipt",
  summary: "The receipt of a sale or of a return",
  description:
    "The form is chosen by the Accept header: text of 42 columns (also where anything is taken), a page, a PDF, or bytes for a receipt printer. Its references, and the code on it, let a clerk find the payment again. No payment that was not approved has one.",
  tag: "Payments",
  access: "key",
  scope: "payments:read",
  notFound: "payment_not_found",
  params: paymentParams,
  query: z.strictObject({
    refund: idSchema("refund").optional().meta({ description: "A return of this payment: its receipt instead" }),
    locale: localeSchema.optional().meta({ description: "Words and figures; else as the terminal is set" }),
  }),
  responses: { 200: { description: "The receipt", content: TYPES } },
  errors: ["state_conflict", "not_acceptable"],
  handle: ({ ctx, params, query, request }) =>
    getReceipt(ctx, params.id, {
      format: formatOf(request.headers.accept),
      ...(query.refund === undefined ? {} : { refundId: query.refund }),
      ...(query.locale === undefined ? {} : { locale: query.locale }),
    }),
  answer: (receipt) => ({
    status: 200,
    bytes: { type: receipt.contentType, body: receipt.body },
    headers: {
      vary: "Accept",
      ...(receipt.contentSecurityPolicy === null ? {} : { "content-security-policy": receipt.contentSecurityPolicy }),
    },
  }),
});
