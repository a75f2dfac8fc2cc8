import type { Mode } from "@/server/core/schema";
import { addMs, DAY_MS } from "@/server/core/time";
import type { Database, Row, Transaction } from "./client";
import type { SecretBox } from "./secrets";

/*
 * The rows behind the Idempotency-Key of the Partner API. A use case claims the key in the same statement or
 * transaction that writes the thing it makes; the answer is stored when it is known. Lookup and replay are the REST
 * layer's (server/rest/idempotency.ts).
 */

export const IDEMPOTENCY_KEPT_MS = 30 * DAY_MS;

export type IdempotencyIntent = {
  readonly partnerId: string;
  readonly mode: Mode;
  readonly key: string;
  /** SHA-256 of method, path and body, lower-case hex. */
  readonly requestHash: string;
  /** What to answer for the object that the use case made. */
  readonly answer: (object: unknown) => { status: number; body: string };
};

/** The key was claimed before by somebody; nothing was written now. */
export class IdempotencyConflict extends Error {
  override readonly name = "IdempotencyConflict";
}

export function answerPlace(intent: { partnerId: string; mode: string; key: string }): string {
  return `idempotent_answers|body|${intent.mode}:${intent.key}|${intent.partnerId}`;
}

/** Claims the key for a thing inside its transaction. Throws IdempotencyConflict when it is taken. */
export async function claimKey(
  tx: Transaction,
  intent: IdempotencyIntent,
  resourceId: string,
  now: Date,
): Promise<void> {
  const rows = await tx.query<Row>({
    name: "idempotency_claim",
    text: `insert into idempotent_answers (partner_id, mode, key, request_hash, state, resource_id, created_at, expires_at)
           values ($1,$2,$3,$4,'RUNNING',$5,$6,$7)
           on conflict (partner_id, mode, key) do update set request_hash = excluded.request_hash, state = 'RUNNING',
             resource_id = excluded.resource_id, status = null, body = null, created_at = excluded.created_at, expires_at = excluded.expires_at
             where idempotent_answers.expires_at < excluded.created_at
           returning key`,
    values: [
      intent.partnerId,
      intent.mode,
      intent.key,
      intent.requestHash,
      resourceId,
      now,
      addMs(now, IDEMPOTENCY_KEPT_MS),
    ],
  });
  if (rows.length === 0) throw new IdempotencyConflict();
}

/** Stores the answer of a claimed key, encrypted: answers may hold a secret. */
export async function storeAnswer(
  tx: Transaction,
  secrets: SecretBox,
  intent: IdempotencyIntent,
  object: unknown,
): Promise<void> {
  const { status, body } = intent.answer(object);
  await tx.query<Row>({
    name: "idempotency_store",
    text: `update idempotent_answers set state = 'DONE', status = $4, body = $5, body_encrypted = true
           where partner_id = $1 and mode = $2 and key = $3`,
    values: [
      intent.partnerId,
      intent.mode,
      intent.key,
      status,
      secrets.sealBytes(Buffer.from(body, "utf8"), answerPlace(intent)),
    ],
  });
}

/** Gives a claimed key back: nothing was sent and nothing was made that a repeat could double. */
export async function releaseKey(tx: Transaction, intent: IdempotencyIntent): Promise<void> {
  await tx.query<Row>({
    name: "idempotency_release",
    text: `delete from idempotent_answers where partner_id = $1 and mode = $2 and key = $3 and state = 'RUNNING'`,
    values: [intent.partnerId, intent.mode, intent.key],
  });
}

/**
 * Runs `work` in one transaction; with an Idempotency-Key of the caller's, claims it for what is about to be made and keeps
 * the answer. Throws IdempotencyConflict.
 */
export async function once<T>(
  ctx: {
    readonly db: Pick<Database, "transaction">;
    readonly secrets: SecretBox;
    readonly clock: { now(): Date };
    readonly idempotency: IdempotencyIntent | null;
  },
  resourceId: string,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  return ctx.db.transaction(async (tx) => {
    if (ctx.idempotency) await claimKey(tx, ctx.idempotency, resourceId, ctx.clock.now());
    const made = await work(tx);
    if (ctx.idempotency) await storeAnswer(tx, ctx.secrets, ctx.idempotency, made);
    return made;
  });
}
