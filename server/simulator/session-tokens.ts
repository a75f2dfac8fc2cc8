import type { Account, PaymentRequest } from "./model";
import type { ApiCall } from "./routing";
import { nowFor, type Simulator, switchOf } from "./simulator";

/** Tokens that calls carry in their headers, under the names of the generation that the account speaks. */

const SESSION_HEADERS = {
  legacy: ["klarna-payment-token", "klarna-interoperability-token"],
  current: ["klarna-network-session-token"],
  both: ["klarna-network-session-token", "klarna-payment-token", "klarna-interoperability-token"],
} as const;

export function sessionTokensOf(sim: Simulator, account: Account | undefined, call: ApiCall): string[] {
  const names: readonly string[] = SESSION_HEADERS[switchOf(sim, account, "names")];
  return names.flatMap((name) => {
    const token = call.header(name);
    return token === undefined || token === "" ? [] : [token];
  });
}

export function customerTokenOf(call: ApiCall): string | undefined {
  return call.header("klarna-customer-token") ?? call.header("x-klarna-customer-token");
}

/** The request that a token header proves finished, if the token is one of ours and of this account. */
export function requestOfTokens(sim: Simulator, account: Account, tokens: readonly string[]): PaymentRequest | null {
  for (const token of tokens) {
    const requestId = sim.tokens.get(token);
    const request = requestId === undefined ? undefined : sim.state.requests.get(requestId);
    if (request !== undefined && request.account_id === account.account_id) return request;
  }
  return null;
}

/** Whether the customer has finished and only the authorization is missing. */
export function isPendingAuthorization(sim: Simulator, account: Account, request: PaymentRequest | null): boolean {
  if (request === null || request.state !== "COMPLETED" || request.final !== null) return false;
  const now = nowFor(sim, account);
  return now - (request.completed_at ?? now) <= switchOf(sim, account, "final_window_ms");
}
