import { createHash } from "node:crypto";
import { type AuthorizeTokens, authorize } from "./authorize";
import { errorBody, SimulatedError } from "./errors";
import { newUuid } from "./ids";
import { createAccess } from "./management/access";
import {
  type Account,
  type Fault,
  type FaultKind,
  FaultKindSchema,
  IDEMPOTENCY_MEMORY_MS,
  type PaymentRequest,
} from "./model";
import { presentationOf } from "./presentation";
import { categoryOf, createRateLimiter } from "./rate-limits";
import {
  cancelRequest,
  createRequestFromBody,
  factsOfRequest,
  getRequest,
  requestView,
  updateRequest,
} from "./requests";
import {
  type ApiAnswer,
  type ApiCall,
  bodyBytesMaxOf,
  NO_FACTS,
  numberAt,
  type Outcome,
  ok,
  type Route,
  type Router,
  textAt,
} from "./routing";
import { CALL_FAULTS, fireOnce, spoil, takeFault, triggerOf } from "./scenarios";
import { customerTokenOf, requestOfTokens, sessionTokensOf } from "./session-tokens";
import { type Facts, getAccount, nowFor, type Simulator, switchOf } from "./simulator";
import {
  captureTransaction,
  factsOfTransaction,
  getTransaction,
  reauthorizeTransaction,
  refundTransaction,
  transactionView,
  updateTransaction,
  voidTransaction,
} from "./transactions";
import {
  createSigningKey,
  createWebhook,
  deleteSigningKey,
  getWebhook,
  listSigningKeys,
  readSigningKey,
  updateWebhook,
  type WebhookSender,
  webhookView,
} from "./webhooks";

/** The Klarna Network API under /v2: one call in, one answer out, independent of how it is carried. */

const HEADER_BYTES_MAX = 6 * 1024;
const HEADERS_BYTES_MAX = 20 * 1024;
const SLOW_MS = 3_000;
const LOGGED_BODY_CHARS_MAX = 8_192;

/** What a gateway or a traffic filter in front of the API answers. */
function htmlPage(title: string): string {
  return `<html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>`;
}

function requireAccount(account: Account | null): Account {
  if (account === null) throw new SimulatedError("RESOURCE_NOT_FOUND", "The account does not exist.");
  return account;
}

export function createApi(sim: Simulator, sender: WebhookSender, routers: readonly Router[] = []) {
  const access = createAccess(sim);
  const running = new Set<string>();
  const runningFinals = new Set<string>();
  const rateLimiter = createRateLimiter(sim);

  function tokensOf(call: ApiCall, account: Account | null | undefined): AuthorizeTokens {
    return { sessionTokens: sessionTokensOf(sim, account ?? undefined, call), customerToken: customerTokenOf(call) };
  }

  function paymentRoute(call: ApiCall, accountId: string, parts: string[]): Route | null {
    const [noun, id, sub, subId, subSub] = parts;
    const { method } = call;
    const base = { accountId };
    if (noun === "authorize" && parts.length === 1 && method === "POST") {
      const account = sim.state.accounts.get(accountId);
      const tokens = tokensOf(call, account);
      const finished = account === undefined ? null : requestOfTokens(sim, account, tokens.sessionTokens);
      return {
        ...base,
        operation: finished === null ? "authorize" : "authorize_final",
        facts: (_account, body) => ({
          payment_request_reference: textAt(body, "step_up_config", "payment_request_reference"),
          payment_transaction_reference: textAt(body, "request_payment_transaction", "payment_transaction_reference"),
          purchase_reference: textAt(body, "supplementary_purchase_data", "purchase_reference"),
          amount: numberAt(body, "request_payment_transaction", "amount"),
          store_reference:
            textAt(body, "point_of_checkout", "store_reference") ??
            textAt(body, "step_up_config", "point_of_checkout", "store_reference"),
          email: textAt(body, "supplementary_purchase_data", "customer", "email"),
          ...(finished === null
            ? {}
            : {
                payment_request_id: finished.payment_request_id,
                payment_request_reference: finished.payment_request_reference ?? undefined,
              }),
        }),
        run: (owner, body, forced) => ({
          status: 200,
          body: authorize(sim, requireAccount(owner), body, tokens, forced),
        }),
      };
    }
    if (noun === "presentation" && parts.length === 1 && method === "GET") {
      return {
        ...base,
        operation: "presentation",
        facts: NO_FACTS,
        run: (account) => ({
          status: 200,
          body: JSON.stringify(presentationOf(sim, requireAccount(account), call)),
        }),
      };
    }
    if (noun === "requests" || noun === "request") return requestRoute(call, accountId, parts);
    if (noun !== "transactions" && noun !== "transaction") return null;
    if (id === undefined || parts.length > 5) return null;

    const facts = (account: Account | null, body: unknown): Facts => {
      const transaction = sim.state.transactions.get(id);
      if (transaction === undefined || transaction.account_id !== account?.account_id) return {};
      return {
        ...factsOfTransaction(transaction),
        amount: numberAt(body, "amount") ?? transaction.amount,
      };
    };
    const on = (
      operation: string,
      status: number,
      work: (account: Account, transaction: ReturnType<typeof getTransaction>, body: unknown) => unknown,
    ): Route => ({
      ...base,
      operation,
      facts,
      run(owner, body) {
        const account = requireAccount(owner);
        return {
          status,
          body: JSON.stringify(work(account, getTransaction(sim, account, id), body)),
        };
      },
    });
    if (sub === undefined) {
      if (method === "GET") return on("read_transaction", 200, (_account, transaction) => transactionView(transaction));
      if (method !== "PATCH") return null;
      return on("update_transaction", 200, (account, transaction, body) => {
        updateTransaction(sim, account, transaction, body);
        return transactionView(transaction);
      });
    }
    if (method !== "POST") return null;
    if (sub === "captures" || sub === "capture") {
      if (subId === undefined) {
        return on("capture", 201, (account, transaction, body) => captureTransaction(sim, account, transaction, body));
      }
      if (subSub !== "refunds" && subSub !== "refund") return null;
      return on("refund", 201, (account, transaction, body) =>
        refundTransaction(sim, account, transaction, subId, body),
      );
    }
    if (subId !== undefined) return null;
    if (sub === "refunds" || sub === "refund") {
      return on("refund", 201, (account, transaction, body) =>
        refundTransaction(sim, account, transaction, null, body),
      );
    }
    if (sub === "void" || sub === "voids") {
      return on("void", 200, (account, transaction, body) => voidTransaction(sim, account, transaction, body));
    }
    if (sub === "reauthorize" || sub === "reauthorization" || sub === "reauthorizations") {
      return on("reauthorize", 200, (account, transaction) => {
        reauthorizeTransaction(sim, account, transaction);
        return transactionView(transaction);
      });
    }
    return null;
  }

  function requestRoute(call: ApiCall, accountId: string, parts: string[]): Route | null {
    const id = parts[1];
    const { method } = call;
    if (parts.length > 2) return null;
    if (id === undefined) {
      if (method !== "POST") return null;
      return {
        operation: "create_request",
        accountId,
        facts: (_account, body) => ({
          payment_request_reference: textAt(body, "payment_request_reference"),
          amount: numberAt(body, "amount"),
        }),
        run(owner, body) {
          const account = requireAccount(owner);
          const request = createRequestFromBody(sim, account, body, customerTokenOf(call));
          return {
            status: 201,
            body: JSON.stringify(requestView(sim, account, request)),
          };
        },
      };
    }
    const operation = {
      GET: "read_request",
      PATCH: "update_request",
      DELETE: "cancel_request",
    }[method];
    if (operation === undefined) return null;
    return {
      operation,
      accountId,
      facts(account) {
        const request = sim.state.requests.get(id);
        return request === undefined || request.account_id !== account?.account_id ? {} : factsOfRequest(request);
      },
      run(owner, body) {
        const account = requireAccount(owner);
        const request: PaymentRequest = getRequest(sim, account, id);
        if (method === "PATCH") updateRequest(sim, account, request, body);
        if (method === "DELETE") cancelRequest(sim, account, request);
        return {
          status: 200,
          body: JSON.stringify(requestView(sim, account, request)),
        };
      },
    };
  }

  function notificationRoute(call: ApiCall, parts: string[]): Route | null {
    const [noun, id, sub] = parts;
    const { method } = call;
    if (parts.length > 3) return null;
    const on = (operation: string, run: (body: unknown) => Outcome): Route => ({
      operation,
      accountId: null,
      facts: NO_FACTS,
      run: (_account, body) => run(body),
    });
    if (noun === "signing-keys" && sub === undefined) {
      if (id === undefined) {
        if (method === "POST") return on("create_signing_key", () => ok(createSigningKey(sim), 201));
        if (method === "GET") return on("list_signing_keys", () => ok(listSigningKeys(sim)));
        return null;
      }
      if (method === "GET") return on("read_signing_key", () => ok(readSigningKey(sim, id)));
      if (method !== "DELETE") return null;
      return on("delete_signing_key", () => {
        deleteSigningKey(sim, id);
        return { status: 204, body: null };
      });
    }
    if (noun !== "webhooks") return null;
    if (id === undefined) {
      if (method === "POST") return on("create_webhook", (body) => ok(webhookView(createWebhook(sim, body)), 201));
      if (method === "GET") {
        return on("list_webhooks", () => ok({ webhooks: [...sim.state.webhooks.values()].map(webhookView) }));
      }
      return null;
    }
    if (sub === "simulate" && method === "POST") {
      return on("simulate_webhook", (body) => ok({ event_id: sender.simulate(getWebhook(sim, id), body) }));
    }
    if (sub !== undefined) return null;
    if (method === "GET") return on("read_webhook", () => ok(webhookView(getWebhook(sim, id))));
    if (method === "PATCH") {
      return on("update_webhook", (body) => {
        const webhook = getWebhook(sim, id);
        updateWebhook(sim, webhook, body);
        return ok(webhookView(webhook));
      });
    }
    if (method !== "DELETE") return null;
    return on("delete_webhook", () => {
      sim.state.webhooks.remove(getWebhook(sim, id).webhook_id);
      return { status: 204, body: null };
    });
  }

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
    const [version, area, accountId, product] = parts;
    if (version === "v2" && area === "accounts" && accountId !== undefined && product === "payment") {
      const route = paymentRoute(call, accountId, parts.slice(4));
      if (route !== null) return route;
    }
    if (version === "v2" && area === "notification") return notificationRoute(call, parts.slice(2));
    for (const router of routers) {
      const route = router(call, parts);
      if (route !== null) return route;
    }
    return null;
  }

  function parseBodyOf(call: ApiCall, route: Route): { text: string; value: unknown } {
    if (route.acceptsAnyBody !== true) return parseJson(call);
    return {
      text: createHash("sha1").update(call.body).digest("hex"),
      value: {},
    };
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

  /** The fault for this call: asked for by header, armed in the control panel, or set off by the amount. */
  function faultOf(
    call: ApiCall,
    route: Route,
    account: Account | null,
    facts: Facts,
    body: unknown,
    key: string | undefined,
  ): Fault | null {
    const asked = call.header("x-simulator-fault");
    if (asked !== undefined) {
      const [kind, ...options] = asked.split(";").map((part) => part.trim());
      const parsed = FaultKindSchema.safeParse(kind);
      if (!parsed.success)
        throw new SimulatedError("VALIDATION_ERROR", `X-Simulator-Fault: unknown kind ${kind ?? ""}.`);
      const delay = options.find((option) => option.startsWith("delay_ms="))?.slice("delay_ms=".length);
      return headerFault(parsed.data, delay === undefined ? null : Number(delay));
    }
    const armed = takeFault(sim, route.operation, account?.account_id ?? null, facts);
    if (armed !== null) return armed;
    if (account === null) return null;
    // The first call of a payment is steered by its amount; any later one only by an amount of its own.
    const isFirst = route.operation === "authorize";
    if (!isFirst && !switchOf(sim, account, "operation_triggers")) return null;
    const amount = isFirst ? facts.amount : numberAt(body, "amount");
    if (amount === undefined) return null;
    const trigger = triggerOf(sim, account, amount);
    if (trigger === null) return null;
    const subject = facts.payment_request_reference ?? facts.purchase_reference ?? key ?? "-";
    const place = isFirst ? "" : ` ${route.operation} ${call.path}`;
    const once = `${trigger} ${account.account_id} ${subject}${place}`;
    if (trigger === "08" && fireOnce(sim, once)) return headerFault("status_500", null);
    if (trigger === "09" && fireOnce(sim, once)) return headerFault("status_429", null);
    if (trigger === "10" && fireOnce(sim, once)) return headerFault("slow", SLOW_MS);
    return null;
  }

  function headerFault(kind: FaultKind, delayMs: number | null): Fault {
    return {
      fault_id: "-",
      operation: "-",
      account: null,
      match: {},
      kind,
      delay_ms: delayMs,
      times: 1,
      hits: 1,
    };
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
        session_token: tokensOf(call, account).sessionTokens[0] ?? null,
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

      fault = faultOf(call, route, account, facts, bodyValue, idempotencyKey);
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
          await pause(fault.delay_ms ?? SLOW_MS);
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
      default:
        Object.assign(headers, work.headers);
        return { ...answer(work.status, work.body), bytes: work.bytes };
    }
  }

  /** Runs the operation once per idempotency key and once at a time per token; the answer is on disk when this resolves. */
  async function runOnce(work: {
    call: ApiCall;
    route: Route;
    account: Account | null;
    bodyText: string | null;
    bodyValue: unknown;
    idempotencyKey: string | undefined;
    fault: Fault | null;
    refusal: (error: SimulatedError) => Outcome;
    onReplay: () => void;
  }): Promise<Outcome> {
    const { call, route, account, bodyText, idempotencyKey, fault, refusal } = work;
    const isKeyed = bodyText !== null && idempotencyKey !== undefined;
    const answerId = `${route.accountId ?? "-"} ${idempotencyKey}`;
    const tokens = route.operation === "authorize_final" ? tokensOf(call, account).sessionTokens : [];
    const finished = account === null || tokens.length === 0 ? null : requestOfTokens(sim, account, tokens);
    const finalId = finished?.payment_request_id;
    const fingerprint = isKeyed
      ? createHash("sha1")
          .update(`${call.method} ${call.path} ${tokens.join(" ")} ${customerTokenOf(call) ?? ""}\n${bodyText}`)
          .digest("base64")
      : "";
    if (isKeyed) {
      if (running.has(answerId)) {
        return refusal(new SimulatedError("RESOURCE_CONFLICT", "A call with this idempotency key is still running."));
      }
      const known = sim.state.answers.get(answerId);
      if (known !== undefined && known.expires_at > nowFor(sim, account ?? undefined)) {
        if (known.fingerprint !== fingerprint) {
          return refusal(new SimulatedError("RESOURCE_CONFLICT", "The idempotency key was used with another request."));
        }
        work.onReplay();
        if (fault?.kind === "slow") await pause(fault.delay_ms ?? SLOW_MS);
        return {
          status: known.status,
          body: known.body === "" ? null : known.body,
        };
      }
    }
    if (finalId !== undefined && runningFinals.has(finalId)) {
      return refusal(
        new SimulatedError("RESOURCE_CONFLICT", "This payment request is being authorized by another call."),
      );
    }

    if (isKeyed) running.add(answerId);
    if (finalId !== undefined) runningFinals.add(finalId);
    try {
      let outcome: Outcome;
      try {
        outcome = route.run(account, work.bodyValue, fault?.kind ?? null);
      } catch (error) {
        if (!(error instanceof SimulatedError)) throw error;
        outcome = refusal(error);
      }
      if (isKeyed && outcome.status < 500 && outcome.status !== 409 && outcome.status !== 429) {
        sim.state.answers.put({
          id: answerId,
          fingerprint,
          status: outcome.status,
          body: outcome.body ?? "",
          expires_at: nowFor(sim, account ?? undefined) + IDEMPOTENCY_MEMORY_MS,
        });
      }
      await sim.state.durable();
      if (fault?.kind === "slow") await pause(fault.delay_ms ?? SLOW_MS);
      return outcome;
    } finally {
      if (isKeyed) running.delete(answerId);
      if (finalId !== undefined) runningFinals.delete(finalId);
    }
  }

  return { handle };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
