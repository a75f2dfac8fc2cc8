/**
 * One catalogue of everything that can go wrong and is told to a caller. A code has one meaning for ever.
 * `status` is the HTTP status, `title` the sentence that never changes, `retryable` tells whether the same request
 * may succeed later.
 */
export const ERROR_CATALOGUE = {
  // 400: shape
  request_malformed: { status: 400, retryable: false, title: "The request is malformed." },
  validation_failed: { status: 400, retryable: false, title: "One or more fields are not valid." },
  idempotency_key_required: { status: 400, retryable: false, title: "The Idempotency-Key header is required." },
  amount_invalid: { status: 400, retryable: false, title: "The amount is not a whole number of minor units." },
  // 401 / 403
  key_missing: { status: 401, retryable: false, title: "No API key was sent." },
  key_invalid: { status: 401, retryable: false, title: "The API key is wrong, expired or revoked." },
  session_required: { status: 401, retryable: false, title: "Sign in to go on." },
  scope_missing: { status: 403, retryable: false, title: "The API key does not have the scope that this call needs." },
  address_not_allowed: { status: 403, retryable: false, title: "This address may not use the API key." },
  permission_denied: { status: 403, retryable: false, title: "You may not do this." },
  confirmation_required: { status: 403, retryable: false, title: "Confirm first that it is you." },
  code_wrong: { status: 403, retryable: false, title: "The code is wrong, used or too old." },
  passkey_refused: { status: 403, retryable: false, title: "The passkey was not accepted." },
  origin_refused: { status: 403, retryable: false, title: "The request came from another site." },
  // 404
  not_found: { status: 404, retryable: false, title: "There is no such thing." },
  payment_not_found: { status: 404, retryable: false, title: "There is no such payment." },
  store_not_found: { status: 404, retryable: false, title: "There is no such store." },
  terminal_not_found: { status: 404, retryable: false, title: "There is no such terminal." },
  simulator_required: { status: 404, retryable: false, title: "Test calls need the simulator." },
  method_not_allowed: { status: 405, retryable: false, title: "This method is not served here." },
  not_acceptable: { status: 406, retryable: false, title: "The answer does not exist in a form that was asked for." },
  // 409: state
  state_conflict: { status: 409, retryable: false, title: "The state of the thing does not allow this." },
  payment_not_cancelable: { status: 409, retryable: false, title: "The payment can no longer be canceled." },
  payment_not_refundable: { status: 409, retryable: false, title: "The payment has nothing that can be refunded." },
  payment_not_capturable: { status: 409, retryable: false, title: "The payment has nothing that can be captured." },
  payment_not_updatable: { status: 409, retryable: false, title: "The payment can no longer be changed." },
  payment_not_reauthorizable: { status: 409, retryable: false, title: "The authorization cannot be renewed." },
  operation_limit_reached: {
    status: 409,
    retryable: false,
    title: "Klarna takes no more operations of this kind on the payment.",
  },
  payment_not_voidable: { status: 409, retryable: false, title: "The payment has nothing that can be released." },
  store_details_differ: { status: 409, retryable: false, title: "A store with this reference has another address." },
  approval_required: { status: 409, retryable: false, title: "A second person must approve this first." },
  approval_refused: { status: 409, retryable: false, title: "The approval does not cover this, or was used before." },
  reference_taken: { status: 409, retryable: false, title: "The reference is already used." },
  email_taken: { status: 409, retryable: false, title: "Somebody has this e-mail address already." },
  role_in_use: { status: 409, retryable: false, title: "People have this role." },
  last_admin: { status: 409, retryable: false, title: "The last acquirer admin stays." },
  session_token_used: { status: 409, retryable: false, title: "The session token has already made a payment." },
  idempotency_in_progress: { status: 409, retryable: true, title: "The first call with this key is still running." },
  link_invalid: { status: 410, retryable: false, title: "The link was used already, or is too old." },
  gone: { status: 410, retryable: false, title: "This is no longer available." },
  // 413 / 415
  body_too_large: { status: 413, retryable: false, title: "The body is larger than 256 KiB." },
  content_type_unsupported: { status: 415, retryable: false, title: "Send the body as application/json." },
  // 422: rules
  rule_broken: { status: 422, retryable: false, title: "The request breaks a rule." },
  idempotency_key_reused: { status: 422, retryable: false, title: "The Idempotency-Key was used with another body." },
  currency_unknown: { status: 422, retryable: false, title: "The currency is not known." },
  currency_not_supported: { status: 422, retryable: false, title: "Klarna does not take payments in this currency." },
  currency_mismatch: { status: 422, retryable: false, title: "The currencies differ." },
  amount_mismatch: { status: 422, retryable: false, title: "The line items do not add up to the amount." },
  refund_exceeds_captured: {
    status: 422,
    retryable: false,
    title: "The refund is larger than what is left to refund.",
  },
  refund_needs_capture: { status: 422, retryable: false, title: "Name the capture that is to be refunded." },
  capture_exceeds_authorized: {
    status: 422,
    retryable: false,
    title: "The capture is larger than what is left to capture.",
  },
  launch_not_available: {
    status: 422,
    retryable: false,
    title: "This way of launching the payment is not available here.",
  },
  partner_not_operational: {
    status: 422,
    retryable: false,
    title: "The Partner cannot take payments with Klarna now.",
  },
  url_not_allowed: { status: 422, retryable: false, title: "This address cannot receive webhooks." },
  role_exceeds_own: { status: 422, retryable: false, title: "Nobody can grant more than they hold." },
  // 429 / 5xx
  rate_limited: { status: 429, retryable: true, title: "Too many requests." },
  internal_error: { status: 500, retryable: true, title: "Something went wrong on our side." },
  klarna_unavailable: { status: 503, retryable: true, title: "Klarna cannot be reached. Nothing was sent." },
  overloaded: { status: 503, retryable: true, title: "Too many requests wait already. Nothing was done." },
  unavailable: { status: 503, retryable: true, title: "The service is not ready." },
} as const satisfies Record<string, { status: number; retryable: boolean; title: string }>;

export type ErrorCode = keyof typeof ERROR_CATALOGUE;
export type ErrorParams = Readonly<Record<string, string | number | boolean | null>>;
/** `pointer` is a JSON pointer into the request body. */
export type FieldError = { pointer: string; detail: string };

/**
 * An error with a code of the catalogue. `detail` is for the caller, `cause` for the log only.
 * `errors` names the fields, `retryAfterSeconds` goes into the Retry-After header.
 */
export class AppError extends Error {
  override readonly name = "AppError";
  readonly code: ErrorCode;
  readonly params: ErrorParams;
  readonly detail: string;
  readonly errors: readonly FieldError[];
  readonly retryAfterSeconds: number | null;

  constructor(
    code: ErrorCode,
    options: {
      detail?: string;
      params?: ErrorParams;
      errors?: readonly FieldError[];
      retryAfterSeconds?: number;
      cause?: unknown;
    } = {},
  ) {
    super(`${code}: ${options.detail ?? ERROR_CATALOGUE[code].title}`, { cause: options.cause });
    this.code = code;
    this.params = options.params ?? {};
    this.detail = options.detail ?? ERROR_CATALOGUE[code].title;
    this.errors = options.errors ?? [];
    this.retryAfterSeconds = options.retryAfterSeconds ?? null;
  }

  get status(): number {
    return ERROR_CATALOGUE[this.code].status;
  }

  get retryable(): boolean {
    return ERROR_CATALOGUE[this.code].retryable;
  }
}

export function isAppError(error: unknown): error is AppError {
  return error instanceof AppError;
}
