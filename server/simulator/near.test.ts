import { request } from "node:http";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type RunningSimulator, startSimulator } from "./testing";

let simulator: RunningSimulator;
beforeAll(async () => {
  simulator = await startSimulator();
});
afterAll(async () => {
  await simulator.close();
});

function statusOf(path: string, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request(simulator.url, { path, headers: { host } }, (incoming) => {
      incoming.resume();
      resolve(incoming.statusCode ?? 0);
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}

it("the control panel and its API answer to this machine's own name only, however their path is spelt", async () => {
  for (const path of ["/", "/?x=1", "/panel/clock", "/_control/health", "/%5Fcontrol/health", "/p%61nel/clock"]) {
    expect(await statusOf(path, "shop.example"), path).toBe(403);
  }
  expect(await statusOf("http://shop.example/_control/health", "shop.example")).not.toBe(200);
  for (const host of ["localhost:4010", "127.0.0.1", "[::1]:4010", "simulator.localhost"]) {
    expect(await statusOf("/_control/health", host), host).toBe(200);
  }
});

it("the customer's phone and the pictures answer to any name, because phones come from elsewhere", async () => {
  expect(await statusOf("/static-qr/picture.svg", "pay.shop.example")).toBe(200);
  expect(await statusOf("/eu/requests/00000000-0000-4000-8000-000000000000/start", "pay.shop.example")).toBe(404);
});
