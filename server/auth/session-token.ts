import { decode, encode } from "next-auth/jwt";
import { z } from "zod";
import type { Services } from "@/server/context";
import { SECOND_MS } from "@/server/core/time";
import { cookieName, readCookie } from "./cookies";
import { SESSION_LIFE_MS } from "./sessions";

/* The token of a session, as the cookie holds it and a request brings it. */

const CookieContentSchema = z.object({ sid: z.string().regex(/^[A-Za-z0-9_-]{43}$/) });

/** What the cookie holds: an encrypted JWT, as next-auth makes it, with nothing but our random token inside. */
export function sealToken(services: Pick<Services, "env">, token: string): Promise<string> {
  return encode({
    token: { sid: token },
    secret: services.env.TILLGATE_SESSION_SECRET,
    maxAge: SESSION_LIFE_MS / SECOND_MS,
  });
}

/** The token inside a session cookie, or null when the cookie is not ours, altered or too old. */
export async function openToken(
  services: Pick<Services, "env">,
  cookie: string | null | undefined,
): Promise<string | null> {
  if (!cookie) return null;
  const content = await decode({ token: cookie, secret: services.env.TILLGATE_SESSION_SECRET }).catch(() => null);
  const parsed = CookieContentSchema.safeParse(content);
  return parsed.success ? parsed.data.sid : null;
}

/** The token that a request carries, from its Cookie header. */
export function tokenOfRequest(
  services: Pick<Services, "env">,
  cookieHeader: string | null | undefined,
): Promise<string | null> {
  return openToken(services, readCookie(cookieHeader, cookieName(services.env, "session")));
}
