import { z } from "zod";
import { iso, newUuid } from "../ids";
import type { Account } from "../model";
import { nowFor } from "../simulator";
import type { Classic } from "./context";
import { badValue, ClassicError, parseClassic } from "./errors";
import type { ClassicSession, HppSession, HppStatus } from "./model";
import { checkCallbackUrl } from "./session-bodies";
import { isOpenSession, moveSession, touchSession } from "./session-states";
import { getSession } from "./sessions";

/** Hosted page sessions: the older way to show a payment session to a customer. */

const SESSION_MS = 48 * 3_600_000;

const UrlSchema = z.string().max(2_000).optional();

const BodySchema = z.looseObject({
  payment_session_url: z.string().max(2_000),
  merchant_urls: z
    .looseObject({
      success: UrlSchema,
      cancel: UrlSchema,
      back: UrlSchema,
      failure: UrlSchema,
      error: UrlSchema,
      status_update: UrlSchema,
    })
    .optional(),
  options: z
    .looseObject({
      place_order_mode: z.enum(["PLACE_ORDER", "CAPTURE_ORDER", "NONE"]).default("NONE"),
      purchase_type: z.string().optional(),
    })
    .optional(),
});

export function createHpp(classic: Classic, account: Account, body: unknown): HppSession {
  const input = parseClassic(BodySchema, body);
  const sessionId = /\/payments\/v1\/sessions\/([^/?#]+)$/.exec(input.payment_session_url)?.[1];
  if (sessionId === undefined) throw badValue("payment_session_url", "is not the address of a payment session");
  const session = getSession(classic, account, sessionId);
  if (session.status === "COMPLETED") throw new ClassicError(404, "SESSION_COMPLETED", "The session is completed.");
  if (!isOpenSession(session) || session.distribution !== null) {
    throw new ClassicError(403, "INVALID_OPERATION", "The payment session is shown to the customer in another way.");
  }
  const urls = input.merchant_urls ?? {};
  if (urls.status_update !== undefined) checkCallbackUrl(classic, "merchant_urls.status_update", urls.status_update);
  const now = nowFor(classic.sim, account);
  const hpp: HppSession = {
    hpp_session_id: newUuid(),
    account_id: account.account_id,
    session_id: session.session_id,
    place_order_mode: input.options?.place_order_mode ?? "NONE",
    merchant_urls: {
      success: urls.success ?? null,
      cancel: urls.cancel ?? null,
      back: urls.back ?? null,
      failure: urls.failure ?? null,
      error: urls.error ?? null,
      status_update: urls.status_update ?? null,
    },
    status: "WAITING",
    distributions: [],
    created_at: now,
    updated_at: now,
    expires_at: Math.min(now + SESSION_MS, session.expires_at),
  };
  session.hpp_session_id = hpp.hpp_session_id;
  classic.sim.state.classicSessions.put(session);
  classic.sim.state.hppSessions.put(hpp);
  return hpp;
}

export function getHpp(classic: Classic, account: Account, id: string): HppSession {
  const hpp = classic.sim.state.hppSessions.get(id);
  if (hpp === undefined || hpp.account_id !== account.account_id) {
    throw new ClassicError(404, "NOT_FOUND", "The hosted page session does not exist.");
  }
  return touchHpp(classic, hpp);
}

function isOpenHpp(hpp: HppSession): boolean {
  return ["WAITING", "BACK", "IN_PROGRESS", "MANUAL_ID_CHECK"].includes(hpp.status);
}

export function touchHpp(classic: Classic, hpp: HppSession): HppSession {
  const account = classic.sim.state.accounts.get(hpp.account_id);
  if (isOpenHpp(hpp) && nowFor(classic.sim, account) >= hpp.expires_at) setHppStatus(classic, hpp, "TIMEOUT");
  return hpp;
}

function resultOf(classic: Classic, hpp: HppSession): Record<string, unknown> {
  const session = classic.sim.state.classicSessions.get(hpp.session_id);
  const orderId = hpp.status === "COMPLETED" ? (session?.order_id ?? null) : null;
  const order = orderId === null ? undefined : classic.sim.state.classicOrders.get(orderId);
  const token = hpp.status === "COMPLETED" ? (session?.authorization_token ?? null) : null;
  return {
    session_id: hpp.hpp_session_id,
    status: hpp.status,
    ...(order === undefined ? {} : { order_id: order.order_id, klarna_reference: order.klarna_reference }),
    ...(token === null || order !== undefined ? {} : { authorization_token: token }),
    updated_at: iso(hpp.updated_at),
    expires_at: iso(hpp.expires_at),
  };
}

/** Klarna's words in a merchant's address. */
export function fillMerchantUrl(classic: Classic, hpp: HppSession, url: string): string {
  const session = classic.sim.state.classicSessions.get(hpp.session_id);
  const values: Record<string, string> = {
    session_id: hpp.hpp_session_id,
    order_id: session?.order_id ?? "",
    authorization_token: session?.authorization_token ?? "",
  };
  return url.replace(/\{\{(session_id|order_id|authorization_token)\}\}/g, (_all, name: string) =>
    encodeURIComponent(values[name] ?? ""),
  );
}

export function setHppStatus(classic: Classic, hpp: HppSession, status: HppStatus): void {
  if (hpp.status === status) return;
  hpp.status = status;
  hpp.updated_at = nowFor(classic.sim, classic.sim.state.accounts.get(hpp.account_id));
  classic.sim.state.hppSessions.put(hpp);
  const target = hpp.merchant_urls.status_update;
  const session = classic.sim.state.classicSessions.get(hpp.session_id);
  if (target === null || session === undefined) return;
  classic.callbacks.notify({
    account_id: hpp.account_id,
    session_id: hpp.session_id,
    kind: "hpp",
    url: fillMerchantUrl(classic, hpp, target),
    status_word: status,
    body: JSON.stringify({ event_id: newUuid(), session: resultOf(classic, hpp) }),
    amount: session.order_amount,
    reference: session.merchant_reference1,
  });
}

/** The hosted page that shows a session, while it can change. */
export function openHppOf(classic: Classic, session: ClassicSession): HppSession | null {
  const hpp = session.hpp_session_id === null ? undefined : classic.sim.state.hppSessions.get(session.hpp_session_id);
  if (hpp === undefined) return null;
  return isOpenHpp(touchHpp(classic, hpp)) ? hpp : null;
}

export function createdHppView(classic: Classic, hpp: HppSession): Record<string, unknown> {
  const base = classic.sim.publicUrl();
  const address = `${base}/hpp/v1/sessions/${hpp.hpp_session_id}`;
  return {
    session_id: hpp.hpp_session_id,
    session_url: address,
    redirect_url: `${base}/eu/in-store/${hpp.session_id}/start`,
    qr_code_url: `${base}/qr/in-store/${hpp.session_id}.png`,
    distribution_url: `${address}/distribution`,
    manual_identification_check_url: `${address}/manual-id-check`,
    expires_at: iso(hpp.expires_at),
    distribution_module: {
      token: hpp.hpp_session_id,
      standalone_url: `${base}/eu/in-store/${hpp.session_id}/start`,
      generation_url: `${address}/distribution`,
    },
  };
}

export function hppView(classic: Classic, hpp: HppSession): Record<string, unknown> {
  return resultOf(classic, hpp);
}

export function disableHpp(classic: Classic, account: Account, id: string): void {
  const hpp = getHpp(classic, account, id);
  if (!isOpenHpp(hpp)) throw new ClassicError(403, "INVALID_OPERATION", `The hosted page session is ${hpp.status}.`);
  setHppStatus(classic, hpp, "DISABLED");
  const session = classic.sim.state.classicSessions.get(hpp.session_id);
  if (session !== undefined && isOpenSession(touchSession(classic, session))) {
    moveSession(classic, session, "CANCELLED");
  }
}

const DistributionBodySchema = z.looseObject({
  method: z.enum(["sms", "email", "token", "SMS", "EMAIL", "TOKEN"]),
  contact_information: z
    .looseObject({
      email: z.string().max(320).optional(),
      phone: z.string().max(40).optional(),
      phone_country: z
        .string()
        .regex(/^[A-Za-z]{2}$/, "is not a country code")
        .optional(),
    })
    .optional(),
  template: z.enum(["INSTORE_PURCHASE", "PAY_NOW"]).optional(),
});

/** Sends the link to the customer. The simulator writes down to whom, and sends nothing. */
export function distributeHpp(classic: Classic, account: Account, id: string, body: unknown): void {
  const hpp = getHpp(classic, account, id);
  const input = parseClassic(DistributionBodySchema, body);
  const method = input.method.toLowerCase();
  const contact = input.contact_information ?? {};
  if (method === "sms" && (contact.phone === undefined || contact.phone_country === undefined)) {
    throw badValue("contact_information.phone", "and phone_country are needed for a text message");
  }
  if (method === "email" && contact.email === undefined) {
    throw badValue("contact_information.email", "is needed for an e-mail");
  }
  if (!isOpenHpp(hpp)) throw new ClassicError(403, "INVALID_OPERATION", `The hosted page session is ${hpp.status}.`);
  hpp.distributions.push({ method, contact, at: nowFor(classic.sim, account) });
  classic.sim.state.hppSessions.put(hpp);
}
