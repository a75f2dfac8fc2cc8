import { fetchRequestHandler } from "@trpc/server/adapters/fetch";
import { cookieName, readCookie } from "@/server/auth/cookies";
import { isOwnOrigin } from "@/server/auth/origin";
import { findSession, tokenOfRequest } from "@/server/auth/sessions";
import type { Services } from "@/server/context";
import { ERROR_CATALOGUE, type ErrorCode } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { modeSchema } from "@/server/core/schema";
import type { TrpcContext } from "./init";
import { appRouter } from "./root";

export const TRPC_PATH = "/api/trpc";
const BATCH_MAX = 20;
const BODY_BYTES_MAX = 256 * 1024;

async function contextOf(request: Request, services: Services, requestId: string): Promise<TrpcContext> {
  const cookies = request.headers.get("cookie");
  const token = await tokenOfRequest(services, cookies);
  return {
    services,
    session: token === null ? null : await findSession(services, token),
    mode: modeSchema.safeParse(readCookie(cookies, cookieName(services.env, "mode"))).data ?? "test",
    requestId,
    isOwnOrigin: isOwnOrigin(request.headers, services.env),
  };
}

/** Why a request that could change something is not even looked at: a form of another site can send neither. */
function refusalOf(request: Request, services: Services): ErrorCode | null {
  if (request.method !== "POST") return null;
  if (!isOwnOrigin(request.headers, services.env)) return "origin_refused";
  if (!/^application\/json(?:;|$)/i.test(request.headers.get("content-type") ?? "")) return "content_type_unsupported";
  if (Number(request.headers.get("content-length") ?? "0") > BODY_BYTES_MAX) return "body_too_large";
  return null;
}

/** Answers the dashboard's procedures. Everything it needs is in the request, so tests call it without a server. */
export async function handleTrpc(request: Request, services: Services): Promise<Response> {
  const requestId = newId("request");
  const refusal = refusalOf(request, services);
  if (refusal !== null) {
    const { status, title } = ERROR_CATALOGUE[refusal];
    return Response.json(
      { code: refusal, message: title, request_id: requestId },
      { status, headers: { "cache-control": "no-store" } },
    );
  }
  return fetchRequestHandler({
    endpoint: TRPC_PATH,
    req: request,
    router: appRouter,
    maxBatchSize: BATCH_MAX,
    createContext: () => contextOf(request, services, requestId),
    responseMeta: () => ({ headers: { "cache-control": "private, no-store" } }),
  });
}
