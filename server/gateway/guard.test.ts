import { expect, it } from "vitest";
import type { Env } from "@/server/env";
import { addressReader, answerHeaders, forwardedHeaders, isHidden, isOwnOrigin, isTwisted } from "./guard";

it("S50: spellings that two servers could read differently are refused", () => {
  for (const path of [
    "/api%2fv1/payments",
    "/api/v1%2Fpayments",
    "//api/v1",
    "/x/../api/v1",
    "/./x",
    "/x/..",
    "/%2e%2e/x",
    "/x\\y",
    "/%5cx",
    "/a%00",
    "http://x/",
    "*",
    "/ä",
  ]) {
    expect(isTwisted(path), path).toBe(true);
  }
  for (const path of ["/", "/payments/pay_1", "/_next/static/chunks/app/%28dashboard%29/page-1.js", "/a.b/c..d"])
    expect(isTwisted(path), path).toBe(false);
});

it("S52: dot files, source maps and the image optimizer are nobody's business", () => {
  for (const path of [
    "/.env",
    "/.git/config",
    "/x/.htpasswd",
    "/_next/static/chunks/main.js.map",
    "/_next/image",
    "/_next/image/x",
    "/_next/mcp",
    "/__nextjs_original-stack-frame",
  ]) {
    expect(isHidden(path), path).toBe(true);
  }
  for (const path of ["/.well-known/security.txt", "/_next/static/chunks/main.js", "/payments"])
    expect(isHidden(path), path).toBe(false);
});

it("S50: headers that steer Next or name the caller are ours to set", () => {
  const facts = { path: "/payments", address: "203.0.113.9", protocol: "https" as const };
  const headers = forwardedHeaders(
    {
      host: "pay.example",
      "x-middleware-subrequest": "proxy:proxy",
      "x-forwarded-for": "1.1.1.1",
      "x-forwarded-host": "evil",
      forwarded: "for=1.1.1.1",
      connection: "keep-alive, x-secret",
      "x-secret": "1",
      "transfer-encoding": "chunked",
      rsc: "1",
      "next-action": "abc",
      cookie: "a=b",
      "x-nonce": "n",
      "content-security-policy": "x",
    },
    facts,
  );
  expect(headers).toEqual({
    host: "pay.example",
    rsc: "1",
    "next-action": "abc",
    cookie: "a=b",
    "x-forwarded-for": "203.0.113.9",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "pay.example",
  });
  expect(forwardedHeaders({ "next-action": "abc" }, { ...facts, path: "/api/trpc/x" })).not.toHaveProperty(
    "next-action",
  );
});

it("S20: only our own pages may change something", () => {
  const env = { PUBLIC_URL: "https://pay.example", isProduction: true } as Env;
  expect(isOwnOrigin({ host: "pay.example", origin: "https://pay.example" }, env)).toBe(true);
  for (const headers of [
    {},
    { origin: "null" },
    { origin: "https://evil.example" },
    { origin: "https://sub.pay.example" },
    { origin: "http://pay.example" },
    { origin: "https://pay.example", "sec-fetch-site": "cross-site" },
    { host: "evil.example", origin: "https://evil.example" },
  ]) {
    expect(isOwnOrigin(headers, env), JSON.stringify(headers)).toBe(false);
  }
});

it("the caller's address comes from the connection, or from a proxy that is trusted", () => {
  expect(addressReader([])("203.0.113.9", "1.1.1.1")).toBe("203.0.113.9");
  expect(addressReader([])("::ffff:203.0.113.9", undefined)).toBe("203.0.113.9");
  const behind = addressReader(["10.0.0.0/8"]);
  expect(behind("10.0.0.1", "1.1.1.1, 198.51.100.7, 10.0.0.2")).toBe("198.51.100.7");
  expect(behind("198.51.100.1", "1.1.1.1")).toBe("198.51.100.1");
  expect(behind("10.0.0.1", undefined)).toBe("10.0.0.1");
});

it("S23: every answer that is passed on carries the headers, and none of the connection's", () => {
  const headers = answerHeaders(
    { "x-powered-by": "x", connection: "close", "content-security-policy": "page", "set-cookie": ["a=1", "b=2"] },
    { "content-security-policy": "data", "x-frame-options": "DENY", "cache-control": "no-store" },
  );
  expect(headers).toEqual({
    "content-security-policy": "page",
    "set-cookie": ["a=1", "b=2"],
    "x-frame-options": "DENY",
  });
});
