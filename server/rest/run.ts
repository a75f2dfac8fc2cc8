import { createApiKeyVerifier, type VerifiedKey } from "@/server/auth/api-key-verifier";
import { actorCan, scopePermissions } from "@/server/auth/permissions";
import { createContext, type ServiceContext, type Services, systemContext } from "@/server/context";
import { isDatabaseUnavailable } from "@/server/core/database-errors";
import { AppError, isAppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { type Exchange, exchanges, type StreamPiece, streamPieces } from "@/server/observability/exchanges";
import { restRequests } from "@/server/observability/metrics";
import { hasDisplayCookie } from "./display";
import type { Answer, Endpoint } from "./endpoint";
import { ENDPOINTS } from "./endpoints";
import { pathOf, type RestRequest, type RestResponse, securityHeaders, toProblem } from "./http";
import {
  ACQUIRER,
  findReplay,
  hashRequest,
  idempotencyIntent,
  inProgress,
  isIdempotencyConflict,
  readIdempotencyKey,
} from "./idempotency";
import { parseJsonBody } from "./json";
import { createLimiter, DEFAULT_LIMITS, type Limits, RateLimited } from "./limits";
import { createRequestLog } from "./request-log";
import { createRouter } from "./router";
import { parseWith, readQuery } from "./validation";

export type Rest = {
  /** Answers one request. Never throws: what goes wrong is a problem document. */
  handle(request: RestRequest): Promise<RestResponse>;
  /** Resolves when the request log and the last-used times are written. */
  close(): Promise<void>;
};

/** What is known of a request while it is served; the request log and the metrics are written from it. */
type Trace = {
  requestId: string;
  startedMs: number;
  endpoint: Endpoint | null;
  key: VerifiedKey | null;
  query: unknown;
  body: unknown;
  headers: Record<string, string>;
};

/** The Partner API of one process, over the declared endpoints. */
export function createRest(
  services: Services,
  options: { limits?: Limits; endpoints?: readonly Endpoint[] } = {},
): Rest {
  const route = createRouter(options.endpoints ?? ENDPOINTS);
  const keys = createApiKeyVerifier(services);
  const limit = createLimiter(options.limits ?? DEFAULT_LIMITS);
  const requestLog = createRequestLog(services);
  const isHttps = services.env.PUBLIC_URL.startsWith("https://");
  const safeHeaders = securityHeaders(isHttps);

  async function handle(request: RestRequest): Promise<RestResponse> {
    const trace: Trace = {
      requestId: newId("request"),
      startedMs: performance.now(),
      endpoint: null,
      key: null,
      query: {},
      body: null,
      headers: {},
    };
    let answer: Answer;
    let isReplay = false;
    try {
      const served = await serve(request, trace);
      answer = served.answer;
      isReplay = served.isReplay;
    } catch (error) {
      answer = problemAnswer(error, request, trace);
    }
    return finish(request, trace, answer, isReplay);
  }

  async function serve(request: RestRequest, trace: Trace): Promise<{ answer: Answer; isReplay: boolean }> {
    const path = pathOf(request.target);
    const found = route(request.method === "HEAD" ? "GET" : request.method, path);
    if (!found) throw new AppError("not_found");
    if (!("endpoint" in found)) {
      trace.headers.allow = found.allow;
      throw new AppError("method_not_allowed");
    }
    const { endpoint } = found;
    trace.endpoint = endpoint;
    const recheck = await admit(endpoint, found.params, request, trace);

    const params = endpoint.params.safeParse(found.params);
    if (!params.success) throw new AppError(endpoint.notFound);
    trace.query = readQuery(request.target);
    const query = parseWith(endpoint.query, trace.query);
    const body = readBody(endpoint, request, trace);

    const ctx = contextFor(endpoint, request, trace, path);
    const call = { services, ctx: ctx.context, key: trace.key, params: params.data, query, body, request, recheck };
    try {
      const result = await endpoint.handle(call);
      return { answer: ctx.answerOf(result), isReplay: false };
    } catch (error) {
      const replayed = await replay(error, endpoint, ctx.context, params.data);
      if (replayed) return { answer: replayed, isReplay: true };
      throw sameNotFound(endpoint, error);
    }
  }

  /** Who is it, and may it do this? Returns how to ask again later. */
  async function admit(
    endpoint: Endpoint,
    params: Readonly<Record<string, string>>,
    request: RestRequest,
    trace: Trace,
  ): Promise<() => Promise<void>> {
    if (endpoint.access === "public") return async () => undefined;
    const authorization = request.headers.authorization;
    if (
      authorization === undefined &&
      endpoint.access === "key_or_display" &&
      hasDisplayCookie(services, request, params.id ?? "")
    ) {
      return async () => undefined;
    }
    const verify = (): Promise<VerifiedKey> => keys.verify(readBearer(authorization), request.address);
    const key = await verify();
    trace.key = key;
    Object.assign(trace.headers, await limit(key.keyId, endpoint.method !== "GET"));
    const isAcquirers = key.actor.partnerId === null;
    // What is the acquirer's is not there for a Partner.
    if (endpoint.access === "acquirer_key" && !isAcquirers) throw new AppError("not_found");
    if (endpoint.access !== "acquirer_key" && isAcquirers)
      throw new AppError("scope_missing", { detail: "This call needs an API key of a Partner." });
    if (endpoint.scope !== null && !hasScope(key, endpoint.scope)) {
      throw new AppError("scope_missing", { detail: `The API key needs the scope ${endpoint.scope}.` });
    }
    return async () => {
      await verify();
    };
  }

  function readBody(endpoint: Endpoint, request: RestRequest, trace: Trace): unknown {
    if (endpoint.method === "GET" || endpoint.method === "DELETE") return {};
    if (request.body === null) throw new AppError("body_too_large");
    if (request.body.length > 0) assertJson(request.headers);
    trace.body = parseJsonBody(request.body);
    return parseWith(endpoint.body, trace.body);
  }

  function contextFor(
    endpoint: Endpoint,
    request: RestRequest,
    trace: Trace,
    path: string,
  ): { context: ServiceContext; answerOf: (result: unknown) => Answer } {
    const { key } = trace;
    if (!key)
      return {
        context: { ...systemContext(services, "display", "test"), requestId: trace.requestId },
        answerOf: endpoint.answer,
      };
    const as = { actor: key.actor, scope: key.scope, way: "API" as const, requestId: trace.requestId };
    if (!endpoint.isIdempotent) return { context: createContext(services, as), answerOf: endpoint.answer };

    // The use case stores the answer; when it hands the same object back, the answer is not made twice.
    let made: { from: unknown; answer: Answer } | null = null;
    const intent = idempotencyIntent({
      partnerId: key.actor.partnerId ?? ACQUIRER,
      mode: key.scope.mode,
      key: readIdempotencyKey(request.headers["idempotency-key"]),
      requestHash: hashRequest(request.method, path, request.body ?? new Uint8Array()),
      answer: (object) => {
        const answer = endpoint.answer(object);
        const body = answer.json === undefined ? "" : JSON.stringify(answer.json);
        made = { from: object, answer: body === "" ? answer : { ...answer, bytes: { type: JSON_TYPE, body } } };
        return { status: answer.status, body };
      },
    });
    return {
      context: createContext(services, { ...as, idempotency: intent }),
      answerOf: (result) => (made !== null && made.from === result ? made.answer : endpoint.answer(result)),
    };
  }

  /** The answer to a repeat of an earlier call; null when this was none. */
  async function replay(
    error: unknown,
    endpoint: Endpoint,
    ctx: ServiceContext,
    params: unknown,
  ): Promise<Answer | null> {
    const isConflict = isIdempotencyConflict(error);
    // A refusal may be about the very thing that the first call made ("reference_taken"): a repeat gets that thing.
    if (!ctx.idempotency || !endpoint.reread || !(isConflict || isAppError(error))) return null;
    const found = await findReplay(services, ctx.idempotency);
    if (!found) {
      if (isConflict) throw inProgress();
      return null;
    }
    if (found.kind === "stored") return storedAnswer(found);
    try {
      return endpoint.answer(await endpoint.reread(ctx, found.resourceId, params));
    } catch (failure) {
      if (found.stored && isAppError(failure) && failure.status === 404) return storedAnswer(found.stored);
      throw failure;
    }
  }

  function problemAnswer(error: unknown, request: RestRequest, trace: Trace): Answer {
    const known = isAppError(error)
      ? error
      : isDatabaseUnavailable(error)
        ? new AppError("unavailable", { retryAfterSeconds: 1, cause: error })
        : new AppError("internal_error", { cause: error });
    if (known.status >= 500) {
      const facts = {
        requestId: trace.requestId,
        method: request.method,
        path: pathOf(request.target).slice(0, 200),
        error,
      };
      // Klarna or the database away is known elsewhere; here only what we did not expect is an error.
      if (known.status === 503) services.log.warn(facts, "a request could not be served now");
      else services.log.error(facts, "a request failed");
    }
    const problem = toProblem(known, trace.requestId, services.env.PUBLIC_URL);
    const headers: Record<string, string> = { ...(known instanceof RateLimited ? known.headers : {}) };
    if (known.status === 401)
      headers["www-authenticate"] =
        `Bearer realm="Tillgate"${known.code === "key_missing" ? "" : ', error="invalid_token"'}`;
    const retryAfter = known.retryAfterSeconds ?? (known.status === 503 || known.status === 429 ? 1 : null);
    if (retryAfter !== null) headers["retry-after"] = String(retryAfter);
    return {
      status: known.status,
      json: problem,
      bytes: { type: PROBLEM_TYPE, body: JSON.stringify(problem) },
      headers,
    };
  }

  function finish(request: RestRequest, trace: Trace, answer: Answer, isReplay: boolean): RestResponse {
    const durationMs = performance.now() - trace.startedMs;
    const { endpoint, key } = trace;
    restRequests.observe(
      { endpoint: endpoint?.operation ?? "none", status: String(answer.status) },
      durationMs / 1_000,
    );
    if (key) {
      requestLog.add({
        partnerId: key.actor.partnerId ?? ACQUIRER,
        mode: key.scope.mode,
        apiKeyId: key.keyId,
        requestId: trace.requestId,
        method: request.method,
        path: pathOf(request.target),
        status: answer.status,
        durationMs,
        address: request.address,
        request: { query: trace.query, body: trace.body },
        response: answer.json ?? null,
        at: services.clock.now(),
      });
    }
    const content = answer.stream
      ? { type: "text/event-stream; charset=utf-8", body: answer.stream }
      : (answer.bytes ?? (answer.json === undefined ? null : { type: JSON_TYPE, body: JSON.stringify(answer.json) }));
    const response: RestResponse = {
      status: answer.status,
      headers: {
        ...safeHeaders,
        ...trace.headers,
        ...answer.headers,
        "request-id": trace.requestId,
        ...(isReplay ? { "idempotency-replayed": "true" } : {}),
        ...(content ? { "content-type": content.type } : {}),
      },
      body: request.method === "HEAD" ? null : (content?.body ?? null),
    };
    return options.endpoints === undefined && exchanges.hasSubscribers ? tell(request, response) : response;
  }

  return {
    handle,
    close: async () => {
      await requestLog.flush();
      await keys.settle();
    },
  };
}

const JSON_TYPE = "application/json; charset=utf-8";
const PROBLEM_TYPE = "application/problem+json; charset=utf-8";

/** Says what was asked and answered to those who listen. */
function tell(request: RestRequest, response: RestResponse): RestResponse {
  const { method, target } = request;
  const { status, headers, body } = response;
  const isStream = body !== null && typeof body !== "string" && !(body instanceof Uint8Array);
  exchanges.publish({
    method,
    target,
    requestHeaders: request.headers,
    requestBody: request.body === null ? null : Buffer.from(request.body).toString("utf8"),
    status,
    headers,
    body: isStream ? null : body,
    isStream,
  } satisfies Exchange);
  return isStream ? { ...response, body: toldPieces(body, { method, target }) } : response;
}

async function* toldPieces(
  pieces: AsyncIterable<string>,
  call: { method: string; target: string },
): AsyncGenerator<string> {
  for await (const text of pieces) {
    streamPieces.publish({ ...call, text } satisfies StreamPiece);
    yield text;
  }
}

/** A scope is held when everything that it stands for is: who may write a thing may read it. */
function hasScope(key: VerifiedKey, scope: NonNullable<Endpoint["scope"]>): boolean {
  const needed = scopePermissions(scope, key.actor.partnerId === null);
  return needed?.every((permission) => actorCan(key.actor, permission)) ?? false;
}

/** A thing of somebody else's, one that never was and an id that cannot be one are told apart by nothing. */
function sameNotFound(endpoint: Endpoint, error: unknown): unknown {
  const isThing = isAppError(error) && (error.code === "not_found" || error.code === "payment_not_found");
  return isThing && endpoint.path.includes("{") ? new AppError(endpoint.notFound) : error;
}

function readBearer(authorization: string | undefined): string | null {
  if (authorization === undefined) return null;
  return /^Bearer +(\S{1,200})$/i.exec(authorization)?.[1] ?? "";
}

function assertJson(headers: RestRequest["headers"]): void {
  const [type, ...parameters] = (headers["content-type"] ?? "").split(";").map((part) => part.trim().toLowerCase());
  const isUtf8 = parameters.every(
    (parameter) => !parameter.startsWith("charset=") || /^charset="?utf-?8"?$/.test(parameter),
  );
  const encoding = headers["content-encoding"];
  if (type !== "application/json" || !isUtf8 || (encoding !== undefined && encoding !== "identity")) {
    throw new AppError("content_type_unsupported");
  }
}

/** What was stored, to the byte. The log gets the object, the caller the text. */
function storedAnswer(stored: { status: number; body: string }): Answer {
  if (stored.body === "") return { status: stored.status };
  return { status: stored.status, json: JSON.parse(stored.body), bytes: { type: JSON_TYPE, body: stored.body } };
}
