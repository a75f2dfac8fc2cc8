import { z } from "zod";
import type { VerifiedKey } from "@/server/auth/api-key-verifier";
import type { AcquirerScope, ApiScope } from "@/server/auth/permissions";
import type { ServiceContext, Services } from "@/server/context";
import type { ErrorCode } from "@/server/core/errors";
import type { RestRequest } from "./http";

export type Method = "GET" | "POST" | "PATCH" | "DELETE";

/** What a handler says: a thing as JSON, bytes of another kind, or a stream of text. */
export type Answer = {
  status: number;
  json?: unknown;
  bytes?: { type: string; body: string | Uint8Array };
  stream?: AsyncIterable<string>;
  headers?: Readonly<Record<string, string>>;
};

/**
 * What an answer is: JSON of a schema, or bytes of these kinds. Each message of an event stream is the named component of
 * the document, as JSON.
 */
export type DeclaredAnswer = {
  description: string;
  schema?: z.ZodType;
  content?: string | readonly string[];
  message?: string;
};

/**
 * Who may call: anybody, the holder of a Partner's key, or also a browser with the cookie of one payment's display (see
 * display.ts), or the holder of one of the acquirer's own keys.
 */
export type Access = "public" | "key" | "key_or_display" | "acquirer_key";

export type Call<P, Q, B> = {
  readonly services: Services;
  readonly ctx: ServiceContext;
  /** Null for a display, which has no key. */
  readonly key: VerifiedKey | null;
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly request: RestRequest;
  /** Whether the caller may still go on: asked again and again by long answers. Throws like the first check. */
  readonly recheck: () => Promise<void>;
};

type Spec<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodObject, T> = {
  method: Method;
  /** With `{name}` for each parameter. */
  path: string;
  /** Name of the operation in the document and in the metrics. */
  operation: string;
  summary: string;
  description?: string;
  tag: string;
  access: Access;
  /** Needed by a key. */
  scope: ApiScope | AcquirerScope | null;
  params?: P;
  query?: Q;
  /** Headers that the handler reads by itself, for the document. */
  headers?: z.ZodObject;
  body?: B;
  responses: Readonly<Record<number, DeclaredAnswer>>;
  /** Codes that this call may answer beyond those that every call may. */
  errors?: readonly ErrorCode[];
  /** What an id that cannot be one is answered with. */
  notFound?: ErrorCode;
  handle: (call: Call<z.output<P>, z.output<Q>, z.output<B>>) => Promise<T>;
  answer: (result: T) => Answer;
  /**
   * With it the Idempotency-Key header is required. Reads the thing that an earlier call made, for the answer to a
   * repeat whose first answer is not final.
   */
  reread?: (ctx: ServiceContext, resourceId: string, params: z.output<P>) => Promise<T>;
};

/** A declared endpoint with its types closed over: what router, runner and document work with. */
export type Endpoint = {
  readonly method: Method;
  readonly path: string;
  readonly operation: string;
  readonly summary: string;
  readonly description: string | null;
  readonly tag: string;
  readonly access: Access;
  readonly scope: ApiScope | AcquirerScope | null;
  readonly params: z.ZodObject;
  readonly query: z.ZodObject;
  readonly headers: z.ZodObject;
  readonly body: z.ZodObject;
  readonly hasBody: boolean;
  readonly isIdempotent: boolean;
  readonly responses: Readonly<Record<number, DeclaredAnswer>>;
  readonly errors: readonly ErrorCode[];
  readonly notFound: ErrorCode;
  readonly handle: (call: Call<unknown, unknown, unknown>) => Promise<unknown>;
  readonly answer: (result: unknown) => Answer;
  readonly reread: ((ctx: ServiceContext, resourceId: string, params: unknown) => Promise<unknown>) | null;
};

const nothing = z.strictObject({});

/**
 * Declares one endpoint: the request is parsed, the answer presented and the document written from this alone.
 * The casts close over the declared types: values that come in have passed the very schemas they are named by.
 */
export function defineEndpoint<
  T,
  P extends z.ZodObject = typeof nothing,
  Q extends z.ZodObject = typeof nothing,
  B extends z.ZodObject = typeof nothing,
>(spec: Spec<P, Q, B, T>): Endpoint {
  const reread = spec.reread;
  return {
    method: spec.method,
    path: spec.path,
    operation: spec.operation,
    summary: spec.summary,
    description: spec.description ?? null,
    tag: spec.tag,
    access: spec.access,
    scope: spec.scope,
    params: spec.params ?? nothing,
    query: spec.query ?? nothing,
    headers: spec.headers ?? nothing,
    body: spec.body ?? nothing,
    hasBody: spec.body !== undefined,
    isIdempotent: reread !== undefined,
    responses: spec.responses,
    errors: spec.errors ?? [],
    notFound: spec.notFound ?? "not_found",
    handle: (call) => spec.handle(call as Call<z.output<P>, z.output<Q>, z.output<B>>),
    answer: (result) => spec.answer(result as T),
    reread: reread ? (ctx, id, params) => reread(ctx, id, params as z.output<P>) : null,
  };
}
