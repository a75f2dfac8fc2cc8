import { createHash } from "node:crypto";
import { faultOf } from "./call-faults";
import { errorBody, SimulatedError } from "./errors";
import { createOnce } from "./idempotency";
import { newUuid } from "./ids";
import { createAccess } from "./management/access";
import type { Account, Fault } from "./model";
import { categoryOf, createRateLimiter } from "./rate-limits";
import { type ApiAnswer, type ApiCall, bodyBytesMaxOf, type Outcome, type Route, type Router } from "./routing";
import { beSlow, CALL_FAULTS, spoil } from "./scenarios";
import { sessionTokensOf } from "./session-tokens";
import { type Facts, getAccount, nowFor, type Simulator, switchOf } from "./simulator";

/** The Klarna Network API under /v2: one call in, one answer out, independent of how it is carried. */

const HEADER_BYTES_MAX = 6 * 1024;
const HEADERS_BYTES_MAX = 20 * 1024;
const LOGGED_BODY_CHARS_MAX = 8_192;

/** What a gateway or a traffic filter in front of the API answers. */
function htmlPage(title: string): string {
  return `<html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>`;
}

function parseJson(call: ApiCall): { text: string; value: unknown } {
  if (call.body.byteLength === 0) return { text: "", value: {} };
  const type = call.header("content-type") ?? "";
  if (!/^application\/(?:[\w.+-]+\+)?json\b/i.test(type)) throw new SimulatedError("INVALID_CONTENT_TYPE");
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(call.body);
    return { text, value: JSON.parse(text) };
  } catch {
    throw new SimulatedError("VALIDATION_ERROR", "The body is not valid JSON.");
  }
}

function parseBodyOf(call: ApiCall, route: Route): { text: string; value: unknown } {
  if (route.acceptsAnyBody !== true) return parseJson(call);
  return {
    text: createHash("sha1").update(call.body).digest("hex"),
    value: {},
  };
}

/** `routers` are asked in their order. */
export function createApi(sim: Simulator, routers: readonly Router[]) {
  const access = createAccess(sim);
  const rateLimiter = createRateLimiter(sim);
  const runOnce = createOnce(sim);

  function routeOf(call: ApiCall): Route | null {
    const parts: string[] = [];
    for (const raw of call.path.split("/").slice(1)) {
      try {
        parts.push(raw.includes("%") ? decodeURIComponent(raw) : raw);
      } catch {
        return null;
      }
    }
    if (parts.at(-1) === "") parts.pop();
    for (const router of routers) {
      const route = router(call, parts);
      if (route !== null) return route;
    }
    return null;
  }

  async function handle(call: ApiCall): Promise<ApiAnswer> {
    const startedAt = performance.now();
    const correlationId = newUuid();
    const headers: Record<string, string> = {
      "klarna-correlation-id": correlationId,
    };
    const partnerCorrelationId = call.header("partner-correlation-id");
    if (partnerCorrelationId !== undefined) headers["partner-correlation-id"] = partnerCorrelationId;
    const route = routeOf(call);
    const idempotencyKey = call.header("klarna-idempotency-key");
    let account: Account | null = null;
    let facts: Facts = {};
    let fault: Fault | null = null;
    let bodyText: string | null = null;
    let bodyValue: unknown = {};
    let isReplay = false;

    const answer = (status: number, body: string | null, cut: ApiAnswer["cut"] = "none"): ApiAnswer => {
      sim.calls.add({
        at: new Date(nowFor(sim, account ?? undefined)).toISOString(),
        method: call.method,
        path: call.path,
        operation: route?.operation ?? "unknown",
        account: route?.accountId ?? null,
        idempotency_key: idempotencyKey ?? null,
        session_token: sessionTokensOf(sim, account ?? undefined, call)[0] ?? null,
        partner_correlation_id: partnerCorrelationId ?? null,
        correlation_id: correlationId,
        status: cut === "none" ? status : null,
        fault: fault?.kind ?? null,
        is_replay: isReplay,
        duration_ms: Math.round((performance.now() - startedAt) * 100) / 100,
        request_body: bodyText === null || bodyText.length > LOGGED_BODY_CHARS_MAX ? null : bodyText,
        facts,
      });
      if (body !== null) headers["content-type"] ??= "application/json";
      return { status, headers, body, cut };
    };
    const refusal = (error: SimulatedError): Outcome => {
      const withType = switchOf(sim, account ?? undefined, "names") !== "current";
      return { status: error.status, body: errorBody(error, withType) };
    };

    try {
      if (call.headerBytes.largest > HEADER_BYTES_MAX || call.headerBytes.total > HEADERS_BYTES_MAX) {
        throw new SimulatedError("REQUEST_TOO_LARGE", "The headers are too large.");
      }
      if (call.body.byteLength > bodyBytesMaxOf(call.path))
        throw new SimulatedError("REQUEST_TOO_LARGE", "The body is too large.");
      if (!access.isKeyed(call.header("authorization"))) throw new SimulatedError("UNAUTHORIZED");
      access.inspect(call, headers);
      if (route === null) throw new SimulatedError("NOT_FOUND");
      if (route.accountId !== null) account = getAccount(sim, route.accountId);
      rateLimiter.take(headers, categoryOf(route), account);
      const hasBody = call.method === "POST" || call.method === "PATCH";
      const parsed = hasBody ? parseBodyOf(call, route) : { text: "", value: {} };
      bodyText = hasBody ? parsed.text : null;
      bodyValue = parsed.value;
      facts = route.facts(account, parsed.value);
      if (hasBody && idempotencyKey !== undefined && (idempotencyKey.length < 1 || idempotencyKey.length > 255)) {
        throw new SimulatedError("VALIDATION_ERROR", undefined, [
          {
            parameter: "Klarna-Idempotency-Key",
            reason: "must have 1 to 255 characters",
          },
        ]);
      }

      fault = faultOf(sim, call, route, account, facts, bodyValue, idempotencyKey);
      if (fault !== null && !CALL_FAULTS.has(fault.kind)) fault = null;
      switch (fault?.kind) {
        case "status_500":
          throw new SimulatedError("INTERNAL_ERROR");
        case "status_503":
          throw new SimulatedError("TEMPORARY_UNAVAILABLE");
        case "status_429":
          Object.assign(headers, rateLimiter.exhausted(categoryOf(route)));
          throw new SimulatedError("RATE_LIMITED");
        case "timeout":
          throw new SimulatedError("TIMEOUT");
        case "cut_before":
          return answer(500, null, "silent");
        case "html_502":
          headers["content-type"] = "text/html";
          return answer(502, htmlPage("502 Bad Gateway"));
        case "html_403":
          headers["content-type"] = "text/html";
          return answer(403, htmlPage("403 Forbidden"));
        case "slow_before":
          await beSlow(fault);
          break;
        default:
          break;
      }
    } catch (error) {
      if (!(error instanceof SimulatedError)) throw error;
      await sim.state.durable();
      const { status, body } = refusal(error);
      return answer(status, body);
    }

    const work = await runOnce({
      call,
      route,
      account,
      bodyText,
      bodyValue,
      idempotencyKey,
      fault,
      refusal,
      onReplay: () => {
        isReplay = true;
      },
    });
    switch (fault?.kind) {
      case "status_500_after": {
        const { status, body } = refusal(new SimulatedError("INTERNAL_ERROR"));
        return answer(status, body);
      }
      case "cut_after":
        return answer(work.status, null, "silent");
      case "cut_halfway":
        return answer(work.status, work.body, "halfway");
      case "malformed":
        return answer(work.status, spoil(work.body ?? '{"result":', "malformed"));
      case "wrong_schema":
        return answer(work.status, '{"unexpected":true}');
      case "unknown_word":
        return answer(work.status, spoil(work.body ?? "{}", "unknown_word"));
      case "odd_form":
        Object.assign(headers, work.headers);
        return answer(work.status, work.body === null ? null : spoil(work.body, "odd_form"));
      default:
        Object.assign(headers, work.headers);
        return { ...answer(work.status, work.body), bytes: work.bytes };
    }
  }

  return { handle };
}
