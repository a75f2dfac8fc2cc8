import { once } from "node:events";
import { readFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo, Socket } from "node:net";
import path from "node:path";
import { expect, it } from "vitest";
import { createLog } from "@/server/observability/log";
import { createProxy, IDLE_MS } from "./proxy";

/*
 * A request that changes something is sent to the web process once. So it must never be sent into a connection that the web
 * process is just closing: the front door closes first.
 */

const ROOT = path.resolve(import.meta.dirname, "../..");

it("connections that nobody uses are closed by the front door, and one that waits long for its answer is not", async () => {
  const sockets: Socket[] = [];
  const answers: (() => void)[] = [];
  const web = http.createServer({ keepAliveTimeout: 75_000 }, (request, response) => {
    request.resume();
    if (request.url === "/quick") response.end("quick");
    else answers.push(() => response.end("slow"));
  });
  web.on("connection", (socket) => sockets.push(socket));
  const proxy = createProxy({
    port: await listen(web),
    protocol: "http",
    safeHeaders: {},
    log: createLog({ level: "silent", name: "test", destination: { write: () => undefined } }),
    answerPlain: (response, status, sentence) => response.writeHead(status).end(sentence),
    idleMs: 100,
  });
  const door = http.createServer((request, response) =>
    proxy.passOn(request, response, { path: request.url ?? "/", address: "127.0.0.1" }),
  );
  const url = `http://127.0.0.1:${await listen(door)}`;
  try {
    const slow = fetch(`${url}/slow`, { method: "POST", body: "x" });
    await expect.poll(() => answers.length).toBe(1);
    expect(await (await fetch(`${url}/quick`)).text()).toBe("quick");
    // The web process would keep both for more than a minute.
    const [waiting, idle] = sockets;
    if (idle?.destroyed === false) await once(idle, "close");
    expect(sockets).toHaveLength(2);
    expect(waiting?.destroyed).toBe(false);
    answers[0]?.();
    expect(await (await slow).text()).toBe("slow");
  } finally {
    proxy.close();
    for (const server of [door, web]) {
      server.closeAllConnections();
      server.close();
    }
  }
});

it.each(["server/boot/main.ts", "server/boot/serve.mjs"])(
  "%s starts the web process so that it closes last",
  (file) => {
    const words = readFileSync(path.join(ROOT, file), "utf8");
    const kept = Number(/"--keepAliveTimeout",\s*"(\d+)"/.exec(words)?.[1]);
    expect(kept).toBeGreaterThan(2 * IDLE_MS);
  },
);

async function listen(server: http.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}
