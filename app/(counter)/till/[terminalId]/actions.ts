"use server";

import { z } from "zod";
import type { ActionResult } from "@/components/action-result";
import { idSchema } from "@/server/core/ids";
import { LANGUAGES } from "@/server/core/languages";
import {
  type CounterPayment,
  type ReturnOutcome,
  ReturnSchema,
  type SaleRecord,
  SaleSearchSchema,
  TakeSchema,
} from "@/server/domain/counter/schema";
import { cancelAtCounter, findSales, listAtCounter, refundAtCounter } from "@/server/domain/counter/service";
import { getRefund } from "@/server/domain/payments/service";
import { counterCall, OneSchema, readPayment, receiptText } from "../../_lib/call";
import { onceForNonce } from "../../_lib/once";
import { takeOnce } from "../../_lib/take";

const terminalId = idSchema("terminal");
const atTill = counterCall("TILL");

/** Takes a payment for one attempt. Errors: those of createPayment. Case: R5. */
export async function takeAtTillAction(raw: unknown): Promise<ActionResult<CounterPayment>> {
  return atTill("payments:create", TakeSchema, raw, takeOnce);
}

/** The payment as it is now. Errors: payment_not_found. */
export async function readAtTillAction(raw: unknown): Promise<ActionResult<CounterPayment>> {
  return atTill("payments:read", OneSchema, raw, readPayment);
}

/** Asks Klarna to cancel. Errors: payment_not_found, payment_not_cancelable. */
export async function cancelAtTillAction(raw: unknown): Promise<ActionResult<CounterPayment>> {
  return atTill("payments:cancel", OneSchema, raw, ({ ctx }, input) => cancelAtCounter(ctx, input.paymentId));
}

/** The terminal's payments since a moment: the till says when its day began. */
export async function latestAtTillAction(raw: unknown): Promise<ActionResult<CounterPayment[]>> {
  const schema = z.strictObject({ terminalId, from: z.iso.datetime({ offset: true }) });
  return atTill("payments:read", schema, raw, ({ ctx }, input) => listAtCounter(ctx, new Date(input.from)));
}

/** Sales of the Partner that this code, reference or id is of. */
export async function findSalesAction(raw: unknown): Promise<ActionResult<SaleRecord[]>> {
  const schema = z.strictObject({ terminalId, text: SaleSearchSchema });
  return atTill("payments:refund", schema, raw, ({ ctx, place }, input) => findSales(ctx, place, input.text));
}

/** Gives back a sale or part of it, once for each attempt. Errors: those of refundPayment. Case: R5. */
export async function returnAtTillAction(raw: unknown): Promise<ActionResult<ReturnOutcome>> {
  return atTill("payments:refund", ReturnSchema, raw, ({ ctx, place }, input) => {
    const { nonce, terminalId: _, ...what } = input;
    return onceForNonce<ReturnOutcome>(
      ctx,
      { partnerId: place.partnerId, verb: "COUNTER RETURN", nonce, input: what },
      (claiming) => refundAtCounter(claiming, place, what),
      async (id) => {
        const wide = { ...ctx, scope: { ...ctx.scope, terminal: undefined } };
        const { status, amount, currency } = await getRefund(wide, what.paymentId, id);
        return { kind: "refund", id, status, amount, currency };
      },
    );
  });
}

/** The receipt as text, 42 signs a line: of the sale, or of one return. Errors: payment_not_found. */
export async function receiptAtTillAction(raw: unknown): Promise<ActionResult<string>> {
  const schema = OneSchema.extend({ refundId: idSchema("refund").nullable(), language: z.enum(LANGUAGES) });
  return atTill("payments:read", schema, raw, receiptText);
}
