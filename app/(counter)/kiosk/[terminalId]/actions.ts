"use server";

import { z } from "zod";
import type { ActionResult } from "@/components/action-result";
import { readInput } from "@/server/auth/action-input";
import type { Permission } from "@/server/auth/permissions";
import { failureOf } from "@/server/auth/web";
import { idSchema } from "@/server/core/ids";
import { LANGUAGES } from "@/server/core/languages";
import { amountSchema, currencySchema } from "@/server/core/schema";
import { type CounterPayment, type KioskMethod, TakeSchema } from "@/server/domain/counter/schema";
import { cancelAtCounter, getAtCounter, kioskMethod } from "@/server/domain/counter/service";
import { type CounterEntry, counterAction } from "../../_lib/access";
import { counterReceipt } from "../../_lib/receipt";
import { letFollow, takeOnce } from "../../_lib/take";

const terminalId = idSchema("terminal");
const OneSchema = z.strictObject({ terminalId, paymentId: idSchema("payment") });

async function atKiosk<Input extends { terminalId: string }, Answer>(
  permission: Permission,
  schema: z.ZodType<Input>,
  raw: unknown,
  run: (entry: CounterEntry, input: Input) => Promise<Answer>,
): Promise<{ ok: true; data: Answer } | Extract<ActionResult, { ok: false }>> {
  let entry: CounterEntry | undefined;
  try {
    const named = z.looseObject({ terminalId: z.string() }).safeParse(raw);
    entry = await counterAction(named.data?.terminalId ?? "", "KIOSK", permission);
    return { ok: true, data: await run(entry, readInput(schema, raw)) };
  } catch (error) {
    return failureOf(error, entry?.ctx);
  }
}

/** How Klarna wants to be offered for this purchase. Errors: partner_not_operational. */
export async function kioskMethodAction(raw: unknown): Promise<ActionResult<KioskMethod>> {
  const schema = z.strictObject({
    terminalId,
    amount: amountSchema,
    currency: currencySchema,
    language: z.enum(LANGUAGES),
  });
  return atKiosk("payments:read", schema, raw, ({ ctx, place }, input) => kioskMethod(ctx, place, input));
}

/** Takes a payment for one attempt. Errors: those of createPayment. Case: R5. */
export async function takeAtKioskAction(raw: unknown): Promise<ActionResult<CounterPayment>> {
  return atKiosk("payments:create", TakeSchema, raw, takeOnce);
}

/** The payment as it is now. Errors: payment_not_found. */
export async function readAtKioskAction(raw: unknown): Promise<ActionResult<CounterPayment>> {
  return atKiosk("payments:read", OneSchema, raw, async ({ ctx }, input) => {
    const payment = await getAtCounter(ctx, input.paymentId);
    await letFollow(payment);
    return payment;
  });
}

/** Asks Klarna to cancel. Errors: payment_not_found, payment_not_cancelable. */
export async function cancelAtKioskAction(raw: unknown): Promise<ActionResult<CounterPayment>> {
  return atKiosk("payments:cancel", OneSchema, raw, ({ ctx }, input) => cancelAtCounter(ctx, input.paymentId));
}

/** The receipt as text, 42 signs a line. Errors: payment_not_found. */
export async function receiptAtKioskAction(raw: unknown): Promise<ActionResult<string>> {
  const schema = OneSchema.extend({ language: z.enum(LANGUAGES) });
  return atKiosk("payments:read", schema, raw, async (entry, input) => {
    const options = { refundId: null, language: input.language, format: "text" as const };
    const { body } = await counterReceipt(entry, input.paymentId, options);
    return typeof body === "string" ? body : body.toString("utf8");
  });
}
