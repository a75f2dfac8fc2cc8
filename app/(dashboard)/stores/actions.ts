"use server";

import { revalidatePath } from "next/cache";
import { z } from "zod";
import type { ActionResult } from "@/components/action-result";
import { readInput } from "@/server/auth/action-input";
import { actionContext, failureOf } from "@/server/auth/web";
import { AppError } from "@/server/core/errors";
import { idSchema } from "@/server/core/ids";
import {
  type BulkResult,
  ChangeStoreSchema,
  ChangeStoresSchema,
  RegisterStoreSchema,
  SettingsChangeSchema,
} from "@/server/domain/stores/schema";
import { archiveStore, changeStore, changeStores, registerStore, restoreStore } from "@/server/domain/stores/service";

const IdSchema = idSchema("store");
const ReasonSchema = z.string().trim().max(255);
const AddSchema = RegisterStoreSchema.extend({ partner: idSchema("partner").optional() });
const VersionSchema = z.int().min(1);

function storeId(id: unknown): string {
  const parsed = IdSchema.safeParse(id);
  if (!parsed.success) throw new AppError("store_not_found");
  return parsed.data;
}

export async function addStoreAction(input: unknown): Promise<ActionResult<{ id: string }>> {
  try {
    const ctx = await actionContext("stores:write");
    const { partner, ...store } = readInput(AddSchema, input);
    const { id } = await registerStore(ctx, store, partner);
    revalidatePath("/stores", "layout");
    return { ok: true, data: { id } };
  } catch (error) {
    return failureOf(error);
  }
}

export async function changeStoreAction(id: unknown, version: unknown, input: unknown): Promise<ActionResult> {
  try {
    const ctx = await actionContext("stores:write");
    await changeStore(ctx, storeId(id), readInput(ChangeStoreSchema, input), {
      version: readInput(VersionSchema, version),
    });
    revalidatePath("/stores", "layout");
    return { ok: true };
  } catch (error) {
    return failureOf(error);
  }
}

export async function saveStoreSettingsAction(id: unknown, version: unknown, input: unknown): Promise<ActionResult> {
  try {
    const ctx = await actionContext("terminals:write");
    const settings = readInput(SettingsChangeSchema, input);
    await changeStore(ctx, storeId(id), { settings }, { version: readInput(VersionSchema, version) });
    revalidatePath("/stores", "layout");
    return { ok: true };
  } catch (error) {
    return failureOf(error);
  }
}

export async function archiveStoreAction(id: unknown, reason: unknown): Promise<ActionResult> {
  try {
    const ctx = await actionContext("stores:write");
    await archiveStore(ctx, storeId(id), readInput(ReasonSchema, reason) || null);
    revalidatePath("/stores", "layout");
    return { ok: true };
  } catch (error) {
    return failureOf(error);
  }
}

export async function restoreStoreAction(id: unknown): Promise<ActionResult> {
  try {
    const ctx = await actionContext("stores:write");
    await restoreStore(ctx, storeId(id));
    revalidatePath("/stores", "layout");
    return { ok: true };
  } catch (error) {
    return failureOf(error);
  }
}

/** The same change for many stores; a dry run only says what would happen. */
export async function changeStoresAction(input: unknown, isDryRun: unknown): Promise<ActionResult<BulkResult>> {
  try {
    const ctx = await actionContext("stores:write");
    const result = await changeStores(ctx, readInput(ChangeStoresSchema, input), { isDryRun: isDryRun !== false });
    if (isDryRun === false) revalidatePath("/stores", "layout");
    return { ok: true, data: result };
  } catch (error) {
    return failureOf(error);
  }
}
