"use server";

import { revalidatePath } from "next/cache";
import type { ActionResult } from "@/components/action-result";
import { readInput } from "@/server/auth/action-input";
import { actionContext, failureOf } from "@/server/auth/web";
import { AppError } from "@/server/core/errors";
import { idSchema } from "@/server/core/ids";
import { RoleInputSchema } from "@/server/domain/people/schema";
import { createRole, deleteRole, updateRole } from "@/server/domain/people/service";

const RoleIdSchema = idSchema("role");
const RoleChangeSchema = RoleInputSchema.pick({ name: true, description: true, permissions: true });

function roleId(id: unknown): string {
  const parsed = RoleIdSchema.safeParse(id);
  if (!parsed.success) throw new AppError("not_found");
  return parsed.data;
}

export async function createRoleAction(input: unknown): Promise<ActionResult<{ id: string }>> {
  try {
    const ctx = await actionContext("roles:write");
    const { id } = await createRole(ctx, readInput(RoleInputSchema, input));
    revalidatePath("/settings/roles");
    return { ok: true, data: { id } };
  } catch (error) {
    return failureOf(error);
  }
}

export async function updateRoleAction(id: unknown, input: unknown): Promise<ActionResult> {
  try {
    const ctx = await actionContext("roles:write");
    await updateRole(ctx, roleId(id), readInput(RoleChangeSchema, input));
    revalidatePath("/settings/roles", "layout");
    return { ok: true, message: "Role saved. It counts at the next step of everybody who has it." };
  } catch (error) {
    return failureOf(error);
  }
}

export async function deleteRoleAction(id: unknown): Promise<ActionResult> {
  try {
    const ctx = await actionContext("roles:write");
    await deleteRole(ctx, roleId(id));
    revalidatePath("/settings/roles");
    return { ok: true, message: "Role deleted" };
  } catch (error) {
    return failureOf(error);
  }
}
