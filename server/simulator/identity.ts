import { randomBytes } from "node:crypto";
import { z } from "zod";
import { revokeCustomerToken } from "./customer-tokens";
import type { CustomerToken, ShoppingSession } from "./customer-tokens-model";
import { invalid, SimulatedError } from "./errors";
import { iso, newSessionToken, newUuid } from "./ids";
import type { Account } from "./model";
import { interoperabilityOf } from "./presentation";
import { createCompletedRequest, parseBody, parseCurrency } from "./requests";
import { type ApiCall, NO_FACTS, ok, type Router } from "./routing";
import { customerTokenOf } from "./session-tokens";
import { getAccount, nowFor, type Simulator } from "./simulator";

/** Customer tokens read and revoked, the tokens that browsers use in their place, and shopping sessions for tests. */

const SDK_TOKEN_MS = 30 * 60_000;

function introspection(token: CustomerToken): Record<string, unknown> {
  return {
    status: token.status,
    scopes: token.scopes,
    issued_at: token.issued_at,
    ...(token.customer_token_reference === null ? {} : { customer_token_reference: token.customer_token_reference }),
  };
}

function tokenOfHeader(sim: Simulator, account: Account, call: ApiCall): CustomerToken {
  const value = customerTokenOf(call);
  if (value === undefined || value === "") throw invalid("Klarna-Customer-Token", "is required");
  if (value.length > 1024) throw invalid("Klarna-Customer-Token", "must have at most 1024 characters");
  const token = sim.state.customerTokens.get(value);
  if (token === undefined) throw new SimulatedError("RESOURCE_NOT_FOUND", "The customer token does not exist.");
  if (token.account_id !== account.account_id) {
    throw new SimulatedError("OPERATION_FORBIDDEN", "The customer token belongs to another account.");
  }
  return token;
}

function requireActive(token: CustomerToken): CustomerToken {
  if (token.status === "REVOKED") throw new SimulatedError("RESOURCE_GONE", "The customer token has been revoked.");
  return token;
}

const TestTokenSchema = z.looseObject({
  customer_journey: z.enum([
    "KLARNA_EXPRESS_CHECKOUT",
    "SIGN_IN_WITH_KLARNA",
    "KLARNA_PRE_QUALIFICATION",
    "KLARNA_ACCOUNT_LINKING",
  ]),
  /** Ours: an Express session for this sum only; without it any sum may be authorized once. */
  amount: z.int().min(1).max(2_147_483_647).optional(),
  currency: z.string().optional(),
});

function createTestToken(sim: Simulator, account: Account, call: ApiCall, body: unknown): Record<string, unknown> {
  const input = parseBody(TestTokenSchema, body);
  const given = customerTokenOf(call);
  if (given !== undefined) requireActive(tokenOfHeader(sim, account, call));
  if (input.customer_journey === "KLARNA_EXPRESS_CHECKOUT") {
    const currency = input.currency === undefined ? null : parseCurrency(input.currency);
    const request = createCompletedRequest(sim, account, { amount: input.amount ?? null, currency });
    return tokenNames(request.session_token ?? "");
  }
  const session: ShoppingSession = {
    session_token: newSessionToken(),
    shopping_session_id: `krn:shopping:eu1:session:${newUuid()}`,
    account_id: account.account_id,
    customer_journey: input.customer_journey,
    customer_token: given ?? null,
    created_at: nowFor(sim, account),
  };
  sim.state.shoppingSessions.put(session);
  return tokenNames(session.session_token);
}

function tokenNames(token: string): Record<string, unknown> {
  return { interoperability_token: token, klarna_network_session_token: token };
}

/** Identity and interoperability of one Partner account. */
export function createCustomerTokenRouter(sim: Simulator): Router {
  function sdkToken(account: Account): Record<string, unknown> {
    return {
      sdk_token: `klarna_test_sdk_${randomBytes(24).toString("base64url")}`,
      expires_at: iso(nowFor(sim, account) + SDK_TOKEN_MS),
    };
  }

  return (call, parts) => {
    const [version, area, accountId, product, noun, verb] = parts;
    if (version !== "v2" || area !== "accounts" || accountId === undefined) return null;
    const { method } = call;
    const on = (operation: string, work: (account: Account, body: unknown) => unknown, status = 200) => ({
      operation,
      accountId,
      category: "payment-presentation" as const,
      facts: NO_FACTS,
      run: (_account: Account | null, body: unknown) => ok(work(getAccount(sim, accountId), body), status),
    });
    if (product === "identity" && method === "POST") {
      if ((noun === "customer-tokens" || noun === "customer-token") && parts.length === 6) {
        if (verb === "introspect") {
          return on("introspect_token", (account) => introspection(requireActive(tokenOfHeader(sim, account, call))));
        }
        if (verb !== "revoke") return null;
        return on("revoke_token", (account) => {
          const token = requireActive(tokenOfHeader(sim, account, call));
          revokeCustomerToken(sim, account, token, "PARTNER");
          return introspection(token);
        });
      }
      if ((noun === "sdk-tokens" || noun === "sdk-token") && parts.length === 5) {
        return on(
          "create_sdk_token",
          (account) => {
            requireActive(tokenOfHeader(sim, account, call));
            return sdkToken(account);
          },
          201,
        );
      }
      return null;
    }
    if (product !== "interoperability") return null;
    if (noun === undefined && method === "GET") {
      return on("read_interoperability", (account) => interoperabilityOf(sim, account, call));
    }
    if (parts.length !== 5 || method !== "POST") return null;
    if (noun === "sdk-tokens" || noun === "sdk-token") {
      return on(
        "create_session_sdk_token",
        (account) => {
          const value = call.header("klarna-interoperability-token") ?? call.header("klarna-network-session-token");
          if (value === undefined || value === "") throw invalid("Klarna-Network-Session-Token", "is required");
          return sdkToken(account);
        },
        201,
      );
    }
    if (noun === "test-tokens" || noun === "test-token") {
      return on("create_test_token", (account, body) => createTestToken(sim, account, call, body), 201);
    }
    return null;
  };
}
