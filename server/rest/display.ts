import type { Services } from "@/server/context";
import { languageOf } from "@/server/core/languages";
import { isDisplayToken } from "@/server/domain/payments/service";
import { pathOf, type RestRequest, type RestResponse, readCookie, securityHeaders } from "./http";

/*
 * The customer-facing display has no key. Its address carries a token that opens one payment only; the token is exchanged
 * for cookies at once, bound to the paths of that payment, and leaves the address bar.
 */

const DISPLAY_PATH = /^\/display\/(pay_[0-9A-HJKMNP-TV-Z]{26})$/;
const COOKIE_SECONDS = 172_800;

export function displayCookieName(paymentId: string): string {
  return `tg_display_${paymentId}`;
}

/** Whether the request carries the cookie of this payment's display. */
export function hasDisplayCookie(
  services: Services,
  request: Pick<RestRequest, "headers">,
  paymentId: string,
): boolean {
  const token = readCookie(request.headers.cookie, displayCookieName(paymentId));
  return token !== null && isDisplayToken(services, paymentId, token);
}

/**
 * Answers `GET /display/{payment}?t=…`: cookies and on to the address without the token, 404 for a wrong token.
 * Null when the target is not such an address.
 */
export function exchangeDisplayToken(services: Services, target: string): RestResponse | null {
  const path = pathOf(target);
  const paymentId = DISPLAY_PATH.exec(path)?.[1];
  const query = new URLSearchParams(target.slice(path.length));
  const tokens = query.getAll("t");
  if (paymentId === undefined || tokens.length === 0) return null;
  const isHttps = services.env.PUBLIC_URL.startsWith("https://");
  const headers = securityHeaders(isHttps);
  const token = tokens[0] ?? "";
  if (tokens.length > 1 || !/^[A-Za-z0-9_-]{1,200}$/.test(token) || !isDisplayToken(services, paymentId, token)) {
    return {
      status: 404,
      headers: { ...headers, "content-type": "text/plain; charset=utf-8" },
      body: "There is no such payment.\n",
    };
  }
  const language = languageOf(query.get("lang"));
  const cookie = (cookiePath: string): string =>
    `${displayCookieName(paymentId)}=${token}; Path=${cookiePath}; Max-Age=${COOKIE_SECONDS}; HttpOnly; SameSite=Lax${isHttps ? "; Secure" : ""}`;
  return {
    status: 303,
    headers: {
      ...headers,
      // The language is all that stays of the address.
      location: language === null ? path : `${path}?lang=${language}`,
      "set-cookie": [cookie(path), cookie(`/api/v1/payments/${paymentId}`)].join("\n"),
    },
    body: null,
  };
}
