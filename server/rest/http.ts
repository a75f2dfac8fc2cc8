import { type AppError, ERROR_CATALOGUE, type ErrorCode, type FieldError } from "@/server/core/errors";

/** A request as plain data, so that the front door and the Next app serve the same endpoints. */
export type RestRequest = {
  readonly method: string;
  /** Path and query as they came, for example `/api/v1/payments?limit=2`. */
  readonly target: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Where the request came from; null when that cannot be known. */
  readonly address: string | null;
  /** The bytes of the body, at most BODY_MAX_BYTES of them; null when it was larger. */
  readonly body: Uint8Array | null;
  /** Ends when the caller has gone or the process is stopping. */
  readonly signal: AbortSignal;
};

export type RestResponse = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | AsyncIterable<string> | null;
};

export const BODY_MAX_BYTES = 262_144;

/** Headers of every answer that is data and not a page, errors included. */
export function securityHeaders(isHttps: boolean): Readonly<Record<string, string>> {
  return {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cache-control": "no-store",
    ...(isHttps ? { "strict-transport-security": "max-age=63072000; includeSubDomains" } : {}),
  };
}

export type Problem = {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: ErrorCode;
  request_id: string;
  errors?: readonly FieldError[];
};

/** The problem document of an error. The detail of a 5xx is never more than its title. */
export function toProblem(error: AppError, requestId: string, publicUrl: string): Problem {
  const entry = ERROR_CATALOGUE[error.code];
  return {
    type: `${publicUrl}/docs/errors/${error.code}`,
    title: entry.title,
    status: entry.status,
    detail: entry.status >= 500 ? entry.title : error.detail,
    code: error.code,
    request_id: requestId,
    ...(error.errors.length > 0 && entry.status < 500 ? { errors: error.errors } : {}),
  };
}

/** The path of a target, without its query. */
export function pathOf(target: string): string {
  const end = target.indexOf("?");
  return end === -1 ? target : target.slice(0, end);
}

/** One cookie of a request, null when it is not there. */
export function readCookie(header: string | undefined, name: string): string | null {
  for (const part of header?.split(";") ?? []) {
    const at = part.indexOf("=");
    if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim();
  }
  return null;
}
