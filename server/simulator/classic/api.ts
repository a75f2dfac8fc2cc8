import { createHash, randomInt } from "node:crypto";
import { SimulatedError } from "../errors";
import { newUuid } from "../ids";
import { type Account, type Fault, type FaultKind, FaultKindSchema, IDEMPOTENCY_MEMORY_MS } from "../model";
import { type ApiAnswer, type ApiCall, bodyBytesMaxOf, numberAt, textAt } from "../routing";
import { CALL_FAULTS, fireOnce, spoil, takeFault, triggerOf } from "../scenarios";
import { type Facts, getAccount, nowFor } from "../simulator";
import { createCustomerToken, createOrder, releaseAuthorization } from "./authorizations";
import type { Classic } from "./context";
import { ClassicError, type ClassicErrorCode, classicErrorBody } from "./errors";
import { createdHppView, createHpp, disableHpp, distributeHpp, getHpp, hppView } from "./hpp";
import type { ClassicCredential } from "./model";
import type { ClassicOperation } from "./operations";
import {
  acknowledge,
  addCapture,
  addRefund,
  addShippingInfo,
  cancelOrder,
  extendAuthorization,
  extendDueDate,
  getOrder,
  listCaptures,
  type OrderAndMoney,
  orderView,
  readCapture,
  readRefund,
  releaseRemaining,
  triggerSendOut,
  updateAuthorization,
  updateCustomer,
  updateReferences,
} from "./orders";
import {
  cancelSession,
  createdView,
  createSession,
  distributionView,
  getDistribution,
  getSession,
  retryDistribution,
  sessionView,
  updateSession,
} from "./sessions";

/** The classic APIs: payment sessions, distributions, hosted pages and order management. */

const HEADER_BYTES_MAX = 6 * 1024;
const HEADERS_BYTES_MAX = 20 * 1024;
const LOGGED_BODY_CHARS_MAX = 8_192;
const SLOW_MS = 3_000;
const KEY_CHARS_MAX = 255;

type Outcome = { status: number; body: string | null; headers?: Record<string, string> };

type Route = {
  operation: ClassicOperation;
  /** Whether answers are kept under an idempotency key. */
  isKeyed: boolean;
  run: (account: Account, body: unknown) => Outcome;
};

const json = (value: unknown, status = 200): Outcome => ({ status, body: JSON.stringify(value) });
const NOTHING: Outcome = { status: 204, body: null };

/** What a merchant whom Klarna has stopped may not do; what was sold before can still be captured and refunded. */
const SALES: ReadonlySet<ClassicOperation> = new Set<ClassicOperation>([
  "classic_create_session",
  "classic_create_order",
  "hpp_create_session",
]);

/** Calls per second of one merchant: for new sessions, and for all the rest together. */
const QUOTAS = { test: { sessions: 5, rest: 50 }, live: { sessions: 40, rest: 200 } };

export function createClassicApi(classic: Classic) {
  const { sim } = classic;
  const running = new Set<string>();
  let second = 0;
  const counts = new Map<string, number>();

  function countCall(account: Account, operation: ClassicOperation): void {
    const { rate_limits } = sim.settings();
    if (rate_limits === "off") return;
    const now = Math.floor(performance.now() / 1_000);
    if (now !== second) {
      second = now;
      counts.clear();
    }
    const kind = operation === "classic_create_session" ? "sessions" : "rest";
    const name = `${account.account_id} ${kind}`;
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    if (count > QUOTAS[rate_limits][kind]) {
      throw new ClassicError(429, "TOO_MANY_REQUESTS", "Too many requests. Please try again later.");
    }
  }

  function sessionRoute(method: string, parts: string[]): Route | null {
    const [noun, id, sub] = parts;
    if (noun === "authorizations" && id !== undefined) return authorizationRoute(method, id, parts.slice(2));
    if (noun !== "sessions" || sub !== undefined) return null;
    if (id === undefined) {
      if (method !== "POST") return null;
      return {
        operation: "classic_create_session",
        isKeyed: true,
        run: (account, body) => json(createdView(classic, createSession(classic, account, body))),
      };
    }
    switch (method) {
      case "GET":
        return {
          operation: "classic_read_session",
          isKeyed: false,
          run: (account) => json(sessionView(classic, getSession(classic, account, id))),
        };
      case "POST":
        return {
          operation: "classic_update_session",
          isKeyed: true,
          run(account, body) {
            updateSession(classic, account, id, body);
            return NOTHING;
          },
        };
      case "DELETE":
        return {
          operation: "classic_cancel_session",
          isKeyed: false,
          run(account) {
            cancelSession(classic, account, id);
            return NOTHING;
          },
        };
      default:
        return null;
    }
  }

  function authorizationRoute(method: string, token: string, parts: string[]): Route | null {
    const [what] = parts;
    if (parts.length > 1) return null;
    if (what === undefined && method === "DELETE") {
      return {
        operation: "classic_release_authorization",
        isKeyed: false,
        run(account) {
          releaseAuthorization(classic, account, token);
          return NOTHING;
        },
      };
    }
    if (method !== "POST") return null;
    if (what === "order") {
      return {
        operation: "classic_create_order",
        isKeyed: true,
        run(account, body) {
          const { order, redirectUrl } = createOrder(classic, account, token, body);
          return json({
            order_id: order.order_id,
            fraud_status: order.fraud_status,
            redirect_url: redirectUrl,
            authorized_payment_method: { type: "invoice" },
          });
        },
      };
    }
    if (what === "customer-token") {
      return {
        operation: "classic_create_customer_token",
        isKeyed: true,
        run: (account, body) => json(createCustomerToken(classic, account, token, body)),
      };
    }
    return null;
  }

  function distributionRoute(method: string, parts: string[]): Route | null {
    const [noun, id, sub] = parts;
    if (noun !== "distributions" || id === undefined || parts.length > 3) return null;
    if (sub === undefined && method === "GET") {
      return {
        operation: "classic_read_distribution",
        isKeyed: false,
        run: (account) => json(distributionView(classic, getDistribution(classic, account, id))),
      };
    }
    if (sub !== "retry" || method !== "POST") return null;
    return {
      operation: "classic_retry_distribution",
      isKeyed: true,
      run: (account, body) => json(distributionView(classic, retryDistribution(classic, account, id, body))),
    };
  }

  function hppRoute(method: string, parts: string[]): Route | null {
    const [noun, id, sub] = parts;
    if (noun !== "sessions" || parts.length > 3) return null;
    if (id === undefined) {
      if (method !== "POST") return null;
      return {
        operation: "hpp_create_session",
        isKeyed: true,
        run: (account, body) => json(createdHppView(classic, createHpp(classic, account, body)), 201),
      };
    }
    if (sub === "distribution" && method === "POST") {
      return {
        operation: "hpp_distribute",
        isKeyed: true,
        run(account, body) {
          distributeHpp(classic, account, id, body);
          return { status: 200, body: null };
        },
      };
    }
    if (sub !== undefined) return null;
    if (method === "GET") {
      return {
        operation: "hpp_read_session",
        isKeyed: false,
        run: (account) => json(hppView(classic, getHpp(classic, account, id))),
      };
    }
    if (method !== "DELETE") return null;
    return {
      operation: "hpp_disable_session",
      isKeyed: false,
      run(account) {
        disableHpp(classic, account, id);
        return NOTHING;
      },
    };
  }

  function orderRoute(method: string, parts: string[]): Route | null {
    const [noun, id, sub, subId, subSub] = parts;
    if (noun !== "orders" || id === undefined || parts.length > 5) return null;
    const read = (operation: ClassicOperation, view: (found: OrderAndMoney) => unknown): Route => ({
      operation,
      isKeyed: false,
      run: (account) => json(view(getOrder(classic, account, id))),
    });
    const change = (
      operation: ClassicOperation,
      work: (account: Account, found: OrderAndMoney, body: unknown) => Outcome | undefined,
    ): Route => ({
      operation,
      isKeyed: true,
      run: (account, body) => work(account, getOrder(classic, account, id), body) ?? NOTHING,
    });
    const created = (noun: string, header: string, newId: string): Outcome => ({
      status: 201,
      body: null,
      headers: { location: `${sim.publicUrl()}/ordermanagement/v1/orders/${id}/${noun}/${newId}`, [header]: newId },
    });
    const wanted = [method, sub, subId === undefined ? undefined : "*", subSub]
      .filter((part) => part !== undefined)
      .join(" ");
    switch (wanted) {
      case "GET":
        return read("order_read", orderView);
      case "POST acknowledge":
        return change("order_acknowledge", (_account, found) => void acknowledge(classic, found));
      case "PATCH authorization":
        return change(
          "order_update_authorization",
          (account, found, body) => void updateAuthorization(classic, account, found, body),
        );
      case "PATCH customer-details":
        return change("order_update_customer", (_account, found, body) => void updateCustomer(classic, found, body));
      case "PATCH merchant-references":
        return change(
          "order_update_references",
          (_account, found, body) => void updateReferences(classic, found, body),
        );
      case "POST extend-authorization-time":
        return change(
          "order_extend_authorization",
          (account, found) => void extendAuthorization(classic, account, found),
        );
      case "POST release-remaining-authorization":
        return change("order_release_remaining", (account, found) => void releaseRemaining(classic, account, found));
      case "POST cancel":
        return change("order_cancel", (account, found) => void cancelOrder(classic, account, found));
      case "POST captures":
        return change("order_capture", (account, found, body) =>
          created("captures", "capture-id", addCapture(classic, account, found.order, body).capture_id),
        );
      case "GET captures":
        return read("order_list_captures", listCaptures);
      case "GET captures *":
        return read("order_read_capture", (found) => readCapture(found, subId ?? ""));
      case "POST captures * shipping-info":
        return change(
          "order_add_shipping_info",
          (_account, found, body) => void addShippingInfo(classic, found.order, subId ?? "", body),
        );
      case "POST captures * trigger-send-out":
        return change("order_trigger_send_out", (_account, found) => void triggerSendOut(found.order, subId ?? ""));
      case "PATCH captures * extend-due-date":
        return change(
          "order_extend_due_date",
          (_account, found, body) => void extendDueDate(classic, found.order, subId ?? "", body),
        );
      case "POST refunds":
        return change("order_refund", (account, found, body) =>
          created("refunds", "refund-id", addRefund(classic, account, found, body).refund_id),
        );
      case "GET refunds *":
        return read("order_read_refund", (found) => readRefund(found, subId ?? ""));
      default:
        return null;
    }
  }

  function routeOf(call: ApiCall): Route | null {
    const parts = call.path.split("/").slice(1);
    if (parts.at(-1) === "") parts.pop();
    const [api, , ...rest] = parts;
    switch (api) {
      case "payments":
        return sessionRoute(call.method, rest);
      case "iss":
        return distributionRoute(call.method, rest);
      case "hpp":
        return hppRoute(call.method, rest);
      default:
        return orderRoute(call.method, rest);
    }
  }

  /**
   * Who calls: a merchant with user and password, or the Acquiring Partner's key with the Partner account named in the
   * older header.
   */
  function accountOfCall(call: ApiCall): Account {
    const header = call.header("authorization") ?? "";
    const denied = new ClassicError(
      401,
      call.path.startsWith("/payments/") || call.path.startsWith("/iss/") ? "PERMISSION_DENIED" : "UNAUTHORIZED",
      "The API credentials are missing or not correct.",
    );
    if (header.slice(0, 6).toLowerCase() !== "basic ") throw denied;
    const given = header.slice(6).trim();
    const decoded = Buffer.from(given, "base64").toString("utf8");
    const colon = decoded.indexOf(":");
    const password = decoded.slice(colon + 1);
    const credential = colon < 0 ? undefined : sim.state.classicCredentials.get(decoded.slice(0, colon));
    if (credential !== undefined && credential.password === password) {
      if (!credential.is_active) throw new ClassicError(403, "MERCHANT_INACTIVE", "The merchant is not active.");
      return getAccount(sim, credential.account_id);
    }
    const key = sim.settings().api_key;
    const partner = call.header("klarna-partner-account");
    if (partner === undefined || (given !== key && (colon < 0 || password !== key))) throw denied;
    try {
      return getAccount(sim, decodeURIComponent(partner));
    } catch {
      throw denied;
    }
  }

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

  function factsOf(call: ApiCall, account: Account, body: unknown): Facts {
    const id = call.path.split("/")[4];
    const session = id === undefined ? undefined : sim.state.classicSessions.get(id);
    const order = id === undefined ? undefined : sim.state.classicOrders.get(id);
    const isOwn = (owner: { account_id: string } | undefined): boolean => owner?.account_id === account.account_id;
    const reference = isOwn(session)
      ? session?.merchant_reference1
      : isOwn(order)
        ? order?.merchant_reference1
        : undefined;
    return {
      purchase_reference: textAt(body, "merchant_reference1") ?? reference ?? undefined,
      amount: numberAt(body, "order_amount") ?? numberAt(body, "captured_amount") ?? numberAt(body, "refunded_amount"),
    };
  }

  function faultOf(call: ApiCall, route: Route, account: Account, facts: Facts): Fault | null {
    const made = (kind: FaultKind, delayMs: number | null = null): Fault => ({
      fault_id: "-",
      operation: "-",
      account: null,
      match: {},
      kind,
      delay_ms: delayMs,
      times: 1,
      hits: 1,
    });
    const asked = call.header("x-simulator-fault");
    if (asked !== undefined) {
      const [kind, ...options] = asked.split(";").map((part) => part.trim());
      const parsed = FaultKindSchema.safeParse(kind);
      if (!parsed.success) throw new ClassicError(400, "BAD_REQUEST", `X-Simulator-Fault: unknown kind ${kind ?? ""}.`);
      const delay = options.find((option) => option.startsWith("delay_ms="))?.slice("delay_ms=".length);
      return made(parsed.data, delay === undefined ? null : Number(delay));
    }
    const armed = takeFault(sim, route.operation, account.account_id, facts);
    if (armed !== null) return armed;
    if (route.operation !== "classic_create_session" || facts.amount === undefined) return null;
    const trigger = triggerOf(sim, account, facts.amount);
    const once = `classic ${trigger} ${account.account_id} ${facts.purchase_reference ?? "-"}`;
    if (trigger === "08" && fireOnce(sim, once)) return made("status_500");
    if (trigger === "09" && fireOnce(sim, once)) return made("status_429");
    if (trigger === "10" && fireOnce(sim, once)) return made("slow", SLOW_MS);
    return null;
  }

  function systemError(call: ApiCall): ClassicError {
    const code: ClassicErrorCode = call.path.startsWith("/payments/") ? "UNKNOWN" : "INTERNAL_ERROR";
    return new ClassicError(500, code, "Something went wrong on our side.");
  }

  async function runOnce(
    call: ApiCall,
    route: Route,
    account: Account,
    body: { text: string; value: unknown },
    key: string | undefined,
    correlationId: string,
    onReplay: () => void,
  ): Promise<Outcome> {
    const answerId = `${account.account_id} classic ${key}`;
    const isKeyed = route.isKeyed && key !== undefined;
    const conflict = (message: string): Outcome => {
      const code = call.path.startsWith("/ordermanagement/") ? "CONFLICT" : "BAD_VALUE";
      return { status: 409, body: classicErrorBody(new ClassicError(409, code, message), correlationId) };
    };
    const fingerprint = isKeyed
      ? createHash("sha1").update(`${call.method} ${call.path}\n${body.text}`).digest("base64")
      : "";
    if (isKeyed) {
      if (running.has(answerId)) return conflict("A call with this idempotency key is still running.");
      const known = sim.state.answers.get(answerId);
      if (known !== undefined && known.expires_at > nowFor(sim, account)) {
        if (known.fingerprint !== fingerprint) return conflict("The idempotency key was used with another request.");
        onReplay();
        // An answer without a body may carry headers, such as where the new thing stands.
        const location = known.body.startsWith("location:") ? known.body.slice("location:".length) : null;
        if (location !== null) return { status: known.status, body: null, headers: { location } };
        return { status: known.status, body: known.body === "" ? null : known.body };
      }
      running.add(answerId);
    }
    try {
      let outcome: Outcome;
      try {
        outcome = route.run(account, body.value);
      } catch (error) {
        if (!(error instanceof ClassicError)) throw error;
        outcome = { status: error.status, body: classicErrorBody(error, correlationId) };
      }
      if (isKeyed && outcome.status < 500 && outcome.status !== 409 && outcome.status !== 429) {
        const location = outcome.headers?.location;
        sim.state.answers.put({
          id: answerId,
          fingerprint,
          status: outcome.status,
          body: outcome.body ?? (location === undefined ? "" : `location:${location}`),
          expires_at: nowFor(sim, account) + IDEMPOTENCY_MEMORY_MS,
        });
      }
      await sim.state.durable();
      return outcome;
    } finally {
      running.delete(answerId);
    }
  }

  async function handle(call: ApiCall): Promise<ApiAnswer> {
    const startedAt = performance.now();
    const correlationId = newUuid();
    const headers: Record<string, string> = { "klarna-correlation-id": correlationId };
    const route = routeOf(call);
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
      account = accountOfCall(call);
      if (route === null) throw new ClassicError(404, "NOT_FOUND", "There is no such operation.");
      countCall(account, route.operation);
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
      facts = factsOf(call, account, body.value);
      fault = faultOf(call, route, account, facts);
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
          await pause(fault.delay_ms ?? SLOW_MS);
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
          await pause(fault.delay_ms ?? SLOW_MS);
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

/** User and password of a merchant, in the shape that Klarna hands them out. */
export function createCredential(classic: Classic, account: Account) {
  const credential = {
    username: `PK${String(randomInt(100_000)).padStart(5, "0")}_${newUuid().replaceAll("-", "").slice(0, 12)}`,
    password: `klarna_test_classic_${newUuid().replaceAll("-", "")}`,
    account_id: account.account_id,
    is_active: true,
    created_at: nowFor(classic.sim, account),
  };
  classic.sim.state.classicCredentials.put(credential);
  return credential;
}

/** What a merchant with this user and password sends as `Authorization`. */
export function authorizationOf({ username, password }: ClassicCredential): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
