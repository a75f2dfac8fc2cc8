import { randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import type { ServiceContext, Services } from "@/server/context";
import { newId } from "@/server/core/ids";
import { CreatePaymentSchema } from "@/server/domain/payments/schema";
import { cancelPayment, createPayment, getPayment } from "@/server/domain/payments/service";
import type { RunningSimulator } from "@/server/simulator/testing";
import { type BuiltPartner, makePartner, makeWebsite, unique } from "@/server/testing/builders";
import { asApiKey } from "@/server/testing/context";
import { testDatabase } from "@/server/testing/database";
import { quickest } from "@/server/testing/equal-time";
import { holdSandbox } from "@/server/testing/sandbox";

/* The customer's browser around Klarna's journey, with every webhook lost: what it says is a hint, what Klarna says counts. */

let services: Services;
let simulator: RunningSimulator;
let partner: BuiltPartner;
let ctx: ServiceContext;
let back: (request: Request, props: { params: Promise<{ paymentId: string }> }) => Promise<Response>;
let go: typeof back;
const clean: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  const [database, sandbox] = await Promise.all([testDatabase(), holdSandbox()]);
  simulator = sandbox.simulator;
  const secret = (): string => randomBytes(32).toString("base64url");
  const settings = {
    DATABASE_URL: database.url,
    KLARNA_TEST_BASE_URL: simulator.url,
    KLARNA_TEST_API_KEY: simulator.apiKey,
    SIMULATOR_CONTROL_URL: simulator.url,
    KLARNA_TIMEOUT_MS: "1500",
    TILLGATE_SESSION_SECRET: secret(),
    TILLGATE_KEY_PEPPER: secret(),
    TILLGATE_ENCRYPTION_KEYS: `k1:${randomBytes(32).toString("base64")}`,
    LOG_LEVEL: "silent",
  };
  for (const [name, value] of Object.entries(settings)) vi.stubEnv(name, value);
  services = (await import("@/server/auth/web")).webServices();
  back = (await import("@/app/pay/[paymentId]/return/route")).GET;
  go = (await import("@/app/pay/[paymentId]/route")).GET;
  partner = await makePartner(services);
  await makeWebsite(services, partner);
  ctx = asApiKey(services, { partnerId: partner.partner.id });
  clean.push(
    () => services.db.close(),
    () => database.drop(),
    () => sandbox.release(),
  );
});
afterEach(() => simulator.control.clearFaults());
afterAll(async () => {
  for (const step of clean) await step();
  vi.unstubAllEnvs();
});

const SHOP = "https://shop.example/thanks?cart=7#top";

/** A payment by redirect, and the address that Klarna was given for the way back. */
async function begin(fields: Record<string, unknown> = {}): Promise<{ id: string; request: string; address: string }> {
  const { id, klarna } = await createPayment(
    ctx,
    CreatePaymentSchema.parse({
      amount: 25_050,
      currency: "SEK",
      reference: unique("order"),
      channel: "web",
      return_url: SHOP,
      ...fields,
    }),
  );
  const request = klarna.payment_request_id ?? "";
  const calls = await simulator.control.calls({ account: partner.account.id });
  const sent = calls.find((call) => call.request_body?.includes(id))?.request_body ?? "";
  const address = /"return_url":"([^"]+)"/.exec(sent)?.[1] ?? "";
  return { id, request, address };
}

type Visit = { status: number; location: string | null; cookies: string[] };
async function visit(handler: typeof back, address: string, paymentId: string, cookie?: string): Promise<Visit> {
  const request = new Request(address, cookie === undefined ? {} : { headers: { cookie } });
  const answer = await handler(request, { params: Promise.resolve({ paymentId }) });
  return { status: answer.status, location: answer.headers.get("location"), cookies: answer.headers.getSetCookie() };
}
/** As Klarna fills its placeholder in. */
const comeBack = (at: { id: string; address: string }, state: string) =>
  visit(back, at.address.replace("{klarna.payment_request.state}", state), at.id);
const readsOf = async (request: string): Promise<number> =>
  (await simulator.control.calls({ account: partner.account.id })).filter(
    (call) => call.method === "GET" && decodeURIComponent(call.path).includes(request),
  ).length;

it("a finished journey whose webhook is lost is found out at Klarna, and leads on to the shop with what we know", async () => {
  const at = await begin();
  await simulator.control.play(at.request, "complete");
  const answer = await comeBack(at, "COMPLETED");
  expect(answer).toEqual({
    status: 303,
    location: `https://shop.example/thanks?cart=7&payment_id=${at.id}&status=authorized#top`,
    cookies: [],
  });
  expect((await getPayment(ctx, at.id)).status).toBe("authorized");
});

it("an address that says COMPLETED decides nothing: Klarna is asked, and the customer waits on our page", async () => {
  const at = await begin();
  const answer = await comeBack(at, "COMPLETED");
  expect([answer.status, answer.location]).toEqual([303, `/pay/${at.id}/status`]);
  expect(answer.cookies).toHaveLength(2);
  for (const cookie of answer.cookies) {
    expect(cookie).toMatch(new RegExp(`Path=(/pay|/api/v1/payments)/${at.id};`));
    expect(cookie).toMatch(/HttpOnly; SameSite=Lax/);
  }
  expect((await getPayment(ctx, at.id)).status).toBe("pending");
  expect(await simulator.control.transactions({ payment_transaction_reference: at.id })).toEqual([]);

  // From our page: later, without the token in the address, the same browser is led on once it is over.
  const cookie = (answer.cookies[0] ?? "").split(";")[0] ?? "";
  const address = `http://localhost:3000/pay/${at.id}/return`;
  expect((await visit(back, `${address}?leave=1`, at.id, cookie)).location).toContain("status=pending");
  await cancelPayment(ctx, at.id);
  expect((await visit(back, address, at.id, cookie)).location).toBe(
    `https://shop.example/thanks?cart=7&payment_id=${at.id}&status=canceled#top`,
  );
});

it("S24: without this payment's own token nobody is sent on, nothing is asked and no cookie is given", async () => {
  const at = await begin();
  const other = await begin();
  await simulator.control.play(at.request, "complete");
  const token = new URL(other.address.replaceAll(/[{}]/g, "")).searchParams.get("t");
  const before = await readsOf(at.request);
  for (const query of [
    "",
    "?t=",
    "?t=x",
    `?t=${token}`,
    "?leave=1",
    "?t=%00",
    "?next=https://evil.example",
    "?return_url=//evil",
  ]) {
    const answer = await visit(back, `http://localhost:3000/pay/${at.id}/return${query}`, at.id);
    expect(answer, query).toEqual({ status: 303, location: `/pay/${at.id}/status`, cookies: [] });
  }
  expect(await readsOf(at.request)).toBe(before);
  for (const id of [newId("payment"), "x", "//evil.example"])
    expect((await visit(back, "http://localhost:3000/", id)).location).toBe("/pay/unknown/status");
});

it("many returns at once make one question, and no more within three seconds", async () => {
  const at = await begin();
  const before = await readsOf(at.request);
  const answers = await Promise.all(Array.from({ length: 25 }, () => comeBack(at, "IN_PROGRESS")));
  expect(new Set(answers.map((answer) => answer.location))).toEqual(new Set([`/pay/${at.id}/status`]));
  for (let turn = 0; turn < 10; turn += 1) await comeBack(at, "COMPLETED");
  expect((await readsOf(at.request)) - before).toBe(1);
});

it("where Klarna does not answer the customer waits on our page, and not for Klarna", async () => {
  let at = await begin();
  const waited = async (): Promise<number> => {
    at = await begin();
    await simulator.control.fault({
      operation: "read_request",
      kind: "slow",
      delay_ms: 3_000,
      account: partner.account.id,
    });
    const started = performance.now();
    expect((await comeBack(at, "SUBMITTED")).location).toBe(`/pay/${at.id}/status`);
    return performance.now() - started;
  };
  expect(await quickest(waited, 2_500)).toBeLessThan(2_500);
  await vi.waitFor(async () => expect(await readsOf(at.request)).toBeGreaterThan(0), { timeout: 30_000 });
});

it("a declined journey leads on with that status; without an address of the shop our page tells it", async () => {
  const at = await begin();
  await simulator.control.play(at.request, "open");
  await simulator.control.play(at.request, "decline");
  expect((await comeBack(at, "DECLINED")).location).toContain("&status=declined");
  const plain = await begin({ return_url: undefined });
  await simulator.control.play(plain.request, "complete");
  expect((await comeBack(plain, "COMPLETED")).location).toBe(`/pay/${plain.id}/status`);
  expect((await visit(go, `http://localhost:3000/pay/${plain.id}`, plain.id)).location).toBe(`/pay/${plain.id}/status`);
  const app = await begin({ channel: "mobile_app", return_url: undefined, app_return_url: "shopapp://done" });
  await simulator.control.play(app.request, "complete");
  expect((await comeBack(app, "COMPLETED")).location).toBe(`shopapp://done?payment_id=${app.id}&status=authorized`);
});

it("nobody is sent to a journey whose time is over, at Klarna or with us", async () => {
  const at = await begin({ expires_in: 60 });
  const address = `http://localhost:3000/pay/${at.id}`;
  expect((await visit(go, address, at.id)).location).toContain("/requests/");
  for (const column of ["klarna_request_expires_at", "expires_at"]) {
    await services.db.query({
      text: `update payments set ${column} = now() - interval '1 second', version = version + 1 where id = $1`,
      values: [at.id],
    });
    expect((await visit(go, address, at.id)).location, column).toBe(`/pay/${at.id}/status`);
    await services.db.query({
      text: `update payments set ${column} = now() + interval '1 hour', version = version + 1 where id = $1`,
      values: [at.id],
    });
  }
  expect((await visit(go, address, at.id)).location).toContain("/requests/");
});
