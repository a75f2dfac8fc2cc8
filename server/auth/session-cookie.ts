import "server-only";
import { cookies, headers } from "next/headers";
import type { Browser } from "./begin-session";
import { clientAddress } from "./client-address";
import { cookieName, cookieOptions } from "./cookies";
import { openToken, sealToken } from "./session-token";
import { webServices } from "./web";

/** Gives the browser the token of a session, or of half a session. */
export async function setSessionCookie(session: { token: string; expiresAt: Date }): Promise<void> {
  const services = webServices();
  (await cookies()).set({
    name: cookieName(services.env, "session"),
    value: await sealToken(services, session.token),
    expires: session.expiresAt,
    ...cookieOptions(services.env),
  });
}

/** What we know of the browser that asks, with the token that it holds already. */
export async function currentBrowser(): Promise<Browser> {
  const services = webServices();
  const [jar, sent] = await Promise.all([cookies(), headers()]);
  return {
    address: clientAddress(sent),
    userAgent: sent.get("user-agent"),
    replaces: await openToken(services, jar.get(cookieName(services.env, "session"))?.value),
  };
}
