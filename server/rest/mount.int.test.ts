import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import type { Services } from "@/server/context";
import { newId } from "@/server/core/ids";
import { makePartner } from "@/server/testing/builders";
import { testDatabase } from "@/server/testing/database";
import { makeKey } from "@/server/testing/rest";
import { holdSandbox } from "@/server/testing/sandbox";
import { BODY_MAX_BYTES } from "./http";
import { mount } from "./mount";

/* The same endpoints as the Next app serves them when it stands alone. */

let services: Services;
let key: string;
let sale: () => Record<string, unknown>;
const clean: (() => Promise<unknown>)[] = [];
const url = (path: string): string => `http://localhost:3000${path}`;
const withKey = (headers: Record<string, string> = {}) => ({ authorization: `Bearer ${key}`, ...headers });

beforeAll(async () => {
  const [database, sandbox] = await Promise.all([testDatabase(), holdSandbox()]);
  const secret = (): string => randomBytes(32).toString("base64url");
  const settings = {
    DATABASE_URL: database.url,
    KLARNA_TEST_BASE_URL: sandbox.simulator.url,
    KLARNA_TEST_API_KEY: sandbox.simulator.apiKey,
    SIMULATOR_CONTROL_URL: sandbox.simulator.url,
    TILLGATE_SESSION_SECRET: secret(),
    TILLGATE_KEY_PEPPER: secret(),
    TILLGATE_ENCRYPTION_KEYS: `k1:${randomBytes(32).toString("base64")}`,
    LOG_LEVEL: "silent",
  };
  for (const [name, value] of Object.entries(settings)) vi.stubEnv(name, value);
  services = (await import("@/server/auth/web")).webServices();
  const partner = await makePartner(services);
  key = (await makeKey(services, partner.partner.id)).key;
  sale = () => ({
    amount: 11_800,
    currency: "SEK",
    reference: newId("request"),
    store: { id: partner.store.id },
    terminal: { id: partner.terminal.id },
  });
  clean.push(
    () => services.db.close(),
    () => database.drop(),
    () => sandbox.release(),
  );
});
afterAll(async () => {
  for (const step of clean) await step();
  vi.unstubAllEnvs();
});

async function pay(): Promise<{ id: string; klarna: { payment_request_url: string } }> {
  const { POST } = mount("/api/v1/payments");
  const headers = withKey({ "content-type": "application/json", "idempotency-key": newId("request") });
  const answer = await POST(
    new Request(url("/api/v1/payments"), { method: "POST", headers, body: JSON.stringify(sale()) }),
  );
  expect(answer.status).toBe(201);
  return answer.json();
}

it("takes and reads a payment, refuses as the front door does", async () => {
  const { id } = await pay();
  const one = mount("/api/v1/payments/{id}");
  expect(
    await (await one.GET(new Request(url(`/api/v1/payments/${id}`), { headers: withKey() }))).json(),
  ).toMatchObject({ id, status: "pending" });
  const missing = await one.GET(new Request(url(`/api/v1/payments/${id}`)));
  expect([missing.status, missing.headers.get("content-type"), missing.headers.get("x-content-type-options")]).toEqual([
    401,
    "application/problem+json; charset=utf-8",
    "nosniff",
  ]);
  expect((await one.PUT(new Request(url(`/api/v1/payments/${id}`), { method: "PUT" }))).headers.get("allow")).toBe(
    "GET, HEAD, PATCH",
  );
  const large = await mount("/api/v1/payments").POST(
    new Request(url("/api/v1/payments"), {
      method: "POST",
      headers: withKey({ "content-type": "application/json", "idempotency-key": "large" }),
      body: " ".repeat(BODY_MAX_BYTES + 1),
    }),
  );
  expect(large.status).toBe(413);
  expect((await mount("/api/v1/*").GET(new Request(url("/api/v1/nothing")))).status).toBe(404);
  expect(() => mount("/api/v1/nothing")).toThrowError(/not declared/);
});

it("S16: a key that is bound to addresses is refused where the address cannot be known", async () => {
  const partner = await makePartner(services);
  const bound = await makeKey(services, partner.partner.id, { addresses: ["0.0.0.0/0"] });
  const headers = { authorization: `Bearer ${bound.key}`, "x-forwarded-for": "203.0.113.1" };
  expect((await mount("/api/v1/payments").GET(new Request(url("/api/v1/payments"), { headers }))).status).toBe(403);
});

it("streams a payment to a browser and stops when it leaves", async () => {
  const { id } = await pay();
  const answer = await mount("/api/v1/payments/{id}/events").GET(
    new Request(url(`/api/v1/payments/${id}/events`), { headers: withKey() }),
  );
  expect(answer.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  let text = "";
  while (!text.includes("data: ")) text += new TextDecoder().decode((await reader.read()).value);
  expect(text).toContain(`"id":"${id}"`);
  await reader.cancel();
});

it("S24: our redirect address leads to Klarna's journey of this payment only, and nowhere once it is over", async () => {
  const { GET } = await import("@/app/pay/[paymentId]/route");
  const { id, klarna } = await pay();
  const open = (paymentId: string, query = "") =>
    GET(new Request(url(`/pay/${paymentId}${query}`)), { params: Promise.resolve({ paymentId }) });
  const answer = await open(id, "?next=https://evil.example");
  expect([answer.status, answer.headers.get("location")]).toEqual([303, klarna.payment_request_url]);
  await mount("/api/v1/payments/{id}/cancel").POST(
    new Request(url(`/api/v1/payments/${id}/cancel`), {
      method: "POST",
      headers: withKey({ "idempotency-key": newId("request") }),
    }),
  );
  const over = await open(id);
  expect([over.status, over.headers.get("location")]).toEqual([303, `/pay/${id}/status`]);
  for (const unknown of [newId("payment"), "//evil.example", "x"])
    expect((await open(unknown)).headers.get("location")).toBe("/pay/unknown/status");
});
