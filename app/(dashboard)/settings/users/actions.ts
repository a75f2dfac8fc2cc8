"use server";

import { revalidatePath } from "next/cache";
import type { ActionResult } from "@/components/action-result";
import { readInput } from "@/server/auth/action-input";
import { resetSecondFactors } from "@/server/auth/reset-second-factors";
import { actionContext, failureOf } from "@/server/auth/web";
import type { ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { idSchema } from "@/server/core/ids";
import { listPartnerChoices } from "@/server/domain/partners/service";
import { ChangeAccessSchema, InviteSchema } from "@/server/domain/people/schema";
import {
  changeAccess,
  disablePerson,
  enablePerson,
  endSessionsOfPerson,
  invitePerson,
  resendInvitation,
  withdrawInvitation,
} from "@/server/domain/people/service";
import type { PartnerOption } from "../../partner-options";

const UserIdSchema = idSchema("user");
const SessionIdSchema = idSchema("session");

/** Errors: not_found for what is not an id. */
function userId(id: unknown): string {
  const parsed = UserIdSchema.safeParse(id);
  if (!parsed.success) throw new AppError("not_found");
  return parsed.data;
}

async function change(id: unknown, work: (ctx: ServiceContext, id: string) => Promise<string>): Promise<ActionResult> {
  try {
    const ctx = await actionContext("users:write");
    const known = userId(id);
    const message = await work(ctx, known);
    revalidatePath("/settings/users");
    revalidatePath(`/settings/users/${known}`);
    return { ok: true, message };
  } catch (error) {
    return failureOf(error);
  }
}

export async function invitePersonAction(input: unknown): Promise<ActionResult<{ id: string }>> {
  try {
    const ctx = await actionContext("users:write");
    const data = await invitePerson(ctx, readInput(InviteSchema, input));
    revalidatePath("/settings/users");
    return { ok: true, data };
  } catch (error) {
    return failureOf(error);
  }
}

export async function changeAccessAction(id: unknown, input: unknown): Promise<ActionResult> {
  return change(id, async (ctx, user) => {
    await changeAccess(ctx, user, readInput(ChangeAccessSchema, input));
    return "Access changed. It counts at their next step.";
  });
}

export async function resendInvitationAction(id: unknown): Promise<ActionResult> {
  return change(id, async (ctx, user) => {
    await resendInvitation(ctx, user);
    return "A new link is on its way";
  });
}

export async function withdrawInvitationAction(id: unknown): Promise<ActionResult> {
  return change(id, async (ctx, user) => {
    await withdrawInvitation(ctx, user);
    return "Invitation withdrawn";
  });
}

export async function disablePersonAction(id: unknown): Promise<ActionResult> {
  return change(id, async (ctx, user) => {
    await disablePerson(ctx, user);
    return "Disabled. Every session has ended.";
  });
}

export async function enablePersonAction(id: unknown): Promise<ActionResult> {
  return change(id, async (ctx, user) => {
    await enablePerson(ctx, user);
    return "They can sign in again";
  });
}

export async function resetSecondFactorsAction(id: unknown): Promise<ActionResult> {
  return change(id, async (ctx, user) => {
    await resetSecondFactors(ctx, user);
    return "Second step removed. Every session has ended.";
  });
}

export async function endSessionsAction(id: unknown, session: unknown): Promise<ActionResult> {
  return change(id, async (ctx, user) => {
    const only = session === null ? null : SessionIdSchema.safeParse(session);
    if (only !== null && !only.success) throw new AppError("not_found");
    const ended = await endSessionsOfPerson(ctx, user, only?.data ?? null);
    return ended === 1 ? "1 session ended" : `${ended} sessions ended`;
  });
}

/** Partners by a part of their name, for the forms: fifty at most. */
export async function findPartnersAction(search: unknown): Promise<ActionResult<PartnerOption[]>> {
  try {
    const ctx = await actionContext("partners:read");
    const text = typeof search === "string" ? search.trim().slice(0, 100) : "";
    const choices = await listPartnerChoices(ctx, text === "" ? undefined : text);
    return { ok: true, data: choices.map((partner) => ({ value: partner.id, label: partner.name })) };
  } catch (error) {
    return failureOf(error);
  }
}
