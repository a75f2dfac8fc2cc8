import type { z } from "zod";
import { SimulatedError } from "../errors";

/** Errors of the classic APIs: a correlation id, a code and messages. */

export type ClassicErrorCode =
  | "BAD_REQUEST"
  | "BAD_VALUE"
  | "PERMISSION_DENIED"
  | "UNAUTHORIZED"
  | "INVALID_OPERATION"
  | "MERCHANT_INACTIVE"
  | "REJECTED"
  | "CAPTURE_NOT_ALLOWED"
  | "CANCEL_NOT_ALLOWED"
  | "REFUND_NOT_ALLOWED"
  | "NOT_ALLOWED"
  | "NOT_FOUND"
  | "SESSION_COMPLETED"
  | "NO_SUCH_ORDER"
  | "NO_SUCH_CAPTURE"
  | "CONFLICT"
  | "REQUEST_TOO_LARGE"
  | "UNPROCESSABLE_ENTITY"
  | "INVALID_ADDRESS"
  | "TOO_MANY_REQUESTS"
  | "UNKNOWN"
  | "INTERNAL_ERROR"
  | "TEMPORARILY_UNAVAILABLE";

export class ClassicError extends Error {
  readonly status: number;
  readonly code: ClassicErrorCode;
  readonly messages: string[];

  constructor(status: number, code: ClassicErrorCode, ...messages: string[]) {
    super(messages[0] ?? code);
    this.status = status;
    this.code = code;
    this.messages = messages;
  }
}

export function classicErrorBody(error: ClassicError, correlationId: string): string {
  return JSON.stringify({
    correlation_id: correlationId,
    error_code: error.code,
    error_messages: error.messages,
  });
}

/** A value that has the right form but cannot be. */
export function badValue(field: string, reason: string): ClassicError {
  return new ClassicError(400, "BAD_VALUE", `Bad value: ${field} ${reason}`);
}

/** A body of the wrong form is a bad request; each message names its field. */
export function parseClassic<S extends z.ZodType>(schema: S, body: unknown): z.infer<S> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const messages = parsed.error.issues
    .slice(0, 50)
    .map((issue) => `Bad value: ${issue.path.map(String).join(".") || "body"} ${issue.message}`);
  throw new ClassicError(400, "BAD_REQUEST", ...messages);
}

/** Runs a change of the ledger; what the ledger forbids gets the classic name of the refusal. */
export function onLedger<T>(forbidden: ClassicErrorCode, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof SimulatedError)) throw error;
    const reasons = error.validationErrors.map(({ parameter, reason }) => `${parameter} ${reason}`);
    throw new ClassicError(403, forbidden, ...(reasons.length > 0 ? reasons : [error.message]));
  }
}
