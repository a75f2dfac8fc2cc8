import type { ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import type { ClassicUser } from "@/server/domain/classic/schema";
import { findClassicUser, noteClassicRefusal, openClassicHost } from "@/server/domain/classic/service";
import {
  type Draft,
  isFirstTurn,
  journal,
  type Loaded,
  leavesOpen,
  move,
  postpone,
  raiseAlarm,
  settle,
  startDraft,
  step,
  toPublic,
} from "@/server/domain/payments/change";
import { openPurchase } from "@/server/domain/payments/purchase";
import type { OperationRow, PaymentRecord } from "@/server/domain/payments/rows";
import {
  ClassicSessionSchema,
  createClassicSession,
  distributionPath,
  readOutcome,
  resultPathOf,
} from "@/server/klarna/classic";
import type { KlarnaHost, KlarnaOutcome } from "@/server/klarna/client";
import { buildSessionBody } from "./body";
import { failureCodeOf, isDenied, withFacts } from "./facts";

/* A classic payment begins: a session at Klarna, whose code for the customer comes afterwards. */

export type StartResult =
  | { kind: "started" }
  | { kind: "refused"; code: string }
  | { kind: "unknown"; reason: string }
  | { kind: "not_sent"; reason: string };

/** Before anything is written: the user that the Partner sells with. Errors: partner_not_operational. */
export async function requireClassicUser(ctx: ServiceContext, partnerId: string): Promise<ClassicUser> {
  const user = await findClassicUser(ctx, { partnerId, mode: ctx.scope.mode });
  if (user !== null) return user;
  throw new AppError("partner_not_operational", {
    detail: "The terminal is set to Klarna's classic sessions, and the Partner has no credentials for them yet.",
  });
}

/**
 * Starts (or repeats, with the same key) the session of a payment and writes what is known then: `pending` without a code,
 * which comes by callback or read; `failed` where Klarna refused; else as it is. Journal kind AUTHORIZE.
 */
export async function startClassic(
  ctx: ServiceContext,
  loaded: Loaded,
  operation: OperationRow,
  first?: Loaded,
): Promise<{ payment: PaymentRecord; result: StartResult }> {
  const { payment } = loaded;
  const host = await openClassicHost(ctx, payment, payment.classic?.user);
  const outcome: KlarnaOutcome =
    host === null
      ? { kind: "not_sent", reason: "no_credentials", calls: [] }
      : await createClassicSession(
          { client: ctx.klarna, mode: payment.mode, host, sessionReference: payment.id },
          {
            idempotencyKey: operation.idempotencyKey,
            body: buildSessionBody(ctx, payment, openPurchase(ctx, payment)),
          },
        );
  const session = readOutcome(ClassicSessionSchema, outcome);
  const result = resultOf(outcome, session !== null);
  const settled = await step(
    ctx,
    payment.id,
    (fresh, now) => {
      const open = fresh.operations.find((row) => row.id === operation.id);
      if (!open || open.settledAt !== null) return null;
      const draft = startDraft(fresh);
      if (session !== null) {
        settle(draft, open, "succeed", { result: "SESSION_CREATED", calls: outcome.calls }, now);
        applySession(ctx, draft, session, host, now);
      } else applyNoSession(draft, open, outcome, now);
      return draft;
    },
    { first, answer: ctx.idempotency && result.kind !== "not_sent" ? (after) => toPublic(ctx, after) : undefined },
  );
  if (result.kind === "refused" && isDenied(result.code)) await noteClassicRefusal(ctx, payment, payment.classic?.user);
  // The code is awaited at once: no till waits for the clock.
  if (result.kind === "started") ctx.nudge("payments");
  return { payment: settled, result };
}

function resultOf(outcome: KlarnaOutcome, hasSession: boolean): StartResult {
  switch (outcome.kind) {
    case "answered":
      return hasSession ? { kind: "started" } : { kind: "unknown", reason: "unreadable_session" };
    case "refused":
      return { kind: "refused", code: outcome.error.code };
    default:
      return { kind: outcome.kind, reason: outcome.reason };
  }
}

function applySession(
  ctx: ServiceContext,
  draft: Draft,
  session: { session_id: string; distribution?: { result_url?: string | undefined } | undefined },
  host: Pick<KlarnaHost, "baseUrl"> | null,
  now: Date,
): void {
  const { after } = draft;
  const address = session.distribution?.result_url;
  const resultPath = host === null ? null : resultPathOf(host.baseUrl, address);
  if (resultPath === null && address !== undefined) {
    // Never called: the distribution is read at the Partner's own host, by Klarna's table of paths.
    ctx.log.warn({ payment_id: after.id }, "Klarna named a result address on another host: it is not called");
  }
  after.klarnaPaymentRequestId = session.session_id;
  after.klarnaRequestState = "SUBMITTED";
  after.klarnaRequestStateAt = null;
  after.classic = withFacts(after.classic, {
    resultPath: resultPath ?? distributionPath(session.session_id),
    status: "WAITING",
  });
  move(draft, "stepUp");
  if (after.stopMark !== null) journal(draft, "CANCEL_REQUEST", now).nextAttemptAt = now;
}

function applyNoSession(draft: Draft, operation: OperationRow, outcome: KlarnaOutcome, now: Date): void {
  const { calls } = outcome;
  if (outcome.kind === "refused" && !leavesOpen(outcome, operation, now)) {
    const { code, errorId } = outcome.error;
    settle(draft, operation, "fail", { result: "REFUSED", calls, errorCode: code, errorId }, now);
    draft.after.failureCode = failureCodeOf(code, draft.after.launch);
    if (isDenied(code)) {
      raiseAlarm(
        draft,
        "classic_credentials_refused",
        "Klarna refuses the Partner's credentials for classic sessions. Nothing can be sold until they are put right.",
      );
    }
    move(draft, "fail");
    return;
  }
  // Only a first call that never left us fails the payment; a repeat of a lost call stays open.
  if (outcome.kind === "not_sent" && isFirstTurn(operation, now)) {
    settle(draft, operation, "fail", { result: "NOT_SENT", calls }, now);
    draft.after.failureCode = "klarna_unavailable";
    move(draft, "fail");
    return;
  }
  postpone(draft, operation, calls, outcome.kind !== "not_sent", now);
}
