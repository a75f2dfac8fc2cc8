import { z } from "zod";
import { idSchema } from "@/server/core/ids";
import { CreateCaptureSchema } from "@/server/domain/payments/schema";
import { capturePayment, getCapture, listPaymentCaptures } from "@/server/domain/payments/service";
import { defineEndpoint, type Endpoint } from "../endpoint";
import { CaptureListSchema, CaptureSchema, paymentParams } from "./shared";

const tag = "Captures";

/** Captures of one payment. */
export const captureEndpoints: readonly Endpoint[] = [
  defineEndpoint({
    method: "POST",
    path: "/api/v1/payments/{id}/captures",
    operation: "createCapture",
    summary: "Capture what is authorized, wholly or in part",
    description:
      "Capture when the goods are handed over or shipped: it starts the customer's plan. Without an amount, all that is left. 202 means that the outcome is not known yet; its amount counts as captured until it failed.",
    tag,
    access: "key",
    scope: "payments:write",
    notFound: "payment_not_found",
    params: paymentParams,
    body: CreateCaptureSchema,
    responses: {
      201: { description: "The capture", schema: CaptureSchema },
      202: { description: "The capture, its outcome not known yet", schema: CaptureSchema },
    },
    errors: [
      "payment_not_capturable",
      "capture_exceeds_authorized",
      "amount_mismatch",
      "operation_limit_reached",
      "klarna_unavailable",
    ],
    handle: ({ ctx, params, body }) => capturePayment(ctx, params.id, body),
    answer: (capture) => ({ status: capture.status === "processing" ? 202 : 201, json: capture }),
    reread: (ctx, id, params) => getCapture(ctx, params.id, id),
  }),
  defineEndpoint({
    method: "GET",
    path: "/api/v1/payments/{id}/captures",
    operation: "listCaptures",
    summary: "List the captures of a payment",
    tag,
    access: "key",
    scope: "payments:read",
    notFound: "payment_not_found",
    params: paymentParams,
    responses: { 200: { description: "All captures of the payment, newest first", schema: CaptureListSchema } },
    handle: ({ ctx, params }) => listPaymentCaptures(ctx, params.id),
    answer: (captures) => ({ status: 200, json: { data: captures.toReversed(), has_more: false, next_cursor: null } }),
  }),
  defineEndpoint({
    method: "GET",
    path: "/api/v1/payments/{id}/captures/{captureId}",
    operation: "getCapture",
    summary: "Read a capture",
    tag,
    access: "key",
    scope: "payments:read",
    params: z.strictObject({ id: idSchema("payment"), captureId: idSchema("capture") }),
    responses: { 200: { description: "The capture", schema: CaptureSchema } },
    handle: ({ ctx, params }) => getCapture(ctx, params.id, params.captureId),
    answer: (capture) => ({ status: 200, json: capture }),
  }),
];
