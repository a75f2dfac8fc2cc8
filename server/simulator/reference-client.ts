import { createHmac, randomUUID, timingSafeEqual } from "node:crypto";
import { createServer, type Server } from "node:http";
import { at, isJson, type Json } from "./fixtures";
import type { RunningSimulator } from "./testing";

/**
 * A small till and acquirer, for the matrix of cases only. It does what Klarna's documents ask of a client and no more:
 * calls over real HTTP, verifies and de-duplicates events, repeats under the same key, keeps its own books.
 */

export type Sale = {
  reference: string;
  amount: number;
  state: "waiting" | "paid" | "declined" | "cancelled" | "failed";
  /** What the till shows; never Klarna's own text. */
  message: string;
  requestId: string | null;
  transactionId: string | null;
  receipts: number;
  customerToken: string | null;
  body: Json;
};

export type Reply = { status: number; body: Json; headers: Headers };

const NEUTRAL = "The payment was not completed. Please choose another way to pay.";
const ATTEMPTS_MAX = 60;

export type ReferenceClient = Awaited<ReturnType<typeof createReferenceClient>>;

export async function createReferenceClient(
  simulator: RunningSimulator,
  accountId: string,
  options: { listens?: boolean } = {},
) {
  const base = `/v2/accounts/${encodeURIComponent(accountId)}/payment`;
  const sales = new Map<string, Sale>();
  const handled = new Set<string>();
  const keys = new Map<string, string>();
  const alarms: string[] = [];
  const verdicts: ("accepted" | "rejected" | "repeated")[] = [];
  const statuses: number[] = [];
  const work = new Set<Promise<unknown>>();
  let nextCallAt = 0;

  function headersOf(key: string | null, extra: Record<string, string>, hasBody: boolean): Record<string, string> {
    return {
      authorization: `Basic ${simulator.apiKey}`,
      ...(hasBody ? { "content-type": "application/json" } : {}),
      ...(key === null ? {} : { "klarna-idempotency-key": key }),
      ...extra,
    };
  }

  /** One call, repeated under its key while the answer says that a repeat may help. */
  async function send(
    method: string,
    path: string,
    body: Json | null,
    key: string | null = method === "POST" || method === "PATCH" ? randomUUID() : null,
    extra: Record<string, string> = {},
  ): Promise<Reply> {
    for (let attempt = 0; ; attempt += 1) {
      const pause = nextCallAt - Date.now();
      if (pause > 0) await wait(pause + Math.random() * 100);
      const reply = await sendOnce(method, path, body, key, extra);
      if (reply !== null) statuses.push(reply.status);
      if (reply?.status === 429) {
        nextCallAt = Date.now() + Number(reply.headers.get("x-ratelimit-reset") ?? "1") * 1_000;
      }
      const isRepeatable = reply === null || reply.status === 429 || reply.status === 409 || reply.status >= 500;
      if (!isRepeatable && reply !== null) return reply;
      if (attempt >= ATTEMPTS_MAX) throw new Error(`${method} ${path} never got an answer`);
      await wait(20);
    }
  }

  async function sendOnce(
    method: string,
    path: string,
    body: Json | null,
    key: string | null,
    extra: Record<string, string>,
  ): Promise<Reply | null> {
    try {
      const response = await fetch(`${simulator.url}${path}`, {
        method,
        headers: headersOf(key, extra, body !== null),
        ...(body === null ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      const parsed: unknown = text === "" ? {} : JSON.parse(text);
      return { status: response.status, body: isJson(parsed) ? parsed : {}, headers: response.headers };
    } catch {
      return null;
    }
  }

  function settle(sale: Sale, reply: Reply): void {
    const result =
      at(reply.body, "payment_transaction_response", "result") ?? at(reply.body, "customer_token_response", "result");
    const token = at(reply.body, "customer_token_response", "customer_token", "customer_token");
    if (typeof token === "string") sale.customerToken = token;
    if (result === "APPROVED") {
      if (sale.state !== "paid") sale.receipts += 1;
      sale.state = "paid";
      sale.message = "Paid";
      const id = at(reply.body, "payment_transaction_response", "payment_transaction", "payment_transaction_id");
      sale.transactionId = typeof id === "string" ? id : null;
    } else if (result === "STEP_UP_REQUIRED") {
      sale.requestId = String(at(reply.body, "payment_request", "payment_request_id"));
    } else {
      sale.state = reply.status === 200 ? "declined" : "failed";
      sale.message = NEUTRAL;
    }
  }

  /** The first call of a sale. */
  async function sell(body: Json, headers: Record<string, string> = {}): Promise<Sale & { reply: Reply }> {
    const reference = String(at(body, "step_up_config", "payment_request_reference") ?? randomUUID());
    const amount = Number(at(body, "request_payment_transaction", "amount") ?? 0);
    const sale: Sale = {
      reference,
      amount,
      state: "waiting",
      message: "Waiting for the customer",
      requestId: null,
      transactionId: null,
      receipts: 0,
      customerToken: null,
      body,
    };
    sales.set(reference, sale);
    const reply = await send("POST", `${base}/authorize`, body, `first-${reference}`, headers);
    settle(sale, reply);
    return Object.assign(sale, { reply });
  }

  /** The final call, at most once at a time and always under the same key. */
  async function finalize(sale: Sale, token: string): Promise<void> {
    if (sale.state !== "waiting") return;
    const { step_up_config: _stepUp, ...body } = sale.body;
    const reply = await send("POST", `${base}/authorize`, body, `final-${sale.reference}`, {
      "klarna-network-session-token": token,
    });
    settle(sale, reply);
    if (reply.status === 403) alarms.push(`${sale.reference}: approved too late`);
  }

  function tokenOf(payload: unknown): string | null {
    const token =
      at(payload, "klarna_network_session_token") ??
      at(payload, "state_context", "klarna_network_session_token") ??
      at(payload, "payment_token");
    return typeof token === "string" ? token : null;
  }

  async function onState(state: unknown, sale: Sale, payload: unknown): Promise<void> {
    const customerToken =
      at(payload, "klarna_customer", "customer_token") ??
      at(payload, "state_context", "klarna_customer", "customer_token");
    if (typeof customerToken === "string") sale.customerToken = customerToken;
    if (state === "COMPLETED") {
      const token = tokenOf(payload);
      const isTokenOnly = sale.body.request_payment_transaction === undefined;
      if (isTokenOnly && sale.state === "waiting") {
        sale.state = "paid";
        sale.message = "Saved";
      } else if (token !== null) await finalize(sale, token);
      return;
    }
    if (sale.state !== "waiting") return;
    if (state === "CANCELED") sale.state = "cancelled";
    else if (state === "DECLINED") sale.state = "declined";
    else if (state === "EXPIRED") sale.state = "failed";
    else return;
    sale.message = NEUTRAL;
  }

  /** Verifies, acknowledges, and works afterwards; an event that was seen before is only acknowledged. */
  function receive(raw: Buffer, signature: string, keyId: string): number {
    const key = keys.get(keyId);
    const wanted = key === undefined ? "" : createHmac("sha256", key).update(raw).digest("hex");
    const isGenuine =
      wanted.length === signature.length &&
      wanted !== "" &&
      timingSafeEqual(Buffer.from(wanted), Buffer.from(signature));
    if (!isGenuine) {
      verdicts.push("rejected");
      return 401;
    }
    const event: unknown = JSON.parse(raw.toString("utf8"));
    const id = String(at(event, "metadata", "event_id"));
    if (handled.has(id)) {
      verdicts.push("repeated");
      return 202;
    }
    handled.add(id);
    verdicts.push("accepted");
    const sale = sales.get(String(at(event, "payload", "payment_request_reference")));
    const type = String(at(event, "metadata", "event_type"));
    if (sale !== undefined && type.startsWith("payment.request.")) {
      const doing = onState(at(event, "payload", "state"), sale, at(event, "payload")).catch((error: unknown) => {
        alarms.push(String(error));
      });
      work.add(doing);
      void doing.then(() => work.delete(doing));
    }
    return 202;
  }

  const server: Server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const { "klarna-signature": signature, "klarna-signing-key-id": keyId } = incoming.headers;
      outgoing.writeHead(receive(Buffer.concat(chunks), String(signature), String(keyId)));
      outgoing.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/events`;

  async function newKey(): Promise<string> {
    const { body } = await send("POST", "/v2/notification/signing-keys", {});
    keys.set(String(body.signing_key_id), String(body.signing_key));
    return String(body.signing_key_id);
  }

  let webhookId = "";
  let signingKeyId = "";
  if (options.listens !== false) {
    signingKeyId = await newKey();
    const { body } = await send("POST", "/v2/notification/webhooks", {
      url,
      event_types: ["payment.*"],
      event_version: "v2",
      signing_key_id: signingKeyId,
      status: "ENABLED",
    });
    webhookId = String(body.webhook_id);
  }

  return {
    base,
    sales,
    alarms,
    verdicts,
    statuses,
    keys,
    send,
    sell,
    newKey,
    webhookId,
    signingKeyId,
    /** The cashier gives up, or another tender is used. */
    async cancel(sale: Sale): Promise<number> {
      const reply = await send("DELETE", `${base}/requests/${sale.requestId}`, null);
      if (reply.status === 200 && sale.state === "waiting") {
        sale.state = "cancelled";
        sale.message = NEUTRAL;
      }
      return reply.status;
    },
    /** What runs now and then for sales that wait too long. */
    async reconcile(sale: Sale): Promise<void> {
      const { body } = await send("GET", `${base}/requests/${sale.requestId}`, null);
      await onState(body.state, sale, body.state_context);
    },
    /** Resolves when no event is on its way and no work is left. */
    async quiet(): Promise<void> {
      do {
        await simulator.control.idle();
        await Promise.all(work);
      } while (work.size > 0);
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
