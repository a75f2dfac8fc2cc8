import { z } from "zod";
import type { Mode } from "@/server/core/schema";
import type { KlarnaClient, KlarnaOutcome, KlarnaRequest } from "./client";
import { instant, loose } from "./wire";

/*
 * Klarna's payment operations on the wire: requests as we send them, answers read with tolerance (unknown fields and
 * words pass). Every path stands in PATHS, so that a correction is made in one place.
 * Source: payment authorize, payment request and payment transaction pages of the Klarna Network API.
 */
const account = (id: string): string => `/v2/accounts/${encodeURIComponent(id)}`;
const PATHS = {
  authorize: (accountId: string) => `${account(accountId)}/payment/authorize`,
  request: (accountId: string, requestId: string) =>
    `${account(accountId)}/payment/requests/${encodeURIComponent(requestId)}`,
  transaction: (accountId: string, id: string) =>
    `${account(accountId)}/payment/transactions/${encodeURIComponent(id)}`,
  presentation: (accountId: string) => `${account(accountId)}/payment/presentation`,
  interoperability: (accountId: string) => `${account(accountId)}/interoperability`,
};

const text = z.string().max(8192);

export const PaymentRequestSchema = z.looseObject({
  payment_request_id: text,
  payment_request_reference: loose(text),
  amount: loose(z.number()),
  currency: loose(text),
  state: text,
  state_reason: loose(text),
  expires_at: instant,
  updated_at: instant,
  state_context: loose(
    z.looseObject({
      customer_interaction: loose(
        z.looseObject({
          method: loose(text),
          payment_request_url: loose(text),
          qr_code: loose(z.looseObject({ image_url: loose(text), target_url: loose(text) })),
        }),
      ),
      klarna_network_session_token: loose(text),
      payment_token: loose(text),
    }),
  ),
  /** The proof stands beside the state in some samples and in its context in others. */
  klarna_network_session_token: loose(text),
  payment_token: loose(text),
});
export type KlarnaPaymentRequest = z.infer<typeof PaymentRequestSchema>;

/** Money that is not guaranteed is not there before Klarna says so. */
const FundingSchema = z.looseObject({ type: text, state: loose(text) }).transform(({ type, state }) => ({
  type,
  state: state ?? (type.toUpperCase() === "NON_GUARANTEED" ? "PENDING" : "FUNDED"),
}));

export const PaymentTransactionSchema = z.looseObject({
  payment_transaction_id: text,
  payment_transaction_reference: text.optional(),
  amount: z.number().int().nonnegative().optional(),
  currency: text.optional(),
  state: loose(text),
  payment_funding: loose(FundingSchema),
  captured_amount: z.number().int().nonnegative().optional(),
  refunded_amount: z.number().int().nonnegative().optional(),
  payment_captures: z
    .array(
      z.looseObject({
        payment_capture_id: text,
        payment_capture_reference: text.nullish(),
        amount: z.number().int().optional(),
      }),
    )
    .optional(),
  payment_refunds: z
    .array(
      z.looseObject({
        payment_refund_id: text,
        payment_refund_reference: text.nullish(),
        amount: z.number().int().optional(),
      }),
    )
    .optional(),
  payment_capture_id: loose(text),
  expires_at: instant,
});
export type KlarnaPaymentTransaction = z.infer<typeof PaymentTransactionSchema>;

export const AuthorizeAnswerSchema = z.looseObject({
  payment_transaction_response: z.looseObject({
    result: text,
    result_reason: loose(text),
    payment_capture_id: loose(text),
    // What hangs on the transaction is read again where it counts; an approval must not be lost for its form.
    payment_transaction: PaymentTransactionSchema.extend({
      payment_captures: loose(PaymentTransactionSchema.shape.payment_captures),
      payment_refunds: loose(PaymentTransactionSchema.shape.payment_refunds),
    }).optional(),
  }),
  payment_request: loose(PaymentRequestSchema),
});
export type AuthorizeAnswer = z.infer<typeof AuthorizeAnswerSchema>;

export const CaptureAnswerSchema = z.looseObject({ payment_capture_id: text });
export const RefundAnswerSchema = z.looseObject({ payment_refund_id: text });
/** An answer that has the transaction in it, beside what was asked for. */
export const TransactionEnvelopeSchema = z.looseObject({ payment_transaction: PaymentTransactionSchema });

const PaymentOptionSchema = z.looseObject({
  payment_option_id: text.optional(),
  header: z.looseObject({ text: text.optional() }).optional(),
  subheader: z.looseObject({ text: text.optional() }).optional(),
  message: z
    .looseObject({
      text: text.optional(),
      parts: z.array(z.looseObject({ text: text.optional(), url: text.optional() })).optional(),
    })
    .optional(),
  badge: z.looseObject({ text: text.optional() }).optional(),
  icon: z
    .looseObject({
      badge_image_url: text.optional(),
      rectangle_image_url: text.optional(),
      square_image_url: text.optional(),
      alt: text.optional(),
    })
    .optional(),
  payment_button: z.looseObject({ text: text.optional() }).optional(),
  terms: z.looseObject({ url: text.optional() }).optional(),
});
export type KlarnaPaymentOption = z.infer<typeof PaymentOptionSchema>;

/** `payment_options` is the older form of `payment_option`. */
export const PresentationSchema = z.looseObject({
  instruction: text.optional(),
  payment_status: text.optional(),
  payment_option: PaymentOptionSchema.optional(),
  saved_payment_option: PaymentOptionSchema.optional(),
  payment_options: z.array(PaymentOptionSchema).optional(),
});
export type KlarnaPresentation = z.infer<typeof PresentationSchema>;

export const InteroperabilitySchema = z.looseObject({ status: text });

/** How the proof of the finished journey is named: new header or the older one. */
export type TokenKind = "NETWORK_SESSION_TOKEN" | "PAYMENT_TOKEN";

/** The session token of the Partner's own Klarna SDK, forwarded byte for byte on every call. */
export type SessionHeaders = { networkSessionToken?: string; interoperabilityToken?: string };

/** The headers that carry what the Partner's SDK gave; none for what is missing. */
export function sessionHeaders(session: SessionHeaders): Record<string, string> {
  return {
    ...(session.networkSessionToken ? { "klarna-network-session-token": session.networkSessionToken } : {}),
    ...(session.interoperabilityToken ? { "klarna-interoperability-token": session.interoperabilityToken } : {}),
  };
}

type Target = { mode: Mode; accountId: string; sessionReference: string };
type Sent = Pick<KlarnaRequest, "operation" | "method" | "path" | "body" | "headers" | "idempotencyKey">;

function send(
  client: KlarnaClient,
  { mode, sessionReference }: Target,
  sent: Sent,
  limits?: { budgetMs: number; attemptsMax: number },
): Promise<KlarnaOutcome> {
  return client.call({ mode, sessionReference, ...sent }, limits);
}

/**
 * Authorizes: the initial call without `proof`, the final one with it. Journal kinds AUTHORIZE and FINAL_AUTHORIZE.
 * `body` is the whole request as built by the caller; amounts in minor units. The client's budget, retries included.
 */
export function authorizePayment(
  client: KlarnaClient,
  target: Target,
  call: { idempotencyKey: string; body: unknown; session: SessionHeaders; proof?: { kind: TokenKind; token: string } },
): Promise<KlarnaOutcome> {
  const proof: Record<string, string> =
    call.proof === undefined
      ? {}
      : call.proof.kind === "PAYMENT_TOKEN"
        ? { "klarna-payment-token": call.proof.token }
        : { "klarna-network-session-token": call.proof.token };
  return send(client, target, {
    operation: call.proof ? "authorize_final" : "authorize",
    method: "POST",
    path: PATHS.authorize(target.accountId),
    body: call.body,
    headers: { ...sessionHeaders(call.session), ...proof },
    idempotencyKey: call.idempotencyKey,
  });
}

/** Reads a payment request (`PaymentRequestSchema`): two attempts, 5 s in all. */
export function readPaymentRequest(client: KlarnaClient, target: Target, requestId: string): Promise<KlarnaOutcome> {
  return send(
    client,
    target,
    { operation: "read_request", method: "GET", path: PATHS.request(target.accountId, requestId) },
    { budgetMs: 5_000, attemptsMax: 2 },
  );
}

/** Cancels a payment request; allowed until the customer finished, in the newest text until the final authorize. */
export function cancelPaymentRequest(client: KlarnaClient, target: Target, requestId: string): Promise<KlarnaOutcome> {
  return send(
    client,
    target,
    { operation: "cancel_request", method: "DELETE", path: PATHS.request(target.accountId, requestId) },
    { budgetMs: 8_000, attemptsMax: 3 },
  );
}

/** Reads a transaction (`PaymentTransactionSchema`): two attempts, 5 s in all. */
export function readPaymentTransaction(
  client: KlarnaClient,
  target: Target,
  transactionId: string,
): Promise<KlarnaOutcome> {
  return send(
    client,
    target,
    { operation: "read_transaction", method: "GET", path: PATHS.transaction(target.accountId, transactionId) },
    { budgetMs: 5_000, attemptsMax: 2 },
  );
}

type RefundCall = {
  transactionId: string;
  idempotencyKey: string;
  amount: number;
  reference: string;
  reason: string | null;
  lineItems: readonly unknown[];
};

/** Refunds a capture: one refund is one call. */
export function refundCapture(
  client: KlarnaClient,
  target: Target,
  call: RefundCall & { captureId: string },
): Promise<KlarnaOutcome> {
  return send(client, target, {
    operation: "refund",
    method: "POST",
    path: `${PATHS.transaction(target.accountId, call.transactionId)}/captures/${encodeURIComponent(call.captureId)}/refunds`,
    body: {
      amount: call.amount,
      payment_refund_reference: call.reference,
      ...(call.reason === null ? {} : { reason: call.reason }),
      ...(call.lineItems.length === 0 ? {} : { line_items: call.lineItems }),
    },
    idempotencyKey: call.idempotencyKey,
  });
}

/** Refunds a transaction as a whole: Klarna spreads it over the captures, for which it needs the lines. */
export function refundTransaction(client: KlarnaClient, target: Target, call: RefundCall): Promise<KlarnaOutcome> {
  return send(client, target, {
    operation: "refund",
    method: "POST",
    path: `${PATHS.transaction(target.accountId, call.transactionId)}/refunds`,
    body: {
      amount: call.amount,
      payment_refund_reference: call.reference,
      ...(call.reason === null ? {} : { reason: call.reason }),
      line_items: call.lineItems,
    },
    idempotencyKey: call.idempotencyKey,
  });
}

/** Captures part or all of what is authorized; starts the customer's plan and the settlement. */
export function captureTransaction(
  client: KlarnaClient,
  target: Target,
  call: {
    transactionId: string;
    idempotencyKey: string;
    amount: number;
    reference: string;
    lineItems: readonly unknown[];
    shipping: readonly unknown[] | null;
  },
): Promise<KlarnaOutcome> {
  const data = {
    ...(call.lineItems.length === 0 ? {} : { line_items: call.lineItems }),
    ...(call.shipping === null ? {} : { shipping: call.shipping }),
  };
  return send(client, target, {
    operation: "capture",
    method: "POST",
    path: `${PATHS.transaction(target.accountId, call.transactionId)}/captures`,
    body: {
      amount: call.amount,
      payment_capture_reference: call.reference,
      ...(Object.keys(data).length === 0 ? {} : { supplementary_purchase_data: data }),
    },
    idempotencyKey: call.idempotencyKey,
  });
}

type PurchaseChange = {
  idempotencyKey: string;
  amount?: number;
  purchaseReference?: string;
  lineItems?: readonly unknown[];
  shipping?: readonly unknown[];
};

function changeBody(call: PurchaseChange): Record<string, unknown> {
  const data = {
    ...(call.purchaseReference === undefined ? {} : { purchase_reference: call.purchaseReference }),
    ...(call.lineItems === undefined ? {} : { line_items: call.lineItems }),
    ...(call.shipping === undefined ? {} : { shipping: call.shipping }),
  };
  return {
    ...(call.amount === undefined ? {} : { amount: call.amount }),
    ...(Object.keys(data).length === 0 ? {} : { supplementary_purchase_data: data }),
  };
}

/** Lowers the amount of an authorized transaction, or changes what belongs to the purchase. */
export function updateTransaction(
  client: KlarnaClient,
  target: Target,
  call: PurchaseChange & { transactionId: string },
): Promise<KlarnaOutcome> {
  return send(client, target, {
    operation: "update_transaction",
    method: "PATCH",
    path: PATHS.transaction(target.accountId, call.transactionId),
    body: changeBody(call),
    idempotencyKey: call.idempotencyKey,
  });
}

/** Changes a payment request that the customer has not entered yet. */
export function updatePaymentRequest(
  client: KlarnaClient,
  target: Target,
  call: PurchaseChange & { requestId: string },
): Promise<KlarnaOutcome> {
  return send(client, target, {
    operation: "update_request",
    method: "PATCH",
    path: PATHS.request(target.accountId, call.requestId),
    body: changeBody(call),
    idempotencyKey: call.idempotencyKey,
  });
}

/** A new authorization after the period is over, within Klarna's grace. */
export function reauthorizeTransaction(
  client: KlarnaClient,
  target: Target,
  call: { transactionId: string; idempotencyKey: string },
): Promise<KlarnaOutcome> {
  return send(client, target, {
    operation: "reauthorize",
    method: "POST",
    path: `${PATHS.transaction(target.accountId, call.transactionId)}/reauthorize`,
    body: {},
    idempotencyKey: call.idempotencyKey,
  });
}

/** Releases what is not captured. */
export function voidTransaction(
  client: KlarnaClient,
  target: Target,
  call: { transactionId: string; idempotencyKey: string; reference: string },
): Promise<KlarnaOutcome> {
  return send(client, target, {
    operation: "void",
    method: "POST",
    path: `${PATHS.transaction(target.accountId, call.transactionId)}/void`,
    body: { payment_void_reference: call.reference },
    idempotencyKey: call.idempotencyKey,
  });
}

/**
 * How Klarna wants to be offered for this purchase (`PresentationSchema`); `amount` in minor units. Two attempts, 3 s in
 * all: somebody waits at the checkout.
 */
export function readPresentation(
  client: KlarnaClient,
  target: Target,
  query: { currency: string; amount?: number; locale?: string; intent?: string },
  session: SessionHeaders,
): Promise<KlarnaOutcome> {
  const search = new URLSearchParams({ currency: query.currency });
  if (query.amount !== undefined) search.set("amount", String(query.amount));
  if (query.locale) search.set("locale", query.locale);
  if (query.intent) search.append("intents[]", query.intent);
  return send(
    client,
    target,
    {
      operation: "presentation",
      method: "GET",
      path: `${PATHS.presentation(target.accountId)}?${search.toString()}`,
      headers: sessionHeaders(session),
    },
    { budgetMs: 3_000, attemptsMax: 2 },
  );
}

/** The older question for the same: whether Klarna serves this country and currency, and how far this customer is. */
export function readInteroperability(
  client: KlarnaClient,
  target: Target,
  query: { currency: string; amount?: number; country?: string },
  session: SessionHeaders,
): Promise<KlarnaOutcome> {
  const search = new URLSearchParams({ currency: query.currency });
  if (query.amount !== undefined) search.set("payment_amount", String(query.amount));
  if (query.country) search.set("country", query.country);
  return send(
    client,
    target,
    {
      operation: "interoperability",
      method: "GET",
      path: `${PATHS.interoperability(target.accountId)}?${search.toString()}`,
      headers: sessionHeaders(session),
    },
    { budgetMs: 3_000, attemptsMax: 2 },
  );
}
