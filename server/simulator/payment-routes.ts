import { type AuthorizeTokens, authorize } from "./authorize";
import { SimulatedError } from "./errors";
import type { Account, PaymentRequest } from "./model";
import { presentationOf } from "./presentation";
import {
  cancelRequest,
  createRequestFromBody,
  factsOfRequest,
  getRequest,
  requestView,
  updateRequest,
} from "./requests";
import { type ApiCall, NO_FACTS, numberAt, type Route, type Router, textAt } from "./routing";
import { customerTokenOf, requestOfTokens, sessionTokensOf } from "./session-tokens";
import type { Facts, Simulator } from "./simulator";
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

/** Payments of a Partner account: authorize, presentation, payment requests and payment transactions. */

function requireAccount(account: Account | null): Account {
  if (account === null) throw new SimulatedError("RESOURCE_NOT_FOUND", "The account does not exist.");
  return account;
}

function tokensOf(sim: Simulator, call: ApiCall, account: Account | null | undefined): AuthorizeTokens {
  return { sessionTokens: sessionTokensOf(sim, account ?? undefined, call), customerToken: customerTokenOf(call) };
}

function paymentRoute(sim: Simulator, call: ApiCall, accountId: string, parts: string[]): Route | null {
  const [noun, id, sub, subId, subSub] = parts;
  const { method } = call;
  const base = { accountId };
  if (noun === "authorize" && parts.length === 1 && method === "POST") {
    const account = sim.state.accounts.get(accountId);
    const tokens = tokensOf(sim, call, account);
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
  if (noun === "requests" || noun === "request") return requestRoute(sim, call, accountId, parts);
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
    return on("refund", 201, (account, transaction, body) => refundTransaction(sim, account, transaction, subId, body));
  }
  if (subId !== undefined) return null;
  if (sub === "refunds" || sub === "refund") {
    return on("refund", 201, (account, transaction, body) => refundTransaction(sim, account, transaction, null, body));
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

function requestRoute(sim: Simulator, call: ApiCall, accountId: string, parts: string[]): Route | null {
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

export function paymentRouter(sim: Simulator): Router {
  return (call, parts) => {
    const [version, area, accountId, product] = parts;
    if (version !== "v2" || area !== "accounts" || accountId === undefined || product !== "payment") return null;
    return paymentRoute(sim, call, accountId, parts.slice(4));
  };
}
