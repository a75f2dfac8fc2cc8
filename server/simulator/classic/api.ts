import { SimulatedError } from "../errors";
import { newUuid } from "../ids";
import type { Account, Fault } from "../model";
import { type ApiAnswer, type ApiCall, bodyBytesMaxOf } from "../routing";
import { beSlow, CALL_FAULTS, spoil } from "../scenarios";
import { type Facts, nowFor } from "../simulator";
import type { Classic } from "./context";
import { accountOfCall } from "./credentials";
import { ClassicError, type ClassicErrorCode, classicErrorBody } from "./errors";
import { factsOf, faultOf } from "./faults";
import { createOnce } from "./idempotency";
import type { ClassicOperation } from "./operations";
import { createQuotas } from "./quotas";
import { routeOf } from "./routes";

/** The classic APIs: one call in, one answer out. */

const HEADER_BYTES_MAX = 6 * 1024;
const HEADERS_BYTES_MAX = 20 * 1024;
const LOGGED_BODY_CHARS_MAX = 8_192;
const KEY_CHARS_MAX = 255;

/** What a merchant whom Klarna has stopped may not do; what was sold before can still be captured and refunded. */
const SALES: ReadonlySet<ClassicOperation> = new Set<ClassicOperation>([
  "classic_create_session",
  "classic_create_order",
  "hpp_create_session",
]);

function parseJson(call: ApiCall): { text: string; value: unknown } {
  if (call.body.byteLength === 0) return { text: "", value: {} };
  if (!/^application\/(?:[\w.+-]+\+)?json\b/i.test(call.header("content-type") ?? "")) {
    throw new ClassicError(400, "BAD_REQUEST", "The content type must be application/json.");
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(call.body);
    return { text, value: JSON.parse(text) };
  } catch {
    throw new ClassicError(400, "BAD_REQUEST", "The body is not valid JSON.");
  }
}

function systemError(call: ApiCall): ClassicError {
  const code: ClassicErrorCode = call.path.startsWith("/payments/") ? "UNKNOWN" : "INTERNAL_ERROR";
  return new ClassicError(500, code, "Something went wrong on our side.");
}

export function createClassicApi(classic: Classic) {
  const { sim } = classic;
  const quotas = createQuotas(classic);
  const runOnce = createOnce(classic);

  async function handle(call: ApiCall): Promise<ApiAnswer> {
    const startedAt = performance.now();
    const correlationId = newUuid();
    const headers: Record<string, string> = { "klarna-correlation-id": correlationId };
    const route = routeOf(classic, call);
    const key = call.header("klarna-idempotency-key");
    let account: Account | null = null;
    let facts: Facts = {};
    let fault: Fault | null = null;
    let bodyText: string | null = null;
    let isReplay = false;

    const answer = (status: number, body: string | null, cut: ApiAnswer["cut"] = "none"): ApiAnswer => {
      sim.calls.add({
        at: new Date(nowFor(sim, account ?? undefined)).toISOString(),
        method: call.method,
        path: call.path,
        operation: route?.operation ?? "unknown",
        account: account?.account_id ?? null,
        idempotency_key: key ?? null,
        session_token: null,
        partner_correlation_id: call.header("partner-correlation-id") ?? null,
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
    const refuse = (error: ClassicError): ApiAnswer => answer(error.status, classicErrorBody(error, correlationId));

    try {
      if (call.headerBytes.largest > HEADER_BYTES_MAX || call.headerBytes.total > HEADERS_BYTES_MAX) {
        throw new ClassicError(413, "REQUEST_TOO_LARGE", "The headers are too large.");
      }
      if (call.body.byteLength > bodyBytesMaxOf(call.path)) {
        throw new ClassicError(413, "REQUEST_TOO_LARGE", "The body is too large.");
      }
      account = accountOfCall(classic, call);
      if (route === null) throw new ClassicError(404, "NOT_FOUND", "There is no such operation.");
      quotas.count(account, route.operation);
      const isSale = SALES.has(route.operation);
      if (isSale && (account.state === "DISABLED" || account.product.state !== "ENABLED")) {
        throw new ClassicError(403, "MERCHANT_INACTIVE", "The merchant is not active.");
      }
      if (key !== undefined && (key.length === 0 || key.length > KEY_CHARS_MAX)) {
        throw new ClassicError(400, "BAD_REQUEST", "Klarna-Idempotency-Key must have 1 to 255 characters.");
      }
      const hasBody = call.method === "POST" || call.method === "PATCH";
      const body = hasBody ? parseJson(call) : { text: "", value: {} };
      bodyText = hasBody ? body.text : null;
      facts = factsOf(classic, call, account, body.value);
      fault = faultOf(classic, call, route, account, facts);
      if (fault !== null && !CALL_FAULTS.has(fault.kind)) fault = null;
      switch (fault?.kind) {
        case "status_500":
        case "timeout":
          throw systemError(call);
        case "status_503":
          throw new ClassicError(503, "TEMPORARILY_UNAVAILABLE", "The service is temporarily unavailable.");
        case "status_429":
          throw new ClassicError(429, "TOO_MANY_REQUESTS", "Too many requests. Please try again later.");
        case "cut_before":
          return answer(500, null, "silent");
        case "html_502":
          headers["content-type"] = "text/html";
          return answer(502, "<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>");
        case "html_403":
          headers["content-type"] = "text/html";
          return answer(403, "<html><head><title>403 Forbidden</title></head><body>403 Forbidden</body></html>");
        case "slow_before":
          await beSlow(fault);
          break;
        default:
          break;
      }
      if (fault?.kind === "decline" && route.operation === "classic_create_order") {
        throw new ClassicError(403, "REJECTED", "The purchase was rejected.");
      }
      const outcome = await runOnce(call, route, account, body, key, correlationId, () => {
        isReplay = true;
      });
      switch (fault?.kind) {
        case "slow":
          await beSlow(fault);
          break;
        case "status_500_after":
          return refuse(systemError(call));
        case "cut_after":
          return answer(outcome.status, null, "silent");
        case "cut_halfway":
          return answer(outcome.status, outcome.body, "halfway");
        case "malformed":
          return answer(outcome.status, (outcome.body ?? "{").slice(0, Math.ceil((outcome.body?.length ?? 2) / 2)));
        case "unknown_word":
          return answer(outcome.status, outcome.body === null ? null : spoil(outcome.body, "unknown_word"));
        case "odd_form":
          Object.assign(headers, outcome.headers);
          return answer(outcome.status, outcome.body === null ? null : spoil(outcome.body, "odd_form"));
        case "wrong_schema":
          return answer(outcome.status, '{"unexpected":true}');
        default:
          break;
      }
      Object.assign(headers, outcome.headers);
      return answer(outcome.status, outcome.body);
    } catch (error) {
      await sim.state.durable();
      if (error instanceof ClassicError) return refuse(error);
      if (error instanceof SimulatedError) return refuse(new ClassicError(403, "INVALID_OPERATION", error.message));
      throw error;
    }
  }

  return { handle };
}
