import { createServer, type Server } from "node:http";
import { type RunningSimulator, startSimulator } from "./testing";

/** A small client that is not the product's, and a receiver for webhooks. For the simulator's own tests. */

export type Json = Record<string, unknown>;

export type CallOptions = {
  key?: string | undefined;
  headers?: Record<string, string>;
  apiKey?: string;
  rawBody?: string;
  query?: string;
};

export type Answer = { status: number; body: Json; headers: Headers; text: string };

export type Client = Awaited<ReturnType<typeof createClient>>;

export async function createClient(options: { dataDir?: string; autoAccounts?: boolean } = {}) {
  const simulator: RunningSimulator = await startSimulator(options);
  const account = await simulator.control.account({
    name: "Blumen Berlin",
    country: "DE",
    stores: [{ store_reference: "STORE-17", name: "Blumen Berlin Mitte", type: "PHYSICAL_STORE" }],
  });
  const base = `/v2/accounts/${account.account_id}/payment`;

  async function call(method: string, path: string, body?: unknown, extra: CallOptions = {}): Promise<Answer> {
    const payload = extra.rawBody ?? (body === undefined ? undefined : JSON.stringify(body));
    const response = await simulator.fetch(
      new Request(`${simulator.url}${path}${extra.query ?? ""}`, {
        method,
        headers: {
          authorization: `Basic ${extra.apiKey ?? simulator.apiKey}`,
          ...(payload === undefined ? {} : { "content-type": "application/json" }),
          ...(extra.key === undefined ? {} : { "klarna-idempotency-key": extra.key }),
          ...extra.headers,
        },
        ...(payload === undefined ? {} : { body: payload }),
      }),
    );
    const text = await response.text();
    let parsed: unknown = {};
    try {
      parsed = JSON.parse(text);
    } catch {
      parsed = {};
    }
    return { status: response.status, body: isJson(parsed) ? parsed : {}, headers: response.headers, text };
  }

  return {
    simulator,
    control: simulator.control,
    accountId: account.account_id,
    base,
    call,
    authorize: (body: Json, extra: CallOptions = {}) => call("POST", `${base}/authorize`, body, extra),
    /** A first call that leads to a step-up; gives the request's id. */
    async stepUp(amount = 5000, extra: Json = {}): Promise<string> {
      const answer = await call("POST", `${base}/authorize`, stepUpBody(amount, extra));
      return String(at(answer.body, "payment_request", "payment_request_id"));
    },
    /** A customer's finished journey; gives the request's id and the token. */
    async completed(amount = 5000, extra: Json = {}): Promise<{ id: string; token: string }> {
      const answer = await call("POST", `${base}/authorize`, stepUpBody(amount, extra));
      const id = String(at(answer.body, "payment_request", "payment_request_id"));
      const request = await simulator.control.play(id, "complete", { force: true });
      return { id, token: String(request.klarna_network_session_token) };
    },
    /** An authorized transaction's id. */
    async authorized(amount = 5000): Promise<string> {
      await simulator.control.fault({ operation: "authorize", kind: "approve" });
      const answer = await call("POST", `${base}/authorize`, finalBody(amount));
      return String(at(answer.body, "payment_transaction_response", "payment_transaction", "payment_transaction_id"));
    },
    close: () => simulator.close(),
  };
}

let lastReference = 0;

export function finalBody(amount: number, extra: Json = {}, capture = "LATER"): Json {
  return {
    currency: "EUR",
    request_payment_transaction: { amount, capture, payment_transaction_reference: "tx-1" },
    supplementary_purchase_data: { purchase_reference: "R-1" },
    ...extra,
  };
}

export function stepUpBody(amount: number, extra: Json = {}): Json {
  lastReference += 1;
  return {
    ...finalBody(amount),
    step_up_config: {
      payment_request_reference: `pay-${lastReference}`,
      customer_interaction_config: { method: "QR_CODE" },
    },
    point_of_checkout: { store_reference: "STORE-17" },
    point_of_transaction: { type: "TERMINAL", terminal_reference: "T-1" },
    ...extra,
  };
}

export function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function at(value: unknown, ...path: (string | number)[]): unknown {
  let current = value;
  for (const key of path) {
    if (Array.isArray(current) && typeof key === "number") current = current[key];
    else current = isJson(current) ? current[key] : undefined;
  }
  return current;
}

export function resultOf(answer: Answer): unknown {
  return at(answer.body, "payment_transaction_response", "result");
}

export type Received = {
  body: string;
  headers: Record<string, string | string[] | undefined>;
  type: string;
  id: string;
};

/** An endpoint that keeps what it gets and answers as told. */
export async function createReceiver() {
  const received: Received[] = [];
  const statuses: number[] = [];
  let usual = 202;
  const server: Server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const body = Buffer.concat(chunks).toString("utf8");
      let parsed: unknown = null;
      try {
        parsed = JSON.parse(body);
      } catch {
        parsed = null;
      }
      received.push({
        body,
        headers: incoming.headers,
        type: String(at(parsed, "metadata", "event_type"))
          .split(".")
          .slice(1)
          .join("."),
        id: String(at(parsed, "metadata", "event_id")),
      });
      outgoing.writeHead(statuses.shift() ?? usual);
      outgoing.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/webhooks`,
    received,
    types: () => received.map((entry) => entry.type),
    answerAlways: (status: number) => {
      usual = status;
    },
    /** The next answers, in order; the usual one afterwards. */
    answerNext: (...next: number[]) => void statuses.push(...next),
    async waitFor(count: number): Promise<void> {
      for (let turn = 0; received.length < count; turn += 1) {
        if (turn > 500) throw new Error(`only ${received.length} of ${count} webhooks came`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
