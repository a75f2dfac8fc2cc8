import { z } from "zod";
import { newUuid } from "../ids";
import type { Account } from "../model";
import { nowFor } from "../simulator";
import type { Classic } from "./context";
import { ClassicError, parseClassic } from "./errors";
import type { Authorization, ClassicOrder, ClassicSession } from "./model";
import { placeOrder } from "./orders";
import { checkSum, OrderLinesSchema } from "./parts";

/** Authorization tokens: what a finished journey leaves behind when nobody asked Klarna to place the order. */

function getAuthorization(classic: Classic, account: Account, token: string): Authorization {
  const authorization = classic.sim.state.classicAuthorizations.get(token);
  const isThere =
    authorization !== undefined &&
    authorization.account_id === account.account_id &&
    !authorization.is_released &&
    authorization.expires_at > nowFor(classic.sim, account);
  if (!isThere) throw new ClassicError(404, "NOT_FOUND", "The authorization does not exist, or is over.");
  return authorization;
}

function requireUnused(authorization: Authorization): void {
  if (authorization.used_for !== null) {
    throw new ClassicError(403, "INVALID_OPERATION", "The authorization has been used.");
  }
}

function sessionOf(classic: Classic, authorization: Authorization): ClassicSession {
  const session = classic.sim.state.classicSessions.get(authorization.session_id);
  if (session === undefined) throw new ClassicError(404, "NOT_FOUND", "The session does not exist.");
  return session;
}

const OrderBodySchema = z.looseObject({
  purchase_country: z.string().optional(),
  purchase_currency: z.string().optional(),
  locale: z.string().optional(),
  order_amount: z.int().min(0),
  order_tax_amount: z.int().min(0).optional(),
  order_lines: OrderLinesSchema,
  merchant_reference1: z.string().max(255).optional(),
  merchant_reference2: z.string().max(255).optional(),
  auto_capture: z.boolean().optional(),
});

export function createOrder(
  classic: Classic,
  account: Account,
  token: string,
  body: unknown,
): { order: ClassicOrder; redirectUrl: string } {
  const authorization = getAuthorization(classic, account, token);
  const input = parseClassic(OrderBodySchema, body);
  requireUnused(authorization);
  const session = sessionOf(classic, authorization);
  checkSum(input.order_amount, input.order_lines);
  const isSame =
    input.order_amount === session.order_amount &&
    (input.purchase_currency ?? session.purchase_currency).toUpperCase() === session.purchase_currency &&
    (input.purchase_country ?? session.purchase_country).toUpperCase() === session.purchase_country;
  if (!isSame) {
    throw new ClassicError(409, "BAD_VALUE", "Bad value: the order differs from what the customer has authorized");
  }
  session.merchant_reference1 = input.merchant_reference1 ?? session.merchant_reference1;
  session.merchant_reference2 = input.merchant_reference2 ?? session.merchant_reference2;
  const order = placeOrder(classic, account, session, {
    placedBy: "MERCHANT",
    isCaptured: input.auto_capture === true,
  });
  session.order_id = order.order_id;
  classic.sim.state.classicSessions.put(session);
  authorization.used_for = order.order_id;
  classic.sim.state.classicAuthorizations.put(authorization);
  return {
    order,
    redirectUrl: `${classic.sim.publicUrl()}/eu/in-store/${session.session_id}/start`,
  };
}

const TokenBodySchema = z.looseObject({
  purchase_country: z.string(),
  purchase_currency: z.string(),
  locale: z.string(),
  description: z.string().max(255),
  intended_use: z.enum(["SUBSCRIPTION", "subscription"]),
});

export function createCustomerToken(
  classic: Classic,
  account: Account,
  token: string,
  body: unknown,
): Record<string, unknown> {
  const authorization = getAuthorization(classic, account, token);
  const input = parseClassic(TokenBodySchema, body);
  requireUnused(authorization);
  const session = sessionOf(classic, authorization);
  if (input.purchase_currency.toUpperCase() !== session.purchase_currency) {
    throw new ClassicError(409, "BAD_VALUE", "Bad value: purchase_currency differs from the authorization");
  }
  const tokenId = newUuid();
  authorization.used_for = tokenId;
  classic.sim.state.classicAuthorizations.put(authorization);
  return { token_id: tokenId, redirect_url: `${classic.sim.publicUrl()}/eu/in-store/${session.session_id}/start` };
}

export function releaseAuthorization(classic: Classic, account: Account, token: string): void {
  const authorization = getAuthorization(classic, account, token);
  requireUnused(authorization);
  authorization.is_released = true;
  classic.sim.state.classicAuthorizations.put(authorization);
}
