"use server";

import { z } from "zod";
import { onceForNonce } from "@/app/(counter)/_lib/once";
import type { ActionResult } from "@/components/action-result";
import { readInput } from "@/server/auth/action-input";
import { actionContext, failureOf } from "@/server/auth/web";
import type { ServiceContext } from "@/server/context";
import { CreatePaymentSchema } from "@/server/domain/payments/schema";
import { createPayment } from "@/server/domain/payments/service";
import { type TakePayment, TakePaymentSchema } from "./_components/take-payment-schema";

const RequestSchema = z.strictObject({ nonce: z.string().regex(/^[0-9a-f]{32}$/), input: TakePaymentSchema });

/** The names that the service gives to fields, as the form calls them. */
const FORM_FIELDS: Readonly<Record<string, string>> = {
  store: "storeId",
  terminal: "terminalId",
  short_code: "shortCode",
};

const TAKEN_OTHERWISE =
  "The press before took a payment after all, with other details. Look at Payments before you take it again.";

/** What tells one press from another: how the customer begins only where it is not by QR code. */
function whatIsAsked({ launch, shortCode, ...sale }: TakePayment): unknown {
  return launch === "qr" ? sale : { ...sale, shortCode };
}

/**
 * Takes a payment in store, by QR code or by the customer's short code. Pressed twice, it is one payment: the nonce of the form is its key.
 * Errors: those of createPayment, idempotency_key_reused (an earlier press took one with other details).
 */
export async function takePaymentAction(raw: unknown): Promise<ActionResult<{ paymentId: string; status: string }>> {
  let ctx: ServiceContext | undefined;
  try {
    ctx = await actionContext("payments:create");
    const { nonce, input } = readInput(RequestSchema, raw);
    const data = await onceForNonce(
      ctx,
      { partnerId: input.partnerId, verb: "TAKE", nonce, input: whatIsAsked(input) },
      async (claiming) => {
        const body = CreatePaymentSchema.parse({
          amount: input.amount,
          currency: input.currency,
          reference: input.reference,
          channel: "in_store",
          ...(input.launch === "qr" ? { launch: "qr" } : { launch: "short_code", short_code: input.shortCode }),
          store: { id: input.storeId },
          terminal: { id: input.terminalId },
        });
        const { id, status } = await createPayment(claiming, body, { partnerId: input.partnerId });
        return { paymentId: id, status: String(status) };
      },
      async (paymentId) => ({ paymentId, status: "pending" }),
    );
    return { ok: true, data };
  } catch (error) {
    const failure = failureOf(error, ctx);
    if (failure.code === "idempotency_key_reused") return { ...failure, message: TAKEN_OTHERWISE };
    const fields = Object.entries(failure.fields ?? {}).map(([name, detail]) => {
      const top = name.replace(/^input\./, "").split(".")[0] ?? name;
      // What the form itself says is a sentence already.
      const isSentence = /^[A-Z].*\.$/.test(detail);
      return [FORM_FIELDS[top] ?? top, isSentence ? detail : `This ${top.replaceAll("_", " ")} ${detail}.`];
    });
    return { ...failure, fields: Object.fromEntries(fields) };
  }
}
