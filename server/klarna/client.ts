import { randomUUID } from "node:crypto";
import { CircuitState, circuitBreaker, handleWhenResult, SamplingBreaker } from "cockatiel";
import { Pool } from "undici";
import { redact } from "@/server/core/redact";
import type { Mode } from "@/server/core/schema";
import { backoffMs, type Clock } from "@/server/core/time";
import type { Log } from "@/server/observability/log";
import { klarnaCalls, klarnaRetriesRefused, klarnaSeconds } from "@/server/observability/metrics";
import { classifyStatus, isKlarnaErrorBody, type KlarnaError, readKlarnaError } from "./errors";
import type { Access, Keyring } from "./keyring";
import { createPacer, NOT_ADMITTED, type RateHeaders, type Ticket } from "./pacing";
import { createRetryBudget } from "./retry-budget";

/** What retries may add to the time-out of one call: with the default of 8 s an authorize ends within 10 s. */
const RETRY_TIME_MS = 2_000;
/** Lists of a large Partner's stores come in long pages. */
const BODY_MAX_BYTES = 8 * 1_048_576;
const CONNECTIONS_MAX = 64;
/** Calls that wait in one lane for Klarna's quota. */
const WAITING_MAX = 2_000;
/** Of a call's budget kept for the call itself when it has to wait first; never more than a quarter. */
const CALL_TIME_MS = 1_000;
const ATTEMPTS_MAX = 4;
const HALF_OPEN_AFTER_MS = 2_000;
const RETRY_BASE_MS = 100;
const RETRY_CAP_MS = 1_000;

export type KlarnaOperationName =
  | "authorize"
  | "authorize_final"
  | "read_request"
  | "cancel_request"
  | "update_request"
  | "read_transaction"
  | "update_transaction"
  | "reauthorize"
  | "capture"
  | "refund"
  | "void"
  | "presentation"
  | "interoperability"
  | "signing_keys"
  | "webhooks"
  | "onboard"
  | "account_read"
  | "account_write"
  | "classic_session"
  | "classic_read"
  | "classic_cancel"
  | "order_read"
  | "order_write";

type KlarnaCategory =
  | "authorize"
  | "finalize"
  | "requests"
  | "transactions"
  | "presentation"
  | "interoperability"
  | "notifications"
  | "accounts"
  | "sessions"
  | "distributions"
  | "orders";
const CATEGORIES: Readonly<Record<KlarnaOperationName, KlarnaCategory>> = {
  authorize: "authorize",
  authorize_final: "finalize",
  read_request: "requests",
  cancel_request: "requests",
  update_request: "requests",
  read_transaction: "transactions",
  update_transaction: "transactions",
  reauthorize: "transactions",
  capture: "transactions",
  refund: "transactions",
  void: "transactions",
  presentation: "presentation",
  // On its own: an older question, and where Klarna does not answer it any more the newer one goes on.
  interoperability: "interoperability",
  signing_keys: "notifications",
  webhooks: "notifications",
  onboard: "accounts",
  account_read: "accounts",
  account_write: "accounts",
  classic_session: "sessions",
  classic_read: "distributions",
  classic_cancel: "distributions",
  order_read: "orders",
  order_write: "orders",
};

/** What Klarna counts together, where that is not the category: final authorizes with the others, captures alone. */
const paceOf = (operation: KlarnaOperationName): string =>
  operation === "authorize_final" ? "authorize" : operation === "capture" ? "capture" : CATEGORIES[operation];

/** The Partner account that a call counts for; every path but those of the acquirer and the classic ones names it. */
const accountOf = (path: string): string => /^\/v2\/accounts\/([^/?]+)/.exec(path)?.[1] ?? "";

/** Reasons for which another attempt now would end the same way. */
const FINAL_REASONS: readonly string[] = ["breaker_open", "no_credentials", ...NOT_ADMITTED];

export type KlarnaRequest = {
  mode: Mode;
  operation: KlarnaOperationName;
  method: "GET" | "POST" | "PATCH" | "DELETE";
  path: string;
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
  /** On every POST and PATCH: one key for each intent. Source: KNR-S5. */
  idempotencyKey?: string;
  /** Names the session that caused the call in Klarna's integration metadata. Source: KNR-T3. */
  sessionReference: string;
  /** Another host with credentials of its own, instead of those of the mode: a Partner's classic interface. */
  host?: KlarnaHost;
};

/** `name` tells hosts apart where their health is watched; `authorization` is the whole header. */
export type KlarnaHost = { name: string; baseUrl: string; authorization: string };

/** One call as the journal keeps it: masked, with what came back. */
export type KlarnaCallRecord = {
  attempt: number;
  outcome: "ANSWERED" | "REFUSED" | "NO_ANSWER" | "NOT_SENT";
  method: string;
  path: string;
  httpStatus: number | null;
  request: unknown;
  response: unknown;
  klarnaCorrelationId: string | null;
  klarnaErrorId: string | null;
  durationMs: number;
  at: Date;
};

/**
 * What is known after one or more calls with the same key:
 * `answered` a 2xx with a JSON body; `refused` a definite no; `unknown` something was sent and no definite answer came;
 * `not_sent` nothing left this process (refused connection, DNS, TLS, open breaker, no place within Klarna's quota in time).
 */
export type KlarnaOutcome = { calls: KlarnaCallRecord[] } & (
  | { kind: "answered"; status: number; body: unknown; location?: string | null }
  | { kind: "refused"; error: KlarnaError }
  | { kind: "unknown"; reason: string }
  | { kind: "not_sent"; reason: string }
);

export type KlarnaClient = {
  /** Calls, repeats with the same key where that is safe, and ends within `budgetMs`. Never throws for the network. */
  call(request: KlarnaRequest, options?: { budgetMs?: number; attemptsMax?: number }): Promise<KlarnaOutcome>;
  /** Whether new payments of this mode are held back now because Klarna does not answer. */
  isOpen(mode: Mode): boolean;
  breakers(): { mode: Mode; category: string; state: "closed" | "open" | "half-open" }[];
  isConfigured(mode: Mode): boolean;
  /** Reads the keys in use again, in this process. */
  reloadKeys?(mode: Mode): Promise<void>;
  close(): Promise<void>;
};

type Attempt =
  | {
      kind: "answer";
      status: number;
      body: unknown;
      hasBody: boolean;
      correlationId: string | null;
      location: string | null;
      rate: RateHeaders | null;
    }
  | { kind: "no_answer"; reason: string; status: number | null }
  | { kind: "not_sent"; reason: string };

/** Faults that mean that no byte of the request left us. */
const NOT_SENT_CODES = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
  "CERT_HAS_EXPIRED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "ERR_SSL_WRONG_VERSION_NUMBER",
  "EPROTO",
]);

function faultCode(error: unknown): string {
  if (error instanceof AggregateError) return faultCode(error.errors[0]);
  if (!(error instanceof Error)) return "UNKNOWN";
  if ("code" in error && typeof error.code === "string") return error.code;
  return error.cause === undefined ? error.name : faultCode(error.cause);
}

/** Of a request that brings its own credentials. */
const NO_ACCESS: Access = { apiKey: null, credentialId: null, certificate: null };

const headerText = (value: string | string[] | undefined): string | null =>
  typeof value === "string" ? value.slice(0, 40) : null;

function rateOf(headers: Readonly<Record<string, string | string[] | undefined>>): RateHeaders | null {
  const limit = headers["x-ratelimit-limit"];
  if (typeof limit !== "string" || limit.length > 1_000) return null;
  return {
    limit,
    remaining: headerText(headers["x-ratelimit-remaining"]),
    reset: headerText(headers["x-ratelimit-reset"]),
  };
}

export function createKlarnaClient(options: {
  clock: Clock;
  log: Log;
  environments: Readonly<Record<Mode, { baseUrl: string; apiKey: string | null }>>;
  /** Keys and certificates that change while we run; without one the key of the environment counts. */
  keyring?: Keyring;
  /** For one call; below Klarna's idle limit of 59 s. */
  timeoutMs: number;
}): KlarnaClient {
  const { timeoutMs, keyring } = options;
  const pools = new Map<string, { pool: Pool; fingerprint: string | null }>();
  const poolOf = (request: Pick<KlarnaRequest, "mode" | "host">, certificate: Access["certificate"]): Pool => {
    const { mode, host } = request;
    const key = host ? `${mode} ${host.baseUrl}` : mode;
    const held = pools.get(key);
    const fingerprint = certificate?.fingerprint ?? null;
    if (held?.fingerprint === fingerprint) return held.pool;
    // Calls under way end on the connections that they began on.
    void held?.pool.close().catch(() => undefined);
    const pool = new Pool(new URL(host?.baseUrl ?? options.environments[mode].baseUrl).origin, {
      connections: CONNECTIONS_MAX,
      pipelining: 1,
      keepAliveTimeout: 30_000,
      connect: {
        timeout: 3_000,
        ...(certificate === null ? {} : { key: certificate.privateKey, cert: certificate.certificate }),
      },
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      maxResponseSize: BODY_MAX_BYTES,
    });
    pools.set(key, { pool, fingerprint });
    return pool;
  };
  // One for each mode and category, so that a sick refund endpoint does not stop the tills. Source: KNR-S6.
  const makeBreaker = () => {
    const policy = circuitBreaker(
      handleWhenResult((result) => {
        const attempt = result as Attempt;
        return attempt.kind !== "answer" || attempt.status >= 500;
      }),
      {
        halfOpenAfter: HALF_OPEN_AFTER_MS,
        breaker: new SamplingBreaker({ threshold: 0.6, duration: 10_000, minimumRps: 1.5 }),
      },
    );
    const breaker = { policy, openedAt: 0 };
    policy.onBreak(() => {
      breaker.openedAt = performance.now();
    });
    return breaker;
  };
  const breakers = new Map<string, ReturnType<typeof makeBreaker>>();
  const retries = { test: createRetryBudget(), live: createRetryBudget() } satisfies Record<Mode, unknown>;
  const pacer = createPacer({ inFlightMax: CONNECTIONS_MAX, waitingMax: WAITING_MAX });
  const breakerOf = (mode: Mode, category: string) => {
    const key = `${mode} ${category}`;
    let breaker = breakers.get(key);
    if (!breaker) {
      breaker = makeBreaker();
      breakers.set(key, breaker);
    }
    return breaker;
  };

  async function send(request: KlarnaRequest, remainingMs: number): Promise<Attempt> {
    if (request.host) return sendWith(request, remainingMs, NO_ACCESS);
    if (!keyring) {
      const { apiKey } = options.environments[request.mode];
      return sendWith(request, remainingMs, { apiKey, credentialId: null, certificate: null });
    }
    const access = await keyring.accessOf(request.mode);
    const first = await sendWith(request, remainingMs, access);
    if (first.kind !== "answer" || first.status !== 401 || request.headers?.["authorization"] !== undefined)
      return first;
    // Refused before anything was done: another key may be in use since.
    const fresh = await keyring.reread(request.mode);
    return fresh.apiKey === access.apiKey ? first : sendWith(request, remainingMs, fresh);
  }

  async function sendWith(request: KlarnaRequest, remainingMs: number, access: Access): Promise<Attempt> {
    const baseUrl = request.host?.baseUrl ?? options.environments[request.mode].baseUrl;
    const { apiKey, certificate } = access;
    const authorization = request.host?.authorization ?? (apiKey === null ? null : `Basic ${apiKey}`);
    if (authorization === null) return { kind: "not_sent", reason: "no_credentials" };
    const prefix = new URL(baseUrl).pathname.replace(/\/$/, "");
    const headers: Record<string, string> = {
      authorization,
      accept: "application/json",
      "partner-correlation-id": randomUUID().replaceAll("-", ""),
      "klarna-integration-metadata": JSON.stringify({
        integrator: {
          name: "TILLGATE",
          session_reference: request.sessionReference.slice(0, 100),
          module_name: "TILLGATE_GATEWAY",
          module_version: "1.0",
        },
      }),
      // Without TLS there is no handshake to show a certificate in; only the simulator is reached like that.
      ...(certificate !== null && baseUrl.startsWith("http:")
        ? { "x-simulator-client-certificate": certificate.fingerprint }
        : {}),
      ...request.headers,
    };
    if (request.idempotencyKey) headers["klarna-idempotency-key"] = request.idempotencyKey;
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    if (body !== undefined) headers["content-type"] = "application/json";
    try {
      const response = await poolOf(request, certificate).request({
        path: `${prefix}${request.path}`,
        method: request.method,
        headers,
        body,
        signal: AbortSignal.timeout(Math.max(1, Math.floor(Math.min(timeoutMs, remainingMs)))),
      });
      const text = await response.body.text();
      if (!request.host) {
        keyring?.noteUse(request.mode, {
          ip: headerText(response.headers["klarna-ip-validation-status"]),
          mtls: headerText(response.headers["klarna-mtls-verification-status"]),
        });
      }
      const correlation = response.headers["klarna-correlation-id"];
      const place = response.headers.location;
      const facts = {
        kind: "answer" as const,
        status: response.statusCode,
        correlationId: typeof correlation === "string" ? correlation : null,
        location: typeof place === "string" ? place.slice(0, 2_048) : null,
        rate: rateOf(response.headers),
      };
      if (text === "") return { ...facts, body: null, hasBody: false };
      try {
        return { ...facts, body: JSON.parse(text), hasBody: true };
      } catch {
        // A 2xx that cannot be read proves nothing; an error page keeps its status.
        return response.statusCode < 300
          ? { kind: "no_answer", reason: "unreadable_answer", status: response.statusCode }
          : { ...facts, body: null, hasBody: false };
      }
    } catch (error) {
      const code = faultCode(error);
      return NOT_SENT_CODES.has(code)
        ? { kind: "not_sent", reason: code }
        : { kind: "no_answer", reason: code, status: null };
    }
  }

  const breakerFor = (request: KlarnaRequest) => {
    const category = CATEGORIES[request.operation];
    return breakerOf(request.mode, request.host ? `${category}-${request.host.name}` : category);
  };

  async function guarded(request: KlarnaRequest, remainingMs: number): Promise<Attempt> {
    try {
      // `send` never throws: what is thrown here is the breaker's own refusal.
      return await breakerFor(request).policy.execute(() => send(request, remainingMs));
    } catch {
      return { kind: "not_sent", reason: "breaker_open" };
    }
  }

  /** Once its time has come the next caller is the probe: who asked first would otherwise keep it open for ever. */
  const isShut = ({ policy, openedAt }: ReturnType<typeof makeBreaker>): boolean =>
    policy.state === CircuitState.Open && performance.now() - openedAt < HALF_OPEN_AFTER_MS;

  /** A place within Klarna's quota, or why there is none. While nothing is short this does not wait. */
  async function placeFor(
    request: KlarnaRequest,
    options: { deadline: number; isAgain: boolean },
  ): Promise<Ticket | string> {
    if (isShut(breakerFor(request))) return "breaker_open";
    const lane = `${request.mode} ${request.host?.name ?? ""} ${paceOf(request.operation)}`;
    return pacer.enter(lane, accountOf(request.path), options);
  }

  return {
    async call(request, { budgetMs = timeoutMs + RETRY_TIME_MS, attemptsMax = ATTEMPTS_MAX } = {}) {
      const deadline = performance.now() + budgetMs;
      const calls: KlarnaCallRecord[] = [];
      let unknown: string | null = null;
      let notSent = "not_tried";
      let isHeld = false;
      retries[request.mode].noteCall();
      for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
        if (performance.now() >= deadline) break;
        const place = await placeFor(request, {
          deadline: deadline - Math.min(CALL_TIME_MS, budgetMs / 4),
          isAgain: isHeld,
        });
        const started = performance.now();
        const result: Attempt =
          typeof place === "string"
            ? { kind: "not_sent", reason: place }
            : await guarded(request, Math.max(1, deadline - started));
        isHeld =
          typeof place !== "string" &&
          place.leave(result.kind === "answer" ? { status: result.status, rate: result.rate } : null);
        const durationMs = Math.round(performance.now() - started);
        const verdict =
          result.kind === "answer" ? classifyStatus(result.status, isKlarnaErrorBody(result.body)) : result.kind;
        const error =
          result.kind === "answer" && verdict !== "done" ? readKlarnaError(result.status, result.body) : null;
        calls.push({
          attempt,
          outcome:
            result.kind === "not_sent"
              ? "NOT_SENT"
              : verdict === "done"
                ? "ANSWERED"
                : verdict === "refused"
                  ? "REFUSED"
                  : "NO_ANSWER",
          method: request.method,
          path: request.path,
          httpStatus: result.kind === "not_sent" ? null : result.status,
          request: request.body === undefined ? null : redact(request.body),
          response: result.kind === "answer" ? redact(result.body) : { reason: result.reason },
          klarnaCorrelationId: result.kind === "answer" ? result.correlationId : null,
          klarnaErrorId: error?.errorId ?? null,
          durationMs,
          at: options.clock.now(),
        });
        klarnaSeconds.observe({ operation: request.operation }, durationMs / 1000);
        klarnaCalls.inc({ operation: request.operation, outcome: calls.at(-1)?.outcome ?? "NO_ANSWER" });
        if (result.kind === "answer" && verdict === "done")
          return { kind: "answered", status: result.status, body: result.body, calls, location: result.location };
        if (error && verdict === "refused") return { kind: "refused", error, calls };
        if (result.kind === "not_sent") notSent = result.reason;
        else unknown = error ? error.code : result.kind === "no_answer" ? result.reason : `HTTP_${result.status}`;
        options.log.warn(
          {
            operation: request.operation,
            attempt,
            status: result.kind === "not_sent" ? null : result.status,
            reason: result.kind === "answer" ? (error?.code ?? "") : result.reason,
            klarna_error_id: error?.errorId ?? null,
          },
          "a call to Klarna had no definite answer",
        );
        if (result.kind === "not_sent" && FINAL_REASONS.includes(result.reason)) break;
        if (attempt >= attemptsMax) break;
        // Over the quota: the pacer alone says when it goes again, and that is no repeat that adds to Klarna's load.
        if (isHeld) continue;
        if (!retries[request.mode].takeRetry()) {
          klarnaRetriesRefused.inc({ operation: request.operation });
          break;
        }
        const wait = backoffMs(attempt + 1, RETRY_BASE_MS, RETRY_CAP_MS);
        if (performance.now() + wait < deadline) await new Promise((resolve) => setTimeout(resolve, wait));
      }
      return unknown === null
        ? { kind: "not_sent", reason: notSent, calls }
        : { kind: "unknown", reason: unknown, calls };
    },
    isOpen: (mode) => isShut(breakerOf(mode, "authorize")),
    breakers: () =>
      [...breakers].map(([key, { policy }]) => {
        const [mode, category] = key.split(" ");
        return {
          mode: mode === "live" ? "live" : "test",
          category: category ?? "",
          state:
            policy.state === CircuitState.Open
              ? "open"
              : policy.state === CircuitState.HalfOpen
                ? "half-open"
                : "closed",
        };
      }),
    isConfigured: (mode) => keyring?.hasKey(mode) ?? options.environments[mode].apiKey !== null,
    reloadKeys: async (mode) => {
      await keyring?.reread(mode);
    },
    close: async () => {
      keyring?.close();
      pacer.close();
      await Promise.allSettled([...pools.values()].map(({ pool }) => pool.destroy()));
      pools.clear();
    },
  };
}
