"use server";

import { createHash } from "node:crypto";
import { z } from "zod";
import type { ActionResult } from "@/components/action-result";
import { readInput } from "@/server/auth/action-input";
import { actionContext, failureOf } from "@/server/auth/web";
import type { ServiceContext } from "@/server/context";
import { isAppError } from "@/server/core/errors";
import { idSchema } from "@/server/core/ids";
import { CreatePaymentSchema } from "@/server/domain/payments/schema";
import { createPayment } from "@/server/domain/payments/service";
import { findReplay, idempotencyIntent, isIdempotencyConflict } from "@/server/rest/idempotency";
import { TakePaymentSchema } from "./_components/take-payment-schema";

const RequestSchema = z.strictObject({ nonce: z.string().regex(/^[0-9a-f]{32}$/), input: TakePaymentSchema });
const MadeSchema = z.object({ id: idSchema("payment") });

/** The names that the service gives to fields, as the form calls them. */
const FORM_FIELDS: Readonly<Record<string, string>> = { store: "storeId", terminal: "terminalId" };

const ANSWER_WAIT_MS = 12_000;
const ANSWER_STEP_MS = 200;

/** The payment that the first of several presses made; waits while that one is still asking Klarna. */
async function firstMade(ctx: ServiceContext, intent: Parameters<typeof findReplay>[1]): Promise<string> {
  for (let waitedMs = 0; ; waitedMs += ANSWER_STEP_MS) {
    try {
      const replay = await findReplay(ctx, intent);
      if (replay?.kind === "reread") return replay.resourceId;
      return MadeSchema.parse(JSON.parse(replay?.body ?? "{}")).id;
    } catch (error) {
      const isRunning = isAppError(error) && error.code === "idempotency_in_progress";
      if (!isRunning || waitedMs >= ANSWER_WAIT_MS) throw error;
      await new Promise((resolve) => setTimeout(resolve, ANSWER_STEP_MS));
    }
  }
}

/**
 * Takes a payment in store by QR code. Pressed twice, it is one payment: the nonce of the form is its key.
 * Errors: those of createPayment.
 */
export async function takePaymentAction(raw: unknown): Promise<ActionResult<{ paymentId: string; status: string }>> {
  let ctx: ServiceContext | undefined;
  try {
    ctx = await actionContext("payments:create");
    const { nonce, input } = readInput(RequestSchema, raw);
    const intent = idempotencyIntent({
      partnerId: input.partnerId,
      mode: ctx.scope.mode,
      key: `screen:${ctx.actor.id}:${nonce}`,
      requestHash: createHash("sha256")
        .update(`TAKE ${JSON.stringify(input)}`)
        .digest("hex"),
      answer: (object) => ({ status: 201, body: JSON.stringify({ id: MadeSchema.parse(object).id }) }),
    });
    try {
      const body = CreatePaymentSchema.parse({
        amount: input.amount,
        currency: input.currency,
        reference: input.reference,
        channel: "in_store",
        launch: "qr",
        store: { id: input.storeId },
        terminal: { id: input.terminalId },
      });
      const payment = await createPayment({ ...ctx, idempotency: intent }, body, { partnerId: input.partnerId });
      return { ok: true, data: { paymentId: payment.id, status: payment.status } };
    } catch (error) {
      if (!isIdempotencyConflict(error)) throw error;
      return { ok: true, data: { paymentId: await firstMade(ctx, intent), status: "pending" } };
    }
  } catch (error) {
    const failure = failureOf(error, ctx);
    const fields = Object.entries(failure.fields ?? {}).map(([name, detail]) => {
      const top = name.split(".")[0] ?? name;
      return [FORM_FIELDS[top] ?? top, `This ${top} ${detail}.`];
    });
    return { ...failure, fields: Object.fromEntries(fields) };
  }
}
