import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { ENDPOINTS } from "./endpoints";
import { buildDocument } from "./openapi";

const root = path.resolve(import.meta.dirname, "../..");
const fileOf = (declared: string): string => `app${declared.replaceAll("{", "[").replaceAll("}", "]")}/route.ts`;
/** Served by something else than a declaration, each with the reason. */
const OTHERS: Readonly<Record<string, string>> = {
  "app/api/auth/[...nextauth]/route.ts": "next-auth",
  "app/api/auth/sso/route.ts": "single sign-on",
  "app/api/auth/sso/callback/route.ts": "single sign-on",
  "app/api/trpc/[trpc]/route.ts": "dashboard",
  "app/api/inngest/route.ts": "background functions",
  "app/api/klarna/webhooks/route.ts": "Klarna's listener",
  "app/api/klarna/classic/[payment]/route.ts": "Klarna's listener of classic sessions",
  "app/api/v1/route.ts": "404 as a problem document",
  "app/api/v1/[...unknown]/route.ts": "404 as a problem document",
};

it("S55: every declared path is mounted in the Next app, and every mounted file is declared", () => {
  const declared = new Set(ENDPOINTS.map((endpoint) => fileOf(endpoint.path)));
  const files = globSync("app/api/**/route.{ts,tsx}", { cwd: root });
  expect(files.filter((file) => !declared.has(file) && !(file in OTHERS))).toEqual([]);
  expect([...declared].filter((file) => !files.includes(file))).toEqual([]);
  for (const endpoint of ENDPOINTS) {
    const file = readFileSync(path.join(root, fileOf(endpoint.path)), "utf8").replaceAll(/\s/g, "");
    expect(file.replace('",)', '")')).toContain(`mount("${endpoint.path}")`);
  }
});

it("S55: the document has every declared call with its scope, answers and problems, and nothing else", () => {
  const document = buildDocument(ENDPOINTS, "https://pay.example");
  const told = Object.entries(document.paths ?? {}).flatMap(([name, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${name}`),
  );
  expect(told.sort()).toEqual(ENDPOINTS.map((endpoint) => `${endpoint.method} ${endpoint.path}`).sort());
  const text = JSON.stringify(document);
  expect(text).not.toMatch(/"\$ref":"(?!#\/components\/)/);
  for (const [, name = ""] of text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g))
    expect(document.components?.schemas).toHaveProperty([name]);
  expect(new Set(ENDPOINTS.map((endpoint) => endpoint.operation)).size).toBe(ENDPOINTS.length);
});

/** Says that something is alive: a repeat is another sign of life. */
const MAKES_NOTHING = ["beatTerminal"];

it("every POST that creates or moves something needs an Idempotency-Key, every call but the public ones a key and a scope", () => {
  for (const endpoint of ENDPOINTS) {
    if (
      endpoint.method === "POST" &&
      !endpoint.path.startsWith("/api/v1/test/") &&
      !MAKES_NOTHING.includes(endpoint.operation)
    )
      expect(endpoint.isIdempotent, endpoint.operation).toBe(true);
    if (endpoint.path.startsWith("/api/v1/")) {
      expect(endpoint.access, endpoint.operation).not.toBe("public");
      expect(endpoint.scope, endpoint.operation).not.toBeNull();
    }
  }
});
