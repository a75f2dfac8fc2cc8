import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { Services } from "@/server/context";
import { newId } from "@/server/core/ids";
import type { Mode } from "@/server/core/schema";
import type { EventPayload, EventType } from "@/server/events/catalog";

/* A Partner's receiver on loopback and events to send it, for tests. */

export type Received = {
  headers: IncomingHttpHeaders;
  body: string;
  json: { id: string; type: string; sequence: number; data: { object: { id: string } } };
};
export type Receiver = {
  url: string;
  received: Received[];
  /** How to answer from now on; 200 unless told otherwise. */
  answer: (reply: (response: ServerResponse, got: Received) => void) => void;
  close(): Promise<void>;
};

export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  let reply = (response: ServerResponse, _got: Received): void => void response.writeHead(200).end("ok");
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString("utf8");
      const got: Received = { headers: request.headers, body, json: JSON.parse(body) };
      received.push(got);
      reply(response, got);
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}/hook`,
    received,
    answer: (next) => {
      reply = next;
    },
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

/** Appends an event to the outbox as a change would. Returns its id. */
export async function appendEvent(
  services: Services,
  event: {
    partnerId: string;
    mode?: Mode;
    type?: EventType;
    subjectId: string;
    sequence: number;
    payload?: EventPayload;
    subjectKind?: string;
  },
): Promise<string> {
  const id = newId("event", services.clock.now().getTime());
  await services.db.query({
    text: `insert into outbox_events (id, partner_id, mode, type, subject_kind, subject_id, sequence, payload, created_at)
           values ($1,$2,$3,$4,$5,$6,$7,$8,$9)`,
    values: [
      id,
      event.partnerId,
      event.mode ?? "test",
      event.type ?? "refund.succeeded",
      event.subjectKind ?? "refund",
      event.subjectId,
      event.sequence,
      JSON.stringify(event.payload ?? { object: refundObject(event.subjectId, event.type) }),
      services.clock.now(),
    ],
  });
  return id;
}

/** A refund as its events carry it. */
export function refundObject(id: string, type: EventType = "refund.succeeded"): Record<string, unknown> {
  const isFailed = type === "refund.failed";
  return {
    id,
    object: "refund",
    payment: "pay_01M7ZCGZWJMY1A94WKQMCTR6S1",
    capture: null,
    status: isFailed ? "failed" : "succeeded",
    amount: 500,
    currency: "SEK",
    reason: null,
    reference: null,
    store: null,
    terminal: null,
    klarna: { payment_refund_id: isFailed ? null : "krn:payment-refund:test" },
    failure: isFailed ? { code: "klarna_refused", message: "Klarna refused the request." } : null,
    created_at: "2026-11-01T10:00:00.000Z",
  };
}
