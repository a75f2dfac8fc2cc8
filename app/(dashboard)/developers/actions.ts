"use server";

import { revalidatePath } from "next/cache";
import { z } from "zod";
import type { ActionResult } from "@/components/action-result";
import { readInput } from "@/server/auth/action-input";
import {
  issueOrAskApiKey,
  type KeyOutcome,
  OVERLAP_HOURS_MAX,
  revokeApiKey,
  rotateApiKey,
} from "@/server/auth/api-keys";
import { isApiScope } from "@/server/auth/permissions";
import { actionContext, failureOf } from "@/server/auth/web";
import { AppError } from "@/server/core/errors";
import { idSchema } from "@/server/core/ids";
import { nameSchema } from "@/server/core/schema";
import { addMs, DAY_MS } from "@/server/core/time";

const CreateKeySchema = z.strictObject({
  partner: idSchema("partner"),
  name: nameSchema,
  scopes: z.array(z.string().refine(isApiScope)).min(1).max(20),
  days: z.int().min(1).max(730).nullable(),
  addresses: z.array(z.string().max(64)).max(20),
});
const KeyIdSchema = idSchema("apiKey");

const RotateKeySchema = z.strictObject({
  id: KeyIdSchema,
  overlapHours: z.int().min(0).max(OVERLAP_HOURS_MAX),
});

/** The key, or the request that a second person must approve first. */
export type KeyMade = { key: string | null; approvalId: string | null };

function madeOf(outcome: KeyOutcome): KeyMade {
  return outcome.kind === "key"
    ? { key: outcome.key, approvalId: null }
    : { key: null, approvalId: outcome.approvalId };
}

export async function createKeyAction(input: unknown): Promise<ActionResult<KeyMade>> {
  try {
    const ctx = await actionContext("api_keys:write");
    const { partner, name, scopes, days, addresses } = readInput(CreateKeySchema, input);
    const outcome = await issueOrAskApiKey(ctx, {
      partnerId: partner,
      name,
      scopes: scopes.filter(isApiScope),
      addresses,
      expiresAt: days === null ? null : addMs(ctx.clock.now(), days * DAY_MS),
    });
    revalidatePath("/developers");
    return { ok: true, data: madeOf(outcome) };
  } catch (error) {
    return failureOf(error);
  }
}

/** A new secret; the old one works on for the hours that were chosen. */
export async function rotateKeyAction(input: unknown): Promise<ActionResult<KeyMade>> {
  try {
    const ctx = await actionContext("api_keys:write");
    const parsed = RotateKeySchema.safeParse(input);
    if (!parsed.success) throw new AppError("not_found");
    const outcome = await rotateApiKey(ctx, parsed.data);
    revalidatePath("/developers");
    return { ok: true, data: madeOf(outcome) };
  } catch (error) {
    return failureOf(error);
  }
}

export async function revokeKeyAction(id: unknown): Promise<ActionResult> {
  try {
    const ctx = await actionContext("api_keys:write");
    const key = KeyIdSchema.safeParse(id);
    if (!key.success) throw new AppError("not_found");
    await revokeApiKey(ctx, key.data);
    revalidatePath("/developers");
    return { ok: true };
  } catch (error) {
    return failureOf(error);
  }
}
