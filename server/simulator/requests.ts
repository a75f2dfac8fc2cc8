import { z } from "zod";
import { issueCustomerToken, parseTokenRequest, usableToken } from "./customer-tokens";
import { invalid, SimulatedError } from "./errors";
import { iso, newPaymentToken, newRequestId, newSessionToken, uuidOf } from "./ids";
import { requireEnabledProduct } from "./management/products";
import { countryOfCurrency, currencyOfCountry, isCurrencyTaken } from "./markets";
import {
  type Account,
  type LineItem,
  LineItemSchema,
  type PaymentRequest,
  REQUEST_EXPIRY_MS,
  type RequestState,
} from "./model";
import { customerProfileOf, shippingOf } from "./profiles";
import { type Facts, nowFor, type Simulator, switchOf } from "./simulator";

/** Payment requests: the object, its state table, and everything that can happen to it except the final authorization. */

const NEXT_STATES: Record<RequestState, readonly RequestState[]> = {
  SUBMITTED: ["IN_PROGRESS", "EXPIRED", "CANCELED"],
  IN_PROGRESS: ["SUBMITTED", "COMPLETED", "EXPIRED", "CANCELED", "DECLINED"],
  COMPLETED: ["CANCELED"],
  EXPIRED: [],
  CANCELED: [],
  DECLINED: [],
};

const EVENT_OF_STATE: Record<RequestState, string> = {
  SUBMITTED: "payment.request.state-change.submitted",
  IN_PROGRESS: "payment.request.state-change.in-progress",
  COMPLETED: "payment.request.state-change.completed",
  EXPIRED: "payment.request.state-change.expired",
  CANCELED: "payment.request.state-change.canceled",
  DECLINED: "payment.request.state-change.declined",
};

export function isOpen(request: PaymentRequest): boolean {
  return request.state === "SUBMITTED" || request.state === "IN_PROGRESS";
}

export function factsOfRequest(request: PaymentRequest): Facts {
  return {
    payment_request_id: request.payment_request_id,
    payment_request_reference: request.payment_request_reference ?? undefined,
    payment_transaction_reference: request.payment_transaction_reference ?? undefined,
    purchase_reference: request.purchase_reference ?? undefined,
    amount: request.is_token_only ? undefined : request.amount,
  };
}

export type NewRequest = Pick<
  PaymentRequest,
  | "payment_request_reference"
  | "amount"
  | "currency"
  | "method"
  | "return_url"
  | "purchase_reference"
  | "payment_transaction_reference"
  | "store"
  | "terminal_reference"
  | "line_items"
> &
  Partial<
    Pick<
      PaymentRequest,
      | "customer_token_request"
      | "is_token_only"
      | "is_denied_person"
      | "charged_token"
      | "collect_customer_profile"
      | "has_shipping_config"
      | "is_express"
    >
  >;

function newRequest(sim: Simulator, account: Account, input: NewRequest): PaymentRequest {
  const now = nowFor(sim, account);
  const names = switchOf(sim, account, "names");
  return {
    customer_token_request: null,
    is_token_only: false,
    is_denied_person: false,
    charged_token: null,
    collect_customer_profile: [],
    has_shipping_config: false,
    is_express: false,
    ...input,
    payment_request_id: newRequestId(),
    account_id: account.account_id,
    country: countryOfCurrency(input.currency, account.country),
    state: "SUBMITTED",
    previous_state: null,
    state_reason: null,
    created_at: now,
    updated_at: now,
    expires_at: now + (switchOf(sim, account, "request_expiry_ms") ?? REQUEST_EXPIRY_MS[names]),
    completed_at: null,
    session_token: null,
    payment_token: null,
    final: null,
    journey: null,
    customer_token: null,
    is_open_amount: false,
  };
}

export function createRequest(sim: Simulator, account: Account, input: NewRequest): PaymentRequest {
  const request = newRequest(sim, account, input);
  sim.state.requests.put(request);
  emitRequestEvent(sim, account, request);
  return request;
}

function complete(sim: Simulator, account: Account, request: PaymentRequest): void {
  request.completed_at = nowFor(sim, account);
  request.session_token = newSessionToken();
  request.payment_token = newPaymentToken();
  sim.tokens.set(request.session_token, request.payment_request_id);
  sim.tokens.set(request.payment_token, request.payment_request_id);
  if (request.customer_token_request === null) return;
  request.customer_token = issueCustomerToken(sim, account, {
    ...request.customer_token_request,
    country: request.country,
    phone: request.journey?.phone ?? null,
    payment_request_id: request.payment_request_id,
  }).customer_token;
}

/** A session of Express checkout as the customer left it, without the events of a real one. */
export function createCompletedRequest(
  sim: Simulator,
  account: Account,
  input: { amount: number | null; currency: string | null },
): PaymentRequest {
  const currency = input.currency ?? currencyOfCountry(account.country);
  const request: PaymentRequest = {
    ...newRequest(sim, account, {
      payment_request_reference: null,
      amount: input.amount ?? 0,
      currency,
      method: "HANDOVER",
      return_url: null,
      purchase_reference: null,
      payment_transaction_reference: null,
      store: null,
      terminal_reference: null,
      line_items: [],
      is_express: true,
    }),
    state: "COMPLETED",
    previous_state: "IN_PROGRESS",
    is_open_amount: input.amount === null,
  };
  complete(sim, account, request);
  sim.state.requests.put(request);
  return request;
}

function tokenFields(sim: Simulator, account: Account, request: PaymentRequest): Record<string, string> {
  const names = switchOf(sim, account, "names");
  return {
    ...(names !== "legacy" && request.session_token !== null
      ? { klarna_network_session_token: request.session_token }
      : {}),
    ...(names !== "current" && request.payment_token !== null ? { payment_token: request.payment_token } : {}),
  };
}

/** What a finished journey says: the proof, and who the customer is as far as that was asked for. */
function completedFields(sim: Simulator, account: Account, request: PaymentRequest): Record<string, unknown> {
  const profile = customerProfileOf(request);
  const shipping = shippingOf(request);
  const hasCustomer = profile !== null || request.customer_token !== null;
  return {
    ...tokenFields(sim, account, request),
    ...(hasCustomer
      ? {
          klarna_customer: {
            ...(profile === null ? {} : { customer_profile: profile }),
            ...(request.customer_token === null ? {} : { customer_token: request.customer_token }),
          },
        }
      : {}),
    ...(shipping === null ? {} : { shipping }),
  };
}

function amountFields(request: PaymentRequest): Record<string, unknown> {
  return request.is_token_only
    ? { currency: request.currency }
    : { amount: request.amount, currency: request.currency };
}

function emitRequestEvent(sim: Simulator, account: Account, request: PaymentRequest): void {
  const place = switchOf(sim, account, "token_place");
  const tokens = request.state === "COMPLETED" ? completedFields(sim, account, request) : {};
  sim.emit({
    account,
    type: EVENT_OF_STATE[request.state],
    subjectId: request.payment_request_id,
    facts: factsOfRequest(request),
    payload: {
      payment_request_id: request.payment_request_id,
      ...(request.payment_request_reference === null
        ? {}
        : { payment_request_reference: request.payment_request_reference }),
      ...amountFields(request),
      state: request.state,
      ...(request.previous_state === null ? {} : { previous_state: request.previous_state }),
      ...(request.state_reason === null ? {} : { state_reason: request.state_reason }),
      expires_at: iso(request.expires_at),
      ...(place === "state_context" ? {} : tokens),
      ...(request.state === "COMPLETED" && place !== "top" ? { state_context: tokens } : {}),
    },
  });
}

/** Moves a request along the state table and queues the event. Throws 403 where the table has no such step. */
export function moveRequest(
  sim: Simulator,
  account: Account,
  request: PaymentRequest,
  to: RequestState,
  reason: string | null = null,
): void {
  if (!NEXT_STATES[request.state].includes(to)) {
    throw new SimulatedError("OPERATION_FORBIDDEN", `The payment request is ${request.state} and cannot become ${to}.`);
  }
  const now = nowFor(sim, account);
  request.previous_state = request.state;
  request.state = to;
  request.state_reason = reason;
  request.updated_at = now;
  if (to === "COMPLETED") complete(sim, account, request);
  sim.state.requests.put(request);
  emitRequestEvent(sim, account, request);
}

/** Expires a request whose time has come; returns it for chaining. */
export function touchRequest(sim: Simulator, account: Account, request: PaymentRequest): PaymentRequest {
  if (isOpen(request) && nowFor(sim, account) >= request.expires_at) moveRequest(sim, account, request, "EXPIRED");
  return request;
}

export function getRequest(sim: Simulator, account: Account, requestId: string): PaymentRequest {
  const request = sim.state.requests.get(requestId);
  if (request === undefined || request.account_id !== account.account_id) {
    throw new SimulatedError("RESOURCE_NOT_FOUND", "The payment request does not exist.");
  }
  return touchRequest(sim, account, request);
}

export function journeyUrl(sim: Simulator, request: PaymentRequest): string {
  return `${sim.publicUrl()}/eu/requests/${uuidOf(request.payment_request_id)}/start`;
}

function interactionView(sim: Simulator, request: PaymentRequest): Record<string, unknown> {
  const url = journeyUrl(sim, request);
  return {
    method: request.method,
    payment_request_id: request.payment_request_id,
    payment_request_url: url,
    ...(request.method === "QR_CODE"
      ? { qr_code: { image_url: `${sim.publicUrl()}/qr/${uuidOf(request.payment_request_id)}.png`, target_url: url } }
      : {}),
  };
}

export function requestView(sim: Simulator, account: Account, request: PaymentRequest): Record<string, unknown> {
  const showsToken = request.state === "COMPLETED" && switchOf(sim, account, "read_shows_token");
  return {
    payment_request_id: request.payment_request_id,
    ...(request.payment_request_reference === null
      ? {}
      : { payment_request_reference: request.payment_request_reference }),
    ...amountFields(request),
    state: request.state,
    ...(request.previous_state === null ? {} : { previous_state: request.previous_state }),
    ...(request.state_reason === null ? {} : { state_reason: request.state_reason }),
    created_at: iso(request.created_at),
    updated_at: iso(request.updated_at),
    expires_at: iso(request.expires_at),
    customer_interaction_config: {
      method: request.method,
      ...(request.return_url === null ? {} : { return_url: request.return_url }),
    },
    state_context: isOpen(request)
      ? { customer_interaction: interactionView(sim, request) }
      : showsToken
        ? completedFields(sim, account, request)
        : {},
  };
}

/** Cancels for the Partner: while open, and after COMPLETED as long as no final authorization has run. */
export function cancelRequest(sim: Simulator, account: Account, request: PaymentRequest): void {
  if (request.final !== null) {
    throw new SimulatedError("OPERATION_FORBIDDEN", "The payment request has been authorized and cannot be cancelled.");
  }
  moveRequest(sim, account, request, "CANCELED", "PARTNER_CANCELED");
}

const ReferenceSchema = z.string().min(1).max(255);

const AmountSchema = z.int().min(1).max(2_147_483_647);

const CreateBodySchema = z.looseObject({
  currency: z.string().regex(/^[A-Za-z]{3}$/),
  amount: AmountSchema.optional(),
  payment_request_reference: ReferenceSchema.optional(),
  customer_interaction_config: z
    .looseObject({ method: z.string().optional(), return_url: z.string().max(2048).optional() })
    .optional(),
  supplementary_purchase_data: z
    .looseObject({
      purchase_reference: ReferenceSchema.optional(),
      line_items: z.array(LineItemSchema).max(1000).optional(),
      ondemand_service: z.looseObject({}).optional(),
      subscriptions: z.array(z.looseObject({})).optional(),
    })
    .optional(),
  request_customer_token: z.unknown().optional(),
  collect_customer_profile: z.array(z.string().startsWith("profile:")).optional(),
  shipping_config: z
    .looseObject({ mode: z.string().optional(), supported_countries: z.array(z.string()).optional() })
    .optional(),
});

export function parseMethod(raw: string | undefined, parameter: string): PaymentRequest["method"] {
  switch ((raw ?? "HANDOVER").toUpperCase()) {
    case "QR_CODE":
      return "QR_CODE";
    case "HANDOVER":
    case "SERVER_REDIRECT":
      return "HANDOVER";
    default:
      throw invalid(parameter, "must be HANDOVER or QR_CODE");
  }
}

export function parseCurrency(raw: string): string {
  const currency = raw.toUpperCase();
  if (!isCurrencyTaken(currency)) throw invalid("currency", "is not supported");
  return currency;
}

/** Turns zod's issues into Klarna's `validation_errors`. */
export function parseBody<S extends z.ZodType>(schema: S, body: unknown): z.infer<S> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new SimulatedError(
    "VALIDATION_ERROR",
    undefined,
    parsed.error.issues.slice(0, 50).map((issue) => ({
      parameter: issue.path.map(String).join(".").slice(0, 256),
      reason: issue.message.slice(0, 512),
    })),
  );
}

/** Refuses line items that do not add up to the amount. */
export function checkLineItems(items: LineItem[] | undefined, amount: number, parameter: string): void {
  if (items === undefined || items.length === 0) return;
  const sum = items.reduce((total, item) => total + item.total_amount, 0);
  if (sum !== amount) throw invalid(parameter, `must equal the sum of the line items, which is ${sum}`);
}

/** Creates a request without the authorize call; for a saved customer it is COMPLETED at once. */
export function createRequestFromBody(
  sim: Simulator,
  account: Account,
  body: unknown,
  customerToken: string | undefined,
): PaymentRequest {
  requireEnabledProduct(account);
  const input = parseBody(CreateBodySchema, body);
  const data = input.supplementary_purchase_data;
  const asked = input.request_customer_token;
  const tokenRequest = asked === undefined ? null : parseTokenRequest(asked, data);
  if (input.amount === undefined && tokenRequest === null) throw invalid("amount", "is required");
  if (input.amount !== undefined) checkLineItems(data?.line_items, input.amount, "amount");
  const request = createRequest(sim, account, {
    payment_request_reference: input.payment_request_reference ?? null,
    amount: input.amount ?? 0,
    currency: parseCurrency(input.currency),
    method: parseMethod(input.customer_interaction_config?.method, "customer_interaction_config.method"),
    return_url: input.customer_interaction_config?.return_url ?? null,
    purchase_reference: data?.purchase_reference ?? null,
    payment_transaction_reference: null,
    store: null,
    terminal_reference: null,
    line_items: data?.line_items ?? [],
    customer_token_request: tokenRequest,
    is_token_only: input.amount === undefined,
    collect_customer_profile: input.collect_customer_profile ?? [],
    has_shipping_config: input.shipping_config !== undefined,
    is_express: true,
  });
  if (customerToken === undefined) return request;
  const usable = usableToken(sim, account, customerToken, "present");
  if ("token" in usable && request.amount <= switchOf(sim, account, "token_charge_limit")) {
    request.charged_token = customerToken;
    moveRequest(sim, account, request, "IN_PROGRESS");
    moveRequest(sim, account, request, "COMPLETED");
  }
  return request;
}

const UpdateBodySchema = z.looseObject({
  amount: AmountSchema.optional(),
  currency: z.string().optional(),
  payment_request_reference: ReferenceSchema.optional(),
  customer_interaction_config: z.looseObject({ return_url: z.string().max(2048).optional() }).optional(),
  supplementary_purchase_data: z
    .looseObject({
      purchase_reference: ReferenceSchema.optional(),
      line_items: z.array(LineItemSchema).max(1000).optional(),
    })
    .optional(),
});

/** Changes a request that the customer has not entered yet. */
export function updateRequest(sim: Simulator, account: Account, request: PaymentRequest, body: unknown): void {
  const input = parseBody(UpdateBodySchema, body);
  if (request.state !== "SUBMITTED") {
    throw new SimulatedError("OPERATION_FORBIDDEN", `The payment request is ${request.state} and cannot be changed.`);
  }
  if (input.currency !== undefined && parseCurrency(input.currency) !== request.currency) {
    throw invalid("currency", "cannot be changed");
  }
  const data = input.supplementary_purchase_data;
  const amount = input.amount ?? request.amount;
  const items = data?.line_items ?? (input.amount === undefined ? request.line_items : undefined);
  checkLineItems(items, amount, "amount");
  // Items that belong to another amount would tell the customer something wrong.
  request.line_items = items ?? (amount === request.amount ? request.line_items : []);
  request.amount = amount;
  request.payment_request_reference = input.payment_request_reference ?? request.payment_request_reference;
  request.purchase_reference = data?.purchase_reference ?? request.purchase_reference;
  request.return_url = input.customer_interaction_config?.return_url ?? request.return_url;
  request.updated_at = nowFor(sim, account);
  sim.state.requests.put(request);
}
