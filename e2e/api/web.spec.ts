import { readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { readTable } from "@/server/testing/access-table";
import { makeApiKey, makePartner } from "@/server/testing/builders";
import { signInOverHttp } from "@/server/testing/shop";
import { expect, test } from "./shop";

const ROOT = path.resolve(import.meta.dirname, "../..");
const readBuilt = (file: string): unknown => JSON.parse(readFileSync(path.join(ROOT, ".next", file), "utf8"));

/** Every page and handler of the built app, as addresses: route groups dropped, parameters filled in. */
function builtPaths(fill: (name: string, before: string) => string): string[] {
  const routes = z.record(z.string(), z.string()).parse(readBuilt("server/app-paths-manifest.json"));
  return Object.keys(routes)
    .filter((route) => route.endsWith("/page") && !route.startsWith("/_"))
    .map((route) => {
      const steps = route
        .split("/")
        .slice(1, -1)
        .filter((step) => !/^\(.*\)$/.test(step));
      return `/${steps.map((step, at) => (/^\[/.test(step) ? fill(step, steps[at - 1] ?? "") : step)).join("/")}`;
    });
}

function builtActions(): { id: string; name: string }[] {
  const manifest = z
    .looseObject({ node: z.record(z.string(), z.looseObject({ exportedName: z.string() })) })
    .parse(readBuilt("server/server-reference-manifest.json"));
  return Object.entries(manifest.node).map(([id, action]) => ({ id, name: action.exportedName }));
}

const OPEN_ACTIONS = readTable()
  .filter((entry) => entry.kind === "action" && entry.who === "open")
  .map((entry) => entry.name.replace(/.*#/, ""));

/** Open without a session by intent: signing in and its links, the customer's display, the customer back from Klarna and a paired device (each asks for its own token), the docs. */
const isOpenPage = (address: string): boolean =>
  /^\/(sign-in|enroll-mfa|forgot-password|reset-password|accept-invitation|pair|till|kiosk|docs|display|pay)(\/|$)/.test(
    address,
  );

test("S50: no page of the built app shows anything without a session, whatever headers and spellings ask for it", async ({
  shop,
}) => {
  const payment = await shop.pay(11_802);
  const { demo } = shop;
  const pages = builtPaths((_, before) =>
    before === "payments" || before === "take-payment"
      ? payment.id
      : before === "stores"
        ? demo.store.id
        : demo.terminal.id,
  ).filter((address) => !isOpenPage(address));
  expect(pages.length).toBeGreaterThan(8);
  const protectedWords = [payment.reference, payment.klarna.payment_transaction_id ?? "", demo.store.reference];
  const tricks: Record<string, string>[] = [
    {},
    { "x-middleware-subrequest": "proxy:proxy:proxy:proxy:proxy" },
    { "x-middleware-subrequest": "src/middleware:src/middleware:src/middleware:src/middleware:src/middleware" },
    { "x-middleware-rewrite": "/payments", "x-middleware-next": "1", "x-invoke-path": "/payments" },
    { rsc: "1" },
    { rsc: "1", "next-router-prefetch": "1" },
    { rsc: "1", "next-router-prefetch": "1", "next-router-segment-prefetch": "/_tree" },
    { rsc: "1", "next-router-segment-prefetch": "/__PAGE__" },
    { rsc: "1", "next-router-state-tree": "%5B%22%22%2C%7B%7D%5D" },
    { "next-action": "0".repeat(42) },
    { "x-forwarded-host": "localhost", "x-matched-path": "/sign-in" },
    { cookie: "next-auth.session-token=x; __Host-tillgate.session=x" },
  ];
  for (const address of pages) {
    const spellings = [
      address,
      `${address === "/" ? "" : address}/`,
      `/en${address}`,
      address.replace(/^\/(.)/, (_, first: string) => `/%${first.charCodeAt(0).toString(16)}`),
      `${address}.rsc`,
      `${address}.segments/_tree.segment.rsc`,
      address.toUpperCase(),
      `${address};x=1`,
    ];
    for (const spelling of spellings) {
      for (const headers of spelling === address ? tricks : [{}, { rsc: "1" }]) {
        const answer = await fetch(`${demo.url}${spelling}`, { headers, redirect: "manual" });
        const text = await answer.text();
        expect(answer.status, `${spelling} ${JSON.stringify(headers)}`).not.toBe(500);
        for (const word of protectedWords.filter((word) => word !== "" && !spelling.includes(word)))
          expect(text.includes(word), `${spelling} ${JSON.stringify(headers)} shows ${word}`).toBe(false);
      }
    }
    const plain = await fetch(`${demo.url}${address}`, { redirect: "manual" });
    expect([address, plain.status, plain.headers.get("location")?.replace(/\?.*/, "")]).toEqual([
      address,
      307,
      "/sign-in",
    ]);
  }
});

test("S20: every server action and sign-in refuses what did not come from our own pages", async ({ shop }) => {
  const { demo } = shop;
  const own = new URL(demo.url);
  const cookie = await signInOverHttp(demo, "PARTNER_ADMIN");
  const foreign: Record<string, string>[] = [
    {},
    { origin: "null" },
    { origin: "https://evil.example" },
    { origin: `http://sub.${own.host}` },
    { origin: `http://${own.hostname}:${Number(own.port) + 1}` },
    { origin: own.origin, "sec-fetch-site": "cross-site" },
    { origin: own.origin, "sec-fetch-site": "same-site" },
    { origin: "https://evil.example", "x-forwarded-host": "evil.example" },
  ];
  const actions = builtActions();
  expect(actions.map((action) => action.name)).toEqual(
    expect.arrayContaining(["signInAction", "refundPaymentAction", "takePaymentAction"]),
  );
  for (const headers of foreign) {
    for (const { id, name } of actions) {
      for (const type of ["text/plain;charset=UTF-8", "application/json", "application/x-www-form-urlencoded"]) {
        const answer = await fetch(`${demo.url}/payments`, {
          method: "POST",
          headers: { ...headers, cookie, "next-action": id, "content-type": type },
          body: "[{}]",
          redirect: "manual",
        });
        await answer.body?.cancel();
        expect([name, headers, answer.status]).toEqual([name, headers, 403]);
      }
    }
    for (const address of ["/api/auth/callback/credentials", "/api/auth/signout", "/api/trpc/me.any", "/sign-in"]) {
      const answer = await fetch(`${demo.url}${address}`, {
        method: "POST",
        headers: { ...headers, cookie, "content-type": "application/x-www-form-urlencoded" },
        body: "email=a&password=b",
        redirect: "manual",
      });
      expect([address, answer.status]).toEqual([address, 403]);
    }
  }
  // The session still stands: nothing above ended it.
  const page = await fetch(`${demo.url}/payments`, { headers: { cookie }, redirect: "manual" });
  expect(page.status).toBe(200);
});

test("S1: no server action does anything for somebody who is not signed in", async ({ shop }) => {
  const { demo } = shop;
  const payment = await shop.pay(11_802);
  // What is open to everybody by the table of access has tests of its own.
  const open = new Set(OPEN_ACTIONS);
  const closed = builtActions().filter(({ name }) => !open.has(name));
  expect(closed.length).toBeGreaterThan(50);
  for (const { id, name } of closed) {
    for (const args of [
      [],
      [{}],
      [payment.id],
      [{ paymentId: payment.id, id: payment.id, amount: 100 }],
      [payment.id, {}],
    ]) {
      const answer = await fetch(`${demo.url}/payments`, {
        method: "POST",
        headers: {
          origin: new URL(demo.url).origin,
          "sec-fetch-site": "same-origin",
          "next-action": id,
          accept: "text/x-component",
          "content-type": "text/plain;charset=UTF-8",
        },
        body: JSON.stringify(args),
        redirect: "manual",
      });
      const text = await answer.text();
      expect(text, `${name} ${JSON.stringify(args)}`).not.toMatch(/"ok":true/);
      expect(text).not.toContain(payment.reference);
    }
  }
  expect((await shop.till.read(payment.id)).amount_refunded).toBe(0);
});

test("S23: pages, assets, API, errors and redirects all carry the security headers", async ({ shop }) => {
  const { demo } = shop;
  const html = await (await fetch(`${demo.url}/sign-in`)).text();
  const assets = [...html.matchAll(/(?:src|href)="(\/_next\/static\/[^"]+)"/g)].map((match) => match[1] ?? "");
  expect(assets.length).toBeGreaterThan(2);
  const payment = await shop.pay();
  const addresses: [string, RequestInit?][] = [
    ...[...new Set(assets)].slice(0, 6).map((asset): [string] => [asset]),
    ["/"],
    ["/sign-in"],
    ["/icon.svg"],
    ["/no-such-page"],
    ["/payments/../x"],
    ["/.env"],
    ["/api/v1/payments"],
    ["/api/v1/nothing"],
    ["/api/openapi.json"],
    ["/api/health"],
    ["/api/trpc/nothing"],
    ["/api/auth/csrf"],
    ["/api/auth/session"],
    ["/api/klarna/webhooks"],
    ["/api/klarna/webhooks", { method: "POST", body: "{}" }],
    ["/payments", { method: "POST", body: "x" }],
    ["/payments", { method: "DELETE" }],
    [`/pay/${payment.id}`],
    [`/display/${payment.id}?t=wrong`],
    [`/api/v1/payments/${payment.id}/qr.svg`, { headers: { authorization: `Bearer ${demo.api_key}` } }],
    [`/api/v1/payments/${payment.id}/qr.png`, { headers: { authorization: `Bearer ${demo.api_key}` } }],
  ];
  for (const [address, init] of addresses) {
    const answer = await fetch(`${demo.url}${address}`, { redirect: "manual", ...init });
    await answer.body?.cancel();
    const { headers } = answer;
    const seen = Object.fromEntries(
      ["x-content-type-options", "x-frame-options", "referrer-policy", "cross-origin-opener-policy"].map((name) => [
        name,
        headers.get(name),
      ]),
    );
    expect([address, seen]).toEqual([
      address,
      {
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
      },
    ]);
    const policy = headers.get("content-security-policy") ?? "";
    expect([address, policy.includes("default-src 'none'"), policy.includes("frame-ancestors 'none'")]).toEqual([
      address,
      true,
      true,
    ]);
    expect(policy.replace(/style-src-attr 'unsafe-inline'/, ""), address).not.toMatch(/unsafe-(inline|eval)/);
    for (const name of ["x-powered-by", "server", "access-control-allow-origin"])
      expect([address, name, headers.get(name)]).toEqual([address, name, null]);
  }
});

test("S23: two loads of a page have different nonces, and every script of it carries the one of its header", async ({
  shop,
}) => {
  const nonces = new Set<string>();
  for (let load = 0; load < 2; load += 1) {
    const answer = await fetch(`${shop.demo.url}/sign-in`);
    const nonce = /script-src 'nonce-([^']+)'/.exec(answer.headers.get("content-security-policy") ?? "")?.[1] ?? "";
    expect(nonce.length).toBeGreaterThan(20);
    nonces.add(nonce);
    const html = await answer.text();
    const scripts = [...html.matchAll(/<script\b[^>]*>/g)].map((match) => match[0]);
    expect(scripts.length).toBeGreaterThan(3);
    for (const script of scripts) expect(script).toContain(`nonce="${nonce}"`);
  }
  expect(nonces.size).toBe(2);
});

test("S52: optimizer, maps, dot files, debugging, Inngest's address and metrics are nobody's business", async ({
  shop,
}) => {
  const { demo } = shop;
  const get = async (address: string, method = "GET"): Promise<number> => {
    const answer = await fetch(`${demo.url}${address}`, { method, redirect: "manual" });
    await answer.body?.cancel();
    return answer.status;
  };
  const html = await (await fetch(`${demo.url}/sign-in`)).text();
  const script = /src="(\/_next\/static\/[^"?]+\.js)/.exec(html)?.[1] ?? "";
  expect(await get(script)).toBe(200);
  for (const address of [
    "/_next/image?url=%2Ficon.svg&w=64&q=75",
    "/_next/image",
    `${script}.map`,
    "/.env",
    "/.env.local",
    "/.git/config",
    "/.git/HEAD",
    "/.next/BUILD_ID",
    "/.data/secrets.json",
    "/secrets.json",
    "/package.json",
    "/package-lock.json",
    "/server/env.ts",
    "/metrics",
    "/api/metrics",
    "/debug",
    "/__nextjs_original-stack-frames",
    "/__nextjs_source-map",
    "/_next/mcp",
    "/_next/webpack-hmr",
    "/_next/data/x/payments.json",
    "/graphql",
    "/v0/gql",
    "/e/anything",
    "/_control/transactions",
  ])
    expect([address, await get(address)]).toEqual([address, 404]);
  for (const method of ["GET", "POST", "PUT", "PATCH", "OPTIONS", "DELETE"])
    expect([method, [401, 404, 405]]).toEqual([method, expect.arrayContaining([await get("/api/inngest", method)])]);
  for (const method of ["PATCH", "OPTIONS", "DELETE", "PUT"])
    expect([method, await get("/payments", method)]).toEqual([method, 405]);
});

test("S1: a Partner's people see their own Partner only, on every list and record", async ({ shop, setUp }) => {
  const other = await makePartner(setUp, { name: `Other ${Date.now().toString(36)}` });
  await makeApiKey(setUp, other.partner.id);
  const record = `${shop.demo.url}/partners/${other.partner.id}`;
  const staff = await fetch(record, { headers: { cookie: await signInOverHttp(shop.demo, "ACQUIRER_ADMIN") } });
  expect(await staff.text()).toContain(other.partner.name);
  const cookie = await signInOverHttp(shop.demo, "PARTNER_ADMIN");
  const addresses = [
    "/",
    "/partners",
    `/partners/${other.partner.id}`,
    "/stores",
    `/stores/${other.store.id}`,
    "/terminals",
    `/terminals/${other.terminal.id}`,
    `/payments?partner=${other.partner.id}`,
    `/stores?q=${encodeURIComponent(other.store.reference)}`,
  ];
  for (const address of addresses) {
    const answer = await fetch(`${shop.demo.url}${address}`, { headers: { cookie }, redirect: "manual" });
    const text = await answer.text();
    expect([address, answer.status < 500]).toEqual([address, true]);
    expect([address, text.includes(other.partner.name)]).toEqual([address, false]);
  }
});
