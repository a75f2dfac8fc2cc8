import { newUuid } from "./ids";

/** What went wrong, in Klarna's error vocabulary. Thrown by operations, turned into the envelope at the edge. */

export type ValidationError = { parameter: string; reason: string };

type ErrorKind = { status: number; type: string; message: string };

const KINDS = {
  VALIDATION_ERROR: {
    status: 400,
    type: "INPUT_ERROR",
    message: "One or more parameters are not valid.",
  },
  INVALID_CONTENT_TYPE: {
    status: 400,
    type: "INPUT_ERROR",
    message: "The content type must be application/json.",
  },
  UNAUTHORIZED: {
    status: 401,
    type: "ACCESS_ERROR",
    message: "The API key is missing or not valid.",
  },
  OPERATION_FORBIDDEN: {
    status: 403,
    type: "RESOURCE_ERROR",
    message: "The operation is not allowed.",
  },
  RESOURCE_NOT_FOUND: {
    status: 404,
    type: "RESOURCE_ERROR",
    message: "The resource does not exist.",
  },
  NOT_FOUND: {
    status: 404,
    type: "RESOURCE_ERROR",
    message: "There is no such operation.",
  },
  RESOURCE_CONFLICT: {
    status: 409,
    type: "RESOURCE_ERROR",
    message: "The request conflicts with another one.",
  },
  RESOURCE_GONE: { status: 410, type: "RESOURCE_ERROR", message: "The resource is no longer there." },
  REQUEST_TOO_LARGE: {
    status: 413,
    type: "INPUT_ERROR",
    message: "The request is too large.",
  },
  RATE_LIMITED: {
    status: 429,
    type: "ACCESS_ERROR",
    message: "Too many requests. Please try again later.",
  },
  INTERNAL_ERROR: {
    status: 500,
    type: "TECHNICAL_ERROR",
    message: "Something went wrong on our side.",
  },
  TIMEOUT: {
    status: 500,
    type: "TECHNICAL_ERROR",
    message: "The request took too long.",
  },
  TEMPORARY_UNAVAILABLE: {
    status: 503,
    type: "TECHNICAL_ERROR",
    message: "The service is temporarily unavailable.",
  },
} satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof KINDS;

export class SimulatedError extends Error {
  readonly code: ErrorCode;
  readonly validationErrors: ValidationError[];

  constructor(code: ErrorCode, message?: string, validationErrors: ValidationError[] = []) {
    super(message ?? KINDS[code].message);
    this.code = code;
    this.validationErrors = validationErrors;
  }

  get status(): number {
    return KINDS[this.code].status;
  }
}

/** A validation error for one parameter. */
export function invalid(parameter: string, reason: string): SimulatedError {
  return new SimulatedError("VALIDATION_ERROR", undefined, [{ parameter, reason }]);
}

/** The error envelope; `error_type` belongs to the older pages only. */
export function errorBody(error: SimulatedError, withType: boolean): string {
  return JSON.stringify({
    error_id: newUuid(),
    ...(withType ? { error_type: KINDS[error.code].type } : {}),
    error_code: error.code,
    error_message: error.message,
    doc_url: "https://docs.klarna.com/",
    ...(error.validationErrors.length > 0 ? { validation_errors: error.validationErrors } : {}),
  });
}
