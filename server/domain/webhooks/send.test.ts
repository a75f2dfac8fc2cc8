import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { quickest } from "@/server/testing/equal-time";
import { createSender, type Sender } from "./send";
import { urlPolicy } from "./url-guard";

const TEST = urlPolicy("test", { WEBHOOK_ALLOW_PRIVATE_IN_TEST: true, isProduction: false });
const open: Array<Server | Sender> = [];

async function receiver(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  open.push(server);
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
function sender(timeoutMs = 2_000): Sender {
  const made = createSender(TEST, { timeoutMs });
  open.push(made);
  return made;
}
afterEach(() => {
  for (const thing of open.splice(0)) {
    if ("closeAllConnections" in thing) thing.closeAllConnections();
    thing.close();
  }
});
const post = (url: string, timeoutMs?: number) =>
  sender(timeoutMs).post({ url, headers: { "webhook-id": "evt_1" }, body: '{"a":1}' });

describe("one guarded POST", () => {
  it.each([200, 201, 202, 204, 299])("%i is success", async (status) => {
    const url = await receiver((_request, response) => response.writeHead(status).end());
    expect(await post(url)).toMatchObject({ outcome: "delivered", status });
  });

  it("the body arrives byte for byte, as JSON, with our headers", async () => {
    const seen: unknown[] = [];
    const url = await receiver((request, response) => {
      let body = "";
      request
        .on("data", (chunk) => (body += chunk))
        .on("end", () => {
          seen.push(request.method, request.headers["content-type"], request.headers["webhook-id"], body);
          response.end("thanks\nline");
        });
    });
    expect(await post(`${url}/hook?x=1`)).toMatchObject({ outcome: "delivered", answer: "thanks\\u000aline" });
    expect(seen).toEqual(["POST", "application/json", "evt_1", '{"a":1}']);
  });

  it("S33: a redirect is not followed", async () => {
    let hits = 0;
    const inside = await receiver((_request, response) => {
      hits += 1;
      response.end();
    });
    for (const status of [301, 302, 303, 307, 308]) {
      const url = await receiver((_request, response) => response.writeHead(status, { location: inside }).end());
      expect(await post(url)).toMatchObject({ outcome: "redirect_refused", status });
    }
    expect(hits).toBe(0);
  });

  it("410 and Retry-After are reported", async () => {
    const gone = await receiver((_request, response) => response.writeHead(410).end());
    const busy = await receiver((_request, response) =>
      response.writeHead(429, { "retry-after": "120" }).end("slow down"),
    );
    expect(await post(gone)).toMatchObject({ outcome: "gone", status: 410 });
    expect(await post(busy)).toMatchObject({
      outcome: "http_error",
      status: 429,
      retryAfter: "120",
      answer: "slow down",
    });
  });

  it("silence, a reset and a closed port are told apart", async () => {
    const silent = await receiver(() => undefined);
    const reset = await receiver((request) => request.socket.destroy());
    expect(await post(silent, 150)).toMatchObject({ outcome: "timeout", status: null });
    expect(await post(reset)).toMatchObject({ outcome: "connection_failed", status: null });
    expect(await post("http://127.0.0.1:9/")).toMatchObject({ outcome: "connection_failed" });
  });

  it("S34: an endless answer is cut after 4 kB and kept to 1 kB, a dripping one after two seconds", async () => {
    let sent = 0;
    const endless = await receiver((_request, response) => {
      const push = (): void => {
        while (!response.destroyed && response.write("x".repeat(65_536))) sent += 65_536;
        if (!response.destroyed) response.once("drain", push);
      };
      push();
    });
    const result = await post(endless);
    expect(result).toMatchObject({ outcome: "delivered", status: 200 });
    expect(result.answer).toHaveLength(1024);
    expect(sent).toBeLessThan(20_000_000);

    const dripping = await receiver((_request, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write("x"), 50);
      response.on("close", () => clearInterval(timer));
    });
    const drip = async (): Promise<number> => {
      const dripped = await post(dripping, 10_000);
      expect(dripped.outcome).toBe("delivered");
      return dripped.durationMs;
    };
    expect(await quickest(drip, 4_000)).toBeLessThan(4_000);
  });

  it("S34: headers without end are refused", async () => {
    const url = await receiver((_request, response) => response.writeHead(200, { big: "x".repeat(12_000) }).end());
    expect(await post(url)).toMatchObject({ outcome: "connection_failed" });
  });
});
