import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import type { ServiceContext, Services } from "@/server/context";
import { MINUTE_MS } from "@/server/core/time";
import { processInbox } from "@/server/domain/inbox/service";
import { checkInvariants } from "@/server/domain/invariants";
import { createStore } from "@/server/domain/stores/service";
import { asSystem, type BuiltPartner, makePartner, makeWebsite, unique } from "@/server/testing/builders";
import { asApiKey, type TestServices, testServices } from "@/server/testing/context";
import { receiveKlarnaWebhooks, type WebhookReceiver } from "@/server/testing/klarna-webhooks";
import { type RecordedCall, recordCalls } from "@/server/testing/recording-proxy";
import { holdSandbox } from "@/server/testing/sandbox";
import { CreatePaymentSchema, ExpressPaymentSchema } from "./schema";
import { advanceDuePayments, createExpressPayment, createPayment, findJourney, getPayment } from "./service";

/* What goes over the wire to Klarna for each way to launch a payment, and what is refused before anything does. */

let test: TestServices;
let services: Services;
let webhooks: WebhookReceiver;
let proxy: Awaited<ReturnType<typeof recordCalls>>;
let partner: BuiltPartner;
let shop: Awaited<ReturnType<typeof makeWebsite>>;
let ctx: ServiceContext;
let release: () => Promise<void>;

beforeAll(async () => {
  const sandbox = await holdSandbox();
  release = sandbox.release;
  proxy = await recordCalls(sandbox.simulator.url);
  test = await testServices({
    clock: "movable",
    environment: { KLARNA_TIMEOUT_MS: "1500", KLARNA_TEST_BASE_URL: proxy.url },
  });
  services = test.services;
  webhooks = await receiveKlarnaWebhooks(services, test.simulator);
  partner = await makePartner(services);
  shop = await makeWebsite(services, partner);
  ctx = asApiKey(services, { partnerId: partner.partner.id });
});
beforeEach(() => {
  proxy.calls.length = 0;
});
afterAll(async () => {
  expect((await checkInvariants(services.db)).filter((result) => result.broken > 0)).toEqual([]);
  await webhooks.close();
  await proxy.close();
  await test.close();
  await release();
});

type Fields = Record<string, unknown>;
const sale = (fields: Fields = {}): Fields => ({
  amount: 25_050,
  currency: "SEK",
  reference: unique("order"),
  ...fields,
});
const inStore = () => ({ store: { id: partner.store.id }, terminal: { id: partner.terminal.id } });
const take = (fields: Fields = {}, as = ctx) => createPayment(as, CreatePaymentSchema.parse(sale(fields)));
const express = (fields: Fields) => createExpressPayment(ctx, ExpressPaymentSchema.parse(sale(fields)));
const control = () => test.simulator.control;

const BodySchema = z.looseObject({
  step_up_config: z.looseObject({ customer_interaction_config: z.record(z.string(), z.unknown()) }),
  request_payment_transaction: z.looseObject({ capture: z.string() }),
  point_of_checkout: z.unknown(),
  point_of_transaction: z.unknown(),
  klarna_network_data: z.string().optional(),
  interoperability_data: z.string().optional(),
});
const authorizeCalls = (): RecordedCall[] => proxy.calls.filter((call) => call.path.endsWith("/payment/authorize"));
const bodyOf = (call: RecordedCall | undefined) => BodySchema.parse(JSON.parse(call?.body.toString("utf8") ?? "null"));

async function settleWebhooks(): Promise<void> {
  for (let turn = 0; turn < 2; turn += 1) {
    await control().idle();
    await processInbox(services);
  }
}

async function expressToken(input: { amount?: number } = {}): Promise<string> {
  const answer = await fetch(`${test.simulator.url}/v2/accounts/${partner.account.id}/interoperability/test-tokens`, {
    method: "POST",
    headers: {
      authorization: `Basic ${test.simulator.apiKey}`,
      "content-type": "application/json",
      "klarna-idempotency-key": randomUUID(),
    },
    body: JSON.stringify({ customer_journey: "KLARNA_EXPRESS_CHECKOUT", currency: "SEK", ...input }),
  });
  return z.object({ klarna_network_session_token: z.string() }).parse(await answer.json()).klarna_network_session_token;
}

describe("what Klarna is asked", () => {
  it("a code to scan in a store: the store by Klarna's id, the terminal, captured at once", async () => {
    const payment = await take(inStore());
    expect(payment).toMatchObject({ channel: "in_store", launch: "qr", capture: "automatic" });
    expect(payment.qr).not.toBeNull();
    const body = bodyOf(authorizeCalls()[0]);
    expect(body.step_up_config.customer_interaction_config).toEqual({ method: "QR_CODE" });
    expect(body.point_of_checkout).toEqual({ store_id: partner.store.klarnaStoreId });
    expect(body.point_of_transaction).toEqual({ type: "TERMINAL", terminal_reference: partner.terminal.reference });
    expect(body.request_payment_transaction.capture).toBe("NOW");
  });

  it("a redirect on the web: the one website, our return address with Klarna's placeholders, captured later", async () => {
    const payment = await take({ channel: "web", return_url: "https://shop.example/thanks?cart=7#top" });
    expect(payment).toMatchObject({
      channel: "web",
      launch: "redirect",
      capture: "manual",
      store: { id: shop.id },
      terminal: null,
      qr: null,
      redirect_url: `${services.env.PUBLIC_URL}/pay/${payment.id}`,
    });
    const body = bodyOf(authorizeCalls()[0]);
    const { method, return_url } = body.step_up_config.customer_interaction_config;
    expect(method).toBe("HANDOVER");
    expect(return_url).toMatch(
      new RegExp(
        `^${services.env.PUBLIC_URL}/pay/${payment.id}/return\\?t=[\\w-]{43}&state=\\{klarna\\.payment_request\\.state\\}$`,
      ),
    );
    expect(body.point_of_checkout).toEqual({ store_id: shop.klarnaStoreId });
    expect(body.point_of_transaction).toEqual({ type: "WEBSITE" });
    expect(body.request_payment_transaction.capture).toBe("LATER");
    expect(JSON.stringify(body)).not.toContain("shop.example/thanks");
  });

  it("an app by SDK: the app's address as given, the website where no app is registered, Klarna's address unwrapped", async () => {
    const payment = await take({ channel: "mobile_app", app_return_url: "shopapp://paid?from=klarna" });
    expect(payment).toMatchObject({ channel: "mobile_app", launch: "sdk", store: { id: shop.id } });
    const body = bodyOf(authorizeCalls()[0]);
    expect(body.step_up_config.customer_interaction_config).toMatchObject({
      method: "HANDOVER",
      app_return_url: "shopapp://paid?from=klarna",
    });
    expect(body.point_of_transaction).toEqual({ type: "MOBILE_APP" });
    expect(payment.klarna.payment_request_url).toContain(`:${new URL(test.simulator.url).port}/`);
  });

  it("the store tells the channel, its own reference does where Klarna's id is not known yet", async () => {
    const unknown = await makeWebsite(services, partner, { isKnownAtKlarna: false });
    await control().account({ account_id: partner.account.id, stores: [{ store_reference: unknown.reference }] });
    const payment = await take({ store: { id: unknown.id } });
    expect(payment).toMatchObject({ channel: "web", launch: "redirect" });
    expect(bodyOf(authorizeCalls()[0]).point_of_checkout).toEqual({ store_reference: unknown.reference });
    await services.db.query({ text: "update stores set status = 'ARCHIVED' where id = $1", values: [unknown.id] });
  });

  it("a kiosk in a store may send its browser: the terminal is named all the same", async () => {
    const payment = await take({ ...inStore(), launch: "redirect", return_url: "https://kiosk.example/" });
    expect(payment).toMatchObject({ channel: "in_store", launch: "redirect", capture: "automatic", qr: null });
    expect(bodyOf(authorizeCalls()[0]).point_of_transaction).toMatchObject({ type: "TERMINAL" });
  });

  it("the final call is the first one's body again, byte for byte", async () => {
    const payment = await take({ channel: "web", return_url: "https://shop.example/", customer: { email: "a@b.se" } });
    await control().play(payment.klarna.payment_request_id ?? "", "complete");
    await settleWebhooks();
    const [first, final, ...more] = authorizeCalls();
    expect(more).toEqual([]);
    expect(final?.body.equals(first?.body ?? Buffer.alloc(0))).toBe(true);
    expect((await getPayment(ctx, payment.id)).status).toBe("authorized");
  });
});

describe("the Partner's own session token and data", () => {
  /** Everything that JSON and headers could mangle. */
  const ODD = [
    '{ "a" : 1 }\n\t',
    '{"quote":"\\"","slash":"\\/","unicode":"\\u00e5\\ud83d\\ude00","raw":"å😀"}',
    '{"nul":"\\u0000","line":"\u2028","space":" \u00a0\u2003","lone":"\\ud800","bom":"\ufeff"}',
    `{"content_type":"vnd.klarna.interoperability-data.v3+json","content":${JSON.stringify({ text: "é".repeat(2_000) })}}`,
  ];
  it.each(ODD.map((data, at) => [at, data] as const))(
    "data %i reaches Klarna as it was given, under the name it was given, on every call",
    async (_at, data) => {
      for (const name of ["network_data", "interoperability_data"] as const) {
        proxy.calls.length = 0;
        const payment = await take({ channel: "web", klarna: { [name]: data } });
        await control().play(payment.klarna.payment_request_id ?? "", "complete");
        await settleWebhooks();
        const bodies = authorizeCalls().map(bodyOf);
        expect(bodies).toHaveLength(2);
        for (const body of bodies)
          expect(name === "network_data" ? body.klarna_network_data : body.interoperability_data).toBe(data);
      }
    },
  );

  it("a token goes out in the header of its name, on the first call already, for each launch", async () => {
    for (const launch of ["qr", "redirect", "sdk"]) {
      for (const [field, header] of [
        ["network_session_token", "klarna-network-session-token"],
        ["interoperability_token", "klarna-interoperability-token"],
      ] as const) {
        proxy.calls.length = 0;
        const token = `krn:network:eu1:test:session-token:${"aA0-._~+/=%!*'()".repeat(40)}${randomUUID()}`;
        const payment = await take({
          ...(launch === "qr" ? inStore() : { channel: "web" }),
          launch,
          klarna: { [field]: token },
        });
        expect(payment.status).toBe("pending");
        expect(authorizeCalls()[0]?.headers[header]).toBe(token);
      }
    }
  });

  it("what a header cannot hold and what is too long is refused before anything is written", () => {
    for (const token of ["", "a b", "a\r\nx-evil: 1", "å", "\u0000", "x".repeat(8_193)])
      expect(CreatePaymentSchema.safeParse(sale({ klarna: { network_session_token: token } })).success, token).toBe(
        false,
      );
    expect(CreatePaymentSchema.safeParse(sale({ klarna: { network_data: "x".repeat(10_241) } })).success).toBe(false);
  });
});

describe("the token that proves the finished journey", () => {
  const HEADERS = {
    legacy: "klarna-payment-token",
    current: "klarna-network-session-token",
    both: "klarna-network-session-token",
  } as const;
  it.each(
    (["legacy", "current", "both"] as const).flatMap((names) =>
      (["qr", "redirect", "sdk"] as const).map((launch) => ({ names, launch })),
    ),
  )("$launch: names of Klarna $names", async ({ names, launch }) => {
    await control().account({ account_id: partner.account.id, switches: { names } });
    const payment = await take({
      ...(launch === "qr" ? inStore() : { channel: "web" }),
      launch,
      klarna: { network_session_token: "krn:the-partners-own" },
    });
    await control().play(payment.klarna.payment_request_id ?? "", "complete");
    await settleWebhooks();
    const final = authorizeCalls()[1];
    const proof = final?.headers[HEADERS[names]];
    expect(proof).toMatch(/^krn:/);
    expect(proof).not.toBe("krn:the-partners-own");
    // Where the names differ the running session stays named.
    if (names === "legacy") expect(final?.headers["klarna-network-session-token"]).toBe("krn:the-partners-own");
    expect(["authorized", "completed"]).toContain((await getPayment(ctx, payment.id)).status);
    await control().account({ account_id: partner.account.id, switches: { names: "both" } });
  });

  it.each(["qr", "redirect", "sdk", "express"] as const)(
    "R20: %s: a journey that nobody finalized within 60 minutes charges nothing",
    async (launch) => {
      const own = { ...(launch === "qr" ? inStore() : { channel: "web" }), expires_in: 172_800 };
      await control().account({ account_id: partner.account.id, switches: { read_shows_token: false } });
      if (launch === "express")
        await control().fault({ operation: "authorize_final", kind: "step_up_again", account: partner.account.id });
      const payment =
        launch === "express"
          ? await express({ ...own, klarna: { network_session_token: await expressToken() } })
          : await take({ ...own, launch });
      expect(payment.status).toBe("pending");
      await control().fault({ operation: "webhook", kind: "lost", account: partner.account.id, times: null });
      await control().play(payment.klarna.payment_request_id ?? "", "complete");
      for (let minute = 0; minute < 65; minute += 13) {
        test.clock.advance(13 * MINUTE_MS);
        await control().advance(13 * MINUTE_MS);
        await advanceDuePayments(services);
      }
      await control().clearFaults();
      await control().account({ account_id: partner.account.id, switches: { read_shows_token: true } });
      expect(await getPayment(ctx, payment.id)).toMatchObject({
        status: "failed",
        failure: { code: "approval_lapsed" },
      });
      expect(await control().transactions({ payment_transaction_reference: payment.id })).toEqual([]);
    },
  );
});

describe("Express", () => {
  it("one token makes one payment: of ten at once one goes through, the others are told session_token_used", async () => {
    const token = await expressToken();
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, () => express({ klarna: { network_session_token: token } })),
    );
    const made = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    const refused = results.flatMap((result) => (result.status === "rejected" ? [result.reason.code] : []));
    expect(made.map((payment) => payment.status)).toEqual(["authorized"]);
    expect(refused).toEqual(Array(9).fill("session_token_used"));
    await expect(express({ klarna: { interoperability_token: token } })).rejects.toMatchObject({
      code: "session_token_used",
    });
    const own = (await control().transactions({ account: partner.account.id })).filter(
      (one) => one.payment_transaction_reference === made[0]?.id,
    );
    expect(own).toHaveLength(1);
  });

  it("a create call that says that the journey is completed does the same, under either name of the token", async () => {
    for (const name of ["network_session_token", "interoperability_token"]) {
      const klarna = { [name]: await expressToken({ amount: 25_050 }), journey_completed: true };
      expect(await take({ channel: "web", capture: "automatic", klarna })).toMatchObject({
        status: "completed",
        amount_captured: 25_050,
      });
      await expect(take({ channel: "web", klarna })).rejects.toMatchObject({ code: "session_token_used" });
    }
  });

  it("a token used up by another payment never makes a second one, though nobody said that its journey is completed", async () => {
    const klarna = { network_session_token: await expressToken() };
    const first = await take({ channel: "web", klarna });
    expect(first.status).toBe("authorized");
    const reference = unique("order");
    await expect(take({ channel: "web", klarna, reference })).rejects.toMatchObject({ code: "session_token_used" });
    const [row] = await services.db.query<{ state: string; failure: string; transaction: string | null }>({
      text: `select state, failure_code as failure, klarna_payment_transaction_id as transaction from payments where reference = $1`,
      values: [reference],
    });
    expect(row).toEqual({ state: "FAILED", failure: "session_token_used", transaction: null });
    expect(await getPayment(ctx, first.id)).toMatchObject({ status: "authorized", amount_authorized: 25_050 });
  });

  it("another amount than the customer approved is refused by Klarna, and the token can still be used for the right one", async () => {
    const token = await expressToken({ amount: 9_950 });
    const wrong = await express({ klarna: { network_session_token: token } });
    expect(wrong).toMatchObject({ status: "failed", failure: { code: "klarna_refused" } });
    const right = await express({ amount: 9_950, klarna: { network_session_token: token } });
    expect(right.status).toBe("authorized");
  });

  it("needs a token, and a create call with a finished journey needs one too", async () => {
    expect(ExpressPaymentSchema.safeParse(sale({ klarna: { network_data: "{}" } })).success).toBe(false);
    expect(ExpressPaymentSchema.safeParse(sale()).success).toBe(false);
    await expect(take({ channel: "web", klarna: { journey_completed: true } })).rejects.toMatchObject({
      code: "rule_broken",
    });
  });

  it("in a store names its terminal", async () => {
    const payment = await express({ ...inStore(), klarna: { network_session_token: await expressToken() } });
    expect(payment).toMatchObject({ channel: "in_store", status: "completed", terminal: { id: partner.terminal.id } });
  });
});

describe("what is refused before Klarna is asked", () => {
  const inPhysicalStore = () => ({ store: { id: partner.store.id } });
  const CASES: readonly [name: string, fields: () => Fields, code: string, pointer: string][] = [
    ["no customer there", () => ({ ...inStore(), launch: "none" }), "launch_not_available", "/launch"],
    [
      "a short code on the Network",
      () => ({ ...inStore(), launch: "short_code", short_code: "1234" }),
      "launch_not_available",
      "/launch",
    ],
    ["a short code that nobody asked for", () => ({ ...inStore(), short_code: "1234" }), "rule_broken", "/short_code"],
    ["in store without a terminal", () => ({ ...inPhysicalStore(), channel: "in_store" }), "rule_broken", "/terminal"],
    ["a physical store and no terminal", inPhysicalStore, "rule_broken", "/terminal"],
    ["online with a terminal", () => ({ ...inStore(), channel: "web" }), "rule_broken", "/terminal"],
    ["online in a physical store", () => ({ ...inPhysicalStore(), channel: "web" }), "rule_broken", "/store"],
    ["an unknown website", () => ({ channel: "web", store: { reference: "nowhere" } }), "store_not_found", "/store"],
    [
      "a website and a terminal",
      () => ({ store: { id: shop.id }, terminal: { id: partner.terminal.id } }),
      "rule_broken",
      "/store",
    ],
    ["a way back for a code", () => ({ ...inStore(), return_url: "https://x.example/" }), "rule_broken", "/return_url"],
    [
      "an app's way back for a code",
      () => ({ ...inStore(), app_return_url: "app://x" }),
      "rule_broken",
      "/app_return_url",
    ],
    [
      "lines that do not add up",
      () => ({ channel: "web", line_items: [{ name: "A", quantity: 1, total_amount: 1 }] }),
      "amount_mismatch",
      "/line_items",
    ],
    [
      "a currency that Klarna does not take",
      () => ({ channel: "web", currency: "JPY" }),
      "currency_not_supported",
      "/currency",
    ],
  ];
  it.each(CASES)("%s", async (_name, fields, code, pointer) => {
    const refusal = await take(fields()).then(
      () => null,
      (error: { code: string; errors: { pointer: string }[] }) => error,
    );
    expect(refusal?.code).toBe(code);
    expect(refusal?.errors[0]?.pointer).toBe(pointer);
    expect(authorizeCalls()).toEqual([]);
  });

  it("online without a store: one website is meant, none or several must be named", async () => {
    const own = await makePartner(services);
    const as = asApiKey(services, { partnerId: own.partner.id });
    await expect(take({ channel: "web" }, as)).rejects.toMatchObject({ code: "rule_broken" });
    await makeWebsite(services, own);
    expect((await take({ channel: "web" }, as)).status).toBe("pending");
    expect((await take({ launch: "redirect" }, as)).channel).toBe("web");
    await makeWebsite(services, own);
    await expect(take({ channel: "web" }, as)).rejects.toMatchObject({ code: "rule_broken" });
    const app = await createStore(asSystem(services), {
      partnerId: own.partner.id,
      reference: unique("app"),
      name: "App",
      type: "MOBILE_APP",
      country: "SE",
    });
    await control().account({ account_id: own.account.id, switches: { accept_unknown_stores: true } });
    expect((await take({ channel: "mobile_app" }, as)).store?.id).toBe(app.id);
  });

  it("S24: only web addresses and schemes of apps are a way back; plain http not in live mode", async () => {
    const bad = [
      "javascript:alert(1)",
      "data:text/html,x",
      "//evil.example",
      "/relative",
      "ftp://x.example/",
      "https://u:p@x.example/",
      "https://x.example/å",
    ];
    const split = CreatePaymentSchema.parse(sale({ return_url: "https://x.example/\r\nset-cookie:a=b" }));
    expect(split.return_url).toBe("https://x.example/set-cookie:a=b");
    for (const url of bad) expect(CreatePaymentSchema.safeParse(sale({ return_url: url })).success, url).toBe(false);
    const badApps = [
      "javascript:alert(1)",
      "JavaScript:alert(1)",
      "java\nscript:x",
      "data:text/html,x",
      "vbscript:x",
      "file:///etc/passwd",
      "http://x.example/",
      "blob:x",
      "about:blank",
      "noscheme",
      "view-source:https://x",
    ];
    for (const url of badApps)
      expect(CreatePaymentSchema.safeParse(sale({ app_return_url: url })).success, url).toBe(false);
    for (const url of ["shopapp://done", "com.shop.app:/done", "https://shop.example/app"])
      expect(CreatePaymentSchema.safeParse(sale({ app_return_url: url })).success, url).toBe(true);
    const live = await makePartner(services, { mode: "live" });
    const as = asApiKey(services, { partnerId: live.partner.id, mode: "live" });
    await makeWebsite(services, live);
    await expect(take({ channel: "web", return_url: "http://shop.example/" }, as)).rejects.toMatchObject({
      code: "rule_broken",
    });
  });
});

describe("what is kept", () => {
  it("S60: the Partner's addresses, the token and the data are stored encrypted only, and not in the log", async () => {
    const secret = `s3cret-${randomUUID()}`;
    const payment = await take({
      channel: "web",
      return_url: `https://shop.example/done?session=${secret}`,
      app_return_url: `shopapp://done?session=${secret}`,
      klarna: { network_session_token: `krn:${secret}`, network_data: JSON.stringify({ secret }) },
    });
    const dump = await services.db.query<{ text: string }>({
      text: `select p::text as text from payments p where p.id = $1 union all select c::text from klarna_calls c join klarna_operations o on o.id = c.operation_id where o.payment_id = $1
        union all select e::text from outbox_events e where e.subject_id = $1 union all select a::text from audit_entries a where a.subject_id = $1`,
      values: [payment.id],
    });
    expect(dump.length).toBeGreaterThan(3);
    expect(dump.map((row) => row.text).join("\n")).not.toContain(secret);
    expect(test.log.join("\n")).not.toContain(secret);
    expect(JSON.stringify(payment)).not.toContain(secret);
    const view = await findJourney(ctx, payment.id);
    expect(view?.returnUrl).toBe(`https://shop.example/done?session=${secret}&payment_id=${payment.id}&status=pending`);
  });
});
