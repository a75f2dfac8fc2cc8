import { z } from "zod";
import { invalid, SimulatedError } from "./errors";
import { iso, newPaymentToken, newRequestId, newSessionToken, uuidOf } from "./ids";
import { CURRENCIES, countryOfCurrency } from "./markets";
import type { Account, PaymentRequest, RequestState } from "./model";
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
    amount: request.amount,
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
>;

export function createRequest(sim: Simulator, account: Account, input: NewRequest): PaymentRequest {
  const now = nowFor(sim, account);
  const request: PaymentRequest = {
    ...input,
    payment_request_id: newRequestId(),
    account_id: account.account_id,
    country: countryOfCurrency(input.currency, account.country),
    state: "SUBMITTED",
    previous_state: null,
    state_reason: null,
    created_at: now,
    updated_at: now,
    expires_at: now + switchOf(sim, account, "request_expiry_ms"),
    completed_at: null,
    session_token: null,
    payment_token: null,
    final: null,
    journey: null,
  };
  sim.state.requests.put(request);
  emitRequestEvent(sim, account, request);
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

function emitRequestEvent(sim: Simulator, account: Account, request: PaymentRequest): void {
  const place = switchOf(sim, account, "token_place");
  const tokens = request.state === "COMPLETED" ? tokenFields(sim, account, request) : {};
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
      amount: request.amount,
      currency: request.currency,
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
  if (to === "COMPLETED") {
    request.completed_at = now;
    request.session_token = newSessionToken();
    request.payment_token = newPaymentToken();
    sim.tokens.set(request.session_token, request.payment_request_id);
    sim.tokens.set(request.payment_token, request.payment_request_id);
  }
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
    amount: request.amount,
    currency: request.currency,
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
        ? tokenFields(sim, account, request)
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

const CreateBodySchema = z.looseObject({
  currency: z.string().regex(/^[A-Za-z]{3}$/),
  amount: z.int().min(1).max(2_147_483_647),
  payment_request_reference: ReferenceSchema.optional(),
  customer_interaction_config: z
    .looseObject({ method: z.string().optional(), return_url: z.string().optional() })
    .optional(),
  supplementary_purchase_data: z.looseObject({ purchase_reference: ReferenceSchema.optional() }).optional(),
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
  if (!CURRENCIES.includes(currency)) throw invalid("currency", "is not supported");
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

/** Creates a request without the authorize call. */
export function createRequestFromBody(sim: Simulator, account: Account, body: unknown): PaymentRequest {
  const input = parseBody(CreateBodySchema, body);
  return createRequest(sim, account, {
    payment_request_reference: input.payment_request_reference ?? null,
    amount: input.amount,
    currency: parseCurrency(input.currency),
    method: parseMethod(input.customer_interaction_config?.method, "customer_interaction_config.method"),
    return_url: input.customer_interaction_config?.return_url ?? null,
    purchase_reference: input.supplementary_purchase_data?.purchase_reference ?? null,
    payment_transaction_reference: null,
    store: null,
    terminal_reference: null,
    line_items: [],
  });
}

const UpdateBodySchema = z.looseObject({
  amount: z.int().min(1).max(2_147_483_647).optional(),
  payment_request_reference: ReferenceSchema.optional(),
});

/** Changes a request that the customer has not entered yet. */
export function updateRequest(sim: Simulator, account: Account, request: PaymentRequest, body: unknown): void {
  const input = parseBody(UpdateBodySchema, body);
  if (request.state !== "SUBMITTED") {
    throw new SimulatedError("OPERATION_FORBIDDEN", `The payment request is ${request.state} and cannot be changed.`);
  }
  request.amount = input.amount ?? request.amount;
  request.payment_request_reference = input.payment_request_reference ?? request.payment_request_reference;
  request.updated_at = nowFor(sim, account);
  sim.state.requests.put(request);
}
