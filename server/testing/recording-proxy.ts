import { createServer, type IncomingHttpHeaders } from "node:http";

export type RecordedCall = { method: string; path: string; headers: IncomingHttpHeaders; body: Buffer };

/** Stands before the simulator and keeps what came over the wire, byte for byte. */
export async function recordCalls(
  target: string,
): Promise<{ url: string; calls: RecordedCall[]; close: () => Promise<void> }> {
  const calls: RecordedCall[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      const method = request.method ?? "GET";
      calls.push({ method, path: request.url ?? "/", headers: request.headers, body });
      const headers = Object.entries(request.headers).flatMap(([name, value]): [string, string][] =>
        typeof value !== "string" || name === "host" || name === "connection" || name === "content-length"
          ? []
          : [[name, value]],
      );
      fetch(`${target}${request.url}`, { method, headers, ...(body.length > 0 ? { body } : {}) }).then(
        async (answer) => {
          const bytes = Buffer.from(await answer.arrayBuffer());
          response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "text/plain" });
          response.end(bytes);
        },
        () => response.destroy(),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    calls,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
