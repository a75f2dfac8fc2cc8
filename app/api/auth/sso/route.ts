import { cookieName, cookieOptions } from "@/server/auth/cookies";
import { startSso } from "@/server/auth/single-sign-on";
import { webServices } from "@/server/auth/web";
import { isDatabaseUnavailable } from "@/server/core/database-errors";
import { isAppError } from "@/server/core/errors";
import { leave } from "./leave";

/** Leaves for the provider of single sign-on. A cookie ties the answer to this browser. */
export async function GET(request: Request): Promise<Response> {
  const services = webServices();
  try {
    const { url, binding, lifeSeconds } = await startSso(services, new URL(request.url).searchParams.get("next"));
    return leave(url.href, {
      name: cookieName(services.env, "sso"),
      value: binding,
      maxAge: lifeSeconds,
      ...cookieOptions(services.env),
    });
  } catch (error) {
    if (!isAppError(error) && !isDatabaseUnavailable(error)) throw error;
    services.log.warn({ code: isAppError(error) ? error.code : "unavailable", error }, "single sign-on was not begun");
    return leave(
      `/sign-in?error=${isAppError(error) && error.code === "not_found" ? "sso_failed" : "sso_unavailable"}`,
    );
  }
}
