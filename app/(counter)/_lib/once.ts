import "server-only";
import { createHash } from "node:crypto";
import { z } from "zod";
import type { ServiceContext } from "@/server/context";
import { isAppError } from "@/server/core/errors";
import { findReplay, idempotencyIntent, isIdempotencyConflict } from "@/server/rest/idempotency";

const ANSWER_WAIT_MS = 12_000;
const ANSWER_STEP_MS = 200;
const MadeSchema = z.object({ id: z.string() });

/**
 * Does something once for each nonce, however often it is asked for: the nonce is the key under which the use case writes
 * what it makes, at a counter that of the terminal, whoever stands there. `work` does it; a repeat gets what `again` says of the id that the first one made, and waits while that
 * one still asks Klarna. Errors: those of both, idempotency_key_reused.
 */
export async function onceForNonce<Answer>(
  ctx: ServiceContext,
  intent: { partnerId: string; verb: string; nonce: string; input: unknown },
  work: (ctx: ServiceContext) => Promise<Answer>,
  again: (id: string) => Promise<Answer>,
): Promise<Answer> {
  const claim = idempotencyIntent({
    partnerId: intent.partnerId,
    mode: ctx.scope.mode,
    key: `screen:${ctx.scope.terminal ?? ctx.actor.id}:${intent.nonce}`,
    requestHash: createHash("sha256")
      .update(`${intent.verb} ${JSON.stringify(intent.input)}`)
      .digest("hex"),
    answer: (object) => ({ status: 200, body: JSON.stringify({ id: MadeSchema.parse(object).id }) }),
  });
  try {
    return await work({ ...ctx, idempotency: claim });
  } catch (error) {
    // A refusal may be about the very thing that the first press made: its reference is taken.
    if (!isIdempotencyConflict(error) && !isAppError(error)) throw error;
    const id = await madeBefore(ctx, claim);
    if (id === null) throw error;
    return again(id);
  }
}

/** The id of what the first press made; null when there was none. */
async function madeBefore(ctx: ServiceContext, claim: Parameters<typeof findReplay>[1]): Promise<string | null> {
  for (let waitedMs = 0; ; waitedMs += ANSWER_STEP_MS) {
    try {
      const replay = await findReplay(ctx, claim);
      if (replay === null) return null;
      return replay.kind === "reread" ? replay.resourceId : MadeSchema.parse(JSON.parse(replay.body)).id;
    } catch (error) {
      const isRunning = isAppError(error) && error.code === "idempotency_in_progress";
      if (!isRunning || waitedMs >= ANSWER_WAIT_MS) throw error;
      await new Promise((resolve) => setTimeout(resolve, ANSWER_STEP_MS));
    }
  }
}
