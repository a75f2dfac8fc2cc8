"use server";

import { revalidatePath } from "next/cache";
import type { ActionResult } from "@/components/action-result";
import { actionContext, failureOf } from "@/server/auth/web";
import { AppError } from "@/server/core/errors";
import { idSchema } from "@/server/core/ids";
import { clearAlarm, runInvariants } from "@/server/domain/overview/service";

const AlarmIdSchema = idSchema("alarm");

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

export type CheckedInvariant = { id: string; title: string; broken: number; examples: string[] };

export async function runInvariantsAction(): Promise<ActionResult<CheckedInvariant[]>> {
  try {
    const ctx = await actionContext("system:read");
    return { ok: true, data: (await runInvariants(ctx)).results };
  } catch (error) {
    return failureOf(error);
  }
}
