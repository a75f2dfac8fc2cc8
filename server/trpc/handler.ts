import { fetchRequestHandler } from "@trpc/server/adapters/fetch";
import { cookieName, readCookie } from "@/server/auth/cookies";
import { isOwnOrigin } from "@/server/auth/origin";
import { tokenOfRequest } from "@/server/auth/session-token";
import { findSession } from "@/server/auth/sessions";
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
  return /^application\/json(?:;|$)/i.test(request.headers.get("content-type") ?? "")
    ? null
    : "content_type_unsupported";
}

/** The request with its body in hand, or null when the body is larger than we take, whatever its headers say. */
async function withBody(request: Request): Promise<Request | null> {
  if (!request.body) return request;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body) {
    size += chunk.byteLength;
    if (size > BODY_BYTES_MAX) return null;
    chunks.push(chunk);
  }
  return new Request(request.url, {
    method: request.method,
    headers: request.headers,
    body: Buffer.concat(chunks),
    signal: request.signal,
  });
}

function refuse(code: ErrorCode, requestId: string): Response {
  const { status, title } = ERROR_CATALOGUE[code];
  return Response.json(
    { code, message: title, request_id: requestId },
    { status, headers: { "cache-control": "no-store" } },
  );
}

/** Answers the dashboard's procedures. Everything it needs is in the request, so tests call it without a server. */
export async function handleTrpc(request: Request, services: Services): Promise<Response> {
  const requestId = newId("request");
  const refusal = refusalOf(request, services);
  if (refusal !== null) return refuse(refusal, requestId);
  const whole = await withBody(request);
  if (!whole) return refuse("body_too_large", requestId);
  return fetchRequestHandler({
    endpoint: TRPC_PATH,
    req: whole,
    router: appRouter,
    maxBatchSize: BATCH_MAX,
    createContext: () => contextOf(whole, services, requestId),
    responseMeta: () => ({ headers: { "cache-control": "private, no-store" } }),
  });
}
