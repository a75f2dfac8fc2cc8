import { createServer } from "node:http";
import { createServices } from "@/server/context";
import { createKlarnaListener } from "@/server/ingress/klarna-webhooks";

/* The product's listener for Klarna's events as a process of its own, which a test can stop and let go on. Prints its port. */
const services = createServices({ name: "receiver", connections: 2, nudge: () => undefined });
const listener = createKlarnaListener(services);
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  // A caller that has gone while this process stood still is nothing to fail on.
  request.on("error", () => undefined);
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    listener({ headers: request.headers, rawBody: Buffer.concat(chunks) }).then(
      (answer) => response.writeHead(answer.status).end(answer.body),
      () => response.writeHead(500).end(),
    );
  });
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.stdout.write(`${typeof address === "object" && address !== null ? address.port : 0}\n`);
});
