"use server";

import { revalidatePath } from "next/cache";
import type { ActionResult } from "@/components/action-result";
import { readInput } from "@/server/auth/action-input";
import { actionContext, failureOf } from "@/server/auth/web";
import { idSchema } from "@/server/core/ids";
import { InviteSchema } from "@/server/domain/portal/schema";
import { inviteToPortal, openPortal, revokePortal } from "@/server/domain/portal/service";

const PartnerIdSchema = idSchema("partner");
const GrantIdSchema = idSchema("portalGrant");

/** The address to go to at once: good for one use within a minute. */
export async function openPortalAction(partner: unknown): Promise<ActionResult<{ url: string }>> {
  try {
    const ctx = await actionContext("portal:open");
    return { ok: true, data: await openPortal(ctx, readInput(PartnerIdSchema, partner)) };
  } catch (error) {
    return failureOf(error);
  } finally {
    revalidatePath("/settings/portal");
  }
}

export async function inviteToPortalAction(input: unknown): Promise<ActionResult> {
  try {
    const ctx = await actionContext("users:write");
    await inviteToPortal(ctx, readInput(InviteSchema, input));
    return { ok: true, message: "Klarna invites by e-mail" };
  } catch (error) {
    return failureOf(error);
  } finally {
    revalidatePath("/settings/portal");
  }
}

export async function revokePortalAction(id: unknown): Promise<ActionResult> {
  try {
    const ctx = await actionContext("users:write");
    await revokePortal(ctx, readInput(GrantIdSchema, id));
    return { ok: true, message: "Taken back" };
  } catch (error) {
    return failureOf(error);
  } finally {
    revalidatePath("/settings/portal");
  }
}
