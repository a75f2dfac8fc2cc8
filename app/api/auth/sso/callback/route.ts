import { cookieName, cookieOptions, readCookie } from "@/server/auth/cookies";
import { currentBrowser } from "@/server/auth/session-cookie";
import { sealToken } from "@/server/auth/session-token";
import { finishSso } from "@/server/auth/single-sign-on";
import { webServices } from "@/server/auth/web";
import { isDatabaseUnavailable } from "@/server/core/database-errors";
import { isAppError } from "@/server/core/errors";
import { leave } from "../leave";

/** The browser is back from the provider of single sign-on, with an answer that only we and the provider can read. */
export async function GET(request: Request): Promise<Response> {
  const services = webServices();
  const { env } = services;
  const over = { name: cookieName(env, "sso"), value: "", maxAge: 0, ...cookieOptions(env) };
  try {
    const outcome = await finishSso(services, {
      search: new URL(request.url).searchParams,
      binding: readCookie(request.headers.get("cookie"), cookieName(env, "sso")),
      browser: await currentBrowser(),
    });
    if (outcome.kind !== "signed_in") return leave(`/sign-in?error=sso_${outcome.kind}`, over);
    return leave(outcome.next, over, {
      name: cookieName(env, "session"),
      value: await sealToken(services, outcome.session.token),
      expires: outcome.session.expiresAt,
      ...cookieOptions(env),
    });
  } catch (error) {
    if (!isAppError(error) && !isDatabaseUnavailable(error)) throw error;
    services.log.warn({ code: isAppError(error) ? error.code : "unavailable", error }, "single sign-on failed");
    return leave("/sign-in?error=sso_unavailable", over);
  }
}
