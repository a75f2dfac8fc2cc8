import type { AuthOptions } from "next-auth";
import type { Services } from "@/server/context";
import { SECOND_MS } from "@/server/core/time";
import { clientAddress } from "./client-address";
import { cookieName, cookieOptions } from "./cookies";
import { returnPath } from "./return-path";
import { tokenOfRequest } from "./session-token";
import { findSession, SESSION_LIFE_MS } from "./sessions";
import { signIn, signOut } from "./sign-in";

declare module "next-auth" {
  interface User {
    /** The random token of the session that was just started. */
    sessionToken: string;
  }
}

type AuthServices = Pick<Services, "env" | "db" | "secrets" | "clock" | "log" | "nudge">;

const headersOf = (headers: Readonly<Record<string, unknown>> | undefined) => ({
  get: (name: string): string | null => {
    const value = headers?.[name];
    return typeof value === "string" ? value : null;
  },
});

/**
 * next-auth over our own sessions: its JWT carries the random token of a row and nothing else, the row is asked each
 * time, and signing out ends the row.
 */
export function nextAuthOptions(services: AuthServices): AuthOptions {
  const { env, log } = services;
  // The library asks the environment where it lives and believes the request otherwise.
  process.env.NEXTAUTH_URL = env.PUBLIC_URL;
  const options = cookieOptions(env);
  return {
    secret: env.TILLGATE_SESSION_SECRET,
    useSecureCookies: options.secure,
    session: { strategy: "jwt", maxAge: SESSION_LIFE_MS / SECOND_MS },
    jwt: { maxAge: SESSION_LIFE_MS / SECOND_MS },
    pages: { signIn: "/sign-in", signOut: "/sign-in", error: "/sign-in" },
    cookies: {
      sessionToken: { name: cookieName(env, "session"), options },
      csrfToken: { name: cookieName(env, "csrf"), options },
      callbackUrl: { name: cookieName(env, "callback"), options },
    },
    providers: [
      {
        id: "credentials",
        name: "E-mail and password",
        type: "credentials",
        credentials: { email: {}, password: {} },
        authorize: async (credentials, request) => {
          const headers = headersOf(request.headers);
          const outcome = await signIn(services, {
            email: credentials?.email,
            password: credentials?.password,
            address: clientAddress(headers),
            userAgent: headers.get("user-agent"),
            replaces: await tokenOfRequest(services, headers.get("cookie")),
          });
          // The message becomes the `error` parameter of the sign-in page.
          if (outcome.kind === "throttled") throw new Error("throttled");
          return outcome.kind === "signed_in" ? { id: outcome.userId, sessionToken: outcome.token } : null;
        },
      },
    ],
    callbacks: {
      jwt: async ({ token, user }) => {
        if (user) return { sid: user.sessionToken };
        const sid = typeof token.sid === "string" ? token.sid : "";
        if (!(await findSession(services, sid))) throw new Error("the session has ended");
        return { sid };
      },
      session: async ({ session, token }) => {
        const found = typeof token.sid === "string" ? await findSession(services, token.sid) : null;
        return { ...session, user: found ? { name: found.user.name, email: found.user.email } : {} };
      },
      redirect: ({ url, baseUrl }) => `${baseUrl}${returnPath(url, baseUrl)}`,
    },
    events: {
      signOut: async ({ token }) => {
        if (typeof token?.sid === "string") await signOut(services, token.sid);
      },
    },
    logger: {
      error: (code, metadata) => {
        const error = metadata instanceof Error ? metadata : metadata.error;
        // A cookie that is not ours or of an ended session is everyday life, not a fault.
        if (code === "JWT_SESSION_ERROR") log.debug({ code }, "session cookie refused");
        else log.error({ code, error }, "next-auth failed");
      },
      warn: (code) => log.warn({ code }, "next-auth warned"),
      debug: (code) => log.debug({ code }, "next-auth"),
    },
  };
}
