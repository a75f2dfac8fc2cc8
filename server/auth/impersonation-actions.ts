"use server";

import { cookies } from "next/headers";
import { cookieName, cookieOptions } from "./cookies";
import { stopImpersonation } from "./impersonation";
import { setSessionCookie } from "./session-cookie";
import { openToken } from "./session-token";
import { currentSession, requireOwnOrigin, webServices } from "./web";

/** Stops viewing as another person. Answers where to go on: to their record, or to the sign-in when one's own session is over. */
export async function stopViewingAction(): Promise<{ path: string }> {
  await requireOwnOrigin();
  const services = webServices();
  const jar = await cookies();
  const name = cookieName(services.env, "session");
  const token = await openToken(services, jar.get(name)?.value);
  const own = token === null ? null : await stopImpersonation(services, token);
  if (own) {
    await setSessionCookie(own);
    return { path: `/settings/users/${own.seen}` };
  }
  // Asked twice, or from a page that was open for long: whoever is signed in as themselves stays so.
  if (await currentSession()) return { path: "/" };
  jar.set({ name, value: "", maxAge: 0, ...cookieOptions(services.env) });
  return { path: "/sign-in" };
}
