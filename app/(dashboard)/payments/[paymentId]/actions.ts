"use server";

import { z } from "zod";
import type { ActionResult } from "@/components/action-result";
import { moneyText } from "@/components/display/money";
import { readInput } from "@/server/auth/action-input";
import type { Permission } from "@/server/auth/permissions";
import { actionContext, failureOf } from "@/server/auth/web";
import type { ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { idSchema } from "@/server/core/ids";
import { amountSchema, freeTextSchema, metadataSchema, referenceSchema } from "@/server/core/schema";
import { CaptureShippingSchema, type LineItem } from "@/server/domain/payments/schema";
import {
  cancelPayment,
  capturePayment,
  getPaymentRecord,
  reauthorizePayment,
  refundOrAsk,
  updatePayment,
  voidPayment,
} from "@/server/domain/payments/service";
import { hashRequest, idempotencyIntent, isIdempotencyConflict } from "@/server/rest/idempotency";

/** `nonce` names one opening of the question: however often its button is pressed, it is one intent. */
const IntentSchema = z.strictObject({
  paymentId: idSchema("payment"),
  nonce: z.string().regex(/^[0-9a-f]{32}$/),
});
/** An amount, or whole lines of the purchase by their place in it; neither is all that is left. */
const PartSchema = IntentSchema.extend({
  amount: amountSchema.optional(),
  lines: z.array(z.int().min(0).max(499)).min(1).max(500).optional(),
  reference: z.union([z.literal(""), referenceSchema]).optional(),
});
const RefundSchema = PartSchema.extend({
  reason: z.union([z.literal(""), freeTextSchema(1, 255)]),
  capture: idSchema("capture").optional(),
});
const CaptureSchema = PartSchema.extend({
  trackingNumber: z.union([z.literal(""), CaptureShippingSchema.shape.tracking_number.unwrap()]).optional(),
  trackingUrl: z.union([z.literal(""), CaptureShippingSchema.shape.tracking_url.unwrap()]).optional(),
});
const UpdateSchema = IntentSchema.extend({
  amount: amountSchema.optional(),
  /** The lines that stay, by their place. */
  lines: z.array(z.int().min(0).max(499)).min(1).max(500).optional(),
  reference: referenceSchema.optional(),
  metadata: metadataSchema.optional(),
});

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
    const input = readInput(schema, raw);
    return await run(await withIntent(ctx, verb, input), input);
  } catch (error) {
    if (isIdempotencyConflict(error)) return { ok: true, message: "This was asked for already. See the timeline." };
    return failureOf(error, ctx);
  }
}

/** Nothing of what was left empty. */
function filled<T extends Record<string, unknown>>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined | ""> } {
  const kept = Object.entries(fields).filter(([, value]) => value !== undefined && value !== "");
  return Object.fromEntries(kept) as { [K in keyof T]?: Exclude<T[K], undefined | ""> };
}

/** The lines that were chosen. Errors: validation_failed (the purchase has no such line). */
async function linesOf(
  ctx: ServiceContext,
  id: string,
  places: readonly number[] | undefined,
): Promise<LineItem[] | null> {
  if (places === undefined) return null;
  const { payment } = await getPaymentRecord(ctx, id);
  return [...new Set(places)].map((place) => {
    const line = payment.lineItems[place];
    if (line === undefined)
      throw new AppError("validation_failed", {
        errors: [{ pointer: "/lines", detail: "is not a line of the payment" }],
      });
    return line;
  });
}

/** Errors: payment_not_found, payment_not_capturable, capture_exceeds_authorized, amount_mismatch, klarna_unavailable. */
export async function capturePaymentAction(raw: unknown): Promise<ActionResult> {
  return act("payments:capture", "capture", CaptureSchema, raw, async (ctx, input) => {
    const lines = await linesOf(ctx, input.paymentId, input.lines);
    const shipping = filled({ tracking_number: input.trackingNumber, tracking_url: input.trackingUrl });
    const capture = await capturePayment(ctx, input.paymentId, {
      ...filled({ amount: input.amount, reference: input.reference }),
      ...(lines === null ? {} : { line_items: lines }),
      ...(Object.keys(shipping).length === 0 ? {} : { shipping }),
    });
    const words = moneyText(capture.amount, capture.currency);
    if (capture.status === "succeeded") return { ok: true, message: `${words} captured.` };
    if (capture.status === "processing")
      return { ok: true, message: `${words}: Klarna has not confirmed the capture yet. It is repeated until it does.` };
    return {
      ok: false,
      code: capture.failure?.code ?? "klarna_refused",
      message: capture.failure?.message ?? "Klarna refused the capture. Nothing was charged.",
      requestId: ctx.requestId,
    };
  });
}

/** Errors: payment_not_found, payment_not_updatable, rule_broken (amount), reference_taken, klarna_unavailable. */
export async function updatePaymentAction(raw: unknown): Promise<ActionResult> {
  return act("payments:capture", "update", UpdateSchema, raw, async (ctx, input) => {
    const { paymentId, nonce: _nonce, lines: places, ...change } = input;
    if (Object.keys(change).length === 0 && places === undefined) return { ok: true, message: "Nothing was changed." };
    const lines = await linesOf(ctx, paymentId, places);
    const payment = await updatePayment(ctx, paymentId, {
      ...filled(change),
      ...(lines === null ? {} : { line_items: lines }),
    });
    const isDone =
      (input.amount === undefined || payment.amount === input.amount) &&
      (input.reference === undefined || payment.reference === input.reference);
    return isDone
      ? { ok: true, message: "The payment is changed." }
      : { ok: true, message: "Klarna was asked. The payment changes once Klarna confirms it." };
  });
}

/** Errors: payment_not_found, payment_not_reauthorizable, klarna_unavailable. */
export async function reauthorizePaymentAction(raw: unknown): Promise<ActionResult> {
  return act("payments:capture", "reauthorize", IntentSchema, raw, async (ctx, input) => {
    const payment = await reauthorizePayment(ctx, input.paymentId);
    return payment.status === "authorized"
      ? { ok: true, message: "The authorization is renewed." }
      : { ok: true, message: "Klarna was asked to renew the authorization. The record follows." };
  });
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
 * Refunds an amount, lines, or all that is left, of one capture or of the payment; or asks for a second person. Errors:
 * payment_not_found, payment_not_refundable, refund_needs_capture, refund_exceeds_captured, amount_mismatch.
 */
export async function refundPaymentAction(raw: unknown): Promise<ActionResult> {
  return act("payments:refund", "refund", RefundSchema, raw, async (ctx, input) => {
    const lines = await linesOf(ctx, input.paymentId, input.lines);
    const outcome = await refundOrAsk(ctx, input.paymentId, {
      ...filled({ amount: input.amount, capture: input.capture, reason: input.reason, reference: input.reference }),
      ...(lines === null ? {} : { line_items: lines }),
    });
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
