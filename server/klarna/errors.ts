import { z } from "zod";
import { loose } from "./wire";

/**
 * Klarna's error body, old and new form, and that of the classic interfaces. Source: error-handling pages; `error_type`
 * is absent on the newest.
 */
const line = (max: number) => loose(z.string().transform((text) => text.slice(0, max)));
const listOf = <S extends z.ZodType>(schema: S) => loose(z.array(schema).transform((items) => items.slice(0, 100)));
/** Each member by itself: a list of another form must not turn Klarna's refusal into no answer at all. */
const KlarnaErrorBodySchema = z.looseObject({
  error_id: line(200),
  error_type: line(64),
  error_code: line(64),
  error_message: line(4096),
  /** Of the classic interfaces. */
  correlation_id: line(200),
  error_messages: listOf(z.string().transform((text) => text.slice(0, 2048))),
  validation_errors: listOf(z.looseObject({ parameter: line(256), reason: line(1024) })),
  errors: listOf(z.looseObject({ parameter: line(256), error_message: line(2048) })),
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
