import { createHash } from "node:crypto";
import type { ServiceContext, Services } from "@/server/context";
import { AppError, isAppError } from "@/server/core/errors";
import type { Mode } from "@/server/core/schema";
import { SECOND_MS } from "@/server/core/time";
import type { Row, Transaction } from "@/server/db/client";
import {
  answerPlace,
  claimKey,
  IdempotencyConflict,
  type IdempotencyIntent,
  releaseKey,
  storeAnswer,
} from "@/server/db/idempotency";

/*
 * The Idempotency-Key of the Partner API. The use case claims the key in the very statement that writes what it makes
 * (server/db/idempotency); nothing is asked beforehand, so a first call pays nothing for it. Only when the claim fails,
 * or the use case refuses what may be a repeat, the stored row decides.
 */

/** Stands for the Partner in rows of calls by the acquirer's own keys: its keys and answers are of no Partner. */
export const ACQUIRER = "acquirer";

/** A call that has run for longer is not waited for: the thing it made is read instead. */
const RUNNING_MAX_MS = 15 * SECOND_MS;

/** Errors: idempotency_key_required, request_malformed. */
export function readIdempotencyKey(header: string | undefined): string {
  if (header === undefined || header === "") throw new AppError("idempotency_key_required");
  if (header.length > 255 || !/^[\u0020-\u007e]+$/.test(header)) {
    throw new AppError("request_malformed", {
      detail: "The Idempotency-Key must have 1 to 255 printable ASCII characters.",
    });
  }
  return header;
}

export function hashRequest(method: string, path: string, body: Uint8Array): string {
  return createHash("sha256").update(`${method} ${path}\n`).update(body).digest("hex");
}

export function isIdempotencyConflict(error: unknown): boolean {
  return error instanceof IdempotencyConflict;
}

export function idempotencyIntent(intent: {
  partnerId: string;
  mode: Mode;
  key: string;
  requestHash: string;
  answer: (object: unknown) => { status: number; body: string };
}): IdempotencyIntent {
  return intent;
}

/**
 * What to say to a repeat: the stored answer, or (the first answer was not final, or is long overdue) the thing that
 * the first call made, to be read as it is now. Null when the key was never used.
 */
export type Replay =
  | { kind: "stored"; status: number; body: string }
  | { kind: "reread"; resourceId: string; stored: { status: number; body: string } | null };

type AnswerRow = Row & {
  request_hash: string;
  state: string;
  resource_id: string | null;
  status: number | null;
  body: Uint8Array | null;
  body_encrypted: boolean;
  created_at: Date;
};

/** Errors: idempotency_key_reused, idempotency_in_progress. */
export async function findReplay(
  services: Pick<Services, "db" | "secrets" | "clock">,
  intent: IdempotencyIntent,
): Promise<Replay | null> {
  const now = services.clock.now();
  const [row] = await services.db.query<AnswerRow>({
    name: "idempotency_find",
    text: `select request_hash, state, resource_id, status, body, body_encrypted, created_at from idempotent_answers
           where partner_id = $1 and mode = $2 and key = $3 and expires_at >= $4`,
    values: [intent.partnerId, intent.mode, intent.key, now],
  });
  if (!row) return null;
  if (row.request_hash !== intent.requestHash) throw new AppError("idempotency_key_reused");
  if (row.state === "DONE" && row.status !== null) {
    const stored = { status: row.status, body: readBody(services, intent, row) };
    return row.status === 202 && row.resource_id !== null
      ? { kind: "reread", resourceId: row.resource_id, stored }
      : { kind: "stored", ...stored };
  }
  if (row.resource_id !== null && now.getTime() - row.created_at.getTime() >= RUNNING_MAX_MS) {
    return { kind: "reread", resourceId: row.resource_id, stored: null };
  }
  throw inProgress();
}

export function inProgress(): AppError {
  return new AppError("idempotency_in_progress", { retryAfterSeconds: 1 });
}

function readBody(services: Pick<Services, "secrets">, intent: IdempotencyIntent, row: AnswerRow): string {
  if (!row.body) return "";
  return (
    row.body_encrypted ? services.secrets.unsealBytes(row.body, answerPlace(intent)) : Buffer.from(row.body)
  ).toString("utf8");
}

/**
 * Runs use cases that screens share and that know of no Idempotency-Key: the key is claimed in the first transaction that
 * they commit, for `resource` (an id, or how to find it in what that transaction made), and the answer is kept with the
 * result. What is refused after that gives the key back: a repeat is decided anew, by the state that things are in then.
 * Throws IdempotencyConflict.
 */
export async function claiming<T>(
  ctx: ServiceContext,
  resource: string | ((made: unknown) => string),
  work: (ctx: ServiceContext) => Promise<T>,
): Promise<T> {
  const intent = ctx.idempotency;
  if (!intent) return work(ctx);
  let isClaimed = false;
  const transaction = async <R>(inside: (tx: Transaction) => Promise<R>): Promise<R> => {
    if (isClaimed) return ctx.db.transaction(inside);
    const made = await ctx.db.transaction(async (tx) => {
      const result = await inside(tx);
      await claimKey(tx, intent, typeof resource === "string" ? resource : resource(result), ctx.clock.now());
      return result;
    });
    isClaimed = true;
    return made;
  };
  try {
    const result = await work({ ...ctx, db: { ...ctx.db, transaction }, idempotency: null });
    await ctx.db.transaction((tx) => storeAnswer(tx, ctx.secrets, intent, result));
    return result;
  } catch (error) {
    if (isClaimed && isAppError(error)) await ctx.db.transaction((tx) => releaseKey(tx, intent));
    throw error;
  }
}

/** The id under one name of what a transaction made; see `claiming`. */
export function idUnder(name: string): (made: unknown) => string {
  return (made) => {
    const id: unknown = typeof made === "object" && made !== null ? Reflect.get(made, name) : undefined;
    if (typeof id !== "string") throw new Error(`what was made has no ${name}`);
    return id;
  };
}

/** Runs `work` in one transaction: what its use cases do is done together or not at all. */
export function together<T>(ctx: ServiceContext, work: (ctx: ServiceContext) => Promise<T>): Promise<T> {
  return ctx.db.transaction((tx) =>
    work({ ...ctx, db: { ...ctx.db, query: tx.query, transaction: (inside) => inside(tx) } }),
  );
}
