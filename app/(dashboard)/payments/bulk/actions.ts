"use server";

import { z } from "zod";
import type { ActionResult } from "@/components/action-result";
import { readInput } from "@/server/auth/action-input";
import { actionContext, failureOf } from "@/server/auth/web";
import type { ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { idSchema } from "@/server/core/ids";
import { SelectionSchema } from "@/server/domain/bulk/schema";
import { planFile, planFound, planSelection, startBulkRun, stopBulkRun } from "@/server/domain/bulk/service";
import { BULK_FILE_BYTES_MAX, type BulkKind } from "@/server/domain/bulk/states";
import { PaymentFilterSchema } from "@/server/domain/payments/schema";

/** The file goes along as base64: four letters for three bytes. */
const FileSchema = z.strictObject({
  partner: idSchema("partner"),
  fileName: z.string().min(1).max(255),
  content: z.base64().max(Math.ceil(BULK_FILE_BYTES_MAX / 3) * 4 + 4),
});
type Made = ActionResult<{ id: string }>;

const PERMISSIONS = { CAPTURE: "payments:capture", REFUND: "payments:refund" } as const;

async function act(kind: BulkKind, work: (ctx: ServiceContext) => Promise<{ id: string }>): Promise<Made> {
  try {
    const ctx = await actionContext(PERMISSIONS[kind]);
    const { id } = await work(ctx);
    return { ok: true, data: { id } };
  } catch (error) {
    return failureOf(error);
  }
}

function runId(raw: unknown): string {
  const parsed = idSchema("bulkRun").safeParse(raw);
  if (!parsed.success) throw new AppError("not_found", { detail: "There is no such run." });
  return parsed.data;
}

const selected = (kind: BulkKind, raw: unknown): Promise<Made> =>
  act(kind, (ctx) => planSelection(ctx, kind, readInput(SelectionSchema, raw)));

const filed = (kind: BulkKind, raw: unknown): Promise<Made> =>
  act(kind, (ctx) => {
    const { partner, fileName, content } = readInput(FileSchema, raw);
    return planFile(ctx, kind, { partnerId: partner, fileName, bytes: Buffer.from(content, "base64") });
  });

const found = (kind: BulkKind, raw: unknown): Promise<Made> =>
  act(kind, (ctx) => planFound(ctx, kind, readInput(PaymentFilterSchema.strict(), raw)));

/** Previews captures of the chosen payments. Errors: not_found, rule_broken (of several Partners). */
export async function planCapturesAction(raw: unknown): Promise<Made> {
  return selected("CAPTURE", raw);
}

/** Previews refunds of the chosen payments. Errors: not_found, rule_broken (of several Partners). */
export async function planRefundsAction(raw: unknown): Promise<Made> {
  return selected("REFUND", raw);
}

/** Previews captures of all that a filter finds. Errors: rule_broken (none, of several Partners, too many). */
export async function planFoundCapturesAction(raw: unknown): Promise<Made> {
  return found("CAPTURE", raw);
}

/** Previews refunds of all that a filter finds. Errors: rule_broken (none, of several Partners, too many). */
export async function planFoundRefundsAction(raw: unknown): Promise<Made> {
  return found("REFUND", raw);
}

/** Errors: not_found, validation_failed (the file), body_too_large. */
export async function planCaptureFileAction(raw: unknown): Promise<Made> {
  return filed("CAPTURE", raw);
}

/** Errors: not_found, validation_failed (the file), body_too_large. */
export async function planRefundFileAction(raw: unknown): Promise<Made> {
  return filed("REFUND", raw);
}

/** Errors: not_found, state_conflict, rule_broken. */
export async function startCapturesAction(id: unknown): Promise<Made> {
  return act("CAPTURE", (ctx) => startBulkRun(ctx, runId(id), "CAPTURE"));
}

/** Errors: not_found, state_conflict, rule_broken. */
export async function startRefundsAction(id: unknown): Promise<Made> {
  return act("REFUND", (ctx) => startBulkRun(ctx, runId(id), "REFUND"));
}

/** Errors: not_found, state_conflict. */
export async function stopCapturesAction(id: unknown): Promise<Made> {
  return act("CAPTURE", (ctx) => stopBulkRun(ctx, runId(id), "CAPTURE"));
}

/** Errors: not_found, state_conflict. */
export async function stopRefundsAction(id: unknown): Promise<Made> {
  return act("REFUND", (ctx) => stopBulkRun(ctx, runId(id), "REFUND"));
}
