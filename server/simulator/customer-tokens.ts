import { z } from "zod";
import { type CustomerToken, type Scope, ScopeSchema, type TokenRequest } from "./customer-tokens-model";
import { invalid, SimulatedError } from "./errors";
import { newUuid } from "./ids";
import { personOf } from "./markets";
import type { Account } from "./model";
import { nowFor, type Simulator } from "./simulator";

/** Saved customers: what a token may do, and its end. */

const TokenRequestInputSchema = z.looseObject({
  scopes: z
    .array(ScopeSchema)
    .min(1)
    .refine((scopes) => new Set(scopes).size === scopes.length, "must be unique"),
  customer_token_reference: z.string().min(1).max(255).optional(),
});

/** Checks `request_customer_token` and that the data its scopes need is there. */
export function parseTokenRequest(
  raw: unknown,
  data: { ondemand_service?: unknown; subscriptions?: unknown[] | undefined } | undefined,
): TokenRequest {
  const parsed = TokenRequestInputSchema.safeParse(raw);
  if (!parsed.success) {
    throw new SimulatedError(
      "VALIDATION_ERROR",
      undefined,
      parsed.error.issues.map((issue) => ({
        parameter: ["request_customer_token", ...issue.path.map(String)].join("."),
        reason: issue.message,
      })),
    );
  }
  const { scopes, customer_token_reference } = parsed.data;
  if (scopes.includes("payment:customer_present") && data?.ondemand_service === undefined) {
    throw invalid("supplementary_purchase_data.ondemand_service", "is required for payment:customer_present");
  }
  if (scopes.includes("payment:customer_not_present") && (data?.subscriptions?.length ?? 0) === 0) {
    throw invalid("supplementary_purchase_data.subscriptions", "is required for payment:customer_not_present");
  }
  return { scopes, customer_token_reference: customer_token_reference ?? null };
}

function newCustomerToken(): string {
  return `krn:customer-token:eu1:${newUuid()}`;
}

export function issueCustomerToken(
  sim: Simulator,
  account: Account,
  input: TokenRequest & { country: string; phone: string | null; payment_request_id: string | null },
): CustomerToken {
  const token: CustomerToken = {
    customer_token: newCustomerToken(),
    customer_token_reference: input.customer_token_reference,
    account_id: account.account_id,
    scopes: input.scopes,
    status: "ACTIVE",
    persona: "approved",
    country: input.country,
    phone: input.phone ?? personOf(input.country).approvedPhone,
    payment_request_id: input.payment_request_id,
    issued_at: nowFor(sim, account),
    revoked_at: null,
    revoked_by: null,
  };
  sim.state.customerTokens.put(token);
  return token;
}

/** The token as answers show it. */
export function customerTokenView(token: CustomerToken): Record<string, unknown> {
  return {
    customer_token: token.customer_token,
    ...(token.customer_token_reference === null ? {} : { customer_token_reference: token.customer_token_reference }),
    scopes: token.scopes,
  };
}

export type ChargeMode = "present" | "not_present";

/** Whether a token of this account may be charged in this way now. */
export function usableToken(
  sim: Simulator,
  account: Account,
  value: string,
  mode: ChargeMode,
): { token: CustomerToken } | { refusal: string } {
  const token = sim.state.customerTokens.get(value);
  if (token === undefined || token.account_id !== account.account_id) return { refusal: "customer_token_unknown" };
  if (token.status !== "ACTIVE") return { refusal: `customer_token_${token.status.toLowerCase()}` };
  const needed: Scope = mode === "present" ? "payment:customer_present" : "payment:customer_not_present";
  return token.scopes.includes(needed) ? { token } : { refusal: "customer_token_scope" };
}

export function revokeCustomerToken(
  sim: Simulator,
  account: Account,
  token: CustomerToken,
  by: "PARTNER" | "CUSTOMER" | "KLARNA",
): void {
  token.status = "REVOKED";
  token.revoked_at = nowFor(sim, account);
  token.revoked_by = by;
  sim.state.customerTokens.put(token);
  sim.emit({
    account,
    type: "payment.token.state-change.revoked",
    subjectId: token.customer_token,
    facts: {},
    payload: {
      customer_token: token.customer_token,
      ...(token.customer_token_reference === null ? {} : { customer_token_reference: token.customer_token_reference }),
      status: token.status,
      previous_status: "ACTIVE",
      revoked_by: by,
      scopes: token.scopes,
    },
  });
}
