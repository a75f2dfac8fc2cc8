import { z } from "zod";

/**
 * Klarna's error body, old and new form, and that of the classic interfaces. Source: error-handling pages; `error_type`
 * is absent on the newest.
 */
const KlarnaErrorBodySchema = z.looseObject({
  error_id: z.string().max(200).optional(),
  error_type: z.string().max(64).optional(),
  error_code: z.string().max(64).optional(),
  error_message: z.string().max(4096).optional(),
  /** Of the classic interfaces. */
  correlation_id: z.string().max(200).optional(),
  error_messages: z.array(z.string().max(2048)).max(100).optional(),
  validation_errors: z
    .array(z.looseObject({ parameter: z.string().max(256).optional(), reason: z.string().max(1024).optional() }))
    .max(100)
    .optional(),
  errors: z
    .array(z.looseObject({ parameter: z.string().max(256).optional(), error_message: z.string().max(2048).optional() }))
    .max(100)
    .optional(),
});

export type KlarnaError = {
  status: number;
  /** Klarna's code, or HTTP_<status> where the body said none. */
  code: string;
  /** Klarna's error_id: kept for staff and support, never told to Partners. */
  errorId: string | null;
  message: string | null;
  fields: readonly { parameter: string; reason: string }[];
};

export function readKlarnaError(status: number, body: unknown): KlarnaError {
  const parsed = KlarnaErrorBodySchema.safeParse(body);
  const data = parsed.success ? parsed.data : {};
  return {
    status,
    code: data.error_code ?? `HTTP_${status}`,
    errorId: data.error_id ?? data.correlation_id ?? null,
    message: data.error_message ?? data.error_messages?.[0] ?? null,
    fields: [
      ...(data.validation_errors ?? []).map((item) => ({ parameter: item.parameter ?? "", reason: item.reason ?? "" })),
      ...(data.errors ?? []).map((item) => ({ parameter: item.parameter ?? "", reason: item.error_message ?? "" })),
    ],
  };
}

export type HttpClass = "done" | "refused" | "again" | "unknown";

/**
 * What an HTTP status says about the effect. 2xx done; 409 and 429 are repeated with the same key; other 4xx are a
 * definite refusal; anything else is unknown and never a failure. A 403 without Klarna's body is a traffic filter in
 * front of the API and says nothing about the operation.
 */
export function classifyStatus(status: number, hasErrorBody: boolean): HttpClass {
  if (status >= 200 && status < 300) return "done";
  if (status === 409 || status === 429) return "again";
  if (status === 403 && !hasErrorBody) return "again";
  if (status === 408 || status === 425) return "again";
  if (status >= 400 && status < 500) return "refused";
  return "unknown";
}

/** Whether the body looks like Klarna's own error envelope. */
export function isKlarnaErrorBody(body: unknown): boolean {
  const parsed = KlarnaErrorBodySchema.safeParse(body);
  return parsed.success && (parsed.data.error_id !== undefined || parsed.data.error_code !== undefined);
}
