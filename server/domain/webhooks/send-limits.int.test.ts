import { createServer as createHttpServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { quickest } from "@/server/testing/equal-time";
import { createSender, type Sender } from "./send";
import { urlPolicy } from "./url-guard";

/* S34: what a receiver can cost us is bounded, in memory and in time. */

const TEST = urlPolicy("test", { WEBHOOK_ALLOW_PRIVATE_IN_TEST: true, isProduction: false });
const MB = 1_048_576;
const closers: Array<() => Promise<unknown> | unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function listen(server: Server): Promise<string> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  closers.push(
    () =>
      new Promise<void>((done) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => done());
      }),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}
const receiver = (listener: RequestListener): Promise<string> => listen(createHttpServer(listener));
function sender(timeoutMs: number): Sender {
  const made = createSender(TEST, { timeoutMs });
  closers.push(() => made.close());
  return made;
}
const post = (sending: Sender, url: string) => sending.post({ url, headers: {}, body: "{}" });

describe("S34: a receiver that answers without end", () => {
  it("S34: an answer of 10 MB is success by its status, cut after 4 kB, kept to 1 kB", async () => {
    let written = 0;
    const url = await receiver((_request, response) => {
      response.writeHead(200, { "content-length": 10 * MB });
      const push = (): void => {
        while (!response.destroyed && written < 10 * MB && response.write(Buffer.alloc(65_536, 0x61)))
          written += 65_536;
        if (!response.destroyed && written < 10 * MB) response.once("drain", push);
      };
      push();
    });
    const cut = async (): Promise<number> => {
      written = 0;
      const result = await post(sender(5_000), url);
      expect(result).toMatchObject({ outcome: "delivered", status: 200 });
      expect(result.answer).toHaveLength(1_024);
      return result.durationMs;
    };
    expect(await quickest(cut, 2_000)).toBeLessThan(2_000);
    // The kernel's buffers hold some; most of it never left the receiver.
    expect(written).toBeLessThan(9 * MB);
  });

  it("S34: two hundred answers that announce 1 GB each leave the memory as it was", async () => {
    const block = Buffer.alloc(65_536, 0x61);
    const url = await receiver((_request, response) => {
      response.writeHead(500, { "content-length": 1_024 * MB });
      const push = (): void => {
        while (!response.destroyed && response.write(block));
        if (!response.destroyed) response.once("drain", push);
      };
      push();
    });
    const sending = sender(5_000);
    const burst = () => Promise.all(Array.from({ length: 25 }, () => post(sending, url)));
    await burst();
    const before = process.memoryUsage();
    for (let round = 0; round < 8; round += 1) {
      for (const result of await burst()) expect(result).toMatchObject({ outcome: "http_error", status: 500 });
    }
    const after = process.memoryUsage();
    // 200 GB were announced. What is held is bounded by the requests that run at a time.
    expect(after.external + after.arrayBuffers - before.external - before.arrayBuffers).toBeLessThan(64 * MB);
    expect(after.rss - before.rss).toBeLessThan(256 * MB);
  });

  it("S34: headers that drip are cut by the time limit, an answer that drips after two seconds", async () => {
    const slowHead = await listen(
      createServer((socket) => {
        socket.write("HTTP/1.1 200 OK\r\nx-slow: ");
        const timer = setInterval(() => socket.write("x"), 50);
        socket.on("close", () => clearInterval(timer));
      }),
    );
    const cut = async (): Promise<number> => {
      const head = await post(sender(700), slowHead);
      expect(head).toMatchObject({ outcome: "timeout", status: null });
      return head.durationMs;
    };
    expect(await quickest(cut, 3_000)).toBeLessThan(3_000);
  });

  it("S34: a receiver that speaks no HTTP, closes at once, or says a length and stops short is a failure, not a crash", async () => {
    const noise = await listen(createServer((socket) => socket.end(Buffer.alloc(100_000, 0))));
    const closed = await listen(createServer((socket) => socket.destroy()));
    const short = await listen(
      createServer((socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc")),
    );
    const sending = sender(2_000);
    expect(await post(sending, noise)).toMatchObject({ outcome: "connection_failed", status: null });
    expect(await post(sending, closed)).toMatchObject({ outcome: "connection_failed", status: null });
    expect(await post(sending, short)).toMatchObject({ outcome: "delivered", status: 200 });
  });
});
