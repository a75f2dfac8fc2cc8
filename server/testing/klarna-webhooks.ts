import { createServer } from "node:http";
import type { Services } from "@/server/context";
import { createKlarnaListener, type KlarnaListener } from "@/server/ingress/klarna-webhooks";
import { signingKeyPlace } from "@/server/klarna/webhook-signature";
import type { RunningSimulator } from "@/server/simulator/testing";

export type WebhookReceiver = {
  url: string;
  listener: KlarnaListener;
  signingKey: { id: string; secret: string };
  /** While held, what Klarna sends is kept back and not answered with success. */
  hold(): void;
  release(): void;
  received(): number;
  close(): Promise<void>;
};

/** Stores a signing key as the product does. */
export async function storeSigningKey(
  services: Services,
  key: { id: string; mode: "test" | "live"; secret: string },
): Promise<void> {
  await services.db.query({
    text: "insert into klarna_signing_keys (id, mode, secret, state, created_at) values ($1,$2,$3,'ACTIVE',now()) on conflict (id) do nothing",
    values: [key.id, key.mode, services.secrets.seal(key.secret, signingKeyPlace(key))],
  });
}

/** The product's own listener on a loopback port, subscribed at the simulator to these types. */
export async function receiveKlarnaWebhooks(
  services: Services,
  simulator: RunningSimulator,
  eventTypes: string[] = ["payment.*"],
): Promise<WebhookReceiver> {
  const listener = createKlarnaListener(services);
  let isHeld = false;
  let count = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      count += 1;
      if (isHeld) {
        response.writeHead(503).end();
        return;
      }
      listener({ headers: request.headers, rawBody: Buffer.concat(chunks) }).then(
        (answer) => response.writeHead(answer.status).end(answer.body),
        () => response.writeHead(500).end(),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const url = `http://127.0.0.1:${address.port}/api/klarna/webhooks`;
  const webhook = await simulator.control.webhook(url, eventTypes);
  await storeSigningKey(services, { id: webhook.signing_key_id, mode: "test", secret: webhook.signing_key });
  return {
    url,
    listener,
    signingKey: { id: webhook.signing_key_id, secret: webhook.signing_key },
    hold: () => {
      isHeld = true;
    },
    release: () => {
      isHeld = false;
    },
    received: () => count,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
