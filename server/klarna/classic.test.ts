import { expect, it } from "vitest";
import { allowedTargets } from "@/server/boot/egress.mjs";
import { CLASSIC_REGIONS, classicBaseUrl, classicHost, createdId, resultPathOf } from "./classic";
import type { KlarnaOutcome } from "./client";

const BASE = "https://api.playground.klarna.com";
const NONE = { KLARNA_CLASSIC_TEST_BASE_URL: undefined, KLARNA_CLASSIC_LIVE_BASE_URL: undefined };

it("each region and mode has a host of its own, and each of them may be connected to", () => {
  const hosts = (["test", "live"] as const).flatMap((mode) =>
    CLASSIC_REGIONS.map((region) => new URL(classicBaseUrl(NONE, mode, region)).hostname),
  );
  expect(new Set(hosts).size).toBe(6);
  const targets = allowedTargets({});
  for (const host of hosts) expect(targets.has(`${host}:443`), host).toBe(true);
});

it("user and password go as Basic, whatever signs they have", () => {
  const host = classicHost(NONE, "test", { region: "NA", username: "PK1_a", password: "pä:ss" });
  expect(host).toMatchObject({ name: "na", baseUrl: "https://api-na.playground.klarna.com" });
  const [scheme, encoded] = host.authorization.split(" ");
  expect([scheme, Buffer.from(encoded ?? "", "base64").toString("utf8")]).toEqual(["Basic", "PK1_a:pä:ss"]);
});

it.each([
  ["on the host itself", `${BASE}/iss/v1/distributions/abc`, "/iss/v1/distributions/abc"],
  ["another host", "https://api.klarna.com/iss/v1/distributions/abc", null],
  ["a host that only begins so", "https://api.playground.klarna.com.evil.example/iss/v1/x", null],
  ["an inner address", "http://169.254.169.254/latest/meta-data", null],
  ["this machine", "http://127.0.0.1:5432/", null],
  ["another port", "https://api.playground.klarna.com:8443/iss/v1/x", null],
  ["without TLS", "http://api.playground.klarna.com/iss/v1/x", null],
  ["with a user", "https://a:b@api.playground.klarna.com/iss/v1/x", null],
  ["no address", "not an address", null],
  ["nothing", undefined, null],
])("a result address %s is taken by its path only on the Partner's own host", (_name, address, path) => {
  expect(resultPathOf(BASE, address)).toBe(path);
});

it("a base with a path keeps it, and what is outside of it is refused", () => {
  expect(resultPathOf("https://proxy.example/klarna", "https://proxy.example/klarna/iss/v1/x")).toBe("/iss/v1/x");
  expect(resultPathOf("https://proxy.example/klarna", "https://proxy.example/other/iss/v1/x")).toBeNull();
});

const answered = (location: string | null): KlarnaOutcome => ({
  kind: "answered",
  status: 201,
  body: null,
  location,
  calls: [],
});
it.each([
  ["https://api.klarna.com/ordermanagement/v1/orders/o-1/captures/c-2", "c-2"],
  ["/ordermanagement/v1/orders/o-1/refunds/r-3?x=1", "r-3"],
  ["https://api.klarna.com/ordermanagement/v1/orders/o-1/captures/", null],
  ["https://api.klarna.com/a b", null],
  [null, null],
])("what a call made is the end of its location %s", (location, id) => {
  expect(createdId(answered(location))).toBe(id);
  expect(createdId({ kind: "unknown", reason: "x", calls: [] })).toBeNull();
});
