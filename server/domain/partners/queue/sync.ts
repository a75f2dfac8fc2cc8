import { z } from "zod";
import { type ServiceContext, type Services, systemContext } from "@/server/context";
import type { Mode } from "@/server/core/schema";
import { MINUTE_MS, SECOND_MS } from "@/server/core/time";
import { applyFacts, clearAlarm, raiseAlarm, readFacts } from "@/server/domain/partners/facts";
import { findAccountRow, lockAccountRow } from "@/server/domain/partners/rows";
import type { ManagementTarget } from "@/server/klarna/accounts";
import { again, applyAnswer, keepCalls, refuse, settle, takeId } from "./answer";
import { type Claimed, claim } from "./claim";
import { payloadPlace } from "./queue";
import { findMade, send } from "./send";

/* The queue is worked off. */

/** Between two calls of one account. Source: at most about one change of a product per account and second. */
const PACE_MS = SECOND_MS;

/** Klarna does not refuse for good, nor does it take the change. */
const CONFLICTS_MAX = 6;

const WireSchema = z.record(z.string(), z.unknown());

/** Sends one claimed change and writes down what came of it. */
async function work(services: Services, change: Claimed): Promise<void> {
  const ctx: ServiceContext = {
    ...systemContext(services, "sync-partners", change.mode),
    requestId: change.id,
  };
  const account = await findAccountRow(ctx.db, ctx.scope, change.partnerId);
  if (!account) throw new Error(`change ${change.id} belongs to no account`);
  const payload = WireSchema.parse(JSON.parse(ctx.secrets.open(change.payloadSecret, payloadPlace(change.id))));
  const outcome = await send(ctx, change, account, payload);
  const target: ManagementTarget | null =
    account.klarnaId === null ? null : { mode: change.mode, accountId: account.klarnaId, sessionReference: change.id };
  const isConflict = outcome.kind === "unknown" && outcome.reason === "RESOURCE_CONFLICT";
  const adopted = isConflict && target !== null ? await findMade(ctx, change, target, payload) : null;
  const isForbidden = outcome.kind === "refused" && outcome.error.code === "OPERATION_FORBIDDEN" && target !== null;
  const facts = isForbidden && target !== null ? await readFacts(ctx, target) : null;
  await ctx.db.transaction(async (tx) => {
    const locked = await lockAccountRow(tx, ctx.scope, change.partnerId);
    if (!locked) throw new Error(`change ${change.id} belongs to no account`);
    const now = ctx.clock.now();
    await keepCalls(tx, change, outcome.calls);
    if (outcome.kind === "answered") {
      if (await applyAnswer(tx, ctx, change, locked, outcome.body)) {
        await settle(tx, change, "DONE", now);
        await clearAlarm(tx, ctx, "klarna_change_failed", change.subjectId);
        await clearAlarm(tx, ctx, "klarna_credentials_refused", change.mode);
      } else await again(tx, change, { state: "UNKNOWN", code: "UNREADABLE_ANSWER" }, now);
      return;
    }
    if (adopted !== null) {
      await takeId(tx, change, adopted, now);
      await settle(tx, change, "DONE", now);
      return;
    }
    if (outcome.kind === "refused") {
      const { error } = outcome;
      if (error.status === 401) {
        await again(tx, change, { state: "PENDING", code: error.code, isRefusal: true, waitMs: MINUTE_MS }, now);
        await raiseAlarm(tx, ctx, {
          kind: "klarna_credentials_refused",
          partnerId: change.partnerId,
          mode: change.mode,
          subjectKind: "klarna_access",
          subjectId: change.mode,
          message: "Klarna does not accept our API key.",
        });
        return;
      }
      if (facts) {
        await applyFacts(tx, ctx, locked, facts);
        const isWaiting = facts.accountState !== undefined && facts.accountState !== "OPERATIONAL";
        if (isWaiting) {
          await again(tx, change, { state: "PENDING", code: error.code, isRefusal: true, waitMs: 5 * SECOND_MS }, now);
          return;
        }
      }
      await refuse(tx, ctx, change, locked, payload, {
        code: error.code,
        errorId: error.errorId,
        problems: error.fields.map(({ parameter, reason }) => ({ parameter, reason })),
        message: error.message,
      });
      return;
    }
    if (isConflict && change.attempts >= CONFLICTS_MAX) {
      await refuse(tx, ctx, change, locked, payload, {
        code: "RESOURCE_CONFLICT",
        errorId: outcome.calls.at(-1)?.klarnaErrorId ?? null,
        problems: [],
        message: "Klarna holds something else under the same reference.",
      });
      return;
    }
    const wasSent = outcome.kind === "unknown" || change.state !== "PENDING";
    await again(tx, change, { state: wasSent ? "UNKNOWN" : "PENDING", code: outcome.reason.slice(0, 64) }, now);
  });
}

/**
 * Sends what is due, one call of an account at a time, in order. Answers how many calls were made. `paceMs` is the least
 * time between two calls of one account.
 */
export async function syncPartners(
  services: Services,
  options: { partnerId?: string; mode?: Mode; paceMs?: number; rounds?: number; batch?: number } = {},
): Promise<{ sent: number }> {
  let sent = 0;
  for (let round = 0; round < (options.rounds ?? 200); round += 1) {
    const claimed = await claim(services, {
      partnerId: options.partnerId ?? null,
      mode: options.mode ?? null,
      paceMs: options.paceMs ?? PACE_MS,
      limit: options.batch ?? 8,
    });
    if (claimed.length === 0) break;
    sent += claimed.length;
    await Promise.all(
      claimed.map((change) =>
        // The lease ends by itself: the call is made again with the same key.
        work(services, change).catch((error: unknown) =>
          services.log.error({ error, id: change.id, kind: change.kind }, "a change could not be told to Klarna"),
        ),
      ),
    );
  }
  return { sent };
}
