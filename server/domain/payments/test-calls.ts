import { z } from "zod";
import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { addMs, DAY_MS, SECOND_MS } from "@/server/core/time";
import type { Row } from "@/server/db/client";
import { claimKey, storeAnswer } from "@/server/db/idempotency";
import {
  playClassicCustomer,
  playSimulatedCustomer,
  type SimulatedAction,
  setSimulatedClock,
} from "@/server/klarna/sandbox";
import { getPayment } from "./read";
import { findPayment } from "./repository";
import type { PublicPayment } from "./schema";
import { OPEN_STATES, type PaymentState } from "./states";

/* What a Partner makes happen in test mode, with the simulator in Klarna's place: the customer's part, and time. */

const PLAYS = {
  complete: "complete",
  decline: "decline",
  abandon: "leave",
  expire: "expire",
} as const satisfies Record<string, SimulatedAction>;

/** Where the simulator is told what to do. Errors: not_found (live mode), simulator_required (Klarna's own test host). */
function simulatorOf(ctx: ServiceContext): string {
  if (ctx.scope.mode !== "test") throw new AppError("not_found");
  const control = ctx.env.SIMULATOR_CONTROL_URL;
  const isKlarna = /(^|\.)klarna\.(com|net)$/.test(new URL(ctx.env.KLARNA_TEST_BASE_URL).hostname);
  if (!control || isKlarna) throw new AppError("simulator_required");
  return control;
}

/**
 * Plays the customer at the simulator. The outcome comes the way it always comes: by webhook.
 * Errors: simulator_required (live mode, or Klarna's own test host), payment_not_found, state_conflict.
 */
export async function playCustomer(
  ctx: ServiceContext,
  id: string,
  action: keyof typeof PLAYS,
): Promise<PublicPayment> {
  requirePermission(ctx, "payments:create");
  const control = simulatorOf(ctx);
  const payment = await findPayment(ctx.db, ctx.scope, id);
  if (!payment) throw new AppError("payment_not_found");
  const isOpen: PaymentState[] = ["PENDING", "IN_PROGRESS"];
  if (payment.klarnaPaymentRequestId === null || !isOpen.includes(payment.state)) {
    throw new AppError("state_conflict", { params: { status: payment.state.toLowerCase() } });
  }
  const play = payment.rail === "CLASSIC" ? playClassicCustomer : playSimulatedCustomer;
  if (!(await play(control, payment.klarnaPaymentRequestId, PLAYS[action]))) throw new AppError("state_conflict");
  return getPayment(ctx, id);
}

/** How far a Partner can be ahead of the real time, all moves together. */
const AHEAD_MAX_MS = 3_660 * DAY_MS;
const ADVANCE_MAX_S = 366 * 86_400;

export const AdvanceClockSchema = z.strictObject({
  /** Seconds. */
  advance: z.int().min(1).max(ADVANCE_MAX_S),
});

export const TestClockSchema = z.object({
  object: z.literal("test_clock"),
  /** What time it is for the Partner's test payments. */
  now: z.iso.datetime(),
  /** Seconds that it is ahead of the real time. */
  ahead: z.int(),
});
export type TestClock = z.infer<typeof TestClockSchema>;

/**
 * Moves the clock that a Partner's test payments live by, here and at the simulator, for good. What is then due (journeys
 * that expire, authorizations that end) is looked at at once. Other Partners notice nothing.
 *
 * Errors: permission_denied, not_found (live mode), simulator_required, rule_broken (ten years ahead), state_conflict (the
 * simulator does not know the account); IdempotencyConflict.
 */
export async function advanceTestClock(ctx: ServiceContext, seconds: number): Promise<TestClock> {
  requirePermission(ctx, "payments:create");
  simulatorOf(ctx);
  const partnerId = ownPartner(ctx);
  await ctx.db.transaction(async (tx) => {
    if (ctx.idempotency) await claimKey(tx, ctx.idempotency, partnerId, ctx.clock.now());
    const [moved] = await tx.query<Row & { ahead: number }>({
      name: "test_clock_advance",
      text: `update partner_accounts set clock_ahead_ms = clock_ahead_ms + $2
        where partner_id = $1 and mode = 'test' and clock_ahead_ms + $2 <= $3 returning clock_ahead_ms as ahead`,
      values: [partnerId, seconds * SECOND_MS, AHEAD_MAX_MS],
    });
    if (!moved)
      throw new AppError("rule_broken", {
        errors: [{ pointer: "/advance", detail: "would lead more than ten years ahead" }],
      });
    await tx.query<Row>({
      name: "test_clock_wake",
      text: `update payments set next_action_at = $2, version = version + 1 where partner_id = $1 and mode = 'test' and next_action_at > $2
        and (state = any($3) or state in ('AUTHORIZED', 'AUTHORIZATION_EXPIRED'))`,
      values: [partnerId, ctx.clock.now(), OPEN_STATES],
    });
  });
  const clock = await readTestClock(ctx);
  if (ctx.idempotency) await storeAnswer(ctx.db, ctx.secrets, ctx.idempotency, clock);
  return clock;
}

/** The Partner's clock as it is; brings the simulator's to the same time. Errors as those of advanceTestClock. */
export async function readTestClock(ctx: ServiceContext): Promise<TestClock> {
  requirePermission(ctx, "payments:create");
  const control = simulatorOf(ctx);
  const [account] = await ctx.db.query<Row & { ahead: number; accountId: string | null }>({
    name: "test_clock_read",
    text: `select clock_ahead_ms as ahead, klarna_partner_account_id as "accountId" from partner_accounts
      where partner_id = $1 and mode = 'test'`,
    values: [ownPartner(ctx)],
  });
  if (!account) throw new AppError("not_found");
  if (account.accountId === null || !(await setSimulatedClock(control, account.accountId, account.ahead)))
    throw new AppError("state_conflict", { detail: "The Partner has no account at the simulator." });
  // Only now: what is due asks the simulator, whose clock has to be there first.
  ctx.nudge("payments");
  return clockOf(ctx, account.ahead);
}

function clockOf(ctx: ServiceContext, aheadMs: number): TestClock {
  return {
    object: "test_clock",
    now: addMs(ctx.clock.now(), aheadMs).toISOString(),
    ahead: Math.round(aheadMs / SECOND_MS),
  };
}

/** The clock is one Partner's: a person who sees many has none. */
function ownPartner(ctx: ServiceContext): string {
  const [partnerId, ...others] = ctx.scope.partners === "all" ? [] : ctx.scope.partners;
  if (partnerId === undefined || others.length > 0) throw new AppError("not_found");
  return partnerId;
}
