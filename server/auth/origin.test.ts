import { describe, expect, it } from "vitest";
import { addressGroup, clientAddress } from "./client-address";
import { cookieName, cookieOptions, readCookie } from "./cookies";
import { isOwnOrigin } from "./origin";

const local = { PUBLIC_URL: "http://localhost:3000", isProduction: false };
const deployed = { PUBLIC_URL: "https://pay.example.com", isProduction: true };
const isOwn = (env: typeof local, headers: Record<string, string>): boolean => isOwnOrigin(new Headers(headers), env);

describe("S20: only our own pages change anything", () => {
  it("our own origin passes, with and without fetch metadata", () => {
    expect(isOwn(deployed, { origin: "https://pay.example.com" })).toBe(true);
    expect(isOwn(deployed, { origin: "https://pay.example.com", "sec-fetch-site": "same-origin" })).toBe(true);
  });

  const foreign: Record<string, string>[] = [
    {},
    { origin: "null" },
    { "sec-fetch-site": "same-origin" },
    { origin: "https://evil.example" },
    { origin: "https://sub.pay.example.com" },
    { origin: "https://example.com" },
    { origin: "http://pay.example.com" },
    { origin: "https://pay.example.com:8443" },
    { origin: "https://pay.example.com", "sec-fetch-site": "same-site" },
    { origin: "https://pay.example.com", "sec-fetch-site": "cross-site" },
    { origin: "https://pay.example.com.evil.example" },
  ];
  it.each(foreign)("%j is refused", (headers) => {
    expect(isOwn(deployed, headers)).toBe(false);
  });

  it("the names of one machine are the same on one machine, never in production", () => {
    expect(isOwn(local, { origin: "http://127.0.0.1:3000" })).toBe(true);
    expect(isOwn(local, { origin: "http://127.0.0.1:3010" })).toBe(false);
    expect(isOwn({ ...local, isProduction: true }, { origin: "http://127.0.0.1:3000" })).toBe(false);
  });
});

describe("S14: cookies", () => {
  it("https: tied to the host, secure, unreadable by scripts", () => {
    expect(cookieName(deployed, "session")).toBe("__Host-tillgate.session");
    expect(cookieOptions(deployed)).toEqual({ httpOnly: true, sameSite: "lax", path: "/", secure: true });
  });

  it("plain http on one machine: two installations do not share a cookie", () => {
    expect(cookieName(local, "session")).toBe("tillgate-3000.session");
    expect(cookieName({ PUBLIC_URL: "http://localhost:3100" }, "session")).toBe("tillgate-3100.session");
    expect(cookieOptions(local).httpOnly).toBe(true);
  });

  it("a cookie is found by its whole name", () => {
    const header = "x-tillgate-3000.session=wrong; tillgate-3000.session=a=b; tillgate-3000.session.1=c";
    expect(readCookie(header, "tillgate-3000.session")).toBe("a=b");
    expect(readCookie(header, "session")).toBeNull();
    expect(readCookie(null, "session")).toBeNull();
  });
});

describe("S10: an address counts as what one customer holds", () => {
  it.each([
    ["192.0.2.7", "192.0.2.7"],
    ["::ffff:192.0.2.7", "192.0.2.7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["nonsense", "unknown"],
    [null, "unknown"],
  ])("%j counts as %j", (address, group) => {
    expect(addressGroup(address)).toBe(group);
  });

  it("the front door's word is taken, not what the caller wrote before it", () => {
    expect(clientAddress(new Headers({ "x-forwarded-for": "203.0.113.1, 192.0.2.7" }))).toBe("192.0.2.7");
    expect(clientAddress(new Headers({ "x-forwarded-for": "<script>" }))).toBeNull();
    expect(clientAddress(new Headers())).toBeNull();
  });
});
