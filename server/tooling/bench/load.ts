import { createHmac, randomUUID } from "node:crypto";
import http from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Pool } from "undici";
import { type Answer, type Calls, type Order, OrderSchema, quantile } from "./messages";

/*
 * The load generator, a process of its own so that its work is not mistaken for the server's. It takes one order after
 * the other from its parent. Payments and webhooks are new each time: nothing is answered from an earlier one.
 */

type Call = { path: string; headers: Record<string, string>; body: string };

const RUN = randomUUID().slice(0, 8);
let serial = 0;

function nextCall(calls: Calls): Call {
  serial += 1;
  if (calls.kind === "payments") {
    const reference = `bench-${RUN}-${serial}`;
    const amount = 10_000 + (serial % 89) * 100 + 50;
    return {
      path: "/api/v1/payments",
      headers: {
        authorization: `Bearer ${calls.apiKey}`,
        "idempotency-key": reference,
        "content-type": "application/json",
      },
      body: JSON.stringify({
        amount,
        currency: "SEK",
        reference,
        launch: "qr",
        store: { reference: calls.storeReference },
        terminal: { reference: calls.terminalReference },
        line_items: [{ name: "Coffee", quantity: 1, unit_price: amount, total_amount: amount, reference: "coffee-1" }],
        metadata: { cashier: "7" },
      }),
    };
  }
  const body = JSON.stringify({
    metadata: {
      event_type: "payment.request.state-change.in-progress",
      event_id: `${RUN}-${serial}-${randomUUID()}`,
      event_version: "v2",
      occurred_at: new Date().toISOString(),
      subject_account_id: calls.accountId,
      recipient_account_id: calls.accountId,
      product_instance_id: "krn:partner:product:payment:bench",
      live: false,
    },
    payload: {
      payment_request_id: `krn:payment:eu1:request:${RUN}-${serial}`,
      payment_request_reference: `bench-${serial}`,
      state: "IN_PROGRESS",
      previous_state: "SUBMITTED",
    },
  });
  return {
    path: "/api/klarna/webhooks",
    headers: {
      "content-type": "application/json",
      "klarna-signing-key-id": calls.signingKey.id,
      "klarna-signature": createHmac("sha256", calls.signingKey.secret).update(body).digest("hex"),
    },
    body,
  };
}

const isAccepted = (calls: Calls, status: number): boolean => status === (calls.kind === "payments" ? 201 : 200);

async function send(pool: Pool, call: Call): Promise<{ status: number; text: string }> {
  const answer = await pool.request({ method: "POST", path: call.path, headers: call.headers, body: call.body });
  return { status: answer.statusCode, text: await answer.body.text() };
}

async function runClosed(order: Extract<Order, { kind: "closed" }>): Promise<Answer> {
  const pool = new Pool(`http://127.0.0.1:${order.port}`, { connections: order.connections, pipelining: 1 });
  const from = performance.now() + order.warmMs;
  const until = from + order.runMs;
  let answered = 0;
  let answeredInAll = 0;
  let refused = 0;
  const examples: string[] = [];
  const loop = async (): Promise<void> => {
    while (performance.now() < until) {
      const { status, text } = await send(pool, nextCall(order.calls));
      const now = performance.now();
      if (isAccepted(order.calls, status)) {
        answeredInAll += 1;
        if (now >= from && now < until) answered += 1;
      } else {
        refused += 1;
        if (examples.length < 3) examples.push(`${status} ${text.slice(0, 300)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: order.connections }, loop));
  await pool.close();
  return { kind: "closed", answered, answeredInAll, refused, seconds: order.runMs / 1_000, examples };
}

/** How long Klarna's stand-in had each payment, by payment id. */
const heldMs = new Map<string, number>();

async function runRelay(target: string): Promise<Answer> {
  const pool = new Pool(target, { connections: 64, pipelining: 1 });
  const server = http.createServer((request, response) => {
    const startedMs = performance.now();
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      const { host: _host, connection: _connection, "content-length": _length, ...headers } = request.headers;
      pool
        .request({ method: request.method === "POST" ? "POST" : "GET", path: request.url ?? "/", headers, body })
        .then(async (answer) => {
          const text = await answer.body.text();
          const id = /"payment_transaction_reference":"([^"]+)"/.exec(body.toString("utf8"))?.[1];
          if (id !== undefined) heldMs.set(id, performance.now() - startedMs);
          response.writeHead(answer.statusCode, {
            "content-type": "application/json",
            "content-length": Buffer.byteLength(text),
          });
          response.end(text);
        })
        .catch(() => response.destroy());
    });
  });
  return { kind: "relay", port: await listen(server) };
}

async function runReceiver(): Promise<Answer> {
  const server = http.createServer((request, response) => {
    request.resume();
    request.on("end", () => response.writeHead(200, { "content-length": 2 }).end("ok"));
  });
  return { kind: "receiver", port: await listen(server) };
}

async function listen(server: http.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/**
 * Our own share of a call: from the moment at which it was due (not at which it was sent, so that a server that falls
 * behind is charged for those who wait) to its answer, less what Klarna's stand-in had it. That part is measured in this
 * very process, by the relay that every call to Klarna passes through, payment by payment; so two clocks are never
 * compared, and all of the HTTP work between the server and Klarna counts as the server's.
 */
async function runOpen(order: Extract<Order, { kind: "open" }>): Promise<Answer> {
  const pool = new Pool(`http://127.0.0.1:${order.port}`, { connections: 256, pipelining: 1 });
  const whole: number[] = [];
  const share: number[] = [];
  const examples: string[] = [];
  let answeredInAll = 0;
  let refused = 0;
  const gap = 1_000 / order.perSecond;
  const total = Math.floor((order.warmMs + order.runMs) / gap);
  const warm = Math.floor(order.warmMs / gap);
  const start = performance.now() + 50;
  const running: Promise<void>[] = [];
  const one = async (index: number, dueMs: number): Promise<void> => {
    const { status, text } = await send(pool, nextCall(order.calls));
    const tookMs = performance.now() - dueMs;
    const id = /"id":"(pay_[^"]+)"/.exec(text)?.[1] ?? "";
    const held = heldMs.get(id);
    heldMs.delete(id);
    if (status !== 201 || held === undefined) {
      refused += 1;
      if (examples.length < 3) examples.push(`${status} ${text.slice(0, 300)}`);
      return;
    }
    answeredInAll += 1;
    if (index < warm) return;
    whole.push(tookMs);
    share.push(tookMs - held);
  };
  for (let index = 0; index < total; index += 1) {
    const dueMs = start + index * gap;
    // Timers are late by up to a millisecond: the last bit is spent asking the clock, else our lateness would be theirs.
    const waitMs = dueMs - performance.now() - 1.5;
    if (waitMs > 0) await sleep(waitMs);
    while (performance.now() < dueMs) await new Promise((resolve) => setImmediate(resolve));
    running.push(one(index, dueMs));
  }
  await Promise.all(running);
  await pool.close();
  const of = (values: readonly number[]) => ({ median: quantile(values, 0.5), p99: quantile(values, 0.99) });
  return {
    kind: "open",
    samples: whole.length,
    answeredInAll,
    refused,
    wholeMs: of(whole),
    shareMs: of(share),
    examples,
  };
}

async function obey(order: Order): Promise<Answer> {
  switch (order.kind) {
    case "closed":
      return runClosed(order);
    case "open":
      return runOpen(order);
    case "relay":
      return runRelay(order.target);
    case "receiver":
      return runReceiver();
  }
}

process.on("message", (message) => {
  obey(OrderSchema.parse(message)).then(
    (answer) => process.send?.(answer),
    (error: unknown) => {
      process.stderr.write(`load: ${error instanceof Error ? error.stack : String(error)}\n`);
      process.exit(1);
    },
  );
});
process.on("disconnect", () => process.exit(0));
process.send?.("ready");
