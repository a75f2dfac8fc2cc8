import { z } from "zod";
import { customerTokenView, issueCustomerToken, parseTokenRequest, usableToken } from "./customer-tokens";
import type { CustomerToken, TokenRequest } from "./customer-tokens-model";
import { noteDisputingRequest, noteDisputingTransaction } from "./disputes/triggers";
import { invalid, SimulatedError } from "./errors";
import { requireEnabledProduct, requirePaymentAccount } from "./management/products";
import { countryOfCurrency, rejectReasonOf } from "./markets";
import { type Account, type FaultKind, LineItemSchema, type PaymentRequest, type Store } from "./model";
import { CustomerSchema, ShippingSchema } from "./purchase-data";
import { checkLineItems, createRequest, parseBody, parseCurrency, parseMethod, requestView } from "./requests";
import { triggerOf } from "./scenarios";
import { requestOfTokens } from "./session-tokens";
import { nowFor, type Simulator, switchOf, upsertStore } from "./simulator";
import { createTransaction, transactionView } from "./transactions";

/** The Payment Authorize operation: first call, final call, and the order in which its outcome is decided. */

const ReferenceSchema = z.string().min(1).max(255);

const IntervalSchema = z.enum(["DAY", "WEEK", "MONTH", "YEAR"]);

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
  request_customer_token: z.unknown().optional(),
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
      customer: CustomerSchema.optional(),
      shipping: ShippingSchema.optional(),
      line_items: z.array(LineItemSchema).max(1000).optional(),
      ondemand_service: z
        .looseObject({
          average_amount: z.int().min(0).optional(),
          minimum_amount: z.int().min(0).optional(),
          maximum_amount: z.int().min(0).optional(),
          currency: z.string().optional(),
          purchase_interval: IntervalSchema.optional(),
          purchase_interval_frequency: z.int().min(1).optional(),
        })
        .optional(),
      subscriptions: z
        .array(
          z.looseObject({
            subscription_reference: ReferenceSchema.optional(),
            name: z.string().min(1).max(255).optional(),
            free_trial: z.enum(["ACTIVE", "INACTIVE"]).optional(),
            billing_plans: z
              .array(
                z.looseObject({
                  billing_amount: z.int().min(0).optional(),
                  currency: z.string().optional(),
                  interval: IntervalSchema.optional(),
                  interval_frequency: z.int().min(1).optional(),
                }),
              )
              .optional(),
          }),
        )
        .optional(),
    })
    .optional(),
  collect_customer_profile: z.array(z.string()).optional(),
  shipping_config: z.looseObject({}).optional(),
  acquiring_config: z
    .looseObject({
      payment_account_id: z.string().optional(),
      payment_acquiring_account_id: z.string().optional(),
      payment_account_reference: z.string().optional(),
    })
    .optional(),
  klarna_network_data: z.string().max(10_240).optional(),
  interoperability_data: z.string().max(10_240).optional(),
});
export type AuthorizeBody = z.infer<typeof AuthorizeBodySchema>;

type Parsed = {
  body: AuthorizeBody;
  currency: string;
  /** null: only a saved customer is asked for. */
  amount: number | null;
  tokenRequest: TokenRequest | null;
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
  const data = body.supplementary_purchase_data;
  const tokenRequest =
    body.request_customer_token === undefined ? null : parseTokenRequest(body.request_customer_token, data);
  if (asked === undefined && tokenRequest === null) throw invalid("request_payment_transaction", "is required");
  if (asked !== undefined) checkLineItems(data?.line_items, asked.amount, "request_payment_transaction.amount");
  for (const [name, value] of [
    ["klarna_network_data", body.klarna_network_data],
    ["interoperability_data", body.interoperability_data],
  ] as const) {
    if (value !== undefined && !isJsonText(value)) throw invalid(name, "must be serialised JSON");
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
    amount: asked?.amount ?? null,
    tokenRequest,
    capture: asked?.capture ?? "LATER",
    transactionReference: asked?.payment_transaction_reference ?? null,
    purchaseReference: body.supplementary_purchase_data?.purchase_reference ?? null,
    store,
    terminalReference: point?.terminal_reference ?? null,
  };
}

export type AuthorizeTokens = { sessionTokens: string[]; customerToken: string | undefined };

function isJsonText(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** DECLINED, under each of the things that were asked for. */
function declined(input: Parsed, reason: string): Record<string, unknown> {
  const answer = { result: "DECLINED", result_reason: reason };
  return {
    ...(input.amount === null ? {} : { payment_transaction_response: answer }),
    ...(input.tokenRequest === null ? {} : { customer_token_response: answer }),
  };
}

function tokenAnswer(token: CustomerToken): Record<string, unknown> {
  return { customer_token_response: { result: "APPROVED", customer_token: customerTokenView(token) } };
}

type Approval = { transactionId: string | null; body: Record<string, unknown> };

/** Creates what was asked for. A saved customer comes from the finished request, or is made where a result is forced. */
function approve(sim: Simulator, account: Account, input: Parsed, request: PaymentRequest | null): Approval {
  const saved = request?.customer_token ?? null;
  let token = saved === null ? undefined : sim.state.customerTokens.get(saved);
  if (request === null && input.tokenRequest !== null) {
    token = issueCustomerToken(sim, account, {
      ...input.tokenRequest,
      country: countryOfCurrency(input.currency, account.country),
      phone: null,
      payment_request_id: null,
    });
  }
  const isTokenShown = token !== undefined && (input.tokenRequest !== null || request?.is_express === true);
  const tokenPart = token !== undefined && isTokenShown ? tokenAnswer(token) : {};
  if (input.amount === null) return { transactionId: null, body: tokenPart };
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
    customer: input.body.supplementary_purchase_data?.customer,
    shipping: input.body.supplementary_purchase_data?.shipping,
    capture: input.capture,
  });
  const email = input.body.supplementary_purchase_data?.customer?.email;
  noteDisputingTransaction(sim, transaction, email, request?.payment_request_id ?? null);
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
      ...tokenPart,
    },
  };
}

function stepUp(
  sim: Simulator,
  account: Account,
  input: Parsed,
  previous: PaymentRequest | null,
  extra: { charged?: CustomerToken; isDenied?: boolean } = {},
) {
  const config = input.body.step_up_config;
  const request = createRequest(sim, account, {
    payment_request_reference: config?.payment_request_reference ?? previous?.payment_request_reference ?? null,
    amount: input.amount ?? 0,
    currency: input.currency,
    customer_token_request: input.tokenRequest,
    is_token_only: input.amount === null,
    charged_token: extra.charged?.customer_token ?? null,
    is_denied_person: extra.isDenied === true,
    collect_customer_profile: input.body.collect_customer_profile ?? [],
    has_shipping_config: input.body.shipping_config !== undefined,
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
  noteDisputingRequest(sim, request.payment_request_id, input.body.supplementary_purchase_data?.customer?.email);
  // The token's own answer comes when the journey is finished; alone it is the only place for the result.
  const answer = { result: "STEP_UP_REQUIRED" };
  return {
    ...(input.amount === null ? { customer_token_response: answer } : { payment_transaction_response: answer }),
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
  const isOpenAmount = request.is_open_amount && request.final === null;
  if (!isOpenAmount && request.amount !== (input.amount ?? 0)) {
    throw invalid("request_payment_transaction.amount", "differs from the amount that the customer approved");
  }
  if (!isOpenAmount && request.currency !== input.currency) {
    throw invalid("currency", "differs from the currency that the customer approved");
  }
  if (input.tokenRequest !== null && request.customer_token_request === null) {
    throw invalid("request_customer_token", "was not part of what the customer approved");
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
    answer = declined(input, isLate ? "approval_lapsed" : "high_risk");
  } else if (forced === "step_up_again") {
    result = "STEP_UP_REQUIRED";
    answer = stepUp(sim, account, input, request);
  } else {
    const approved = approve(sim, account, input, request);
    transactionId = approved.transactionId;
    answer = approved.body;
  }
  const body = JSON.stringify(answer);
  if (isOpenAmount && input.amount !== null) {
    request.amount = input.amount;
    request.currency = input.currency;
  }
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
  const finished = requestOfTokens(sim, account, tokens.sessionTokens);
  // Before anything else, because an inline store would be onboarded; what was decided already is told again.
  if (finished === null || finished.final === null) requireEnabledProduct(account);
  const input = parseAuthorize(sim, account, raw);
  requirePaymentAccount(sim, account, input.body.acquiring_config);
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
  if (forced === "decline") return declined(input, "high_risk");
  if (forced === "approve") return approve(sim, account, input, null).body;
  if (forced === "step_up" && input.body.step_up_config !== undefined) return stepUp(sim, account, input, null);
  const trigger = input.amount === null ? null : triggerOf(sim, account, input.amount);
  if (trigger === "01") return declined(input, "high_risk");
  if (trigger === "02") return approve(sim, account, input, null).body;
  if (tokens.customerToken !== undefined && input.amount !== null) {
    return charge(sim, account, input, input.amount, tokens.customerToken);
  }
  const customer = input.body.supplementary_purchase_data?.customer;
  const reason = rejectReasonOf(customer?.email, customer?.phone);
  const mayEnter = switchOf(sim, account, "denied_person") === "in_journey" && input.body.step_up_config !== undefined;
  if (reason !== null && !mayEnter) return declined(input, reason);
  if ((input.amount ?? 0) > switchOf(sim, account, "amount_max")) return declined(input, "credit_limit_exceeded");
  // A saved customer always takes the customer's consent, and consent takes a journey.
  if (input.body.step_up_config !== undefined) return stepUp(sim, account, input, null, { isDenied: reason !== null });
  return declined(input, "could_not_establish_identity");
}

/** Charges a saved customer: with the customer there, who can be asked, or without, who cannot. */
function charge(
  sim: Simulator,
  account: Account,
  input: Parsed,
  amount: number,
  value: string,
): Record<string, unknown> {
  const data = input.body.supplementary_purchase_data;
  const hasSubscription = (data?.subscriptions?.length ?? 0) > 0;
  const scopes = sim.state.customerTokens.get(value)?.scopes ?? [];
  const isPresent =
    input.body.step_up_config !== undefined ||
    data?.ondemand_service !== undefined ||
    (!hasSubscription && scopes.includes("payment:customer_present"));
  if (!isPresent && !hasSubscription && scopes.includes("payment:customer_not_present")) {
    throw invalid("supplementary_purchase_data.subscriptions", "is required for payment:customer_not_present");
  }
  const usable = usableToken(sim, account, value, isPresent ? "present" : "not_present");
  if ("refusal" in usable) return declined(input, usable.refusal);
  const { token } = usable;
  if (token.persona === "denied") return declined(input, "denied");
  if (amount > switchOf(sim, account, "amount_max")) return declined(input, "credit_limit_exceeded");
  if (!isPresent) return approve(sim, account, input, null).body;
  if (amount <= switchOf(sim, account, "token_charge_limit") && input.tokenRequest === null) {
    return approve(sim, account, input, null).body;
  }
  if (input.body.step_up_config === undefined) return declined(input, "credit_limit_exceeded");
  return stepUp(sim, account, input, null, { charged: token });
}
