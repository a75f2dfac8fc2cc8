import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { at, type Client, createClient, finalBody, resultOf, stepUpBody } from "./fixtures";
import { readSettings } from "./settings";
import { startSimulator } from "./testing";

const DAY_MS = 24 * 3_600_000;

let client: Client;
beforeEach(async () => {
  client = await createClient();
});
afterEach(async () => {
  await client.close();
});

describe("the edge", () => {
  it("refuses a missing or wrong key with 401 and the envelope", async () => {
    const answer = await client.authorize(stepUpBody(5000), { apiKey: "klarna_test_api_wrong" });
    expect(answer.status).toBe(401);
    expect(answer.body).toMatchObject({ error_type: "ACCESS_ERROR", error_code: "UNAUTHORIZED" });
    expect(answer.headers.get("klarna-correlation-id")).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("accepts the key as the password of a user and password pair", async () => {
    const pair = Buffer.from(`some-user:${client.simulator.apiKey}`).toString("base64");
    expect((await client.authorize(stepUpBody(5000), { apiKey: pair })).status).toBe(200);
  });

  it("echoes the partner's correlation id", async () => {
    const answer = await client.authorize(stepUpBody(5000), { headers: { "partner-correlation-id": "abc123" } });
    expect(answer.headers.get("partner-correlation-id")).toBe("abc123");
  });

  it("leaves error_type out in the current version and keeps validation_errors", async () => {
    await client.control.settings({ names: "current" });
    const answer = await client.authorize(stepUpBody(0));
    expect(answer.body.error_type).toBeUndefined();
    expect(answer.body.validation_errors).toBeDefined();
  });

  it.each([
    ["not JSON", { rawBody: "{" }, 400, "VALIDATION_ERROR"],
    ["another content type", { headers: { "content-type": "text/plain" } }, 400, "INVALID_CONTENT_TYPE"],
    ["a body above 1 MB", { rawBody: `{"x":"${"x".repeat(1024 * 1024)}"}` }, 413, "REQUEST_TOO_LARGE"],
    [
      "a header above 6 KB",
      { headers: { "klarna-interoperability-token": "x".repeat(6200) } },
      413,
      "REQUEST_TOO_LARGE",
    ],
    [
      "headers above 20 KB in all",
      { headers: Object.fromEntries(["a", "b", "c", "d"].map((name) => [`x-${name}`, "x".repeat(5_500)])) },
      413,
      "REQUEST_TOO_LARGE",
    ],
    ["an idempotency key of 256 characters", { key: "k".repeat(256) }, 400, "VALIDATION_ERROR"],
  ])("refuses %s", async (_what, extra, status, code) => {
    const answer = await client.authorize(stepUpBody(5000), extra);
    expect(answer.status).toBe(status);
    expect(answer.body.error_code).toBe(code);
  });

  it("knows neither other accounts' requests nor unknown routes and accounts", async () => {
    const id = await client.stepUp();
    const other = await client.control.account({ name: "Other" });
    expect((await client.call("GET", `/v2/accounts/${other.account_id}/payment/requests/${id}`)).status).toBe(404);
    expect((await client.call("GET", `/v2/nothing`)).body.error_code).toBe("NOT_FOUND");
    expect((await client.call("POST", `/v2/accounts/krn:x/payment/authorize`, stepUpBody(1))).status).toBe(404);
  });
});

describe("idempotency", () => {
  it("gives the first answer again and does nothing twice", async () => {
    const body = stepUpBody(5002);
    const first = await client.authorize(body, { key: "k1" });
    const again = await client.authorize(body, { key: "k1" });
    expect(again.text).toBe(first.text);
    expect(await client.control.transactions()).toHaveLength(1);
    const calls = await client.control.calls({ idempotency_key: "k1" });
    expect(calls.map((call) => call.is_replay)).toEqual([false, true]);
  });

  it("answers 409 to another body under the same key, and to a call while the first runs", async () => {
    const body = stepUpBody(5000);
    await client.authorize(body, { key: "k1" });
    expect((await client.authorize(stepUpBody(6000), { key: "k1" })).status).toBe(409);
    // Whichever comes first runs for so long that the other comes meanwhile.
    const slow = () => client.authorize(body, { key: "k2", headers: { "x-simulator-fault": "slow;delay_ms=1000" } });
    const answers = await Promise.all([slow(), slow()]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
  });

  it("stores a refusal but never a 5xx", async () => {
    const refused = await client.authorize(stepUpBody(0, { currency: "EUR" }), { key: "k1" });
    expect(refused.status).toBe(400);
    const body = stepUpBody(5000);
    const failed = await client.authorize(body, { key: "k2", headers: { "x-simulator-fault": "status_500" } });
    expect(failed.status).toBe(500);
    expect((await client.authorize(body, { key: "k2" })).status).toBe(200);
  });

  it("forgets a key after 24 hours", async () => {
    const body = stepUpBody(5000);
    const first = await client.authorize(body, { key: "k1" });
    await client.control.advance(DAY_MS - 10_000);
    expect((await client.authorize(body, { key: "k1" })).text).toBe(first.text);
    await client.control.advance(20_000);
    expect((await client.authorize(body, { key: "k1" })).text).not.toBe(first.text);
  });

  it("keeps keys of different accounts apart", async () => {
    const other = await client.control.account({ name: "Other", stores: [{ store_reference: "STORE-17" }] });
    await client.authorize(stepUpBody(5000), { key: "k1" });
    const path = `/v2/accounts/${other.account_id}/payment/authorize`;
    expect((await client.call("POST", path, stepUpBody(6000), { key: "k1" })).status).toBe(200);
  });
});

describe("misbehaviour", () => {
  it.each([
    ["08", 5008, 500],
    ["09", 5009, 429],
  ])("fails the first call of an amount ending in %s, then works", async (_digits, amount, status) => {
    const body = stepUpBody(amount);
    expect((await client.authorize(body, { key: "k" })).status).toBe(status);
    expect(await client.control.requests()).toHaveLength(0);
    expect(resultOf(await client.authorize(body, { key: "k" }))).toBe("STEP_UP_REQUIRED");
  });

  it("T7: does the work and answers 500; the same key gives the answer of the first call", async () => {
    const { token } = await client.completed();
    await client.control.fault({ operation: "authorize_final", kind: "status_500_after" });
    const headers = { "klarna-network-session-token": token };
    expect((await client.authorize(finalBody(5000), { key: "k", headers })).status).toBe(500);
    expect(await client.control.transactions()).toHaveLength(1);
    expect(resultOf(await client.authorize(finalBody(5000), { key: "k", headers }))).toBe("APPROVED");
    expect(await client.control.transactions()).toHaveLength(1);
  });

  it("cuts the connection before and after the work", async () => {
    const before = { "x-simulator-fault": "cut_before" };
    await expect(client.authorize(stepUpBody(5002), { headers: before })).rejects.toThrow("fetch failed");
    expect(await client.control.transactions()).toHaveLength(0);
    const after = { "x-simulator-fault": "cut_after" };
    await expect(client.authorize(stepUpBody(5002), { headers: after })).rejects.toThrow("fetch failed");
    expect(await client.control.transactions()).toHaveLength(1);
  });

  it("cuts a real connection silently and halfway through the answer", async () => {
    const send = (fault: string) =>
      fetch(`${client.simulator.url}${client.base}/authorize`, {
        method: "POST",
        headers: {
          authorization: `Basic ${client.simulator.apiKey}`,
          "content-type": "application/json",
          "x-simulator-fault": fault,
        },
        body: JSON.stringify(stepUpBody(5002)),
      });
    await expect(send("cut_after")).rejects.toThrow();
    const halfway = await send("cut_halfway");
    expect(halfway.status).toBe(200);
    await expect(halfway.text()).rejects.toThrow();
    expect(await client.control.transactions()).toHaveLength(2);
  });

  it("answers malformed JSON, another shape and a gateway's page", async () => {
    const withFault = (fault: string) =>
      client.authorize(stepUpBody(5002), { headers: { "x-simulator-fault": fault } });
    const malformed = await withFault("malformed");
    expect(malformed.status).toBe(200);
    expect(() => JSON.parse(malformed.text)).toThrow();
    expect((await withFault("wrong_schema")).body).toEqual({ unexpected: true });
    const html = await withFault("html_502");
    expect(html.status).toBe(502);
    expect(html.headers.get("content-type")).toContain("text/html");
  });

  it("arms a fault for one reference and counts its uses", async () => {
    const body = stepUpBody(5000);
    const reference = String(at(body, "step_up_config", "payment_request_reference"));
    await client.control.fault({
      operation: "authorize",
      account: client.accountId,
      match: { payment_request_reference: reference },
      kind: "status_503",
      times: 2,
    });
    expect((await client.authorize(stepUpBody(5000))).status).toBe(200);
    expect((await client.authorize(body)).status).toBe(503);
    expect((await client.authorize(body)).status).toBe(503);
    expect((await client.authorize(body)).status).toBe(200);
  });
});

describe("memory", () => {
  it("keeps requests, transactions, answers and waiting webhooks over a restart", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "simulator-"));
    const first = await createClient({ dataDir });
    await first.control.webhook("http://127.0.0.1:9/closed");
    const { id, token } = await first.completed();
    const approved = await first.authorize(finalBody(5000), {
      key: "final",
      headers: { "klarna-network-session-token": token },
    });
    await first.simulator.control.idle();
    await first.close();

    const second = await startSimulator({ dataDir });
    const read = await second.control.request(id);
    expect(read.final?.result).toBe("APPROVED");
    expect(await second.control.transactions()).toHaveLength(1);
    const waiting = await second.control.deliveries({ status: "PENDING" });
    expect(waiting.length).toBeGreaterThan(0);
    const again = await second.fetch(
      new Request(`${second.url}${first.base}/authorize`, {
        method: "POST",
        headers: {
          authorization: `Basic ${second.apiKey}`,
          "content-type": "application/json",
          "klarna-idempotency-key": "final",
          "klarna-network-session-token": token,
        },
        body: JSON.stringify(finalBody(5000)),
      }),
    );
    expect(await again.text()).toBe(approved.text);
    await second.close();
    rmSync(dataDir, { recursive: true });
  });

  it("S54: refuses to start with production settings, in a sentence", () => {
    expect(() => readSettings({ TILLGATE_ENV: "production" })).toThrow("does not start with TILLGATE_ENV=production");
    expect(() => readSettings({ SIMULATOR_PORT: "no" })).toThrow("SIMULATOR_PORT");
    expect(readSettings({}).port).toBe(4010);
  });
});
