"use server";

import { revalidatePath } from "next/cache";
import type { ActionResult } from "@/components/action-result";
import { actionContext, failureOf } from "@/server/auth/web";
import { verifyAudit } from "@/server/domain/audit/service";

export async function verifyAuditAction(): Promise<ActionResult> {
  try {
    const ctx = await actionContext("system:read");
    await verifyAudit(ctx);
    revalidatePath("/audit/chain");
    return { ok: true };
  } catch (error) {
    return failureOf(error);
  }
}
