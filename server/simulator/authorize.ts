import { z } from "zod";
import { invalid, SimulatedError } from "./errors";
import { isDeniedPerson } from "./markets";
import { type Account, type FaultKind, LineItemSchema, type PaymentRequest, type Store } from "./model";
import { createRequest, parseBody, parseCurrency, parseMethod, requestView } from "./requests";
import { triggerOf } from "./scenarios";
import { nowFor, type Simulator, switchOf, upsertStore } from "./simulator";
import { createTransaction, transactionView } from "./transactions";

/** The Payment Authorize operation: first call, final call, and the order in which its outcome is decided. */

const ReferenceSchema = z.string().min(1).max(255);

const PointOfCheckoutSchema = z.looseObject({
  store_id: z.string().min(1).max(255).optional(),
  store_reference: ReferenceSchema.optional(),
  store: z
    .looseObject({
      type: z.enum(["PHYSICAL_STORE", "WEBSITE", "MOBILE_APP"]),
      store_reference: ReferenceSchema.optional(),
      name: z.string().min(1).max(255).optional(),
      display_name: z.string().min(1).max(255).optional(),
      address: z.record(z.string(), z.unknown()).optional(),
    })
    .optional(),
});

const PointOfTransactionSchema = z.looseObject({
  type: z.enum(["TERMINAL", "WEBSITE", "MOBILE_APP"]),
  terminal_reference: ReferenceSchema.optional(),
});

const AuthorizeBodySchema = z.looseObject({
  currency: z.string().regex(/^[A-Za-z]{3}$/),
  request_payment_transaction: z
    .looseObject({
      amount: z.int().min(1).max(2_147_483_647),
      payment_transaction_reference: ReferenceSchema.optional(),
      payment_option_id: z.string().optional(),
      capture: z.enum(["NOW", "LATER"]).optional(),
    })
    .optional(),
  request_customer_token: z.looseObject({}).optional(),
  step_up_config: z
    .looseObject({
      payment_request_reference: ReferenceSchema.optional(),
      customer_interaction_config: z
        .looseObject({
          method: z.string().optional(),
          return_url: z.string().max(2048).optional(),
          app_return_url: z.string().max(2048).optional(),
        })
        .optional(),
      point_of_checkout: PointOfCheckoutSchema.optional(),
      point_of_transaction: PointOfTransactionSchema.optional(),
    })
    .optional(),
  point_of_checkout: PointOfCheckoutSchema.optional(),
  point_of_transaction: PointOfTransactionSchema.optional(),
  supplementary_purchase_data: z
    .looseObject({
      purchase_reference: ReferenceSchema.optional(),
      customer: z.looseObject({ email: z.string().optional(), phone: z.string().optional() }).optional(),
      line_items: z.array(LineItemSchema).max(1000).optional(),
    })
    .optional(),
  klarna_network_data: z.string().max(10_240).optional(),
  interoperability_data: z.string().max(10_240).optional(),
});
export type AuthorizeBody = z.infer<typeof AuthorizeBodySchema>;

type Parsed = {
  body: AuthorizeBody;
  currency: string;
  amount: number;
  capture: "NOW" | "LATER";
  transactionReference: string | null;
  purchaseReference: string | null;
  store: Store | null;
  terminalReference: string | null;
};

function findStore(sim: Simulator, account: Account, body: AuthorizeBody): Store | null {
  const isNested = body.step_up_config?.point_of_checkout !== undefined;
  const point = body.step_up_config?.point_of_checkout ?? body.point_of_checkout;
  const parameter = isNested ? "step_up_config.point_of_checkout" : "point_of_checkout";
  if (point === undefined) return null;
  const given = [point.store_id, point.store_reference, point.store].filter((value) => value !== undefined).length;
  if (given !== 1) throw invalid(parameter, "exactly one of store_id, store_reference and store must be given");
  if (point.store !== undefined) {
    const { type, store_reference, name, display_name, address } = point.store;
    return upsertStore(sim, account, { type, store_reference, name: name ?? display_name, address }, "inline");
  }
  const known = account.stores.find((store) =>
    point.store_id === undefined ? store.store_reference === point.store_reference : store.store_id === point.store_id,
  );
  if (known !== undefined) return known;
  const field = point.store_id === undefined ? "store_reference" : "store_id";
  if (!switchOf(sim, account, "accept_unknown_stores"))
    throw invalid(`${parameter}.${field}`, "the store does not exist");
  return upsertStore(sim, account, { store_id: point.store_id, store_reference: point.store_reference }, "inline");
}

function parseAuthorize(sim: Simulator, account: Account, raw: unknown): Parsed {
  const body = parseBody(AuthorizeBodySchema, raw);
  const currency = parseCurrency(body.currency);
  const asked = body.request_payment_transaction;
  if (body.request_customer_token !== undefined) {
    throw invalid("request_customer_token", "customer tokens are not enabled for this account");
  }
  if (asked === undefined) throw invalid("request_payment_transaction", "is required");
  const lineItems = body.supplementary_purchase_data?.line_items;
  if (lineItems !== undefined && lineItems.length > 0) {
    const sum = lineItems.reduce((total, item) => total + item.total_amount, 0);
    if (sum !== asked.amount) {
      throw invalid("request_payment_transaction.amount", `must equal the sum of the line items, which is ${sum}`);
    }
  }
  const isNested = body.step_up_config?.point_of_transaction !== undefined;
  const point = body.step_up_config?.point_of_transaction ?? body.point_of_transaction;
  if (point?.type === "TERMINAL" && point.terminal_reference === undefined) {
    const parameter = isNested ? "step_up_config.point_of_transaction" : "point_of_transaction";
    throw invalid(`${parameter}.terminal_reference`, "is required for TERMINAL");
  }
  const method = parseMethod(
    body.step_up_config?.customer_interaction_config?.method,
    "step_up_config.customer_interaction_config.method",
  );
  const isInStore = body.step_up_config !== undefined && method === "QR_CODE";
  if (isInStore && body.step_up_config?.point_of_checkout === undefined && body.point_of_checkout === undefined) {
    throw invalid("point_of_checkout", "is required for QR_CODE");
  }
  // Last, because an inline store is onboarded by it: a refused call must leave nothing behind.
  const store = findStore(sim, account, body);
  return {
    body,
    currency,
    amount: asked.amount,
    capture: asked.capture ?? "LATER",
    transactionReference: asked.payment_transaction_reference ?? null,
    purchaseReference: body.supplementary_purchase_data?.purchase_reference ?? null,
    store,
    terminalReference: point?.terminal_reference ?? null,
  };
}

export type AuthorizeTokens = { sessionTokens: string[]; customerToken: string | undefined };

/** The request that a token header proves finished, if the token is one of ours and of this account. */
export function requestOfTokens(sim: Simulator, account: Account, tokens: string[]): PaymentRequest | null {
  for (const token of tokens) {
    const requestId = sim.tokens.get(token);
    const request = requestId === undefined ? undefined : sim.state.requests.get(requestId);
    if (request !== undefined && request.account_id === account.account_id) return request;
  }
  return null;
}

function declined(reason: string): Record<string, unknown> {
  return { payment_transaction_response: { result: "DECLINED", result_reason: reason } };
}

function approve(sim: Simulator, account: Account, input: Parsed, request: PaymentRequest | null) {
  const transaction = createTransaction(sim, account, {
    payment_transaction_reference: input.transactionReference ?? request?.payment_transaction_reference ?? null,
    payment_request_id: request?.payment_request_id ?? null,
    payment_request_reference:
      request?.payment_request_reference ?? input.body.step_up_config?.payment_request_reference ?? null,
    purchase_reference: input.purchaseReference ?? request?.purchase_reference ?? null,
    amount: input.amount,
    currency: input.currency,
    store_id: input.store?.store_id ?? request?.store?.store_id ?? null,
    terminal_reference: input.terminalReference ?? request?.terminal_reference ?? null,
    line_items: input.body.supplementary_purchase_data?.line_items ?? request?.line_items ?? [],
    capture: input.capture,
  });
  const captureId = transaction.captures[0]?.payment_capture_id;
  return {
    transactionId: transaction.payment_transaction_id,
    body: {
      payment_transaction_response: {
        result: "APPROVED",
        // The newest text puts the capture id here, an older sample inside payment_captures: both.
        ...(captureId === undefined ? {} : { payment_capture_id: captureId }),
        payment_transaction: transactionView(transaction),
      },
    },
  };
}

function stepUp(sim: Simulator, account: Account, input: Parsed, previous: PaymentRequest | null) {
  const config = input.body.step_up_config;
  const request = createRequest(sim, account, {
    payment_request_reference: config?.payment_request_reference ?? previous?.payment_request_reference ?? null,
    amount: input.amount,
    currency: input.currency,
    method:
      config === undefined && previous !== null
        ? previous.method
        : parseMethod(config?.customer_interaction_config?.method, "step_up_config.customer_interaction_config.method"),
    return_url: config?.customer_interaction_config?.return_url ?? previous?.return_url ?? null,
    purchase_reference: input.purchaseReference ?? previous?.purchase_reference ?? null,
    payment_transaction_reference: input.transactionReference ?? previous?.payment_transaction_reference ?? null,
    store:
      input.store === null
        ? (previous?.store ?? null)
        : { store_id: input.store.store_id, name: input.store.name ?? input.store.store_reference },
    terminal_reference: input.terminalReference ?? previous?.terminal_reference ?? null,
    line_items: input.body.supplementary_purchase_data?.line_items ?? previous?.line_items ?? [],
  });
  return {
    payment_transaction_response: { result: "STEP_UP_REQUIRED" },
    payment_request: requestView(sim, account, request),
  };
}

function finalize(
  sim: Simulator,
  account: Account,
  input: Parsed,
  request: PaymentRequest,
  forced: FaultKind | null,
): string {
  if (request.amount !== input.amount) {
    throw invalid("request_payment_transaction.amount", "differs from the amount that the customer approved");
  }
  if (request.currency !== input.currency) {
    throw invalid("currency", "differs from the currency that the customer approved");
  }
  if (request.final !== null) return request.final.body;
  if (request.state !== "COMPLETED") {
    throw new SimulatedError("OPERATION_FORBIDDEN", `The payment request is ${request.state}.`);
  }
  const now = nowFor(sim, account);
  const isLate = now - (request.completed_at ?? now) > switchOf(sim, account, "final_window_ms");
  if (isLate && switchOf(sim, account, "late_final") === "forbidden") {
    throw new SimulatedError("OPERATION_FORBIDDEN", "The time to authorize this payment request is over.");
  }
  let result = "APPROVED";
  let transactionId: string | null = null;
  let answer: Record<string, unknown>;
  if (isLate || forced === "decline") {
    result = "DECLINED";
    answer = declined(isLate ? "approval_lapsed" : "high_risk");
  } else if (forced === "step_up_again") {
    result = "STEP_UP_REQUIRED";
    answer = stepUp(sim, account, input, request);
  } else {
    const approved = approve(sim, account, input, request);
    transactionId = approved.transactionId;
    answer = approved.body;
  }
  const body = JSON.stringify(answer);
  request.final = { result, payment_transaction_id: transactionId, body, at: now };
  request.updated_at = now;
  sim.state.requests.put(request);
  return body;
}

/**
 * Decides an authorization. The order is: input, forced outcome, token of a finished request, customer token,
 * denied person, amount, step-up, and DECLINED where nothing else applies.
 */
export function authorize(
  sim: Simulator,
  account: Account,
  raw: unknown,
  tokens: AuthorizeTokens,
  forced: FaultKind | null,
): string {
  const input = parseAuthorize(sim, account, raw);
  const finished = requestOfTokens(sim, account, tokens.sessionTokens);
  if (finished !== null) return finalize(sim, account, input, finished, forced);
  return JSON.stringify(decideFirst(sim, account, input, tokens, forced));
}

function decideFirst(
  sim: Simulator,
  account: Account,
  input: Parsed,
  tokens: AuthorizeTokens,
  forced: FaultKind | null,
): Record<string, unknown> {
  if (forced === "decline") return declined("high_risk");
  if (forced === "approve") return approve(sim, account, input, null).body;
  const trigger = triggerOf(sim, account, input.amount);
  if (trigger === "01") return declined("high_risk");
  if (trigger === "02") return approve(sim, account, input, null).body;
  // No customer tokens are issued yet, so that none can be present, valid and in scope.
  if (tokens.customerToken !== undefined) return declined("customer_token_not_usable");
  const customer = input.body.supplementary_purchase_data?.customer;
  if (isDeniedPerson(customer?.email, customer?.phone)) return declined("denied");
  if (input.amount > switchOf(sim, account, "amount_max")) return declined("credit_limit_exceeded");
  if (input.body.step_up_config !== undefined) return stepUp(sim, account, input, null);
  return declined("could_not_establish_identity");
}
