import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import pg from "pg";
import { Pool } from "undici";
import { klarnaIdempotencyKey, newId } from "@/server/core/ids";
import { type FloorSettings, FloorSettingsSchema } from "./messages";

/*
 * The floor: what the same machine can do at the very best with the same durability. Bare node:http and pg write the
 * rows that an accepted payment has (claim of the key, payment, journal, audit; after the same call to Klarna the settled
 * journal, call, event, audit and stored answer) in two statements, and a webhook's inbox row in a group commit. Nothing
 * is looked up, checked, masked or encrypted, and the request log is not written: those are the product's to pay for.
 */

const settings: FloorSettings = FloorSettingsSchema.parse(JSON.parse(process.argv[2] ?? "null"));
const database = new pg.Pool({
  connectionString: settings.databaseUrl,
  max: settings.connections,
  idleTimeoutMillis: 60_000,
});
const klarna = new Pool(settings.klarnaUrl, { connections: 64, pipelining: 1 });
const { partnerId } = settings;

const ACCEPT = `with claim as (
    insert into idempotent_answers (partner_id, mode, key, request_hash, state, resource_id, created_at, expires_at)
    values ($1, 'test', $2, $3, 'RUNNING', $4, $5, $6) on conflict do nothing
  ), made as (
    insert into payments (id, partner_id, mode, version, state, amount, currency, reference, channel, launch, capture, store_id, terminal_id,
      line_items, metadata, expires_at, next_action_at, created_by, created_at, updated_at)
    values ($4, $1, 'test', 1, 'PROCESSING', $7, $8, $9, 'IN_STORE', 'QR', 'AUTOMATIC', $10, $11, $12, $13, $6, $5, 'floor', $5, $5)
  ), journal as (
    insert into klarna_operations (id, partner_id, mode, payment_id, kind, epoch, state, idempotency_key, next_attempt_at, opened_at)
    values ($14, $1, 'test', $4, 'AUTHORIZE', 1, 'PENDING', $15, $6, $5)
  ) insert into audit_entries (id, partner_id, mode, actor_kind, actor_id, way, action, subject_kind, subject_id, request_id, after, created_at)
    values ($16, $1, 'test', 'API_KEY', 'floor', 'API', 'payment.created', 'payment', $4, $17, $18, $5)`;

const SETTLE = `with moved as (
    update payments set version = 2, state = 'PENDING', klarna_payment_request_id = $2, klarna_payment_request_url = $3,
      klarna_qr_image_url = $4, klarna_qr_target_url = $5, klarna_request_state = 'SUBMITTED', klarna_request_expires_at = $6,
      event_sequence = 1, next_action_at = $6, updated_at = $7 where id = $1 and version = 1
  ), settled as (
    update klarna_operations set state = 'SUCCEEDED', result = 'STEP_UP_REQUIRED', attempts = 1, next_attempt_at = null, settled_at = $7 where id = $8
  ), called as (
    insert into klarna_calls (operation_id, partner_id, mode, attempt, outcome, method, path, http_status, request, response, duration_ms, created_at)
    values ($8, $9, 'test', 1, 'ANSWERED', 'POST', $10, 200, $11, $12, $13, $7)
  ), announced as (
    insert into outbox_events (id, partner_id, mode, type, version, subject_kind, subject_id, sequence, payload, created_at)
    values ($14, $9, 'test', 'payment.pending', 1, 'payment', $1, 1, $15, $7)
  ), noted as (
    insert into audit_entries (id, partner_id, mode, actor_kind, actor_id, way, action, subject_kind, subject_id, request_id, before, after, created_at)
    values ($16, $9, 'test', 'API_KEY', 'floor', 'API', 'payment.pending', 'payment', $1, $17, $18, $19, $7)
  ) update idempotent_answers set state = 'DONE', status = 201, body = $20 where partner_id = $9 and mode = 'test' and key = $21`;

const RECORD = `insert into inbox_events (id, event_id, mode, event_type, occurred_at, subject_account_id, payment_request_id, raw_body, signing_key_id,
    state, next_attempt_at, received_at)
  select id, event_id, 'test', type, occurred_at, account, request, body, key, 'RECEIVED', now(), now()
  from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::bytea[], $8::text[])
    as e(id, event_id, type, occurred_at, account, request, body, key)
  on conflict (mode, event_id) do nothing`;

const DAY_MS = 86_400_000;

async function acceptPayment(request: IncomingMessage, body: string): Promise<{ status: number; text: string }> {
  const asked = JSON.parse(body);
  const key = String(request.headers["idempotency-key"]);
  const now = new Date();
  const later = new Date(now.getTime() + DAY_MS);
  const id = newId("payment");
  const operationId = newId("operation");
  const idempotencyKey = klarnaIdempotencyKey(operationId);
  const requestId = newId("request");
  const lineItems = JSON.stringify(asked.line_items);
  await database.query({
    name: "accept",
    text: ACCEPT,
    values: [
      ...[partnerId, key, "0".repeat(64), id, now, later, asked.amount, asked.currency, asked.reference],
      ...[settings.store.id, settings.terminal.id, lineItems, JSON.stringify(asked.metadata), operationId],
      ...[idempotencyKey, newId("audit"), requestId, '{"status":"PROCESSING"}'],
    ],
  });
  const path = `/v2/accounts/${encodeURIComponent(settings.accountId)}/payment/authorize`;
  const call = JSON.stringify({
    currency: asked.currency,
    request_payment_transaction: { amount: asked.amount, payment_transaction_reference: id, capture: "NOW" },
    supplementary_purchase_data: { purchase_reference: asked.reference, line_items: asked.line_items },
    step_up_config: { payment_request_reference: id, customer_interaction_config: { method: "QR_CODE" } },
    point_of_checkout: { store_id: settings.store.klarnaStoreId },
    point_of_transaction: { type: "TERMINAL", terminal_reference: settings.terminal.reference },
  });
  const startedMs = performance.now();
  const answer = await klarna.request({
    method: "POST",
    path,
    headers: {
      authorization: `Basic ${settings.klarnaApiKey}`,
      "content-type": "application/json",
      "klarna-idempotency-key": idempotencyKey,
    },
    body: call,
  });
  const text = await answer.body.text();
  const stepUp = JSON.parse(text).payment_request;
  if (answer.statusCode !== 200 || stepUp === undefined) return { status: 502, text };
  const interaction = stepUp.state_context.customer_interaction;
  const settledAt = new Date();
  const object = {
    ...{ id, object: "payment", mode: "test", status: "pending", amount: asked.amount, currency: asked.currency },
    ...{ reference: asked.reference, channel: "in_store", launch: "qr", capture: "automatic" },
    store: { id: settings.store.id, reference: settings.store.reference },
    terminal: { id: settings.terminal.id, reference: settings.terminal.reference },
    ...{ amount_authorized: 0, amount_captured: 0, amount_refunded: 0, amount_voided: 0, amount_refundable: 0 },
    klarna: {
      payment_request_id: stepUp.payment_request_id,
      payment_request_url: interaction.payment_request_url,
      payment_transaction_id: null,
      qr_code: { image_url: interaction.qr_code.image_url, target_url: interaction.qr_code.target_url },
    },
    ...{ funding: null, customer_token: null, decline: null, failure: null, metadata: asked.metadata },
    ...{ expires_at: later, created_at: now, updated_at: settledAt },
  };
  const stored = JSON.stringify(object);
  await database.query({
    name: "settle",
    text: SETTLE,
    values: [
      ...[id, stepUp.payment_request_id, interaction.payment_request_url, interaction.qr_code.image_url],
      ...[interaction.qr_code.target_url, stepUp.expires_at, settledAt, operationId, partnerId, path, call, text],
      ...[Math.round(performance.now() - startedMs), newId("event"), `{"object":${stored}}`, newId("audit"), requestId],
      ...['{"status":"PROCESSING"}', '{"status":"PENDING"}', Buffer.from(stored), key],
    ],
  });
  return { status: 201, text: stored };
}

type Waiting = { row: readonly unknown[]; done: () => void; failed: (error: unknown) => void };
const waiting: Waiting[] = [];
let isStoring = false;

async function storeWebhooks(): Promise<void> {
  if (isStoring) return;
  isStoring = true;
  while (waiting.length > 0) {
    const batch = waiting.splice(0, 256);
    const columns = Array.from({ length: 8 }, (_, index) => batch.map(({ row }) => row[index]));
    try {
      await database.query({ name: "record", text: RECORD, values: columns });
      for (const { done } of batch) done();
    } catch (error) {
      for (const { failed } of batch) failed(error);
    }
  }
  isStoring = false;
}

async function acceptWebhook(request: IncomingMessage, raw: Buffer): Promise<{ status: number; text: string }> {
  const expected = createHmac("sha256", settings.signingKey.secret).update(raw).digest();
  const given = Buffer.from(String(request.headers["klarna-signature"]), "hex");
  if (given.length !== expected.length || !timingSafeEqual(expected, given)) return { status: 401, text: "{}" };
  const { metadata, payload } = JSON.parse(raw.toString("utf8"));
  await new Promise<void>((done, failed) => {
    const row = [
      ...[newId("inboxEvent"), metadata.event_id, metadata.event_type, metadata.occurred_at],
      ...[metadata.subject_account_id, payload.payment_request_id, raw, settings.signingKey.id],
    ];
    waiting.push({ row, done, failed });
    queueMicrotask(() => void storeWebhooks());
  });
  return { status: 200, text: '{"received":true}' };
}

function serve(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const raw = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
    const isPayment = request.url === "/api/v1/payments";
    (isPayment ? acceptPayment(request, raw.toString("utf8")) : acceptWebhook(request, raw))
      .catch((error: unknown) => ({ status: 500, text: String(error) }))
      .then(({ status, text }) => {
        response.writeHead(status, {
          "content-type": "application/json",
          "content-length": Buffer.byteLength(text),
          "request-id": randomBytes(8).toString("hex"),
        });
        response.end(text);
      });
  });
}

const server = http.createServer(serve);
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.send?.(typeof address === "object" && address !== null ? address.port : 0);
});
process.on("disconnect", () => process.exit(0));
