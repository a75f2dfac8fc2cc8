"use server";

import { revalidatePath } from "next/cache";
import type { ActionResult } from "@/components/action-result";
import { endOwnSessions } from "@/server/auth/own-sessions";
import { actionContext, failureOf, requireSession } from "@/server/auth/web";
import { AppError } from "@/server/core/errors";
import { idSchema } from "@/server/core/ids";

const SessionIdSchema = idSchema("session");

export async function endSessionAction(id: unknown): Promise<ActionResult> {
  try {
    const ctx = await actionContext("sessions:own");
    const session = SessionIdSchema.safeParse(id);
    if (!session.success) throw new AppError("not_found");
    const { user } = await requireSession();
    const ended = await endOwnSessions(ctx, user.id, { only: session.data });
    revalidatePath("/settings/sessions");
    // A list that was open for a while shows sessions that ended since; what was asked for is then true already.
    return { ok: true, message: ended.length === 0 ? "That session had ended already" : "Session ended" };
  } catch (error) {
    return failureOf(error);
  }
}

export async function endOtherSessionsAction(): Promise<ActionResult> {
  try {
    const ctx = await actionContext("sessions:own");
    const { id, user } = await requireSession();
    const ended = await endOwnSessions(ctx, user.id, { except: id });
    revalidatePath("/settings/sessions");
    return { ok: true, message: ended.length === 1 ? "1 session ended" : `${ended.length} sessions ended` };
  } catch (error) {
    return failureOf(error);
  }
}
