import type { Env } from "@/server/env";

type HeaderReader = { get(name: string): string | null };

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

/** The origins our own pages have. On one machine the names of the machine mean the same; elsewhere there is one. */
function ownOrigins(env: Pick<Env, "PUBLIC_URL" | "isProduction">): readonly string[] {
  const url = new URL(env.PUBLIC_URL);
  if (env.isProduction || url.protocol !== "http:" || !LOOPBACK.includes(url.hostname)) return [url.origin];
  return LOOPBACK.map((host) => new URL(`http://${host}${url.port === "" ? "" : `:${url.port}`}`).origin);
}

/**
 * Whether a request that changes something comes from our own pages. Browsers name the origin of every POST, so a
 * missing one, `null` (sandboxed or redirected) and a neighbour below the same domain are all refused.
 */
export function isOwnOrigin(headers: HeaderReader, env: Pick<Env, "PUBLIC_URL" | "isProduction">): boolean {
  const origin = headers.get("origin");
  const site = headers.get("sec-fetch-site");
  return origin !== null && ownOrigins(env).includes(origin) && (site === null || site === "same-origin");
}
