import type { Services } from "@/server/context";
import { newId } from "@/server/core/ids";
import type { Mode } from "@/server/core/schema";
import type { Row } from "@/server/db/client";
import { inboxPlace, type NewInboxEvent, noteKeyUse, recordInboxEvents } from "@/server/events/inbox";
import { isKlarnaSignature, signingKeyPlace } from "@/server/klarna/webhook-signature";
import { readInstant } from "@/server/klarna/wire";
import { webhooksReceived } from "@/server/observability/metrics";

/*
 * Klarna's webhook listener: raw body, signature, mode, inbox, answer. Nothing else happens in the request. Events that
 * arrive together are stored together (group commit), each answered after its own commit.
 */

export const WEBHOOK_BODY_MAX_BYTES = 262_144;
const BATCH_MAX = 256;
const KEYS_KEPT_MS = 60_000;
/** How long an id that nobody knows is not looked for again, how many such ids are remembered, and how many are looked for. */
const MISSING_KEPT_MS = 2_000;
const MISSING_MAX = 1_000;
const LOOKUPS_PER_SECOND_MAX = 20;
const KEY_USE_NOTED_MS = 60_000;

/** `headers` by lower-case name; a header that was sent twice arrives joined and so never matches. */
export type WebhookRequest = { headers: Readonly<Record<string, string | string[] | undefined>>; rawBody: Buffer };
export type WebhookAnswer = { status: number; body: string };
export type KlarnaListener = (request: WebhookRequest) => Promise<WebhookAnswer>;

type SigningKey = { mode: Mode; secret: string };
type Waiting = { event: NewInboxEvent; resolve: () => void; reject: (error: unknown) => void };

const refuse = (status: number, result: string): WebhookAnswer => {
  webhooksReceived.inc({ result });
  return { status, body: `{"error":"${result}"}` };
};

function headerOf(request: WebhookRequest, name: string): string {
  const value = request.headers[name];
  return typeof value === "string" ? value : "";
}

type Facts = {
  eventId: string;
  eventType: string;
  occurredAt: Date;
  live: boolean | null;
  subjectAccountId: string | null;
  paymentRequestId: string | null;
  paymentTransactionId: string | null;
};

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
/** One that PostgreSQL can keep: what it cannot would be refused together with all that is stored in the same statement. */
const textOf = (value: unknown, max: number): string | null =>
  typeof value === "string" && value.length > 0 && value.length <= max && !value.includes("\u0000") ? value : null;

/** Read by hand: the envelope is tiny, and a schema library would cost more than the signature. Null when it is no event. */
function readEnvelope(rawBody: Buffer): Facts | null {
  let body: unknown;
  try {
    body = JSON.parse(rawBody.toString("utf8"));
  } catch {
    return null;
  }
  const metadata = isObject(body) ? body.metadata : null;
  if (!isObject(body) || !isObject(metadata)) return null;
  const payload = isObject(body.payload) ? body.payload : {};
  const eventId = textOf(metadata.event_id, 200);
  const eventType = textOf(metadata.event_type, 200);
  const occurredAt = readInstant(metadata.occurred_at);
  if (!eventId || !eventType || occurredAt === undefined) return null;
  return {
    eventId,
    eventType,
    occurredAt,
    live: typeof metadata.live === "boolean" ? metadata.live : null,
    subjectAccountId: textOf(metadata.subject_account_id, 255),
    paymentRequestId: textOf(payload.payment_request_id, 255),
    paymentTransactionId: textOf(payload.payment_transaction_id, 255),
  };
}

/**
 * Makes the listener. It answers 401 for a signature, key id or mode that does not fit (no row), 400 for a signed body
 * that is no event, 413 above 256 KiB, else 200 after the commit; a repeated event id is 200 and stores nothing.
 * The signing key names the mode, and `metadata.live` must agree with it. Source: KNR-B11, KNR-Q4.
 */
export function createKlarnaListener(services: Services): KlarnaListener {
  let keys = new Map<string, SigningKey>();
  let keysAt = Number.NEGATIVE_INFINITY;
  let loading: Promise<void> | null = null;
  /** Ids that were looked for and not found, with the time of it. */
  const missing = new Map<string, number>();
  let lookups: number[] = [];

  type KeyRow = Row & { id: string; mode: Mode; secret: string };
  const keyOf = (row: KeyRow): SigningKey => ({
    mode: row.mode,
    secret: services.secrets.open(row.secret, signingKeyPlace(row)),
  });
  async function loadKeys(): Promise<void> {
    const rows = await services.db.query<KeyRow>({
      name: "inbox_keys",
      text: "select id, mode, secret from klarna_signing_keys where state = 'ACTIVE'",
      values: [],
    });
    keys = new Map(rows.map((row) => [row.id, keyOf(row)]));
    keysAt = performance.now();
  }
  /** A key that was made a moment ago is found at once; forged ids cost a few look-ups a second, never one each. */
  function mayLookUp(id: string, now: number): boolean {
    if (now - (missing.get(id) ?? Number.NEGATIVE_INFINITY) < MISSING_KEPT_MS) return false;
    lookups = lookups.filter((at) => now - at < 1_000);
    return lookups.length < LOOKUPS_PER_SECOND_MAX;
  }
  async function lookUp(id: string, now: number): Promise<void> {
    lookups.push(now);
    if (missing.size >= MISSING_MAX) missing.clear();
    missing.set(id, now);
    const [row] = await services.db.query<KeyRow>({
      name: "inbox_key",
      text: "select id, mode, secret from klarna_signing_keys where state = 'ACTIVE' and id = $1",
      values: [id],
    });
    if (!row) return;
    keys.set(id, keyOf(row));
    missing.delete(id);
  }
  async function findKey(id: string): Promise<SigningKey | undefined> {
    const now = performance.now();
    if (now - keysAt > KEYS_KEPT_MS) {
      loading ??= loadKeys().finally(() => {
        loading = null;
      });
      await loading;
    }
    if (!keys.has(id) && mayLookUp(id, now)) await lookUp(id, now);
    return keys.get(id);
  }

  const keyUse = new Map<string, number>();
  /** "Last used" of a key, to the minute; never in the way of an answer. */
  function noteUse(keyIds: readonly string[]): void {
    const now = performance.now();
    const due = [...new Set(keyIds)].filter((id) => now - (keyUse.get(id) ?? -Infinity) > KEY_USE_NOTED_MS);
    if (due.length === 0) return;
    for (const id of due) keyUse.set(id, now);
    noteKeyUse(services.db, due, services.clock.now()).catch((error: unknown) =>
      services.log.warn({ error }, "the last use of a signing key could not be noted"),
    );
  }

  const waiting: Waiting[] = [];
  let isStoring = false;
  async function store(): Promise<void> {
    if (isStoring) return;
    isStoring = true;
    try {
      while (waiting.length > 0) {
        const batch = waiting.splice(0, BATCH_MAX);
        // The same event twice in one statement would conflict with itself.
        const unique = [
          ...new Map(batch.map((item) => [`${item.event.mode}:${item.event.eventId}`, item.event])).values(),
        ];
        try {
          await recordInboxEvents(services.db, unique);
          for (const item of batch) item.resolve();
          services.nudge("inbox");
          noteUse(unique.map((event) => event.signingKeyId));
        } catch (error) {
          for (const item of batch) item.reject(error);
        }
      }
    } finally {
      isStoring = false;
    }
  }

  return async (request) => {
    if (request.rawBody.length > WEBHOOK_BODY_MAX_BYTES) return refuse(413, "body_too_large");
    const keyId = headerOf(request, "klarna-signing-key-id");
    const signature = headerOf(request, "klarna-signature");
    if (keyId === "" || keyId.length > 255 || signature === "") return refuse(401, "signature_missing");
    const key = await findKey(keyId);
    if (!key) return refuse(401, "signing_key_unknown");
    if (!isKlarnaSignature(request.rawBody, signature, key.secret)) return refuse(401, "signature_wrong");
    const facts = readEnvelope(request.rawBody);
    if (!facts) return refuse(400, "event_malformed");
    if (facts.live !== null && facts.live !== (key.mode === "live")) return refuse(401, "mode_wrong");
    const id = newId("inboxEvent");
    await new Promise<void>((resolve, reject) => {
      waiting.push({
        event: {
          id,
          eventId: facts.eventId,
          mode: key.mode,
          eventType: facts.eventType,
          occurredAt: facts.occurredAt,
          subjectAccountId: facts.subjectAccountId,
          paymentRequestId: facts.paymentRequestId,
          paymentTransactionId: facts.paymentTransactionId,
          rawBody: services.secrets.sealBytes(request.rawBody, inboxPlace({ id, mode: key.mode })),
          signingKeyId: keyId,
          receivedAt: services.clock.now(),
        },
        resolve,
        reject,
      });
      queueMicrotask(() => void store());
    });
    webhooksReceived.inc({ result: "stored" });
    return { status: 200, body: '{"received":true}' };
  };
}
