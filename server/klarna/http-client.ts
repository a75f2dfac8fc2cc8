import { redact } from "@/server/core/redact";
import type { Mode } from "@/server/core/schema";
import { backoffMs, type Clock } from "@/server/core/time";
import type { Log } from "@/server/observability/log";
import { klarnaCalls, klarnaRetriesRefused, klarnaSeconds } from "@/server/observability/metrics";
import { createBreakers, isShut } from "./breakers";
import type { KlarnaCallRecord, KlarnaClient, KlarnaRequest } from "./client";
import { classifyStatus, isKlarnaErrorBody, readKlarnaError } from "./errors";
import type { Keyring } from "./keyring";
import { accountOf, CATEGORIES, paceOf } from "./operations";
import { createPacer, NOT_ADMITTED, type Ticket } from "./pacing";
import { createRetryBudget } from "./retry-budget";
import { type Attempt, CONNECTIONS_MAX, createSender } from "./send";
import { withoutNulls } from "./wire";

/* Calls to Klarna with their repeats, within Klarna's quota and within the time that the caller has. */

/** What retries may add to the time-out of one call: with the default of 8 s an authorize ends within 10 s. */
const RETRY_TIME_MS = 2_000;
/** Calls that wait in one lane for Klarna's quota. */
const WAITING_MAX = 2_000;
/** Of a call's budget kept for the call itself when it has to wait first; never more than a quarter. */
const CALL_TIME_MS = 1_000;
const ATTEMPTS_MAX = 4;
const RETRY_BASE_MS = 100;
const RETRY_CAP_MS = 1_000;

/** Reasons for which another attempt now would end the same way. */
const FINAL_REASONS: readonly string[] = ["breaker_open", "no_credentials", ...NOT_ADMITTED];

/** The client of one process: its breakers, its pace and its budget of repeats count the calls of this process only. */
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
  const sender = createSender({ environments: options.environments, keyring, timeoutMs });
  const breakers = createBreakers();
  const retries = { test: createRetryBudget(), live: createRetryBudget() } satisfies Record<Mode, unknown>;
  const pacer = createPacer({ inFlightMax: CONNECTIONS_MAX, waitingMax: WAITING_MAX });

  const breakerFor = (request: KlarnaRequest) => {
    const category = CATEGORIES[request.operation];
    return breakers.of(request.mode, request.host ? `${category}-${request.host.name}` : category);
  };

  async function guarded(request: KlarnaRequest, remainingMs: number): Promise<Attempt> {
    try {
      // `send` never throws: what is thrown here is the breaker's own refusal.
      return await breakerFor(request).policy.execute(() => sender.send(request, remainingMs));
    } catch {
      return { kind: "not_sent", reason: "breaker_open" };
    }
  }

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
          return {
            kind: "answered",
            status: result.status,
            body: withoutNulls(result.body),
            calls,
            location: result.location,
            certificateVerdict: result.certificateVerdict,
          };
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
    isOpen: (mode) => isShut(breakers.of(mode, "authorize")),
    breakers: breakers.states,
    isConfigured: (mode) => keyring?.hasKey(mode) ?? options.environments[mode].apiKey !== null,
    reloadKeys: async (mode) => {
      await keyring?.reread(mode);
    },
    close: async () => {
      keyring?.close();
      pacer.close();
      await sender.close();
    },
  };
}
