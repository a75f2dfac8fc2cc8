import type { ServiceContext } from "@/server/context";
import { klarnaIdempotencyKey, newId } from "@/server/core/ids";
import type { Row } from "@/server/db/client";
import type { AccountKey, Queries } from "@/server/domain/partners/rows";
import type { ChangeKind } from "@/server/domain/partners/states";
import { pruned, type Wire } from "@/server/domain/partners/wire";

/*
 * What Klarna is to be told: written in the transaction of the change, sent afterwards, one call of an account at a time
 * and in order, with the key of its row until there is a definite answer.
 */

export const payloadPlace = (id: string): string => `klarna_changes|payload_secret|${id}`;

export type NewChange = {
  kind: ChangeKind;
  subjectKind: string;
  subjectId: string;
  /** Klarna's words, neighbours by reference. */
  body: Wire;
  fields: readonly string[];
};

/** Appends a call to the queue of an account, within the transaction of the change. Call `ctx.nudge("partners")` after the commit. */
export async function enqueue(
  tx: Queries,
  ctx: ServiceContext,
  account: AccountKey,
  change: NewChange,
): Promise<string> {
  const now = ctx.clock.now();
  const id = newId("klarnaChange", now.getTime());
  await tx.query<Row>({
    text: `insert into klarna_changes (id, partner_id, mode, lane, kind, subject_kind, subject_id, payload_secret, fields, state, idempotency_key,
        next_attempt_at, created_by, created_at) values ($1,$2,$3,$4,$5,$6,$7,$8,$9,'PENDING',$10,$11,$12,$11)`,
    values: [
      id,
      account.partnerId,
      account.mode,
      change.kind === "PRODUCT_ENABLE" || change.kind === "PRODUCT_DISABLE" ? "PRODUCT" : "DATA",
      change.kind,
      change.subjectKind,
      change.subjectId,
      // What creates says nothing where we have nothing; what updates says so where something was taken away.
      ctx.secrets.seal(
        JSON.stringify(change.kind.endsWith("_CREATE") ? pruned(change.body) : change.body),
        payloadPlace(id),
      ),
      change.fields,
      klarnaIdempotencyKey(id),
      now,
      ctx.actor.id,
    ],
  });
  return id;
}

/** A person looks at what an account's queue holds, newest first. */
export async function listQueue(tx: Queries, account: AccountKey, options: { limit: number; subjectId?: string }) {
  return tx.query<
    Row & {
      id: string;
      kind: ChangeKind;
      subjectKind: string;
      subjectId: string;
      fields: string[];
      state: string;
      attempts: number;
      problems: unknown;
      klarnaErrorCode: string | null;
      klarnaErrorId: string | null;
      createdBy: string;
      createdAt: Date;
      settledAt: Date | null;
    }
  >({
    text: `select id, kind, subject_kind as "subjectKind", subject_id as "subjectId", fields, state, attempts, problems,
        klarna_error_code as "klarnaErrorCode", klarna_error_id as "klarnaErrorId", created_by as "createdBy", created_at as "createdAt", settled_at as "settledAt"
      from klarna_changes where partner_id = $1 and mode = $2 and ($3::text is null or subject_id = $3) order by position desc limit $4`,
    values: [account.partnerId, account.mode, options.subjectId ?? null, options.limit],
  });
}
