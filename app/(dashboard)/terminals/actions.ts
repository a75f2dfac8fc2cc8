"use server";

import { revalidatePath } from "next/cache";
import { z } from "zod";
import type { ActionResult } from "@/components/action-result";
import { readInput } from "@/server/auth/action-input";
import { actionContext, failureOf } from "@/server/auth/web";
import { AppError } from "@/server/core/errors";
import { idSchema, newId } from "@/server/core/ids";
import { CreatePaymentSchema } from "@/server/domain/payments/schema";
import { createPayment } from "@/server/domain/payments/service";
import { type BulkResult, SettingsChangeSchema } from "@/server/domain/stores/schema";
import {
  ChangeTerminalSchema,
  ChangeTerminalsSchema,
  DevicePurposeSchema,
  MoveTerminalSchema,
  RegisterTerminalSchema,
} from "@/server/domain/terminals/schema";
import {
  archiveTerminal,
  changeTerminal,
  changeTerminals,
  createPairingCode,
  getTerminal,
  moveTerminal,
  registerTerminal,
  restoreTerminal,
  revokeDevice,
} from "@/server/domain/terminals/service";

const IdSchema = idSchema("terminal");
const DeviceIdSchema = idSchema("pairedDevice");
const ReasonSchema = z.string().trim().max(255);
const VersionSchema = z.int().min(1);
const AddSchema = RegisterTerminalSchema.extend({ partner: idSchema("partner").optional() });

/** One unit of the currency: the simulator asks the customer, as for a usual sale. */
const TEST_AMOUNT = 100;
const TEST_EXPIRES_S = 300;

function terminalId(id: unknown): string {
  const parsed = IdSchema.safeParse(id);
  if (!parsed.success) throw new AppError("terminal_not_found");
  return parsed.data;
}

export async function addTerminalAction(input: unknown): Promise<ActionResult<{ id: string }>> {
  try {
    const ctx = await actionContext("terminals:write");
    const { partner, ...terminal } = readInput(AddSchema, input);
    const { id } = await registerTerminal(ctx, terminal, partner);
    revalidatePath("/terminals", "layout");
    return { ok: true, data: { id } };
  } catch (error) {
    return failureOf(error);
  }
}

export async function changeTerminalAction(id: unknown, version: unknown, input: unknown): Promise<ActionResult> {
  try {
    const ctx = await actionContext("terminals:write");
    await changeTerminal(ctx, terminalId(id), readInput(ChangeTerminalSchema, input), {
      version: readInput(VersionSchema, version),
    });
    revalidatePath("/terminals", "layout");
    return { ok: true };
  } catch (error) {
    return failureOf(error);
  }
}

export async function saveTerminalSettingsAction(id: unknown, version: unknown, input: unknown): Promise<ActionResult> {
  try {
    const ctx = await actionContext("terminals:write");
    const settings = readInput(SettingsChangeSchema, input);
    await changeTerminal(ctx, terminalId(id), { settings }, { version: readInput(VersionSchema, version) });
    revalidatePath("/terminals", "layout");
    return { ok: true };
  } catch (error) {
    return failureOf(error);
  }
}

export async function moveTerminalAction(id: unknown, input: unknown): Promise<ActionResult> {
  try {
    const ctx = await actionContext("terminals:write");
    await moveTerminal(ctx, terminalId(id), readInput(MoveTerminalSchema, input));
    revalidatePath("/terminals", "layout");
    return { ok: true };
  } catch (error) {
    return failureOf(error);
  }
}

export async function archiveTerminalAction(id: unknown, reason: unknown): Promise<ActionResult> {
  try {
    const ctx = await actionContext("terminals:write");
    await archiveTerminal(ctx, terminalId(id), readInput(ReasonSchema, reason) || null);
    revalidatePath("/terminals", "layout");
    return { ok: true };
  } catch (error) {
    return failureOf(error);
  }
}

export async function restoreTerminalAction(id: unknown): Promise<ActionResult> {
  try {
    const ctx = await actionContext("terminals:write");
    await restoreTerminal(ctx, terminalId(id));
    revalidatePath("/terminals", "layout");
    return { ok: true };
  } catch (error) {
    return failureOf(error);
  }
}

/** The same change for many terminals; a dry run only says what would happen. */
export async function changeTerminalsAction(input: unknown, isDryRun: unknown): Promise<ActionResult<BulkResult>> {
  try {
    const ctx = await actionContext("terminals:write");
    const result = await changeTerminals(ctx, readInput(ChangeTerminalsSchema, input), {
      isDryRun: isDryRun !== false,
    });
    if (isDryRun === false) revalidatePath("/terminals", "layout");
    return { ok: true, data: result };
  } catch (error) {
    return failureOf(error);
  }
}

/** A code that pairs one browser with the terminal. It is told this once. */
export async function pairingCodeAction(
  id: unknown,
  purpose: unknown,
): Promise<ActionResult<{ code: string; expiresAt: string }>> {
  try {
    const ctx = await actionContext("terminals:write");
    const { code, expiresAt } = await createPairingCode(ctx, terminalId(id), readInput(DevicePurposeSchema, purpose));
    return { ok: true, data: { code, expiresAt: expiresAt.toISOString() } };
  } catch (error) {
    return failureOf(error);
  }
}

export async function revokeDeviceAction(id: unknown): Promise<ActionResult> {
  try {
    const ctx = await actionContext("terminals:write");
    const parsed = DeviceIdSchema.safeParse(id);
    if (!parsed.success) throw new AppError("not_found");
    await revokeDevice(ctx, parsed.data);
    revalidatePath("/terminals", "layout");
    return { ok: true };
  } catch (error) {
    return failureOf(error);
  }
}

/** A small test payment at the terminal, so that its QR code can be scanned. In live mode there is nothing to test with. */
export async function testQrAction(id: unknown): Promise<ActionResult<{ paymentId: string }>> {
  try {
    const ctx = await actionContext("payments:create");
    if (ctx.scope.mode !== "test")
      throw new AppError("rule_broken", { detail: "A test code can be shown in test mode only." });
    const terminal = await getTerminal(ctx, terminalId(id));
    if (!terminal.canShowQr) throw new AppError("rule_broken", { detail: "This terminal shows no QR codes." });
    const payment = await createPayment(
      ctx,
      CreatePaymentSchema.parse({
        amount: TEST_AMOUNT,
        currency: terminal.partnerCurrency,
        reference: `QR-TEST-${newId("request").slice(-10)}`,
        store: { id: terminal.store.id },
        terminal: { id: terminal.id },
        expires_in: TEST_EXPIRES_S,
        metadata: { purpose: "qr_test" },
      }),
      { partnerId: terminal.partnerId },
    );
    return { ok: true, data: { paymentId: payment.id } };
  } catch (error) {
    return failureOf(error);
  }
}
