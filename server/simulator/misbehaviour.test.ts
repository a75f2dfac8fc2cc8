import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type Answer,
  at,
  type Client,
  createClient,
  createReceiver,
  finalBody,
  type Json,
  stepUpBody,
} from "./fixtures";
import type { FaultKind } from "./model";

/** Every operation of the payments API can be made to fail in every way, before or after its work is done. */

let client: Client;
let other: string;
beforeEach(async () => {
  client = await createClient();
  other = (await client.control.account({ name: "Other" })).account_id;
});
afterEach(async () => {
  await client.close();
});

type Call = { method: string; path: string; body?: Json; headers?: Record<string, string>; query?: string };

type Operation = {
  prepare: () => Promise<Call>;
  /** Something that changes when the work is done; operations that only read have none. */
  done?: (call: Call) => Promise<boolean>;
};

const requestOf = async (call: Call) => await client.control.request(call.path.split("/").at(-1) ?? "");
const transactionOf = async (call: Call) => {
  const id = /krn:payment:eu1:transaction:[0-9a-f-]{36}/.exec(call.path)?.[0] ?? "";
  return (await client.control.transactions({ payment_transaction_id: id }))[0];
};

const OPERATIONS: Record<string, Operation> = {
  authorize: {
    prepare: async () => ({ method: "POST", path: `${client.base}/authorize`, body: stepUpBody(5050) }),
    done: async () => (await client.control.requests()).length > 0,
  },
  authorize_final: {
    async prepare() {
      const { token } = await client.completed();
      const headers = { "klarna-network-session-token": token };
      return { method: "POST", path: `${client.base}/authorize`, body: finalBody(5000), headers };
    },
    done: async () => (await client.control.transactions()).length > 0,
  },
  create_request: {
    prepare: async () => ({ method: "POST", path: `${client.base}/requests`, body: { currency: "EUR", amount: 500 } }),
    done: async () => (await client.control.requests()).length > 0,
  },
  read_request: {
    prepare: async () => ({ method: "GET", path: `${client.base}/requests/${await client.stepUp()}` }),
  },
  update_request: {
    async prepare() {
      return { method: "PATCH", path: `${client.base}/requests/${await client.stepUp()}`, body: { amount: 4000 } };
    },
    done: async (call) => (await requestOf(call)).amount === 4000,
  },
  cancel_request: {
    prepare: async () => ({ method: "DELETE", path: `${client.base}/requests/${await client.stepUp()}` }),
    done: async (call) => (await requestOf(call)).state === "CANCELED",
  },
  read_transaction: {
    prepare: async () => ({ method: "GET", path: `${client.base}/transactions/${await client.authorized()}` }),
  },
  update_transaction: {
    async prepare() {
      return {
        method: "PATCH",
        path: `${client.base}/transactions/${await client.authorized()}`,
        body: { amount: 4000 },
      };
    },
    done: async (call) => (await transactionOf(call))?.amount === 4000,
  },
  capture: {
    async prepare() {
      return { method: "POST", path: `${client.base}/transactions/${await client.authorized()}/captures`, body: {} };
    },
    done: async (call) => (await transactionOf(call))?.captured_amount === 5000,
  },
  refund: {
    async prepare() {
      const path = `${client.base}/transactions/${await client.authorized()}`;
      await client.call("POST", `${path}/captures`, {});
      return { method: "POST", path: `${path}/refunds`, body: { amount: 5000 } };
    },
    done: async (call) => (await transactionOf(call))?.refunded_amount === 5000,
  },
  void: {
    async prepare() {
      return { method: "POST", path: `${client.base}/transactions/${await client.authorized()}/void`, body: {} };
    },
    done: async (call) => (await transactionOf(call))?.state === "CLOSED",
  },
  reauthorize: {
    async prepare() {
      const path = `${client.base}/transactions/${await client.authorized()}`;
      await client.control.advance(28 * 24 * 3_600_000 + 1_000);
      return { method: "POST", path: `${path}/reauthorize`, body: {} };
    },
    done: async (call) => (await transactionOf(call))?.state === "AUTHORIZED",
  },
  presentation: {
    prepare: async () => ({ method: "GET", path: `${client.base}/presentation`, query: "?currency=EUR" }),
  },
  read_interoperability: {
    prepare: async () => ({
      method: "GET",
      path: `/v2/accounts/${client.accountId}/interoperability`,
      query: "?currency=EUR",
    }),
  },
  create_sdk_token: {
    prepare: async () => ({
      method: "POST",
      path: `/v2/accounts/${client.accountId}/identity/sdk-tokens`,
      headers: { "klarna-customer-token": await savedCustomer() },
    }),
  },
  introspect_token: {
    prepare: async () => ({
      method: "POST",
      path: `/v2/accounts/${client.accountId}/identity/customer-tokens/introspect`,
      headers: { "klarna-customer-token": await savedCustomer() },
    }),
  },
  revoke_token: {
    prepare: async () => ({
      method: "POST",
      path: `/v2/accounts/${client.accountId}/identity/customer-tokens/revoke`,
      headers: { "klarna-customer-token": await savedCustomer() },
    }),
    done: async () => (await client.control.customerTokens({ status: "REVOKED" })).length === 1,
  },
};

async function savedCustomer(): Promise<string> {
  const created = await client.call("POST", `${client.base}/requests`, {
    currency: "EUR",
    request_customer_token: { scopes: ["payment:customer_present"] },
    supplementary_purchase_data: { ondemand_service: {} },
  });
  return String((await client.control.play(String(created.body.payment_request_id), "complete")).customer_token);
}

const send = (call: Call, headers: Record<string, string> = {}, key?: string): Promise<Answer> =>
  client.call(call.method, call.path, call.body, {
    headers: { ...call.headers, ...headers },
    ...(call.query === undefined ? {} : { query: call.query }),
    ...(key === undefined ? {} : { key }),
  });

type Seen = (answer: Promise<Answer>) => Promise<void>;

const isStatus =
  (status: number, code: string): Seen =>
  async (answer) =>
    expect(await answer).toMatchObject({ status, body: { error_code: code } });
const isCut: Seen = (answer) => expect(answer).rejects.toThrow();
const isPage =
  (status: number): Seen =>
  async (answer) => {
    const { headers, status: actual } = await answer;
    expect(actual).toBe(status);
    expect(headers.get("content-type")).toContain("text/html");
  };

/** What the caller sees, and whether the work was done. */
const KINDS: [FaultKind, boolean, Seen][] = [
  ["status_500", false, isStatus(500, "INTERNAL_ERROR")],
  ["timeout", false, isStatus(500, "TIMEOUT")],
  ["status_503", false, isStatus(503, "TEMPORARY_UNAVAILABLE")],
  ["status_429", false, isStatus(429, "RATE_LIMITED")],
  ["html_502", false, isPage(502)],
  ["html_403", false, isPage(403)],
  ["cut_before", false, isCut],
  ["status_500_after", true, isStatus(500, "INTERNAL_ERROR")],
  ["cut_after", true, isCut],
  ["cut_halfway", true, isCut],
  [
    "malformed",
    true,
    async (answer) => {
      const { text, status } = await answer;
      expect(status).toBeLessThan(300);
      expect(() => JSON.parse(text)).toThrow();
    },
  ],
  ["wrong_schema", true, async (answer) => expect((await answer).body).toEqual({ unexpected: true })],
  [
    "unknown_word",
    true,
    async (answer) => {
      const { text, status } = await answer;
      expect(status).toBeLessThan(300);
      JSON.parse(text);
      if (/"(state|result|status|instruction)":/.test(text)) expect(text).toContain("UNHEARD_OF");
    },
  ],
  [
    "slow",
    true,
    async (answer) => {
      const startedAt = performance.now();
      expect((await answer).status).toBeLessThan(300);
      expect(performance.now() - startedAt).toBeGreaterThan(15);
    },
  ],
  ["slow_before", true, async (answer) => expect((await answer).status).toBeLessThan(300)],
];

describe.each(Object.keys(OPERATIONS))("%s", (name) => {
  const operation = OPERATIONS[name];
  if (operation === undefined) return;

  it.each(KINDS)("by header: %s", async (kind, isDone, seen) => {
    const call = await operation.prepare();
    await seen(send(call, { "x-simulator-fault": `${kind};delay_ms=20` }));
    if (operation.done !== undefined) expect(await operation.done(call)).toBe(isDone);
    const [logged] = (await client.control.calls({ operation: name })).slice(-1);
    expect(logged?.fault).toBe(kind);
  });

  it("from the control panel: for this operation and account only, as often as asked", async () => {
    const call = await operation.prepare();
    await client.control.fault({ operation: name, kind: "status_503", times: 2, account: client.accountId });
    await client.control.fault({ operation: name, kind: "status_500", times: 9, account: other });
    await client.control.fault({ operation: "settlement_of_another_world", kind: "status_500", times: 9 });
    expect((await send(call)).status).toBe(503);
    expect((await send(call)).status).toBe(503);
    expect((await send(call)).status).toBeLessThan(300);
  });

  it("and works when repeated under the same key after an answer that was lost", async () => {
    const call = await operation.prepare();
    if (call.method !== "POST" && call.method !== "PATCH") return;
    await expect(send(call, { "x-simulator-fault": "cut_after" }, "k")).rejects.toThrow();
    const again = await send(call, {}, "k");
    expect(again.status).toBeLessThan(300);
    expect((await send(call, {}, "k")).text).toBe(again.text);
  });
});

describe("by trigger", () => {
  it.each([
    ["08", 1008, 500],
    ["09", 1009, 429],
  ])(
    "%s also fails the first capture, refund and update of that amount where asked",
    async (_digits, amount, status) => {
      const path = `${client.base}/transactions/${await client.authorized()}`;
      expect((await client.call("POST", `${path}/captures`, { amount })).status).toBe(201);
      await client.control.settings({ operation_triggers: true });
      for (const [method, to] of [
        ["POST", `${path}/captures`],
        ["POST", `${path}/refunds`],
      ] as const) {
        expect((await client.call(method, to, { amount })).status).toBe(status);
        expect((await client.call(method, to, { amount })).status).toBe(201);
      }
      expect(at((await client.call("GET", path)).body, "captured_amount")).toBe(2 * amount);
      await client.control.settings({ amount_triggers: false });
      expect((await client.call("POST", `${path}/captures`, { amount })).status).toBe(201);
    },
  );
});

describe("events", () => {
  it.each(["malformed", "unknown_word"] as const)("can be %s, and are signed as they are sent", async (kind) => {
    const receiver = await createReceiver();
    await client.control.webhook(receiver.url);
    await client.control.fault({ operation: "webhook", kind });
    await client.stepUp();
    await client.control.idle();
    const [delivery] = await client.control.deliveries();
    if (kind === "malformed") expect(() => JSON.parse(delivery?.body ?? "")).toThrow();
    else expect(at(JSON.parse(delivery?.body ?? ""), "payload", "state")).toBe("UNHEARD_OF");
    await receiver.close();
  });
});
