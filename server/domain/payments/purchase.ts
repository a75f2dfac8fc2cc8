import type { ServiceContext } from "@/server/context";
import { isEqualSecret } from "@/server/db/secrets";
import type { Purchase } from "./klarna";
import type { PaymentRow } from "./rows";

/* The encrypted part of a payment, and where the customer's browser goes when Klarna is done with it. */

/** Where a payment's customer data is encrypted. */
export function purchasePlace(payment: Pick<PaymentRow, "id" | "partnerId">): string {
  return `payments|purchase_secret|${payment.id}|${payment.partnerId}`;
}

const EMPTY: Purchase = { customer: null, shipping: null, klarna: null, back: null, shortCode: null };

export function openPurchase(
  ctx: Pick<ServiceContext, "secrets">,
  payment: Pick<PaymentRow, "id" | "partnerId" | "purchaseSecret">,
): Purchase {
  if (payment.purchaseSecret === null) return EMPTY;
  return {
    ...EMPTY,
    ...(JSON.parse(ctx.secrets.open(payment.purchaseSecret, purchasePlace(payment))) as Partial<Purchase>),
  };
}

/** Null where there is nothing to keep. */
export function sealPurchase(
  ctx: Pick<ServiceContext, "secrets">,
  payment: Pick<PaymentRow, "id" | "partnerId">,
  purchase: Purchase,
): string | null {
  if (Object.values(purchase).every((part) => part === null)) return null;
  return ctx.secrets.seal(JSON.stringify(purchase), purchasePlace(payment));
}

const RETURN_PURPOSE = "return";

/** What the address that Klarna sends the customer back to carries, so that only this customer is sent on from there. */
export function issueReturnToken(ctx: Pick<ServiceContext, "secrets">, paymentId: string): string {
  return ctx.secrets.hash(paymentId, RETURN_PURPOSE).slice(0, 43);
}

export function isReturnToken(ctx: Pick<ServiceContext, "secrets">, paymentId: string, token: string): boolean {
  return isEqualSecret(issueReturnToken(ctx, paymentId), token);
}

/**
 * Our address for the customer who comes back from Klarna, with Klarna's placeholders for what it knows by then. What they
 * say is a hint for how long to wait, nothing more: the outcome comes by webhook and read.
 */
export function ownReturnUrl(ctx: Pick<ServiceContext, "secrets" | "env">, paymentId: string): string {
  const token = issueReturnToken(ctx, paymentId);
  return `${ctx.env.PUBLIC_URL}/pay/${paymentId}/return?t=${token}&state={klarna.payment_request.state}`;
}

/** The Partner's address with the payment's id and its status as we know it, its own query and fragment untouched. */
export function partnerReturnUrl(url: string, payment: { id: string; status: string }): string {
  const at = url.indexOf("#");
  const base = at === -1 ? url : url.slice(0, at);
  const fragment = at === -1 ? "" : url.slice(at);
  const joint = !base.includes("?") ? "?" : base.endsWith("?") || base.endsWith("&") ? "" : "&";
  return `${base}${joint}payment_id=${payment.id}&status=${payment.status}${fragment}`;
}
