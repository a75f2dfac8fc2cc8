import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { at, type Client, createClient, finalBody, stepUpBody } from "./fixtures";

let client: Client;
beforeEach(async () => {
  client = await createClient();
});
afterEach(async () => {
  await client.close();
});

/** Enough calls at once to be inside one second; gives how many of them came through. */
async function burst(count: number, call: () => Promise<{ status: number }>): Promise<number> {
  const answers = await Promise.all(Array.from({ length: count }, call));
  return answers.filter((answer) => answer.status !== 429).length;
}

describe("quotas", () => {
  it("are off unless asked for, so that neither tests nor benchmarks are slowed down", async () => {
    expect(await burst(100, () => client.authorize(stepUpBody(5050)))).toBe(100);
    expect((await client.authorize(stepUpBody(5050))).headers.get("x-ratelimit-limit")).toBeNull();
  });

  it.each([
    ["authorize", "test", 12, "payment-authorization", 50],
    ["authorize", "live", 50, "payment-authorization", 200],
    ["capture", "test", 12, "payment-transaction-capture", 50],
    ["read_transaction", "test", 50, "payment-transaction-management", 125],
    ["refund", "live", 200, "payment-transaction-management", 500],
  ] as const)("count %s in %s: %i a second for one Partner", async (operation, level, partner, category, acquirer) => {
    const id = await client.authorized();
    const path = `${client.base}/transactions/${id}`;
    await client.control.settings({ rate_limits: level });
    const call = () => {
      switch (operation) {
        case "authorize":
          return client.authorize(finalBody(5050));
        case "capture":
          return client.call("POST", `${path}/captures`, { amount: 1 });
        case "read_transaction":
          return client.call("GET", path);
        case "refund":
          return client.call("POST", `${path}/refunds`, { amount: 1 });
      }
    };
    const first = await call();
    expect(first.headers.get("x-ratelimit-limit")).toBe(
      `${partner}, ${partner};w=1;name="account_${category}",${acquirer};w=1;name="psp_${category}"`,
    );
    expect(first.headers.get("x-ratelimit-remaining")).toBe(String(partner - 1));
    expect(first.headers.get("x-ratelimit-reset")).toBe("1");
    // A burst may straddle the end of a second; then the next one begins with a full quota.
    const passed = await burst(partner + 20, call);
    expect(passed).toBeGreaterThanOrEqual(partner - 1);
    expect(passed).toBeLessThan(partner + 20);
    const refused = await burst(partner + 1, call);
    expect(refused).toBeLessThanOrEqual(partner);
  });

  it("refuse with 429 RATE_LIMITED and nothing left, and let go after a second", async () => {
    await client.control.settings({ rate_limits: "test" });
    const answers = await Promise.all(Array.from({ length: 30 }, () => client.authorize(stepUpBody(5050))));
    const refused = answers.find((answer) => answer.status === 429);
    expect(refused?.body).toMatchObject({ error_type: "ACCESS_ERROR", error_code: "RATE_LIMITED" });
    expect(refused?.headers.get("x-ratelimit-remaining")).toBe("0");
    expect(refused?.headers.get("retry-after")).toBeNull();
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    expect((await client.authorize(stepUpBody(5050))).status).toBe(200);
  });

  it("count the acquirer over all of its Partners", async () => {
    const accounts = [];
    for (let count = 0; count < 6; count += 1) {
      accounts.push((await client.control.account({ name: `Partner ${count}` })).account_id);
    }
    await client.control.settings({ rate_limits: "test" });
    const calls = accounts.flatMap((id) => Array.from({ length: 12 }, () => `/v2/accounts/${id}/payment/authorize`));
    const answers = await Promise.all(calls.map((path) => client.call("POST", path, finalBody(5050))));
    const refused = answers.filter((answer) => answer.status === 429);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]?.headers.get("x-ratelimit-limit")).toMatch(/^50, 12;w=1;.*50;w=1;name="psp_/);
  });

  it("do not count what was never let in", async () => {
    await client.control.settings({ rate_limits: "test" });
    expect(await burst(40, () => client.authorize(stepUpBody(5050), { apiKey: "klarna_test_api_wrong" }))).toBe(40);
    expect((await client.authorize(stepUpBody(5050))).headers.get("x-ratelimit-remaining")).toBe("11");
  });
});

describe("correlation", () => {
  it("gives each answer an id of its own and echoes the partner's, on success and on every kind of error", async () => {
    const headers = { "partner-correlation-id": "0123456789abcdef0123456789abcdef" };
    const answers = [
      await client.authorize(stepUpBody(5050), { headers }),
      await client.authorize(stepUpBody(0), { headers }),
      await client.authorize(stepUpBody(5050), { headers, apiKey: "klarna_test_api_wrong" }),
      await client.call("GET", "/v2/nowhere", undefined, { headers }),
      await client.authorize(stepUpBody(5050), { headers: { ...headers, "x-simulator-fault": "status_503" } }),
    ];
    for (const answer of answers) {
      expect(answer.headers.get("partner-correlation-id")).toBe(headers["partner-correlation-id"]);
      expect(answer.headers.get("klarna-correlation-id")).toMatch(/^[0-9a-f-]{36}$/);
    }
    expect(new Set(answers.map((answer) => answer.headers.get("klarna-correlation-id"))).size).toBe(answers.length);
    expect(at(answers[0]?.body, "payment_request", "state")).toBe("SUBMITTED");
  });
});
