import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { exchanges, streamPieces, webhooksSent } from "@/server/observability/exchanges";
import { agreedDocument, type ContractChecker, createContractChecker } from "./contract";
import { takeContractFaults } from "./contract-watch";

const KEY = "Bearer tg_test_sk_0123";
const PAYMENT = {
  ...{ id: "pay_1", object: "payment", mode: "test", status: "pending", amount: 100, currency: "SEK", reference: "A" },
  ...{ channel: "in_store", launch: "qr", capture: "automatic", store: null, terminal: null },
  ...{ amount_authorized: 0, amount_captured: 0, amount_refunded: 0, amount_voided: 0, amount_refundable: 0 },
};
const PROBLEM = {
  type: "https://pay.tillgate.example/docs/errors/payment_not_found",
  title: "There is no such payment.",
  status: 404,
  detail: "There is no such payment.",
  code: "payment_not_found",
  request_id: "req_1",
};
const STORE_LIST = { data: [], has_more: false, next_cursor: null };
const READ = `/api/v1/payments/pay_${"0".repeat(26)}`;

const call = (method: string, target: string, more: Record<string, unknown> = {}) => ({
  method,
  target,
  requestHeaders: { authorization: KEY },
  requestBody: "",
  status: 200,
  headers: { "request-id": "req_1", "content-type": "application/json; charset=utf-8" },
  body: JSON.stringify(STORE_LIST),
  isStream: false,
  ...more,
});
const problem = (target: string, status: number, more: Record<string, unknown> = {}) =>
  call("GET", target, {
    status,
    headers: { "request-id": "req_1", "content-type": "application/problem+json; charset=utf-8" },
    body: JSON.stringify({ ...PROBLEM, status, ...more }),
  });

describe("what the checker of the contract finds", () => {
  let checker: ContractChecker;
  beforeAll(() => {
    checker = createContractChecker(agreedDocument());
  });
  const said = (exchange: ReturnType<typeof call>): string => checker.exchange(exchange).join("\n");

  it("nothing in calls that are as the document says", () => {
    expect(said(call("GET", "/api/v1/stores?limit=3"))).toBe("");
    expect(said(problem(READ, 404))).toBe("");
    expect(said(call("HEAD", "/api/v1/stores", { body: null }))).toBe("");
  });

  it("a path that the document does not have, unless it was answered as one that is not there", () => {
    expect(said(call("GET", "/api/v1/secrets"))).toMatch(/not in the document/);
    expect(said(problem("/api/v1/secrets", 404, { code: "not_found" }))).toBe("");
    expect(said(problem("/api/v1/secrets", 404, { extra: 1 }))).toMatch(/extra/);
  });

  it.each([
    ["a status", call("GET", "/api/v1/stores", { status: 206 }), /status 206 is not in the document/],
    [
      "another type",
      call("GET", "/api/v1/stores", { headers: { "request-id": "r", "content-type": "text/html" } }),
      /text\/html/,
    ],
    [
      "a missing header",
      call("GET", "/api/v1/stores", { headers: { "content-type": "application/json" } }),
      /Request-Id is missing/,
    ],
    [
      "one field too many",
      call("GET", "/api/v1/stores", { body: JSON.stringify({ ...STORE_LIST, total: 1 }) }),
      /total/,
    ],
    [
      "a field too few",
      call("GET", "/api/v1/stores", { body: JSON.stringify({ data: [], has_more: false }) }),
      /next_cursor/,
    ],
    [
      "a value of another type",
      call("GET", "/api/v1/stores", { body: JSON.stringify({ ...STORE_LIST, has_more: "no" }) }),
      /has_more must be boolean/,
    ],
    ["no JSON", call("GET", "/api/v1/stores", { body: "<" }), /no JSON/],
    [
      "a body where there is none",
      call("DELETE", "/api/v1/webhook-endpoints/whe_00000000000000000000000000", { status: 204 }),
      /has a body/,
    ],
    [
      "a code that the call does not name",
      problem(READ, 404, { code: "store_not_found" }),
      /code must be equal to one of/,
    ],
  ])("an answer with %s", (_, exchange, finding) => {
    expect(said(exchange)).toMatch(finding);
  });

  it.each([
    ["an unknown query parameter", call("GET", "/api/v1/stores?colour=red"), /colour, which is not in the document/],
    ["a number out of its bounds", call("GET", "/api/v1/stores?limit=500"), /parameter limit must be <= 100/],
    ["an id of another form", call("GET", "/api/v1/stores/elsewhere"), /parameter id must match/],
    ["a body that has no schema", call("GET", "/api/v1/stores", { requestBody: '{"a":1}' }), /which has no schema/],
    ["no key", call("GET", "/api/v1/stores", { requestHeaders: {} }), /to be let in/],
    [
      "no Idempotency-Key",
      call("POST", "/api/v1/payments", { status: 201, requestBody: "{}" }),
      /taken without the header parameter Idempotency-Key/,
    ],
    [
      "a body with an unknown field",
      call("POST", "/api/v1/payments", {
        status: 201,
        requestBody: JSON.stringify({ amount: 1, currency: "SEK", reference: "A", amuont: 1 }),
      }),
      /amuont/,
    ],
    ["no body", call("POST", "/api/v1/payments", { status: 201 }), /taken without a body/],
  ])("a request that was taken with %s", (_, exchange, finding) => {
    expect(said(exchange)).toMatch(finding);
  });

  it("messages of streams and webhooks that are not the whole object", () => {
    const target = `${READ}/events`;
    expect(checker.piece({ method: "GET", target, text: ": still here\n\n" })).toEqual([]);
    expect(
      checker.piece({ method: "GET", target, text: `id: 1\ndata: ${JSON.stringify(PAYMENT)}\n\n` }).join(),
    ).toMatch(/klarna/);
    expect(checker.piece({ method: "GET", target: "/api/v1/stores", text: "data: {}\n\n" }).join()).toMatch(
      /not in the document/,
    );
    const body = { id: "evt_1", type: "payment.completed", data: { object: PAYMENT } };
    expect(checker.webhook({ body: JSON.stringify(body) }).join()).toMatch(/created_at/);
    expect(checker.webhook({ body: JSON.stringify({ ...body, type: "payment.lost" }) }).join()).toMatch(
      /payment\.lost: is not/,
    );
  });
});

it("every test process listens to calls, streams and webhooks", async () => {
  exchanges.publish(call("GET", "/api/v1/secrets"));
  streamPieces.publish({ method: "GET", target: "/api/v1/stores", text: "data: {}\n\n" });
  webhooksSent.publish({ body: "{}" });
  expect(await takeContractFaults()).toHaveLength(3);
  expect(await takeContractFaults()).toEqual([]);
});

it("the recorder of a running instance writes down what is wrong, from within its process", () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "tillgate-contract-"));
  try {
    const script = `
      import { channel } from "node:diagnostics_channel";
      channel("tillgate.rest.exchange").publish(${JSON.stringify(call("GET", "/api/v1/secrets"))});
      channel("tillgate.rest.exchange").publish(${JSON.stringify(call("GET", "/api/v1/stores"))});
      channel("tillgate.rest.stream").publish({ method: "GET", target: "/api/v1/stores", text: "data: {}" });
      channel("tillgate.webhook.sent").publish({ body: "{}" });`;
    const loaders = ["--import", path.join(import.meta.dirname, "contract-record.mjs"), "--import", "tsx"];
    execFileSync(process.execPath, [...loaders, "--input-type=module", "--eval", script], {
      cwd: path.join(import.meta.dirname, "../.."),
      env: { ...process.env, DATA_DIR: folder },
    });
    const lines = readFileSync(path.join(folder, "contract.log"), "utf8").trim().split("\n");
    expect(lines).toHaveLength(4);
    expect(lines[0]).toMatch(/watching/);
    expect(lines.slice(1).join()).toMatch(/secrets.*stores.*webhook/s);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
