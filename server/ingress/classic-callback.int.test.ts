import { afterAll, beforeAll, expect, it } from "vitest";
import { createGateway, type Gateway } from "@/server/gateway/gateway";
import { type TestServices, testServices } from "@/server/testing/context";
import { isClassicCallback } from "./classic-callback";

let test: TestServices;
let gateway: Gateway;
let url: string;

beforeAll(async () => {
  test = await testServices({ simulator: false });
  gateway = createGateway(test.services, { webPort: 9 });
  url = `http://127.0.0.1:${await gateway.listen(0, "127.0.0.1")}`;
});
afterAll(async () => {
  await gateway.close();
  await test.close();
});

const PATH = "/api/klarna/classic/pay_01ARZ3NDEKTSV4RRFFQ69G5FAV";

it("the front door takes callbacks itself, POSTs with the right secret only, and says nothing else", async () => {
  const missing = await fetch(`${url}${PATH}`, { method: "POST", body: "{}" });
  const wrong = await fetch(`${url}${PATH}?secret=${"0".repeat(43)}`, { method: "POST", body: "{}" });
  expect([missing.status, wrong.status]).toEqual([401, 401]);
  expect(await missing.text()).toBe(await wrong.text());
  expect(wrong.headers.get("x-content-type-options")).toBe("nosniff");
  expect((await fetch(`${url}${PATH}?secret=x`)).status).toBe(405);
  expect(test.log.join("\n")).not.toContain("0".repeat(43));
});

it("S27: a body of 1 MB is 413", async () => {
  const answer = await fetch(`${url}${PATH}?secret=x`, { method: "POST", body: "x".repeat(1_048_576) }).then(
    (response) => response.status,
    () => 413,
  );
  expect(answer).toBe(413);
});

it("while the database is away a callback is 503, so that Klarna calls again", async () => {
  const { services } = test;
  const query = services.db.query;
  services.db.query = () => Promise.reject(new Error("away"));
  try {
    const answer = await fetch(`${url}${PATH}?secret=x`, { method: "POST", body: "{}" });
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "5"]);
  } finally {
    services.db.query = query;
  }
});

it.each([
  ["/api/klarna/classic/pay_01ARZ3NDEKTSV4RRFFQ69G5FAV", true],
  ["/api/klarna/classic/pay_01ARZ3NDEKTSV4RRFFQ69G5FAV/", false],
  ["/api/klarna/classic/pay_x", false],
  ["/api/klarna/classic/", false],
  ["/api/klarna/classic/../webhooks", false],
  ["/api/klarna/webhooks", false],
])("%s is a callback's address: %s", (path, is) => {
  expect(isClassicCallback(path)).toBe(is);
});
