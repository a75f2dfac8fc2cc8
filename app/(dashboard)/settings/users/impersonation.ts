"use server";

import type { ActionResult } from "@/components/action-result";
import { startImpersonation } from "@/server/auth/impersonation";
import { currentBrowser, setSessionCookie } from "@/server/auth/session-cookie";
import { actionContext, failureOf, requireSession } from "@/server/auth/web";
import { AppError } from "@/server/core/errors";
import { idSchema } from "@/server/core/ids";

const UserIdSchema = idSchema("user");

/** The browser gets the new session; the page is then loaded anew, so that nothing of one's own screens stays. */
export async function viewAsAction(id: unknown, reason: unknown): Promise<ActionResult> {
  try {
    const ctx = await actionContext("users:impersonate");
    const person = UserIdSchema.safeParse(id);
    if (!person.success) throw new AppError("not_found");
    const session = await requireSession();
    const browser = await currentBrowser();
    await setSessionCookie(await startImpersonation(ctx, session, person.data, { reason, browser }));
    return { ok: true };
  } catch (error) {
    return failureOf(error);
  }
}
