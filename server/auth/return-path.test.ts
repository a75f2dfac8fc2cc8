import { describe, expect, it } from "vitest";
import { returnPath } from "./return-path";

describe("S24: the way back after signing in stays on our own site", () => {
  it.each([
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/.//evil.example",
    "/..//evil.example",
    "/x/..//evil.example",
    "https://evil.example/",
    "https:evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,x",
    "http://localhost:3000.evil.example/",
    "http://localhost:3000@evil.example/",
    "evil.example",
    "",
    "/sign-in",
    "/sign-in?next=/sign-in",
    "/api/auth/signout",
    "/%2e%2e//evil.example",
    `/${"a".repeat(3_000)}`,
    undefined,
    null,
    7,
    ["/payments"],
  ])("%j leads to the start page", (value) => {
    expect(returnPath(value, "http://localhost:3000")).toBe("/");
  });

  it.each([
    ["/payments", "/payments"],
    ["/payments?status=completed&q=a%20b", "/payments?status=completed&q=a%20b"],
    ["/payments/pay_1?next=//evil.example", "/payments/pay_1?next=//evil.example"],
    ["http://localhost:3000/stores", "/stores"],
    ["/sign-in-log", "/sign-in-log"],
  ])("%j leads to %j", (value, path) => {
    expect(returnPath(value, "http://localhost:3000")).toBe(path);
  });
});
