import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import jsQR from "jsqr";
import { PNG } from "pngjs";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { compare, prepare, readContracts, send } from "../contract";
import { at, type Json } from "../fixtures";
import sharedErrors from "../fixtures/classic/_errors.json";
import { type RunningSimulator, startSimulator } from "../testing";

/** A small till that is not the product's. */

const EMD = {
  content_type: "application/vnd.klarna.internal.emd-v2+json",
  body: JSON.stringify({
    in_store_payment: [{ store_info: { merchant_store_id: "17", store_terminal_id: "T-0042" } }],
  }),
};

function sessionBody(amount: number, extra: Json = {}): Json {
  return {
    acquiring_channel: "in_store",
    purchase_country: "SE",
    purchase_currency: "SEK",
    locale: "en-SE",
    merchant_reference1: "ON4711",
    order_amount: amount,
    order_lines: [{ name: "Bouquet", quantity: 1, unit_price: amount, total_amount: amount }],
    attachment: EMD,
    distribution: { method: "one_qr" },
    ...extra,
  };
}

const open: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function createTill(options: { dataDir?: string } = {}) {
  const simulator = await startSimulator(options);
  let isClosed = false;
  const close = async (): Promise<void> => {
    if (isClosed) return;
    isClosed = true;
    await simulator.close();
  };
  open.push(close);
  return { ...tillOf(simulator), close };
}

function tillOf(simulator: RunningSimulator) {
  let authorization = "";
  async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const response = await simulator.fetch(
      new Request(new URL(path, simulator.url), {
        method,
        headers: { authorization, "content-type": "application/json", ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    );
    const text = await response.text();
    const parsed: unknown = text.startsWith("{") || text.startsWith("[") ? JSON.parse(text) : {};
    return { status: response.status, headers: response.headers, text, body: parsed };
  }
  const control = (method: string, path: string, body?: unknown) => call(method, `/_control/classic${path}`, body);
  return {
    simulator,
    call,
    control,
    async signIn(): Promise<string> {
      const account = await simulator.control.account({ name: "Blommor Stockholm", country: "SE" });
      const { body } = await control("POST", "/credentials", { account: account.account_id });
      authorization = String(at(body, "authorization"));
      return account.account_id;
    },
    useAuthorization(value: string): void {
      authorization = value;
    },
    authorization: () => authorization,
    async session(amount = 18_000, extra: Json = {}): Promise<{ id: string; resultUrl: string }> {
      const answer = await call("POST", "/payments/v1/sessions", sessionBody(amount, extra));
      expect(answer.status, answer.text).toBe(200);
      return {
        id: String(at(answer.body, "session_id")),
        resultUrl: new URL(String(at(answer.body, "distribution", "result_url"))).pathname,
      };
    },
    /** Asks until the distribution has this status. */
    async poll(resultUrl: string, status: string) {
      let body: unknown;
      await expect
        .poll(async () => {
          ({ body } = await call("GET", resultUrl));
          return at(body, "status");
        })
        .toBe(status);
      return body;
    },
    /** Waits until so many attempts to call back have been noted: a receiver hears of each a moment earlier. */
    async noted(count: number): Promise<void> {
      const CallbacksSchema = z.object({ callbacks: z.array(z.looseObject({ attempts: z.array(z.unknown()) })) });
      await expect
        .poll(async () =>
          CallbacksSchema.parse((await control("GET", "/callbacks")).body).callbacks.flatMap(
            ({ attempts }) => attempts,
          ),
        )
        .toHaveLength(count);
    },
    async play(id: string, action: string, force = false) {
      return await control("POST", `/sessions/${id}/play`, { action, force });
    },
    async page(path: string): Promise<string> {
      return (await call("GET", path)).text;
    },
    async tap(id: string, step: string, form: Record<string, string>): Promise<string> {
      const response = await simulator.fetch(
        new Request(`${simulator.url}/eu/in-store/${id}/${step}`, {
          method: "POST",
          body: new URLSearchParams(form),
          redirect: "manual",
        }),
      );
      expect(response.status).toBe(303);
      const next = await call("GET", response.headers.get("location") ?? "");
      return next.text;
    },
  };
}

const CallbackBodySchema = z.looseObject({ status: z.string().optional() });

/** A merchant's address for callbacks, which answers what the list says and 200 after that. */
async function createReceiver(answers: number[] = []) {
  const received: { url: string; headers: NodeJS.Dict<string | string[]>; body: Json }[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = CallbackBodySchema.parse(JSON.parse(Buffer.concat(chunks).toString("utf8")));
      received.push({ url: request.url ?? "", headers: request.headers, body });
      response.statusCode = answers.shift() ?? 200;
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  open.push(() => void server.close());
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    received,
    url: `http://127.0.0.1:${port}/klarna?klarnaId=17&secretToken=one-time`,
    async wait(count: number): Promise<void> {
      await expect.poll(() => received.length).toBeGreaterThanOrEqual(count);
    },
  };
}

describe("classic in-store", () => {
  it("T16: a till that polls sees the QR code, the customer, and an order that Klarna has placed itself", async () => {
    const till = await createTill();
    const account = await till.signIn();
    const { id, resultUrl } = await till.session();
    expect(at((await till.call("GET", resultUrl)).body, "status")).toBe("WAITING");
    const shown = await till.poll(resultUrl, "DISTRIBUTED");
    const picture = await till.simulator.fetch(
      new Request(`${till.simulator.url}${new URL(String(at(shown, "qr"))).pathname}`),
    );
    const png = PNG.sync.read(Buffer.from(await picture.arrayBuffer()));
    expect(jsQR(new Uint8ClampedArray(png.data), png.width, png.height)?.data).toBe(at(shown, "payment_link"));

    expect(await till.page(new URL(String(at(shown, "payment_link"))).pathname)).toContain("Who is paying?");
    expect(at((await till.call("GET", resultUrl)).body, "status")).toBe("ACCESSED");
    await till.tap(id, "phone", { persona: "approved", phone: "+46701740615" });
    await till.tap(id, "code", { code: "123456" });
    expect(await till.tap(id, "plan", { plan: "pay_in_30_days" })).toContain("Review and approve");
    expect(await till.tap(id, "decision", { decision: "approve" })).toContain("Paid");
    const done = (await till.call("GET", resultUrl)).body;
    expect(at(done, "status")).toBe("COMPLETED");
    const order = await till.call("GET", `/ordermanagement/v1/orders/${String(at(done, "order_id"))}`);
    expect(at(order.body, "status")).toBe("AUTHORIZED");
    expect(at(order.body, "klarna_reference")).toBe(at(done, "klarna_reference"));
    expect(await till.simulator.control.transactions({ account })).toMatchObject([{ amount: 18_000, currency: "SEK" }]);
  });

  it("T16: the callback comes for every change, unsigned, at the address with its secret", async () => {
    const till = await createTill();
    await till.signIn();
    const receiver = await createReceiver();
    const distribution = { method: "one_qr", callback_urls: { status_update: receiver.url } };
    const { id, resultUrl } = await till.session(18_000, { distribution });
    await till.poll(resultUrl, "DISTRIBUTED");
    await till.play(id, "complete");
    await receiver.wait(4);
    expect(receiver.received.map(({ body }) => body.status)).toEqual([
      "WAITING",
      "DISTRIBUTED",
      "ACCESSED",
      "COMPLETED",
    ]);
    for (const { url, headers } of receiver.received) {
      expect(url).toBe("/klarna?klarnaId=17&secretToken=one-time");
      expect(Object.keys(headers).filter((name) => name.includes("signature"))).toEqual([]);
    }
    expect(receiver.received.at(-1)?.body).toEqual((await till.call("GET", resultUrl)).body);
  });

  it("T16: the short code of the printed QR code brings the payment to the customer's phone", async () => {
    const till = await createTill();
    await till.signIn();
    const scan = await till.simulator.fetch(new Request(`${till.simulator.url}/static-qr`, { redirect: "manual" }));
    const visit = scan.headers.get("location") ?? "";
    const code = /aria-label="([\d ]+)"/.exec(await till.page(visit))?.[1]?.replaceAll(" ", "") ?? "";
    expect(code).toMatch(/^\d{2,20}$/);
    const { id, resultUrl } = await till.session(18_000, { distribution: { method: "one_qr", short_code: code } });
    await till.poll(resultUrl, "DISTRIBUTED");
    expect(at((await till.call("GET", `${visit}/state`)).body, "state")).toBe("LINKED");
    const opened = await till.simulator.fetch(new Request(`${till.simulator.url}${visit}`, { redirect: "manual" }));
    expect(opened.headers.get("location")).toBe(`/eu/in-store/${id}/start`);

    const second = await till.session(18_000, { distribution: { method: "one_qr", short_code: code } });
    expect(at(await till.poll(second.resultUrl, "FAILED"), "error", "code")).toBe("BAD_REQUEST");
    await till.call("POST", `${second.resultUrl}/retry`, {});
    expect(at(await till.poll(second.resultUrl, "DISTRIBUTED"), "qr")).toContain("/qr/in-store/");
  });

  it("nobody can pay after the cashier has cancelled, and a denied or refusing customer ends the session", async () => {
    const till = await createTill();
    await till.signIn();
    const cancelled = await till.session();
    await till.play(cancelled.id, "open");
    expect((await till.call("DELETE", `/payments/v1/sessions/${cancelled.id}`)).status).toBe(204);
    expect(await till.page(`/eu/in-store/${cancelled.id}/start`)).toContain("Cancelled by the store");
    expect((await till.play(cancelled.id, "complete")).status).toBe(409);
    expect(at((await till.call("GET", cancelled.resultUrl)).body, "status")).toBe("CANCELLED");

    const denied = await till.session();
    await till.page(`/eu/in-store/${denied.id}/start`);
    await till.tap(denied.id, "phone", { persona: "denied", phone: "+46701740620" });
    expect(await till.tap(denied.id, "code", { code: "123456" })).toContain("Payment declined");
    expect(at((await till.call("GET", denied.resultUrl)).body, "error", "code")).toBe("REJECTED");

    const left = await till.session();
    await till.page(`/eu/in-store/${left.id}/start`);
    expect(await till.tap(left.id, "decision", { decision: "leave" })).toContain("You left the payment");
    expect(at((await till.call("GET", left.resultUrl)).body, "status")).toBe("DISTRIBUTED");
  });

  it("03 is declined by the customer's journey, 04 never finished, 05 and 06 disturb the last callback", async () => {
    const till = await createTill();
    await till.signIn();
    const declined = await till.session(18_003);
    await till.play(declined.id, "complete");
    expect(at((await till.call("GET", declined.resultUrl)).body, "status")).toBe("FAILED");
    const endless = await till.session(18_004);
    expect((await till.play(endless.id, "complete")).status).toBe(409);
    const receiver = await createReceiver();
    const distribution = { method: "one_qr", callback_urls: { status_update: receiver.url } };
    const doubled = await till.session(18_006, { distribution });
    await till.play(doubled.id, "complete");
    await receiver.wait(5);
    expect(receiver.received.filter(({ body }) => body.status === "COMPLETED")).toHaveLength(2);
    const lost = await till.session(18_005, { distribution });
    await till.play(lost.id, "complete");
    await receiver.wait(8);
    await till.simulator.control.advance(2_001);
    await receiver.wait(9);
    expect(receiver.received.at(-1)?.body).toMatchObject({ status: "COMPLETED", session_id: lost.id });
  });

  it("a refused callback is tried three more times, then failed for good, and can be sent again", async () => {
    const till = await createTill();
    await till.signIn();
    const receiver = await createReceiver([200, 500, 500, 500, 500]);
    await till.simulator.control.settings({ classic_qr_delay_ms: 600_000 });
    const distribution = { method: "one_qr", callback_urls: { status_update: receiver.url } };
    const { id } = await till.session(18_000, { distribution });
    await receiver.wait(1);
    await till.call("DELETE", `/payments/v1/sessions/${id}`);
    await receiver.wait(2);
    for (const [index, step] of [2_001, 10_001, 60_001].entries()) {
      await till.noted(2 + index);
      await till.simulator.control.advance(step);
      await receiver.wait(3 + index);
    }
    await till.noted(5);
    const [failed] = z
      .object({ callbacks: z.array(z.looseObject({ callback_id: z.string(), attempts: z.array(z.unknown()) })) })
      .parse((await till.control("GET", "/callbacks?status=FAILED")).body).callbacks;
    expect(failed?.attempts).toHaveLength(4);
    await till.control("POST", `/callbacks/${failed?.callback_id ?? ""}/redeliver`);
    await receiver.wait(6);
  });

  it("a hosted page calls back with an event of its own for each state, and captures the order where asked", async () => {
    const till = await createTill();
    await till.signIn();
    const receiver = await createReceiver();
    const online = sessionBody(18_000, {
      acquiring_channel: "ECOMMERCE",
      distribution: undefined,
      attachment: undefined,
    });
    const created = await till.call("POST", "/payments/v1/sessions", online);
    const sessionId = String(at(created.body, "session_id"));
    const hpp = await till.call("POST", "/hpp/v1/sessions", {
      payment_session_url: `${till.simulator.url}/payments/v1/sessions/${sessionId}`,
      merchant_urls: { success: "https://shop.example/ok?order={{order_id}}", status_update: receiver.url },
      options: { place_order_mode: "CAPTURE_ORDER" },
    });
    expect(hpp.status).toBe(201);
    await till.page(new URL(String(at(hpp.body, "redirect_url"))).pathname);
    await till.tap(sessionId, "phone", { persona: "approved", phone: "+46701740615" });
    await till.tap(sessionId, "code", { code: "123456" });
    await till.tap(sessionId, "plan", { plan: "pay_now" });
    const paid = await till.tap(sessionId, "decision", { decision: "approve" });
    await receiver.wait(2);
    const sessions = receiver.received.map(({ body }) => at(body, "session"));
    expect(sessions.map((session) => at(session, "status"))).toEqual(["IN_PROGRESS", "COMPLETED"]);
    expect(new Set(receiver.received.map(({ body }) => body.event_id)).size).toBe(2);
    const orderId = String(at(sessions[1], "order_id"));
    expect(paid).toContain(`https://shop.example/ok?order=${orderId}`);
    const order = await till.call("GET", `/ordermanagement/v1/orders/${orderId}`);
    expect(order.body).toMatchObject({ status: "CAPTURED", captured_amount: 18_000 });
  });

  it("orders stand in the same books as transactions and make none of the newer events", async () => {
    const till = await createTill();
    const account = await till.signIn();
    const network = await createReceiver();
    till.useAuthorization(`Basic ${till.simulator.apiKey}`);
    await till.simulator.control.webhook(network.url);
    const { body } = await till.control("POST", "/credentials", { account });
    till.useAuthorization(String(at(body, "authorization")));
    const { id } = await till.session();
    const orderId = String(at((await till.play(id, "complete")).body, "order_id"));
    await till.call("POST", `/ordermanagement/v1/orders/${orderId}/captures`, { captured_amount: 10_000 });
    await till.call("POST", `/ordermanagement/v1/orders/${orderId}/refunds`, { refunded_amount: 2_500 });
    await till.call("POST", `/ordermanagement/v1/orders/${orderId}/release-remaining-authorization`);
    expect(await till.simulator.control.books(account)).toMatchObject([
      { currency: "SEK", authorized: 18_000, captured: 10_000, refunded: 2_500, voided: 8_000, remaining: 0 },
    ]);
    await till.simulator.control.idle();
    expect(network.received).toEqual([]);
  });

  it("every operation answers 400, 401, 404, 413, 429, 500 and 503 in the classic form", async () => {
    const files = readContracts().get("classic") ?? [];
    const successes = files.filter((file) => file.name === `${file.operation}.success`);
    expect(successes.length).toBeGreaterThanOrEqual(29);
    const found: string[] = [];
    for (const file of successes) {
      const simulator = await startSimulator();
      const variables = await prepare(simulator, file);
      const { request } = file.contract;
      const fault = (kind: string) => ({ message: request, headers: { "x-simulator-fault": kind } });
      const cases: Record<keyof typeof sharedErrors, { message: typeof request; headers?: Record<string, string> }> = {
        "400": fault("nonsense"),
        "401": { message: request, headers: { authorization: "Basic bm86Ym9keQ==" } },
        "404": { message: { ...request, path: `${request.path}/nowhere/at/all` } },
        "413": { message: request, headers: { "x-large": "x".repeat(6 * 1024 + 1) } },
        "429": fault("status_429"),
        "500": fault("status_500"),
        "503": fault("status_503"),
      };
      for (const [name, { message, headers }] of Object.entries(cases)) {
        const expected = Object.entries(sharedErrors).find(([key]) => key === name)?.[1];
        if (expected === undefined) throw new Error(`there is no example of ${name}`);
        const played = await send(simulator, message, variables, headers ?? {});
        found.push(...compare(expected, played, variables).map((line) => `${file.operation} ${name}: ${line}`));
      }
      await simulator.close();
    }
    expect(found).toEqual([]);
  });

  it("08 and 09 answer 500 and 429 once, and nothing was made", async () => {
    const till = await createTill();
    await till.signIn();
    for (const [amount, status] of [
      [18_008, 500],
      [18_009, 429],
    ] as const) {
      const answer = await till.call("POST", "/payments/v1/sessions", sessionBody(amount));
      expect(answer.status).toBe(status);
      await till.session(amount);
    }
    const { body } = await till.control("GET", "/sessions");
    expect(z.object({ sessions: z.array(z.unknown()) }).parse(body).sessions).toHaveLength(2);
  });

  it("counts calls against Klarna's quotas when asked, five new sessions a second in the test environment", async () => {
    const till = await createTill();
    await till.signIn();
    await till.simulator.control.settings({ rate_limits: "test" });
    const statuses: number[] = [];
    for (let turn = 0; turn < 12; turn += 1) {
      statuses.push((await till.call("POST", "/payments/v1/sessions", sessionBody(18_000))).status);
    }
    expect(statuses.slice(0, 5)).toEqual([200, 200, 200, 200, 200]);
    expect(statuses).toContain(429);
  });

  it("a Partner whose product Klarna has disabled sells nothing more, and can still refund", async () => {
    const till = await createTill();
    const account = await till.signIn();
    const { id } = await till.session();
    const orderId = String(at((await till.play(id, "complete")).body, "order_id"));
    await till.call("POST", `/_control/accounts/${account}/product`, { state: "DISABLED", decision: "OTHER_RISK" });
    const refused = await till.call("POST", "/payments/v1/sessions", sessionBody(18_000));
    expect(refused.status).toBe(403);
    expect(at(refused.body, "error_code")).toBe("MERCHANT_INACTIVE");
    const path = `/ordermanagement/v1/orders/${orderId}`;
    expect((await till.call("POST", `${path}/captures`, { captured_amount: 18_000 })).status).toBe(201);
    expect((await till.call("POST", `${path}/refunds`, { refunded_amount: 18_000 })).status).toBe(201);
  });

  it("sessions, orders, users and what must still be called back survive a restart", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "classic-"));
    open.push(() => rmSync(dataDir, { recursive: true, force: true }));
    const first = await createTill({ dataDir });
    await first.signIn();
    const receiver = await createReceiver([200, 200, 200, 500]);
    const distribution = { method: "one_qr", callback_urls: { status_update: receiver.url } };
    const paid = await first.session(18_000, { distribution });
    await first.poll(paid.resultUrl, "DISTRIBUTED");
    const waiting = await first.session(20_000);
    await first.play(paid.id, "complete");
    await receiver.wait(4);
    await first.noted(4);
    const authorization = first.authorization();
    await first.close();

    const second = await createTill({ dataDir });
    second.useAuthorization(authorization);
    expect(at((await second.call("GET", paid.resultUrl)).body, "status")).toBe("COMPLETED");
    await second.poll(waiting.resultUrl, "DISTRIBUTED");
    await receiver.wait(5);
    expect(receiver.received.at(-1)?.body).toMatchObject({ status: "COMPLETED" });
  });
});

describe("the clock", () => {
  it("runs faster when asked, without jumping, and keeps what it gained", async () => {
    const till = await createTill();
    await till.signIn();
    const { id, resultUrl } = await till.session();
    const asked = performance.now();
    const before = Date.parse(String(at((await till.call("GET", "/_control/clock")).body, "now")));
    await till.call("POST", "/_control/clock", { speed: 100_000 });
    const started = Date.parse(String(at((await till.call("GET", "/_control/clock")).body, "now")));
    // No more than the calls themselves took, however busy the machine is.
    expect(started - before).toBeLessThan((performance.now() - asked + 2) * 100_000);
    await till.poll(resultUrl, "FAILED");
    const ended = await till.call("GET", `/_control/classic/sessions/${id}`);
    expect(at(ended.body, "error_code")).toBe("SESSION_EXPIRED");
    const slowed = await till.call("POST", "/_control/clock", { speed: 1 });
    expect(Date.parse(String(at(slowed.body, "now"))) - before).toBeGreaterThan(46 * 3_600_000 - 1);
  });

  it("settings that a file of before does not know get their usual values", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "settings-"));
    open.push(() => rmSync(dataDir, { recursive: true, force: true }));
    const first = await createTill({ dataDir });
    await first.close();
    const database = new DatabaseSync(join(dataDir, "simulator.sqlite"));
    const row = z
      .object({ body: z.string() })
      .parse(database.prepare("SELECT body FROM document WHERE kind = 'settings'").get());
    const { clock_speed: _speed, ...old } = z.looseObject({ clock_speed: z.number() }).parse(JSON.parse(row.body));
    database.prepare("UPDATE document SET body = ? WHERE kind = 'settings'").run(JSON.stringify(old));
    database.close();
    const second = await createTill({ dataDir });
    expect(at((await second.call("GET", "/_control/clock")).body, "speed")).toBe(1);
  });
});
