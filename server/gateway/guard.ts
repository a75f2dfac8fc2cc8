import type { IncomingHttpHeaders } from "node:http";
import { BlockList, isIP } from "node:net";
import type { Env } from "@/server/env";

/* What the front door refuses before anything else sees it. Who may see what is decided behind it, in every handler. */

/** Spellings that two servers could read differently: encoded separators and dots, empty and dot steps, backslashes. */
const TWISTED = /%(?:2f|5c|2e|00)|\\|\/\/|\/\.{1,2}(?:\/|$)|[^\x21-\x7e]/i;
/** Files that are nobody's business: dot files, source maps, and the image optimizer that is switched off. */
const HIDDEN = /\/\.(?!well-known\/)|\.map$|^\/_next\/image(?:\/|$)|^\/_next\/(?:mcp|webpack-hmr)|^\/__nextjs/;

export function isTwisted(path: string): boolean {
  return !path.startsWith("/") || TWISTED.test(path);
}

export function isHidden(path: string): boolean {
  return HIDDEN.test(path);
}

/** Inngest's own address is served only when an Inngest server is configured: it signs what it sends. */
export function isInngestPath(path: string): boolean {
  return path === "/api/inngest" || path.startsWith("/api/inngest/");
}

export function allowedMethods(path: string): readonly string[] {
  return isInngestPath(path) ? ["GET", "POST", "PUT"] : ["GET", "HEAD", "POST"];
}

/** Origins of our own pages. Outside production also the address that the browser really used, on whatever name. */
export function isOwnOrigin(headers: IncomingHttpHeaders, env: Env): boolean {
  const { origin } = headers;
  const site = headers["sec-fetch-site"];
  if (origin === undefined || origin === "null" || (site !== undefined && site !== "same-origin")) return false;
  if (origin === new URL(env.PUBLIC_URL).origin) return true;
  return (
    !env.isProduction &&
    headers.host !== undefined &&
    (origin === `http://${headers.host}` || origin === `https://${headers.host}`)
  );
}

/** Headers that only we may set, or that steer Next from outside. */
const DROPPED = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "expect",
  "http2-settings",
  "forwarded",
  "via",
  "x-real-ip",
  "x-nonce",
  "x-path",
  "x-matched-path",
  "content-security-policy",
]);
const DROPPED_START = /^(?:x-middleware-|x-forwarded-|x-invoke-|x-now-|x-vercel-|x-action-)/;

/** The headers of a request as the web process gets them. */
export function forwardedHeaders(
  headers: IncomingHttpHeaders,
  facts: { path: string; address: string; protocol: "http" | "https" },
): Record<string, string | string[]> {
  const named = new Set((headers.connection ?? "").split(",").map((name) => name.trim().toLowerCase()));
  const isApi = facts.path === "/api" || facts.path.startsWith("/api/");
  const kept: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || named.has(name) || DROPPED.has(name) || DROPPED_START.test(name)) continue;
    if (isApi && name === "next-action") continue;
    kept[name] = value;
  }
  kept["x-forwarded-for"] = facts.address;
  kept["x-forwarded-proto"] = facts.protocol;
  if (headers.host !== undefined) kept["x-forwarded-host"] = headers.host;
  return kept;
}

const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "x-powered-by",
]);

/** The headers of an answer of the web process, completed with what every answer must carry. */
export function answerHeaders(
  headers: IncomingHttpHeaders,
  safe: Readonly<Record<string, string>>,
): Record<string, string | string[]> {
  const kept: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !HOP_BY_HOP.has(name) && !name.startsWith("x-middleware-")) kept[name] = value;
  }
  for (const [name, value] of Object.entries(safe)) {
    if (name !== "cache-control") kept[name] ??= value;
  }
  return kept;
}

/** Where requests come from: the connection, or what a trusted proxy in front of us says. */
export function addressReader(
  trusted: readonly string[],
): (peer: string | undefined, forwardedFor: string | undefined) => string {
  const list = new BlockList();
  for (const rule of trusted) {
    const [address = "", bits] = rule.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  const isTrusted = (address: string): boolean => {
    const family = isIP(address);
    return family !== 0 && list.check(address, family === 6 ? "ipv6" : "ipv4");
  };
  return (peer, forwardedFor) => {
    let address = plain(peer ?? "");
    if (trusted.length === 0) return address;
    const hops = (forwardedFor ?? "").split(",").map((hop) => plain(hop.trim()));
    while (isTrusted(address)) {
      const next = hops.pop();
      if (next === undefined || isIP(next) === 0) break;
      address = next;
    }
    return address;
  };
}

function plain(address: string): string {
  return address.startsWith("::ffff:") ? address.slice(7) : address;
}
