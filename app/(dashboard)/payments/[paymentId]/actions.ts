"use server";

import { z } from "zod";
import type { ActionResult } from "@/components/action-result";
import { moneyText } from "@/components/display/money";
import type { Permission } from "@/server/auth/permissions";
import { actionContext, failureOf } from "@/server/auth/web";
import type { ServiceContext } from "@/server/context";
import { idSchema } from "@/server/core/ids";
import { lineSchema } from "@/server/core/schema";
import { cancelPayment, getPaymentRecord, refundOrAsk, voidPayment } from "@/server/domain/payments/service";
import { hashRequest, idempotencyIntent, isIdempotencyConflict } from "@/server/rest/idempotency";

/** `nonce` names one opening of the question: however often its button is pressed, it is one intent. */
const IntentSchema = z.strictObject({
  paymentId: idSchema("payment"),
  nonce: z.string().regex(/^[0-9a-f]{32}$/),
});
const RefundSchema = IntentSchema.extend({ reason: z.union([z.literal(""), lineSchema(1, 255)]) });

type Intent = z.infer<typeof IntentSchema>;

/** The same protection that the Idempotency-Key gives to Partners, under a key that only this person's form has. */
async function withIntent(ctx: ServiceContext, verb: string, input: Intent): Promise<ServiceContext> {
  const { payment } = await getPaymentRecord(ctx, input.paymentId);
  return {
    ...ctx,
    idempotency: idempotencyIntent({
      partnerId: payment.partnerId,
      mode: ctx.scope.mode,
      key: `screen:${ctx.actor.id}:${input.nonce}`,
      requestHash: hashRequest("SCREEN", `${verb} ${input.paymentId}`, new Uint8Array()),
      answer: () => ({ status: 200, body: "{}" }),
    }),
  };
}

async function act<Input extends Intent>(
  permission: Permission,
  verb: string,
  schema: z.ZodType<Input>,
  raw: unknown,
  run: (ctx: ServiceContext, input: Input) => Promise<ActionResult>,
): Promise<ActionResult> {
  let ctx: ServiceContext | undefined;
  try {
    ctx = await actionContext(permission);
    const input = schema.parse(raw);
    return await run(await withIntent(ctx, verb, input), input);
  } catch (error) {
    if (isIdempotencyConflict(error)) return { ok: true, message: "This was asked for already. See the timeline." };
    return failureOf(error, ctx);
  }
}

/** Errors: payment_not_found, payment_not_cancelable. */
export async function cancelPaymentAction(raw: unknown): Promise<ActionResult> {
  return act("payments:cancel", "cancel", IntentSchema, raw, async (ctx, input) => {
    const payment = await cancelPayment(ctx, input.paymentId);
    return payment.status === "canceled"
      ? { ok: true, message: "The payment is canceled." }
      : { ok: true, message: "Klarna was asked to cancel. The payment is canceled once Klarna confirms it." };
  });
}

/** Errors: payment_not_found, payment_not_voidable, klarna_unavailable. */
export async function voidPaymentAction(raw: unknown): Promise<ActionResult> {
  return act("payments:void", "void", IntentSchema, raw, async (ctx, input) => {
    const payment = await voidPayment(ctx, input.paymentId);
    return payment.amount_voided > 0
      ? { ok: true, message: `${moneyText(payment.amount_voided, payment.currency)} released.` }
      : { ok: true, message: "Klarna was asked to release the rest. The record follows." };
  });
}

/**
 * Refunds all that is left of the capture, or asks for a second person. Errors: payment_not_found, payment_not_refundable,
 * refund_needs_capture.
 */
export async function refundPaymentAction(raw: unknown): Promise<ActionResult> {
  return act("payments:refund", "refund", RefundSchema, raw, async (ctx, input) => {
    const outcome = await refundOrAsk(ctx, input.paymentId, input.reason === "" ? {} : { reason: input.reason });
    if (outcome.kind === "approval") {
      const sum = moneyText(outcome.amount, outcome.currency);
      return outcome.isNew
        ? {
            ok: true,
            message: `${sum} needs a second person. Those who can approve it were told. Nothing is sent yet.`,
          }
        : { ok: true, message: `${sum} waits for a second person already. Nothing is sent yet.` };
    }
    const { refund } = outcome;
    const words = moneyText(refund.amount, refund.currency);
    if (refund.status === "succeeded") return { ok: true, message: `${words} refunded.` };
    if (refund.status === "processing") {
      return { ok: true, message: `${words}: Klarna has not confirmed the refund yet. It is repeated until it does.` };
    }
    return {
      ok: false,
      code: refund.failure?.code ?? "klarna_refused",
      message: refund.failure?.message ?? "Klarna refused the refund. Nothing was paid back.",
      requestId: ctx.requestId,
    };
  });
}
