import { afterEach, describe, expect, it } from "vitest";
import { takeRefusedTargets } from "@/server/testing/egress";
import {
  type Contract,
  type ContractFile,
  compare,
  prepare,
  readContracts,
  readSharedErrors,
  send,
  type Variables,
} from "./contract";
import { type RunningSimulator, startSimulator } from "./testing";

/* Some examples name a receiver. The simulator tries to reach it, as Klarna would; the test process lets nothing out. */
afterEach(() => {
  for (const target of takeRefusedTargets()) expect(target).toMatch(/\.example:443$/);
});

const SHARED_ERRORS = readSharedErrors();

type EdgeCase = {
  name: string;
  message: Contract["request"];
  headers?: Record<string, string | null>;
};

/** The errors that every operation answers in the same way, tried on a call that would otherwise succeed. */
function edgeCasesOf(request: Contract["request"]): EdgeCase[] {
  const hasBody = request.method === "POST" || request.method === "PATCH" || request.method === "PUT";
  const { path } = request;
  const mark = path.indexOf("?");
  const nowhere = mark < 0 ? `${path}/nowhere/at/all` : `${path.slice(0, mark)}/nowhere/at/all${path.slice(mark)}`;
  return [
    { name: "401-no-key", message: request, headers: { authorization: null } },
    {
      name: "401-wrong-key",
      message: request,
      headers: { authorization: "Basic klarna_test_api_wrong" },
    },
    { name: "404-route", message: { ...request, path: nowhere } },
    {
      name: "413-headers",
      message: request,
      headers: { "x-large": "x".repeat(6 * 1024 + 1) },
    },
    ...(hasBody
      ? [
          {
            name: "413-body",
            message: { ...request, body_bytes: 1024 * 1024 + 1 },
          },
          {
            name: "400-content-type",
            message: { ...request, raw: "<xml/>", body: undefined },
            headers: { "content-type": "application/xml" },
          },
          {
            name: "400-not-json",
            message: { ...request, raw: "{", body: undefined },
            headers: { "content-type": "application/json" },
          },
          {
            name: "400-idempotency-key",
            message: request,
            headers: { "klarna-idempotency-key": "k".repeat(256) },
          },
        ]
      : []),
    {
      name: "429",
      message: request,
      headers: { "x-simulator-fault": "status_429" },
    },
    {
      name: "500",
      message: request,
      headers: { "x-simulator-fault": "status_500" },
    },
    {
      name: "500-timeout",
      message: request,
      headers: { "x-simulator-fault": "timeout" },
    },
    {
      name: "503",
      message: request,
      headers: { "x-simulator-fault": "status_503" },
    },
  ];
}

async function playEdge(
  simulator: RunningSimulator,
  { contract }: ContractFile,
  variables: Variables,
): Promise<string[]> {
  const found: string[] = [];
  for (const { name, message, headers } of edgeCasesOf(contract.request)) {
    const expected = SHARED_ERRORS.get(name);
    if (expected === undefined) throw new Error(`there is no example of the shared error ${name}`);
    const differences = compare(expected, await send(simulator, message, variables, headers), variables);
    found.push(...differences.map((difference) => `${name}: ${difference}`));
  }
  return found;
}

/** What the documents name for each payments operation, besides the errors that all share. */
const DOCUMENTED: Record<string, number[]> = {
  "payments/authorize": [400, 403, 404, 409],
  "payments/create_request": [400, 404, 409],
  "payments/read_request": [404],
  "payments/update_request": [400, 403, 404, 409],
  "payments/cancel_request": [403, 404],
  "payments/read_transaction": [404],
  "payments/update_transaction": [400, 403, 404, 409],
  "payments/capture": [400, 403, 404, 409],
  "payments/refund_capture": [400, 404],
  "payments/refund_transaction": [400, 403, 404, 409],
  "payments/void": [403, 404],
  "payments/reauthorize": [403, 404],
  "presentation/presentation": [400, 404],
  "presentation/read_interoperability": [400, 404],
  "presentation/create_test_token": [400],
  "presentation/create_session_sdk_token": [400],
  "customer-tokens/introspect_token": [400, 403, 404, 410],
  "customer-tokens/revoke_token": [400, 403, 404, 410],
  "customer-tokens/create_sdk_token": [400, 404],
  "notifications/create_signing_key": [],
  "notifications/list_signing_keys": [],
  "notifications/read_signing_key": [404],
  "notifications/delete_signing_key": [403, 404],
  "notifications/create_webhook": [400, 409],
  "notifications/list_webhooks": [],
  "notifications/read_webhook": [404],
  "notifications/update_webhook": [400, 404],
  "notifications/delete_webhook": [404],
  "notifications/simulate_webhook": [400, 404],
};

describe("example messages", () => {
  const areas = readContracts();
  const statusesOf = (area: string, operation: string): number[] =>
    (areas.get(area) ?? []).filter((file) => file.operation === operation).map((file) => file.contract.response.status);

  it.each(Object.entries(DOCUMENTED))("cover %s: success and %j", (name, errors) => {
    const [area = "", operation = ""] = name.split("/");
    const statuses = statusesOf(area, operation);
    expect(statuses.some((status) => status < 300)).toBe(true);
    expect(statuses).toEqual(expect.arrayContaining(errors));
  });

  it("are there for the success of every operation that has any", () => {
    const all = [...areas.values()].flat();
    const proven = new Set(all.filter((file) => file.contract.response.status < 300).map((file) => file.operation));
    const unproven = all.map((file) => file.operation).filter((operation) => !proven.has(operation));
    expect(unproven).toEqual([]);
  });
});

for (const [area, files] of readContracts()) {
  describe(`example messages: ${area}`, () => {
    it.each(files.map((file) => [file.name, file] as const))("%s", async (_name, file) => {
      const { contract } = file;
      const simulator = await startSimulator();
      try {
        const variables = await prepare(simulator, file);
        const isSuccess = file.name === `${file.operation}.success`;
        if (isSuccess && contract.edge !== false && /^\/v[24]\//.test(contract.request.path)) {
          expect(await playEdge(simulator, file, variables)).toEqual([]);
        }
        expect(compare(contract.response, await send(simulator, contract.request, variables), variables)).toEqual([]);
      } finally {
        await simulator.close();
      }
    });
  });
}
