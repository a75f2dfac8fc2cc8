"use server";

import { z } from "zod";
import type { ActionResult } from "@/components/action-result";
import { idSchema } from "@/server/core/ids";
import { LANGUAGES } from "@/server/core/languages";
import { amountSchema, currencySchema } from "@/server/core/schema";
import { type CounterPayment, type KioskMethod, KioskTakeSchema } from "@/server/domain/counter/schema";
import { cancelAtCounter, kioskMethod } from "@/server/domain/counter/service";
import { counterCall, OneSchema, readPayment, receiptText } from "../../_lib/call";
import { takeOnce } from "../../_lib/take";

const terminalId = idSchema("terminal");
const atKiosk = counterCall("KIOSK");

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
  return atKiosk("payments:create", KioskTakeSchema, raw, takeOnce);
}

/** The payment as it is now. Errors: payment_not_found. */
export async function readAtKioskAction(raw: unknown): Promise<ActionResult<CounterPayment>> {
  return atKiosk("payments:read", OneSchema, raw, readPayment);
}

/** Asks Klarna to cancel. Errors: payment_not_found, payment_not_cancelable. */
export async function cancelAtKioskAction(raw: unknown): Promise<ActionResult<CounterPayment>> {
  return atKiosk("payments:cancel", OneSchema, raw, ({ ctx }, input) => cancelAtCounter(ctx, input.paymentId));
}

/** The receipt as text, 42 signs a line. Errors: payment_not_found. */
export async function receiptAtKioskAction(raw: unknown): Promise<ActionResult<string>> {
  const schema = OneSchema.extend({ language: z.enum(LANGUAGES) });
  return atKiosk("payments:read", schema, raw, (entry, input) => receiptText(entry, { ...input, refundId: null }));
}
