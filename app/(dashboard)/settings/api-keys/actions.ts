"use server";

import { revalidatePath } from "next/cache";
import { z } from "zod";
import type { ActionResult } from "@/components/action-result";
import { issueAcquirerKey, revokeAcquirerKey, rotateAcquirerKey } from "@/server/auth/acquirer-keys";
import { readInput } from "@/server/auth/action-input";
import { isAcquirerScope } from "@/server/auth/permissions";
import { actionContext, failureOf } from "@/server/auth/web";
import { AppError } from "@/server/core/errors";
import { idSchema } from "@/server/core/ids";
import { nameSchema } from "@/server/core/schema";
import { addMs, DAY_MS } from "@/server/core/time";
import type { KeyMade } from "../../developers/actions";

const CreateSchema = z.strictObject({
  name: nameSchema,
  scopes: z.array(z.string().refine(isAcquirerScope)).min(1).max(20),
  days: z.int().min(1).max(730).nullable(),
  addresses: z.array(z.string().max(64)).max(20),
});
const IdSchema = idSchema("acquirerKey");
const RotateSchema = z.strictObject({ id: IdSchema, overlapHours: z.int().min(0).max(168) });

export async function createSystemKeyAction(input: unknown): Promise<ActionResult<KeyMade>> {
  try {
    const ctx = await actionContext("credentials:write");
    const { name, scopes, days, addresses } = readInput(CreateSchema, input);
    const { key } = await issueAcquirerKey(ctx, {
      name,
      scopes: scopes.filter(isAcquirerScope),
      addresses,
      expiresAt: days === null ? null : addMs(ctx.clock.now(), days * DAY_MS),
    });
    revalidatePath("/settings/api-keys");
    return { ok: true, data: { key, approvalId: null } };
  } catch (error) {
    return failureOf(error);
  }
}

/** A new secret; the old one works on for the hours that were chosen. */
export async function rotateSystemKeyAction(input: unknown): Promise<ActionResult<KeyMade>> {
  try {
    const ctx = await actionContext("credentials:write");
    const parsed = RotateSchema.safeParse(input);
    if (!parsed.success) throw new AppError("not_found");
    const { key } = await rotateAcquirerKey(ctx, parsed.data);
    revalidatePath("/settings/api-keys");
    return { ok: true, data: { key, approvalId: null } };
  } catch (error) {
    return failureOf(error);
  }
}

export async function revokeSystemKeyAction(id: unknown): Promise<ActionResult> {
  try {
    const ctx = await actionContext("credentials:write");
    const key = IdSchema.safeParse(id);
    if (!key.success) throw new AppError("not_found");
    await revokeAcquirerKey(ctx, key.data);
    revalidatePath("/settings/api-keys");
    return { ok: true };
  } catch (error) {
    return failureOf(error);
  }
}
