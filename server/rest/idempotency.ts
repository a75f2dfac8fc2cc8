import { createHash } from "node:crypto";
import type { Services } from "@/server/context";
import { AppError } from "@/server/core/errors";
import type { Mode } from "@/server/core/schema";
import { SECOND_MS } from "@/server/core/time";
import type { Row } from "@/server/db/client";
import { answerPlace, IdempotencyConflict, type IdempotencyIntent } from "@/server/db/idempotency";

/*
 * The Idempotency-Key of the Partner API. The use case claims the key in the very statement that writes what it makes
 * (server/db/idempotency); nothing is asked beforehand, so a first call pays nothing for it. Only when the claim fails,
 * or the use case refuses what may be a repeat, the stored row decides.
 */

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
