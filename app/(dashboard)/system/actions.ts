"use server";

import { revalidatePath } from "next/cache";
import { z } from "zod";
import type { ActionResult } from "@/components/action-result";
import { readInput } from "@/server/auth/action-input";
import { actionContext, failureOf } from "@/server/auth/web";
import { AppError } from "@/server/core/errors";
import { idSchema } from "@/server/core/ids";
import { cancelRun, replayRun } from "@/server/domain/engine/service";
import { RegisterKeySchema, ReplaySchema } from "@/server/domain/inbox/schema";
import {
  registerSigningKey,
  repairSubscription,
  replayInboxEvents,
  retireSigningKey,
  rotateSigningKey,
  runSweep,
} from "@/server/domain/inbox/service";
import { clearAlarm, runInvariants } from "@/server/domain/overview/service";

/** An id that is not ours: of Klarna's keys and the engine's runs. */
const ForeignIdSchema = z.string().min(1).max(255);

const AlarmIdSchema = idSchema("alarm");
const COUNT = new Intl.NumberFormat("en");

export async function clearAlarmAction(id: unknown): Promise<ActionResult> {
  try {
    const ctx = await actionContext("alarms:clear");
    const alarm = AlarmIdSchema.safeParse(id);
    if (!alarm.success) throw new AppError("not_found");
    await clearAlarm(ctx, alarm.data);
    revalidatePath("/", "layout");
    return { ok: true };
  } catch (error) {
    return failureOf(error);
  }
}

export async function runInvariantsAction(): Promise<ActionResult> {
  try {
    const ctx = await actionContext("system:read");
    await runInvariants(ctx);
    revalidatePath("/system");
    return { ok: true };
  } catch (error) {
    return failureOf(error);
  }
}

export async function runSweepAction(): Promise<ActionResult> {
  try {
    const ctx = await actionContext("runs:write");
    const { results } = await runSweep(ctx);
    const repaired = results.reduce((sum, result) => sum + result.repaired, 0);
    revalidatePath("/system");
    return { ok: true, message: repaired === 0 ? "Nothing was out of step" : `${COUNT.format(repaired)} put right` };
  } catch (error) {
    return failureOf(error);
  }
}

export async function replayEventsAction(input: unknown): Promise<ActionResult<{ count: number }>> {
  try {
    const ctx = await actionContext("klarna_events:replay");
    const { count, hasMore } = await replayInboxEvents(ctx, readInput(ReplaySchema, input));
    revalidatePath("/system", "layout");
    const said = count === 1 ? "1 event is processed again" : `${COUNT.format(count)} events are processed again`;
    return { ok: true, data: { count }, message: hasMore ? `${said}; more match, ask once more` : said };
  } catch (error) {
    return failureOf(error);
  }
}

export async function repairSubscriptionAction(): Promise<ActionResult> {
  try {
    const ctx = await actionContext("klarna_subscriptions:write");
    const { outcome, changes } = await repairSubscription(ctx);
    revalidatePath("/system", "layout");
    return { ok: true, message: outcome === "kept" ? "It was in order" : changes.join(", ").replaceAll("_", " ") };
  } catch (error) {
    return failureOf(error);
  }
}

export async function rotateKeyAction(): Promise<ActionResult> {
  try {
    const ctx = await actionContext("klarna_subscriptions:write");
    await rotateSigningKey(ctx);
    revalidatePath("/system", "layout");
    return { ok: true, message: "Klarna signs with a new key" };
  } catch (error) {
    return failureOf(error);
  }
}

export async function registerKeyAction(input: unknown): Promise<ActionResult> {
  try {
    const ctx = await actionContext("klarna_subscriptions:write");
    await registerSigningKey(ctx, readInput(RegisterKeySchema, input));
    revalidatePath("/system", "layout");
    return { ok: true };
  } catch (error) {
    return failureOf(error);
  }
}

export async function retireKeyAction(id: unknown): Promise<ActionResult> {
  try {
    const ctx = await actionContext("klarna_subscriptions:write");
    await retireSigningKey(ctx, readInput(ForeignIdSchema, id));
    revalidatePath("/system", "layout");
    return { ok: true };
  } catch (error) {
    return failureOf(error);
  }
}

export async function cancelRunAction(id: unknown): Promise<ActionResult> {
  try {
    const ctx = await actionContext("runs:write");
    await cancelRun(ctx, readInput(ForeignIdSchema, id));
    revalidatePath("/system/runs", "layout");
    return { ok: true };
  } catch (error) {
    return failureOf(error);
  }
}

export async function replayRunAction(id: unknown): Promise<ActionResult<{ id: string }>> {
  try {
    const ctx = await actionContext("runs:write");
    const made = await replayRun(ctx, readInput(ForeignIdSchema, id));
    revalidatePath("/system/runs", "layout");
    return { ok: true, data: { id: made } };
  } catch (error) {
    return failureOf(error);
  }
}
