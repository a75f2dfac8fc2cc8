import type { ServiceContext } from "@/server/context";
import type { ClassicUser } from "@/server/domain/classic/schema";
import type { ClassicFacts, PaymentRow } from "@/server/domain/payments/rows";

/* What a classic payment begins with, and the words of Klarna's codes. */

const CALLBACK_PURPOSE = "classic_callback";
const CALLBACK_HASH_PURPOSE = "classic_callback_hash";

/** The secret in the callback's address: opens nothing but the question whether this one payment has changed. */
function callbackSecret(ctx: Pick<ServiceContext, "secrets">, paymentId: string): string {
  return ctx.secrets.hash(paymentId, CALLBACK_PURPOSE).slice(0, 43);
}

/** Whether Klarna can call us: it takes https addresses only, and the simulator those of this machine. */
function canBeCalled(env: ServiceContext["env"]): boolean {
  if (!env.KLARNA_CLASSIC_CALLBACKS) return false;
  const url = new URL(env.PUBLIC_URL);
  const isLoopback = url.hostname === "localhost" || url.hostname === "127.0.0.1";
  return url.protocol === "https:" || (isLoopback && env.SIMULATOR_CONTROL_URL !== undefined);
}

/** The facts of a payment that is about to be made. */
export function newClassicFacts(
  ctx: Pick<ServiceContext, "secrets" | "env">,
  paymentId: string,
  user: ClassicUser,
): ClassicFacts {
  return {
    user,
    callbackHash: canBeCalled(ctx.env) ? ctx.secrets.hash(callbackSecret(ctx, paymentId), CALLBACK_HASH_PURPOSE) : null,
    resultPath: null,
    status: null,
    readAt: null,
    orderId: null,
    errorCode: null,
  };
}

/** Where Klarna tells changes of this payment's session; null where it cannot reach us. */
export function callbackUrl(
  ctx: Pick<ServiceContext, "secrets" | "env">,
  payment: Pick<PaymentRow, "id" | "classic">,
): string | null {
  if (!payment.classic || payment.classic.callbackHash === null) return null;
  const base = ctx.env.PUBLIC_URL.replace(/\/$/, "");
  return `${base}/api/klarna/classic/${payment.id}?secret=${callbackSecret(ctx, payment.id)}`;
}

/** The facts of a payment with some of them changed. */
export function withFacts(classic: ClassicFacts | null, change: Partial<ClassicFacts>): ClassicFacts {
  const empty = { callbackHash: null, resultPath: null, status: null, readAt: null, orderId: null, errorCode: null };
  return { ...empty, ...classic, ...change };
}

/** Klarna's word in one spelling. */
export function distributionWord(status: string): string {
  const word = status.toUpperCase();
  return word === "CANCELED" ? "CANCELLED" : word;
}

const DENIED = new Set(["PERMISSION_DENIED", "UNAUTHORIZED", "MERCHANT_INACTIVE", "HTTP_401", "HTTP_403"]);
const BAD = new Set(["BAD_REQUEST", "BAD_VALUE", "UNPROCESSABLE_ENTITY", "INVALID_ADDRESS", "HTTP_400", "HTTP_422"]);

/** Whether a code of Klarna's says that it does not accept the credentials. */
export function isDenied(code: string): boolean {
  return DENIED.has(code.toUpperCase());
}

/**
 * What the till should do about a code of Klarna's, as the failure code of the payment: ask for another short code, mend the
 * data, stop and call for help, or take another way to pay.
 */
export function failureCodeOf(
  code: string,
  launch: PaymentRow["launch"],
): "short_code_refused" | "data_refused" | "klarna_not_permitted" | "klarna_error" {
  const word = code.toUpperCase();
  if (DENIED.has(word)) return "klarna_not_permitted";
  if (BAD.has(word)) return launch === "SHORT_CODE" ? "short_code_refused" : "data_refused";
  return "klarna_error";
}

/** Codes of a failed distribution that mean that the customer was turned down or said no. */
export const REJECTED_CODES: ReadonlySet<string> = new Set(["REJECTED", "DECLINED", "CUSTOMER_REJECTED"]);
/** Codes that mean that nobody paid in time. */
export const EXPIRED_CODES: ReadonlySet<string> = new Set(["SESSION_EXPIRED", "EXPIRED", "TIMEOUT"]);
