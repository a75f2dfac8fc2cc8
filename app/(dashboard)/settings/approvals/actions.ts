"use server";

import { revalidatePath } from "next/cache";
import type { ActionResult } from "@/components/action-result";
import { moneyText } from "@/components/display/money";
import { readInput } from "@/server/auth/action-input";
import { collectApiKey } from "@/server/auth/api-keys";
import { actionContext, failureOf } from "@/server/auth/web";
import { AppError } from "@/server/core/errors";
import { idSchema } from "@/server/core/ids";
import { DecisionSchema, FourEyesRulesSchema } from "@/server/domain/approvals/schema";
import { saveFourEyesRules, withdrawApproval } from "@/server/domain/approvals/service";
import { type Carried, carryOut, decide } from "@/server/domain/decisions/service";

const ApprovalIdSchema = idSchema("approval");

function approvalId(id: unknown): string {
  const parsed = ApprovalIdSchema.safeParse(id);
  if (!parsed.success) throw new AppError("not_found");
  return parsed.data;
}

function wordsOf(carried: Carried): string {
  switch (carried.kind) {
    case "rejected":
      return "Rejected. Nothing is done.";
    case "waits_for_requester":
      return "Approved. Who asked for it can go on now.";
    case "payout_changed":
      return "Approved, the payout data is changed.";
    case "refunded": {
      const sum = moneyText(carried.amount, carried.currency);
      if (carried.status === "succeeded") return `Approved, ${sum} refunded.`;
      return carried.status === "failed"
        ? `Approved, but Klarna refused the refund of ${sum}.`
        : `Approved. Klarna has not confirmed the refund of ${sum} yet; it is repeated until it does.`;
    }
    case "not_done":
      return `Approved, but not done: ${carried.message}`;
  }
}

export async function decideAction(id: unknown, input: unknown): Promise<ActionResult> {
  try {
    const ctx = await actionContext("approvals:decide");
    const carried = await decide(ctx, approvalId(id), readInput(DecisionSchema, input));
    revalidatePath("/settings/approvals", "layout");
    return { ok: true, message: wordsOf(carried) };
  } catch (error) {
    return failureOf(error);
  }
}

/** Tries again what was approved and could not be done. */
export async function carryOutAction(id: unknown): Promise<ActionResult> {
  try {
    const ctx = await actionContext("approvals:decide");
    const carried = await carryOut(ctx, approvalId(id));
    revalidatePath("/settings/approvals", "layout");
    return { ok: true, message: wordsOf(carried) };
  } catch (error) {
    return failureOf(error);
  }
}

export async function withdrawAction(id: unknown): Promise<ActionResult> {
  try {
    const ctx = await actionContext("sessions:own");
    await withdrawApproval(ctx, approvalId(id));
    revalidatePath("/settings/approvals", "layout");
    return { ok: true, message: "Request withdrawn" };
  } catch (error) {
    return failureOf(error);
  }
}

/** The key that was approved, for who asked for it: in the answer and nowhere else. */
export async function collectKeyAction(id: unknown): Promise<ActionResult<{ key: string }>> {
  try {
    const ctx = await actionContext("api_keys:write");
    const { key } = await collectApiKey(ctx, approvalId(id));
    return { ok: true, data: { key } };
  } catch (error) {
    return failureOf(error);
  }
}

export async function saveRulesAction(input: unknown): Promise<ActionResult> {
  try {
    const ctx = await actionContext("settings:write");
    await saveFourEyesRules(ctx, readInput(FourEyesRulesSchema, input));
    revalidatePath("/settings/approvals/rules");
    return { ok: true, message: "Rules saved. They count for what is asked from now on." };
  } catch (error) {
    return failureOf(error);
  }
}
