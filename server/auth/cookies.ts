import type { Env } from "@/server/env";

type Site = Pick<Env, "PUBLIC_URL">;

export type CookieName = "session" | "csrf" | "callback" | "mode" | "sso" | "device";

/**
 * The names of our cookies. On https the prefix `__Host-` ties them to exactly this host. Plain http is for one
 * machine only; there the port is part of the name, because browsers share cookies between the ports of a host.
 */
export function cookieName(env: Site, name: CookieName): string {
  const url = new URL(env.PUBLIC_URL);
  return url.protocol === "https:" ? `__Host-tillgate.${name}` : `tillgate-${url.port || "80"}.${name}`;
}

/** Never readable by scripts, never sent along by other sites except when a link is followed. */
export function cookieOptions(env: Site): { httpOnly: true; sameSite: "lax"; path: "/"; secure: boolean } {
  return { httpOnly: true, sameSite: "lax", path: "/", secure: env.PUBLIC_URL.startsWith("https:") };
}

/** The value of one cookie in a Cookie header, else null. */
export function readCookie(header: string | null | undefined, name: string): string | null {
  for (const part of (header ?? "").split(";")) {
    const at = part.indexOf("=");
    if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim();
  }
  return null;
}
