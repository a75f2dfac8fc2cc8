import type { ServiceContext } from "@/server/context";
import type { KlarnaOutcome } from "@/server/klarna/client";
import {
  AuthorizeAnswerSchema,
  type KlarnaPaymentRequest,
  type KlarnaPaymentTransaction,
  PaymentRequestSchema,
  PaymentTransactionSchema,
} from "@/server/klarna/payments";
import { unknownWords } from "@/server/observability/metrics";
import type { PaymentRecord } from "./rows";
import type { CaptureShipping, CreatePaymentInput, LineItem, Shipping } from "./schema";

/* Between our shapes and Klarna's: what we send, and what an answer means for a payment. */

/** The encrypted part of a payment: what the customer and the Partner's own Klarna data say, kept for the final call. */
export type Purchase = {
  customer: CreatePaymentInput["customer"] | null;
  shipping: CreatePaymentInput["shipping"] | null;
  klarna: CreatePaymentInput["klarna"] | null;
  /** Of a redirect or an SDK: our address that Klarna sends the browser back to, and the Partner's, where we send it on to. */
  back: { own: string; partner: string | null; app: string | null } | null;
  /** What the customer typed or scanned from a static QR code. */
  shortCode: string | null;
};

/** A line as Klarna takes it. */
export function toKlarnaLineItem(item: LineItem): Record<string, unknown> {
  return {
    name: item.name,
    quantity: item.quantity,
    total_amount: item.total_amount,
    ...(item.unit_price === undefined ? {} : { unit_price: item.unit_price }),
    ...(item.total_tax_amount === undefined ? {} : { total_tax_amount: item.total_tax_amount }),
    ...(item.reference === undefined ? {} : { line_item_reference: item.reference }),
    ...(item.product_identifier === undefined ? {} : { product_identifier: item.product_identifier }),
    ...(item.product_url === undefined ? {} : { product_url: item.product_url }),
    ...(item.image_url === undefined ? {} : { image_url: item.image_url }),
  };
}

/** One delivery as Klarna takes it, with its tracking where there is one. */
export function toKlarnaShipping(shipping: Shipping & Partial<CaptureShipping>): Record<string, unknown>[] {
  return [
    {
      ...(shipping.reference === undefined ? {} : { shipping_reference: shipping.reference }),
      ...(shipping.recipient === undefined ? {} : { recipient: shipping.recipient }),
      ...(shipping.address === undefined ? {} : { address: shipping.address }),
      ...(shipping.tracking_number === undefined ? {} : { tracking_number: shipping.tracking_number }),
      ...(shipping.tracking_url === undefined ? {} : { tracking_url: shipping.tracking_url }),
    },
  ];
}

/**
 * The body of the authorize call, the same for the initial and the final one. Built from what is stored and nothing
 * else, so that a repeat after a crash is the same body. The Partner's network data is forwarded byte for byte.
 *
 * `point_of_checkout` and `point_of_transaction` say where it is. Klarna's pages disagree about their place (top level or
 * inside `step_up_config`), so the place is a setting. Source: KNR-L6, KNR-L7; contradiction 16.
 */
export function buildAuthorizeBody(
  payment: PaymentRecord,
  purchase: Purchase,
  placement: "top_level" | "step_up_config" | "both",
): Record<string, unknown> {
  const networkData = purchase.klarna?.network_data;
  const interoperabilityData = purchase.klarna?.interoperability_data;
  const place = placeOf(payment);
  return {
    currency: payment.currency,
    request_payment_transaction: {
      amount: payment.amount,
      payment_transaction_reference: payment.id,
      capture: payment.capture === "AUTOMATIC" ? "NOW" : "LATER",
      ...(purchase.klarna?.payment_option_id ? { payment_option_id: purchase.klarna.payment_option_id } : {}),
    },
    supplementary_purchase_data: {
      purchase_reference: payment.reference,
      ...(payment.lineItems.length > 0 ? { line_items: payment.lineItems.map(toKlarnaLineItem) } : {}),
      ...(purchase.customer ? { customer: purchase.customer } : {}),
      ...(purchase.shipping
        ? {
            shipping: [
              {
                shipping_reference: purchase.shipping.reference,
                recipient: purchase.shipping.recipient,
                address: purchase.shipping.address,
              },
            ],
          }
        : {}),
    },
    step_up_config: {
      payment_request_reference: payment.id,
      customer_interaction_config: interactionOf(payment, purchase),
      ...(placement === "top_level" ? {} : place),
    },
    ...(placement === "step_up_config" ? {} : place),
    ...(networkData === undefined ? {} : { klarna_network_data: networkData }),
    ...(interoperabilityData === undefined ? {} : { interoperability_data: interoperabilityData }),
  };
}

/** A code to scan, or a hand-over of the browser or app to Klarna, which then comes back to us. */
function interactionOf(payment: PaymentRecord, purchase: Purchase): Record<string, unknown> {
  if (payment.launch === "QR") return { method: "QR_CODE" };
  return {
    method: "HANDOVER",
    ...(purchase.back === null ? {} : { return_url: purchase.back.own }),
    ...(purchase.back?.app ? { app_return_url: purchase.back.app } : {}),
  };
}

const TRANSACTION_POINTS = { IN_STORE: "TERMINAL", WEB: "WEBSITE", MOBILE_APP: "MOBILE_APP" } as const;

/** The store by Klarna's id, by its reference, or with its details where it is made by the payment; then the till. */
function placeOf(payment: PaymentRecord): Record<string, unknown> {
  const checkout =
    payment.storeKlarnaId !== null
      ? { store_id: payment.storeKlarnaId }
      : payment.storeSource === "PAYMENT"
        ? {
            store: {
              type: "PHYSICAL_STORE",
              store_reference: payment.storeReference,
              name: payment.storeName,
              address: payment.storeAddress,
            },
          }
        : payment.storeReference === null
          ? null
          : { store_reference: payment.storeReference };
  return {
    ...(checkout === null ? {} : { point_of_checkout: checkout }),
    point_of_transaction: {
      type: TRANSACTION_POINTS[payment.channel],
      ...(payment.terminalReference === null ? {} : { terminal_reference: payment.terminalReference }),
    },
  };
}

/** What an authorize outcome means. `refused` is definite; `unknown` is neither success nor failure. */
export type AuthorizeResult =
  | { kind: "approved"; transaction: KlarnaPaymentTransaction; captureId: string | null }
  | { kind: "step_up"; request: KlarnaPaymentRequest }
  | { kind: "declined"; reason: string }
  | { kind: "refused"; code: string; errorId: string | null; status: number }
  | { kind: "unknown"; reason: string }
  | { kind: "not_sent"; reason: string };

export function readAuthorizeOutcome(ctx: Pick<ServiceContext, "log">, outcome: KlarnaOutcome): AuthorizeResult {
  if (outcome.kind === "refused") {
    return { kind: "refused", code: outcome.error.code, errorId: outcome.error.errorId, status: outcome.error.status };
  }
  if (outcome.kind !== "answered") return { kind: outcome.kind, reason: outcome.reason };
  const parsed = AuthorizeAnswerSchema.safeParse(outcome.body);
  if (!parsed.success) return { kind: "unknown", reason: "unexpected_shape" };
  const answer = parsed.data.payment_transaction_response;
  switch (answer.result.toUpperCase()) {
    case "APPROVED":
      return answer.payment_transaction === undefined
        ? { kind: "unknown", reason: "approved_without_transaction" }
        : {
            kind: "approved",
            transaction: answer.payment_transaction,
            captureId:
              answer.payment_capture_id ??
              answer.payment_transaction.payment_capture_id ??
              answer.payment_transaction.payment_captures?.[0]?.payment_capture_id ??
              null,
          };
    case "STEP_UP_REQUIRED":
      return parsed.data.payment_request === undefined
        ? { kind: "unknown", reason: "step_up_without_request" }
        : { kind: "step_up", request: parsed.data.payment_request };
    case "DECLINED":
      return { kind: "declined", reason: answer.result_reason ?? "declined" };
    default:
      unknownWords.inc({ field: "payment_transaction_response.result" });
      ctx.log.warn(
        { code: answer.result.slice(0, 60) },
        "Klarna answered an authorize with a word that we do not know",
      );
      return { kind: "unknown", reason: "unknown_result" };
  }
}

export function readRequestOutcome(outcome: KlarnaOutcome): KlarnaPaymentRequest | null {
  if (outcome.kind !== "answered") return null;
  const parsed = PaymentRequestSchema.safeParse(outcome.body);
  return parsed.success ? parsed.data : null;
}

export function readTransactionOutcome(outcome: KlarnaOutcome): KlarnaPaymentTransaction | null {
  if (outcome.kind !== "answered") return null;
  const direct = PaymentTransactionSchema.safeParse(outcome.body);
  return direct.success ? direct.data : null;
}
