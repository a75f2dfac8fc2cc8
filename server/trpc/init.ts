import { initTRPC, TRPCError } from "@trpc/server";
import superjson from "superjson";
import { ZodError } from "zod";
import type { Permission } from "@/server/auth/permissions";
import { actorOf, type WebSession } from "@/server/auth/sessions";
import { createContext, requirePermission, type Services } from "@/server/context";
import { isDatabaseUnavailable } from "@/server/core/database-errors";
import { AppError, ERROR_CATALOGUE, type ErrorCode, type FieldError, isAppError } from "@/server/core/errors";
import type { Mode } from "@/server/core/schema";

/** What a request brings along before anybody has checked it. */
export type TrpcContext = {
  readonly services: Services;
  readonly session: WebSession | null;
  readonly mode: Mode;
  readonly requestId: string;
  /** Whether the request came from our own pages; nothing is changed otherwise. */
  readonly isOwnOrigin: boolean;
};

/** What the client learns of an error: the code of the catalogue, the fields at fault, the request id. */
export type TrpcErrorData = {
  code: ErrorCode;
  httpStatus: number;
  retryable: boolean;
  requestId: string | null;
  errors: readonly FieldError[];
};

type TrpcCode = TRPCError["code"];

const CODE_OF_STATUS: Readonly<Record<number, TrpcCode>> = {
  400: "BAD_REQUEST",
  401: "UNAUTHORIZED",
  403: "FORBIDDEN",
  404: "NOT_FOUND",
  405: "METHOD_NOT_SUPPORTED",
  409: "CONFLICT",
  410: "NOT_FOUND",
  413: "PAYLOAD_TOO_LARGE",
  415: "UNSUPPORTED_MEDIA_TYPE",
  422: "UNPROCESSABLE_CONTENT",
  429: "TOO_MANY_REQUESTS",
  503: "SERVICE_UNAVAILABLE",
};

/** Refusals that the library makes itself, in words of our catalogue. */
const OWN_CODE: Partial<Readonly<Record<TrpcCode, ErrorCode>>> = {
  PARSE_ERROR: "request_malformed",
  BAD_REQUEST: "request_malformed",
  NOT_FOUND: "not_found",
  METHOD_NOT_SUPPORTED: "method_not_allowed",
  PAYLOAD_TOO_LARGE: "body_too_large",
  UNSUPPORTED_MEDIA_TYPE: "content_type_unsupported",
};

/** Everything that can go wrong in a procedure as an error of the catalogue; what is not known is internal_error. */
export function toAppError(error: unknown): AppError {
  if (isAppError(error)) return error;
  if (error instanceof ZodError) {
    return new AppError("validation_failed", {
      errors: error.issues.map((issue) => ({ pointer: `/${issue.path.map(String).join("/")}`, detail: issue.message })),
      cause: error,
    });
  }
  if (isDatabaseUnavailable(error)) return new AppError("unavailable", { retryAfterSeconds: 1, cause: error });
  if (!(error instanceof TRPCError)) return new AppError("internal_error", { cause: error });
  if (isAppError(error.cause) || (error.code === "BAD_REQUEST" && error.cause instanceof ZodError))
    return toAppError(error.cause);
  const own = OWN_CODE[error.code];
  return new AppError(own ?? "internal_error", { cause: error });
}

const t = initTRPC.context<TrpcContext>().create({
  transformer: superjson,
  isDev: false,
  errorFormatter: ({ shape, error, ctx }) => {
    const known = toAppError(error);
    const data: TrpcErrorData = {
      code: known.code,
      httpStatus: known.status,
      retryable: known.retryable,
      requestId: ctx?.requestId ?? null,
      errors: known.errors,
    };
    // A 5xx never tells its inner text.
    return { ...shape, message: known.status >= 500 ? ERROR_CATALOGUE[known.code].title : known.detail, data };
  },
});

/** Gives each error its status and logs those that are our fault. */
const translated = t.procedure.use(async ({ ctx, next, path }) => {
  const result = await next();
  if (result.ok) return result;
  const known = toAppError(result.error);
  if (known.status >= 500) ctx.services.log.error({ requestId: ctx.requestId, path, error: known }, "procedure failed");
  throw new TRPCError({
    code: CODE_OF_STATUS[known.status] ?? "INTERNAL_SERVER_ERROR",
    message: known.detail,
    cause: known,
  });
});

export const router = t.router;
export const createCallerFactory = t.createCallerFactory;

/**
 * A procedure for whoever is signed in. Its `ctx` is the ServiceContext that use cases take, and `ctx.session`.
 * Mutations from elsewhere than our own pages are refused. Prefer `withPermission`.
 */
export const procedure = translated.use(({ ctx, next, type }) => {
  if (type === "mutation" && !ctx.isOwnOrigin) throw new AppError("origin_refused");
  const { session } = ctx;
  if (!session) throw new AppError("session_required");
  const context = createContext(ctx.services, {
    actor: actorOf(session),
    scope: { partners: session.partners, mode: ctx.mode },
    way: "SCREEN",
    requestId: ctx.requestId,
  });
  return next({ ctx: { ...context, session } });
});

/** A procedure for those whose role holds the permission: the first word of every procedure of a router. */
export function withPermission(permission: Permission) {
  return procedure.use(({ ctx, next }) => {
    requirePermission(ctx, permission);
    return next();
  });
}
